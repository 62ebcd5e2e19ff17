"""`brain serve` as a real process: HTTP, websockets, a commit by another process, and how it stops."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.typing import Subprotocol

from brain.feeds.sqlite import SqliteFeed
from brain.model import Assert, ChangeSet, Link
from brain.stores import open_store
from ontology import load_schema

PROTOCOL = Subprotocol("graphql-transport-ws")
HOUR = 3_600_000_000
SERVE = [sys.executable, "-c", "from brain.cli.serve import serve; serve()"]


def said(event: str, *changes: Any, valid: int = HOUR) -> ChangeSet:
    return ChangeSet(event, "test", valid, valid, changes)


async def commit(path: Path, *batch: ChangeSet) -> None:
    """What a worker does in a process of its own: commit, then publish."""
    store, feed = open_store(f"sqlite:///{path}"), SqliteFeed(str(path))
    await store.prepare(load_schema(()))
    await feed.publish(await store.apply(batch))
    await feed.close()
    await store.close()


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and `127.0.0.1:PORT`, once it says that it listens."""
    process = subprocess.Popen(
        [*SERVE, "--port", "0", *arguments], stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://(\S+)/graphql", line)
        assert found, line + process.stderr.read()
        yield process, found[1]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "brain.db"
    asyncio.run(
        commit(
            path,
            said("ward", Assert("ward/7", "Ward", {"name": "Seven"})),
            said("bed", Assert("bed/1", "Bed", {"name": "Bed 1", "state": "free"}, links=(Link("locatedIn", "ward/7"),))),
        )
    )
    return path


def test_a_query_over_http_and_the_probes(database: Path) -> None:
    with serving("--store", f"sqlite:///{database}") as (process, address):
        query = "{ beds { totalCount edges { node { name state locatedIn { id name } } } } }"
        answer = httpx.post(f"http://{address}/graphql", json={"query": query})
        bed = {"name": "Bed 1", "state": "free", "locatedIn": {"id": "ward/7", "name": "Seven"}}
        assert answer.json() == {"data": {"beds": {"totalCount": 1, "edges": [{"node": bed}]}}}
        assert httpx.get(f"http://{address}/healthz").json() == {"status": "up"}
        assert httpx.get(f"http://{address}/readyz").json() == {"status": "ready"}
        assert "server" not in answer.headers
        evil = httpx.post(f"http://{address}/graphql", json={"query": query}, headers={"Host": "evil.example"})
        assert evil.status_code == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


async def test_live_figures_follow_what_another_process_commits_and_outlast_their_own(database: Path, tmp_path: Path) -> None:
    """Order o: placed at 1 h; then, told by another process, packed at 3 h; then, late, paid at 2 h; and, while nobody serves,
    shipped at 4 h."""

    def step(activity: str, hour: int) -> ChangeSet:
        told = {"activity": activity, "completedAt": hour * HOUR}
        return said(activity, Assert(f"step/{activity}", "Step", told, {}, (Link("object", "object/o"),)), valid=hour * HOUR)

    order = said("o", Assert("object/o", "WorkObject", {"objectType": "order"}))
    query = '{ liveBottlenecks(objectType: "order", minFrequency: 1) { edges { source target meanSeconds } } }'

    async def waits(address: str) -> dict[tuple[str, str], float]:
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"http://{address}/graphql", json={"query": query})
        edges = answer.json()["data"]["liveBottlenecks"]["edges"]
        return {(e["source"], e["target"]): e["meanSeconds"] for e in edges}

    async def become(address: str, wanted: dict[tuple[str, str], float]) -> None:
        deadline = time.monotonic() + 10
        while await waits(address) != wanted:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    asked = ("--store", f"sqlite:///{database}", "--live-file", str(tmp_path / "live.db"))
    paid = {("place", "pay"): 3600.0, ("pay", "pack"): 3600.0}
    with serving(*asked) as (process, address):
        await commit(database, order, step("place", 1))
        await become(address, {})
        await commit(database, step("pack", 3))
        await become(address, {("place", "pack"): 7200.0})
        await commit(database, step("pay", 2))
        await become(address, paid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    await commit(database, step("ship", 4))
    with serving(*asked) as (_, address):
        # At the first answer: what was told meanwhile is followed before anybody is answered.
        assert await waits(address) == {**paid, ("pack", "ship"): 3600.0}


async def test_a_commit_in_another_process_reaches_a_websocket(database: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path; from tests.e2e.test_api_serve import commit, said, HOUR;"
        "from brain.model import Assert;"
        "asyncio.run(commit(Path(sys.argv[1]), said('moved', Assert('bed/1', 'Bed', {'state': 'occupied'}), valid=2 * HOUR)))"
    )
    subscribe = """subscription { changes(classes: [Bed]) { id class names event at count node { ... on Bed { state } } } }"""
    with serving("--store", f"sqlite:///{database}") as (_, address):
        async with connected(address) as socket:
            await send(socket, {"id": "1", "type": "subscribe", "payload": {"query": subscribe}})
            await asyncio.sleep(0.5)  # the protocol has no answer that says that a subscription has begun
            root = Path(__file__).parents[2]
            worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(database), cwd=root)
            assert await worker.wait() == 0
            message = await receive(socket)
            assert (message["id"], message["type"]) == ("1", "next")
            assert message["payload"]["data"]["changes"] == {
                "id": "bed/1",
                "class": "Bed",
                "names": ["state"],
                "event": "moved",
                "at": "1970-01-01T02:00:00.000000Z",
                "count": 1,
                "node": {"state": "occupied"},
            }
            await send(socket, {"id": "1", "type": "complete"})
            await send(socket, {"id": "2", "type": "subscribe", "payload": {"query": "{ beds { totalCount } }"}})
            assert (await receive(socket))["payload"] == {"data": {"beds": {"totalCount": 1}}}
            assert (await receive(socket))["type"] == "complete"


