"""Every log that has an oracle, all mixed into one stream, shuffled and in part twice, through a real Kafka and a real worker
into one store: every edge is the oracle's, to the millisecond.

The logs keep apart by a namespace each. BPIC 2017 has no oracle, and is too large to be streamed in a test.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from brain.analytics.bottlenecks import Bottlenecks, handover_view
from brain.analytics.lives import Lifecycle, lives_of
from brain.model import Occurrence
from brain.query import Occurrences
from brain.stores import open_store
from ingest.importing import Import, envelopes
from ingest.logs import LogOptions
from ingest.record import Envelope
from ingest.sources.kafka import send
from ontology import load_schema
from tests.e2e.test_import_oracles import LOGS
from tests.e2e.test_shuffled_logs import shuffled
from tests.integration.test_kafka import worker

BPIC, W_INTERVALS = "eventlogs/bpic2012.xes.gz", "bpic2012_W_intervals"
ORACLES = [(log, object_type, oracle) for log, types in LOGS.items() for object_type, oracle in types.items()]
ORACLES.append((BPIC, "case", W_INTERVALS))


def namespace(log: str) -> str:
    return Path(log).name.partition(".")[0]


def mixed(shared_data: Path) -> Iterator[Envelope]:
    for log in LOGS:
        one = Import(shared_data / log, LogOptions(), namespace(log), "")
        yield from envelopes(one.log, one.namespace, 1_700_000_000_000_000)


async def figures(steps: Iterable[Occurrence], object_type: str, lifecycle: Lifecycle | None) -> Bottlenecks:
    async def scan() -> AsyncIterator[Occurrence]:
        for step in steps:
            yield step

    lives, left_out = await lives_of(scan(), lifecycle)
    return handover_view(lives, object_type, lifecycle, "", left_out)


def judge(found: Bottlenecks, want: Mapping[str, Any]) -> None:
    edges = {(e.source, e.target): e for e in found.edges}
    assert edges.keys() == {(e["source"], e["target"]) for e in want["all_edges"]}
    for e in want["all_edges"]:
        ours = edges[e["source"], e["target"]]
        assert ours.count == e["n"], e
        assert round(ours.mean_seconds, 3) == pytest.approx(e["mean_s"], abs=0.0011), e
        assert ours.median_seconds == pytest.approx(e["median_s"], abs=0.0011), e
    assert found.objects == want["cases"]
    assert sum(e.overlaps for e in found.edges) == want["negative_gaps"]


@pytest.mark.timeout(600)  # four minutes on two cores that ten processes share
async def test_every_edge_of_every_oracle(shared_data: Path, kafka_address: str, tmp_path: Path) -> None:
    topic, url = f"t{uuid4().hex}", f"sqlite:///{tmp_path / 'kafka.db'}"
    arrived = shuffled(list(mixed(shared_data)), seed=17)
    assert await send(arrived, kafka_address, topic) == len(arrived)
    del arrived
    running = worker(kafka_address, url, topic, topic)
    try:
        assert await asyncio.to_thread(running.wait, timeout=540) == 0
    finally:
        running.kill()
        running.wait()
    store = open_store(url)
    await store.prepare(load_schema())
    assert await store.letters() == []
    steps: defaultdict[tuple[str, str], list[Occurrence]] = defaultdict(list)
    for object_type in {object_type for _, object_type, _ in ORACLES}:
        async for step in store.scan(Occurrences(object_type)):
            steps[step.object.partition("/")[2].partition(":")[0], object_type].append(step)
    await store.close()
    assert len(ORACLES) == len(list((shared_data / "oracles").glob("*.json")))
    for log, object_type, oracle in ORACLES:
        mine: Iterable[Occurrence] = steps[namespace(log), object_type]
        if oracle == W_INTERVALS:
            mine = [o for o in mine if o.activity.startswith("W_") and o.completed is not None]
        lifecycle: Lifecycle | None = "complete" if oracle == "bpic2012_complete_events" else None
        found = await figures(mine, object_type, lifecycle)
        judge(found, json.loads((shared_data / "oracles" / f"{oracle}.json").read_text()))
