"""The faust app: workers that share the partitions of Kafka topics and write one model.

faust spends some 80 µs on each record that passes through its agents, so ours pass through none: a faust Service reads with
aiokafka's `getmany`, and a record may be a block of a few hundred envelopes. Start, stop and crash are faust's. What is read is
decided by the store: when a partition is assigned, the worker goes to the store's mark. Kafka's committed offset is written after
the notices are published; where it lags behind the mark, a worker died in between, and what it stored is read, and told, again.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.app.base import BootStrategy

from brain.engine import PATIENCE
from brain.errors import BrainError, Retry
from brain.feeds.kafka import ensure_topics
from brain.model import DeadLetter, Mark
from brain.ports import Store
from ingest.intake import Intake
from ingest.liveness import Liveness
from ingest.pipeline import Result, letter
from ingest.record import MAGIC, BadBlock, Envelope, unpack
from ingest.sources.kafka import PARTITIONS, TOPIC, BrokerAway

log = logging.getLogger("brain.ingest.kafka")

RECORDS = 20_000
"""Records read at once, of all partitions together; a block counts as one."""
PORTIONS = (1000, 2000, 64_000)
"""Envelopes after which a transaction is closed: at least, at first, at most. Ten readings of one device in a transaction cost
the store little more than one, so portions grow while they are quick; steps cost it something each, and stay in small ones."""
QUICK, SLOW = 1.0, 3.0
"""Seconds: portions that take less are followed by larger ones, those that take more by smaller ones."""
POLL_SECONDS = 0.2
SESSION_SECONDS = 6
"""After a worker is killed its partitions are given to others within this time."""
REBALANCE_SECONDS = 30
"""For how long the others wait for a worker to end its portion when partitions are shared out anew. By default it would be the
session's time, and whoever takes longer is thrown out, while another does its work once more. Less than the 40 s after which the
client gives up a request to join."""
AWAY_SECONDS = 2 * PATIENCE
"""For how long a portion may wait for the store and then for the feed. By default the client leaves the group when nothing was
asked of it for five minutes; in an outage the partitions would then go round among workers who all wait likewise. A worker that
is stuck is found by its liveness."""
DOUBT_SECONDS = 5.0
"""For how long a broker is asked again that knows no committed offset where the store has a mark. One that was killed and is back
may for a moment not know yet what it had committed, and says that there is nothing (Kafka 4.3, seen under chaos)."""
STOP_SECONDS = 10.0
"""For how long a worker that is told to stop goes on with the portion in hand: it might wait ten minutes for an absent store. A
portion that is given up is stored whole or not at all, and the marks say which."""


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
        self._busy = asyncio.Lock()
        self._told = dict[TopicPartition, int]()
        self._portion = PORTIONS[1]
        self._in_hand = False
        self.name = f"Kafka at {options.address}"
        self.stored = 0
        self._listener: _Rebalance | None = None
        self._consumer: Any = None

    async def on_start(self) -> None:
        await ensure_topics(self._options.address, dict.fromkeys(self._options.topics, PARTITIONS))
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._options.address,
            group_id=self._options.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_SECONDS * 1000,
            heartbeat_interval_ms=SESSION_SECONDS * 1000 // 3,
            rebalance_timeout_ms=REBALANCE_SECONDS * 1000,
            max_poll_interval_ms=int(AWAY_SECONDS * 1000),
            max_partition_fetch_bytes=4 << 20,
        )
        await self._consumer.start()
        self._listener = _Rebalance(self._consumer, self._store, self._busy, self._told, self._end)
        self._consumer.subscribe(list(self._options.topics), listener=self._listener)

    async def on_stop(self) -> None:
        if self._consumer is None:  # the broker was away, so nothing was begun
            return
        try:
            async with asyncio.timeout(STOP_SECONDS), self._busy:
                pass  # the portion in hand is stored, and as we should stop, no other is begun
        except TimeoutError:
            log.warning("the portion in hand is given up, for it was not stored within %.0f s", STOP_SECONDS)
        await self._consumer.stop()

    async def behind(self) -> dict[str, int]:
        """By partition, how many records of those that the broker has now are not stored. BrokerAway where it cannot be asked."""
        assert self._listener is not None
        try:
            if self._listener.holding is None:
                await self._consumer.topics()
                return {f"group {self._options.group}, which has not given out its partitions": 1}
            held = sorted(self._consumer.assignment())
            ends = await self._consumer.end_offsets(held)
            # With nothing in hand all that was read is stored, and the position has also passed what is no record: the ends
            # of transactions.
            at = self._listener.at if self._in_hand else {p: await self._consumer.position(p) for p in held}
        except (KafkaError, IllegalStateError) as error:
            raise BrokerAway(f"{self.name} does not say how far its partitions reach ({error!r}); is it up?") from error
        return {f"{p.topic}/{p.partition}": behind for p in held if (behind := ends[p] - at.get(p, 0)) > 0}

    def _end(self, error: BaseException) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)

    @faust.Service.task
    async def _read(self) -> None:
        try:
            await self._consume()
        except asyncio.CancelledError:
            self.finished.cancel()
            raise
        except BaseException as error:
            self._end(error)
            if not isinstance(error, BrainError):
                raise
        else:
            if not self.finished.done():
                self.finished.set_result(None)

    async def _consume(self) -> None:
        assert self._listener is not None
        last, held = time.monotonic(), None
        while not self.should_stop:
            # Not under the lock: while partitions are being handed round, getmany waits for them, whatever its timeout.
            found = await self._consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000), max_records=RECORDS)
            if found:
                self._in_hand = True
                # Asked now, with no wait in between: what getmany gives belongs to the partitions that we hold at this moment.
                await self._take(found, self._listener.holding)
                self._in_hand = False
                last = time.monotonic()
            else:
                await self._tell_kafka()
            if self._listener.holding is not held:
                # Whoever was just given partitions has not been idle on them, however long it waited for them.
                last, held = time.monotonic(), self._listener.holding
            idle = self._options.idle_exit
            if idle is not None and held is not None and time.monotonic() - last > idle:
                return

    async def _take(self, found: Mapping[TopicPartition, list[ConsumerRecord]], holding: object) -> None:
        """In portions, since a record may hold hundreds of envelopes; a portion is whole records, which a mark can describe.

        Partitions may be taken from us between two portions. Then the rest is left to whoever reads on from the marks. While the
        store writes one portion, the pipeline reads the next: it is pure, so that it may be let go.
        """
        assert self._listener is not None
        records = ((partition, record) for partition, some in found.items() for record in some)
        portion = self._next(records)
        result = await self._intake.read(portion.envelopes)
        while portion.ends:
            ahead = self._next(records)
            reading = asyncio.create_task(self._intake.read(ahead.envelopes))
            try:
                async with self._busy:
                    if self.should_stop or holding is None or self._listener.holding is not holding:
                        return
                    await self._commit(portion, result)
            finally:
                portion, result = ahead, await reading

    def _next(self, records: Iterator[tuple[TopicPartition, ConsumerRecord]]) -> "_Portion":
        portion = _Portion()
        for partition, record in records:
            self._open(record, portion)
            portion.ends[partition] = record.offset + 1
            if len(portion.envelopes) >= self._portion:
                break
        return portion

    async def _commit(self, portion: "_Portion", result: Result) -> None:
        marks = [Mark(p.topic, p.partition, end) for p, end in portion.ends.items()]
        begin = time.monotonic()
        await self._intake.keep(portion.envelopes, result, marks, portion.letters)
        assert self._listener is not None
        self._listener.at.update(portion.ends)
        self.stored += len(portion.envelopes) + len(portion.letters)
        self._pace(len(portion.envelopes), time.monotonic() - begin)
        self._told.update(portion.ends)
        await self._tell_kafka()

    def _pace(self, envelopes: int, seconds: float) -> None:
        least, _, most = PORTIONS
        if seconds > SLOW:
            self._portion = max(self._portion // 2, least)
        elif seconds < QUICK and envelopes >= self._portion:
            self._portion = min(self._portion * 2, most)

    async def _tell_kafka(self) -> None:
        """Commit what is stored and told. Where Kafka will not have it now, it is tried again with the next."""
        held = self._consumer.assignment()
        mine = {partition: end for partition, end in self._told.items() if partition in held}
        if not mine:
            return
        try:
            await self._consumer.commit(mine)
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            log.info("the group has moved on: %r; the store's marks are what counts", error)
            return
        for partition, end in mine.items():
            if self._told.get(partition) == end:
                del self._told[partition]

    def _open(self, record: ConsumerRecord, portion: "_Portion") -> None:
        payload: bytes = record.value or b""
        topic = self._options.topics.get(record.topic) or record.topic
        received = record.timestamp * 1000
        if payload[:4] != MAGIC:
            key = (record.key or b"").decode(errors="replace")
            portion.envelopes.append(Envelope(topic, key, payload, received, (), record.partition, record.offset))
            return
        try:
            portion.envelopes += unpack(payload)
        except BadBlock as error:
            portion.letters.append(letter("", Envelope(topic, "", payload, received), [str(error)]))


@dataclass(slots=True)
class _Portion:
    """What one transaction takes: envelopes, what was dead on arrival, and the offsets that follow."""

    envelopes: list[Envelope] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    ends: dict[TopicPartition, int] = field(default_factory=dict)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Waits for the portion in hand before partitions go, and takes up new ones at the store's marks.

    `holding` is a token of what we hold: another after each change, and None while partitions are handed round, when the consumer
    may give records from before it was sent to the marks: these are let go, and read again from there.
    `at` is how far each partition that we hold is stored.
    `told` are the offsets up to which this worker has stored and published, as far as Kafka does not know them yet.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        store: Store,
        busy: asyncio.Lock,
        told: Mapping[TopicPartition, int],
        end: Callable[[BaseException], None],
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._busy = busy
        self._told = told
        self._end = end
        self.holding: object = None
        self.at = dict[TopicPartition, int]()
        self._answers_since = 0.0
        """When the broker was last asked without having been away since."""

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        async with self._busy:
            self.holding = None
            log.info("gives back %d partitions", len(revoked))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        try:
            await self._go_to_marks(assigned)
        except BaseException as error:
            # The consumer would log it and go on, from where we must not.
            self._end(error)
            raise
        self.holding = object()

    async def _go_to_marks(self, assigned: Collection[TopicPartition]) -> None:
        while True:
            try:
                marks = {(m.topic, m.partition): m.offset for m in await self._store.marks()}
                break
            except Retry as error:
                log.warning("%s; waiting for the store's marks", error)
                await asyncio.sleep(1)
        starts: dict[TopicPartition, int] = {}
        unknown: dict[TopicPartition, int] = {}
        self._answers_since = time.monotonic()
        for partition in assigned:
            mark = marks.get((partition.topic, partition.partition), 0)
            told = await self._committed(partition)
            while told is None and mark and time.monotonic() - self._answers_since < DOUBT_SECONDS:
                await asyncio.sleep(DOUBT_SECONDS / 10)
                told = await self._committed(partition)
            starts[partition] = mark if told is None else min(mark, told)
            if told is None:
                unknown[partition] = mark
        if unknown:
            # Else, whoever dies between its first portion and the telling of it would leave nothing that says so.
            await self._begin(unknown)
        # All in one go, with no wait in between: what is read from here before `holding` is set would be let go, and passed over.
        for partition, start in starts.items():
            self._consumer.seek(partition, start)
        self.at = starts
        log.info("takes %s", ", ".join(f"{p.topic}/{p.partition}" for p in sorted(assigned)) or "no partition")

    async def _committed(self, partition: TopicPartition) -> int | None:
        """Up to where the group, or this worker, has stored and published; None where nobody has begun."""
        own = self._told.get(partition)
        while True:
            try:
                offset: int | None = await self._consumer.committed(partition)
                return own if offset is None else offset if own is None else max(own, offset)
            except KafkaError as error:
                log.warning("the committed offset of %s/%d is not to be had: %r", partition.topic, partition.partition, error)
                await asyncio.sleep(1)
                # However long it was away: what it says at first when it is back is in doubt.
                self._answers_since = time.monotonic()

    async def _begin(self, starts: Mapping[TopicPartition, int]) -> None:
        try:
            await self._consumer.commit(dict(starts))
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            log.info("the group has moved on: %r; whoever has these partitions now begins them", error)


async def work(
    options: StreamOptions, intake: Intake, store: Store, stop: asyncio.Event, liveness: Liveness | None = None
) -> None:
    """Run one worker until `stop` is set, or idleness ends it. Raises what ended it otherwise: the process should then end."""
    liveness = liveness or Liveness()
    with tempfile.TemporaryDirectory(prefix="brain-faust-") as scratch:  # for faust's own tables, of which we have none
        app = faust.App(
            f"brain-{options.group}", broker=f"kafka://{options.address}", autodiscover=False, loghandlers=[], datadir=scratch
        )
        app.boot_strategy = _Unkafkaed(app)
        reader = Reader(options, intake, store)
        await app.start()
        try:
            await app.add_runtime_dependency(reader)
            told = asyncio.ensure_future(stop.wait())
            with liveness.following(reader):
                await asyncio.wait((told, reader.finished), return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            if reader.finished.done():
                reader.finished.result()
        finally:
            await app.stop()
