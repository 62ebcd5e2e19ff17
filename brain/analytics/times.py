"""Times of the objects of one type in a window: sojourn (lead time), waiting, processing, and what is done twice.

An object belongs to the window in which its last step ended, with its whole life, so that no time is cut. Its sojourn is from its
first start to its last end. Waiting is that of the handover view (`bottlenecks`), processing is complete - start. The three need
not add up: steps of one object may overlap, and a step without a start has no processing. What flows through the window, in
progress or not, is in `flow`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from typing import NamedTuple

from brain.analytics.bottlenecks import EXAMPLES, quantile
from brain.analytics.calendars import Interval, merged
from brain.analytics.lives import MICRO, Lifecycle, Timed, once, read_lives
from brain.model import Instant
from brain.ports import Store
from brain.schema import Schema

Lives = Mapping[str, Sequence[Timed]]

DEFINITION = (
    "objects whose last step ended in the window, whole; sojourn = last end - first start; waiting = sum of max(0, start(next) -"
    " complete(previous)); processing = sum of complete - start of steps that have both; rework = an activity that an object went"
    " through before, time in loops = from the first end of the activity to its last, overlapping loops counted once"
)


@dataclass(frozen=True, slots=True)
class Spread:
    """How `count` times lie. Seconds; quantiles by linear interpolation. All are 0 where `count` is."""

    count: int
    mean_seconds: float
    median_seconds: float
    p95_seconds: float
    total_seconds: float


class LongObject(NamedTuple):
    """One of the objects that took longest: evidence to open and read. Seconds."""

    id: str
    first_step: str
    last_step: str
    sojourn_seconds: float


class LoopExample(NamedTuple):
    """One of the longest loops: the step that first ended the activity and the one that ended it last. Seconds."""

    object: str
    first: str
    last: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Rework:
    """An activity that objects went through more than once. `repetitions` are its steps after the first of an object, of which
    `directly` followed the same activity. `seconds` is from the first end of the activity to its last, over `objects`."""

    activity: str
    objects: int
    repetitions: int
    directly: int
    seconds: float
    examples: tuple[LoopExample, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """The objects of a type in [since, until), µs of valid time; None is unbounded.

    `sojourn`, `waiting` and `processing` are of each object's sums, `processing` of those objects alone whose every step has a
    start and a completion; `untimed` objects have not. `flow_efficiency` is processing / sojourn over the same objects, None
    where there are none. `rework` by time, descending; `rework_seconds` counts a time once, however many loops an object was in.
    `left_out` steps carry no time that the definition uses, in the log as a whole."""

    object_type: str
    definition: str
    ontology_version: str
    since: Instant | None
    until: Instant | None
    objects: int
    steps: int
    left_out: int
    sojourn: Spread
    waiting: Spread
    processing: Spread
    untimed: int
    flow_efficiency: float | None
    rework: tuple[Rework, ...]
    rework_objects: int
    rework_seconds: float
    longest: tuple[LongObject, ...]


async def times(
    store: Store,
    schema: Schema,
    object_type: str,
    *,
    since: int | None = None,
    until: int | None = None,
    lifecycle: Lifecycle | None = None,
) -> Times:
    """The times of the objects of a type. Raises BadQuery where no object of the type has a step."""
    lives, left_out = await read_lives(store, object_type, lifecycle)
    return times_of(lives, object_type, schema.version, left_out, since=since, until=until)


def times_of(
    lives: Lives,
    object_type: str,
    ontology_version: str,
    left_out: int = 0,
    *,
    since: int | None = None,
    until: int | None = None,
) -> Times:
    """As `times`, of lives that were read already."""
    mine = ended_within(lives, since, until)
    timed = {name: life for name, life in mine.items() if all(step.took is not None for step in life)}
    worked = {name: sum(step.took or 0 for step in life) for name, life in timed.items()}
    there = sum(map(sojourn, timed.values()))
    loops = {name: list(_loops(life)) for name, life in mine.items()}
    return Times(
        object_type=object_type,
        definition=DEFINITION,
        ontology_version=ontology_version,
        since=None if since is None else Instant(since),
        until=None if until is None else Instant(until),
        objects=len(mine),
        steps=len(once(mine)),
        left_out=left_out,
        sojourn=spread(map(sojourn, mine.values())),
        waiting=spread(map(waited, mine.values())),
        processing=spread(worked.values()),
        untimed=len(mine) - len(timed),
        flow_efficiency=sum(worked.values()) / there if there else None,
        rework=tuple(sorted(_rework(mine, loops), key=lambda r: (-r.seconds, r.activity))),
        rework_objects=sum(map(bool, loops.values())),
        rework_seconds=sum(b - a for found in loops.values() for a, b in merged(sorted(map(_span, found)))) / MICRO,
        longest=tuple(_longest(mine)),
    )


def ended_within(lives: Lives, since: int | None, until: int | None) -> dict[str, Sequence[Timed]]:
    """The lives of the objects whose last step ended in [since, until), whole."""
    found = {}
    for name, life in lives.items():
        last = ended(life)
        if (since is None or since <= last) and (until is None or last < until):
            found[name] = life
    return found


def began(life: Sequence[Timed]) -> int:
    """When the first step of a life started."""
    return life[0].start


def ended(life: Sequence[Timed]) -> int:
    """When the last step of a life ended, which need not be the one that started last."""
    return max(step.end for step in life)


def sojourn(life: Sequence[Timed]) -> int:
    """From the first start to the last end, µs."""
    return ended(life) - began(life)


def waited(life: Sequence[Timed]) -> int:
    """The handover view's waiting over a life, µs."""
    return sum(max(b.start - a.end, 0) for a, b in pairwise(life))


