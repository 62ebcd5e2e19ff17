"""Time travel, by a history of twenty events that was worked by hand: what did we believe at `knownAt` about `asOf`?

Each question has its table. A cell holds from its own row's and column's time (included) to the next one's (excluded), so the
tables together say what every read of any two times must answer. "·" is nothing: not known, or no longer so.
"""

import re
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from api.app import create_app
from brain.feeds.memory import MemoryFeed
from brain.model import Assert, Change, ChangeSet, Edge, Link, Node, Retract
from brain.ports import Store
from brain.query import AsOf, Condition, Direction, Find, Hop, Op
from brain.schema import Schema
from brain.stores.neo4j import Neo4jStore
from brain.stores.sqlite import SqliteStore
from ontology import load_schema
from tests.contract.test_neo4j import wipe

PUMP, ANN, ORDER, WARD = "asset/p7", "patient/ann", "medicationorder/rx1", "ward/a"
IDS = ("asset/p7", "bed/1", "bed/2", "bed/3", "medicationorder/rx1", "patient/ann", "ward/a")
"""All that the history names, in order of id."""


def at(clock: str) -> int:
    """µs since the epoch of a time on 2 March 2026."""
    return int(datetime.fromisoformat(f"2026-03-02T{clock}:00+00:00").timestamp()) * 1_000_000


class Row(NamedTuple):
    """One event: when we stored it, when it happened, who says so with what authority, and what."""

    event: str
    recorded: str
    valid: str
    source: str
    authority: int
    changes: tuple[Change, ...]

    @property
    def told(self) -> ChangeSet:
        return ChangeSet(self.event, self.source, at(self.valid), at(self.recorded) - 1, self.changes, self.authority)


def pump(**said: object) -> Assert:
    return Assert(PUMP, "InfusionPump", said)  # type: ignore[arg-type]


def lies_in(bed: str) -> tuple[Link, ...]:
    return (Link("occupies", bed),)


ORDERED = Assert(ORDER, "MedicationOrder", {"state": "ordered", "dose": 5.0}, {}, (Link("forPatient", ANN),))
GIVEN_BY = (Link("deliveredThrough", PUMP),)
INFUSES = (Link("infuses", ANN),)

EVENTS = [
    # Ann comes into a bed that nobody has described yet.
    Row("e01", "08:01", "08:00", "adt", 1, (Assert(ANN, "Patient", {"name": "Ann"}, {}, lies_in("bed/1")),)),
    Row("e02", "08:06", "08:05", "register", 2, (Assert(PUMP, "Device", {"name": "P7"}, {}, (Link("locatedIn", WARD),)),)),
    Row("e03", "08:11", "08:10", "beds", 0, (Assert("bed/1", "Bed", {"state": "occupied"}),)),
    # The device turns out to be an infusion pump.
    Row("e04", "08:16", "08:15", "devices", 0, (pump(state="idle", flow=0.0),)),
    Row("e05", "08:21", "08:20", "orders", 0, (ORDERED,)),
    Row("e06", "08:31", "08:30", "devices", 0, (pump(state="infusing", flow=50.0), Assert(PUMP, "Device", links=INFUSES))),
    Row("e07", "08:32", "08:30", "orders", 0, (Assert(ORDER, "MedicationOrder", {"state": "dispensed"}, {}, GIVEN_BY),)),
    Row("e08", "08:41", "08:40", "devices", 0, (pump(state="alarm"),)),
    # Ann is moved: she leaves the one bed by lying in another.
    Row("e09", "08:46", "08:45", "adt", 1, (Assert(ANN, "Patient", links=lies_in("bed/2")),)),
    Row("e10", "09:01", "09:00", "devices", 0, (pump(state="idle"), Retract(PUMP, "InfusionPump", links=INFUSES))),
    Row("e11", "09:06", "09:05", "orders", 0, (Retract(ORDER, "MedicationOrder", ("dose",)),)),
    # Late: it happened between e06 and e08.
    Row("e12", "09:10", "08:35", "devices", 0, (pump(state="paused", flow=20.0),)),
    # A correction of e08 by who has more authority, and a contradiction of it by who has less.
    Row("e13", "09:15", "08:40", "register", 2, (pump(state="off"),)),
    Row("e14", "09:16", "08:40", "zealous", 0, (pump(state="infusing"),)),
    # e05 once more.
    Row("e05", "09:20", "08:20", "orders", 0, (ORDERED,)),
    # Late: the bed to which Ann was moved is described, from a time after the move.
    Row("e16", "09:25", "08:50", "beds", 0, (Assert("bed/2", "Bed", {"state": "occupied"}),)),
    # A correction of e09, by the same source: it was another bed.
    Row("e17", "09:30", "08:45", "adt", 1, (Assert(ANN, "Patient", links=lies_in("bed/3")),)),
    Row("e18", "09:35", "09:30", "orders", 0, (Assert(ORDER, "MedicationOrder", {"state": "administered", "dose": 7.5}),)),
    # A nurse knows better than e07: it never ran through this pump.
    Row("e19", "09:40", "08:30", "nurses", 3, (Retract(ORDER, "MedicationOrder", links=GIVEN_BY),)),
    Row("e20", "09:50", "09:45", "adt", 1, (Retract(ANN, "Patient", links=lies_in("bed/3")),)),
]

