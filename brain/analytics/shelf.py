"""Where live figures put what has not been touched for long: a SQLite file, which is also the snapshot for a restart.

What is put there between two calls of `keep` lies in one open transaction, so that the file always holds one moment whole: that
of the last `keep`.
"""

import sqlite3
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

V = TypeVar("V")

PROGRAM = 0x4C697665
FORMAT = 2
"""Of the file and of what its figures mean: another one reads everything anew."""
MOST = 20_000
"""Weight that is touched before what was not touched meanwhile leaves memory: at the most twice as much is held there."""

BITS = 1 << 24
"""Of a filter (Bloom, 1970, with one hash) that tells most keys that are not in a table without a look at it: 2 MiB a table."""


class Shelf:
    """A file that is opened when it is first used, and is nobody else's until it is closed; without a path a temporary one, which
    SQLite removes. One thread at a time may use it.

    All raise sqlite3.Error: where the file is damaged, of another program, or held by another process, or the disk is full.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def kept(self) -> bool:
        """Whether there will be anything to go on from."""
        return self._path is not None

    @cached_property
    def db(self) -> sqlite3.Connection:
        if self._path is not None:
            try:
                # A folder that we make is its owner's alone: a log of patients is nobody else's to read.
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise sqlite3.OperationalError(f"no folder for {self._path}: {error.strerror}") from error
        db = sqlite3.connect(self._path or "", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, self.kept)
        except BaseException:
            db.close()
            raise
        return db

    def clear(self) -> None:
        """Nothing of what the file held is left."""
        _clear(self.db)

    def word(self, name: str) -> str | None:
        """What was noted under a name."""
        found = self.db.execute("SELECT text FROM word WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def note(self, name: str, text: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO word VALUES (?, ?)", (name, text))

    def forget(self, name: str) -> None:
        self.db.execute("DELETE FROM word WHERE name = ?", (name,))

    def keep(self) -> None:
        """What was put and noted so far is what the next process finds, if there is a path."""
        self.db.execute("COMMIT")
        self.db.execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        """What came after the last `keep` is lost."""
        if "db" in vars(self):
            self.db.close()

    __del__ = close


def _prepare(db: sqlite3.Connection, kept: bool) -> None:
    (program,) = db.execute("PRAGMA application_id").fetchone()
    (found,) = db.execute("PRAGMA user_version").fetchone()
    used = db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
    if used and program != PROGRAM:
        raise sqlite3.DatabaseError("it is a database of another program")
    db.execute(f"PRAGMA journal_mode = {'WAL' if kept else 'OFF'}")
    db.execute(f"PRAGMA synchronous = {'NORMAL' if kept else 'OFF'}")
    db.execute("BEGIN IMMEDIATE")
    if not used or found != FORMAT:
        _clear(db)
        db.execute(f"PRAGMA application_id = {PROGRAM}")
        db.execute(f"PRAGMA user_version = {FORMAT}")


def _clear(db: sqlite3.Connection) -> None:
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        db.execute(f'DROP TABLE "{name}"')
    db.execute("CREATE TABLE word (name TEXT PRIMARY KEY, text TEXT NOT NULL)")


class Shelved(Generic[V]):
    """Values by key, of which the file holds what was not touched for long. Two generations: what is touched is of the younger
    one; once that has grown to `MOST`, what is left of the older one goes to the file.

    Whoever changes a value that it got says so with `put`.
    """

    def __init__(
        self, shelf: Shelf, table: str, pack: Callable[[V], bytes], unpack: Callable[[bytes], V], weigh: Callable[[V], int]
    ) -> None:
        shelf.db.execute(f'CREATE TABLE IF NOT EXISTS "{table}" (key TEXT PRIMARY KEY, packed BLOB NOT NULL) WITHOUT ROWID')
        self._db = shelf.db
        self._table = table
        self._pack = pack
        self._unpack = unpack
        self._weigh = weigh
        self._young: dict[str, V] = {}
        self._old: dict[str, V] = {}
        self._changed: set[str] = set()
        """What is not in the file as it is here; gone where it is not here either."""
        self._weight = 0
        self._look = f'SELECT packed FROM "{table}" WHERE key = ?'
        self._used = self._db.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is not None
        self._filter: bytearray | None = None
        """None where nothing is in the file, or where another process put what is there."""

    def get(self, key: str) -> V | None:
        value = self._young.get(key)
        if value is not None:
            return value
        value = self._old.pop(key, None)
        if value is None:
            if not self._used or key in self._changed or not self._may_hold(key):
                return None
            row = self._db.execute(self._look, (key,)).fetchone()
            if row is None:
                return None
            value = self._unpack(row[0])
        self._young[key] = value
        self._weight += self._weigh(value)
        return value

    def _may_hold(self, key: str) -> bool:
        """Whether the file may hold it. Most keys that are asked for are of what just began, and are nowhere."""
        byte, bit = _filtered(key)
        return self._filter is None or bool(self._filter[byte] & bit)

    def put(self, key: str, value: V, more: int) -> None:
        """The value is now so, and by so much heavier than it was."""
        self._young[key] = value
        self._changed.add(key)
        self._weight += more
        if self._weight > MOST:
            self._turn()

    def drop(self, key: str) -> None:
        """Of a value that was got: it is no more."""
        del self._young[key]
        self._changed.add(key)

    def some(self, most: int) -> list[str]:
        """Keys of values in the file, drawn at random."""
        drawn = self._db.execute(f'SELECT key FROM "{self._table}" ORDER BY random() LIMIT ?', (most,))
        return [key for (key,) in drawn if key in self._young or key in self._old or key not in self._changed]

    @property
    def in_memory(self) -> int:
        """Values, not weight."""
        return len(self._young) + len(self._old)

    def save(self) -> None:
        """The file has all of it."""
        self._write(self._changed)
        self._changed = set()

    def discard(self) -> None:
        """Neither here nor in the file anything is left."""
        self._db.execute(f'DROP TABLE IF EXISTS "{self._table}"')

    def _turn(self) -> None:
        due = {key for key in self._changed if key not in self._young}
        self._write(due)
        self._changed -= due
        self._old, self._young, self._weight = self._young, {}, 0

    def _write(self, keys: Iterable[str]) -> None:
        if not self._used:
            self._filter = bytearray(BITS >> 3)
        rows, gone = [], []
        for key in sorted(keys):
            value = self._young.get(key, self._old.get(key))
            if value is None:
                gone.append((key,))
            else:
                rows.append((key, self._pack(value)))
                if self._filter is not None:
                    byte, bit = _filtered(key)
                    self._filter[byte] |= bit
        self._db.executemany(f'INSERT OR REPLACE INTO "{self._table}" VALUES (?, ?)', rows)
        self._db.executemany(f'DELETE FROM "{self._table}" WHERE key = ?', gone)
        self._used = self._used or bool(rows)


def _filtered(key: str) -> tuple[int, int]:
    """The byte of a filter, and the bit in it, that a key has."""
    at = hash(key) % BITS
    return at >> 3, 1 << (at & 7)
