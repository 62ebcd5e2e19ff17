"""Event logs in the terms of the ontology: the records of `ingest.logs` as messages, and messages as change sets.

A record travels as one JSON message (topic `event-log`), so that a log read from a file and the same log replayed through Kafka
go one way and end in one model. An object type that no rule maps becomes a WorkObject; its type's name, its attributes' names and
the qualifiers of its relations are kept as data, and never become labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from brain.checks import FIRST_INSTANT, LAST_INSTANT
from brain.errors import Reject
from brain.model import Assert, ChangeSet, Flag, Link, Verdict
from brain.schema import Datatype, NodeClass, Scalar, Schema
from ingest.logs.records import LogEvent, LogObject
from ingest.quality import Take, attribute, coerce, detail, excerpt
from ingest.record import Envelope
from ingest.rules import Pick
from ingest.times import TimeFormat

TOPIC = "event-log"
AGENT, OBJECT, STEP = "Agent", "WorkObject", "Step"
ALWAYS = 0
"""The valid time of what a log says without a time: from the beginning, as OCEL 2.0 has it (1970-01-01)."""

_PROPERTIES = {
    "activity": "activity",
    "enabled": "enabledAt",
    "scheduled": "scheduledAt",
    "started": "startedAt",
    "completed": "completedAt",
    "at": "occurredAt",
    "sequence": "sequence",
    "start_sequence": "startSequence",
    "lifecycle": "lifecycle",
}
_STEP = tuple(_PROPERTIES.get(name, "") for name in LogEvent._fields)
"""The step's property for each field of an event, "" for the fields that are none."""
_BLANK: dict[str, Any] = {**dict.fromkeys(LogEvent._fields[2:10]), "attributes": (), "objects": ()}
"""What a message leaves out."""

PERFORMERS = 10_000
"""Performers that a mapper remembers, since few people do most of the work."""
LONGEST_NAME = 1900
"""Characters of an id, a type, an activity: Neo4j indexes at most some 8,000 bytes."""


