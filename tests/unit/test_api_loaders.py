"""Reads by level: the calls that reach the store, counted.

A level is a step of the answer that needs the store: the list itself, the relations of its nodes, the nodes at their other ends,
the relations of those, and so on. However many nodes and fields a level has, each kind of read happens once on it.
"""

import asyncio
from collections.abc import Sequence

import pytest

from api.loaders import Batch
from tests.unit.api_plant import plant, plant_api


@pytest.mark.parametrize("pumps", [1, 7, 40])
async def test_three_levels_of_nodes_cost_one_call_a_level(pumps: int) -> None:
    query = """{ pumps(first: 50) { edges { node { id
        servicedBy { edges { node { name services { edges { node { name } } } } } } } } } }"""
    async with plant_api(plant(pumps)) as api:
        await api.ask(query)
        assert api.store.calls == ["find", "related", "nodes", "related", "nodes"]


async def test_branches_of_different_shape_share_their_level() -> None:
    """A functional relation is one step of GraphQL, a connection three: their nodes are still fetched together."""
    query = """{ pumps(first: 50) { edges { node {
        name
        locatedIn { name partOf { id hasPart { edges { node { id } } } } }
        servicedBy { edges { qualifier node { name services { edges { node { name } } } } } }
        performed { pageInfo { hasNextPage } edges { node { activity object { edges { node { id } } } } } }
        a: hasPart { edges { node { id } } }
    } } } }"""
    async with plant_api() as api:
        await api.ask(query)
        assert api.store.calls == ["find", "related", "nodes", "related", "nodes", "related", "nodes"]


async def test_flags_and_history_are_one_call_each_and_only_when_asked_for() -> None:
    async with plant_api() as api:
        await api.ask("{ pumps { edges { node { id name key attributes { name } } } } }")
        assert api.store.calls == ["find"]
        api.store.calls.clear()
        await api.ask("{ pumps { totalCount edges { node { quality { at } history { valid } } } } }")
        assert sorted(api.store.calls) == ["count", "find", "history", "quality"]


async def test_edges_alone_need_no_nodes() -> None:
    async with plant_api() as api:
        await api.ask("{ pumps { edges { node { servicedBy { totalCount edges { qualifier } } } } } }")
        assert api.store.calls == ["find", "related"]


async def test_nodes_by_id_are_one_call() -> None:
    async with plant_api() as api:
        await api.ask(
            '{ nodes(ids: ["asset/00", "asset/01", "asset/00"]) { id } node(id: "room/0") { id } entity(id: "room/1") { id } }'
        )
        assert api.store.calls == ["nodes"]


async def test_two_times_are_two_trees() -> None:
    query = """{ now: pumps { edges { node { locatedIn { name } } } }
        then: pumps(asOf: "1970-01-01T02:00:00Z") { edges { node { locatedIn { name } } } } }"""
    async with plant_api() as api:
        await api.ask(query)
        assert sorted(api.store.calls) == ["find", "find", "nodes", "nodes", "related", "related"]


async def test_an_error_of_the_store_reaches_everyone_who_waits_and_only_once() -> None:
    calls = 0

    async def fetch(_: None, keys: Sequence[int]) -> list[int]:
        nonlocal calls
        calls += 1
        raise OSError("away")

    batch: Batch[None, int, int] = Batch(fetch)
    results = await asyncio.gather(*(batch.load(None, n % 2) for n in range(4)), return_exceptions=True)
    assert [str(r) for r in results] == ["away"] * 4
    assert calls == 1


async def test_one_cancelled_reader_does_not_cancel_the_others() -> None:
    asked: list[Sequence[int]] = []

    async def fetch(_: None, keys: Sequence[int]) -> list[int]:
        asked.append(keys)
        await asyncio.sleep(0.01)
        return [k * 10 for k in keys]

    batch: Batch[None, int, int] = Batch(fetch)
    first, second = (asyncio.ensure_future(batch.load(None, 3)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 30
    assert asked == [[3]]


async def test_nothing_is_remembered() -> None:
    value = 0

    async def fetch(_: None, keys: Sequence[str]) -> list[int]:
        return [value] * len(keys)

    batch: Batch[None, str, int] = Batch(fetch)
    assert await batch.load(None, "a") == 0
    value = 1
    assert await batch.load(None, "a") == 1
