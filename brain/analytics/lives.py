"""A log flattened on the objects of one type (OCEL 2.0): each object's life as its steps in order, which every analytic of
processes reads.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from sys import intern
from typing import Literal, NamedTuple

from brain.analytics.deadline import late
from brain.errors import BadQuery
from brain.model import Occurrence
from brain.ports import Store, closing
from brain.query import Occurrences
from brain.rewound import point_of
from brain.schema import nearest
from brain.words import point

MICRO = 1_000_000
"""µs in a second."""
IN_ANY_CASE = 1000
"""Objects that are read, however late it is: out of none nothing can be told."""

Lifecycle = Literal["complete"]

Gap = tuple[int, str, str, str]
"""From one step of an object to its next: µs (negative where they overlap), the object, the two steps."""


class Timed(NamedTuple):
    """An occurrence in the order of its object's life: tuple order is that order. Times are µs.

    A step of one timestamp starts and ends at once, and `took` is None. `enabled` and `resource` as in `Occurrence`.
    """

    start: int
    end: int
    sequence: int
    step: str
    activity: str
    took: int | None
    enabled: int | None = None
    resource: str | None = None


def timed(o: Occurrence, lifecycle: Lifecycle | None) -> Timed | None:
    """The occurrence as the definition sees it; None where it carries no time that the definition uses."""
    start, end = (o.completed, o.completed) if lifecycle else (o.started, o.completed)
    first, last = (end if start is None else start), (start if end is None else end)
    if o.lifecycle is not None or first is None or last is None:
        return None
    sequence = o.start_sequence if o.sequence is None else o.sequence
    took = None if lifecycle or start is None or end is None else end - start
    return Timed(first, last, -1 if sequence is None else sequence, o.step, intern(o.activity), took, o.enabled, o.resource)


def outranks(one: Timed, other: Timed) -> bool:
    """Which of two accounts of one step counts, where a scan beside a writer has seen the step before and after a change."""
    return (one[:5], one.took is not None) > (other[:5], other.took is not None)


async def lives_of(scan: AsyncIterator[Occurrence], lifecycle: Lifecycle | None) -> tuple[dict[str, list[Timed]], int]:
    """Each object's steps in order, and how many steps the definition leaves out."""
    lives: defaultdict[str, list[Timed]] = defaultdict(list)
    left_out: set[str] = set()
    async for o in scan:
        step = timed(o, lifecycle)
        if step is None:
            left_out.add(o.step)
        else:
            lives[intern(o.object)].append(step)
    for life in lives.values():
        life.sort()
    return lives, len(left_out)


async def read_lives(store: Store, object_type: str, lifecycle: Lifecycle | None = None) -> tuple[dict[str, list[Timed]], int]:
    """As `lives_of`, of all objects of a type; BadQuery where none of them has a step."""
    lives, left_out = await lives_of(store.scan(Occurrences(object_type)), lifecycle)
    if not lives:
        raise await no_steps(store, object_type)
    return lives, left_out


def untimed(step: Occurrence) -> bool:
    """Whether work was told of, and no time of it: it is planned."""
    return step.lifecycle is None and step.started is None and step.completed is None


async def lives_in_time(store: Store, object_type: str, until: float | None) -> tuple[dict[str, list[Timed]], bool]:
    """The lives of the objects of a type that are read by `until`, of time.monotonic, each whole, and of some in any case; and
    whether these are all. BadQuery where no object has a step."""
    whole = True

    async def some() -> AsyncIterator[Occurrence]:
        nonlocal whole
        object, begun = "", 0
        async with closing(store.scan(Occurrences(object_type))) as scan:
            async for step in scan:
                if step.object != object:
                    if begun >= IN_ANY_CASE and late(until):
                        whole = False
                        return
                    object, begun = step.object, begun + 1
                yield step

    lives, _ = await lives_of(some(), None)
    if not lives:
        raise await no_steps(store, object_type)
    return lives, whole


async def read_other_lives(
    store: Store, object_type: str, lifecycle: Lifecycle | None = None
) -> dict[str, dict[str, list[Timed]]]:
    """The lives of the objects of every other type that the store tells: resources work for these too."""
    others = [name for name in sorted(await store.object_types()) if name != object_type]
    return {name: (await lives_of(store.scan(Occurrences(name)), lifecycle))[0] for name in others}


async def no_steps(store: Store, object_type: str) -> BadQuery:
    """The error for a type of which no object has a step, with the types there are."""
    types, then = await store.object_types(), point(*point_of(store))
    known = ", ".join(types) or ("none" if then else "none: the store is empty, import something first")
    told = f"no object of type {object_type!r} has a step{then and f' {then}'}{nearest(object_type, types)}"
    return BadQuery(f"{told}; types here: {known}")


def once(lives: Mapping[str, Sequence[Timed]]) -> dict[str, Timed]:
    """Each step once, however many objects took part in it."""
    steps: dict[str, Timed] = {}
    for life in lives.values():
        for step in life:
            held = steps.setdefault(step.step, step)
            if held is not step and outranks(step, held):
                steps[step.step] = step
    return steps
