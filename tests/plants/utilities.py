"""A shop floor with utilities upstream, some of which go down: a discrete loop, seeded. All of it is invented. Times are hours.

Six machines, each with a queue of its own, serve jobs first come, first served; each job visits three of them. Twelve utilities
feed the machines, two or three each, and go down now and then. Only of the one that is the cause is it true that the machines
that it feeds begin nothing while it is down.
"""

from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from brain.analytics.calendars import Interval
from brain.analytics.lives import Timed
from brain.analytics.surroundings import Kind, Surroundings
from brain.analytics.troubles import Sign, Signs, Trouble
from brain.analytics.upstream import ALWAYS, Need

HOUR = 3_600_000_000
LENGTH = 21 * 24.0
MACHINES = [f"asset/M{i}" for i in range(6)]
UTILITIES = [f"asset/U{i:02}" for i in range(12)]


class Hall(NamedTuple):
    """The lives of the jobs, what surrounds them, and which utility made them wait, if any did."""

    lives: dict[str, list[Timed]]
    around: Surroundings
    cause: str | None


def hall(seed: int, *, caused: bool) -> Hall:
    """The hall of this seed; where it is not `caused` no utility does any harm."""
    random = Random(f"hall {seed}")
    downs = {name: _downs(random) for name in UTILITIES}
    fed = {name: random.sample(MACHINES, random.choice((2, 3))) for name in UTILITIES}
    cause = random.choice(UTILITIES) if caused else None
    return Hall(_lives(random, downs[cause] if cause else [], fed[cause] if cause else []), _around(downs, fed), cause)


def _downs(random: Random) -> list[tuple[float, float]]:
    """Up for three days in the mean, then down for five hours."""
    at, found = random.expovariate(1 / 72), []
    while at < LENGTH:
        until = at + random.uniform(2, 8)
        found.append((at, min(until, LENGTH)))
        at = until + random.expovariate(1 / 72)
    return found


def _lives(random: Random, downs: list[tuple[float, float]], fed: list[str]) -> dict[str, list[Timed]]:
    free = dict.fromkeys(MACHINES, 0.0)
    waiting: list[tuple[float, int, int, list[str]]] = []
    at, number = random.expovariate(1.2), 0
    while at < LENGTH - 24:
        heappush(waiting, (at, number, 0, random.sample(MACHINES, 3)))
        at, number = at + random.expovariate(1.2), number + 1
    lives: dict[str, list[Timed]] = {}
    while waiting:
        ready, job, stage, route = heappop(waiting)
        name, now = f"object/{job}", _micros(ready)
        life = lives.setdefault(name, [Timed(now, now, 0, f"step/{job}-0", "Release", 0)])
        machine = route[stage]
        begins = max(ready, free[machine])
        if machine in fed:
            begins = max([begins, *(until for since, until in downs if since <= begins < until)])
        ends = begins + random.uniform(0.4, 1.2)
        free[machine] = ends
        start, end = _micros(begins), _micros(ends)
        life.append(Timed(start, end, 0, f"step/{job}-{stage + 1}", f"On {machine[-2:]}", end - start, None, machine))
        if stage < 2:
            heappush(waiting, (ends, job, stage + 1, route))
    return lives


def _around(downs: dict[str, list[tuple[float, float]]], fed: dict[str, list[str]]) -> Surroundings:
    needs = {m: [Need("feeds", utility, (ALWAYS,)) for utility in UTILITIES if m in fed[utility]] for m in MACHINES}
    signs = {name: Signs(0, {Trouble.DOWN: _signs(mine)}, frozenset()) for name, mine in downs.items() if mine}
    kinds = dict.fromkeys(MACHINES, Kind.ASSET)
    return Surroundings(kinds, needs=needs, signs=signs, assets=frozenset((*MACHINES, *UTILITIES)))


def _signs(downs: list[tuple[float, float]]) -> list[Sign]:
    return [Sign(*_interval(*down), "down") for down in downs]


def _interval(since: float, until: float) -> Interval:
    return _micros(since), _micros(until)


def _micros(hours: float) -> int:
    return round(hours * HOUR)
