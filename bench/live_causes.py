"""Live causes: what a report with them takes, what working them out costs, and what intake costs beside them.

    python -m bench.live_causes [--records N] [--rounds N]

BPIC 2012 in order of time, into SQLite, with live reports that follow the feed.
- report: a live report with its causes, in this process, while nothing is worked out, and while it is; its GraphQL query beside
  it. Wall time, and CPU time of the thread that serves.
- checkpoint: CPU time, beside that of the batch report's causes on the same window, from the same store.
- restart: from the file of live figures until the causes are there again, beside the first time, when all is read. CPU time.
- intake: change sets into a store with figures that follow, without and with causes that were asked for, in alternation, the
  checkpoints going on in the background. CPU time of the whole process, of what comes after the first half.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import islice
from pathlib import Path
from statistics import median

from api.execution import executable
from api.kernel import Context
from api.limits import Limits
from bench.data import shared
from brain.analytics.graph.live import LiveGraph
from brain.analytics.live_causes import LiveCauses, Question
from brain.analytics.live_reports import LiveReports
from brain.analytics.process_material import Asked, Period, Section
from brain.analytics.process_report import process_report
from brain.cli.options import collect_seldom
from brain.cli.serve import YOUNG
from brain.engine import Engine
from brain.feeds.sqlite import SqliteFeed
from brain.model import ChangeSet
from brain.ports import Feed, Store
from brain.schema import Schema
from brain.stores import open_store
from ingest.importing import envelopes
from ingest.logs import open_log
from ingest.wiring import whole_pipeline
from ontology import load_schema

LOG = "eventlogs/bpic2012.xes.gz"
BATCH = 500
RECORDS = 80_000
ROUNDS = 3
TIMES = 200
QUESTION = Question("case")
QUERY = """{ liveBottlenecks(objectType: "case") {
    byMean { source target meanSeconds } causes { changes causes { parts { cause seconds } } }
} }"""


class Living:
    """A store in a file with its feed, and live reports that follow it."""

    def __init__(self, store: Store, feed: Feed, live: LiveReports, schema: Schema) -> None:
        self.store, self.feed, self.live, self.schema = store, feed, live, schema

    async def commit(self, changes: Sequence[ChangeSet]) -> None:
        engine = Engine(self.store, self.feed)
        for i in range(0, len(changes), BATCH):
            await engine.commit(changes[i : i + BATCH])
        await self.live.report("case")

    async def causes(self) -> LiveCauses:
        """Once they are there."""
        async with aclosing(self.live.changes()) as changes:
            async for _ in changes:
                found = (await self.live.explained(QUESTION)).causes
                if found is not None and found.made is not None and not found.changes:
                    return found
        raise AssertionError("changes do not end")


@asynccontextmanager
async def living(folder: Path, schema: Schema) -> AsyncIterator[Living]:
    store, feed = open_store(f"sqlite:///{folder / 'brain.db'}"), SqliteFeed(str(folder / "brain.db"))
    await store.prepare(schema)
    live = LiveReports(store, schema, feed, folder / "live.db")
    running = asyncio.create_task(live.run())
    try:
        yield Living(store, feed, live, schema)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await feed.close()
        await store.close()


async def reports(of: Living, name: str) -> None:
    """Milliseconds of many reports, one after another."""
    api = executable(of.schema, Limits())
    context = Context(of.store, of.feed, of.schema, Limits(), of.live, LiveGraph(of.store, of.schema, of.feed))

    async def report() -> None:
        assert (await of.live.explained(QUESTION)).causes is not None

    async def query() -> None:
        assert (await api.execute(QUERY, context_value=context)).errors is None

    for told, ask in (("report", report), ("GraphQL", query)):
        wall, cpu = list[float](), list[float]()
        for _ in range(TIMES):
            begin, used = time.perf_counter(), time.thread_time()
            await ask()
            cpu.append((time.thread_time() - used) * 1e3)
            wall.append((time.perf_counter() - begin) * 1e3)
            await asyncio.sleep(0.005)
        both = [f"p50 {median(some):5.1f}, worst {max(some):6.1f}" for some in (wall, cpu)]
        print(f"  {told:8} {name:27} wall {both[0]}; CPU {both[1]} ms", flush=True)


async def checkpoint(of: Living) -> None:
    """CPU seconds of one, and of the batch on the same window."""
    causes = of.live._follower.causes
    assert causes.lives is not None
    causes.tell([f"none/{i}" for i in range(BATCH)])
    begin = time.process_time()
    await causes.checkpoint()
    took = time.process_time() - begin
    found = causes.answer(QUESTION)
    assert found.since is not None
    assert found.until is not None
    asked = Asked(None, None, Period(found.since, found.until), frozenset({Section.CAUSES}), context_since=found.context_since)
    begin = time.process_time()
    batch = await process_report(of.store, of.schema, "case", asked)
    base = time.process_time() - begin
    assert batch.causes == found.causes, "live and batch differ"
    days = (found.until - found.since) / 86_400e6
    print(f"  window of {days:.1f} d: {found.objects:,} objects, {found.steps:,} steps; {found.known_steps:,} with the context")
    print(f"  CPU: batch (peer) {base:.2f} s; checkpoint {took:.2f} s, ratio {took / base:.2f}", flush=True)


async def first(changes: Sequence[ChangeSet], schema: Schema, folder: Path) -> None:
    print(f"live causes: {len(changes):,} change sets in a store")
    async with living(folder, schema) as of:
        await of.commit(changes)
        begin = time.process_time()
        await of.causes()
        whole = time.process_time() - begin
        await reports(of, "while nothing is worked out")
        await checkpoint(of)
        working = asyncio.create_task(again(of))
        await reports(of, "while causes are worked out")
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    begin = time.process_time()
    async with living(folder, schema) as of:
        await of.causes()
        seconds = time.process_time() - begin
    print(
        f"  causes are there: the first time (peer) {whole:.1f} s; after a restart {seconds:.1f} s, ratio {seconds / whole:.2f}"
    )


async def again(of: Living) -> None:
    """One checkpoint after another, without a rest."""
    while True:
        of.live._follower.causes.tell(["none/0"])
        await of.live._follower.causes.checkpoint()


async def intake(changes: Sequence[ChangeSet], schema: Schema, asked: bool) -> float:
    """CPU seconds of the second half."""
    half = len(changes) // 2
    with tempfile.TemporaryDirectory() as folder:
        async with living(Path(folder), schema) as of:
            await of.commit(changes[:half])
            if asked:
                await of.causes()
            begin = time.process_time()
            await of.commit(changes[half:])
            return time.process_time() - begin


async def run(records: int, rounds: int) -> None:
    schema = load_schema()
    messages = islice(envelopes(open_log(shared(LOG)), "", 0), records)
    changes = sorted(whole_pipeline(schema).run(list(messages)).good, key=lambda change: change.valid)
    # Cases come in the order in which they began: after the last of them has begun the log would not be whole.
    last = max(change.valid for change in changes if change.event.endswith("#0"))
    changes = [change for change in changes if change.valid <= last]
    with tempfile.TemporaryDirectory() as folder:
        await first(changes, schema, Path(folder))
    some = changes[: len(changes) // 2]
    base, with_ = list[float](), list[float]()
    for _ in range(rounds):
        base.append(await intake(some, schema, asked=False))
        with_.append(await intake(some, schema, asked=True))
    n, one, other = len(some) - len(some) // 2, median(base), median(with_)
    print(f"intake: change sets/s of CPU, medians of {rounds} in alternation")
    print(f"  figures alone (peer) {n / one:9,.0f}   1.00")
    print(f"  and causes           {n / other:9,.0f}   {one / other:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=RECORDS, help="change sets that go into the store")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often intake is timed, each way")
    arguments = parser.parse_args()
    collect_seldom(YOUNG)  # as `brain serve` does
    asyncio.run(run(arguments.records, arguments.rounds))


if __name__ == "__main__":
    main()
