"""Things that need each other in a circle: against networkx on random graphs, and worked by hand."""

import networkx as nx
from hypothesis import given, settings

from brain.analytics.graph.circles import circles
from tests.unit.test_graph_structure import Said, dense_graphs
from tests.unit.test_graph_times import graph_of, needs


def strong(said: list[Said], relation: str | None) -> set[frozenset[str]]:
    """By one relation alone, or by all."""
    graph: nx.DiGraph[str] = nx.DiGraph([(a, b) for a, r, b in needs(said) if relation in (None, r)])
    own = set() if relation is None else {frozenset([a]) for a, b in graph.edges if a == b}
    return own | {frozenset(members) for members in nx.strongly_connected_components(graph) if len(members) > 1}


@given(dense_graphs)
@settings(max_examples=150, deadline=None)
def test_they_are_the_strong_components_and_each_way_leads_round(said: list[Said]) -> None:
    by_one = {relation: strong(said, relation) for _, relation, _ in said}
    of_one = set().union(*by_one.values())
    expected = {(members, relation) for relation, some in by_one.items() for members in some}
    expected |= {(members, None) for members in strong(said, None) - of_one}
    found = circles(graph_of(said), 10_000)
    assert found.count == len(found.circles) == len(expected)
    assert {(frozenset(c.ids), c.relation) for c in found.circles} == expected
    declared = {(provider, relation, dependent) for dependent, relation, provider in needs(said)}
    for circle in found.circles:
        assert circle.relation is None or frozenset(circle.ids) in by_one[circle.relation]
        assert circle.via[0].provider == circle.via[-1].dependent == circle.ids[0]
        assert all(a.dependent == b.provider for a, b in zip(circle.via, circle.via[1:], strict=False))
        assert {(c.provider, c.relation, c.dependent) for c in circle.via} <= declared
        assert {c.relation for c in circle.via} == {circle.relation} or circle.relation is None
        graph = nx.DiGraph([(p, d) for p, r, d in declared if circle.relation in (None, r) and (p != d or circle.count == 1)])
        first = circle.ids[0]
        lengths = nx.single_source_shortest_path_length(graph, first)
        assert len(circle.via) == min(lengths[a] + 1 for a in graph.predecessors(first) if a in lengths)


def test_a_part_of_its_own_part_comes_before_what_keeps_each_other_going() -> None:
    """1 is part of 2, 2 of 3 and 3 of 1. 5 supplies 6, which requires it back with what it stands on: 7, in 6, supplies 5."""
    said = [("asset/1", "partOf", "asset/2"), ("asset/2", "partOf", "asset/3"), ("asset/3", "partOf", "asset/1")]
    said += [("asset/5", "supplies", "asset/6"), ("asset/7", "locatedIn", "asset/6"), ("asset/7", "supplies", "asset/5")]
    found = circles(graph_of(said))
    assert [(c.count, c.ids, c.relation) for c in found.circles] == [
        (3, ("asset/1", "asset/2", "asset/3"), "partOf"),
        (3, ("asset/5", "asset/6", "asset/7"), None),
    ]
    assert [(c.provider, c.relation, c.dependent) for c in found.circles[1].via] == [
        ("asset/5", "supplies", "asset/6"),
        ("asset/6", "locatedIn", "asset/7"),
        ("asset/7", "supplies", "asset/5"),
    ]


def test_the_same_things_by_two_relations_are_two_circles() -> None:
    said = [("asset/1", relation, "asset/2") for relation in ("partOf", "supplies")]
    said += [("asset/2", relation, "asset/1") for relation in ("partOf", "supplies")]
    found = circles(graph_of(said))
    assert [(c.count, c.ids, c.relation) for c in found.circles] == [
        (2, ("asset/1", "asset/2"), "partOf"),
        (2, ("asset/1", "asset/2"), "supplies"),
    ]


def test_without_a_circle_there_is_none() -> None:
    assert circles(graph_of([("asset/1", "partOf", "asset/2")])).circles == ()
