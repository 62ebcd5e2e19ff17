"""Dependencies against networkx on made-up graphs: every direction, cycles, depth, and when an answer is partial."""

from collections.abc import Sequence
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics import dependencies as module
from brain.analytics.dependencies import Dependencies, Toward, dependencies
from brain.model import Assert, ChangeSet, Link
from brain.schema import Schema
from brain.stores.sqlite import SqliteStore
from ontology import load_schema

SCHEMA: Schema = load_schema(())
# Whichever way the relation points, its `dependency` says which end needs the other.
TARGET_NEEDED = ("locatedIn", "isHostedBy")
SOURCE_NEEDED = ("partOf", "worksAt")
NEITHER = ("monitors",)
THINGS = tuple(f"entity/{name}" for name in "abcdefgh")

Said = tuple[str, str, str]


def said(edges: Sequence[Said]) -> list[ChangeSet]:
    """Each edge by an event of its own. Functional relations keep the newest link: the last of a source wins."""
    events = [
        ChangeSet(f"e{i}", "test", i, i, (Assert(source, "Entity", links=(Link(relation, target),)),))
        for i, (source, relation, target) in enumerate(edges)
    ]
    return [ChangeSet("n", "test", 0, 0, tuple(Assert(t, "Entity", {"name": t[-1].upper()}) for t in THINGS)), *events]


async def answer(edges: Sequence[Said], root: str, toward: Toward, depth: int) -> Dependencies:
    store = SqliteStore("")
    try:
        await store.prepare(SCHEMA)
        await store.apply(said(edges))
        return await dependencies(store, SCHEMA, root, toward, depth)
    finally:
        await store.close()


def needs(edges: Sequence[Said]) -> "nx.DiGraph[str]":
    """The oracle's graph: an edge from what needs to what is needed, for the links that still hold."""
    held: dict[tuple[str, str], Said] = {}
    for one in edges:
        functional = SCHEMA.relations[one[1]].functional
        held[(one[0], one[1]) if functional else (*one[:2], one[2])] = one  # type: ignore[index]
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(THINGS)
    for source, relation, target in held.values():
        if relation in TARGET_NEEDED:
            graph.add_edge(source, target)
        elif relation in SOURCE_NEEDED:
            graph.add_edge(target, source)
    return graph


edges = st.lists(
    st.tuples(st.sampled_from(THINGS), st.sampled_from((*TARGET_NEEDED, *SOURCE_NEEDED, *NEITHER)), st.sampled_from(THINGS)),
    max_size=20,
)


@given(edges, st.sampled_from(THINGS), st.sampled_from(Toward), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
async def test_the_same_nodes_and_distances_as_networkx(said: list[Said], root: str, toward: Toward, depth: int) -> None:
    found = await answer(said, root, toward, depth)
    graph = needs(said) if toward is Toward.UP else needs(said).reverse()
    everything = nx.single_source_shortest_path_length(graph, root)
    within = {node: n for node, n in everything.items() if 0 < n <= depth}
    assert {n.id: n.distance for n in found.nodes} == within
    assert found.partial == (len(everything) > len(within) + 1)
    for node in found.nodes:
        assert node.via[0] == root
        assert node.via[-1] == node.id
        assert len(node.via) == node.distance + 1
        assert all(graph.has_edge(a, b) for a, b in zip(node.via, node.via[1:], strict=False))
        assert node.name == node.id[-1].upper()
    assert [(n.distance, n.id) for n in found.nodes] == sorted((n.distance, n.id) for n in found.nodes)


@given(edges, st.sampled_from(THINGS), st.sampled_from(Toward))
@settings(max_examples=60, deadline=None)
async def test_every_dependency_on_the_way_is_told_with_its_evidence(said: list[Said], root: str, toward: Toward) -> None:
    found = await answer(said, root, toward, 20)
    reached = {root, *(n.id for n in found.nodes)}
    near = "target" if toward is Toward.DOWN else "source"
    want = set()
    for source, relation, target in {(s, r, t) for s, r, t in said if r not in NEITHER}:
        end = {"source": source, "target": target}
        if relation in SOURCE_NEEDED:
            end = {"source": target, "target": source}
        graph = needs(said)
        if end[near] in reached and graph.has_edge(end["source"], end["target"]):
            want.add((source, relation, target))
    told = {(e.source, e.relation, e.target) for e in found.edges}
    # Links that a newer one replaced do not hold, though another relation may join the same two things.
    assert told <= want
    assert {frozenset((s, t)) for s, _, t in told} == {frozenset((s, t)) for s, _, t in want}
    assert all(e.stamp.event.startswith("e") for e in found.edges)
    assert len(found.edges) == len(told)


async def test_two_relations_between_the_same_things_are_two_edges() -> None:
    found = await answer(
        [("entity/a", "locatedIn", "entity/b"), ("entity/a", "isHostedBy", "entity/b")], "entity/a", Toward.UP, 1
    )
    assert [e.relation for e in found.edges] == ["isHostedBy", "locatedIn"]


async def test_steps_that_a_machine_carried_out_do_not_hang_on_it_and_yet_needed_it() -> None:
    store = SqliteStore("")
    await store.prepare(SCHEMA)
    step = Assert("step/1", "Step", {"activity": "fill", "completedAt": 5}, links=(Link("performedBy", "asset/M"),))
    order = Assert("productionorder/1", "ProductionOrder", links=(Link("scheduledOn", "asset/M"),))
    await store.apply([ChangeSet("1", "test", 0, 0, (step, order, Assert("asset/M", "Machine")))])
    found = [await dependencies(store, SCHEMA, *asked) for asked in (("asset/M", Toward.DOWN), ("step/1", Toward.UP))]
    assert [[n.id for n in one.nodes] for one in found] == [["productionorder/1"], ["asset/M"]]
    await store.close()


async def test_a_cycle_is_walked_once_and_is_whole() -> None:
    ring = [(THINGS[i], "isHostedBy", THINGS[(i + 1) % 3]) for i in range(3)]
    found = await answer(ring, "entity/a", Toward.UP, 2)
    assert [(n.id, n.distance) for n in found.nodes] == [("entity/b", 1), ("entity/c", 2)]
    assert not found.partial  # all that is there is listed, though the ring goes on
    assert (await answer(ring, "entity/a", Toward.UP, 1)).partial


@pytest.mark.parametrize(("count", "partial"), [(5, False), (6, True)])
async def test_more_edges_than_are_followed_make_it_partial(count: int, partial: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAN", 5)
    star = [(f"entity/x{i}", "locatedIn", "entity/a") for i in range(count)]
    found = await answer(star, "entity/a", Toward.DOWN, 1)
    assert (len(found.nodes), found.partial) == (5, partial)


async def test_one_read_of_the_store_a_level() -> None:
    calls: list[int] = []

    class Counting(SqliteStore):
        async def related(self, hops: Any, *more: Any) -> Any:
            calls.append(len(hops))
            return await super().related(hops, *more)

    store = Counting("")
    await store.prepare(SCHEMA)
    chain = [(f"entity/{i}", "locatedIn", f"entity/{i + 1}") for i in range(9)]
    await store.apply(said([*chain, *((f"entity/x{i}", "locatedIn", "entity/3") for i in range(50))]))
    await dependencies(store, SCHEMA, "entity/9", Toward.DOWN, 8)
    assert len(calls) == 9  # one a level, and one look beyond the last
    await store.close()
