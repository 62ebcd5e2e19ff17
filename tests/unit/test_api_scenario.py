"""What-if as GraphQL: on the live graph and on a past one, two side by side, and that nothing of it is kept."""

from typing import Any

from brain.identities import Merged, accept
from tests.unit.api_plant import plant_api
from tests.unit.test_api_dependencies import HOUR, PLANT, SCHEMA, following, says

SCENARIO = """query($changes: ScenarioInput!, $others: ScenarioInput, $impactOf: ID, $capacity: Float, $asOf: DateTime) {
  scenario(changes: $changes, others: $others, impactOf: $impactOf, capacity: $capacity, asOf: $asOf) {
    changes others partial impactOf
    effect { ...all } otherEffect { ...all } between { ...all }
  }
}
fragment all on Comparison {
  lost { before after counts { turn count } differences { id turn after { afterSeconds capacity part via { relation } } } }
  impact { before after differences { id turn before { afterSeconds } after { afterSeconds capacity } node { id } } }
  singlePoints { before after come { id lost } gone { id lost } moved { id } }
}"""

SECOND = {
    "add": [{"id": "asset/AIR-2", "class": "Machine"}, {"id": "capability/air", "class": "Capability"}],
    "unlink": [{"source": "asset/AIR", "relation": "supplies", "target": "asset/CAP"}],
    "link": [
        {"source": "asset/AIR", "relation": "provides", "target": "capability/air"},
        {"source": "asset/AIR-2", "relation": "provides", "target": "capability/air"},
        {"source": "asset/CAP", "relation": "requires", "target": "capability/air"},
    ],
}
"""A second compressor, either of which is enough."""
HANGING = ["asset/CAP", "equipment/L", "productionorder/1"]


async def test_a_second_compressor_and_the_model_learns_nothing_of_it() -> None:
    async with following() as api:
        found = (await api.ask(SCENARIO, changes=SECOND, impactOf="asset/AIR"))["scenario"]
        effect = found["effect"]
        assert [(d["id"], d["turn"], d["before"]["afterSeconds"]) for d in effect["impact"]["differences"]] == [
            (id, "NO_LONGER", 600.0) for id in HANGING
        ]
        assert effect["impact"]["differences"][0]["node"] == {"id": "asset/CAP"}
        assert effect["singlePoints"] == {
            "before": 3,
            "after": 2,
            "come": [],
            "gone": [{"id": "asset/AIR", "lost": 3}],
            "moved": [],
        }
        assert (effect["lost"]["after"], found["otherEffect"], found["between"], found["partial"]) == (0, None, None, False)
        assert "add asset/AIR-2 Machine" in found["changes"]
        again = await api.ask('{ impact(id: "asset/AIR") { affected { id } } node(id: "asset/AIR-2") { id } }')
        assert ([a["id"] for a in again["impact"]["affected"]], again["node"]) == (HANGING, None)
        assert (await api.graph.snapshot()).number("asset/AIR-2") is None
        assert not any("apply" in call for call in api.store.calls)


