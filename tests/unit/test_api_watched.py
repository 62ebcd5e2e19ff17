"""The subscription to an impact: it tells what changed and only then, and many who watch one thing cost one computation."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from brain.analytics.graph import watched
from brain.model import GAP, ChangeSet, Link, Retract
from tests.unit.api_plant import Plant
from tests.unit.test_api_dependencies import HOUR, following, says

WATCH = 'subscription { watchedImpact(id: "asset/AIR", first: 10) { affected { id afterSeconds } counts { part count } } }'


async def watching(api: Plant, query: str = WATCH) -> AsyncGenerator[Any, None]:
    stream: Any = await api.api.subscribe(query, context_value=api.context())
    return stream  # type: ignore[no-any-return]


async def told(stream: Any, seconds: float = 20.0) -> Any:
    result = await asyncio.wait_for(anext(stream), seconds)
    assert result.errors is None, result.errors
    return result.data["watchedImpact"]


def ids(found: Any) -> list[str]:
    return [a["id"] for a in found["affected"]]


async def commit(api: Plant, *changes: ChangeSet) -> None:
    await api.feed.publish(await api.store.apply(changes))


async def test_it_tells_what_changed_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.watched.LEAST_SECONDS", 0)
    worked: list[str] = []
    impact = watched.impact
    monkeypatch.setattr(
        watched, "impact", lambda snapshot, schema, id, asked: worked.append(id) or impact(snapshot, schema, id, asked)
    )
    async with following() as api:
        streams = [await watching(api) for _ in range(5)]
        hanging = ["asset/CAP", "equipment/L", "productionorder/1"]
        assert [ids(await told(stream)) for stream in streams] == [hanging] * 5
        assert worked == ["asset/AIR"]

        waiting = [asyncio.ensure_future(told(stream)) for stream in streams]
        for looked, other in (
            (2, says("8", "asset/CAP", "Machine", HOUR, state="running")),
            (3, says("9", "asset/FAR", "Machine", HOUR, Link("feeds", "asset/AWAY"))),
        ):
            await commit(api, other)
            async with asyncio.timeout(20):
                while len(worked) < looked:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert not any(one.done() for one in waiting)
        await commit(api, says("10", "productionorder/2", "ProductionOrder", 2 * HOUR, Link("scheduledOn", "equipment/L")))
        found = await asyncio.gather(*waiting)
        assert [ids(one) for one in found] == [[*hanging, "productionorder/2"]] * 5
        assert worked == ["asset/AIR"] * 4

        await commit(api, says("11", "asset/CAP", "Machine", 3 * HOUR, bufferTime=60.0))
        after = await told(streams[0])
        assert {a["afterSeconds"] for a in after["affected"]} == {60.0}
        for stream in streams:
            await stream.aclose()
        assert not api.graph._watchers


async def test_what_is_read_anew_and_is_the_same_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three machines that come one by one hang on the compressor alike. A gap in the feed has all read anew."""
    monkeypatch.setattr("api.watched.LEAST_SECONDS", 0)
    async with following() as api:
        stream = await watching(api)
        await told(stream)
        for n in (3, 1, 2):
            await commit(api, says(f"z{n}", "asset/AIR", "Machine", HOUR, Link("supplies", f"asset/Z-{n}")))
            found = ids(await told(stream))
        assert len(found) == 6
        await api.feed.publish([GAP])
        waiting = asyncio.ensure_future(told(stream))
        await asyncio.wait({waiting}, timeout=0.5)
        assert not waiting.done()
        await commit(api, says("9", "asset/AIR", "Machine", 2 * HOUR, Link("supplies", "asset/Z-0")))
        # The capper holds for ten minutes, and what hangs on it with it.
        assert ids(await waiting) == [*found[:3], "asset/Z-0", *found[3:]]
        await stream.aclose()


async def test_a_thing_that_nothing_touches_yet_or_any_more_and_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.watched.LEAST_SECONDS", 0)
    async with following() as api:
        stream = await watching(api, WATCH.replace("AIR", "NEW"))
        assert await told(stream) is None
        feeds = Link("feeds", "asset/CAP")
        await commit(api, says("8", "asset/NEW", "Machine", HOUR, feeds))
        assert ids(await told(stream))[0] == "asset/CAP"
        await api.store.apply([ChangeSet("9", "s", 2 * HOUR, 0, (Retract("asset/NEW", "Machine", links=(feeds,)),))])
        await api.feed.publish([GAP])
        assert await told(stream) is None
        await stream.aclose()
        for wrong, text in (
            ("first: 5000", "first: 5000 is not possible"),
            ("depth: 99", "depth: 99 is not possible"),
            ("capacity: 1", "from 0 to below 1"),
        ):
            stream = await watching(api, f'subscription {{ watchedImpact(id: "asset/AIR", {wrong}) {{ id }} }}')
            result = await asyncio.wait_for(anext(stream), 20)
            assert result.errors is not None
            assert text in result.errors[0].message
            await stream.aclose()
        assert not api.graph._watchers
