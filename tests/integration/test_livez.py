"""`brain ingest --health`: real workers on a real Kafka, which get on, wait for what is away, or stand still."""

import asyncio
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from brain.errors import StoreBusy
from brain.feeds.kafka import ensure_topics
from brain.model import Notice
from brain.stores.sqlite import SqliteStore
from ingest.liveness import Liveness, Source
from ingest.record import Envelope
from ingest.sources.kafka import PARTITIONS, send
from ontology import load_schema
from tests.e2e.test_mqtt_to_subscriber import publish
from tests.e2e.test_mqtt_to_subscriber import reading as pump

STUCK = 3.0
PATIENCE = 60.0

NEVER = """
import asyncio
from ingest.intake import Intake
async def keep(*args):
    await asyncio.Event().wait()
Intake.keep = keep
"""
"""Stuck in our own hands: nothing outside is away."""
DEAF = """
import asyncio
from aiokafka import AIOKafkaConsumer
async def getmany(*args, **kwargs):
    await asyncio.sleep(0.01)
    return {}
AIOKafkaConsumer.getmany = getmany
"""
"""A loop that turns and turns, and is given nothing."""
IMPATIENT = """
from brain.stores.sqlite import connection
connection.BUSY_SECONDS = 0.5
"""


def reading(i: int) -> Envelope:
    payload = b'{"device":"PUMP-%d","seq":1,"ts":"2026-03-02T06:00:00.000Z","flow_ml_h":%d}' % (i, i % 100)
    return Envelope("hospital/pumps", f"PUMP-{i}", payload, 1_772_431_200_000_000)


