"""Writing an edge reads what decides, not all that a node ever had: a pump has been with a thousand patients."""

import sqlite3
from pathlib import Path

import pytest

from brain.join import EdgeKey
from brain.model import Assert, ChangeSet, Link, Retract
from brain.stores.sqlite import SqliteStore
from brain.stores.sqlite.edges import _old
from tests.contract import schema as small
from tests.contract.order import event, targets
from tests.contract.reference import lines_of, reference

MANY = 1000
SCHEMA = small.schema()


def moved(n: int, relation: str = "locatedIn") -> ChangeSet:
    return event(f"e{n:05}", n, Assert("p/1", "Pump", links=(Link(relation, f"w/{n}"),)))


def left(n: int, valid: int) -> ChangeSet:
    return event(f"u{n:05}", valid, Retract("p/1", "Pump", links=(Link("locatedIn", f"w/{n}"),)))


async def lived(path: Path, *sets: ChangeSet) -> SqliteStore:
    store = SqliteStore(str(path), lambda: 1)
    await store.prepare(SCHEMA)
    await store.apply(sets)
    return store


@pytest.mark.parametrize(("relation", "undone"), [("locatedIn", False), ("locatedIn", True), ("monitors", False)])
async def test_few_rows_are_read_however_many_there_are(tmp_path: Path, relation: str, undone: bool) -> None:
    history = [moved(n, relation) for n in range(MANY)] + ([left(MANY - 1, MANY)] if undone else [])
    store = await lived(tmp_path / "t.db", *history)
    keys = [EdgeKey("p/1", relation, target, "") for target in ("w/5", "w/new")]
    pairs = [("p/1", "locatedIn")] if relation == "locatedIn" else []
    found = await store._connections.read(lambda db: _old(db, keys, pairs))
    newest = {("p/1", relation, f"w/{MANY - 1}", "")} if pairs else set()
    assert found.keys() == {("p/1", relation, "w/5", "")} | newest
    await store.close()


@pytest.mark.parametrize("forgotten", [False, True], ids=["marked", "a file from before the mark"])
async def test_what_was_left_stays_decided(tmp_path: Path, forgotten: bool) -> None:
    """The newest place was left. A late move to an older place, or the old one's undoing, brings nothing back; a newer does."""
    history = [*(moved(n) for n in range(9)), left(8, 20)]
    store = await lived(tmp_path / "t.db", *history)
    if forgotten:
        await store.close()
        with sqlite3.connect(tmp_path / "t.db") as db:
            assert db.execute("UPDATE edge SET holds = 0 WHERE holds = 2").rowcount == 1
        store = await lived(tmp_path / "t.db")
    steps = [
        (event("late", 7, Assert("p/1", "Pump", links=(Link("locatedIn", "w/old"),))), []),
        (left(3, 30), []),
        (event("newer", 15, Assert("p/1", "Pump", links=(Link("locatedIn", "w/3"),))), []),
        (event("back", 25, Assert("p/1", "Pump", links=(Link("locatedIn", "w/8"),))), ["w/8"]),
        (event("again", 40, Assert("p/1", "Pump", links=(Link("locatedIn", "w/3"),))), ["w/3"]),
        (left(3, 41), []),
    ]
    for said, wanted in steps:
        await store.apply([said])
        history.append(said)
        assert await targets(store, "p/1") == wanted, said.event
        assert await lines_of(store) == reference(SCHEMA, history)
    await store.close()
