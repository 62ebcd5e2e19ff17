"""GraphQL's processReport: evidence that leads to the steps, only what is selected worked out, wrong arguments refused."""

from api.limits import Limits
from brain.model import ChangeSet, Flag, Verdict
from tests.unit.api_plant import HOUR, plant_api

WAIT = """waits { edges { source target totalSeconds } } absent { section reason }
    evidence { source waits { seconds object { id node { class } } previous { id activity ended }
        next { id started resource node { class ... on Step { activity } } } } }"""


async def test_the_evidence_of_a_wait_leads_to_its_steps_and_its_object() -> None:
    async with plant_api() as api:
        found = (await api.ask(f'{{ processReport(objectType: "prescription", minFrequency: 1) {{ {WAIT} }} }}'))["processReport"]
    assert {e["source"] for e in found["waits"]["edges"]} == {"order", "fill"}
    (wait,) = next(e["waits"] for e in found["evidence"] if e["source"] == "order")
    # Each step takes half an hour and the next begins a whole hour after it began.
    assert wait["seconds"] == 1800
    assert wait["object"] == {"id": "workobject/rx", "node": {"class": "WorkObject"}}
    assert wait["previous"] == {"id": "step/0", "activity": "order", "ended": "1970-01-01T00:30:00.000000Z"}
    assert wait["next"] == {
        "id": "step/1",
        "started": "1970-01-01T01:00:00.000000Z",
        "resource": "asset/00",
        "node": {"class": "Step", "activity": "fill"},
    }
    assert {one["reason"] for one in found["absent"]} == {"not asked for"}


async def test_what_is_selected_is_worked_out_through_fragments_too() -> None:
    query = """query { processReport(objectType: "prescription") {
            ...why ... on ProcessReport { times { sojourn { meanSeconds } } }
            absent { section } leadTime { totalSeconds waitingSeconds } } }
        fragment why on ProcessReport { causes { seconds parts { cause seconds examples { step since because } } } }"""
    async with plant_api() as api:
        found = (await api.ask(query))["processReport"]
    # asset/00 does all three steps and is idle in between: half an hour twice, of which nothing is recorded.
    assert found["causes"]["seconds"] == sum(part["seconds"] for part in found["causes"]["parts"]) == 3600
    assert [part["cause"] for part in found["causes"]["parts"]] == ["EXTRANEOUS"]
    assert found["times"]["sojourn"]["meanSeconds"] == 2.5 * 3600
    assert found["leadTime"] == {"totalSeconds": 2.5 * 3600, "waitingSeconds": 3600}
    assert {one["section"] for one in found["absent"]} == {"confidence", "machines", "relief", "change", "attribution"}


async def test_periods_and_views_are_arguments_and_wrong_ones_are_refused() -> None:
    ask = """{ processReport(objectType: "prescription", %s) {
        since until waits { objects } causes { perspective } machines { class } absent { section reason } } }"""
    async with plant_api() as api:
        found = await api.ask(ask % 'since: "1970-01-01T02:00:00Z", until: "1970-01-01T03:00:00Z", view: "enabled"')
        assert found["processReport"]["waits"]["objects"] == 1
        assert found["processReport"]["until"] == "1970-01-01T03:00:00.000000Z"
        for arguments, says in (
            ('until: "1970-01-01T02:30:00Z"', "no object of type 'prescription' ended in this period"),
            ('view: "sideways"', "view 'sideways' is not known: leave it out, or write 'handover' or 'enabled'"),
            ('lifecycle: "start"', "lifecycle 'start' is not known: leave it out, or write 'complete'"),
            ('machines: "Pmup"', "the ontology has no class 'Pmup'; did you mean 'Pump'?"),
        ):
            code, text = await api.fault(ask % arguments)
            assert (code, says in text) == ("REJECT", True), text
        code, text = await api.fault(
            '{ a: processReport(objectType: "x") { since } b: processReport(objectType: "x") { since } }'
        )
        assert code == "LIMIT"


async def test_calendars_that_are_given_say_when_nobody_was_there() -> None:
    ask = """query($calendars: String) { processReport(objectType: "prescription", calendars: $calendars) {
        causes { parts { cause seconds } } } }"""
    # asset/00 works the first half of each hour alone: each of the two waits lies in the other half.
    hours = '{"asset/00": {"thu": ["00:00-00:30", "01:00-01:30", "02:00-02:30"]}}'
    async with plant_api() as api:
        found = (await api.ask(ask, calendars=hours))["processReport"]
        assert found["causes"]["parts"] == [{"cause": "UNAVAILABILITY", "seconds": 3600}]
        for wrong, says in (
            (hours.replace("asset/00", "asset/O0"), "did you mean 'asset/00'?"),
            (hours.replace("00:30", "25:30"), "is no time of day to another"),
            ("[", "no YAML or JSON"),
        ):
            code, text = await api.fault(ask, calendars=wrong)
            assert (code, says in text) == ("REJECT", True), text


