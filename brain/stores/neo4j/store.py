"""The store: `brain.stores.neo4j` says how the graph is laid out, `writes` how a batch gets into it."""

import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from neo4j import AsyncManagedTransaction

from brain.errors import StoreBroken
from brain.join import Joiner, NodeState, to_node
from brain.model import ChangeSet, DeadLetter, Edge, Mark, Node, Notice, Quality, Stamp, Version, by_time
from brain.notices import notices
from brain.past import edges_at, matches, node_at, select
from brain.query import NOW, AsOf, Direction, Find, Hop, Page, Window
from brain.schema import ROOT, Schema
from brain.stores.neo4j import codec
from brain.stores.neo4j.address import parse
from brain.stores.neo4j.connection import Connection, run
from brain.stores.neo4j.cypher import (
    BRAIN,
    FORMAT,
    LETTER,
    MARK,
    OF,
    OWN_LABELS,
    QUALITY,
    Names,
    quoted,
    relabelling,
    row_of,
    rows_of,
    schema_cypher,
)
from brain.stores.neo4j.finds import MICROS, conditions, where_cypher
from brain.stores.neo4j.said import SAID_THEN, by_subject, history_cypher, newest, pointed, versions
from brain.stores.neo4j.scans import QUALITY_ROW, SLICES, STAMP, Scans
from brain.stores.neo4j.writes import Writer

RELABEL = 10_000
"""Nodes a transaction when the ontology has changed."""

NODE = row_of("properties(n)")
FOREVER = 2**63 - 1


