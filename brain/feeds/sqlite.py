"""A feed through the store's own SQLite file: the committing process writes notices, the watching ones look for new ones."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from uuid import uuid4

import orjson

from brain.model import GAP, Notice
from brain.stores.sqlite.connection import Connections

KEPT = 100_000
"""Notices kept in the file. A watcher that falls further behind misses some, and is told so by a GAP."""
BLOCK = 500
"""Notices a row, at most. A row's position is how many notices there were ever up to its end."""
LOOK_EVERY = 0.05
"""Seconds between looks; one look at an unchanged file is a page read from cache."""
BOOT = Path("/proc/sys/kernel/random/boot_id")


class SqliteFeed:
    def __init__(self, path: str) -> None:
        # After a power cut there is nobody who watched, and no place is good any more: no need to wait for the disk.
        self._connections = Connections(path, synchronous="NORMAL")
        self._closed = asyncio.Event()

    async def publish(self, notices: Sequence[Notice]) -> None:
        kept = notices[-KEPT:]
        blocks = [kept[i : i + BLOCK] for i in range(0, len(kept), BLOCK)]
        rows = [(len(block), orjson.dumps([tuple(notice) for notice in block])) for block in blocks]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("INSERT INTO notices SELECT coalesce(max(position), 0) + ?, ? FROM notices", rows)
            db.execute("DELETE FROM notices WHERE position <= (SELECT max(position) FROM notices) - ?", (KEPT,))

        await self._connections.write(work)

    async def subscribe(self) -> AsyncIterator[Notice]:
        async for notices, _ in self.follow(None):
            for notice in notices:
                yield notice

    async def follow(self, after: str | None) -> AsyncIterator[tuple[Sequence[Notice], str]]:
        if self._closed.is_set():
            return
        known = None if after is None else await self._connections.read(partial(_position, place=after))
        position, place = await self._connections.read(_end) if after is None or known is None else (known, after)
        if known is None:
            yield [GAP], place
        ended = known is None
        while not self._closed.is_set():
            found = await self._connections.read(partial(_next, after=position))
            if found is None:
                if not ended:
                    yield [], place
                ended = True
                await asyncio.sleep(LOOK_EVERY)
                continue
            before, (position, told) = position, found
            block = [Notice(s, cls, tuple(names), event, valid) for s, cls, names, event, valid in orjson.loads(told)]
            lost = [GAP] if position - len(block) > before else []
            place = _place(position, told)
            yield lost + block, place

    async def close(self) -> None:
        self._closed.set()
        self._connections.close()


def _end(db: sqlite3.Connection) -> tuple[int, str]:
    found = db.execute("SELECT position, told FROM notices ORDER BY position DESC LIMIT 1").fetchone()
    return (found[0], _place(*found)) if found else (0, "")


def _place(position: int, told: bytes) -> str:
    """The last block, so that it is known again, and since when the machine runs: where it was cut off, the last commits of
    notices may be lost, and others have their positions."""
    return f"{position} {hashlib.sha256(told).hexdigest()} {_running()}"


def _running() -> str:
    """Which run of the machine this is, by its kernel (Linux); where that does not say, no two are known to be one."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return uuid4().hex


def _position(db: sqlite3.Connection, place: str) -> int | None:
    """Of a place; None where that block is not here, or where what followed it may have been lost."""
    position = place.partition(" ")[0]
    found = db.execute("SELECT position, told FROM notices WHERE position = ?", (position,)).fetchone()
    return found[0] if found and _place(*found) == place else None


def _next(db: sqlite3.Connection, after: int) -> tuple[int, bytes] | None:
    """The first block after a position, and its own."""
    sql = "SELECT position, told FROM notices WHERE position > ? ORDER BY position LIMIT 1"
    found: tuple[int, bytes] | None = db.execute(sql, (after,)).fetchone()
    return found
