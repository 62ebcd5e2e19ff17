"""Reading the past beside reading the present, and what an event costs as the graph grows, in SQLite.

    python -m bench.asof [--largest N] [--versions N]

First: 10,000 pumps with some versions each, spread over 200 beds; the same reads of now and of a moment half-way back, by valid
time and by both times. The peer of each is the same read of now. Second: the cost of an event when the graph has 10,000 nodes and
when it has a million, in batches of 1,000. At work: half of them change the state and the place of one of 1,000 pumps, half are
new steps on them. Anywhere: each changes some pump of all, which is the worst that can be done to a tree on a disk. The peer is
the smallest graph. Wall time, and processor time of all threads; the best of several rounds.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from brain.model import Assert, ChangeSet, Link
from brain.query import NOW, AsOf, Condition, Direction, Find, Hop, Op
from brain.stores.sqlite import SqliteStore
from ontology import load_schema

PUMPS, BEDS = 10_000, 200
AT_WORK = 1000
BATCH = 1000
ROUNDS = 7
SIZES = (10_000, 100_000, 1_000_000)
STATES = ("idle", "infusing", "paused")


def said(n: int, valid: int) -> ChangeSet:
    """Version `valid` of pump n: another state, another bed."""
    links = (Link("locatedIn", f"bed/{(n + valid) % BEDS}"),)
    pump = Assert(
        f"asset/{n:07}", "InfusionPump", {"name": f"P{n}", "state": STATES[(n + valid) % 3], "flow": 1.0 * valid}, {}, links
    )
    return ChangeSet(f"{n}-{valid}", "bench", valid, valid, (pump,))


async def best(work: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> float:
    """Seconds."""
    found = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        await work()
        found = min(found, time.perf_counter() - begin)
    return found


async def filled(path: Path, versions: int) -> SqliteStore:
    """Version v of every pump is valid from v on and was stored at v."""
    now = 0
    store = SqliteStore(str(path), lambda: now)
    await store.prepare(load_schema())
    for now in range(1, versions + 1):
        for at in range(0, PUMPS, BATCH):
            await store.apply([said(n, now) for n in range(at, at + BATCH)])
    return store


async def reads(path: Path, versions: int) -> None:
    store = await filled(path, versions)
    half = versions // 2
    some = [f"asset/{n:07}" for n in random.Random(1).sample(range(PUMPS), 100)]
    infusing, where = (Condition("state", Op.EQ, "infusing"),), Condition("id", Op.GE, f"asset/{PUMPS - 5:07}")
    kinds: dict[str, Callable[[AsOf], Awaitable[Any]]] = {
        "nodes: 100 pumps": lambda at: store.nodes(some, at),
        "related: the beds of 100 pumps": lambda at: store.related([Hop(i) for i in some], at),
        "related: what is in a bed": lambda at: store.related([Hop("bed/7", Direction.IN)], at),
        "find: a page of 100 of a class": lambda at: store.find(Find("InfusionPump", limit=100), at),
        "find: 100 in one state": lambda at: store.find(Find("InfusionPump", infusing, limit=100), at),
        "find: 5 at the end of all": lambda at: store.find(Find("InfusionPump", (where,)), at),
        "find: a class with 200 nodes": lambda at: store.find(Find("Bed", limit=100), at),
    }
    print(f"{PUMPS:,} pumps with {versions} versions each; ms a read, and as a multiple of the same read of now")
    for name, read in kinds.items():
        now, then, believed = [await best(lambda a=at, r=read: r(a)) for at in (NOW, AsOf(half), AsOf(half, half))]  # type: ignore[misc]
        then_text, believed_text = [f"{t * 1000:9.2f} {t / now:7.1f}" for t in (then, believed)]
        print(f"  {name:<34} now {now * 1000:8.2f}   asOf {then_text}   asOf and knownAt {believed_text}", flush=True)
    await store.close()


def step(n: int) -> ChangeSet:
    """A new step on one of the pumps at work."""
    links = (Link("object", f"asset/{n % AT_WORK:07}"), Link("performedBy", f"person/{n % 50}"))
    done = Assert(f"step/{n:08}", "Step", {"activity": "infuse", "startedAt": n, "completedAt": n + 5}, {}, links)
    return ChangeSet(f"s{n}", "bench", n, n, (done,))


async def cost(store: SqliteStore, batches: Iterator[list[ChangeSet]]) -> tuple[float, float]:
    """µs an event: of wall time, and of processor time."""
    wall = busy = float("inf")
    for batch in islice(batches, 3 * ROUNDS):
        begin, begun = time.perf_counter(), time.process_time()
        await store.apply(batch)
        busy = min(busy, time.process_time() - begun)
        wall = min(wall, time.perf_counter() - begin)
    return wall / BATCH * 1e6, busy / BATCH * 1e6


async def growing(path: Path, largest: int) -> None:
    store = SqliteStore(str(path), lambda: 1)
    await store.prepare(load_schema())
    chosen, nodes, moment, base = random.Random(2), 0, count(2), dict[str, tuple[float, float]]()
    print("µs an event as the graph grows, and as a multiple of the smallest; wall, processor")

    def at_work() -> Iterator[list[ChangeSet]]:
        for now in moment:
            some = [said(chosen.randrange(AT_WORK), now) for _ in range(BATCH // 2)]
            yield some + [step(now * BATCH + i) for i in range(BATCH // 2)]

    def anywhere() -> Iterator[list[ChangeSet]]:
        for now in moment:
            yield [said(chosen.randrange(nodes), now) for _ in range(BATCH)]

    for size in [s for s in SIZES if s <= largest]:
        while nodes < size:
            await store.apply([said(n, 1) for n in range(nodes, nodes + BATCH)])
            nodes += BATCH
        for name, batches in (("at work", at_work()), ("anywhere", anywhere())):
            now = await cost(store, batches)
            first = base.setdefault(name, now)
            figures = "   ".join(f"{one:7.1f} {one / other:6.2f}" for one, other in zip(now, first, strict=True))
            print(f"  {size:>9,} nodes {mebibytes(path):6.0f} MiB   {name:<8} {figures}", flush=True)
    await store.close()


def mebibytes(path: Path) -> float:
    return path.stat().st_size / 2**20


async def run(largest: int, versions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await reads(Path(folder) / "reads.db", versions)
        await growing(Path(folder) / "growing.db", largest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--versions", type=int, default=20)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.largest, arguments.versions))


if __name__ == "__main__":
    main()
