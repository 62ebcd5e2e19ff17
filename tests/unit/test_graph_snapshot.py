"""The snapshot of a store's dependencies: what is in it, now and in the past, and that following notices is reading anew."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.live import LiveGraph
from brain.analytics.graph.reading import read, refreshed
from brain.analytics.graph.snapshot import Snapshot, firsts, kinds, seconds, turned
from brain.engine import Engine
from brain.feeds.memory import MemoryFeed
from brain.identities import Merged
from brain.identity import CERTAIN
from brain.model import GAP, Assert, ChangeSet, Link, Mark, Retract, Void
from brain.ports import Store
from brain.query import AsOf, Edges
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema

SCHEMA: Schema = load_schema(())
HOUR = 3_600_000_000

Needs = set[tuple[str, str, str]]
"""(dependent, relation, provider)."""


def needs_of(snapshot: Snapshot) -> Needs:
    """Read from one of the two orders; both, and their row pointers, are held against each other."""
    assert np.array_equal(np.sort(turned(snapshot.feeds)), snapshot.needs)
    for keys, start in ((snapshot.needs, snapshot.needs_start), (snapshot.feeds, snapshot.feeds_start)):
        assert np.all(np.diff(keys) > 0)
        assert np.array_equal(start, np.searchsorted(firsts(keys), np.arange(snapshot.count + 1)))
    ids, names = snapshot.ids, [kind.relation for kind in snapshot.kinds]
    columns = (firsts(snapshot.needs).tolist(), kinds(snapshot.needs).tolist(), seconds(snapshot.needs).tolist())
    return {(ids[d], names[k], ids[p]) for d, k, p in zip(*columns, strict=True)}


def described(snapshot: Snapshot) -> dict[str, tuple[str, str | None, str | None, int, bool]]:
    """Of each node that an edge touches: class, name, state, buffer, whether its life is over."""
    touched = set(firsts(snapshot.needs).tolist()) | set(firsts(snapshot.feeds).tolist())
    return {
        snapshot.ids[i]: (
            snapshot.classes[snapshot.cls[i]],
            snapshot.names[i],
            snapshot.states[i],
            int(snapshot.buffer[i]),
            bool(snapshot.closed[i]),
        )
        for i in touched
    }


async def declared(store: Store) -> Needs:
    """The definition: each edge that holds, by its relation's needed end."""
    found = set()
    async for edge in store.scan(Edges()):
        relation = SCHEMA.relations[edge.relation]
        if relation.dependency == "target" and relation.source != "Step":
            found.add((edge.source, edge.relation, edge.target))
        elif relation.dependency == "source" and relation.source != "Step":
            found.add((edge.target, edge.relation, edge.source))
    return found


def says(event: str, subject: str, cls: str, at: int = 0, *links: Link, **properties: str | float) -> ChangeSet:
    return ChangeSet(event, "test", at, at, (Assert(subject, cls, properties, {}, tuple(links)),))


@asynccontextmanager
async def stored(*changes: ChangeSet) -> AsyncIterator[Store]:
    store = open_store("sqlite://")
    await store.prepare(SCHEMA)
    await store.apply(changes)
    try:
        yield store
    finally:
        await store.close()


async def test_each_relation_in_its_direction_with_what_is_known_of_both_ends() -> None:
    """A pump in a hall feeds a tank that holds for ten minutes; an order needs the tank's line; a step needs nothing."""
    async with stored(
        says("1", "asset/P", "Pump", 0, Link("feeds", "asset/T"), Link("locatedIn", "location/H"), name="P-1", state="fault"),
        says("2", "asset/T", "PhysicalAsset", 0, bufferTime=600.0),
        says("3", "productionorder/1", "ProductionOrder", 0, Link("scheduledOn", "asset/T"), actualEnd=5),
        says("4", "step/1", "Step", 0, Link("performedBy", "asset/P"), Link("object", "productionorder/1"), activity="a"),
        says("5", "asset/P", "Pump", 0, Link("monitors", "asset/T")),
    ) as store:
        snapshot = await read(store, SCHEMA)
    assert needs_of(snapshot) == {
        ("asset/T", "feeds", "asset/P"),
        ("asset/P", "locatedIn", "location/H"),
        ("productionorder/1", "scheduledOn", "asset/T"),
    }
    assert described(snapshot) == {
        "asset/P": ("Pump", "P-1", "fault", 0, False),
        "asset/T": ("PhysicalAsset", None, None, 600_000_000, False),
        "location/H": ("Entity", None, None, 0, False),
        "productionorder/1": ("ProductionOrder", None, None, 0, True),
    }
    assert snapshot.number("step/1") is None
    assert {kind.basis for kind in snapshot.kinds} == {"declared"}


