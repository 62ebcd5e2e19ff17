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
from brain.analytics.graph.snapshot import (
    KIND_BITS,
    NODE_MASK,
    Bools,
    Ints,
    Snapshot,
    distinct,
    firsts,
    kinds,
    ranges,
    rows,
    seconds,
)

EDGE_BITS = 13
"""A way of more than 8,191 edges is told as 1 µs longer than it is."""
NEVER = np.int64(1 << 62)
MANY = 256
"""Where more than one in so many of all things tell others of their loss, one looks at all things rather than at each edge."""
AT_ONCE = 1 << 14
"""Things whose dependents are looked at before one looks at the clock."""
LONGEST = 1 << 62 - EDGE_BITS
"""µs, some 17 years: what is felt only then, over a way of several buffers, is as good as never."""


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
    frontier = np.unique(np.array(roots, np.int64))
    limit = NEVER if lasts is None else np.int64(min(lasts, LONGEST) << EDGE_BITS)
    losing = _Losing(snapshot, frontier, limit, redundancy)
    near, beyond, rounds = None if depth is None else np.zeros(snapshot.count, bool), frontier[:0], 0
    if near is not None:
        near[frontier] = True
    while len(frontier) and not late(until):
        if rounds == depth and near is not None:
            losing.only(near)
            beyond, frontier = frontier, frontier[losing.value[frontier] < NEVER]
        # Up to the depth all that is met is near, and goes on being met, whether it is lost or not.
        frontier = losing.wave(frontier, near if depth is not None and rounds < depth else None, until)
        rounds += 1
    value = losing.value
    reached = np.flatnonzero(value < NEVER)
    reached = reached[_soonest(value[reached])]
    open_ = distinct(np.concatenate([frontier, ends(snapshot, beyond, near)]), snapshot.count)
    return Spread(value, reached, open_[value[open_] < NEVER])


def _soonest(values: Ints) -> Ints:
    """The places of values in their order, of equal ones as they stand."""
    # numpy sorts 16 bits in linear time; where nothing delays a loss, they are enough.
    small = len(values) > 0 and values.max() < 1 << 16
    return np.argsort(values.astype(np.uint16) if small else values, kind="stable")


