"""The subscription without a socket: what is told, what is folded, and where it ends."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.limits import Limits
from api.subscriptions import Backlog, TooSlow
from brain.model import Notice
from tests.unit.api_plant import Plant, plant_api

CHANGES = """subscription($ids: [ID!], $classes: [ClassName!]) {
    changes(ids: $ids, classes: $classes) { id class names event at count node { id ... on Pump { name } } } }"""


def notice(subject: str, cls: str = "Pump", names: tuple[str, ...] = ("flow",), event: str = "e", valid: int = 0) -> Notice:
    return Notice(subject, cls, names, event, valid)


async def started(api: Plant, **variables: Any) -> AsyncGenerator[Any, None]:
    """The subscription, once it listens to the feed."""
    stream = await api.api.subscribe(CHANGES, variable_values=variables, context_value=api.context())
    first = asyncio.ensure_future(anext(stream))
    for _ in range(50):
        await asyncio.sleep(0)

    async def results() -> AsyncGenerator[Any, None]:
        try:
            yield await first
            async for result in stream:
                yield result
        finally:
            first.cancel()
            await stream.aclose()

    return results()


async def test_a_change_arrives_with_the_node_as_it_is() -> None:
    async with plant_api() as api:
        changes = await started(api)
        await api.feed.publish([notice("asset/01", names=("name", "flow"), event="x", valid=5)])
        result = await anext(changes)
        assert result.data["changes"] == {
            "id": "asset/01",
            "class": "Pump",
            "names": ["flow", "name"],
            "event": "x",
            "at": "1970-01-01T00:00:00.000005Z",
            "count": 1,
            "node": {"id": "asset/01", "name": "Pump 1"},
        }
        await changes.aclose()


async def test_only_what_was_asked_for_is_told() -> None:
    async with plant_api() as api:
        changes = await started(api, ids=["asset/05", "asset/00", "person/ada"], classes=["SyringePump", "Person"])
        # asset/05 is a SyringePump though this event calls it an asset; asset/00 is none; asset/03 is not watched.
        subjects = [("asset/00", "Asset"), ("asset/03", "Pump"), ("asset/05", "Asset"), ("person/ada", "Person")]
        await api.feed.publish([notice(*s) for s in subjects])
        told = [(await anext(changes)).data["changes"]["id"] for _ in range(2)]
        assert told == ["asset/05", "person/ada"]
        await changes.aclose()


async def test_a_slow_reader_gets_folded_changes() -> None:
    async with plant_api() as api:
        changes = await started(api)
        events = [notice("asset/01", names=(f"n{n % 3}",), event=f"e{n}", valid=n) for n in range(1000)]
        await api.feed.publish([notice("asset/00"), *reversed(events)])
        assert (await anext(changes)).data["changes"]["id"] == "asset/00"
        folded = (await anext(changes)).data["changes"]
        assert (folded["count"], folded["event"], folded["names"]) == (1000, "e999", ["n0", "n1", "n2"])
        await changes.aclose()


async def test_a_reader_that_falls_too_far_behind_is_told_so_and_ended() -> None:
    async with plant_api(limits=Limits(backlog=5)) as api:
        changes = await started(api)
        await api.feed.publish([notice(f"asset/{n:02}") for n in range(7)])
        results = [r async for r in changes]
        assert results[-1].errors is not None
        assert "5 changed nodes wait for this subscriber" in results[-1].errors[0].message
        assert results[-1].errors[0].extensions["code"] == "RETRY"
        assert not api.feed._queues  # and it no longer listens


async def test_it_ends_when_the_feed_closes() -> None:
    async with plant_api() as api:
        changes = await started(api)
        assert len(api.feed._queues) == 1
        await api.feed.publish([notice("asset/00")])
        await api.feed.close()
        assert [r.data["changes"]["id"] async for r in changes] == ["asset/00"]
        assert not api.feed._queues


async def test_it_lets_go_when_the_reader_leaves() -> None:
    async with plant_api() as api:
        leaving = await started(api)
        await api.feed.publish([notice("asset/00")])
        await anext(leaving)
        await leaving.aclose()
        assert not api.feed._queues


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.booleans())))
async def test_a_backlog_tells_of_every_node_that_changed_and_holds_one_entry_each(steps: list[tuple[int, int, bool]]) -> None:
    backlog = Backlog(5)
    waiting: dict[str, list[Notice]] = {}
    for node, valid, take in steps:
        put = notice(f"n{node}", valid=valid, event=f"e{valid}")
        backlog.put(put)
        waiting.setdefault(put.subject, []).append(put)
        assert len(backlog._waiting) <= 5
        if take:
            told = await backlog.take()
            expected = waiting.pop(told.latest.subject)
            assert told.count == len(expected)
            assert told.latest.valid == max(n.valid for n in expected)
    left = {(await backlog.take()).latest.subject for _ in range(len(waiting))}
    assert left == set(waiting)


async def test_a_full_backlog_takes_known_nodes_but_no_new_one() -> None:
    backlog = Backlog(1)
    backlog.put(notice("a"))
    backlog.put(notice("a"))
    with pytest.raises(TooSlow, match="1 changed nodes wait"):
        backlog.put(notice("b"))
