"""`causes` of an order over GraphQL: the plant of `test_delayed`, asked as a client asks."""

from tests.unit.api_plant import plant_api
from tests.unit.test_delayed import PLANT, SCHEMA

ORDER = "productionorder/0104"


async def test_what_was_down_while_the_order_waited() -> None:
    """Without a feed of changes, which the live graph would need: what has a life is read from the store."""
    async with plant_api(PLANT, schema=SCHEMA) as api:
        told = await api.ask(
            f'{{ causes(id: "{ORDER}", first: 2) {{ at count partial waitedSeconds troubledSeconds waitCount notes'
            " causes { id state stateSince downSeconds alone troubles { trouble state until target seconds } }"
            " waits { source target step seconds states { id seconds node { id } }"
            " causes { cause seconds object troubledBy } } } }"
        )
    told = told["causes"]
    assert {
        name: told[name] for name in ("at", "count", "partial", "waitedSeconds", "troubledSeconds", "waitCount", "notes")
    } == {
        "at": "1970-01-01T09:00:00.000000Z",
        "count": 4,
        "partial": False,
        "waitedSeconds": 3060.0,
        "troubledSeconds": 2940.0,
        "waitCount": 1,
        "notes": [],
    }
    trouble = {"trouble": "DOWN", "state": "down", "until": "1970-01-01T08:58:00.000000Z", "target": "cap", "seconds": 2940.0}
    assert told["causes"] == [
        {
            "id": "asset/AIR",
            "state": "down",
            "stateSince": "1970-01-01T08:07:00.000000Z",
            "downSeconds": 2940.0,
            "alone": True,
            "troubles": [trouble],
        },
        {"id": "asset/CAP", "state": "running", "stateSince": None, "downSeconds": 0.0, "alone": True, "troubles": []},
    ]
    assert told["waits"] == [
        {
            "source": "fill",
            "target": "cap",
            "step": "step/0104-cap",
            "seconds": 3060.0,
            "states": [{"id": "asset/AIR", "seconds": 2940.0, "node": {"id": "asset/AIR"}}],
            "causes": [
                {"cause": "EXTRANEOUS", "seconds": 2580.0, "object": None, "troubledBy": "asset/AIR"},
                {"cause": "CONTENTION", "seconds": 480.0, "object": "productionorder/0103", "troubledBy": "asset/AIR"},
            ],
        }
    ]


async def test_the_moment_and_the_past_are_asked_for_and_a_step_is_refused() -> None:
    async with plant_api(PLANT, schema=SCHEMA) as api:
        asked = "{ at waitedSeconds causes { id } waits { target } }"
        data = await api.ask(f'{{ causes(id: "{ORDER}", at: "1970-01-01T08:30:00Z") {asked} }}')
        assert (data["causes"]["at"], data["causes"]["waitedSeconds"]) == ("1970-01-01T08:30:00.000000Z", 3060.0)
        data = await api.ask(f'{{ causes(id: "{ORDER}", asOf: "1970-01-01T08:40:00Z") {asked} }}')
        assert (data["causes"]["waitedSeconds"], data["causes"]["waits"]) == (1860.0, [{"target": None}])
        code, message = await api.fault(
            f'{{ causes(id: "{ORDER}", at: "1970-01-01T08:45:00Z", asOf: "1970-01-01T08:40:00Z") {asked} }}'
        )
        assert (code, "ask for an earlier `at`" in message) == ("REJECT", True)
        data = await api.ask(
            f'{{ causes(id: "{ORDER}", patience: 1e-9) {{ partial notes causes {{ id }} waits {{ seconds }} }} }}'
        )
        assert (data["causes"]["partial"], data["causes"]["causes"], len(data["causes"]["waits"])) == (True, [], 1)
        data = await api.ask('{ causes(id: "asset/CAP", at: "1970-01-01T08:30:00Z") { waitedSeconds causes { id state } } }')
        assert data["causes"]["waitedSeconds"] is None
        assert {c["id"]: c["state"] for c in data["causes"]["causes"]}["asset/AIR"] == "down"
        code, message = await api.fault(
            '{ causes(id: "asset/CAP", at: "1970-01-01T08:45:00Z", asOf: "1970-01-01T08:40:00Z") { id } }'
        )
        assert (code, "ask for an earlier `at`" in message) == ("REJECT", True)
        data = await api.ask('{ causes(id: "asset/CAP", at: "9999-01-01T00:00:00Z") { reflects { asOf } } }')
        assert data["causes"]["reflects"]["asOf"] < "9999", "at most now"
        code, message = await api.fault('{ causes(id: "step/0104-cap") { id } }')
        assert (code, f"a step in the life of {ORDER}" in message) == ("REJECT", True)


async def test_what_is_declared_on_the_way_has_evidence_and_what_is_observed_has_none() -> None:
    async with plant_api(PLANT, schema=SCHEMA) as api:
        data = await api.ask(
            f'{{ causes(id: "{ORDER}", first: 1) {{ causes {{ via {{ relation basis evidence {{ event }} }} }} }} }}'
        )
    events = [change.event for change in PLANT if change.changes[0].subject in ("asset/AIR", "asset/TANK")]
    assert data["causes"]["causes"][0]["via"] == [
        {"relation": "supplies", "basis": "DECLARED", "evidence": {"event": events[0]}},
        {"relation": "supplies", "basis": "DECLARED", "evidence": {"event": events[1]}},
        {"relation": "performedBy", "basis": "OBSERVED", "evidence": None},
    ]
