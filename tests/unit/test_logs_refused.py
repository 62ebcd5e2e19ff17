"""Broken logs: each is refused in one line with the file, the place, the fault and the mend; nothing else is ever raised."""

import gzip
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.errors import Reject
from ingest.logs import BadLog, Format, LogEvent, LogOptions, open_log

XES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<log>\n<trace><string key="concept:name" value="é"/>\n'
    '<event><string key="concept:name" value="a"/><date key="time:timestamp" value="2024-01-01T12:00:00Z"/></event>\n'
    '<event><string key="concept:name" value="b"/><date key="time:timestamp" value="2024-01-01T12:01:00Z"/></event></trace></log>'
)
OCEL_XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<log><object-types><object-type name="box"><attributes/></object-type>'
    "</object-types>\n"
    '<event-types><event-type name="pack"><attributes/></event-type></event-types>\n'
    '<objects><object id="b" type="box"><attributes><attribute name="n" time="0">é</attribute></attributes></object></objects>\n'
    '<events><event id="e" type="pack" time="2024-01-01T00:00:00Z"><attributes/>'
    '<objects><relationship object-id="b" qualifier="in"/></objects></event></events></log>'
)
OCEL_JSON = json.dumps({
    "objectTypes": [{"name": "box", "attributes": []}],
    "eventTypes": [{"name": "pack", "attributes": []}],
    "objects": [{"id": "b", "type": "box"}],
    "events": [
        {"id": "e", "type": "pack", "time": "2024-01-01T00:00:00Z", "relationships": [{"objectId": "b", "qualifier": "é"}]},
    ],
}, ensure_ascii=False)  # fmt: skip
OCEL1_JSON = json.dumps({
    "ocel:global-event": {}, "ocel:global-object": {}, "ocel:global-log": {},
    "ocel:events": {
        "e": {"ocel:activity": "pack", "ocel:timestamp": "2024-01-01T00:00:00Z", "ocel:omap": ["b"], "ocel:vmap": {"n": "é"}},
    },
    "ocel:objects": {"b": {"ocel:type": "box", "ocel:ovmap": {}}},
}, ensure_ascii=False)  # fmt: skip
CSV = 'case,activity,time,note\n1,a,2024-01-01T12:00:00Z,é\n1,b,2024-01-01T12:01:00Z,"two\nlines"\n'
TEXTS: dict[str, tuple[str, Format]] = {
    "log.xes": (XES, "XES"),
    "log.xmlocel": (OCEL_XML, "OCEL 2.0 XML"),
    "log.jsonocel": (OCEL_JSON, "OCEL 2.0 JSON"),
    "log.json": (OCEL1_JSON, "OCEL 1.0 JSON"),
    "log.csv": (CSV, "CSV"),
}


def database(path: Path, *more: str) -> Path:
    """A small OCEL 2.0 database, and what is done to it."""
    with closing(sqlite3.connect(path)) as made:
        made.executescript("""
            CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT); INSERT INTO event_map_type VALUES ('pack', 'Pack');
            CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT); INSERT INTO object_map_type VALUES ('box', 'Box');
            CREATE TABLE event (ocel_id TEXT, ocel_type TEXT); INSERT INTO event VALUES ('e', 'pack');
            CREATE TABLE object (ocel_id TEXT, ocel_type TEXT); INSERT INTO object VALUES ('b', 'box');
            CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);
            INSERT INTO event_object VALUES ('e', 'b', 'in');
            CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT);
            CREATE TABLE event_Pack (ocel_id TEXT, ocel_time TEXT); INSERT INTO event_Pack VALUES ('e', '2024-01-01 00:00:00');
            CREATE TABLE object_Box (ocel_id TEXT, ocel_time TEXT, ocel_changed_field TEXT, size REAL);
            INSERT INTO object_Box VALUES ('b', '1970-01-01 00:00:00', NULL, 1);
        """)
        for statement in more:
            made.execute(statement)
        made.commit()
    return path


def refusal(path: Path, options: LogOptions = LogOptions()) -> BadLog:
    """The one line with which a file is refused."""
    with pytest.raises(BadLog) as caught:
        open_log(path, options).check()
    error = caught.value
    assert isinstance(error, Reject)
    assert str(error) == f"{path}: {error.place}: {error.problem}; {error.mend}"
    assert "\n" not in str(error)
    assert all((error.place, error.problem, error.mend))
    return error


