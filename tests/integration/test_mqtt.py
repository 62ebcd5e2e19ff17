"""MQTT with a real broker: what was published with quality of service 1 is stored, whoever dies on the way."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from brain.engine import Engine
from brain.model import ChangeSet, DeadLetter, Mark, Notice
from brain.query import Find
from brain.servers import mqtt_broker
from brain.servers.mqtt import MqttBroker
from brain.stores.sqlite import SqliteStore
from ingest.intake import Intake
from ingest.sources.mqtt import MqttSource, host_port
from ingest.wiring import topics_of, whole_pipeline
from ontology import load_schema
from tests.e2e.test_mqtt_to_subscriber import TOPIC, ingesting, publish, reading

SCHEMA = load_schema(())


@pytest.fixture
async def broker() -> AsyncIterator[MqttBroker]:
    """A broker of the test's own, since it is stopped and started."""
    with mqtt_broker() as server:
        server.start()
        if server.software != "mosquitto":
            pytest.fail("amqtt keeps no sessions and knows no MQTT 5: install mosquitto")
        yield server


async def pumps(path: Path) -> set[str]:
    """The devices that are in the store."""
    store = SqliteStore(str(path))
    await store.prepare(SCHEMA)
    try:
        page = await store.find(Find("InfusionPump", limit=10_000))
        return {node.key for node in page.nodes}
    finally:
        await store.close()


async def all_there(path: Path, wanted: set[str], seconds: float = 30) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while (found := await pumps(path)) != wanted:
        assert asyncio.get_running_loop().time() < deadline, f"{len(wanted - found)} of {len(wanted)} messages are missing"
        await asyncio.sleep(0.2)


async def test_killed_again_and_again_no_message_is_lost(broker: MqttBroker, tmp_path: Path) -> None:
    path = tmp_path / "brain.db"
    arguments = ("--mqtt", broker.address, "--store", f"sqlite:///{path}")
    wanted = {f"P-{i}" for i in range(900)}
    with ingesting(*arguments) as first:
        await publish(broker.address, *(reading(f"P-{i}", 1) for i in range(300)))
        first.send_signal(signal.SIGKILL)
    # Nobody listens now: the broker keeps them for our session.
    await publish(broker.address, *(reading(f"P-{i}", 1) for i in range(300, 600)))
    with ingesting(*arguments) as second:
        await publish(broker.address, *(reading(f"P-{i}", 1) for i in range(600, 900)))
        second.send_signal(signal.SIGKILL)
    with ingesting(*arguments):
        await all_there(path, wanted)


async def test_a_restart_of_the_broker_is_waited_out(broker: MqttBroker, tmp_path: Path) -> None:
    path = tmp_path / "brain.db"
    with ingesting("--mqtt", broker.address, "--store", f"sqlite:///{path}") as ingest:
        await publish(broker.address, reading("P-1", 1))
        await all_there(path, {"P-1"})
        ingest.send_signal(signal.SIGSTOP)
        await publish(broker.address, reading("P-2", 1))  # held by the broker, over its restart too
        await asyncio.to_thread(broker.stop)
        ingest.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(broker.start)
        await publish(broker.address, reading("P-3", 1))
        await all_there(path, {"P-1", "P-2", "P-3"})
        assert ingest.poll() is None


async def test_nothing_is_acknowledged_before_it_is_stored(broker: MqttBroker, tmp_path: Path) -> None:
    path = tmp_path / "brain.db"
    arguments = ("--mqtt", broker.address, "--store", f"sqlite:///{path}")
    with ingesting(*arguments) as first:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # another process holds the file: ours has the message, and cannot store it
        await publish(broker.address, reading("P-1", 1))
        await asyncio.sleep(1)
        first.send_signal(signal.SIGKILL)
        first.wait()
        other.close()
    assert await pumps(path) == set()
    with ingesting(*arguments):
        await all_there(path, {"P-1"})