class _Losing:
    """When each thing is lost as far as it is known. A loss goes over the edges that leave whatever it has newly become known of;
    where others may do instead, it goes on once all of them are lost."""

    def __init__(self, snapshot: Snapshot, roots: Ints, limit: np.int64, redundancy: bool) -> None:
        self._snapshot, self._choosing, self._groups = snapshot, snapshot.choosing & redundancy, snapshot.choices[0]
        self.value = np.full(snapshot.count, NEVER)
        self.value[roots] = 0
        self._cost, self._buffer = costs(snapshot), snapshot.buffer << EDGE_BITS
        self._even = not np.ptp(self._cost)
        # What a loss has to be felt before, to change something.
        self._before = np.where(snapshot.closed, 0, limit - self._buffer)
        self._before[roots] = 0

    def only(self, near: Bools) -> None:
        """Nothing else is lost from now on."""
        self._before[~near] = 0

    def wave(self, frontier: Ints, near: Bools | None, until: float | None) -> Ints:
        """As `beside`, all once and in order; at `until` with those of the frontier that are left."""
        if self._even and len(frontier) * MANY > len(self.value):
            value = self.value[frontier]
            first = (value == value.min()) & (value < NEVER)
            if np.count_nonzero(first) * MANY > len(self.value):
                return self._sweep(frontier[first], frontier[~first], near)
        step, met = len(self.value) if until is None else AT_ONCE, [frontier[:0]]
        for begin in range(0, len(frontier), step):
            if begin and late(until):
                met.append(frontier[begin:])
                break
            met += self.beside(frontier[begin : begin + step], near)
        return distinct(np.concatenate(met), len(self.value))

    def beside(self, nodes: Ints, near: Bools | None) -> list[Ints]:
        """Tell what hangs on some nodes directly; gives whose loss is newly known, or sooner than it was, and, if `near` is
        given, what was not near yet, and now is."""
        snapshot = self._snapshot
        edges = rows(snapshot.feeds_start, snapshot.feeds, nodes)
        felt = np.repeat(self.value[nodes], snapshot.feeds_start[nodes + 1] - snapshot.feeds_start[nodes])
        felt += self._cost[0] if self._even else self._cost[kinds(edges)]
        dependent = seconds(edges)
        some = np.flatnonzero(self._choosing[dependent])
        some = some[snapshot.any_of[snapshot.cls[dependent[some]], kinds(edges[some])]]
        chosen = dependent[some] << KIND_BITS | kinds(edges[some])
        group = np.searchsorted(self._groups, chosen)
        real = self._groups[np.minimum(group, len(self._groups) - 1)] == chosen
        felt[some[real]] = NEVER  # it is not lost by one of them
        groups = distinct(group[real], len(self._groups))
        lost = [self._felt(dependent, felt), self._felt(self._groups[groups] >> KIND_BITS, self._last(groups))]
        if near is None:
            return lost
        met = distinct(dependent, snapshot.count)
        met = met[~near[met]]
        near[met] = True
        return [*lost, met]

    def _sweep(self, first: Ints, others: Ints, near: Bools | None) -> Ints:
        """As `wave`, where all costs are the same, and the first of a frontier to be lost are many, lost at one time. Whatever
        hangs on them feels that at one time, so that it matters which things those are, and not by how many edges; and most of
        them were lost before, so that one need not ask them. The others that are lost wait: they may be so sooner by then."""
        snapshot, lost, felt = self._snapshot, self.value < NEVER, self.value[first[0]] + self._cost[0]
        open_ = self._before > felt
        hit = beneath(snapshot, first, open_ if near is None else open_ | ~near)
        met = np.zeros(len(lost), bool)
        if near is not None:
            met = (hit | beneath(snapshot, others, ~near)) & ~near
            near |= met
        met[others[lost[others]]] = True
        # What has a choice is lost by a need that has none, or with the last of a group.
        groups = self._ended(lost, open_)
        last = self._last(groups)
        hit &= ~self._choosing
        hit[self._alone(first)] = True
        new = np.flatnonzero(hit & open_)
        self._before[new] = felt
        self.value[new] = felt + self._buffer[new]
        met[new] = True
        met[self._felt(self._groups[groups] >> KIND_BITS, last)] = True
        return np.flatnonzero(met)

    def _alone(self, nodes: Ints) -> Ints:
        """Of what has a choice, that which needs one of some nodes whatever it chooses."""
        edges, told = self._snapshot.alone, np.zeros(len(self.value), bool)
        told[nodes] = True
        return firsts(edges[np.flatnonzero(told[seconds(edges)])])

    def _ended(self, lost: Bools, open_: Bools) -> Ints:
        """The groups of which all providers are lost, and the dependent perhaps is not yet."""
        _, start, edges = self._snapshot.choices
        left = np.append(0, np.cumsum(~lost[seconds(edges)]))[start]
        return np.flatnonzero((left[1:] == left[:-1]) & open_[self._groups >> KIND_BITS])

    def _felt(self, nodes: Ints, felt: Ints) -> Ints:
        """Of nodes, where one may be named again, those that are lost by it, or sooner than before."""
        sooner = np.flatnonzero(felt < self._before[nodes])
        nodes = nodes[sooner]
        np.minimum.at(self._before, nodes, felt[sooner])
        lost = distinct(nodes, len(self.value))
        self.value[lost] = self._before[lost] + self._buffer[lost]
        return lost

    def _last(self, groups: Ints) -> Ints:
        """When the loss of the last provider of each group is felt."""
        if not len(groups):
            return groups
        _, start, edges = self._snapshot.choices
        sizes = start[groups + 1] - start[groups]
        felt = arrivals(rows(start, edges, groups), self.value, self._cost)
        last: Ints = np.maximum.reduceat(felt, np.cumsum(sizes) - sizes)
        return last