async def test_an_edge_that_held_for_a_time_is_in_the_graph_of_that_time_alone() -> None:
    """Line L was cooled by C from 8 to 10 o'clock, and is by D since."""
    cooled = Link("requires", "asset/C")
    async with stored(
        says("1", "equipment/L", "WorkCenter", 8 * HOUR, cooled),
        ChangeSet("2", "test", 10 * HOUR, 0, (Retract("equipment/L", "WorkCenter", links=(cooled,)),)),
        says("3", "equipment/L", "WorkCenter", 10 * HOUR, Link("requires", "asset/D")),
    ) as store:
        then = {hour: needs_of(await read(store, SCHEMA, AsOf(valid=hour * HOUR))) for hour in (7, 8, 9, 10, 11)}
        now = await read(store, SCHEMA)
    by_c, by_d = ({("equipment/L", "requires", f"asset/{x}")} for x in "CD")
    assert then == {7: set(), 8: by_c, 9: by_c, 10: by_d, 11: by_d}
    assert needs_of(now) == by_d


async def test_it_knows_the_marks_that_it_reflects() -> None:
    async with stored() as store:
        await store.apply([says("1", "asset/P", "Pump", 0, Link("feeds", "asset/T"))], [Mark("plant", 0, 7)])
        assert (await read(store, SCHEMA)).marks == (Mark("plant", 0, 7),)


THINGS = {f"asset/{c}": "Pump" for c in "abcd"} | {
    "location/h": "Location",
    "person/p": "Person",
    "productionorder/1": "ProductionOrder",
}
RELATIONS = ("feeds", "locatedIn", "requires", "supplies", "operates", "scheduledOn", "worksAt", "monitors")

links = st.builds(Link, st.sampled_from(RELATIONS), st.sampled_from(sorted(THINGS)))
said = st.one_of(
    st.tuples(st.just("link"), st.sampled_from(sorted(THINGS)), links),
    st.tuples(st.just("unlink"), st.sampled_from(sorted(THINGS)), links),
    st.tuples(st.just("state"), st.sampled_from(sorted(THINGS)), st.sampled_from(["run", "fault"])),
    st.tuples(st.just("end"), st.just("productionorder/1"), st.just(0)),
    st.tuples(st.just("void"), st.sampled_from(sorted(THINGS)), st.integers(0, 20)),
)


def change(i: int, what: tuple[str, str, object]) -> ChangeSet:
    kind, subject, value = what
    cls = THINGS[subject]
    match kind, value:
        case "link", Link():
            made: Assert | Retract | Void = Assert(subject, cls, links=(value,))
        case "unlink", Link():
            made = Retract(subject, cls, links=(value,))
        case "state", str():
            made = Assert(subject, cls, {"state": value} if "state" in SCHEMA.classes[cls].properties else {"name": value})
        case "end", _:
            made = Assert(subject, cls, {"actualEnd": i})
        case _:
            made = Void(subject, cls, f"e{value}", "test")
    return ChangeSet(f"e{i}", "test", i, i, (made,))


