"""What a class says of dependencies: of which needs one that is left is enough, and when a life is over that needed things."""

from collections.abc import Mapping

from brain.schema import Datatype, NodeClass, Property, Relation, nearest
from ontology.declare import Declared, Term, local_name
from ontology.faults import Fault
from ontology.terms import EB
from ontology.turtle import plain


def any_of(
    term: Term, parent: NodeClass | None, relations: Mapping[str, Relation], declared: Declared, faults: list[Fault]
) -> frozenset[str]:
    """The relations that eb:anyOf names, and the parent's."""
    names = set(parent.any_of) if parent else set()
    for fact in term.source.values(term.iri, EB.anyOf):
        relation = relations.get(str(fact.value))
        if relation is None:
            hint = nearest(local_name(fact.value), {r.name: r for r in relations.values()})
            faults.append(term.fault(f"eb:anyOf {declared.curie(fact.value)} is no relation of the ontology{hint}", fact.line))
        elif relation.dependency is None:
            faults.append(term.fault(f"eb:anyOf {relation.name}: the relation is no dependency (eb:dependency)", fact.line))
        else:
            names.add(relation.name)
    return frozenset(names)


def closed_by(
    term: Term, parent: NodeClass | None, properties: Mapping[str, Property], faults: list[Fault]
) -> tuple[tuple[str, str | None], ...]:
    """What eb:closedBy says, and what the parent says."""
    found = list(parent.closed_by) if parent else []
    for fact in term.source.values(term.iri, EB.closedBy):
        said = plain(fact.value) or ""
        name, equals, value = (part.strip() for part in said.partition("="))
        prop = properties.get(name)
        if prop is None:
            message = f"{name} is no property of the class{nearest(name, properties)}"
        elif equals and prop.datatype is not Datatype.STRING:
            message = f"{name} holds {prop.datatype} values; only strings are compared"
        elif equals and prop.one_of and value not in prop.one_of:
            message = f"{name} is one of {', '.join(map(str, prop.one_of))}"
        else:
            found.append((name, value if equals else None))
            continue
        faults.append(term.fault(f"eb:closedBy {said!r}: {message}", fact.line))
    return tuple(found)
