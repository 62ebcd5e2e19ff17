"""Who can stand in for whom, as a MES says it by B2MML: members of a class of equipment or people, and who asks for the class."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import permutations
from pathlib import Path

import pytest
from lxml import etree

from brain.analytics.graph.impact import Impact, impact
from brain.analytics.graph.reading import read
from brain.analytics.graph.scenario import Scenario, applied
from brain.analytics.graph.snapshot import Snapshot
from brain.canon import model_hash
from brain.model import Assert, ChangeSet
from brain.ports import Store
from brain.query import AsOf, Direction, Hop
from brain.schema import Schema
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.pipeline import Pipeline
from ingest.record import Envelope
from ingest.times import micros
from ontology.load import load_schema
from tests.e2e.test_cli import brain

SAMPLES = SHIPPED / "b2mml" / "samples"
SCHEMA: Schema = load_schema(())
MILLING = "capability/equipment/HOUSING-MILL"
MACHINISTS = "capability/personnel/MACHINIST"
FIRST, SECOND = "productionorder/PO-2026-0017", "productionorder/PO-2026-0018"


def plain(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def equipment(**classes: str) -> bytes:
    """The sample's plant, with classes of equipment: `MILL_01="HOUSING-MILL COOLED"`."""
    root = etree.fromstring(plain("equipment.xml"))
    for name, said in classes.items():
        (found,) = root.xpath("//*[local-name()='ID' and text()=$id]/..", id=name.replace("_", "-"))
        for one in said.split():
            etree.SubElement(found, f"{{{root.nsmap[None]}}}EquipmentClassID").text = one
    return etree.tostring(root)


def schedule(asked: str = "<EquipmentClassID>HOUSING-MILL</EquipmentClassID>", orders: int = 2) -> bytes:
    """The sample's two orders, whose milling (the first `orders` of them) asks for this rather than for the whole work centre."""
    text, count = re.subn(rb"<EquipmentID>MACHINING-1</EquipmentID>", asked.encode(), plain("schedule.xml"), count=orders)
    assert count == orders
    return text


def person(name: str, *classes: str) -> bytes:
    ids = "".join(f"<PersonnelClassID>{one}</PersonnelClassID>" for one in classes)
    return (
        '<PersonnelInformation xmlns="http://www.mesa.org/xml/B2MML"><ID>P</ID><PublishedDate>2026-11-02T06:00:00Z</PublishedDate>'
        f"<Person><ID>{name}</ID>{ids}</Person></PersonnelInformation>"
    ).encode()


MILLS = equipment(MILL_01="HOUSING-MILL", MILL_02="HOUSING-MILL")
PEOPLE, NETWORK = plain("personnel.xml"), plain("resource-network.xml")

SIDE_BY_SIDE = """
@prefix eb:   <https://enterprise-brain.example/ns/upper#> .
@prefix m:    <https://enterprise-brain.example/ns/manufacturing#> .
@prefix :     <https://enterprise-brain.example/ns/plant#> .
@prefix owl:  <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:SideBySide a owl:Class ; rdfs:subClassOf m:WorkCenter ; eb:anyOf eb:partOf ;
    rdfs:comment "A work centre whose units replace each other." .
"""


async def stored(*documents: bytes, schema: Schema = SCHEMA) -> Store:
    store = open_store("sqlite://")
    await store.prepare(schema)
    result = Pipeline(schema, load_adapter(schema, SHIPPED / "b2mml")).run(envelopes(documents))
    assert not result.bad
    await store.apply(result.good)
    return store


async def snapshot_of(*documents: bytes) -> Snapshot:
    store = await stored(*documents)
    snapshot = await read(store, SCHEMA)
    await store.close()
    return snapshot


def envelopes(documents: Sequence[bytes]) -> list[Envelope]:
    return [Envelope("mes/b2mml", "", document, 1_800_000_000_000_000) for document in documents]


def lost(found: Impact) -> set[str]:
    assert not found.partial
    return {one.id for one in found.affected}


def absorbed(found: Impact) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.id: (one.by, one.left) for one in found.absorbed}


def of(order: str, *positions: int) -> set[str]:
    """An order, and operations of it."""
    return {order, *(f"{order.replace('productionorder', 'operationorder')}/{n}" for n in positions)}


