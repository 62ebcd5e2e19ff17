"""The pipeline over everything this installation knows: the adapters that ship, the user's own, and event logs."""

from collections.abc import Sequence
from pathlib import Path

from brain.schema import Schema
from ingest.adapters import load_adapters
from ingest.event_log import TOPIC, LogMapper, LogRules
from ingest.event_log_rules import read_log_rules
from ingest.pipeline import Pipeline


def whole_pipeline(schema: Schema, folders: Sequence[Path] = (), log_rules: Path | None = None) -> Pipeline:
    """Raises BadRules, naming file and line, where an adapter or the rules for logs do not fit the ontology."""
    rules = read_log_rules(log_rules, schema) if log_rules else LogRules()
    return Pipeline(schema, load_adapters(schema, folders), {TOPIC: LogMapper(schema, rules)})


def topics_of(schema: Schema, folders: Sequence[Path] = ()) -> list[str]:
    """Every topic, or MQTT filter, that some adapter takes."""
    return sorted({topic for adapter in load_adapters(schema, folders) for topic in adapter.rules.topics})
