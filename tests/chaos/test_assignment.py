"""What the chaos found, as small tests on a real broker: what happens between being given partitions and the first portion."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio

from brain.notices import notices
from brain.stores import open_store
from ingest.record import Envelope
from ingest.sources.kafka import PARTITIONS, send
from ingest.wiring import whole_pipeline
from ontology import load_schema

MESSAGES = 400

SLOW = """
import asyncio
from aiokafka import AIOKafkaConsumer
answer = AIOKafkaConsumer.committed
async def later(*args):
    await asyncio.sleep(0.3)
    return await answer(*args)
AIOKafkaConsumer.committed = later
"""
DYING = """
import os
from brain.feeds.sqlite import SqliteFeed
async def publish(*args):
    os._exit(9)
SqliteFeed.publish = publish
"""
FORGETFUL = """
import time
from aiokafka import AIOKafkaConsumer
answer, begun = AIOKafkaConsumer.committed, []
async def nothing_yet(*args):
    begun.append(time.monotonic())
    return None if time.monotonic() < begun[0] + 1 else await answer(*args)
AIOKafkaConsumer.committed = nothing_yet
"""
AWAY = """
import time
import ingest.stream
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
ingest.stream.DOUBT_SECONDS = 1.5
answer, begun = AIOKafkaConsumer.committed, []
async def away_then_forgetful(*args):
    begun.append(time.monotonic())
    since = time.monotonic() - begun[0]
    if since < 2.5:
        raise KafkaConnectionError()
    return None if since < 4 else await answer(*args)
AIOKafkaConsumer.committed = away_then_forgetful
"""


@pytest_asyncio.fixture
async def topic(kafka_address: str) -> str:
    """One with a few records in every partition."""
    name = f"t{uuid4().hex}"
    for part in range(4):
        await send([reading(i) for i in range(part, MESSAGES, 4)], kafka_address, name)
    return name


def reading(i: int) -> Envelope:
    payload = b'{"device":"PUMP-%d","seq":1,"ts":"2026-03-02T06:00:00.000Z","flow_ml_h":%d}' % (i, i % 100)
    return Envelope("hospital/pumps", f"PUMP-{i}", payload, 1_772_431_200_000_000)


def worker(kafka: str, topic: str, file: Path, first: str = "") -> int:
    """The exit code of `brain ingest` until the topic is quiet; `first` is what its process does before."""
    arguments = [
        "ingest",
        "--kafka",
        kafka,
        "--store",
        f"sqlite:///{file}",
        "--group",
        topic,
        "--topic",
        topic,
        "--idle-exit",
        "3",
    ]
    code = f"import sys\nfrom brain.cli import main\n{first}\nsys.argv = ['brain', *{arguments!r}]\nmain()"
    return subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode


async def test_nothing_is_passed_over_while_partitions_are_taken_up(kafka_address: str, topic: str, tmp_path: Path) -> None:
    """A broker that answers slowly: records of the first partition come while the start of the last is still being asked for."""
    file = tmp_path / "a.db"
    assert worker(kafka_address, topic, file, SLOW) == 0
    store = open_store(f"sqlite:///{file}")
    await store.prepare(load_schema())
    found = await store.nodes([f"asset/PUMP-{i}" for i in range(MESSAGES)])
    assert [i for i, node in enumerate(found) if node is None] == []
    assert len(await store.marks()) == PARTITIONS
    await store.close()


@pytest.mark.parametrize(
    "second",
    ["", FORGETFUL, AWAY],
    ids=["a broker that knows", "a broker that does not know at once", "nor when it was away for longer than we doubt"],
)
async def test_the_first_notices_are_told_though_the_first_worker_died_before_it_told_them(
    kafka_address: str, topic: str, tmp_path: Path, second: str
) -> None:
    """The store's marks say that all is done. A broker that was killed may deny at first that the group ever began."""
    file = tmp_path / "a.db"
    assert worker(kafka_address, topic, file, DYING) == 9
    db = sqlite3.connect(file)
    assert db.execute("SELECT count(*) FROM notices").fetchone() == (0,)
    assert worker(kafka_address, topic, file, second) == 0
    told = {tuple(orjson.dumps(notice) for notice in orjson.loads(block)) for (block,) in db.execute("SELECT told FROM notices")}
    db.close()
    due = notices(whole_pipeline(load_schema()).run([reading(i) for i in range(MESSAGES)]).good)
    assert {notice for block in told for notice in block} == {orjson.dumps(tuple(notice)) for notice in due}
