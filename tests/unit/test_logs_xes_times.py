"""The quick reading of a XES log finds the completions that the full reading finds, or says that it cannot."""

from collections import defaultdict
from pathlib import Path

import pytest

from ingest.logs import BadLog, LogEvent, LogOptions, open_log
from ingest.logs.xes_times import completions

Life = list[tuple[int, str, str]]


def quickly(path: Path, options: LogOptions = LogOptions()) -> dict[str, Life]:
    flat = completions(path, options)
    assert flat is not None
    lives: defaultdict[str, Life] = defaultdict(list)
    for i in range(len(flat.start)):
        assert flat.start[i] == flat.end[i]
        lives[flat.objects[flat.object[i]]].append((int(flat.end[i]), flat.steps[i], flat.activities[flat.activity[i]]))
    return dict(lives)


def wholly(path: Path, options: LogOptions = LogOptions()) -> dict[str, Life]:
    lives: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for record in open_log(path, options).records():
        if isinstance(record, LogEvent) and record.completed is not None and record.sequence is not None:
            lives[record.objects[0][0]].append((record.completed, record.sequence, record.activity))
    return {case: [(at, f"{case} #{n}", activity) for at, n, activity in sorted(life)] for case, life in lives.items()}


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
        trace("2", event("c", "2026-03-02", kind("suspend"))),
    )
    at = 1_772_438_400_000_000  # 2026-03-02T08:00:00Z
    assert quickly(path) == {"NA": [(at + 5_000_000, "NA #1", "a"), (at + 7_250_000, "NA #2", "b")]}


def test_times_of_other_forms_and_without_a_zone_are_read_as_ever(tmp_path: Path) -> None:
    times = ["2026-03-02T08:00:00", "2026-03-02 07:30:00.5+01:00", "2026/3/2 08:00:01", "2026-03-02T08:00:00.123456789Z"]
    path = xes(tmp_path / "log.xes", trace("1", *(event("a", time) for time in times)))
    for options in (LogOptions(), LogOptions(zone="Europe/Berlin")):
        assert quickly(path, options) == wholly(path, options)


def test_nested_attributes_are_not_those_of_the_event(tmp_path: Path) -> None:
    inside = '<string key="note" value="x"><string key="concept:name" value="not the activity"/></string>'
    path = xes(tmp_path / "log.xes", trace("1", f"<event>{inside}{event('a', '2026-03-02T08:00:00Z')[7:]}"))
    assert quickly(path) == wholly(path)


@pytest.mark.parametrize(
    "traces",
    [
        [trace("1", event("", "2026-03-02T08:00:00Z"))],
        [trace("1", event("a", "yesterday"))],
        [trace("1", event("a", "2026-03-02T08:00:00Z")), trace("1", event("a", "2026-03-02T08:00:00Z"))],
        ["<trace>" + event("a", "2026-03-02T08:00:00Z") + "</trace>"],
    ],
    ids=["no activity", "no time", "two of one name", "no name"],
)
def test_what_is_unusual_is_left_to_the_full_reading(tmp_path: Path, traces: list[str]) -> None:
    assert completions(xes(tmp_path / "log.xes", *traces), LogOptions()) is None


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    path = xes(tmp_path / "log.xes", trace("1", event("a", "2026-03-02T08:00:00Z")))
    path.write_text(path.read_text()[:-20])
    with pytest.raises(BadLog):
        completions(path, LogOptions())
