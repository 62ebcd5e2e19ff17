"""Reads as closed specifications: what may be asked of a store."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from brain.model import Node
from brain.schema import Scalar, Schema


class AsOf(NamedTuple):
    """A point in both times, µs since the epoch, UTC. None means now.

    `valid`: as the world was then. `known`: as we believed at that moment, by recorded time.
    """

    valid: int | None = None
    known: int | None = None


NOW = AsOf()


class Op(StrEnum):
    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one property (or of "id") with a value; for IN with a tuple of values. A missing value never matches."""

    property: str
    op: Op
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Find:
    """Nodes of a class or of any class below it that meet all conditions, ordered by id; at most `limit` after the id `after`.

    `before` with `backwards` pages the other way: the last `limit` before that id, still returned in ascending order.
    """

    cls: str
    where: tuple[Condition, ...] = ()
    limit: int = 100
    after: str | None = None
    before: str | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """`nodes` in order of id. `more` says whether any lie beyond the page, in the direction of paging."""

    nodes: tuple[Node, ...]
    more: bool


class Direction(StrEnum):
    OUT = "out"
    IN = "in"


EVERY = 2**31
"""A limit that no node's edges and versions reach."""


class Hop(NamedTuple):
    """The edges at one node: those that leave it (OUT) or reach it (IN), of some relations (empty: of all), at most `limit`,
    ordered by (relation, other end, qualifier)."""

    node: str
    direction: Direction = Direction.OUT
    relations: tuple[str, ...] = ()
    limit: int = 1000


class Window(NamedTuple):
    """A half-open interval of valid time [start, end), µs; None is unbounded. At most `limit` versions, the newest first."""

    start: int | None = None
    end: int | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Nodes:
    """Scan every node of a class and the classes below it, ordered by id."""

    cls: str


@dataclass(frozen=True, slots=True)
class Edges:
    """Scan every edge that holds, of some relations (empty: of all). `ever`: also those that held once."""

    relations: tuple[str, ...] = ()
    ever: bool = False


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Scan the steps of each object of a type, those of one object one after the other: `object_type` is a class of the ontology
    or an `objectType` of WorkObjects."""

    object_type: str

    def counts(self, node: Node | None, schema: Schema) -> bool:
        """Whether the node is one of these objects."""
        if node is None:
            return False
        if self.object_type in schema.classes:
            return schema.is_a(node.cls, self.object_type)
        return node.properties.get("objectType") == self.object_type


@dataclass(frozen=True, slots=True)
class Versions:
    """Scan the whole grow-only set of versions, in no promised order."""


@dataclass(frozen=True, slots=True)
class Told:
    """Scan all that was ever said of each node that some of these relations ever left (empty: any relation): its versions, those
    of one node one after the other."""

    relations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Qualities:
    """Scan every quality flag, in no promised order."""


Scope = Nodes | Edges | Occurrences | Versions | Told | Qualities
