"""Real logs, shuffled and in part twice, into real stores; live figures follow the notices and are the batch's all the way.

With less held in memory than there is, so that lives lie on the shelf.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from brain.analytics import shelf
from brain.analytics.bottlenecks import Bottlenecks, bottlenecks
from brain.analytics.follow import Follower
from brain.analytics.lives import Lifecycle
from brain.canon import model_hash
from brain.cli import brain
from brain.engine import Engine
from brain.model import Notice
from brain.ports import Store
from brain.reports.document import document
from brain.schema import Schema
from brain.stores import open_store
from ingest.event_log import TOPIC, LogMapper
from ingest.importing import Import, envelopes
from ingest.intake import Intake
from ingest.logs import LogOptions
from ingest.pipeline import Pipeline
from ingest.record import Envelope
from ontology import load_schema
from tests.contract.test_neo4j import wipe
from tests.e2e.test_shuffled_logs import cut, shuffled

CHECKPOINTS = 5
Watched = dict[str, Lifecycle | None]

LOGS: dict[str, tuple[int | None, Watched]] = {
    "ocel/order-management-ocel2.xml": (None, dict.fromkeys(("items", "orders", "packages", "customers", "employees"))),
    "ocel/p2p-2023.jsonocel": (None, dict.fromkeys(("material", "purchase_order", "WorkObject"))),
    "eventlogs/bpic2012.xes.gz": (12_000, {"case": "complete"}),
}
"""Records (None: all) and watched types of each log."""


class Followed:
    """A feed that has a follower as its only subscriber."""

    def __init__(self, live: Follower) -> None:
        self._live = live

    async def publish(self, notices: Sequence[Notice]) -> None:
        await self._live.follow(notices)

    def subscribe(self) -> AsyncIterator[Notice]:
        raise NotImplementedError

    async def close(self) -> None: ...


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


def records(path: Path, most: int | None) -> list[Envelope]:
    one = Import(path, LogOptions(), None, "")
    return list(islice(envelopes(one.log, one.namespace, 1_700_000_000_000_000), most))


async def streamed(log: Sequence[Envelope], store: Store, schema: Schema, watched: Watched) -> None:
    """The log into the store, the live figures held against the batch's at five checkpoints."""
    live = Follower(store, schema)
    for name, lifecycle in watched.items():
        await live.watch(name, lifecycle)
    intake = Intake(Pipeline(schema, (), {TOPIC: LogMapper(schema)}), Engine(store, Followed(live)))
    arrived = shuffled(log, seed=11)
    batches = list(cut(arrived, seed=12))
    taken, held = 0, 0
    for batch in batches:
        await intake.take(batch)
        taken += len(batch)
        if taken * CHECKPOINTS >= len(arrived) * (held + 1):
            held += 1
            for name, lifecycle in watched.items():
                want = await bottlenecks(store, schema, name, lifecycle=lifecycle, sketched=True)
                found = await live.report(name, lifecycle=lifecycle)
                assert orjson.dumps(document(found)) == orjson.dumps(document(want)), (name, held)
                assert found == want
                assert held < 2 or found.edges
                near(found, await bottlenecks(store, schema, name, lifecycle=lifecycle))
    assert held >= CHECKPOINTS - 1
    assert await store.letters() == []


def near(found: Bottlenecks, exact: Bottlenecks) -> None:
    """All as it is without a sketch, but for medians and p90, which are as near as is promised."""
    assert found.quantile_error == 1 / 256
    rounded = [replace(e, median_seconds=0, p90_seconds=0) for e in found.edges]
    assert rounded == [replace(e, median_seconds=0, p90_seconds=0) for e in exact.edges]
    for a, b in zip(found.edges, exact.edges, strict=True):
        for one, other in (a.median_seconds, b.median_seconds), (a.p90_seconds, b.p90_seconds):
            assert abs(one - other) <= other / 256 * (1 + 1e-9), (a, b)


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 8000)


@pytest.mark.parametrize("log", LOGS)
async def test_a_shuffled_log_into_sqlite(log: str, shared_data: Path, schema: Schema) -> None:
    most, watched = LOGS[log]
    store = open_store("sqlite://")
    await store.prepare(schema)
    await streamed(records(shared_data / log, most), store, schema, watched)
    await store.close()


async def test_a_shuffled_log_into_neo4j(neo4j_url: str, shared_data: Path, schema: Schema) -> None:
    store = open_store(neo4j_url)
    await store.prepare(schema)
    await wipe(neo4j_url)
    watched: Watched = dict.fromkeys(("applications", "offers"))
    await streamed(records(shared_data / "ocel/recruiting-red.jsonocel", 3000), store, schema, watched)
    await store.close()


def command(*args: str) -> str:
    done = CliRunner().invoke(brain, args, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.strip()


def test_the_hash_with_figures_is_the_same_in_any_order(shared_data: Path, schema: Schema, tmp_path: Path) -> None:
    log = records(shared_data / "eventlogs/running-example.xes", None)

    async def stored(name: str, arrived: Sequence[Envelope]) -> tuple[str, str]:
        store = open_store(f"sqlite:///{tmp_path / name}")
        await store.prepare(schema)
        intake = Intake(Pipeline(schema, (), {TOPIC: LogMapper(schema)}), Engine(store))
        for batch in cut(arrived, seed=13):
            await intake.take(batch)
        found = await model_hash(store)
        await store.close()
        return f"sqlite:///{tmp_path / name}", found

    ordered, plain = asyncio.run(stored("ordered.db", log))
    other, _ = asyncio.run(stored("shuffled.db", shuffled(log, seed=14)))
    less, _ = asyncio.run(stored("less.db", log[:-1]))
    assert command("hash", "--store", ordered) == plain
    whole = command("hash", "--derived", "--store", ordered)
    assert whole == command("hash", "--derived", "--store", other)
    assert len({plain, whole, command("hash", "--derived", "--store", less)}) == 3
