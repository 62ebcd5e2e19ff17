"""One real event becomes an answer: a pump's message at a real broker, a worker, a server, and a subscriber's websocket."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import aiomqtt

from tests.e2e.test_api_serve import connected, receive, send, serving

CHANGES = """subscription {
  changes(classes: [InfusionPump]) { id names node { ... on InfusionPump { flow quality { verdict } } } }
}"""


@contextmanager
def ingesting(mqtt: str, store: str, client: str) -> Iterator["subprocess.Popen[str]"]:
    """`brain ingest` in a process of its own, once it says that it has subscribed."""
    command = [sys.executable, "-m", "brain", "ingest", "--mqtt", mqtt, "--store", store, "--client-id", client]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("subscribed to "), line
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def publish(mqtt: str, *readings: dict[str, object]) -> None:
    host, port = mqtt.rsplit(":", 1)
    async with aiomqtt.Client(host, int(port)) as client:
        for reading in readings:
            await client.publish("hospital/pumps", json.dumps(reading), qos=1)


def reading(seq: int, flow: float | None) -> dict[str, object]:
    return {
        "device": "P-1",
        "seq": seq,
        "ts": f"2026-03-02T08:00:{seq:02}Z",
        "flow_ml_h": flow,
        "pressure_kpa": 30,
        "battery_pct": 90,
    }


async def test_a_message_reaches_a_subscriber(mqtt_address: str, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'live.db'}"
    with ingesting(mqtt_address, store, uuid4().hex) as worker, serving("--store", store) as (_, address):
        async with connected(address) as socket:
            await send(socket, {"id": "1", "type": "subscribe", "payload": {"query": CHANGES}})
            await asyncio.sleep(0.5)  # the protocol has no answer that says that a subscription has begun
            await publish(mqtt_address, reading(1, 120.0))
            told = (await receive(socket))["payload"]["data"]["changes"]
            assert (told["id"], told["node"]["flow"]) == ("asset/P-1", 120.0)
            assert {"flow", "pressure", "battery"} <= set(told["names"])
            # A null and an impossible value reach the subscriber as flags, and the last good value stands.
            await publish(mqtt_address, reading(2, None), reading(3, 9999.99))
            verdicts: list[str] = []
            while len(verdicts) < 2:
                node = (await receive(socket))["payload"]["data"]["changes"]["node"]
                assert node["flow"] == 120.0
                verdicts = [flag["verdict"] for flag in node["quality"]]
            assert verdicts == ["NULL", "OUT_OF_RANGE"]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


async def test_messages_wait_at_the_broker_while_no_worker_is_there(mqtt_address: str, tmp_path: Path) -> None:
    from brain.stores import open_store
    from ontology import load_schema

    file, client = tmp_path / "away.db", uuid4().hex
    with ingesting(mqtt_address, f"sqlite:///{file}", client) as worker:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    await publish(mqtt_address, *(reading(seq, float(seq)) for seq in range(1, 30)))
    store = open_store(f"sqlite:///{file}")
    await store.prepare(load_schema())
    with ingesting(mqtt_address, f"sqlite:///{file}", client):
        for _ in range(200):
            (pump,) = await store.nodes(["asset/P-1"])
            if pump is not None and pump.properties.get("flow") == 29.0:
                break
            await asyncio.sleep(0.1)
    await store.close()
    assert pump is not None
    assert pump.properties["flow"] == 29.0
    assert pump.stamps["flow"].event == "P-1-29"
