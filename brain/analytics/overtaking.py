"""Who overtakes whom in a queue: two ranks, where the order in which steps are served shows them.

Served next is whoever waits longest (first come, first served), unless some steps are rush: then they are served before the
others, and among each other in order. A step is **rush** if it overtook; it is **not** if it was overtaken, or did not overtake a
step that is not rush and that waited when it came. Of a step that met nobody, nothing is known.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

OVERTAKING = 0.05
"""Below this share of the starts that had a choice, overtaking is a slip of the clocks."""
CONSISTENT = 0.9
"""Two ranks explain the order if in at least this share of the pairs a rush step overtook one that is not."""

RUSH, NOT = 0, 1


class Waited(NamedTuple):
    """A step that was ready, µs, and began."""

    ready: int
    start: int
    step: int


class Ranks(NamedTuple):
    """Per step RUSH or NOT, as far as it is known; of the other steps a `share` is rush."""

    known: Mapping[int, int]
    share: float


def ranks_of(steps: Sequence[Waited]) -> tuple[Ranks | None, int]:
    """The ranks of the steps of an activity, None where the order shows none; and how many starts overtook somebody."""
    pairs = list(_overtaken(steps))
    jumps = {step for step, _ in pairs}
    choices = sum(count > 1 for count in _queueing(steps))
    if not choices or len(jumps) < OVERTAKING * choices:
        return None, len(jumps)
    balance: dict[int, int] = {}
    for step, other in pairs:
        balance[step] = balance.get(step, 0) + 1
        balance[other] = balance.get(other, 0) - 1
    known = {step: RUSH if count > 0 else NOT for step, count in balance.items()}
    if sum(known[a] == RUSH and known[b] == NOT for a, b in pairs) < CONSISTENT * len(pairs):
        return None, len(jumps)
    tested = list(_met(steps, known))
    known = {**dict.fromkeys(tested, NOT), **known}
    rushed = sum(known[step] == RUSH for step in tested)
    return Ranks(known, rushed / len(tested) if tested else 0.0), len(jumps)


def _in_order(steps: Sequence[Waited]) -> Iterator[tuple[Waited, list[Waited]]]:
    """Each step as it begins, and who waited then, itself too, in order of readiness. Who begins at the same instant begins in
    that order, and overtakes nobody."""
    coming = sorted(steps)
    waiting: list[Waited] = []
    i = 0
    for step in sorted(steps, key=lambda one: (one.start, one.ready, one.step)):
        while i < len(coming) and coming[i].ready <= step.start:
            insort(waiting, coming[i])
            i += 1
        yield step, waiting
        del waiting[bisect_left(waiting, step)]


def _overtaken(steps: Sequence[Waited]) -> Iterator[tuple[int, int]]:
    """Each step with each that it overtook: ready before it, and not begun with it."""
    for step, waiting in _in_order(steps):
        for other in waiting[: bisect_left(waiting, (step.ready,))]:
            if other.start > step.start:
                yield step.step, other.step


def _queueing(steps: Sequence[Waited]) -> Iterator[int]:
    for _, waiting in _in_order(steps):
        yield len(waiting)


def _met(steps: Sequence[Waited], known: Mapping[int, int]) -> Iterator[int]:
    """Steps that found a step waiting, when they came, which is known to be not rush: they overtook it or are not rush either."""
    latest = -1
    for step in sorted(steps):
        if latest > step.ready:
            yield step.step
        if known.get(step.step) == NOT:
            latest = max(latest, step.start)
