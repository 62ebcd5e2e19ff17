"""Second pass: a property shape becomes a `Property` or a `Relation`.

The supported part of SHACL Core is what `terms.PREDICATES` lists; it is compiled with SHACL's meaning, and the differential test
holds it against pySHACL. Whatever else a shape says is a fault.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from typing import Literal as OneOf

from rdflib import OWL, RDFS, SH, XSD, Literal, URIRef
from rdflib.term import Node
from rdflib.xsd_datetime import parse_xsd_duration

from brain.pattern import mirror
from brain.schema import Datatype, History, Property, Relation, Scalar, nearest
from ontology.declare import Declared, Shape, Term, local_name, unknown_predicates
from ontology.faults import Fault
from ontology.terms import BORROWED_PROPERTIES, DATATYPES, EB
from ontology.turtle import Source, plain

_NUMERIC = frozenset({Datatype.INTEGER, Datatype.FLOAT})
_ORDERED = _NUMERIC | {Datatype.INSTANT}
_BOUNDS: dict[Node, str] = {
    SH.minInclusive: "minimum",
    SH.maxInclusive: "maximum",
    SH.minExclusive: "exclusive_minimum",
    SH.maxExclusive: "exclusive_maximum",
}
_LENGTHS: dict[Node, str] = {SH.minLength: "min_length", SH.maxLength: "max_length"}
_UCUM = re.compile(r"[!-~]+")


class Wrong(Exception):
    """A fault in the shape or term at hand: what is wrong, and on which line if not the term's own."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class Part:
    """One property shape of a class's node shape."""

    def __init__(self, shape: Shape, node: Node, line: int) -> None:
        self.source: Source = shape.source
        self.node = node
        self.line = line
        paths = self.source.values(node, SH.path)
        if len(paths) != 1 or not isinstance(paths[0].value, URIRef):
            raise Wrong("a property shape needs one sh:path, a property or relation; path expressions are not supported", line)
        self.path: URIRef = paths[0].value
        self.line = paths[0].line

    def one(self, predicate: Node) -> Any:
        """The one value of a predicate, or None; more than one is wrong."""
        facts = self.source.values(self.node, predicate)
        if len(facts) > 1:
            raise Wrong(f"sh:{local_name(predicate)} is given {len(facts)} times", facts[1].line)
        return facts[0].value if facts else None

    def count(self, predicate: Node) -> int | None:
        value = self.one(predicate)
        if value is None:
            return None
        if not isinstance(value, Literal) or value.datatype != XSD.integer or not isinstance(value.value, int) or value.value < 0:
            raise Wrong(f"sh:{local_name(predicate)} takes a whole number, not {value}", self.line)
        return value.value


def parts(shape: Shape, declared: Declared) -> Iterator[Part | Fault]:
    """The shape's property shapes; a fault for each statement in them that is not supported."""
    for fact in shape.source.values(shape.node, SH.property):
        if fact.value not in shape.source.facts:
            what = f"{local_name(shape.target)}: sh:property {declared.curie(fact.value)} is not in this file"
            yield shape.source.fault(fact.line, what)
            continue
        try:
            part = Part(shape, fact.value, fact.line)
        except Wrong as wrong:
            yield shape.source.fault(wrong.line, f"{local_name(shape.target)}: {wrong}")
            continue
        yield from unknown_predicates(
            fact.value, shape.source, "part", declared, f"{local_name(shape.target)}.{local_name(part.path)}"
        )
        yield part


