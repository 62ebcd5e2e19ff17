"""In which layer each node of a directed graph stands, so that most of its arcs lead downwards."""

from collections.abc import Iterable, Mapping

Arc = tuple[str, str]


def layers_of(nodes: Iterable[str], weights: Mapping[Arc, float]) -> dict[str, int]:
    """A layer for each node, from 0 on, such that no arc stays within one; those that cannot lead downwards lead up.

    Layers are the longest ways from above; what has nothing above it stands as low as it may.
    """
    order = _flow(list(nodes), weights)
    place = {name: i for i, name in enumerate(order)}
    below: dict[str, set[str]] = {name: set() for name in order}
    above: dict[str, set[str]] = {name: set() for name in order}
    for a, b in weights:
        upper, lower = (a, b) if place[a] < place[b] else (b, a)
        below[upper].add(lower)
        above[lower].add(upper)
    layer: dict[str, int] = {}
    for name in order:
        layer[name] = max((layer[a] + 1 for a in above[name]), default=0)
    for name in order:
        if below[name] and not above[name]:
            layer[name] = min(layer[b] for b in below[name]) - 1
    return layer


def _flow(nodes: list[str], weights: Mapping[Arc, float]) -> list[str]:
    """An order of the nodes against which little weight runs: what only takes goes last, what only gives goes first, else what
    gives most beyond what it takes (Eades, Lin, Smyth: *A fast and effective heuristic for the feedback arc set problem*, 1993).
    """
    left = dict.fromkeys(nodes)
    first: list[str] = []
    last: list[str] = []
    while left:
        gives = dict.fromkeys(left, 0.0)
        takes = dict.fromkeys(left, 0.0)
        for (a, b), weight in weights.items():
            if a in left and b in left:
                gives[a] += weight
                takes[b] += weight
        if sinks := [name for name in left if not gives[name] and takes[name]]:
            last[:0] = sinks
        elif sources := [name for name in left if not takes[name]]:
            first += sources
        else:
            sinks, sources = [], [max(left, key=lambda name: gives[name] - takes[name])]
            first += sources
        for name in sinks or sources:
            del left[name]
    return first + last
