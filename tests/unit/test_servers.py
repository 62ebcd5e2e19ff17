"""Jars by lock over real HTTP, and the life of a server process. No network beyond the loopback address."""

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from brain.servers import local
from brain.servers.jars import FetchFailed, Jar, Lock, fetch, read_lock
from brain.servers.kafka import new_cluster_id
from brain.servers.places import cache_dir
from brain.servers.process import Server, ServerFailed, end, free_port, identity, is_free, listening


@dataclass
class Repository:
    """A Maven repository on the loopback address that can be told to misbehave, and counts what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    refuse_first: int = 0
    cut_first: int = 0
    slow_seconds: float = 0.0
    port: int = 0

    def add(self, coordinate: str, data: bytes) -> Jar:
        group, artifact, version = coordinate.split(":")
        path = f"/{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.jar"
        self.files[path] = data
        self.files[f"{path}.sha1"] = hashlib.sha1(data).hexdigest().encode()
        return Jar(hashlib.sha256(data).hexdigest(), len(data), coordinate)

    def jars_asked(self) -> Counter[str]:
        return Counter({path: n for path, n in self.asked.items() if path.endswith(".jar")})


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A running repository that jgo takes for Maven Central, by way of a user's own jgo settings."""
    repository = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            repository.asked[self.path] += 1
            data = repository.files.get(self.path)
            if self.path.endswith(".jar") and repository.asked[self.path] <= repository.refuse_first:
                data = None
            if self.path.endswith(".jar"):
                time.sleep(repository.slow_seconds)
            self.send_response(200 if data is not None else 503)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            cut = self.path.endswith(".jar") and repository.asked[self.path] <= repository.cut_first
            self.wfile.write((data or b"")[: 3 if cut else None])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        repository.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        home = tmp_path / "home"
        (home / ".config").mkdir(parents=True)
        (home / ".config" / "jgo.conf").write_text(f"[repositories]\ncentral = http://127.0.0.1:{repository.port}\n")
        monkeypatch.setenv("HOME", str(home))
        yield repository
        server.shutdown()
        thread.join()


def small_lock(repository: Repository, count: int = 5) -> Lock:
    jars = tuple(repository.add(f"org.example:part{n}:1.{n}", f"jar number {n}".encode() * 50) for n in range(count))
    return Lock("example", ("org.example:part0:1.0",), jars)


def test_fetches_exactly_the_locked_jars_and_shows_progress(repository: Repository, tmp_path: Path) -> None:
    lock, out = small_lock(repository), io.StringIO()
    folder = fetch(lock, cache=tmp_path / "cache", out=out)
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == {
        f"part{n}-1.{n}.jar": lock.jars[n].sha256 for n in range(5)
    }
    assert "fetching 5 of 5 jars" in out.getvalue()
    assert "5 of 5 jars, 0 of 0 MB" in out.getvalue()
    assert list((tmp_path / "home").rglob("*")) == [tmp_path / "home/.config", tmp_path / "home/.config/jgo.conf"]


def test_cached_jars_need_no_request_and_no_word(repository: Repository, tmp_path: Path) -> None:
    lock = small_lock(repository)
    first = fetch(lock, cache=tmp_path / "cache", out=io.StringIO())
    before, out = Counter(repository.asked), io.StringIO()
    assert fetch(lock, cache=tmp_path / "cache", out=out) == first
    assert repository.asked == before
    assert out.getvalue() == ""


def test_only_what_is_missing_or_cut_short_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    lock = small_lock(repository)
    folder = fetch(lock, cache=tmp_path / "cache", out=io.StringIO())
    (folder / "part1-1.1.jar").unlink()
    (folder / "part3-1.3.jar").write_bytes(b"half")
    repository.asked.clear()
    fetch(lock, cache=tmp_path / "cache", out=io.StringIO())
    assert sorted(Path(path).name for path in repository.jars_asked()) == ["part1-1.1.jar", "part3-1.3.jar"]
    assert (folder / "part3-1.3.jar").read_bytes() == b"jar number 3" * 50


@pytest.mark.parametrize("trouble", ["refuse_first", "cut_first"])
def test_a_failing_download_is_tried_again(repository: Repository, tmp_path: Path, trouble: str) -> None:
    lock = small_lock(repository, 2)
    setattr(repository, trouble, 2)
    out = io.StringIO()
    folder = fetch(lock, cache=tmp_path / "cache", out=out, pause=0.01)
    assert len(list(folder.iterdir())) == 2
    assert set(repository.jars_asked().values()) == {3}
    assert "try 2 of 4 failed" in out.getvalue()