TABLES = {
    "state of the pump": """
        asOf   07:00  08:16  08:31     08:41     09:01     09:10     09:15     <- knownAt
        07:00  ·      ·      ·         ·         ·         ·         ·
        08:15  ·      idle   idle      idle      idle      idle      idle
        08:30  ·      idle   infusing  infusing  infusing  infusing  infusing
        08:35  ·      idle   infusing  infusing  infusing  paused    paused
        08:40  ·      idle   infusing  alarm     alarm     alarm     off
        09:00  ·      idle   infusing  alarm     idle      idle      idle
    """,
    "class of asset/p7": """
        asOf   07:00  08:06   08:16         <- knownAt
        07:00  ·      ·       ·
        08:05  ·      Device  Device
        08:15  ·      Device  InfusionPump
    """,
    "class of bed/1": """
        asOf   07:00  08:01   08:11   <- knownAt
        07:00  ·      ·       ·
        08:00  ·      Entity  Entity
        08:10  ·      Entity  Bed
    """,
    "class of bed/2": """
        asOf   07:00  08:46   09:25   <- knownAt
        07:00  ·      ·       ·
        08:45  ·      Entity  Entity
        08:50  ·      Entity  Bed
    """,
    "class of bed/3": """
        asOf   07:00  09:30   <- knownAt
        07:00  ·      ·
        08:45  ·      Entity
    """,
    "class of medicationorder/rx1": """
        asOf   07:00  08:21            <- knownAt
        07:00  ·      ·
        08:20  ·      MedicationOrder
    """,
    "class of patient/ann": """
        asOf   07:00  08:01    <- knownAt
        07:00  ·      ·
        08:00  ·      Patient
    """,
    "class of ward/a": """
        asOf   07:00  08:06    <- knownAt
        07:00  ·      ·
        08:05  ·      Entity
    """,
    "place of the pump": """
        asOf   07:00  08:06    <- knownAt
        07:00  ·      ·
        08:05  ·      ward/a
    """,
    "patient of the pump": """
        asOf   07:00  08:31        09:01        <- knownAt
        07:00  ·      ·            ·
        08:30  ·      patient/ann  patient/ann
        09:00  ·      patient/ann  ·
    """,
    "bed of Ann": """
        asOf   07:00  08:01  08:46  09:30  09:50  <- knownAt
        07:00  ·      ·      ·      ·      ·
        08:00  ·      bed/1  bed/1  bed/1  bed/1
        08:45  ·      bed/1  bed/2  bed/3  bed/3
        09:45  ·      bed/1  bed/2  bed/3  ·
    """,
    "state of the order": """
        asOf   07:00  08:21    08:32      09:35          <- knownAt
        07:00  ·      ·        ·          ·
        08:20  ·      ordered  ordered    ordered
        08:30  ·      ordered  dispensed  dispensed
        09:30  ·      ordered  dispensed  administered
    """,
    "dose of the order": """
        asOf   07:00  08:21  09:06  09:35  <- knownAt
        07:00  ·      ·      ·      ·
        08:20  ·      5.0    5.0    5.0
        09:05  ·      5.0    ·      ·
        09:30  ·      5.0    ·      7.5
    """,
    "pump of the order": """
        asOf   07:00  08:32     09:40  <- knownAt
        07:00  ·      ·         ·
        08:30  ·      asset/p7  ·
    """,
}

