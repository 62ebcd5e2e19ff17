"""The life of one object out of a store, and the lives beside it: what it waited for, and what everybody did meanwhile."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from brain.analytics.deadline import late
from brain.analytics.lives import Timed, lives_of, timed, untimed
from brain.analytics.work import Lives, Wait
from brain.model import Occurrence
from brain.named_lives import named_lives
from brain.ports import Store, closing
from brain.query import Occurrences


class Waited(NamedTuple):
    """From the end of `previous` until the start of `step` (None: it has not begun by `until`), µs."""

    object: str
    previous: Timed
    step: Timed | None
    since: int
    until: int

    @property
    def as_wait(self) -> Wait | None:
        """As the split by cause takes it."""
        return None if self.step is None else Wait(self.object, self.previous, self.step, self.since, self.until)


class Log(NamedTuple):
    """Every life that was read, by type; not `complete` where the deadline came first. `own` are the steps of one object."""

    lives: Mapping[str, Lives]
    own: Sequence[Occurrence]
    complete: bool

    def times(self) -> Iterator[int]:
        """When each step that was read began and ended, µs."""
        return (time for lives in self.lives.values() for life in lives.values() for step in life for time in step[:2])

    def steps(self) -> int:
        return sum(len(life) for lives in self.lives.values() for life in lives.values())


async def read_log(store: Store, id: str, until: float | None) -> Log:
    """`until` is of time.monotonic."""
    lives, own = dict[str, Lives](), dict[str, Occurrence]()
    for name in sorted(await store.object_types()):
        lives[name], _ = await lives_of(_hurried(store.scan(Occurrences(name)), id, own, until), None)
    return Log(lives, tuple(own.values()), not late(until))


async def _hurried(
    scan: AsyncIterator[Occurrence], id: str, own: dict[str, Occurrence], until: float | None
) -> AsyncIterator[Occurrence]:
    async with closing(scan) as some:
        async for one in some:
            if late(until):
                return
            if one.object == id:
                own[one.step] = one
            yield one


async def steps_of(store: Store, id: str) -> list[Occurrence]:
    """The steps of one object, as they are now."""
    return (await named_lives(store, [id], {}, performers=True))[id]


def life_of(steps: Iterable[Occurrence]) -> list[Timed]:
    """In order."""
    return sorted(step for one in steps if (step := timed(one, None)) is not None)


def waits_of(id: str, life: Sequence[Timed]) -> list[Waited]:
    """The waits of the handover view that have a length."""
    return [Waited(id, a, b, a.end, b.start) for a, b in pairwise(life) if a.end < b.start]


def still_waits(id: str, steps: Sequence[Occurrence], life: Sequence[Timed], now: int) -> Waited | None:
    """Since when it waits for a step that has not begun by now; None where one is under way, or it has only just ended one. What
    has no end, and was not begun last, was left though nobody told it (as in `standing`)."""
    last = max(life, key=lambda step: (step.end, step))
    unended = {one.step for one in steps if one.lifecycle is None and one.started is not None and one.completed is None}
    going = life[-1].step in unended
    return None if going or last.end >= now else Waited(id, last, None, last.end, now)


def planned(steps: Iterable[Occurrence]) -> list[Occurrence]:
    """Those that were told of and may be next: that have no time, and of such the first in sequence, where they have one."""
    ahead = [one for one in steps if untimed(one)]
    first = min((one.sequence or 0 for one in ahead), default=0)
    return [one for one in ahead if (one.sequence or 0) == first]


def able_after(lives: Lives, id: str, activity: str) -> frozenset[str]:
    """Who carried out what other objects did next after this activity."""
    found = (b.resource for name, life in lives.items() if name != id for a, b in pairwise(life) if a.activity == activity)
    return frozenset(one for one in found if one is not None)