def test_other_bytes_than_the_locked_ones_never_enter_the_folder(repository: Repository, tmp_path: Path) -> None:
    lock = small_lock(repository, 2)
    repository.add("org.example:part1:1.1", b"not what was locked")  # with a SHA-1 that fits, as an attacker would
    with pytest.raises(FetchFailed, match=r"org\.example:part1:1\.1: its SHA-256 is .* the lock says"):
        fetch(lock, cache=tmp_path / "cache", out=io.StringIO(), pause=0.01)
    assert [path.name for path in (tmp_path / "cache").rglob("*.jar")] == ["part0-1.0.jar"]


def test_no_repository_is_a_clear_error(repository: Repository, tmp_path: Path) -> None:
    lock = small_lock(repository, 1)
    (tmp_path / "home/.config/jgo.conf").write_text(f"[repositories]\ncentral = http://127.0.0.1:{free_port()}\n")
    with pytest.raises(FetchFailed, match="Check the network and run it again"):
        fetch(lock, cache=tmp_path / "cache", out=io.StringIO(), pause=0.01)


FETCH_IN_A_PROCESS = """
import sys
from pathlib import Path
from brain.servers.jars import Jar, Lock, fetch
jars = tuple(Jar(s, int(n), c) for s, n, c in (line.split() for line in sys.stdin))
fetch(Lock("example", (), jars), cache=Path(sys.argv[1]))
"""


def fetching_process(lock: Lock, cache: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH_IN_A_PROCESS, str(cache)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin
    process.stdin.write("\n".join(f"{jar.sha256} {jar.size} {jar.coordinate}" for jar in lock.jars))
    process.stdin.close()
    process.stdin = None
    return process


def test_two_processes_at_once_fetch_each_jar_once(repository: Repository, tmp_path: Path) -> None:
    lock = small_lock(repository, 12)
    repository.slow_seconds = 0.3
    both = [fetching_process(lock, tmp_path / "cache") for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert set(repository.jars_asked().values()) == {1}
    assert len(repository.jars_asked()) == 12


def test_a_killed_fetch_goes_on_where_it_stopped(repository: Repository, tmp_path: Path) -> None:
    lock = small_lock(repository, 18)
    repository.slow_seconds = 0.4
    with fetching_process(lock, tmp_path / "cache") as process:
        until = time.monotonic() + 30
        while not list((tmp_path / "cache" / "jars").glob("example-*/*.jar")) and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
    there = {path.name for path in (tmp_path / "cache" / "jars").glob("example-*/*.jar")}
    assert 0 < len(there) < 18
    time.sleep(0.5)  # requests of the killed process that the repository is still answering
    repository.asked.clear()
    repository.slow_seconds = 0
    folder = fetch(lock, cache=tmp_path / "cache", out=io.StringIO())
    assert {Path(path).name for path in repository.jars_asked()} == {jar.file_name for jar in lock.jars} - there
    assert len(list(folder.iterdir())) == 18


@pytest.mark.parametrize(("name", "count"), [("neo4j", 237), ("kafka", 46)])
def test_the_locks_of_the_project_are_sound(name: str, count: int) -> None:
    lock = read_lock(name)
    assert len(lock.jars) == count
    assert len({jar.file_name for jar in lock.jars}) == count  # else one would hide another on the class path
    assert {":".join(jar.coordinate.split(":")[:3]) for jar in lock.jars} >= set(lock.roots)


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    found = {new_cluster_id() for _ in range(2000)}
    assert len(found) == 2000
    assert {len(one) for one in found} == {22}
    assert not [one for one in found if one.startswith("-")]


def test_a_damaged_lock_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("# heading\nroot a:b:1\njar 12ab 5 a:b:1\n")
    with pytest.raises(FetchFailed, match=r"x\.lock:3: .*relock x"):
        read_lock("x", path)


def test_the_cache_is_where_the_user_says_or_the_system_keeps_such_things(tmp_path: Path) -> None:
    assert cache_dir({"BRAIN_CACHE": "/a/b", "XDG_CACHE_HOME": "/x"}) == Path("/a/b")
    if sys.platform != "darwin":
        assert cache_dir({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "enterprise-brain"
    assert cache_dir({"XDG_CACHE_HOME": "/x"}) == Path("/x/enterprise-brain")


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