def said(path: Path, content: str | bytes, options: LogOptions = LogOptions()) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(refusal(path, options)).removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", TEXTS)
def test_the_examples_of_these_tests_are_whole(tmp_path: Path, name: str) -> None:
    text, form = TEXTS[name]
    (tmp_path / name).write_text(text)
    log = open_log(tmp_path / name)
    assert log.format == form
    assert log.check().events == (2 if log.kind == "case" else 1)
    assert open_log(database(tmp_path / "log.sqlite")).check()[2:6] == (1, 1, 0, 1)


@pytest.mark.parametrize("name", ["exported-p2p-normal", "order_process", "p2p-normal"])
def test_real_files_that_break_the_standard(shared_data: Path, name: str) -> None:
    error = refusal(shared_data / f"ocel/malformed/{name}.jsonocel")
    assert error.problem == 'lacks "ocel:global-event", which OCEL 1.0 demands'
    assert error.mend == 'add "ocel:global-event": {"ocel:activity": "__INVALID__"}'


CHANGED: list[tuple[str, Callable[[str], str | bytes], str]] = [
    ("log.xes", lambda s: s.replace("time:timestamp", "when", 1), "line 4, column 1: an event of case 'é' has no time"),
    ("log.xes", lambda s: s.replace('value="b"', 'value=""'), "line 5, column 1: an event of case 'é' has no activity"),
    ("log.xes", lambda s: s.replace("12:01", "25:01"), "line 5, column 1: '2024-01-01T25:01:00Z' is no time; write it as ISO"),
    ("log.xes", lambda s: s.replace("</event>\n", "\n", 1), "line 5, column 113: is not XML that can be read: mismatched tag"),
    ("log.xes", lambda s: s.replace("<log>", '<!DOCTYPE log [<!ENTITY a "b">]><log>'), "line 2, column 15: has a document type"),
    ("log.xes", lambda s: s.replace("<trace>", "<event/><trace>"), "line 3, column 1: an event stands outside of a trace"),
    ("log.xes", lambda s: s.encode("latin-1"), "line 3, column 42: byte 86 is not UTF-8; save the file as UTF-8"),
    ("log.xes", lambda s: s.encode("utf-16-le"), "byte 0: is in UTF-16; save the file as UTF-8"),
    ("log.xes", lambda s: s.encode("utf-16"), "line 1, column 32: is not XML that can be read: encoding specified in XML decl"),
    ("log.xes", lambda s: s.replace("UTF-8", "klingon"), "line 1: the declared encoding cannot be read (unknown encoding: kli"),
    ("log.xes", lambda s: s.replace("log>", "html>"), "line 2, column 1: the root element is <html>, not <log>"),
    (
        "log.xes",
        lambda s: s.replace('value="b"', 'value="&boo;"'),
        "line 5, column 8: is not XML that can be read: undefined entity",
    ),
    ("log.xml", lambda s: '<log><global scope="log"/></log>', "line 1, column 6: is OCEL 1.0 XML, which is not read"),
    ("log.xmlocel", lambda s: s.replace('time="2024-01-01T00:00:00Z"', ""), "line 5, column 9, event 'e': has no time"),
    ("log.xmlocel", lambda s: s.replace('type="pack"', ""), "line 5, column 9, event 'e': has no activity"),
    ("log.xmlocel", lambda s: s.replace(' id="b"', ""), "line 4, column 10: an object has no id"),
    (
        "log.xmlocel",
        lambda s: s.replace('"b" qual', '"x" qual'),
        "event 'e': names 'x', which the file does not hold (1 such obj",
    ),
    ("log.xmlocel", lambda s: s.replace("events>", "happenings>"), "line 5, column 1: OCEL 2.0 has no <happenings> here"),
    ("log.xmlocel", lambda s: s[: s.index("<events>")] + "</log>", "the <log> element: has no <events>"),
    ("log.jsonocel", lambda s: s.replace('"time": "2024-01-01T00:00:00Z", ', ""), "events[0], event 'e': has no time"),
    ("log.jsonocel", lambda s: s.replace('"2024-01-01T00:00:00Z"', "17"), "events[0], event 'e': 17 is no time"),
    ("log.jsonocel", lambda s: s.replace('"type": "pack", ', ""), "events[0], event 'e': has no activity"),
    ("log.jsonocel", lambda s: s.replace('"events": ', '"happenings": '), 'the outermost map: has no array "events"'),
    ("log.jsonocel", lambda s: s.replace('"events": [', '"events": [7, '), "events[0]: 7 stands where a map {…} must be"),
    ("log.jsonocel", lambda s: s.replace('"objectTypes"', '"types"'), 'the outermost map: has no array "objectTypes"'),
    ("log.jsonocel", lambda s: s.encode("latin-1"), "byte 267: is not UTF-8; save the file as UTF-8: JSON has no other"),
    ("log.jsonocel", lambda s: s.encode("utf-16"), "byte 0: is in UTF-16"),
    ("log.jsonocel", lambda s: s.encode("utf-16-be"), "byte 0: is in UTF-16"),
    ("log.jsonocel", lambda s: s + "]", "line 1, column 275: is not valid JSON (parse error: trailing garbage)"),
    ("log.jsonocel", lambda s: s[:-1], "line 1, column 274: the file ends in the middle of the JSON"),
    ("log.jsonocel", lambda s: "[1]", "byte 0: is not JSON, though its name ends in .jsonocel"),
    ("log.jsonocel", lambda s: '{"a": 1}', "the outermost map: has none of the keys of OCEL 1.0 or 2.0"),
    ("log.json", lambda s: s.replace('"ocel:timestamp": "2024-01-01T00:00:00Z", ', ""), "event 'e': has no time"),
    ("log.json", lambda s: s.replace('"ocel:type": "box", ', ""), "object 'b': has no type"),
    ("log.csv", lambda s: s.replace("2024-01-01T12:01:00Z", ""), "line 4: has no time"),
    ("log.csv", lambda s: s.replace("1,b", ",b"), "line 4: has no case"),
    ("log.csv", lambda s: s.replace("1,a,", "1,a,x,y,"), "line 2: has 6 fields where the header has 4"),
    (
        "log.csv",
        lambda s: s.replace("12:00", "12-00"),
        "line 2: '2024-01-01T12-00:00Z' is no time; write it as ISO 8601, or give",
    ),
    (
        "log.csv",
        lambda s: s.replace("activity", "hm"),
        "line 1: no column is known as the activity: 'case', 'hm', 'time', 'note'",
    ),
    ("log.csv", lambda s: s.replace("note", "case"), "line 1: two columns are called 'case'"),
    ("log.csv", lambda s: s.encode("latin-1"), "line 2, byte 26: byte 0xe9 is not UTF-8"),
    ("log.csv", lambda s: s.rstrip('"\n'), "line 4: a quoted field has no end"),
    ("log.csv", lambda s: s.replace("\n", "\r"), "line 1: a line ends with a lone carriage return"),
    ("log.csv", lambda s: s + "\0", "byte 89: is binary"),
    ("log.csv", lambda s: "", "the file: is empty; export the log again"),
    ("log.csv", lambda s: " \n\n", "the file: holds nothing but blanks"),
    (
        "log.dat",
        lambda s: "case,activity,time\n",
        "byte 0: is in no format that is known by its content, nor by its suffix '.dat'",
    ),
    ("log.sqlite", lambda s: "SQLite", "byte 0: is not SQLite, though its name ends in .sqlite"),
    ("log.xes", lambda s: b"PAR1\0\0", "the file: is no Parquet that can be read (parquet"),
]