@pytest.mark.parametrize("document", [MILLS, schedule(), person("E-1", "MACHINIST", "PAINTER")])
def test_the_extensions_are_valid_b2mml(document: bytes, shared_data: Path) -> None:
    standard = etree.XMLSchema(etree.parse(shared_data / "standards" / "b2mml" / "Schema" / "AllSchemas.xsd"))
    standard.assertValid(etree.fromstring(document).getroottree())


async def test_one_of_two_mills_of_a_class_is_absorbed() -> None:
    """MILL-01 is part of the work centre MACHINING-1, which needs each part and is all that there is of the area MACHINING. The
    site has ASSEMBLY too. Both orders ask for a HOUSING-MILL, and MILL-02 is one: nothing that is to be made stops."""
    found = impact(await snapshot_of(MILLS, PEOPLE, schedule()), SCHEMA, "equipment/MILL-01")
    assert lost(found) == {"equipment/MACHINING-1", "equipment/MACHINING"}
    assert absorbed(found) == {
        MILLING: ("REDUNDANCY", ("equipment/MILL-02",)),
        "equipment/VALE": ("REDUNDANCY", ("equipment/ASSEMBLY",)),
    }


async def test_without_either_mill_the_orders_that_ask_for_one_stop() -> None:
    """MILL-02 has gone already, with the work centre and the area. With MILL-01 goes the class, and with it operation 10 of both
    orders, both orders, and what only they make; nothing is absorbed, as the site has lost the area before."""
    base = await snapshot_of(MILLS, PEOPLE, schedule())
    rest = applied(base, SCHEMA, Scenario(without=("equipment/MILL-02",))).left
    found = impact(rest, SCHEMA, "equipment/MILL-01")
    assert lost(found) == {MILLING, *of(FIRST, 10), *of(SECOND, 10), "material/CP-40"}
    assert absorbed(found) == {}
    (way,) = [[edge.relation for edge in one.via] for one in found.affected if one.id == FIRST]
    assert way == ["provides", "requires", "ofOrder"]


async def test_one_mill_alone_of_its_class_stops_them() -> None:
    found = impact(await snapshot_of(equipment(MILL_01="HOUSING-MILL"), schedule()), SCHEMA, "equipment/MILL-01")
    assert lost(found) >= {MILLING, *of(FIRST, 10), *of(SECOND, 10)}


async def test_an_order_that_asks_for_the_work_centre_stops_with_either_mill() -> None:
    """The second order is as in the sample: at MACHINING-1. It goes with the centre, though none of its operations is lost;
    so does the operation MILL-HOUSING, which is known to be done there alone. The first asks for the class and goes on."""
    found = impact(await snapshot_of(MILLS, schedule(orders=1)), SCHEMA, "equipment/MILL-01")
    assert lost(found) == {"equipment/MACHINING-1", "equipment/MACHINING", SECOND, "operation/MILL-HOUSING"}
    assert absorbed(found)["material/CP-40"] == ("REDUNDANCY", (FIRST,))


async def test_a_plant_can_say_that_the_units_of_a_work_centre_replace_each_other(tmp_path: Path) -> None:
    """By a class of its own, and one word of which work centre is of it. Then MACHINING-1 goes on with MILL-02, and so does the
    order that asks for it."""
    (tmp_path / "plant.ttl").write_text(SIDE_BY_SIDE, encoding="utf-8")
    schema = load_schema((tmp_path,))
    store = await stored(MILLS, schedule(orders=1), schema=schema)
    await store.apply([ChangeSet("e", "plant", 0, 0, (Assert("equipment/MACHINING-1", "SideBySide"),))])
    found = impact(await read(store, schema), schema, "equipment/MILL-01")
    await store.close()
    assert lost(found) == set()
    assert absorbed(found)["equipment/MACHINING-1"] == ("REDUNDANCY", ("equipment/MILL-02",))


