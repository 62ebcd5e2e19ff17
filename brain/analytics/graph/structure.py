"""Which nodes hold the graph together, as graph theory counts it: every need counts alone, and redundancy is left aside."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from brain.analytics.deadline import late
from brain.analytics.graph.order import digraph
from brain.analytics.graph.reach import descendants
from brain.analytics.graph.snapshot import Ints, Snapshot, firsts, rows, seconds

Floats = NDArray[np.float64]


def articulation_points(snapshot: Snapshot) -> Ints:
    """The nodes without which some that were joined, whichever way, no longer are (Hopcroft, Tarjan, 1973), in order."""
    import rustworkx

    # Taken out while it is in use: the next snapshot, made in another thread, would change it meanwhile.
    joined = snapshot.__dict__.pop("undirected", None) or snapshot.undirected
    snapshot.__dict__.pop("undirected", None)
    found = np.sort(np.fromiter(rustworkx.articulation_points(joined), np.int64))
    snapshot.__dict__["undirected"] = joined
    return found


def immediate_dominators(snapshot: Snapshot, root: int) -> dict[int, int]:
    """Of each node that hangs on the root: the last node, before it, that lies on every path from the root to it."""
    import rustworkx

    nodes = np.sort(np.append(descendants(snapshot, root), root))
    edges = rows(snapshot.feeds_start, snapshot.feeds, nodes)
    start = int(np.searchsorted(nodes, root))
    found = rustworkx.immediate_dominators(digraph(nodes, firsts(edges), seconds(edges)), start)
    return {int(nodes[node]): int(nodes[by]) for node, by in found.items() if node != start}


def pagerank(snapshot: Snapshot, damping: float = 0.85, tolerance: float = 1e-6, most: int = 100) -> Floats:
    """The ranks alone of `ranks`."""
    return ranks(snapshot, damping, tolerance, most)[0]


def ranks(
    snapshot: Snapshot, damping: float = 0.85, tolerance: float = 1e-6, most: int = 100, until: float | None = None
) -> tuple[Floats, int]:
    """The share of its time that a walk spends at each node, which goes from a node to one of those that it needs, each need
    alike, and now and then begins anew anywhere (Brin, Page, 1998). As networkx, stops once a round moves less than
    `tolerance` a node; after `most` rounds in any case, and at `until` (time.monotonic). Then how many ranks had not settled."""
    count, out = snapshot.count, np.diff(snapshot.needs_start)
    if not count:
        return np.zeros(0), 0
    share = np.divide(1.0, out, out=np.zeros(count), where=out > 0)
    dependent, heads = seconds(snapshot.feeds), snapshot.feeds_start[:-1]
    fed = np.flatnonzero(np.diff(snapshot.feeds_start))
    starts = heads[fed]
    rank, ends = np.full(count, 1 / count), np.flatnonzero(out == 0)
    change = np.full(count, 1.0)
    for _ in range(most):
        if late(until):
            break
        passed = np.zeros(count)
        if len(fed):
            passed[fed] = np.add.reduceat((rank * share)[dependent], starts)
        new = damping * (passed + rank[ends].sum() / count) + (1 - damping) / count
        change, rank = np.abs(new - rank), new
        if change.sum() < count * tolerance:
            return rank, 0
    return rank, int(np.count_nonzero(change > tolerance))


def betweenness(snapshot: Snapshot, sources: Iterable[int]) -> Floats:
    """How many shortest paths from the sources to all that hangs on them go through each node, where several are equally short
    each its share (Brandes: *A Faster Algorithm for Betweenness Centrality*, 2001). Not scaled; two relations are one way."""
    start, dependent = snapshot.pairs
    between, place, numbers = np.zeros(snapshot.count), np.full(snapshot.count, -1), np.arange(len(dependent))
    for source in sources:
        if start[source] == start[source + 1]:
            continue
        levels, walks = _walked(start, dependent, source, place, numbers)
        passed = np.zeros(len(levels[-1][0]))
        for (level, paths), (_, beyond), (origin, target) in zip(levels[-2::-1], levels[:0:-1], walks[::-1], strict=True):
            passed = paths * np.bincount(origin, ((1 + passed) / beyond).take(target), len(level))
            between[level] += passed
        between[source] -= passed[0]
        for level, _ in levels:
            place[level] = -1
    return between


Level = tuple[Ints, Floats]
"""Nodes equally far from the source, and by how many shortest paths each is reached."""
Walk = tuple[Ints, Ints]
"""The edges between two levels, as places in the one and in the other."""


def _walked(start: Ints, dependent: Ints, source: int, place: Ints, numbers: Ints) -> tuple[list[Level], list[Walk]]:
    """`place` is negative for all, and is left at the place in its level for what was reached; `numbers` are those from 0 on."""
    level, paths = np.array([source]), np.ones(1)
    place[source] = 0
    levels: list[Level] = [(level, paths)]
    walks: list[Walk] = []
    while True:
        begin, end = start.take(level), start.take(level + 1)
        sizes = end - begin
        origin = numbers[: len(level)].repeat(sizes)
        edges = (end - sizes.cumsum()).repeat(sizes)
        edges += numbers[: len(edges)]
        # `take` and a method cost half of an index and a function where levels are small.
        target = dependent.take(edges)
        new = (place.take(target) < 0).nonzero()[0]
        if not len(new):
            return levels, walks
        target, origin = target.take(new), origin.take(new)
        # Each node once: whichever edge to it was written last keeps its place.
        places = numbers[: len(target)]
        place[target] = places
        level = target.take((place.take(target) == places).nonzero()[0])
        place[level] = places[: len(level)]
        target = place.take(target)
        paths = np.asarray(np.bincount(target, paths.take(origin), len(level)), np.float64)
        walks.append((origin, target))
        levels.append((level, paths))
