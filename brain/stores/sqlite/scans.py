"""Scans: a whole scope, streamed from one snapshot on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, assert_never

import orjson

from brain.join import to_node
from brain.model import Occurrence
from brain.query import Condition, Edges, Nodes, Occurrences, Op, Qualities, Scope, Told, Versions
from brain.schema import Schema
from brain.stores.sqlite import rows
from brain.stores.sqlite.connection import Connections, told
from brain.stores.sqlite.tables import condition_sql, indexed

CHUNK = 5000

Plan = tuple[str, list[str], Callable[[Any], Any]]
"""A statement, its parameters, and what makes a result out of a row."""


class Scans:
    """The scanning half of the store."""

    _connections: Connections
    _schema: Schema
    _path: str

    async def scan(self, scope: Scope) -> AsyncIterator[Any]:
        sql, values, make = self._plan(scope)
        if not self._path:
            # A shared in-memory database locks whole tables, without waiting: a scan that is still open would refuse its writer.
            for row in await self._connections.read(lambda db: db.execute(sql, values).fetchall()):
                yield make(row)
            return
        db = await asyncio.to_thread(self._connections.connect)
        try:
            with told(self._path):
                cursor = await asyncio.to_thread(db.execute, sql, values)
                while chunk := await asyncio.to_thread(cursor.fetchmany, CHUNK):
                    for row in chunk:
                        yield make(row)
        finally:
            await asyncio.to_thread(db.close)

    def _plan(self, scope: Scope) -> Plan:
        match scope:
            case Nodes(cls):
                classes = list(self._schema.descendants[self._schema.of(cls).name])
                among = f"class IN ({_marks(classes)})"
                return f"{rows.NODE} WHERE {among} ORDER BY id", classes, lambda row: to_node(rows.node_state(row))
            case Edges(relations, ever):
                held = "linked IS NOT NULL" if ever else "holds = 1"
                sql = f"SELECT source, relation, target, qualifier, linked FROM edge WHERE {held} AND {_among(relations)}"
                return sql, [], rows.edge
            case Occurrences(object_type):
                return self._occurrences(object_type)
            case Versions():
                return rows.VERSION, [], rows.version
            case Told(relations):
                sources = f"SELECT source FROM edge WHERE {_among(relations)}"
                return f"{rows.VERSION} WHERE subject IN ({sources}) ORDER BY subject", [], rows.version
            case Qualities():
                return "SELECT * FROM quality", [], rows.quality
            case _:
                assert_never(scope)

    def _occurrences(self, object_type: str) -> Plan:
        if object_type in self._schema.classes:
            values = list(self._schema.descendants[object_type])
            objects = f"SELECT id FROM node WHERE class IN ({_marks(values)})"
        else:
            values = [object_type]
            where, _ = condition_sql(Condition("objectType", Op.EQ, object_type), indexed(self._schema))
            objects = f"SELECT id FROM node WHERE {where}"
        sql = f"""
            SELECT DISTINCT e.target, e.source, s.properties, p.target FROM edge e CROSS JOIN node s ON s.id = e.source
            LEFT JOIN edge p ON p.source = e.source AND p.relation = 'performedBy' AND p.holds = 1
            WHERE e.relation = 'object' AND e.holds = 1 AND e.target IN ({objects}) ORDER BY e.target"""
        return sql, values, _occurrence


def _occurrence(row: tuple[str, str, str, str | None]) -> Occurrence:
    return Occurrence.of(row[0], row[1], orjson.loads(row[2]), row[3])


def _among(relations: Sequence[str]) -> str:
    """The edges of some relations (none: of all). One relation as a literal: that is how SQLite knows that the index of merges
    will do."""
    names = [_literal(name) for name in relations]
    return f"relation = {names[0]}" if len(names) == 1 else f"relation IN ({','.join(names)})" if names else "1"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _marks(values: object) -> str:
    return ",".join("?" * len(values))  # type: ignore[arg-type]
