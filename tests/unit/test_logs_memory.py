"""Memory does not grow with a log: ten times the events, the same peak. Measured by the operating system, in a fresh process."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

SMALL, LARGE = 10_000, 100_000
MEASURE = """
import re, sys
from pathlib import Path
from ingest.logs import open_log
log = open_log(sys.argv[1])
if sys.argv[2] == "check":
    count = log.check().events
else:
    count = sum(1 for record in log if len(record) == 13)
# Not ru_maxrss: that starts from the peak of the process that started this one.
print(count, int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")


def steps(events: int) -> Iterator[tuple[int, str, str]]:
    """(case, activity, time) of cases of ten events."""
    for n in range(events):
        yield n // 10, f"activity {n % 7}", f"2024-01-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00.000+01:00"


def as_xes(path: Path, events: int) -> None:
    with path.open("w") as out:
        out.write('<?xml version="1.0"?><log>')
        for n, (case, activity, at) in enumerate(steps(events)):
            if n % 10 == 0:
                out.write(f'{"</trace>" if n else ""}<trace><string key="concept:name" value="{case}"/>')
            out.write(f'<event><string key="concept:name" value="{activity}"/><string key="note" value="note {n}"/>')
            out.write(f'<date key="time:timestamp" value="{at}"/></event>')
        out.write("</trace></log>")


def as_csv(path: Path, events: int) -> None:
    with path.open("w") as out:
        out.write("case,activity,time,note\n")
        out.writelines(f"{case},{activity},{at},note {n}\n" for n, (case, activity, at) in enumerate(steps(events)))


def as_ocel_json(path: Path, events: int) -> None:
    with path.open("w") as out:
        out.write('{"events": [')
        for n, (case, activity, at) in enumerate(steps(events)):
            links = [{"objectId": f"o{case}", "qualifier": "of"}]
            row = {"id": f"e{n}", "type": activity, "time": at, "attributes": [], "relationships": links}
            out.write(("," if n else "") + json.dumps(row))
        objects = [{"id": f"o{n}", "type": "order"} for n in range(events // 10)]
        out.write(f'], "objects": {json.dumps(objects)}, "objectTypes": [], "eventTypes": []}}')


def as_ocel_sqlite(path: Path, events: int) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.executescript("""
            CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT);
            CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT);
            CREATE TABLE event (ocel_id TEXT, ocel_type TEXT); CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);
            CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);
            CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT);
            CREATE TABLE event_A (ocel_id TEXT, ocel_time TEXT); CREATE TABLE object_O (ocel_id TEXT, ocel_time TEXT);
            INSERT INTO event_map_type VALUES ('a', 'A'); INSERT INTO object_map_type VALUES ('o', 'O');
        """)
        made.executemany("INSERT INTO event VALUES (?, 'a')", ((f"e{n}",) for n in range(events)))
        made.executemany("INSERT INTO event_A VALUES (?, ?)", ((f"e{n}", at) for n, (_, _, at) in enumerate(steps(events))))
        made.executemany("INSERT INTO event_object VALUES (?, ?, 'of')", ((f"e{n}", f"o{n // 10}") for n in range(events)))
        made.executemany("INSERT INTO object VALUES (?, 'o')", ((f"o{n}",) for n in range(events // 10)))
        made.commit()


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "log.xes": as_xes,
    "log.csv": as_csv,
    "log.jsonocel": as_ocel_json,
    "log.sqlite": as_ocel_sqlite,
}


def peak(path: Path, how: str, events: int) -> int:
    """MiB at the most while the log was read."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path), how], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    count, mebibytes = map(int, done.stdout.split())
    assert count == events
    return mebibytes


@pytest.mark.parametrize("name", WRITERS)
def test_records_need_no_more_memory_for_ten_times_the_log(tmp_path: Path, name: str) -> None:
    peaks = []
    for events in (SMALL, LARGE):
        path = tmp_path / f"{events}-{name}"
        WRITERS[name](path, events)
        peaks.append(peak(path, "records", events))
    # Only what a reader keeps of a case may grow, for 9,000 more cases: its name, and in CSV the case itself.
    assert peaks[1] - peaks[0] <= 8, peaks


@pytest.mark.parametrize("name", ["log.xes", "log.jsonocel"])
def test_a_check_remembers_ids_and_no_more(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path, LARGE)
    assert peak(path, "check", LARGE) <= 96
