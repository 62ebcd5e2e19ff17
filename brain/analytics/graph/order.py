"""An order of work on a directed graph given as arrays: strongly connected components, and levels of what is left of cycles."""

import numpy as np

from brain.analytics.graph.snapshot import Ints, distinct, ranges


class Rows:
    """Edges (source, target) in compressed sparse rows by source."""

    def __init__(self, count: int, source: Ints, target: Ints) -> None:
        places = np.argsort(source, kind="stable")
        self.target = target[places]
        self.start = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=count))])

    def of(self, nodes: Ints) -> Ints:
        """The targets of the edges that leave the nodes, row after row."""
        return self.target[ranges(self.start[nodes], self.start[nodes + 1])]


def levels(count: int, source: Ints, target: Ints) -> Ints:
    """For each node the length of the longest path that ends there; -1 for what lies on a cycle, or behind one (Kahn, 1962)."""
    rows, left = Rows(count, source, target), np.bincount(target, minlength=count)
    level = np.full(count, -1, np.int64)
    frontier, depth = np.flatnonzero(left == 0), 0
    while len(frontier):
        level[frontier] = depth
        reached = rows.of(frontier)
        np.subtract.at(left, reached, 1)
        frontier, depth = distinct(reached[left[reached] == 0], count), depth + 1
    return level


def components(count: int, source: Ints, target: Ints) -> Ints:
    """The strongly connected components: each node has the number of the least node of its own."""
    found = np.arange(count)
    core = levels(count, source, target) < 0
    if not core.any():
        return found
    core &= levels(count, target, source) < 0
    # Only what lies on cycles, or between two, is left: mostly little.
    import rustworkx

    nodes = np.flatnonzero(core)
    inside = core[source] & core[target]
    graph: rustworkx.PyDiGraph[None, None] = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * len(nodes))
    ends = (np.searchsorted(nodes, end[inside]).tolist() for end in (source, target))
    graph.add_edges_from_no_data(list(zip(*ends, strict=True)))
    for members in rustworkx.strongly_connected_components(graph):
        if len(members) > 1:
            found[nodes[members]] = nodes[min(members)]
    return found
