"""Whether size hurts: one asset that everything is about, and a model that grows to a million things.

    python -m bench.scale [--only hot|full|size]… [--nodes N] [--neo4j]

- hot: all events are of one asset. Each says a property of full history (so each is a version for ever), a link, a measurement.
- full: the same of 1,000 assets, beside `hot`: the price of being one.
- size: what an event costs when the model has 10,000, 100,000, … N things (a million): half of the events make a thing with two
  links, half are about things that are there. The ratio is to the cost at 10,000; the aim is to stay below 1.5.

Each is run on SQLite, and with --neo4j on a Neo4j started for it too. The peer of hot and full is a loop of the same size without
any merging: SQLite's upsert, Neo4j's UNWIND of `SET n += row` and `CREATE` of a version, last writer wins.
"""

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from neo4j import GraphDatabase

from brain.cli.options import collect_seldom
from brain.model import Assert, ChangeSet, Link
from brain.ports import Store
from brain.stores import open_store
from brain.stores.neo4j.address import parse
from ontology import load_schema

PARTS = ("hot", "full", "size")
BATCH = 1000
EVENTS = 20_000
ASSETS = 1000
START = 1_772_452_800_000_000
PROBE = 10_000
"""Events by which the cost at a size is measured."""
STATES = ("infusing", "paused", "idle")
FLAT = 1.5


def reports(events: int, assets: int) -> list[ChangeSet]:
    made = []
    for n in range(events):
        said: dict[str, str | int | float | bool] = {"state": STATES[n % 3], "flow": float(n % 100)}
        change = Assert(f"asset/P-{n % assets}", "InfusionPump", said, {}, (Link("locatedIn", f"bed/{n % 7}"),))
        made.append(ChangeSet(f"e{n}", "bench", START + n * 1_000_000, 0, (change,)))
    return made


def batches(sets: Sequence[ChangeSet]) -> Iterator[Sequence[ChangeSet]]:
    for at in range(0, len(sets), BATCH):
        yield sets[at : at + BATCH]


async def applied(store: Store, sets: Sequence[ChangeSet]) -> float:
    """Events a second."""
    begin = time.perf_counter()
    for batch in batches(sets):
        await store.apply(batch)
    return len(sets) / (time.perf_counter() - begin)


def upserted(path: Path, sets: Sequence[ChangeSet]) -> float:
    """The peer on SQLite: the newest row a thing, and a row for each version."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("""
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            CREATE TABLE node (id TEXT PRIMARY KEY, state TEXT, flow REAL, bed TEXT);
            CREATE TABLE version (id TEXT, at INTEGER, state TEXT, bed TEXT);""")
        begin = time.perf_counter()
        for batch in batches(sets):
            rows = [_row(one) for one in batch]
            db.execute("BEGIN")
            db.executemany("INSERT OR REPLACE INTO node VALUES (:id, :state, :flow, :bed)", rows)
            db.executemany("INSERT INTO version VALUES (:id, :at, :state, :bed)", rows)
            db.execute("COMMIT")
        return len(sets) / (time.perf_counter() - begin)


def unwound(url: str, sets: Sequence[ChangeSet], kind: str) -> float:
    """The peer on Neo4j: the same by UNWIND, under labels of its own."""
    address = parse(url)
    text = f"""
        UNWIND $rows AS r MERGE (n:Peer{kind} {{id: r.id}}) SET n.state = r.state, n.flow = r.flow, n.bed = r.bed
        CREATE (:PeerVersion{kind} {{at: r.at, state: r.state, bed: r.bed}})-[:OF]->(n)"""
    with GraphDatabase.driver(address.uri, auth=address.auth) as driver, driver.session(database=address.database) as session:
        session.run(f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:Peer{kind}) REQUIRE n.id IS UNIQUE").consume()
        begin = time.perf_counter()
        for batch in batches(sets):
            rows = [_row(one) for one in batch]
            session.execute_write(lambda tx, rows=rows: tx.run(text, rows=rows).consume())  # type: ignore[misc]
        return len(sets) / (time.perf_counter() - begin)


def _row(one: ChangeSet) -> dict[str, object]:
    change = one.changes[0]
    assert isinstance(change, Assert)
    return {"id": change.subject, "at": one.valid, **change.properties, "bed": change.links[0].target}


def growing(size: int, more: int, seed: int) -> list[ChangeSet]:
    """`more` events on a model of `size` things: half make one, with links to two that are there; half are about one of these."""
    chance = random.Random(seed)
    made = []
    for n in range(more):
        there = f"object/{chance.randrange(size)}" if size else "object/0"
        if n % 2:
            links = (Link("relatedTo", there), Link("relatedTo", f"object/{chance.randrange(max(size, 1))}", "also"))
            change = Assert(f"object/{size + n // 2}", "WorkObject", {"objectType": "order", "priority": n % 9}, {}, links)
        else:
            change = Assert(there, "WorkObject", {"state": STATES[n % 3], "priority": n % 9})
        made.append(ChangeSet(f"{size}-{n}", "bench", START + (size + n) * 1_000_000, 0, (change,)))
    return made


async def sizes(store: Store, most: int) -> None:
    size, step, first = 0, 10_000, 0.0
    print("    things     µs an event   to 10,000")
    while step <= most:
        while size < step:
            more = min(2 * (step - size), 50_000)
            await applied(store, growing(size, more, size))
            size += more // 2
        cost = 1e6 / await applied(store, growing(size, PROBE, -size))
        size += PROBE // 2
        first = first or cost
        print(f"  {step:>9,}  {cost:12.0f}   {cost / first:9.2f}   {'flat' if cost <= FLAT * first else 'NOT FLAT'}", flush=True)
        step *= 10


@contextmanager
def urls(neo4j: bool) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        local = [f"sqlite:///{folder}/model.db"]
        if not neo4j:
            yield local
            return
        from brain.servers import neo4j_server

        with neo4j_server() as server:
            yield [*local, server.url]


async def run(parts: Sequence[str], most: int, neo4j: bool) -> None:
    with urls(neo4j) as found, tempfile.TemporaryDirectory() as folder:
        for url in found:
            store = open_store(url)
            await store.prepare(load_schema())
            name = url.partition(":")[0]
            for part, assets in (("hot", 1), ("full", ASSETS)):
                if part in parts:
                    sets = reports(EVENTS, assets)
                    ours = await applied(store, sets)
                    peer = upserted(Path(folder) / f"{part}.db", sets) if name == "sqlite" else unwound(url, sets, part)
                    what = f"{name}: {EVENTS:,} reports of {assets:,} asset{'s' * (assets > 1)}, every version kept"
                    print(f"{what}: {ours:,.0f} events/s; last writer wins: {peer:,.0f}/s, ratio {ours / peer:.2f}", flush=True)
            if "size" in parts:
                print(f"{name}: a model that grows", flush=True)
                await sizes(store, most)
            await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given more than once")
    parser.add_argument("--nodes", type=int, default=1_000_000, help="how far the model grows [1,000,000]")
    parser.add_argument("--neo4j", action="store_true", help="on a Neo4j too, which is started for it")
    options = parser.parse_args()
    collect_seldom()
    asyncio.run(run(options.only or PARTS, options.nodes, options.neo4j))


if __name__ == "__main__":
    main()
