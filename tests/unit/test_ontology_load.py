"""The ontology that ships, and a domain that somebody adds as one file."""

from pathlib import Path

import pytest
from rdflib import OWL, Graph

from brain.schema import Datatype, History, Schema
from ontology import BadOntology, load_schema
from ontology.load import ontology_files
from ontology.terms import BORROWED, BORROWED_CLASSES, BORROWED_PROPERTIES

FORKLIFT = """
@prefix : <https://example.org/yard#> .
@prefix eb: <https://enterprise-brain.example/ns/upper#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix sosa: <http://www.w3.org/ns/sosa/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

:Forklift a owl:Class ; rdfs:subClassOf eb:Device , sosa:Platform ; eb:keyspace "forklift" ;
    eb:key :fleetNumber ; eb:alias :plate ;
    rdfs:comment "Lifts and carries pallets."@en , "Hebt und trägt Paletten."@de .
[] a sh:NodeShape ; sh:targetClass :Forklift ;
    sh:property [ sh:path :fleetNumber ; sh:datatype xsd:string ; sh:minCount 1 ; sh:maxCount 1 ; sh:pattern "^F[0-9]+$" ] ;
    sh:property [ sh:path :plate ; sh:datatype xsd:string ; sh:maxCount 1 ] ;
    sh:property [ sh:path :load ; sh:datatype xsd:decimal ; sh:maxCount 1 ; sh:minInclusive 0 ; sh:maxExclusive 2500.5 ] ;
    sh:property [ sh:path :inspectedAt ; sh:datatype xsd:dateTime ; sh:maxCount 1 ;
        sh:minInclusive "2000-01-01T01:00:00+01:00"^^xsd:dateTime ] ;
    sh:property [ sh:path eb:state ; sh:datatype xsd:string ; sh:maxCount 1 ; sh:in ( "parked" "driving" ) ] ;
    sh:property [ sh:path :drivenBy ; sh:class eb:Person ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] .
:fleetNumber a owl:DatatypeProperty .
:plate a owl:DatatypeProperty .
:load a owl:DatatypeProperty ; eb:unit "kg" ; eb:history "latest" .
:inspectedAt a owl:DatatypeProperty .
:drivenBy a owl:ObjectProperty ; owl:inverseOf :drives ; eb:dependency "target" ; eb:delay "PT1M" ;
    rdfs:comment "Who drives it." .
"""


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    (tmp_path / "yard.ttl").write_text(FORKLIFT, "utf-8")
    return tmp_path


def test_the_kernel_terms_are_there(schema: Schema) -> None:
    step = schema.of("Step")
    assert step.keyspace == "step"
    assert step.properties["activity"].required
    assert step.properties["activity"].indexed
    times = {n for n, p in step.properties.items() if p.datatype is Datatype.INSTANT}
    assert times == {"enabledAt", "scheduledAt", "startedAt", "completedAt", "occurredAt"}
    assert {n for n, p in step.properties.items() if p.datatype is Datatype.INTEGER} == {"sequence", "startSequence"}
    assert step.relations["object"].target == "Entity"
    assert not step.relations["object"].functional
    assert step.relations["performedBy"].functional
    assert schema.relations["isImplementedBy"].dependency == "target"
    assert schema.of("WorkObject").properties["objectType"].indexed
    assert schema.of("Person").borrowed == ("prov:Person",)


def test_ids_survive_a_closer_type(schema: Schema) -> None:
    assert schema.of("Asset").node_id("7") == schema.of("InfusionPump").node_id("7") == "asset/7"
    assert schema.of("Site").keyspace == schema.of("WorkUnit").keyspace == "equipment"


def test_what_is_needed_how_long_and_how_many(schema: Schema, yard: Path) -> None:
    assert schema.of("Pump").any_of == {"operates", "worksAt"}
    assert schema.of("Capability").any_of == {"provides", "worksAt"}
    assert schema.of("MedicationOrder").closed_by == (("state", "administered"), ("state", "cancelled"))
    assert schema.of("ProductionOrder").closed_by == (("actualEnd", None),)
    assert {r.delay for r in schema.relations.values()} == {0}
    assert load_schema([yard]).relations["drivenBy"].delay == 60_000_000


def test_telemetry_has_a_unit_a_range_and_no_history(schema: Schema) -> None:
    flow = schema.of("InfusionPump").properties["flow"]
    assert (flow.unit, flow.history, flow.minimum, flow.maximum) == ("mL/h", History.LATEST, 0, 1200)
    assert schema.of("InfusionPump").properties["state"].history is History.FULL
    for cls in schema.classes.values():
        for prop in cls.properties.values():
            assert prop.history is History.FULL or prop.unit, f"{cls.name}.{prop.name}: telemetry without a unit"