@pytest.mark.parametrize(("name", "change", "begins"), CHANGED, ids=[case[2][:70] for case in CHANGED])
def test_what_is_broken_is_refused_with_its_place(
    tmp_path: Path, name: str, change: Callable[[str], str | bytes], begins: str
) -> None:
    line = said(tmp_path / name, change(TEXTS.get(name, ("", "CSV"))[0]))
    assert line.startswith(begins)


DONE_TO_SQLITE = [
    ("DROP TABLE object_object", "the database: is no OCEL 2.0 log: it lacks the table object_object"),
    ("DELETE FROM event_Pack", "table event_Pack: has no row, and so no time, for event 'e'"),
    ("UPDATE event_Pack SET ocel_time = NULL", "event 'e': has no time"),
    ("UPDATE event_Pack SET ocel_time = 17", "event 'e': '17' is no time"),
    ("INSERT INTO event_Pack VALUES ('e', '2025-01-01 00:00:00')", "event 'e': stands twice, with different content"),
    ("UPDATE event SET ocel_type = 'x'", "table event: event 'e' is of type 'x', which event_map_type does not map"),
    (
        "UPDATE event_map_type SET ocel_type_map = 'X'",
        "table event_map_type: type 'pack' maps to the table event_X, which does not exist",
    ),
    ("INSERT INTO object_map_type VALUES ('bag', 'Box')", ""),
    (
        "INSERT INTO event_object VALUES ('x', 'b', '')",
        "table event_object: event_object has 1 rows of events that the file does not hold",
    ),
    ("INSERT INTO event_object VALUES ('e', 'x', '')", "event 'e': names 'x', which the file does not hold"),
    ("INSERT INTO event_object VALUES ('e', NULL, '')", "table event_object, row of 'e': names no object"),
    ("INSERT INTO event VALUES (NULL, 'pack')", "table event: has a row without ocel_id"),
    ("ALTER TABLE event DROP COLUMN ocel_type", "the database: cannot be read (no such column: t.ocel_type)"),
    ("UPDATE object_Box SET size = zeroblob(20000000)", "a row of the database: one value is over 16 MiB"),
]


