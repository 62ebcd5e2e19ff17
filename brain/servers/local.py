"""The servers of one person's machine: `brain servers start|stop|status`. They outlive the command that starts them.

Each has a folder under `$BRAIN_HOME/servers` with its data, its log and `running.json`: pid, what tells that process
from a later one with the same pid, and the port. A server is stopped only when both still agree.
"""

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TextIO, assert_never

from brain.errors import Reject
from brain.servers.kafka import KafkaServer
from brain.servers.neo4j import Neo4jServer
from brain.servers.process import Server, end, free_port, identity, is_free

Name = Literal["neo4j", "kafka"]
NAMES: tuple[Name, ...] = ("neo4j", "kafka")
# Where people look for them; another port is taken, and kept, where these are in use.
USUAL_PORTS: dict[Name, int] = {"neo4j": 7687, "kafka": 9092}


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of one server. `url` is what `BRAIN_STORE` or `BRAIN_KAFKA` takes; None before the first start."""

    name: str
    running: bool
    pid: int | None
    url: str | None
    data: str
    log: str


@dataclass(frozen=True, slots=True)
class _Run:
    """What `running.json` holds."""

    pid: int
    known_as: str
    port: int


def start(names: Sequence[Name], home: Path, out: TextIO | None = None) -> list[Status]:
    """Start those servers under `home` and return when they are ready; one that runs already is left alone.

    Data, password and, where it is still free, the port are those of the last time. Raises ServerFailed or FetchFailed.
    """
    say = out or sys.stderr
    with _alone(home):
        for name in names:
            folder = _folder(home, name)
            run = _read(folder)
            if run and identity(run.pid) == run.known_as:
                print(f"{name}: running already (pid {run.pid})", file=say, flush=True)
                continue
            print(f"{name}: starting", file=say, flush=True)
            server = _server(name, folder, _port(name, run))
            server.start()
            _write(folder, _Run(server.pid, server.known_as, server.listens_on))
            server.release()
            print(f"{name}: ready (pid {server.pid}, log {server.log})", file=say, flush=True)
    return status(names, home)


def stop(names: Sequence[Name], home: Path, out: TextIO | None = None) -> list[Status]:
    """Stop those that run, in order, by pid and only where the pid is still that process; their data stays."""
    say = out or sys.stderr
    with _alone(home):
        for name in reversed(names):
            folder = _folder(home, name)
            run = _read(folder)
            server = _server(name, folder, None)
            ended = run is not None and end(run.pid, run.known_as, server.stop_seconds)
            print(f"{name}: {'stopped' if ended else 'was not running'}", file=say, flush=True)
    return status(names, home)


def status(names: Sequence[Name], home: Path) -> list[Status]:
    """What runs now; it starts and changes nothing."""
    return [_status(name, _folder(home, name)) for name in names]


def _status(name: Name, folder: Path) -> Status:
    run = _read(folder)
    running = run is not None and identity(run.pid) == run.known_as
    url = _server(name, folder, run.port).url if run else None
    return Status(name, running, run.pid if run and running else None, url, str(folder), str(folder / "server.log"))


def as_json(found: Sequence[Status]) -> str:
    """`{"servers": [{"name", "running", "pid", "url", "data", "log"}]}`, indented."""
    return json.dumps({"servers": [asdict(one) for one in found]}, indent=2)


def _server(name: Name, folder: Path, port: int | None) -> Server:
    match name:
        case "neo4j":
            return Neo4jServer(home=folder, port=port)
        case "kafka":
            return KafkaServer(home=folder, port=port)
        case _:
            assert_never(name)


def _port(name: Name, last: _Run | None) -> int:
    wanted = last.port if last else USUAL_PORTS[name]
    return wanted if is_free(wanted) else free_port()


def _folder(home: Path, name: Name) -> Path:
    return home / "servers" / name


def _read(folder: Path) -> _Run | None:
    file = folder / "running.json"
    try:
        return _Run(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as why:
        raise Reject(f"{file} is damaged ({why}); check with `ps` that no server of yours runs, then delete the file") from why


def _write(folder: Path, run: _Run) -> None:
    part = folder / "running.json.part"
    part.write_text(json.dumps(asdict(run)), encoding="utf-8")
    os.replace(part, folder / "running.json")


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One start or stop at a time; the system lets go of the lock when the process ends."""
    folder = home / "servers"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (folder / "lock").open("a")
    except OSError as why:
        raise Reject(f"cannot write to {folder}: {why.strerror}; set BRAIN_HOME to a folder that you own") from why
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
