"""The life of a server process. No network beyond the loopback address."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from brain.servers import local
from brain.servers.jars import FetchFailed, fetch, read_lock
from brain.servers.kafka import new_cluster_id
from brain.servers.process import Server, ServerFailed, end, identity, is_free, listening


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    found = {new_cluster_id() for _ in range(2000)}
    assert len(found) == 2000
    assert {len(one) for one in found} == {22}
    assert not [one for one in found if one.startswith("-")]


PROGRAM = """
import socket, sys, time
print("starting", flush=True)
time.sleep(float(sys.argv[2]))
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("I listen", flush=True)
while True:
    listener.accept()[0].close()
"""


@dataclass
class Echo(Server):
    """A server as small as can be, in a process of its own."""

    program: str = PROGRAM
    delay: float = 0.0

    name = "echo"
    start_seconds = 20.0
    stop_seconds = 5.0

    def prepare(self) -> list[str]:
        return [sys.executable, "-c", self.program, str(self.listens_on), str(self.delay)]

    def is_ready(self, log: str) -> bool:
        return "I listen" in log


def test_a_server_keeps_port_and_data_over_stop_kill_and_restart() -> None:
    with Echo() as server:
        port, data, first = server.listens_on, server.data, server.pid
        assert listening(port)
        server.kill()
        assert not server.running
        assert not listening(port)
        (data / "kept").touch()
        second = server.start().pid
        assert server.start().pid == second
        third = server.restart().pid
        assert len({first, second, third}) == 3
        assert (server.listens_on, server.data) == (port, data)
        assert (data / "kept").exists()
        assert os.getpgid(third) == third  # a group of its own: Ctrl-C at the terminal does not reach it
    assert not server.running
    assert not data.exists()


def test_data_that_was_given_is_kept(tmp_path: Path) -> None:
    with Echo(home=tmp_path / "here"):
        pass
    assert "I listen" in (tmp_path / "here" / "server.log").read_text()


def test_a_server_that_ends_early_shows_the_end_of_its_log() -> None:
    with pytest.raises(ServerFailed, match=r"(?s)echo on 127\.0\.0\.1:\d+ ended before it was ready.*no such thing"):
        Echo(program="raise SystemExit('no such thing')").start()


def test_a_server_that_is_late_is_ended_and_shows_the_end_of_its_log() -> None:
    server = Echo(delay=30)
    server.start_seconds = 1.0
    with pytest.raises(ServerFailed, match=r"(?s)was not ready after 1 s.*starting"):
        server.start()
    assert not server.running


def test_a_port_lost_to_another_between_choosing_and_binding_is_chosen_again() -> None:
    with Echo() as first:
        taken = first.listens_on

        class Unlucky(Echo):
            def prepare(self) -> list[str]:
                if self.port is None:
                    self.port = taken if not (self.data / "tried").exists() else None
                    (self.data / "tried").touch()
                return super().prepare()

        with Unlucky() as second:
            assert second.listens_on != taken
            assert listening(second.listens_on)


def test_a_port_that_the_caller_chose_is_not_replaced() -> None:
    with Echo() as first:
        second = Echo(port=first.listens_on)
        with pytest.raises(ServerFailed, match="already in use"):
            second.start()
        assert second.port == first.port


STARTER = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from tests.unit.test_servers import Echo
server = Echo().start()
if sys.argv[2] == "release":
    server.release()
print(server.pid, server.known_as, server.data, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("how", "survives"), [("hold", False), ("release", True)])
def test_a_server_ends_with_its_starter_even_by_kill_unless_released(how: str, survives: bool) -> None:
    checkout = str(Path(__file__).parents[2])
    with subprocess.Popen([sys.executable, "-c", STARTER, checkout, how], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        pid, known_as, data = starter.stdout.readline().split()
        assert identity(int(pid)) == known_as
        starter.kill()
    until = time.monotonic() + (1 if survives else 20)
    while identity(int(pid)) == known_as and time.monotonic() < until:
        time.sleep(0.05)
    assert (identity(int(pid)) == known_as) is survives
    while Path(data).exists() and not survives and time.monotonic() < until:
        time.sleep(0.05)
    assert Path(data).exists() is survives
    if survives:
        assert end(int(pid), known_as, 5)
        shutil.rmtree(data)


def test_a_pid_that_is_anothers_now_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        assert not end(other.pid, "some-earlier-process", 1)
        assert other.poll() is None
        other.send_signal(signal.SIGKILL)


def test_a_process_deaf_to_sigterm_is_killed() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        known_as = identity(process.pid)
        assert known_as
        assert end(process.pid, known_as, 0.3)
        assert identity(process.pid) is None
        process.returncode = -signal.SIGKILL  # `end` has taken it from the system's table


def test_a_free_port_is_one_that_nobody_listens_on() -> None:
    with Echo() as server:
        assert not is_free(server.listens_on)
    assert is_free(server.listens_on)


def test_status_before_any_start(tmp_path: Path) -> None:
    assert [(one.name, one.running, one.url) for one in local.status(local.NAMES, tmp_path)] == [
        ("neo4j", False, None),
        ("kafka", False, None),
    ]
    assert list(tmp_path.iterdir()) == []


def test_stopping_what_never_ran_is_no_error(tmp_path: Path) -> None:
    out = io.StringIO()
    local.stop(local.NAMES, tmp_path, out)
    assert out.getvalue() == "kafka: was not running\nneo4j: was not running\n"


def test_a_stale_state_file_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "servers" / "kafka").mkdir(parents=True)
    (tmp_path / "servers" / "kafka" / "running.json").write_text(
        f'{{"pid": {os.getpid()}, "known_as": "an-earlier-boot", "port": 9}}'
    )
    assert not local.status(["kafka"], tmp_path)[0].running
    local.stop(["kafka"], tmp_path, io.StringIO())  # or this test run would end here


def test_a_damaged_state_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "servers" / "kafka").mkdir(parents=True)
    (tmp_path / "servers" / "kafka" / "running.json").write_text("{")
    with pytest.raises(Exception, match=r"running\.json is damaged .* delete the file"):
        local.status(["kafka"], tmp_path)


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="set BRAIN_HOME to a folder that you own"):
        local.start(["kafka"], tmp_path / "file", io.StringIO())
    with pytest.raises(FetchFailed, match="set BRAIN_CACHE to a folder that you own"):
        fetch(read_lock("kafka"), cache=tmp_path / "file")
