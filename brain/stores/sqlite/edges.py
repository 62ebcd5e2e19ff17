"""Edges into the table: only those rows are read that change or that decide what holds, however many a node ever had."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from brain.join import EdgeKey, EdgeState, holding_all, latest
from brain.model import Stamp
from brain.stores.sqlite import rows
from brain.stores.sqlite.rows import IN_LIST, Row

GONE, HOLDS, LEFT = 0, 1, 2
"""The column `holds`. LEFT marks, where a functional relation holds nothing, its newest link, which was undone."""

COLUMNS = ("source", "relation", "target", "qualifier")

Pair = tuple[str, ...]
"""(source, relation)."""


def edge_rows(
    db: sqlite3.Connection, states: dict[EdgeKey, EdgeState], single: Collection[Pair], known: Collection[str]
) -> list[Row]:
    """The rows to write: the states joined with what the table has. `single` are the pairs of functional relations among the
    states, `known` the sources that can have edges already. `states` is changed in place."""
    changed = [key for key in states if key.source in known]
    for row in _old(db, changed, [pair for pair in single if pair[0] in known]).values():
        state = states.setdefault(EdgeKey(*row[:4]), EdgeState())
        state.linked = latest(state.linked, rows.stamp(row[4]))
        state.unlinked = latest(state.unlinked, rows.stamp(row[5]))
    return rows_of(states, single)


def rows_of(states: dict[EdgeKey, EdgeState], single: Collection[Pair]) -> list[Row]:
    """The rows of whole states: of each functional relation among them, all edges that leave the source are there."""
    marks = _marks(states, single)
    written = [(*key, rows.stamp_text(s.linked), rows.stamp_text(s.unlinked), marks.get(key, GONE)) for key, s in states.items()]
    return sorted(written)


def _old(db: sqlite3.Connection, changed: Sequence[EdgeKey], pairs: Sequence[Pair]) -> dict[Row, Row]:
    found = {row[:4]: row for row in _among(db, changed)}
    # In a functional relation nothing can hold but the newest link of all, and that one is marked.
    marked = {row[:4]: row for row in _among(db, pairs, "WHERE e.holds")}
    told = {key[:2] for key in marked}
    # A pair without a mark has no link yet, or its file is from before LEFT.
    unmarked = _among(db, [pair for pair in pairs if pair not in told])
    return found | marked | {row[:4]: row for row in unmarked}


def _marks(states: dict[EdgeKey, EdgeState], single: Collection[Pair]) -> dict[EdgeKey, int]:
    newest: dict[Pair, tuple[Stamp, EdgeKey]] = {}
    for key, state in states.items() if single else ():
        pair = key[:2]
        if pair in single and state.linked is not None:
            newest[pair] = max(newest.get(pair, (state.linked, key)), (state.linked, key))
    return {key: LEFT for _, key in newest.values()} | dict.fromkeys(holding_all(states, single), HOLDS)


def _among(db: sqlite3.Connection, keys: Sequence[Pair], where: str = "") -> Iterator[Row]:
    """The rows of all keys, or of all beginnings of keys, of one length."""
    ordered = sorted(keys)
    for i in range(0, len(ordered), IN_LIST):
        part = ordered[i : i + IN_LIST]
        names = COLUMNS[: len(part[0])]
        values = ",".join([f"({','.join('?' * len(names))})"] * len(part))
        # A cross join keeps the order of the two; for `(a, b) IN (VALUES …)` SQLite would read the whole table.
        sql = f"""
            WITH k({",".join(names)}) AS (VALUES {values})
            SELECT e.source, e.relation, e.target, e.qualifier, e.linked, e.unlinked
            FROM k CROSS JOIN edge e ON {" AND ".join(f"e.{n} = k.{n}" for n in names)} {where}"""
        yield from db.execute(sql, list(chain.from_iterable(part)))
