"""Every mistake in an ontology file is told at start, with its line and the mend."""

import re
from pathlib import Path

import pytest

from brain.errors import Fatal
from ontology import BadOntology, load_schema

HEAD = """\
@prefix : <https://example.org/plant#> .
@prefix eb: <https://enterprise-brain.example/ns/upper#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix sosa: <http://www.w3.org/ns/sosa/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:Kiln a owl:Class ; rdfs:subClassOf eb:Device .
"""
LINES = HEAD.count("\n")
HEAT = ":heat a owl:DatatypeProperty ."


def shape(part: str) -> str:
    """A shape on three lines, the property shape on the second, and the property that it needs."""
    return f"[] a sh:NodeShape ; sh:targetClass :Kiln ;\n  sh:property [ {part} ] .\n{HEAT}"


def heat(constraint: str, datatype: str = "double") -> str:
    return shape(f"sh:path :heat ; sh:datatype xsd:{datatype} ; sh:maxCount 1 ; {constraint}")


FAULTS = {
    # Turtle
    "no dot": (":Oven a owl:Class\n:Stove a owl:Class .", 2, "Turtle syntax: expected '.' or"),
    "unknown prefix": (":Oven a owl:Class ; rdfs:subClassOf foo:Bar .", 1, 'Turtle syntax: Prefix "foo:" not bound'),
    "open string": (':Oven rdfs:comment "hot .', 1, "Turtle syntax"),
    "open list": (heat("sh:in ( 1 2"), 2, "Turtle syntax"),
    # conflicts
    "impossible without a value": (
        heat("sh:minInclusive 0").replace("Property .", "Property ; eb:impossibleWhile 'state' ."),
        3,
        "eb:impossibleWhile is 'property = value'",
    ),
    "impossible by an unknown property": (
        heat("sh:minInclusive 0").replace("Property .", "Property ; eb:impossibleWhile 'stat = off' ."),
        2,
        "stat is no property of the class; did you mean 'state'?",
    ),
    "impossible by a value that cannot be": (
        heat("sh:minInclusive 0").replace("Property .", "Property ; eb:impossibleWhile 'serviceStatus = gone' ."),
        2,
        "serviceStatus is one of inService,",
    ),
    "a counter that forgets": (
        heat("sh:minInclusive 0").replace("Property .", "Property ; eb:counter true ; eb:history 'latest' ."),
        3,
        "eb:counter needs every version",
    ),
    "a counter or not": (
        heat("sh:minInclusive 0").replace("Property .", "Property ; eb:counter 'yes' ."),
        3,
        "eb:counter is true or false",
    ),
    "due by no time": (
        heat("sh:minInclusive 0").replace("Property .", "Property ; eb:due true ."),
        2,
        "eb:due is of a time: sh:datatype xsd:dateTime",
    ),
    "a stay of no length": (
        shape("sh:path :near ; sh:class eb:Entity ; sh:maxCount 1").replace(
            HEAT, ":near a owl:ObjectProperty ; eb:stay '1 min' ."
        ),
        2,
        "eb:stay is a duration such as 'PT1M'",
    ),
    "a stay at many places": (
        shape("sh:path :near ; sh:class eb:Entity").replace(HEAT, ":near a owl:ObjectProperty ; eb:stay 'PT1M' ."),
        2,
        "eb:stay is for relations with one target",
    ),
    # terms
    "no kind": (":Oven rdfs:subClassOf eb:Device .", 1, "Oven: is declared as nothing; give it exactly one of owl:Class"),
    "two kinds": (":oven a owl:Class , owl:ObjectProperty .", 1, "oven: is declared as owl:Class owl:ObjectProperty"),
    "odd kind": (":oven a owl:FunctionalProperty .", 1, "oven: is declared as owl:FunctionalProperty"),
    "unknown statement": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ;\n  eb:keyspce 'oven' .",
        2,
        "Oven: eb:keyspce is not understood; did you mean 'eb:keyspace'?",
    ),
    "inference statement": (f"{HEAT}\n:heat rdfs:domain :Kiln .", 2, "heat: rdfs:domain is not understood"),
    "kernel term": ("eb:Oven a owl:Class ; rdfs:subClassOf eb:Asset .", 1, "Oven: redefines a kernel term"),
    "kernel class": ("eb:Asset rdfs:comment 'mine' .\n", 1, "Asset: is declared as nothing"),
    "published term": ("sosa:Sensor a owl:Class ; rdfs:subClassOf eb:Device .", 1, "Sensor: sosa:Sensor is a published term"),
    "class name": (":oven a owl:Class ; rdfs:subClassOf eb:Device .", 1, "oven: a class is named with a capital letter"),
    "odd name": (":Oven-2 a owl:Class ; rdfs:subClassOf eb:Device .", 1, "Oven-2: a class is named with a capital letter"),
    "property name": (":Heat a owl:DatatypeProperty .", 1, "Heat: a property is named with a small letter"),
    "reserved name": (":id a owl:DatatypeProperty .", 1, "id: the name is the kernel's own"),
    "reserved class": (":Query a owl:Class ; rdfs:subClassOf eb:Asset .", 1, "Query: the name is the kernel's own"),
    "name clash": (
        ":Sensor a owl:Class ; rdfs:subClassOf eb:Device .",
        1,
        r"Sensor: plant:Sensor clashes with eb:Sensor (upper.ttl:",
    ),
    "case clash": (":KILN a owl:Class ; rdfs:subClassOf eb:Device .", 1, "KILN: plant:KILN clashes with plant:Kiln"),
    "inverse clash": (
        ":heats a owl:ObjectProperty ; owl:inverseOf :state .",
        1,
        "state: plant:state clashes with eb:state (upper.ttl:",
    ),
    "inverse declared": (
        ":heats a owl:ObjectProperty ; owl:inverseOf :heatedBy .\n:heatedBy a owl:ObjectProperty .",
        1,
        "heats: its inverse heatedBy is declared as a relation too; keep one of the two",
    ),
    "unused": (HEAT, 1, "heat: no shape gives it to a class"),
    # hierarchy
    "no parent": (
        ":Oven a owl:Class .",
        1,
        "Oven: needs rdfs:subClassOf exactly one class of the ontology (say eb:Asset); it has none",
    ),
    "two parents": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device , eb:Person .",
        1,
        "Oven: needs rdfs:subClassOf exactly one class of the ontology (say eb:Asset); it has Device, Person",
    ),
    "unknown parent": (
        ":Oven a owl:Class ;\n  rdfs:subClassOf eb:Devise .",
        2,
        "Oven: eb:Devise is no class of the ontology; did you mean 'Device'?",
    ),
    "unknown borrowed": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device , sosa:Sensr .",
        1,
        "Oven: sosa has no class 'Sensr'; did you mean 'Sensor'?",
    ),
    "property as parent": (":Oven a owl:Class ; rdfs:subClassOf eb:state .", 1, "Oven: eb:state is no class of the ontology"),
    "cycle": (
        ":Oven a owl:Class ; rdfs:subClassOf :Stove .\n:Stove a owl:Class ; rdfs:subClassOf :Oven .",
        1,
        "Oven: rdfs:subClassOf goes round in a circle: Oven → Stove → Oven",
    ),
    "own parent": (":Oven a owl:Class ; rdfs:subClassOf :Oven .", 1, "circle: Oven → Oven"),
    # keys
    "keyspace clash": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ;\n  eb:keyspace 'person' .",
        2,
        "Oven: eb:keyspace 'person' belongs to Person (upper.ttl:",
    ),
    "keyspace form": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ; eb:keyspace 'the/oven' .",
        1,
        "Oven: eb:keyspace is one word of small letters and digits, not 'the/oven'",
    ),
    "no such key": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ; eb:keyspace 'oven' ;\n  eb:key eb:serialNumbr .",
        2,
        "Oven: eb:key eb:serialNumbr is no property of the class; did you mean 'serialNumber'?",
    ),
    "key of another class": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ; eb:keyspace 'oven' ; eb:key eb:badge .",
        1,
        "Oven: eb:key eb:badge is no property of the class",
    ),
    "key type": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Reading ; eb:keyspace 'oven' ; eb:key eb:result .",
        1,
        "Oven: eb:key eb:result holds float values; keys are strings or integers",
    ),
    "key in the parent's keyspace": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ; eb:key eb:serialNumber .",
        1,
        "Oven: eb:key clash: Device, whose keyspace it shares, has the key assetTag",
    ),
    # shapes
    "no node shape": (
        "[] sh:targetClass :Kiln ;\n  sh:property [ sh:path :heat ] .\n" + HEAT,
        1,
        "nothing refers to this; if it is a shape, add: a sh:NodeShape",
    ),
    "restriction": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device , [ a owl:Restriction ; owl:onProperty :heat ] .",
        1,
        "is declared as owl:Restriction",
    ),
    "broken list": (heat("sh:in [ ]", "string"), 2, "sh:in takes a list of string values"),
    "no target": ("[] a sh:NodeShape .", 1, "a node shape needs exactly one sh:targetClass"),
    "unknown target": (
        "[] a sh:NodeShape ; sh:targetClass :Klin .",
        1,
        "sh:targetClass plant:Klin is no class of the ontology; did you mean 'Kiln'?",
    ),
    "shape of a kernel class": (
        "[] a sh:NodeShape ; sh:targetClass eb:Asset .",
        1,
        "Asset: its shape stands beside it in upper.ttl; to say more, declare a subclass here",
    ),
    "no path": (shape("sh:datatype xsd:string ; sh:maxCount 1"), 2, "Kiln: a property shape needs one sh:path"),
    "path expression": (shape("sh:path ( :heat eb:name ) ; sh:maxCount 1"), 2, "path expressions are not supported"),
    "unknown path": (
        shape("sh:path eb:sate ; sh:datatype xsd:string ; sh:maxCount 1"),
        2,
        "Kiln.sate: eb:sate is no property or relation of the ontology; did you mean 'state'?",
    ),
    "inverse as path": (shape("sh:path eb:contains ; sh:class eb:Asset"), 2, "Kiln.contains: is the inverse of locatedIn"),
    "no datatype": (shape("sh:path :heat ; sh:maxCount 1"), 2, "Kiln.heat: needs sh:datatype, one of xsd:string, xsd:integer"),
    "odd datatype": (heat("sh:minCount 0", "date"), 2, "Kiln.heat: needs sh:datatype, one of"),
    "many values": (shape("sh:path :heat ; sh:datatype xsd:double"), 2, "Kiln.heat: needs sh:maxCount 1"),
    "impossible count": (heat("sh:minCount 2"), 2, "Kiln.heat: sh:minCount is more than sh:maxCount"),
    "class on a property": (heat("sh:class eb:Asset"), 2, "Kiln.heat: sh:class and sh:nodeKind are for relations"),
    "range on text": (heat("sh:minInclusive 1", "string"), 2, "Kiln.heat: sh:minInclusive is for numbers and times"),
    "text as bound": (heat("sh:minInclusive 'low'"), 2, "Kiln.heat: sh:minInclusive takes a number, not low"),
    "bound that is no integer": (heat("sh:minInclusive 1.5", "integer"), 2, "sh:minInclusive 1.5 of an integer is no integer"),
    "bound beyond floats": (heat("sh:maxInclusive 0.12345678901234567890"), 2, "cannot be held exactly: give it fewer digits"),
    "time without zone": (
        heat('sh:minInclusive "2020-01-01T00:00:00"^^xsd:dateTime', "dateTime"),
        2,
        "sh:minInclusive takes an xsd:dateTime with a time zone",
    ),
    "empty range": (heat("sh:minInclusive 5 ; sh:maxInclusive 4"), 2, "Kiln.heat: no value is both at least 5 and at most 4"),
    "empty lengths": (heat("sh:minLength 5 ; sh:maxLength 4", "string"), 2, "at least 5 and at most 4 characters"),
    "length of a number": (heat("sh:minLength 5"), 2, "sh:pattern, sh:minLength and sh:maxLength are for strings"),
    "negative length": (heat("sh:minLength -5", "string"), 2, "sh:minLength takes a whole number, not -5"),
    "bound that is no number": (heat("sh:minInclusive 'x'^^xsd:integer"), 2, "a literal here is no valid xsd:integer"),
    "count that is no number": (heat("sh:minCount 'x'^^xsd:integer"), 2, "a literal here is no valid xsd:integer"),
    "truth that is none": (heat("sh:in ( 'x'^^xsd:boolean )", "boolean"), 2, "a literal here is no valid xsd:boolean"),
    "two bounds": (heat("sh:minInclusive 1 , 2"), 2, "Kiln.heat: sh:minInclusive is given 2 times"),
    "broken pattern": (heat("sh:pattern '(ab'", "string"), 2, "Kiln.heat: sh:pattern '(ab': not a regular expression"),
    "foreign pattern": (heat(r"sh:pattern '\\p{Lu}'", "string"), 2, r"sh:pattern '\p{Lu}': '\p' means something else"),
    "list of floats": (heat("sh:in ( 1.5 )"), 2, "Kiln.heat: sh:in is for strings, integers and booleans"),
    "list of another type": (heat("sh:in ( 'a' 5 )", "string"), 2, "Kiln.heat: sh:in takes a list of string values, not 5"),
    "empty list": (heat("sh:in ()", "string"), 2, "Kiln.heat: sh:in takes a list of string values"),
    "wider than the parent": (
        ":Oven a owl:Class ; rdfs:subClassOf :Kiln .\n[] a sh:NodeShape ; sh:targetClass :Oven ;\n"
        "  sh:property [ sh:path :heat ; sh:datatype xsd:string ; sh:maxCount 1 ; sh:in ( 'a' ) ] .\n"
        + heat("sh:in ( 'b' )", "string"),
        3,
        "Oven: heat: sh:in allows what a parent class does not",
    ),
    "another datatype": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Asset .\n[] a sh:NodeShape ; sh:targetClass :Oven ;\n"
        "  sh:property [ sh:path :heat ; sh:datatype xsd:string ; sh:maxCount 1 ] .\n" + heat("sh:minInclusive 1"),
        5,
        "Kiln.heat: is xsd:string in ",
    ),
    "twice in one class": (
        heat("sh:minInclusive 1") + "\n" + heat("sh:minInclusive 2").replace(HEAT, ""),
        5,
        "Kiln.heat: has two property shapes in this class",
    ),
    # properties
    "bad history": (
        heat("sh:minInclusive 1") + "\n:heat eb:history 'some' .",
        3,
        "heat: eb:history is 'latest' or 'full', not 'some'",
    ),
    "bad unit": (heat("sh:minInclusive 1") + "\n:heat eb:unit 'deg C' .", 3, "heat: eb:unit 'deg C' is not a UCUM code"),
    "unit by IRI": (heat("sh:minInclusive 1") + "\n:heat eb:unit xsd:degree .", 4, "heat: eb:unit takes a literal, not http"),
    "unit of text": (
        heat("sh:minLength 1", "string") + "\n:heat eb:unit 'Cel' .",
        2,
        "Kiln.heat: has the unit Cel but string values",
    ),
    "unknown super-property": (
        heat("sh:minInclusive 1") + "\n:heat rdfs:subPropertyOf sosa:hasResults .",
        4,
        "heat: rdfs:subPropertyOf <http://www.w3.org/ns/sosa/hasResults> is no published property",
    ),
    # relations
    "relation without class": (
        shape("sh:path :fires") + "\n:fires a owl:ObjectProperty .",
        2,
        "Kiln.fires: needs sh:class",
    ),
    "relation to nowhere": (
        shape("sh:path :fires ; sh:class :Brik")
        + "\n:fires a owl:ObjectProperty .\n:Brick a owl:Class ; rdfs:subClassOf eb:Asset .",
        2,
        "Kiln.fires: sh:class plant:Brik is no class of the ontology; did you mean 'Brick'?",
    ),
    "relation with datatype": (
        shape("sh:path :fires ; sh:class eb:Asset ; sh:datatype xsd:string") + "\n:fires a owl:ObjectProperty .",
        2,
        "Kiln.fires: sh:datatype is for properties, and fires is a relation",
    ),
    "relation with two at most": (
        shape("sh:path :fires ; sh:class eb:Asset ; sh:maxCount 2") + "\n:fires a owl:ObjectProperty .",
        2,
        "Kiln.fires: a relation has sh:maxCount 1 (one at a time) or none",
    ),
    "relation from two classes": (
        shape("sh:path eb:locatedIn ; sh:class eb:Location"),
        2,
        "Kiln.locatedIn: already starts from the class whose shape is in upper.ttl:",
    ),
    "bad dependency": (
        shape("sh:path :fires ; sh:class eb:Asset") + "\n:fires a owl:ObjectProperty ; eb:dependency 'both' .",
        2,
        "Kiln.fires: eb:dependency is 'source' or 'target'",
    ),
    "delay of what is no dependency": (
        shape("sh:path :fires ; sh:class eb:Asset") + "\n:fires a owl:ObjectProperty ; eb:delay 'PT1M' .",
        2,
        "Kiln.fires: eb:delay is for dependencies",
    ),
    "delay that is no duration": (
        shape("sh:path :fires ; sh:class eb:Asset")
        + "\n:fires a owl:ObjectProperty ; eb:dependency 'target' ; eb:delay '1 min' .",
        2,
        "Kiln.fires: eb:delay is a duration such as 'PT1M'",
    ),
    "any of nothing": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ; eb:anyOf eb:operate .",
        1,
        "Oven: eb:anyOf eb:operate is no relation of the ontology; did you mean 'operates'?",
    ),
    "any of what is no dependency": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ; eb:anyOf eb:monitors .",
        1,
        "Oven: eb:anyOf monitors: the relation is no dependency",
    ),
    "closed by an unknown property": (
        ":Batch a owl:Class ; rdfs:subClassOf eb:WorkObject ; eb:closedBy 'stat = done' .",
        1,
        "Batch: eb:closedBy 'stat = done': stat is no property of the class; did you mean 'state'?",
    ),
    "closed by a value that cannot be": (
        ":Oven a owl:Class ; rdfs:subClassOf eb:Device ; eb:closedBy 'serviceStatus = gone' .",
        1,
        "serviceStatus is one of inService,",
    ),
    "closed by a number": (
        ":Batch a owl:Class ; rdfs:subClassOf eb:WorkObject ; eb:closedBy 'quantity = 3' .",
        1,
        "quantity holds float values",
    ),
    # a prefix that means something else than it seems to
    "prefix": ("@prefix sosa: <http://www.w3.org/ns/sosa#> .", 1, "prefix 'sosa' already means <http://www.w3.org/ns/sosa/>"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text, line, message = FAULTS[name]
    (tmp_path / "plant.ttl").write_text(HEAD + text + "\n")
    with pytest.raises(BadOntology) as caught:
        load_schema([tmp_path])
    found = [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults]
    wanted = f"plant.ttl:{LINES + line}: "
    assert any(said.startswith(wanted) and message in said for said in found), found
    assert not caplog.records


def test_all_faults_are_told_at_once_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.ttl").write_text(HEAD.replace("Kiln", "kiln") + ":x-y a owl:DatatypeProperty .")
    (tmp_path / "a.ttl").write_text(HEAD.replace("plant#", "other#").replace("Kiln", "Class_2"))
    with pytest.raises(BadOntology) as caught:
        load_schema([tmp_path])
    assert isinstance(caught.value, Fatal)
    places = [re.match(r".*/(\w+\.ttl):(\d+): (\S+):", line) for line in str(caught.value).splitlines()]
    assert [m.groups() for m in places if m] == [("a.ttl", "8", "Class_2"), ("b.ttl", "8", "kiln"), ("b.ttl", "9", "x-y")]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00\x01", b"<html>", b"{}", b"]" * 50, b"[" * 5000, b'"""', b"@prefix"])
def test_a_file_that_is_no_turtle_is_one_clear_fault(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "junk.ttl").write_bytes(content)
    with pytest.raises(BadOntology, match=r"junk\.ttl(:1)?: (Turtle syntax|cannot be read as UTF-8)"):
        load_schema([tmp_path])


def test_an_empty_file_is_a_domain_without_terms(tmp_path: Path) -> None:
    (tmp_path / "later.ttl").write_text("# nothing yet\n")
    assert load_schema([tmp_path]).domains[-1] == "later"
