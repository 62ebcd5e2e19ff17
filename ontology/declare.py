"""First pass: which terms the files declare, and whether each may be declared there. Shapes are only collected."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rdflib import OWL, RDF, RDFS, SH, BNode, URIRef
from rdflib.term import Node

from brain.schema import nearest
from ontology.faults import BadOntology, Fault
from ontology.terms import BORROWED, EB, KINDS, PREDICATES, PROSE, RESERVED, RESERVED_CLASSES, STANDARD
from ontology.turtle import Source, plain

KERNEL = "upper"


@dataclass(frozen=True)
class Term:
    """A class, property, relation or inverse name that some file declares."""

    kind: str
    name: str
    iri: URIRef
    source: Source
    line: int
    description: str

    def fault(self, message: str, line: int = 0) -> Fault:
        return self.source.fault(line or self.line, f"{self.name}: {message}")


@dataclass(frozen=True)
class Shape:
    """A node shape, not yet read, with the class that it is for."""

    node: Node
    source: Source
    line: int
    target: URIRef


@dataclass
class Declared:
    """Everything declared, by IRI. `inverses` maps the inverse's IRI to its relation's."""

    classes: dict[URIRef, Term] = field(default_factory=dict)
    properties: dict[URIRef, Term] = field(default_factory=dict)
    relations: dict[URIRef, Term] = field(default_factory=dict)
    inverses: dict[URIRef, URIRef] = field(default_factory=dict)
    shapes: list[Shape] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=dict)

    def curie(self, iri: Node) -> str:
        """The short form in messages and listings: `sosa:Sensor`; the IRI itself where no prefix fits."""
        for prefix, namespace in sorted(self.prefixes.items(), key=lambda item: -len(item[1])):
            if str(iri).startswith(namespace):
                return f"{prefix}:{str(iri)[len(namespace) :]}"
        return f"<{iri}>"

    def of_kind(self, kind: str) -> dict[URIRef, Term]:
        return {"class": self.classes, "property": self.properties, "relation": self.relations}[kind]

    def suggestion(self, iri: Node, kind: str) -> str:
        return nearest(local_name(iri), {term.name: term for term in self.of_kind(kind).values()})


def local_name(iri: object) -> str:
    """The last part of an IRI, behind # or /: the name by which the model knows the term."""
    return re.split(r"[#/]", str(iri))[-1]


def declare(sources: Sequence[Source]) -> Declared:
    """Collects the terms of all files; raises BadOntology with every fault of this pass."""
    found, faults = Declared(), list[Fault]()
    for source in sources:
        _prefixes(source, found, faults)
    for source in sources:
        held = {fact.value for facts in source.facts.values() for fact in facts}
        for node in source.facts:
            _subject(node, source, held, found, faults)
    for relation in list(found.relations.values()):
        _inverse(relation, found, faults)
    faults.extend(_name_faults(found))
    if faults:
        raise BadOntology(faults)
    return found


def _prefixes(source: Source, found: Declared, faults: list[Fault]) -> None:
    known = STANDARD | {prefix: entry[0] for prefix, entry in BORROWED.items()} | {"eb": str(EB)}
    for prefix, namespace in source.prefixes.items():
        name = prefix or source.name
        if found.prefixes.setdefault(name, known.get(name, namespace)) != namespace:
            faults.append(source.fault(_line_of(source, f"{prefix}:"), f"prefix {name!r} already means <{found.prefixes[name]}>"))


def _line_of(source: Source, prefix: str) -> int:
    """The line that binds a prefix: the last, since a later binding wins."""
    lines = enumerate(source.text.splitlines(), 1)
    return max((number for number, line in lines if "prefix" in line.lower() and prefix in line), default=0)


def _subject(node: Node, source: Source, held: set[Node], found: Declared, faults: list[Fault]) -> None:
    """Sorts one subject of a file into its kind, and checks that each thing said of it is understood."""
    facts = source.facts[node]
    kinds = {KINDS.get(fact.value) for fact in facts if fact.predicate == RDF.type}  # type: ignore[call-overload]
    if not kinds and isinstance(node, BNode):
        # a property shape or a list is read with the shape that holds it
        if node not in held:
            faults.append(source.fault(facts[0].line, "nothing refers to this; if it is a shape, add: a sh:NodeShape"))
        return
    line, name = facts[0].line, local_name(node)
    if len(kinds) != 1 or None in kinds:
        known = "owl:Class, owl:DatatypeProperty, owl:ObjectProperty, sh:NodeShape"
        types = " ".join(found.curie(fact.value) for fact in facts if fact.predicate == RDF.type) or "nothing"
        faults.append(source.fault(line, f"{name}: is declared as {types}; give it exactly one of {known}"))
        return
    (kind,) = kinds
    assert kind is not None
    if kind == "header":
        return
    faults.extend(unknown_predicates(node, source, kind, found, name))
    if kind == "shape":
        _shape(node, source, found, faults)
    elif kind != "part":
        _term(node, kind, source, found, faults)


