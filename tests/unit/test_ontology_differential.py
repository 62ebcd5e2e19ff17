"""The compiled checks and pySHACL, which knows nothing of them, agree on every value: good or not good.

Not compared, because the model is narrower than RDF there (see brain/checks.py; tests/unit/test_checks.py has them): NaN and
infinities, integers over 64 bits, NUL and lone surrogates in text, instants outside the years 1 to 9999, and the final newline
that the `$` of Python, which pySHACL uses, lets pass and XPath does not.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.checks import FIRST_INSTANT, LAST_INSTANT, compile_checks
from brain.model import Node
from brain.schema import Datatype, Property
from ontology.audit import Auditor

SPACES = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c not in " \t\r\n")
"""What Python's `\\s`, and so pySHACL's, takes for a space and XPath's does not."""
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n" + SPACES), max_size=8)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INSTANTS = st.integers(FIRST_INSTANT, LAST_INSTANT)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@cache
def shipped() -> Auditor:
    return Auditor()


def values(prop: Property) -> st.SearchStrategy[Any]:
    """Values of the right type, at every bound and beside it, and of wrong types."""
    bounds = [b for b in (prop.minimum, prop.maximum, prop.exclusive_minimum, prop.exclusive_maximum) if b is not None]
    wrong = st.one_of(TEXTS, INTEGERS, FLOATS, st.booleans())
    match prop.datatype:
        case Datatype.FLOAT:
            right = st.one_of(FLOATS, st.integers(-(2**53), 2**53), st.sampled_from([0.0, -0.0, 5e-324]))
            beside: list[Any] = [b + d for b in bounds for d in (0.0, 1e-9, -1e-9, 0.5, -0.5)]
        case Datatype.INTEGER:
            right = st.one_of(INTEGERS, st.integers(-10, 10), st.sampled_from([0, *prop.one_of]))
            beside = [round(b) + d for b in bounds for d in (0, 1, -1)]
        case Datatype.INSTANT:
            right = st.one_of(INSTANTS, st.sampled_from([0, FIRST_INSTANT, LAST_INSTANT]))
            beside = [round(b) + d for b in bounds for d in (0, 1, -1)]
            wrong = st.one_of(TEXTS, FLOATS, st.booleans())  # any integer is an instant
        case Datatype.BOOLEAN:
            right, beside = st.booleans(), []
        case Datatype.STRING:
            right = st.one_of(TEXTS, st.sampled_from(["", "a", "A1", *map(str, prop.one_of)]))
            lengths = [n for n in (prop.min_length, prop.max_length) if n is not None]
            beside = ["a" * max(n + d, 0) for n in lengths for d in (0, 1, -1)]
            if prop.pattern:
                right = st.one_of(right, st.from_regex(prop.pattern).filter(comparable))
    return st.one_of(st.sampled_from(beside), right, wrong) if beside else st.one_of(right, right, wrong)


def comparable(text: str) -> bool:
    return not any(c in "\0\r\n" or c in SPACES or "\ud800" <= c <= "\udfff" for c in text)


