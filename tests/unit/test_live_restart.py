"""Live figures that outlast their process: a restart goes on where it can know all that came since, and else reads anew."""

import asyncio
import sqlite3
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.analytics import shelf
from brain.analytics.bottlenecks import bottlenecks
from brain.analytics.follow import Follower
from brain.analytics.live_reports import LiveReports
from brain.analytics.shelf import Shelf
from brain.engine import Engine
from brain.feeds import sqlite as feeds
from brain.feeds.sqlite import SqliteFeed
from brain.identities import Merged
from brain.model import Assert, ChangeSet, Link, Notice
from brain.ports import Feed, Store
from brain.query import Occurrences, Scope
from brain.schema import Schema
from brain.stores import open_store
from tests.unit.test_bottlenecks import step, thing
from tests.unit.test_live import SCHEMA, WATCHED, change_sets, equal

SECONDS = 10.0


class Plant:
    """A store in a file, with its feed, and live figures that come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live_file = folder / "live.db"
        self.read: list[str] = []
        """The types of which all steps were read."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Store, Feed]]:
        path = self.folder / "brain.db"
        store, feed = open_store(f"sqlite:///{path}"), SqliteFeed(str(path))
        await store.prepare(SCHEMA)
        try:
            yield store, feed
        finally:
            await feed.close()
            await store.close()

    async def says(self, *changes: ChangeSet) -> None:
        """While there are no live figures."""
        async with self.opened() as (store, feed):
            await Engine(store, feed).commit(changes)

    @asynccontextmanager
    async def living(self, schema: Schema = SCHEMA) -> AsyncIterator["Living"]:
        async with self.opened() as (raw, feed):
            store = Merged(raw, schema)
            scan = store.scan

            def counted(scope: Scope) -> AsyncIterator[Any]:
                if isinstance(scope, Occurrences):
                    self.read.append(scope.object_type)
                return scan(scope)  # type: ignore[call-overload, no-any-return]

            store.scan = counted  # type: ignore[method-assign, assignment]
            one = Living(Merged(raw, schema), feed, LiveReports(store, schema, feed, self.live_file))
            running = asyncio.create_task(one.live.run())
            try:
                yield one
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


class Living:
    def __init__(self, store: Store, feed: Feed, live: LiveReports) -> None:
        self.store, self.feed, self.live = store, feed, live

    async def says(self, *changes: ChangeSet) -> None:
        await Engine(self.store, self.feed).commit(changes)

    async def agrees(self) -> dict[tuple[str, str], float]:
        """Waits until the live report is the store's, and gives the totals of its edges."""
        want = await bottlenecks(self.store, SCHEMA, "t", min_frequency=1, sketched=True)
        deadline = asyncio.get_running_loop().time() + SECONDS
        while (found := await self.live.report("t", min_frequency=1)) != want:
            assert asyncio.get_running_loop().time() < deadline, (found, want)
            await asyncio.sleep(0.02)
        return {(e.source, e.target): e.total_seconds for e in found.edges}


BEGIN = thing("x", "t"), step("1", "a", ["x"], completedAt=0), step("3", "c", ["x"], completedAt=100)
LATE = step("2", "b", ["x"], completedAt=30)


@pytest.fixture
async def plant(tmp_path: Path) -> Plant:
    return await saved(Plant(tmp_path))


P = TypeVar("P", bound=Plant)


async def saved(plant: P) -> P:
    """The plant, whose live figures were saved, as their process ended."""
    await plant.says(*BEGIN)
    async with plant.living() as living:
        assert await living.agrees() == {("a", "c"): 100.0}
    assert plant.read == ["t"]
    plant.read.clear()
    return plant


async def test_a_restart_reads_only_what_came_since(plant: Plant) -> None:
    await only_what_came_since_is_read(plant)


async def only_what_came_since_is_read(plant: Plant) -> None:
    await plant.says(LATE)
    async with plant.living() as living:
        assert await living.agrees() == {("a", "b"): 30.0, ("b", "c"): 70.0}
        await living.says(step("4", "d", ["x"], completedAt=101))
        assert await living.agrees() == {("a", "b"): 30.0, ("b", "c"): 70.0, ("c", "d"): 1.0}
    async with plant.living() as living:
        assert len(await living.agrees()) == 3
    assert plant.read == []


async def test_after_a_crash_it_goes_on_where_it_was_saved_last(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 0)  # so that all that happens goes to the file at once
    with monkeypatch.context() as crashing:
        crashing.setattr(Follower, "_save", lambda *_: None)
        async with plant.living() as living:
            await living.says(LATE, *(step(f"n{i}", "n", [f"y{i}"], completedAt=i) for i in range(20)), thing("y3", "t"))
            assert len(await living.agrees()) == 2
    await plant.says(step("4", "d", ["x"], completedAt=101))
    async with plant.living() as living:
        assert await living.agrees() == {("a", "b"): 30.0, ("b", "c"): 70.0, ("c", "d"): 1.0}
    assert plant.read == []


