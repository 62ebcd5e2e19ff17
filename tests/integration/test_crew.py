"""`brain ingest --workers`: real workers on a real Kafka, which share the work, and begin and end as one."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from brain.servers.process import identity
from brain.stores import open_store
from ingest.sources.kafka import PARTITIONS, send
from ontology import load_schema
from tests.integration.test_kafka import hash_of
from tests.integration.test_livez import reading, sent

PATIENCE = 60.0


class Command:
    """A `brain ingest --workers`; `heard` is all that it has printed so far."""

    def __init__(self, process: "subprocess.Popen[bytes]", printed: Path) -> None:
        self.process = process
        self._printed = printed

    @property
    def heard(self) -> str:
        return self._printed.read_text()

    def until(self, pattern: str, times: int = 1) -> list[str]:
        """What the group of the pattern has matched, once it has matched so often."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if len(found := re.findall(pattern, self.heard)) >= times:
                return found
            assert self.process.poll() is None, self.heard
            time.sleep(0.05)
        raise AssertionError(self.heard)

    @property
    def workers(self) -> list[int]:
        """The pids of its workers."""
        shown = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [tuple(map(int, line.split())) for line in shown.splitlines()]
        return sorted(pid for pid, parent in pairs if parent == self.process.pid)

    def ended(self) -> int:
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def crew(store: Path, *arguments: str, workers: int = 2) -> Iterator[Command]:
    printed = store.with_suffix(".log")
    argv = [sys.executable, "-m", "brain", "ingest", "--store", f"sqlite:///{store}", "--workers", str(workers), "-v", *arguments]
    with printed.open("wb") as out, subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=out) as process:
        command = Command(process, printed)
        try:
            yield command
        finally:
            process.kill()  # who sees the lifeline end ends, too


