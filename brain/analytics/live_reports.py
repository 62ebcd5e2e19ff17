"""Live reports in a process that watches a feed: maintained figures, whose report costs the same however long the log is."""

from collections.abc import Sequence

from brain.analytics.bottlenecks import Bottlenecks
from brain.analytics.follow import Follower
from brain.analytics.following import Following
from brain.analytics.lives import Lifecycle
from brain.model import Notice
from brain.ports import Feed, Store
from brain.schema import Schema

AWAY = "the feed of changes is away, and live figures with it; `bottlenecks` reads the store itself"


class LiveReports(Following):
    """Follows the feed for as long as `run` runs; any number of tasks may ask for reports meanwhile. Where notices were lost,
    everything watched is read anew before the next report."""

    def __init__(self, store: Store, schema: Schema, feed: Feed) -> None:
        super().__init__(store, feed)
        self._follower = Follower(store, schema)

    async def report(
        self, object_type: str, *, lifecycle: Lifecycle | None = None, min_frequency: int | None = None
    ) -> Bottlenecks:
        """As `Follower.report`, with all that the feed has told so far. NotFollowing while the feed is away."""
        await self.caught_up(AWAY)
        return await self._follower.report(object_type, lifecycle=lifecycle, min_frequency=min_frequency)

    async def _follow(self, notices: Sequence[Notice]) -> None:
        await self._follower.follow(notices)