def property_term(term: Term) -> Property:
    """What is declared of a property wherever it is used: name, unit, history, index. Datatype and checks come from shapes."""
    unit, history, indexed = (_single(term, predicate) for predicate in (EB.unit, EB.history, EB.indexed))
    _check_super_properties(term)
    if unit is not None and not _UCUM.fullmatch(unit):
        raise Wrong(f"eb:unit {unit!r} is not a UCUM code such as 'mL/h', 'Cel' or '%'")
    if history is not None and history not in {h.value for h in History}:
        raise Wrong(f"eb:history is 'latest' or 'full', not {history!r}")
    if indexed is not None and indexed not in ("true", "false"):
        raise Wrong(f"eb:indexed is true or false, not {indexed!r}")
    identity = _identity(term, history, indexed)
    return Property(
        term.name,
        str(term.iri),
        Datatype.STRING,
        term.description,
        unit,
        History(history) if history else History.FULL,
        indexed=indexed == "true" or identity is not None,
        identity=identity,
        counter=_counter(term, history),
        due=_true(term, EB.due),
        impossible_while=_impossible_while(term),
    )


def constrain(prop: Property, part: Part) -> tuple[Property, URIRef]:
    """The property as one class's shape restricts it, and the XSD datatype that the shape gives it."""
    xsd = part.one(SH.datatype)
    if xsd not in DATATYPES:
        known = ", ".join(f"xsd:{local_name(iri)}" for iri in DATATYPES)
        raise Wrong(f"needs sh:datatype, one of {known}", part.line)
    datatype = DATATYPES[xsd]
    if prop.due and datatype is not Datatype.INSTANT:
        raise Wrong("eb:due is of a time: sh:datatype xsd:dateTime", part.line)
    if prop.identity and datatype not in (Datatype.STRING, Datatype.INTEGER):
        raise Wrong(f"has eb:identity but holds {datatype} values; only strings and integers are told apart by value", part.line)
    if part.one(SH["class"]) is not None or part.one(SH.nodeKind) is not None:
        raise Wrong("sh:class and sh:nodeKind are for relations", part.line)
    if part.count(SH.maxCount) != 1:
        raise Wrong("needs sh:maxCount 1: a property holds one value at a time", part.line)
    least = part.count(SH.minCount) or 0
    if least > 1:
        raise Wrong("sh:minCount is more than sh:maxCount", part.line)
    if prop.unit and datatype not in _NUMERIC:
        raise Wrong(f"has the unit {prop.unit} but {datatype} values", part.line)
    checks: dict[str, Any] = {"required": least == 1}
    for predicate, name in _BOUNDS.items():
        checks[name] = _bound(part, predicate, datatype)
    for predicate, name in _LENGTHS.items():
        checks[name] = part.count(predicate)
    checks["pattern"] = _pattern(part)
    if datatype is not Datatype.STRING and any(checks[name] is not None for name in (*_LENGTHS.values(), "pattern")):
        raise Wrong(f"sh:pattern, sh:minLength and sh:maxLength are for strings, not {datatype} values", part.line)
    checks["one_of"] = _one_of(part, datatype)
    made = replace(prop, datatype=datatype, **checks)
    _satisfiable(made, part.line)
    return made, xsd


def relation(term: Term, part: Part, source: Term, declared: Declared) -> Relation:
    """The relation that starts from the class `source`."""
    target = part.one(SH["class"])
    if target not in declared.classes:
        given = "needs sh:class" if target is None else f"sh:class {declared.curie(target)} is no class of the ontology"
        raise Wrong(given + ("" if target is None else declared.suggestion(target, "class")), part.line)
    for predicate in (SH.datatype, SH.pattern, SH["in"], *_BOUNDS, *_LENGTHS):
        if part.one(predicate) is not None:
            raise Wrong(f"sh:{local_name(predicate)} is for properties, and {term.name} is a relation", part.line)
    if part.one(SH.nodeKind) not in (None, SH.IRI):
        raise Wrong("sh:nodeKind of a relation is sh:IRI", part.line)
    most, least = part.count(SH.maxCount), part.count(SH.minCount) or 0
    if most not in (None, 1) or least > (most or 1):
        raise Wrong("a relation has sh:maxCount 1 (one at a time) or none, and sh:minCount 0 or 1", part.line)
    _check_super_properties(term)
    inverse = term.source.values(term.iri, OWL.inverseOf)
    return Relation(
        term.name,
        str(term.iri),
        source.name,
        declared.classes[target].name,
        term.description,
        functional=most == 1,
        inverse=local_name(inverse[0].value) if inverse else None,
        dependency=_dependency(term),
        stay=_stay(term, most == 1),
        delay=_delay(term),
    )


