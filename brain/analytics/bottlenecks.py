"""Bottlenecks, first form: the handover view of a log flattened on one object type.

Waiting before b, directly after a, on one object is start(b) - complete(a), where a step of one timestamp starts and completes at
once; a negative gap counts as 0 and is reported as an overlap. Processing is complete - start. Equal times are ordered by the
position in a case log and by event id in an object-centric one. This is what pm4py's performance DFG reports.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from sys import intern
from typing import Literal, NamedTuple

from brain.errors import BadQuery
from brain.model import Occurrence
from brain.ports import Store
from brain.query import Occurrences
from brain.schema import Schema, nearest

MICRO = 1_000_000
EXAMPLES = 3
LEAST_FREQUENCY = 10
SHARE_OF_OBJECTS = 0.01

Lifecycle = Literal["complete"]

DEFINITION = (
    "handover: waiting = start(next) - complete(previous) on the same object, ts - ts where a step has one timestamp;"
    " negative gaps count as 0 and are told as overlaps; order by start, completion, position in the case, event id;"
    " processing = complete - start; p90 by linear interpolation"
)
DEFINITION_COMPLETE = (
    "handover over complete transitions alone: waiting = complete(next) - complete(previous) on the same object;"
    " order by completion, position in the case, event id; p90 by linear interpolation"
)


class Example(NamedTuple):
    """One of the longest waits: evidence to open and read."""

    object: str
    previous: str
    next: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Handover:
    """Waiting between two activities that follow each other directly. Seconds."""

    source: str
    target: str
    count: int
    mean_seconds: float
    median_seconds: float
    p90_seconds: float
    total_seconds: float
    overlaps: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Processing:
    """Time spent in an activity. `count` steps, of which `timed` have both a start and a completion; the mean and the total are
    over those, the mean None where there is none. Seconds."""

    activity: str
    count: int
    timed: int
    mean_seconds: float | None
    total_seconds: float


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    """`edges` by total waiting, descending; `by_mean` those of at least `min_frequency` handovers by mean, descending.

    `objects` took part in `steps` steps; `left_out` steps carry no time that the definition uses (scheduled only, suspended, …).
    """

    object_type: str
    definition: str
    min_frequency: int
    objects: int
    steps: int
    left_out: int
    ontology_version: str
    edges: tuple[Handover, ...]
    by_mean: tuple[Handover, ...]
    activities: tuple[Processing, ...]


class _Timed(NamedTuple):
    """An occurrence in the order of its object's life: tuple order is that order."""

    start: int
    end: int
    sequence: int
    step: str
    activity: str
    took: int | None


async def bottlenecks(
    store: Store, schema: Schema, object_type: str, *, lifecycle: Lifecycle | None = None, min_frequency: int | None = None
) -> Bottlenecks:
    """The handover view of all objects of a type (a class of the ontology, or an `objectType` kept as data).

    `min_frequency` defaults to the larger of 10 and 1 % of the objects. Raises BadQuery where no object of the type has a step.
    """
    lives, left_out = await _lives(store.scan(Occurrences(object_type)), lifecycle)
    if not lives:
        types = await store.object_types()
        known = ", ".join(types) or "none: the store is empty, import something first"
        raise BadQuery(f"no object of type {object_type!r} has a step{nearest(object_type, types)}; types here: {known}")
    edges = _handovers(lives)
    least = min_frequency if min_frequency is not None else max(LEAST_FREQUENCY, round(len(lives) * SHARE_OF_OBJECTS))
    frequent = [edge for edge in edges if edge.count >= least]
    steps = {life.step: life for timed in lives.values() for life in timed}
    return Bottlenecks(
        object_type=object_type,
        definition=DEFINITION_COMPLETE if lifecycle else DEFINITION,
        min_frequency=least,
        objects=len(lives),
        steps=len(steps),
        left_out=left_out,
        ontology_version=schema.version,
        edges=tuple(edges),
        by_mean=tuple(sorted(frequent, key=lambda e: (-e.mean_seconds, e.source, e.target))),
        activities=tuple(_processing(steps.values())),
    )


async def _lives(scan: AsyncIterator[Occurrence], lifecycle: Lifecycle | None) -> tuple[dict[str, list[_Timed]], int]:
    """Each object's steps in order, and how many steps the definition leaves out."""
    lives: defaultdict[str, list[_Timed]] = defaultdict(list)
    left_out: set[str] = set()
    async for o in scan:
        start, end = (o.completed, o.completed) if lifecycle else (o.started, o.completed)
        first, last = (end if start is None else start), (start if end is None else end)
        if o.lifecycle is not None or first is None or last is None:
            left_out.add(o.step)
            continue
        sequence = o.start_sequence if o.sequence is None else o.sequence
        took = None if lifecycle or start is None or end is None else end - start
        lives[intern(o.object)].append(
            _Timed(first, last, -1 if sequence is None else sequence, o.step, intern(o.activity), took)
        )
    for life in lives.values():
        life.sort()
    return lives, len(left_out)


def _handovers(lives: dict[str, list[_Timed]]) -> list[Handover]:
    gaps: defaultdict[tuple[str, str], list[tuple[int, str, str, str]]] = defaultdict(list)
    for name, life in lives.items():
        for a, b in pairwise(life):
            gaps[a.activity, b.activity].append((b.start - a.end, name, a.step, b.step))
    edges = [_handover(source, target, found) for (source, target), found in gaps.items()]
    return sorted(edges, key=lambda e: (-e.total_seconds, e.source, e.target))


def _handover(source: str, target: str, gaps: Sequence[tuple[int, str, str, str]]) -> Handover:
    waits = sorted(max(gap[0], 0) for gap in gaps)
    total = sum(waits)
    return Handover(
        source=source,
        target=target,
        count=len(waits),
        mean_seconds=total / (len(waits) * MICRO),
        median_seconds=quantile(waits, 5),
        p90_seconds=quantile(waits, 9),
        total_seconds=total / MICRO,
        overlaps=sum(gap[0] < 0 for gap in gaps),
        examples=tuple(Example(name, a, b, wait / MICRO) for wait, name, a, b in nlargest(EXAMPLES, gaps) if wait > 0),
    )


def quantile(ordered: Sequence[int], tenths: int) -> float:
    """The quantile of sorted µs in seconds, linearly interpolated (Hyndman and Fan's type 7), in integers up to one division."""
    i, rest = divmod(tenths * (len(ordered) - 1), 10)
    above = ordered[i + 1] if rest else ordered[i]
    return (ordered[i] * (10 - rest) + above * rest) / (10 * MICRO)


def _processing(steps: Iterable[_Timed]) -> list[Processing]:
    """Each step once, however many objects took part in it."""
    took: defaultdict[str, list[int | None]] = defaultdict(list)
    for step in steps:
        took[step.activity].append(step.took)
    found = []
    for activity, all_times in took.items():
        times = [t for t in all_times if t is not None]
        mean = sum(times) / (len(times) * MICRO) if times else None
        found.append(Processing(activity, len(all_times), len(times), mean, sum(times) / MICRO))
    return sorted(found, key=lambda p: (-p.total_seconds, p.activity))
