"""A store as read by people: each thing once, under whatever id it is asked for."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Any

from brain.identities.known import AGE, Known
from brain.identities.scans import edges_of, nodes_of, occurrences_of
from brain.identity import Clusters, MergedNode, merge_edges, merge_nodes, merge_qualities, merge_versions
from brain.join import Joiner
from brain.model import ChangeSet, DeadLetter, Edge, Mark, Node, Notice, Quality, Version
from brain.past import matches, select
from brain.ports import Store, closing
from brain.query import EVERY, NOW, AsOf, Condition, Direction, Edges, Find, Hop, Nodes, Occurrences, Op, Page, Scope, Window
from brain.schema import Schema


class Merged:
    """A store whose reads know that some ids are one thing: what `brain.identity` makes of the store's own answers.

    Ids that are merged at the point in time of a read are answered by one `MergedNode` with the least of their ids; edges lead
    from and to that. Where nothing is merged every read is the store's own. `history` and `quality`, which have no `asOf`, go by
    what is merged now. Scans of versions and of flags are the store's own too, and so is all that writes.

    A merge that was stored elsewhere shows after `age` seconds, or at once after `forget`; one through `apply` here, at once.
    """

    def __init__(self, store: Store, schema: Schema, age: float = AGE) -> None:
        self.raw = store
        self.schema = schema
        self.known = Known(store, schema, age)
        self._joiner = Joiner(schema)
        self._single = frozenset(name for name, relation in schema.relations.items() if relation.functional)

    def forget(self) -> None:
        """Look again before the next read."""
        self.known.forget()

    async def ids(self, id: str) -> tuple[str, ...]:
        """Every id of the thing, now."""
        return (await self.known.clusters()).all(id)

    async def nodes(self, ids: Sequence[str], at: AsOf = NOW) -> list[Node | None]:
        together = await self.known.clusters(at)
        if together.of.keys().isdisjoint(ids):
            return await self.raw.nodes(ids, at)
        things = list(dict.fromkeys(together.one(id) for id in ids))
        found = dict(zip(things, await self._things(things, together, at), strict=True))
        return [found[together.one(id)] for id in ids]

    async def _things(self, things: Sequence[str], together: Clusters, at: AsOf) -> list[Node | None]:
        asked = [member for thing in things for member in together.all(thing)]
        answers = iter(await self.raw.nodes(asked, at) if asked else [])
        found: list[Node | None] = []
        for thing in things:
            members = together.all(thing)
            nodes = [node for _ in members if (node := next(answers)) is not None]
            whole = merge_nodes(self._joiner, thing, members, nodes) if nodes and len(members) > 1 else None
            found.append(whole or (nodes[0] if nodes else None))
        return found

    async def merged(self, together: Clusters, at: AsOf = NOW, cls: str | None = None) -> list[MergedNode]:
        """Everything that is merged, by id; only what is of a class."""
        found = await self._things(sorted(together.members), together, at)
        things = [node for node in found if isinstance(node, MergedNode)]
        return [node for node in things if cls is None or self.schema.is_a(node.cls, cls)]

    async def find(self, query: Find, at: AsOf = NOW) -> Page:
        together = await self.known.clusters(at)
        if not together.members:
            return await self.raw.find(query, at)
        query = replace(query, where=tuple(_by_representative(c, together) for c in query.where))
        found = sorted(await self._found(query, together, at), key=lambda node: node.id, reverse=query.backwards)
        nodes = found[: query.limit]
        return Page(tuple(reversed(nodes) if query.backwards else nodes), len(found) > query.limit)

    async def _found(self, query: Find, together: Clusters, at: AsOf) -> list[Node]:
        """What is merged and all else that the query finds: of the first `limit` and one more nothing is missing.

        Both are read from where the page begins, whichever is behind, until enough lies before what was not read yet.
        """
        waiting = sorted((id for id in together.members if _within(id, query)), reverse=not query.backwards)
        found: list[Node] = []
        rest, more, last = replace(query, limit=query.limit or 1), True, ""
        while True:
            sure = [node.id for node in found if not more or (last and _reached(node.id, last, query))]
            known = sum(not waiting or _reached(id, waiting[-1], query) for id in sure)
            if (not more and not waiting) or known > query.limit:
                return found
            if waiting and (not more or (last and _reached(waiting[-1], last, query))):
                part = [waiting.pop() for _ in range(min(len(waiting), query.limit + 1))]
                things = [node for node in await self._things(part, together, at) if node is not None]
                found += [n for n in things if self.schema.is_a(n.cls, query.cls) and matches(n, query.where)]
                continue
            page = await self.raw.find(rest, at)
            found += [node for node in page.nodes if node.id not in together.of]
            more = page.more and bool(page.nodes)
            if more:
                last = page.nodes[0 if query.backwards else -1].id
                rest = replace(rest, before=last) if query.backwards else replace(rest, after=last)

    async def count(self, query: Find) -> int:
        together = await self.known.clusters()
        if not together.members:
            return await self.raw.count(query)
        query = replace(query, where=tuple(_by_representative(c, together) for c in query.where))
        alone = [node for node in await self.raw.nodes(sorted(together.of)) if node is not None]
        things = await self.merged(together)

        def among(nodes: Iterable[Node]) -> int:
            return sum(self.schema.is_a(node.cls, query.cls) and matches(node, query.where) for node in nodes)

        return await self.raw.count(query) - among(alone) + among(things)

    async def related(self, hops: Sequence[Hop], at: AsOf = NOW) -> list[list[Edge]]:
        together = await self.known.clusters(at)
        if not together.members:
            return await self.raw.related(hops, at)
        asked = [hop._replace(node=member) for hop in hops for member in together.all(hop.node)]
        answers = await self.raw.related(asked, at)
        # Beyond what was cut off may lie an edge that, under the other id of its end, comes first.
        short = [i for i, (hop, edges) in enumerate(zip(asked, answers, strict=True)) if self._cut(hop, edges)]
        if short:
            whole = await self.raw.related([asked[i]._replace(limit=EVERY) for i in short], at)
            for i, edges in zip(short, whole, strict=True):
                answers[i] = edges
        left = iter(answers)
        merged = [merge_edges((e for _ in together.all(hop.node) for e in next(left)), together, self._out(hop)) for hop in hops]
        settled = await self._settled(hops, merged, together, at)
        things = [hop._replace(node=together.one(hop.node)) for hop in hops]
        return [select(edges, hop) for hop, edges in zip(things, settled, strict=True)]

    def _cut(self, hop: Hop, edges: Sequence[Edge]) -> bool:
        """Whether there may be more than the hop's limit."""
        known = hop.direction is Direction.OUT and len(hop.relations) == 1 and self._single.issuperset(hop.relations)
        return len(edges) >= hop.limit and not known

    def _out(self, hop: Hop) -> frozenset[str]:
        """The functional relations that a hop has whole."""
        return self._single if hop.direction is Direction.OUT else frozenset()

    async def _settled(
        self, hops: Sequence[Hop], answers: Sequence[list[Edge]], together: Clusters, at: AsOf
    ) -> list[list[Edge]]:
        """Without the edges of merged sources that reach a hop's node by a functional relation and no longer hold: another member
        has a newer link."""
        doubtful = {
            edge[:2]
            for hop, edges in zip(hops, answers, strict=True)
            if hop.direction is Direction.IN
            for edge in edges
            if edge.relation in self._single and edge.source in together.members
        }
        if not doubtful:
            return list(answers)
        rivals = [Hop(m, Direction.OUT, (relation,), EVERY) for source, relation in doubtful for m in together.all(source)]
        leaving = [edge for edges in await self.raw.related(rivals, at) for edge in edges]
        holding = {edge[:4] for edge in merge_edges(leaving, together, self._single)}
        return [[edge for edge in edges if edge[:2] not in doubtful or edge[:4] in holding] for edges in answers]

    async def history(self, ids: Sequence[str], window: Window = Window()) -> list[list[Version]]:
        together = await self.known.clusters()
        if together.of.keys().isdisjoint(ids):
            return await self.raw.history(ids, window)
        answers = iter(await self.raw.history([m for id in ids for m in together.all(id)], window))
        return [merge_versions([next(answers) for _ in together.all(id)], window.limit) for id in ids]

    async def quality(self, ids: Sequence[str]) -> list[list[Quality]]:
        together = await self.known.clusters()
        if together.of.keys().isdisjoint(ids):
            return await self.raw.quality(ids)
        answers = iter(await self.raw.quality([m for id in ids for m in together.all(id)]))
        return [merge_qualities([next(answers) for _ in together.all(id)]) for id in ids]

    async def scan(self, scope: Scope) -> AsyncIterator[Any]:
        together = await self.known.clusters()
        scanned: AsyncIterator[Any] = self.raw.scan(scope)
        if together.members:
            match scope:
                case Nodes(cls):
                    scanned = nodes_of(self.raw, scope, together, await self.merged(together, cls=cls))
                case Edges():
                    scanned = edges_of(self.raw, scope, together, self._single)
                case Occurrences():
                    things = [node for node in await self.merged(together) if scope.counts(node, self.schema)]
                    scanned = occurrences_of(self.raw, self, scope, together, things)
                case _:
                    pass
        async with closing(scanned) as some:
            async for found in some:
                yield found

    async def object_types(self) -> dict[str, int]:
        types = await self.raw.object_types()
        together = await self.known.clusters()
        if not together.members:
            return types
        members = sorted(together.of)
        steps = await self.raw.related([Hop(m, Direction.IN, ("object",), 1) for m in members])
        stepped = [member for member, edges in zip(members, steps, strict=True) if edges]
        alone = await self.raw.nodes(stepped)
        things = await self.nodes(sorted({together.one(member) for member in stepped}))
        for nodes, change in ((alone, -1), (things, 1)):
            for node in nodes:
                if node is not None:
                    types[node.object_type] = types.get(node.object_type, 0) + change
        return {name: types[name] for name in sorted(types) if types[name]}

    # ---- The store's own -----------------------------------------------------------------------------------------

    async def prepare(self, schema: Schema) -> None:
        await self.raw.prepare(schema)

    async def apply(
        self, batch: Sequence[ChangeSet], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()
    ) -> list[Notice]:
        notices = await self.raw.apply(batch, marks, letters)
        self.forget()
        return notices

    async def marks(self) -> list[Mark]:
        return await self.raw.marks()

    async def letters(self, limit: int = 100, after: str | None = None) -> list[DeadLetter]:
        return await self.raw.letters(limit, after)

    async def release(self, ids: Sequence[str]) -> None:
        await self.raw.release(ids)

    async def close(self) -> None:
        await self.raw.close()


def _by_representative(condition: Condition, together: Clusters) -> Condition:
    """An id that is asked for is that of the whole thing."""
    if condition.property != "id":
        return condition
    if condition.op is Op.EQ and isinstance(condition.value, str):
        return replace(condition, value=together.one(condition.value))
    if condition.op is Op.IN and isinstance(condition.value, tuple):
        return replace(condition, value=tuple(together.one(str(value)) for value in condition.value))
    return condition


def _within(id: str, query: Find) -> bool:
    return (query.after is None or id > query.after) and (query.before is None or id < query.before)


def _reached(id: str, last: str, query: Find) -> bool:
    """Whether it lies at or before `last`, in the direction of paging."""
    return id >= last if query.backwards else id <= last
