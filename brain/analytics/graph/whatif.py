"""What a scenario would change: what is lost at once, which impact another thing then has, which single points come and go."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from brain.analytics.deadline import deadline
from brain.analytics.graph.critical import SINGLE, SinglePoint, Singles, point, singles
from brain.analytics.graph.impact import DEFINITION as IMPACT
from brain.analytics.graph.impact import DEGRADED, Affected, Asked, Telling, loss, numbered
from brain.analytics.graph.scenario import Scenario, World, applied, as_it_is
from brain.analytics.graph.scenario_text import words
from brain.analytics.graph.snapshot import Snapshot
from brain.analytics.graph.times import NEVER, Spread
from brain.errors import BadQuery
from brain.schema import Schema

DEFINITION = (
    "what is without is lost for good, and all that it takes with it once delays and buffers are over; impact and single points"
    " are those of the graph that is left, single points with all capacities full."
    f" Impact: {IMPACT}{DEGRADED}. Single points of failure: {SINGLE}"
)
WHOLE = (0, 1.0)
"""As of what is neither lost nor does less."""


class Turn(StrEnum):
    """What becomes of a thing's loss."""

    NEWLY = "newly"
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
class PointsChange:
    """Which single points of failure come, and which go: what is lost is none of either. `before` and `after` are how many there
    are; `partial` where the deadline left `unexplored` candidates unlooked at, in both, which neither come nor go."""

    before: int
    after: int
    come: tuple[SinglePoint, ...]
    come_count: int
    gone: tuple[SinglePoint, ...]
    gone_count: int
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
    """What the `changes` make of the graph as it is (`effect`); `others` the same, and these beside the first (`between`)."""

    changes: tuple[str, ...]
    effect: Comparison
    others: tuple[str, ...]
    other_effect: Comparison | None
    between: Comparison | None
    impact_of: str | None
    partial: bool
    definition: str
    ontology_version: str


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
    impacts = [None if id is None else _impact(world, schema, id, asked, until) for world in worlds]
    points = [singles(world.left, schema, cls, until) for world in worlds]
    seen = [_Seen(schema, *each) for each in zip(worlds, impacts, points, strict=True)]
    effect = _compared(seen[0], seen[1], asked.first)
    other_effect = between = None
    if other is not None:
        other_effect, between = (_compared(one, seen[2], asked.first) for one in seen[:2])
    parts = [part for one in (effect, other_effect) if one for part in (one.lost, one.impact, one.single_points) if part]
    partial = any(part.partial for part in parts)
    others = () if other is None else words(other)
    version = snapshot.ontology_version
    return WhatIf(words(scenario), effect, others, other_effect, between, id, partial, DEFINITION, version)


class _Felt:
    """What is lost or does less, over a graph or several with the same numbers; `root` is left out."""

    def __init__(self, schema: Schema, *parts: tuple[Snapshot, Spread], root: int | None = None) -> None:
        self.open = sum(len(found.open) for _, found in parts)
        self._told: dict[str, tuple[Telling, int]] = {}
        self.hit: dict[str, tuple[int, float]] = {}
        """When, and what is left then."""
        for snapshot, found in parts:
            told = Telling(snapshot, schema, found, None)
            for node in found.reached.tolist():
                if node != root:
                    self._told[snapshot.ids[node]] = told, node
                    self.hit[snapshot.ids[node]] = found.time(node), told.capacity(node)

    def affected(self, id: str) -> Affected | None:
        told, node = self._told.get(id, (None, 0))
        return None if told is None else told.affected(node)


class _Seen:
    """A world, with what was found out about it."""

    def __init__(self, schema: Schema, world: World, impact: _Felt | None, points: Singles) -> None:
        self.schema, self.world, self.impact, self.points = schema, world, impact, points
        less = () if world.less is None else ((world.left, world.less),)
        self.lost = _Felt(schema, (world.given, world.lost), *less)
        ids = world.left.ids
        self.single = {ids[points.candidates[place]]: place for place in points.ranked}
        looked = len(points.losses.candidates)
        self.unlooked = {ids[node] for node in points.candidates[looked:].tolist()}

    def silent(self, id: str) -> bool:
        """Whether it takes no others down only because it is lost itself, or was not looked at."""
        return self.lost.hit.get(id, WHOLE)[1] == 0 or id in self.unlooked


def _impact(world: World, schema: Schema, id: str, asked: Asked, until: float | None) -> _Felt:
    root = world.left.number(id)
    if root is None:  # it is of the other scenario
        return _Felt(schema)
    if world.lost.value[root] < NEVER:
        raise BadQuery(f"{id!r} is lost already without the others: ask for the impact of another thing")
    return _Felt(schema, (world.left, loss(world.left, root, asked, until, world.less)), root=root)


def _compared(one: _Seen, two: _Seen, first: int) -> Comparison:
    impact = None if one.impact is None or two.impact is None else _differences(one.impact, two.impact, first)
    return Comparison(_differences(one.lost, two.lost, first), impact, _points(one, two, first))


def _differences(one: _Felt, two: _Felt, first: int) -> Differences:
    """By turn, in each what comes first in time."""
    turns = {id: _turn(one.hit.get(id), two.hit.get(id)) for id, _ in one.hit.items() ^ two.hit.items()}
    rank = {turn: i for i, turn in enumerate(Turn)}
    order = sorted(turns, key=lambda id: (rank[turns[id]], two.hit.get(id, one.hit.get(id, WHOLE))[0], id))
    counted = Counter(turns.values())
    told = tuple(Difference(id, turns[id], one.affected(id), two.affected(id)) for id in order[:first])
    counts = tuple(TurnCount(turn, counted[turn]) for turn in Turn if counted[turn])
    unexplored = one.open + two.open
    return Differences(len(one.hit), len(two.hit), counts, told, unexplored > 0, unexplored)


def _turn(before: tuple[int, float] | None, after: tuple[int, float] | None) -> Turn:
    if before is None:
        return Turn.NEWLY
    if after is None:
        return Turn.NO_LONGER
    if before[0] != after[0]:
        return Turn.SOONER if after[0] < before[0] else Turn.LATER
    return Turn.LESS if after[1] < before[1] else Turn.MORE


def _points(one: _Seen, two: _Seen, first: int) -> PointsChange:
    come = [id for id in two.single if id not in one.single and not one.silent(id)]
    gone = [id for id in one.single if id not in two.single and not two.silent(id)]
    unexplored = one.points.losses.left + two.points.losses.left
    told = (_told(two, come[:first]), len(come), _told(one, gone[:first]), len(gone))
    return PointsChange(len(one.single), len(two.single), *told, unexplored > 0, unexplored)


def _told(seen: _Seen, ids: Iterable[str]) -> tuple[SinglePoint, ...]:
    return tuple(point(seen.world.left, seen.schema, seen.points, seen.single[id]) for id in ids)
