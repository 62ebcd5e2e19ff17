"""The W3C's own test suite for SHACL Core, for the constraint components that the compiler supports.

The suite applies constraints to all sorts of nodes; taken here are the literals of the datatypes that the model has. What the
suite's report lists as a violation the compiled check must flag, and nothing else.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from rdflib import RDF, SH, XSD, Graph, Literal
from rdflib.collection import Collection
from rdflib.term import Node

from brain.checks import check
from brain.schema import Datatype, Property
from ontology.terms import DATATYPES

SUITE = "shacl/data-shapes-test-suite/tests/core"
FIELDS = {
    "MinInclusive": "minimum",
    "MaxInclusive": "maximum",
    "MinExclusive": "exclusive_minimum",
    "MaxExclusive": "exclusive_maximum",
    "MinLength": "min_length",
    "MaxLength": "max_length",
    "Pattern": "pattern",
    "In": "one_of",
    "Datatype": "",
}


def python(literal: Literal) -> Any:
    value = literal.value
    return float(value) if isinstance(value, Decimal) else value


def parameter(component: str) -> Node:
    return SH[component[0].lower() + component[1:]]


def cases(graph: Graph) -> Iterator[tuple[str, Node, Literal, bool]]:
    """Each (component, its parameter's value, a literal that it applies to, whether the report lists it)."""
    for component in FIELDS:
        for shape, given in graph.subject_objects(parameter(component)):
            if (shape, SH.flags, None) in graph:
                continue
            literals = set(graph.objects(shape, SH.targetNode))
            for owner in graph.subjects(SH.property, shape):
                focus = set(graph.objects(owner, SH.targetNode)) | set(graph.subjects(RDF.type, owner))
                path = graph.value(shape, SH.path)
                literals |= {value for node in focus for value in graph.objects(node, path)}
            flagged = {
                value
                for result in graph.subjects(SH.sourceConstraintComponent, SH[f"{component}ConstraintComponent"])
                if graph.value(result, SH.sourceShape) == shape
                for value in graph.objects(result, SH.value)
            }
            for literal in literals:
                if isinstance(literal, Literal) and literal.value is not None and literal.language is None:
                    yield component, given, literal, literal in flagged


def judge(graph: Graph, component: str, given: Node, literal: Literal) -> bool | None:
    """Whether the compiled check finds fault; None where the model has no such combination."""
    datatype = DATATYPES.get(literal.datatype or XSD.string)
    numeric = component[:3] in ("Min", "Max") and not component.endswith("Length")
    if component == "Datatype":
        declared = DATATYPES.get(given)  # type: ignore[call-overload]
        # an integer is a good value of a decimal or float property in the model: rules need not write 7.0
        if declared is None or datatype is None or (datatype, declared) == (Datatype.INTEGER, Datatype.FLOAT):
            return None
        return check(Property("p", "p", declared))(python(literal)) is not None
    if numeric and datatype not in (Datatype.INTEGER, Datatype.FLOAT):
        return None
    if (component.endswith("Length") or component == "Pattern") and datatype is not Datatype.STRING:
        return None
    if datatype is None:
        return None
    value: Any = given.value if isinstance(given, Literal) else None
    if component == "In":
        value = tuple(python(item) for item in Collection(graph, given) if isinstance(item, Literal))
    if component == "In" and not value:
        return None
    return check(Property("p", "p", datatype, **{FIELDS[component]: value}))(python(literal)) is not None


def test_supported_components_pass_the_w3c_suite(shared_data: Path) -> None:
    judged: dict[str, set[bool]] = {}
    for path in sorted((shared_data / SUITE).glob("*/*.ttl")):
        graph = Graph().parse(path, format="turtle")
        for component, given, literal, violates in cases(graph):
            verdict = judge(graph, component, given, literal)
            if verdict is not None:
                assert verdict == violates, f"{path.name}: sh:{component} {given} on {literal!r}"
                judged.setdefault(component, set()).add(verdict)
    # every component was seen to be met and to be broken
    assert judged == {component: {True, False} for component in FIELDS}
