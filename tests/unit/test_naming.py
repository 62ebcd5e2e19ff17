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
    with pytest.raises(BadQuery, match="nothing called '9'; ids look like"):
        await resolve(store, SCHEMA, "9")
    with pytest.raises(BadQuery, match="nothing called 'ward'; did you mean ward/7 or ward/8"):
        await resolve(store, SCHEMA, "ward")
    said = (Assert("asset/AIR", "Machine", {"name": "Compressor 1"}), Assert("asset/A", "Machine", {"name": "Twin"}))
    await store.apply([ChangeSet("f", "t", 2, 2, (*said, Assert("asset/B", "Machine", {"name": "Twin"})))])
    assert await resolve(store, SCHEMA, "Compressor 1") == "asset/AIR"
    with pytest.raises(BadQuery, match="'Twin' may mean asset/A, asset/B; write which"):
        await resolve(store, SCHEMA, "Twin")
    with pytest.raises(BadQuery, match="nothing called 'air'; did you mean asset/AIR"):
        await resolve(store, SCHEMA, "air")
    await store.close()