async def test_a_state_leads_to_its_asset_and_to_the_steps_that_it_met() -> None:
    query = """{ processReport(objectType: "prescription") { absent { section } attribution { reason whole {
        seconds persons { who reason seconds } assets { who seconds share }
        states { id node { class locatedInId: locatedIn { id } } trouble coincidesSeconds sure
            examples { object step since until path { relation } } } } } } }"""
    doubt = Flag("asset/00", "Pump", "flow", Verdict.OUT_OF_RANGE, 45 * 60_000_000, "9999.99")
    async with plant_api() as api:
        await api.store.apply([ChangeSet("doubt", "test", HOUR, HOUR, (doubt,))])
        report = (await api.ask(query))["processReport"]
    found = report["attribution"]["whole"]
    # asset/00, a pump, does all three steps: two waits of half an hour, the first of them until 1:00.
    assert found["seconds"] == 3600
    assert found["assets"] == [{"who": "asset/00", "seconds": 3600, "share": 1}]
    assert found["persons"] == [{"who": None, "reason": "not carried out by a person", "seconds": 3600}]
    # From 0:45 on its data are in doubt for ten minutes; the other flag, of 1:00, comes when nothing waits.
    (state,) = found["states"]
    assert state["node"] == {"class": "Pump", "locatedInId": {"id": "room/0"}}
    assert (state["trouble"], state["coincidesSeconds"], state["sure"]) == ("POOR_DATA", 600, False)
    assert state["examples"] == [
        {"object": "workobject/rx", "step": "step/1", "path": [],
         "since": "1970-01-01T00:45:00.000000Z", "until": "1970-01-01T00:55:00.000000Z"},
    ]  # fmt: skip
    assert "attribution" not in {one["section"] for one in report["absent"]}


async def test_a_report_as_of_a_time_and_as_known_at_a_time() -> None:
    ask = """query($asOf: DateTime, $knownAt: DateTime) {
        processReport(objectType: "prescription", asOf: $asOf, knownAt: $knownAt) { asOf knownAt
            waits { steps edges { source target totalSeconds } } confidence { flagged }
            evidence { waits { next { id started ended } } } absent { section reason } }
        bottlenecks(objectType: "prescription", asOf: $asOf, knownAt: $knownAt) {
            steps edges { source target totalSeconds } } }"""
    order_fill = {"source": "order", "target": "fill", "totalSeconds": 1800}
    fill_infuse = {"source": "fill", "target": "infuse", "totalSeconds": 1800}
    async with plant_api(limits=Limits(nodes=200_000)) as api:
        # fill runs from 1:00 to 1:30; all was told of at 0:00.
        then = await api.ask(ask, asOf="1970-01-01T01:10:00Z")
        assert then["bottlenecks"] == {"steps": 2, "edges": [order_fill]}
        report = then["processReport"]
        assert (report["asOf"], report["knownAt"]) == ("1970-01-01T01:10:00.000000Z", None)
        assert report["waits"] == then["bottlenecks"]
        assert report["evidence"][0]["waits"][0]["next"] == {
            "id": "step/1", "started": "1970-01-01T01:00:00.000000Z", "ended": "1970-01-01T01:00:00.000000Z",
        }  # fmt: skip
        now, later = await api.ask(ask), await api.ask(ask, asOf="2200-01-01T00:00:00Z")
        assert {key: value for key, value in later["processReport"].items() if key != "asOf"} == {
            key: value for key, value in now["processReport"].items() if key != "asOf"
        }
        assert [edge["source"] for edge in now["bottlenecks"]["edges"]] == ["fill", "order"]
        assert fill_infuse in now["bottlenecks"]["edges"]
        # A flag keeps no recorded time: how much was known to be invalid then, nobody can tell.
        known = (await api.ask(ask, knownAt="2200-01-01T00:00:00Z"))["processReport"]
        assert known["waits"] == now["processReport"]["waits"]
        assert known["confidence"] is None
        assert "quality flags keep no recorded time" in {one["section"]: one["reason"] for one in known["absent"]}["confidence"]
        code, text = await api.fault('{ bottlenecks(objectType: "prescription", knownAt: "1970-01-01T09:00:00Z") { steps } }')
        assert (code, "has a step as known on 1970-01-01 09:00:00 UTC" in text) == ("REJECT", True), text
