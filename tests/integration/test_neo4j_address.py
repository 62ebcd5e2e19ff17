"""Addresses of Neo4j stores: understood as people write them, and never shown with a password."""

import pytest

from brain.errors import BadUrl
from brain.stores.neo4j import Neo4jStore
from brain.stores.neo4j.address import parse


@pytest.mark.parametrize(
    ("url", "uri", "auth", "database"),
    [
        ("neo4j://u:p@h:7687/db", "neo4j://h:7687", ("u", "p"), "db"),
        ("neo4j+s://u:p%2F%40%25@h", "neo4j+s://h", ("u", "p/@%"), None),
        ("neo4j+ssc://h/", "neo4j+ssc://h", None, None),
        ("bolt://u%3A1:@h:1/", "bolt://h:1", ("u:1", ""), None),
        ("bolt+s://[::1]:7687/my.db", "bolt+s://[::1]:7687", None, "my.db"),
    ],
)
def test_parts(url: str, uri: str, auth: tuple[str, str] | None, database: str | None) -> None:
    address = parse(url)
    assert (address.uri, address.auth, address.database) == (uri, auth, database)
    assert "p/@%" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "neo4j://u:secret@",
        "neo4j://u:secret@h:port/db",
        "neo4j://u:sec/ret@h:7687/db",
        "neo4j://u:secret@h/db/more",
        "neo4j://u:secret@h/db?x=1",
        "neo4j://secret@h",
        "http://u:secret@h",
        "neo4j://u:secret@[::1/db",
    ],
)
def test_faults_are_told_without_the_password(url: str) -> None:
    with pytest.raises(BadUrl) as told:
        Neo4jStore(url)
    assert "sec" not in str(told.value)
    assert told.value.__cause__ is None
