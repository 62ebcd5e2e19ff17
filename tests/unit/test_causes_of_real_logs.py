"""Causes of published logs: the waiting that is split is that of the oracles and of `bottlenecks`, and its parts add up to it."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest

from brain.analytics.bottlenecks import bottlenecks
from brain.analytics.causes import Causes, causes, causes_of
from brain.analytics.lives import MICRO, lives_of
from brain.model import Occurrence
from brain.ports import Store
from brain.query import Occurrences
from brain.schema import Schema
from ingest.logs import CASE, LogEvent, open_log
from ontology import load_schema

Keep = Callable[[LogEvent], bool]


class Log:
    """A case log as a store scans it."""

    def __init__(self, path: Path, keep: Keep) -> None:
        events = (record for record in open_log(path).records() if isinstance(record, LogEvent) and keep(record))
        self.occurrences = [
            Occurrence(
                name, e.id, e.activity, e.started, e.completed, e.sequence, e.start_sequence, e.lifecycle, e.enabled, e.performer
            )
            for e in events
            for name, _, _ in e.objects
        ]

    async def scan(self, scope: Occurrences) -> AsyncIterator[Occurrence]:
        for occurrence in self.occurrences:
            yield occurrence

    async def object_types(self) -> dict[str, int]:
        return {CASE: 1}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


def exact(found: Causes) -> None:
    """The parts of everything add up to its waiting in whole µs."""
    for one in (found, *found.edges, *found.activities, *found.resources):
        assert sum(round(part.seconds * MICRO) for part in one.parts) == round(one.seconds * MICRO)
        assert all(part.seconds > 0 for part in one.parts)


LOGS: dict[str, tuple[str, Keep]] = {
    "purchasing_example": ("PurchasingExample.csv", lambda e: True),
    "interval_event_log": ("interval_event_log.csv", lambda e: True),
    "bpic2012_W_intervals": ("bpic2012.xes.gz", lambda e: e.activity.startswith("W_") and e.completed is not None),
}


@pytest.mark.parametrize("oracle", LOGS)
async def test_what_is_split_is_the_waiting_of_the_oracles(shared_data: Path, schema: Schema, oracle: str) -> None:
    name, keep = LOGS[oracle]
    log = cast(Store, Log(shared_data / "eventlogs" / name, keep))
    found = await causes(log, schema, CASE)
    exact(found)
    want = json.loads((shared_data / "oracles" / f"{oracle}.json").read_text())
    edges = {(e.source, e.target): e for e in found.edges}
    assert edges.keys() == {(e["source"], e["target"]) for e in want["all_edges"]}
    for e in want["all_edges"]:
        ours = edges[e["source"], e["target"]]
        assert ours.count == e["n"]
        # The oracle's mean is rounded to the millisecond.
        assert ours.seconds / ours.count == pytest.approx(e["mean_s"], abs=0.0011)
    assert found.overlaps == want["negative_gaps"]
    reported = await bottlenecks(log, schema, CASE)
    assert {(e.source, e.target): (e.count, e.seconds, e.overlaps) for e in found.edges} == {
        (e.source, e.target): (e.count, e.total_seconds, e.overlaps) for e in reported.edges
    }


async def test_the_enabled_view_of_a_real_log_is_split_too(shared_data: Path) -> None:
    log = Log(shared_data / "eventlogs" / "PurchasingExample.csv", lambda e: True)
    lives, _ = await lives_of(log.scan(Occurrences(CASE)), None)
    exact(causes_of(lives, "enabled"))


async def test_causes_are_found_where_there_are_resources_and_not_where_there_are_none(shared_data: Path, schema: Schema) -> None:
    with_ = await causes(cast(Store, Log(shared_data / "eventlogs" / "PurchasingExample.csv", lambda e: True)), schema, CASE)
    assert {part.cause.value for part in with_.parts} >= {"contention", "prioritisation", "extraneous", "batching"}
    assert "unexplained" not in {part.cause.value for part in with_.parts}
    without = await causes(cast(Store, Log(shared_data / "eventlogs" / "interval_event_log.csv", lambda e: True)), schema, CASE)
    assert {part.cause.value for part in without.parts} <= {"unexplained", "synchronisation"}
    assert without.unassigned == without.steps
