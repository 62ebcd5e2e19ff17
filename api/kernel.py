"""The static GraphQL types: what every node has, whatever the ontology says of its class."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar

import strawberry
from strawberry.fastapi import BaseContext
from strawberry.types.unset import UNSET

from api.limits import Limits
from api.loaders import Loaders
from api.scalars import Anything, Long, instant_text
from brain.analytics.graph.live import LiveGraph
from brain.analytics.live_reports import LiveReports
from brain.conflicts import Conflict, Side
from brain.errors import BadQuery
from brain.identity import MergedNode
from brain.model import Edge, Instant, Node, Quality, Stamp, Verdict, Version
from brain.ports import Feed, Store
from brain.query import AsOf, Window
from brain.schema import Datatype, Property, Schema, Value

strawberry.enum(Verdict, name="Verdict")


F = TypeVar("F", bound=Callable[..., Any])


def shown(method: F) -> F:
    """A field of the method's name (`cls` is `class`) that the docstring describes. strawberry's own decorator loses the type."""
    text = " ".join((method.__doc__ or "").split()) or None
    made: Any = strawberry.field(resolver=method, name=NAMED.get(method.__name__), description=text)
    return made  # type: ignore[no-any-return]


NAMED = {"cls": "class"}


class Context(BaseContext):
    """What resolvers need. One for a request, or for a websocket as long as it is open."""

    def __init__(self, store: Store, feed: Feed, schema: Schema, limits: Limits, live: LiveReports, graph: LiveGraph) -> None:
        super().__init__()
        self.store = store
        self.feed = feed
        self.schema = schema
        self.limits = limits
        self.live = live
        self.graph = graph
        self.loaders = Loaders(store, schema)


Info = strawberry.Info[Context, None]
T = TypeVar("T")


@strawberry.interface(name="Node", description="Relay's Node: a thing with an id that `node(id:)` finds again.")
class NodeInterface:
    """The Python side of every generated type: the node as believed, at the point in time that its root field asked for."""

    held: strawberry.Private[Node]
    at: strawberry.Private[AsOf]

    @shown
    def id(self) -> strawberry.ID:
        """The node's id, `keyspace/key`, the same in every interface of this software."""
        return strawberry.ID(self.held.id)


@strawberry.type(name="Evidence", description="Who says so, as of when. The greatest (valid, authority, event, source) wins.")
class EvidenceType:
    stamp: strawberry.Private[Stamp]
    about: str = strawberry.field(
        description="The property or relation; `@name` for a further attribute; empty for the class of the node itself."
    )

    @shown
    def valid(self) -> Instant:
        """When it was so, by the clock of the source."""
        return Instant(self.stamp.valid)

    @shown
    def authority(self) -> Long:
        """Rank of the source: at equal times the higher wins."""
        return Long(self.stamp.authority)

    @shown
    def event(self) -> str:
        """Id of the event, unique within its source."""
        return self.stamp.event

    @shown
    def source(self) -> str:
        return self.stamp.source


@strawberry.type(name="Attribute", description="A name and value of a payload for which the ontology has no property.")
class AttributeType:
    name: str
    value: Anything
    evidence: EvidenceType | None


@strawberry.type(name="QualityFlag", description="Why a value is not good. A flagged value never passes as a good one.")
class QualityType:
    flag: strawberry.Private[Quality]

    @shown
    def property(self) -> str:
        return self.flag.property

    @shown
    def verdict(self) -> Verdict:
        return self.flag.verdict

    @shown
    def at(self) -> Instant | None:
        """When the value was measured; null where the message had no time."""
        return None if self.flag.at is None else Instant(self.flag.at)

    @shown
    def detail(self) -> str:
        """The value as it came."""
        return self.flag.detail

    @shown
    def event(self) -> str:
        return self.flag.event

    @shown
    def source(self) -> str:
        return self.flag.source


@strawberry.type(name="Said", description="One name and value that an event asserted; a null value retracts it.")
class SaidType:
    name: str
    value: Anything | None


