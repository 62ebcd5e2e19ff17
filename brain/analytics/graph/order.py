"""An order of work on a directed graph given as arrays: strongly connected components, and levels of what is left of cycles."""

from typing import TYPE_CHECKING

import numpy as np

from brain.analytics.graph.snapshot import Bools, Ints, distinct, ranges

if TYPE_CHECKING:
    import rustworkx


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


def condensed(count: int, source: Ints, target: Ints) -> tuple[Ints, Ints]:
    """The strongly connected components (each node has the number of the least node of its own), and a level for each node: the
    same within a component, and above those of all others from which edges lead into it."""
    level = levels(count, source, target)
    core = level < 0
    if not core.any():
        return np.arange(count), level
    of = _components(count, source, target, core & (levels(count, target, source) < 0))
    across = of[source] != of[target]
    return of, levels(count, of[source[across]], of[target[across]])[of]


def _components(count: int, source: Ints, target: Ints, core: Bools) -> Ints:
    """Only what lies on cycles, or between two, has to be looked at: mostly little."""
    import rustworkx

    nodes, inside = np.flatnonzero(core), core[source] & core[target]
    found = np.arange(count)
    for members in rustworkx.strongly_connected_components(digraph(nodes, source[inside], target[inside])):
        if len(members) > 1:
            found[nodes[members]] = nodes[min(members)]
    return found


def digraph(nodes: Ints, source: Ints, target: Ints) -> "rustworkx.PyDiGraph[None, None]":
    """Edges between some nodes, which are in order, for algorithms that are better left to compiled code: by their places."""
    import rustworkx

    graph: rustworkx.PyDiGraph[None, None] = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * len(nodes))
    ends = (np.searchsorted(nodes, end).tolist() for end in (source, target))
    graph.add_edges_from_no_data(list(zip(*ends, strict=True)))
    return graph
