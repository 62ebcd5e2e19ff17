"""One SQLite file under strain: several processes on it, a disk that fills up, a file that may not be written."""

import asyncio
import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from brain.errors import StoreBroken
from brain.model import Assert, ChangeSet, DeadLetter, Link, Mark
from brain.query import Find, Hop, Nodes
from brain.servers import free_port
from brain.stores.sqlite import SqliteStore
from tests.contract import schema as small
from tests.contract.order import event
from tests.contract.reference import lines_of, reference

RECRUITING, RECEIPT = "ocel/recruiting-red.jsonocel", "eventlogs/08_receipt.xes.gz"
ROOM = 6 * 2**20
"""Bytes of the largest file on the full disk: some batches fit, the logs do not."""

Done = subprocess.CompletedProcess[str]


def command(*args: str, store: Path) -> list[str]:
    return [sys.executable, "-m", "brain", *args, "--store", f"sqlite:///{store}"]


def brain(*args: str, store: Path, **how: object) -> Done:
    return subprocess.run(command(*args, store=store), capture_output=True, text=True, timeout=120, **how)  # type: ignore[call-overload,no-any-return]


def hash_of(store: Path) -> str:
    done = brain("hash", store=store)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def whole(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of both logs, imported one after the other by nobody but one process."""
    store = tmp_path_factory.mktemp("whole") / "t.db"
    done = brain("import", str(shared_data / RECRUITING), str(shared_data / RECEIPT), store=store)
    assert done.returncode == 0, done.stderr
    return hash_of(store)


# ---- Several processes ------------------------------------------------------------------------------------------


async def test_two_imports_and_a_server_on_one_file(shared_data: Path, tmp_path: Path, whole: str) -> None:
    """The server answers all the time, and counts only ever more; both imports are whole in the end."""
    store, port = tmp_path / "t.db", free_port()
    with running(command("serve", "--port", str(port), store=store)) as server:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await ready(client, server)
            imports = [subprocess.Popen(command("import", str(shared_data / log), store=store)) for log in (RECRUITING, RECEIPT)]
            counts = []
            while any(one.poll() is None for one in imports):
                answer = (await client.post("/graphql", json={"query": "{ steps(first: 1) { totalCount } }"})).json()
                assert "errors" not in answer, answer
                counts.append(answer["data"]["steps"]["totalCount"])
                await asyncio.sleep(0.02)
            assert [one.returncode for one in imports] == [0, 0]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2, "the imports were over before the server was asked"
    assert hash_of(store) == whole


async def test_a_reader_sees_whole_batches_while_another_process_writes(tmp_path: Path) -> None:
    """Each batch moves all of 20 pumps to one place and number; whoever reads beside sees no mixture, by any way of reading."""
    path, rounds = tmp_path / "t.db", 150
    async with opened(path) as store:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(rounds)], cwd=Path(__file__).parents[2])
        seen = set[object]()
        while writer.poll() is None:
            page = await store.find(Find("Pump"))
            scanned = [n async for n in store.scan(Nodes("Pump"))]
            edges = await store.related([Hop(f"p/{n}") for n in range(20)])
            for values in ({n.properties["starts"] for n in page.nodes}, {n.properties["starts"] for n in scanned}):
                assert len(values) <= 1, values
                seen |= values
            assert len({e.target for found in edges for e in found}) <= 1
        assert writer.returncode == 0
        assert len(seen) > 2, "nothing was read while the other wrote"
        assert {n.properties["starts"] for n in (await store.find(Find("Pump"))).nodes} == {rounds}


WRITER = """
import asyncio, sys
from brain.model import Assert, Link
from brain.stores.sqlite import SqliteStore
from tests.contract import schema
from tests.contract.order import event

async def main():
    store = SqliteStore(sys.argv[1])
    await store.prepare(schema.schema())
    for n in range(1, int(sys.argv[2]) + 1):
        said = [Assert(f"p/{i}", "Pump", {"starts": n}, {}, (Link("locatedIn", f"w/{n % 7}"),)) for i in range(20)]
        await store.apply([event(f"e{n}-{i}", n, one) for i, one in enumerate(said)])
    await store.close()

asyncio.run(main())
"""


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(str(path))
    await store.prepare(small.schema())
    try:
        yield store
    finally:
        await store.close()


class running:
    """A process that is asked to end, and is waited for."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)

    def __enter__(self) -> "subprocess.Popen[bytes]":
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


async def ready(client: httpx.AsyncClient, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert server.poll() is None
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError("the server did not become ready")


# ---- A full disk ------------------------------------------------------------------------------------------------


def batch(n: int) -> list[ChangeSet]:
    """Some 40 KiB."""
    return [
        event(f"e{n}-{i}", n, Assert(f"p/{n}-{i}", "Pump", {"name": "x" * 300}, {}, (Link("locatedIn", "w/1"),)))
        for i in range(40)
    ]


async def test_a_full_disk_keeps_what_was_stored_and_nothing_of_the_batch_that_did_not_fit(tmp_path: Path) -> None:
    """SQLite's own word for a full disk (SQLITE_FULL), by a limit on the pages of the file."""
    letter = DeadLetter("l", "a", "t", "r", b"p", 1)
    async with opened(tmp_path / "t.db") as store:
        await store._connections.write(lambda db: db.execute("PRAGMA max_page_count = 200").fetchall())
        stored = 0
        with pytest.raises(
            StoreBroken, match=r"t\.db: .*full; nothing of this batch was stored\. Free some space and start again"
        ):
            for stored in range(100):
                await store.apply(batch(stored), [Mark("t", 0, stored + 1)], [letter._replace(id=str(stored))])
        assert 3 < stored < 99
        kept = [one for n in range(stored) for one in batch(n)]
        assert await lines_of(store) == reference(small.schema(), kept)
        assert await store.marks() == [Mark("t", 0, stored)]
        assert len(await store.letters()) == stored
        # There is room again: the same batch, the same store.
        await store._connections.write(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchall())
        await store.apply(batch(stored), [Mark("t", 0, stored + 1)])
        assert await lines_of(store) == reference(small.schema(), [*kept, *batch(stored)])


def test_an_import_onto_a_full_disk_says_so_and_goes_on_where_it_stopped(shared_data: Path, tmp_path: Path, whole: str) -> None:
    """The system's word: no file of the process may grow beyond a limit."""
    store = tmp_path / "t.db"
    logs = [str(shared_data / RECRUITING), str(shared_data / RECEIPT)]

    def narrow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))

    done = brain("import", *logs, store=store, preexec_fn=narrow)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "t.db" in last
    assert "nothing of this batch was stored. Free some space" in last, done.stderr
    assert "Traceback" not in done.stderr
    between = brain("import", "--format", "json", *logs, store=store)
    assert between.returncode == 0, between.stderr
    assert '"skipped": 0' not in between.stdout.split("}")[0], "nothing had been stored: the limit was too low to show anything"
    assert hash_of(store) == whole