@strawberry.type(name="SaidLink", description="One relation that an event asserted (`holds`) or retracted.")
class SaidLinkType:
    relation: str
    target: strawberry.ID
    qualifier: str
    holds: bool


@strawberry.type(name="Void", description="An event that was taken back.")
class VoidType:
    event: str
    source: str


@strawberry.type(name="Version", description="What one event said of one node, kept for ever.")
class VersionType:
    version: strawberry.Private[Version]
    cls_now: strawberry.Private[str]

    @shown
    def valid(self) -> Instant:
        """When it was so, by the clock of the source."""
        return Instant(self.version.stamp.valid)

    @shown
    def received(self) -> Instant:
        """When it reached us."""
        return Instant(self.version.received)

    @shown
    def recorded(self) -> Instant:
        """When it was stored: the time that `knownAt` compares with."""
        return Instant(self.version.recorded)

    @shown
    def cls(self) -> str:
        return self.version.cls

    @shown
    def ontology(self) -> str:
        """The version of the ontology under which it was stored; empty where that was not kept."""
        return self.version.ontology

    @shown
    def voids(self) -> list[VoidType]:
        """The events that it takes back, as far as they are about this node."""
        return [VoidType(event=event, source=source) for event, source in self.version.voids]

    @shown
    def evidence(self) -> EvidenceType:
        return EvidenceType(stamp=self.version.stamp, about="")

    @shown
    def properties(self, info: Info) -> list[SaidType]:
        known = info.context.schema.classes.get(self.cls_now)
        return [
            SaidType(name=name, value=_said(known.properties.get(name) if known else None, value))
            for name, value in sorted(self.version.properties.items())
        ]

    @shown
    def attributes(self) -> list[SaidType]:
        return [SaidType(name=n, value=_anything(v)) for n, v in sorted(self.version.attributes.items())]

    @shown
    def links(self) -> list[SaidLinkType]:
        return [
            SaidLinkType(relation=k.relation, target=strawberry.ID(k.target), qualifier=k.qualifier, holds=holds)
            for k, holds in sorted(self.version.links.items())
        ]


@strawberry.type(name="ConflictSide", description="One of two things that were said and cannot both be so.")
class ConflictSideType:
    side: strawberry.Private[Side]

    @shown
    def said(self) -> str:
        """What was said, e.g. `serviceStatus = removed`."""
        return self.side.said

    @shown
    def start(self) -> Instant:
        return Instant(self.side.start)

    @shown
    def end(self) -> Instant | None:
        """Until when it held; null: it still does."""
        return None if self.side.end is None else Instant(self.side.end)

    @shown
    def event(self) -> str:
        return self.side.event

    @shown
    def source(self) -> str:
        return self.side.source


@strawberry.type(name="Conflict", description="Two sides that a rule of the ontology says cannot both be so. Neither is dropped.")
class ConflictType:
    conflict: strawberry.Private[Conflict]

    @shown
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.conflict.id)

    @shown
    def subject(self) -> strawberry.ID:
        return strawberry.ID(self.conflict.subject)

    @shown
    def rule(self) -> str:
        """The term of the ontology and the annotation that rules it out, e.g. `flow.impossibleWhile`."""
        return self.conflict.rule

    @shown
    def start(self) -> Instant:
        """Where both sides meet."""
        return Instant(self.conflict.start)

    @shown
    def sides(self) -> list[ConflictSideType]:
        return [ConflictSideType(side=side) for side in self.conflict.sides]


@strawberry.type(name="PageInfo", description="Relay's PageInfo.")
class PageInfoType:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


def given(argument: T | None) -> TypeGuard[T]:
    """Whether an optional argument was given: neither left out (UNSET, so that the SDL shows no `= null`) nor null."""
    return argument is not None and argument is not UNSET


