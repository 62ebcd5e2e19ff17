"""Real Kafka, real workers in processes of their own, a real SQLite file and a real Neo4j."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from brain.canon import model_hash
from brain.stores import open_store
from ingest.importing import envelopes
from ingest.logs import open_log
from ingest.sources.kafka import send
from ontology import load_schema

LOG = "ocel/recruiting-red.jsonocel"


def worker(kafka: str, store: str, topic: str, group: str, idle: float = 6) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable, "-m", "brain", "ingest", "--kafka", kafka, "--store", store, "--group", group,
        "--topic", topic, "--idle-exit", str(idle), "--verbose",
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


async def hash_of(url: str) -> str:
    store = open_store(url)
    await store.prepare(load_schema())
    try:
        return await model_hash(store)
    finally:
        await store.close()


async def imported(log: Path, url: str) -> str:
    done = subprocess.run([sys.executable, "-m", "brain", "import", str(log), "--store", url], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return await hash_of(url)


@pytest.mark.timeout(180)
async def test_shuffled_through_two_workers_with_one_killed_is_the_same_model(
    shared_data: Path, kafka_address: str, tmp_path: Path
) -> None:
    want = await imported(shared_data / LOG, f"sqlite:///{tmp_path / 'file.db'}")
    messages = list(envelopes(open_log(shared_data / LOG), "", 0))
    random.Random(11).shuffle(messages)
    topic, store = f"t{uuid4().hex}", f"sqlite:///{tmp_path / 'kafka.db'}"
    await send(messages + messages[:500], kafka_address, topic)
    workers = [worker(kafka_address, store, topic, "g1") for _ in range(2)]
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not await some_marks(store):
            await asyncio.sleep(0.05)
        workers[0].send_signal(signal.SIGKILL)
        workers.append(worker(kafka_address, store, topic, "g1"))
        for one in workers[1:]:
            assert await asyncio.to_thread(one.wait, timeout=120) == 0
    finally:
        for one in workers:
            one.kill()
            one.wait()
    assert await hash_of(store) == want
    final = open_store(store)
    await final.prepare(load_schema())
    assert await final.letters() == []
    assert sum(mark.offset for mark in await final.marks()) > 0
    await final.close()


async def some_marks(url: str) -> bool:
    store = open_store(url)
    await store.prepare(load_schema())
    try:
        return bool(await store.marks())
    finally:
        await store.close()
