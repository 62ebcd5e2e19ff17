"""Hidden coupling: things that go down together beyond chance, though no declared dependency says why.

A failure is a stretch in which a thing is down by its states (`troubles`); stretches less than `APART` apart are one. Two of them
coincide where they begin within `WITHIN` of each other. Had two things nothing in common, each failure of the one would coincide
with some of the other's with a chance p: the share of the time that lies so near to one of them. What goes off every evening, or
is serviced on Mondays, would coincide all the same. So p is the greatest of: that share at all times; in that hour of the day;
and of all other days, and of all other weeks, the share that had one near that moment of the day or week. The number of failures
that coincide is then at most binomial with the mean chance (Hoeffding 1956, as in `observed`). Of both directions the less
surprising counts, and of all pairs those are told that pass Benjamini and Hochberg.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import combinations
from math import comb

import numpy as np

from brain.analytics.calendars import DAY, HOUR, WEEK, Interval
from brain.analytics.deadline import deadline, in_time
from brain.analytics.device_states import StateSpan, spans_in_time
from brain.analytics.discoveries import q_values
from brain.analytics.graph.reach import ancestors
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.snapshot import Ints, Snapshot
from brain.analytics.observed import SHARE, tail
from brain.analytics.troubles import STATES, Trouble
from brain.errors import BadQuery
from brain.ports import Store
from brain.rewound import point_of
from brain.schema import Schema
from brain.words import iso

MINUTE = HOUR // 60
WITHIN = 2 * MINUTE
APART = 10 * MINUTE
LEAST = 3
"""Failures that a thing needs to be looked at: of one or two nothing can be said."""
UNLIKELY = 0.1
"""Of what is likelier than this no more is worked out; a share of false discoveries is less."""
ASSETS = "Asset"
"""Of which class, where none is named."""
AT_ONCE = 1 << 18
"""Moments that are held in memory at a time."""
COMMON = 3
"""Common providers that are named."""

DEFINITION = (
    "failures (states that mean down; less than 10 min apart, one) that begin within 2 min of each other, beyond what chance"
    " would give at that hour, time of the day and of the week: binomial, of all pairs of things with 3 failures or more (where"
    " time was short, of those compared) those that pass Benjamini and Hochberg; hidden where neither needs the other and both"
    " need no third, by declared dependencies"
)


@dataclass(frozen=True, slots=True)
class Common:
    """What both need, the nearest first; in `down` of the failures that they have together it was down itself (null: it reports
    no state)."""

    id: str
    cls: str
    name: str | None
    down: int | None


@dataclass(frozen=True, slots=True)
class Coupled:
    """Of `failures_a` of the one and `failures_b` of the other, `together` coincide, where chance would give `expected` at the
    most. `common` is what may explain it; where there is none the coupling is `hidden`."""

    a: str
    b: str
    together: int
    failures_a: int
    failures_b: int
    expected: float
    q: float
    hidden: bool
    common: tuple[Common, ...]


@dataclass(frozen=True, slots=True)
class HiddenCoupling:
    """Hidden ones first, then by the share of failures that coincide. `things` have failures enough, which makes so many `pairs`;
    of `explained` that pass too one needs the other. `partial` where the deadline came first: `unread` things may have failures,
    and `unexplored` pairs were not compared, or pass without it being known what explains them, those where least coincides.
    Of those compared the share of false discoveries is as stated."""

    couplings: tuple[Coupled, ...]
    count: int
    explained: int
    things: int
    pairs: int
    false_discoveries: float
    definition: str
    ontology_version: str
    partial: bool = False
    unexplored: int = 0
    unread: int = 0
    reflects: Reflects = field(compare=False, kw_only=True)


async def hidden_coupling(
    store: Store,
    schema: Schema,
    snapshot: Snapshot,
    cls: str = ASSETS,
    share: float = SHARE,
    since: int | None = None,
    until: int | None = None,
    patience: float | None = None,
) -> HiddenCoupling:
    """Of things of a class and those below it, by their states in [since, until). Of a store at a past time (`brain.rewound`),
    with the snapshot of the same: what was still going on then ends there. `patience` in seconds. BadQuery for an unknown
    class, a share that is none, or where no time is looked at."""
    stop = deadline(patience)
    end = min((end for end in (until, point_of(store).valid) if end is not None), default=None)
    if since is not None and end is not None and since >= end:
        raise BadQuery(f"there is no time from {iso(since)} until {iso(end)}: give an earlier since")
    spans, unread = await spans_in_time(store, schema.of(cls).name, None, end, stop=stop)
    # Arithmetic over all pairs: the loop goes on serving others meanwhile.
    found = await asyncio.to_thread(coupling_of, spans, snapshot, share, stop, since)
    return replace(found, partial=found.partial or unread > 0, unread=unread)


def coupling_of(
    spans: Mapping[str, Sequence[StateSpan]],
    snapshot: Snapshot,
    share: float = SHARE,
    stop: float | None = None,
    since: int | None = None,
) -> HiddenCoupling:
    """The same of states that are at hand, from when they began, until `stop`, of time.monotonic."""
    if not 0 < share <= UNLIKELY:
        raise BadQuery(f"{share:g} is no share of false discoveries here: more than 0 and at most {UNLIKELY}, such as {SHARE}")
    if since is not None:
        spans = {id: [span for span in mine if span.end > since] for id, mine in spans.items()}
    known = [span for mine in spans.values() for span in mine]
    start, end = min((s.start for s in known), default=0), max((s.end for s in known), default=0)
    start = start if since is None else max(start, since)
    every = {id: failures(mine) for id, mine in spans.items()}
    # What was down already did not fail at the moment from which on one looks, with all else that was.
    downs = {id: [one for one in mine if one[0] >= start] for id, mine in every.items()}
    often = {id: Failing(mine, start, end) for id, mine in sorted(downs.items()) if len(mine) >= LEAST}
    tested = [(*pair, _compared(often[pair[0]], often[pair[1]])) for pair in in_time(combinations(often, 2), stop)]
    sure = q_values([p for _, _, (_, _, p) in tested])
    found = [
        Coupled(a, b, count, len(downs[a]), len(downs[b]), mean, q, True, ())
        for (a, b, (count, mean, _)), q in zip(tested, sure, strict=True)
        if q <= share
    ]
    told, explained = [], 0
    needed = cache(partial(_needed, snapshot))
    for pair in in_time(sorted(found, key=_worst_first), stop):
        a, b = pair.a, pair.b
        if a in needed(b) or b in needed(a):
            explained += 1
            continue
        common = _common(snapshot, needed, (a, b), _together(downs[a], often[a], often[b]), spans, every)
        told.append(replace(pair, hidden=not common, common=common))
    told.sort(key=_worst_first)
    pairs = comb(len(often), 2)
    left = pairs - len(tested) + len(found) - len(told) - explained
    counts, version = (len(told), explained, len(often), pairs), snapshot.ontology_version
    return HiddenCoupling(tuple(told), *counts, share, DEFINITION, version, left > 0, left, reflects=snapshot.reflects)


def _worst_first(pair: Coupled) -> tuple[bool, float, float, str, str]:
    return not pair.hidden, -pair.together / max(pair.failures_a, pair.failures_b), pair.q, pair.a, pair.b


def failures(spans: Sequence[StateSpan]) -> list[Interval]:
    """When a thing was down, in order; stretches that are less than `APART` apart are one."""
    found: list[Interval] = []
    for span in spans:
        if STATES.get(span.state.lower()) is not Trouble.DOWN:
            continue
        if found and span.start - found[-1][1] < APART:
            found[-1] = found[-1][0], span.end
        else:
            found.append((span.start, span.end))
    return found


class Failing:
    """When the failures of one thing begin, within a window."""

    def __init__(self, downs: Sequence[Interval], start: int, end: int) -> None:
        self.begins: Ints = np.array([since for since, _ in downs], np.int64)
        self._start, self._end = start, end
        lasted = max((end - start) / DAY, 1.0)
        hours = np.bincount((self.begins - start) % DAY // HOUR, minlength=24)
        self.overall = min(len(downs) * 2 * WITHIN / (lasted * DAY), 1.0)
        self._hourly = np.clip(hours * 2 * WITHIN / (lasted * HOUR), self.overall, 1.0)

    def near(self, at: Ints) -> Ints:
        """How many of the failures begin within `WITHIN` of each time."""
        found: Ints = np.searchsorted(self.begins, at + WITHIN, "right") - np.searchsorted(self.begins, at - WITHIN, "left")
        return found

    def chance(self, at: Ints) -> float:
        """The mean over these times of the chance that one begins within `WITHIN` of it."""
        usual = self._hourly[(at - self._start) % DAY // HOUR]
        for turn in (DAY, WEEK):
            cycle, phase = np.divmod(at - self._start, turn)
            others = (self._end - self._start - 1 - phase) // turn + 1 - (at < self._end)
            usual = np.maximum(usual, self._hits(cycle, phase, turn) / np.maximum(others, 1))
        return float(usual.mean())

    def _hits(self, cycle: Ints, phase: Ints, turn: int) -> Ints:
        """In how many other cycles (days, weeks) of the window one begins near the same phase. Only those in which one begins
        are looked at, in parts of bounded size: the window may be long."""
        edges = np.concatenate((self.begins - WITHIN, self.begins + WITHIN))
        cycles = np.unique((edges - self._start) // turn)[:, None]
        step = max(AT_ONCE // len(cycles), 1)
        found = [np.zeros(0, np.int64)]
        for i in range(0, len(phase), step):
            moved = self._start + cycles * turn + phase[i : i + step]
            others = (self._start <= moved) & (moved < self._end) & (cycles != cycle[i : i + step])
            found.append(((self.near(moved) > 0) & others).sum(axis=0))
        return np.concatenate(found)


def _compared(a: Failing, b: Failing) -> tuple[int, float, float]:
    """How many failures coincide, how many would by chance, and how likely that many are; the less surprising of both ways."""
    ways = [_one_way(one, other) for one, other in ((a, b), (b, a))]
    return min(way[0] for way in ways), max(way[1] for way in ways), max(way[2] for way in ways)


def _one_way(one: Failing, other: Failing) -> tuple[int, float, float]:
    count, many = int(np.count_nonzero(other.near(one.begins))), len(one.begins)
    least = tail(count, many, other.overall)
    if least > UNLIKELY:  # the true chance is no smaller, nor is what it gives
        return count, other.overall * many, least
    chance = other.chance(one.begins)
    return count, chance * many, tail(count, many, chance)


def _needed(snapshot: Snapshot, id: str) -> dict[str, int]:
    """All that it needs, directly or not, as numbers."""
    number = snapshot.number(id)
    return {} if number is None else {snapshot.ids[node]: node for node in ancestors(snapshot, number).tolist()}


def _together(downs: Sequence[Interval], one: Failing, other: Failing) -> list[Interval]:
    """Of the failures of the one those that coincide with some of the other."""
    return [downs[i] for i in np.flatnonzero(other.near(one.begins)).tolist()]


def _common(
    snapshot: Snapshot,
    needed: Callable[[str], Mapping[str, int]],
    pair: tuple[str, str],
    together: Sequence[Interval],
    spans: Mapping[str, Sequence[StateSpan]],
    downs: Mapping[str, Sequence[Interval]],
) -> tuple[Common, ...]:
    """What both need: first what was down most often with them, then what needs most of the others, which is nearest to them."""
    found = []
    a, b = map(needed, pair)
    for id in a.keys() & b.keys():
        mine = downs.get(id, ())
        hit = sum(any(since <= one[0] + WITHIN and one[0] - WITHIN < until for since, until in mine) for one in together)
        down = hit if spans.get(id) else None
        found.append((-(down or 0), -len(needed(id)), id, a[id], down))
    told = sorted(found)[:COMMON]
    return tuple(Common(id, snapshot.classes[snapshot.cls[n]], snapshot.names[n], down) for _, _, id, n, down in told)
