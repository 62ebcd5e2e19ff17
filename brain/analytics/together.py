"""Times of events in which several objects take part: which of them waited for which.

Measures of Park, Adams, van der Aalst: *OPerA: Object-Centric Performance Analysis*, ER 2022, told of the log itself rather than
of a Petri net: an object is ready for its next step when its step before ended, which is when its token would be there. An
object whose first step this is has no such time and takes no part. Ask for types of what is worked on: a customer or a person,
who is in many events, was always somewhere else shortly before. Of one event, with R the times at which its objects were ready:

- synchronisation = max(R) - min(R): what the first object waited for the last;
- pooling of a type = the same over the objects of that type alone (the items of one package);
- lagging of a type = max(R of the type) - min(R of the others), where positive: how far it came behind the first of the others;
- waiting = start - max(R), where positive: what all waited together;
- flow = end - min(R) = synchronisation + waiting + processing, where none of the objects was ready after the start.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from typing import NamedTuple

from brain.analytics.bottlenecks import EXAMPLES
from brain.analytics.lives import MICRO, Lifecycle, Timed, read_lives
from brain.analytics.times import Lives, Spread, spread
from brain.ports import Store
from brain.schema import Schema

DEFINITION = (
    "an object is ready for a step when its step before ended; of events for which at least two objects were: synchronisation ="
    " last ready - first ready, pooling = the same within a type, lagging = last ready of a type - first ready of the others,"
    " waiting = start - last ready, flow = end - first ready (Park, Adams, van der Aalst 2022)"
)


class TypeSpread(NamedTuple):
    """A time of the objects of one type."""

    object_type: str
    times: Spread


class TogetherExample(NamedTuple):
    """One of the longest synchronisations: the object that was ready `first`, and the one that was ready `last`. Seconds."""

    step: str
    first: str
    first_type: str
    last: str
    last_type: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TogetherTimes:
    """Of an activity's `events`: those for which at least two objects were ready. `overlaps` of them had an object that was ready
    only after the start. `pooling` of the types of which two objects took part, `lagging` of those that met another type; both
    by total, descending."""

    activity: str
    events: int
    overlaps: int
    synchronisation: Spread
    waiting: Spread
    flow: Spread
    pooling: tuple[TypeSpread, ...]
    lagging: tuple[TypeSpread, ...]
    examples: tuple[TogetherExample, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """By the total of synchronisation, descending. `alone` are events for which fewer than two objects were ready."""

    object_types: tuple[str, ...]
    definition: str
    ontology_version: str
    activities: tuple[TogetherTimes, ...]
    alone: int
    left_out: int


class Ready(NamedTuple):
    """An object of an event: when it was ready for it, µs."""

    at: int
    object_type: str
    object: str


async def together(store: Store, schema: Schema, object_types: Sequence[str], *, lifecycle: Lifecycle | None = None) -> Together:
    """The times of events between objects of these types. Raises BadQuery where no object of one of the types has a step."""
    lives, left_out = {}, 0
    for object_type in object_types:
        lives[object_type], missing = await read_lives(store, object_type, lifecycle)
        left_out += missing
    return together_of(lives, schema.version, left_out)


def together_of(lives: Mapping[str, Lives], ontology_version: str, left_out: int = 0) -> Together:
    """As `together`, of the lives of each type. An object of two types (a class and one above it) counts once, as of the first
    of the types in order."""
    steps: dict[str, Timed] = {}
    ready: defaultdict[str, list[Ready]] = defaultdict(list)
    seen: set[str] = set()
    for object_type in sorted(lives):
        for name, life in lives[object_type].items():
            if name not in seen:
                steps.update((step.step, step) for step in life)
                for a, b in pairwise(life):
                    ready[b.step].append(Ready(a.end, object_type, name))
        seen.update(lives[object_type])
    events: defaultdict[str, list[tuple[Timed, list[Ready]]]] = defaultdict(list)
    for step, objects in ready.items():
        if len(objects) > 1:
            events[steps[step].activity].append((steps[step], sorted(objects)))
    found = [_activity(activity, mine) for activity, mine in events.items()]
    return Together(
        object_types=tuple(sorted(lives)),
        definition=DEFINITION,
        ontology_version=ontology_version,
        activities=tuple(sorted(found, key=lambda a: (-a.synchronisation.total_seconds, a.activity))),
        alone=len(steps) - sum(map(len, events.values())),
        left_out=left_out,
    )


def _activity(activity: str, events: Sequence[tuple[Timed, list[Ready]]]) -> TogetherTimes:
    pooling: defaultdict[str, list[int]] = defaultdict(list)
    lagging: defaultdict[str, list[int]] = defaultdict(list)
    for _, objects in events:
        for object_type, long in _pooling(objects):
            pooling[object_type].append(long)
        for object_type, long in _lagging(objects):
            lagging[object_type].append(long)
    longest = nlargest(EXAMPLES, ((objects[-1].at - objects[0].at, step.step, objects) for step, objects in events))
    return TogetherTimes(
        activity=activity,
        events=len(events),
        overlaps=sum(objects[-1].at > step.start for step, objects in events),
        synchronisation=spread(objects[-1].at - objects[0].at for _, objects in events),
        waiting=spread(max(step.start - objects[-1].at, 0) for step, objects in events),
        flow=spread(max(step.end - objects[0].at, 0) for step, objects in events),
        pooling=_by_total(pooling),
        lagging=_by_total(lagging),
        examples=tuple(_example(long, step, objects) for long, step, objects in longest if long > 0),
    )


def _pooling(objects: Iterable[Ready]) -> Iterator[tuple[str, int]]:
    for object_type, at in _by_type(objects).items():
        if len(at) > 1:
            yield object_type, max(at) - min(at)


def _lagging(objects: Iterable[Ready]) -> Iterator[tuple[str, int]]:
    by_type = _by_type(objects)
    for object_type, at in by_type.items():
        others = [min(theirs) for other, theirs in by_type.items() if other != object_type]
        if others:
            yield object_type, max(max(at) - min(others), 0)


def _by_type(objects: Iterable[Ready]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for ready in objects:
        found[ready.object_type].append(ready.at)
    return found


def _by_total(times: Mapping[str, list[int]]) -> tuple[TypeSpread, ...]:
    found = [TypeSpread(object_type, spread(mine)) for object_type, mine in times.items()]
    return tuple(sorted(found, key=lambda t: (-t.times.total_seconds, t.object_type)))


def _example(long: int, step: str, objects: Sequence[Ready]) -> TogetherExample:
    first, last = objects[0], objects[-1]
    return TogetherExample(step, first.object, first.object_type, last.object, last.object_type, long / MICRO)
