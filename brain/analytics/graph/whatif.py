"""What a scenario would change: what is lost at once, which impact another thing then has, which single points come and go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import nsmallest

import numpy as np

from brain.analytics.deadline import deadline
from brain.analytics.graph.critical import SINGLE, SinglePoint, Singles, point, singles, unranked
from brain.analytics.graph.degraded import FULL, Fallen
from brain.analytics.graph.impact import DEFINITION as IMPACT
from brain.analytics.graph.impact import DEGRADED, Affected, Asked, Telling, loss, numbered
from brain.analytics.graph.reach import within
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.scenario import Scenario, World, applied, as_it_is
from brain.analytics.graph.scenario_text import words
from brain.analytics.graph.snapshot import NODE_BITS, ROW, Bools, Ints, Snapshot, firsts, kinds, rows, seconds
from brain.analytics.graph.times import EDGE_BITS, NEVER, Spread
from brain.errors import BadQuery
from brain.schema import Schema

DEFINITION = (
    "what is without is lost for good, and all that it takes with it once delays and buffers are over; impact and single points"
    " are those of the graph that is left, single points with all capacities full."
    f" Impact: {IMPACT}{DEGRADED}. Single points of failure: {SINGLE}"
)


class Turn(StrEnum):
    """What becomes of a thing's loss."""

    NEWLY = "newly"
    ALREADY = "lost already"
    """What is lost, or does less, with the thing before is lost or does no more without it after, since the scenario takes it."""
    NO_LONGER = "no longer"
    SOONER = "sooner"
    LATER = "later"
    LESS = "less"
    """At the same time as before, and with less of its capacity left."""
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that is lost, or does less, in one of two graphs alone, or in both but otherwise; null where it is not."""

    id: str
    turn: Turn
    before: Affected | None
    after: Affected | None


@dataclass(frozen=True, slots=True)
class TurnCount:
    turn: Turn
    count: int


@dataclass(frozen=True, slots=True)
class Differences:
    """Between what is lost or does less `before`, so many things, and `after`; `counts` are of all differences. `partial` where
    the deadline or the depth left `unexplored` lost things, in both, from which was not looked further."""

    before: int
    after: int
    counts: tuple[TurnCount, ...]
    differences: tuple[Difference, ...]
    partial: bool
    unexplored: int


@dataclass(frozen=True, slots=True)
class MovedPoint:
    """A single point of failure in both graphs that takes other numbers with it."""

    id: str
    cls: str
    name: str | None
    lost_before: int
    lost_after: int
    objects_before: int
    objects_after: int


@dataclass(frozen=True, slots=True)
class PointsChange:
    """Which single points of failure come, which go, and which take more or fewer with them (`moved`): what is lost is none of
    either. `before` and `after` are how many there are, and each `…_count` is of all; `partial` where the deadline came before it
    was known what goes with each, so that `unexplored` of them are not told."""

    before: int
    after: int
    come: tuple[SinglePoint, ...]
    come_count: int
    gone: tuple[SinglePoint, ...]
    gone_count: int
    moved: tuple[MovedPoint, ...]
    moved_count: int
    partial: bool
    unexplored: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One graph beside another. `lost`: what it is without or is degraded, and all that is lost or does less with it; times are
    since then. `impact`: of the thing that was asked about, on what is left."""

    lost: Differences
    impact: Differences | None
    single_points: PointsChange


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What the `changes` make of the graph as it is (`effect`); `others` the same, and these beside the first (`between`).
    `notes` tell of changes that may do other than was meant."""

    changes: tuple[str, ...]
    effect: Comparison
    others: tuple[str, ...]
    other_effect: Comparison | None
    between: Comparison | None
    notes: tuple[str, ...]
    impact_of: str | None
    partial: bool
    definition: str
    ontology_version: str
    reflects: Reflects = field(compare=False, kw_only=True)


def what_if(
    snapshot: Snapshot,
    schema: Schema,
    scenario: Scenario,
    other: Scenario | None = None,
    *,
    id: str | None = None,
    cls: str | None = None,
    asked: Asked = Asked(),
) -> WhatIf:
    """`id` is the thing whose impact is compared, `cls` as for `single_points`. Of `asked`, `first` bounds each list, and
    `seconds` all together. BadQuery as for `applied`, and where the thing is lost in a scenario already."""
    until = deadline(asked.seconds)
    worlds = [as_it_is(snapshot), *(applied(snapshot, schema, one, until) for one in (scenario, other) if one is not None)]
    if id is not None and all(world.given.number(id) is None for world in worlds):
        numbered(snapshot, id)
    places = _Places(worlds)
    impacts = [None if id is None else _impact(world, schema, places, id, asked, until) for world in worlds]
    seen = [_Seen(schema, places, world, impact, cls) for world, impact in zip(worlds, impacts, strict=True)]
    effect = _compared(seen[0], seen[1], asked.first, until)
    other_effect = between = None
    if other is not None:
        other_effect, between = (_compared(one, seen[2], asked.first, until) for one in seen[:2])
    parts = [part for one in (effect, other_effect) if one for part in (one.lost, one.impact, one.single_points) if part]
    partial = any(part.partial for part in parts)
    others = () if other is None else words(other)
    pairs = zip((one for one in (scenario, other) if one is not None), worlds[1:], strict=True)
    notes = tuple(dict.fromkeys(note for one, world in pairs for note in _notes(one, world.given)))
    told = words(scenario), effect, others, other_effect, between, notes, id, partial
    return WhatIf(*told, DEFINITION, snapshot.ontology_version, reflects=snapshot.reflects)


def _notes(scenario: Scenario, given: Snapshot) -> Iterator[str]:
    """Of each link that makes another thing needed too, where it may have been meant as a spare."""
    for triple in scenario.link:
        kind = next(i for i, one in enumerate(given.kinds) if one.relation == triple.relation)
        by_target = given.kinds[kind].needed == "target"
        needing, needed = (triple.source, triple.target) if by_target else (triple.target, triple.source)
        node, row = given.index[needing], np.array([given.index[needing]])
        if given.any_of[given.cls[node], kind]:
            continue
        edges = rows(given.needs_start, given.needs, row)
        providers = sorted(given.ids[one] for one in seconds(edges[kinds(edges) == kind]).tolist())
        if len(providers) > 1:
            yield (
                f"{needing} needs each of {', '.join(providers)} by {triple.relation}: {needed} is one more that it needs, and no"
                " spare. What can replace each other provides a capability, which is then required"
            )


class _Places:
    """One number for each thing of several worlds: its own, or, for what a scenario adds, one above those of the base."""

    def __init__(self, worlds: Sequence[World]) -> None:
        base, *others = (world.given for world in worlds)
        self._shared = base.count
        added = dict.fromkeys(id for graph in others for id in graph.ids[base.count : graph.count])
        self.ids = [*base.ids[: base.count], *added]
        self._added = {id: base.count + i for i, id in enumerate(added)}

    def of(self, graph: Snapshot) -> Ints:
        """The places of its nodes."""
        added = [self._added[id] for id in graph.ids[self._shared : graph.count]]
        return np.append(np.arange(self._shared), np.array(added, np.int64))

    def node(self, graph: Snapshot, place: int) -> int:
        return place if place < self._shared else graph.index[self.ids[place]]


class _Felt:
    """What is lost or does less, over a graph or several with the same numbers; `root` is left out. By place `at`, when (NEVER:
    not at all), and `capacity`, what is left then."""

    def __init__(self, schema: Schema, places: _Places, *parts: tuple[Snapshot, Spread], root: int | None = None) -> None:
        self.open, self._places = sum(len(found.open) for _, found in parts), places
        self.at, self.capacity = np.full(len(places.ids), NEVER), np.full(len(places.ids), FULL)
        self._told = [Telling(snapshot, schema, found, None) for snapshot, found in parts]
        self._part = np.zeros(len(places.ids), np.int8)
        for part, (snapshot, found) in enumerate(parts):
            nodes = found.reached[found.reached != root] if root is not None else found.reached
            where = places.of(snapshot)[nodes]
            self.at[where], self._part[where] = found.value[nodes] >> EDGE_BITS, part
            self.capacity[where] = found.capacity[nodes] if isinstance(found, Fallen) else 0

    def ids_at(self, places: Ints) -> list[str]:
        return [self._places.ids[place] for place in places.tolist()]

    def affected(self, place: int) -> Affected | None:
        if self.at[place] == NEVER:
            return None
        told = self._told[int(self._part[place])]
        (affected,) = told.all(np.array([self._places.node(told.snapshot, place)]))
        return affected


class _Seen:
    """A world, with what was found out about it; `single` by place."""

    def __init__(self, schema: Schema, places: _Places, world: World, impact: _Felt | None, cls: str | None) -> None:
        self.schema, self.places, self.world, self.impact, self._cls = schema, places, world, impact, cls
        less = () if world.less is None else ((world.left, world.less),)
        self.lost = _Felt(schema, places, (world.given, world.lost), *less)
        self.single = np.zeros(len(places.ids), bool)
        self.single[places.of(world.left)[unranked(world.left, schema, cls)]] = True

    def beside(self, other: "_Seen") -> Ints:
        """The single points that are none of the other, and not only because they are lost there."""
        return np.flatnonzero(self.single & ~other.single & (other.lost.capacity > 0))

    def points(self, places: Ints, first: int, until: float | None) -> tuple[tuple[SinglePoint, ...], int]:
        """Of single points the first that are worst, and how many there was no time to rank."""
        found = self._singles(places, until)
        told = tuple(point(self.world.left, self.schema, found, place, until) for place in found.ranked[:first])
        return told, found.losses.left

    def takes(self, places: Ints, until: float | None) -> tuple[dict[str, tuple[int, int]], int]:
        """How many things, and objects, go with each of some single points; and of how many there was no time to know it."""
        found = self._singles(places, until)
        told = zip(found.losses.candidates.tolist(), found.losses.lost.tolist(), found.losses.counted.tolist(), strict=True)
        return {self.world.left.ids[node]: (lost, objects) for node, lost, objects in told}, found.losses.left

    def _singles(self, places: Ints, until: float | None) -> Singles:
        left = self.world.left
        nodes = np.array([self.places.node(left, place) for place in places.tolist()], np.int64)
        return singles(left, self.schema, self._cls, until, nodes)

    def above(self, changed: Ints) -> Bools:
        """By place, what the things at some places need, and these."""
        left = self.world.left
        there = np.array([left.index.get(self.places.ids[place], left.count) for place in changed.tolist()], np.int64)
        found = np.zeros(len(self.places.ids), bool)
        found[self.places.of(left)] = within(left.needs_start, left.needs, there[there < left.count])
        return found


def _impact(world: World, schema: Schema, places: _Places, id: str, asked: Asked, until: float | None) -> _Felt:
    root = world.left.number(id)
    if root is None:  # it is of the other scenario
        return _Felt(schema, places)
    if world.lost.value[root] < NEVER:
        raise BadQuery(f"{id!r} is lost already without the others: ask for the impact of another thing")
    return _Felt(schema, places, (world.left, loss(world.left, root, asked, until, world.less)), root=root)


def _compared(one: _Seen, two: _Seen, first: int, until: float | None) -> Comparison:
    impact = None if one.impact is None or two.impact is None else _differences(one.impact, two.impact, first, two.lost)
    return Comparison(_differences(one.lost, two.lost, first), impact, _points(one, two, first, until))


def _differences(one: _Felt, two: _Felt, first: int, gone: _Felt | None = None) -> Differences:
    """By turn, in each what comes first in time. `gone` has what is lost, or does less, without the thing that is asked about."""
    places = np.flatnonzero((one.at != two.at) | (one.capacity != two.capacity))
    before, after = one.at[places], two.at[places]
    less = two.capacity[places] < one.capacity[places]
    # The first that holds.
    already = np.zeros(len(places), bool)
    if gone is not None:
        already = (after == NEVER) & (gone.capacity[places] <= one.capacity[places])
    holds = (before == NEVER, already, after == NEVER, after < before, after > before, less, ~less)
    turn, when = np.select(holds, range(len(Turn))), np.where(after < NEVER, after, before)
    ids = one.ids_at(places)
    told = nsmallest(first, zip(turn.tolist(), when.tolist(), ids, places.tolist(), strict=True))
    turns = list(Turn)
    counted = np.bincount(turn, minlength=len(turns)).tolist()
    return Differences(
        int(np.count_nonzero(one.at < NEVER)),
        int(np.count_nonzero(two.at < NEVER)),
        tuple(TurnCount(*each) for each in zip(turns, counted, strict=True) if each[1]),
        tuple(Difference(id, turns[i], one.affected(place), two.affected(place)) for i, _, id, place in told),
        one.open + two.open > 0,
        one.open + two.open,
    )


def _points(one: _Seen, two: _Seen, first: int, until: float | None) -> PointsChange:
    come, gone = two.beside(one), one.beside(two)
    (came, unranked_come), (went, unranked_gone) = two.points(come, first, until), one.points(gone, first, until)
    moved, unranked_moved = _moved(one, two, until)
    before, after = int(np.count_nonzero(one.single)), int(np.count_nonzero(two.single))
    left = unranked_come + unranked_gone + unranked_moved
    return PointsChange(before, after, came, len(come), went, len(gone), moved[:first], len(moved), left > 0, left)


def _moved(one: _Seen, two: _Seen, until: float | None) -> tuple[tuple[MovedPoint, ...], int]:
    """Of the single points of both, those that take other numbers, by how many more or fewer objects, then things; and of how
    many it is not known. What goes with a thing changes only where something changed that hangs on it."""
    changed = _changed(one, two)
    both = np.flatnonzero(one.single & two.single & (one.above(changed) | two.above(changed)))
    (before, unknown), (after, unknown_after) = one.takes(both, until), two.takes(both, until)
    found = []
    for id in before.keys() & after.keys():
        if before[id] != after[id]:
            node, left = two.world.left.index[id], two.world.left
            (lost, objects), (lost_after, objects_after) = before[id], after[id]
            cls, name = left.classes[left.cls[node]], left.names[node]
            found.append(MovedPoint(id, cls, name, lost, lost_after, objects, objects_after))
    found.sort(key=lambda p: (-abs(p.objects_after - p.objects_before), -abs(p.lost_after - p.lost_before), p.id))
    return tuple(found), max(unknown, unknown_after)


def _changed(one: _Seen, two: _Seen) -> Ints:
    """The places of what needs something in one of two graphs that it does not need in the other."""
    return np.unique(firsts(np.setxor1d(_edges(one), _edges(two), assume_unique=True)))


def _edges(seen: _Seen) -> Ints:
    """The needs of its graph, with places for numbers."""
    place, needs = seen.places.of(seen.world.left), seen.world.left.needs
    return place[firsts(needs)] << ROW | kinds(needs) << NODE_BITS | place[seconds(needs)]
