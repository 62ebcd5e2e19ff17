"""A MES by B2MML: its documents are what the standard's schemas say, and become what they mean."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from brain.analytics.bottlenecks import bottlenecks
from brain.canon import model_hash
from brain.model import Stamp
from brain.ports import Store
from brain.query import AsOf, Direction, Hop
from brain.schema import Schema
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.adapters.b2mml import adapter
from ingest.decode import BadPayload
from ingest.paths import Path as FieldPath
from ingest.pipeline import Adapter, Pipeline, Result
from ingest.record import Envelope
from ingest.times import micros
from ontology.load import load_schema

FOLDER = SHIPPED / "b2mml"
SAMPLES = FOLDER / "samples"
XMLNS = 'xmlns="http://www.mesa.org/xml/B2MML"'
ORDER = "productionorder/PO-2026-0017"
OUR_OWN = {
    "kind",
    "published",
    "within",
    "scope",
    "properties",
    "Produced",
    "Scrapped",
    "SerialNumber",
    *adapter.CLASSES.values(),
}
"""Names in rules that are the adapter's or, `SerialNumber`, a property's identifier in our samples."""


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


@pytest.fixture(scope="module")
def adapters(schema: Schema) -> Sequence[Adapter]:
    return load_adapter(schema, FOLDER)


@pytest.fixture
def pipeline(schema: Schema, adapters: Sequence[Adapter]) -> Pipeline:
    return Pipeline(schema, adapters)


@pytest_asyncio.fixture
async def store(schema: Schema) -> AsyncIterator[Store]:
    opened = open_store("sqlite://")
    await opened.prepare(schema)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def standard(shared_data: Path) -> etree._ElementTree:
    return etree.parse(shared_data / "standards" / "b2mml" / "Schema" / "AllSchemas.xsd")


@pytest.fixture(scope="module")
def element_names(shared_data: Path) -> set[str]:
    """Every element and attribute that some B2MML schema declares."""
    found: set[str] = set()
    for file in (shared_data / "standards" / "b2mml" / "Schema").glob("B2MML-*.xsd"):
        for element in etree.parse(file).iter("{*}element", "{*}attribute"):
            found.add(element.get("name", ""))
    return found


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def told(pipeline: Pipeline, *payloads: bytes) -> Result:
    return pipeline.run([Envelope("mes/b2mml", "", payload, 1_800_000_000_000_000) for payload in payloads])


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


def good_samples() -> list[str]:
    return sorted(
        file.name
        for file in SAMPLES.glob("*.xml")
        if not (beside := file.with_suffix(".expected.json")).exists() or not orjson.loads(beside.read_bytes()).get("bad")
    )


def test_there_are_samples_of_every_document() -> None:
    roots = {etree.parse(SAMPLES / name).getroot().tag.rpartition("}")[2] for name in good_samples()}
    assert roots >= set(adapter.DOCUMENTS)


@pytest.mark.parametrize("name", good_samples())
def test_samples_are_valid_b2mml(name: str, standard: etree._ElementTree) -> None:
    etree.XMLSchema(standard).assertValid(etree.parse(SAMPLES / name))


def test_a_document_that_is_no_b2mml_is_told_apart(standard: etree._ElementTree) -> None:
    text = sample("personnel.xml").replace(b"PersonName>", b"PersonsName>")
    assert not etree.XMLSchema(standard).validate(etree.fromstring(text).getroottree())


def test_the_rules_use_names_of_the_standard(adapters: Sequence[Adapter], element_names: set[str]) -> None:
    names = {*adapter.LIFTED, *adapter.DOCUMENTS, *adapter.RESOURCES, *adapter.RESOURCES.values(), *adapter.REFERENCES}
    names |= set(adapter.CLASSES)
    assert not names - element_names
    used = {step for path in paths(adapters[0].rules) for step in path.steps if isinstance(step, str)}
    assert used - OUR_OWN
    assert not used - OUR_OWN - element_names


def paths(part: object) -> list[FieldPath]:
    """Every path in a tree of rules."""
    if isinstance(part, FieldPath):
        return [part]
    if isinstance(part, tuple):
        return [path for one in part for path in paths(one)]
    slots = getattr(part, "__dataclass_fields__", {})
    return [path for name in slots for path in paths(getattr(part, name))]


async def test_the_role_keeps_its_history_when_the_asset_is_swapped(pipeline: Pipeline, store: Store) -> None:
    result = told(pipeline, sample("equipment.xml"), sample("physical-assets.xml"), sample("asset-swap.xml"))
    assert not result.bad
    await store.apply(result.good)

    async def fills(when: str) -> list[str]:
        (edges,) = await store.related([Hop("equipment/RIG-01", Direction.OUT, ("isImplementedBy",))], AsOf(at(when)))
        return [edge.target for edge in edges]

    assert await fills("2025-01-07T07:29:59Z") == []
    assert await fills("2026-01-01T00:00:00Z") == ["asset/PA-3107"]
    assert await fills("2026-11-20T12:30:00Z") == []
    assert await fills("2026-11-20T12:55:00Z") == ["asset/PA-3121"]
    (rig,) = await store.nodes(["equipment/RIG-01"])
    assert rig is not None
    assert rig.cls == "WorkUnit"
    (mill,) = await store.nodes(["asset/PA-2041"])
    assert mill is not None
    assert mill.properties["serialNumber"] == "C42-18-00377"


async def test_levels_of_the_role_hierarchy(pipeline: Pipeline, store: Store) -> None:
    await store.apply(told(pipeline, sample("equipment.xml")).good)
    chain = ["equipment/MILL-01-SPINDLE"]
    while edges := (await store.related([Hop(chain[-1], Direction.OUT, ("partOf",))]))[0]:
        chain.append(edges[0].target)
    nodes = await store.nodes(chain)
    classes = [(node.key, node.cls) for node in nodes if node]
    assert classes == [
        ("MILL-01-SPINDLE", "Equipment"),
        ("MILL-01", "WorkUnit"),
        ("MACHINING-1", "WorkCenter"),
        ("MACHINING", "Area"),
        ("VALE", "Site"),
    ]


async def test_work_done(pipeline: Pipeline, store: Store, schema: Schema) -> None:
    await store.apply(told(pipeline, sample("performance-completed.xml")).good)
    order, milling, steps = await store.nodes([ORDER, "operationorder/PO-2026-0017/10", "step/PO-2026-0017-R1/PO-2026-0017-10-1"])
    assert order is not None
    assert milling is not None
    assert steps is not None
    assert order.properties == {
        "orderNumber": "PO-2026-0017",
        "executionState": "Completed",
        "actualStart": at("2026-11-17T05:12:00Z"),
        "actualEnd": at("2026-11-18T12:02:15Z"),
    }
    assert milling.properties["quantityScrapped"] == 1.0
    assert steps.properties["startedAt"] == at("2026-11-17T05:12:00Z")
    assert steps.properties["completedAt"] == at("2026-11-17T10:47:30Z")
    actors = {
        hop.node.rpartition("-30-1")[2] or "test": edges[0].target
        for hop in (
            Hop("step/PO-2026-0017-R1/PO-2026-0017-30-1", Direction.OUT, ("performedBy",)),
            Hop("step/PO-2026-0017-R1/PO-2026-0017-30-1-SOAK", Direction.OUT, ("performedBy",)),
        )
        for edges in await store.related([hop])
    }
    assert actors == {"test": "person/E-1061", "-SOAK": "equipment/RIG-01"}
    report = await bottlenecks(store, schema, "ProductionOrder", min_frequency=1)
    waits = {(edge.source, edge.target): edge.total_seconds for edge in report.edges}
    # 10:47:30 to 13:05:00, and 17:20:00 to 05:30:00 of the next day
    assert waits["MILL-HOUSING", "ASSEMBLE-PUMP"] == 2 * 3600 + 17 * 60 + 30
    assert waits["ASSEMBLE-PUMP", "PRESSURE-TEST"] == 12 * 3600 + 10 * 60


async def test_whichever_report_arrives_first(pipeline: Pipeline, schema: Schema) -> None:
    names = ["performance-running.xml", "performance-completed.xml", "schedule.xml", "equipment.xml"]
    hashes = set()
    for order in (names, names[::-1], names[1:] + names):
        store = open_store("sqlite://")
        await store.prepare(schema)
        for name in order:
            await store.apply(told(pipeline, sample(name)).good)
        hashes.add(await model_hash(store))
        (node,) = await store.nodes([ORDER])
        assert node is not None
        assert node.properties["executionState"] == "Completed"
        assert isinstance(node.stamps["executionState"], Stamp)
        await store.close()
    assert len(hashes) == 1


async def test_the_plan_of_the_mes_is_not_the_plan(pipeline: Pipeline, store: Store) -> None:
    await store.apply(told(pipeline, sample("schedule.xml")).good)
    (order,) = await store.nodes([ORDER])
    assert order is not None
    assert not {"quantity", "plannedStart", "plannedEnd", "state"} & set(order.properties)
    assert order.attributes["scheduledStart"] == "2026-11-17T06:00:00+01:00"
    (edges,) = await store.related([Hop(ORDER, Direction.OUT, ("consumes", "produces", "scheduledOn"))])
    assert [(edge.relation, edge.target) for edge in edges] == [
        ("consumes", "material/HOUSING-CAST-40"),
        ("consumes", "material/IMPELLER-40"),
        ("consumes", "material/SEAL-KIT-40"),
        ("produces", "material/CP-40"),
        ("scheduledOn", "equipment/ASSEMBLY-1"),
        ("scheduledOn", "equipment/MACHINING-1"),
        ("scheduledOn", "equipment/TEST-1"),
    ]


@pytest.mark.parametrize("verb", adapter.VERBS)
def test_a_business_object_document_says_what_its_noun_says(pipeline: Pipeline, verb: str) -> None:
    bare = sample("schedule.xml")
    noun = bare.split(b"?>", 1)[1].strip()
    wrapped = (
        f'<{verb}OperationsSchedule {XMLNS} releaseID="V0700"><ApplicationArea><CreationDateTime>2026-11-16T05:29:00Z'
        f"</CreationDateTime></ApplicationArea><DataArea><{verb}/>".encode()
        + noun
        + f"</DataArea></{verb}OperationsSchedule>".encode()
    )
    changes = [changes.changes for changes in told(pipeline, bare).good]
    assert [changes.changes for changes in told(pipeline, wrapped).good] == changes
    assert {changes.valid for changes in told(pipeline, wrapped).good} == {at("2026-11-16T05:30:00Z")}


@pytest.mark.parametrize("verb", adapter.TALK)
def test_questions_say_nothing(pipeline: Pipeline, verb: str) -> None:
    result = told(pipeline, f"<{verb}Equipment {XMLNS}><DataArea><{verb}/></DataArea></{verb}Equipment>".encode())
    assert (result.good, result.bad, result.stats.ignored) == ([], [], 1)


def test_a_document_nobody_has_rules_for_is_a_dead_letter(pipeline: Pipeline) -> None:
    (letter,) = told(pipeline, f"<MaterialInformation {XMLNS}><ID>M</ID></MaterialInformation>".encode()).bad
    assert "no rule matches" in letter.reason


def test_entities_are_refused_and_never_resolved(pipeline: Pipeline, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the-plant-key")
    outside = (
        f'<!DOCTYPE P [<!ENTITY x SYSTEM "{secret.as_uri()}">]><PersonnelInformation {XMLNS}><ID>&x;</ID></PersonnelInformation>'
    )
    subset = f'<!DOCTYPE P SYSTEM "{secret.as_uri()}"><PersonnelInformation {XMLNS}><ID>a</ID></PersonnelInformation>'
    parameter = f'<!DOCTYPE P [<!ENTITY % x SYSTEM "{secret.as_uri()}"> %x;]><PersonnelInformation {XMLNS}/>'
    for payload in (outside, subset, parameter, sample("refused-entity-expansion.xml").decode()):
        for encoding in ("utf-8", "utf-16"):
            text = payload.replace('encoding="UTF-8"', f'encoding="{encoding}"')
            result = told(pipeline, text.encode(encoding))
            assert not result.good
            assert "the-plant-key" not in result.bad[0].reason
            if encoding == "utf-8":
                assert result.bad[0].reason.startswith("XML with a DOCTYPE: refused"), payload


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"", "not XML"), (b"\x00\x01\x02", "not XML"), (sample("equipment.xml")[:900], "not XML"), (b"<a/>", "record 1: no rule")],
)
def test_what_is_no_document_is_a_dead_letter(pipeline: Pipeline, payload: bytes, reason: str) -> None:
    result = told(pipeline, payload)
    assert not result.good
    assert result.bad[0].reason.startswith(reason)


def test_nested_without_end_is_refused(pipeline: Pipeline) -> None:
    deep = "<EquipmentChild><ID>x</ID>" * 200 + "</EquipmentChild>" * 200
    result = told(pipeline, f"<EquipmentInformation {XMLNS}><Equipment>{deep}</Equipment></EquipmentInformation>".encode())
    assert result.bad[0].reason.startswith("nested more than")


def test_one_operation_answered_by_two_shifts() -> None:
    def answer(name: str, start: str, end: str, made: str, state: str) -> str:
        ended = f"<ActualEndTime>{end}</ActualEndTime>" if end else ""
        return (
            f"<SegmentResponse><ID>{name}</ID><ActualStartTime>{start}</ActualStartTime>{ended}"
            f"<SegmentRequirementID>10</SegmentRequirementID><OperationsSegmentID>MILL</OperationsSegmentID>"
            f"<SegmentState>{state}</SegmentState>"
            f"<PersonnelActual><ID>1</ID><PersonID>{name}-a</PersonID><PersonID>{name}-b</PersonID></PersonnelActual>"
            f"<MaterialActual><ID>1</ID><MaterialDefinitionID>H</MaterialDefinitionID><MaterialUse>Produced</MaterialUse>"
            f"<Quantity><QuantityString>{made}</QuantityString></Quantity></MaterialActual></SegmentResponse>"
        )

    def actual(*answers: str) -> dict[str, Any]:
        document = (
            f"<OperationsPerformance {XMLNS}><ID>P</ID><PublishedDate>2026-11-18T12:00:00Z</PublishedDate><OperationsResponse>"
            f"<ID>R</ID><OperationsRequestID>PO-1</OperationsRequestID>{''.join(answers)}"
            "</OperationsResponse></OperationsPerformance>"
        )
        (found,) = [record for record in adapter.decode(document.encode()) if record["kind"] == "OperationActual"]
        return found

    early = answer("early", "2026-11-18T06:00:00+01:00", "2026-11-18T09:00:00Z", "0.1", "Completed")
    late = answer("late", "2026-11-18T05:30:00Z", "2026-11-18T08:00:00Z", "0.2", "Paused")
    both = actual(late, early)
    # 06:00+01:00 is before 05:30Z
    assert both["ActualStartTime"] == "2026-11-18T06:00:00+01:00"
    assert both["ActualEndTime"] == "2026-11-18T09:00:00Z"
    assert both["SegmentState"] == "Paused"
    assert both["Produced"] == "0.3"
    assert [one["PersonID"] for one in both["PersonnelActual"]] == ["early-a", "early-b", "late-a", "late-b"]
    assert both["OperationsRequestID"] == "PO-1"
    assert actual(early, late) == both
    assert actual(early, answer("late", "2026-11-18T05:30:00Z", "", "1", "Running"))["ActualEndTime"] is None


NAMES = st.sampled_from(
    [
        *adapter.LIFTED,
        *adapter.DOCUMENTS,
        *adapter.RESOURCES,
        *adapter.RESOURCES.values(),
        *adapter.REFERENCES,
        *adapter.CLASSES,
        *("ID", "PublishedDate", "ActualStartTime", "HierarchyScope", "EquipmentProperty", "Value", "Quantity", "QuantityString"),
        *("DataArea", "SyncEquipment", "ApplicationArea", "MaterialUse", "EquipmentLevel"),
    ]
)
TEXTS = st.sampled_from(["", "x", "2026-11-18T12:00:00Z", "Site", "Produced", "1e999", "-1", "\u00e9\u4e2d"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 4) -> str:
    name = draw(NAMES)
    attribute = draw(
        st.sampled_from(["", ' OtherValue="y"', ' xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'])
    )
    inner = draw(TEXTS) + "".join(draw(st.lists(elements(depth=depth - 1), max_size=4))) if depth else draw(TEXTS)
    return f"<{name}{attribute}>{inner}</{name}>"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*adapter.DOCUMENTS, *adapter.LIFTED, "SyncEquipment"]), st.lists(elements(), max_size=4))
def test_no_tree_of_known_names_breaks_the_decoder(root: str, inner: list[str]) -> None:
    """Whatever is nested in whatever: records, or BadPayload with a reason; never an accident."""
    text = f"<{root}>{''.join(inner)}</{root}>"
    try:
        records = list(adapter.decode(text.encode()))
    except BadPayload:
        return
    assert all(isinstance(record["kind"], str) for record in records)