class BadMessage(Reject):
    """A message on the topic of event logs that is none."""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What objects of one type are. `attributes` and `relations` map the log's names to the ontology's."""

    cls: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    relations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogRules:
    """How the types of a log map to classes. `performer` is the class of the resources that perform events."""

    objects: Mapping[str, TypeRule] = field(default_factory=dict)
    performer: str = AGENT


def message(record: LogObject | LogEvent, namespace: str) -> bytes:
    """The record as a message, without what it does not say. `namespace` keeps apart logs that know nothing of each other."""
    said: dict[str, Any] = {"kind": "object" if isinstance(record, LogObject) else "event", "namespace": namespace}
    for name, value in zip(record._fields, record, strict=True):
        if value is not None and value != ():
            said[name] = value
    return orjson.dumps(said)


def parse(payload: bytes) -> tuple[LogObject | LogEvent, str]:
    """The record and the namespace of a message. BadMessage says what is missing or unknown, or what no store could hold."""
    try:
        said: dict[str, Any] = orjson.loads(payload)
        kind, namespace = said.pop("kind"), said.pop("namespace")
        record = LogObject(**said) if kind == "object" else LogEvent(**_BLANK | said) if kind == "event" else None
        if record is not None:
            sound(record, namespace)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadMessage(f"not a record of an event log: {error}; `brain import` and its Kafka replay write them") from None
    if record is None:
        raise BadMessage(f"unknown kind {kind!r}: a record of an event log is an object or an event")
    return record, namespace


def sound(record: LogObject | LogEvent, namespace: object) -> None:
    """ValueError where a name, a time or a value has another type than its field, or a size that no store can hold."""
    names: list[object]
    times: list[object]
    match record:
        case LogObject():
            names = [namespace, record.id, record.type]
            names += [text for relation in record.relations for text in relation]
            names += [name for name, _, _ in record.attributes]
            times = [valid for _, _, valid in record.attributes]
            values = [value for _, value, _ in record.attributes]
        case LogEvent():
            names = [namespace, record.id, record.activity, record.performer or "", record.lifecycle or ""]
            for reference in record.objects:
                names += reference
            names += [name for name, _ in record.attributes]
            times = [t for t in (*record[2:8], record.at) if t is not None]
            values = [value for _, value in record.attributes]
    for name in names:
        if type(name) is not str or len(name) > LONGEST_NAME:
            raise ValueError(f"{excerpt(name)} is no name of at most {LONGEST_NAME} characters")
    for at in times:
        if type(at) is not int or not FIRST_INSTANT <= at <= LAST_INSTANT:
            raise ValueError(f"{excerpt(at)} is no time in µs, nor a position")
    for value in values:
        if type(attribute(value)) is Verdict:
            raise ValueError(f"{excerpt(value)} is no text, number of 64 bits, true or false")


class _Type:
    """One type of objects, ready to map: `takes` judge the values of those attributes that are properties of the class."""

    def __init__(self, cls: NodeClass, rule: TypeRule) -> None:
        self.cls = cls
        self.relations = rule.relations
        self.takes: dict[str, tuple[str, Take]] = {}
        for name, mapped in rule.attributes.items():
            form = TimeFormat() if cls.properties[mapped].datatype is Datatype.INSTANT else None
            self.takes[name] = mapped, coerce(cls.properties[mapped], Pick(time=form, parse=True))


class LogMapper:
    """Maps records to change sets under one schema and one set of rules. Deterministic: event ids come from the log's own ids."""

    def __init__(self, schema: Schema, rules: LogRules = LogRules()) -> None:
        self._schema = schema
        self._types = {name: _Type(schema.of(rule.cls), rule) for name, rule in rules.objects.items()}
        self._object = schema.of(OBJECT)
        self._unmapped = _Type(self._object, TypeRule(OBJECT))
        self._agent = schema.of(rules.performer)
        self._performers: dict[tuple[str, str], tuple[Link, tuple[Assert]]] = {}

    def __call__(self, envelope: Envelope) -> list[ChangeSet]:
        """The change sets of a message on the topic of event logs; BadMessage where it is none."""
        return self.changes(*parse(envelope.payload), envelope.received)

    def changes(self, record: LogObject | LogEvent, namespace: str, received: int) -> list[ChangeSet]:
        """The change sets of a record: one for an event, one for each point in time at which an object says something."""
        prefix = f"{namespace}:" if namespace else ""
        source = f"{TOPIC}/{namespace}" if namespace else TOPIC
        if isinstance(record, LogEvent):
            return self._event(record, prefix, source, received)
        return self._objects(record, prefix, source, received)

    def _event(self, event: LogEvent, prefix: str, source: str, received: int) -> list[ChangeSet]:
        for valid in (event.completed, event.started, event.at, event.scheduled, event.enabled):
            if valid is not None:
                break
        else:
            raise BadMessage(f"event {event.id!r} has no time: give it at least one")
        properties: dict[str, Any] = {name: value for name, value in zip(_STEP, event, strict=True) if name and value is not None}
        links = [Link("object", self._object.node_id(prefix + o[0]), o[2]) for o in event.objects]
        performer = []
        if event.performer:
            agent, named = self._performer(prefix, event.performer)
            links.append(agent)
            # One event id for all mentions of one performer, so that a thousand steps say it once.
            performer = [ChangeSet(f"{event.performer}@{self._agent.name}", source, ALWAYS, received, named)]
        step = self._schema.classes[STEP].node_id(prefix + event.id)
        done = Assert(step, STEP, properties, dict(event.attributes), tuple(links))
        return [ChangeSet(event.id, source, valid, received, (done,)), *performer]

    def _performer(self, prefix: str, name: str) -> tuple[Link, tuple[Assert]]:
        known = self._performers.get((prefix, name))
        if known is None:
            if len(self._performers) >= PERFORMERS:
                self._performers.clear()
            agent = self._agent.node_id(prefix + name)
            known = Link("performedBy", agent), (Assert(agent, self._agent.name, {"name": name}),)
            self._performers[prefix, name] = known
        return known

    def _objects(self, record: LogObject, prefix: str, source: str, received: int) -> list[ChangeSet]:
        kind = self._types.get(record.type, self._unmapped)
        cls, node = kind.cls, self._object.node_id(prefix + record.id)
        said = {ALWAYS: _Said()}
        for name, value, valid in record.attributes:
            one = said.setdefault(valid, _Said())
            mapped, take = kind.takes.get(name, (name, None))
            if take is None:
                one.attributes[name] = value
            elif isinstance(good := take(value), Verdict):
                one.flags.append(Flag(node, cls.name, mapped, good, valid, detail(value)))
            else:
                one.properties[mapped] = good
        # The type's own name is data: as a property where the class has one for it, else among the attributes.
        named = said[ALWAYS].properties if "objectType" in cls.properties else said[ALWAYS].attributes
        named["objectType"] = record.type
        links = tuple(self._link(kind, prefix, target, qualifier) for target, qualifier in record.relations)
        return [
            ChangeSet(
                f"{record.id}@{valid}",
                source,
                valid,
                received,
                (Assert(node, cls.name, one.properties, one.attributes, links if valid == ALWAYS else ()), *one.flags),
            )
            for valid, one in said.items()
        ]

    def _link(self, kind: _Type, prefix: str, target: str, qualifier: str) -> Link:
        relation = kind.relations.get(qualifier)
        return Link(relation or "relatedTo", self._object.node_id(prefix + target), "" if relation else qualifier)


@dataclass(slots=True)
class _Said:
    """What an object says at one point in time."""

    properties: dict[str, Scalar] = field(default_factory=dict)
    attributes: dict[str, Scalar] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
