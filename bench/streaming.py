"""Kafka → Neo4j by `brain ingest --workers`, in turn with the loop over the driver, so that both have the machine to themselves.

Each crew reads a topic of its own and runs for all rounds; while it is not its turn it waits for messages. A round is from the
first record sent to the commit of the last, by the marks in the store. Packing the blocks, which gateways do, is not in it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from bench import raw
from brain.cli.ingest_crew import crew_of
from brain.feeds.kafka import ensure_topics
from brain.ports import Store
from brain.stores import open_store
from ingest.crew import Crew
from ingest.record import Envelope
from ingest.sources.kafka import PARTITIONS, blocks
from ontology import load_schema

LOOK_SECONDS = 0.05
"""Between two looks at the marks."""
ROUND = 5000
"""Envelopes of which blocks are made at a time, as many as arrive together."""


async def streamed(
    url: str, address: str, made: Iterator[Sequence[Envelope]], workers: Sequence[int], rounds: int, program: str = "brain"
) -> dict[int, float]:
    """Events a second, the best of so many rounds after a first one: for each number of workers, and for the loop, which is 0.
    `program` is the module that is run."""
    best = dict.fromkeys((0, *workers), 0.0)
    store = open_store(url)
    await store.prepare(load_schema())
    loop = raw.Neo4j(url, first := next(made))
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", linger_ms=5, max_request_size=16 << 20)
    await producer.start()
    try:
        async with _crews(url, address, workers, program):
            for turn in range(rounds + 1):
                for number in best:
                    readings = next(made) if turn or number else first
                    seconds = (
                        await _loop(loop, readings)
                        if number == 0
                        else await _round(producer, store, _topic(program, number), readings)
                    )
                    if turn:
                        best[number] = max(best[number], len(readings) / seconds)
    finally:
        await producer.stop()
        loop.close()
        await store.close()
    return best


def _topic(program: str, workers: int) -> str:
    return f"{program}.{workers}"


@asynccontextmanager
async def _crews(url: str, address: str, workers: Sequence[int], program: str) -> AsyncIterator[None]:
    """Crews that have their partitions and wait; stopped at the end."""
    await ensure_topics(address, {_topic(program, number): PARTITIONS for number in workers})
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in workers:
            topic = _topic(program, number)
            arguments = [f"--kafka={address}", f"--topic={topic}", f"--group={topic}", "--stuck-after=10"]
            crew = crew_of(number, arguments, url, heard=True, program=program)
            tasks.create_task(crew.work(stop))
            await _waiting(crew)
        try:
            yield
        finally:
            stop.set()


async def _waiting(crew: Crew) -> None:
    while crew.report().state != "idle":  # noqa: ASYNC110  no event of this process tells of it
        await asyncio.sleep(0.2)


async def _loop(loop: raw.Neo4j, readings: Sequence[Envelope]) -> float:
    begin = time.perf_counter()
    await asyncio.to_thread(loop.write, readings)
    return time.perf_counter() - begin


async def _round(producer: AIOKafkaProducer, store: Store, topic: str, readings: Sequence[Envelope]) -> float:
    """Seconds until all readings are in the model."""
    made = [one for i in range(0, len(readings), ROUND) for one in blocks(readings[i : i + ROUND], PARTITIONS)]
    end = await _stored(store, topic) + len(made)
    begin = time.perf_counter()
    for acknowledged in [await producer.send(topic, block, partition=partition) for partition, block in made]:
        await acknowledged
    while await _stored(store, topic) < end:  # noqa: ASYNC110  as above
        await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter() - begin


async def _stored(store: Store, topic: str) -> int:
    """How many records of the topic are in."""
    return sum(mark.offset for mark in await store.marks() if mark.topic == topic)
