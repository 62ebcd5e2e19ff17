"""The handover figures of large logs straight from their files: BPIC 2017 and, as XES, BPIC 2012, beside pm4py.

    python -m bench.columns

Every event counts (its one timestamp), as in pm4py's performance DFG, the peer, with mean, median, maximum, minimum, sum and
deviation an edge; ours has mean, median, p90, total, overlaps and the longest waits with their evidence. Both must find the same
edges with the same counts and means. Wall time, the best of several rounds taken in turn: with the log in memory (there a data
frame, here columns), with reading it from Parquet, and with reading the complete transitions of BPIC 2012 from its xes.gz.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

from bench.data import shared
from brain.analytics.bottlenecks import Handover, handover
from brain.analytics.columnar import columns_of
from brain.analytics.columns import Flat, edge_gaps
from brain.analytics.lives import Lifecycle
from brain.analytics.process_material import Asked
from brain.cli.options import collect_seldom
from brain.schema import Schema
from ingest.log_material import log_material
from ingest.logs import LogOptions, open_log
from ontology import load_schema

LOG = "eventlogs/bpic2017_application.parquet"
XES = "eventlogs/bpic2012.xes.gz"
CASE, ACTIVITY, TIME = "ApplicationID", "event_activity", "event_timestamp"
ROUNDS = 5
WANTED = {"in memory": 2.5, "from Parquet": 5.0, "from xes.gz": 5.0}
"""How many times as fast as the peer it shall be."""


def read(path: str, schema: Schema, lifecycle: Lifecycle | None = None) -> Flat:
    """As `brain report bottlenecks --log … --section none` reads it."""
    columns = {} if path.endswith(".gz") else {"case": CASE, "activity": ACTIVITY, "timestamp": TIME}
    log = open_log(path, LogOptions(**columns))
    return columns_of(log_material(log, "", schema, "case", Asked(lifecycle, sections=frozenset())).inside)


def figures(flat: Flat) -> list[Handover]:
    return [handover(*edge) for edge in edge_gaps(flat, 3)]


def frame(path: str) -> Any:
    import pandas
    import pm4py

    table = pandas.read_parquet(path)
    return pm4py.format_dataframe(table, case_id=CASE, activity_key=ACTIVITY, timestamp_key=TIME)


def frame_xes(path: str) -> Any:
    import pm4py

    with warnings.catch_warnings(action="ignore"):
        table = pm4py.read_xes(path, show_progress_bar=False)
    complete = table[table["lifecycle:transition"] == "COMPLETE"]
    return complete.sort_values(["case:concept:name", "time:timestamp"], kind="stable")


def dfg(table: Any) -> Any:
    from pm4py.algo.discovery.dfg.adapters.pandas import df_statistics

    return df_statistics.get_dfg_graph(table, measure="both", perf_aggregation_key="all", sort_timestamp_along_case_id=False)


def timed(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Wall and CPU seconds, and what was found."""
    begin, busy = time.perf_counter(), time.process_time()
    found = work()
    return (time.perf_counter() - begin, time.process_time() - busy), found


def agree(ours: list[Handover], theirs: Any) -> None:
    counts, performance = theirs
    assert {(e.source, e.target): e.count for e in ours} == counts
    for edge in ours:
        assert abs(edge.mean_seconds - performance[edge.source, edge.target]["mean"]) < 0.001, edge


def main() -> None:
    collect_seldom()  # as every command does that reads a log
    path, xes = str(shared(LOG)), str(shared(XES))
    schema = load_schema()
    flat, table = read(path, schema), frame(path)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "in memory": (lambda: figures(flat), lambda: dfg(table)),
        "from Parquet": (lambda: figures(read(path, schema)), lambda: dfg(frame(path))),
        "from xes.gz": (lambda: figures(read(xes, schema, "complete")), lambda: dfg(frame_xes(xes))),
    }
    print(f"handovers of BPIC 2017, {len(flat.start):,} events of {len(flat.objects):,} cases; seconds, best of {ROUNDS} in turn")
    for name, (ours, theirs) in pairs.items():
        best = [(float("inf"), 0.0)] * 2
        for _ in range(ROUNDS):
            (a, found), (b, peer) = timed(ours), timed(theirs)
            agree(found, peer)
            best = [min(best[0], a), min(best[1], b)]
        (wall, cpu), (their_wall, their_cpu) = best
        print(
            f"  {name:<14} pm4py {their_wall:6.2f} (CPU {their_cpu:5.2f})   ours {wall:6.2f} (CPU {cpu:5.2f})"
            f"   {their_wall / wall:5.1f} times as fast (CPU {their_cpu / cpu:.1f}; aim {WANTED[name]:g})",
            flush=True,
        )


if __name__ == "__main__":
    main()
