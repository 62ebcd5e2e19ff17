"""Which of the things that an object needed were in trouble while it waited for them, and for how long."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from brain.analytics.calendars import Interval, common
from brain.analytics.deadline import in_time
from brain.analytics.graph.causes import Suspect
from brain.analytics.graph.told_lives import Waited
from brain.analytics.graph.wait_causes import length_of
from brain.analytics.graph.waited import InTrouble
from brain.analytics.lives import MICRO
from brain.analytics.relations import END
from brain.analytics.troubles import Sign, Trouble, signs
from brain.model import Instant
from brain.ports import Store
from brain.query import EVERY, Window

TOLD = 5
"""Troubles that are told of each suspect."""
AT_A_TIME = 500
"""Things whose versions are read at a time."""

Signs = Sequence[tuple[Trouble, Sign]]
"""When a thing was down or degraded, in order."""


class Judged(NamedTuple):
    """A suspect; its troubles in each wait, or shortly before, the longest first; and when in each wait it was in any."""

    of: Suspect
    troubles: Sequence[Sequence[InTrouble]]
    felt: Sequence[Sequence[Interval]]

    def place(self) -> tuple[float, bool, bool, float, int, str]:
        one = self.of
        return -(one.down_seconds or 0.0), not one.troubles, not one.alone, one.after_seconds, one.distance, one.id


async def read_told(store: Store, ids: Sequence[str], until: float | None) -> dict[str, Signs]:
    """Of those that were asked in time (of time.monotonic)."""
    found = dict[str, Signs]()
    for i in in_time(range(0, len(ids), AT_A_TIME), until):
        some = ids[i : i + AT_A_TIME]
        for id, versions in zip(some, await store.history(some, Window(limit=EVERY)), strict=True):
            said = signs(id, versions, (), END).troubles
            found[id] = sorted(((kind, sign) for kind, mine in said.items() for sign in mine), key=lambda one: one[1].start)
    return found


def judged(
    suspects: Sequence[Suspect], waits: Sequence[Waited], needed: Sequence[Collection[str]], told: Mapping[str, Signs]
) -> list[Judged]:
    """Ranked. `needed` is what each wait needed."""
    return sorted(
        (_judge(one, waits, [one.id in near for near in needed], told.get(one.id)) for one in suspects), key=Judged.place
    )


def _judge(one: Suspect, waits: Sequence[Waited], needed: Sequence[bool], told: Signs | None) -> Judged:
    if told is None:
        return Judged(one, [()] * len(waits), [()] * len(waits))
    back = round(one.after_seconds * MICRO)
    troubles, felt = list[list[InTrouble]](), list[list[Interval]]()
    for wait, needs in zip(waits, needed, strict=True):
        mine = [each for each in told if needs and each[1].start < wait.until and wait.since - back < each[1].end]
        felt.append([*common([(sign.start, sign.end) for _, sign in mine], [(wait.since, wait.until)])])
        troubles.append(sorted((_in_trouble(kind, sign, wait) for kind, sign in mine), key=_longest))
    every = sorted((each for some in troubles for each in some), key=_longest)
    state, since = (every[0].state, every[0].since) if every else (one.state, None)
    down = sum(map(length_of, felt)) / MICRO
    return Judged(replace(one, down_seconds=down, state=state, state_since=since, troubles=tuple(every[:TOLD])), troubles, felt)


def _longest(one: InTrouble) -> tuple[float, int, int]:
    return -one.seconds, one.since, one.wait_since


def _in_trouble(kind: Trouble, sign: Sign, wait: Waited) -> InTrouble:
    target = None if wait.step is None else wait.step.activity
    ends = Instant(sign.start), None if sign.end == END else Instant(sign.end)
    during = max(min(sign.end, wait.until) - max(sign.start, wait.since), 0) / MICRO
    return InTrouble(kind, sign.what, *ends, wait.previous.activity, target, Instant(wait.since), Instant(wait.until), during)
