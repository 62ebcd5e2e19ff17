"""When each thing is lost: shortest times against networkx, redundancy against its definition, and plants worked out by hand."""

import heapq
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, replace
from unittest.mock import patch

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.snapshot import Snapshot, from_edges
from brain.analytics.graph.times import beneath, carriers, spread, way
from brain.model import Node
from brain.schema import Schema
from ontology import load_schema
from tests.unit.test_graph_structure import Said, edges_of, things, typed_graphs

SCHEMA: Schema = load_schema(())
DELAYS = {"requires": 7, "locatedIn": 0, "supplies": 3, "partOf": 0, "operates": 20}
"""µs, of the relations of `typed_graphs`."""
EVEN = dict.fromkeys(SCHEMA.dependencies, 5)
CLASSES = ("Asset", "Site", "Capability")
"""Sites live as long as one part does, assets as long as one of those who operate them; of all others each is needed."""


def graph_of(
    said: Sequence[Said],
    buffers: Mapping[str, int] = {},
    classes: Mapping[str, str] = {},
    delays: Mapping[str, int] = DELAYS,
) -> Snapshot:
    """Buffers and delays in µs."""
    met = {end for source, _, target in said for end in (source, target)}
    nodes = [Node(id, classes.get(id, "Asset"), {"bufferTime": buffers.get(id, 0) / 1e6}, {}, {}) for id in sorted(met)]
    snapshot = from_edges(SCHEMA, edges_of(said), nodes)
    return replace(snapshot, kinds=tuple(kind._replace(delay=delays.get(kind.relation, 0)) for kind in snapshot.kinds))


def needs(said: Sequence[Said]) -> list[tuple[str, str, str]]:
    """(dependent, relation, provider), each once."""
    return [(s, r, t) if SCHEMA.relations[r].dependency == "target" else (t, r, s) for s, r, t in sorted(set(said))]


def told(snapshot: Snapshot, root: str, **more: int | None) -> dict[str, int]:
    found = spread(snapshot, [snapshot.index[root]], **more)  # type: ignore[arg-type]
    return {snapshot.ids[i]: found.time(i) for i in found.reached.tolist()}


buffers = st.dictionaries(st.integers(0, 11).map(lambda i: f"asset/{i}"), st.integers(1, 30), max_size=4)
classes = st.dictionaries(st.integers(0, 11).map(lambda i: f"asset/{i}"), st.sampled_from(CLASSES))


@given(typed_graphs, buffers)
@settings(max_examples=500, deadline=None)
def test_the_shortest_times_are_those_of_networkx(said: list[Said], buffers: dict[str, int]) -> None:
    snapshot = graph_of(said, buffers)
    graph: nx.DiGraph[str] = nx.DiGraph()
    for dependent, relation, provider in needs(said):
        weight = DELAYS[relation] + buffers.get(dependent, 0)
        if not graph.has_edge(provider, dependent) or graph.edges[provider, dependent]["weight"] > weight:
            graph.add_edge(provider, dependent, weight=weight)
    for root in snapshot.ids[:3]:
        number = snapshot.index[root]
        found = spread(snapshot, [number], redundancy=False)
        want = nx.single_source_dijkstra_path_length(graph, root)
        assert {snapshot.ids[i]: found.time(i) for i in found.reached.tolist()} == want
        carried = carriers(snapshot, found, redundancy=False)
        for node in found.reached.tolist():
            on = [root, *(snapshot.ids[edge >> 36] for edge in way(carried, node, found.value))]
            assert on[-1] == snapshot.ids[node]
            assert len(on) == found.distance(node) + 1
            assert nx.path_weight(graph, on, "weight") == found.time(node)


def knuth(
    said: Sequence[Said],
    root: str,
    buffers: Mapping[str, int],
    classes: Mapping[str, str],
    delays: Mapping[str, int] = DELAYS,
) -> dict[str, int]:
    """The times by Knuth's algorithm, straight from the definition: whoever is lost next is lost for good."""
    groups: defaultdict[tuple[str, object], set[str]] = defaultdict(set)
    for dependent, relation, provider in needs(said):
        some = relation in SCHEMA.classes[classes.get(dependent, "Asset")].any_of
        groups[dependent, relation if some else (relation, provider)].add(provider)
    lost, queue = {}, [(0, root)]
    while queue:
        at, node = heapq.heappop(queue)
        if node in lost:
            continue
        lost[node] = at
        for (dependent, group), providers in groups.items():
            relation = group if isinstance(group, str) else group[0]  # type: ignore[index]
            if node in providers and providers <= lost.keys():
                felt = max(lost[p] for p in providers) + delays[relation] + buffers.get(dependent, 0)
                heapq.heappush(queue, (felt, dependent))
    return lost


@given(typed_graphs, buffers, classes, st.integers(0, 60))
@settings(max_examples=500, deadline=None)
def test_with_redundancy_the_times_are_those_of_the_definition(
    said: list[Said], buffers: dict[str, int], classes: dict[str, str], lasts: int
) -> None:
    snapshot = graph_of(said, buffers, classes)
    for root in snapshot.ids[:3]:
        want = knuth(said, root, buffers, classes)
        assert told(snapshot, root) == want
        assert told(snapshot, root, lasts=lasts) == {node: at for node, at in want.items() if at < lasts or node == root}
        found = spread(snapshot, [snapshot.index[root]])
        carried = carriers(snapshot, found)
        for node in found.reached.tolist():
            at, on = 0, root
            for edge in way(carried, node, found.value):
                assert snapshot.ids[edge & (1 << 26) - 1] == on
                on = snapshot.ids[edge >> 36]
                at += DELAYS[snapshot.kind_of(edge).relation] + buffers.get(on, 0)
            assert (on, at) == (snapshot.ids[node], want[snapshot.ids[node]])


