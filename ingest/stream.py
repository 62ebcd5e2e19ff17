"""The faust app: workers that share the partitions of Kafka topics and write one model.

faust spends some 80 µs on each record that passes through its agents, so ours pass through none: a faust Service reads with
aiokafka's `getmany`, and a record may be a block of a few hundred envelopes. Start, stop and crash are faust's. What is read is
decided by the store: when a partition is assigned, the worker goes to the store's mark. Kafka's committed offset is written after
the notices are published; where it lags behind the mark, a worker died in between, and what it stored is read, and told, again.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.app.base import BootStrategy

from brain.errors import BrainError, Retry
from brain.feeds.kafka import ensure_topics
from brain.model import DeadLetter, Mark
from brain.ports import Store
from ingest.intake import Intake
from ingest.pipeline import letter
from ingest.record import MAGIC, BadBlock, Envelope, unpack
from ingest.sources.kafka import PARTITIONS, TOPIC

log = logging.getLogger("brain.ingest.kafka")

RECORDS = 2000
"""Records read at once, of all partitions together; a block counts as one."""
PORTION = 5000
"""Envelopes after which a transaction is closed."""
POLL_SECONDS = 0.2
SESSION_SECONDS = 6
"""After a worker is killed its partitions are given to others within this time."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """`topics` are Kafka topics by the name under which adapters know them: Kafka allows no `/` in its own.

    `idle_exit`: end when nothing has come for so many seconds; None runs until stopped.
    """

    address: str
    group: str = "brain"
    topics: Mapping[str, str] = field(default_factory=lambda: {TOPIC: ""})
    idle_exit: float | None = None


class _Unkafkaed(BootStrategy):
    """faust's own consumer and producer stay off: the service has its own."""

    enable_kafka = False
    enable_web = False


class Reader(faust.Service):
    """Reads, takes in, commits; `finished` ends with None when it was told to stop, or with the error that ended it."""

    def __init__(self, options: StreamOptions, intake: Intake, store: Store, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._options = options
        self._intake = intake
        self._store = store
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def on_start(self) -> None:
        await ensure_topics(self._options.address, dict.fromkeys(self._options.topics, PARTITIONS))
        self._busy = asyncio.Lock()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._options.address,
            group_id=self._options.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_SECONDS * 1000,
            heartbeat_interval_ms=SESSION_SECONDS * 1000 // 3,
            max_partition_fetch_bytes=4 << 20,
        )
        await self._consumer.start()
        self._consumer.subscribe(list(self._options.topics), listener=_Rebalance(self._consumer, self._store, self._busy))

    async def on_stop(self) -> None:
        async with self._busy:
            await self._consumer.stop()

    @faust.Service.task
    async def _read(self) -> None:
        try:
            await self._consume()
        except BaseException as error:
            if not self.finished.done():
                self.finished.set_exception(error)
            if not isinstance(error, BrainError):
                raise
        else:
            if not self.finished.done():
                self.finished.set_result(None)

    async def _consume(self) -> None:
        last = time.monotonic()
        while not self.should_stop:
            # Not under the lock: while partitions are being handed round, getmany waits for them, whatever its timeout.
            found = await self._consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000), max_records=RECORDS)
            if found:
                async with self._busy:
                    await self._take(found)
                last = time.monotonic()
            idle = self._options.idle_exit
            if idle is not None and time.monotonic() - last > idle and self._consumer.assignment():
                return

    async def _take(self, found: Mapping[TopicPartition, list[ConsumerRecord]]) -> None:
        """In portions, since a record may hold hundreds of envelopes; a portion is whole records, which a mark can describe."""
        envelopes: list[Envelope] = []
        letters: list[DeadLetter] = []
        ends: dict[TopicPartition, int] = {}
        for partition, records in found.items():
            for record in records:
                self._open(record, envelopes, letters)
                ends[partition] = record.offset + 1
                if len(envelopes) >= PORTION:
                    await self._commit(envelopes, letters, ends)
                    envelopes, letters, ends = [], [], {}
        if ends:
            await self._commit(envelopes, letters, ends)

    async def _commit(self, envelopes: list[Envelope], letters: list[DeadLetter], ends: Mapping[TopicPartition, int]) -> None:
        await self._intake.take(envelopes, [Mark(p.topic, p.partition, end) for p, end in ends.items()], letters)
        try:
            await self._consumer.commit(ends)
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            log.debug("the group has moved on: %r; the store's marks are what counts", error)

    def _open(self, record: ConsumerRecord, envelopes: list[Envelope], letters: list[DeadLetter]) -> None:
        payload: bytes = record.value or b""
        topic = self._options.topics.get(record.topic) or record.topic
        received = record.timestamp * 1000
        if payload[:4] != MAGIC:
            key = (record.key or b"").decode(errors="replace")
            envelopes.append(Envelope(topic, key, payload, received, (), record.partition, record.offset))
            return
        try:
            envelopes += unpack(payload)
        except BadBlock as error:
            letters.append(letter("", Envelope(topic, "", payload, received), [str(error)]))


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Waits for the batch in hand before partitions go, and takes up new ones at the store's marks."""

    def __init__(self, consumer: AIOKafkaConsumer, store: Store, busy: asyncio.Lock) -> None:
        self._consumer = consumer
        self._store = store
        self._busy = busy

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        async with self._busy:
            log.info("gives back %d partitions", len(revoked))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        while True:
            try:
                marks = {(m.topic, m.partition): m.offset for m in await self._store.marks()}
                break
            except Retry as error:
                log.warning("%s; waiting for the store's marks", error)
                await asyncio.sleep(1)
        for partition in assigned:
            mark = marks.get((partition.topic, partition.partition), 0)
            told = await self._committed(partition)
            self._consumer.seek(partition, mark if told is None else min(mark, told))
        log.info("takes %s", ", ".join(f"{p.topic}/{p.partition}" for p in sorted(assigned)) or "no partition")

    async def _committed(self, partition: TopicPartition) -> int | None:
        try:
            offset: int | None = await self._consumer.committed(partition)
        except KafkaError as error:
            log.warning("no committed offset of %s/%d: %r", partition.topic, partition.partition, error)
            return None
        return offset


async def work(options: StreamOptions, intake: Intake, store: Store, stop: asyncio.Event) -> None:
    """Run one worker until `stop` is set, or idleness ends it. Raises what ended it otherwise: the process should then end."""
    app = faust.App(f"brain-{options.group}", broker=f"kafka://{options.address}", autodiscover=False, loghandlers=[])
    app.boot_strategy = _Unkafkaed(app)
    reader = Reader(options, intake, store)
    await app.start()
    try:
        await app.add_runtime_dependency(reader)
        told = asyncio.ensure_future(stop.wait())
        await asyncio.wait((told, reader.finished), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if reader.finished.done():
            reader.finished.result()
    finally:
        await app.stop()
