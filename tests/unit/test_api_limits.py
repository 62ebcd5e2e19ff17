"""What a query may ask for, what an error may tell, and names that are not what they seem."""

import base64
import logging
import time
from typing import Any

import pytest
from graphql import get_introspection_query

from api.limits import Limits
from brain.errors import Fatal, StoreBusy
from tests.unit.api_plant import plant_api

NESTED_FRAGMENTS = 120


def _chain(links: int, body: str = "") -> str:
    """A chain of fragments that doubles at every link: 2^links selections in a few hundred bytes."""
    links_text = "".join(f"fragment f{n} on Query {{ {body} ...f{n + 1} ...f{n + 1} }}" for n in range(links))
    return "{ ...f0 } " + links_text + f" fragment f{links} on Query {{ ontology {{ version }} }}"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ entity(id: 1) " + "{ partOf " * 30 + "{ id }" + "}" * 31, "levels deep, at most 24"),
        ("{" + " ".join(f"a{n}: ontology {{ version }}" for n in range(31)) + "}", "31 aliases, at most 30"),
        ("{" + "ontology { version }" * 11 + "}", "one field stands 11 times"),
        ("{ pumps(first: 1000) { edges { node { servicedBy(first: 100) { edges { qualifier } } } } } }", "101,000 nodes"),
        ("query($n: Int = 900) { pumps(last: $n) { edges { node { hasPart(first: $n) { totalCount } } } } }", "810,900 nodes"),
        ("{ pumps(first: 1000) { edges { node { ...f } } } } fragment f on Pump { steps(last: 200) { totalCount } }", "201,000"),
        ("{" + " ".join(f'a{n}: bottlenecks(objectType: "x") {{ objects }}' for n in range(5)) + "}", "125,000 nodes"),
        ("{" + " ".join(f"a{n}: conflicts(first: 1) {{ rule }}" for n in range(5)) + "}", "125,005 nodes"),
        ("{" + " ".join(f"a{n}: conflicts(ids: null, first: 0) {{ rule }}" for n in range(5)) + "}", "125,000 nodes"),
        ("{" + " ".join(f"a{n}: mergeProposals(first: 1) {{ ids }}" for n in range(5)) + "}", "125,005 nodes"),
        ("{ pumps(first: 1000) { edges { node { conflicts { rule } b: conflicts { id } } } } }", "101,000 nodes"),
        ("query($i: [ID!] = [" + "1 " * 700 + "]) {" + " ".join(f"a{n}: conflicts(ids: $i) {{ id }}" for n in range(3)) + "}",
         "105,000 nodes"),
        ("{" + " ".join(f'a{n}: pumps(asOf: "2026-01-0{n}T00:00Z") {{ totalCount }}' for n in range(10)) + "}", "100,200 nodes"),
        ("{" + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(5)) + "}", "125,000 nodes"),
        ("{ pumps(first: " + "9" * 5000 + ") { totalCount } }", "nodes, at most 100,000"),
        (_chain(NESTED_FRAGMENTS), "nodes, at most 100,000"),
        (_chain(NESTED_FRAGMENTS, "pumps { totalCount }"), "nodes, at most 100,000"),
        ("{ pumps { edges { node { history(first: 1000) { at: valid } quality { at } } } } assets(first: 1000) { totalCount }"
         " people(first: 1000) { edges { node { history(first: 1000) { valid } } } } }", "nodes, at most 100,000"),
    ],
)  # fmt: skip
async def test_too_much_is_refused_before_the_store_is_asked(query: str, message: str) -> None:
    async with plant_api() as api:
        result = await api.run(query)
        assert result.data is None
        assert any(message in e.message for e in result.errors), result.errors
        assert {(e.extensions or {}).get("code") for e in result.errors} == {"LIMIT"}
        assert api.store.calls == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{" + "ontology { version }" * 600 + "}", "more than 2000 tokens"),
        ("{ a " * 500 + "}" * 500, "nested too deeply"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "Maximum introspection depth"),
        ("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "Cannot spread fragment"),
    ],
)
async def test_a_document_that_would_exhaust_the_server_is_refused(query: str, message: str) -> None:
    async with plant_api() as api:
        result = await api.run(query)
        assert result.data is None
        assert message in result.errors[0].message


async def test_the_limits_leave_room_for_honest_queries() -> None:
    async with plant_api() as api:
        assert (await api.run(get_introspection_query())).errors is None
        assert (await api.run('{ __type(name: "Pump") { name } __typename }')).errors is None
        await api.ask("{ pumps(first: 1000) { edges { node { servicedBy(first: 99) { totalCount } } } } }")
        await api.ask("query($n: Int) { pumps(first: $n) { totalCount } }", n=1000)
        _, message = await api.fault("query($n: Int) { pumps(first: $n) { totalCount } }", n=1001)
        assert "ask for 0 to 1000" in message


