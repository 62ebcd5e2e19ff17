"""From an ontology to a GraphQL schema: nothing left out, nothing that clashes, the same text every time."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    get_nullable_type,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from api.execution import executable
from api.limits import Limits
from api.names import BadName, plural
from api.sdl import COMMITTED, difference, main, sdl
from api.typegen import inverses
from brain.schema import Datatype, NodeClass, Property, Relation, Schema
from ontology import load_schema
from tests.unit.api_plant import small_schema

SCALARS = {
    Datatype.STRING: "String",
    Datatype.INTEGER: "Long",
    Datatype.FLOAT: "Float",
    Datatype.BOOLEAN: "Boolean",
    Datatype.INSTANT: "DateTime",
}


DRONES = """
@prefix eb: <https://enterprise-brain.example/ns/upper#> .
@prefix hosp: <https://enterprise-brain.example/ns/hospital#> .
@prefix drones: <https://enterprise-brain.example/ns/drones#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

drones:Drone a owl:Class ; rdfs:subClassOf eb:Device ; rdfs:comment "A flying courier." .
[] a sh:NodeShape ; sh:targetClass drones:Drone ;
    sh:property [ sh:path drones:altitude ; sh:datatype xsd:double ; sh:maxCount 1 ; sh:minInclusive 0 ] ;
    sh:property [ sh:path drones:servesBed ; sh:class hosp:Bed ] .
