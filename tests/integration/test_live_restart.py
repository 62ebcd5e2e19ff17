"""Live figures over a real Neo4j, told of changes by a real Kafka, that outlast their process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from brain.feeds.kafka import KafkaFeed
from brain.ports import Feed, Store
from brain.stores import open_store
from tests.contract.test_neo4j import wipe
from tests.unit.test_live import SCHEMA
from tests.unit.test_live_restart import LATE, Plant, is_read_anew, only_what_came_since_is_read, saved


class Served(Plant):
    """On servers; its notices go through a topic of its own."""

    def __init__(self, folder: Path, url: str, broker: str) -> None:
        super().__init__(folder)
        self._url, self._broker = url, broker
        self.topic = f"notices-{uuid4().hex}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Store, Feed]]:
        store, feed = open_store(self._url), KafkaFeed(self._broker, self.topic)
        await store.prepare(SCHEMA)
        try:
            yield store, feed
        finally:
            await feed.close()
            await store.close()


@pytest.fixture
async def plant(neo4j_url: str, kafka_address: str, tmp_path: Path) -> Served:
    await wipe(neo4j_url)
    return await saved(Served(tmp_path, neo4j_url, kafka_address))


async def test_a_restart_reads_only_what_came_since(plant: Served) -> None:
    await only_what_came_since_is_read(plant)


async def test_notices_that_are_gone(plant: Served) -> None:
    await plant.says(LATE)
    plant.topic = f"notices-{uuid4().hex}"
    assert await is_read_anew(plant) == {("a", "b"): 30.0, ("b", "c"): 70.0}


async def test_what_nobody_was_told_of(plant: Served) -> None:
    async with plant.opened() as (store, _):
        await store.apply([LATE])
    assert await is_read_anew(plant) == {("a", "b"): 30.0, ("b", "c"): 70.0}