@given(st.lists(said, max_size=30), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
async def test_followed_in_any_order_it_is_what_reading_anew_gives(said: list[tuple[str, str, object]], seed: int) -> None:
    order = [change(i, one) for i, one in enumerate(said)]
    random.Random(seed).shuffle(order)
    async with stored() as store:
        held = await read(store, SCHEMA)
        while order:
            batch, order = order[:4], order[4:]
            notices = await store.apply(batch)
            held = await refreshed(store, SCHEMA, held, list(dict.fromkeys(n.subject for n in notices)), len(notices))
            # Once asked for, what is joined goes on with what is changed.
            assert sorted(held.undirected.edge_list()) == sorted(
                zip(firsts(held.feeds).tolist(), seconds(held.feeds).tolist(), strict=True)
            )
        anew = await read(store, SCHEMA)
        assert needs_of(held) == needs_of(anew) == await declared(store)
        assert described(held) == described(anew)


class Told:
    """A store with a feed, and the live graph beside it."""

    def __init__(self, store: Store, feed: MemoryFeed) -> None:
        self.store, self.feed, self.engine = store, feed, Engine(store, feed)
        self.live = LiveGraph(store, SCHEMA, feed)

    async def says(self, *changes: ChangeSet) -> None:
        await self.engine.commit(changes)
        await asyncio.sleep(0)


@asynccontextmanager
async def told(merged: bool = False) -> AsyncIterator[Told]:
    async with stored() as store:
        plant = Told(Merged(store, SCHEMA) if merged else store, MemoryFeed())
        running = asyncio.create_task(plant.live.run())
        try:
            yield plant
        finally:
            await plant.feed.close()
            await asyncio.wait_for(running, 5)


async def test_a_change_shows_in_the_next_snapshot_and_the_one_before_stays_as_it_was() -> None:
    async with told() as plant:
        await plant.says(says("1", "asset/P", "Pump", 0, Link("feeds", "asset/T")))
        before = await plant.live.snapshot()
        await plant.says(says("2", "asset/P", "Pump", 1, Link("feeds", "asset/U")), says("3", "asset/U", "Pump", 1, state="on"))
        after = await plant.live.snapshot()
        one, two = ("asset/T", "feeds", "asset/P"), ("asset/U", "feeds", "asset/P")
        assert (needs_of(before), needs_of(after)) == ({one}, {one, two})
        assert described(after)["asset/U"][:3] == ("Pump", None, "on")
        assert before.number("asset/U") is None
        assert after.followed > before.followed


async def test_telemetry_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with told() as plant:
        await plant.says(says("1", "asset/P", "Pump", 0, Link("feeds", "asset/T")))
        held = await plant.live.snapshot()
        await plant.says(says("2", "asset/P", "Pump", 1, pressure=3.0), says("3", "asset/X", "Pump", 1, pressure=3.0))
        assert await plant.live.snapshot() is held


async def test_a_merge_moves_the_edges_to_the_one_thing() -> None:
    async with told(merged=True) as plant:
        await plant.says(
            says("1", "asset/b", "Pump", 0, Link("feeds", "asset/t")), says("2", "asset/a", "Pump", 0, Link("feeds", "asset/u"))
        )
        assert len(needs_of(await plant.live.snapshot())) == 2
        await plant.says(says("3", "asset/b", "Pump", 2, Link("sameAs", "asset/a")))
        assert needs_of(await plant.live.snapshot()) == {("asset/t", "feeds", "asset/a"), ("asset/u", "feeds", "asset/a")}
        await plant.says(says("4", "asset/b", "Pump", 3, Link("feeds", "asset/v")))
        assert ("asset/v", "feeds", "asset/a") in needs_of(await plant.live.snapshot())


async def test_what_another_process_merges_by_an_identity_beyond_doubt_moves_them_too() -> None:
    """Its commit is heard of long before what is merged would be looked up again."""
    number = replace(SCHEMA.classes["Pump"].properties["serialNumber"], identity=CERTAIN)
    classes = {
        name: replace(cls, properties=dict(cls.properties) | {"serialNumber": number})
        if "serialNumber" in cls.properties
        else cls
        for name, cls in SCHEMA.classes.items()
    }
    schema, feed, raw = Schema("sure", classes), MemoryFeed(), open_store("sqlite://")
    await raw.prepare(schema)
    live = LiveGraph(Merged(raw, schema, age=3600), schema, feed)
    running = asyncio.create_task(live.run())
    try:
        await raw.apply([says(id, f"asset/{id}", "Pump", 0, Link("feeds", "asset/t"), serialNumber=id) for id in "ab"])
        assert len(needs_of(await live.snapshot())) == 2
        await feed.publish(await raw.apply([says("c", "asset/b", "Pump", 1, serialNumber="a")]))
        await asyncio.sleep(0)
        assert needs_of(await live.snapshot()) == {("asset/t", "feeds", "asset/a")}
    finally:
        await feed.close()
        await asyncio.wait_for(running, 5)
        await raw.close()


async def test_what_was_lost_on_the_way_is_read_anew() -> None:
    async with told() as plant:
        await plant.says(says("1", "asset/P", "Pump", 0, Link("feeds", "asset/T")))
        await plant.live.snapshot()
        await plant.store.apply([says("2", "asset/Q", "Pump", 0, Link("feeds", "asset/T"))])
        assert len(needs_of(await plant.live.snapshot())) == 1
        plant.live._take((GAP,), None)
        assert len(needs_of(await plant.live.snapshot())) == 2


def test_pieces_of_an_edge() -> None:
    keys: Sequence[int] = [5 << 36 | 3 << 26 | 7]
    told = np.array(keys, np.int64)
    assert (firsts(told)[0], kinds(told)[0], seconds(told)[0], turned(told)[0]) == (5, 3, 7, 7 << 36 | 3 << 26 | 5)