def gone(pids: list[int], within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if all(identity(pid) is None for pid in pids):
            return True
        time.sleep(0.05)
    return False


def taking(it: Command) -> list[int]:
    """Waits until the two workers have half of the partitions each; the pids of the workers."""
    it.until(r"worker 1: .* takes (.*/\d+, .*/\d+, .*/\d+, .*/\d+)\n")
    it.until(r"worker 2: .* takes (.*/\d+, .*/\d+, .*/\d+, .*/\d+)\n")
    assert len(it.workers) == 2
    return it.workers


def ask(url: str) -> tuple[int, Any]:
    answer = httpx.get(url, timeout=10)
    return answer.status_code, answer.json()


def answered(url: str, wanted: Callable[[int, Any], bool]) -> Any:
    """The first answer that is as wanted."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        code, said = ask(url)
        if wanted(code, said):
            return said
        time.sleep(0.1)
    raise AssertionError((code, said))


def stored(said: Any) -> int:
    return sum(one["stored"] for one in said["sources"].values())


async def marks_sum(store: Path) -> int:
    opened = open_store(f"sqlite:///{store}")
    await opened.prepare(load_schema())
    try:
        return sum(mark.offset for mark in await opened.marks())
    finally:
        await opened.close()


@pytest.mark.timeout(180)
async def test_two_workers_share_the_work_and_make_the_model_of_one(kafka_address: str, tmp_path: Path) -> None:
    dirty = b'{"device":"PUMP-0","seq":2,"ts":"2026-03-02T06:00:10.000Z","flow_ml_h":null}'
    messages = [*(reading(i) for i in range(2999)), reading(0)._replace(payload=dirty)]
    arguments = await sent(kafka_address, 0)
    one = tmp_path / "one.db"
    with crew(tmp_path / "two.db", *arguments, "--idle-exit", "4") as it:
        taking(it)
        await send(messages, kafka_address, arguments[3])
        assert await asyncio.to_thread(it.ended) == 0
    shares = [int(n.replace(",", "")) for n in re.findall(r"worker \d: brain ingest: ([\d,]+) messages", it.heard)]
    assert len(shares) == 2
    assert min(shares) > 0
    assert sum(shares) == 3000
    assert re.search(r"^brain ingest: 3,000 messages, 3,000 events, 0 dead, 0 duplicates, 1 null$", it.heard, re.MULTILINE)
    alone = [*arguments[:-1], "alone-" + arguments[-1], "--idle-exit", "2"]
    done = subprocess.run([sys.executable, "-m", "brain", "ingest", "--store", f"sqlite:///{one}", *alone], check=False)
    assert done.returncode == 0
    assert await hash_of(f"sqlite:///{tmp_path / 'two.db'}") == await hash_of(f"sqlite:///{one}")


@pytest.mark.timeout(180)
async def test_where_one_is_killed_all_end_and_the_next_crew_goes_on(kafka_address: str, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    arguments = await sent(kafka_address, 0)
    with crew(store, *arguments) as it:
        pids = taking(it)
        await send([reading(i) for i in range(400)], kafka_address, arguments[3])
        os.kill(pids[0], signal.SIGKILL)
        assert await asyncio.to_thread(it.ended) == 1
        assert gone(pids, 1)
    last = it.heard.splitlines()[-1]
    assert re.match(r"brain: worker [12] ended by SIGKILL, and the others with it; nothing is lost, start again", last)
    assert "Traceback" not in it.heard
    with crew(store, *arguments, "--idle-exit", "2") as it:
        assert await asyncio.to_thread(it.ended) == 0
    ends, one = await marks_sum(store), tmp_path / "one.db"
    assert ends == PARTITIONS
    alone = [*arguments[:-1], "alone-" + arguments[-1], "--idle-exit", "2"]
    subprocess.run([sys.executable, "-m", "brain", "ingest", "--store", f"sqlite:///{one}", *alone], check=True)
    assert await hash_of(f"sqlite:///{store}") == await hash_of(f"sqlite:///{one}")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_in_order(kafka_address: str, tmp_path: Path, number: signal.Signals) -> None:
    arguments = await sent(kafka_address)
    with crew(tmp_path / "a.db", *arguments) as it:
        pids = taking(it)
        it.process.send_signal(number)
        assert await asyncio.to_thread(it.ended) == 0
        assert gone(pids, 1)
    assert len(re.findall(r"worker \d: brain ingest: ", it.heard)) == 2
    assert "Traceback" not in it.heard


@pytest.mark.timeout(120)
async def test_no_worker_outlives_a_crew_that_is_killed(kafka_address: str, tmp_path: Path) -> None:
    arguments = await sent(kafka_address)
    with crew(tmp_path / "a.db", *arguments) as it:
        pids = taking(it)
        it.process.kill()
        assert gone(pids, 15)


async def test_a_worker_that_fails_is_quoted_and_nobody_is_left(kafka_address: str, tmp_path: Path) -> None:
    """No worker may begin at a broker that is away: each says so, and ends."""
    with crew(tmp_path / "a.db", "--kafka", "127.0.0.1:1") as it:
        pids = [int(pid) for pid in it.workers]
        assert await asyncio.to_thread(it.ended) == 1
        assert gone(pids, 1)
    last = it.heard.splitlines()[-1]
    assert re.fullmatch(
        r"brain: worker \d ended with code 1, .* Its last line: Kafka at 127\.0\.0\.1:1 is out of reach.*", last
    ), it.heard


@pytest.mark.timeout(120)
async def test_health_speaks_for_all_workers(kafka_address: str, tmp_path: Path) -> None:
    arguments = await sent(kafka_address)
    with crew(tmp_path / "a.db", *arguments, "--health", "0", "--stuck-after", "3") as it:
        address = it.until(r"health: (\S+)/livez")[0]
        assert ask(f"{address}/livez")[0] == 200
        pids = taking(it)
        source = f"Kafka at {kafka_address}"
        told = answered(f"{address}/readyz", lambda code, said: code == 200 and stored(said) == 200 and said["state"] == "idle")
        assert sorted(told["sources"]) == [f"worker 1, {source}", f"worker 2, {source}"]
        # One that no longer turns says nothing, and a crew is as well as its worst.
        os.kill(pids[0], signal.SIGSTOP)
        try:
            told = answered(f"{address}/livez", lambda code, _: code == 503)
            assert re.search(r"worker [12]: it has said nothing for \d+ s", told["reason"])
        finally:
            os.kill(pids[0], signal.SIGCONT)


@pytest.mark.parametrize("more", [[], ["--kafka", "127.0.0.1:1", "--mqtt", "127.0.0.1:1"]])
def test_workers_are_for_kafka(tmp_path: Path, more: list[str]) -> None:
    arguments = ["--folder", f"{tmp_path}=mes/b2mml", "--workers", "2", *more]
    done = subprocess.run([sys.executable, "-m", "brain", "ingest", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--workers share the partitions of --kafka" in done.stderr