async def test_a_commit_whose_notices_are_still_to_come_is_no_doubt(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    differing, found = Follower.differing, list[list[str]]()
    async with plant.living() as living:

        async def while_one_commits(self: Follower, among: Sequence[str] | None = None) -> list[str]:
            if not found:
                await living.says(LATE)
            found.append(await differing(self, among))
            return found[-1]

        monkeypatch.setattr(Follower, "differing", while_one_commits)
        await living.live.report("t")
        assert await living.agrees() == {("a", "b"): 30.0, ("b", "c"): 70.0}
    assert (found[0], found[-1], plant.read) == (["object/x"], [], [])


async def test_it_is_saved_while_it_goes(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brain.analytics.live_reports.SAVE_SECONDS", 0)
    async with plant.living() as living:
        await living.says(LATE)
        await living.agrees()
        monkeypatch.setattr(Follower, "_save", lambda *_: None)
    other = Follower(living.store, SCHEMA, Shelf(plant.live_file))
    figures = other._shelf.word("saved")
    assert figures is not None
    tally = other._shelf.word("tally 1")
    assert tally is not None
    assert '"b"' in tally
    other.close()


# ---- Doubts -------------------------------------------------------------------------------------------------------


async def is_read_anew(plant: Plant, schema: Schema = SCHEMA) -> dict[tuple[str, str], float]:
    async with plant.living(schema) as living:
        found = await living.agrees()
        assert plant.read == ["t"]
        return found


async def test_what_fell_off_the_feed(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "KEPT", 3)
    for i in range(4):
        await plant.says(step(f"n{i}", "b", ["x"], completedAt=30))
    assert len(await is_read_anew(plant)) == 3


async def test_a_machine_that_was_cut_off_may_have_lost_notices(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "boot").write_text("another run")
    monkeypatch.setattr(feeds, "BOOT", tmp_path / "boot")
    await is_read_anew(plant)


async def test_a_machine_that_does_not_say_since_when_it_runs(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(feeds, "BOOT", tmp_path / "none")
    await is_read_anew(plant)


async def test_what_nobody_was_told_of(plant: Plant) -> None:
    async with plant.opened() as (store, _):
        await store.apply([LATE])
    assert await is_read_anew(plant) == {("a", "b"): 30.0, ("b", "c"): 70.0}


async def test_another_store_in_its_place(plant: Plant) -> None:
    for file in plant.folder.glob("brain.db*"):
        file.unlink()
    await plant.says(thing("x", "t"), step("1", "a", ["x"], completedAt=0), step("3", "b", ["x"], completedAt=5))
    assert await is_read_anew(plant) == {("a", "b"): 5.0}


async def test_things_that_were_merged_meanwhile(plant: Plant) -> None:
    same = Assert("object/x", "WorkObject", {}, {}, (Link("sameAs", "object/y"),))
    await plant.says(thing("y", "t"), step("2", "b", ["y"], completedAt=30))
    await plant.says(ChangeSet("m", "test", 9, 0, (same,)))
    assert await is_read_anew(plant) == {("a", "b"): 30.0, ("b", "c"): 70.0}


async def test_a_damaged_file(plant: Plant) -> None:
    for file in plant.folder.glob("live.db*"):
        file.write_bytes(b"no database" * 1000)
    await is_read_anew(plant)


async def test_a_file_of_another_format(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "FORMAT", shelf.FORMAT + 1)
    await is_read_anew(plant)
    plant.read.clear()
    async with plant.living() as living:
        await living.agrees()
    assert plant.read == []


async def test_a_database_of_another_program_stays_as_it_is(plant: Plant) -> None:
    plant.live_file.unlink()
    db = sqlite3.connect(plant.live_file)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = plant.live_file.read_bytes()
    await is_read_anew(plant)
    assert plant.live_file.read_bytes() == before


async def test_a_file_that_can_not_be(plant: Plant) -> None:
    plant.live_file = plant.folder / "brain.db" / "live.db"
    await is_read_anew(plant)


async def test_two_processes_do_not_share_the_file(plant: Plant) -> None:
    async with plant.living() as first:
        await first.agrees()
        assert plant.read == []
        assert await is_read_anew(plant) == {("a", "c"): 100.0}
    plant.read.clear()
    async with plant.living() as living:
        await living.agrees()
    assert plant.read == []


async def test_figures_by_another_ontology(plant: Plant) -> None:
    async with plant.opened() as (store, _):
        # As it would be for a program with another one.
        of_another = Follower(store, SCHEMA, Shelf(plant.live_file))
        of_another._schema = type("Other", (), {"version": "another"})()
        assert await of_another.resume() is None
        of_another.close()


async def test_who_is_cancelled_leaves_no_thread_at_work(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with plant.opened() as (store, _):
        live = Follower(store, SCHEMA, Shelf(plant.live_file))
        await live.watch("t")
        begun, ended = threading.Event(), []

        def slowly(*_: object) -> None:
            begun.set()
            time.sleep(0.2)
            ended.append(True)

        monkeypatch.setattr(live, "_save", slowly)
        asking = asyncio.create_task(live.save("0"))
        await asyncio.to_thread(begun.wait)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert ended
        live.close()


# ---- Any stream ---------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_figures_that_are_saved_and_taken_up_at_any_moment_are_the_batch(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(shelf, "MOST", data.draw(st.sampled_from([0, 1, 1000])))
        store = open_store("sqlite://")
        await store.prepare(SCHEMA)
        await streamed(data, store, lambda: Follower(store, SCHEMA, Shelf(Path(folder) / "live.db")))
        await store.close()


async def streamed(data: st.DataObject, store: Store, opened: Callable[[], Follower]) -> None:
    live, told, place = opened(), list[Notice](), 0
    for name in WATCHED[:2]:
        await live.watch(name)
    await live.save("0")
    for change in data.draw(change_sets()):
        told += await store.apply([change])
        match data.draw(st.sampled_from(["wait", "follow", "save", "crash"])):
            case "follow":
                await live.follow(told[place:])
                place = len(told)
            case "save":
                await live.follow(told[place:])
                place = len(told)
                await live.save(str(place))
            case "crash":
                live.close()
                live = opened()
                found = await live.resume()
                assert found is not None
                place = int(found)
    await live.follow(told[place:])
    for name in WATCHED:
        await equal(live, store, name)
    live.close()
