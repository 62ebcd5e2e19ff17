"""Which things most hangs on: the single points of failure, and what flows through each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from brain.analytics.deadline import deadline, late
from brain.analytics.graph.impact import MOST, Affected, Part, Telling, parts_of
from brain.analytics.graph.losses import Losses, fatal_alone, losses
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.snapshot import Bools, Ints, Snapshot, of_class
from brain.analytics.graph.structure import Floats, articulation_points, betweenness, ranks
from brain.analytics.graph.times import spread
from brain.errors import BadQuery
from brain.schema import Schema

FAILING = ("Asset", "Agent")
"""What breaks, or is not there. Of places and the like one may ask by class."""
SOURCES = 200
"""Things from which shortest ways are counted, where betweenness is asked for."""
EXAMPLES = 3
GOLDEN = (5**0.5 - 1) / 2
DIGITS = 9
"""Values that differ by less, in shares of the greatest, are alike: a sum of floats depends on the order of what is added."""


@dataclass(frozen=True, slots=True)
class SinglePoint:
    """`lost` others go when it alone does, `objects` of them what work moves along and whose life is not over. The `examples` are
    what is lost first, objects before others, each with the way that carries it."""

    id: str
    cls: str
    name: str | None
    lost: int
    objects: int
    examples: tuple[Affected, ...]


@dataclass(frozen=True, slots=True)
class SinglePoints:
    """The single points of failure among things of a class, worst first: by `objects`, then by `lost`, then by id. `count` are
    all whose loss alone takes others down; `partial` where the deadline left `unexplored` candidates unlooked at, those by which
    least seems to flow."""

    points: tuple[SinglePoint, ...]
    count: int
    candidates: int
    partial: bool
    unexplored: int
    definition: str
    ontology_version: str
    reflects: Reflects = field(compare=False, kw_only=True)


class Measure(StrEnum):
    FLOW = "flow"
    """The share of all chains of needs that pass through it: a walk from thing to thing needed, each need alike (PageRank)."""
    BETWEENNESS = "betweenness"
    """How many shortest ways of a loss go through it, from 200 sources spread over all things."""


@dataclass(frozen=True, slots=True)
class Critical:
    """`joint`: without it things that are joined now no longer are (an articulation point)."""

    id: str
    cls: str
    name: str | None
    value: float
    joint: bool


@dataclass(frozen=True, slots=True)
class Criticality:
    """What ranks first by a measure. `partial` where the deadline came before all was counted: of BETWEENNESS so many sources are
    `unexplored`, of FLOW so many ranks had not settled."""

    measure: Measure
    ranked: tuple[Critical, ...]
    count: int
    definition: str
    ontology_version: str
    partial: bool = False
    unexplored: int = 0
    reflects: Reflects = field(compare=False, kw_only=True)


SINGLE = (
    "the other things lost for good with it alone, delays and buffers left aside, any-of redundancy counted; ranked by process"
    " objects lost, then by all things lost; declared dependencies"
)
DEFINITIONS = {
    Measure.FLOW: "PageRank over declared needs, damping 0.85: from a thing to one that it needs, each need alike",
    Measure.BETWEENNESS: f"Brandes' betweenness from at most {SOURCES} sources along declared dependencies, not scaled;"
    " redundancy left aside",
}


def single_points(
    snapshot: Snapshot, schema: Schema, cls: str | None = None, first: int = 20, patience: float | None = None
) -> SinglePoints:
    """Of a class and those below it; of assets and people where none is named. `patience` in seconds. BadQuery for an unknown
    class."""
    until = deadline(patience)
    found = singles(snapshot, schema, cls, until)
    points = tuple(point(snapshot, schema, found, place, until) for place in found.ranked[:first])
    version, left = snapshot.ontology_version, found.losses.left
    counts = len(found.ranked), len(found.candidates), left > 0 or late(until), left
    return SinglePoints(points, *counts, SINGLE, version, reflects=snapshot.reflects)


@dataclass(frozen=True)
class Singles:
    """All `candidates`, of which the first were looked at; `ranked` are the places of those that take others down, in order."""

    candidates: Ints
    losses: Losses
    ranked: list[int]


def singles(snapshot: Snapshot, schema: Schema, cls: str | None, until: float | None, only: Ints | None = None) -> Singles:
    """As `single_points`, or of some nodes `only`; `until` is of time.monotonic."""
    objects, candidates = _candidates(snapshot, schema, cls)
    candidates = candidates if only is None else only
    order = candidates[np.argsort(-ranks(snapshot, until=until)[0][candidates], kind="stable")]
    found = losses(snapshot, order.tolist(), objects & ~snapshot.closed, until)
    single = np.flatnonzero(found.lost)
    ranked = sorted(single.tolist(), key=lambda i: (-found.counted[i], -found.lost[i], snapshot.ids[order[i]]))
    return Singles(order, found, ranked)


def unranked(snapshot: Snapshot, schema: Schema, cls: str | None) -> Ints:
    """The nodes that are single points of failure, without what goes with each: soon told of a large graph."""
    _, candidates = _candidates(snapshot, schema, cls)
    return candidates[fatal_alone(snapshot)[candidates]]


def point(snapshot: Snapshot, schema: Schema, found: Singles, place: int, until: float | None = None) -> SinglePoint:
    """Without examples where there is no time left for them."""
    node, told = int(found.candidates[place]), found.losses
    examples = () if late(until) else _examples(snapshot, schema, node, until)
    return SinglePoint(*_told(snapshot, node), int(told.lost[place]), int(told.counted[place]), examples)


def _candidates(snapshot: Snapshot, schema: Schema, cls: str | None) -> tuple[Bools, Ints]:
    """Which nodes are process objects, and the others of the class on which something hangs."""
    parts = np.array([part is Part.OBJECT for part in parts_of(snapshot, schema)], bool)
    objects = parts[snapshot.cls]
    among = of_class(snapshot, schema, FAILING if cls is None else (schema.of(cls).name,))
    needed = np.diff(snapshot.feeds_start) > 0
    return objects, np.flatnonzero(among & needed & (~objects if cls is None else True))


def _told(snapshot: Snapshot, node: int) -> tuple[str, str, str | None]:
    return snapshot.ids[node], snapshot.classes[snapshot.cls[node]], snapshot.names[node]


def _examples(snapshot: Snapshot, schema: Schema, node: int, until: float | None) -> tuple[Affected, ...]:
    found = spread(snapshot, [node], until=until)
    told = Telling(snapshot, schema, found, None)
    lost = found.reached[found.reached != node][:MOST].tolist()
    lost.sort(key=lambda other: told.part(other) is not Part.OBJECT)
    return told.all(np.array(lost[:EXAMPLES], np.int64))


def criticality(
    snapshot: Snapshot,
    schema: Schema,
    measure: Measure = Measure.FLOW,
    cls: str | None = None,
    first: int = 20,
    patience: float | None = None,
    sources: Sequence[int] | None = None,
) -> Criticality:
    """As `single_points` in what it ranks; `patience` in seconds. Betweenness is counted from these `sources`, else from some
    spread over all. BadQuery for an unknown class or measure."""
    if measure not in DEFINITIONS:
        raise BadQuery(f"criticality is by {' or '.join(Measure)}, not by {measure!r}")
    _, candidates = _candidates(snapshot, schema, cls)
    values, left = _values(snapshot, measure, deadline(patience), spread_out(snapshot) if sources is None else sources)
    order = _greatest(snapshot, candidates, values, first)
    joints = np.isin(order, articulation_points(snapshot))
    ranked = [
        Critical(*_told(snapshot, node), float(values[node]), joint)
        for node, joint in zip(order.tolist(), joints.tolist(), strict=True)
    ]
    told = tuple(ranked), len(candidates), DEFINITIONS[measure], snapshot.ontology_version
    return Criticality(measure, *told, left > 0, left, reflects=snapshot.reflects)


def _greatest(snapshot: Snapshot, nodes: Ints, values: Floats, first: int) -> Ints:
    """The first so many of some nodes, those alike by id: their numbers are the order in which somebody happened to read them."""
    told = np.round(values[nodes] / (values[nodes].max(initial=0) or 1), DIGITS)
    if 0 < first < len(nodes):
        chosen = told >= np.partition(told, len(nodes) - first)[len(nodes) - first]
        nodes, told = nodes[chosen], told[chosen]
    order = sorted(zip((-told).tolist(), [snapshot.ids[node] for node in nodes.tolist()], nodes.tolist(), strict=True))
    return np.array([node for _, _, node in order[:first]], np.int64)


def spread_out(snapshot: Snapshot) -> Sequence[int]:
    """At most `SOURCES` nodes, evenly among all."""
    return range(0, snapshot.count, max(1, -(-snapshot.count // SOURCES)))


def _values(snapshot: Snapshot, measure: Measure, until: float | None, sources: Sequence[int]) -> tuple[Floats, int]:
    """And what is left to count, for want of time."""
    if measure is Measure.FLOW:
        return ranks(snapshot, until=until)
    counted = 0

    def in_time() -> Iterator[int]:
        nonlocal counted
        # Spread over all things from the first on, so that a part of them is too.
        for source in sources if until is None else sorted(sources, key=lambda source: source * GOLDEN % 1):
            if late(until):
                return
            counted += 1
            yield source

    return betweenness(snapshot, in_time()), len(sources) - counted
