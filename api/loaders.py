"""Reads batched by level: however many nodes a level of a query has, each kind of read goes to the store once.

Two branches that stand on the same level need not arrive in the same turn of the event loop: a connection passes through
its edges, a functional relation does not. So a batch waits until no key has arrived for some turns. A turn is a logical
step, not a time: it does not depend on the speed of the machine.

Nothing is cached: a websocket stays open for hours, and a cache would show it the past.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

from brain.analytics.graph.evidence import named_as_of
from brain.conflicts import Conflict, Rules, conflicts_of
from brain.model import Edge, Node, Quality, Version
from brain.ports import Store
from brain.query import AsOf, Hop, Window
from brain.schema import Schema

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
G = TypeVar("G", bound=Hashable)

QUIET_TURNS = 12
"""Turns without a new key before a batch leaves. connection → edges → node takes graphql-core five more turns than an object."""


class Batch(Generic[G, K, V]):
    """Collects the keys of a level and fetches each group (one AsOf, one Window) with one call.

    `fetch` returns one value a key, in order. Its error goes to every waiter of that group.
    """

    def __init__(self, fetch: Callable[[G, Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        self._fetch = fetch
        self._waiting: dict[tuple[G, K], asyncio.Future[V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, group: G, key: K) -> V:
        if not self._waiting:
            task = asyncio.ensure_future(self._leave())
            self._tasks.add(task)  # the loop itself holds tasks only weakly
            task.add_done_callback(self._tasks.discard)
        future = self._waiting.get((group, key))
        if future is None:
            future = self._waiting[group, key] = asyncio.get_running_loop().create_future()
        # One caller that is cancelled must not cancel the others that wait for the same key.
        return await asyncio.shield(future)

    async def _leave(self) -> None:
        size, quiet = 0, 0
        while quiet < QUIET_TURNS:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == size else 0
            size = len(self._waiting)
        batch, self._waiting = self._waiting, {}
        groups: dict[G, list[K]] = {}
        for group, key in batch:
            groups.setdefault(group, []).append(key)
        await asyncio.gather(*(self._send(group, keys, batch) for group, keys in groups.items()))

    async def _send(self, group: G, keys: list[K], batch: dict[tuple[G, K], asyncio.Future[V]]) -> None:
        futures = [batch[group, key] for key in keys]
        try:
            values = await self._fetch(group, keys)
        except Exception as error:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # the waiter may be gone; then nobody else looks at it
            return
        for future, value in zip(futures, values, strict=True):
            if not future.done():
                future.set_result(value)


class Point(NamedTuple):
    at: AsOf
    merged: AsOf | None


class Loaders:
    """The batched reads of one request or one websocket."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._nodes: Batch[AsOf, str, Node | None] = Batch(lambda at, ids: store.nodes(ids, at))
        self._edges: Batch[Point, Hop, list[Edge]] = Batch(
            lambda point, hops: named_as_of(store, schema, point.merged).related(hops, point.at)
        )
        self._history: Batch[Window, str, list[Version]] = Batch(lambda window, ids: store.history(ids, window))
        self._quality: Batch[None, str, list[Quality]] = Batch(lambda _, ids: store.quality(ids))

        self._conflicts: Batch[AsOf, str, list[Conflict]] = Batch(lambda at, ids: conflicts_of(store, Rules(schema), ids, at))

    async def node(self, id: str, at: AsOf) -> Node | None:
        return await self._nodes.load(at, id)

    async def nodes(self, ids: Sequence[str], at: AsOf) -> list[Node | None]:
        return await asyncio.gather(*(self._nodes.load(at, id) for id in ids))

    async def edges(self, hop: Hop, at: AsOf, merged: AsOf | None = None) -> list[Edge]:
        """Where `merged` is given, of things as they are merged at that point."""
        return await self._edges.load(Point(at, merged), hop)

    async def history(self, id: str, window: Window) -> list[Version]:
        return await self._history.load(window, id)

    async def quality(self, id: str) -> list[Quality]:
        return await self._quality.load(None, id)

    async def conflicts(self, id: str, at: AsOf) -> list[Conflict]:
        return await self._conflicts.load(at, id)
