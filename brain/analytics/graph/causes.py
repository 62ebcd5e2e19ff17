"""What may be behind a thing that is down: all that it needs, those first whose loss alone would do it."""

from dataclasses import dataclass

import numpy as np

from brain.analytics.graph.impact import MOST, Carrier, Part, carrier, numbered, parts_of
from brain.analytics.graph.losses import fatal
from brain.analytics.graph.reach import AT_ONCE, WORD, within
from brain.analytics.graph.snapshot import ROW, Bools, Ints, Snapshot, firsts, kinds, rows, seconds
from brain.analytics.graph.times import EDGE_BITS, NEVER, costs
from brain.schema import Schema

DEPTH = 20
DEFINITION = (
    "all that it needs, directly or not; first those whose loss alone is its own (any-of redundancy counted), then by the least"
    " time and the fewest dependencies on the way; declared dependencies"
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """`alone`: its loss alone takes the thing down; otherwise others would have to be lost with it. `after_seconds` is the least
    time that its loss takes to be felt, along `via`. `state` is what it says of itself."""

    id: str
    cls: str
    name: str | None
    part: Part
    state: str | None
    alone: bool
    after_seconds: float
    distance: int
    via: tuple[Carrier, ...]


@dataclass(frozen=True, slots=True)
class Suspects:
    """What may be behind the loss of `id`, at most `depth` dependencies away; `partial` where more lies beyond."""

    id: str
    cls: str
    name: str | None
    depth: int
    count: int
    causes: tuple[Suspect, ...]
    partial: bool
    definition: str
    ontology_version: str


def causes(snapshot: Snapshot, schema: Schema, id: str, depth: int = DEPTH, first: int = MOST) -> Suspects:
    """BadQuery for a thing that no dependency touches."""
    node = numbered(snapshot, id)
    value, by, partial = _back(snapshot, node, depth)
    found = np.flatnonzero((value < NEVER) & (value > 0))
    alone = _alone(snapshot, node, found)
    order = np.lexsort((value[found], ~alone))[:first]
    parts = parts_of(snapshot, schema)
    told = tuple(
        Suspect(
            snapshot.ids[cause],
            snapshot.classes[snapshot.cls[cause]],
            snapshot.names[cause],
            parts[snapshot.cls[cause]],
            snapshot.states[cause],
            bool(alone[place]),
            (int(value[cause]) >> EDGE_BITS) / 1e6,
            int(value[cause]) & (1 << EDGE_BITS) - 1,
            _via(snapshot, by, cause),
        )
        for place, cause in zip(order.tolist(), found[order].tolist(), strict=True)
    )
    cls, name = snapshot.classes[snapshot.cls[node]], snapshot.names[node]
    return Suspects(id, cls, name, depth, len(found), told, partial, DEFINITION, snapshot.ontology_version)


def _back(snapshot: Snapshot, node: int, depth: int) -> tuple[Ints, Ints, bool]:
    """For each thing that the node needs: the least time until its loss is felt (see `times`), over at most `depth` edges, and
    the edge by which. Then whether more lies beyond."""
    value, by = np.full(snapshot.count, NEVER), np.full(snapshot.count, -1, np.int64)
    cost = costs(snapshot)
    value[node] = 0
    near = within(snapshot.needs_start, snapshot.needs, np.array([node]), depth)
    level = np.array([node])
    while len(level):
        edges = rows(snapshot.needs_start, snapshot.needs, level)
        edges = edges[near[seconds(edges)]]
        after = value[firsts(edges)] + cost[kinds(edges)] + (snapshot.buffer[firsts(edges)] << EDGE_BITS)
        order = np.lexsort((after, seconds(edges)))
        edges, after = edges[order], after[order]
        provider, best = np.unique(seconds(edges), return_index=True)
        better = after[best] < value[provider]
        level, best = provider[better], best[better]
        value[level], by[level] = after[best], edges[best]
    beyond = seconds(rows(snapshot.needs_start, snapshot.needs, np.flatnonzero(near)))
    return value, by, bool(np.any(~near[beyond]))


def _via(snapshot: Snapshot, by: Ints, cause: int) -> tuple[Carrier, ...]:
    found, at = [], cause
    while (edge := int(by[at])) >= 0:
        found.append(carrier(snapshot, edge))
        at = edge >> ROW
    return tuple(found)


def _alone(snapshot: Snapshot, node: int, found: Ints) -> Bools:
    alone, among = np.zeros(len(found), bool), np.zeros(snapshot.count, bool)
    among[found] = among[node] = True
    for begin in range(0, len(found), AT_ONCE):
        some = found[begin : begin + AT_ONCE]
        nodes, bits = fatal(snapshot, some, among)
        held = bits[np.searchsorted(nodes, node)]
        places = np.arange(len(some))
        alone[begin : begin + len(some)] = held[places // WORD] >> (places % WORD).astype(np.uint64) & np.uint64(1)
    return alone
