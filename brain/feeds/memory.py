"""A feed within one process."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from brain.model import GAP, Notice

DEPTH = 10_000
"""Notices a slow subscriber may fall behind. Beyond it those that wait are let go, and a GAP says so."""


class MemoryFeed:
    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Notice | None]] = set()
        self._closed = False

    async def publish(self, notices: Sequence[Notice]) -> None:
        for queue in self._queues:
            for notice in notices:
                _put(queue, notice)

    async def subscribe(self) -> AsyncIterator[Notice]:
        if self._closed:
            return
        queue: asyncio.Queue[Notice | None] = asyncio.Queue(DEPTH)
        self._queues.add(queue)
        try:
            yield GAP
            while (notice := await queue.get()) is not None:
                yield notice
        finally:
            self._queues.discard(queue)

    async def close(self) -> None:
        self._closed = True
        for queue in self._queues:
            _put(queue, None)


def _put(queue: asyncio.Queue[Notice | None], notice: Notice | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(GAP)
    queue.put_nowait(notice)
