"""Third pass: classes with all that they inherit, as the frozen `Schema` that everything else reads."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from rdflib import RDFS, URIRef

from brain.schema import ROOT, Datatype, History, NodeClass, Property, Relation, Schema, nearest
from ontology.declare import KERNEL, Declared, Shape, Term, declare, local_name
from ontology.faults import BadOntology, Fault
from ontology.needs import any_of, closed_by
from ontology.shapes import Part, Wrong, constrain, narrow, parts, property_term, relation
from ontology.terms import BORROWED, BORROWED_CLASSES, EB
from ontology.turtle import Source, plain


@dataclass
class _Draft:
    """A class on its way: what it says itself, before inheritance."""

    term: Term
    parent: URIRef | None = None
    borrowed: tuple[str, ...] = ()
    properties: dict[URIRef, tuple[Property, int]] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)


def compile_schema(sources: Sequence[Source]) -> Schema:
    """The schema that the files declare. BadOntology names every fault with file and line."""
    declared, faults = declare(sources), list[Fault]()
    drafts = {iri: _Draft(term) for iri, term in declared.classes.items()}
    for draft in drafts.values():
        _parents(draft, declared, faults)
    order = _parents_first(drafts, faults)
    _Reading(drafts, declared, faults).run()
    if faults:
        raise BadOntology(faults)
    classes = _inherit(order, drafts, declared, faults)
    if faults:
        raise BadOntology(faults)
    return Schema(
        version=digest(sources),
        classes={cls.name: cls for cls in classes.values()},
        domains=tuple(source.name for source in sources),
        prefixes=declared.prefixes,
    )


def digest(sources: Sequence[Source]) -> str:
    """Twelve hexadecimal digits of the SHA-256 over the files' names and texts; ends of lines and of the file do not count."""
    sha = hashlib.sha256()
    for source in sorted(sources, key=lambda s: s.name):
        lines = [line.rstrip() for line in source.text.strip().splitlines()]
        sha.update("\n".join([f"# {source.name}", *lines, ""]).encode())
    return sha.hexdigest()[:12]


def _parents(draft: _Draft, declared: Declared, faults: list[Fault]) -> None:
    """Splits the superclasses into the one of our own and the published ones."""
    term, own, borrowed, lost = draft.term, list[URIRef](), list[str](), False
    for fact in term.source.values(term.iri, RDFS.subClassOf):
        if fact.value in declared.classes:
            own.append(URIRef(str(fact.value)))
        elif str(fact.value) in BORROWED_CLASSES:
            borrowed.append(declared.curie(fact.value))
        else:
            faults.append(term.fault(_no_such_class(fact.value, declared), fact.line))
            lost = True
    draft.borrowed = tuple(borrowed)
    if term.iri == EB[ROOT]:
        if own:
            faults.append(term.fault("is the root and has no parent"))
        return
    if len(own) != 1 and not lost:  # so that no second fault follows from the first
        many = ", ".join(local_name(iri) for iri in own) or "none"
        faults.append(term.fault(f"needs rdfs:subClassOf exactly one class of the ontology (say eb:Asset); it has {many}"))
    draft.parent = own[0] if own else EB[ROOT]


def _no_such_class(iri: object, declared: Declared) -> str:
    for prefix, (namespace, names, _) in BORROWED.items():
        if str(iri).startswith(namespace):
            hint = nearest(str(iri)[len(namespace) :], dict.fromkeys(names.split()))
            return f"{prefix} has no class {str(iri)[len(namespace) :]!r}{hint}"
    node = URIRef(str(iri))
    return f"{declared.curie(node)} is no class of the ontology{declared.suggestion(node, 'class')}"


def _parents_first(drafts: dict[URIRef, _Draft], faults: list[Fault]) -> list[URIRef]:
    """The classes so that each follows its parent; a fault for each class on a cycle."""
    order: dict[URIRef, None] = {}
    for start in drafts:
        chain: dict[URIRef, None] = {}
        at: URIRef | None = start
        while at is not None and at not in order:
            if at in chain:
                names = " → ".join(local_name(iri) for iri in [*list(chain)[list(chain).index(at) :], at])
                faults.append(drafts[at].term.fault(f"rdfs:subClassOf goes round in a circle: {names}"))
                break
            chain[at] = None
            at = drafts[at].parent
        order.update(dict.fromkeys(reversed(chain)))
    return list(order)