def nodes(auditor: Auditor, classes: list[str]) -> st.SearchStrategy[list[Node]]:
    def one(name: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        properties = auditor.schema.of(name).properties
        return st.tuples(st.just(name), st.fixed_dictionaries({n: values(p) for n, p in properties.items()}))

    rows = st.lists(st.sampled_from(classes).flatmap(one), min_size=1, max_size=12)
    return rows.map(lambda found: [Node(f"x/{i}", cls, props, {}, {}) for i, (cls, props) in enumerate(found)])


def assert_agreement(auditor: Auditor, batch: list[Node]) -> None:
    checks = compile_checks(auditor.schema)
    ours = {(n.id, finding.property) for n in batch for finding in checks.of(n.cls)(n.properties)}
    theirs = {(f.node, f.name) for f in auditor.audit(batch) if f.rule != "MinCount"}
    by_id = {n.id: n for n in batch}
    assert ours == theirs, [(by_id[i].cls, name, by_id[i].properties[name]) for i, name in ours ^ theirs]


@SLOW
@given(st.data())
def test_shipped_shapes_mean_the_same_to_pyshacl(data: st.DataObject) -> None:
    auditor = shipped()
    assert_agreement(auditor, data.draw(nodes(auditor, sorted(auditor.schema.classes))))


PREFIXES = """
@prefix : <https://example.org/made#> .
@prefix eb: <https://enterprise-brain.example/ns/upper#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
PATTERNS = [r"^[A-Z][0-9]+$", "a", r"^\d{2,3}$", r"[^a-z]", r"^(?:ab|cd)*$", r"\.", r"^\S+$", "^.$", r"[\s-]", "x?$"]


@st.composite
def constraints(draw: st.DrawFn) -> str:
    """The constraints of one made-up property: every supported component, alone and together, with bounds that can be met."""
    kind = draw(st.sampled_from(["string", "integer", "decimal", "double", "float", "boolean", "dateTime"]))
    said = [f"sh:datatype xsd:{kind}"]
    if kind in ("integer", "decimal", "double", "dateTime"):
        low = draw(st.integers(-50, 50))
        high = low + draw(st.integers(1, 100))
        form = {"integer": "{}", "decimal": "{}.5", "double": "{}.25e0", "dateTime": '"20{:02}-01-01T00:00:00Z"^^xsd:dateTime'}[
            kind
        ]
        if kind == "dateTime":
            low, high = abs(low) % 40, 40 + abs(high) % 59
        said += draw(st.sampled_from([[], [f"sh:minInclusive {form.format(low)}"], [f"sh:minExclusive {form.format(low)}"]]))
        said += draw(st.sampled_from([[], [f"sh:maxInclusive {form.format(high)}"], [f"sh:maxExclusive {form.format(high)}"]]))
    if kind == "string":
        shortest = draw(st.integers(0, 3))
        said += draw(st.sampled_from([[], [f"sh:minLength {shortest}"]]))
        said += draw(st.sampled_from([[], [f"sh:maxLength {shortest + 2}"]]))
        if pattern := draw(st.sampled_from([None, *PATTERNS])):
            said.append("sh:pattern " + '"' + pattern.replace("\\", "\\\\") + '"')
    listed = {"string": '( "a" "A1" "" )', "integer": "( 1 0 -3 )", "boolean": "( true )"}
    if kind in listed and draw(st.integers(0, 3)) == 0:
        said.append(f"sh:in {listed[kind]}")
    return " ; ".join(said)


def domain(parent: list[str], child: list[tuple[int, str]]) -> str:
    """A made-up domain: a class with its properties, and a class below it that restricts some of them further."""
    shape = "[] a sh:NodeShape ; sh:targetClass :{} ; {} .\n"
    part = "sh:property [ sh:path :p{} ; sh:maxCount 1 ; {} ]"
    return (
        PREFIXES
        + ":Made a owl:Class ; rdfs:subClassOf eb:Asset .\n:Below a owl:Class ; rdfs:subClassOf :Made .\n"
        + "".join(f":p{i} a owl:DatatypeProperty .\n" for i in range(len(parent)))
        + shape.format("Made", " ; ".join(part.format(i, text) for i, text in enumerate(parent)))
        + (shape.format("Below", " ; ".join(part.format(i, text) for i, text in child)) if child else "")
    )


def tighter(text: str) -> str | None:
    """A further restriction that goes with any of that datatype."""
    extra = {"integer": "sh:maxInclusive 1000", "double": "sh:minExclusive -1000", "string": "sh:maxLength 6"}
    kind = text.split("xsd:")[1].split()[0]
    return f"sh:datatype xsd:{kind} ; {extra[kind]}" if kind in extra else None


@SLOW
@given(st.lists(constraints(), min_size=1, max_size=6), st.data())
def test_any_supported_shape_means_the_same_to_pyshacl(parent: list[str], data: st.DataObject) -> None:
    child = [(i, more) for i, text in enumerate(parent) if (more := tighter(text))]
    with TemporaryDirectory() as folder:
        Path(folder, "made.ttl").write_text(domain(parent, child))
        auditor = Auditor([Path(folder)])
    assert_agreement(auditor, data.draw(nodes(auditor, ["Made", "Below"])))


def test_the_audit_finds_what_no_single_message_shows() -> None:
    found = shipped().audit([Node("step/1", "Step", {"sequence": 3}, {}, {})])
    assert [(f.node, f.name, f.rule) for f in found] == [("step/1", "activity", "MinCount")]


@pytest.mark.parametrize(
    ("cls", "properties", "rule"), [("Gone", {}, "NoSuchClass"), ("Patient", {"shoeSize": 43}, "NoSuchProperty")]
)
def test_the_audit_finds_what_an_older_ontology_left(cls: str, properties: dict[str, Any], rule: str) -> None:
    assert [f.rule for f in shipped().audit([Node("x/1", cls, properties, {}, {})])] == [rule]
