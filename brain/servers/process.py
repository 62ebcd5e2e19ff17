"""One real server as a process of ours: start, wait until ready, stop, kill, start again on the same data.

Data folder and port belong to the server, not to one run of it, so a test can kill it with SIGKILL and start it again
and every client's address still holds. Each server runs in a session (and so a process group) of its own: Ctrl-C at
the terminal reaches us, and we stop the server in order.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from brain.errors import Fatal

HOST = "127.0.0.1"
LAST_LINES = 25
ATTEMPTS = 3
PORT_TAKEN = ("already in use", "failed to bind")


class ServerFailed(Fatal):
    """A local server did not start, or ended when it should not; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port on the loopback address that nobody listens on now (another process may still take it first)."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on that loopback port now. Connections that are dying away do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return not listening(port)


def listening(port: int) -> bool:
    """Whether someone accepts connections on that loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def identity(pid: int) -> str | None:
    """A word that tells this process from a later one with the same pid; None when no such process is alive.

    A pid is used again after its process ended, so whoever stores a pid stores this beside it.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return shown.stdout.strip() or None
    # proc(5): the name in brackets may hold anything; after it come the state (1st) and the start time (20th).
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()[:8]}-{fields[19]}"


def end(pid: int, known_as: str, grace: float) -> bool:
    """End that process: SIGTERM, and after `grace` seconds SIGKILL. False if it was gone, or the pid is another's now."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        if identity(pid) != known_as:
            return number == signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            _reap(pid)
            if identity(pid) != known_as:
                return True
            time.sleep(0.05)
    raise ServerFailed(f"process {pid} does not end, not even by SIGKILL; look at it with `ps -p {pid}`")


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@dataclass
class Server(ABC):
    """A server with its data in `home`, listening on `port` of the loopback address; the same two for its whole life.

    `home` and `port` may be left out: then they are chosen at the first start, and the folder is removed by `close`.
    """

    home: Path | None = None
    port: int | None = None
    _pid: int | None = field(default=None, init=False, repr=False)
    _known_as: str | None = field(default=None, init=False, repr=False)
    _scratch: "weakref.finalize[..., Server] | None" = field(default=None, init=False, repr=False)
    _guard: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)

    name = "server"
    start_seconds = 90.0
    stop_seconds = 30.0

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write the configuration into the data folder (jars are fetched here too) and return the command line."""

    @abstractmethod
    def is_ready(self, log: str) -> bool:
        """Whether clients can use it now, judged by what this run has logged, or by asking it."""

    @property
    def data(self) -> Path:
        """The data folder; made at the first call if none was given."""
        if self.home is None:
            self.home = Path(tempfile.mkdtemp(prefix=f"brain-{self.name}-"))
            self._scratch = weakref.finalize(self, shutil.rmtree, self.home, ignore_errors=True)
        return self.home

    @property
    def listens_on(self) -> int:
        """The port, chosen at the first call if none was given."""
        if self.port is None:
            self.port = free_port()
        return self.port

    @property
    def address(self) -> str:
        """`HOST:PORT`."""
        return f"{HOST}:{self.listens_on}"

    @property
    def url(self) -> str:
        """The address as clients of this server write it."""
        return self.address

    @property
    def pid(self) -> int:
        """The process that is the server. Raises ServerFailed when it is not running."""
        if self._pid is None or not self.running:
            raise ServerFailed(f"{self.name} is not running; call start() first")
        return self._pid

    @property
    def known_as(self) -> str:
        """What tells this process from a later one with the same pid (see `identity`)."""
        _ = self.pid
        return self._known_as or ""

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        if self._pid is None:
            return False
        _reap(self._pid)
        return self._known_as is not None and identity(self._pid) == self._known_as

    @property
    def log(self) -> Path:
        """What the server printed, over all its runs."""
        return self.data / "server.log"

    def start(self) -> Self:
        """Start it and return when clients can use it; at once if it runs already.

        Raises ServerFailed with the end of its log when it ends early or is not ready in `start_seconds`.
        """
        if self.running:
            return self
        chosen_by_us = self.port is None
        for attempt in range(1, ATTEMPTS + 1):
            self.data.mkdir(parents=True, exist_ok=True)
            command = self.prepare()
            try:
                self._run(command)
                return self
            except ServerFailed as why:
                if attempt == ATTEMPTS or not any(word in str(why).lower() for word in PORT_TAKEN):
                    raise
                # Between choosing a free port and binding it somebody else may have taken it: choose again.
                if chosen_by_us:
                    self.port = None
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """End it in order: SIGTERM, and SIGKILL if it has not ended after `stop_seconds`. Nothing if it does not run."""
        if self._pid is not None and self._known_as is not None:
            end(self._pid, self._known_as, self.stop_seconds)
        self._forget()

    def kill(self) -> None:
        """End it by SIGKILL, as a crash would; the data stays as it lies."""
        if self._pid is not None and self._known_as is not None and self.running:
            os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        self._forget()

    def restart(self) -> Self:
        """Stop it in order and start it again on the same data and port."""
        self.stop()
        return self.start()

    def release(self) -> None:
        """Let it and its data outlive us; until now both would have gone with us. Its pid is the caller's to keep."""
        self._dismiss_guard()
        if self._scratch is not None:
            self._scratch.detach()
            self._scratch = None

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            _close_input(self._guard)
            self._guard = None

    def close(self) -> None:
        """Stop it, and remove its data if the folder was ours."""
        if self._scratch is None:
            self.stop()
        else:
            # Nobody reads that data again: no need to wait for an orderly end.
            self.kill()
            self._scratch()
            self._scratch, self.home = None, None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self, command: list[str]) -> None:
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                start_new_session=True,
            )
        # We keep the pid, not the Popen: a server may outlive us, and Popen warns when it is dropped while running.
        process.returncode = 0
        self._pid, self._known_as = process.pid, identity(process.pid)
        try:
            self._guard = _guard(process.pid, self.home if self._scratch else None)
            self._wait(offset)
        except BaseException:
            self.kill()
            raise

    def _wait(self, offset: int) -> None:
        until = time.monotonic() + self.start_seconds
        while True:
            alive = self.running
            text = self._logged_since(offset)
            if alive and self.is_ready(text):
                return
            if not alive or time.monotonic() > until:
                problem = f"was not ready after {self.start_seconds:.0f} s" if alive else "ended before it was ready"
                lines = "\n".join(f"    {line}" for line in text.splitlines()[-LAST_LINES:]) or "    (it logged nothing)"
                raise ServerFailed(f"{self.name} on {self.address} {problem}. The end of {self.log}:\n{lines}")
            time.sleep(0.1)

    def _logged_since(self, offset: int) -> str:
        with self.log.open("rb") as log:
            log.seek(offset)
            return log.read().decode("utf-8", "replace")

    def _forget(self) -> None:
        self._pid = self._known_as = None
        self._dismiss_guard()


def need(*modules: str) -> None:
    """Raise ServerFailed with the mend when one of these packages, which only local servers use, is not installed."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ServerFailed(f"local servers need {', '.join(missing)}: pip install 'enterprise-brain[servers]'")


def _close_input(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()


def _guard(pid: int, scratch: Path | None) -> "subprocess.Popen[bytes]":
    """A small process that ends the server and removes its scratch data when we are gone, however we went."""
    return subprocess.Popen(
        [sys.executable, "-m", "brain.servers.guard", str(pid), identity(pid) or "", *([str(scratch)] if scratch else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
