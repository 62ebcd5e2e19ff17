"""What is asserted, and what follows from it.

The model is a function of the *set* of change sets received: each carries its event id and its clocks, each register is won by
the greatest `Stamp`, and so neither order, nor duplicates, nor batching can change the result (DESIGN.md, promise 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, NewType

from brain.schema import Scalar, Value
from brain.spans import Span

NOTHING: Mapping[str, Value] = {}

Instant = NewType("Instant", int)
"""µs since the epoch, UTC, as everywhere in the model; text only on the wire. Named where a result must say that it is a time."""


class Stamp(NamedTuple):
    """Who says so, as of when. Tuple order is the order of precedence: valid time, then authority, then event id.

    `source` breaks the tie of two sources that use one event id. `valid` is µs since the epoch, UTC. `logical` is 0 but for what
    stands in a chain (`Order`): there the two together are its hybrid logical time, and `valid` may be later than was claimed.
    """

    valid: int
    logical: int
    authority: int
    event: str
    source: str


class Order(NamedTuple):
    """The place of an event in a chain: what stands at a greater position of the same chain came after it, whatever clocks say.

    `position` is at least 0 and below 2**63. What shares one position of one chain has no order but that of stamps.
    """

    chain: str
    position: int


class Link(NamedTuple):
    """One relation from the change's subject to `target` (a node id). `qualifier` is data, as in OCEL 2.0: "" where none."""

    relation: str
    target: str
    qualifier: str = ""


class Assert(NamedTuple):
    """`subject` is (at least) a `cls`, has these property values and these links.

    Property names and relation names are the schema's. `attributes` are the names and values of a payload for which the
    ontology has no property: they are kept as data, under their own names, and never become labels or property names.
    """

    subject: str
    cls: str
    properties: Mapping[str, Scalar] = {}
    attributes: Mapping[str, Scalar] = {}
    links: tuple[Link, ...] = ()


class Retract(NamedTuple):
    """What was said of these properties, attributes and links no longer holds from the change set's valid time on."""

    subject: str
    cls: str
    properties: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


class Void(NamedTuple):
    """What `event` of `source` said of this subject never held: a booking by mistake, a wrong count.

    Its values and links are left out of the state, whichever of the two came first, and what they had displaced holds again,
    except for properties of which only the latest value is kept: these are unknown until a newer one comes. That the subject
    exists, and of which class, stands. A void is not taken back; the event's author says it again as a new event.
    """

    subject: str
    cls: str
    event: str
    source: str


class Verdict(StrEnum):
    """Why a value is not good. Quality is state: it is kept on the model and shown, never dropped."""

    NULL = "null"
    OUT_OF_RANGE = "outOfRange"
    WRONG_TYPE = "wrongType"
    NO_TIMESTAMP = "noTimestamp"
    CLOCK_FAULT = "clockFault"
    """Its time, as the device gave it, cannot be right by the clock of the gateway that took it in; the detail tells both."""
    DUPLICATE = "duplicate"


class Flag(NamedTuple):
    """A verdict on one value of `subject`. `at` is µs valid time, None where the message had none; `detail` is the raw value.

    DUPLICATE is counted by the pipeline and never stored: the model is a function of a set, which knows no duplicates.
    """

    subject: str
    cls: str
    property: str
    verdict: Verdict
    at: int | None
    detail: str = ""


Change = Assert | Retract | Void | Flag


class ChangeSet(NamedTuple):
    """All that one event says: the unit of idempotence. Times are µs since the epoch, UTC.

    `event` is unique within `source` (CloudEvents 1.0, id and source). `received` is when it reached us. `order` is known where
    the source numbers its events, or where this one refers to an earlier one.
    """

    event: str
    source: str
    valid: int
    received: int
    changes: tuple[Change, ...]
    authority: int = 0
    order: Order | None = None

    @property
    def stamp(self) -> Stamp:
        """As claimed; what its chain makes of it, `brain.chains` knows."""
        # The tuple's own constructor: the named one costs twice as much, and a stamp is made for every event.
        return tuple.__new__(Stamp, (self.valid, 0, self.authority, self.event, self.source))


class Mark(NamedTuple):
    """How far a stream has been stored: every record of (topic, partition) below `offset` is in."""

    topic: str
    partition: int
    offset: int


