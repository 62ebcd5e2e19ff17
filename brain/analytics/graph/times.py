"""When each thing is lost once others are: along what it needs, with redundancy, delays and buffers.

A thing needs all of its groups. A group is one provider, or all providers by one relation where the ontology says that one of
them is enough (`NodeClass.any_of`). A group is lost when the last of its providers is; the thing is lost when the first of its
groups is, after the relation's delay and once its own buffer is used up. So the graph is an AND/OR graph, and the times are the
least that meet these equations (Knuth: *A Generalization of Dijkstra's Algorithm*, 1977). Things that keep each other going
in a circle go on: only what a loss reaches is lost.

Times are µs since the loss of the roots. They are worked out with the number of edges on the way in their lower bits: of two ways
equally long the one over fewer edges is told, and no way goes round in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brain.analytics.deadline import late
from brain.analytics.graph.reach import within
from brain.analytics.graph.snapshot import NODE_MASK, Bools, Ints, Snapshot, distinct, firsts, kinds, rows, seconds

EDGE_BITS = 13
"""A way of more than 8,191 edges is told as 1 µs longer than it is."""
NEVER = np.int64(1 << 62)
AT_ONCE = 1 << 14
"""Things whose dependents are looked at before one looks at the clock."""
LONGEST = 1 << 62 - EDGE_BITS - 1
"""µs: some nine years."""


@dataclass(frozen=True)
class Needs:
    """The needs of some nodes, grouped: `edges` as of `needs`, and the places where groups and nodes begin among edges and
    groups."""

    edges: Ints
    heads: Ints
    first: Ints

    @classmethod
    def of(cls, snapshot: Snapshot, nodes: Ints, redundancy: bool = True) -> "Needs":
        """Of nodes each of which needs something."""
        edges = rows(snapshot.needs_start, snapshot.needs, nodes)
        node, kind = firsts(edges), kinds(edges)
        begins = np.concatenate([[True], node[1:] != node[:-1]])
        alone = np.ones(len(edges), bool)
        if redundancy:
            alone = ~snapshot.any_of[snapshot.cls[node], kind]
            alone[1:] |= kind[1:] != kind[:-1]
        heads = np.flatnonzero(begins | alone)
        return cls(edges, heads, np.flatnonzero(begins[heads]))


@dataclass(frozen=True)
class Spread:
    """`value` of each node: NEVER, or its time in µs above the lower bits. `reached` are the nodes that are lost, the roots among
    them, in order of time; `open` those from which was not looked further, for want of time or depth."""

    value: Ints
    reached: Ints
    open: Ints

    def time(self, node: int) -> int:
        return int(self.value[node]) >> EDGE_BITS

    def distance(self, node: int) -> int:
        """Edges on the way that carries the loss."""
        return int(self.value[node]) & (1 << EDGE_BITS) - 1


def spread(
    snapshot: Snapshot,
    roots: Sequence[int],
    *,
    lasts: int | None = None,
    depth: int | None = None,
    redundancy: bool = True,
    until: float | None = None,
) -> Spread:
    """What is lost when the roots are, for `lasts` µs (for good, if None): what would be lost later than that is not.

    Only things at most `depth` dependencies away count. Ends at `until` (time.monotonic) with what it has: times may then be
    earlier than told, and more may be lost.
    """
    value = np.full(snapshot.count, NEVER)
    frontier = np.unique(np.array(roots, np.int64))
    value[frontier] = 0
    limit = NEVER if lasts is None else np.int64(min(lasts, LONGEST) << EDGE_BITS)
    near = None if depth is None else within(snapshot.feeds_start, snapshot.feeds, frontier, depth, until=until)
    cost = costs(snapshot)
    step = snapshot.count if until is None else AT_ONCE
    while len(frontier) and not late(until):
        lost = []
        for begin in range(0, len(frontier), step):
            if begin and late(until):
                lost.append(frontier[begin:])
                break
            nodes = _depending(snapshot, frontier[begin : begin + step], near)
            nodes = nodes[value[nodes] > 0]
            if len(nodes):
                new = _lost(snapshot, Needs.of(snapshot, nodes, redundancy), value, cost, nodes)
                better = (new < value[nodes]) & (new < limit)
                value[nodes[better]] = new[better]
                lost.append(nodes[better])
        frontier = np.unique(np.concatenate(lost)) if len(lost) > 1 else lost[0] if lost else frontier[:0]
    reached = np.flatnonzero(value < NEVER)
    reached = reached[np.argsort(value[reached], kind="stable")]
    return Spread(value, reached, np.union1d(frontier, ends(snapshot, reached, near)))


def _depending(snapshot: Snapshot, nodes: Ints, near: Bools | None) -> Ints:
    """What needs one of them, and lives."""
    found = distinct(seconds(rows(snapshot.feeds_start, snapshot.feeds, nodes)), snapshot.count)
    found = found[~snapshot.closed[found]]
    return found if near is None else found[near[found]]


def _lost(snapshot: Snapshot, needs: Needs, value: Ints, cost: Ints, nodes: Ints) -> Ints:
    groups = np.maximum.reduceat(arrivals(needs, value, cost), needs.heads)
    soonest = np.minimum.reduceat(groups, needs.first)
    return np.where(soonest < NEVER, soonest + (snapshot.buffer[nodes] << EDGE_BITS), NEVER)


def costs(snapshot: Snapshot) -> Ints:
    """What an edge of each kind adds to a value: its delay, and one edge."""
    return (np.array([kind.delay for kind in snapshot.kinds], np.int64) << EDGE_BITS) + 1


def arrivals(needs: Needs, value: Ints, cost: Ints) -> Ints:
    """When the loss of each edge's provider is felt."""
    gone = value[seconds(needs.edges)]
    return np.where(gone < NEVER, gone + cost[kinds(needs.edges)], NEVER)


