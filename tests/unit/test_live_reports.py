"""Live reports beside a feed: they follow what is told, read anew what was not, and say so when they cannot follow."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from brain.analytics import following
from brain.analytics.bottlenecks import bottlenecks
from brain.analytics.following import NotFollowing
from brain.analytics.live_reports import LiveReports
from brain.analytics.lives import MICRO
from brain.engine import Engine
from brain.errors import Retry
from brain.feeds.memory import MemoryFeed
from brain.identities import Merged
from brain.model import GAP, Assert, ChangeSet, Link, Notice, Retract
from brain.ports import Store
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema
from tests.unit.api_plant import plant_api
from tests.unit.test_bottlenecks import step, thing


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


class Told:
    """A store with a feed, and live reports that follow it."""

    def __init__(self, store: Store, schema: Schema, feed: MemoryFeed) -> None:
        self.store, self.schema, self.feed = store, schema, feed
        self.engine = Engine(store, feed)
        self.live = LiveReports(store, schema, feed)

    async def says(self, *changes: ChangeSet) -> None:
        await self.engine.commit(changes)
        await asyncio.sleep(0)

    async def agrees(self) -> Any:
        """The live report, which is the store's own."""
        found = await self.live.report("t", min_frequency=1)
        assert found == await bottlenecks(self.store, self.schema, "t", min_frequency=1, sketched=True)
        return found


@asynccontextmanager
async def told(schema: Schema, merged: bool = False) -> AsyncIterator[Told]:
    raw, feed = open_store("sqlite://"), MemoryFeed()
    store = Merged(raw, schema) if merged else raw
    await store.prepare(schema)
    one = Told(store, schema, feed)
    running = asyncio.create_task(one.live.run())
    try:
        yield one
    finally:
        await feed.close()
        await asyncio.wait_for(running, 5)
        await store.close()


def edges(found: Any) -> dict[tuple[str, str], float]:
    return {(e.source, e.target): e.total_seconds for e in found.edges}


async def test_a_late_step_takes_one_handover_away_and_adds_two(schema: Schema) -> None:
    async with told(schema) as plant:
        await plant.says(thing("x", "t"), step("1", "a", ["x"], completedAt=0), step("3", "c", ["x"], completedAt=100))
        assert edges(await plant.agrees()) == {("a", "c"): 100.0}
        await plant.says(step("2", "b", ["x"], completedAt=30))
        assert edges(await plant.agrees()) == {("a", "b"): 30.0, ("b", "c"): 70.0}


