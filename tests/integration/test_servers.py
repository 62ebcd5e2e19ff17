"""The real servers: they start without Docker and without an installed Java, keep what they acknowledged, and stop."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiomqtt
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from neo4j import Driver, GraphDatabase
from neo4j.exceptions import AuthError

from brain.servers import KafkaServer, MqttBroker, Neo4jServer, kafka_server, mqtt_broker, neo4j_server
from brain.servers.process import listening


@contextlib.contextmanager
def driver(url: str, password: str | None = None) -> Iterator[Driver]:
    parts = urlsplit(url)
    auth = (parts.username or "", password or unquote(parts.password or ""))
    with GraphDatabase.driver(f"{parts.scheme}://{parts.hostname}:{parts.port}", auth=auth) as opened:
        yield opened


def test_neo4j_is_the_locked_community_edition(neo4j_server_: Neo4jServer) -> None:
    with driver(neo4j_server_.url) as opened:
        rows = opened.execute_query("CALL dbms.components() YIELD name, versions, edition", database_="neo4j").records
    assert ["Neo4j Kernel", ["2026.08.1"], "community"] in [list(row) for row in rows]


def test_neo4j_takes_no_default_and_no_wrong_password(neo4j_server_: Neo4jServer) -> None:
    for wrong in ("neo4j", "guess"):  # after a third it would refuse everybody for some seconds
        with driver(neo4j_server_.url, password=wrong) as opened, pytest.raises(AuthError):
            opened.verify_connectivity()
    with driver(neo4j_server_.url) as opened:
        opened.verify_connectivity()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="lists a process's sockets by way of Linux's /proc")
def test_neo4j_and_kafka_listen_on_the_loopback_address_alone(kafka_server_: KafkaServer, neo4j_server_: Neo4jServer) -> None:
    for server in (kafka_server_, neo4j_server_):
        found = listens(server.pid)
        assert f"127.0.0.1:{server.listens_on}" in found
        assert all(address.startswith("127.") for address in found), found


def listens(pid: int) -> set[str]:
    """The addresses on which that process accepts TCP connections."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    inodes = {os.readlink(link).removeprefix("socket:[").rstrip("]") for link in links if "socket:" in os.readlink(link)}
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                # IPv4, also where it is written as IPv6 (::ffff:a.b.c.d): the last four bytes, lowest first.
                mapped = len(address) == 8 or address.startswith("0000000000000000FFFF0000")
                quad = ".".join(str(byte) for byte in reversed(bytes.fromhex(address[-8:]))) if mapped else address
                found.add(f"{quad}:{int(port, 16)}")
    return found


@pytest.fixture(scope="module")
def neo4j_server_() -> Iterator[Neo4jServer]:
    """A Neo4j that these tests may kill, with a password that a URL must not carry as it is."""
    with neo4j_server(password="p@ss/w:rd ü") as server:
        yield server


@pytest.fixture(scope="module")
def kafka_server_() -> Iterator[KafkaServer]:
    """A Kafka broker that these tests may kill."""
    with kafka_server() as server:
        yield server


def test_neo4j_keeps_what_it_committed_when_killed(neo4j_server_: Neo4jServer) -> None:
    server, url = neo4j_server_, neo4j_server_.url
    with driver(url) as opened:
        opened.execute_query("UNWIND range(1, 500) AS n CREATE (:Kept {n: n})", database_="neo4j")
    server.kill()
    assert not listening(server.listens_on)
    server.start()
    assert server.url == url
    with driver(url) as opened:
        rows = opened.execute_query("MATCH (k:Kept) RETURN count(k), sum(k.n)", database_="neo4j").records
    assert list(rows[0]) == [500, 125250]


def test_neo4j_has_the_given_password_and_keeps_it_from_others(neo4j_server_: Neo4jServer) -> None:
    assert neo4j_server_.url.startswith("neo4j://neo4j:p%40ss%2Fw%3Ard%20%C3%BC@127.0.0.1:")
    assert (neo4j_server_.data / "password").stat().st_mode & 0o777 == 0o600
    command = Path(f"/proc/{neo4j_server_.pid}/cmdline")
    if command.exists():
        assert b"p@ss" not in command.read_bytes()


@contextlib.asynccontextmanager
async def topic(address: str, partitions: int = 1) -> AsyncIterator[str]:
    name = f"t-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
        yield name
    finally:
        await admin.close()


async def read(address: str, name: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(name, bootstrap_servers=address, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        found: list[bytes] = []
        while len(found) < count:
            for records in (await asyncio.wait_for(consumer.getmany(timeout_ms=1000), 30)).values():
                found += [record.value for record in records]
        return found
    finally:
        await consumer.stop()


async def test_kafka_keeps_what_it_acknowledged_when_killed(kafka_server_: KafkaServer) -> None:
    server = kafka_server_
    async with topic(server.address) as name:
        producer = AIOKafkaProducer(bootstrap_servers=server.address, acks="all")
        await producer.start()
        for n in range(100):
            await producer.send_and_wait(name, str(n).encode())
        await producer.stop()
        address = server.address
        server.kill()
        server.start()
        assert server.address == address
        assert await read(address, name, 100) == [str(n).encode() for n in range(100)]


async def test_kafka_keeps_records_of_years_ago(kafka_address: str) -> None:
    """Replayed logs carry their own times; retention must not take them for old rubbish."""
    async with topic(kafka_address) as name:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_address)
        await producer.start()
        await producer.send_and_wait(name, b"from 2001", timestamp_ms=1_000_000_000_000)
        await producer.stop()
        assert await read(kafka_address, name, 1) == [b"from 2001"]
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_address)
        await admin.start()
        from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

        answer = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        await admin.close()
        settings = {entry[0]: entry[1] for entry in answer[0].resources[0][4]}
        assert settings["retention.ms"] == "-1"