async def test_what_is_done_asks_for_nothing_any_more() -> None:
    """The first order has been made, with all its operations: without both mills only the second stops, and CP-40 with it."""
    base = await snapshot_of(MILLS, PEOPLE, schedule(), plain("performance-completed.xml"))
    rest = applied(base, SCHEMA, Scenario(without=("equipment/MILL-02",))).left
    assert lost(impact(rest, SCHEMA, "equipment/MILL-01")) & {*of(FIRST, 10, 20, 30), *of(SECOND, 10, 20, 30)} == of(SECOND, 10)


async def test_each_class_that_is_asked_for_is_needed() -> None:
    """MILL-01 alone is COOLED: without it there is a HOUSING-MILL left, but none that is cooled."""
    cooled = equipment(MILL_01="HOUSING-MILL COOLED", MILL_02="HOUSING-MILL")
    both = "<EquipmentClassID>HOUSING-MILL</EquipmentClassID><EquipmentClassID>COOLED</EquipmentClassID>"
    base = await snapshot_of(cooled, schedule(both))
    found = impact(base, SCHEMA, "equipment/MILL-01")
    assert lost(found) >= {"capability/equipment/COOLED", *of(FIRST, 10), *of(SECOND, 10)}
    assert MILLING in absorbed(found)
    assert not lost(impact(base, SCHEMA, "equipment/MILL-02")) & {FIRST, SECOND}


async def test_people_of_a_class_stand_in_for_each_other() -> None:
    """Ines is the only machinist of the sample, and both orders ask for one. With a second machinist nothing stops."""
    alone = impact(await snapshot_of(MILLS, PEOPLE, schedule()), SCHEMA, "person/E-1042")
    first_aid = "capability/personnel/FIRST-AIDER"
    assert lost(alone) == {MACHINISTS, first_aid, *of(FIRST, 10), *of(SECOND, 10), "material/CP-40"}
    two = impact(await snapshot_of(MILLS, PEOPLE, schedule(), person("E-1070", "MACHINIST")), SCHEMA, "person/E-1042")
    assert lost(two) == {first_aid}
    assert absorbed(two) == {MACHINISTS: ("REDUNDANCY", ("person/E-1070",))}


async def test_a_class_of_people_does_not_stand_in_for_one_of_machines() -> None:
    base = await snapshot_of(equipment(MILL_01="HOUSING-MILL"), person("E-1070", "HOUSING-MILL"), schedule())
    assert FIRST in lost(impact(base, SCHEMA, "equipment/MILL-01"))
    assert FIRST not in lost(impact(base, SCHEMA, "person/E-1070"))


async def test_what_a_segment_needs_is_said_once_for_all_orders() -> None:
    """Of the samples: MILL-SEAT asks for two classes of machines and one of people, its child for one of two benches; PAINT, a
    process segment, for two classes, and DRY, its child, for an oven."""
    base = await snapshot_of(plain("operations-definition.xml"), plain("process-segments.xml"), equipment(MILL_01="COOLED"))
    assert lost(impact(base, SCHEMA, "equipment/MILL-01")) >= {"capability/equipment/COOLED", "operation/MILL-SEAT"}
    assert absorbed(impact(base, SCHEMA, "equipment/BENCH-07"))["operation/DEBURR-SEAT"] == (
        "REDUNDANCY",
        ("equipment/BENCH-08",),
    )
    assert lost(impact(base, SCHEMA, "equipment/OVEN-01")) == {"operation/DRY"}
    for name in ("personnel/PAINTER", "equipment/SPRAY-BOOTH"):
        assert lost(impact(base, SCHEMA, f"capability/{name}")) == {"operation/PAINT"}
    assert lost(impact(base, SCHEMA, MACHINISTS)) == {"operation/MILL-SEAT"}


async def test_what_is_supplied_by_one_compressor_is_lost_together() -> None:
    """COMPRESSOR-01 supplies MILL-01, and PA-2042, which fills MILL-02: with both mills goes the class, and what asks for it."""
    base = await snapshot_of(MILLS, schedule(), NETWORK)
    found = impact(base, SCHEMA, "equipment/COMPRESSOR-01")
    mills = {"equipment/MILL-01", "equipment/MILL-02", "asset/PA-2042", "equipment/MACHINING-1", "equipment/MACHINING"}
    assert lost(found) == {*mills, MILLING, *of(FIRST, 10), *of(SECOND, 10), "material/CP-40"}
    assert absorbed(found) == {"equipment/VALE": ("REDUNDANCY", ("equipment/ASSEMBLY",))}


