"""The store: read what the delta touches, merge, write, in one immediate transaction."""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain

import orjson

from brain.join import Delta, EdgeState, Joiner, NodeState, body, to_node
from brain.model import ChangeSet, DeadLetter, Edge, Mark, Node, Notice, Quality, Version
from brain.notices import notices
from brain.past import functional
from brain.query import NOW, AsOf, Direction, Find, Hop, Page, Window
from brain.schema import ROOT, Schema
from brain.stores.sqlite import rows
from brain.stores.sqlite.connection import Connections
from brain.stores.sqlite.edges import edge_rows, rows_of
from brain.stores.sqlite.nodes import Change, add_columns, insert_nodes, key_of, mention, property_columns, update_nodes
from brain.stores.sqlite.past import Past
from brain.stores.sqlite.rows import NODE, VERSION, insert, select
from brain.stores.sqlite.scans import Scans
from brain.stores.sqlite.tables import FORMAT, SAME_INDEX, TABLES, UPGRADES, VOIDING, where_sql

NEWEST = "ORDER BY valid DESC, authority DESC, event DESC, source DESC, digest DESC"


class SqliteStore(Scans):
    """One file, or nothing but memory. Reads see one snapshot each; scans see one snapshot from first row to last."""

    def __init__(self, path: str, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._connections = Connections(path)
        self._path = path
        self._clock = clock

    async def prepare(self, schema: Schema) -> None:
        self._schema = schema
        self._joiner = Joiner(schema)
        await self._connections.write(self._prepare)

    def _prepare(self, db: sqlite3.Connection) -> None:
        (found,) = db.execute("PRAGMA user_version").fetchone()
        for statement in (*TABLES.split(";\n"), SAME_INDEX):
            db.execute(statement)
        for older in range(found, FORMAT) if found else ():
            for statement in UPGRADES[older]:
                db.execute(statement)
        add_columns(db, self._schema)
        db.execute(f"PRAGMA user_version = {FORMAT}")

    async def apply(
        self, batch: Sequence[ChangeSet], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()
    ) -> list[Notice]:
        delta = self._joiner.join(batch, self._clock())

        voiding = {state.id for state in delta.nodes.values() if state.voided}

        def work(db: sqlite3.Connection) -> None:
            known, late = self._write_nodes(db, delta)
            self._write_edges(db, delta, known)
            insert(db, "INSERT OR IGNORE INTO version", rows.version_rows(delta.versions))
            anew = {state.id: state for state in self._shaken(db, delta, voiding)}
            self._rebuild(db, anew | {i: delta.nodes[i] for i in late})
            insert(db, "INSERT OR IGNORE INTO quality", list(delta.qualities))
            db.executemany(
                "INSERT INTO mark VALUES (?,?,?) ON CONFLICT DO UPDATE SET position = max(position, excluded.position)",
                marks,
            )
            insert(db, "INSERT OR REPLACE INTO letter", letters)

        await self._connections.write(work)
        return notices(batch)

    def _write_nodes(self, db: sqlite3.Connection, delta: Delta) -> tuple[set[str], set[str]]:
        """The ids of the batch that were there before, which alone can have edges; and those of which a chain tells late."""
        states, properties = delta.nodes, property_columns(db)
        known, before, changes = set(), list[tuple[str, str]](), list[Change]()
        for row in select(db, f"{NODE} WHERE id IN", states):
            known.add(row[0])
            before.append((row[1], row[0]))
            old = rows.node_state(row)
            key = key_of(old, properties)
            states[row[0]] = self._joiner.merge_node(old, states[row[0]])
            changes.append((old, key))
        late = self._joiner.settle(delta, states)
        update_nodes(db, changes, properties)
        insert_nodes(db, [states[i] for i in sorted(states.keys() - known)], properties)
        mention(db, delta.mentioned)
        said = [(version.cls, version.subject) for version in delta.versions.values()]
        aside = {(cls, i) for cls, i in chain(before, said) if cls != states[i].cls and cls != ROOT}
        insert(db, "INSERT OR IGNORE INTO aside", sorted(aside))
        return known, {i for i, versions in late.items() if not all(_stored(db, version) for version in versions)}

    def _write_edges(self, db: sqlite3.Connection, delta: Delta, known: set[str]) -> None:
        states = delta.edges
        single = {key[:2] for key in states if functional(self._schema, key.relation)}
        insert(db, "INSERT OR REPLACE INTO edge", edge_rows(db, states, single, known))

    def _shaken(self, db: sqlite3.Connection, delta: Delta, voiding: Collection[str]) -> list[NodeState]:
        """What must be made anew: where the batch takes something back, or says again what was taken back before."""
        voided = {state.id: state for state in delta.nodes.values() if state.voided}
        edges: defaultdict[str, list[EdgeState]] = defaultdict(list)
        for key, edge in delta.edges.items() if voided else ():
            edges[key.source].append(edge)
        void: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
        sql = f"SELECT subject, json_extract(body, '$.v') FROM version INDEXED BY version_voids WHERE {VOIDING} AND subject IN"
        for subject, pairs in select(db, sql, voided.keys() - voiding):
            void[subject].update((subject, *pair) for pair in orjson.loads(pairs))
        return [s for i, s in voided.items() if i in voiding or self._joiner.rests_on(s, edges[i], void[i])]

    def _rebuild(self, db: sqlite3.Connection, states: Mapping[str, NodeState]) -> None:
        """Write those nodes and their edges anew, without what was taken back, in the order of their chains."""
        for state in states.values():
            edges = self._joiner.rebuild(
                state, [rows.version(row) for row in db.execute(f"{VERSION} WHERE subject = ?", (state.id,))]
            )
            single = {key[:2] for key in edges if functional(self._schema, key.relation)}
            insert(db, "INSERT OR REPLACE INTO edge", rows_of(edges, single))
        update_nodes(db, [(state, None) for state in states.values()], property_columns(db) if states else ())

    async def nodes(self, ids: Sequence[str], at: AsOf = NOW) -> list[Node | None]:
        def work(db: sqlite3.Connection) -> list[Node | None]:
            if at != NOW:
                return self._past(db, at).nodes(ids)
            found = {row[0]: to_node(rows.node_state(row)) for row in select(db, f"{NODE} WHERE id IN", set(ids))}
            return [found.get(i) for i in ids]

        return await self._connections.read(work)

    def _past(self, db: sqlite3.Connection, at: AsOf) -> Past:
        return Past(db, self._schema, self._joiner, at)

    async def find(self, query: Find, at: AsOf = NOW) -> Page:
        if at != NOW:
            return _page(await self._connections.read(lambda db: self._past(db, at).find(query)), query)
        where, values = where_sql(self._schema, query)
        for bound, sign in ((query.after, ">"), (query.before, "<")):
            if bound is not None:
                where += f" AND id {sign} ?"
                values.append(bound)
        order = "DESC" if query.backwards else "ASC"

        def work(db: sqlite3.Connection) -> list[Node]:
            sql = f"{NODE} WHERE {where} ORDER BY id {order} LIMIT ?"
            return [to_node(rows.node_state(row)) for row in db.execute(sql, (*values, query.limit + 1))]

        return _page(await self._connections.read(work), query)

    async def count(self, query: Find) -> int:
        where, values = where_sql(self._schema, query)

        def work(db: sqlite3.Connection) -> int:
            return int(db.execute(f"SELECT count(*) FROM node WHERE {where}", values).fetchone()[0])

        return await self._connections.read(work)

    async def related(self, hops: Sequence[Hop], at: AsOf = NOW) -> list[list[Edge]]:
        def work(db: sqlite3.Connection) -> list[list[Edge]]:
            hopped = self._hop if at == NOW else lambda db, hop: self._past(db, at).hop(hop)
            return [hopped(db, hop) for hop in hops]

        return await self._connections.read(work)

    def _hop(self, db: sqlite3.Connection, hop: Hop) -> list[Edge]:
        near, far = ("source", "target") if hop.direction is Direction.OUT else ("target", "source")
        among = f" AND relation IN ({','.join('?' * len(hop.relations))})" if hop.relations else ""
        sql = (
            f"SELECT source, relation, target, qualifier, linked FROM edge WHERE {near} = ? AND holds = 1{among}"
            f" ORDER BY relation, {far}, qualifier LIMIT ?"
        )
        return [rows.edge(row) for row in db.execute(sql, (hop.node, *hop.relations, hop.limit))]

    async def history(self, ids: Sequence[str], window: Window = Window()) -> list[list[Version]]:
        clauses, values = "", list[object]()
        for bound, sign in ((window.start, ">="), (window.end, "<")):
            if bound is not None:
                clauses += f" AND valid {sign} ?"
                values.append(bound)

        def work(db: sqlite3.Connection) -> list[list[Version]]:
            sql = f"{VERSION} WHERE subject = ?{clauses} {NEWEST} LIMIT ?"
            return [[rows.version(row) for row in db.execute(sql, (i, *values, window.limit))] for i in ids]

        return await self._connections.read(work)

    async def quality(self, ids: Sequence[str]) -> list[list[Quality]]:
        sql = "SELECT * FROM quality WHERE subject = ? ORDER BY at IS NOT NULL, at, property, verdict, event, source"
        return await self._connections.read(lambda db: [[rows.quality(row) for row in db.execute(sql, (i,))] for i in ids])

    async def object_types(self) -> dict[str, int]:
        sql = """
            SELECT coalesce(json_extract(n.properties, '$.objectType'), n.class) AS type, count(*) FROM node n
            WHERE n.id IN (SELECT target FROM edge WHERE relation = 'object' AND holds = 1) GROUP BY type ORDER BY type"""
        return await self._connections.read(lambda db: dict(db.execute(sql).fetchall()))

    async def marks(self) -> list[Mark]:
        sql = "SELECT topic, partition, position FROM mark ORDER BY topic, partition"
        return await self._connections.read(lambda db: [Mark(*row) for row in db.execute(sql)])

    async def letters(self, limit: int = 100, after: str | None = None) -> list[DeadLetter]:
        sql = "SELECT * FROM letter WHERE id > ? ORDER BY id LIMIT ?"
        return await self._connections.read(lambda db: [DeadLetter(*row) for row in db.execute(sql, (after or "", limit))])

    async def release(self, ids: Sequence[str]) -> None:
        await self._connections.write(lambda db: db.executemany("DELETE FROM letter WHERE id = ?", [(i,) for i in ids]))

    async def close(self) -> None:
        self._connections.close()


def _stored(db: sqlite3.Connection, version: Version) -> bool:
    sql = "SELECT 1 FROM version WHERE (subject, valid, authority, event, source, digest) = (?,?,?,?,?,?)"
    key = rows.version_key(version.subject, version.stamp, body(version))
    return db.execute(sql, key).fetchone() is not None


def _page(found: list[Node], query: Find) -> Page:
    nodes = found[: query.limit]
    return Page(tuple(reversed(nodes) if query.backwards else nodes), len(found) > query.limit)
