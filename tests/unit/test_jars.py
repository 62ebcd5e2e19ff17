"""Jars by lock over real HTTP. No network beyond the loopback address."""

import hashlib
import io
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

from brain.servers.jars import FetchFailed, Jar, Lock, fetch, read_lock
from brain.servers.places import cache_dir
from brain.servers.process import free_port


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
