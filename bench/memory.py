"""How much memory importing a large log takes: `brain import` of the 1.2 million events of BPIC 2017 as XES, into SQLite.

    python -m bench.memory [--events N]

Peak resident memory is the kernel's own figure of the importing process (VmHWM; Linux). The bound is 1 GiB: a larger peak ends
the benchmark with exit code 1. The peer is the same table held in memory whole, as analyses in Python mostly begin: a data frame.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from bench.data import shared

LOG = "eventlogs/bpic2017_application.parquet"
BOUND = 1024
"""MiB."""
EVENTS = 1_202_267

ATTRIBUTES = {
    "event_activity": "concept:name",
    "event_lifecycleAAAtransition": "lifecycle:transition",
    "event_orgAAAresource": "org:resource",
    "event_Action": "Action",
    "event_EventOrigin": "EventOrigin",
}
COLUMNS = ["ApplicationID", "event_timestamp", *ATTRIBUTES]

PEAK = """
import re
from pathlib import Path
# Not ru_maxrss: that starts from the peak of the process that started this one.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""
IMPORT = "import sys; from brain.cli import brain; brain(sys.argv[1:], standalone_mode=False)" + PEAK
FRAME = "import sys, pandas; table = pandas.read_parquet(sys.argv[1])" + PEAK


def rows(parquet: Path) -> Iterator[dict[str, Any]]:
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]

    for batch in ParquetFile(parquet).iter_batches(10_000, columns=COLUMNS):
        yield from batch.to_pylist()


def write_xes(parquet: Path, path: Path, events: int) -> None:
    """The first events as XES; cases lie together in the file."""
    with path.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?><log>\n')
        for case, steps in groupby(islice(rows(parquet), events), key=lambda row: row["ApplicationID"]):
            out.write(f'<trace><string key="concept:name" value={quoteattr(case)}/>\n')
            for step in steps:
                said = "".join(
                    f'<string key="{key}" value={quoteattr(step[name])}/>' for name, key in ATTRIBUTES.items() if step[name]
                )
                out.write(f'<event>{said}<date key="time:timestamp" value="{step["event_timestamp"].isoformat()}"/></event>\n')
            out.write("</trace>\n")
        out.write("</log>\n")


def peak(code: str, *arguments: str) -> int:
    """MiB at the most of a Python process."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, check=True)
    return int(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS)
    events = min(parser.parse_args().events, EVENTS)
    parquet = shared(LOG)
    with tempfile.TemporaryDirectory() as folder:
        xes = Path(folder) / "bpic2017.xes"
        write_xes(parquet, xes, events)
        print(f"{events:,} events, {xes.stat().st_size / 2**20:,.0f} MiB of XES")
        frame = peak(FRAME, str(parquet))
        begin = time.perf_counter()
        ours = peak(IMPORT, "import", str(xes), "--store", f"sqlite:///{folder}/bench.db")
        seconds = time.perf_counter() - begin
    print(f"  peer: all {EVENTS:,} rows as a data frame {frame:6,} MiB   1.00")
    print(f"  brain import, streamed into SQLite       {ours:6,} MiB   {ours / frame:.2f}")
    print(f"  checked and imported at {events / seconds:,.0f} events/s, {seconds:.0f} s")
    if ours > BOUND:
        sys.exit(f"the import took {ours:,} MiB, more than the {BOUND:,} MiB that it may take")


if __name__ == "__main__":
    main()
