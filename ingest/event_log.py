"""Event logs in the terms of the ontology: the records of `ingest.logs` as messages, and messages as change sets.

A record travels as one JSON message (topic `event-log`), so that a log read from a file and the same log replayed through Kafka
go one way and end in one model. An object type that no rule maps becomes a WorkObject; its type's name, its attributes' names and
the qualifiers of its relations are kept as data, and never become labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from brain.errors import Reject
from brain.model import Assert, ChangeSet, Link
from brain.schema import Scalar, Schema
from ingest.logs.records import LogEvent, LogObject
from ingest.record import Envelope

TOPIC = "event-log"
AGENT, OBJECT, STEP = "Agent", "WorkObject", "Step"
ALWAYS = 0
"""The valid time of what a log says without a time: from the beginning, as OCEL 2.0 has it (1970-01-01)."""


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
    """The record as a message. `namespace` keeps apart the ids of logs that know nothing of each other."""
    kind = "object" if isinstance(record, LogObject) else "event"
    return orjson.dumps({"kind": kind, "namespace": namespace, **record._asdict()})


def parse(payload: bytes) -> tuple[LogObject | LogEvent, str]:
    """The record and the namespace of a message. BadMessage says what is missing or unknown."""
    try:
        said: dict[str, Any] = orjson.loads(payload)
        kind, namespace = said.pop("kind"), said.pop("namespace")
        record = LogObject(**said) if kind == "object" else LogEvent(**said) if kind == "event" else None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadMessage(f"not a record of an event log: {error}; `brain import` and its Kafka replay write them") from None
    if record is None:
        raise BadMessage(f"unknown kind {kind!r}: a record of an event log is an object or an event")
    return record, namespace


class LogMapper:
    """Maps records to change sets under one schema and one set of rules. Deterministic: event ids come from the log's own ids."""

    def __init__(self, schema: Schema, rules: LogRules = LogRules()) -> None:
        self._schema = schema
        self._rules = rules
        self._object = schema.of(OBJECT)
        self._agent = schema.of(rules.performer)

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
        times = (event.completed, event.started, event.at, event.scheduled, event.enabled)
        valid = next((t for t in times if t is not None), None)
        if valid is None:
            raise BadMessage(f"event {event.id!r} has no time: give it at least one")
        said: dict[str, Scalar | None] = {
            "activity": event.activity,
            "enabledAt": event.enabled,
            "scheduledAt": event.scheduled,
            "startedAt": event.started,
            "completedAt": event.completed,
            "occurredAt": event.at,
            "sequence": event.sequence,
            "startSequence": event.start_sequence,
            "lifecycle": event.lifecycle,
        }
        properties = {name: value for name, value in said.items() if value is not None}
        links = [Link("object", self._object.node_id(prefix + o[0]), o[2]) for o in event.objects]
        performer = []
        if event.performer:
            agent = self._agent.node_id(prefix + event.performer)
            links.append(Link("performedBy", agent))
            # One event id for all mentions of one performer, so that a thousand steps say it once.
            named = Assert(agent, self._agent.name, {"name": event.performer})
            performer = [ChangeSet(f"{event.performer}@{self._agent.name}", source, ALWAYS, received, (named,))]
        step = self._schema.classes[STEP].node_id(prefix + event.id)
        done = Assert(step, STEP, properties, dict(event.attributes), tuple(links))
        return [ChangeSet(event.id, source, valid, received, (done,)), *performer]

    def _objects(self, record: LogObject, prefix: str, source: str, received: int) -> list[ChangeSet]:
        rule = self._rules.objects.get(record.type)
        cls = self._schema.of(rule.cls) if rule else self._object
        said: dict[int, tuple[dict[str, Scalar], dict[str, Scalar]]] = {ALWAYS: ({}, {})}
        for name, value, valid in record.attributes:
            properties, attributes = said.setdefault(valid, ({}, {}))
            mapped = rule.attributes.get(name) if rule else None
            (attributes if mapped is None else properties)[mapped or name] = value
        # The type's own name is data: as a property where the class has one for it, else among the attributes.
        said[ALWAYS][0 if "objectType" in cls.properties else 1]["objectType"] = record.type
        links = tuple(self._link(rule, prefix, target, qualifier) for target, qualifier in record.relations)
        node = self._object.node_id(prefix + record.id)
        return [
            ChangeSet(
                f"{record.id}@{valid}",
                source,
                valid,
                received,
                (Assert(node, cls.name, properties, attributes, links if valid == ALWAYS else ()),),
            )
            for valid, (properties, attributes) in said.items()
        ]

    def _link(self, rule: TypeRule | None, prefix: str, target: str, qualifier: str) -> Link:
        relation = rule.relations.get(qualifier) if rule else None
        return Link(relation or "relatedTo", self._object.node_id(prefix + target), "" if relation else qualifier)
