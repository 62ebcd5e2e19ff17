"""What is computed on the snapshot, against networkx on random typed graphs."""

import random
from collections.abc import Sequence
from unittest.mock import patch

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.reach import ancestors, descendant_sets, descendants
from brain.analytics.graph.snapshot import Snapshot, from_edges
from brain.analytics.graph.structure import articulation_points, betweenness, immediate_dominators, pagerank
from brain.model import Edge, Stamp
from brain.schema import Schema
from ontology import load_schema

SCHEMA: Schema = load_schema(())
RELATIONS = ("requires", "locatedIn", "supplies", "partOf", "operates")
"""Of both directions."""

Said = tuple[str, str, str]


def edges_of(said: Sequence[Said]) -> list[Edge]:
    return [Edge(source, relation, target, "", Stamp(0, 0, 0, "e", "test")) for source, relation, target in said]


def oracle(said: Sequence[Said]) -> "nx.MultiDiGraph[str]":
    """From what is needed to what needs it, an edge for each relation."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for source, relation, target in set(said):
        needed, needing = (target, source) if SCHEMA.relations[relation].dependency == "target" else (source, target)
        graph.add_edge(needed, needing)
    return graph


def names(snapshot: Snapshot, nodes: Sequence[int] | np.ndarray) -> set[str]:
    return {snapshot.ids[i] for i in nodes}


things = st.integers(0, 11).map(lambda i: f"asset/{i}")
typed_graphs = st.lists(st.tuples(things, st.sampled_from(RELATIONS), things), min_size=1, max_size=30)
few = st.integers(0, 5).map(lambda i: f"asset/{i}")
dense_graphs = st.lists(st.tuples(few, st.sampled_from(RELATIONS), few), min_size=1, max_size=20)
"""Of which many have two relations between the same two things."""


@given(typed_graphs)
@settings(max_examples=500, deadline=None)
def test_reachability_dominators_and_articulation_points_are_those_of_networkx(said: list[Said]) -> None:
    snapshot, graph = from_edges(SCHEMA, edges_of(said)), oracle(said)
    assert set(snapshot.ids) == set(graph)
    below = descendant_sets(snapshot, range(snapshot.count))
    with patch("brain.analytics.graph.reach.SMALL", 1):
        assert [some.tolist() for some in descendant_sets(snapshot, range(snapshot.count))] == [some.tolist() for some in below]
    simple = nx.DiGraph(graph)
    for i, id in enumerate(snapshot.ids):
        assert names(snapshot, descendants(snapshot, i)) == names(snapshot, below[i]) == nx.descendants(graph, id)
        assert names(snapshot, ancestors(snapshot, i)) == nx.ancestors(graph, id)
        found = {snapshot.ids[n]: snapshot.ids[by] for n, by in immediate_dominators(snapshot, i).items()}
        assert found == {n: by for n, by in nx.immediate_dominators(simple, id).items() if n != id}
    joined = nx.Graph(graph)
    joined.remove_edges_from(list(nx.selfloop_edges(joined)))
    assert names(snapshot, articulation_points(snapshot)) == set(nx.articulation_points(joined))


@given(st.one_of(typed_graphs, dense_graphs))
@settings(max_examples=150, deadline=None)
def test_pagerank_and_betweenness_are_those_of_networkx(said: list[Said]) -> None:
    snapshot, graph = from_edges(SCHEMA, edges_of(said)), oracle(said)
    rank = pagerank(snapshot, tolerance=1e-12, most=2000)
    want = nx.pagerank(graph.reverse(), tol=1e-12, max_iter=2000)
    assert {id: pytest.approx(want[id], abs=1e-9) for id in graph} == dict(zip(snapshot.ids, rank, strict=True))
    simple = nx.DiGraph(graph)
    between = betweenness(snapshot, range(0, snapshot.count, 2))
    told = nx.betweenness_centrality_subset(simple, snapshot.ids[::2], list(graph), normalized=False)
    assert {id: pytest.approx(told[id]) for id in graph} == dict(zip(snapshot.ids, between, strict=True))


def test_more_sets_than_one_walk_takes_on_a_graph_with_and_without_cycles() -> None:
    for loops in (False, True):
        chance = random.Random(loops)
        said = []
        for _ in range(2500):
            a, b = sorted(chance.sample(range(1500), 2))
            said.append((f"asset/{b}", "requires", f"asset/{a}"))
        if loops:
            said += [(f"asset/{i}", "requires", f"asset/{i + 40}") for i in range(0, 1000, 50)]
        snapshot, graph = from_edges(SCHEMA, edges_of(said)), oracle(said)
        below = descendant_sets(snapshot, range(snapshot.count))
        assert len(below) == snapshot.count > 1024
        assert all(names(snapshot, b) == nx.descendants(graph, id) for id, b in zip(snapshot.ids, below, strict=True))


def test_nothing_is_an_answer() -> None:
    snapshot = from_edges(SCHEMA, [])
    assert [len(f(snapshot)) for f in (articulation_points, pagerank)] == [0, 0]
    assert descendant_sets(snapshot, []) == []
