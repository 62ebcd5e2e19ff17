"""Following a feed: what is kept beside a store learns of each change, one batch of notices at a time.

What is kept is that of the store as of the last notice that came through the feed; a commit shows when its notices have come,
which is some milliseconds after it. Where notices were lost, or the feed was away, a GAP among them says so.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from brain.errors import BrainError, Retry
from brain.identities import Merged
from brain.identity import DIFFERENT, NONE, SAME
from brain.model import GAP, Notice
from brain.ports import Feed, Store

log = logging.getLogger("brain.analytics.live")

MOST = 100_000
"""Notices that may wait to be followed; beyond it reading everything anew is cheaper than what waits."""
RETRY_SECONDS = 1.0
BEGIN_SECONDS = 10.0


class NotFollowing(Retry):
    """The feed is away, so that what is kept would be of some earlier moment."""


class Following(ABC):
    """Follows the feed for as long as `run` runs; any number of tasks may ask for what is kept meanwhile."""

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed
        self._together = NONE
        self._told: list[Notice] = []
        self._following = asyncio.Event()
        self._stir = asyncio.Event()
        self._watchers: set[asyncio.Event] = set()
        self._turn = asyncio.Lock()

    @abstractmethod
    async def _follow(self, notices: Sequence[Notice]) -> None:
        """Take in what these commits changed; with a GAP among them, everything. After an error it is called again."""

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
        notices = self._feed.subscribe()
        try:
            async for notice in notices:
                self._take(notice)
        except Retry as error:
            log.warning("%s; live figures wait for it", error)
        except Exception:
            log.exception("the feed of changes fails, and live figures with it")
        else:
            return True
        finally:
            self._following.clear()
            if isinstance(notices, AsyncGenerator):
                await notices.aclose()
        return False

    def _take(self, notice: Notice) -> None:
        if len(self._told) >= MOST:
            self._told = [GAP]
        self._told.append(notice)
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
        # One at a time: who asks for what is kept waits for what another is following just now.
        async with self._turn:
            told, self._told = self._told, []
            if not told:
                return
            try:
                if await self._merged_anew(told):
                    told.append(GAP)
                await self._follow(told)
            except BaseException:
                # Whatever of it was followed already may be followed again.
                self._told = [*told, *self._told]
                raise
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
