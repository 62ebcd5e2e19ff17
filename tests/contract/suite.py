"""The one contract that every store must meet: `class TestX(StoreContract)` and three fixtures.

`fresh` gives an empty, prepared store each time it is called; `clock` is the clock of all of them; `schema` their ontology.
"""

import pytest

from brain.ports import Store
from brain.schema import Schema
from tests.contract import schema as small
from tests.contract.chains import ChainContract
from tests.contract.order import Fresh, OrderContract
from tests.contract.reads import PastContract, ReadContract, Ticks
from tests.contract.streams import ConcurrentContract, StreamContract
from tests.contract.voids import VoidContract


class StoreContract(OrderContract, ChainContract, VoidContract, ReadContract, PastContract, StreamContract):
    @pytest.fixture
    def schema(self) -> Schema:
        return small.schema()

    @pytest.fixture
    def clock(self) -> Ticks:
        return Ticks()

    @pytest.fixture
    async def store(self, fresh: Fresh) -> Store:
        return await fresh()


__all__ = ["ConcurrentContract", "Fresh", "StoreContract", "Ticks"]
