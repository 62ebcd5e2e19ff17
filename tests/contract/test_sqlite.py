"""SQLite, in memory and in a file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from brain.ports import Store
from brain.schema import Schema
from brain.stores.sqlite import SqliteStore
from tests.contract.order import a_function_of_the_set
from tests.contract.reads import find_means_matches
from tests.contract.suite import ConcurrentContract, Fresh, StoreContract, Ticks


class TestSqliteMemory(StoreContract):
    test_any_order_and_batching = a_function_of_the_set(10_000)
    test_find_means_matches = find_means_matches(200)

    @pytest.fixture
    async def fresh(self, schema: Schema, clock: Ticks) -> AsyncIterator[Fresh]:
        opened: list[Store] = []

        async def fresh() -> Store:
            store = SqliteStore("", clock)
            opened.append(store)
            await store.prepare(schema)
            return store

        yield fresh
        for store in opened:
            await store.close()


class TestSqliteFile(StoreContract, ConcurrentContract):
    @pytest.fixture
    async def fresh(self, schema: Schema, clock: Ticks, tmp_path: Path) -> AsyncIterator[Fresh]:
        opened: list[Store] = []

        async def fresh() -> Store:
            store = SqliteStore(str(tmp_path / f"{len(opened)}.db"), clock)
            opened.append(store)
            await store.prepare(schema)
            return store

        yield fresh
        for store in opened:
            await store.close()

    @pytest.fixture
    async def beside(self, store: Store, schema: Schema, clock: Ticks, tmp_path: Path) -> AsyncIterator[Fresh]:
        other = SqliteStore(str(tmp_path / "0.db"), clock)

        async def beside() -> Store:
            await other.prepare(schema)
            return other

        yield beside
        await other.close()