async def test_kafka_makes_no_topic_out_of_a_misspelling(kafka_address: str) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_address)
    await consumer.start()
    async with topic(kafka_address) as name:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_address, request_timeout_ms=1000)
        await producer.start()
        with pytest.raises(Exception, match=r"(?i)unknown|timeout|not found|metadata|^$"):
            await asyncio.wait_for(producer.send_and_wait(f"{name}-misspelt", b"x"), 5)
        await asyncio.wait_for(producer.stop(), 30)
        topics = await consumer.topics()
    await consumer.stop()
    assert name in topics
    assert f"{name}-misspelt" not in topics


async def say_and_hear(port: int) -> bytes:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("ward/#", qos=1)
        await client.publish("ward/pump", b"5.0", qos=1)
        async for message in client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            return payload
    raise AssertionError("the broker closed the connection")


async def test_mqtt_broker_carries_messages_before_and_after_a_kill(mqtt_address: str) -> None:
    assert await asyncio.wait_for(say_and_hear(int(mqtt_address.split(":")[1])), 20) == b"5.0"
    with mqtt_broker() as broker:
        broker.kill()
        broker.start()
        assert await asyncio.wait_for(say_and_hear(broker.listens_on), 20) == b"5.0"


async def test_without_mosquitto_the_broker_in_python_serves_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("brain.servers.mqtt.FURTHER_PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with MqttBroker() as broker:
        assert broker.software == "amqtt"
        assert await asyncio.wait_for(say_and_hear(broker.listens_on), 20) == b"5.0"
    assert "using amqtt, a broker in Python" in capsys.readouterr().err


class Brain:
    """The `brain servers` command with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.environment = {**os.environ, "BRAIN_HOME": str(home)}

    def __call__(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", "from brain.cli import main; main()", "servers", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=240, check=False)

    def status(self) -> dict[str, dict[str, object]]:
        return {one["name"]: one for one in json.loads(self("status", "--format", "json").stdout)["servers"]}


@pytest.fixture
def brain(tmp_path: Path) -> Iterator[Brain]:
    command = Brain(tmp_path / "home")
    yield command
    command("stop")


def test_the_command_starts_once_keeps_data_and_stops(brain: Brain) -> None:
    started = brain("start")
    assert started.returncode == 0, started.stderr
    lines = [line.split("\t") for line in started.stdout.splitlines()]
    assert [line[0] for line in lines] == ["neo4j", "kafka"]
    url, address = lines[0][1], lines[1][1]
    with driver(url) as opened:
        opened.execute_query("CREATE (:Kept)", database_="neo4j")
    before = brain.status()
    assert before["neo4j"]["running"] is True
    assert before["neo4j"]["url"] == url
    assert before["kafka"]["url"] == address

    again = brain("start")
    assert again.stdout == started.stdout
    assert "neo4j: running already" in again.stderr
    assert brain.status() == before

    assert brain("stop").stderr == "kafka: stopped\nneo4j: stopped\n"
    assert not listening(urlsplit(url).port or 0)
    assert [one["running"] for one in brain.status().values()] == [False, False]
    assert brain("stop").stderr == "kafka: was not running\nneo4j: was not running\n"

    brain("start", "neo4j")
    after = brain.status()
    assert after["neo4j"]["running"] is True
    assert after["kafka"]["running"] is False
    assert after["neo4j"]["url"] == url
    with driver(url) as opened:
        assert opened.execute_query("MATCH (k:Kept) RETURN count(k)", database_="neo4j").records[0][0] == 1


def test_the_command_starts_again_what_was_killed(brain: Brain) -> None:
    brain("start", "kafka")
    first = brain.status()["kafka"]
    os.kill(int(str(first["pid"])), signal.SIGKILL)
    assert brain.status()["kafka"]["running"] is False
    again = brain("start", "kafka")
    assert again.returncode == 0, again.stderr
    second = brain.status()["kafka"]
    assert second["running"] is True
    assert second["pid"] != first["pid"]


def test_wrong_use_of_the_command_is_two_and_a_failure_is_one(brain: Brain, tmp_path: Path) -> None:
    assert brain("start", "postgres").returncode == 2
    (tmp_path / "home").write_text("in the way")
    failed = brain("start", "kafka")
    assert failed.returncode == 1
    assert "set BRAIN_HOME to a folder that you own" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_server_whose_data_is_broken_says_so_with_its_log(tmp_path: Path) -> None:
    server = KafkaServer(home=tmp_path / "kafka")
    server.start()
    server.stop()
    shutil.rmtree(tmp_path / "kafka" / "log" / "__cluster_metadata-0")
    (tmp_path / "kafka" / "log" / "meta.properties").write_text("version=9\n")
    with pytest.raises(Exception, match=r"(?s)kafka on 127\.0\.0\.1:\d+ ended before it was ready.*server\.log:\n    "):
        server.start()