class _Reading:
    """Hands each property shape to its class, and sees that every declared property and relation is used."""

    def __init__(self, drafts: dict[URIRef, _Draft], declared: Declared, faults: list[Fault]) -> None:
        self.drafts = drafts
        self.declared = declared
        self.faults = faults
        self.properties: dict[URIRef, Property] = {}
        self.datatypes: dict[URIRef, tuple[URIRef, str]] = {}
        self.homes: dict[URIRef, str] = {}

    def run(self) -> None:
        for iri, term in self.declared.properties.items():
            try:
                self.properties[iri] = property_term(term)
            except Wrong as wrong:
                self.faults.append(term.fault(str(wrong), wrong.line))
        for shape in self.declared.shapes:
            draft = self.drafts.get(shape.target)
            if draft is None or draft.term.source is not shape.source:
                self.faults.append(self._misplaced(shape, draft))
                continue
            for part in parts(shape, self.declared):
                if isinstance(part, Fault):
                    self.faults.append(part)
                else:
                    self._read(part, draft)
        for term in (*self.declared.properties.values(), *self.declared.relations.values()):
            # the kernel declares quantities (temperature, pressure, …) that only domains give to classes
            if term.iri not in self.homes and term.source.name != KERNEL:
                self.faults.append(term.fault("no shape gives it to a class: add a sh:property with this sh:path"))

    def _misplaced(self, shape: Shape, draft: _Draft | None) -> Fault:
        if draft is None:
            hint = self.declared.suggestion(shape.target, "class")
            what = f"sh:targetClass {self.declared.curie(shape.target)} is no class of the ontology{hint}"
        else:
            home = draft.term.source.label
            what = f"{draft.term.name}: its shape stands beside it in {home}; to say more, declare a subclass here"
        return shape.source.fault(shape.line, what)

    def _read(self, part: Part, draft: _Draft) -> None:
        here = f"{part.source.label}:{part.line}"
        first = self.homes.setdefault(part.path, here)
        try:
            if part.path in self.declared.properties:
                self._property(part, draft, here)
            elif part.path in self.declared.relations:
                if first != here:
                    raise Wrong(f"already starts from the class whose shape is in {first}; one name means one relation")
                made = relation(self.declared.relations[part.path], part, draft.term, self.declared)
                draft.relations[made.name] = made
            else:
                raise Wrong(self._unknown(part.path))
        except Wrong as wrong:
            name = f"{draft.term.name}.{local_name(part.path)}"
            self.faults.append(part.source.fault(wrong.line or part.line, f"{name}: {wrong}"))

    def _property(self, part: Part, draft: _Draft, here: str) -> None:
        if part.path not in self.properties:
            return  # its own declaration is at fault, and has been reported
        prop, xsd = constrain(self.properties[part.path], part)
        first, where = self.datatypes.setdefault(part.path, (xsd, here))
        if first != xsd:
            curie = self.declared.curie
            raise Wrong(f"is {curie(first)} in {where} and {curie(xsd)} here; one property has one datatype")
        if part.path in draft.properties:
            raise Wrong("has two property shapes in this class; make them one")
        draft.properties[part.path] = prop, part.line

    def _unknown(self, path: URIRef) -> str:
        if path in self.declared.inverses:
            return f"is the inverse of {local_name(self.declared.inverses[path])}; constrain that relation instead"
        hint = self.declared.suggestion(path, "property") or self.declared.suggestion(path, "relation")
        return f"{self.declared.curie(path)} is no property or relation of the ontology{hint}"


def _inherit(
    order: Sequence[URIRef], drafts: dict[URIRef, _Draft], declared: Declared, faults: list[Fault]
) -> dict[URIRef, NodeClass]:
    """Builds the classes, parents first: properties narrowed, relations and aliases added, keyspaces settled."""
    made: dict[URIRef, NodeClass] = {}
    spaces: dict[str, Term] = {}
    relations = {r.iri: r for draft in drafts.values() for r in draft.relations.values()}
    for iri in order:
        draft, term = drafts[iri], drafts[iri].term
        parent = made[draft.parent] if draft.parent else None
        properties = dict(parent.properties) if parent else {}
        for prop, line in draft.properties.values():
            try:
                properties[prop.name] = narrow(properties[prop.name], prop, line) if prop.name in properties else prop
            except Wrong as wrong:
                faults.append(term.fault(f"{prop.name}: {wrong}", wrong.line))
        faults.extend(_ruled_out(term, properties, draft.properties.values()))
        made[iri] = NodeClass(
            term.name,
            str(iri),
            (parent.name, *parent.ancestors) if parent else (),
            _keyspace(term, parent, spaces, faults),
            properties,
            {**(parent.relations if parent else {}), **draft.relations},
            term.description,
            _key(term, parent, properties, declared, faults),
            (*(parent.aliases if parent else ()), *_look_ups(term, EB.alias, properties, declared, faults)),
            term.source.name,
            draft.borrowed,
            any_of(term, parent, relations, declared, faults),
            closed_by(term, parent, properties, faults),
        )
    return _indexed(made)