def _identity(term: Term, history: str | None, indexed: str | None) -> float | None:
    said = _single(term, EB.identity)
    if said is None:
        return None
    try:
        confidence = float(said)
    except ValueError:
        confidence = math.nan
    if not 0 < confidence <= 1:
        raise Wrong(f"eb:identity is a confidence above 0 and at most 1, for example 0.9, not {said!r}")
    if history == History.LATEST:
        raise Wrong("eb:identity needs every version, to tell what was the same when: drop eb:history 'latest'")
    if indexed == "false":
        raise Wrong("eb:identity needs an index: drop eb:indexed false")
    return confidence


def _counter(term: Term, history: str | None) -> bool:
    counter = _true(term, EB.counter)
    if counter and history == History.LATEST:
        raise Wrong("eb:counter needs every version, to see a fall: drop eb:history 'latest'")
    return counter


def _true(term: Term, predicate: URIRef) -> bool:
    said = _single(term, predicate)
    if said not in (None, "true", "false"):
        raise Wrong(f"eb:{local_name(predicate)} is true or false, not {said!r}")
    return said == "true"


def _impossible_while(term: Term) -> tuple[str, str] | None:
    said = _single(term, EB.impossibleWhile)
    if said is None:
        return None
    name, equals, value = (part.strip() for part in said.partition("="))
    if not (name and equals and value):
        raise Wrong(f"eb:impossibleWhile is 'property = value', for example 'serviceStatus = removed', not {said!r}")
    return name, value


def _stay(term: Term, functional: bool) -> int | None:
    stay = _duration(term, EB.stay)
    if stay is not None and not functional:
        raise Wrong("eb:stay is for relations with one target at a time: give it sh:maxCount 1")
    return stay


def _delay(term: Term) -> int:
    delay = _duration(term, EB.delay)
    if delay is not None and _dependency(term) is None:
        raise Wrong("eb:delay is for dependencies: say with eb:dependency which end is needed")
    return delay or 0


def _duration(term: Term, predicate: Node) -> int | None:
    """µs."""
    said = _single(term, predicate)
    if said is None:
        return None
    try:
        duration = parse_xsd_duration(said)
    except ValueError:
        duration = None
    if not isinstance(duration, timedelta) or duration <= timedelta(0):
        raise Wrong(f"eb:{local_name(predicate)} is a duration such as 'PT1M' or 'PT30S', not {said!r}")
    return duration // timedelta(microseconds=1)


def _dependency(term: Term) -> OneOf["source", "target"] | None:
    match _single(term, EB.dependency):
        case None:
            return None
        case "source":
            return "source"
        case "target":
            return "target"
        case other:
            raise Wrong(f"eb:dependency is 'source' or 'target' (the end that is needed), not {other!r}")


def _single(term: Term, predicate: Node) -> str | None:
    facts = term.source.values(term.iri, predicate)
    if len(facts) > 1:
        raise Wrong(f"eb:{local_name(predicate)} is given {len(facts)} times", facts[1].line)
    if facts and plain(facts[0].value) is None:
        raise Wrong(f"eb:{local_name(predicate)} takes a literal, not {facts[0].value}", facts[0].line)
    return plain(facts[0].value) if facts else None


def _check_super_properties(term: Term) -> None:
    for fact in term.source.values(term.iri, RDFS.subPropertyOf):
        if str(fact.value) not in BORROWED_PROPERTIES:
            hint = nearest(str(fact.value), dict.fromkeys(BORROWED_PROPERTIES))
            raise Wrong(f"rdfs:subPropertyOf <{fact.value}> is no published property in ontology/terms.py{hint}", fact.line)


