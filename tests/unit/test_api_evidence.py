"""What says so, as GraphQL: read where a query selects it, once for all ways, as of the point of the answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.limits import Limits
from brain.model import ChangeSet, Link
from tests.unit.api_plant import Plant
from tests.unit.test_evidence import PAST, PLANT, SCHEMA, stored, unsays

EVIDENCE = "via { provider relation dependent evidence { about valid authority event source } }"


@asynccontextmanager
async def following(*batches: tuple[int, Sequence[ChangeSet]]) -> AsyncIterator[Plant]:
    """The API over a store to which each batch came at its hour, with the live graph read."""
    async with stored(*batches) as store:
        api = Plant(store, SCHEMA, Limits())
        running = asyncio.create_task(api.graph.run())
        await api.graph.snapshot()
        api.store.calls.clear()
        yield api
        await api.feed.close()
        await running


def told(link: dict[str, Any]) -> tuple[str, str, str, str, str]:
    said = link["evidence"]
    return link["provider"], link["dependent"], said["valid"], said["event"], said["source"]


async def test_a_query_that_does_not_select_it_reads_nothing_of_it() -> None:
    async with following((0, PLANT)) as api:
        await api.ask('{ impact(id: "asset/AIR") { affected { id via { provider relation dependent basis } } } }')
        assert api.store.calls == ["nodes"]  # what the thing is merged with


WAY = [
    ("asset/AIR", "asset/CAP", "1970-01-01T01:00:00.000000Z", "1", "erp"),
    ("asset/CAP", "equipment/L", "1970-01-01T02:00:00.000000Z", "2", "erp"),
    ("equipment/L", "productionorder/1", "1970-01-01T03:00:00.000000Z", "3", "mes"),
]
ANSWERS = (
    f'impact(id: "asset/AIR") {{ affected {{ {EVIDENCE} }} }}',
    f'causes(id: "productionorder/1") {{ causes {{ {EVIDENCE} }} }}',
    f"singlePointsOfFailure(first: 1) {{ points {{ examples {{ {EVIDENCE} }} }} }}",
    f'scenario(changes: {{without: ["asset/AIR"]}}) {{ effect {{ lost {{ differences {{ after {{ {EVIDENCE} }} }} }} }} }}',
)


@pytest.mark.parametrize("asked", ANSWERS, ids=lambda asked: asked.partition("(")[0])
async def test_each_link_of_each_way_in_one_read(asked: str) -> None:
    async with following((0, PLANT)) as api:
        data = await api.ask(f"{{ {asked} }}")
        # Whether it has steps, and so waits of which to tell, is a read before.
        assert api.store.calls.count("related") == 1 + asked.startswith("causes")
    assert WAY in [[told(link) for link in via] for via in ways(data)]


def ways(data: Any) -> Iterator[list[dict[str, Any]]]:
    """Every `via` of an answer, wherever it stands."""
    for name, value in data.items() if isinstance(data, dict) else ():
        if name == "via":
            yield value
        else:
            yield from ways(value)
    for value in data if isinstance(data, list) else ():
        yield from ways(value)


async def test_of_an_answer_as_of_then_it_is_that_of_then_also_as_known_then() -> None:
    """As worked out in `test_evidence`: of three o'clock event 1 says so, until event 4 is stored, which says so since two."""
    points = {
        "": ("1970-01-01T06:00:00.000000Z", "3", "mes"),
        ', asOf: "1970-01-01T03:00:00Z"': ("1970-01-01T02:00:00.000000Z", "4", "audit"),
        ', asOf: "1970-01-01T03:00:00Z", knownAt: "1970-01-02T01:00:00Z"': ("1970-01-01T01:00:00.000000Z", "1", "erp"),
        ', knownAt: "1970-01-01T15:00:00Z"': ("1970-01-01T01:00:00.000000Z", "1", "erp"),
    }
    fields = " ".join(f'a{i}: impact(id: "asset/AIR"{point}) {{ affected {{ {EVIDENCE} }} }}' for i, point in enumerate(points))
    async with following(*PAST) as api:
        data = await api.ask(f"{{ {fields} }}")
    assert [told(data[f"a{i}"]["affected"][0]["via"][0])[2:] for i in range(len(points))] == list(points.values())


async def test_a_link_that_has_gone_since_the_graph_was_read_has_none() -> None:
    """The retraction is stored, and nobody has told of it yet."""
    gone = unsays("9", "productionorder/1", "ProductionOrder", 9, Link("scheduledOn", "equipment/L"))
    async with following((0, PLANT)) as api:
        await api.store.apply([gone])
        query = f'{{ impact(id: "equipment/L") {{ affected {{ id {EVIDENCE} }} }} }}'
        before = await api.ask(query)
        assert [(one["id"], one["via"][0]["evidence"]) for one in before["impact"]["affected"]] == [("productionorder/1", None)]
