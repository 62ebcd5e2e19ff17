"""A real Tryton: its employees, work centres and orders in the model, pulled as they change, through crashes and absences."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import click
import pytest
import pytest_asyncio
from click.testing import CliRunner

from brain.canon import model_hash
from brain.cli import brain, ingest_erp
from brain.cli.options import Opened
from brain.engine import Engine
from brain.ports import Store
from brain.query import Direction, Hop
from brain.schema import Schema
from brain.settings import Settings
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ingest.sources.tryton import TrytonSource, pull
from ontology.load import load_schema
from tests.tryton import DATABASE, PASSWORD, USER, Plant, twin

ORDER = "productionorder/PO-2026-0017"
DAY = 86_400_000_000
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


@pytest_asyncio.fixture
async def store(schema: Schema) -> AsyncIterator[Store]:
    made = await fresh(schema)
    yield made
    await made.close()


async def fresh(schema: Schema, url: str = "sqlite://") -> Store:
    made = open_store(url)
    await made.prepare(schema)
    return made


def intake_of(schema: Schema, store: Store) -> Intake:
    adapters = [*load_adapter(schema, SHIPPED / "tryton"), *load_adapter(schema, SHIPPED / "b2mml")]
    return Intake(Pipeline(schema, adapters), Engine(store, patience=0))


def source_of(plant: Plant, **options: object) -> TrytonSource:
    return TrytonSource(plant.server.url, DATABASE, USER, PASSWORD, **options)  # type: ignore[arg-type]


async def round_of(source: TrytonSource, intake: Intake, store: Store) -> list[str]:
    """One round of pulling; `topic key` of what came."""
    came = []
    marks = {mark.topic: mark.offset for mark in await store.marks()}
    async for envelopes, mark in source.changes(marks):
        await intake.take(envelopes, [mark])
        came += [f"{envelope.topic.removeprefix('tryton/')} {envelope.key}" for envelope in envelopes]
    return came


async def test_what_the_erp_knows(tryton_plant: Plant, schema: Schema, store: Store) -> None:
    await pull(source_of(tryton_plant), intake_of(schema, store), store, once=True)
    assert await store.letters() == []
    order, machining, ines, impeller, operation = await store.nodes(
        [ORDER, "equipment/MACHINING-1", "person/E-1042", "material/IMPELLER-40", "operationorder/PO-2026-0017/20"]
    )
    assert order is not None
    assert order.cls == "ProductionOrder"
    assert order.properties | {"state": ""} == {
        "orderNumber": "PO-2026-0017",
        "reference": "SO-4711",
        "state": "",
        "quantity": 12.0,
        "quantityUnit": "u",
        "plannedStart": 20_774 * DAY,  # 2026-11-17, counted by hand: 56 years with 14 leap days, and 320 days
        "plannedEnd": 20_775 * DAY,
    }
    assert machining is not None
    assert (machining.cls, machining.properties["category"]) == ("WorkCenter", "Machining")
    assert ines is not None
    assert ines.properties["name"] == "Ines Hartmann"
    assert impeller is not None
    assert impeller.properties == {"materialNumber": "IMPELLER-40", "name": "Impeller 40"}
    assert operation is not None
    assert operation.properties["position"] == 20
    (edges,) = await store.related([Hop(ORDER)])
    assert [(edge.relation, edge.target) for edge in edges] == [
        ("consumes", "material/HOUSING-CAST-40"),
        ("consumes", "material/IMPELLER-40"),
        ("consumes", "material/SEAL-KIT-40"),
        ("followsRouting", "routing/CP-40 standard"),
        ("produces", "material/CP-40"),
        ("scheduledOn", "equipment/ASSEMBLY-1"),
        ("scheduledOn", "equipment/MACHINING-1"),
        ("scheduledOn", "equipment/TEST-1"),
    ]
    (members,) = await store.related([Hop("orgunit/VALE", Direction.IN, ("memberOf",))])
    assert {"person/E-1042", "person/E-1055", "person/E-1061"} <= {edge.source for edge in members}
    (steps,) = await store.related([Hop("routing/CP-40 standard", Direction.OUT, ("hasOperation",))])
    assert [(edge.qualifier, edge.target) for edge in sorted(steps, key=lambda e: e.qualifier)][:3] == [
        ("10", "operation/MILL-HOUSING"),
        ("20", "operation/ASSEMBLE-PUMP"),
        ("30", "operation/PRESSURE-TEST"),
    ]
    (needs,) = await store.related([Hop("operation/MILL-HOUSING", Direction.OUT)])
    assert [(edge.relation, edge.target) for edge in needs] == [("requires", "capability/equipment/Machining")]
    (able,) = await store.related([Hop("capability/equipment/Machining", Direction.IN, ("provides",))])
    assert "equipment/MACHINING-1" in {edge.source for edge in able}


async def test_only_what_changed_comes_again(tryton_plant: Plant, schema: Schema, store: Store) -> None:
    source, intake, rpc = source_of(tryton_plant), intake_of(schema, store), tryton_plant.rpc
    came = await round_of(source, intake, store)
    assert len(came) == len(set(came))
    assert await round_of(source, intake, store) == []

    number = tryton_plant.order(3, "2026-12-01", "2026-12-02")
    made = tryton_plant.orders[number]
    came = await round_of(source, intake, store)
    assert [line for line in came if line.startswith("productions")] == [f"productions {made}"]
    assert len([line for line in came if line.startswith("works")]) == 3
    assert {line.split()[0] for line in came} == {"productions", "works"}

    party = rpc("company.employee", "read", [tryton_plant.employees["E-1055"]], ["party"])[0]["party"]
    rpc("party.party", "write", [party], {"name": "Tomasz Nowak-Berg"})
    assert await round_of(source, intake, store) == [f"employees {tryton_plant.employees['E-1055']}"]
    (person,) = await store.nodes(["person/E-1055"])
    assert person is not None
    assert person.properties["name"] == "Tomasz Nowak-Berg"

    rpc("production", "draft", [made])
    rpc("production", "cancel", [made])
    assert await round_of(source, intake, store) == [f"productions {made}"]
    (order,) = await store.nodes([f"productionorder/{number}"])
    assert order is not None
    assert order.properties["state"] == "cancelled"

    step = rpc("production.routing", "read", [tryton_plant.routing], ["steps"])[0]["steps"][0]
    rpc("production.routing.step", "write", [step], {"sequence": 5})
    assert await round_of(source, intake, store) == [f"routings {tryton_plant.routing}"]
    rpc("production.routing.step", "write", [step], {"sequence": 10})
    await source.close()


async def test_a_draft_waits_for_its_number(tryton_plant: Plant, schema: Schema, store: Store) -> None:
    rpc = tryton_plant.rpc
    values = {"planned_start_date": None, "planned_date": None, "reference": "a draft"}
    (draft,) = rpc("production", "copy", [tryton_plant.orders["PO-2026-0017"]], values)
    source, intake = source_of(tryton_plant), intake_of(schema, store)
    assert f"productions {draft}" in await round_of(source, intake, store)
    assert await store.letters() == []
    rpc("production", "wait", [draft])
    number = rpc("production", "read", [draft], ["number"])[0]["number"]
    assert f"productions {draft}" in await round_of(source, intake, store)
    (order,) = await store.nodes([f"productionorder/{number}"])
    assert order is not None
    assert order.properties["reference"] == "a draft"
    await source.close()


@pytest.mark.parametrize("page", [1, 2, 3])
async def test_pages_through_equal_times(tryton_plant: Plant, schema: Schema, store: Store, page: int) -> None:
    """The works of an order are made in one transaction, and so at one time: no page may lose or repeat one."""
    whole = await fresh(schema)
    await pull(source_of(tryton_plant), intake_of(schema, whole), whole, once=True)
    source = source_of(tryton_plant, page=page)
    came = await round_of(source, intake_of(schema, store), store)
    assert len(came) == len(set(came))
    assert await model_hash(store) == await model_hash(whole)
    assert await store.marks() == await whole.marks()
    await source.close()
    await whole.close()


async def test_a_crash_after_any_page(tryton_plant: Plant, schema: Schema) -> None:
    """Stopped after some pages, then pulled by a source that remembers nothing: the same model."""
    whole = await fresh(schema)
    await pull(source_of(tryton_plant), intake_of(schema, whole), whole, once=True)
    expected = await model_hash(whole)
    await whole.close()
    for pages in (1, 2, 3, 5, 8, 1000):
        store = await fresh(schema)
        source = source_of(tryton_plant, page=7)
        taken, ended = 0, True
        async for envelopes, mark in source.changes({}):
            await intake_of(schema, store).take(envelopes, [mark])
            taken += 1
            if taken == pages:
                ended = False
                break
        await source.close()
        assert ended == (pages == 1000)
        if pages < 3:
            assert await model_hash(store) != expected
        await pull(source_of(tryton_plant), intake_of(schema, store), store, once=True)
        assert await model_hash(store) == expected
        await store.close()


async def test_what_was_not_stored_is_sent_again(tryton_plant: Plant, schema: Schema, store: Store) -> None:
    source, intake = source_of(tryton_plant), intake_of(schema, store)
    pages = source.changes({})
    first, _ = await anext(pages)  # and never stored: the consumer failed
    await pages.aclose()
    assert {f"{e.topic.removeprefix('tryton/')} {e.key}" for e in first} <= set(await round_of(source, intake, store))
    await source.close()


PROCESS = """
import asyncio, os, sys
from pathlib import Path
from brain.engine import Engine
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ingest.sources.tryton import TrytonSource, pull
from ontology.load import load_schema

