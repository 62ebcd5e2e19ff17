"""Case logs: XES and CSV, pairing by hand-worked examples, and real logs against the oracles."""

import gzip
import json
import statistics
import warnings
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.logs import BadLog, LogEvent, LogObject, LogOptions, open_log

MINUTE = 60_000_000
NOON = 1_704_110_400_000_000
"""2024-01-01T12:00:00Z: 19,723 days and 43,200 s."""


def xes(tmp_path: Path, body: str, name: str = "log.xes") -> Path:
    path = tmp_path / name
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?><log xes.version="1.0">{body}</log>')
    return path


def trace(name: str, *events: str) -> str:
    return f'<trace><string key="concept:name" value="{name}"/>{"".join(events)}</trace>'


def step(activity: str, kind: str, minute: int, who: str = "", more: str = "") -> str:
    resource = f'<string key="org:resource" value="{who}"/>' if who else ""
    transition = f'<string key="lifecycle:transition" value="{kind}"/>' if kind else ""
    return (
        f'<event><string key="concept:name" value="{activity}"/>{transition}{resource}'
        f'<date key="time:timestamp" value="2024-01-01T12:{minute:02}:00.000Z"/>{more}</event>'
    )


def events_of(path: Path, options: LogOptions = LogOptions()) -> dict[str, LogEvent]:
    return {one.id: one for one in open_log(path, options) if isinstance(one, LogEvent)}


def cases_of(path: Path) -> list[LogObject]:
    return [one for one in open_log(path) if isinstance(one, LogObject)]


