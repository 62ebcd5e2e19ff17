"""Which ids are one thing, now and at any other point in both times: looked up in the store as seldom as will do."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from brain.identity import CERTAIN, DIFFERENT, NONE, SAME, Alike, Census, Clusters, Pair, certain, homes
from brain.model import Node
from brain.ports import Store
from brain.query import EVERY, NOW, AsOf, Direction, Edges, Find, Hop, Nodes
from brain.schema import Schema

PAGE = 1000

MOMENTS = 64
"""Points in the past of which the clusters are held."""

AGE = 1.0
"""Seconds for which what was looked up is taken to be so still: a merge that another process stored is seen after them."""
SHARE = 20
"""And for this many times as long as looking it up took, so that it takes a twentieth of the time at most."""


class Known:
    """The clusters of a store. Where there are no merges, and never were, a look-up is one short read of an index every `age`
    seconds, and nothing in between; `forget` makes the next one look again."""

    def __init__(self, store: Store, schema: Schema, age: float = AGE, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._schema = schema
        self._age = age
        self._clock = clock
        self._due: float | None = None
        self._asked = 0
        self._lock: asyncio.Lock | None = None
        self._sources: list[str] = []
        self._clusters: dict[AsOf, Clusters] = {}
        self.sure = sorted(name for name, confidence in schema.identities.items() if confidence == CERTAIN)
        self._possible = SAME in schema.relations or bool(self.sure)

    def forget(self) -> None:
        self._due = None
        self._asked += 1

    async def clusters(self, at: AsOf = NOW) -> Clusters:
        if not self._possible:
            return NONE
        if self._due is None or self._clock() >= self._due:
            await self._look()
        if not self._sources and not self.sure:
            return NONE
        found = self._clusters.get(at)
        if found is None:
            if len(self._clusters) > MOMENTS:
                self._clusters = {NOW: self._clusters[NOW]}
            found = self._clusters[at] = await self._at(at)
        return found

    async def _look(self) -> None:
        # Made here: a lock belongs to the loop that first waits for it.
        self._lock = self._lock or asyncio.Lock()
        due = self._due
        async with self._lock:
            if self._due != due:
                return
            begun, asked = self._clock(), self._asked
            self._sources = sorted({e.source async for e in self._store.scan(Edges((SAME,), ever=True))})
            self._clusters = {NOW: await self._at(NOW)} if self._sources or self.sure else {}
            ended = self._clock()
            # What was committed while we looked may be missing.
            if self._age and asked == self._asked:
                self._due = ended + max(self._age, SHARE * (ended - begun))

    async def _at(self, at: AsOf) -> Clusters:
        same = await linked(self._store, self._sources, SAME, at)
        alike = await self.alike(self.sure, at)
        ids = {id for group in alike for id in group.said} | {id for pair in same for id in pair}
        different = await linked(self._store, ids, DIFFERENT, at) if alike else []
        return certain(same, different, alike)

    async def alike(self, names: Sequence[str], at: AsOf = NOW) -> list[Alike]:
        """The nodes that have the same value of one of these properties. Reads every node of the classes that have them."""
        census = Census(names)
        for cls in sorted({cls for name in names for cls in homes(self._schema, name)}):
            if at == NOW:
                async for node in self._store.scan(Nodes(cls)):
                    census.add(node)
            else:
                for node in await self._then(cls, at):
                    census.add(node)
        return census.alike()

    async def _then(self, cls: str, at: AsOf) -> list[Node]:
        found: list[Node] = []
        more, after = True, None
        while more:
            page = await self._store.find(Find(cls, limit=PAGE, after=after), at)
            found += page.nodes
            more, after = page.more, page.nodes[-1].id if page.nodes else None
        return found


async def linked(store: Store, ids: Iterable[str], relation: str, at: AsOf = NOW) -> list[Pair]:
    """The pairs that the relation joins, of those links that leave the ids."""
    hops = [Hop(id, Direction.OUT, (relation,), EVERY) for id in sorted(ids)]
    return [(edge.source, edge.target) for edges in (await store.related(hops, at) if hops else []) for edge in edges]
