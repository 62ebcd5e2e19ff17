"""The peers that write: what a short loop over a driver does with the same messages, without history, evidence or joins.

Each device is one row or node; a message is decoded, and its values replace older ones: a guarded update, in batches of 1,000.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import orjson
from neo4j import GraphDatabase, ManagedTransaction

from brain.stores.neo4j.address import parse
from ingest.record import Envelope

BATCH = 1000
NAMES = ("flow_ml_h", "pressure_kpa", "battery_pct", "state")

UPSERT = f"""
    INSERT INTO device VALUES (?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE
    SET ts = excluded.ts, {", ".join(f"{n} = coalesce(excluded.{n}, {n})" for n in NAMES)} WHERE excluded.ts > ts"""
UNWIND = f"""
    UNWIND $rows AS r MATCH (n:BenchDevice {{id: r[0]}}) WHERE n.ts IS NULL OR n.ts < r[1]
    SET n.ts = r[1], {", ".join(f"n.{name} = coalesce(r[{i}], n.{name})" for i, name in enumerate(NAMES, 2))}"""


def _rows(envelopes: Sequence[Envelope]) -> list[list[Any]]:
    said = [orjson.loads(e.payload) for e in envelopes]
    return [[s["device"], s["ts"], *(s.get(name) for name in NAMES)] for s in said]


def sqlite(path: str, envelopes: Sequence[Envelope]) -> None:
    """Into a new SQLite file, as durable as ours."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"CREATE TABLE device (id TEXT PRIMARY KEY, ts TEXT, {', '.join(NAMES)}) WITHOUT ROWID")
        for at in range(0, len(envelopes), BATCH):
            db.execute("BEGIN IMMEDIATE")
            db.executemany(UPSERT, _rows(envelopes[at : at + BATCH]))
            db.execute("COMMIT")


class Neo4j:
    """Into nodes of its own in a running Neo4j."""

    def __init__(self, url: str, envelopes: Sequence[Envelope]) -> None:
        address = parse(url)
        self._driver = GraphDatabase.driver(address.uri, auth=address.auth)
        ids = sorted({orjson.loads(e.payload)["device"] for e in envelopes})
        with self._driver.session() as session:
            session.run("CREATE CONSTRAINT bench IF NOT EXISTS FOR (n:BenchDevice) REQUIRE n.id IS UNIQUE").consume()
            session.run("UNWIND $ids AS id MERGE (:BenchDevice {id: id})", ids=ids).consume()

    def write(self, envelopes: Sequence[Envelope]) -> None:
        with self._driver.session() as session:
            for at in range(0, len(envelopes), BATCH):
                rows = _rows(envelopes[at : at + BATCH])
                session.execute_write(self._update, rows)

    @staticmethod
    def _update(tx: ManagedTransaction, rows: list[list[Any]]) -> None:
        tx.run(UNWIND, rows=rows).consume()

    def close(self) -> None:
        self._driver.close()