def swept() -> AbstractContextManager[object]:
    """However small the graph, all things are looked at where many of a large one would be."""
    return patch("brain.analytics.graph.times.MANY", 1 << 40)


choosing_graphs = st.lists(st.tuples(things, st.sampled_from(("operates", "operates", "requires")), things), min_size=8)
"""Of which many things have a choice, and needs beside it."""
ends = st.none() | st.integers(0, 60)
depths = st.none() | st.integers(0, 5)


@given(typed_graphs | choosing_graphs, buffers, st.frozensets(st.integers(0, 11), max_size=3), ends, depths, st.booleans())
@settings(max_examples=500, deadline=None)
def test_where_all_things_are_looked_at_the_times_are_the_same(
    said: list[Said], buffers: dict[str, int], closed: frozenset[int], lasts: int | None, depth: int | None, redundancy: bool
) -> None:
    snapshot = graph_of(said, buffers, delays=EVEN)
    for root in snapshot.ids[:3]:
        with swept():
            assert told(snapshot, root) == knuth(said, root, buffers, {}, EVEN)
    over = replace(snapshot, closed=np.isin(np.arange(snapshot.count), list(closed)))
    for roots in ([0], [snapshot.count - 1], [0, snapshot.count // 2]):
        edge_by_edge = spread(over, roots, lasts=lasts, depth=depth, redundancy=redundancy)
        with swept():
            at_once = spread(over, roots, lasts=lasts, depth=depth, redundancy=redundancy)
        for one, other in zip(astuple(edge_by_edge), astuple(at_once), strict=True):
            assert one.tolist() == other.tolist()


@given(typed_graphs, st.frozensets(st.integers(0, 11)), st.frozensets(st.integers(0, 11)))
@settings(max_examples=200, deadline=None)
def test_what_is_beneath_is_found_from_either_side(said: list[Said], some: frozenset[int], asked: frozenset[int]) -> None:
    snapshot = graph_of(said)
    nodes = np.array(sorted(i for i in some if i < snapshot.count), np.int64)
    asking = np.isin(np.arange(snapshot.count), list(asked))
    hang = {dependent for dependent, _, provider in needs(said) if snapshot.index[provider] in some}
    found = beneath(snapshot, nodes, asking) & asking
    assert {snapshot.ids[i] for i in np.flatnonzero(found)} == {id for id in hang if asking[snapshot.index[id]]}


def test_a_group_is_lost_with_its_last_provider_and_a_thing_with_its_first_group() -> None:
    """K is provided by P (lost at once) and by Q, whose tank lasts 10 µs; M requires K (+7 µs) and is part of L."""
    said = [
        ("P", "provides", "K"),
        ("Q", "provides", "K"),
        ("P", "requires", "U"),
        ("Q", "requires", "U"),
        ("M", "requires", "K"),
        ("M", "partOf", "L"),
    ]
    snapshot = graph_of(said, {"Q": 10}, {"K": "Capability"})
    assert told(snapshot, "P") == {"P": 0}
    assert told(snapshot, "Q") == {"Q": 0}
    assert told(snapshot, "U") == {"U": 0, "P": 7, "Q": 17, "K": 17, "M": 24, "L": 24}
    both = spread(snapshot, [snapshot.index["P"], snapshot.index["Q"]])
    assert {snapshot.ids[i]: both.time(i) for i in both.reached.tolist()} == {"P": 0, "Q": 0, "K": 0, "M": 7, "L": 7}
    assert told(snapshot, "U", lasts=17) == {"U": 0, "P": 7}


def test_things_that_keep_each_other_going_go_on() -> None:
    """Two controllers, each of which keeps the cell running, and the cell powers both: losing one changes nothing."""
    said = [("A", "operates", "cell"), ("B", "operates", "cell"), ("cell", "supplies", "A"), ("cell", "supplies", "B")]
    assert told(graph_of(said), "A") == {"A": 0}
    assert told(graph_of(said), "cell") == {"cell": 0, "A": 3, "B": 3}


def test_what_lies_beyond_the_depth_is_told_as_open() -> None:
    snapshot = graph_of([(f"{i + 1}", "locatedIn", f"{i}") for i in range(9)])
    found = spread(snapshot, [snapshot.index["0"]], depth=3)
    assert [snapshot.ids[i] for i in found.reached] == ["0", "1", "2", "3"]
    assert [snapshot.ids[i] for i in found.open] == ["3"]
    assert not len(spread(snapshot, [snapshot.index["0"]], depth=9).open)


def test_at_the_deadline_it_ends_with_what_it_has() -> None:
    snapshot = graph_of([("a", "locatedIn", "b")])
    found = spread(snapshot, [snapshot.index["b"]], until=time.monotonic())
    assert (found.reached.tolist(), found.open.tolist()) == ([snapshot.index["b"]],) * 2
