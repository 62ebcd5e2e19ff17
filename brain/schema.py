"""The compiled ontology as frozen dataclasses: the narrow waist.

`ontology/` makes a `Schema` out of Turtle and SHACL; everything else reads it. Labels, keys, indexes, checks, GraphQL types and
the validation of rules come from here, and a label or property name never comes from anywhere else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal

from brain.errors import BadQuery

Scalar = str | int | float | bool
Value = Scalar | None
"""What a property can hold. None is a retracted value; an INSTANT is an int, microseconds since the epoch, UTC."""

ROOT = "Entity"
"""The class of a node that has been named but not yet described: a placeholder, typed later."""


class Datatype(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    INSTANT = "instant"


class History(StrEnum):
    """How much of a property's past is kept. LATEST: the newest value alone (telemetry). FULL: every version."""

    LATEST = "latest"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Property:
    """One datatype property of a class, with the checks that its SHACL shape declares.

    A value outside `minimum`..`maximum` (inclusive; the exclusive bounds likewise), `one_of`, `pattern` or the lengths is
    flagged as out of range; it never passes as good.
    """

    name: str
    iri: str
    datatype: Datatype
    description: str = ""
    unit: str | None = None
    """UCUM code of the unit in which the model holds the value, e.g. `mL/h`, `Cel`, `%`."""
    history: History = History.FULL
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    one_of: tuple[Scalar, ...] = ()
    indexed: bool = False
    identity: float | None = None
    """Two nodes of one keyspace with the same value of it are one thing, with this confidence in (0, 1]."""
    counter: bool = False
    """It only counts up, or begins again at 0: any other fall is a conflict."""
    due: bool = False
    """What has it shall be through by then."""
    impossible_while: tuple[str, Scalar] | None = None
    """(property, value): while that other property has that value, a number above 0 of this one, or true, is a conflict."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One object property: a typed relationship from nodes of `source` to nodes of `target`.

    `functional` relations hold at most one target at a time: a newer link replaces the older. `dependency` says which end
    needs the other: `"target"` means that the source depends on the target, `"source"` the reverse, None that neither does.
    """

    name: str
    iri: str
    source: str
    target: str
    description: str = ""
    functional: bool = False
    inverse: str | None = None
    dependency: Literal["source", "target"] | None = None
    stay: int | None = None
    """µs: a functional relation to two targets within less than this, and not undone in between, is a conflict."""
    delay: int = 0
    """µs from the loss of the end that is needed until the other end feels it."""

    @property
    def label(self) -> str:
        """The relationship type in Neo4j: `isImplementedBy` → `IS_IMPLEMENTED_BY`."""
        return "".join(f"_{c}" if c.isupper() else c.upper() for c in self.name)


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One class: its own and inherited properties and relations, by name.

    `ancestors` runs from the direct parent to ROOT. `keyspace` with a node's key makes its id, `<keyspace>/<key>`; a class
    without a keyspace of its own has its parent's, so that a node may be typed more closely later and keep its id.
    """

    name: str
    iri: str
    ancestors: tuple[str, ...]
    keyspace: str
    properties: Mapping[str, Property]
    relations: Mapping[str, Relation]
    description: str = ""
    key: str | None = None
    """The property that holds the key, where the class declares one."""
    aliases: tuple[str, ...] = ()
    """Properties under which people also look the thing up: serial number, tag, badge."""
    domain: str = "upper"
    """The file it comes from, without suffix: `upper`, `hospital`, `manufacturing`."""
    borrowed: tuple[str, ...] = ()
    """IRIs of published classes of which this is a subclass: `sosa:Sensor`, `prov:Agent`, …"""
    any_of: frozenset[str] = frozenset()
    """Relations by which it needs several things and one that is left is enough; of all others it needs each."""
    closed_by: tuple[tuple[str, str | None], ...] = ()
    """(property, value): once one of these holds, its life is over and it needs nothing any more. Value None: any value."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels in Neo4j, the most general first."""
        return (*reversed(self.ancestors), self.name)

    @property
    def depth(self) -> int:
        return len(self.ancestors)

    def node_id(self, key: str) -> str:
        return f"{self.keyspace}/{key}"


@dataclass(frozen=True)
class Schema:
    """All classes by name, and the version of the ontology that they come from (a digest of its files)."""

    version: str
    classes: Mapping[str, NodeClass]
    domains: tuple[str, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> NodeClass:
        """The class of that name; BadQuery with the nearest name where there is none."""
        try:
            return self.classes[name]
        except KeyError:
            raise BadQuery(f"the ontology has no class {name!r}{nearest(name, self.classes)}") from None

    def is_a(self, name: str, ancestor: str) -> bool:
        return name == ancestor or (name in self.classes and ancestor in self.classes[name].ancestors)

    @cached_property
    def descendants(self) -> Mapping[str, tuple[str, ...]]:
        """For each class, itself and all below it, sorted by name: what `find` over the class must look at."""
        below: dict[str, list[str]] = {name: [name] for name in self.classes}
        for cls in self.classes.values():
            for ancestor in cls.ancestors:
                below[ancestor].append(cls.name)
        return {name: tuple(sorted(names)) for name, names in below.items()}

    def topmost(self, names: Collection[str]) -> list[str]:
        """Those of the classes that are below none of the others, sorted: a scan of each of them meets everything once."""
        return sorted(name for name in names if not set(self.classes[name].ancestors).intersection(names))

    @cached_property
    def relations(self) -> Mapping[str, Relation]:
        """Every relation by its name. The compiler guarantees that one name means one relation."""
        return {r.name: r for cls in self.classes.values() for r in cls.relations.values()}

    @cached_property
    def dependencies(self) -> Mapping[str, Relation]:
        """The relations by which things depend on each other now. What a step depended on is history: it has happened, and needs
        nothing any more."""
        return {
            name: relation
            for name, relation in self.relations.items()
            if relation.dependency is not None and not self.is_a(relation.source, "Step")
        }

    @cached_property
    def identities(self) -> Mapping[str, float]:
        """The properties by which two nodes may be known for one thing, each with its confidence in (0, 1]."""
        every = (p for cls in self.classes.values() for p in cls.properties.values())
        return {p.name: p.identity for p in every if p.identity is not None}

    @cached_property
    def keyspaces(self) -> tuple[str, ...]:
        return tuple(sorted({cls.keyspace for cls in self.classes.values()}))


def nearest(name: str, known: Mapping[str, object]) -> str:
    """`"; did you mean 'flow'?"` for the closest known name, or nothing."""
    from difflib import get_close_matches

    match = get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {match[0]!r}?" if match else ""
