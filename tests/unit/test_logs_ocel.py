"""OCEL logs: one log in several formats is one set of records, and pm4py counts the same."""

import json
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.logs import LogEvent, LogObject, LogOptions, Record, open_log

ORDERS_XML, ORDERS_SQLITE = "ocel/order-management-ocel2.xml", "ocel/order-management.sqlite"
EXAMPLES = ["ocel/ocel20_example.jsonocel", "ocel/ocel20_example.xmlocel", "ocel/ocel20_example.sqlite"]


def exact(path: Path, options: LogOptions = LogOptions()) -> set[str]:
    """The records as texts: 1, 1.0 and True are equal to Python, and not to us."""
    return {repr(record) for record in open_log(path, options)}


def split(records: list[Record]) -> tuple[dict[str, LogObject], dict[str, LogEvent]]:
    objects = {one.id: one for one in records if isinstance(one, LogObject)}
    return objects, {one.id: one for one in records if isinstance(one, LogEvent)}


def test_one_log_in_xml_and_sqlite_is_one_set_of_records(shared_data: Path) -> None:
    assert exact(shared_data / ORDERS_XML) == exact(shared_data / ORDERS_SQLITE)


def test_the_example_of_the_standard_is_one_set_of_records_in_three_formats(shared_data: Path) -> None:
    # The JSON file states its times with +00:00, the other two as the same clock in Central Europe, without saying so.
    json_, xml, sqlite = (exact(shared_data / name, LogOptions(zone="Europe/Berlin")) for name in EXAMPLES)
    assert json_ == xml == sqlite
    assert exact(shared_data / EXAMPLES[1]) == exact(shared_data / EXAMPLES[2])


@pytest.mark.parametrize("name", [ORDERS_XML, ORDERS_SQLITE, "ocel/p2p-2023.jsonocel", *EXAMPLES])
def test_the_order_of_records_is_the_same_each_time(shared_data: Path, name: str) -> None:
    log = open_log(shared_data / name)
    assert list(log) == list(log) == list(open_log(shared_data / name))


@pytest.mark.parametrize("name", [ORDERS_XML, ORDERS_SQLITE])
def test_order_management_holds_what_it_is_known_to_hold(shared_data: Path, name: str) -> None:
    summary = open_log(shared_data / name).check()
    assert (summary.events, summary.links) == (18_211, 35_857)
    assert dict(summary.activities)["place order"] == 2_000
    # The 20 products take part in no event. pm4py leaves them out, with their 7,670 "is a" relations, and counts
    # 10,011 and 17,666; the file holds them, so we read them.
    assert dict(summary.object_types).pop("products") == 20
    assert (summary.objects - 20, summary.relations - 7_670) == (10_011, 17_666)


