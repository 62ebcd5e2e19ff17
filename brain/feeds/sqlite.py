"""A feed through the store's own SQLite file: the committing process writes notices, the watching ones look for new ones."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial

import orjson

from brain.model import Notice
from brain.stores.sqlite.connection import Connections

KEPT = 100_000
"""Notices kept in the file. A watcher that falls further behind misses some, and re-reads what it shows."""
PAGE = 1000
LOOK_EVERY = 0.05
"""Seconds between looks; one look at an unchanged file is a page read from cache."""


class SqliteFeed:
    def __init__(self, path: str) -> None:
        self._connections = Connections(path)
        self._closed = asyncio.Event()

    async def publish(self, notices: Sequence[Notice]) -> None:
        rows = [(n.subject, n.cls, orjson.dumps(n.names).decode(), n.event, n.valid) for n in notices[-KEPT:]]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("INSERT INTO notice (subject, class, names, event, valid) VALUES (?,?,?,?,?)", rows)
            db.execute("DELETE FROM notice WHERE position <= (SELECT max(position) FROM notice) - ?", (KEPT,))

        await self._connections.write(work)

    async def subscribe(self) -> AsyncIterator[Notice]:
        position = await self._connections.read(_end)
        while not self._closed.is_set():
            found = await self._connections.read(partial(_since, after=position))
            for _, notice in found:
                yield notice
            if found:
                position = found[-1][0]
            else:
                await asyncio.sleep(LOOK_EVERY)

    async def close(self) -> None:
        self._closed.set()
        self._connections.close()


def _end(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(position), 0) FROM notice").fetchone()[0])


def _since(db: sqlite3.Connection, after: int) -> list[tuple[int, Notice]]:
    sql = "SELECT position, subject, class, names, event, valid FROM notice WHERE position > ? ORDER BY position LIMIT ?"
    return [(r[0], Notice(r[1], r[2], tuple(orjson.loads(r[3])), r[4], r[5])) for r in db.execute(sql, (after, PAGE))]
