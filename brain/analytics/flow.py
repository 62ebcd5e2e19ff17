"""What flows through a window: work in progress over time, arrivals and departures, Little's law, and how busy resources were.

An object is in progress from its first start (included) to its last end (excluded): the log cannot tell an object that goes on
from one that is through, so an object whose last step so far has ended counts as departed. Little's law, L = λ W (Little: *A
Proof for the Queuing Formula L = λW*, Operations Research 9(3), 1961), checks these figures against each other: over a window in
which every object begins and ends it holds exactly, and otherwise the difference comes from the objects that the window cuts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from brain.analytics.calendars import ANYONE, Calendar, Interval, merged
from brain.analytics.lives import MICRO, Lifecycle, Timed, once, read_lives
from brain.analytics.times import Lives, began, ended, sojourn
from brain.model import Instant
from brain.ports import Store
from brain.schema import Schema

BUCKETS = 60
"""Points of the series, where the window can be cut into so many."""

DEFINITION = (
    "an object is in progress from its first start until its last end; an arrival is a first start in the window, a departure a"
    " last end in it; utilisation = union of a resource's steps that have a start and a completion / its time, of the objects of"
    " this type alone"
)


class FlowPoint(NamedTuple):
    """A part of the window, from `at` to the next point: objects in progress on average and at most, arrivals, departures."""

    at: Instant
    mean_in_progress: float
    most_in_progress: int
    arrivals: int
    departures: int


@dataclass(frozen=True, slots=True)
class LittlesLaw:
    """L = λ W, checked: `in_progress` L is the average over the window, `arrivals_per_second` λ, `sojourn_seconds` W the mean of
    the objects that departed in the window (0 where none did).

    `difference` is (L - λ W) / L, None where nothing was in progress. `reason` says what makes it differ.
    """

    in_progress: float
    arrivals_per_second: float
    sojourn_seconds: float
    product: float
    difference: float | None
    began_before: int
    ended_after: int
    reason: str


@dataclass(frozen=True, slots=True)
class Utilisation:
    """How busy a resource was, in seconds: `busy_seconds` with a step under way, `outside_seconds` of them off its calendar.

    `utilisation` is busy within its time / `available_seconds`: the time of its calendar (`basis` "calendar") or the whole window
    (`basis` "window", where it has none); None where it had no time at all. `at_once` is the most steps that it had under way.
    """

    resource: str
    basis: str
    steps: int
    busy_seconds: float
    outside_seconds: float
    available_seconds: float
    utilisation: float | None
    at_once: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What flows through [since, until). Rates are objects an hour. `resources` by time busy, descending.

    Of `steps` in the window `unperformed` name no resource, and `untimed` have no start or no completion: they keep nobody busy.
    """

    object_type: str
    definition: str
    ontology_version: str
    since: Instant
    until: Instant
    objects: int
    arrivals: int
    departures: int
    arrivals_per_hour: float
    departures_per_hour: float
    mean_in_progress: float
    most_in_progress: int
    most_at: Instant
    series: tuple[FlowPoint, ...]
    little: LittlesLaw
    resources: tuple[Utilisation, ...]
    steps: int
    unperformed: int
    untimed: int
    left_out: int


async def flow(
    store: Store,
    schema: Schema,
    object_type: str,
    *,
    since: int | None = None,
    until: int | None = None,
    lifecycle: Lifecycle | None = None,
    calendars: Mapping[str, Calendar] = {},
) -> Flow:
    """What flows of a type. The window is by default that of the log; `calendars` as in `flow_of`. Raises BadQuery where no
    object of the type has a step."""
    lives, left_out = await read_lives(store, object_type, lifecycle)
    return flow_of(lives, object_type, schema.version, left_out, since=since, until=until, calendars=calendars)


def flow_of(
    lives: Lives,
    object_type: str,
    ontology_version: str,
    left_out: int = 0,
    *,
    since: int | None = None,
    until: int | None = None,
    calendars: Mapping[str, Calendar] = {},
) -> Flow:
    """As `flow`, of lives that were read already and are not empty. `calendars` by resource, `*` for all others.

    Without a window it is from the first start to just after the last end, so that every object departs in it.
    """
    stays = [(began(life), ended(life)) for life in lives.values()]
    start = min(a for a, _ in stays) if since is None else since
    end = max(max(b for _, b in stays) + 1 if until is None else until, start + 1)
    inside = [(a, b) for a, b in stays if a < end and (b > start or a == b == start)]
    arrivals, departures = (sorted(t for t in times if start <= t < end) for times in zip(*stays, strict=True))
    levels = list(_levels(inside, start, end))
    most, most_at = max((level, -at) for at, level in levels)
    length = end - start
    steps = [step for step in once(lives).values() if step.end >= start and step.start < end]
    return Flow(
        object_type=object_type,
        definition=DEFINITION,
        ontology_version=ontology_version,
        since=Instant(start),
        until=Instant(end),
        objects=len(inside),
        arrivals=len(arrivals),
        departures=len(departures),
        arrivals_per_hour=len(arrivals) * 3600 * MICRO / length,
        departures_per_hour=len(departures) * 3600 * MICRO / length,
        mean_in_progress=_in_progress(inside, start, end),
        most_in_progress=most,
        most_at=Instant(-most_at),
        series=tuple(_series(levels, arrivals, departures, start, end)),
        little=_little(lives, inside, len(arrivals), start, end),
        resources=tuple(sorted(utilisation(steps, calendars, start, end), key=lambda u: (-u.busy_seconds, u.resource))),
        steps=len(steps),
        unperformed=sum(step.resource is None for step in steps),
        untimed=sum(step.took is None for step in steps),
        left_out=left_out,
    )