FLOW = """
    asOf   07:00  now   <- knownAt
    07:00  ·      ·
    08:35  ·      20.0
"""
"""Telemetry keeps its newest value alone: what it was before that, and what we believed of it once, is not known now."""


class Table:
    """`cell(asOf, knownAt)`; None is now."""

    def __init__(self, text: str) -> None:
        head, *lines = [re.sub("<- knownAt", "", line).split() for line in text.strip().splitlines()]
        self.known = [at(clock) for clock in head[1:] if clock != "now"]
        self.valid = [at(line[0]) for line in lines]
        self._cells = [line[1:] for line in lines]
        assert all(len(cells) == len(head) - 1 for cells in self._cells), text
        assert self.known == sorted(self.known)
        assert self.valid == sorted(self.valid)

    def cell(self, moment: AsOf) -> str:
        row = self._cells[-1 if moment.valid is None else max(bisect_right(self.valid, moment.valid) - 1, 0)]
        return row[-1 if moment.known is None else max(bisect_right(self.known, moment.known) - 1, 0)]


WORKED = {question: Table(text) for question, text in TABLES.items()}


def moments(shifts: tuple[int, ...]) -> Iterator[AsOf]:
    """Every pair of times at which anything changes, each shifted by so many µs, and now."""
    valid = [at(t) + shift for t in sorted({"07:00", *(row.valid for row in EVENTS)}) for shift in shifts]
    known = [at(t) + shift for t in sorted({"07:00", *(row.recorded for row in EVENTS)}) for shift in shifts]
    return (AsOf(*pair) for pair in product([None, *valid], [None, *known]))


def corners() -> set[AsOf]:
    """Where a cell of some table begins, and the cell of now."""
    return {AsOf(*pair) for table in WORKED.values() for pair in product([None, *table.valid], [None, *table.known])}


async def answers(store: Store, moment: AsOf) -> dict[str, str]:
    """What the store says to the questions of the tables; every way to ask must say the same."""
    nodes = dict(zip(IDS, await store.nodes(IDS, moment), strict=True))
    out = await store.related([Hop(i) for i in IDS], moment)
    into = await store.related([Hop(i, Direction.IN) for i in IDS], moment)
    edges = sorted(e for found in out for e in found)
    assert sorted(e for found in into for e in found) == edges
    page = await store.find(Find("Entity"), moment)
    assert list(page.nodes) == [node for node in nodes.values() if node is not None]
    told = {f"class of {i}": "·" if node is None else node.cls for i, node in nodes.items()}
    told["state of the pump"] = value(nodes[PUMP], "state")
    told["state of the order"] = value(nodes[ORDER], "state")
    told["dose of the order"] = value(nodes[ORDER], "dose")
    told["place of the pump"] = target(edges, PUMP, "locatedIn")
    told["patient of the pump"] = target(edges, PUMP, "infuses")
    told["bed of Ann"] = target(edges, ANN, "occupies")
    told["pump of the order"] = target(edges, ORDER, "deliveredThrough")
    return told


def value(node: Node | None, name: str) -> str:
    return "·" if node is None else str(node.properties.get(name, "·"))


def target(edges: list[Edge], source: str, relation: str) -> str:
    found = [e.target for e in edges if (e.source, e.relation) == (source, relation)]
    return ", ".join(found) or "·"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


Opener = Callable[[Callable[[], int]], Store]


async def filled(opener: Opener, schema: Schema) -> Store:
    """A store that lived through the history, each event stored at its own time."""
    now = 0
    store = opener(lambda: now)
    await store.prepare(schema)
    for row in EVENTS:
        now = at(row.recorded)
        await store.apply([row.told])
    return store


@pytest.fixture(params=["memory", "file"])
async def sqlite(request: pytest.FixtureRequest, schema: Schema, tmp_path: Path) -> AsyncIterator[Store]:
    path = str(tmp_path / "t.db") if request.param == "file" else ""
    store = await filled(lambda clock: SqliteStore(path, clock), schema)
    yield store
    await store.close()


@pytest.fixture
async def neo4j(neo4j_url: str, schema: Schema) -> AsyncIterator[Store]:
    await wipe(neo4j_url)
    store = await filled(lambda clock: Neo4jStore(neo4j_url, clock), schema)
    yield store
    await store.close()


async def check(store: Store, when: Iterable[AsOf]) -> None:
    for moment in when:
        assert await answers(store, moment) == {q: table.cell(moment) for q, table in WORKED.items()}, moment