def beneath(snapshot: Snapshot, nodes: Ints, asked: Bools) -> Bools:
    """Which things hang on some nodes directly; of those that are not asked perhaps not all."""
    found, begin, end = np.zeros(snapshot.count, bool), snapshot.feeds_start[nodes], snapshot.feeds_start[nodes + 1]
    if np.sum(end - begin) * snapshot.count <= snapshot.edges * np.count_nonzero(asked):
        for i in range(0, len(nodes), AT_ONCE):
            found[seconds(snapshot.feeds[ranges(begin[i : i + AT_ONCE], end[i : i + AT_ONCE])])] = True
        return found
    # The asked have fewer needs, so it is they that look.
    some, told = np.flatnonzero(asked), np.zeros(snapshot.count, bool)
    told[nodes] = True
    for i in range(0, len(some), AT_ONCE):
        edges = rows(snapshot.needs_start, snapshot.needs, some[i : i + AT_ONCE])
        found[firsts(edges[np.flatnonzero(told[seconds(edges)])])] = True
    return found


def costs(snapshot: Snapshot) -> Ints:
    """What an edge of each kind adds to a value: its delay, and one edge."""
    return (np.array([kind.delay for kind in snapshot.kinds], np.int64) << EDGE_BITS) + 1


def arrivals(edges: Ints, value: Ints, cost: Ints) -> Ints:
    """When the loss of each edge's provider is felt."""
    gone = value[seconds(edges)]
    return np.where(gone < NEVER, gone + cost[kinds(edges)], NEVER)


def ends(snapshot: Snapshot, reached: Ints, near: Bools | None) -> Ints:
    """What is lost, and has dependents beyond the depth."""
    if near is None:
        return reached[:0]
    edges = rows(snapshot.feeds_start, snapshot.feeds, reached)
    beyond = ~near[seconds(edges)] & ~snapshot.closed[seconds(edges)]
    return distinct(firsts(edges[beyond]), snapshot.count)


def carriers(
    snapshot: Snapshot, found: Spread, nodes: Ints | None = None, redundancy: bool = True, known: Ints | None = None
) -> Ints:
    """For some nodes (all, if None), and all others on their ways, the edge (as of `needs`) by which each is lost: of the group
    that is lost first the provider that is lost last. -1 for the roots, for what is not lost, and for what was not looked at.
    What is `known` is added to, in place."""
    carried = np.full(snapshot.count, -1, np.int64) if known is None else known
    nodes = found.reached if nodes is None else nodes
    while True:
        nodes = nodes[(carried[nodes] < 0) & (found.value[nodes] > 0) & (found.value[nodes] < NEVER)]
        if not len(nodes):
            return carried
        edges = _carrying(snapshot, found, np.unique(nodes), redundancy)
        carried[firsts(edges)] = edges
        nodes = seconds(edges)


def _carrying(snapshot: Snapshot, found: Spread, nodes: Ints, redundancy: bool) -> Ints:
    needs = Needs.of(snapshot, nodes, redundancy)
    felt = arrivals(needs.edges, found.value, costs(snapshot))
    groups = np.maximum.reduceat(felt, needs.heads)
    soonest = np.minimum.reduceat(groups, needs.first)
    of_edge = np.cumsum(np.bincount(needs.heads, minlength=len(felt))) - 1
    of_group = np.cumsum(np.bincount(needs.first, minlength=len(groups))) - 1
    carries = np.flatnonzero(felt == soonest[of_group[of_edge]])
    # Any such edge is as good: its group is lost then, or another group is that is lost no later.
    edges: Ints = needs.edges[carries[groups[of_edge[carries]] == felt[carries]]]
    return edges


def way(carried: Ints, node: int, value: Ints) -> list[int]:
    """The edges (as of `needs`) that carry a loss to the node, in that order: from a root, or from a link that is narrow, whose
    provider is lost later, if at all. `value` as of a spread."""
    edges, lost = [], True
    while lost and (edge := int(carried[node])) >= 0:
        edges.append(edge)
        lost, node = bool(value[edge & NODE_MASK] < value[node]), edge & NODE_MASK
    return edges[::-1]
