"""Where the boxes of a directed graph go: in layers from top to bottom, so that no two boxes overlap.

The steps are those of Sugiyama, Tagawa and Toda (*Methods for Visual Understanding of Hierarchical System Structures*, 1981):
turn back the edges of cycles, lay nodes in layers, order each layer so that few edges cross, set coordinates. As in Gansner,
Koutsofios, North and Vo (*A Technique for Drawing Directed Graphs*, 1993) an edge's label is a box in a layer of its own, and so
gets its place like any node. The result is a function of the graph, without chance. Lengths are CSS pixels.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from brain.reports.acyclic import layers_of

MARGIN = 8.0
BESIDE = 18.0
BELOW = 22.0
"""Distance of two layers: the room in which edges bend."""
SWEEPS = 12
PULLS = 24
STRAIGHT = 6.0
"""How much more a long edge's inner points want to lie below one another than boxes do."""


class Box(NamedTuple):
    """A node, or the label of an edge: how large it is."""

    width: float
    height: float


class Rect(NamedTuple):
    """`x` and `y` are of the upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


Arc = tuple[str, str]


class Point(NamedTuple):
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Placement:
    """`routes` are the points of each arc from its source to its target: straight from an even one to the next, which lies in the
    same layer, and bent from there to the one after."""

    width: float
    height: float
    nodes: Mapping[str, Rect]
    labels: Mapping[Arc, Rect]
    routes: Mapping[Arc, tuple[Point, ...]]


@dataclass(slots=True)
class _Slot:
    """What stands in a layer: a node, a label, or a point through which an arc passes."""

    width: float
    height: float
    heavy: float = 1.0
    x: float = 0.0
    """Of its centre."""


@dataclass(slots=True)
class _Layered:
    """Slots in their layers; `above` and `below` are each slot's neighbours. `chains` lead from the upper node to the lower."""

    slots: list[_Slot]
    layers: list[list[int]]
    above: dict[int, list[int]]
    below: dict[int, list[int]]
    chains: dict[Arc, list[int]]
    labels: dict[Arc, int]
    beside: float


def place(
    nodes: Mapping[str, Box], arcs: Mapping[Arc, Box], weights: Mapping[Arc, float] | None = None, beside: float = BESIDE
) -> Placement:
    """Places for the nodes and for the labels of the arcs. `weights` say which arcs should lead downwards where not all can,
    `beside` is the least distance of two boxes in a layer.

    An arc from a node to itself is not placed: it has no room of its own here.
    """
    arcs = {arc: label for arc, label in arcs.items() if arc[0] != arc[1]}
    rank = layers_of(nodes, {arc: (weights or {}).get(arc, 1.0) for arc in arcs})
    graph, index = _layered(nodes, arcs, rank, beside)
    _order(graph)
    _pull(graph)
    return _measured(graph, index, arcs, rank)


def _layered(
    nodes: Mapping[str, Box], arcs: Mapping[Arc, Box], rank: Mapping[str, int], beside: float
) -> tuple[_Layered, dict[str, int]]:
    """Nodes stand in the even layers; between two of them there is an odd one, where labels stand."""
    graph = _Layered([], [[] for _ in range(2 * max(rank.values(), default=0) + 1)], {}, {}, {}, {}, beside)

    def add(layer: int, box: Box, heavy: float = 1.0) -> int:
        graph.slots.append(_Slot(box.width, box.height, heavy))
        number = len(graph.slots) - 1
        graph.layers[layer].append(number)
        graph.above[number], graph.below[number] = [], []
        return number

    index = {name: add(2 * rank[name], box) for name, box in nodes.items()}
    for (source, target), label in arcs.items():
        upper, lower = (source, target) if rank[source] < rank[target] else (target, source)
        first, last = 2 * rank[upper], 2 * rank[lower]
        middle = (first + last) // 2 | 1
        chain = [index[upper]]
        for layer in range(first + 1, last):
            slot = add(layer, label if layer == middle else Box(0, 0), STRAIGHT)
            if layer == middle:
                graph.labels[source, target] = slot
            chain.append(slot)
        chain.append(index[lower])
        graph.chains[source, target] = chain
        for a, b in pairwise(chain):
            graph.below[a].append(b)
            graph.above[b].append(a)
    return graph, index


def _order(graph: _Layered) -> None:
    """Sweep down and up, each slot to the mean place of its neighbours; the order with the fewest crossings stays."""
    best, fewest = [list(layer) for layer in graph.layers], _crossings(graph)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = graph.above if downwards else graph.below
        for layer in graph.layers if downwards else reversed(graph.layers):
            _sort_by_neighbours(graph, layer, neighbours)
        crossings = _crossings(graph)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in graph.layers], crossings
    graph.layers = best


def _sort_by_neighbours(graph: _Layered, layer: list[int], neighbours: Mapping[int, Sequence[int]]) -> None:
    place = {slot: i for other in graph.layers for i, slot in enumerate(other)}
    now = {slot: i for i, slot in enumerate(layer)}

    def wanted(slot: int) -> float:
        near = neighbours[slot]
        return sum(place[n] for n in near) / len(near) if near else float(now[slot])

    layer.sort(key=lambda slot: (wanted(slot), now[slot]))