async def test_a_websocket_keeps_to_the_rules(database: Path) -> None:
    with serving("--store", f"sqlite:///{database}") as (_, address):
        port = address.rpartition(":")[2]
        foreign, rebound = f"ws://{address}/graphql", f"ws://evil.example:{port}/graphql"
        for url, headers in ((foreign, {"Origin": "https://evil.example"}), (rebound, {})):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(url, host="127.0.0.1", subprotocols=[PROTOCOL], additional_headers=headers)
            assert refused.value.response.status_code == 403
        async with connected(address) as socket:
            deep = "subscription { changes { node " + "{ partOf " * 30 + "{ id }" + "}" * 32
            await send(socket, {"id": "1", "type": "subscribe", "payload": {"query": deep}})
            message = await receive(socket)
            assert message["type"] == "error"
            assert "levels deep" in message["payload"][0]["message"]
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.send("x" * 300_000)
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
        async with websockets.connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL]) as socket:
            await send(socket, {"id": "1", "type": "subscribe", "payload": {"query": "{ ontology { version } }"}})
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_stops_soon_though_a_subscriber_listens(database: Path, number: signal.Signals) -> None:
    with serving("--store", f"sqlite:///{database}") as (process, address):
        async with connected(address) as socket:
            await send(socket, {"id": "1", "type": "subscribe", "payload": {"query": "subscription { changes { id } }"}})
            await asyncio.sleep(0.3)
            began = time.monotonic()
            process.send_signal(number)
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 10)
            assert await asyncio.to_thread(process.wait, 10) == 0
            assert time.monotonic() - began < 8
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_off_loopback_needs_the_flag(database: Path) -> None:
    store = f"sqlite:///{database}"
    refused = subprocess.run([*SERVE, "--host", "0.0.0.0", "--store", store], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--insecure-public" in refused.stderr
    command = [*SERVE, "--host", "0.0.0.0", "--insecure-public", "--port", "0", "--store", store]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "WARNING: listening on 0.0.0.0 without a login" in process.stderr.readline()
        found = re.search(r"0\.0\.0\.0:(\d+)", process.stderr.readline())
        assert found
        answer = httpx.post(
            f"http://127.0.0.1:{found[1]}/graphql", json={"query": "{ ontology { version } }"}, headers={"Host": "brain.example"}
        )
        assert answer.status_code == 200
        process.terminate()


def test_a_port_in_use_is_one_clear_line(database: Path) -> None:
    with serving("--store", f"sqlite:///{database}") as (_, address):
        port = address.rpartition(":")[2]
        second = subprocess.run([*SERVE, "--port", port, "--store", f"sqlite:///{database}"], capture_output=True, text=True)
        assert second.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
        assert "Traceback" not in second.stderr


def connected(address: str) -> Any:
    return _Connected(address)


class _Connected:
    """An acknowledged graphql-transport-ws connection."""

    def __init__(self, address: str) -> None:
        self._connecting = websockets.connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL])

    async def __aenter__(self) -> websockets.ClientConnection:
        socket = await self._connecting.__aenter__()
        assert socket.subprotocol == PROTOCOL
        await send(socket, {"type": "connection_init"})
        assert await receive(socket) == {"type": "connection_ack"}
        return socket

    async def __aexit__(self, *exception: Any) -> None:
        await self._connecting.__aexit__(*exception)


async def send(socket: websockets.ClientConnection, message: dict[str, Any]) -> None:
    await socket.send(json.dumps(message))


async def receive(socket: websockets.ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 20))
