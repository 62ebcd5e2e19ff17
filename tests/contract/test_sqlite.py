"""SQLite, in memory and in a file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from brain.model import Assert
from brain.ports import Store
from brain.query import Nodes
from brain.schema import Schema
from brain.stores.sqlite import SqliteStore
from tests.contract.order import a_function_of_the_set, event
from tests.contract.reads import find_means_matches
from tests.contract.suite import ConcurrentContract, Fresh, StoreContract, Ticks


class ScanContract:
    async def test_a_commit_beside_a_scan_is_not_refused_and_not_seen(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("brain.stores.sqlite.scans.CHUNK", 1)
        await store.apply([event(f"e{i}", i, Assert(f"p/{i}", "Pump", {"name": "old"})) for i in range(9)])
        told = []
        async for node in store.scan(Nodes("Pump")):
            told.append(node.properties["name"])
            await store.apply([event(f"f{i}", 10 + i, Assert(f"p/{i}", "Pump", {"name": "new"})) for i in range(12)])
        assert told == ["old"] * 9
        assert [node.properties["name"] async for node in store.scan(Nodes("Pump"))] == ["new"] * 12


class TestSqliteMemory(StoreContract, ScanContract):
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


class TestSqliteFile(StoreContract, ConcurrentContract, ScanContract):
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
