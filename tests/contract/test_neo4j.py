"""A real Neo4j."""

from collections.abc import AsyncIterator

import pytest
from neo4j import AsyncGraphDatabase

from brain.ports import Store
from brain.schema import Schema
from brain.stores.neo4j import Neo4jStore
from brain.stores.neo4j.address import parse
from tests.contract.order import a_function_of_the_set
from tests.contract.reads import find_means_matches
from tests.contract.suite import ConcurrentContract, Fresh, StoreContract, Ticks


async def wipe(url: str) -> None:
    """Remove all nodes; constraints and indexes stay, and do no harm."""
    address = parse(url)
    async with AsyncGraphDatabase.driver(address.uri, auth=address.auth) as driver:
        # A part at a time: all of a large graph is more than one transaction may hold.
        some = "MATCH (n) WITH n LIMIT 5000 DETACH DELETE n RETURN count(n)"
        while (await driver.execute_query(some, database_=address.database)).records[0][0]:
            pass


class TestNeo4j(StoreContract, ConcurrentContract):
    test_any_order_and_batching = a_function_of_the_set(1000)
    test_find_means_matches = find_means_matches(60)

    @pytest.fixture
    async def fresh(self, schema: Schema, clock: Ticks, neo4j_url: str) -> AsyncIterator[Fresh]:
        store = Neo4jStore(neo4j_url, clock)
        await store.prepare(schema)

        async def fresh() -> Store:
            await wipe(neo4j_url)
            return store

        yield fresh
        await store.close()

    @pytest.fixture
    async def beside(self, schema: Schema, clock: Ticks, neo4j_url: str) -> AsyncIterator[Fresh]:
        other = Neo4jStore(neo4j_url, clock)

        async def beside() -> Store:
            await other.prepare(schema)
            return other

        yield beside
        await other.close()
