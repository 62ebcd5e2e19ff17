"""One log, every way in, one model: OCEL XML and SQLite files into SQLite, and shuffled through Kafka into Neo4j by two workers,
one of which is killed on the way."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.contract.test_neo4j import wipe
from tests.integration.test_kafka import some_marks

XML, SQLITE = "ocel/order-management-ocel2.xml", "ocel/order-management.sqlite"
TYPES = ("customers", "employees", "items", "orders", "packages")


def brain(*args: str) -> str:
    """The command's stdout; it must succeed."""
    done = subprocess.run([sys.executable, "-m", "brain", *args], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def worker(kafka: str, store: str, topic: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "brain", "ingest", "--kafka", kafka, "--store", store, "--topic", topic]
    return subprocess.Popen([*command, "--group", topic, "--idle-exit", "4"], stderr=subprocess.DEVNULL)


@contextmanager
def workers(*started: "subprocess.Popen[bytes]") -> Iterator[list["subprocess.Popen[bytes]"]]:
    running = list(started)
    try:
        yield running
    finally:
        for one in running:
            one.kill()
            one.wait()


@pytest.fixture(scope="module")
def from_xml(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('xml') / 'xml.db'}"
    brain("import", str(shared_data / XML), "--store", url)
    return url


def test_the_sqlite_file_gives_the_model_of_the_xml(from_xml: str, shared_data: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sqlite.db'}"
    brain("import", str(shared_data / SQLITE), "--store", url)
    assert brain("hash", "--store", url) == brain("hash", "--store", from_xml)


@pytest.mark.timeout(280)
async def test_shuffled_through_kafka_into_neo4j_with_one_worker_killed(
    from_xml: str, shared_data: Path, kafka_address: str, neo4j_url: str
) -> None:
    neo4j = neo4j_url
    await wipe(neo4j)
    topic = f"t{uuid4().hex}"
    command = ["import", str(shared_data / XML), "--kafka", kafka_address, "--topic", topic, "--format", "json"]
    (told,) = json.loads(brain(*command, "--shuffle", "11"))
    assert (told["sent"], told["topic"]) == (28_242, topic)
    with workers(*(worker(kafka_address, neo4j, topic) for _ in range(2))) as running:
        deadline = time.monotonic() + 60
        while not await some_marks(neo4j):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        running[0].send_signal(signal.SIGKILL)
        running.append(worker(kafka_address, neo4j, topic))
        assert [one.wait(200) for one in running[1:]] == [0, 0]
    assert brain("hash", "--store", neo4j) == brain("hash", "--store", from_xml)
    assert json.loads(brain("deadletters", "list", "--store", neo4j, "--format", "json")) == []
    for object_type in TYPES:
        report = ("report", "bottlenecks", "--object-type", object_type, "--format", "json", "--store")
        assert brain(*report, neo4j) == brain(*report, from_xml)