class EntityFields:
    """The fields of the interface Entity, as plain methods: typegen puts them beside those of the ontology's root class."""

    held: Node
    at: AsOf

    def key(self) -> str:
        """The key: the id without its keyspace."""
        return self.held.key

    def cls(self) -> str:
        """The node's class in the ontology, the most specific that is known."""
        return self.held.cls

    def placeholder(self) -> bool:
        """Named by other nodes, but not described by any event yet."""
        return "" not in self.held.stamps

    def merged_from(self) -> list[strawberry.ID]:
        """The ids under which it is known, its own the first, where it is several nodes that are one thing; else none."""
        return [strawberry.ID(id) for id in self.held.members] if isinstance(self.held, MergedNode) else []

    def attributes(self) -> list[AttributeType]:
        """Names and values of its payloads for which the ontology has no property, in order of name."""
        stamps = self.held.stamps
        return [
            AttributeType(name=name, value=Anything(value), evidence=_evidence(stamps.get(f"@{name}"), f"@{name}"))
            for name, value in sorted(self.held.attributes.items())
        ]

    def evidence(self, about: str | None = UNSET) -> list[EvidenceType]:
        """The event behind each value, or behind one of them."""
        return [
            EvidenceType(stamp=stamp, about=name)
            for name, stamp in sorted(self.held.stamps.items())
            if not given(about) or name == about
        ]

    async def quality(self, info: Info, property: str | None = UNSET) -> list[QualityType]:
        """Flags on its values, in order of time: all that were ever raised, whatever `asOf` says."""
        flags = await info.context.loaders.quality(self.held.id)
        return [QualityType(flag=flag) for flag in flags if not given(property) or flag.property == property]

    async def conflicts(self, info: Info) -> list[ConflictType]:
        """What was said of it and cannot both be so, as of the time that was asked for."""
        return [ConflictType(conflict=one) for one in await info.context.loaders.conflicts(self.held.id, self.at)]

    async def history(
        self, info: Info, first: int | None = UNSET, start: Instant | None = UNSET, end: Instant | None = UNSET
    ) -> list[VersionType]:
        """What events said of it, the newest first, by valid time from `start` to before `end`. Telemetry is not kept here."""
        limits = info.context.limits
        size = first if given(first) else limits.default_page
        if not 0 <= size <= limits.page:
            raise BadQuery(f"{size} versions are not possible: ask for 0 to {limits.page}, then go on with `end`")
        window = Window(start if given(start) else None, end if given(end) else None, size)
        return [VersionType(version=v, cls_now=self.held.cls) for v in await info.context.loaders.history(self.held.id, window)]


def _evidence(stamp: Stamp | None, about: str) -> EvidenceType | None:
    return None if stamp is None else EvidenceType(stamp=stamp, about=about)


def _said(prop: Property | None, value: Value) -> Anything | None:
    """An instant as text, as wherever else it is shown; a version made before the property was renamed stays a number."""
    if prop is not None and prop.datatype is Datatype.INSTANT and isinstance(value, int):
        return Anything(instant_text(value))
    return _anything(value)


def _anything(value: object) -> Anything | None:
    return None if value is None else Anything(value)


@dataclass(frozen=True, slots=True)
class Row:
    """One edge of a connection: `link` is the relation behind it, None in a list of nodes.

    The node itself is fetched only when it is asked for, all of a level at once.
    """

    cursor: str
    id: str
    at: AsOf
    found: Any = None
    link: Edge | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """One connection. `total` counts everything the list matches; None where that cannot be counted."""

    edges: list[Row]
    page_info: PageInfoType
    total: Any

    @classmethod
    def of(cls, rows: list[Row], more: bool, backwards: bool, begun: bool, total: Any) -> "Rows":
        """`more` lies beyond the page in its direction; `begun` says that the page starts from a cursor, so that there is
        something on the other side of it."""
        info = PageInfoType(
            has_next_page=begun if backwards else more,
            has_previous_page=more if backwards else begun,
            start_cursor=rows[0].cursor if rows else None,
            end_cursor=rows[-1].cursor if rows else None,
        )
        return cls(rows, info, total)
