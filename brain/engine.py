"""The engine: the only place that orders input and output. Commit first, then tell."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from brain.errors import Retry
from brain.model import ChangeSet, DeadLetter, Mark, Notice
from brain.ports import Feed, Store

T = TypeVar("T")

log = logging.getLogger("brain.engine")

FIRST_WAIT = 0.1
LONGEST_WAIT = 2.0
PATIENCE = 600.0
"""Seconds: twice the five minutes for which a store or a broker may be away, since it also needs time to come back."""


class Engine:
    """Commits batches to a store and publishes what changed.

    `patience` is for how many seconds a busy or absent store or feed is waited for before the Retry error reaches the caller.
    """

    def __init__(self, store: Store, feed: Feed | None = None, patience: float = PATIENCE) -> None:
        self._store = store
        self._feed = feed
        self._patience = patience

    async def commit(
        self, batch: Sequence[ChangeSet], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()
    ) -> list[Notice]:
        """When it returns, the batch, the marks and the letters are stored and the notices published."""
        notices = await self._patiently(lambda: self._store.apply(batch, marks, letters))
        if self._feed is not None and notices:
            feed = self._feed
            await self._patiently(lambda: feed.publish(notices))
        return notices

    async def _patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        first: float | None = None
        wait = FIRST_WAIT
        while True:
            try:
                return await action()
            except Retry as error:
                # By the clock: an attempt may itself take long before it fails.
                now = time.monotonic()
                first = now if first is None else first
                if now - first >= self._patience:
                    raise
                log.warning("%s; waiting %.1f s", error, wait)
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