def utilisation(steps: Iterable[Timed], calendars: Mapping[str, Calendar], start: int, end: int) -> Iterator[Utilisation]:
    """How busy each resource was in [start, end), µs, by steps of whatever type. `calendars` by resource, `*` for all others."""
    work: defaultdict[str, list[Interval]] = defaultdict(list)
    for step in steps:
        if step.resource is not None and step.took is not None:
            work[step.resource].append((max(step.start, start), min(step.end, end)))
    for resource, intervals in work.items():
        calendar = calendars.get(resource, calendars.get(ANYONE))
        busy = list(merged(sorted(intervals)))
        total = sum(b - a for a, b in busy)
        within = total if calendar is None else sum(calendar.working(a, b) for a, b in busy)
        available = end - start if calendar is None else calendar.working(start, end)
        yield Utilisation(
            resource=resource,
            basis="window" if calendar is None else "calendar",
            steps=len(intervals),
            busy_seconds=total / MICRO,
            outside_seconds=(total - within) / MICRO,
            available_seconds=available / MICRO,
            utilisation=within / available if available else None,
            at_once=max(level for _, level in _levels(intervals, start, end)),
        )


def _levels(intervals: Iterable[Interval], start: int, end: int) -> Iterator[tuple[int, int]]:
    """How many of the intervals hold, from each instant in [start, end) at which that changes; the first is at the start."""
    steps: defaultdict[int, int] = defaultdict(int)
    steps[start] = 0
    for a, b in intervals:
        if max(a, start) < min(b, end):
            steps[max(a, start)] += 1
            steps[min(b, end)] -= 1
    level = 0
    for at in sorted(steps):
        level += steps[at]
        if at < end:
            yield at, level


def _in_progress(stays: Iterable[Interval], start: int, end: int) -> float:
    return sum(max(min(b, end) - max(a, start), 0) for a, b in stays) / (end - start)


def _series(
    levels: list[tuple[int, int]], arrivals: list[int], departures: list[int], start: int, end: int
) -> Iterator[FlowPoint]:
    parts = min(BUCKETS, end - start)
    edges = [start + (end - start) * i // parts for i in range(parts + 1)]
    area, most = [0] * parts, [0] * parts
    i = 0
    for (at, level), until in zip(levels, [*(at for at, _ in levels[1:]), end], strict=True):
        while at < until:
            if at >= edges[i + 1]:
                i += 1
                continue
            piece = min(until, edges[i + 1])
            area[i] += level * (piece - at)
            most[i] = max(most[i], level)
            at = piece
    came, left = _counts(arrivals, edges), _counts(departures, edges)
    for i in range(parts):
        yield FlowPoint(Instant(edges[i]), area[i] / (edges[i + 1] - edges[i]), most[i], came[i], left[i])


def _counts(times: list[int], edges: list[int]) -> list[int]:
    """How many of the sorted times lie in each part."""
    counts, i = [0] * (len(edges) - 1), 0
    for at in times:
        while at >= edges[i + 1]:
            i += 1
        counts[i] += 1
    return counts


def _little(lives: Lives, inside: list[Interval], arrivals: int, start: int, end: int) -> LittlesLaw:
    departed = [sojourn(life) for life in lives.values() if start <= ended(life) < end]
    before, after = sum(a < start for a, _ in inside), sum(b >= end for _, b in inside)
    level, rate = _in_progress(inside, start, end), arrivals * MICRO / (end - start)
    mean = sum(departed) / (len(departed) * MICRO) if departed else 0.0
    reason = "every object began and ended in the window, so that the law holds exactly"
    if before or after:
        reason = f"the window cuts {before} objects that began before it and {after} that ended after it"
    difference = (level - rate * mean) / level if level else None
    return LittlesLaw(level, rate, mean, rate * mean, difference, before, after, reason)
