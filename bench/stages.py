"""What each stage of taking telemetry in costs, in CPU time of its own thread: from a block out of Kafka to a commit in Neo4j."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from brain.cli.ingest import PORTION
from brain.cli.options import collect_seldom
from brain.join import Joiner
from brain.notices import notices
from brain.stores import open_store
from ingest.adapters import load_adapters
from ingest.pipeline import Pipeline
from ingest.record import Envelope, pack, unpack
from ingest.sources.kafka import BLOCK
from ontology import load_schema

T = TypeVar("T")

ROUNDS = 5


async def stages(url: str, envelopes: Sequence[Envelope]) -> None:
    """Print µs an event, the least of several rounds, for one portion as large as a worker's."""
    collect_seldom(PORTION)  # as a worker does
    many = len(envelopes)
    print(f"stages: µs of CPU time an event, least of {ROUNDS}, in a portion of {many:,} readings")

    def least(name: str, work: Callable[[], T]) -> tuple[float, T]:
        costs = []
        for _ in range(ROUNDS):
            begin = time.thread_time()
            made = work()
            costs.append((time.thread_time() - begin) / many * 1e6)
        print(f"  {name:<44} {min(costs):12.2f}", flush=True)
        return min(costs), made

    schema = load_schema()
    adapters, joiner = load_adapters(schema), Joiner(schema)
    blocks = [pack(envelopes[at : at + BLOCK]) for at in range(0, many, BLOCK)]
    _, unpacked = least("unpack", lambda: [envelope for block in blocks for envelope in unpack(block)])
    _, result = least("decode, judge, map, check", lambda: Pipeline(schema, adapters).run(unpacked))
    joining, _ = least("join", lambda: joiner.join(result.good, 1))
    telling, _ = least("notices", lambda: notices(result.good))
    store = open_store(url)
    await store.prepare(schema)
    costs = []
    try:
        for _ in range(ROUNDS):
            begin, clock = time.thread_time(), time.perf_counter()
            await store.apply(result.good)
            costs.append(((time.thread_time() - begin) / many * 1e6, (time.perf_counter() - clock) / many * 1e6))
    finally:
        await store.close()
    applying, passing = min(costs)
    print(f"  {'store: read, merge, write, by the driver':<44} {applying - joining - telling:12.2f}")
    print(f"  {'waiting for Neo4j meanwhile (no CPU time)':<44} {passing - applying:12.2f}")
