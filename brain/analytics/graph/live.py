"""The graph of dependencies, kept in memory beside a feed: a query on it reads nothing, and a change shows when it is told."""

import asyncio
from collections.abc import Sequence

from brain.analytics.following import Following
from brain.analytics.graph.reading import read, refreshed
from brain.analytics.graph.snapshot import Snapshot, telling
from brain.analytics.graph.watched import Impacts
from brain.model import GAP, Notice
from brain.ports import Feed, Store
from brain.schema import Schema

AWAY = "the feed of changes is away, and the live graph with it; a query with `asOf` reads the store itself"


class LiveGraph(Following):
    """Follows the feed for as long as `run` runs. The graph is read when it is first asked for, and whole again after a GAP."""

    kept = "queries on the live graph"

    def __init__(self, store: Store, schema: Schema, feed: Feed) -> None:
        super().__init__(store, feed)
        self._schema = schema
        self._telling = telling(schema)
        self.impacts = Impacts(schema)
        self._held: Snapshot | None = None
        self._reading = asyncio.Lock()

    async def snapshot(self) -> Snapshot:
        """As of the last change that was told. NotFollowing while the feed is away."""
        await self.caught_up(AWAY)
        async with self._reading:
            if self._held is None:
                self._held = await read(self._store, self._schema)
            return self._held

    async def _follow(self, notices: Sequence[Notice]) -> None:
        async with self._reading:
            held = self._held
            if held is None:
                return
            if GAP in notices:
                self._held = await read(self._store, self._schema, before=held)
                return
            told = [notice.subject for notice in notices if self._matters(held, notice)]
            if told:
                self._held = await refreshed(self._store, self._schema, held, list(dict.fromkeys(told)), len(told))

    def _matters(self, held: Snapshot, notice: Notice) -> bool:
        # Without names something was taken back. What no dependency touches gets in by a relation alone.
        if not notice.names or not self._telling.isdisjoint(notice.names):
            return True
        number = held.number(notice.subject)
        return number is not None and held.classes[held.cls[number]] != notice.cls
