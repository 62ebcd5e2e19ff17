"""Connections: one to write, on a thread of its own; one a reading thread; errors turned into ours."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar
from uuid import uuid4

from brain.errors import BrainError, StoreBroken, StoreBusy
from brain.stores.sqlite.tables import FORMAT

T = TypeVar("T")

BUSY_SECONDS = 30.0
READERS = 4
IMMEDIATE = "BEGIN IMMEDIATE"
CACHE, WRITER_CACHE = 2**16, 2**18
"""KiB of pages that a connection holds at the most, reading and writing. It takes them as the file grows, not before."""


class Connections:
    """Runs functions of a connection: `write` in one immediate transaction, `read` in one snapshot. Paths: "" is in memory.

    `synchronous` is SQLite's: FULL survives a power cut, NORMAL may lose the last commits then.
    """

    def __init__(self, path: str, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> None:
        self._synchronous = synchronous
        self._path = path
        self._name = path or f"file:brain-{uuid4().hex}?mode=memory&cache=shared"
        self._writer = ThreadPoolExecutor(1, "sqlite-writer")
        self._readers = ThreadPoolExecutor(READERS if path else 1, "sqlite-reader")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._run, work, IMMEDIATE)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # A shared in-memory database locks whole tables, so there its readers queue behind the writer instead.
        pool = self._readers if self._path else self._writer
        return await asyncio.get_running_loop().run_in_executor(pool, self._run, work, "BEGIN")

    def connect(self, cache: int = CACHE) -> sqlite3.Connection:
        """A new connection that any one thread at a time may use; the caller closes it."""
        with told(self._path):
            if self._path:
                # A folder that we make is its owner's alone: a model of patients is nobody else's to read.
                Path(self._path).expanduser().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(
                Path(self._path).expanduser() if self._path else self._name,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                uri=not self._path,
            )
            try:
                _refuse_foreign(connection, self._path)
                _switch_to_wal(connection)
            except BaseException:
                connection.close()
                raise
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute(f"PRAGMA cache_size = {-cache}")
            # 128 MB: a page that many batches change is copied from the log to its place once, not with every batch.
            connection.execute("PRAGMA wal_autocheckpoint = 32000")
            return connection

    def _run(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        with told(self._path):
            connection = self._mine(WRITER_CACHE if begin == IMMEDIATE else CACHE)
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

    def _mine(self, cache: int) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.connect(cache)
            with self._lock:
                self._open.append(connection)
        return connection

    def close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Two processes that open a new file at once: SQLite tells the second that it is locked without waiting as it does else."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _refuse_foreign(db: sqlite3.Connection, path: str) -> None:
    """StoreBroken, before anything is written, for a file of another format or program. Our tables and our version come into a
    file in one transaction: tables without a version are someone else's."""
    db.execute("BEGIN")
    (found,) = db.execute("PRAGMA user_version").fetchone()
    used = db.execute("SELECT 1 FROM sqlite_master").fetchone()
    db.execute("ROLLBACK")
    if not 0 <= found <= FORMAT:
        raise StoreBroken(f"{path}: written in format {found}, this program reads {FORMAT}; import again into a new file")
    if used and not found:
        raise StoreBroken(f"{path}: a SQLite database of another program; name a file of the brain's own with --store")


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turns SQLite's and the system's errors into StoreBusy or StoreBroken, with the mend."""
    try:
        yield
    except BrainError:
        raise
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise StoreBusy(
                f"{path}: another process has held the file for {BUSY_SECONDS:.0f} s; is an import running?"
            ) from error
        if "disk is full" in text or "disk I/O" in text:
            raise StoreBroken(f"{path}: {text}; nothing of this batch was stored. Free some space and start again") from error
        if "readonly" in text:
            raise StoreBroken(f"{path}: the file is read-only; nothing was stored. Make it and its folder writable") from error
        if "unable to open" in text:
            raise StoreBroken(f"{path}: cannot be opened; does its folder exist, and may you write there?") from error
        raise StoreBroken(f"{path}: SQLite says {text!r}; nothing of this batch was stored") from error
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            raise StoreBroken(f"{path}: not a SQLite file, or damaged ({error}); name another file with --store") from error
        raise
    except OSError as error:
        raise StoreBroken(f"{path}: {error.strerror or error}; name another file with --store") from error
