"""Outages and backlogs: Neo4j or Kafka is killed under a running worker and comes back after OUTAGE seconds. It is waited out,
and nothing is lost.

    BRAIN_OUTAGE_SECONDS=300 pytest tests/integration/test_outages.py -s

The stream is the chaos's, with bad messages in it, and goes on to be sent; the judge is the chaos's too: the hash of a run that
nothing disturbed, the dead letters, the notices.
"""

import asyncio
import logging
import os
import re
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from brain.errors import Retry
from brain.feeds.kafka import ensure_topics
from brain.ports import Store
from brain.servers import KafkaServer, Neo4jServer, free_port, kafka_server, neo4j_server
from brain.stores import open_store
from ingest.sources.kafka import PARTITIONS, send
from ingest.wiring import whole_pipeline
from ontology import load_schema
from tests.chaos.producer import RAW_IS, Producer
from tests.chaos.run import ends
from tests.chaos.verdict import judge, published
from tests.integration import test_livez as livez

OUTAGE = float(os.environ.get("BRAIN_OUTAGE_SECONDS", "20"))
RATE = 100
"""Messages a second."""
NOTICED = 45.0
"""Seconds within which /readyz says that something is away."""
RECOVERY = 180.0
"""Seconds in which something must be stored once all is well again."""
GROWTH = 120
"""MiB by which a worker may grow while it waits and catches up: what it reads ahead (4 MiB a partition at most) and a portion."""

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc"),
    pytest.mark.timeout(400 + 4 * OUTAGE),
]