def ends(snapshot: Snapshot, reached: Ints, near: Bools | None) -> Ints:
    """What is lost, and has dependents beyond the depth."""
    if near is None:
        return reached[:0]
    edges = rows(snapshot.feeds_start, snapshot.feeds, reached)
    beyond = ~near[seconds(edges)] & ~snapshot.closed[seconds(edges)]
    return distinct(firsts(edges[beyond]), snapshot.count)


def carriers(snapshot: Snapshot, found: Spread, redundancy: bool = True) -> Ints:
    """For each node the edge (as of `needs`) by which it is lost: of the group that is lost first the provider that is lost last.
    -1 for the roots, and for what is not lost."""
    carried = np.full(snapshot.count, -1, np.int64)
    nodes = found.reached[found.value[found.reached] > 0]
    if not len(nodes):
        return carried
    needs = Needs.of(snapshot, nodes, redundancy)
    cost = costs(snapshot)
    felt = arrivals(needs, found.value, cost)
    groups = np.maximum.reduceat(felt, needs.heads)
    soonest = np.minimum.reduceat(groups, needs.first)
    of_edge = np.cumsum(np.bincount(needs.heads, minlength=len(felt))) - 1
    of_group = np.cumsum(np.bincount(needs.first, minlength=len(groups))) - 1
    carries = np.flatnonzero(felt == soonest[of_group[of_edge]])
    # Any such edge is as good: its group is lost then, or another group is that is lost no later.
    carries = carries[groups[of_edge[carries]] == felt[carries]]
    edges = needs.edges[carries]
    carried[firsts(edges)] = edges
    return carried


def way(carried: Ints, node: int) -> list[int]:
    """The edges (as of `needs`) that carry a loss from a root to the node, in that order."""
    edges = []
    while (edge := int(carried[node])) >= 0:
        edges.append(edge)
        node = edge & NODE_MASK
    return edges[::-1]
