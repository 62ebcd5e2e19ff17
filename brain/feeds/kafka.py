"""A feed through a Kafka topic: any number of committing and of watching processes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError

from brain.errors import Retry
from brain.model import GAP, Notice

TOPIC = "brain.notices"
PER_RECORD = 500
REPLICAS = 3
"""Copies of a topic that we create, where there are so many brokers."""


class FeedAway(Retry):
    """The broker that carries change notices is out of reach."""


class KafkaFeed:
    """At least once. A watcher sees what was published after its first `anext`."""

    def __init__(self, address: str, topic: str = TOPIC) -> None:
        self._address = address
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._closed = asyncio.Event()

    async def publish(self, notices: Sequence[Notice]) -> None:
        try:
            producer = await self._started()
            sent = [
                await producer.send(self._topic, orjson.dumps([list(n) for n in notices[i : i + PER_RECORD]]))
                for i in range(0, len(notices), PER_RECORD)
            ]
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise FeedAway(f"Kafka at {self._address} does not take change notices ({error!r}); is the broker up?") from error

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                await ensure_topics(self._address, {self._topic: 1})
                producer = AIOKafkaProducer(bootstrap_servers=self._address, acks="all", linger_ms=2)
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def subscribe(self) -> AsyncIterator[Notice]:
        if self._closed.is_set():
            return
        await ensure_topics(self._address, {self._topic: 1})
        # Where the topic no longer holds what comes next, it goes on with the earliest that it holds.
        consumer = AIOKafkaConsumer(bootstrap_servers=self._address, enable_auto_commit=False, auto_offset_reset="earliest")
        try:
            after = await self._from_now_on(consumer)
            yield GAP
            while not self._closed.is_set():
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    for record in records:
                        if record.offset > after[partition]:
                            yield GAP  # the topic no longer holds what lies between
                        after[partition] = record.offset + 1
                        for subject, cls, names, event, valid in orjson.loads(record.value):
                            yield Notice(subject, cls, tuple(names), event, valid)
        except KafkaError as error:
            raise FeedAway(f"Kafka at {self._address} gives no change notices ({error!r}); is the broker up?") from error
        finally:
            await consumer.stop()

    async def _from_now_on(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """The offsets at which each partition begins. Not a group: every watcher sees every notice."""
        await consumer.start()
        await consumer.topics()
        partitions = [TopicPartition(self._topic, p) for p in consumer.partitions_for_topic(self._topic) or {0}]
        consumer.assign(partitions)
        # Positions as numbers, now: seek_to_end alone is resolved at the first fetch, and misses what comes in between.
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        for partition, end in ends.items():
            consumer.seek(partition, end)
        return ends

    async def close(self) -> None:
        self._closed.set()
        if self._producer is not None:
            await self._producer.stop()


async def ensure_topics(address: str, partitions: Mapping[str, int]) -> None:
    """Create those of the topics that are not there, each with its number of partitions. Existing ones stay as they are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    try:
        await admin.start()
        missing = partitions.keys() - set(await admin.list_topics())
        if missing:
            # This client cannot ask for the broker's own default of replicas.
            replicas = min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
            await admin.create_topics([NewTopic(name, partitions[name], replicas) for name in sorted(missing)])
    except TopicAlreadyExistsError:
        pass  # another process was quicker
    except KafkaError as error:
        why = "" if isinstance(error, KafkaConnectionError) else f" ({error!r})"
        mend = "is the broker up? `brain servers start kafka` starts one here"
        raise FeedAway(f"Kafka at {address} is out of reach{why}; {mend}") from error
    finally:
        await admin.close()
