"""Live figures, step by step, beside a batch that reads the whole log again at each checkpoint.

    python -m bench.live [--every N] [--records N] [--times N]

BPIC 2012, complete transitions of 13,087 cases.
- figures alone: occurrences in shuffled order into `brain.analytics.live`, all held in memory, with a report at each checkpoint;
  the peer is the batch of `brain.analytics.bottlenecks` over the occurrences so far, in memory too. Both reports must be equal.
  CPU time of this thread.
- closed cases: the log in order of time, again and again with other cases, quiet lives going to a temporary file. Resident memory
  (the kernel's figure, VmRSS; Linux) beside that after the first time; a case more must cost nothing. CPU time of this thread.
- with a store: records into SQLite with `brain.analytics.follow` after each commit; the peer is the same without. Wall time.
"""

import argparse
import asyncio
import gc
import re
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import cast

from bench.data import shared
from brain.analytics import shelf
from brain.analytics.bottlenecks import bottlenecks
from brain.analytics.follow import Follower
from brain.analytics.live import Figures
from brain.model import ChangeSet, Occurrence
from brain.ports import Store
from brain.query import Occurrences
from brain.schema import Schema
from brain.stores import open_store
from ingest.importing import envelopes
from ingest.logs import open_log
from ingest.wiring import whole_pipeline
from ontology import load_schema

LOG = "eventlogs/bpic2012.xes.gz"
BATCH = 2000
EVERY = 5000
RECORDS = 40_000
TIMES = 10


class Held:
    """Occurrences in memory, as a batch scans them."""

    def __init__(self, occurrences: Sequence[Occurrence]) -> None:
        self._occurrences = occurrences

    async def scan(self, scope: Occurrences) -> AsyncIterator[Occurrence]:
        for occurrence in self._occurrences:
            yield occurrence


async def read(changes: Sequence[ChangeSet], schema: Schema) -> list[Occurrence]:
    """The occurrences of the log, shuffled."""
    store = open_store("sqlite://")
    await store.prepare(schema)
    for i in range(0, len(changes), BATCH):
        await store.apply(changes[i : i + BATCH])
    found = [o async for o in store.scan(Occurrences("case")) if o.lifecycle is None and o.completed is not None]
    await store.close()
    Random(1).shuffle(found)
    return found


async def alone(arrived: Sequence[Occurrence], every: int, schema: Schema) -> None:
    figures, live, batch, reporting, checkpoints = Figures("complete"), 0.0, 0.0, list[float](), 0
    bound, shelf.MOST = shelf.MOST, len(arrived) * 2
    # The log is the bench's own: that Python's collector walks through all of it now and then (0.2 s) is no part of a report.
    gc.freeze()
    for i in range(0, len(arrived), every):
        begin = time.thread_time()
        for occurrence in arrived[i : i + every]:
            figures.put(occurrence)
        between = time.thread_time()
        found = figures.report("case", schema.version)
        end = time.thread_time()
        known = cast(Store, Held(arrived[: i + every]))
        want = await bottlenecks(known, schema, "case", lifecycle="complete", sketched=True)
        batch += time.thread_time() - end
        live, checkpoints = live + between - begin, checkpoints + 1
        reporting.append(end - between)
        assert found == want, "live and batch differ"
    n, shelf.MOST = len(arrived), bound
    print(
        f"figures alone: {n:,} steps, a report after every {every:,} ({checkpoints}), all equal; steps/s, as a ratio to the peer"
    )
    print(f"  peer: the batch over all so far   {n / batch:10,.0f}   1.00   {batch / checkpoints * 1e3:7.1f} ms a checkpoint")
    both, middle = live + sum(reporting), sorted(reporting)[checkpoints // 2] * 1e3
    told = f"{middle:7.1f} ms a report in the median, {max(reporting) * 1e3:.1f} at most"
    print(f"  live                              {n / both:10,.0f}   {batch / both:.2f}   {told}")
    print(
        f"  live, updates alone               {n / live:10,.0f}   {batch / live:.2f}   {live / n * 1e6:7.1f} µs a step",
        flush=True,
    )


def closed(arrived: Sequence[Occurrence], times: int, version: str) -> None:
    """The log so many times over, each time with other cases and as much later as it is long."""
    ordered = sorted(arrived, key=lambda o: (o.completed or 0, o.sequence or 0))
    span, cases = (ordered[-1].completed or 0) - (ordered[0].completed or 0), len({o.object for o in ordered})
    figures, first = Figures("complete"), 0
    print("closed cases: the log in order of time, again and again; steps/s, ms a report, MiB resident, bytes a case more")
    for k in range(times):
        seconds = 0.0
        for i in range(0, len(ordered), BATCH):
            some = [
                o._replace(object=f"{o.object}-{k}", step=f"{o.step}-{k}", completed=(o.completed or 0) + k * span)
                for o in ordered[i : i + BATCH]
            ]
            begin = time.thread_time()
            for occurrence in some:
                figures.put(occurrence)
            seconds += time.thread_time() - begin
        begin = time.thread_time()
        figures.report("case", version)
        report, now = time.thread_time() - begin, resident()
        first = first or now
        more = f"{(now - first) * 1024 / (k * cases):6,.0f}" if k else "  peer"
        rate = f"{len(ordered) / seconds:8,.0f}  {report * 1e3:5.1f}"
        print(f"  {(k + 1) * cases:9,} cases  {rate}  {now / 1024:6,.0f}  {more}", flush=True)


def resident() -> int:
    """KiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


async def stored(changes: Sequence[ChangeSet], schema: Schema, file: Path, follow: bool) -> float:
    """Seconds into SQLite, with the figures following or without."""
    store = open_store(f"sqlite:///{file}")
    await store.prepare(schema)
    live = Follower(store, schema)
    await live.watch("case", "complete")
    begin = time.perf_counter()
    for i in range(0, len(changes), BATCH):
        notices = await store.apply(changes[i : i + BATCH])
        if follow:
            await live.follow(notices)
    seconds = time.perf_counter() - begin
    if follow:
        want = await bottlenecks(store, schema, "case", lifecycle="complete", sketched=True)
        assert await live.report("case", lifecycle="complete") == want, "live and batch differ"
    await store.close()
    return seconds


async def run(every: int, records: int, times: int) -> None:
    schema = load_schema()
    messages = list(envelopes(open_log(shared(LOG)), "", 0))
    pipeline = whole_pipeline(schema)
    arrived = await read(pipeline.run(messages).good, schema)
    await alone(arrived, every, schema)
    # In a process of its own, where no memory lies ready that was used before.
    growing = get_context("spawn").Process(target=closed, args=(arrived, times, schema.version))
    growing.start()
    growing.join()
    changes = list(islice(pipeline.run(messages).good, records))
    Random(2).shuffle(changes)
    with tempfile.TemporaryDirectory() as folder:
        base = await stored(changes, schema, Path(folder) / "without.db", follow=False)
        seconds = await stored(changes, schema, Path(folder) / "with.db", follow=True)
    n = len(changes)
    print(f"with a store: {n:,} change sets into SQLite, {BATCH:,} a commit; change sets/s, and as a share of the peer")
    print(f"  peer: stored alone                {n / base:10,.0f}   1.00")
    print(f"  stored, figures after each commit {n / seconds:10,.0f}   {base / seconds:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=EVERY, help="steps between two checkpoints")
    parser.add_argument("--records", type=int, default=RECORDS, help="change sets that go into the store")
    parser.add_argument("--times", type=int, default=TIMES, help="how often the log is closed cases")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.every, arguments.records, arguments.times))


if __name__ == "__main__":
    main()
