"""How many events a second ingesting takes: the pure part alone, and end to end into each store, each beside a peer.

    python -m bench.ingest [--only pure|sqlite|neo4j|kafka|full]… [--events N]

- pure: pump telemetry as in the demo (`ingest/adapters/hospital`): JSON of 135 bytes, an ISO time, three measurements, a state.
  The peer is bare `orjson.loads` and five look-ups in the same process: the rest is the price of rules, units, times, checks,
  event ids and duplicates. CPU time of this one thread, the best of several rounds, since the machine may have other work.
- sqlite, neo4j: the same of 1,000 pumps that say their state at every 60th reading, through pipeline, engine and store; and
  steps: the order-management log. Wall time. The peer is a loop over the driver (`bench/raw.py`): same telemetry, same server.
- kafka: telemetry in blocks through Kafka into Neo4j by `brain ingest --workers`, as one runs it (`bench/streaming.py`).
- full: telemetry into Neo4j, directly and out of Kafka, under an ontology in which every property has full history, so that each
  reading is a version for ever. The peer, which writes as many properties a reading, still keeps the newest alone.
- stages: CPU time of each stage of it, so that one sees where the time goes (`bench/stages.py`).
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count

import orjson

from bench import raw
from bench.keeping import keeping_all
from bench.messages import steps, telemetry
from bench.stages import stages
from bench.streaming import streamed
from brain.cli.options import collect_seldom
from brain.engine import Engine
from brain.query import Versions
from brain.schema import Schema
from brain.stores import open_store
from ingest.adapters import load_adapters
from ingest.importing import BATCH as IMPORT_BATCH
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ingest.record import Envelope, pack, unpack
from ingest.sources.kafka import BLOCK
from ingest.stream import PORTIONS
from ingest.wiring import whole_pipeline
from ontology import load_schema

PARTS = ("pure", "sqlite", "neo4j", "kafka", "full", "stages")
BATCH = 1000
READINGS, STEPS = PORTIONS[2], IMPORT_BATCH
"""Messages a transaction: what the worker comes to with telemetry, and what an import has."""
DEVICES = 1000
STATE_EVERY = 60
WORKERS = (1, 2)
ROUNDS = 3


def told(name: str, figure: float, peer: float) -> None:
    print(f"  {name:<44} {figure:12,.0f}   {figure / peer:.2f}", flush=True)


def rate(events: int, work: Callable[[], object], rounds: int = 5) -> float:
    """Events a second of this thread's CPU time, the best round."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.thread_time()
        work()
        best = min(best, time.thread_time() - begin)
    return events / best


def bare(envelopes: Sequence[Envelope]) -> float:
    """The peer: decode and look up, and nothing else."""
    total = 0.0
    for envelope in envelopes:
        reading = orjson.loads(envelope.payload)
        if reading["device"] and reading["ts"] and reading["state"]:
            total += (reading["flow_ml_h"] or 0.0) + reading["pressure_kpa"]
    return total


def pure(events: int) -> None:
    schema = load_schema()
    adapters = load_adapters(schema)
    envelopes = telemetry(events)
    blocks = [pack(envelopes[at : at + BLOCK]) for at in range(0, events, BLOCK)]

    def separate() -> None:
        pipeline = Pipeline(schema, adapters)
        for at in range(0, events, BATCH):
            assert not pipeline.run(envelopes[at : at + BATCH]).bad

    def in_blocks() -> None:
        pipeline = Pipeline(schema, adapters)
        for block in blocks:
            assert not pipeline.run(unpack(block)).bad

    peer = rate(events, lambda: bare(envelopes))
    print(f"pure: {events:,} readings, {len(envelopes[0].payload)} bytes each; events/s of one core, as a share of the peer")
    told("peer: orjson.loads and five look-ups", peer, peer)
    told("pure pipeline, separate messages", rate(events, separate), peer)
    told(f"pure pipeline, blocks of {BLOCK}", rate(events, in_blocks), peer)


async def stored(url: str, envelopes: Sequence[Envelope], portion: int = READINGS, schema: Schema | None = None) -> float:
    """Events a second, from bytes to commit, in transactions of so many messages."""
    schema = schema or load_schema()
    store = open_store(url)
    try:
        await store.prepare(schema)
        intake = Intake(whole_pipeline(schema), Engine(store))
        begin = time.perf_counter()
        for at in range(0, len(envelopes), portion):
            await intake.take(envelopes[at : at + portion])
        seconds = time.perf_counter() - begin
        assert not intake.taken.dead
    finally:
        await store.close()
    return len(envelopes) / seconds