async def main(url, store_url):
    schema, store = load_schema(), open_store(store_url)
    await store.prepare(schema)
    intake = Intake(Pipeline(schema, load_adapter(schema, SHIPPED / "tryton")), Engine(store))
    source = TrytonSource(url, "vale", "admin", os.environ["BRAIN_TRYTON_PASSWORD"], page=1)
    await pull(source, intake, store, once=True)

asyncio.run(main(*sys.argv[1:]))
"""


def process_of(plant: Plant, url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, plant.server.url, url],
        cwd=ROOT,
        env={"BRAIN_TRYTON_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)},
    )


async def eventually(true: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask until it is so, for a minute at most."""
    until = time.monotonic() + 60
    while not await true():
        assert time.monotonic() < until, f"{what} never came"
        await asyncio.sleep(0.005)


async def test_killed_in_the_middle(tryton_plant: Plant, schema: Schema, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    store, whole = await fresh(schema, url), await fresh(schema)
    process = process_of(tryton_plant, url)

    async def some_marks() -> bool:
        return len(await store.marks()) >= 2 or process.poll() is not None

    await eventually(some_marks, "a second mark")
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    await pull(source_of(tryton_plant), intake_of(schema, whole), whole, once=True)
    assert await model_hash(store) != await model_hash(whole)
    await pull(source_of(tryton_plant), intake_of(schema, store), store, once=True)
    assert await model_hash(store) == await model_hash(whole)
    assert PASSWORD.encode() not in contents(tmp_path)
    await store.close()
    await whole.close()


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def backdate(plant: Plant, *tables: str) -> None:
    """Makes the newest record of each table 100 seconds older, as if its transaction had run that long."""
    with closing(sqlite3.connect(plant.server.data / f"{DATABASE}.sqlite")) as database, database:
        for table in tables:
            database.execute(
                f"UPDATE {table} SET create_date = datetime(create_date, '-100 seconds') || '.000001', write_date = NULL"
                f" WHERE id = (SELECT MAX(id) FROM {table})"
            )


async def test_a_change_that_is_committed_late(tryton_plant: Plant, schema: Schema, store: Store) -> None:
    """Tryton stamps a change when its transaction starts: it may appear behind what was pulled already."""
    source, intake = source_of(tryton_plant), intake_of(schema, store)
    tryton_plant.employee("E-2001", "Before")
    await round_of(source, intake, store)
    late = tryton_plant.employee("E-2002", "Late")
    backdate(tryton_plant, "company_employee", "party_party")
    assert await round_of(source, intake, store) == [f"employees {late}"]
    assert await round_of(source, intake, store) == []
    await source.close()


async def test_a_session_that_ended_is_opened_again(tryton_plant: Plant, schema: Schema, store: Store) -> None:
    source, intake = source_of(tryton_plant), intake_of(schema, store)
    await round_of(source, intake, store)
    source._rpc._session = "Session bm9ib2R5OjE6bm90aGluZw=="
    assert await round_of(source, intake, store) == []
    await source.close()


async def test_it_goes_on_until_told_to_stop(tryton_plant: Plant, schema: Schema, store: Store, tmp_path: Path) -> None:
    """A server that goes away and comes back: a change made meanwhile arrives. On a Tryton of its own, as it is killed."""
    plant = await asyncio.to_thread(twin, tryton_plant, tmp_path)
    stop, intake = asyncio.Event(), intake_of(schema, store)
    running = asyncio.create_task(pull(source_of(plant), intake, store, once=False, every=0.1, stop=stop))

    async def until_there(node: str) -> None:
        async def there() -> bool:
            assert not running.done(), running.exception()
            return (await store.nodes([node]))[0] is not None

        await eventually(there, node)

    try:
        await until_there(ORDER)
        plant.server.kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(plant.server.start)
        number = await asyncio.to_thread(plant.order, 1, "2026-12-07", "2026-12-08")
        await until_there(f"productionorder/{number}")
        stop.set()
        await asyncio.wait_for(running, 10)
    finally:
        running.cancel()
        plant.rpc.close()
        plant.server.close()


async def test_the_command(
    tryton_plant: Plant, schema: Schema, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, intake, url = Opened(Settings.read({}), schema, store), intake_of(schema, store), tryton_plant.server.url
    monkeypatch.delenv("BRAIN_TRYTON_PASSWORD", raising=False)
    with pytest.raises(click.UsageError, match="BRAIN_TRYTON_PASSWORD"):
        await ingest_erp.tryton(opened, intake, asyncio.Event(), url, DATABASE, USER, True, 30)
    monkeypatch.setenv("BRAIN_TRYTON_PASSWORD", PASSWORD)
    refused = await asyncio.to_thread(CliRunner().invoke, brain, ["ingest", "--tryton", url])
    assert (refused.exit_code, "--database NAME" in refused.output) == (2, True)
    await ingest_erp.tryton(opened, intake, asyncio.Event(), url, DATABASE, USER, True, 30)
    assert (await store.nodes([ORDER]))[0] is not None
    told = capsys.readouterr().err
    assert f"pulling tryton:{tryton_plant.server.address}/vale as admin" in told
    assert PASSWORD not in told
