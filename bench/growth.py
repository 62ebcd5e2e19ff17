"""What grows when devices report the same again and again: a million samples of a hundred pumps into a SQLite file.

    python -m bench.growth [--samples N] [--kind KIND…] [--neo4j N]

Measurements (`history: latest`) keep their newest value alone, so the file must not grow with their number: that is checked, and
growth ends the benchmark with exit code 1. The other kinds of sample show what does grow, by how many rows and bytes a sample:
a property of full history, a link or an attribute in every message, and flags. The peer is a table with one row a sample, as a
historian would have it. With --neo4j so many samples of the first and the second kind go into a Neo4j started for it too.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from brain.engine import Engine
from brain.feeds.memory import MemoryFeed
from brain.feeds.sqlite import KEPT, SqliteFeed
from brain.model import Assert, Change, ChangeSet, Flag, Link, Verdict
from brain.ports import Feed, Store
from brain.stores import open_store
from ontology import load_schema

DEVICES = 100
EVERY = 10_000_000
"""µs between two samples of one device."""
START = 1_772_452_800_000_000
BATCH = 1000
BED = (Link("locatedIn", "bed/1"),)
STATES = ("infusing", "paused")
TABLES = ("node", "edge", "version", "quality", "notices")

Kind = Callable[[str, int], tuple[Change, ...]]
"""What the nth sample of a device says."""


def measured(device: str, n: int, state: str | None = None, links: tuple[Link, ...] = ()) -> Assert:
    said: dict[str, str | int | float | bool] = {"flow": 50.0 + n % 7, "pressure": 4.0 + n % 13 / 10, "battery": 100.0 - n % 60}
    return Assert(device, "InfusionPump", said if state is None else said | {"state": state}, {}, links)


def changing(device: str, n: int) -> tuple[Change, ...]:
    return (measured(device, n, None if n % 500 else STATES[n // 500 % 2]),)


def flagged(device: str, n: int) -> tuple[Change, ...]:
    flag = Flag(device, "InfusionPump", "flow", Verdict.OUT_OF_RANGE, START + n * EVERY, "9999.99")
    return (measured(device, n), flag) if n % 100 == 13 else (measured(device, n),)


KINDS: dict[str, tuple[str, Kind]] = {
    "measurements": ("three measurements", lambda d, n: (measured(d, n),)),
    "changes": ("… and the state, when it changes (1 in 500)", changing),
    "flags": ("… and 1 in 100 out of range", flagged),
    "state": ("… and the same state in every sample", lambda d, n: (measured(d, n, "infusing"),)),
    "link": ("… and the same link in every sample", lambda d, n: (measured(d, n, links=BED),)),
    "attribute": ("… and an attribute that no rule maps", lambda d, n: (measured(d, n)._replace(attributes={"rssi": n % 9}),)),
}  # fmt: skip
BOUNDED = ("measurements",)


def batches(kind: Kind, samples: int) -> Iterator[list[ChangeSet]]:
    batch: list[ChangeSet] = []
    for i in range(samples):
        n, device = divmod(i, DEVICES)
        valid = START + n * EVERY
        batch.append(ChangeSet(f"{device}-{n}", "pumps", valid, valid + 1000, kind(f"asset/{device}", n)))
        if len(batch) == BATCH or i == samples - 1:
            yield batch
            batch = []


async def take(store: Store, feed: Feed, kind: Kind, samples: int, halfway: Callable[[], None]) -> float:
    """Samples a second."""
    await store.prepare(load_schema())
    engine, taken, begin = Engine(store, feed), 0, time.perf_counter()
    for batch in batches(kind, samples):
        await engine.commit(batch)
        taken += len(batch)
        if taken == samples // 2:
            halfway()
    return samples / (time.perf_counter() - begin)


def size(path: Path) -> int:
    """Bytes of the file once the write-ahead log is in it."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def rows(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as db:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def peer(path: Path, samples: int) -> int:
    """Bytes of one row a sample: device, time, three measurements."""
    columns = "device TEXT, at INTEGER, flow REAL, pressure REAL, battery REAL, PRIMARY KEY (device, at)"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"CREATE TABLE sample ({columns}) WITHOUT ROWID")
        for batch in batches(lambda device, n: (measured(device, n),), samples):
            made = ((c.changes[0].subject, c.valid, *c.changes[0].properties.values()) for c in batch)  # type: ignore[union-attr]
            db.executemany("INSERT INTO sample VALUES (?,?,?,?,?)", made)
        db.commit()
    return path.stat().st_size


async def into_sqlite(name: str, samples: int, folder: Path, historian: int) -> None:
    path, half = folder / f"{name}.db", list[int]()
    text, kind = KINDS[name]
    store, feed = open_store(f"sqlite:///{path}"), SqliteFeed(str(path))
    try:
        rate = await take(store, feed, kind, samples, lambda: half.append(size(path)))
    finally:
        await feed.close()
        await store.close()
    whole, counted = size(path), rows(path)
    grown = (whole - half[0]) / (samples - samples // 2)
    many = "  ".join(f"{table} {count:,}" for table, count in counted.items())
    print(
        f"  {text:<46} {whole / 2**20:8.1f} MiB {whole / historian:7.3f}   {grown:6.1f} B/sample  {rate:8,.0f}/s   {many}",
        flush=True,
    )
    # Before that, the ring of notices is still filling up.
    steady = samples // 2 >= KEPT
    if name in BOUNDED and ((steady and grown > 1) or counted["version"] or counted["node"] != DEVICES):
        sys.exit("samples of `history: latest` make the file grow")


async def into_neo4j(name: str, samples: int) -> None:
    from neo4j import AsyncGraphDatabase

    from brain.servers import neo4j_server
    from brain.stores.neo4j.address import parse

    text, kind = KINDS[name]
    with neo4j_server() as server:
        store, address = open_store(server.url), parse(server.url)
        rate = await take(store, MemoryFeed(), kind, samples, lambda: None)
        await store.close()
        async with AsyncGraphDatabase.driver(address.uri, auth=address.auth) as driver:
            counted = (
                await driver.execute_query("MATCH (n) RETURN labels(n)[0] AS label, count(*) AS many ORDER BY label")
            ).records
            edges = (await driver.execute_query("MATCH ()-[r]->() RETURN count(r) AS many")).records[0]["many"]
        store_files = sum(f.stat().st_size for f in (server.data / "data" / "databases" / "neo4j").rglob("*") if f.is_file())
    many = "  ".join([f"{r['label']} {r['many']:,}" for r in counted] + [f"edges {edges:,}"])
    print(f"  Neo4j: {text:<39} {store_files / 2**20:8.1f} MiB {'':27} {rate:8,.0f}/s   {many}", flush=True)


async def run(samples: int, kinds: list[str], neo4j: int) -> None:
    print(f"{samples:,} samples of {DEVICES} pumps; size, as a share of the peer, growth over the second half, speed, rows")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        historian = peer(folder / "peer.db", samples)
        title, each = "peer: a table with one row a sample", historian / samples
        print(f"  {title:<46} {historian / 2**20:8.1f} MiB   1.000   {each:6.1f} B/sample")
        for kind in kinds:
            await into_sqlite(kind, samples, folder, historian)
    for kind in ("measurements", "state") if neo4j else ():
        await into_neo4j(kind, neo4j)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--kind", nargs="*", choices=KINDS, default=list(KINDS)[:3], help="default: the first three")
    parser.add_argument("--neo4j", type=int, default=0, metavar="N", help="so many samples into a Neo4j too")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.samples, arguments.kind, arguments.neo4j))


if __name__ == "__main__":
    main()
