"""The embedded store: one SQLite file, no server. It is also the oracle of the contract suite."""

from brain.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
