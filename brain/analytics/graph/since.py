"""How a graph of dependencies changed since a past time: what came, what went, what moved. Two snapshots, side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from brain.analytics.deadline import deadline, left
from brain.analytics.graph.circles import MOST as MEMBERS
from brain.analytics.graph.circles import Circle, Circles, circles
from brain.analytics.graph.coupling import ASSETS, Coupled, HiddenCoupling, hidden_coupling
from brain.analytics.graph.coupling import DEFINITION as COUPLING
from brain.analytics.graph.critical import DEFINITIONS, SINGLE, Criticality, Measure, criticality, singles, spread_out
from brain.analytics.graph.evidence import named_as_of
from brain.analytics.graph.reading import read
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.snapshot import NODE_BITS, NODE_MASK, ROW, Ints, Snapshot, renumbered
from brain.errors import BadQuery
from brain.identities import under_names_of
from brain.ports import Store
from brain.query import EVERY, AsOf
from brain.rewound import rewound
from brain.schema import Schema
from brain.words import iso

MOST = 100
"""Of each list; all are counted."""
RANKS = 20
"""Whose ranks are compared: what is among the first so many then or now."""


class How(StrEnum):
    COME = "come"
    GONE = "gone"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class PointChange:
    """A single point of failure that came, went, or takes other numbers with it. Null where it was none."""

    id: str
    cls: str
    name: str | None
    how: How
    lost_then: int | None
    lost_now: int | None
    objects_then: int | None
    objects_now: int | None


@dataclass(frozen=True, slots=True)
class RankChange:
    """Ranks count from 1; null where the thing was not there."""

    id: str
    cls: str
    name: str | None
    how: How
    rank_then: int | None
    rank_now: int | None
    value_then: float | None
    value_now: float | None


@dataclass(frozen=True, slots=True)
class CircleChange:
    """`how` is COME or GONE: a circle with other members is another."""

    how: How
    circle: Circle


@dataclass(frozen=True, slots=True)
class DependencyChange:
    """A dependency that came, went, or MOVED: `dependent` had one provider by the relation, `provider_then`, and has another."""

    how: How
    dependent: str
    relation: str
    provider_then: str | None
    provider_now: str | None


@dataclass(frozen=True, slots=True)
class CouplingChange:
    """Two things that go down together beyond chance now, or did (null: not so); MOVED where the pair is hidden or is no longer,
    or failed another number of times."""

    how: How
    a: str
    b: str
    then: Coupled | None
    now: Coupled | None


class Compared(StrEnum):
    """What is compared, besides dependencies, which always are."""

    POINTS = "single points"
    RANKS = "ranks"
    CIRCLES = "circles"
    COUPLINGS = "couplings"


@dataclass(frozen=True, slots=True)
class Unexplored:
    """What there was no time for, then or now: candidates of which it is not known whether they are single points, ranks that had
    not settled or sources that were not counted from, relations by which no circle was sought, pairs that were not compared and
    things whose states were not read."""

    what: Compared
    count: int


@dataclass(frozen=True, slots=True)
class GraphChange:
    """Of each kind at most 100 are told, all are counted. Worst first: points by what they take now (or took), ranks by how far
    they moved, edges that moved, came and went, by name; couplings that came, went or turned before those that only failed more
    often, hidden ones first (null where they were not asked for). `partial` where the deadline came first: what is told is so,
    and of what is `unexplored` then or now no change is told."""

    points: tuple[PointChange, ...]
    points_count: int
    ranks: tuple[RankChange, ...]
    ranks_count: int
    circles: tuple[CircleChange, ...]
    circles_count: int
    edges: tuple[DependencyChange, ...]
    edges_count: int
    couplings: tuple[CouplingChange, ...] | None
    couplings_count: int | None
    measure: Measure
    definition: str
    ontology_version: str
    partial: bool = False
    unexplored: tuple[Unexplored, ...] = ()
    reflects: Reflects = field(compare=False, kw_only=True)
    reflects_then: Reflects = field(compare=False, kw_only=True)


class Alone(NamedTuple):
    """What goes with a single point of failure."""

    cls: str
    name: str | None
    lost: int | None
    objects: int | None


NONE = Alone("", None, None, None)
DEFINITION = (
    "the graph as it was then beside the graph now, both as known at one time; single points of failure: {single}; ranks among"
    f" the first {RANKS} then or now, by {{measure}}"
)


COUPLINGS = "; couplings, of all states until then beside those of all states until now: {coupling}"


def point_then(since: int, at: AsOf, now: int) -> AsOf:
    """The point with which the one that is asked for is compared, as known at the same. BadQuery where it would be the later of
    the two, since what came would be told as gone."""
    until = now if at.valid is None else at.valid
    if since > until:
        named = "now" if at.valid is None else "the time as of which it is asked for"
        raise BadQuery(f"since {iso(since)} is after {named}, {iso(until)}: give an earlier one, or a later time as of which")
    return AsOf(since, at.known)


async def read_then(store: Store, schema: Schema, begin: AsOf, at: AsOf) -> Snapshot:
    """The graph at `begin`, of things as they are merged at `at`: that two ids are one was so before anybody said it."""
    return await read(named_as_of(store, schema, at), schema, begin, merged=at)


def changes(
    then: Snapshot,
    now: Snapshot,
    schema: Schema,
    cls: str | None = None,
    measure: Measure = Measure.FLOW,
    first: int = MOST,
    coupled: tuple[HiddenCoupling, HiddenCoupling] | None = None,
    patience: float | None = None,
) -> GraphChange:
    """Of a class and those below it; of assets and people where none is named. `coupled` are the hidden couplings of both.
    `patience` in seconds. BadQuery for an unknown class."""
    until, graphs, edges, pairs = deadline(patience), (then, now), _edges(then, now), None
    # What takes longest has what the others leave.
    rounds, unsought = _circles(*(circles(graph, EVERY, left(until, 6 - i), EVERY) for i, graph in enumerate(graphs)))
    ranked = (
        criticality(graph, schema, measure, cls, EVERY, left(until, 4 - i), _sources(graph, now))
        for i, graph in enumerate(graphs)
    )
    ranks, unsettled = _ranks(*ranked)
    points, unjudged = _points(*(_alone(graph, schema, cls, left(until, 2 - i)) for i, graph in enumerate(graphs)))
    counts = {Compared.POINTS: unjudged, Compared.RANKS: unsettled, Compared.CIRCLES: unsought}
    if coupled is not None:
        pairs, counts[Compared.COUPLINGS] = _couplings(*coupled)
    unexplored = tuple(Unexplored(what, count) for what, count in counts.items() if count)
    return GraphChange(
        tuple(points[:first]),
        len(points),
        tuple(ranks[:first]),
        len(ranks),
        tuple(rounds[:first]),
        len(rounds),
        tuple(edges[:first]),
        len(edges),
        None if pairs is None else tuple(pairs[:first]),
        None if pairs is None else len(pairs),
        measure,
        (DEFINITION if coupled is None else DEFINITION + COUPLINGS).format(
            single=SINGLE, measure=DEFINITIONS[measure], coupling=COUPLING
        ),
        now.ontology_version,
        len(unexplored) > 0,
        unexplored,
        reflects=now.reflects,
        reflects_then=then.reflects,
    )


async def coupled_in(
    store: Store, schema: Schema, then: Snapshot, now: Snapshot, cls: str | None = None, patience: float | None = None
) -> tuple[HiddenCoupling, HiddenCoupling]:
    """The hidden couplings of the points of both graphs: of a class and those below it, of assets where none is named. `patience`
    in seconds."""
    until = deadline(patience)

    async def of(graph: Snapshot, seconds: float | None) -> HiddenCoupling:
        named = under_names_of(rewound(store, schema, graph.at), rewound(store, schema, now.at))
        return await hidden_coupling(named, schema, graph, cls or ASSETS, patience=seconds)

    return await of(then, left(until, 2)), await of(now, left(until))


def _sources(graph: Snapshot, now: Snapshot) -> list[int]:
    """Those of the graph now, wherever they are there: counted from others, what did not change would move."""
    return [node for source in spread_out(now) if (node := graph.number(now.ids[source])) is not None]


def _how(then: object | None, now: object | None) -> How:
    return How.COME if then is None else How.GONE if now is None else How.MOVED


Singled = tuple[dict[str, Alone], frozenset[str]]
"""The single points of failure; and the candidates of which that is not known."""


def _alone(graph: Snapshot, schema: Schema, cls: str | None, patience: float | None) -> Singled:
    found = singles(graph, schema, cls, deadline(patience))
    nodes, lost, counted = (column.tolist() for column in (found.candidates, found.losses.lost, found.losses.counted))
    told = {
        graph.ids[nodes[i]]: Alone(graph.classes[graph.cls[nodes[i]]], graph.names[nodes[i]], lost[i], counted[i])
        for i in found.ranked
    }
    return told, frozenset(graph.ids[node] for node in nodes[len(lost) :])


def _points(was: Singled, is_: Singled) -> tuple[list[PointChange], int]:
    """And of how many it is not known."""
    (then, unjudged), (now, more) = was, is_
    unknown, found = unjudged | more, []
    for id, told in {**then, **now}.items():
        a, b = then.get(id, NONE), now.get(id, NONE)
        if (a.lost, a.objects) != (b.lost, b.objects) and id not in unknown:
            how = _how(then.get(id), now.get(id))
            found.append(PointChange(id, told.cls, told.name, how, a.lost, b.lost, a.objects, b.objects))
    return sorted(found, key=_weight), len(unknown)


def _weight(p: PointChange) -> tuple[int, int, str]:
    return -max(p.objects_then or 0, p.objects_now or 0), -max(p.lost_then or 0, p.lost_now or 0), p.id


def _ranks(then: Criticality, now: Criticality) -> tuple[list[RankChange], int]:
    """None where those of one graph had not settled, and how many had not."""
    was, is_ = ({one.id: (rank, one) for rank, one in enumerate(found.ranked, 1)} for found in (then, now))
    if unsettled := max(then.unexplored, now.unexplored):
        return [], unsettled
    found = []
    for id, (_, told) in (was | is_).items():
        a, b = was.get(id), is_.get(id)
        ranks = [one[0] for one in (a, b) if one is not None]
        if min(ranks) <= RANKS and (len(ranks) < 2 or ranks[0] != ranks[1]):
            values = (a and a[0], b and b[0], a and a[1].value, b and b[1].value)
            found.append(RankChange(id, told.cls, told.name, _how(a, b), *values))
    found.sort(key=lambda r: (-abs((r.rank_then or 0) - (r.rank_now or 0)), r.rank_now or r.rank_then or 0, r.id))
    return found, 0


def _circles(then: Circles, now: Circles) -> tuple[list[CircleChange], int]:
    """Of circles with all of their things. None where not all relations of both graphs were looked at, and how many were not."""
    was, is_ = ({(circle.ids, circle.relation): circle for circle in found.circles} for found in (then, now))
    if unsought := max(then.unexplored, now.unexplored):
        return [], unsought
    come = [(How.COME, circle) for key, circle in is_.items() if key not in was]
    gone = [(How.GONE, circle) for key, circle in was.items() if key not in is_]
    return [CircleChange(how, replace(circle, ids=circle.ids[:MEMBERS])) for how, circle in come + gone], 0


def _couplings(then: HiddenCoupling, now: HiddenCoupling) -> tuple[list[CouplingChange], int]:
    """And of how much it is not known. What is told of a part of the pairs may have been, or be, of the rest."""
    was, is_ = ({(pair.a, pair.b): pair for pair in found.couplings} for found in (then, now))
    found = []
    for a, b in was.keys() | is_.keys():
        old, new = was.get((a, b)), is_.get((a, b))
        unknown = (old is None and then.partial) or (new is None and now.partial)
        if not unknown and (old is None or new is None or _counted(old) != _counted(new)):
            found.append(CouplingChange(_how(old, new), a, b, old, new))
    return sorted(found, key=_told_before), max(one.unexplored + one.unread for one in (then, now))


def _counted(pair: Coupled) -> tuple[bool, int, int, int]:
    return pair.hidden, pair.together, pair.failures_a, pair.failures_b


def _told_before(c: CouplingChange) -> tuple[bool, bool, float, str, str]:
    pair = c.now or c.then
    assert pair is not None
    more = c.then is not None and c.now is not None and c.then.hidden == c.now.hidden
    return more, not pair.hidden, -pair.together / max(pair.failures_a, pair.failures_b), c.a, c.b


def _edges(then: Snapshot, now: Snapshot) -> list[DependencyChange]:
    """One that went and one that came from the same dependent by the same relation are one that moved, where they are the only
    ones."""
    # A live graph goes on learning ids meanwhile, in the list that `now` shares.
    names = [*now.ids[: now.count], *(id for id in then.ids if now.number(id) is None)]
    before = _renumbered(then, names)
    gone = _by_need(before[~np.isin(before, now.needs)].tolist())
    come = _by_need(now.needs[~np.isin(now.needs, before)].tolist())
    found = []
    for need in gone.keys() | come.keys():
        dependent, relation = names[need >> ROW - NODE_BITS], now.kinds[need & (1 << ROW - NODE_BITS) - 1].relation
        old, new = gone.get(need, []), come.get(need, [])
        if len(old) == len(new) == 1:
            found.append(DependencyChange(How.MOVED, dependent, relation, names[old[0]], names[new[0]]))
        else:
            found += [DependencyChange(How.COME, dependent, relation, None, names[provider]) for provider in new]
            found += [DependencyChange(How.GONE, dependent, relation, names[provider], None) for provider in old]
    order = {How.MOVED: 0, How.COME: 1, How.GONE: 2}
    return sorted(found, key=lambda e: (order[e.how], e.dependent, e.relation, e.provider_now or "", e.provider_then or ""))


def _renumbered(then: Snapshot, names: Sequence[str]) -> Ints:
    """The edges of `then`, its nodes under the places that they have among these names."""
    place = {id: i for i, id in enumerate(names)}
    return renumbered(then.needs, np.array([place[id] for id in then.ids], np.int64))


def _by_need(edges: Iterable[int]) -> dict[int, list[int]]:
    """The providers of each dependent by each relation."""
    found: dict[int, list[int]] = {}
    for edge in edges:
        found.setdefault(edge >> NODE_BITS, []).append(edge & NODE_MASK)
    return found