async def test_a_whole_number_that_json_writes_with_a_point_counts_as_that_number() -> None:
    query = "query($n: Int) { pumps(first: $n) { edges { node { hasPart(first: $n) { totalCount } } } } }"
    async with plant_api() as api:
        _, message = await api.fault(query, n=1000.0)
        assert "1,001,000 nodes" in message


@pytest.mark.parametrize("cursor", ["[" * 50_000, '["\\ud800"]', '["a", 1]', "{", "\xff"])
async def test_a_cursor_that_no_list_gave_out_is_refused(cursor: str) -> None:
    async with plant_api() as api:
        made = base64.urlsafe_b64encode(cursor.encode("latin-1")).decode()
        _, message = await api.fault("query($c: String) { pumps(first: 1, after: $c) { totalCount } }", c=made)
        assert "is not a cursor of this list" in message


async def test_a_doubling_chain_of_fragments_is_measured_in_no_time() -> None:
    async with plant_api() as api:
        began = time.process_time()
        await api.run(_chain(NESTED_FRAGMENTS))
        # Some ms. Following each way would take hours; a second may go into a search of all tests' memory for cycles.
        assert time.process_time() - began < 20


async def test_relations_beyond_the_limit_are_an_error_and_never_cut_short_in_silence() -> None:
    query = '{ node(id: "person/ada") { ... on Person { services(last: 2) { edges { node { id } } } } } }'
    async with plant_api(limits=Limits(edges=6)) as api:
        await api.ask(query)
    async with plant_api(limits=Limits(edges=5)) as api:
        code, message = await api.fault(query)
        assert code == "REJECT"
        assert "person/ada has more than 5 services" in message


async def test_too_many_ids_and_versions_and_values() -> None:
    many = ", ".join(f'"x/{n}"' for n in range(1001))
    async with plant_api(limits=Limits(tokens=5000)) as api:
        assert "1001 ids are too many" in (await api.fault("{ nodes(ids: [" + many + "]) { id } }"))[1]
        assert (
            "1001 versions are not possible"
            in (await api.fault('{ entity(id: "asset/00") { history(first: 1001) { at: valid } } }'))[1]
        )
        assert "`in` has 1001 values" in (await api.fault("{ pumps(where: {name: {in: [" + many + "]}}) { totalCount } }"))[1]
        assert "a depth of 33" in (await api.fault('{ dependencies(id: "x", direction: UP, depth: 33) { root } }'))[1]


@pytest.mark.parametrize(
    "id",
    ["asset/00' OR '1'='1", 'asset/00" }) RETURN 1 //', "`) DETACH DELETE n //", "../../etc/passwd", "asset/\x00", "%", "😀", ""],
)
async def test_an_id_is_data_whatever_it_says(id: str) -> None:
    async with plant_api() as api:
        assert (await api.ask("query($id: ID!) { node(id: $id) { id } }", id=id))["node"] is None
        query = "query($id: String) { pumps(where: {name: {contains: $id}, id: {eq: $id}}) { totalCount } }"
        assert (await api.ask(query, id=id or "none"))["pumps"]["totalCount"] == 0
        assert (await api.ask("{ pumps { totalCount } }"))["pumps"]["totalCount"] == 6


@pytest.mark.parametrize("type", ["Pump`) DETACH DELETE (n", "Pumps", "Robot"])
async def test_a_class_must_be_one_of_the_ontology(type: str) -> None:
    async with plant_api() as api:
        _, message = await api.fault("query($t: ClassName) { assets(type: $t) { totalCount } }", t=type)
        assert "ClassName" in message
        assert api.store.calls == []


@pytest.mark.parametrize(
    ("error", "code"), [(StoreBusy("the store is locked: try again"), "RETRY"), (Fatal("the disk is full: make room"), "FATAL")]
)
async def test_errors_raised_on_purpose_are_shown_with_what_to_do(error: Exception, code: str, monkeypatch: Any) -> None:
    async with plant_api() as api:
        monkeypatch.setattr(api.store, "find", _raising(error), raising=False)
        assert await api.fault("{ pumps { totalCount } }") == (code, str(error))


async def test_other_errors_are_hidden_behind_an_id_that_the_log_has(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    async with plant_api() as api:
        monkeypatch.setattr(api.store, "find", _raising(RuntimeError("secret path /srv/keys")), raising=False)
        with caplog.at_level(logging.ERROR):
            result = await api.run("{ pumps { totalCount } }")
    (error,) = result.errors
    assert "secret" not in str(error.formatted)
    assert error.path == ["pumps"]
    id = error.extensions["id"]
    (record,) = [r for r in caplog.records if id in r.getMessage()]
    assert "secret path" in str(record.exc_info)


def _raising(error: Exception) -> Any:
    async def find(*_: Any) -> None:
        raise error

    return find