def test_every_term_says_what_it_is(schema: Schema) -> None:
    for cls in schema.classes.values():
        properties = {name: p.description for name, p in cls.properties.items()}
        relations = {name: r.description for name, r in cls.relations.items()}
        for name, description in {cls.name: cls.description, **properties, **relations}.items():
            assert description.endswith("."), f"{cls.name}: {name} has no sentence in rdfs:comment"


def test_one_name_is_one_definition(schema: Schema) -> None:
    """Checks may narrow from class to class; what a name means, holds and is stored as may not."""
    seen: dict[str, object] = {}
    for cls in schema.classes.values():
        for p in cls.properties.values():
            meaning = (p.iri, p.datatype, p.unit, p.history, p.indexed, p.description)
            assert seen.setdefault(p.name, meaning) == meaning
        for r in cls.relations.values():
            assert seen.setdefault(r.name, r) == r
            assert r.source == cls.name or r.source in cls.ancestors
            assert r.target in schema.classes


def test_one_new_file_is_a_new_class(yard: Path, schema: Schema) -> None:
    extended = load_schema([yard])
    forklift = extended.of("Forklift")
    assert forklift.labels == ("Entity", "Asset", "PhysicalAsset", "Device", "Forklift")
    assert (forklift.domain, forklift.keyspace, forklift.key) == ("yard", "forklift", "fleetNumber")
    assert forklift.aliases == ("serialNumber", "plate")
    assert forklift.borrowed == ("sosa:Platform",)
    assert forklift.description == "Lifts and carries pallets."
    load = forklift.properties["load"]
    assert (load.datatype, load.unit, load.minimum, load.exclusive_maximum) == (Datatype.FLOAT, "kg", 0, 2500.5)
    assert forklift.properties["inspectedAt"].minimum == 946_684_800_000_000  # 2000-01-01T00:00:00Z
    assert forklift.properties["fleetNumber"].required
    assert forklift.properties["fleetNumber"].indexed
    assert forklift.properties["plate"].indexed
    assert forklift.properties["state"].one_of == ("parked", "driving")
    assert forklift.properties["firmware"].description
    assert extended.relations["drivenBy"].inverse == "drives"
    assert "Forklift" in extended.descendants["Asset"]
    assert set(extended.classes) - set(schema.classes) == {"Forklift"}
    assert extended.version != schema.version


def test_a_file_alone_may_be_named(yard: Path) -> None:
    assert "Forklift" in load_schema([yard / "yard.ttl"]).classes


def test_the_version_is_of_what_is_said_not_of_line_ends(yard: Path) -> None:
    before = load_schema([yard]).version
    (yard / "yard.ttl").write_bytes(b"\xef\xbb\xbf" + FORKLIFT.replace("\n", "  \r\n").encode() + b"\r\n")
    assert load_schema([yard]).version == before
    (yard / "yard.ttl").write_text(FORKLIFT.replace("2500.5", "2500.25"))
    assert load_schema([yard]).version != before


def test_a_folder_without_turtle_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadOntology, match=r"none: is no folder of \*\.ttl files"):
        load_schema([tmp_path / "none"])
    with pytest.raises(BadOntology, match=r"has no \*\.ttl files"):
        load_schema([tmp_path])


def test_two_files_of_one_name_are_told(yard: Path) -> None:
    (yard / "yard.ttl").rename(yard / "hospital.ttl")
    with pytest.raises(BadOntology, match=r"hospital\.ttl: the domain 'hospital' exists already \(domains/hospital\.ttl\)"):
        load_schema([yard])


def test_files_are_plain_turtle_to_any_reader() -> None:
    for path, _ in ontology_files():
        assert len(Graph().parse(path, format="turtle")) > 100


def test_borrowed_terms_are_published(shared_data: Path) -> None:
    """Every term that a file may borrow is in the vocabulary's own publication, as a class or as a property."""
    classes, properties = set(), {str(term) for term in dir(OWL)}  # rdflib has OWL's terms as they are published
    for prefix in BORROWED:
        for line in (shared_data / "vocabularies" / f"{prefix}.nq").read_text("utf-8").splitlines():
            subject, predicate, rest = line.split(" ", 2)
            if predicate.endswith("22-rdf-syntax-ns#type>"):
                kind = rest.split(" ", 1)[0]
                if kind.endswith("#Class>"):
                    classes.add(subject.strip("<>"))
                if kind.endswith(("#ObjectProperty>", "#DatatypeProperty>", "#Property>")):
                    properties.add(subject.strip("<>"))
    assert len(classes) > 80
    assert classes >= BORROWED_CLASSES
    assert properties >= BORROWED_PROPERTIES
