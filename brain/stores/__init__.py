"""Stores, opened by the scheme of their URL."""

from urllib.parse import urlsplit

from brain.errors import BadUrl
from brain.ports import Store

NEO4J_SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")


def open_store(url: str) -> Store:
    """The store at `sqlite:///path` (relative), `sqlite:////path` (absolute), `sqlite://` (in memory, gone with the process) or
    `neo4j://user:password@host:port/database` (also `bolt`, and `+s`, `+ssc` for TLS). Nothing is connected or created yet.

    Raises BadUrl for anything else.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        from brain.stores.sqlite import SqliteStore

        return SqliteStore(sqlite_path(url))
    if scheme in NEO4J_SCHEMES:
        from brain.stores.neo4j import Neo4jStore

        return Neo4jStore(url)
    raise BadUrl(
        f"unknown store {url.partition('@')[2] or url!r}: use sqlite:///file.db or neo4j://user:password@host:7687/neo4j"
    )


def sqlite_path(url: str) -> str:
    """The file of a `sqlite:` URL, or "" for one in memory."""
    rest = url.removeprefix("sqlite:")
    if rest == "//":
        return ""
    if not rest.startswith("///") or rest == "///":
        raise BadUrl(f"{url!r} names no file: write sqlite:///relative.db or sqlite:////absolute/path.db")
    if rest == "///:memory:":
        raise BadUrl("':memory:' is no file: write sqlite:// for a store in memory, which is gone with the process")
    return rest[3:]
