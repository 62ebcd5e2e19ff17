"""Importing streams: the peak memory of `brain import`, told by the operating system, whatever the length of the log.

`bench/memory.py` does the same with the 1.2 million events of BPIC 2017, which must stay under 1 GiB.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.test_logs_memory import as_csv, as_xes

SMALL, LARGE = 30_000, 150_000
MOST = 140
"""MiB. Measured: 100. A reader that holds all records of the large log takes 173."""
GROWTH = 40
"""MiB, for five times the log. Measured: 13, for SQLite's cache of pages and the ids that the check remembers; holding: 71."""

MEASURE = """
import re, sys
from pathlib import Path
from brain.cli import brain
if sys.argv[1] == "hoard":
    from ingest.logs import Log
    records = Log.records
    Log.records = lambda self: iter(list(records(self)))
brain(sys.argv[2:], standalone_mode=False)
# Not ru_maxrss: that starts from the peak of the process that started this one.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")


def peak(log: Path, events: int, how: str = "stream") -> int:
    """MiB at the most while a log was imported into a new store; `how` may be `hoard`, which holds every record."""
    store = log.with_suffix(f".{how}.db")
    command = [sys.executable, "-c", MEASURE, how, "import", str(log), "--store", f"sqlite:///{store}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert f"{events:,} events" in done.stderr
    store.unlink()
    return int(done.stdout)


@pytest.mark.parametrize(("suffix", "write"), [("xes", as_xes), ("csv", as_csv)])
def test_an_import_needs_no_more_memory_for_a_longer_log(tmp_path: Path, suffix: str, write: Callable[[Path, int], None]) -> None:
    peaks = []
    for events in (SMALL, LARGE):
        log = tmp_path / f"{events}.{suffix}"
        write(log, events)
        peaks.append(peak(log, events))
    assert peaks[1] <= MOST, peaks
    assert peaks[1] - peaks[0] <= GROWTH, peaks


def test_the_bound_would_show_a_reader_that_holds_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    as_csv(log, LARGE)
    assert peak(log, LARGE, "hoard") > MOST
