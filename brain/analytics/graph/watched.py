"""Impacts that several watch: each is worked out once on a snapshot, for all who ask."""

import asyncio

from brain.analytics.graph.impact import Asked, Impact, impact
from brain.analytics.graph.snapshot import Snapshot
from brain.schema import Schema

MOST = 256
"""Answers that are kept, of the latest snapshot alone."""


class Impacts:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._snapshot: Snapshot | None = None
        self._found: dict[tuple[str, Asked], asyncio.Task[Impact]] = {}

    async def of(self, snapshot: Snapshot, id: str, asked: Asked) -> Impact | None:
        """None for a thing that no dependency touches."""
        if snapshot.number(id) is None:
            return None
        if snapshot is not self._snapshot:
            self._snapshot, self._found = snapshot, {}
        task = self._found.get((id, asked))
        if task is None:
            if len(self._found) >= MOST:
                del self._found[next(iter(self._found))]
            task = asyncio.create_task(asyncio.to_thread(impact, snapshot, self._schema, id, asked))
            self._found[id, asked] = task
        # One that leaves must not end the work for the others.
        return await asyncio.shield(task)
