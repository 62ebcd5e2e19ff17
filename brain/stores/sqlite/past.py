"""Reads of the past: from the versions that were visible at that point, a chunk at a time until the page is full."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from brain.join import Joiner, NodeState
from brain.model import Edge, Node, Version
from brain.past import edges_at, matches, node_at, select
from brain.query import AsOf, Direction, Find, Hop
from brain.schema import ROOT, Schema
from brain.stores.sqlite import rows
from brain.stores.sqlite.rows import IN_LIST, NODE, VERSION
from brain.stores.sqlite.tables import CHAINED, VOIDING, condition_sql, where_sql

FOREVER = 2**63 - 1
LINKED = " AND instr(body, '\"l\":[]') = 0"
"""The versions with links: quotes inside a text are escaped, so that the canonical body holds this nowhere else."""


class Past:
    """The model at one point in time, as one connection sees it in one snapshot."""

    def __init__(self, db: sqlite3.Connection, schema: Schema, joiner: Joiner, at: AsOf) -> None:
        self._db = db
        self._schema = schema
        self._joiner = joiner
        self._at = at
        self._times = [FOREVER if time is None else time for time in at]

    def nodes(self, ids: Sequence[str]) -> list[Node | None]:
        states = {row[0]: rows.node_state(row) for row in rows.select(self._db, f"{NODE} WHERE id IN", set(ids))}
        then = self._then(states)
        return [then.get(i) for i in ids]

    def find(self, query: Find) -> list[Node]:
        """At most one node more than the page, in the direction of paging. BadQuery as for a read of now."""
        where_sql(self._schema, query)
        below = set(self._schema.descendants[query.cls])
        found: list[Node] = []
        candidates, size = self._candidates(query), query.limit + 1
        while len(found) <= query.limit and (chunk := list(islice(candidates, min(size, IN_LIST)))):
            then = self.nodes(chunk)
            found += [n for n in then if n is not None and n.cls in below and matches(n, query.where)]
            size *= 2
        return found[: query.limit + 1]

    def _candidates(self, query: Find) -> Iterator[str]:
        """The ids of all that is, or was ever said to be, of the classes asked for."""
        clauses, bounds = "1", list[object]()
        for bound, sign in ((query.after, ">"), (query.before, "<")):
            if bound is not None:
                clauses += f" AND id {sign} ?"
                bounds.append(bound)
        for condition in query.where:
            if condition.property == "id":
                # An id is the same at all times.
                clause, values = condition_sql(condition)
                clauses += f" AND {clause}"
                bounds += values
        sql = f"SELECT id FROM node WHERE {clauses}"
        values = bounds
        if query.cls != ROOT:
            classes = self._schema.descendants[query.cls]
            among = f"class IN ({','.join('?' * len(classes))}) AND {clauses}"
            sql = f"SELECT id FROM node WHERE {among} UNION SELECT id FROM aside WHERE {among}"
            values = [*classes, *bounds] * 2
        for (found,) in self._db.execute(f"{sql} ORDER BY id {'DESC' if query.backwards else 'ASC'}", values):
            yield found

    def _then(self, states: dict[str, NodeState]) -> dict[str, Node]:
        said = self._versions(states)
        then = {i: node_at(self._joiner, state, said.get(i, ()), self._at) for i, state in states.items()}
        found = {i: node for i, node in then.items() if node is not None}
        found |= {i: Node(i, ROOT, {}, {}, {}) for i in self._mentioned(states.keys() - found.keys())}
        return found

    def _mentioned(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that something pointed to, though nothing had described them: placeholders."""
        sql = """
            SELECT id FROM node WHERE EXISTS (
                SELECT 1 FROM edge e JOIN version v ON v.subject = e.source, json_each(v.body, '$.l') link
                WHERE e.target = node.id AND v.valid <= ? AND v.recorded <= ? AND json_extract(link.value, '$[1]') = node.id
            ) AND id IN"""
        return {row[0] for row in rows.select(self._db, sql, ids, *self._times)}

    def hop(self, hop: Hop) -> list[Edge]:
        if hop.direction is Direction.OUT:
            return select(self._edges({hop.node}), hop)
        ends = "SELECT DISTINCT relation, source FROM edge WHERE target = ? ORDER BY relation, source"
        reaching: defaultdict[str, list[str]] = defaultdict(list)
        for relation, source in self._db.execute(ends, (hop.node,)):
            if not hop.relations or relation in hop.relations:
                reaching[relation].append(source)
        # In the order of the answer, so that a page of a hub's edges does not read all that ever pointed to it.
        found: list[Edge] = []
        for relation, sources in reaching.items():
            for i in range(0, len(sources), IN_LIST):
                if len(found) >= hop.limit:
                    return found[: hop.limit]
                found += select(self._edges(sources[i : i + IN_LIST]), hop._replace(relations=(relation,)))
        return found[: hop.limit]

    def _edges(self, sources: Iterable[str]) -> list[Edge]:
        """All edges that left the sources."""
        versions = [v for group in self._versions(sources, LINKED).values() for v in group]
        return edges_at(self._schema, versions, self._at)

    def _versions(self, subjects: Iterable[str], more: str = "") -> dict[str, list[Version]]:
        """The versions of each subject that may be visible, and those that tell which are: voids, and what stands in chains."""
        grouped: defaultdict[str, list[Version]] = defaultdict(list)
        beyond = f"recorded <= ? AND ({VOIDING} OR {CHAINED})"
        sql = f"{VERSION} WHERE (valid <= ? AND recorded <= ?{more} OR {beyond}) AND subject IN"
        for row in rows.select(self._db, sql, subjects, *self._times, self._times[1]):
            grouped[row[0]].append(rows.version(row))
        return grouped
