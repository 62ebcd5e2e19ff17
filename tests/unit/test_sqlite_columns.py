"""Indexed properties have columns of their own: older files get them, every writer fills them, and little is written."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from brain.errors import StoreBroken
from brain.model import Assert, ChangeSet, Link, Retract, Void
from brain.query import Condition, Find, Op
from brain.schema import Schema
from brain.stores.sqlite import SqliteStore
from tests.contract import schema as small
from tests.contract.order import event
from tests.contract.reference import lines_of, reference

SCHEMA = small.schema()

FORMAT_3 = """
CREATE TABLE node (
    id TEXT PRIMARY KEY, class TEXT NOT NULL, properties TEXT NOT NULL, attributes TEXT NOT NULL, stamps TEXT NOT NULL,
    voided INTEGER NOT NULL DEFAULT 0, spans TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE INDEX node_class ON node (class, id);
CREATE INDEX node_name ON node (json_extract(properties, '$.name'), id) WHERE json_extract(properties, '$.name') IS NOT NULL;
CREATE TABLE aside (class TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (class, id)) WITHOUT ROWID;
CREATE TABLE edge (
    source TEXT NOT NULL, relation TEXT NOT NULL, target TEXT NOT NULL, qualifier TEXT NOT NULL,
    linked TEXT, unlinked TEXT, holds INTEGER NOT NULL,
    PRIMARY KEY (source, relation, target, qualifier)
) WITHOUT ROWID;
CREATE INDEX edge_in ON edge (target, relation, source, qualifier);
CREATE TABLE version (
    subject TEXT NOT NULL, valid INTEGER NOT NULL, authority INTEGER NOT NULL, event TEXT NOT NULL, source TEXT NOT NULL,
    digest BLOB NOT NULL, received INTEGER NOT NULL, recorded INTEGER NOT NULL, body TEXT NOT NULL,
    ontology TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (subject, valid, authority, event, source, digest)
) WITHOUT ROWID;
CREATE INDEX version_voids ON version (subject) WHERE instr(body, '"v":[[') > 0;
PRAGMA user_version = 3;
"""
"""What a program of format 3 made, tables that hold nothing here left out."""

FIRST = [
    event("e1", 1, Assert("p/1", "Pump", {"name": "P", "starts": 1}, {}, (Link("locatedIn", "w/1"),))),
    event("e2", 2, Assert("p/2", "Pump", {"name": "P", "on": True})),
    event("e3", 3, Retract("p/2", "Pump", ("name",))),
    event("e4", 4, Assert("p/3", "Scanner", {"name": "S"})),
]
LATER = [
    event("e5", 5, Assert("p/1", "Pump", {"name": "Q"})),
    event("e6", 6, Assert("p/2", "Pump", {"name": "P"})),
    event("e7", 7, Void("p/3", "Scanner", "e4", "s")),
    event("e8", 8, Assert("p/3", "Pump", {"name": "P"})),
]


async def opened(path: Path, schema: Schema = SCHEMA) -> SqliteStore:
    store = SqliteStore(str(path), lambda: 1)
    await store.prepare(schema)
    return store


async def named(store: SqliteStore, name: str) -> list[str]:
    return [n.id for n in (await store.find(Find("Entity", (Condition("name", Op.EQ, name),)))).nodes]


async def of_format_3(path: Path, sets: list[ChangeSet]) -> None:
    """The rows that format 3 has are those of today, without the columns of properties."""
    today = path.with_name("today.db")
    store = await opened(today)
    await store.apply(sets)
    await store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(FORMAT_3)
        db.execute("ATTACH ? AS today", (str(today),))
        for table in ("node", "aside", "edge", "version"):
            columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO {table} SELECT {columns} FROM today.{table}")


async def test_a_file_of_format_3_is_the_same_model_and_takes_new_data(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    await of_format_3(path, FIRST)
    for _ in range(2):
        store = await opened(path)
        assert await lines_of(store) == reference(SCHEMA, FIRST)
        assert [await named(store, name) for name in "PQS"] == [["p/1"], [], ["p/3"]]
        await store.close()
    store = await opened(path)
    await store.apply(LATER)
    assert await lines_of(store) == reference(SCHEMA, FIRST + LATER)
    assert [await named(store, name) for name in "PQS"] == [["p/2", "p/3"], ["p/1"], []]
    await store.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (4,)
        assert "json" not in db.execute("SELECT sql FROM sqlite_master WHERE name = 'node_name'").fetchone()[0]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_an_older_program_refuses_what_it_would_not_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await opened(tmp_path / "t.db")).close()
    monkeypatch.setattr("brain.stores.sqlite.connection.FORMAT", 3)
    with pytest.raises(StoreBroken, match="written in format 4, this program reads 3"):
        await opened(tmp_path / "t.db")


def indexing(name: str) -> Schema:
    """The ontology of another process, which indexes one property more."""
    classes = {
        cls.name: replace(
            cls, properties={p.name: replace(p, indexed=p.indexed or p.name == name) for p in cls.properties.values()}
        )
        for cls in SCHEMA.classes.values()
    }
    return replace(SCHEMA, classes=classes)


async def test_a_writer_fills_columns_that_only_another_process_asks_for(tmp_path: Path) -> None:
    """Both have the file open. What one indexes is found by it, though the other wrote it and knows no such index."""
    path, more = tmp_path / "t.db", indexing("on")
    assert more != SCHEMA
    plain = await opened(path)
    await plain.apply([event("e1", 1, Assert("p/1", "Pump", {"on": True}))])
    other = await opened(path, more)
    await plain.apply(
        [event("e2", 2, Assert("p/1", "Pump", {"on": False})), event("e3", 2, Assert("p/2", "Pump", {"on": False}))]
    )
    found = {on: (await other.find(Find("Pump", (Condition("on", Op.EQ, on),)))).nodes for on in (True, False)}
    assert {on: [one.id for one in nodes] for on, nodes in found.items()} == {True: [], False: ["p/1", "p/2"]}
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT id, p_on FROM node ORDER BY id").fetchall() == [("p/1", 0), ("p/2", 0)]
    await plain.close()
    await other.close()
