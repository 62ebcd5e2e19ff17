"""A feed through a Kafka topic: any number of committing and of watching processes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError

from brain.errors import Retry
from brain.model import GAP, Notice

TOPIC = "brain.notices"
PER_RECORD = 500
REPLICAS = 3
"""Copies of a topic that we create, where there are so many brokers."""
FETCH_SECONDS = 5.0
BEGINNING = "beginning"
"""The digest of the record before the first one, which there never was."""


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
        async for notices, _ in self.follow(None):
            for notice in notices:
                yield notice

    async def follow(self, after: str | None) -> AsyncIterator[tuple[Sequence[Notice], str]]:
        if self._closed.is_set():
            return
        await ensure_topics(self._address, {self._topic: 1})
        # Where the topic no longer holds what comes next, it goes on with the earliest that it holds.
        consumer = AIOKafkaConsumer(bootstrap_servers=self._address, enable_auto_commit=False, auto_offset_reset="earliest")
        try:
            # Not a group: every watcher sees every notice.
            reader = await _Reader.of(consumer, self._topic)
            ended = not await reader.goes_on(after)
            if ended:
                await reader.begin_now()
                yield [GAP], reader.place
            while not self._closed.is_set():
                if not ended and reader.has_all:
                    yield [], reader.place
                    ended = True
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    yield reader.read(records), reader.place
        except KafkaError as error:
            raise FeedAway(f"Kafka at {self._address} gives no change notices ({error!r}); is the broker up?") from error
        finally:
            await consumer.stop()

    async def close(self) -> None:
        self._closed.set()
        if self._producer is not None:
            await self._producer.stop()


class _Reader:
    """Where a watcher is in each partition of the topic: after which record, told by its offset and a digest of what it says, so
    that it is known again in a topic that was made anew or lost its end."""

    def __init__(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._ends = ends
        """When we came."""
        self._after: dict[TopicPartition, tuple[int, str]] = {}

    @classmethod
    async def of(cls, consumer: AIOKafkaConsumer, topic: str) -> "_Reader":
        await consumer.start()
        await consumer.topics()
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or {0}]
        consumer.assign(partitions)
        # Positions as numbers, now: seek_to_end alone is resolved at the first fetch, and misses what comes in between.
        return cls(consumer, await consumer.end_offsets(partitions))

    @property
    def place(self) -> str:
        return orjson.dumps({str(p.partition): at for p, at in sorted(self._after.items())}).decode()

    @property
    def has_all(self) -> bool:
        """Whether all that there was when we came has been read."""
        return all(self._after[partition][0] >= end for partition, end in self._ends.items())

    async def begin_now(self) -> None:
        """With what comes from now on."""
        self._after = {partition: (end, await self._told_before(partition, end)) for partition, end in self._ends.items()}

    async def goes_on(self, place: str | None) -> bool:
        """Whether it does from this place: all partitions are those of then, and still hold the last records that were read."""
        after = _parsed(place)
        if {str(p.partition) for p in self._ends} != after.keys():
            return False
        for partition, end in self._ends.items():
            offset, told = after[str(partition.partition)]
            if offset > end or not told or await self._told_before(partition, offset) != told:
                return False
            self._after[partition] = offset, told
        return True

    def read(self, records: Sequence[ConsumerRecord]) -> list[Notice]:
        """The notices of records that follow in one partition; a GAP where the topic no longer holds what lies between."""
        found = []
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            if record.offset > self._after[partition][0]:
                found.append(GAP)
            self._after[partition] = record.offset + 1, _digest(record)
            found += [Notice(subject, cls, tuple(names), *rest) for subject, cls, names, *rest in orjson.loads(record.value)]
        return found

    async def _told_before(self, partition: TopicPartition, offset: int) -> str:
        """The digest of the record before an offset, which is read next; empty where the topic no longer holds that record."""
        begin = (await self._consumer.beginning_offsets([partition]))[partition]
        if begin >= offset:
            self._consumer.seek(partition, offset)
            return BEGINNING if begin == offset == 0 else ""
        self._consumer.seek(partition, offset - 1)
        try:
            record = await asyncio.wait_for(self._consumer.getone(partition), FETCH_SECONDS)
        except TimeoutError:
            record = None
        self._consumer.seek(partition, offset)
        return _digest(record) if record is not None and record.offset == offset - 1 else ""


def _digest(record: ConsumerRecord) -> str:
    return hashlib.sha256(record.value).hexdigest()


def _parsed(place: str | None) -> dict[str, tuple[int, str]]:
    """Empty where that is no place of a topic."""
    try:
        return {str(p): (int(offset), str(told)) for p, (offset, told) in orjson.loads(place or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}


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
