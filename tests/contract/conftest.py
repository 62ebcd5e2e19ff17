"""Both stores with the history of a module, which says by its `filled` how a store is made and filled."""

from collections.abc import AsyncIterator

import pytest

from brain.identities import Merged
from brain.stores.neo4j import Neo4jStore
from brain.stores.sqlite import SqliteStore
from tests.contract.test_neo4j import wipe


@pytest.fixture
async def sqlite(request: pytest.FixtureRequest) -> AsyncIterator[Merged]:
    store = await request.module.filled(lambda now: SqliteStore("", now))
    yield store
    await store.close()


@pytest.fixture
async def neo4j(request: pytest.FixtureRequest, neo4j_url: str) -> AsyncIterator[Merged]:
    await wipe(neo4j_url)
    store = await request.module.filled(lambda now: Neo4jStore(neo4j_url, now))
    yield store
    await store.close()
