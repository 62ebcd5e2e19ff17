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
from brain.analytics.columns import Flat, edge_gaps
from brain.cli.options import collect_seldom
from ingest.logs import LogOptions
from ingest.logs.parquet import ParquetReader
from ingest.logs.xes_times import completions

LOG = "eventlogs/bpic2017_application.parquet"
XES = "eventlogs/bpic2012.xes.gz"
CASE, ACTIVITY, TIME = "ApplicationID", "event_activity", "event_timestamp"
ROUNDS = 5
WANTED = {"in memory": 2.5, "from Parquet": 5.0, "from xes.gz": 5.0}
"""How many times as fast as the peer it shall be."""


def read(path: str) -> Flat:
    flat = ParquetReader(path, LogOptions(case=CASE, activity=ACTIVITY, timestamp=TIME)).flat(None)
    assert flat is not None
    return flat


def figures(flat: Flat) -> list[Handover]:
    return [handover(*edge) for edge in edge_gaps(flat, 3)]


def frame(path: str) -> Any:
    import pandas
    import pm4py

    table = pandas.read_parquet(path)
    return pm4py.format_dataframe(table, case_id=CASE, activity_key=ACTIVITY, timestamp_key=TIME)


def read_xes(path: str) -> Flat:
    flat = completions(path, LogOptions())
    assert flat is not None
    return flat


def frame_xes(path: str) -> Any:
    import pm4py

    with warnings.catch_warnings(action="ignore"):
        table = pm4py.read_xes(path, show_progress_bar=False)
    complete = table[table["lifecycle:transition"] == "COMPLETE"]
    return complete.sort_values(["case:concept:name", "time:timestamp"], kind="stable")


def dfg(table: Any) -> Any:
    from pm4py.algo.discovery.dfg.adapters.pandas import df_statistics

    return df_statistics.get_dfg_graph(table, measure="both", perf_aggregation_key="all", sort_timestamp_along_case_id=False)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def agree(ours: list[Handover], theirs: Any) -> None:
    counts, performance = theirs
    assert {(e.source, e.target): e.count for e in ours} == counts
    for edge in ours:
        assert abs(edge.mean_seconds - performance[edge.source, edge.target]["mean"]) < 0.001, edge


def main() -> None:
    collect_seldom()  # as every command does that reads a log
    path, xes = str(shared(LOG)), str(shared(XES))
    flat, table = read(path), frame(path)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "in memory": (lambda: figures(flat), lambda: dfg(table)),
        "from Parquet": (lambda: figures(read(path)), lambda: dfg(frame(path))),
        "from xes.gz": (lambda: figures(read_xes(xes)), lambda: dfg(frame_xes(xes))),
    }
    print(f"handovers of BPIC 2017, {len(flat.start):,} events of {len(flat.objects):,} cases; seconds, best of {ROUNDS} in turn")
    for name, (ours, theirs) in pairs.items():
        best = [float("inf"), float("inf")]
        for _ in range(ROUNDS):
            (a, found), (b, peer) = timed(ours), timed(theirs)
            agree(found, peer)
            best = [min(best[0], a), min(best[1], b)]
        ratio = best[1] / best[0]
        print(
            f"  {name:<14} pm4py {best[1]:6.2f}   ours {best[0]:6.2f}   {ratio:5.1f} times as fast (aim {WANTED[name]:g})",
            flush=True,
        )


if __name__ == "__main__":
    main()