async def test_two_scenarios_side_by_side_a_past_time_and_a_part_of_a_capacity() -> None:
    async with following() as api:
        down, half = {"without": ["asset/AIR"]}, {"degrade": [{"id": "asset/AIR", "capacity": 0.5}]}
        found = (await api.ask(SCENARIO, changes=down, others=half))["scenario"]
        assert found["effect"]["lost"]["counts"] == [{"turn": "NEWLY", "count": 4}]
        told = {d["id"]: d for d in found["otherEffect"]["lost"]["differences"]}
        assert {id: (d["after"]["afterSeconds"], d["after"]["capacity"]) for id, d in told.items()} == {
            "asset/AIR": (0.0, 0.5)
        } | dict.fromkeys(HANGING, (1200.0, 0.5))
        assert [v["relation"] for v in told["productionorder/1"]["after"]["via"]] == ["supplies", "partOf", "scheduledOn"]
        assert {d["id"]: d["turn"] for d in found["between"]["lost"]["differences"]} == {"asset/AIR": "MORE"} | dict.fromkeys(
            HANGING, "LATER"
        )
        assert found["effect"]["singlePoints"] == {"before": 3, "after": 0, "come": [], "gone": [], "moved": []}
        part = (await api.ask(SCENARIO, changes={"without": ["productionorder/1"]}, impactOf="asset/AIR", capacity=0.25))[
            "scenario"
        ]
        assert [d["before"]["afterSeconds"] for d in part["effect"]["impact"]["differences"]] == [800.0]
        pipe = {"source": "asset/AIR", "relation": "supplies", "target": "asset/CAP", "capacity": 0.5}
        less = (await api.ask(SCENARIO, changes={"narrow": [pipe]}))["scenario"]["effect"]["lost"]["differences"]
        assert {d["id"]: (d["after"]["afterSeconds"], d["after"]["capacity"]) for d in less} == dict.fromkeys(
            HANGING, (1200.0, 0.5)
        )
        found = (await api.ask(SCENARIO, changes={"without": ["asset/AIR"]}, asOf="1970-01-01T00:30:00Z"))["scenario"]
        assert [d["id"] for d in found["effect"]["lost"]["differences"]] == ["asset/AIR", "asset/CAP", "equipment/L"]
        found = await api.ask('{ impact(id: "asset/AIR", capacity: 0.5) { capacity affected { id afterSeconds capacity } } }')
        assert found["impact"]["capacity"] == 0.5
        assert [(a["id"], a["afterSeconds"], a["capacity"]) for a in found["impact"]["affected"]] == [
            (i, 1200.0, 0.5) for i in HANGING
        ]


async def test_what_cannot_be_or_is_too_much_is_refused_with_the_mend() -> None:
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"without": ["asset/NONE"]}, "'asset/NONE' has no dependency"),
        ({"degrade": [{"id": "asset/AIR", "capacity": 1.5}]}, "from 0 to below 1"),
        ({"link": [{"source": "asset/AIR", "relation": "suplies", "target": "equipment/L"}]}, "did you mean 'supplies'"),
        ({"without": ["asset/AIR"] * 101}, "101 changes are too many: make at most 100"),
    )
    async with following() as api:
        for changes, told in refused:
            code, message = await api.fault(SCENARIO, changes=changes)
            assert (code, told in message) == ("REJECT", True), message
        for argument, told in (("first: 0", "first: 0 is not possible"), ("lasts: -1", "lasts: -1 is not possible")):
            code, message = await api.fault(f"{{ scenario(changes: {{}}, {argument}) {{ partial }} }}")
            assert (code, told in message) == ("REJECT", True), message
        two = "{ a: scenario(changes: {}) { partial } b: scenario(changes: {}) { partial } }"
        code, message = await api.fault(two)
        assert (code, "120,040 nodes" in message) == ("LIMIT", True), message


async def test_what_is_there_under_another_id_is_not_added_beside_it() -> None:
    """The links of what is added would be those of the thing that it is merged with, and the added one nobody's."""
    changes = {
        "add": [{"id": "asset/ERP-CAP", "class": "Machine"}],
        "link": [{"source": "asset/ERP-CAP", "relation": "supplies", "target": "asset/AIR"}],
    }
    async with plant_api((*PLANT, says("5", "asset/ERP-CAP", "Machine", 0)), schema=SCHEMA) as api:
        store = Merged(api.store, SCHEMA)
        await store.apply([await accept(store, ["asset/CAP", "asset/ERP-CAP"], "ann", 2 * HOUR)])
        api.store = store  # type: ignore[assignment]
        code, message = await api.fault(SCENARIO, changes=changes, asOf="1970-01-01T03:00:00Z")
        assert (code, message.startswith("'asset/CAP' is there already")) == ("REJECT", True)