@dataclass
class Worker:
    """One `brain ingest`, from first to last."""

    process: asyncio.subprocess.Process
    health: str

    async def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.get(self.health + path)
        return answer.status_code, answer.json()

    async def until(self, path: str, seconds: float, wanted: Callable[[int, Mapping[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            code, said = await self.ask(path)
            if wanted(code, said):
                return said
            assert time.monotonic() < deadline, f"{path} says {code}: {said}"
            await asyncio.sleep(0.2)


def memory(pid: int, what: str = "VmRSS") -> int:
    """MiB that are resident now; `VmHWM`: at the most until now."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None, "the worker has ended"
    return int(found[1]) // 1024


def stored(said: Mapping[str, Any]) -> int:
    return sum(source["stored"] for source in said["sources"].values())


@asynccontextmanager
async def worker(log: Path, neo4j: Neo4jServer, kafka: KafkaServer, blocks: str, raw: str) -> AsyncIterator[Worker]:
    port = free_port()
    command = [sys.executable, "-m", "brain", "ingest", "--kafka", kafka.address, "--store", neo4j.url, "--group", blocks]
    command += ["--topic", blocks, "--topic", f"{raw}={RAW_IS}", "--health", str(port), "--verbose"]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, env={**os.environ, "BRAIN_KAFKA": kafka.address}
        )
    try:
        while b"/livez" not in log.read_bytes():
            assert process.returncode is None, log.read_text()
            await asyncio.sleep(0.05)
        yield Worker(process, f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("away", ["neo4j", "kafka"])
async def test_an_outage_is_waited_out(tmp_path: Path, away: Literal["neo4j", "kafka"], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "aiokafka")  # what it logs of a broker that is away is what we do to it
    blocks = f"t{uuid4().hex}"
    raw, stop = f"{blocks}.raw", asyncio.Event()
    with neo4j_server(tmp_path / "neo4j") as neo4j, kafka_server(tmp_path / "kafka") as kafka:
        await ensure_topics(kafka.address, dict.fromkeys((blocks, raw), PARTITIONS))
        producer = Producer(kafka.address, blocks, raw, seed=5, rate=RATE)
        async with worker(tmp_path / "worker.log", neo4j, kafka, blocks, raw) as it:
            sending = asyncio.create_task(producer.run(stop))
            await it.until("/readyz", RECOVERY, lambda code, said: code == 200 and stored(said) > 5 * RATE)
            before = memory(it.process.pid)
            await outage(it, kafka if away == "kafka" else neo4j, "the store" if away == "neo4j" else "Kafka")
            during = memory(it.process.pid, "VmHWM")
            back = time.monotonic()
            so_far = stored((await it.ask("/readyz"))[1])
            await it.until("/readyz", RECOVERY, lambda code, said: stored(said) > so_far)
            first = time.monotonic() - back
            stop.set()
            await sending
            store = open_store(neo4j.url)
            await drained(store, await ends(kafka.address, (blocks, raw)))
            caught_up, most = time.monotonic() - back, memory(it.process.pid, "VmHWM")
            await it.until("/readyz", 30, lambda code, said: code == 200 and said["state"] == "idle")
            assert it.process.returncode is None
            it.process.terminate()
            assert await it.process.wait() == 0, (tmp_path / "worker.log").read_text()[-2000:]
        print(
            f"\n{away} away for {OUTAGE:.0f} s, {len(producer.sent):,} messages: stored again after {first:.1f} s, all after"
            f" {caught_up:.1f} s; memory {before} MiB before, at most {during} MiB until it was back, {most} MiB at all"
        )
        schema = load_schema()
        await store.prepare(schema)
        try:
            verdict = await judge(schema, whole_pipeline(schema), store, producer.sent, await published(kafka.address))
        finally:
            await store.close()
    assert verdict.wrong == []
    assert most <= before + GROWTH
    log = (tmp_path / "worker.log").read_text()
    assert "Traceback" not in log, log[-3000:]


async def outage(it: Worker, server: Neo4jServer | KafkaServer, named: str) -> None:
    """Kill it, look on for OUTAGE seconds, start it on the same data and port. The worker lives, is not ready, and says why."""
    server.kill()
    begin = time.monotonic()
    noticed = told = False
    while time.monotonic() < begin + OUTAGE or not told:
        assert it.process.returncode is None, "the worker has ended"
        live, said = await it.ask("/livez")
        assert live == 200, said
        ready, said = await it.ask("/readyz")
        noticed |= ready == 503
        assert ready == 503 or not noticed, said
        # A write that is not answered may be noticed first; then who it is that does not answer.
        told |= ready == 503 and named in said["state"] + said["reason"]
        assert told or time.monotonic() < begin + NOTICED, said
        await asyncio.sleep(0.5)
    await asyncio.to_thread(server.start)


async def drained(store: Store, ends: Mapping[tuple[str, int], int]) -> None:
    """Until the store's marks are the ends of the topics; they must move on."""
    behind, moved = None, time.monotonic()
    while behind != 0:
        assert time.monotonic() < moved + RECOVERY, f"{behind} records are not stored, and nothing moves"
        await asyncio.sleep(0.3)
        try:
            marks = {(mark.topic, mark.partition): mark.offset for mark in await store.marks()}
        except Retry:
            continue
        now = sum(max(end - marks.get(partition, 0), 0) for partition, end in ends.items())
        if now != behind:
            behind, moved = now, time.monotonic()


# ---- A store that takes nothing -------------------------------------------------------------------------------------

LARGE, BACKLOG = 64 * 1024, 8000
"""Bytes of a message, and messages: 500 MiB."""
AHEAD = 200
"""MiB that a worker may take for what it has read of the backlog: a fetch in hand and one ahead, 32 MiB each (4 MiB a partition),
and the messages decoded. Measured: 132 for half of this backlog."""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process, as far as SQLite can tell, writes all the time."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_backlog_waits_at_the_broker_and_not_in_memory(kafka_address: str, tmp_path: Path) -> None:
    file, topic = tmp_path / "a.db", f"t{uuid4().hex}"
    await ensure_topics(kafka_address, {topic: PARTITIONS})
    arguments = ("--kafka", kafka_address, "--topic", f"{topic}=hospital/pumps", "--group", topic)
    with livez.worker(file, *arguments, first=livez.IMPATIENT, stuck=60) as it:
        await send_large(kafka_address, topic, 8)
        it.until("/readyz", livez.all_stored(f"Kafka at {kafka_address}", 8))
        before = memory(it.process.pid)
        with locked(file):
            await send_large(kafka_address, topic, BACKLOG)
            all_of_it = 0
            while all_of_it < BACKLOG:
                said = it.until("/readyz", lambda code, said: said["state"] == "waiting for the store")
                all_of_it = sum(said["sources"][f"Kafka at {kafka_address}"]["behind"].values())
            during = memory(it.process.pid, "VmHWM")
        it.until("/readyz", livez.all_stored(f"Kafka at {kafka_address}", 8 + BACKLOG))
        most = memory(it.process.pid, "VmHWM")
    size = BACKLOG * LARGE >> 20
    print(f"\n{size} MiB wait: {before} MiB before, at most {during} MiB while the store is locked, {most} MiB at all")
    assert during <= before + AHEAD
    assert most <= before + AHEAD


async def send_large(kafka: str, topic: str, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=8 * LARGE)
    await producer.start()
    for i in range(count):
        payload = livez.reading(i).payload[:-1] + b',"remark":"' + b"x" * LARGE + b'"}'
        await producer.send(topic, payload, key=b"%d" % i)
    await producer.stop()


async def test_a_worker_that_waits_for_the_store_ends_when_it_is_told_to(kafka_address: str, tmp_path: Path) -> None:
    """It would wait ten minutes; whoever stops it would kill it before."""
    file = tmp_path / "a.db"
    arguments = await livez.sent(kafka_address, 50)
    with livez.worker(file, *arguments, first=livez.IMPATIENT) as it:
        it.until("/readyz", livez.all_stored(f"Kafka at {kafka_address}", 50))
        with locked(file):
            await send([livez.reading(i) for i in range(50, 100)], kafka_address, arguments[3])
            it.until("/readyz", lambda code, said: said["state"] == "waiting for the store")
            it.process.terminate()
            assert await asyncio.to_thread(it.process.wait, timeout=60) == 0
    with livez.worker(file, *arguments) as it:
        it.until("/readyz", livez.all_stored(f"Kafka at {kafka_address}", 50))
    store = open_store(f"sqlite:///{file}")
    await store.prepare(load_schema())
    assert all(await store.nodes([f"asset/PUMP-{i}" for i in range(100)]))
    await store.close()
