"""The delay of an order where the capper was merged with its record in the ERP after the order had waited: what the ERP said of
it holds of the waits before the merge too.

The plant is that of `test_delayed`, but that the tank supplies the capper under the ERP's name for it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from brain.analytics.graph.delayed import Asked, delay
from brain.analytics.graph.evidence import Evidenced, with_evidence
from brain.identities import Merged, accept
from brain.query import AsOf
from tests.unit.api_plant import plant_api
from tests.unit.test_delayed import PLANT, SCHEMA, at, says, stored

ERP = (
    *(one for one in PLANT if one.changes[0].subject != "asset/TANK"),
    says(-60, "asset/TANK", "Machine", ("supplies", "asset/ERP-CAP"), bufferTime=600.0),
    says(-60, "asset/ERP-CAP", "Machine"),
)
LONG_AFTER = 200
EVENTS = [PLANT[0].event, ERP[-2].event, None]
"""That AIR supplies the tank, and that the capper; that the capper took the step is observed."""


@asynccontextmanager
async def merged() -> AsyncIterator[Merged]:
    async with stored(ERP) as raw:
        store = Merged(raw, SCHEMA)
        await store.apply([await accept(store, ["asset/CAP", "asset/ERP-CAP"], "ann", at(LONG_AFTER))])
        yield store


async def test_what_was_declared_under_another_name_is_behind_the_delay() -> None:
    async with merged() as store:
        for asked in (Asked(), Asked(AsOf(at(LONG_AFTER + 1)), moment=at(60))):
            told = await delay(store, SCHEMA, "productionorder/0104", asked)
            assert told is not None
            assert told.at == at(60)
            assert [(one.id, one.down_seconds) for one in told.causes[:2]] == [("asset/AIR", 49 * 60), ("asset/CAP", 0.0)]
            via = (await with_evidence(store, SCHEMA, told)).causes[0].via
            assert [one.dependent for one in via] == ["asset/TANK", "asset/CAP", "productionorder/0104"]
            assert [one.event for one in via if isinstance(one, Evidenced)] == EVENTS


async def test_as_of_a_time_before_the_merge_they_are_two() -> None:
    async with merged() as store:
        told = await delay(store, SCHEMA, "productionorder/0104", Asked(AsOf(at(LONG_AFTER - 1)), moment=at(60)))
        assert told is not None
        assert {one.id for one in told.causes} == {"asset/CAP", "asset/SW"}


async def test_graphql_tells_the_event() -> None:
    query = '{ causes(id: "productionorder/0104") { causes { id via { dependent evidence { event } } } } }'
    async with merged() as store, plant_api((), schema=SCHEMA) as api:
        api.store = store  # type: ignore[assignment]
        (air, *_) = (await api.ask(query))["causes"]["causes"]
        assert air["id"] == "asset/AIR"
        assert [step["evidence"] and step["evidence"]["event"] for step in air["via"]] == EVENTS


async def test_what_was_behind_a_thing_is_told_under_the_name_that_it_had_then() -> None:
    """It has no steps, so that there is no wait to be told of; and nobody had merged it then."""
    query = '{ causes(id: "asset/ERP-CAP", at: "1970-01-01T09:00:00Z") { id causes { id } } }'
    async with merged() as store, plant_api((), schema=SCHEMA) as api:
        api.store = store  # type: ignore[assignment]
        told = (await api.ask(query))["causes"]
        assert (told["id"], [one["id"] for one in told["causes"]]) == ("asset/ERP-CAP", ["asset/TANK", "asset/AIR"])
