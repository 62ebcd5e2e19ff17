"""Nodes into the table: of a row that is there, only those columns are written, and so those indexes, that change.

A write anywhere in a large tree dirties a page of its own, and of each index that it touches. A node's class and most of what is
indexed of it stay as they are.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from brain.join import NodeState
from brain.schema import ROOT, Schema
from brain.stores.sqlite import rows
from brain.stores.sqlite.rows import Row, insert
from brain.stores.sqlite.tables import column_of, column_sql, indexed

COLUMNS = ("id", "class", "properties", "attributes", "stamps", "voided", "spans", "tips")
"""The columns of `rows.node_row`. Behind them the table has one for each indexed property."""

Change = tuple[NodeState, Row | None]
"""A state to be written, and what `key_of` said of the row that is there; None if that is not known."""


def add_columns(db: sqlite3.Connection, schema: Schema) -> None:
    """A column and an index for each indexed property that the file does not have yet, filled with what is stored."""
    there = {name.lower() for name in property_columns(db)}
    for name in indexed(schema):
        if name.lower() not in there:
            for statement in column_sql(name):
                db.execute(statement)


def property_columns(db: sqlite3.Connection) -> list[str]:
    """The properties that have a column in this file: under this ontology, or under one that another process has."""
    return [name for (name,) in db.execute("SELECT substr(name, 3) FROM pragma_table_info('node') WHERE name GLOB 'p_*'")]


def key_of(state: NodeState, properties: Sequence[str]) -> Row:
    """What the indexes hold of a node: its class, and the values of these properties."""
    registers = state.registers
    return state.cls, *[rows.sql_value(registers[name].value) if name in registers else None for name in properties]


def insert_nodes(db: sqlite3.Connection, states: Iterable[NodeState], properties: Sequence[str]) -> None:
    """Rows of nodes that are not there yet."""
    names = ", ".join((*COLUMNS, *map(column_of, properties)))
    found = [rows.node_row(state) + key_of(state, properties)[1:] for state in states]
    insert(db, f"INSERT INTO node ({names})", found)


def mention(db: sqlite3.Connection, ids: Collection[str]) -> None:
    """Placeholders for those of the ids that are not there."""
    insert(
        db,
        f"INSERT OR IGNORE INTO node ({', '.join(COLUMNS)})",
        [(i, ROOT, "{}", "{}", "[]", 0, "{}", "[]") for i in sorted(ids)],
    )


def update_nodes(db: sqlite3.Connection, changes: Iterable[Change], properties: Sequence[str]) -> None:
    """Write rows that are there: those with the same columns to change together."""
    names = ("class", *map(column_of, properties))
    alike: defaultdict[tuple[int, ...], list[Row]] = defaultdict(list)
    for state, before in changes:
        now = key_of(state, properties)
        changed = () if now == before else tuple(i for i, value in enumerate(now) if before is None or value != before[i])
        alike[changed].append((*rows.node_row(state)[2:], *[now[i] for i in changed], state.id))
    for changed, found in alike.items():
        written = ", ".join(f"{name} = ?" for name in (*COLUMNS[2:], *[names[i] for i in changed]))
        db.executemany(f"UPDATE node SET {written} WHERE id = ?", found)
