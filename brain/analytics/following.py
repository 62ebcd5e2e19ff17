"""Following a feed: what is kept beside a store learns of each change, one batch of notices at a time.

What is kept is that of the store as of the last notice that came through the feed; a commit shows when its notices have come,
which is some milliseconds after it. Where notices were lost, or the feed was away, a GAP among them says so.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import ClassVar

from brain.errors import BrainError, Retry
from brain.identities import Merged
from brain.identity import DIFFERENT, NONE, SAME
from brain.model import GAP, Notice
from brain.ports import Feed, Resumable, Store, closing

log = logging.getLogger("brain.analytics.live")

MOST = 100_000
"""Notices that may wait to be followed; beyond it reading everything anew is cheaper than what waits."""
RETRY_SECONDS = 1.0
BEGIN_SECONDS = 10.0


class NotFollowing(Retry):
    """The feed is away, so that what is kept would be of some earlier moment."""


class Following(ABC):
    """Follows the feed for as long as `run` runs; any number of tasks may ask for what is kept meanwhile."""

    kept: ClassVar[str]
    """What it is, in the words of a log."""

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed
        self._together = NONE
        self._told: list[Notice] = []
        self._heard: str | None = None
        """The place in the feed after what was told."""
        self._following = asyncio.Event()
        self._stir = asyncio.Event()
        self._watchers: set[asyncio.Event] = set()
        self._turn = asyncio.Lock()

    @abstractmethod
    async def _follow(self, notices: Sequence[Notice]) -> None:
        """Take in what these commits changed; with a GAP among them, everything. After an error it is called again."""

    async def _resume(self) -> str | None:
        """The place in the feed from which to go on with what an earlier process kept; None: all anew."""
        return None

    async def _up_to(self, place: str | None, changed: bool) -> None:  # noqa: B027  not all have something to note
        """All that the feed told before this place was taken in. After an error it is told again."""

    async def _end(self) -> None:  # noqa: B027  nor something to close
        """Nothing more will be followed."""

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
                await self._end()

    async def caught_up(self, away: str) -> None:
        """Returns once all that the feed has told so far is taken in. NotFollowing, in these words, while the feed is away."""
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._following.wait()
        except TimeoutError:
            raise NotFollowing(away) from None
        await self._catch_up()

    async def changes(self) -> AsyncIterator[None]:
        """Now, and then whenever what is kept may have become another; changes that come while the caller is busy are one."""
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
            log.warning("%s; %s wait for it", error, self.kept)
        except Exception:
            log.exception("the feed of changes fails, and %s with it", self.kept)
        else:
            return True
        finally:
            self._following.clear()
            await portions.aclose()
        return False

    async def _portions(self) -> AsyncGenerator[tuple[Sequence[Notice], str | None]]:
        """What the feed tells, from where we are as far as it can, each with the place after it if it has any."""
        if not isinstance(self._feed, Resumable):
            async with closing(self._feed.subscribe()) as notices:
                async for notice in notices:
                    yield (notice,), None
            return
        if self._heard is None:
            self._heard = await self._resume()
        async with closing(self._feed.follow(self._heard)) as portions:
            async for portion in portions:
                yield portion

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
                log.warning("%s; %s wait for it", error, self.kept)
                await self._again()
            except Exception:
                log.exception("%s fail; they are tried again", self.kept)
                await self._again()

    async def _again(self) -> None:
        await asyncio.sleep(RETRY_SECONDS)
        self._stir.set()

    async def _catch_up(self) -> None:
        # One at a time: who asks for what is kept waits for what another is following just now.
        async with self._turn:
            told, self._told = self._told, []
            heard = self._heard
            try:
                if told:
                    if await self._merged_anew(told):
                        told.append(GAP)
                    await self._follow(told)
                await self._up_to(heard, bool(told))
            except BaseException:
                # Whatever of it was followed already may be followed again.
                self._told = [*told, *self._told]
                raise
        if told:
            self._tell_watchers()

    def _tell_watchers(self) -> None:
        for changed in self._watchers:
            changed.set()

    async def _merged_anew(self, told: Sequence[Notice]) -> bool:
        """Whether other ids are one thing now than before: lives of objects were joined, or parted."""
        if not isinstance(self._store, Merged):
            return False
        merging = {SAME, DIFFERENT, *self._store.known.sure}
        if any(not notice.names or not merging.isdisjoint(notice.names) for notice in told):
            self._store.forget()
        before, self._together = self._together, await self._store.known.clusters()
        return self._together != before
