"""A small ontology by hand, and rules over it: what the tests of `ingest` stand on."""

from pathlib import Path

from brain.schema import ROOT, Datatype, History, NodeClass, Property, Relation, Schema
from ingest.pipeline import Adapter, Pipeline, Result
from ingest.record import Envelope
from ingest.rules import Rules, read_rules

TEXT, WHOLE, NUMBER, TRUTH, TIME = Datatype.STRING, Datatype.INTEGER, Datatype.FLOAT, Datatype.BOOLEAN, Datatype.INSTANT


def _property(name: str, datatype: Datatype, **more: object) -> Property:
    return Property(name, f"urn:x:{name}", datatype, **more)  # type: ignore[arg-type]


def _class(
    name: str, parents: tuple[str, ...], keyspace: str, properties: list[Property], relations: list[Relation]
) -> NodeClass:
    return NodeClass(name, f"urn:x:{name}", parents, keyspace, {p.name: p for p in properties}, {r.name: r for r in relations})


def plant() -> Schema:
    name = _property("name", TEXT, max_length=40)
    state = _property("state", TEXT, one_of=("idle", "running", "alarm"))
    located = Relation("locatedIn", "urn:x:locatedIn", ROOT, ROOT, functional=True)
    pump = [
        name,
        state,
        _property("flow", NUMBER, unit="mL/h", minimum=0.0, maximum=1200.0, history=History.LATEST),
        _property("temperature", NUMBER, unit="Cel", minimum=-40.0, maximum=150.0, history=History.LATEST),
        _property("cycles", WHOLE, minimum=0.0),
        _property("locked", TRUTH),
        _property("servicedAt", TIME),
        _property("serial", TEXT, pattern="^[A-Z]{2}[0-9]+$"),
    ]
    times = [_property(f"{n}At", TIME) for n in ("enabled", "scheduled", "started", "completed", "occurred")]
    step = [_property("activity", TEXT), *times, _property("sequence", WHOLE), _property("lifecycle", TEXT)]
    step_relations = [
        Relation("object", "urn:x:object", "Step", ROOT),
        Relation("performedBy", "urn:x:performedBy", "Step", ROOT, functional=True),
        Relation("partOfProcess", "urn:x:partOfProcess", "Step", "Process", functional=True),
    ]
    infuses = Relation("infuses", "urn:x:infuses", "Pump", "Patient", functional=True)
    classes = [
        _class(ROOT, (), "entity", [name], [located]),
        _class("Asset", (ROOT,), "asset", [name, state], [located]),
        _class("Pump", ("Asset", ROOT), "asset", pump, [located, infuses]),
        _class("Bed", ("Asset", ROOT), "bed", [name], [located]),
        _class("Patient", (ROOT,), "patient", [name, _property("weight", NUMBER, unit="kg")], [located]),
        _class("Order", (ROOT,), "order", [name, _property("dose", NUMBER, unit="mg")], [located]),
        _class("Process", (ROOT,), "process", [name], [located]),
        _class("Step", (ROOT,), "step", step, step_relations),
    ]
    return Schema("test", {c.name: c for c in classes})


def rules_of(folder: Path, text: str) -> list[Rules]:
    """The rules of a YAML text, by way of a file, over the plant."""
    file = folder / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return read_rules(file, plant(), "rules.yaml")


def pipeline_of(folder: Path, text: str) -> Pipeline:
    return Pipeline(plant(), [Adapter(rules) for rules in rules_of(folder, text)])


def run(pipeline: Pipeline, *payloads: bytes, topic: str = "pumps") -> Result:
    return pipeline.run([Envelope(topic, "", payload, 1_000_000 + n) for n, payload in enumerate(payloads)])


PUMPS = """\
adapter: pumps
topics: [pumps, "site/+/pumps"]
source: plant/pumps
rules:
  - event: "{device}-{seq}"
    time: ts
    entities:
      - class: Pump
        key: {path: device}
        set:
          flow: {path: flow, unit: L/h}
          temperature: {path: t, unit: "[degF]"}
          state: {path: state, map: {RUN: running, IDLE: idle}}
          cycles: cycles
          locked: locked
          serial: serial
        attributes: {firmware: fw}
        link:
          locatedIn: {class: Bed, key: {path: bed}}
"""