@pytest.mark.parametrize(("statement", "begins"), DONE_TO_SQLITE, ids=[done[0] for done in DONE_TO_SQLITE])
def test_a_broken_database_is_refused(tmp_path: Path, statement: str, begins: str) -> None:
    path = database(tmp_path / "log.sqlite", statement)
    if begins:
        assert str(refusal(path)).removeprefix(f"{path}: ").startswith(begins)
    else:
        assert open_log(path).check().events == 1


def test_references_to_nothing_are_read_where_strict_is_off(tmp_path: Path) -> None:
    path = database(
        tmp_path / "log.sqlite",
        "INSERT INTO event_object VALUES ('e', 'x', '')",
        "INSERT INTO event_object VALUES ('y', 'b', '')",
    )
    notes = open_log(path, LogOptions(strict=False)).check().notes
    assert "event 'e' names 'x', which the file does not hold (1 such object in all); the references are kept" in notes
    assert "event_object has 1 rows of events that the file does not hold, the first 'y'" in notes


def doubled(tmp_path: Path, key: str, **changes: Any) -> Path:
    log = json.loads(OCEL_JSON)
    log[key].append(log[key][0] | changes)
    path = tmp_path / "log.jsonocel"
    path.write_text(json.dumps(log))
    return path


def test_ids_that_stand_twice(tmp_path: Path) -> None:
    assert refusal(doubled(tmp_path, "events", time="2025-01-01T00:00:00Z")).problem == "stands twice, with different content"
    assert refusal(doubled(tmp_path, "objects", type="bag")).problem == "stands twice, as 'box' and as 'bag'"
    summary = open_log(doubled(tmp_path, "events")).check()
    assert (summary.events, summary.links) == (1, 1)
    assert "events that stand more than once, word for word, counted once: 1, the first 'e'" in summary.notes


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.xes").problem == "does not exist"
    assert refusal(tmp_path).problem == "is a folder"
    with pytest.raises(BadLog, match="the option zone: there is no time zone 'Mars'"):
        open_log(tmp_path / "none.xes", LogOptions(zone="Mars"))


def test_a_name_with_a_line_break_stays_in_one_line(tmp_path: Path) -> None:
    line = said(tmp_path / "log.csv", CSV.replace("2024-01-01T12:01:00Z", '"soon\n\nor later"'))
    assert line.startswith("line 6: 'soon\\n\\nor later' is no time")


def test_gzip_that_is_cut_or_damaged(tmp_path: Path) -> None:
    packed = gzip.compress(XES.encode(), mtime=0)
    path = tmp_path / "log.xes.gz"
    assert "the gzip stream is cut short; copy or download the file again" in said(path, packed[:-9])
    assert "the gzip stream is damaged" in said(path, packed[:40] + b"\xff\xff\xff" + packed[43:])
    assert "the gzip stream is damaged (CRC check failed" in said(path, packed[:-8] + b"\0\0\0\0" + packed[-4:])
    assert "packed with gzip, which is read for XES and CSV only" in said(
        tmp_path / "log.jsonocel.gz", gzip.compress(OCEL_JSON.encode())
    )