def unknown_predicates(node: Node, source: Source, kind: str, found: Declared, name: str) -> Iterator[Fault]:
    """A fault for each statement about the node that the compiler would not obey."""
    for fact in source.facts[node]:
        if fact.predicate in PREDICATES[kind]:
            continue
        prefix, _, local = found.curie(fact.predicate).partition(":")
        known = sorted(found.curie(predicate) for predicate in PREDICATES[kind] if predicate not in PROSE)
        alike = nearest(local, {curie.partition(":")[2]: "" for curie in known if curie.startswith(f"{prefix}:")})
        if fact.predicate in SH:  # type: ignore[attr-defined]  # (rdflib's metaclass has __contains__)
            what, mend = "is a SHACL feature that is not supported here", ""
        else:
            what, mend = "is not understood", alike.replace("'", f"'{prefix}:", 1)
        takes = {"shape": "a shape", "part": "a property shape"}.get(kind, f"a {kind}")
        yield source.fault(fact.line, f"{name}: {prefix}:{local} {what}{mend or f'; {takes} takes ' + ', '.join(known)}")


def _term(node: Node, kind: str, source: Source, found: Declared, faults: list[Fault]) -> None:
    facts, name = source.facts[node], local_name(node)
    line = facts[0].line
    if not isinstance(node, URIRef):
        faults.append(source.fault(line, f"a {kind} without a name: give it an IRI such as :Pump"))
        return
    if source.name == KERNEL and not node.startswith(EB):
        faults.append(source.fault(line, f"{name}: kernel terms belong to <{EB}>"))
    elif source.name != KERNEL and node.startswith(EB):
        faults.append(source.fault(line, f"{name}: redefines a kernel term; declare {name} in the domain's own namespace"))
    elif any(node.startswith(namespace) for namespace in _foreign()):
        faults.append(source.fault(line, f"{name}: {found.curie(node)} is a published term; declare a term of your own under it"))
    elif kind != "annotation":
        _add(Term(kind, name, node, source, line, _comment(node, source)), found, faults)


def _add(term: Term, found: Declared, faults: list[Fault]) -> None:
    same = found.of_kind(term.kind).setdefault(term.iri, term)
    if same is not term:
        faults.append(term.fault(f"is also declared in {same.source.label}:{same.line}"))


def _foreign() -> tuple[str, ...]:
    return (*STANDARD.values(), *(entry[0] for entry in BORROWED.values()))


def _comment(node: Node, source: Source) -> str:
    texts = [text for fact in source.values(node, RDFS.comment) if (text := plain(fact.value)) is not None]
    return " ".join(" ".join(texts).split())


def _shape(node: Node, source: Source, found: Declared, faults: list[Fault]) -> None:
    line = source.facts[node][0].line
    targets = source.values(node, SH.targetClass)
    if len(targets) != 1 or not isinstance(targets[0].value, URIRef):
        faults.append(source.fault(line, "a node shape needs exactly one sh:targetClass"))
        return
    found.shapes.append(Shape(node, source, line, targets[0].value))


def _inverse(relation: Term, found: Declared, faults: list[Fault]) -> None:
    """An inverse is a name for a relation read backwards: declared by being named in owl:inverseOf, and nowhere else."""
    facts = relation.source.values(relation.iri, OWL.inverseOf)
    for fact in facts:
        if len(facts) > 1 or not isinstance(fact.value, URIRef) or fact.value in found.inverses:
            faults.append(relation.fault("owl:inverseOf takes one IRI that is the inverse of nothing else", fact.line))
        elif fact.value in found.relations:
            name = local_name(fact.value)
            faults.append(relation.fault(f"its inverse {name} is declared as a relation too; keep one of the two", fact.line))
        else:
            found.inverses[fact.value] = relation.iri


def _name_faults(found: Declared) -> Iterator[Fault]:
    """Names are GraphQL names, Neo4j labels and columns: plain, unlike any other, and not one that is already in use."""
    inverses = [
        Term("inverse", local_name(iri), iri, found.relations[of].source, found.relations[of].line, "")
        for iri, of in found.inverses.items()
    ]
    taken: dict[tuple[bool, str], Term] = {}
    for term in (*found.classes.values(), *found.properties.values(), *found.relations.values(), *inverses):
        is_class = term.kind == "class"
        if not re.fullmatch("[A-Z][A-Za-z0-9]*" if is_class else "[a-z][A-Za-z0-9]*", term.name):
            start = "a capital" if is_class else "a small"
            yield term.fault(f"a {term.kind} is named with {start} letter, then letters and digits only")
        reserved = RESERVED_CLASSES if is_class else RESERVED
        if term.name.lower() in {name.lower() for name in reserved}:
            yield term.fault(f"the name is the kernel's own; call the {term.kind} something else")
        other = taken.setdefault((is_class, term.name.lower()), term)
        if other is not term:
            yield term.fault(f"{found.curie(term.iri)} clashes with {found.curie(other.iri)} ({other.source.label}:{other.line})")
