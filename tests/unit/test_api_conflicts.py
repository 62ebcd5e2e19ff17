"""Conflicts and what was taken back, as GraphQL tells them."""

from dataclasses import replace
from typing import Any

from api.execution import executable
from brain.model import Assert, Void
from tests.unit.api_plant import HOUR, Plant, plant_api, said

CONFLICTS = "id subject rule start sides { said start end event source }"


async def counting(api: Plant) -> None:
    """Strokes can only go up from now on."""
    pump = api.schema.classes["Pump"]
    strokes = replace(pump.properties["strokes"], counter=True)
    api.schema = replace(
        api.schema, classes={**api.schema.classes, "Pump": replace(pump, properties={**pump.properties, "strokes": strokes})}
    )
    api.api = executable(api.schema, api.limits)


def strokes(event: str, hour: int, value: int, pump: str = "asset/1") -> Any:
    return said(event, Assert(pump, "Pump", {"strokes": value}), valid=hour * HOUR)


SAID = [
    strokes("e1", 1, 10),
    strokes("e2", 2, 12),
    strokes("e3", 3, 11),
    strokes("f1", 1, 5, "asset/2"),
    strokes("f2", 2, 4, "asset/2"),
]


async def test_a_conflict_has_both_sides_with_their_events() -> None:
    async with plant_api(SAID) as api:
        await counting(api)
        [one, other] = (await api.ask(f"{{ conflicts {{ {CONFLICTS} }} }}"))["conflicts"]
        assert (one["subject"], one["rule"], one["start"]) == ("asset/1", "strokes.counter", "1970-01-01T03:00:00.000000Z")
        assert [(side["said"], side["event"], side["source"]) for side in one["sides"]] == [
            ("strokes = 12", "e2", "test"),
            ("strokes = 11", "e3", "test"),
        ]
        assert other["subject"] == "asset/2"
        assert (await api.ask("{ conflicts(first: 1) { subject } }"))["conflicts"] == [{"subject": "asset/1"}]
        assert (await api.ask('{ conflicts(ids: ["asset/2", "no/such"]) { subject } }'))["conflicts"] == [{"subject": "asset/2"}]
        assert await api.fault("{ conflicts(first: 1001) { id } }") == (
            "REJECT",
            f"1001 conflicts are not possible: ask for 0 to {api.limits.page}, or name `ids`",
        )


async def test_conflicts_of_many_things_are_read_at_once_and_as_of_a_time() -> None:
    async with plant_api(SAID) as api:
        await counting(api)
        query = "query ($at: DateTime) { pumps(asOf: $at) { edges { node { id conflicts { rule } } } } }"
        rows = (await api.ask(query))["pumps"]["edges"]
        assert [(row["node"]["id"], len(row["node"]["conflicts"])) for row in rows] == [("asset/1", 1), ("asset/2", 1)]
        assert api.store.calls.count("history") == 1
        rows = (await api.ask(query, at="1970-01-01T02:30:00Z"))["pumps"]["edges"]
        assert [len(row["node"]["conflicts"]) for row in rows] == [0, 1]


async def test_what_was_taken_back_is_in_the_history_and_out_of_the_conflicts() -> None:
    wrong = said("v1", Void("asset/1", "Pump", "e2", "test"), valid=4 * HOUR)
    async with plant_api([*SAID[:3], wrong]) as api:
        await counting(api)
        found = await api.ask('{ conflicts { id } entity(id: "asset/1") { history { ontology voids { event source } } } }')
        assert found["conflicts"] == []
        versions = found["entity"]["history"]
        assert [version["voids"] for version in versions] == [[{"event": "e2", "source": "test"}], [], [], []]
        assert {version["ontology"] for version in versions} == {"test-1"}
