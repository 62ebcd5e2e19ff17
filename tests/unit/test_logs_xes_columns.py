"""The quick reading of a XES log finds the transitions that the full reading finds, or says that it cannot."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.logs import BadLog, LogEvent, LogOptions, open_log
from ingest.logs.xes_columns import transitions


def quickly(path: Path, options: LogOptions = LogOptions()) -> list[LogEvent]:
    found = transitions(path, options)
    assert found is not None
    return [event._replace(attributes=()) for place in range(len(found.cases)) for event in found.of_case(place)]


def wholly(path: Path, options: LogOptions = LogOptions()) -> list[LogEvent]:
    """Traces stand one after the other, so that the events of each case are together."""
    events = [record for record in open_log(path, options).records() if isinstance(record, LogEvent)]
    return [event._replace(attributes=()) for event in events]


def told(events: list[LogEvent]) -> list[tuple[str, str, int | None]]:
    return [(event.id, event.activity, event.completed) for event in events if event.completed is not None]


@pytest.mark.parametrize("log", ["running-example.xes", "08_receipt.xes.gz", "helpdesk.xes.gz"])
def test_real_logs(shared_data: Path, log: str) -> None:
    path = shared_data / "eventlogs" / log
    assert quickly(path) == wholly(path)


def xes(path: Path, *traces: str) -> Path:
    path.write_text(f'<?xml version="1.0"?><log>{"".join(traces)}</log>')
    return path


def trace(name: str, *events: str) -> str:
    return f'<trace><string key="concept:name" value="{name}"/>{"".join(events)}</trace>'


def event(activity: str, time: str, more: str = "") -> str:
    said = f'<string key="concept:name" value="{activity}"/>' if activity else ""
    return f'<event>{said}<date key="time:timestamp" value="{time}"/>{more}</event>'


def kind(transition: str) -> str:
    return f'<string key="lifecycle:transition" value="{transition}"/>'


def test_only_complete_transitions_count_whatever_their_letters_and_positions_count_all(tmp_path: Path) -> None:
    path = xes(
        tmp_path / "log.xes",
        trace(
            "NA",
            event("a", "2026-03-02T08:00:00Z", kind("start")),
            event("a", "2026-03-02T08:00:05Z", kind("COMPLETE")),
            event("b", "2026-03-02T08:00:07.250+00:00"),
        ),
        trace("2", event("c", "2026-03-02T08:00:00Z", kind("suspend"))),
    )
    at = 1_772_438_400_000_000  # 2026-03-02T08:00:00Z
    assert told(quickly(path)) == [("NA#1", "a", at + 5_000_000), ("NA#2", "b", at + 7_250_000)]
    assert quickly(path) == wholly(path)


def test_times_of_other_forms_are_read_as_ever(tmp_path: Path) -> None:
    times = ["2026-03-02 07:30:00.5+01:00", "2026/3/2 08:00:01 UTC", "2026-03-02T08:00:00.123456789Z", "2026-03-02T08:00:00Z"]
    path = xes(tmp_path / "log.xes", trace("1", *(event("a", time) for time in times)))
    assert quickly(path) == wholly(path)


def test_a_time_without_a_zone_is_left_to_the_full_reading_which_says_so(tmp_path: Path) -> None:
    path = xes(tmp_path / "log.xes", trace("1", event("a", "2026-03-02T08:00:00")))
    assert transitions(path, LogOptions()) is None
    log = open_log(path, LogOptions(zone="Europe/Berlin"))
    assert log.transitions() is None
    assert len(list(log.records())) == 2
    assert "without a zone" in log.notes[0]


A = event("a", "2026-03-02T08:00:00Z")
INSIDE = '<string key="note" value="x"><string key="concept:name" value="not the activity"/></string>'


@pytest.mark.parametrize(
    "traces",
    [
        [trace("1", event("", "2026-03-02T08:00:00Z"))],
        [trace("1", event("a", "yesterday"))],
        [trace("1", event("a", "2026-03-02T08:00:00Z")), trace("1", event("a", "2026-03-02T08:00:00Z"))],
        ["<trace>" + A + "</trace>"],
        ['<trace><string key="concept:name" value=""/>' + A + "</trace>"],
        ["<trace>" + A + '<string key="concept:name" value="1"/></trace>'],
        [trace("1", A)[:-8] + '<string key="concept:name" value="2"/></trace>'],
        [trace("1")[:-8] + '<string key="concept:name" value="1"/></trace><trace></trace>', trace("2", A)],
        [trace("1", A.replace("</event>", '<string key="concept:name" value="b"/></event>'))],
        [trace("1", f"<event>{INSIDE}{A[7:]}")],
        ["<!-- " + trace("1", A) + " -->", trace("2", A)],
        [trace("1", "<!-- " + A + " -->", A)],
        [trace("1", "<![CDATA[" + A + "]]>", A)],
        [trace("1", A), "<!--", trace("2", A), "-->"],
        [trace("1", A, "<?remark " + A + "?>")],
        [trace("a &amp; b", A)],
        [trace("a\tb", A)],
        [trace("1", A.replace('value="a"', "value='a'"))],
        [trace("1", A.replace("/></event>", "></date></event>"))],
        [trace("1", A), A],
        [],
    ],
)
def test_what_is_unusual_is_left_to_the_full_reading(tmp_path: Path, traces: list[str]) -> None:
    assert transitions(xes(tmp_path / "log.xes", *traces), LogOptions()) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text + "<log/>",
        lambda text: text.replace("<log>", "<!DOCTYPE log><log>"),
        lambda text: text.replace("<log>", "<LOG>"),
        lambda text: text.replace("</event>", "", 1),
        lambda text: text.replace("<event>", "", 1),
        lambda text: text.replace("</trace>", "</event></trace>", 1),
        lambda text: text.replace('value="a"', 'value="a', 1),
        lambda text: text.replace('value="a"', 'value="\x01"', 1),
        lambda text: text.replace('value="a"', 'value="\ufffe"', 1),
        lambda text: text.replace('value="a"', 'value="a" value="b"', 1),
        lambda text: text.replace('value="a"', 'value="a"x', 1),
        lambda text: text.replace("<event>", "text<event>]]>", 1),
    ],
)
def test_a_broken_file_is_left_to_the_full_reading_which_names_the_fault(damage: Callable[[str], str], tmp_path: Path) -> None:
    path = xes(tmp_path / "log.xes", trace("1", A, A), trace("2", A))
    path.write_text(damage(path.read_text()))
    assert transitions(path, LogOptions()) is None
    with pytest.raises(BadLog):
        wholly(path)


def test_other_encodings_are_left_to_the_full_reading(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?><log>{trace("1", event("Prüfen", "2026-03-02T08:00:00Z"))}</log>'
    for coded in (text.encode("latin-1"), text.replace("ISO-8859-1", "UTF-16").encode("utf-16")):
        path.write_bytes(coded)
        assert transitions(path, LogOptions()) is None
        assert [event.activity for event in wholly(path)] == ["Prüfen"]
    path.write_bytes(text.replace("ISO-8859-1", "UTF-8").encode("latin-1"))
    assert transitions(path, LogOptions()) is None


def test_a_damaged_archive_is_refused(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "log.xes.gz"
    path.write_bytes((shared_data / "eventlogs/helpdesk.xes.gz").read_bytes()[:-5000])
    with pytest.raises(BadLog, match="cut short"):
        transitions(path, LogOptions())


TAGS = [*A.split("<")[1:], '<string key="org:resource" value="me"/>', kind("start"), '<string key="concept:name" value="b" />']
MARKS = ["<trace>", "</trace>", "<event>", "</event>", "<!--", "-->", "]]>", '"', "'", "<", ">", "/>", "&amp;"]
PIECES = st.sampled_from([*TAGS, *MARKS, " ", "\n", "\t", "é", "\x01", "x"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 25), PIECES), min_size=1, max_size=4))
def test_whatever_is_changed_in_a_log_it_is_read_as_the_full_reading_reads_it_or_not_at_all(
    tmp_path: Path, changes: list[tuple[float, int, str]]
) -> None:
    path = xes(tmp_path / "log.xes", trace("1", A, event("b", "2026-03-02T09:00:00Z", kind("start"))), trace("2", A, A))
    text = path.read_text()
    for where, gone, put in changes:
        at = int(where * len(text))
        text = text[:at] + put + text[at + gone :]
    path.write_text(text)
    if transitions(path, LogOptions()) is not None:
        assert quickly(path) == wholly(path)  # which raises BadLog where the file is broken
