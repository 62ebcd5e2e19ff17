"""Who can stand in for whom, as an ERP says it: work centres of a category, and operations that name the category."""

import json
from typing import Any

from brain.analytics.graph.impact import impact
from brain.analytics.graph.reading import read
from brain.analytics.graph.scenario import Scenario, applied
from brain.analytics.graph.snapshot import Snapshot
from brain.schema import Schema
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.pipeline import Pipeline
from ingest.record import Envelope
from ontology.load import load_schema
from tests.unit.test_b2mml_capabilities import FIRST, SECOND, absorbed, lost

SCHEMA: Schema = load_schema(())
SAMPLES = SHIPPED / "tryton" / "samples"
PLANT = ("work-centers", "routings", "productions", "works")
CHANGED = "2026-11-21T01:42:15Z"
MACHINING = "capability/equipment/Machining"
SECOND_CENTER = {
    "category": {"id": 1, "name": "Machining"},
    "changed": CHANGED,
    "id": 9,
    "name": "MACHINING-2",
    "parent": {"id": 1, "name": "VALE"},
    "warehouse": {"id": 5, "name": "Warehouse"},
}
UNSORTED = {
    "changed": CHANGED,
    "id": 7,
    "operation": {"id": 4, "name": "PACK", "work_center_category": None},
    "production": {"id": 2, "number": "PO-2026-0018"},
    "sequence": 40,
    "state": "request",
    "work_center": {"id": 8, "name": "PACKING"},
}
"""A work whose operation names no category: it is done where it is planned."""


async def plant(*more: tuple[str, dict[str, Any]]) -> Snapshot:
    """The samples, which are a real Tryton's, and further records of it."""
    messages = [(kind, line) for kind in PLANT for line in (SAMPLES / f"{kind}.jsonl").read_bytes().splitlines()]
    messages += [(kind, json.dumps(record).encode()) for kind, record in more]
    result = Pipeline(SCHEMA, load_adapter(SCHEMA, SHIPPED / "tryton")).run(
        [Envelope(f"tryton/{kind}", "", payload, 1_800_000_000_000_000) for kind, payload in messages]
    )
    assert not result.bad
    store = open_store("sqlite://")
    await store.prepare(SCHEMA)
    await store.apply(result.good)
    snapshot = await read(store, SCHEMA)
    await store.close()
    return snapshot


async def test_the_only_center_of_a_category_takes_the_operation_and_its_routing() -> None:
    """Both orders are planned at MACHINING-1 and follow the routing; only they make the pump."""
    found = impact(await plant(), SCHEMA, "equipment/MACHINING-1")
    assert lost(found) == {MACHINING, "operation/MILL-HOUSING", "routing/CP-40 standard", FIRST, SECOND, "material/CP-40"}


async def test_with_another_center_of_the_category_the_operation_can_be_done_and_what_is_planned_there_stops() -> None:
    """The orders stand at MACHINING-1 until somebody plans them anew; the way to make pumps is not lost."""
    base = await plant(("work-centers", SECOND_CENTER))
    found = impact(base, SCHEMA, "equipment/MACHINING-1")
    assert lost(found) == {FIRST, SECOND, "material/CP-40"}
    assert absorbed(found) == {MACHINING: ("REDUNDANCY", ("equipment/MACHINING-2",))}
    assert lost(impact(base, SCHEMA, "equipment/MACHINING-2")) == set()
    rest = applied(base, SCHEMA, Scenario(without=("equipment/MACHINING-2",))).left
    assert lost(impact(rest, SCHEMA, "equipment/MACHINING-1")) >= {MACHINING, "operation/MILL-HOUSING", "routing/CP-40 standard"}


async def test_an_operation_without_a_category_needs_the_center_where_it_is_planned() -> None:
    base = await plant(("works", UNSORTED))
    assert lost(impact(base, SCHEMA, "equipment/PACKING")) == {"operation/PACK", SECOND}