def _crossings(graph: _Layered) -> int:
    place = {slot: i for layer in graph.layers for i, slot in enumerate(layer)}
    found = 0
    for layer in graph.layers:
        ends = [place[b] for a in layer for b in sorted(graph.below[a], key=place.__getitem__)]
        found += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return found


def _pull(graph: _Layered) -> None:
    """Each slot towards its neighbours, as near as the order and the distances allow: first from above and from below, which
    makes long ways straight at once, then between both."""
    for layer in graph.layers:
        # All want to be in the middle, and so the layer comes to lie around it.
        _spread(graph, layer, [0.0] * len(layer), [1.0] * len(layer))
    for _ in range(SWEEPS):
        for layer in graph.layers:
            _pull_layer(graph, layer, (graph.above,))
        for layer in reversed(graph.layers):
            _pull_layer(graph, layer, (graph.below,))
    for turn in range(PULLS):
        for layer in graph.layers if turn % 2 == 0 else reversed(graph.layers):
            _pull_layer(graph, layer, (graph.above, graph.below))


def _pull_layer(graph: _Layered, layer: Sequence[int], sides: Sequence[Mapping[int, Sequence[int]]]) -> None:
    wanted, heavy = [], []
    for slot in layer:
        near = [graph.slots[n].x for side in sides for n in side[slot]]
        wanted.append(sum(near) / len(near) if near else graph.slots[slot].x)
        heavy.append(graph.slots[slot].heavy)
    _spread(graph, layer, wanted, heavy)


def _spread(graph: _Layered, layer: Sequence[int], wanted: Sequence[float], heavy: Sequence[float]) -> None:
    """Centres nearest to `wanted` by weighted least squares that keep the order and the distances.

    With the distances taken off, that is isotonic regression, solved exactly by pooling adjacent violators (Ayer et al., 1955).
    """
    offsets, at = [], 0.0
    for i, slot in enumerate(layer):
        at += 0.0 if i == 0 else (graph.slots[layer[i - 1]].width + graph.slots[slot].width) / 2 + graph.beside
        offsets.append(at)
    pools: list[tuple[float, float, int]] = []  # mean, weight, slots
    for want, weight, offset in zip(wanted, heavy, offsets, strict=True):
        mean, total, count = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            above, more, slots = pools.pop()
            mean, total, count = (mean * total + above * more) / (total + more), total + more, count + slots
        pools.append((mean, total, count))
    pooled = (mean for mean, _, count in pools for _ in range(count))
    for slot, mean, offset in zip(layer, pooled, offsets, strict=True):
        graph.slots[slot].x = mean + offset


def _measured(graph: _Layered, index: Mapping[str, int], arcs: Iterable[Arc], rank: Mapping[str, int]) -> Placement:
    slots = graph.slots
    left = min((s.x - s.width / 2 for s in slots), default=0.0) - MARGIN
    width = max((s.x + s.width / 2 for s in slots), default=0.0) + MARGIN - left
    tops, heights, y = [], [], MARGIN
    for layer in graph.layers:
        tops.append(y)
        heights.append(max((slots[s].height for s in layer), default=0.0))
        y += heights[-1] + BELOW
    layer_of = {slot: i for i, layer in enumerate(graph.layers) for slot in layer}

    def rect(slot: int) -> Rect:
        s, i = slots[slot], layer_of[slot]
        return Rect(s.x - s.width / 2 - left, tops[i] + (heights[i] - s.height) / 2, s.width, s.height)

    nodes = {name: rect(slot) for name, slot in index.items()}
    ports = _ports(graph, nodes, index)
    routes = {}
    for arc in arcs:
        chain = graph.chains[arc]
        upper, lower = (arc[0], arc[1]) if rank[arc[0]] < rank[arc[1]] else (arc[1], arc[0])
        start, end = ports[arc]
        points = [Point(start, nodes[upper].bottom), Point(start, tops[layer_of[chain[0]]] + heights[layer_of[chain[0]]])]
        for slot in chain[1:-1]:
            i, x = layer_of[slot], slots[slot].x - left
            points += [Point(x, tops[i]), Point(x, tops[i] + heights[i])]
        points += [Point(end, tops[layer_of[chain[-1]]]), Point(end, nodes[lower].y)]
        routes[arc] = tuple(points if upper == arc[0] else reversed(points))
    labels = {arc: rect(slot) for arc, slot in graph.labels.items()}
    return Placement(width, y - BELOW + MARGIN, nodes, labels, routes)


def _ports(graph: _Layered, nodes: Mapping[str, Rect], index: Mapping[str, int]) -> dict[Arc, tuple[float, float]]:
    """Where each arc meets its upper and its lower node: spread over the side, in the order of what lies beyond."""
    ends: defaultdict[tuple[int, bool], list[tuple[float, Arc]]] = defaultdict(list)
    for arc, chain in graph.chains.items():
        ends[chain[0], True].append((graph.slots[chain[1]].x, arc))
        ends[chain[-1], False].append((graph.slots[chain[-2]].x, arc))
    rects = {slot: nodes[name] for name, slot in index.items()}
    found: dict[tuple[Arc, bool], float] = {}
    for (slot, upper), there in ends.items():
        side = rects[slot]
        for i, (_, arc) in enumerate(sorted(there), 1):
            found[arc, upper] = side.x + side.width * i / (len(there) + 1)
    return {arc: (found[arc, True], found[arc, False]) for arc in graph.chains}
