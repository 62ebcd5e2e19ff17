"""An adapter's samples: messages as they were received, and what they must come to. `README.md` beside this file describes them.

`python -m ingest.adapters.samples FOLDER` prints, for each sample of an adapter's folder, what it comes to now.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import orjson

from brain.model import Assert, Change, ChangeSet, Flag, Link, Retract, Void
from brain.schema import Schema
from ingest.adapters import load_adapter
from ingest.pipeline import Adapter, Pipeline
from ingest.record import Envelope
from ingest.times import iso

EXPECTED = ".expected.json"
RECEIVED = 1_800_000_000_000_000
"""When samples are taken to have been received (2027-01-15T08:00:00Z): it must not show in what they come to."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample file as messages. `expected` is None where it must merely map without a dead letter."""

    file: Path
    envelopes: tuple[Envelope, ...]
    expected: Mapping[str, Any] | None


def read_samples(folder: Path, adapters: Sequence[Adapter]) -> list[Sample]:
    """The samples of an adapter's folder, by name."""
    files = sorted(f for f in (folder / "samples").glob("*") if f.is_file() and not f.name.endswith(EXPECTED))
    return [_sample(file, folder.name, adapters) for file in files]


def _sample(file: Path, folder: str, adapters: Sequence[Adapter]) -> Sample:
    beside = file.with_name(file.stem + EXPECTED)
    expected = orjson.loads(beside.read_bytes()) if beside.is_file() else None
    told = expected or {}
    # With several documents, the sample's name says which it is for: hospital-pumps takes pumps-null.json.
    named = [a for a in adapters if file.stem.startswith((a.name, a.name.removeprefix(f"{folder}-")))]
    adapter = max(named, key=lambda a: len(a.name)) if named else adapters[0]
    topic = told.get("topic") or adapter.rules.topics[0].replace("+", "sample").replace("#", "sample")
    headers = tuple((str(n), str(v)) for n, v in told.get("headers", {}).items())
    data = file.read_bytes()
    payloads = [line for line in data.splitlines() if line.strip()] if file.suffix == ".jsonl" else [data]
    envelopes = tuple(Envelope(topic, told.get("key", ""), payload, RECEIVED, headers) for payload in payloads)
    return Sample(file, envelopes, expected)


def faults(sample: Sample, pipeline: Pipeline) -> Iterator[str]:
    """In what the sample differs from what is expected of it; nothing where all is well."""
    result = pipeline.run(sample.envelopes)
    reasons = sorted(letter.reason for letter in result.bad)
    expected = sample.expected or {}
    wanted = sorted(expected.get("bad", []))
    if len(reasons) != len(wanted) or not all(r.startswith(w) for r, w in zip(reasons, wanted, strict=True)):
        yield f"{sample.file.name}: dead letters {reasons}, expected {wanted or 'none'}"
    if "good" in expected:
        good = [described(changes) for changes in result.good]
        for made in good:
            if made not in expected["good"]:
                yield f"{sample.file.name}: not expected: {orjson.dumps(made).decode()}"
        for missing in expected["good"]:
            if missing not in good:
                yield f"{sample.file.name}: expected and missing: {orjson.dumps(missing).decode()}"
    elif not result.good and not wanted and not result.stats.ignored:
        yield f"{sample.file.name}: says nothing"


def described(changes: ChangeSet) -> dict[str, Any]:
    """A change set as plain JSON: its times as ISO 8601, without the time of receipt, empty parts left out."""
    made: dict[str, Any] = {"event": changes.event, "source": changes.source, "valid": iso(changes.valid)}
    if changes.authority:
        made["authority"] = changes.authority
    if changes.order is not None:
        made["order"] = [*changes.order]
    return {**made, "changes": [_change(change) for change in changes.changes]}


def _change(change: Change) -> dict[str, Any]:
    match change:
        case Assert():
            parts = {"properties": dict(change.properties), "attributes": dict(change.attributes), "links": _links(change.links)}
            return {"assert": change.subject, "class": change.cls, **{k: v for k, v in parts.items() if v}}
        case Retract():
            gone = {"properties": [*change.properties], "attributes": [*change.attributes], "links": _links(change.links)}
            return {"retract": change.subject, "class": change.cls, **{k: v for k, v in gone.items() if v}}
        case Void():
            return {"void": change.subject, "class": change.cls, "event": change.event, "source": change.source}
        case Flag():
            made = {"flag": change.subject, "class": change.cls, "property": change.property, "verdict": str(change.verdict)}
            return made | {"at": None if change.at is None else iso(change.at), "detail": change.detail}
        case _:
            assert_never(change)


def _links(links: Sequence[Link]) -> list[list[str]]:
    return [[part for part in link if part] for link in links]


def show(schema: Schema, folder: Path) -> Iterator[str]:
    """For each sample, the JSON that its `.expected.json` may hold."""
    adapters = load_adapter(schema, folder)
    for sample in read_samples(folder, adapters):
        result = Pipeline(schema, adapters).run(sample.envelopes)
        made: dict[str, Any] = {k: v for k, v in (sample.expected or {}).items() if k not in ("good", "bad")}
        made["good"] = [described(changes) for changes in result.good]
        made |= {"bad": [letter.reason for letter in result.bad]} if result.bad else {}
        yield f"{sample.file.name}\n{orjson.dumps(made, option=orjson.OPT_INDENT_2).decode()}"


if __name__ == "__main__":
    from ontology.load import load_schema

    for text in show(load_schema(), Path(sys.argv[1])):
        print(text)
