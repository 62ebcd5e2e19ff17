"""Lists, filters, pages, relations, the past, history: what the API answers, against the plant of `api_plant`."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.model import Assert, Link, Retract
from tests.unit.api_plant import HOUR, plant, plant_api, said


async def test_one_node_with_everything_that_is_known_of_it() -> None:
    query = """{ entity(id: "asset/01") {
        __typename id key class placeholder
        attributes { name value evidence { about valid event source } }
        ... on Pump { name flow strokes alarm calibratedAt }
    } }"""
    async with plant_api() as api:
        assert (await api.ask(query))["entity"] == {
            "__typename": "GenericPump",
            "id": "asset/01",
            "key": "01",
            "class": "Pump",
            "placeholder": False,
            "attributes": [
                {
                    "name": "vendorCode",
                    "value": 1,
                    "evidence": {
                        "about": "@vendorCode",
                        "valid": "1970-01-01T01:00:00.000000Z",
                        "event": "pump-1",
                        "source": "test",
                    },
                }
            ],
            "name": "Pump 1",
            "flow": 10.5,
            "strokes": 2**40 + 1,
            "alarm": True,
            "calibratedAt": "1970-01-01T01:00:00.000001Z",
        }


async def test_relay_finds_nodes_again_in_the_order_asked() -> None:
    async with plant_api() as api:
        data = await api.ask(
            '{ node(id: "room/0") { id __typename } nodes(ids: ["room/1", "no/such", "asset/05"]) { id __typename } }'
        )
        assert data["node"] == {"id": "room/0", "__typename": "Room"}
        assert data["nodes"] == [
            {"id": "room/1", "__typename": "Room"},
            None,
            {"id": "asset/05", "__typename": "SyringePump"},
        ]
        assert (await api.ask('{ node(id: "no/such") { id } }'))["node"] is None


async def test_a_list_has_the_classes_below_it_and_type_narrows_it() -> None:
    query = "query($t: ClassName) { assets(type: $t, first: 50) { totalCount edges { node { id class } } } }"
    async with plant_api() as api:
        everything = (await api.ask(query))["assets"]
        assert everything["totalCount"] == 6
        assert [e["node"]["class"] for e in everything["edges"]] == ["Pump"] * 5 + ["SyringePump"]
        narrow = (await api.ask(query, t="SyringePump"))["assets"]
        assert [e["node"]["id"] for e in narrow["edges"]] == ["asset/05"]
        assert narrow["totalCount"] == 1
        assert await api.fault(query, t="Room") == (
            "REJECT",
            "Room is not a Asset: `type` here is one of Asset, Pump, SyringePump",
        )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{flow: {gt: 10.5, le: 31.5}}", ["02", "03"]),
        ("{flow: {ge: 10.5, lt: 31.5}}", ["01", "02"]),
        ("{flow: {ne: 0}}", ["01", "02", "03", "04", "05"]),
        ("{strokes: {in: [1099511627776, 1099511627778, 7]}}", ["00", "02"]),
        ("{alarm: {eq: true}}", ["01"]),
        ("{alarm: {ne: true}, flow: {lt: 20}}", ["00"]),
        ('{name: {startsWith: "Pump"}, id: {in: ["asset/03", "room/0"]}}', ["03"]),
        ('{name: {contains: "p 4"}}', ["04"]),
        ('{name: {eq: "Pump 2\' OR 1=1 --"}}', []),
        ('{name: {contains: "%"}}', []),
        ('{name: {contains: "_"}}', []),
        ('{calibratedAt: {ge: "1970-01-01T05:00:00+01:00"}}', ["04", "05"]),
        ('{state: {eq: "running"}}', []),
        ('{state: {ne: "running"}}', []),
        ("{}", ["00", "01", "02", "03", "04", "05"]),
    ],
)
async def test_filters_become_conditions(where: str, expected: list[str]) -> None:
    async with plant_api() as api:
        found = (await api.ask("{ pumps(where: WHERE) { edges { node { key } } } }".replace("WHERE", where)))["pumps"]
        assert [e["node"]["key"] for e in found["edges"]] == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("{name: {eq: null}}", "compares with null"),
        ('{calibratedAt: {ge: "2026-03-01T07:30:00"}}', "has no offset from UTC"),
        ('{calibratedAt: {ge: "soon"}}', "is not a DateTime"),
        ("{strokes: {eq: 9223372036854775808}}", "is not a Long"),
        ("{flwo: {eq: 1}}", "Did you mean 'flow'?"),
        ('{flow: {contains: "1"}}', "not to include unknown field 'contains'"),
    ],
)
async def test_a_filter_that_means_nothing_says_why(where: str, message: str) -> None:
    async with plant_api() as api:
        _, text = await api.fault("{ pumps(where: WHERE) { totalCount } }".replace("WHERE", where))
        assert message in text


async def test_relations_run_both_ways_with_qualifier_and_evidence() -> None:
    query = """{ pumps(where: {id: {eq: "asset/01"}}) { edges { node {
        locatedIn { id name contains { totalCount edges { node { id } } } }
        servicedBy { totalCount edges { qualifier evidence { event } node { id name services(first: 2) {
            totalCount pageInfo { hasNextPage } edges { node { id } } } } } }
    } } } }"""
    async with plant_api() as api:
        (edge,) = (await api.ask(query))["pumps"]["edges"]
        assert edge["node"]["locatedIn"] == {
            "id": "room/1",
            "name": "Room 1",
            "contains": {"totalCount": 3, "edges": [{"node": {"id": f"asset/0{n}"}} for n in (1, 3, 5)]},
        }
        ada, grace = edge["node"]["servicedBy"]["edges"]
        assert (ada["qualifier"], ada["evidence"]["event"], ada["node"]["name"]) == ("owner", "pump-1", "Ada")
        assert (grace["qualifier"], grace["node"]["name"]) == ("deputy", "Grace")
        assert [e["node"]["id"] for e in ada["node"]["services"]["edges"]] == ["asset/00", "asset/01"]
        assert ada["node"]["services"]["pageInfo"]["hasNextPage"]


async def test_steps_of_an_object() -> None:
    query = """{ workObjects(where: {objectType: {eq: "prescription"}}) { edges { node {
        steps { edges { qualifier node { activity startedAt performedBy { id __typename } } } } } } } }"""
    async with plant_api() as api:
        (edge,) = (await api.ask(query))["workObjects"]["edges"]
        steps = edge["node"]["steps"]["edges"]
        assert [s["node"]["activity"] for s in steps] == ["order", "fill", "infuse"]
        assert {s["qualifier"] for s in steps} == {"prescription"}
        assert steps[1]["node"]["startedAt"] == "1970-01-01T01:00:00.000000Z"
        assert steps[1]["node"]["performedBy"] == {"id": "asset/00", "__typename": "GenericPump"}


async def test_what_is_only_named_is_shown_as_what_the_relation_says_it_is() -> None:
    batch = [said("e", Assert("asset/1", "Pump", links=(Link("locatedIn", "room/new"), Link("partOf", "entity/whole"))))]
    async with plant_api(batch) as api:
        node = await api.ask("{ pumps { edges { node { locatedIn { __typename class placeholder } partOf { __typename } } } } }")
        (edge,) = node["pumps"]["edges"]
        assert edge["node"]["locatedIn"] == {"__typename": "Room", "class": "Entity", "placeholder": True}
        assert edge["node"]["partOf"] == {"__typename": "GenericEntity"}


async def test_as_of_and_known_at_hold_for_all_below_the_field() -> None:
    moved = Assert("asset/1", "Pump", {"name": "new"}, links=(Link("locatedIn", "room/b"),))
    batch = [
        said("first", Assert("asset/1", "Pump", {"name": "old"}, links=(Link("locatedIn", "room/a"),)), valid=HOUR),
        said("rooms", Assert("room/a", "Room", {"name": "A"}), Assert("room/b", "Room", {"name": "B"}), valid=HOUR),
        said("moved", moved, valid=3 * HOUR),
    ]
    query = """query($at: DateTime, $known: DateTime) {
        pumps(asOf: $at, knownAt: $known) { totalCount edges { node {
            name locatedIn { name contains { edges { node { id } } } } } } }
        entity(id: "asset/1", asOf: $at, knownAt: $known) { name locatedIn { name } } }"""
    async with plant_api(batch) as api:
        now = await api.ask(query)
        assert now["pumps"]["edges"][0]["node"]["locatedIn"] == {
            "name": "B",
            "contains": {"edges": [{"node": {"id": "asset/1"}}]},
        }
        assert now["pumps"]["totalCount"] == 1
        then = await api.ask(query, at="1970-01-01T02:00:00Z")
        assert then["entity"] == {"name": "old", "locatedIn": {"name": "A"}}
        assert then["pumps"]["edges"][0]["node"]["locatedIn"]["contains"]["edges"] == [{"node": {"id": "asset/1"}}]
        assert then["pumps"]["totalCount"] is None
        before = await api.ask(query, known="1970-01-01T00:00:00Z")
        assert before == {"pumps": {"totalCount": None, "edges": []}, "entity": None}


async def test_history_newest_first_with_retractions_and_instants_as_text() -> None:
    batch = [
        said(
            "a",
            Assert("asset/1", "Pump", {"name": "old", "calibratedAt": 1}, links=(Link("servicedBy", "person/x"),)),
            valid=HOUR,
        ),
        said("b", Retract("asset/1", "Pump", ("name",), links=(Link("servicedBy", "person/x"),)), valid=2 * HOUR),
        said("c", Assert("asset/1", "Pump", {"name": "new"}), valid=3 * HOUR),
    ]
    fields = "valid class evidence { event } properties { name value } links { relation target holds }"
    query = '{ entity(id: "asset/1") { all: history { %s } first: history(first: 1, end: "1970-01-01T03:00:00Z") { %s } } }'
    async with plant_api(batch) as api:
        entity = (await api.ask(query % (fields, fields)))["entity"]
        assert [v["evidence"]["event"] for v in entity["all"]] == ["c", "b", "a"]
        assert entity["first"] == entity["all"][1:2]
        assert entity["all"][1]["properties"] == [{"name": "name", "value": None}]
        assert entity["all"][1]["links"] == [{"relation": "servicedBy", "target": "person/x", "holds": False}]
        assert {"name": "calibratedAt", "value": "1970-01-01T00:00:00.000001Z"} in entity["all"][2]["properties"]


async def test_quality_flags_are_shown_and_never_pass_as_values() -> None:
    query = """{ entity(id: "asset/00") { ... on Pump { flow }
        quality { property verdict at detail event } other: quality(property: "x") { at } } }"""
    async with plant_api() as api:
        entity = (await api.ask(query))["entity"]
        assert entity["flow"] == 0.0
        assert entity["quality"] == [
            {
                "property": "flow",
                "verdict": "OUT_OF_RANGE",
                "at": "1970-01-01T01:00:00.000000Z",
                "detail": "9999.99",
                "event": "bad",
            }
        ]
        assert entity["other"] == []


async def test_bottlenecks_say_what_the_kernel_says() -> None:
    query = """{ bottlenecks(objectType: "prescription", minFrequency: 1) {
        objectType minFrequency objects ontologyVersion edges { source target count meanSeconds totalSeconds examples { object } }
        activities { activity count meanSeconds } } }"""
    async with plant_api() as api:
        found = (await api.ask(query))["bottlenecks"]
        assert (found["objects"], found["minFrequency"], found["ontologyVersion"]) == (1, 1, "test-1")
        # Each step takes half an hour and the next begins a whole hour after it began: half an hour of waiting.
        assert {(e["source"], e["target"], e["count"], e["meanSeconds"]) for e in found["edges"]} == {
            ("order", "fill", 1, 1800.0),
            ("fill", "infuse", 1, 1800.0),
        }
        assert {(a["activity"], a["meanSeconds"]) for a in found["activities"]} == {
            ("order", 1800.0),
            ("fill", 1800.0),
            ("infuse", 1800.0),
        }
        code, text = await api.fault('{ bottlenecks(objectType: "prescriptoin") { objects } }')
        assert code == "REJECT"
        assert "did you mean 'prescription'" in text


async def test_dependencies_lead_to_the_nodes_themselves() -> None:
    query = """{ dependencies(id: "%s", direction: %s, depth: 2) {
        root toward partial nodes { id distance via node { id ... on Room { name } } }
        edges { source relation target stamp { event } } } }"""
    async with plant_api() as api:
        up = (await api.ask(query % ("asset/01", "UP")))["dependencies"]
        assert (up["root"], up["toward"], up["partial"]) == ("asset/01", "UP", False)
        assert up["nodes"] == [
            {"id": "room/1", "distance": 1, "via": ["asset/01", "room/1"], "node": {"id": "room/1", "name": "Room 1"}}
        ]
        down = (await api.ask(query % ("room/1", "DOWN")))["dependencies"]
        # Its three pumps are in it, and the building is a whole that depends on its parts.
        assert [n["id"] for n in down["nodes"]] == ["asset/01", "asset/03", "asset/05", "entity/b"]
        # They have been there since one o'clock, and it was heard today.
        for past, needed in (
            ('asOf: "1970-01-01T00:59:59Z"', []),
            ('asOf: "1970-01-01T01:00:00Z"', ["room/1"]),
            ('knownAt: "1970-01-01T01:00:00Z"', []),
        ):
            then = await api.ask(f'{{ dependencies(id: "asset/01", direction: UP, {past}) {{ nodes {{ id }} }} }}')
            assert [n["id"] for n in then["dependencies"]["nodes"]] == needed


async def test_the_ontology_describes_itself() -> None:
    query = """{ ontology { version domains classes(name: "Pump") { name ancestors keyspace
        properties { name datatype unit history } relations { name target functional } } } }"""
    async with plant_api() as api:
        ontology = (await api.ask(query))["ontology"]
        assert ontology["version"] == "test-1"
        (pump,) = ontology["classes"]
        assert pump["ancestors"] == ["Asset", "Entity"]
        assert {"name": "flow", "datatype": "float", "unit": "mL/h", "history": "latest"} in pump["properties"]
        assert {"name": "locatedIn", "target": "Room", "functional": True} in pump["relations"]


LIST_PAGE = """query($first: Int, $after: String, $last: Int, $before: String) {
    page: pumps(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
LINK_PAGE = """query($first: Int, $after: String, $last: Int, $before: String) { node(id: "person/ada") { ... on Person {
    page: services(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""


@pytest.mark.parametrize("query", [LIST_PAGE, LINK_PAGE], ids=["list", "relation"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 9), size=st.integers(1, 4), backwards=st.booleans())
async def test_walking_the_pages_gives_the_whole_list_once(query: str, count: int, size: int, backwards: bool) -> None:
    async with plant_api(plant(count)) as api:
        seen: list[str] = []
        cursor = None
        for _ in range(count + 2):
            page_of = {"last": size, "before": cursor} if backwards else {"first": size, "after": cursor}
            data = await api.ask(query, **page_of)
            page = data["page"] if "page" in data else data["node"]["page"]
            ids = [e["node"]["id"] for e in page["edges"]]
            assert len(ids) <= size
            info = page["pageInfo"]
            assert info["startCursor"] == (page["edges"][0]["cursor"] if ids else None)
            assert info["endCursor"] == (page["edges"][-1]["cursor"] if ids else None)
            assert info["hasNextPage" if backwards else "hasPreviousPage"] == (cursor is not None)
            seen = ids + seen if backwards else seen + ids
            if not info["hasPreviousPage" if backwards else "hasNextPage"]:
                break
            cursor = info["startCursor" if backwards else "endCursor"]
        assert seen == [f"asset/{n:02}" for n in range(count)]


@pytest.mark.parametrize("query", [LIST_PAGE, LINK_PAGE], ids=["list", "relation"])
async def test_a_page_between_two_cursors(query: str) -> None:
    async with plant_api() as api:
        data = await api.ask(query, first=6)
        cursors = [e["cursor"] for e in (data["page"] if "page" in data else data["node"]["page"])["edges"]]
        for size in ({"first": 2}, {"last": 2}):
            data = await api.ask(query, after=cursors[0], before=cursors[4], **size)
            page = data["page"] if "page" in data else data["node"]["page"]
            expected = ["asset/01", "asset/02"] if "first" in size else ["asset/02", "asset/03"]
            assert [e["node"]["id"] for e in page["edges"]] == expected


def _cursor(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("first: 1, last: 1", "not both"),
        ("first: -1", "a page of -1 is not possible"),
        ("first: 1001", "ask for 0 to 1000"),
        ('after: "%%%"', "is not a cursor"),
        ('after: "bm90IGpzb24="', "is not a cursor"),
        (f'after: "{_cursor([1])}"', "is not a cursor"),
        (f'after: "{_cursor(["a", "b"])}"', "is not a cursor"),
        (f'after: "{_cursor({"a": 1})}"', "is not a cursor"),
    ],
)
async def test_a_page_that_cannot_be_says_why(arguments: str, message: str) -> None:
    async with plant_api() as api:
        code, text = await api.fault("{ pumps(PAGE) { totalCount } }".replace("PAGE", arguments))
        assert code == "REJECT"
        assert message in text