async def test_what_was_lost_on_the_way_is_read_anew(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    async with told(schema) as plant:
        await plant.says(thing("x", "t"), step("1", "a", ["x"], completedAt=0))
        await plant.agrees()
        # The store is told, and of what is published then the feed keeps a few notices of things that no figure needs.
        await plant.store.apply([step("2", "b", ["x"], completedAt=5)])
        monkeypatch.setattr("brain.feeds.memory._put", _full)
        await plant.feed.publish([Notice("asset/1", "Device", ("battery",), "e", 0)])
        await asyncio.sleep(0.01)
        assert edges(await plant.agrees()) == {("a", "b"): 5.0}


def _full(queue: "asyncio.Queue[Notice | None]", notice: Notice | None) -> None:
    """As when the queue is full."""
    queue.put_nowait(GAP)
    queue.put_nowait(notice)


async def test_a_report_waits_for_what_is_being_followed(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    async with told(schema, merged=True) as plant:
        await plant.says(thing("x", "t"), step("1", "a", ["x"], completedAt=0))
        await plant.agrees()
        merged, slow = plant.live._merged_anew, asyncio.Event()

        async def slowly(told: Sequence[Notice]) -> bool:
            slow.set()
            await asyncio.sleep(0.2)
            return await merged(told)

        monkeypatch.setattr(plant.live, "_merged_anew", slowly)
        await plant.says(step("2", "b", ["x"], completedAt=5))
        await asyncio.wait_for(slow.wait(), 5)
        assert edges(await plant.agrees()) == {("a", "b"): 5.0}


async def test_more_notices_than_are_kept_are_read_anew(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST", 3)
    async with told(schema) as plant:
        await plant.says(thing("x", "t"), step("0", "a", ["x"], completedAt=0))
        await plant.agrees()
        await plant.says(*(step(str(i), "b", ["x"], completedAt=i) for i in range(1, 50)))
        assert edges(await plant.agrees()) == {("a", "b"): 1.0, ("b", "b"): 48.0}


async def test_a_merge_joins_two_lives_and_its_undoing_parts_them(schema: Schema) -> None:
    same = Link("sameAs", "object/y")
    async with told(schema, merged=True) as plant:
        await plant.says(
            thing("x", "t"), thing("y", "t"), step("1", "a", ["x"], completedAt=0), step("2", "b", ["y"], completedAt=7)
        )
        assert edges(await plant.agrees()) == {}
        await plant.says(ChangeSet("m", "test", 9 * MICRO, 0, (Assert("object/x", "WorkObject", {}, {}, (same,)),)))
        assert edges(await plant.agrees()) == {("a", "b"): 7.0}
        await plant.says(thing("y", "t"), step("2", "b", ["y"], completedAt=7))  # told again, under the id that it had
        assert edges(await plant.agrees()) == {("a", "b"): 7.0}
        await plant.says(ChangeSet("u", "test", 10 * MICRO, 0, (Retract("object/x", "WorkObject", links=(same,)),)))
        assert edges(await plant.agrees()) == {}


class Away(MemoryFeed):
    """A feed that is away the first times that it is asked."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def subscribe(self) -> AsyncIterator[Notice]:
        if self.times:
            self.times -= 1
            raise Retry("the broker is away")
        async for notice in super().subscribe():
            yield notice


async def test_while_the_feed_is_away_there_is_no_report_and_afterwards_all_is_read_anew(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(following, "BEGIN_SECONDS", 0.05)
    store, feed = open_store("sqlite://"), Away(2)
    await store.prepare(schema)
    await store.apply([thing("x", "t"), step("1", "a", ["x"], completedAt=0), step("2", "b", ["x"], completedAt=3)])
    live = LiveReports(store, schema, feed)
    running = asyncio.create_task(live.run())
    with pytest.raises(NotFollowing, match="`bottlenecks` reads the store itself"):
        await live.report("t")
    await asyncio.sleep(0.6)
    assert edges(await live.report("t")) == {("a", "b"): 3.0}
    await feed.close()
    await asyncio.wait_for(running, 5)
    await store.close()


LIVE = "{ edges { source target count } }"


def orders(*steps: tuple[str, str, int]) -> Sequence[ChangeSet]:
    def one(name: str, activity: str, at: int) -> Assert:
        said = {"activity": activity, "completedAt": at}
        return Assert(f"step/{name}", "Step", said, {}, (Link("object", "workobject/o"),))

    said = ChangeSet("o", "s", 0, 0, (Assert("workobject/o", "WorkObject", {"objectType": "order"}),))
    return [said, *(ChangeSet(name, "s", at, 0, (one(name, activity, at),)) for name, activity, at in steps)]


async def test_graphql_has_the_live_report_and_tells_when_it_changes() -> None:
    async with plant_api(orders(("1", "a", 0), ("2", "b", 5))) as api:
        running = asyncio.create_task(api.live.run())
        query = f'{{ live: liveBottlenecks(objectType: "order") {LIVE} stored: bottlenecks(objectType: "order") {LIVE} }}'
        data = await api.ask(query)
        assert data["live"] == data["stored"] == {"edges": [{"source": "a", "target": "b", "count": 1}]}
        text = f'subscription {{ bottlenecks(objectType: "order") {LIVE} }}'
        stream: Any = await api.api.subscribe(text, context_value=api.context())
        assert (await anext(stream)).data["bottlenecks"] == data["stored"]
        notices = await api.store.apply(orders(("3", "c", 9)))
        await api.feed.publish(notices)
        changed = (await asyncio.wait_for(anext(stream), 5)).data["bottlenecks"]["edges"]
        assert {(e["source"], e["target"]) for e in changed} == {("a", "b"), ("b", "c")}
        await stream.aclose()
        code, message = await api.fault('{ liveBottlenecks(objectType: "ordr") { objects } }')
        assert (code, "did you mean 'order'" in message) == ("REJECT", True)
        await api.feed.close()
        await running
