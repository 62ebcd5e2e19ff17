"""Scans: a whole scope from one statement, streamed in records of many rows (the driver takes 40 µs a record, whatever is in it).

One statement is as near as Neo4j comes to one point in time: it reads what is committed when it gets there. A scan beside a
writer may see the later half of a batch; a scan of a quiet model sees all of it.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple, assert_never

from brain.join import to_node
from brain.model import OBJECT, PERFORMED_BY, Edge, Occurrence, Stamp
from brain.query import Edges, Nodes, Occurrences, Qualities, Scope, Told, Versions
from brain.stores.neo4j import codec
from brain.stores.neo4j.connection import Connection
from brain.stores.neo4j.cypher import BLOCK, FORMERLY, OF, QUALITY, VERSION, Names, quoted, rows_of
from brain.stores.neo4j.finds import MICROS
from brain.stores.neo4j.said import SAID, versions

CHUNK = 500

BLOCKS = 20
"""Blocks in a record: each holds up to some hundred versions."""


def slices(many: int) -> str:
    return f"WITH collect(n) AS found UNWIND range(0, size(found) - 1, {many}) AS i WITH found[i..i + {many}] AS part"


SLICES = slices(CHUNK)
"""Gathers references, not contents, so that a million nodes are some tens of megabytes of the server's memory."""

STAMP = "coalesce(x.qualifier, ''), x._valid, coalesce(x._logical, 0), x._authority, x._event, x._source"

EVER = "WHERE x._valid IS NOT NULL"
"""Linked once: an edge may be known by its unlink alone."""


class Plan(NamedTuple):
    """A statement, its parameters, and what makes results out of the list in a record."""

    cypher: str
    parameters: dict[str, Any]
    results: Callable[[list[Any]], Iterable[Any]]


class Scans:
    """The scanning half of the store."""

    _connection: Connection
    _names: Names

    async def scan(self, scope: Scope) -> AsyncIterator[Any]:
        plan = self._plan(scope)
        async for part in self._connection.stream(plan.cypher, plan.parameters):
            for result in plan.results(part):
                yield result

    def _plan(self, scope: Scope) -> Plan:
        match scope:
            case Nodes(cls):
                label = quoted(self._names.schema.of(cls).name)
                cypher = f"MATCH (n:Entity:{label}) WITH n ORDER BY n.id {SLICES} RETURN {rows_of('part')}"
                return Plan(cypher, {}, lambda part: (to_node(codec.node_state(row)) for row in part))
            case Edges(relations, ever):
                return self._edges_of(relations, ever) if relations else self._edges(ever)
            case Occurrences(object_type):
                return self._occurrences(object_type)
            case Versions():
                return Plan(VERSIONS, {}, versions)
            case Told(relations):
                sources = f"MATCH (n:Entity)-[{self._names.ever(relations)}]->(:Entity) WITH DISTINCT n"
                cypher = f"{sources} {SLICES} RETURN [n IN part | {SAID}]"
                return Plan(cypher, {}, lambda part: chain.from_iterable(map(versions, part)))
            case Qualities():
                return Plan(QUALITIES, {}, lambda part: map(codec.quality, part))
            case _:
                assert_never(scope)

    def _edges(self, ever: bool) -> Plan:
        found = f"[(n)-[x{self._names.ever() if ever else self._names.holding()}]->(b:Entity) {EVER} | [type(x), b.id, {STAMP}]]"
        cypher = f"MATCH (n:Entity) {SLICES} RETURN [n IN part | [n.id, {found}]]"
        relation_of = self._names.relation_of

        def results(part: list[Any]) -> Iterable[Edge]:
            for source, edges in part:
                for label, target, qualifier, *stamp in edges:
                    yield Edge(source, relation_of[label.removeprefix(FORMERLY)], target, qualifier, Stamp(*stamp))

        return Plan(cypher, {}, results)

    def _edges_of(self, relations: tuple[str, ...], ever: bool) -> Plan:
        """By the types of relationships, which Neo4j has an index of: what few things have is not looked for at all of them."""
        types = self._names.ever(relations) if ever else self._names.holding(relations)
        row = f"[n.id, type(x), b.id, {STAMP}]"
        cypher = f"""
            MATCH (n:Entity)-[x{types}]->(b:Entity) {EVER} WITH collect({row}) AS found
            UNWIND range(0, size(found) - 1, {CHUNK}) AS i RETURN found[i..i + {CHUNK}]"""
        relation_of = self._names.relation_of

        def results(part: list[Any]) -> Iterable[Edge]:
            for source, label, target, qualifier, *stamp in part:
                yield Edge(source, relation_of[label.removeprefix(FORMERLY)], target, qualifier, Stamp(*stamp))

        return Plan(cypher, {}, results)

    def _occurrences(self, object_type: str) -> Plan:
        if object_type in self._names.schema.classes:
            objects, parameters = f"MATCH (n:Entity:{quoted(object_type)})", {}
        else:
            objects, parameters = "MATCH (n:Entity) WHERE n.objectType = $type", {"type": object_type}
        by = f"[(s)-[{self._names.holding([PERFORMED_BY])}]->(r:Entity) | r.id][0]"
        times = (
            f"{_micros('startedAt')}, {_micros('completedAt')}, s.sequence, s.startSequence, s.lifecycle, {_micros('enabledAt')}"
        )
        step = f"[s.id, s.activity, {times}, {by}]"
        steps = f"[(s:Entity)-[{self._names.holding([OBJECT])}]->(n) | {step}]"
        return Plan(f"{objects} {SLICES} RETURN [n IN part | [n.id, {steps}]]", parameters, _occurrences)


def _micros(name: str) -> str:
    held = f"s.{name}"
    return f"CASE WHEN {held} IS :: ZONED DATETIME NOT NULL THEN {MICROS.format(held)} ELSE {held} END"


QUALITY_ROW = f"[(q)-[:{OF}]->(s) | s.id][0], q.property, q.verdict, {MICROS.format('q.at')}, q.detail, q.event, q.source"

QUALITIES = f"MATCH (n:{QUALITY}) {SLICES} RETURN [q IN part | [{QUALITY_ROW}]]"


_IN_PARTS = ((VERSION, CHUNK), (BLOCK, BLOCKS))
VERSIONS = " UNION ALL ".join(f"MATCH (n:{label}) {slices(many)} RETURN {rows_of('part')} AS rows" for label, many in _IN_PARTS)


def _occurrences(part: list[Any]) -> Iterable[Occurrence]:
    for thing, steps in part:
        # A step may name one object twice, with two qualifiers; it happened to it once.
        for step, activity, *rest in {step[0]: step for step in steps}.values():
            yield Occurrence(thing, step, "" if activity is None else activity, *rest)