def _bound(part: Part, predicate: Node, datatype: Datatype) -> float | None:
    """A bound as the model's number: µs for instants. Numbers that a float cannot hold exactly are refused."""
    value = part.one(predicate)
    if value is None:
        return None
    name = f"sh:{local_name(predicate)}"
    if datatype not in _ORDERED:
        raise Wrong(f"{name} is for numbers and times, not {datatype} values", part.line)
    number = value.value if isinstance(value, Literal) else None
    if datatype is Datatype.INSTANT:
        if not isinstance(number, datetime) or number.tzinfo is None:
            raise Wrong(f"{name} takes an xsd:dateTime with a time zone, not {value}", part.line)
        return (number.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        raise Wrong(f"{name} takes a number, not {value}", part.line)
    if datatype is Datatype.INTEGER and number != int(number):
        raise Wrong(f"{name} {value} of an integer is no integer", part.line)
    if isinstance(number, int) and abs(number) < 2**63:
        return number
    if not math.isfinite(number) or (isinstance(number, Decimal) and Decimal(repr(float(number))) != number):
        raise Wrong(f"{name} {value} cannot be held exactly: give it fewer digits", part.line)
    return float(number)


def _pattern(part: Part) -> str | None:
    value = part.one(SH.pattern)
    if value is None:
        return None
    try:
        mirror(str(value))
    except ValueError as error:
        raise Wrong(f"sh:pattern '{value}': {error}", part.line) from None
    return str(value)


def _one_of(part: Part, datatype: Datatype) -> tuple[Scalar, ...]:
    head = part.one(SH["in"])
    if head is None:
        return ()
    # SHACL compares terms, not numbers: "1.0" is not in ("1"). For floats and times that would surprise everybody.
    types = {Datatype.STRING: str, Datatype.INTEGER: int, Datatype.BOOLEAN: bool}
    if datatype not in types:
        raise Wrong(f"sh:in is for strings, integers and booleans, not {datatype} values; use bounds", part.line)
    values: list[Any] = [item.value if isinstance(item, Literal) else item for item in part.source.items(head)]
    odd = [value for value in values if type(value) is not types[datatype]]
    if odd or not values:
        raise Wrong(f"sh:in takes a list of {datatype} values" + (f", not {odd[0]}" if odd else ""), part.line)
    return tuple(values)


def _satisfiable(prop: Property, line: int) -> None:
    low = max((v for v in (prop.minimum, prop.exclusive_minimum) if v is not None), default=None)
    high = min((v for v in (prop.maximum, prop.exclusive_maximum) if v is not None), default=None)
    if low is not None and high is not None and low > high:
        raise Wrong(f"no value is both at least {low} and at most {high}", line)
    if prop.min_length is not None and prop.max_length is not None and prop.min_length > prop.max_length:
        raise Wrong(f"no value is both at least {prop.min_length} and at most {prop.max_length} characters long", line)


def narrow(inherited: Property, own: Property, line: int) -> Property:
    """The property that satisfies the parent's shape and the child's: SHACL applies both."""

    def pick(choose: Any, name: str) -> Any:
        return choose((v for v in (getattr(inherited, name), getattr(own, name)) if v is not None), default=None)

    if inherited.pattern and own.pattern and inherited.pattern != own.pattern:
        raise Wrong(f"a parent class has the pattern {inherited.pattern!r} already, and one property takes one pattern", line)
    allowed = own.one_of or inherited.one_of
    if inherited.one_of and not set(allowed) <= set(inherited.one_of):
        more = ", ".join(str(value) for value in allowed if value not in inherited.one_of)
        raise Wrong(f"sh:in allows what a parent class does not: {more}", line)
    made = replace(
        own,
        required=own.required or inherited.required,
        minimum=pick(max, "minimum"),
        maximum=pick(min, "maximum"),
        exclusive_minimum=pick(max, "exclusive_minimum"),
        exclusive_maximum=pick(min, "exclusive_maximum"),
        min_length=pick(max, "min_length"),
        max_length=pick(min, "max_length"),
        pattern=own.pattern or inherited.pattern,
        one_of=allowed,
    )
    _satisfiable(made, line)
    return made
