"""A feed through the store's own SQLite file: the committing process writes notices, the watching ones look for new ones."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial

import orjson

from brain.model import GAP, Notice
from brain.stores.sqlite.connection import Connections

KEPT = 100_000
"""Notices kept in the file. A watcher that falls further behind misses some, and is told so by a GAP."""
BLOCK = 500
"""Notices a row, at most. A row's position is how many notices there were ever up to its end."""
LOOK_EVERY = 0.05
"""Seconds between looks; one look at an unchanged file is a page read from cache."""


class SqliteFeed:
    def __init__(self, path: str) -> None:
        # Who watches is told of what is; after a power cut there is nobody who watched: no need to wait for the disk.
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
        if self._closed.is_set():
            return
        position = await self._connections.read(_end)
        yield GAP
        while not self._closed.is_set():
            found = await self._connections.read(partial(_next, after=position))
            if found is None:
                await asyncio.sleep(LOOK_EVERY)
                continue
            before, (position, told) = position, found
            block = orjson.loads(told)
            if position - len(block) > before:
                yield GAP
            for subject, cls, names, event, valid in block:
                yield Notice(subject, cls, tuple(names), event, valid)

    async def close(self) -> None:
        self._closed.set()
        self._connections.close()


def _end(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(position), 0) FROM notices").fetchone()[0])


def _next(db: sqlite3.Connection, after: int) -> tuple[int, bytes] | None:
    """The first block after a position, and its own."""
    sql = "SELECT position, told FROM notices WHERE position > ? ORDER BY position LIMIT 1"
    found: tuple[int, bytes] | None = db.execute(sql, (after,)).fetchone()
    return found
