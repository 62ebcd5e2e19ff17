"""What people call a thing: an id, or a key that one thing alone has."""

import pytest

from brain.errors import BadQuery
from brain.model import Assert, ChangeSet
from brain.naming import resolve
from brain.stores.sqlite import SqliteStore
from ontology import load_schema

SCHEMA = load_schema(())


async def test_names_that_people_use() -> None:
    store = SqliteStore("")
    await store.prepare(SCHEMA)
    await store.apply([ChangeSet("e", "t", 1, 1, (Assert("bed/7", "Bed"), Assert("ward/7", "Ward"), Assert("ward/8", "Ward")))])
    assert await resolve(store, SCHEMA, "8") == "ward/8"
    assert await resolve(store, SCHEMA, "bed/7") == "bed/7"
    with pytest.raises(BadQuery, match="'7' may mean bed/7, ward/7; write which"):
        await resolve(store, SCHEMA, "7")
    with pytest.raises(BadQuery, match="nothing called '9'"):
        await resolve(store, SCHEMA, "9")
    await store.close()
