"""What an analyst finds who opens the store with Neo4j's own tools, and what the store does when the server or ontology is not
what it was."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from neo4j import AsyncDriver, AsyncGraphDatabase

from brain.canon import model_hash
from brain.errors import BadChange, BadQuery, StoreBroken, StoreBusy
from brain.model import Assert, ChangeSet, DeadLetter, Flag, Link, Mark, Order, Retract, Stamp, Verdict, Void
from brain.query import Find, Nodes
from brain.schema import Datatype, Property
from brain.servers import free_port
from brain.stores.neo4j import Neo4jStore
from brain.stores.neo4j.address import parse
from brain.stores.sqlite import SqliteStore
from ontology import load_schema
from tests.contract.schema import NAME, PUMP, node_class, schema
from tests.contract.test_neo4j import wipe

SECOND = 1_000_000


def event(name: str, valid: int, *changes: Assert | Retract | Flag | Void) -> ChangeSet:
    return ChangeSet(name, "s", valid, valid, changes)


@pytest.fixture
async def empty(neo4j_url: str) -> str:
    await wipe(neo4j_url)
    return neo4j_url


@pytest.fixture
async def store(empty: str) -> AsyncIterator[Neo4jStore]:
    store = Neo4jStore(empty)
    await store.prepare(schema())
    yield store
    await store.close()


@pytest.fixture
async def analyst(empty: str) -> AsyncIterator[AsyncDriver]:
    address = parse(empty)
    async with AsyncGraphDatabase.driver(address.uri, auth=address.auth) as driver:
        yield driver


async def ask(driver: AsyncDriver, cypher: str) -> list[list[Any]]:
    found = await driver.execute_query(cypher)  # type: ignore[arg-type]
    return [list(record.values()) for record in found.records]


async def test_the_graph_reads_well(store: Neo4jStore, analyst: AsyncDriver) -> None:
    places = (Link("locatedIn", "place/1"), Link("locatedIn", "place/2"))
    await store.apply(
        [
            event("e1", 1, Assert("pump/1", "Pump", {"name": "A", "servicedAt": 90 * SECOND}, {"tag no": 7}, places[:1])),
            event("e2", 2, Assert("pump/1", "Asset", {"state": "on"}, {}, places[1:])),
            event("e3", 3, Assert("step/1", "Step", {"activity": "infuse"}, {}, (Link("object", "pump/1", "device"),))),
            event("e4", 4, Retract("pump/1", "Pump", ("name",)), Flag("pump/1", "Pump", "flow", Verdict.NULL, 5, "")),
        ],
        [Mark("telemetry", 0, 9)],
        [DeadLetter("l1", "mqtt", "telemetry", "not JSON", b"{", 6)],
    )  # fmt: skip
    [[labels, properties]] = await ask(analyst, "MATCH (n:Pump) RETURN labels(n), properties(n)")
    assert sorted(labels) == ["Asset", "Entity", "Pump"]
    shown = {name: value for name, value in properties.items() if name[0] != "_"}
    assert str(shown.pop("servicedAt")) == "1970-01-01T00:01:30.000000000+00:00"
    assert shown == {"id": "pump/1", "state": "on", "attributeNames": ["tag no"], "attributeValues": ["7"]}
    assert await ask(analyst, "MATCH (:Step)-[r:OBJECT]->(:Pump) RETURN r.qualifier, r._event") == [["device", "e3"]]
    assert await ask(analyst, "MATCH (:Pump)-[r]->(p:Entity) RETURN type(r), p.id ORDER BY p.id") == [
        ["FORMERLY_LOCATED_IN", "place/1"],
        ["LOCATED_IN", "place/2"],
    ]
    assert await ask(analyst, "MATCH (v:Version)-[:OF]->(:Pump) RETURN v._event, v.name, v.retracted ORDER BY v._valid") == [
        ["e1", "A", None],
        ["e2", None, None],
        ["e4", None, ["name"]],
    ]
    assert await ask(analyst, "MATCH (q:Quality)-[:OF]->(:Pump) RETURN q.property, q.verdict, q.at.microsecond") == [
        ["flow", "null", 5]
    ]
    assert await ask(analyst, "MATCH (m:Mark) RETURN m.topic, m.partition, m.offset") == [["telemetry", 0, 9]]
    assert await ask(analyst, "MATCH (l:DeadLetter) RETURN l.reason, l.payload") == [["not JSON", b"{"]]


async def test_no_text_holds_json(store: Neo4jStore, analyst: AsyncDriver) -> None:
    await store.apply([event("e1", 1, Assert("pump/1", "Pump", {"name": "A", "flow": 1.5}, {"a": "b", "c": 1.5, "d": True}))])
    await store.apply([event("e2", 2, Assert("pump/1", "Pump", {"name": "B"}, {"a": "c"}))])
    for (properties,) in await ask(analyst, "MATCH (n) RETURN properties(n)"):
        texts = [t for v in properties.values() for t in (v if isinstance(v, list) else [v]) if isinstance(t, str)]
        assert not [t for t in texts if t[:1] in ("{", "[", '"')]


async def test_constraints_and_indexes_come_from_the_ontology(empty: str, analyst: AsyncDriver) -> None:
    real = load_schema()
    for _ in range(2):
        store = Neo4jStore(empty)
        await store.prepare(real)
        await store.close()
    constraints = await ask(
        analyst, "SHOW CONSTRAINTS YIELD labelsOrTypes, properties, type RETURN labelsOrTypes[0], properties, type"
    )
    assert ["Entity", ["id"]] in [row[:2] for row in constraints if "UNIQUENESS" in row[2]]
    wanted = "labelsOrTypes[0], properties[0], state"
    indexes = await ask(analyst, f"SHOW RANGE INDEXES YIELD labelsOrTypes, properties, state RETURN {wanted}")
    declared = {(c.name, p.name) for c in real.classes.values() for p in c.properties.values() if p.indexed}
    for cls, name in declared:
        over = {cls, *real.classes[cls].ancestors}
        assert {state for label, p, state in indexes if label in over and p == name} == {"ONLINE"}, (cls, name)


async def test_a_new_class_gives_old_nodes_its_labels(empty: str, analyst: AsyncDriver) -> None:
    store = Neo4jStore(empty)
    await store.prepare(schema("v1"))
    await store.apply([event("e1", 1, Assert("pump/1", "Pump", {"name": "A"})), event("e2", 1, Assert("person/1", "Person"))])
    await store.close()
    device = node_class("Device", ("Asset", "Entity"), [NAME])
    pump = node_class("Pump", ("Device", "Asset", "Entity"), [*PUMP, Property("lot", "t:lot", Datatype.STRING, indexed=True)])
    for version, more, labels in (
        ("v2", (device, pump), ["Asset", "Device", "Entity", "Pump"]),
        ("v3", (), ["Asset", "Entity", "Pump"]),
    ):
        store = Neo4jStore(empty)
        await store.prepare(schema(version, *more))
        assert [sorted(found) for (found,) in await ask(analyst, "MATCH (n {id: 'pump/1'}) RETURN labels(n)")] == [labels]
        assert await store.count(Find("Asset")) == 1
        await store.close()
    assert await ask(analyst, "MATCH (b:Brain) RETURN b.ontology") == [["v3"]]


async def test_a_closer_class_takes_the_labels_of_the_vaguer(store: Neo4jStore, analyst: AsyncDriver) -> None:
    async def labels() -> list[list[str]]:
        return [sorted(found) for (found,) in await ask(analyst, "MATCH (n {id: 'x/1'}) RETURN labels(n)")]

    await store.apply([event("e0", 1, Assert("step/1", "Step", links=(Link("object", "x/1"),)))])
    assert await labels() == [["Entity"]]
    await store.apply([event("e1", 1, Assert("x/1", "Person"))])
    assert await labels() == [["Entity", "Person"]]
    await store.apply([event("e2", 1, Assert("x/1", "Pump"))])
    assert await labels() == [["Asset", "Entity", "Pump"]]


async def test_a_replay_writes_nothing(store: Neo4jStore, analyst: AsyncDriver) -> None:
    batch = [
        event("e1", 1, Assert("pump/1", "Pump", {"name": "A", "weight": 0.0}, {"a": 1}, (Link("locatedIn", "place/1"),))),
        event("e2", 2, Assert("pump/1", "Pump", {"name": "B"}, {}, (Link("locatedIn", "place/2"), Link("monitors", "x/1", "q")))),
        event("e3", 3, Retract("pump/1", "Pump", ("weight",), ("a",), (Link("monitors", "x/1", "q"),))),
    ]
    await store.apply(batch)
    ids = "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN elementId(n) AS n, elementId(r) AS r ORDER BY n, r"
    before = await ask(analyst, ids)
    await store.apply(batch)
    assert await ask(analyst, ids) == before


async def test_one_hash_with_the_real_ontology(empty: str) -> None:
    """The same change sets, in another order and other batches, in both stores."""
    real = load_schema()
    sets = []
    for i in range(300):
        links = (Link("object", f"work/{i % 40}", "order"), Link("performedBy", f"person/{i % 7}"))
        times = {"startedAt": i * SECOND, "completedAt": i * SECOND + i}
        sets.append(
            event(f"s{i}", i, Assert(f"step/{i % 250}", "Step", {"activity": f"a{i % 5}", **times}, {"n": i, "f": i / 7}, links))
        )
        sets.append(event(f"w{i}", i, Assert(f"work/{i % 40}", "WorkObject", {"objectType": "order"}, {"price": i / 3})))
    neo4j, sqlite = Neo4jStore(empty), SqliteStore("")
    for store, order, size in ((sqlite, sets, 600), (neo4j, sets[::-1], 170)):
        await store.prepare(real)
        for k in range(0, len(order), size):
            await store.apply(order[k : k + size])
    hashes = {await model_hash(neo4j), await model_hash(sqlite)}
    types = await neo4j.object_types()
    assert types == await sqlite.object_types() == {"order": 40}
    await neo4j.close()
    await sqlite.close()
    assert len(hashes) == 1


async def test_what_cannot_be_indexed_or_held_is_rejected(store: Neo4jStore) -> None:
    good = event("e1", 1, Assert("pump/1", "Pump"))
    for bad, why in (
        (Assert("x" * 9000, "Pump"), "8,000 bytes"),
        (Assert("pump/2", "Pump", {"starts": 2**63}), "64 bits"),
        (Assert("pump/2", "Pump", {"servicedAt": "noon"}), "µs since the epoch"),
    ):
        with pytest.raises(BadChange, match=why):
            await store.apply([good, event("e2", 2, bad)])
    assert [n async for n in store.scan(Nodes("Entity"))] == []


async def test_what_is_wrong_with_the_server_is_said_without_the_password(empty: str) -> None:
    host = urlsplit(empty)
    nobody = f"neo4j://neo4j:secret@127.0.0.1:{free_port()}/neo4j"
    wrong = f"neo4j://neo4j:secret@127.0.0.1:{host.port}/neo4j"
    for url, error, why in (
        (nobody, StoreBusy, "is it running"),
        (wrong, StoreBroken, "refused the user or password"),
        (empty[: empty.rindex("/")] + "/other", StoreBroken, "no such database"),
    ):
        store = Neo4jStore(url)
        with pytest.raises(error, match=why) as told:
            await store.prepare(schema())
        assert "secret" not in str(told.value)
        assert (host.password or "") not in str(told.value)
        assert "secret" not in repr(parse(url))


async def test_another_format_is_refused(store: Neo4jStore, analyst: AsyncDriver) -> None:
    await ask(analyst, "MATCH (b:Brain) SET b.format = 99")
    with pytest.raises(StoreBroken, match="format 99"):
        await store.prepare(schema())


@pytest.mark.parametrize("form", [1, 2])
async def test_a_database_of_a_format_before_opens_and_is_one_of_ours_then(
    store: Neo4jStore, analyst: AsyncDriver, form: int
) -> None:
    """Format 1 had neither voids nor spans, nor did its versions know their ontology; 2 had neither chains nor blocks."""
    for one in (event("e1", 1, Assert("pump/1", "Pump", {"name": "A"})), event("e2", 2, Assert("pump/1", "Pump", {"name": "B"}))):
        await store.apply([one])  # together they would be a block
    before = await model_hash(store)
    await ask(analyst, f"MATCH (b:Brain) SET b.format = {form}")
    await ask(analyst, "MATCH (v:Version) REMOVE v._ontology")
    await store.prepare(schema())
    assert await model_hash(store) == before
    assert await ask(analyst, "MATCH (b:Brain) RETURN b.format") == [[3]]
    assert [version.ontology for version in (await store.history(["pump/1"]))[0]] == ["", ""]
    await store.apply([event("v", 3, Void("pump/1", "Pump", "e2", "s"))])
    [node] = await store.nodes(["pump/1"])
    assert node is not None
    assert node.properties == {"name": "A"}
    numbered = [("e3", 20, 1), ("e4", 10, 2)]
    await store.apply([event(e, t, Assert("pump/1", "Pump", {"name": e}))._replace(order=Order("k", p)) for e, t, p in numbered])
    [node] = await store.nodes(["pump/1"])
    assert node is not None
    assert (node.properties, node.stamps["name"]) == ({"name": "e4"}, Stamp(20, 1, 0, "e4", "s"))


@pytest.mark.parametrize("name", ["Version", "Versions", "Quality", "Brain"])
async def test_an_ontology_may_not_take_the_stores_own_labels(empty: str, name: str) -> None:
    store = Neo4jStore(empty)
    with pytest.raises(BadQuery, match="rename"):
        await store.prepare(schema("v1", node_class(name, ("Entity",), [NAME])))


async def test_a_large_graph_streams(store: Neo4jStore) -> None:
    sets = [event(f"e{i}", i, Assert(f"pump/{i:05}", "Pump", {"name": str(i)})) for i in range(3000)]
    await store.apply(sets)
    assert [n.id async for n in store.scan(Nodes("Pump"))] == [f"pump/{i:05}" for i in range(3000)]
    one = store.scan(Nodes("Pump"))
    assert (await anext(one)).id == "pump/00000"
    await one.aclose()  # type: ignore[attr-defined]