BOMBS = {
    "a value": ("log.xes.gz", XES[: XES.index("é")], "x", 'is over 16 MiB', 40),
    "an event": ("log.xes.gz", XES[: XES.index("<date")], '<string key="k" value="v"/>', "one XML element is over 16 MiB", 40),
    "a trace's head": ("log.xes.gz", XES[: XES.index("<event")], '<id key="k" value="v"/>', "one XML element is over 16 MiB", 40),
    "a comment": ("log.xes.gz", XES[: XES.index("<trace")] + "<!--", "x", "one XML element is over 16 MiB", 40),
    "depth": ("log.xes.gz", XES[: XES.index("<trace")], "<a>", "elements are nested over 64 deep", 2),
    "a text": ("log.xmlocel", OCEL_XML[: OCEL_XML.index("é")], "x", "one XML element is over 16 MiB", 40),
    "a JSON text": ("log.json", OCEL1_JSON[: OCEL1_JSON.index("é")], "x", "one member is over 16 MiB", 40),
    "a JSON member": ("log.json", OCEL1_JSON[: OCEL1_JSON.index('"é"')], '1,"k":', "one member is over 16 MiB", 40),
    "JSON's depth": ("log.json", OCEL1_JSON[: OCEL1_JSON.index('"é"')], "[", "is nested over 64 deep", 1),
    "JSON's depth at its start": ("log.json", '{"objects": ', '[{"":', "is nested over 64 deep", 1),
    "a JSON number": ("log.json", OCEL1_JSON[: OCEL1_JSON.index('"é"')], "9", "a number has over 1000 digits", 1),
    "a line": ("log.csv.gz", "case,activity,time\n1,", "x", "one line is over 16 MiB", 40),
    "a field": ("log.csv.gz", 'case,activity,time\n1,"', "xxxxxxx\n", "field larger than field limit", 2),
    "a row": ("log.csv.gz", "case,activity,time\n1", ',"x\n"', "one row is over 16 MiB", 40),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path, bomb: str) -> None:
    name, head, fill, problem, mebibytes = BOMBS[bomb]
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) if name.endswith(".gz") else open(path, "wb") as out:
        out.write(head.encode())
        for _ in range(mebibytes):
            out.write(fill.encode() * ((1 << 20) // len(fill)))
    assert problem in str(refusal(path))


def test_a_heading_of_very_many_columns_takes_no_time(tmp_path: Path) -> None:
    names = [f"case:{n}" for n in range(50_000)]
    path = tmp_path / "log.csv"
    path.write_text(f"case,activity,time,{','.join(names)}\n1,a,2024-01-01T12:00:00Z,{','.join('1' for _ in names)}\n")
    began = time.process_time()
    log = open_log(path)
    assert log.check().events == 1
    assert time.process_time() - began < 5


def one_line(error: BadLog) -> None:
    assert "\n" not in str(error)


def read_to_the_end(path: Path) -> None:
    try:
        log = open_log(path)
        log.check()
        list(log)
    except BadLog as error:
        one_line(error)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_or_changed_anywhere_a_log_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*TEXTS, "log.sqlite", "log.xes.gz"]))
    path = tmp_path / name
    if name == "log.sqlite":
        path.unlink(missing_ok=True)
        whole = database(path).read_bytes()
    elif name == "log.xes.gz":
        whole = gzip.compress(XES.encode(), mtime=0)
    else:
        whole = TEXTS[name][0].encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    put = data.draw(st.one_of(st.none(), st.binary(max_size=3)))
    path.write_bytes(whole[:at] if put is None else whole[:at] + put + whole[at + 1 :])
    read_to_the_end(path)


@pytest.mark.parametrize("name", TEXTS)
def test_cut_at_every_byte(tmp_path: Path, name: str) -> None:
    whole = TEXTS[name][0].encode()
    path = tmp_path / name
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        read_to_the_end(path)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (r'"\u0000"', "\0"),
        ("1e400", "1E+400"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("12345678901234567", 12_345_678_901_234_567),
        ("2.50", 2.5),
        ("false", False),
    ],
)
def test_odd_values_of_json_lose_nothing(tmp_path: Path, value: str, read: object) -> None:
    path = tmp_path / "log.json"
    path.write_text(OCEL1_JSON.replace('"é"', value))
    [*_, event] = open_log(path)
    assert isinstance(event, LogEvent)
    assert repr(event.attributes) == repr((("n", read),))


@pytest.mark.parametrize("value", [r'"\ud800"', "[" * 99 + "]" * 99, "{" * 2000, "-", '"', "NaN"])
def test_what_json_cannot_mean_is_refused_or_can_be_written_again(tmp_path: Path, value: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(OCEL1_JSON.replace('"é"', value))
    try:
        for record in open_log(path):
            repr(record).encode()
    except BadLog:
        return
    assert value.startswith(r'"\u')
