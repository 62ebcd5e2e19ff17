"""Live reports in a process that watches a feed: maintained figures, whose report costs the same however long the log is.

With a file of their own the figures outlive the process: a restart goes on where they were saved last, in so far as the feed can
tell what came since.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from brain.analytics.bottlenecks import Bottlenecks
from brain.analytics.follow import Follower
from brain.analytics.following import Following, log
from brain.analytics.live_causes import SPAN, LiveCauses, Question
from brain.analytics.lives import Lifecycle
from brain.analytics.shelf import Shelf
from brain.errors import BrainError
from brain.identities import Merged
from brain.identity import Clusters
from brain.model import Notice
from brain.ports import Feed, Store
from brain.schema import Schema

SAVE_SECONDS = 60.0
"""Between two savings, while changes come. What came after the last one is told again by the feed."""
DIFFER_SECONDS, LOOK_SECONDS = 2.0, 0.1
"""For so long a life may differ from the store's, since notices follow their commits; and how often one looks again."""
AWAY = "the feed of changes is away, and live figures with it; `bottlenecks` reads the store itself"


@dataclass(frozen=True, slots=True)
class LiveBottlenecks(Bottlenecks):
    """The report of `bottlenecks`, live; `causes`, once they were asked for, are of what ended lately."""

    causes: LiveCauses | None


class LiveReports(Following):
    """Follows the feed for as long as `run` runs; any number of tasks may ask for reports meanwhile. Where notices were lost,
    everything watched is read anew before the next report."""

    kept = "live figures"

    def __init__(self, store: Store, schema: Schema, feed: Feed, path: Path | None = None, span: int = SPAN) -> None:
        """`path` is of the file in which the figures are saved; None: they end with the process. `span` of the causes, µs."""
        super().__init__(store, feed)
        self._follower = Follower(store, schema, Shelf(path), span)
        self._followed: str | None = None
        """The place in the feed up to which the figures are."""
        self._working: asyncio.Task[None] | None = None
        self._saved = 0.0
        self._unsaved = False
        """Whether there were changes since, also while nothing could be saved."""
        self._unchecked = False
        """Whether the figures are those of an earlier process, and were not held against the store yet."""
        self._differ: list[str] | None = None
        """The lives that differed from the store when they were last held against it; one looks since then (time.monotonic):"""
        self._differ_since = 0.0

    async def report(
        self, object_type: str, *, lifecycle: Lifecycle | None = None, min_frequency: int | None = None
    ) -> Bottlenecks:
        """As `Follower.report`, with all that the feed has told so far. NotFollowing while the feed is away."""
        await self.caught_up(AWAY)
        while self._unchecked:
            await asyncio.sleep(LOOK_SECONDS)
            await self.caught_up(AWAY)
        return await self._follower.report(object_type, lifecycle=lifecycle, min_frequency=min_frequency)

    async def explained(self, question: Question, *, min_frequency: int | None = None) -> LiveBottlenecks:
        """The same with the causes as of their last checkpoint; a question that is new is worked out from now on."""
        found = await self.report(question.object_type, lifecycle=question.lifecycle, min_frequency=min_frequency)
        return with_causes(found, self._follower.causes.answer(question))

    async def run(self) -> None:
        self._working = asyncio.create_task(self._follower.causes.run(self._tell_watchers))
        await super().run()

    async def _follow(self, notices: Sequence[Notice]) -> None:
        await self._follower.follow(notices)

    async def _resume(self) -> str | None:
        """With the figures of an earlier process, if any can be believed."""
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

    async def _up_to(self, place: str | None, changed: bool) -> None:
        if self._unchecked and self._following.is_set():
            await self._check()
        self._followed = place
        self._unsaved |= changed
        if self._unsaved and time.monotonic() - self._saved >= SAVE_SECONDS:
            await self._save()

    async def _check(self) -> None:
        """Holds some lives of an earlier process against the store, and reads everything anew where one goes on to differ."""
        if self._differ is None:
            self._differ_since = time.monotonic()
        self._differ = await self._follower.differing(self._differ)
        if self._differ and time.monotonic() - self._differ_since < DIFFER_SECONDS:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._stir.set)
            return
        if self._differ:
            await self._follower.lose()
        self._unchecked = False

    async def _end(self) -> None:
        if self._working is not None:
            self._working.cancel()  # while there is still a shelf for what it clears away
            await asyncio.gather(self._working, return_exceptions=True)
        await self._save()
        self._follower.close()

    async def _save(self) -> None:
        if self._followed is None or self._unchecked:
            return
        self._saved, self._unsaved = time.monotonic(), False
        try:
            await self._follower.save(json.dumps([self._followed, _told_apart(self._together)]))
        except BrainError as error:
            log.warning("%s; live figures were not saved", error)


def _told_apart(together: Clusters) -> str:
    """A digest of which ids are one thing."""
    return hashlib.sha256(json.dumps(sorted(together.members.items())).encode()).hexdigest()


def with_causes(found: Bottlenecks, why: LiveCauses | None) -> LiveBottlenecks:
    """The report with these beside it."""
    said = {field.name: getattr(found, field.name) for field in fields(Bottlenecks)}
    return LiveBottlenecks(**said, causes=why)
