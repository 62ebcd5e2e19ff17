"""The auditor: nodes of a store held against the SHACL shapes themselves, by pySHACL.

Slow (about a millisecond a node), thorough, and independent of the compiled checks: it also finds what a single message cannot
show, such as a required property that no message has brought, or a link to a thing of the wrong class.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from pyshacl import validate
from rdflib import RDF, RDFS, SH, XSD, Graph, Literal, URIRef
from rdflib import Node as Term

from brain.model import Edge, Node
from brain.schema import Datatype, Property, Schema
from ontology.compile import compile_schema
from ontology.declare import local_name
from ontology.load import read_sources

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NODE = "urn:enterprise-brain:node:"


class AuditFinding(NamedTuple):
    """A node that breaks its shape. `name` is the property or relation, `rule` the SHACL component, e.g. `MinCount`."""

    node: str
    cls: str
    name: str
    rule: str
    value: str
    message: str


class Auditor:
    """The shapes of an ontology, ready to judge nodes. BadOntology where the ontology itself is wrong."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        sources = read_sources(folders)
        self.schema: Schema = compile_schema(sources)
        self._shapes = Graph()
        for source in sources:
            self._shapes.parse(data=source.text, format="turtle")
        self._datatypes = {
            str(path): URIRef(str(self._shapes.value(part, SH.datatype)))
            for part, path in self._shapes.subject_objects(SH.path)
            if (part, SH.datatype, None) in self._shapes
        }

    def audit(
        self, nodes: Iterable[Node], edges: Iterable[Edge] = (), classes: Mapping[str, str] | None = None
    ) -> list[AuditFinding]:
        """Every finding on the nodes and on the edges that leave them, by node and name.

        `classes` gives the class of the nodes at the other ends of the edges that are not themselves in `nodes`.
        """
        data, judged, stale = self._hierarchy(), dict[Term, Node](), list[AuditFinding]()
        for node in nodes:
            judged[_iri(node.id)] = node
            stale += self._describe(node, data)
        for id_, name in (classes or {}).items():
            if name in self.schema.classes:
                data.add((_iri(id_), RDF.type, URIRef(self.schema.classes[name].iri)))
        for edge in edges:
            if relation := self.schema.relations.get(edge.relation):
                data.add((_iri(edge.source), URIRef(relation.iri), _iri(edge.target)))
        _, report, _ = validate(data, shacl_graph=self._shapes, inference="none", advanced=False)
        if not isinstance(report, Graph):
            raise report if isinstance(report, Exception) else RuntimeError(str(report))
        return sorted([*stale, *_findings(report, judged)])

    def _hierarchy(self) -> Graph:
        """A graph with our own subclass statements: SHACL looks for them in the data."""
        graph = Graph()
        for cls in self.schema.classes.values():
            if cls.ancestors:
                parent = self.schema.classes[cls.ancestors[0]]
                graph.add((URIRef(cls.iri), RDFS.subClassOf, URIRef(parent.iri)))
        return graph

    def _describe(self, node: Node, data: Graph) -> Iterable[AuditFinding]:
        """Writes the node into the graph. Finds what was stored under an older ontology and is in this one no more."""
        cls = self.schema.classes.get(node.cls)
        if cls is None:
            yield AuditFinding(node.id, node.cls, "", "NoSuchClass", "", f"the ontology has no class {node.cls!r} any more")
            return
        data.add((_iri(node.id), RDF.type, URIRef(cls.iri)))
        for name, value in node.properties.items():
            if prop := cls.properties.get(name):
                data.add((_iri(node.id), URIRef(prop.iri), literal(value, prop, self._datatypes[prop.iri])))
            else:
                message = f"{cls.name} has no property {name!r} any more"
                yield AuditFinding(node.id, cls.name, name, "NoSuchProperty", str(value), message)


def literal(value: object, prop: Property, xsd: URIRef) -> Literal:
    """A value of the model as RDF. A value of another type than the property's becomes a literal of its own type."""
    if isinstance(value, bool):
        return Literal("true" if value else "false", datatype=XSD.boolean)
    if prop.datatype is Datatype.INSTANT and isinstance(value, int):
        when = _EPOCH + timedelta(microseconds=value)
        return Literal(when.isoformat(), datatype=XSD.dateTime)
    if isinstance(value, int | float) and prop.datatype is Datatype.FLOAT:
        return Literal(_digits(float(value), xsd), datatype=xsd)
    if isinstance(value, int):
        return Literal(str(value), datatype=XSD.integer)
    if isinstance(value, float):
        return Literal(repr(value), datatype=XSD.double)
    return Literal(str(value))  # rdflib takes "a" and "a"^^xsd:string for different terms, and shapes say "a"


def _digits(value: float, xsd: URIRef) -> str:
    return format(Decimal(repr(value)), "f") if xsd == XSD.decimal else repr(value)


def _iri(id_: str) -> URIRef:
    return URIRef(_NODE + quote(id_, safe=""))


def _findings(report: Graph, judged: Mapping[Term, Node]) -> Iterable[AuditFinding]:
    for result in report.subjects(RDF.type, SH.ValidationResult):
        node = judged.get(report.value(result, SH.focusNode) or RDF.nil)
        if node is None:
            continue  # only the other end of an edge
        component = local_name(report.value(result, SH.sourceConstraintComponent) or "")
        yield AuditFinding(
            node.id,
            node.cls,
            local_name(report.value(result, SH.resultPath) or ""),
            component.removesuffix("ConstraintComponent"),
            str(report.value(result, SH.value) or ""),
            " ".join(str(report.value(result, SH.resultMessage) or "").split()),
        )