async def test_any_of_those_who_operate_it_is_enough() -> None:
    base = await snapshot_of(MILLS, NETWORK)
    found = impact(base, SCHEMA, "person/E-1061")
    assert lost(found) == set()
    assert absorbed(found) == {"equipment/RIG-01": ("REDUNDANCY", ("person/E-1055",))}
    rest = applied(base, SCHEMA, Scenario(without=("person/E-1055",))).left
    assert lost(impact(rest, SCHEMA, "person/E-1061")) == {"equipment/RIG-01", "equipment/TEST-1"}


async def test_a_network_holds_from_its_start_to_its_end() -> None:
    end = b"<EffectiveEndDate>2026-11-10T00:00:00Z</EffectiveEndDate><RelationshipType>Physical<"
    store = await stored(NETWORK.replace(b"<RelationshipType>Physical<", end))
    hop = Hop("equipment/COMPRESSOR-01", Direction.OUT, ("supplies",))
    held = {}
    for day in ("2024-03-18T07:59", "2024-03-18T08:00", "2026-11-09T23:59", "2026-11-10T00:00"):
        (edges,) = await store.related([hop], AsOf(micros(datetime.fromisoformat(f"{day}:00Z"))))
        held[day] = len(edges)
    await store.close()
    assert list(held.values()) == [0, 2, 2, 0]


@pytest.mark.parametrize(
    ("was", "is_", "reason", "left"),
    [
        (b"TypeID>supplies<", b"TypeID>ethernet<", "no rule matches", "operates"),
        (b">Person<", b">Material Lot<", "no class", "supplies"),
    ],
)
def test_a_connection_of_which_nobody_said_what_it_means_is_a_dead_letter(was: bytes, is_: bytes, reason: str, left: str) -> None:
    result = Pipeline(SCHEMA, load_adapter(SCHEMA, SHIPPED / "b2mml")).run(envelopes([NETWORK.replace(was, is_)]))
    (letter,) = result.bad
    assert reason in letter.reason
    relations = {link.relation for one in result.good for change in one.changes for link in getattr(change, "links", ())}
    assert relations == {left}


async def test_whichever_document_arrives_first() -> None:
    documents = (MILLS, schedule(), plain("operations-definition.xml"), NETWORK)
    pipeline = Pipeline(SCHEMA, load_adapter(SCHEMA, SHIPPED / "b2mml"))
    hashes = set()
    for order in permutations(documents):
        store = open_store("sqlite://")
        await store.prepare(SCHEMA)
        for document in order:
            await store.apply(pipeline.run(envelopes([document])).good)
        (edges,) = await store.related([Hop(MILLING, Direction.IN, ("provides",))])
        assert [edge.source for edge in edges] == ["equipment/MILL-01", "equipment/MILL-02"]
        hashes.add(await model_hash(store))
        await store.close()
    assert len(hashes) == 1


def test_the_report_tells_what_absorbs_the_loss(tmp_path: Path) -> None:
    """The same as a person has it: documents into a folder, `brain ingest`, `brain report`."""
    drop, store = tmp_path / "drop", f"sqlite:///{tmp_path / 'plant.db'}"
    drop.mkdir()
    for name, document in (("equipment", MILLS), ("people", PEOPLE), ("schedule", schedule())):
        (drop / f"{name}.xml").write_bytes(document)
    brain("ingest", "--folder", f"{drop}=mes/b2mml", "--once", store=store)
    found = json.loads(brain("report", "impact", "MILL-01", "--section", "impact", "--format", "json", store=store).stdout)
    assert {one["id"]: one["left"] for one in found["absorbed"]}[MILLING] == ["equipment/MILL-02"]
    assert not {FIRST, SECOND} & {one["id"] for one in found["affected"]}
    asked = ("report", "scenario", "--without", "MILL-02", "--impact", "MILL-01", "--format", "json")
    turned = {one["id"] for one in json.loads(brain(*asked, store=store).stdout)["effect"]["impact"]["differences"]}
    assert {FIRST, SECOND} <= turned
