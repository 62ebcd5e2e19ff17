"""Where boxes go: promises on random graphs, and small graphs worked by hand."""

from itertools import combinations, pairwise

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.reports.acyclic import layers_of
from brain.reports.placement import Arc, Box, Placement, Rect, place

NAMES = [f"n{i}" for i in range(14)]
BOXES = st.builds(Box, st.floats(10, 200), st.floats(10, 80))
GRAPHS = st.dictionaries(st.sampled_from(NAMES), BOXES, min_size=1).flatmap(
    lambda nodes: st.tuples(
        st.just(nodes),
        st.dictionaries(st.tuples(*[st.sampled_from(sorted(nodes))] * 2), BOXES, max_size=40),
        st.lists(st.floats(0.1, 1e6), min_size=40, max_size=40),
    )
)


def apart(a: Rect, b: Rect) -> bool:
    return a.x + a.width <= b.x or b.x + b.width <= a.x or a.bottom <= b.y or b.bottom <= a.y


def placed(nodes: dict[str, Box], arcs: dict[Arc, Box]) -> Placement:
    return place(nodes, arcs, dict.fromkeys(arcs, 1.0))


@given(GRAPHS)
@settings(max_examples=60, deadline=None)
def test_no_two_boxes_overlap_and_all_lie_within(graph: tuple[dict[str, Box], dict[Arc, Box], list[float]]) -> None:
    nodes, arcs, weights = graph
    found = place(nodes, arcs, dict(zip(arcs, weights, strict=False)))
    assert found.nodes.keys() == nodes.keys()
    assert found.labels.keys() == found.routes.keys() == {arc for arc in arcs if arc[0] != arc[1]}
    rects = [*found.nodes.values(), *found.labels.values()]
    assert all(apart(a, b) for a, b in combinations(rects, 2))
    assert all(r.x >= 0 and r.x + r.width <= found.width and r.y >= 0 and r.bottom <= found.height for r in rects)
    assert all((found.nodes[n].width, found.nodes[n].height) == box for n, box in nodes.items())


@given(GRAPHS)
@settings(max_examples=40, deadline=None)
def test_an_arc_leads_from_its_source_to_its_target_through_its_label_alone(
    graph: tuple[dict[str, Box], dict[Arc, Box], list[float]],
) -> None:
    nodes, arcs, _ = graph
    found = placed(nodes, arcs)
    for (source, target), points in found.routes.items():
        for point, end in ((points[0], found.nodes[source]), (points[-1], found.nodes[target])):
            assert end.x < point.x < end.x + end.width
            assert min(abs(point.y - end.y), abs(point.y - end.bottom)) < 1e-6
        boxes = [r for name, r in found.nodes.items()] + [r for arc, r in found.labels.items() if arc != (source, target)]
        for i, (a, b) in enumerate(pairwise(points)):
            if i % 2 == 0:  # straight, within a layer: the only place where boxes are
                assert a.x == b.x
                low, high = sorted((a.y, b.y))
                assert not any(r.x < a.x < r.x + r.width and low < r.bottom - 1e-6 and r.y + 1e-6 < high for r in boxes)


@given(GRAPHS)
@settings(max_examples=60, deadline=None)
def test_layers_lead_down_wherever_the_graph_has_no_cycle(graph: tuple[dict[str, Box], dict[Arc, Box], list[float]]) -> None:
    nodes, arcs, _ = graph
    between = {arc: 1.0 for arc in arcs if arc[0] != arc[1]}
    layer = layers_of(nodes, between)
    assert all(layer[a] != layer[b] for a, b in between)
    if nx.is_directed_acyclic_graph(nx.DiGraph(list(between))):
        assert all(layer[a] < layer[b] for a, b in between)


def test_of_a_cycle_the_rarest_arc_leads_up() -> None:
    # a → b → c happens 10 times each, c → a twice: only the last is turned back.
    layer = layers_of("abc", {("a", "b"): 10, ("b", "c"): 10, ("c", "a"): 2})
    assert layer == {"a": 0, "b": 1, "c": 2}


def test_a_chain_stands_in_one_line_worked_by_hand() -> None:
    found = placed({"a": Box(100, 20), "b": Box(60, 20)}, {("a", "b"): Box(40, 10)})
    # Margin 8; a 20 high; 22 down; the label 10 high; 22 down; b 20 high; margin 8.
    assert found.nodes["a"] == (8, 8, 100, 20)
    assert found.labels["a", "b"] == (38, 50, 40, 10)
    assert found.nodes["b"] == (28, 82, 60, 20)
    assert (found.width, found.height) == (116, 110)
    assert [(p.x, p.y) for p in found.routes["a", "b"]] == [(58, 28), (58, 28), (58, 50), (58, 60), (58, 82), (58, 82)]


def test_where_no_arcs_need_cross_none_do() -> None:
    # In the order in which the nodes are named both arcs would cross.
    found = placed({n: Box(50, 20) for n in "abcd"}, {("a", "d"): Box(10, 10), ("b", "c"): Box(10, 10)})
    assert (found.nodes["a"].x < found.nodes["b"].x) == (found.nodes["d"].x < found.nodes["c"].x)


def test_there_and_back_are_two_arcs_with_two_labels() -> None:
    found = placed({"a": Box(50, 20), "b": Box(50, 20)}, {("a", "b"): Box(30, 10), ("b", "a"): Box(30, 10)})
    assert apart(found.labels["a", "b"], found.labels["b", "a"])
    assert found.routes["a", "b"][0].y == found.routes["b", "a"][-1].y == found.nodes["a"].bottom