def times(event: LogEvent) -> tuple[int | None, ...]:
    """Scheduled, started, completed and at, in minutes after noon."""
    found = (event.scheduled, event.started, event.completed, event.at)
    return tuple(None if one is None else (one - NOON) // MINUTE for one in found)


def test_pairing_by_hand(tmp_path: Path) -> None:
    path = xes(tmp_path, trace(
        "c",
        step("a", "SCHEDULE", 0),            # 0  taken by the start at 2
        step("b", "", 1),                    # 1  no transition: complete
        step("a", "START", 2, "Ann"),        # 2  first in …
        step("a", "start", 3, "Bob"),        # 3
        step("a", "suspend", 4, "Ann"),      # 4  an event of its own
        step("a", "COMPLETE", 5, "Ann"),     # 5  … first out: the start at 2
        step("a", "complete", 6, "Cid"),     # 6  the start at 3, by another person
        step("a", "complete", 7),            # 7  no start is left
        step("z", "schedule", 8),            # 8  never started
        step("a", "start", 9),               # 9  never completed
    ))  # fmt: skip
    found = events_of(path)
    assert {event_id: times(event) for event_id, event in found.items()} == {
        "c#1": (None, None, 1, None),
        "c#4": (None, None, None, 4),
        "c#5": (0, 2, 5, None),
        "c#6": (None, 3, 6, None),
        "c#7": (None, None, 7, None),
        "c#8": (8, None, None, None),
        "c#9": (None, 9, None, None),
    }
    assert [(e.sequence, e.start_sequence) for e in found.values()] == [
        (1, None),
        (4, None),
        (5, 2),
        (6, 3),
        (7, None),
        (8, None),
        (9, 9),
    ]
    assert [e.lifecycle for e in found.values()] == [None, "suspend", None, None, None, None, None]
    assert (found["c#5"].performer, found["c#6"].performer) == ("Ann", "Cid")
    assert found["c#6"].attributes == (("start:org:resource", "Bob"),)
    assert {e.objects for e in found.values()} == {(("c", "case", "case"),)}


def test_pairs_keep_the_attributes_of_both(tmp_path: Path) -> None:
    begin = '<int key="cost" value="1"/><string key="room" value="A"/><string key="same" value="x"/>'
    finish = '<int key="cost" value="2"/><string key="same" value="x"/>'
    path = xes(tmp_path, trace("c", step("a", "start", 0, more=begin), step("a", "complete", 1, more=finish)))
    assert events_of(path)["c#1"].attributes == (("cost", 2), ("room", "A"), ("same", "x"), ("start:cost", 1))


def test_attributes_take_their_type_and_nested_ones_their_path(tmp_path: Path) -> None:
    more = (
        '<float key="f" value="1"/><boolean key="t" value="true"/><int key="bad" value="x"/>'
        '<date key="d" value="2024-01-01T13:00:00+01:00"/>'
        '<string key="outer" value="1"><int key="inner" value="2"><id key="deep" value="3"/></int>'
        '<int key="next" value="4"/></string>'
        '<list key="l"><values><string key="k" value="a"/><string key="k" value="b"/></values></list>'
    )
    log = open_log(xes(tmp_path, trace("c", step("a", "complete", 0, more=more))))
    summary = log.check()
    event = next(one for one in log if isinstance(one, LogEvent))
    assert repr(event.attributes) == repr((
        ("bad", "x"), ("d", "2024-01-01T12:00:00Z"), ("f", 1.0), ("l/k", "a"), ("l/k#2", "b"), ("outer", "1"), ("outer/inner", 2),
        ("outer/inner/deep", "3"), ("outer/next", 4), ("t", True),
    ))  # fmt: skip
    assert any(note.startswith("values that do not fit their type, kept as text: 1, the first 'bad'") for note in summary.notes)


def test_traces_of_one_name_stay_apart_and_are_reported(tmp_path: Path) -> None:
    body = trace("c", step("a", "", 0)) + trace("c", step("b", "", 1)) + trace("c~2", step("d", "", 2))
    log = open_log(xes(tmp_path, body))
    assert [(one.id, one.attributes) for one in log if isinstance(one, LogObject)] == [
        ("c", ()), ("c~2", (("concept:name", "c", 0),)), ("c~2~2", (("concept:name", "c~2", 0),)),
    ]  # fmt: skip
    assert [one.id for one in log if isinstance(one, LogEvent)] == ["c#0", "c~2#0", "c~2~2#0"]
    assert "traces with the name of an earlier one, kept apart as name~2: 2, the first 'c' as 'c~2'" in log.notes


def test_a_prefix_of_the_namespace_and_traces_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_text(
        '<x:log xmlns:x="http://www.xes-standard.org/"><x:trace><x:event><x:string key="concept:name" value="a"/>'
        '<x:date key="time:timestamp" value="2024-01-01T12:00:00"/></x:event></x:trace></x:log>'
    )
    log = open_log(path)
    assert [one.id for one in log] == ["trace 1", "trace 1#0"]
    assert "times without a zone, such as '2024-01-01T12:00:00', are read as UTC" in log.notes


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_a_declared_encoding_is_honoured(tmp_path: Path, encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    path = tmp_path / "log.xes"
    path.write_bytes(f'<?xml version="1.0" encoding="{declared}"?><log>{trace("é", step("ü", "", 0))}</log>'.encode(encoding))
    assert [(event.id, event.activity) for event in events_of(path).values()] == [("é#0", "ü")]


def test_attributes_of_a_trace_after_its_events_are_kept(tmp_path: Path) -> None:
    after = step("a", "", 0) + '<string key="k" value="v"/>'
    log = open_log(xes(tmp_path, trace("c", after)))
    assert [one.attributes for one in log if isinstance(one, LogObject)] == [(), (("k", "v", 0),)]
    assert log.check().objects == 1
    with pytest.raises(BadLog, match="the name of a trace stands after its events; put concept:name first"):
        list(open_log(xes(tmp_path, trace("c", after).replace('"k"', '"concept:name"'))))


def edges(events: Iterable[LogEvent], intervals: bool) -> dict[tuple[str, str], list[float]]:
    """(activity, next) → seconds between them, by the definition in the data's README."""
    cases: dict[str, list[tuple[int, int, int, str]]] = defaultdict(list)
    for one in events:
        assert one.completed is not None
        begin = one.started if intervals and one.started is not None else one.completed
        assert one.sequence is not None
        cases[one.objects[0][0]].append((begin, one.completed, one.sequence, one.activity))
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for steps in cases.values():
        steps.sort(key=lambda step: step[:3])
        for before, after in pairwise(steps):
            found[before[3], after[3]].append(max(0, after[0] - before[1]) / 1e6)
    return found


def judge(shared_data: Path, name: str, found: dict[tuple[str, str], list[float]]) -> None:
    oracle: dict[str, Any] = json.loads((shared_data / "oracles" / f"{name}.json").read_text())
    wanted = {(one["source"], one["target"]): one for one in oracle["all_edges"]}
    assert found.keys() == wanted.keys()
    for edge, one in wanted.items():
        assert len(found[edge]) == one["n"], edge
        assert statistics.fmean(found[edge]) == pytest.approx(one["mean_s"], abs=0.001), edge
        assert statistics.median(found[edge]) == pytest.approx(one["median_s"], abs=0.001), edge


def test_bpic2012_after_pairing(shared_data: Path) -> None:
    log = open_log(shared_data / "eventlogs/bpic2012.xes.gz")
    summary = log.check()
    assert (log.format, summary.objects) == ("XES", 13_087)
    events = [one for one in log if isinstance(one, LogEvent)]
    # Every transition is in exactly one event: 262,200 of them in 164,588.
    kept = sum(
        (one.scheduled is not None) + (one.started is not None) + (one.completed is not None) + (one.at is not None)
        for one in events
    )
    assert (kept, len(events), summary.events) == (262_200, 164_588, 164_588)
    done = [one for one in events if one.completed is not None]
    judge(shared_data, "bpic2012_complete_events", edges(done, intervals=False))
    # The oracle keeps the 1,040 completions of work that have no start, as intervals of no length.
    work = [one for one in done if one.activity.startswith("W_")]
    judge(shared_data, "bpic2012_W_intervals", edges(work, intervals=True))
    assert (summary.intervals, len(work)) == (71_373, 71_373 + 1_040)


@pytest.mark.parametrize(
    ("file", "oracle", "events", "cases"),
    [
        ("08_receipt.xes.gz", "receipt", 8_577, 1_434),
        ("helpdesk.xes.gz", "helpdesk", 21_348, 4_580),
        ("PurchasingExample.csv", "purchasing_example", 9_119, 608),
        ("interval_event_log.csv", "interval_event_log", 8_109, 1_266),
    ],
)
def test_case_logs_against_the_oracles(shared_data: Path, file: str, oracle: str, events: int, cases: int) -> None:
    log = open_log(shared_data / "eventlogs" / file)
    summary = log.check()
    assert (summary.events, summary.objects) == (events, cases)
    judge(shared_data, oracle, edges((one for one in log if isinstance(one, LogEvent)), intervals=True))


def test_pm4py_reads_the_same_events(shared_data: Path) -> None:
    path = shared_data / "eventlogs/running-example.xes"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pm4py

        frame = pm4py.convert_to_dataframe(pm4py.read_xes(str(path), variant="iterparse"))
    at = frame["time:timestamp"].astype("datetime64[us, UTC]").astype("int64")
    columns = [frame[name] for name in ("case:concept:name", "concept:name", "org:resource", "Costs")]
    wanted = sorted(zip(*columns, at, strict=True))
    found = [
        (e.objects[0][0], e.activity, e.performer, dict(e.attributes)["Costs"], e.completed) for e in events_of(path).values()
    ]
    assert sorted(found) == wanted
    assert len(found) == 42


def test_csv_guesses_are_told_and_na_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(
        "\ufeffCase ID;Activity;Start Time;End Time;Resource;case:kind;note\r\n"
        "NA;buy;2024-01-01 12:00:00;2024-01-01 12:05:00;Ann;red;\r\n"
        'null;"b;uy";;2024-01-01T12:01:00.000001Z;;;"two\r\nlines"\r\n'
        "NA;sell;2024-01-01 12:06:00;;Bob;blue;x\r\n".encode()
    )
    log = open_log(path)
    na, null = (("NA", "case", "case"),), (("null", "case", "case"),)
    later = (("case:kind", "blue"), ("note", "x"))
    assert list(log) == [
        LogObject("NA", "case", (("kind", "red", 0),), ()),
        LogEvent("NA#0", "buy", None, None, NOON, NOON + 5 * MINUTE, 0, 0, None, "Ann", (), na),
        LogObject("null", "case", (), ()),
        LogEvent("null#0", "b;uy", None, None, None, NOON + MINUTE + 1, 0, None, None, None, (("note", "two\r\nlines"),), null),
        LogEvent("NA#1", "sell", None, None, NOON + 6 * MINUTE, None, 1, 1, None, "Bob", later, na),
    ]
    assert log.notes == [
        "the delimiter is taken to be the semicolon",
        "column 'Case ID' is taken as the case",
        "column 'Activity' is taken as the activity",
        "column 'End Time' is taken as the timestamp",
        "column 'Start Time' is taken as the start",
        "column 'Resource' is taken as the resource",
        "times without a zone, such as '2024-01-01 12:05:00', are read as UTC",
        "values of a case that differ from its first row, kept on their event: 1, the first 'kind' of 'NA'",
    ]


def test_csv_by_options(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("who|what|when|id\nAnn|buy|31.01.2024 13:00|7\n")
    options = LogOptions(
        case="id",
        activity="what",
        timestamp="when",
        resource="who",
        delimiter="|",
        timestamp_format="%d.%m.%Y %H:%M",
        zone="Europe/Berlin",
    )
    log = open_log(path, options)
    [_, event] = log
    assert isinstance(event, LogEvent)
    assert (event.id, event.performer, event.completed) == ("7#0", "Ann", NOON + 30 * 24 * 60 * MINUTE)
    assert log.notes == []
    with pytest.raises(
        BadLog, match="line 1: there is no column 'whence' for the timestamp; choose one of 'who', 'what', 'when', 'id'"
    ):
        open_log(path, options._replace(timestamp="whence"))


def test_csv_with_a_lifecycle_is_paired_over_interleaved_cases(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = ["1,a,start,0", "2,a,start,1", "2,a,complete,2", "1,a,complete,3", "1,b,withdraw,4"]
    lines = [
        f"{case},{activity},{kind},2024-01-01T12:0{minute}:00Z"
        for case, activity, kind, minute in (row.split(",") for row in rows)
    ]
    path.write_text("\n".join(["case,activity,lifecycle:transition,time", *lines]))
    found = events_of(path)
    assert {name: times(event) for name, event in found.items()} == {
        "1#1": (None, 0, 3, None),
        "2#1": (None, 1, 2, None),
        "1#2": (None, None, None, 4),
    }
    assert found["1#2"].lifecycle == "withdraw"


def test_gzip_is_known_by_content(tmp_path: Path) -> None:
    plain = xes(tmp_path, trace("c", step("a", "", 0)))
    packed = tmp_path / "packed.xes"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(open_log(packed)) == list(open_log(plain))
    table = tmp_path / "log.csv.gz"
    table.write_bytes(gzip.compress(b"case,activity,time\nc,a,2024-01-01T12:00:00Z\n"))
    assert [one.id for one in open_log(table)] == ["c", "c#0"]


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        ("2024-01-01T12:00:00Z", NOON),
        ("2024-01-01 12:00:00", NOON),
        ("2024/1/1 12:00:00", NOON),
        ("2024-01-01 12:00:00 UTC", NOON),
        ("2024-01-01 13:00:00 +01:00", NOON),
        ("2024-01-01T13:00:00.000000+0100", NOON),
        # A float of seconds since 1970 would lose the last digit of these.
        ("2024-01-01T12:00:00.000001Z", NOON + 1),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
    ],
)
def test_times_are_exact(tmp_path: Path, written: str, micros: int) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"case,activity,time\nc,a,{written}\n")
    assert events_of(path)["c#0"].completed == micros


@pytest.mark.parametrize(
    ("pattern", "written", "micros"),
    [
        ("epoch_s", "1704110400.000001", NOON + 1),
        ("epoch_ms", "1704110400000", NOON),
        ("%d/%m/%Y %H:%M %z", "01/01/2024 13:00 +0100", NOON),
    ],
)
def test_times_by_their_pattern(tmp_path: Path, pattern: str, written: str, micros: int) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"case,activity,time\nc,a,{written}\n")
    assert events_of(path, LogOptions(timestamp_format=pattern))["c#0"].completed == micros


def test_the_same_log_read_twice_is_the_same(shared_data: Path) -> None:
    path = shared_data / "eventlogs/08_receipt.xes.gz"
    assert list(open_log(path)) == list(open_log(path))
    assert len(cases_of(path)) == 1_434