class DeadLetter(NamedTuple):
    """A message that could not become a change set, with the reason and all that is needed to try again.

    `id` is a digest of source, event and payload, so that burying it twice is burying it once.
    """

    id: str
    adapter: str
    topic: str
    reason: str
    payload: bytes
    received: int


class Notice(NamedTuple):
    """`subject` may have changed: what subscribers are told after a commit. A function of the batch, not of the difference
    it made, so that a replay after a crash tells again what the crash may have swallowed."""

    subject: str
    cls: str
    names: tuple[str, ...]
    event: str
    valid: int


GAP = Notice("", "", (), "", 0)
"""Of what was before this, a subscriber may not have been told. It begins each subscription, and comes again wherever a feed had
to let notices go: whoever shows a state reads it anew, and misses nothing from here on."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node as believed: its class, its property values, its other attributes, and the stamp behind each value.

    `stamps` has an entry for each property (by name), for each attribute (by `@name`) and, unless the node is a mere
    placeholder, for the class itself (by `""`). `spans` say when those properties were reported that keep no versions and that
    something else can rule out (`Property.impossible_while`).
    """

    id: str
    cls: str
    properties: Mapping[str, Scalar]
    attributes: Mapping[str, Scalar]
    stamps: Mapping[str, Stamp]
    spans: Mapping[str, Sequence[Span]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.id.partition("/")[2]

    @property
    def object_type(self) -> str:
        """The name of its type among those that `Store.object_types` tells."""
        return str(self.properties.get("objectType", self.cls))


class Edge(NamedTuple):
    """One relation that holds, with its evidence."""

    source: str
    relation: str
    target: str
    qualifier: str
    stamp: Stamp


OBJECT = "object"
"""The relation of OCEL 2.0 from a step to what it happened to."""
PERFORMED_BY = "performedBy"
"""The relation from a step to the person, team or asset that carried it out."""
STEP_TIMES = ("startedAt", "completedAt", "sequence", "startSequence", "lifecycle", "enabledAt")
"""The properties of a step behind the fields of an Occurrence from `started` on, in their order."""


class Occurrence(NamedTuple):
    """One step in the life of one object: a row of the log flattened on that object (OCEL 2.0, flattening).

    Times are µs or None. `sequence` and `start_sequence` are positions in a case log, None in an object-centric one.
    `lifecycle` is None for work done, else the XES transition that the step stands for (suspend, resume, …). `enabled` is when
    the step could have begun, where its source says so; `resource` is the id of whoever carried it out.
    """

    object: str
    step: str
    activity: str
    started: int | None
    completed: int | None
    sequence: int | None
    start_sequence: int | None
    lifecycle: str | None
    enabled: int | None = None
    resource: str | None = None

    @classmethod
    def of(cls, object: str, step: str, properties: Mapping[str, Any], resource: str | None = None) -> "Occurrence":
        """The step with these properties, carried out by that resource, in the life of the object."""
        return cls._make((object, step, properties.get("activity", ""), *map(properties.get, STEP_TIMES), resource))


class Quality(NamedTuple):
    """A stored flag, with the event that brought it."""

    subject: str
    property: str
    verdict: Verdict
    at: int | None
    detail: str
    event: str
    source: str


def by_time(flag: Quality) -> tuple[bool, int, str, str, str, str, str]:
    """What the flags of one node are sorted by: their time, those without one first."""
    return flag.at is not None, flag.at or 0, flag.property, flag.verdict, flag.event, flag.source, flag.detail


class Version(NamedTuple):
    """What one event said of one node, kept for ever: a row of the grow-only set. Times are µs.

    `properties` and `attributes` map names to values, None where retracted; `links` map to True, or False where retracted.
    Properties whose history is LATEST are not in it. `stamp` is as claimed, whatever its `order` makes of it. `voids` are the
    (event, source) that it takes back. `ontology` is the version of the ontology under which it was stored: like `recorded`, it
    tells of us, and the model does not depend on it.
    """

    subject: str
    cls: str
    stamp: Stamp
    received: int
    recorded: int
    properties: Mapping[str, Value]
    attributes: Mapping[str, Value]
    links: Mapping[Link, bool]
    voids: tuple[tuple[str, str], ...] = ()
    ontology: str = ""
    order: Order | None = None