async def test_a_damaged_end_of_the_log_is_an_unfinished_batch(tmp_path: Path) -> None:
    """What a power cut leaves: SQLite's log ends in the middle of a commit. All commits before it are there."""
    path, copy = tmp_path / "t.db", tmp_path / "copy.db"
    async with opened(path) as store:
        for n in range(5):
            await store.apply(batch(n))
        # While the store is open its log holds the commits: a copy of both files is what a crash leaves.
        log = Path(f"{path}-wal").read_bytes()
        copy.write_bytes(path.read_bytes())
        Path(f"{copy}-wal").write_bytes(log[: len(log) - 5000])
    async with opened(copy) as store:
        assert await lines_of(store) == reference(small.schema(), [one for n in range(4) for one in batch(n)])
        await store.apply(batch(4))
        assert await lines_of(store) == reference(small.schema(), [one for n in range(5) for one in batch(n)])


# ---- A file that may not be written -------------------------------------------------------------------------------


PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def obey_modes() -> None:
    """For root no file is read-only: then the command does without that power (capabilities(7))."""
    if os.geteuid() == 0:
        assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_read_only_file_is_refused_and_stays_as_it_is(shared_data: Path, tmp_path: Path, which: str) -> None:
    folder = tmp_path / "store"
    store, log = folder / "t.db", str(shared_data / "eventlogs/running-example.xes")
    assert brain("import", log, store=store).returncode == 0
    before, content = hash_of(store), store.read_bytes()
    store.chmod(0o444)
    folder.chmod(0o755 if which == "file" else 0o555)
    done = brain("import", log, "--namespace", "again", store=store, preexec_fn=obey_modes)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "t.db" in last
    assert "read-only; nothing was stored. Make it and its folder writable" in last, done.stderr
    assert "Traceback" not in done.stderr
    assert store.read_bytes() == content
    folder.chmod(0o755)
    store.chmod(0o644)
    assert hash_of(store) == before
    assert brain("import", log, "--namespace", "again", store=store, preexec_fn=obey_modes).returncode == 0
