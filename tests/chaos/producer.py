"""The producer: sends the stream at a bounded rate, whatever happens to the broker, and knows what it has sent."""

import asyncio
from collections.abc import Sequence
from itertools import islice

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from brain.errors import Retry
from ingest.sources.kafka import BrokerAway, send
from tests.chaos.stream import PUMPS, Sent, stream

EVERY = 0.4
"""Seconds between portions, at best."""


class Producer:
    """`sent` is all that Kafka acknowledged. A portion that failed is sent again, whole: some of it will then come twice."""

    def __init__(self, address: str, blocks: str, raw: str, seed: int, rate: int) -> None:
        self._address = address
        self._blocks = blocks
        self._raw = raw
        self._stream = stream(seed)
        self._size = round(rate * EVERY)
        self.sent: list[Sent] = []
        self.repeated = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; what has been begun is sent."""
        while not stop.is_set():
            pause = asyncio.ensure_future(asyncio.sleep(EVERY))
            portion = list(islice(self._stream, self._size))
            while not await self._try(portion):
                self.repeated += 1
                await asyncio.sleep(0.2)
            self.sent += portion
            await pause

    async def _try(self, portion: Sequence[Sent]) -> bool:
        try:
            await send([one.envelope for one in portion if not one.raw], self._address, self._blocks)
            await self._send_raw([one for one in portion if one.raw])
        except Retry:
            return False
        return True

    async def _send_raw(self, some: Sequence[Sent]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._address, acks="all")
        try:
            await producer.start()
            acknowledged = [
                await producer.send(self._raw, payload or None, key=key.encode(), timestamp_ms=received // 1000)
                for (_, key, payload, received, *_), _, _ in some
            ]
            for one in acknowledged:
                await one
        except KafkaError as error:
            raise BrokerAway(str(error)) from error
        finally:
            await producer.stop()


RAW_IS = PUMPS
"""Under which name the adapters know the raw topic."""