def pm4py_counts(read: str, path: Path) -> tuple[int, int, int, int, set[tuple[str, str, int]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pm4py

        reader: Callable[[str], Any] = getattr(pm4py, read)
        log = reader(str(path))
        times = log.events["ocel:timestamp"].astype("datetime64[us, UTC]").astype("int64")
        events = set(zip(log.events["ocel:eid"], log.events["ocel:activity"], times, strict=True))
    return len(log.events), len(log.objects), len(log.o2o), len(log.relations), events


@pytest.mark.parametrize(
    ("read", "name"),
    [
        ("read_ocel2_xml", ORDERS_XML),
        ("read_ocel2_sqlite", ORDERS_SQLITE),
        ("read_ocel2_json", EXAMPLES[0]),
        ("read_ocel_json", "ocel/p2p-2023.jsonocel"),
        ("read_ocel_json", "ocel/recruiting-red.jsonocel"),
    ],
)
def test_pm4py_reads_the_same_events_at_the_same_times(shared_data: Path, read: str, name: str) -> None:
    events, objects, relations, links, times = pm4py_counts(read, shared_data / name)
    found_objects, found_events = split(list(open_log(shared_data / name)))
    # pm4py drops objects that take part in no event, and the relations of these.
    active = {target for event in found_events.values() for target, _, _ in event.objects}
    kept = [one for one in found_objects.values() if one.id in active]
    assert len(kept) == objects
    assert sum(1 for one in kept for target, _ in one.relations if target in active) == relations
    assert (len(found_events), sum(len(event.objects) for event in found_events.values())) == (events, links)
    assert {(e.id, e.activity, e.completed) for e in found_events.values()} == times


def test_values_take_their_declared_type_and_changes_keep_their_time(shared_data: Path) -> None:
    objects, events = split(list(open_log(shared_data / ORDERS_XML)))
    paperwhite = objects["Kindle Paperwhite"]
    # 2023-06-02T11:39:36Z is 19,510 days and 41,976 s after the epoch.
    changed = (19_510 * 86_400 + 41_976) * 1_000_000
    assert paperwhite.attributes[:2] == (("price", 129.0, 0), ("price", 130.7, changed))
    assert paperwhite.attributes[-1] == ("weight", 0.495, 0)
    assert objects["990001"].type == "orders"
    assert events["e1"].objects == (("990001", "", "order"), ("STAWAG", "", "customer"))
    # 2023-04-03T12:08:18Z: 19,450 days and 43,698 s.
    assert events["e1"].completed == (19_450 * 86_400 + 43_698) * 1_000_000
    assert events["e1"][2:5] == (None, None, None)


def ocel2(**parts: Any) -> dict[str, Any]:
    log: dict[str, Any] = {
        "objectTypes": [
            {"name": "box", "attributes": [{"name": k, "type": k} for k in ("integer", "float", "boolean", "time", "string")]}
        ],
        "eventTypes": [{"name": "pack", "attributes": []}],
        "objects": [{"id": "b", "type": "box"}],
        "events": [
            {"id": "e", "type": "pack", "time": "2024-01-01T00:00:00Z", "relationships": [{"objectId": "b", "qualifier": "in"}]}
        ],
    }
    return log | parts


def written(tmp_path: Path, log: dict[str, Any], name: str = "log.jsonocel") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(log))
    return path


def test_each_kind_of_value_has_one_form(tmp_path: Path) -> None:
    raw = {"integer": "42", "float": "1", "boolean": "TRUE", "time": "2024-01-01T01:00:00.5+01:00", "string": 7}
    attributes = [{"name": name, "time": "1970-01-01T00:00:00Z", "value": value} for name, value in raw.items()]
    attributes.append({"name": "string", "time": "2024-01-01T00:00:00Z", "value": None})
    box = {"id": "b", "type": "box", "attributes": attributes}
    objects, _ = split(list(open_log(written(tmp_path, ocel2(objects=[box])))))
    assert repr(objects["b"].attributes) == repr(
        (
            ("boolean", True, 0),
            ("float", 1.0, 0),
            ("integer", 42, 0),
            ("string", "7", 0),
            ("time", "2024-01-01T00:00:00.500000Z", 0),
        )
    )


def test_a_value_that_does_not_fit_is_kept_and_reported(tmp_path: Path) -> None:
    box = {"id": "b", "type": "box", "attributes": [{"name": "integer", "time": "0", "value": "many"}]}
    log = open_log(written(tmp_path, ocel2(objects=[box])))
    summary = log.check()
    assert split(list(log))[0]["b"].attributes == (("integer", "many", 0),)
    assert "values that do not fit their declared type, kept as text: 1, the first 'integer' of 'b': 'many'" in summary.notes


def test_the_order_of_the_parts_of_a_file_says_nothing(tmp_path: Path) -> None:
    log = ocel2()
    backwards = {key: log[key] for key in reversed(log)}
    assert list(open_log(written(tmp_path, log, "a.json"))) == list(open_log(written(tmp_path, backwards, "b.json")))


def test_a_reference_to_no_object_is_a_note_in_json(tmp_path: Path) -> None:
    notes = open_log(written(tmp_path, ocel2(objects=[]))).check().notes
    assert any("event 'e' names 'b', which the file does not hold (1 such object in all)" in note for note in notes)


def test_format_is_known_by_content_first(tmp_path: Path, shared_data: Path) -> None:
    misnamed = tmp_path / "log.xes"
    misnamed.write_bytes((shared_data / EXAMPLES[1]).read_bytes())
    assert open_log(misnamed).format == "OCEL 2.0 XML"
    misnamed.write_bytes((shared_data / EXAMPLES[2]).read_bytes())
    assert open_log(misnamed).format == "OCEL 2.0 SQLite"
    assert open_log(written(tmp_path, ocel2(), "log.csv")).format == "OCEL 2.0 JSON"


def test_ocel_1_keeps_its_values_and_says_nothing_it_does_not_know(shared_data: Path) -> None:
    log = open_log(shared_data / "ocel/p2p-2023.jsonocel")
    assert (log.format, log.kind) == ("OCEL 1.0 JSON", "ocel")
    objects, events = split(list(log))
    assert events["event:1"].attributes == (("lifecycle", "complete"), ("resource", "Manufacturing Department"))
    # 2022-04-01T15:11:00+02:00 is 13:11 UTC: 19,083 days and 47,460 s.
    assert events["event:1"].completed == (19_083 * 86_400 + 47_460) * 1_000_000
    assert ("material:0", "", "") in events["event:1"].objects
    assert ("Purchasing Group (EKKO-EKGRP)", "001", 0) in objects["purchase_order:300"].attributes


def test_nested_values_are_flattened(tmp_path: Path) -> None:
    log = {
        "ocel:global-event": {}, "ocel:global-object": {}, "ocel:global-log": {}, "ocel:objects": {},
        "ocel:events": {"e": {"ocel:activity": "a", "ocel:timestamp": "2024-01-01T00:00:00", "ocel:omap": [],
                              "ocel:vmap": {"at": {"x": 1, "y": [2.5, True]}, "none": None}}},
    }  # fmt: skip
    _, events = split(list(open_log(written(tmp_path, log))))
    assert repr(events["e"].attributes) == repr((("at/x", 1), ("at/y/0", 2.5), ("at/y/1", True)))


def test_a_database_in_utf16_gives_the_same_records(shared_data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "utf16.sqlite"
    with sqlite3.connect(copy) as wide:
        wide.execute("PRAGMA encoding = 'UTF-16le'")
        with sqlite3.connect(f"file:{shared_data / EXAMPLES[2]}?mode=ro&immutable=1", uri=True) as narrow:
            for line in narrow.iterdump():
                if not line.startswith("COMMIT") and not line.startswith("BEGIN"):
                    wide.execute(line)
        narrow.close()
    wide.close()
    assert exact(copy) == exact(shared_data / EXAMPLES[2])