def wall(events: int, work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return events / (time.perf_counter() - begin)


async def sqlite(events: int) -> None:
    print(f"sqlite: telemetry {events:,} readings of {DEVICES:,} pumps; events/s, best of {ROUNDS}, as a share of the peer")
    readings = telemetry(events, DEVICES, STATE_EVERY)
    records = steps()
    with tempfile.TemporaryDirectory() as folder:
        names = (f"{folder}/{n}.db" for n in count())
        peer = max(wall(events, lambda: raw.sqlite(next(names), readings)) for _ in range(ROUNDS))
        told("peer: orjson.loads and guarded upserts", peer, peer)
        told("telemetry, end to end", max([await stored(f"sqlite:///{next(names)}", readings) for _ in range(ROUNDS)]), peer)
        rates = [await stored(f"sqlite:///{next(names)}", records, STEPS) for _ in range(ROUNDS)]
        told(f"steps: {len(records):,} records of a log", max(rates), peer)


async def neo4j(url: str, events: int) -> None:
    print(f"neo4j: telemetry {events:,} readings of {DEVICES:,} pumps; events/s, warm, best of {ROUNDS}, as a share of the peer")
    rounds = [telemetry(events, DEVICES, STATE_EVERY, first=n * events) for n in range(ROUNDS + 1)]
    peer = _peer(url, rounds)
    told("peer: the driver, UNWIND of guarded updates", peer, peer)
    told("telemetry, end to end", max([await stored(url, readings) for readings in rounds][1:]), peer)
    records = steps()
    told(f"steps: {len(records):,} records of a log, once", await stored(url, records, STEPS), peer)


def _peer(url: str, rounds: Sequence[Sequence[Envelope]]) -> float:
    loop = raw.Neo4j(url, rounds[0])
    try:
        return max([wall(len(readings), lambda r=readings: loop.write(r)) for readings in rounds][1:])  # type: ignore[misc]
    finally:
        loop.close()


async def kafka(url: str, address: str, events: int) -> None:
    made = (telemetry(events, DEVICES, STATE_EVERY, first=n * events) for n in count(ROUNDS + 1))
    print(f"kafka: telemetry {events:,} readings of {DEVICES:,} pumps into Neo4j; events/s, warm, best of {ROUNDS} in turn")
    rates = await streamed(url, address, made, WORKERS, ROUNDS)
    peer = rates.pop(0)
    told("peer: the driver, UNWIND of guarded updates", peer, peer)
    for workers, figure in rates.items():
        told(f"Kafka to Neo4j, end to end, --workers {workers}", figure, peer)


async def full(url: str, address: str, events: int) -> None:
    """All readings are later than those of the other parts, or the peer would pass over them; each must become a version."""
    schema, number = keeping_all(), count(100)
    made = (telemetry(events, DEVICES, STATE_EVERY, first=n * events) for n in number)
    print(f"full: telemetry {events:,} readings of {DEVICES:,} pumps, every version kept; events/s, as a share of the peer")
    rounds = [next(made) for _ in range(ROUNDS + 1)]
    peer = _peer(url, rounds)
    told("peer: the driver, UNWIND of guarded updates", peer, peer)
    before = await _versions(url, schema)
    told("telemetry, end to end", max([await stored(url, readings, schema=schema) for readings in rounds][1:]), peer)
    rates = await streamed(url, address, made, WORKERS, ROUNDS, "bench.keeping")
    peer = rates.pop(0)
    told("peer, in turn with these:", peer, peer)
    for workers, figure in rates.items():
        told(f"Kafka to Neo4j, end to end, --workers {workers}", figure, peer)
    # The first of the rounds through Kafka was the loop's, as was one in three after it.
    taken = len(rounds) + (ROUNDS + 1) * len(WORKERS)
    assert await _versions(url, schema) - before == taken * events


async def _versions(url: str, schema: Schema) -> int:
    store = open_store(url)
    try:
        await store.prepare(schema)
        return sum([1 async for _ in store.scan(Versions())])
    finally:
        await store.close()


@contextmanager
def servers(parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The addresses of a Neo4j and a Kafka of our own, "" for what no part needs."""
    from brain.servers import kafka_server, neo4j_server

    with ExitStack() as stack:
        url = stack.enter_context(neo4j_server()).url if {"neo4j", "kafka", "full", "stages"} & set(parts) else ""
        address = stack.enter_context(kafka_server()).address if {"kafka", "full"} & set(parts) else ""
        yield url, address


async def run(parts: Sequence[str], events: int) -> None:
    if "pure" in parts:
        pure(events)
    if "sqlite" in parts:
        await sqlite(events)
    with servers(parts) as (url, address):
        if "neo4j" in parts:
            await neo4j(url, events)
        if "kafka" in parts:
            await kafka(url, address, events)
        if "full" in parts:
            await full(url, address, events)
        if "stages" in parts:
            await stages(url, telemetry(READINGS, DEVICES, STATE_EVERY))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given more than once")
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    collect_seldom()  # as every command does that opens a store
    asyncio.run(run(options.only or PARTS, options.events))


if __name__ == "__main__":
    main()
