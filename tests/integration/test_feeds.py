"""One suite for every feed: at least once, to every watcher, from its first look on, and an end when it is closed."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from brain.feeds import open_feed
from brain.feeds.kafka import FeedAway, KafkaFeed
from brain.feeds.memory import DEPTH, MemoryFeed
from brain.feeds.sqlite import KEPT, SqliteFeed
from brain.model import GAP, Notice
from brain.ports import Feed, Resumable
from brain.servers import kafka_server
from brain.settings import Settings
from brain.stores import open_store
from ontology import load_schema

SECONDS = 20.0
Open = Callable[[], Feed]
"""Opens one more feed on the same medium, as another process would."""


def notice(number: int, names: tuple[str, ...] = ("flow",)) -> Notice:
    return Notice(f"asset/{number}", "Device", names, f"e-{number}", 1_700_000_000_000_000 + number)


ODD = Notice("asset/ü 'x\" \\ \n", "InfusionPump", ("ä", "a,b", ""), "e/'\"\u2028", -1)


class Watcher:
    """Collects what one feed gives. Ready once its first GAP has come: a notice sent after it must come too."""

    def __init__(self, feed: Feed) -> None:
        self.seen: list[Notice] = []
        self._notices = feed.subscribe()
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        async for one in self._notices:
            self.seen.append(one)

    async def has(self, wanted: list[Notice]) -> None:
        """Waits until all of them have come."""
        deadline = asyncio.get_running_loop().time() + SECONDS
        while not set(wanted) <= set(self.seen):
            assert asyncio.get_running_loop().time() < deadline, f"{len(set(wanted) - set(self.seen))} notices did not come"
            await asyncio.sleep(0.02)

    async def ended(self) -> None:
        """The subscription has ended by itself, without an error."""
        await asyncio.wait_for(self._task, SECONDS)

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def watching(feed: Feed) -> Watcher:
    """A watcher that has begun."""
    watcher = Watcher(feed)
    await watcher.has([GAP])
    return watcher


class FeedContract:
    """`opening` gives feeds of one medium. Whatever it opened is closed by it."""

    async def test_what_is_published_reaches_every_watcher_whole_and_in_order(self, opening: Open) -> None:
        here, there = opening(), opening()
        watchers = [await watching(feed) for feed in (here, there)]
        first, second = [notice(i) for i in range(1700)], [ODD, notice(9, ()), notice(10, ("a", "b"))]
        await here.publish(first)
        await there.publish(second)
        for watcher in watchers:
            await watcher.has([*first, *second])
            # From one publisher they come in the order in which it sent them, and each once where nothing fails.
            assert [n for n in watcher.seen if n in set(first)] == first
            assert all(type(n) is Notice and type(n.names) is tuple for n in watcher.seen)
            await watcher.leave()

    async def test_nobody_is_told_of_what_was_before_the_first_look(self, opening: Open) -> None:
        publisher = opening()
        await publisher.publish([notice(i) for i in range(100)])
        watcher = await watching(opening())
        await publisher.publish([notice(100)])
        await watcher.has([notice(100)])
        assert watcher.seen == [GAP, notice(100)]
        await watcher.leave()

    async def test_nothing_to_publish_is_no_fault(self, opening: Open) -> None:
        feed = opening()
        await feed.publish([])
        watcher = await watching(feed)
        await watcher.leave()

    async def test_a_watcher_that_leaves_harms_no_other(self, opening: Open) -> None:
        feed = opening()
        stays, leaves = await watching(feed), await watching(feed)
        await leaves.leave()
        await feed.publish([notice(1)])
        await stays.has([notice(1)])
        await stays.leave()

    async def test_many_publish_at_once(self, opening: Open) -> None:
        feeds = [opening() for _ in range(3)]
        watcher = await watching(feeds[0])
        sent = [[notice(100 * i + j) for j in range(50)] for i in range(12)]
        await asyncio.gather(*(feeds[i % 3].publish(some) for i, some in enumerate(sent)))
        await watcher.has([n for some in sent for n in some])
        await watcher.leave()

    async def test_closing_ends_subscriptions_without_an_error(self, opening: Open) -> None:
        feed = opening()
        watchers = [await watching(feed) for _ in range(2)]
        await feed.close()
        for watcher in watchers:
            await watcher.ended()

    async def test_a_subscription_to_a_closed_feed_ends_at_once(self, opening: Open) -> None:
        feed = opening()
        await feed.close()
        watcher = Watcher(feed)
        await watcher.ended()
        assert watcher.seen == []


class TestMemoryFeed(FeedContract):
    @pytest.fixture
    async def opening(self) -> AsyncIterator[Open]:
        feed = MemoryFeed()
        yield lambda: feed
        await feed.close()

    async def test_a_slow_watcher_is_told_that_it_lost_some_and_nobody_waits_for_it(self, opening: Open) -> None:
        feed = opening()
        slow = feed.subscribe()
        assert await anext(slow) == GAP
        await feed.publish([notice(i) for i in range(DEPTH + 50)])
        await feed.close()
        assert [one async for one in slow] == [GAP, *[notice(i) for i in range(DEPTH, DEPTH + 50)]]


class ResumableContract(FeedContract):
    """Of a feed that keeps what it told: a watcher goes on where another has ended, or is told that it cannot."""

    async def test_a_watcher_goes_on_where_another_has_ended(self, opening: Open) -> None:
        feed, first = opening(), opening()
        watching = followed(first)
        assert (await anext(watching))[0] == [GAP]
        await feed.publish([notice(1), ODD])
        told, place = await anext(watching)
        assert told == [notice(1), ODD]
        await first.close()
        await feed.publish([notice(2)])
        await feed.publish([notice(3)])
        again = followed(opening(), place)
        assert await until_all_is_told(again) == [notice(2), notice(3)]
        await feed.publish([notice(4)])
        told, after = await anext(again)
        assert told == [notice(4)]
        assert await until_all_is_told(followed(opening(), after)) == []
        for strange in ("", "x", "{}", "[1]", place[:-1], place.replace("1", "3"), place.replace("2", "1")):
            assert strange != place
            assert (await anext(followed(opening(), strange)))[0] == [GAP]

    async def test_where_nothing_was_told_yet_is_a_place_too(self, opening: Open) -> None:
        feed, first = opening(), opening()
        told, place = await anext(followed(first))
        assert told == [GAP]
        await feed.publish([notice(1)])
        if place:  # an empty file has nothing that it could be known by
            assert await until_all_is_told(followed(opening(), place)) == [notice(1)]


def followed(feed: Feed, after: str | None = None) -> AsyncIterator[tuple[Sequence[Notice], str]]:
    assert isinstance(feed, Resumable)
    return feed.follow(after)


async def until_all_is_told(portions: AsyncIterator[tuple[Sequence[Notice], str]]) -> list[Notice]:
    """All that there was, until an empty portion says that this was all."""
    found: list[Notice] = []
    async with asyncio.timeout(SECONDS):
        while told := (await anext(portions))[0]:
            found += told
    return found


class TestSqliteFeed(ResumableContract):
    @pytest.fixture
    async def path(self, tmp_path: Path) -> str:
        path = str(tmp_path / "brain.db")
        store = open_store(f"sqlite:///{path}")
        await store.prepare(load_schema(()))
        await store.close()
        return path

    @pytest.fixture
    async def opening(self, path: str) -> AsyncIterator[Open]:
        opened: list[SqliteFeed] = []

        def one_more() -> SqliteFeed:
            opened.append(SqliteFeed(path))
            return opened[-1]

        yield one_more
        for feed in opened:
            await feed.close()

    async def test_the_file_keeps_a_bounded_number(self, opening: Open, path: str) -> None:
        feed = opening()
        for i in range(3):
            await feed.publish([notice(i * KEPT + j) for j in range(KEPT // 2 + 5000)])
        await feed.publish([notice(i) for i in range(2 * KEPT)])
        watcher = await watching(opening())
        db = sqlite3.connect(path)
        (blocks,) = db.execute("SELECT count(*) FROM notices").fetchone()
        (size,) = db.execute("SELECT sum(length(told)) FROM notices").fetchone()
        db.close()
        assert blocks < KEPT
        assert size < KEPT * 120
        await watcher.leave()

    async def test_a_watcher_that_falls_behind_what_is_kept_is_told_so(self, opening: Open) -> None:
        feed, slow = opening(), opening().subscribe()
        assert await anext(slow) == GAP
        await feed.publish([notice(1)])
        assert await anext(slow) == notice(1)
        await feed.publish([notice(2)])
        await feed.publish([notice(i) for i in range(KEPT)])
        assert [await anext(slow) for _ in range(3)] == [GAP, notice(0), notice(1)]
        await slow.aclose()  # type: ignore[attr-defined]

    async def test_another_process_is_heard(self, opening: Open, path: str) -> None:
        program = (
            "import asyncio, sys; from brain.feeds.sqlite import SqliteFeed; from tests.integration.test_feeds import notice\n"
            "async def main():\n"
            "    feed = SqliteFeed(sys.argv[1]); await feed.publish([notice(i) for i in range(3)]); await feed.close()\n"
            "asyncio.run(main())"
        )
        watcher = await watching(opening())
        command = [sys.executable, "-c", program, path]
        root = Path(__file__).parents[2]
        done = await asyncio.to_thread(subprocess.run, command, cwd=root, env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        await watcher.has([notice(i) for i in range(3)])
        await watcher.leave()


class TestKafkaFeed(ResumableContract):
    @pytest.fixture
    async def opening(self, kafka_address: str) -> AsyncIterator[Open]:
        topic, opened = f"notices-{uuid4().hex}", list[KafkaFeed]()

        def one_more() -> KafkaFeed:
            opened.append(KafkaFeed(kafka_address, topic))
            return opened[-1]

        yield one_more
        for feed in opened:
            await feed.close()

    async def test_a_watcher_of_what_the_topic_no_longer_holds_is_told_so(self, opening: Open) -> None:
        feed, held = opening(), opening().subscribe()
        assert await anext(held) == GAP
        await feed.publish([notice(1)])
        await asyncio.sleep(1)  # the client has fetched it, and fetches no further until it is taken
        await feed.publish([notice(2)])
        await feed.publish([notice(3)])
        await _delete(feed, 2)
        assert [await anext(held) for _ in range(3)] == [notice(1), GAP, notice(3)]
        await held.aclose()  # type: ignore[attr-defined]

    async def test_a_place_that_the_topic_no_longer_holds(self, opening: Open) -> None:
        feed, first = opening(), opening()
        watching = followed(first)
        await anext(watching)
        await feed.publish([notice(1)])
        _, place = await anext(watching)
        await feed.publish([notice(2)])
        await _delete(feed, 1)
        assert (await anext(followed(opening(), place)))[0] == [GAP]

    async def test_a_topic_that_was_made_anew(self, opening: Open) -> None:
        feed, first = opening(), opening()
        watching = followed(first)
        await anext(watching)
        await feed.publish([notice(1)])
        _, place = await anext(watching)
        other = KafkaFeed(as_kafka(feed)._address, f"notices-{uuid4().hex}")
        await other.publish([notice(2)])
        assert (await anext(followed(other, place)))[0] == [GAP]
        await other.publish([notice(3)])
        assert (await anext(followed(other, place)))[0] == [GAP]
        await other.close()


def as_kafka(feed: Feed) -> KafkaFeed:
    assert isinstance(feed, KafkaFeed)
    return feed


async def _delete(feed: Feed, before: int) -> None:
    """The topic of the feed begins at this offset from now on, as when what was older has outlived its retention."""
    admin = AIOKafkaAdminClient(bootstrap_servers=as_kafka(feed)._address)
    await admin.start()
    await admin.delete_records({TopicPartition(as_kafka(feed)._topic, 0): RecordsToDelete(before_offset=before)})
    await admin.close()


async def test_a_broker_that_is_away_is_one_clear_error_and_nothing_is_left_open() -> None:
    feed = KafkaFeed("127.0.0.1:1")
    with pytest.raises(FeedAway, match=r"Kafka at 127\.0\.0\.1:1 is out of reach.*is the broker up\?"):
        await feed.publish([notice(1)])
    with pytest.raises(FeedAway, match="out of reach"):
        await anext(feed.subscribe())
    await feed.close()


@pytest.mark.timeout(120)
async def test_a_feed_outlives_a_restart_of_its_broker(kafka_address: str) -> None:
    with kafka_server() as server:
        server.start()
        feed = KafkaFeed(server.address)
        watcher = await watching(feed)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        deadline = asyncio.get_running_loop().time() + 60
        while True:
            try:
                await feed.publish([notice(7)])
                break
            except FeedAway:
                # What the engine does: it waits, and does the same again.
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.5)
        await watcher.has([notice(7)])
        await watcher.leave()
        await feed.close()


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (Settings("sqlite:///x.db"), SqliteFeed),
        (Settings("sqlite://"), MemoryFeed),
        (Settings("neo4j://a:b@host/db"), MemoryFeed),
        (Settings("sqlite:///x.db", kafka="127.0.0.1:9092"), KafkaFeed),
    ],
)
async def test_which_feed_goes_with_which_settings(
    settings: Settings, kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    feed = open_feed(settings)
    assert type(feed) is kind
    await feed.close()
    assert not list(tmp_path.iterdir())  # opening connects to nothing
