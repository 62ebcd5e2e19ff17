"""What ERP and MES both know is one thing in the model, whichever tells of it first."""

import time

from brain.canon import model_hash
from brain.engine import Engine
from brain.query import Direction, Hop
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ingest.record import Envelope
from ingest.sources.tryton import TrytonSource, pull
from ontology.load import load_schema
from tests.tryton import DATABASE, PASSWORD, USER, Plant

ORDER = "productionorder/PO-2026-0017"
MES = ("equipment.xml", "personnel.xml", "schedule.xml", "performance-running.xml", "performance-completed.xml")


async def from_mes(intake: Intake) -> None:
    for name in MES:
        payload = (SHIPPED / "b2mml" / "samples" / name).read_bytes()
        await intake.take([Envelope("mes/b2mml", name, payload, time.time_ns() // 1000)])


async def test_an_order_of_erp_and_mes_is_one_entity(tryton_plant: Plant) -> None:
    schema = load_schema()
    adapters = [*load_adapter(schema, SHIPPED / "tryton"), *load_adapter(schema, SHIPPED / "b2mml")]
    hashes = set()
    for erp_first in (True, False):
        store = open_store("sqlite://")
        await store.prepare(schema)
        intake = Intake(Pipeline(schema, adapters), Engine(store))
        if not erp_first:
            await from_mes(intake)
        await pull(TrytonSource(tryton_plant.server.url, DATABASE, USER, PASSWORD), intake, store, once=True)
        if erp_first:
            await from_mes(intake)
        assert await store.letters() == []
        hashes.add(await model_hash(store))
        order, operation, ines = await store.nodes([ORDER, "operationorder/PO-2026-0017/10", "person/E-1042"])
        assert order is not None
        # the ERP's: what was ordered; the MES's: what was done
        assert (order.properties["quantity"], order.properties["reference"], order.properties["state"]) == (
            12.0,
            "SO-4711",
            "waiting",
        )
        assert (order.properties["executionState"], order.properties["priority"]) == ("Completed", 1)
        assert order.properties["actualEnd"] == 1_795_003_335_000_000  # 2026-11-18T12:02:15Z
        assert {order.stamps[name].source for name in ("quantity", "plannedStart", "plannedEnd", "state")} == {
            "tryton/productions"
        }
        assert {order.stamps[name].source for name in ("executionState", "actualStart", "actualEnd")} == {"mes/b2mml"}
        assert operation is not None
        assert (operation.properties["position"], operation.properties["quantityScrapped"]) == (10, 1.0)
        assert ines is not None
        assert ines.cls == "Operator"
        (steps,) = await store.related([Hop(ORDER, Direction.IN, ("object",))])
        assert [edge.source.rpartition("/")[2].removeprefix("PO-2026-0017-") for edge in steps] == [
            "10-1",
            "20-1",
            "30-1",
            "30-1-SOAK",
        ]
        (edges,) = await store.related([Hop(ORDER, Direction.OUT, ("produces", "scheduledOn"))])
        assert [edge.target for edge in edges] == [
            *("material/CP-40", "equipment/ASSEMBLY-1", "equipment/MACHINING-1", "equipment/TEST-1")
        ]
        await store.close()
    assert len(hashes) == 1
