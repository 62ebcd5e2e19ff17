"""Into Kafka: envelopes packed into blocks, so that what the workers pay for each record is paid once a few hundred messages."""

from collections.abc import Iterable, Iterator
from itertools import islice
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from brain.errors import Retry
from brain.feeds.kafka import ensure_topics
from ingest.record import Envelope, pack

TOPIC = "brain.envelopes"
PARTITIONS = 8
BLOCK = 300
"""Envelopes a block, at most."""
ROUND = BLOCK * PARTITIONS * 2


class BrokerAway(Retry):
    """The Kafka broker is out of reach."""


def blocks(envelopes: Iterable[Envelope], partitions: int) -> Iterator[tuple[int, bytes]]:
    """The envelopes as blocks, each with the partition of its keys."""
    parts: dict[int, list[Envelope]] = {}
    for envelope in envelopes:
        parts.setdefault(crc32(envelope.key.encode()) % partitions, []).append(envelope)
    for number, part in sorted(parts.items()):
        for i in range(0, len(part), BLOCK):
            yield number, pack(part[i : i + BLOCK])


async def send(envelopes: Iterable[Envelope], address: str, topic: str = TOPIC, partitions: int = PARTITIONS) -> int:
    """Send all envelopes as blocks, each to the partition of its key; how many were sent and acknowledged.

    Creates the topic where it is missing. An envelope with a given key always goes to one partition.
    """
    await ensure_topics(address, {topic: partitions})
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", linger_ms=5, max_request_size=16 << 20)
    sent, stream = 0, iter(envelopes)
    try:
        await producer.start()
        count = len(await producer.partitions_for(topic))
        while some := list(islice(stream, ROUND)):
            acknowledged = [await producer.send(topic, block, partition=number) for number, block in blocks(some, count)]
            for one in acknowledged:
                await one
            sent += len(some)
    except KafkaError as error:
        raise BrokerAway(f"Kafka at {address} did not take the messages ({error!r}); {sent} were sent. Is it up?") from error
    finally:
        await producer.stop()
    return sent