def _ruled_out(term: Term, properties: dict[str, Property], own: Iterable[tuple[Property, int]]) -> Iterator[Fault]:
    """A fault for each eb:impossibleWhile of the class that names no text property of it of which every version is kept."""
    for prop, line in own:
        if prop.impossible_while is None:
            continue
        name, value = prop.impossible_while
        other = properties.get(name)
        said = f"{prop.name}: eb:impossibleWhile '{name} = {value}'"
        if other is None:
            yield term.fault(f"{said}: {name} is no property of the class{nearest(name, properties)}", line)
        elif other.datatype is not Datatype.STRING or other.history is History.LATEST:
            yield term.fault(f"{said}: {name} must hold strings, of which every version is kept", line)
        elif other.one_of and value not in other.one_of:
            yield term.fault(f"{said}: {name} is one of {', '.join(map(str, other.one_of))}", line)
        if prop.datatype is Datatype.STRING:
            yield term.fault(f"{said}: {prop.name} must be a number or a boolean", line)


def _keyspace(term: Term, parent: NodeClass | None, spaces: dict[str, Term], faults: list[Fault]) -> str:
    facts = term.source.values(term.iri, EB.keyspace)
    if not facts:
        if parent is None:
            faults.append(term.fault("the root needs an eb:keyspace"))
        return parent.keyspace if parent else "entity"
    space = plain(facts[0].value) or ""
    if len(facts) > 1 or not re.fullmatch("[a-z][a-z0-9]*", space):
        faults.append(term.fault(f"eb:keyspace is one word of small letters and digits, not {space!r}", facts[-1].line))
    other = spaces.setdefault(space, term)
    if other is not term:
        owner = f"{other.name} ({other.source.label}:{other.line})"
        mend = "choose another, or leave it out to share the parent's"
        faults.append(term.fault(f"eb:keyspace {space!r} belongs to {owner}; {mend}", facts[0].line))
    return space


def _key(
    term: Term, parent: NodeClass | None, properties: dict[str, Property], declared: Declared, faults: list[Fault]
) -> str | None:
    """Its own key, else the parent's where the keyspace is the parent's too: the same id must mean the same thing."""
    own = _look_ups(term, EB.key, properties, declared, faults)
    inherits = parent is not None and not term.source.values(term.iri, EB.keyspace)
    inherited = parent.key if parent and inherits else None
    if len(own) > 1 or (own and inherited and own[0] != inherited):
        what = f"{parent.name}, whose keyspace it shares, has the key {inherited}" if parent and inherited else "it has two"
        faults.append(term.fault(f"eb:key clash: {what}; give it an eb:keyspace of its own or drop eb:key"))
    return own[0] if own else inherited


def _look_ups(
    term: Term, predicate: URIRef, properties: dict[str, Property], declared: Declared, faults: list[Fault]
) -> tuple[str, ...]:
    """The names of the properties that eb:key or eb:alias names, which must be strings or integers of this class."""
    names = []
    for fact in term.source.values(term.iri, predicate):
        prop = properties.get(local_name(fact.value))
        said = f"eb:{local_name(predicate)} {declared.curie(fact.value)}"
        if prop is None or prop.iri != str(fact.value):
            hint = nearest(local_name(fact.value), properties)
            faults.append(term.fault(f"{said} is no property of the class{hint}", fact.line))
        elif prop.datatype not in (Datatype.STRING, Datatype.INTEGER):
            faults.append(term.fault(f"{said} holds {prop.datatype} values; keys are strings or integers", fact.line))
        else:
            names.append(prop.name)
    return tuple(names)


def _indexed(classes: dict[URIRef, NodeClass]) -> dict[URIRef, NodeClass]:
    """Marks every property that is a key or an alias anywhere as indexed everywhere: one name, one definition."""
    sought = {name for cls in classes.values() for name in (cls.key, *cls.aliases)}
    return {
        iri: replace(
            cls,
            properties={n: replace(p, indexed=True) if n in sought else p for n, p in cls.properties.items()},
        )
        for iri, cls in classes.items()
    }
