"""How long a bottleneck report takes: BPIC 2012 out of the store, beside pm4py over the same log held in memory.

    python -m bench.report [--neo4j]

Ours is the report over complete transitions, read from a SQLite file (and, with --neo4j, from a Neo4j that is started for it);
the peer is pm4py's performance DFG over the same events in a data frame, with mean, median, maximum, minimum, sum and deviation
an edge: once with the log already loaded and sorted, and once with the reading, since a process that starts anew has to read.
Both must find the same edges with the same counts and means. Wall time, medians of several rounds (the reading: one).
"""

import argparse
import asyncio
import statistics
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.data import shared
from brain.analytics.bottlenecks import Bottlenecks, bottlenecks
from brain.engine import Engine
from brain.ports import Store
from brain.schema import Schema
from brain.stores import open_store
from ingest.importing import Import
from ingest.intake import Intake
from ingest.logs import LogOptions
from ingest.wiring import whole_pipeline
from ontology import load_schema

LOG = "eventlogs/bpic2012.xes.gz"
ROUNDS = 5

Edges = dict[tuple[str, str], tuple[int, float]]
"""(count, mean seconds) of each handover."""


async def load(path: Path, store: Store, schema: Schema) -> None:
    log = Import(path, LogOptions(), None, "")
    await log.run(log.check(), Intake(whole_pipeline(schema), Engine(store)), store, lambda records: None)


async def median(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Seconds, and what the work gave; the first round is a warm-up."""
    times, found = [], await work()
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        found = await work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times), found


def ours(report: Bottlenecks) -> Edges:
    return {(e.source, e.target): (e.count, e.mean_seconds) for e in report.edges}


async def peer(path: Path) -> tuple[float, float, Edges]:
    """Seconds of reading and seconds of a DFG by pm4py 2.7 (AGPL: a peer to run, never a part of the product)."""
    import pm4py
    from pm4py.algo.discovery.dfg.adapters.pandas import df_statistics

    begin = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):
        frame = pm4py.read_xes(str(path), show_progress_bar=False)
    frame = frame[frame["lifecycle:transition"] == "COMPLETE"].sort_values(["case:concept:name", "time:timestamp"], kind="stable")
    reading = time.perf_counter() - begin
    counts: dict[tuple[str, str], int] = {}

    async def dfg() -> Any:
        found = df_statistics.get_dfg_graph(frame, measure="both", perf_aggregation_key="all", sort_timestamp_along_case_id=False)
        counts.update(found[0])
        return found[1]

    seconds, performance = await median(dfg)
    return reading, seconds, {edge: (counts[edge], figures["mean"]) for edge, figures in performance.items()}


def agree(one: Edges, other: Edges) -> None:
    assert one.keys() == other.keys(), one.keys() ^ other.keys()
    for edge, (count, mean) in one.items():
        assert count == other[edge][0], (edge, count, other[edge])
        assert abs(mean - other[edge][1]) < 0.001, (edge, mean, other[edge])


async def run(neo4j: bool) -> None:
    path, schema = shared(LOG), load_schema()
    reading, base, theirs = await peer(path)
    print("bottlenecks of BPIC 2012, 164,506 transitions of 13,087 cases; seconds a report, and as a multiple of the peer")
    print(f"  peer: pm4py's performance DFG, log in memory   {base:6.2f}   1.00")
    print(f"  peer, with reading the log                     {base + reading:6.2f}   {1 + reading / base:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        await one("SQLite", f"sqlite:///{folder}/bench.db", path, schema, base, theirs)
    if neo4j:
        from brain.servers import neo4j_server

        with neo4j_server() as server:
            await one("Neo4j", server.url, path, schema, base, theirs)


async def one(name: str, url: str, path: Path, schema: Schema, base: float, theirs: Edges) -> None:
    store = open_store(url)
    try:
        await store.prepare(schema)
        await load(path, store, schema)
        seconds, found = await median(lambda: bottlenecks(store, schema, "case", lifecycle="complete"))
        agree(ours(found), theirs)
        print(f"  brain.analytics.bottlenecks, out of {name:<10} {seconds:6.2f}   {seconds / base:.2f}", flush=True)
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neo4j", action="store_true", help="the same report out of a Neo4j, started for it")
    asyncio.run(run(parser.parse_args().neo4j))


if __name__ == "__main__":
    main()
