"""Live reports in a process that watches a feed: maintained figures, whose report costs the same however long the log is.

The figures are those of the store as of the last notice that came through the feed; a commit shows when its notices have come,
which is some milliseconds after it. Where notices were lost, or the feed was away, everything watched is read anew before the
next report.

With a file of their own the figures outlive the process: a restart goes on where they were saved last, in so far as the feed can
tell what came since.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from brain.analytics.bottlenecks import Bottlenecks
from brain.analytics.follow import Follower
from brain.analytics.lives import Lifecycle
from brain.analytics.shelf import Shelf
from brain.errors import BrainError, Retry
from brain.identities import Merged
from brain.identity import DIFFERENT, NONE, SAME, Clusters
from brain.model import GAP, Notice
from brain.ports import Feed, Resumable, Store
from brain.schema import Schema

T = TypeVar("T")

log = logging.getLogger("brain.analytics.live")

MOST = 100_000
"""Notices that may wait to be followed; beyond it reading everything anew is cheaper than what waits."""
RETRY_SECONDS = 1.0
SAVE_SECONDS = 60.0
"""Between two savings, while changes come. What came after the last one is told again by the feed."""
BEGIN_SECONDS = 10.0


class NotFollowing(Retry):
    """The feed is away, so that live figures would be of some earlier moment."""


class LiveReports:
    """Follows the feed for as long as `run` runs; any number of tasks may ask for reports meanwhile."""

    def __init__(self, store: Store, schema: Schema, feed: Feed, path: Path | None = None) -> None:
        """`path` is of the file in which the figures are saved; None: they end with the process."""
        self._store = store
        self._feed = feed
        self._follower = Follower(store, schema, Shelf(path))
        self._together = NONE
        self._told: list[Notice] = []
        self._heard: str | None = None
        """The place in the feed after what was told."""
        self._followed: str | None = None
        """The place in the feed up to which the figures are."""
        self._saved = 0.0
        self._unchecked = False
        """Whether the figures are those of an earlier process, and were not held against the store yet."""
        self._following = asyncio.Event()
        self._stir = asyncio.Event()
        self._watchers: set[asyncio.Event] = set()
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Follow until the feed is closed. Whatever is away meanwhile is waited for."""
        keeping = asyncio.create_task(self._keep_up())
        try:
            closed = await self._listen()
            while not closed:
                await asyncio.sleep(RETRY_SECONDS)
                closed = await self._listen()
        finally:
            self._following.clear()
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            async with self._turn:
                await self._save()
            self._follower.close()

    async def report(
        self, object_type: str, *, lifecycle: Lifecycle | None = None, min_frequency: int | None = None
    ) -> Bottlenecks:
        """As `Follower.report`, with all that the feed has told so far. NotFollowing while the feed is away."""
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._following.wait()
        except TimeoutError:
            away = "the feed of changes is away, and live figures with it; `bottlenecks` reads the store itself"
            raise NotFollowing(away) from None
        await self._catch_up()
        return await self._follower.report(object_type, lifecycle=lifecycle, min_frequency=min_frequency)

    async def changes(self) -> AsyncIterator[None]:
        """Now, and then whenever a report may have become another; changes that come while the caller is busy are one."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        try:
            while True:
                yield
                await changed.wait()
                changed.clear()
        finally:
            self._watchers.discard(changed)

    async def _listen(self) -> bool:
        """Take in what the feed tells; whether it was closed, and not away."""
        portions = self._portions()
        try:
            async for notices, place in portions:
                self._take(notices, place)
        except Retry as error:
            log.warning("%s; live figures wait for it", error)
        except Exception:
            log.exception("the feed of changes fails, and live figures with it")
        else:
            return True
        finally:
            self._following.clear()
            await portions.aclose()
        return False

    async def _portions(self) -> AsyncGenerator[tuple[Sequence[Notice], str | None]]:
        """What the feed tells, from where the figures are as far as it can, each with the place after it if it has any."""
        if not isinstance(self._feed, Resumable):
            async with _closing(self._feed.subscribe()) as notices:
                async for notice in notices:
                    yield (notice,), None
            return
        if self._heard is None:
            self._heard = await self._resume()
        async with _closing(self._feed.follow(self._heard)) as portions:
            async for portion in portions:
                yield portion

    async def _resume(self) -> str | None:
        """The place from which to follow on with the figures of an earlier process, if any can be believed."""
        found = await self._follower.resume()
        if found is None:
            return None
        place, together = json.loads(found)
        if isinstance(self._store, Merged):
            self._together = await self._store.known.clusters()
        if together != _told_apart(self._together):
            return None
        self._unchecked = True
        return str(place)

    async def _save(self) -> None:
        if self._followed is None or self._unchecked:
            return
        self._saved = time.monotonic()
        try:
            await self._follower.save(json.dumps([self._followed, _told_apart(self._together)]))
        except BrainError as error:
            log.warning("%s; live figures were not saved", error)

    def _take(self, notices: Sequence[Notice], place: str | None) -> None:
        if len(self._told) + len(notices) > MOST:
            self._told = [GAP]
        self._told += notices
        self._heard = place
        if not notices or GAP in notices:
            self._following.set()
        self._stir.set()

    async def _keep_up(self) -> None:
        while True:
            await self._stir.wait()
            self._stir.clear()
            try:
                await self._catch_up()
            except BrainError as error:
                log.warning("%s; live figures wait for it", error)
                await asyncio.sleep(RETRY_SECONDS)
                self._stir.set()

    async def _catch_up(self) -> None:
        # One at a time: who asks for a report waits for what another is following just now.
        async with self._turn:
            told, self._told = self._told, []
            heard = self._heard
            try:
                if told:
                    if await self._merged_anew(told):
                        told.append(GAP)
                    await self._follower.follow(told)
                if self._unchecked and self._following.is_set():
                    await self._follower.check()
                    self._unchecked = False
            except BaseException:
                # Whatever of it was followed already may be followed again.
                self._told = [*told, *self._told]
                raise
            self._followed = heard
            if told and time.monotonic() - self._saved >= SAVE_SECONDS:
                await self._save()
        if told:
            for changed in self._watchers:
                changed.set()

    async def _merged_anew(self, told: Sequence[Notice]) -> bool:
        """Whether other ids are one thing now than before: lives of objects were joined, or parted."""
        if not isinstance(self._store, Merged):
            return False
        if any(not notice.names or not {SAME, DIFFERENT}.isdisjoint(notice.names) for notice in told):
            self._store.forget()
        before, self._together = self._together, await self._store.known.clusters()
        return self._together != before


def _told_apart(together: Clusters) -> str:
    """A digest of which ids are one thing."""
    return hashlib.sha256(json.dumps(sorted(together.members.items())).encode()).hexdigest()


@asynccontextmanager
async def _closing(found: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    try:
        yield found
    finally:
        if isinstance(found, AsyncGenerator):
            await found.aclose()
