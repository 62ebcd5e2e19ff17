"""The enabled view: since when a step could have begun, with the concurrency of activities discovered from the log.

Two activities are concurrent where the log shows that neither waits for the other, by one of two signs:

- **overlap**: in at least half of the lives that have both, one was under way when the other started (the overlapping concurrency
  oracle of Chapela-Campa and Dumas: *Enhancing business process simulation models with extraneous activity delays*, 2024);
- **order**: they follow each other directly in both orders, in comparable shares, | |a>b| - |b>a| | / (|a>b| + |b>a|) at most
  1/2, and hardly ever as a loop a b a (Split Miner: Augusto, Conforti, Dumas, La Rosa, Polyvyanyy, *Knowledge and Information
  Systems* 59, 2019, with a wider ε, because here durations sway the order).

A step is enabled by the last completed one of the object's earlier steps that is not concurrent with it and had ended when it
started; by nothing, from the first start of the life on, where there is none. What a step's own source says wins.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from brain.analytics.lives import Timed

LEAST = 10
"""Sightings (of one following the other, or of lives that have both) below which nothing is said of two activities."""
OVERLAP_SHARE = 0.5
IMBALANCE = 0.5
LOOP_SHARE = 0.1

Pair = tuple[str, str]
"""Two activities in alphabetical order."""


@dataclass(frozen=True, slots=True)
class Concurrent:
    """Two activities of which neither waits for the other, with the counts that say so.

    `forth` times the second followed the first directly, `back` times the first the second, `loops` times as a b a or b a b. Of
    `together` lives that have both, `overlaps` have them under way at once; `together` is 0 where there are hardly any overlaps.
    """

    first: str
    second: str
    forth: int
    back: int
    loops: int
    overlaps: int
    together: int


class Enablement(NamedTuple):
    """Since when a step could have begun, µs, and after which step; None for the beginning of the life.

    `known` is False for the first step of a life, unless its source says when it was enabled: then only its start is known."""

    at: int
    by: Timed | None
    known: bool


def concurrent_activities(lives: Mapping[str, Sequence[Timed]]) -> tuple[Concurrent, ...]:
    """All pairs of concurrent activities, in alphabetical order. Linear in the steps."""
    follows: Counter[Pair] = Counter()
    loops: Counter[Pair] = Counter()
    overlaps: Counter[Pair] = Counter()
    for life in lives.values():
        activities = [step.activity for step in life]
        follows.update(pairwise(activities))
        loops.update(_pair(a, b) for a, b, c in zip(activities, activities[1:], activities[2:], strict=False) if a == c != b)
        overlaps.update(set(_overlaps(life)))
    together = _together(lives, [pair for pair, count in overlaps.items() if count >= LEAST * OVERLAP_SHARE])
    pairs = sorted({_pair(a, b) for a, b in follows if a != b} | together.keys())
    found = (Concurrent(a, b, follows[a, b], follows[b, a], loops[a, b], overlaps[a, b], together[a, b]) for a, b in pairs)
    return tuple(c for c in found if _overlap(c) or _either_order(c))


def enablements(life: Sequence[Timed], concurrent: Mapping[str, frozenset[str]]) -> list[Enablement]:
    """What enabled each step of a life that is in order. `concurrent` as `neighbours` gives it."""
    running: list[tuple[int, int]] = []
    latest: dict[str, int] = {}
    """By activity the position of the step that completed last, of those that were done before the current one starts."""
    found = []
    last: int | None = None
    for position, step in enumerate(life):
        while running and running[0][0] <= step.start:
            # The heap gives them in order of their ends, and of position where ends are equal.
            last = heappop(running)[1]
            latest[life[last].activity] = last
        beside = concurrent.get(step.activity)
        by = last if not beside else _last_of(life, latest, beside)
        found.append(_enablement(step, life[0], None if by is None else life[by], position))
        heappush(running, (step.end, position))
    return found


def neighbours(pairs: Iterable[Concurrent]) -> dict[str, frozenset[str]]:
    """The activities concurrent with each."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        found[pair.first].add(pair.second)
        found[pair.second].add(pair.first)
    return {activity: frozenset(others) for activity, others in found.items()}


def _enablement(step: Timed, first: Timed, by: Timed | None, position: int) -> Enablement:
    if step.enabled is not None:
        return Enablement(step.enabled, by, True)
    if by is not None:
        return Enablement(by.end, by, True)
    return Enablement(first.start, None, position > 0)


def _last_of(life: Sequence[Timed], latest: Mapping[str, int], beside: frozenset[str]) -> int | None:
    done = [position for activity, position in latest.items() if activity not in beside]
    return max(done, key=lambda position: (life[position].end, position), default=None)


def _overlaps(life: Sequence[Timed]) -> Iterator[Pair]:
    """Pairs of different activities of which one was under way when the other started."""
    under_way: dict[str, Timed] = {}
    for step in life:
        for activity, other in list(under_way.items()):
            if other.end <= step.start:
                del under_way[activity]
            # A step of no length at the very start of another is a point at its edge, not inside it.
            elif activity != step.activity and (other.start < step.start or step.start < step.end):
                yield _pair(activity, step.activity)
        held = under_way.get(step.activity)
        if held is None or held.end < step.end:
            under_way[step.activity] = step


def _together(lives: Mapping[str, Sequence[Timed]], pairs: Iterable[Pair]) -> Counter[Pair]:
    """How many lives have both activities, of each of the pairs."""
    partners: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in pairs:
        partners[a].append(b)
    together: Counter[Pair] = Counter()
    for life in lives.values() if partners else ():
        activities = {step.activity for step in life}
        together.update((a, b) for a in partners.keys() & activities for b in partners[a] if b in activities)
    return together


def _overlap(c: Concurrent) -> bool:
    return c.together >= LEAST and c.overlaps >= OVERLAP_SHARE * c.together


def _either_order(c: Concurrent) -> bool:
    both = c.forth + c.back
    return both >= LEAST and abs(c.forth - c.back) <= IMBALANCE * both and c.loops <= LOOP_SHARE * both


def _pair(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)