class Worker:
    """A `brain ingest` with `first` done in its process before, until the block ends; asked at the address that it prints."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.address = self.heard("health: ").removeprefix("health: ").partition("/livez")[0]

    def heard(self, begin: str) -> str:
        """The first line that begins so; it is waited for."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith(begin):
                return line
        raise AssertionError(f"it ended by {self.process.wait()} and never said {begin!r}")

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(self.address + path, timeout=10)
        return answer.status_code, answer.json()

    def until(self, path: str, wanted: Callable[[int, Mapping[str, Any]], bool]) -> dict[str, Any]:
        """The first answer that is as wanted."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            code, said = self.ask(path)
            if wanted(code, said):
                return said
            time.sleep(0.05)
        raise AssertionError(f"{path} says {code}: {said}")


@contextmanager
def worker(store: Path, *arguments: str, first: str = "", stuck: float = STUCK) -> Iterator[Worker]:
    argv = ["brain", "ingest", "--store", f"sqlite:///{store}", "--health", "0", "--stuck-after", str(stuck), *arguments]
    code = f"import sys\nfrom brain.cli import main\n{first}\nsys.argv = {argv!r}\nmain()"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()


async def sent(kafka: str, count: int = 200) -> tuple[str, ...]:
    """The arguments that read a new topic with so many messages, in blocks over all of its partitions."""
    topic = f"t{uuid4().hex}"
    await send([reading(i) for i in range(count)], kafka, topic)
    return "--kafka", kafka, "--topic", topic, "--group", topic


def all_stored(source: str, count: int) -> Callable[[int, Mapping[str, Any]], bool]:
    return lambda code, said: code == 200 and said["sources"].get(source) == {"stored": count, "behind": {}}


async def test_a_worker_that_gets_on_is_live_and_ready_and_stays_so_when_nothing_waits(
    kafka_address: str, tmp_path: Path
) -> None:
    arguments = await sent(kafka_address)
    with worker(tmp_path / "a.db", *arguments) as it:
        said = it.until("/readyz", all_stored(f"Kafka at {kafka_address}", 200))
        assert said["status"] == "ready"
        assert said["state"] == "idle"
        idle = time.monotonic() + STUCK + 1
        while time.monotonic() < idle:
            assert it.ask("/livez")[0] == 200
            time.sleep(0.2)
        await send([reading(i) for i in range(200, 300)], kafka_address, arguments[3])
        it.until("/livez", all_stored(f"Kafka at {kafka_address}", 300))


async def test_ends_of_transactions_are_no_lag(kafka_address: str, tmp_path: Path) -> None:
    """They take an offset each, and no reader is ever given a record there."""
    topic = f"t{uuid4().hex}"
    await ensure_topics(kafka_address, {topic: 1})
    producer = AIOKafkaProducer(bootstrap_servers=kafka_address, transactional_id=topic)
    await producer.start()
    for i in range(3):
        async with producer.transaction():
            await producer.send(topic, reading(i).payload, key=b"k")
    await producer.stop()
    with worker(tmp_path / "a.db", "--kafka", kafka_address, "--topic", f"{topic}=hospital/pumps", "--group", topic) as it:
        it.until("/livez", all_stored(f"Kafka at {kafka_address}", 3))
        end = time.monotonic() + STUCK + 1
        while time.monotonic() < end:
            assert it.ask("/livez")[0] == 200
            time.sleep(0.2)


async def test_a_store_that_is_locked_is_waited_for_alive_but_not_ready(kafka_address: str, tmp_path: Path) -> None:
    file, source = tmp_path / "a.db", f"Kafka at {kafka_address}"
    arguments = await sent(kafka_address)
    with worker(file, *arguments, first=IMPATIENT) as it:
        it.until("/readyz", all_stored(source, 200))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await send([reading(i) for i in range(200, 500)], kafka_address, arguments[3])
        said = it.until("/readyz", lambda code, said: said["state"] == "waiting for the store")
        assert said["status"] == "not ready"
        assert "another process has held the file" in said["reason"]
        end = time.monotonic() + 2 * STUCK
        while time.monotonic() < end:
            code, said = it.ask("/livez")
            assert (code, said["state"]) == (200, "waiting for the store")
            assert it.ask("/readyz")[0] == 503
            time.sleep(0.2)
        other.execute("ROLLBACK")
        other.close()
        it.until("/readyz", all_stored(source, 500))


@pytest.mark.parametrize("first", [NEVER, DEAF])
async def test_a_loop_that_turns_while_the_offsets_stand_still_is_not_live(
    kafka_address: str, tmp_path: Path, first: str
) -> None:
    arguments = await sent(kafka_address)
    topic = arguments[3]
    with worker(tmp_path / "a.db", *arguments, first=first) as it:
        said = it.until("/livez", lambda code, said: code == 503)
        assert said["status"] == "not live"
        assert said["state"] == "stuck"
        behind = said["sources"][f"Kafka at {kafka_address}"]["behind"]
        assert behind == {f"{topic}/{p}": 1 for p in range(PARTITIONS)}
        assert all(f"{topic}/{p} by 1" in said["reason"] for p in range(PARTITIONS))
        assert re.search(r"has stored nothing for \d+ s", said["reason"])
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", said["since"])
        assert it.ask("/readyz")[0] == 503


def test_a_folder_whose_batch_is_stuck_is_not_live(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "a.xml").write_text("<a/>")
    with worker(tmp_path / "a.db", "--folder", f"{drop}=mes/b2mml", "--every", "0.2", first=NEVER) as it:
        said = it.until("/livez", lambda code, said: code == 503)
        assert f"folder {drop}=mes/b2mml by 1" in said["reason"]
    with worker(tmp_path / "a.db", "--folder", f"{drop}=mes/b2mml", "--every", "0.2") as it:
        it.until("/readyz", all_stored(f"folder {drop}=mes/b2mml", 1))


async def test_an_mqtt_batch_that_is_stuck_is_not_live(mqtt_address: str, tmp_path: Path) -> None:
    arguments = ("--mqtt", mqtt_address, "--client-id", uuid4().hex)
    with worker(tmp_path / "a.db", *arguments, first=NEVER) as it:
        it.heard("subscribed to")
        await publish(mqtt_address, pump("P-1", 1))
        said = it.until("/livez", lambda code, said: code == 503)
        assert f"MQTT at {mqtt_address} by 1" in said["reason"]
    with worker(tmp_path / "a.db", *arguments) as it:  # to whom the broker gives what was never acknowledged
        it.until("/readyz", all_stored(f"MQTT at {mqtt_address}", 1))


def test_a_port_that_is_taken_or_none_is_said(tmp_path: Path, kafka_address: str) -> None:
    command = [sys.executable, "-m", "brain", "ingest", "--store", f"sqlite:///{tmp_path}/a.db", "--kafka", kafka_address]
    for given, code, words in (
        (kafka_address, 1, f"cannot listen on {kafka_address}: Address already in use; choose another --health"),
        ("no.such.host.invalid:0", 1, "cannot listen on no.such.host.invalid:0: "),
        ("here", 2, "'here' is no place to listen: write PORT or HOST:PORT"),
        ("127.0.0.1:99999", 2, "is no place to listen"),
    ):
        done = subprocess.run([*command, "--health", given], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        assert words in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr


# ---- What counts as standing still, by a clock of our own -----------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Given(Source):
    """A source that says what it is told to say."""

    name = "given"
    stored = 0

    def __init__(self) -> None:
        self.waits: dict[str, int] | StoreBusy = {}

    async def behind(self) -> Mapping[str, int]:
        if isinstance(self.waits, StoreBusy):
            raise self.waits
        return self.waits


async def test_time_counts_from_when_it_could_have_got_on() -> None:
    clock, source = Clock(), Given()
    liveness = Liveness(60, clock)

    async def after(seconds: float) -> tuple[bool, str]:
        clock.now += seconds
        await liveness.look()
        return liveness.report().live, liveness.report().state

    assert await after(1000) == (True, "starting")
    with liveness.following(source):
        assert await after(1000) == (True, "idle")
        source.waits = {"t/0": 5}  # after long idleness
        assert await after(50) == (True, "advancing")
        assert await after(9) == (True, "advancing")
        assert await after(2) == (False, "stuck")
        source.waits = StoreBusy("the broker is away")
        assert await after(500) == (True, "waiting for given")
        source.waits = {"t/0": 7}  # and back: it is given as long as before
        assert await after(59) == (True, "advancing")
        source.stored = 1  # a look late is no standstill
        assert await after(59) == (True, "advancing")
        assert await after(61) == (False, "stuck")
    assert await after(61) == (True, "idle")


class Silent(SqliteStore):
    """Answers readers, and writers not at all."""

    async def apply(self, *_: object) -> list[Notice]:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_write_without_an_answer_is_given_time_and_not_for_ever() -> None:
    clock, source, silent = Clock(), Given(), Silent("")
    await silent.prepare(load_schema())
    liveness = Liveness(60, clock)
    store = liveness.store(silent)
    source.waits = {"t/0": 5}
    with liveness.following(source):
        writing = asyncio.create_task(store.apply([]))
        found = []
        for _ in range(25):
            await asyncio.sleep(0)
            await liveness.look()
            found.append((liveness.report().state, liveness.report().live, liveness.report().ready))
            clock.now += 10
        assert found == [("advancing", True, True)] * 2 + [("writing", True, False)] * 20 + [("stuck", False, False)] * 3
        writing.cancel()
    await store.close()