class Neo4jStore(Scans):
    """Any number of processes may write to one server. Reads see what is committed; each method reads by one statement."""

    def __init__(self, url: str, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._connection = Connection(parse(url))
        self._clock = clock

    async def prepare(self, schema: Schema) -> None:
        self._schema = schema
        self._joiner = Joiner(schema)
        self._names = Names(schema)
        self._writer = Writer(self._names, self._joiner)
        try:
            await self._prepare(schema)
        except BaseException:
            # Who could not open the store will not think of closing it.
            await self.close()
            raise

    async def _prepare(self, schema: Schema) -> None:
        await self._connection.verify()
        for statement in schema_cypher(schema):
            await self._connection.write(lambda tx, text=statement: run(tx, text))  # type: ignore[misc]
        await self._connection.read(lambda tx: run(tx, "CALL db.awaitIndexes(300)"))
        types = "CALL db.relationshipTypes() YIELD relationshipType AS t RETURN collect(t)"
        self._names.also(await self._connection.read(lambda tx: run(tx, types)))
        await self._adopt()

    async def _adopt(self) -> None:
        """Check the format; where the ontology is another than the last time, give every node the labels that it has now."""
        found = await self._connection.read(
            lambda tx: run(tx, f"OPTIONAL MATCH (b:{BRAIN} {{key: 'model'}}) RETURN [b.format, b.ontology]")
        )
        if found[0] is not None and not 1 <= found[0] <= FORMAT:
            raise StoreBroken(
                f"{self._connection.address.shown}: written in format {found[0]}, this program reads {FORMAT};"
                " import again into an empty database"
            )
        if found[0] is not None and found[1] != self._schema.version:
            await self._relabel()
        mark = f"MERGE (b:{BRAIN} {{key: 'model'}}) SET b.format = $format, b.ontology = $version"
        await self._connection.write(lambda tx: run(tx, mark, format=FORMAT, version=self._schema.version))

    async def _relabel(self) -> None:
        known = "CALL db.labels() YIELD label RETURN collect(label)"
        others = set(await self._connection.read(lambda tx: run(tx, known))) - OWN_LABELS
        for cls in self._schema.classes.values():
            gone = sorted(others - set(cls.labels))
            wrong = "".join(f" OR n:{quoted(label)}" for label in gone)
            text = (
                f"MATCH (n:Entity {{_class: $cls}}) WHERE NOT n{self._names.labels(cls.name)}{wrong}"
                f" WITH n LIMIT {RELABEL} {relabelling(cls.labels, gone)} RETURN count(n)"
            )
            while await self._connection.write(lambda tx, t=text, c=cls.name: run(tx, t, cls=c)):  # type: ignore[misc]
                pass

    async def apply(
        self, batch: Sequence[ChangeSet], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()
    ) -> list[Notice]:
        delta = self._joiner.join(batch, self._clock())
        await self._connection.write(lambda tx: self._writer.write(tx, delta, marks, letters))
        return notices(batch)

    async def nodes(self, ids: Sequence[str], at: AsOf = NOW) -> list[Node | None]:
        text = f"UNWIND $ids AS id MATCH (n:Entity {{id: id}}) RETURN collect([{NODE}, {self._said(at)}])"
        rows = await self._read(text, ids=sorted(set(ids)), **_times(at))
        found = {state.id: node for state, node in self._then(rows, at)}
        return [found.get(i) for i in ids]

    def _said(self, at: AsOf) -> str:
        """The versions of `n`, and whether something pointed to it while nothing described it; of now neither is read."""
        if at == NOW:
            return "[], false"
        return f"{SAID_THEN}, {pointed(self._names)}"

    def _then(self, rows: Iterable[Any], at: AsOf) -> Iterable[tuple[NodeState, Node | None]]:
        """Each node of rows `[node, versions, pointed]`, as it was at that point."""
        for row, said, named in rows:
            state = codec.node_state(row)
            node = to_node(state) if at == NOW else node_at(self._joiner, state, versions(said), at)
            yield state, node or (Node(state.id, ROOT, {}, {}, {}) if named else None)

    async def find(self, query: Find, at: AsOf = NOW) -> Page:
        where = where_cypher(self._schema, query, paged=True)
        order = "ORDER BY n.id DESC" if query.backwards else "ORDER BY n.id"
        if at == NOW and where.exact:
            # Gathered first: next to an index, `properties(n)` of a node found by `= 0` says 0 where the node has 0.0.
            text = f"{where.match} WITH n {order} LIMIT $limit WITH collect(n) AS found RETURN {rows_of('found')}"
            rows = await self._read(text, **where.parameters, limit=query.limit + 1)
            return _page([to_node(codec.node_state(row)) for row in rows], query)
        # Now what Cypher finds are candidates; of the past every node is one.
        match = where.match if at == NOW else "MATCH (n:Entity)"
        found = list[Node]()
        parameters = where.parameters | _times(at)
        async with aclosing(self._candidates(f"{match} WITH n {order}", parameters, query, at)) as candidates:
            async for node in candidates:
                found.append(node)
                if len(found) > query.limit:
                    break
        return _page(found, query)

    async def _candidates(
        self, matched: str, parameters: dict[str, Any], query: Find, at: AsOf, paged: bool = True
    ) -> AsyncGenerator[Node, None]:
        """The nodes that truly meet the query, in the order of the statement."""
        below, wanted = set(self._schema.descendants[query.cls]), conditions(query, paged)
        text = f"{matched} {SLICES} RETURN [n IN part | [{NODE}, {self._said(at)}]]"
        async with aclosing(self._connection.stream(text, parameters)) as parts:
            async for part in parts:
                for _, node in self._then(part, at):
                    if node is not None and node.cls in below and matches(node, wanted):
                        yield node

    async def count(self, query: Find) -> int:
        where = where_cypher(self._schema, query, paged=False)
        if where.exact:
            return int(await self._read(f"{where.match} RETURN count(n)", **where.parameters))
        candidates = self._candidates(where.match, where.parameters, query, NOW, paged=False)
        return sum([1 async for _ in candidates])

    async def related(self, hops: Sequence[Hop], at: AsOf = NOW) -> list[list[Edge]]:
        if at != NOW:
            return await self._related_then(hops, at)
        alike: defaultdict[tuple[Direction, tuple[str, ...], int], list[int]] = defaultdict(list)
        for i, hop in enumerate(hops):
            alike[hop[1:]].append(i)

        async def work(tx: AsyncManagedTransaction) -> list[list[Edge]]:
            edges: list[list[Edge]] = [[] for _ in hops]
            for (direction, relations, limit), places in alike.items():
                text = self._hop(direction, relations)
                rows = [[i, hops[i].node] for i in places]
                for i, found in await run(tx, text, rows=rows, limit=limit, names=self._names.relation_of):
                    edges[i] = [Edge(s, r, t, q, Stamp(*stamp)) for s, r, t, q, *stamp in found]
            return edges

        return await self._connection.read(work)

    def _hop(self, direction: Direction, relations: tuple[str, ...]) -> str:
        types = self._names.holding(relations)
        away = f"(a:Entity {{id: r[1]}})-[x{types}]->(b:Entity)"
        pattern, ends = (away, "a.id, $names[type(x)], b.id")
        if direction is Direction.IN:
            pattern, ends = f"(a:Entity {{id: r[1]}})<-[x{types}]-(b:Entity)", "b.id, $names[type(x)], a.id"
        return f"""
            UNWIND $rows AS r CALL (r) {{
                MATCH {pattern} WITH a, x, b ORDER BY $names[type(x)], b.id, coalesce(x.qualifier, '') LIMIT $limit
                RETURN collect([{ends}, {STAMP}]) AS found
            }} RETURN collect([r[0], found])"""

    async def _related_then(self, hops: Sequence[Hop], at: AsOf) -> list[list[Edge]]:
        """From the versions of the nodes that the edges leave, whether these edges still hold or not."""
        own = sorted({hop.node for hop in hops if hop.direction is Direction.OUT})
        reached = sorted({hop.node for hop in hops if hop.direction is Direction.IN})
        text = f"""
            CALL () {{
                UNWIND $own AS id MATCH (n:Entity {{id: id}}) RETURN n
                UNION UNWIND $reached AS id MATCH (:Entity {{id: id}})<-[{self._names.ever()}]-(n:Entity) RETURN n
            }} WITH DISTINCT n RETURN collect({SAID_THEN})"""
        groups = await self._read(text, own=own, reached=reached, **_times(at))
        edges = [e for said in groups for e in edges_at(self._schema, versions(said), at)]
        return [select(edges, hop) for hop in hops]

    async def history(self, ids: Sequence[str], window: Window = Window()) -> list[list[Version]]:
        rows = await self._read(history_cypher(window), ids=sorted(set(ids)), **window._asdict())
        found = by_subject(versions(rows))
        return [newest(found.get(i, ()), window) for i in ids]

    async def quality(self, ids: Sequence[str]) -> list[list[Quality]]:
        text = f"""
            UNWIND $ids AS id MATCH (:Entity {{id: id}})<-[:{OF}]-(q:{QUALITY}) RETURN collect([{QUALITY_ROW}])"""
        found: defaultdict[str, list[Quality]] = defaultdict(list)
        for row in await self._read(text, ids=sorted(set(ids))):
            found[row[0]].append(codec.quality(row))
        for flags in found.values():
            flags.sort(key=by_time)
        return [list(found.get(i, ())) for i in ids]

    async def object_types(self) -> dict[str, int]:
        text = f"""
            MATCH (n:Entity) WHERE EXISTS {{ (n)<-[{self._names.holding(["object"])}]-(:Entity) }}
            WITH coalesce(n.objectType, n._class) AS type, count(*) AS many RETURN collect([type, many])"""
        return dict(sorted(await self._read(text)))

    async def marks(self) -> list[Mark]:
        rows = await self._read(f"MATCH (m:{MARK}) RETURN collect([m.topic, m.partition, m.offset])")
        return sorted(Mark(*row) for row in rows)

    async def letters(self, limit: int = 100, after: str | None = None) -> list[DeadLetter]:
        text = f"""
            MATCH (l:{LETTER}) WHERE l.id > $after WITH l ORDER BY l.id LIMIT $limit
            RETURN collect([l.id, l.adapter, l.topic, l.reason, l.payload, {MICROS.format("l.received")}])"""
        rows = await self._read(text, after=after or "", limit=limit)
        return [DeadLetter(*row) for row in rows]

    async def release(self, ids: Sequence[str]) -> None:
        text = f"UNWIND $ids AS id MATCH (l:{LETTER} {{id: id}}) DELETE l"
        await self._connection.write(lambda tx: run(tx, text, ids=sorted(set(ids))))

    async def close(self) -> None:
        await self._connection.close()

    async def _read(self, cypher: str, **parameters: Any) -> Any:
        return await self._connection.read(lambda tx: run(tx, cypher, **parameters))


def _times(at: AsOf) -> dict[str, int]:
    return {"valid": FOREVER if at.valid is None else at.valid, "known": FOREVER if at.known is None else at.known}


def _page(found: list[Node], query: Find) -> Page:
    nodes = found[: query.limit]
    return Page(tuple(reversed(nodes) if query.backwards else nodes), len(found) > query.limit)
