"""Observed dependencies: what follows what in the lives of objects more often than chance would have it, and what waits while a
device is down.

B is observed to depend on A where objects that have both come to B directly after A, beyond what a random order of their steps
would give. In a life of n steps, a of them A and b of them B, a random order puts some A directly before some B with a chance of
at most a · b / n. So the number of such lives is at most binomial (a sum of unequal trials has no heavier tail than one of their
mean: Hoeffding, *Annals of Mathematical Statistics* 27, 1956, theorem 4), and of all pairs those are told that pass the step-up
procedure of Benjamini and Hochberg (*Journal of the Royal Statistical Society B* 57, 1995): no more than the stated share of what
is told is there by chance.

An activity depends on the state of an asset upstream where what waits for it goes on waiting in that state: beyond chance by the
test of `attribution` (`coincidence`), and the same procedure over all of these.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import pairwise
from math import exp, lgamma, log
from typing import NamedTuple

from brain.analytics.deadline import deadline
from brain.analytics.discoveries import q_values
from brain.analytics.graph.reflects import Reflects, reflects_of
from brain.analytics.lives import MICRO, Timed, lives_in_time
from brain.analytics.state_waits import met_by_states
from brain.analytics.surroundings import Surroundings, read_surroundings
from brain.analytics.troubles import Trouble
from brain.analytics.upstream import DEPTH
from brain.analytics.work import Lives
from brain.errors import BadQuery
from brain.model import Instant
from brain.ports import Store
from brain.schema import Schema

SHARE = 0.05
"""Of the dependencies that are told, the share that may be there by chance."""
NEGLIGIBLE = 1e-17
WORK_OBJECT = "WorkObject"
"""The class of objects whose type is no class."""

DEFINITION = (
    "B depends on A where objects with both come to B directly after A more often than a random order of their steps would give:"
    " binomial, of all pairs those that pass Benjamini and Hochberg; support = objects in which it does, strength = their share"
    " of those with both; delay = start of B - end of A, 0 where they overlap"
)
OF_STATES = (
    "B depends on the state of asset A where waits for B coincide with A's being down or degraded, upstream over at most"
    f" {DEPTH} relations that held at that moment, beyond chance: circular shifts, of all states and activities those that pass"
    " Benjamini and Hochberg, the 90 % interval of the excess above 0; support = waits that coincide, strength = their share of"
    " those that had a length while A was upstream and its states known; by chance: as many of these as of the time that"
    " coincides; delay = start of B - begin of the state or, where that is later, of the wait"
)

Pair = tuple[str, str]


class Between(StrEnum):
    """What depends on what."""

    ACTIVITIES = "activities"
    """Steps by what is done."""
    RESOURCES = "resources"
    """Steps by who, or which device, carried them out: who works after whom."""
    STATES = "states"
    """Waits for an activity, by the state of an asset upstream: down or degraded."""


@dataclass(frozen=True, slots=True)
class Observed:
    """`dependent` comes directly after `provider` in `support` objects of the `together` that have both; `strength` is the share.

    `expected` is what chance would give at the most, `q` the least share of false discoveries at which this one is told. Delays
    in seconds, the 10 %, 50 % and 90 % quantiles (nearest rank) over all times that it was seen, from `since` until `until`.
    Of states `provider` is an asset that was in `trouble`, with which `support` of the `together` waits for `dependent` coincide.
    """

    provider: str
    dependent: str
    support: int
    together: int
    strength: float
    expected: float
    q: float
    delay_p10_seconds: float
    delay_median_seconds: float
    delay_p90_seconds: float
    since: Instant
    until: Instant
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class ObservedDependencies:
    """By strength and support, descending. Of `pairs` that could have been told, `seen` follow each other, or coincide, at all.
    `partial` where the deadline came before all was read: all is of the `objects` that were, and the lives of `unexplored` more
    were not."""

    object_type: str
    between: Between
    false_discoveries: float
    objects: int
    pairs: int
    seen: int
    edges: tuple[Observed, ...]
    definition: str
    ontology_version: str
    partial: bool = False
    unexplored: int = 0
    reflects: Reflects = field(default=Reflects(), compare=False, kw_only=True)


async def observed(
    store: Store,
    schema: Schema,
    object_type: str,
    between: Between = Between.ACTIVITIES,
    share: float = SHARE,
    patience: float | None = None,
) -> ObservedDependencies:
    """Of the objects of a type, those that are read within `patience`, in seconds. BadQuery where none of them has a step."""
    (found,) = await observed_between(store, schema, object_type, (between,), share, patience)
    return found


async def observed_between(
    store: Store,
    schema: Schema,
    object_type: str,
    kinds: Sequence[Between],
    share: float = SHARE,
    patience: float | None = None,
) -> list[ObservedDependencies]:
    """The same of several kinds, out of one reading. Of states the lives have half of the time; what surrounds them is then
    read whole, but for flags, which keep no recorded time and are no state of a device."""
    of_states, reflects = Between.STATES in kinds, await reflects_of(store)
    lives, whole = await lives_in_time(store, object_type, deadline(patience / 2 if patience and of_states else patience))
    unexplored = 0 if whole else await _objects(store, schema, object_type) - len(lives)
    around = await read_surroundings(store, schema, lives, flags=False) if of_states else Surroundings()
    told = []
    for kind in kinds:
        asked = partial(observed_in, lives, kind, share, around, object_type=object_type, ontology_version=schema.version)
        # Arithmetic of seconds, of which the loop keeps nobody waiting.
        told.append(await asyncio.to_thread(asked) if kind is Between.STATES else asked())
    return [replace(one, partial=not whole, unexplored=unexplored, reflects=reflects) for one in told]


async def _objects(store: Store, schema: Schema, object_type: str) -> int:
    """How many objects of a type have steps."""

    def counts(name: str) -> bool:
        if object_type not in schema.classes:
            return name == object_type
        return schema.is_a(name if name in schema.classes else WORK_OBJECT, object_type)

    return sum(count for name, count in (await store.object_types()).items() if counts(name))


def observed_in(
    lives: Lives,
    between: Between = Between.ACTIVITIES,
    share: float = SHARE,
    around: Surroundings = Surroundings(),
    *,
    object_type: str = "",
    ontology_version: str = "",
) -> ObservedDependencies:
    """The same of lives that are at hand, each in order, and what is `around` them: a function of their set. BadQuery for a share
    that is none."""
    if not 0 < share <= 1:
        raise BadQuery(f"{share:g} is no share of false discoveries: ask for more than 0 and at most 1, such as {SHARE}")
    found = _of_states(lives, around, share) if between is Between.STATES else _of_steps(lives, _name_of(between), share)
    edges = sorted(
        found.edges, key=lambda edge: (-edge.strength, -edge.support, edge.provider, edge.dependent, edge.trouble or "")
    )
    definition = OF_STATES if between is Between.STATES else DEFINITION
    return ObservedDependencies(
        object_type, between, share, len(lives), found.pairs, found.seen, tuple(edges), definition, ontology_version
    )


class _Found(NamedTuple):
    pairs: int
    seen: int
    edges: Sequence[Observed]


def _of_states(lives: Lives, around: Surroundings, share: float) -> _Found:
    found = met_by_states(lives, around, share)
    edges = [_edge((m.asset, m.activity), len(m.seen), m.together, m.expected, m.q, m.seen, m.trouble) for m in found.sure]
    return _Found(found.tests, found.coincide, edges)


def _of_steps(lives: Lives, name: Callable[[Timed], str | None], share: float) -> _Found:
    gaps, support = _followed(lives, name)
    together, chance = _expected(lives, name, support)
    names = {one for life in lives.values() for step in life if (one := name(step)) is not None}
    pairs = len(names) * (len(names) - 1)
    surprise = [tail(count, together[pair], chance[pair] / together[pair]) for pair, count in support.items()]
    edges = [
        _edge(pair, support[pair], together[pair], chance[pair], q, gaps[pair])
        for pair, q in zip(support, q_values(surprise, pairs), strict=True)
        if q <= share
    ]
    return _Found(pairs, len(support), edges)


def _name_of(between: Between) -> Callable[[Timed], str | None]:
    return (lambda step: step.activity) if between is Between.ACTIVITIES else (lambda step: step.resource)


def _followed(lives: Lives, name: Callable[[Timed], str | None]) -> tuple[Mapping[Pair, list[tuple[int, int]]], Counter[Pair]]:
    """For each pair that follow each other (start, gap) of each time, µs, and in how many lives they do."""
    gaps: defaultdict[Pair, list[tuple[int, int]]] = defaultdict(list)
    support: Counter[Pair] = Counter()
    for life in lives.values():
        here = set()
        for before, step in pairwise(life):
            first, second = name(before), name(step)
            if first is not None and second is not None and first != second:
                gaps[first, second].append((step.start, max(step.start - before.end, 0)))
                here.add((first, second))
        support.update(here)
    return gaps, support


def _expected(
    lives: Lives, name: Callable[[Timed], str | None], seen: Mapping[Pair, int]
) -> tuple[Counter[Pair], dict[Pair, float]]:
    """For each pair the lives that have both, and the expected number of these in which chance has them follow each other."""
    after: defaultdict[str, list[str]] = defaultdict(list)
    for first, second in seen:
        after[first].append(second)
    together: Counter[Pair] = Counter()
    chance: defaultdict[Pair, float] = defaultdict(float)
    # In order, since sums of floats depend on it.
    for _, life in sorted(lives.items()):
        counts = Counter(one for step in life if (one := name(step)) is not None)
        for first in counts.keys() & after.keys():
            for second in after[first]:
                if second in counts:
                    together[first, second] += 1
                    chance[first, second] += min(counts[first] * counts[second] / len(life), 1.0)
    return together, chance


def tail(least: int, trials: int, chance: float) -> float:
    """The probability of at least so many successes, of trials that each succeed with this chance."""
    if least <= 0 or chance >= 1:
        return 1.0
    total = 0.0
    for count in range(least, trials + 1):
        ways = lgamma(trials + 1) - lgamma(count + 1) - lgamma(trials - count + 1)
        term = exp(ways + count * log(chance) + (trials - count) * log(1 - chance))
        total += term
        if count > trials * chance and term < total * NEGLIGIBLE:
            break
    return min(total, 1.0)


def _edge(
    pair: Pair,
    support: int,
    together: int,
    expected: float,
    q: float,
    seen: Sequence[tuple[int, int]],
    trouble: Trouble | None = None,
) -> Observed:
    since, until = Instant(min(seen)[0]), Instant(max(seen)[0])
    p10, median, p90 = _quantiles(sorted(gap for _, gap in seen))
    strength = support / together
    return Observed(*pair, support, together, strength, expected, q, p10, median, p90, since, until, trouble)


def _quantiles(gaps: Sequence[int]) -> Iterator[float]:
    for share in (10, 50, 90):
        yield gaps[-(-len(gaps) * share // 100) - 1] / MICRO
