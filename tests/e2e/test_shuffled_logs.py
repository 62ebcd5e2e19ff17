"""Promise 1 on real logs: whatever the order, the repetition and the batching in which a log arrives, it is one model."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from brain.canon import model_hash
from brain.engine import Engine
from brain.schema import Schema
from brain.stores import open_store
from ingest.event_log import TOPIC, LogMapper
from ingest.importing import Import, envelopes
from ingest.intake import Intake
from ingest.logs import LogOptions, open_log
from ingest.pipeline import Pipeline
from ingest.record import Envelope
from ontology import load_schema

LOGS = [
    "ocel/order-management-ocel2.xml",
    "ocel/recruiting-red.jsonocel",
    "ocel/p2p-2023.jsonocel",
    "ocel/ocel20_example.jsonocel",
    "eventlogs/08_receipt.xes.gz",
    "eventlogs/helpdesk.xes.gz",
    "eventlogs/running-example.xes",
    "eventlogs/PurchasingExample.csv",
    "eventlogs/interval_event_log.csv",
]
LARGE = "eventlogs/bpic2012.xes.gz"
SAMPLE = 15_000
"""Records of the large log. `python -m bench.shuffled` takes all of it, and BPIC 2017."""
LARGEST_BATCH = 4000
REPEATED = 0.1

T = TypeVar("T")


def shuffled(log: Sequence[Envelope], seed: int) -> list[Envelope]:
    """In another order, with one in ten a second time (and received at another time)."""
    random = Random(seed)
    again = [e._replace(received=e.received + random.randrange(-500, 500)) for e in log if random.random() < REPEATED]
    arrived = [*log, *again]
    random.shuffle(arrived)
    return arrived


def cut(arrived: Sequence[T], seed: int) -> Iterator[Sequence[T]]:
    """In batches of any size: single messages and thousands alike."""
    random, at = Random(seed), 0
    while at < len(arrived):
        size = int(LARGEST_BATCH ** random.random())
        yield arrived[at : at + size]
        at += size


async def hash_of(batches: Iterator[Sequence[Envelope]], schema: Schema) -> str:
    store = open_store("sqlite://")
    await store.prepare(schema)
    intake = Intake(Pipeline(schema, (), {TOPIC: LogMapper(schema)}), Engine(store))
    for batch in batches:
        await intake.take(batch)
    assert await store.letters() == []
    found = await model_hash(store)
    await store.close()
    return found


async def imported(path: Path, schema: Schema, file: Path) -> str:
    """The hash of a log as `brain import` takes it in."""
    store = open_store(f"sqlite:///{file}")
    await store.prepare(schema)
    one = Import(path, LogOptions(), None, "")
    await one.run(one.check(), Intake(Pipeline(schema, (), {TOPIC: LogMapper(schema)}), Engine(store)), store, lambda _: None)
    found = await model_hash(store)
    await store.close()
    return found


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


@pytest.mark.parametrize("log", LOGS)
async def test_a_shuffled_log_is_the_same_model(log: str, shared_data: Path, schema: Schema, tmp_path: Path) -> None:
    path = shared_data / log
    ordered = await imported(path, schema, tmp_path / "ordered.db")
    one = Import(path, LogOptions(), None, "")
    messages = list(envelopes(one.log, one.namespace, 1_700_000_000_000_000))
    assert len(messages) > 20
    assert await hash_of(cut(shuffled(messages, seed=1), seed=2), schema) == ordered


async def test_so_is_a_sample_of_a_large_one(shared_data: Path, schema: Schema) -> None:
    messages = list(islice(envelopes(open_log(shared_data / LARGE), "large", 1_700_000_000_000_000), SAMPLE))
    assert await hash_of(cut(shuffled(messages, seed=3), seed=4), schema) == await hash_of(cut(messages, seed=5), schema)


async def test_one_record_less_is_another_model(shared_data: Path, schema: Schema) -> None:
    """The hash is not the same for everything."""
    messages = list(envelopes(open_log(shared_data / "eventlogs/running-example.xes"), "x", 1))
    whole = await hash_of(iter([messages]), schema)
    assert whole == await hash_of(iter([messages, messages[::-1]]), schema)
    assert whole != await hash_of(iter([messages[:-1]]), schema)