async def test_every_cell_on_sqlite(sqlite: Store) -> None:
    """At each time, and a microsecond before it: the intervals are half-open."""
    await check(sqlite, moments((0, -1)))


async def test_every_cell_on_neo4j(neo4j: Store) -> None:
    await check(neo4j, corners())
    await check(neo4j, [AsOf(at("08:35") - 1), AsOf(at("08:40"), at("09:15") - 1), AsOf(None, at("09:50") - 1)])


async def test_lists_of_the_past(sqlite: Store) -> None:
    """A filter meets the values of that time, and a class those that were of it then."""
    for moment in moments((0,)):
        state, cls = WORKED["state of the pump"].cell(moment), WORKED["class of asset/p7"].cell(moment)
        for wanted in ("idle", "infusing", "paused", "alarm", "off"):
            query = Find("InfusionPump", (Condition("state", Op.EQ, wanted),))
            assert bool((await sqlite.find(query, moment)).nodes) == (state == wanted), (moment, wanted)
        devices, pumps = [(await sqlite.find(Find(c), moment)).nodes for c in ("Device", "InfusionPump")]
        assert ([n.cls for n in devices], len(pumps)) == ([cls] if cls != "·" else [], int(cls == "InfusionPump")), moment


async def test_telemetry_has_a_newest_value_and_no_past(sqlite: Store) -> None:
    table = Table(FLOW)
    for moment in moments((0, -1)):
        [node] = await sqlite.nodes([PUMP], moment)
        expected = "·" if moment.known is not None else table.cell(moment)
        assert value(node, "flow") == expected, moment


async def test_the_order_of_arrival_does_not_change_what_is_so(schema: Schema, sqlite: Store) -> None:
    """`knownAt` is another, and only that: of each asOf, all that is known now is the same."""
    backwards = SqliteStore("", lambda: 1)
    await backwards.prepare(schema)
    for row in reversed(EVENTS):
        await backwards.apply([row.told])
    for valid in {moment.valid for moment in moments((0, -1))}:
        assert await answers(backwards, AsOf(valid)) == await answers(sqlite, AsOf(valid))
    await backwards.close()


QUERY = """query($asOf: DateTime, $knownAt: DateTime) {
    pumps: infusionPumps(asOf: $asOf, knownAt: $knownAt) { edges { node { state infuses { id } locatedIn { id placeholder } } } }
    ann: entity(id: "patient/ann", asOf: $asOf, knownAt: $knownAt) { ... on Patient { occupies { id class } } }
    order: node(id: "medicationorder/rx1", asOf: $asOf, knownAt: $knownAt) {
        ... on MedicationOrder { state dose deliveredThrough { id } } } }"""


async def test_cells_through_graphql(schema: Schema, sqlite: Store) -> None:
    """The same tables by HTTP, where a placeholder is a node like any other."""
    app = create_app(schema=schema, store=sqlite, feed=MemoryFeed())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for moment in [m for n, m in enumerate(moments((0,))) if n % 9 == 0]:
            asked = {"asOf": iso(moment.valid), "knownAt": iso(moment.known)}
            answer = await client.post("/graphql", json={"query": QUERY, "variables": asked})
            assert "errors" not in answer.json(), (moment, answer.text)
            said = answer.json()["data"]
            cell = {question: table.cell(moment) for question, table in WORKED.items()}
            pumps = [edge["node"] for edge in said["pumps"]["edges"]]
            assert len(pumps) == int(cell["class of asset/p7"] == "InfusionPump"), moment
            for one in pumps:
                assert one["state"] == cell["state of the pump"], moment
                assert shown(one["infuses"]) == cell["patient of the pump"], moment
                assert one["locatedIn"] == {"id": WARD, "placeholder": True}, moment
            ann, order = said["ann"], said["order"]
            assert shown(ann and ann["occupies"]) == cell["bed of Ann"], moment
            if ann and ann["occupies"]:
                assert ann["occupies"]["class"] == cell[f"class of {ann['occupies']['id']}"], moment
            assert (order["state"] if order else "·") == cell["state of the order"], moment
            assert str(order["dose"] or "·" if order else "·") == cell["dose of the order"], moment
            assert shown(order and order["deliveredThrough"]) == cell["pump of the order"], moment


def iso(micros: int | None) -> str | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat()


def shown(node: dict[str, str] | None) -> str:
    return "·" if node is None else node["id"]