drones:altitude a owl:DatatypeProperty ; eb:unit "m" ; eb:history "latest" ; rdfs:comment "Height above ground." .
drones:servesBed a owl:ObjectProperty ; owl:inverseOf drones:servedByDrone ; rdfs:comment "Where it delivers." .
"""


def test_the_committed_sdl_is_what_the_ontology_gives() -> None:
    assert difference(load_schema(())) == ""


def test_check_shows_what_an_edit_of_the_ontology_does(tmp_path: Path) -> None:
    schema = load_schema(())
    pump = schema.classes["InfusionPump"]
    edited = {**pump.properties, "hue": Property("hue", "urn:x", Datatype.STRING, "Its colour.")}
    changed = replace(schema, classes={**schema.classes, "InfusionPump": replace(pump, properties=edited)})
    lines = difference(changed).splitlines()
    assert "+  hue: String" in lines
    assert "+  hue: StringFilter" in lines
    assert not [line for line in lines if line.startswith("-") and not line.startswith("---")]
    assert difference(schema, tmp_path / "none.graphql").startswith("--- api/schema.graphql")


def test_the_command_writes_the_committed_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""
    assert main([]) == 0
    assert capsys.readouterr().out == COMMITTED.read_text("utf-8")


def test_the_text_does_not_hang_on_the_order_of_hashes() -> None:
    program = "from api.sdl import main; main([])"
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


@pytest.mark.parametrize("schema", [small_schema(), load_schema(())], ids=["small", "shipped"])
def test_every_class_property_and_relation_is_there(schema: Schema) -> None:
    built = build_schema(sdl(schema))
    query = built.query_type
    assert query is not None
    names = built.type_map["ClassName"]
    assert isinstance(names, GraphQLEnumType)
    assert set(names.values) == set(schema.classes)
    for cls in schema.classes.values():
        output = built.type_map[cls.name]
        assert isinstance(output, GraphQLObjectType | GraphQLInterfaceType)
        assert isinstance(output, GraphQLInterfaceType) == (len(schema.descendants[cls.name]) > 1 or cls.name == "Entity")
        assert {i.name for i in output.interfaces} == {*cls.ancestors, "Node"}
        for prop in cls.properties.values():
            assert _named(output, prop.name).name == SCALARS[prop.datatype]
            assert prop.unit is None or f"Unit: {prop.unit} (UCUM)." in (output.fields[prop.name].description or "")
        for relation in cls.relations.values():
            expected = relation.target if relation.functional else f"{relation.target}LinkConnection"
            assert _named(output, relation.name).name == expected
        lists = get_named_type(query.fields[plural(cls.name)].type)
        assert isinstance(lists, GraphQLObjectType)
        assert _named(get_named_type(lists.fields["edges"].type), "node").name == cls.name
    for relation in inverses(schema):
        assert relation.inverse is not None
        for name in schema.descendants[relation.target]:
            assert _named(built.type_map[name], relation.inverse).name == f"{relation.source}LinkConnection"


def _named(output: GraphQLNamedType, field: str) -> GraphQLNamedType:
    assert isinstance(output, GraphQLObjectType | GraphQLInterfaceType)
    named: GraphQLNamedType = get_named_type(output.fields[field].type)
    return named


def test_the_fields_that_analysts_are_promised() -> None:
    query = build_schema(COMMITTED.read_text("utf-8")).query_type
    assert query is not None
    promised = {
        "node",
        "nodes",
        "assets",
        "people",
        "processes",
        "steps",
        "workObjects",
        "bottlenecks",
        "dependencies",
        "ontology",
    }
    assert promised <= set(query.fields)
    nodes = query.fields["nodes"].type
    assert isinstance(get_named_type(nodes), GraphQLInterfaceType)
    assert isinstance(get_nullable_type(nodes), GraphQLList)


def test_one_new_file_under_domains_is_a_new_type(tmp_path: Path) -> None:
    (tmp_path / "drones.ttl").write_text(DRONES, "utf-8")
    added = [line[1:] for line in difference(load_schema((tmp_path,))).splitlines() if line.startswith("+")]
    text = "\n".join(added)
    assert "type Drone implements Device & PhysicalAsset & Asset & Entity & Node {" in added
    assert '"""Height above ground. Unit: m (UCUM)."""\n  altitude: Float' in text
    assert "  servesBed(first: Int, after: String, last: Int, before: String): BedLinkConnection!" in added
    assert "  servedByDrone(first: Int, after: String, last: Int, before: String): DroneLinkConnection!" in added
    assert any(line.strip().startswith("drones(where: DroneFilter, first: Int") for line in added)


def _extra(name: str, *properties: Property) -> NodeClass:
    base = small_schema().classes["Entity"]
    own = {p.name: p for p in properties}
    return NodeClass(
        name, f"urn:test#{name}", ("Entity",), name.lower(), {**base.properties, **own}, base.relations, domain="test"
    )


def _prop(name: str) -> Property:
    return Property(name, "urn:x", Datatype.STRING)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (_extra("Query"), "class Query (test): the GraphQL type Query is a type of the kernel: rename the class"),
        (_extra("Long"), "class Long (test): the GraphQL type Long is a type of the kernel"),
        (_extra("PumpFilter"), "class PumpFilter (test): the GraphQL type PumpFilter is made for class Pump"),
        (_extra("GenericPump"), "class GenericPump (test): the GraphQL type GenericPump is made for class Pump"),
        (_extra("Pump-2"), "GraphQL names have letters, digits and _ alone"),
        (_extra("__Type"), "GraphQL names have letters"),
        (_extra("Drone", _prop("id")), "property Drone.id (test) is also a field of the kernel: rename one of them"),
        (_extra("Drone", _prop("history")), "property Drone.history (test) is also a field of the kernel"),
        (_extra("Drone", _prop("steps")), "Drone.steps (test) is also a property"),
        (_extra("Drone", _prop("näme")), "GraphQL names have letters"),
    ],
)
def test_a_name_that_would_mean_two_things_is_an_error_at_start(cls: NodeClass, message: str) -> None:
    with pytest.raises(BadName) as caught:
        executable(small_schema(**{cls.name: cls}), Limits())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("InfusionPump", "infusionPumps"),
        ("Person", "people"),
        ("SalesPerson", "salesPeople"),
        ("Process", "processes"),
        ("Equipment", "equipment"),
        ("MRIScanner", "mriScanners"),
        ("MRI", "mris"),
        ("Category", "categories"),
        ("Tray", "trays"),
        ("Box", "boxes"),
        ("Batch", "batches"),
        ("WorkObject", "workObjects"),
    ],
)
def test_plurals(name: str, expected: str) -> None:
    assert plural(name) == expected


NAMES = st.text("ABCDEFG", min_size=1, max_size=3).map(lambda t: "C" + t.lower())


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(NAMES, st.integers(0, 5), st.sampled_from(list(Datatype)), st.booleans()),
        max_size=6,
        unique_by=lambda t: t[0],
    )
)
def test_any_tree_of_classes_becomes_a_valid_schema(drawn: list[tuple[str, int, Datatype, bool]]) -> None:
    classes = dict(small_schema().classes)
    for name, above, datatype, functional in drawn:
        parent = classes[sorted(classes)[above % len(classes)]]
        prop = Property(f"p{name}", "urn:x", datatype)
        relation = Relation(f"r{name}", "urn:x", name, parent.name, functional=functional, inverse=f"i{name}")
        classes[name] = NodeClass(
            name,
            f"urn:test#{name}",
            (parent.name, *parent.ancestors),
            parent.keyspace,
            {**parent.properties, prop.name: prop},
            {**parent.relations, relation.name: relation},
        )
    schema = Schema("drawn", classes)
    test_every_class_property_and_relation_is_there(schema)
