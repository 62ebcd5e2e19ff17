"""From a real MQTT broker to a GraphQL subscriber, through `brain ingest` and `brain serve` in processes of their own."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiomqtt
import pytest

from ingest.sources.mqtt import host_port
from tests.e2e.test_api_serve import connected, receive, send, serving

TOPIC = "hospital/pumps"
CHANGES = """subscription { changes(classes: [InfusionPump]) {
    id class names event at node { ... on InfusionPump { flow battery state } } } }"""


def reading(device: str, seq: int, **changes: object) -> str:
    """One message of an infusion pump, as the hospital's adapter knows it."""
    said = {"device": device, "seq": seq, "ts": f"2026-03-02T08:15:{seq:02}.250+01:00", "flow_ml_h": 90.0 + seq}
    return json.dumps({**said, "battery_pct": 81.5, "state": "infusing", **changes})


async def publish(broker: str, *messages: str) -> None:
    host, port = host_port(broker, 1883)
    async with aiomqtt.Client(host, port) as client:
        for message in messages:
            await client.publish(TOPIC, message, qos=1)


@contextmanager
def ingesting(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """`brain ingest`, once it says that it has subscribed."""
    command = [sys.executable, "-m", "brain", "ingest", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert "subscribed to" in line, line + process.stderr.read()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def test_a_pump_message_reaches_a_subscriber(mqtt_address: str, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'brain.db'}"
    with (
        serving("--store", store) as (_, address),
        ingesting("--mqtt", mqtt_address, "--store", store, "--client-id", tmp_path.name) as ingest,
    ):
        async with connected(address) as socket:
            await send(socket, {"id": "1", "type": "subscribe", "payload": {"query": CHANGES}})
            await asyncio.sleep(0.5)  # the protocol has no answer that says that a subscription has begun
            published = time.monotonic()
            await publish(mqtt_address, reading("P-7", 1))
            message = await receive(socket)
            seconds = time.monotonic() - published
            assert message["payload"]["data"]["changes"] == {
                "id": "asset/P-7",
                "class": "InfusionPump",
                "names": ["battery", "flow", "state"],
                "event": "P-7-1",
                "at": "2026-03-02T07:15:01.250000Z",
                "node": {"flow": 91.0, "battery": 81.5, "state": "infusing"},
            }
            assert seconds < 3
            # Nonsense and a null in between stop nothing; the last good value stays, and the null is told.
            await publish(mqtt_address, "no json {", reading("P-7", 2, flow_ml_h=None), reading("P-7", 3))
            seen = []
            while not seen or seen[-1]["event"] != "P-7-3":
                seen.append((await receive(socket))["payload"]["data"]["changes"])
            assert seen[-1]["node"]["flow"] == 93.0
            query = '{ node(id: "asset/P-7") { ... on InfusionPump { quality { property verdict } } } }'
            await send(socket, {"id": "2", "type": "subscribe", "payload": {"query": query}})
            answer = await receive(socket)
            assert answer["payload"]["data"]["node"]["quality"] == [{"property": "flow", "verdict": "NULL"}]
        ingest.terminate()
        assert await asyncio.to_thread(ingest.wait, 10) == 0
        assert ingest.stderr is not None
        said = ingest.stderr.read()
        assert "Traceback" not in said
        assert "4 messages, 3 events, 1 dead" in said
    listed = subprocess.run(
        [sys.executable, "-m", "brain", "deadletters", "list", "--store", store, "--format", "json"],
        capture_output=True,
        text=True,
    )
    (letter,) = json.loads(listed.stdout)
    assert (letter["topic"], letter["payload"]) == (TOPIC, "no json {")


@pytest.mark.parametrize("address", ["nowhere:", "127.0.0.1:port", ":1883"])
def test_an_address_that_is_none(address: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "brain", "ingest", "--mqtt", address, "--store", f"sqlite:///{tmp_path / 't.db'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "is no address: write HOST:PORT, for example 127.0.0.1:1883" in done.stderr
    assert "Traceback" not in done.stderr
