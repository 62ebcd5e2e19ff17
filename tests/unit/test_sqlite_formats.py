"""Files of earlier formats: they open as ever, and then know what is new."""

import sqlite3
from pathlib import Path

from brain.model import Assert, Link, Order, Stamp, Void
from brain.stores.sqlite import SqliteStore
from tests.contract import schema as small
from tests.contract.order import event, only, targets
from tests.contract.reference import lines_of, reference

SCHEMA = small.schema()


async def test_a_file_without_chains(tmp_path: Path) -> None:
    """Format 3 had no tips of chains; all that was in it stays as it was, its hash too."""
    file = tmp_path / "old.db"
    said = [
        event("e1", 5, Assert("p/1", "Pump", {"name": "A", "flow": 1.0}, {"x": 1}, (Link("locatedIn", "w/1"),))),
        event("e2", 6, Assert("p/1", "Pump", {"name": "B"}, {}, (Link("monitors", "p/2"),))),
        event("v", 7, Void("p/1", "Pump", "e2", "s")),
    ]
    old = SqliteStore(str(file), lambda: 1)
    await old.prepare(SCHEMA)
    await old.apply(said)
    await old.close()
    db = sqlite3.connect(file)
    assert db.execute("PRAGMA user_version").fetchone() == (4,)
    db.executescript("ALTER TABLE node DROP COLUMN tips; PRAGMA user_version = 3")
    db.close()

    store = SqliteStore(str(file), lambda: 2)
    await store.prepare(SCHEMA)
    assert await lines_of(store) == reference(SCHEMA, said)
    moved = [
        event("n1", 90, Assert("p/1", "Pump", {"name": "C"}, {}, (Link("locatedIn", "w/2"),)))._replace(order=Order("k", 1)),
        event("n2", 20, Assert("p/1", "Pump", {"flow": 2.0}, {}, (Link("locatedIn", "w/3"),)))._replace(order=Order("k", 2)),
    ]
    await store.apply(moved[1:])
    await store.apply(moved[:1])
    assert await lines_of(store) == reference(SCHEMA, [*said, *moved])
    assert await targets(store, "p/1") == ["w/3"]
    assert (await only(store, "p/1")).stamps["name"] == Stamp(90, 0, 0, "n1", "s")
    await store.close()