class Unstored(Intake):
    """Is given messages and never gets them stored."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def take(self, *_: object) -> None:
        self.begun.set()
        await asyncio.Event().wait()


async def test_what_waits_at_the_broker_is_not_acknowledged_as_we_connect(broker: MqttBroker, tmp_path: Path) -> None:
    path = tmp_path / "brain.db"
    arguments = ("--mqtt", broker.address, "--store", f"sqlite:///{path}", "--client-id", "held")
    with ingesting(*arguments):
        pass  # from now on the broker keeps messages for this client
    await publish(broker.address, *(reading(f"P-{i}", 1) for i in range(500)))
    for _ in range(5):
        # These come in one piece with the broker's word that we are connected.
        intake = Unstored()
        task = asyncio.create_task(MqttSource(broker.address, [TOPIC], "held").run(intake))
        await intake.begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    with ingesting(*arguments):
        await all_there(path, {f"P-{i}" for i in range(500)})


class Slow(SqliteStore):
    """Records how much came at once, and takes its time."""

    batches: list[int]
    pause = 0.05

    async def apply(
        self, batch: "list[ChangeSet]", marks: "list[Mark]" = (), letters: "list[DeadLetter]" = ()  # type: ignore[override,assignment]
    ) -> list[Notice]:  # fmt: skip
        self.batches.append(len(batch))
        await asyncio.sleep(self.pause)
        return await super().apply(batch, marks, letters)


async def test_messages_that_wait_are_stored_together(mqtt_address: str, tmp_path: Path) -> None:
    store = Slow("")
    store.batches = []
    await store.prepare(SCHEMA)
    intake = Intake(whole_pipeline(SCHEMA), Engine(store))
    ready = asyncio.Event()
    source = MqttSource(mqtt_address, [TOPIC], tmp_path.name)
    running = asyncio.create_task(source.run(intake, ready))
    await asyncio.wait_for(ready.wait(), 10)
    await publish(mqtt_address, *(reading(f"P-{i}", 1) for i in range(500)))
    deadline = asyncio.get_running_loop().time() + 20
    while sum(store.batches) < 500:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    assert len(store.batches) < 100


async def test_a_flood_without_acknowledgement_does_not_fill_the_memory(
    mqtt_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sources.mqtt.HELD", 3_000)
    store = Slow("")
    store.batches, store.pause = [], 3.0  # in which a thousand come, however busy the machine is
    await store.prepare(SCHEMA)
    source = MqttSource(mqtt_address, [TOPIC], tmp_path.name)
    ready = asyncio.Event()
    running = asyncio.create_task(source.run(Intake(whole_pipeline(SCHEMA), Engine(store)), ready))
    await asyncio.wait_for(ready.wait(), 10)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, source.waiting)
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watch())
    host, port = host_port(mqtt_address, 1883)
    async with aiomqtt.Client(host, port) as client:
        for i in range(12_000):
            await client.publish(TOPIC, reading(f"P-{i}", 1), qos=0)
    deadline = asyncio.get_running_loop().time() + 60
    while most <= 1_000:
        assert asyncio.get_running_loop().time() < deadline, "no flood came"
        await asyncio.sleep(0.05)
    store.pause = 0.4
    # Reading goes on: what is published now arrives, though the broker was left waiting in between.
    await publish(mqtt_address, reading("LAST", 1))
    deadline = asyncio.get_running_loop().time() + 60
    while (await store.nodes(["asset/LAST"]))[0] is None:
        assert asyncio.get_running_loop().time() < deadline, f"{sum(store.batches)} taken, {source.waiting} wait"
        await asyncio.sleep(0.05)
    for task in (running, watching):
        task.cancel()
    await asyncio.gather(running, watching, return_exceptions=True)
    await store.close()
    assert most <= 3_000, "nothing held it back"


async def test_two_stores_on_one_machine_each_get_every_message(broker: MqttBroker, tmp_path: Path) -> None:
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    stores = [("--mqtt", broker.address, "--store", f"sqlite:///{path}") for path in paths]
    with ingesting(*stores[0]), ingesting(*stores[1]):
        await publish(broker.address, *(reading(f"P-{i}", 1) for i in range(50)))
        for path in paths:
            await all_there(path, {f"P-{i}" for i in range(50)})


async def test_retained_and_repeated_messages_are_one_event(broker: MqttBroker, tmp_path: Path) -> None:
    path = tmp_path / "brain.db"
    host, port = host_port(broker.address, 1883)
    async with aiomqtt.Client(host, port) as client:
        await client.publish(TOPIC, reading("P-1", 1), qos=1, retain=True)
    for _ in range(2):
        with ingesting("--mqtt", broker.address, "--store", f"sqlite:///{path}"):
            await publish(broker.address, reading("P-1", 1), reading("P-2", 2))
            await all_there(path, {"P-1", "P-2"})
    store = SqliteStore(str(path))
    await store.prepare(SCHEMA)
    (versions,) = await store.history(["asset/P-1"])
    await store.close()
    assert [v.stamp.event for v in versions] == ["P-1-1"]


def test_every_adapter_that_ships_tells_its_topics() -> None:
    assert TOPIC in topics_of(SCHEMA)
    assert json.loads(reading("P-1", 1))["device"] == "P-1"


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("localhost", ("localhost", 1883)),
        ("10.0.0.1:8883", ("10.0.0.1", 8883)),
        ("[::1]:1884", ("::1", 1884)),
        ("[::1]", ("::1", 1883)),
    ],
)
def test_addresses(address: str, parts: tuple[str, int]) -> None:
    assert host_port(address, 1883) == parts