def spread(values: Iterable[int]) -> Spread:
    """How these µs lie."""
    ordered = sorted(values)
    if not ordered:
        return Spread(0, 0.0, 0.0, 0.0, 0.0)
    total = sum(ordered)
    return Spread(len(ordered), total / (len(ordered) * MICRO), quantile(ordered, 5), quantile(ordered, 19, 20), total / MICRO)


class _Loop(NamedTuple):
    """An activity's repetitions in one life."""

    activity: str
    repetitions: int
    directly: int
    first: Timed
    last: Timed


def _loops(life: Sequence[Timed]) -> Iterator[_Loop]:
    steps: defaultdict[str, list[Timed]] = defaultdict(list)
    directly: defaultdict[str, int] = defaultdict(int)
    for step in life:
        steps[step.activity].append(step)
    if len(steps) == len(life):
        return
    for a, b in pairwise(life):
        directly[a.activity] += a.activity == b.activity
    for activity, mine in steps.items():
        if len(mine) > 1:
            by_end = sorted(mine, key=lambda step: (step.end, step.step))
            yield _Loop(activity, len(mine) - 1, directly[activity], by_end[0], by_end[-1])


def _span(loop: _Loop) -> Interval:
    return loop.first.end, loop.last.end


def _rework(lives: Lives, loops: Mapping[str, Sequence[_Loop]]) -> Iterator[Rework]:
    found: defaultdict[str, list[tuple[str, _Loop]]] = defaultdict(list)
    for name in lives:
        for loop in loops[name]:
            found[loop.activity].append((name, loop))
    for activity, mine in found.items():
        examples = nlargest(EXAMPLES, ((loop.last.end - loop.first.end, name, loop) for name, loop in mine))
        yield Rework(
            activity=activity,
            objects=len(mine),
            repetitions=sum(loop.repetitions for _, loop in mine),
            directly=sum(loop.directly for _, loop in mine),
            seconds=sum(loop.last.end - loop.first.end for _, loop in mine) / MICRO,
            examples=tuple(LoopExample(name, loop.first.step, loop.last.step, long / MICRO) for long, name, loop in examples),
        )


def _longest(lives: Lives) -> Iterator[LongObject]:
    for long, name in nlargest(EXAMPLES, ((sojourn(life), name) for name, life in lives.items())):
        last = max(lives[name], key=lambda step: (step.end, step.step))
        yield LongObject(name, lives[name][0].step, last.step, long / MICRO)
