"""Which column of a CSV is what: by option, else by the names that exporters of event logs use."""

import re
from collections import Counter
from typing import NamedTuple

from ingest.logs.fault import BadLog, Path, shown
from ingest.logs.records import LogOptions

_BLANKS = re.compile(r"[\s_\-.]+")
_DELIMITERS = ",;\t|"
_SPOKEN = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}

# The first that is there wins: the XES names are exact, the others are what people write.
_KNOWN = {
    "case": ("case:concept:name", "case id", "caseid", "case", "case number", "trace id", "trace", "process instance"),
    "activity": ("concept:name", "activity", "activity name", "activity label", "task", "task name", "event name", "event",
                 "operation", "step"),
    "timestamp": ("time:timestamp", "complete timestamp", "completion timestamp", "completed", "complete time", "completion time",
                  "complete", "end timestamp", "end time", "end date", "end", "finish time", "timestamp", "event time",
                  "datetime", "date time", "time", "date"),
    "start": ("start timestamp", "time:start", "start time", "starttime", "started", "start date", "start"),
    "resource": ("org:resource", "resource", "performer", "employee", "user", "agent", "originator"),
    "lifecycle": ("lifecycle:transition", "lifecycle"),
}  # fmt: skip


class Columns(NamedTuple):
    """Positions in a row; None where the log has no such column. `case_attributes` and `attributes` are (position, name)."""

    width: int
    case: int
    activity: int
    timestamp: int | None
    start: int | None
    resource: int | None
    lifecycle: int | None
    case_attributes: tuple[tuple[int, str], ...]
    attributes: tuple[tuple[int, str], ...]


def delimiter_of(header: str, options: LogOptions, notes: list[str]) -> str:
    """The delimiter: by option, else the one that stands most often in the header outside of quotes."""
    if options.delimiter is not None:
        return options.delimiter
    bare = re.sub(r'"[^"]*"', "", header)
    found = max(_DELIMITERS, key=bare.count)
    if found != ",":
        notes.append(f"the delimiter is taken to be the {_SPOKEN[found]}")
    return found


def columns_of(path: Path, header: list[str], options: LogOptions, notes: list[str]) -> Columns:
    """What each column is; every guess goes to `notes`. BadLog where case, activity or time cannot be told."""
    twice = {name for name, times in Counter(header).items() if name and times > 1}
    if twice:
        raise BadLog(path, "line 1", f"two columns are called {shown(min(twice))}", "give each column a name of its own")
    found = {role: _column(path, header, role, getattr(options, role), notes) for role in _KNOWN}
    if found["start"] == found["timestamp"]:
        found["start"] = None  # one column, named by option for the one and guessed for the other
    if found["timestamp"] is not None and found["lifecycle"] is not None and found["start"] is not None:
        # A row with both times is a whole interval: its lifecycle says nothing that pairing could use.
        found["lifecycle"] = None
    case, activity = found["case"], found["activity"]
    if case is None or activity is None or (found["timestamp"] is None and found["start"] is None):
        role = "case" if case is None else "activity" if activity is None else "timestamp"
        names = ", ".join(shown(name) for name in header[:12])
        raise BadLog(path, "line 1", f"no column is known as the {role}: {names}", f"name it with the option {role} (--{role})")
    taken = {position for position in found.values() if position is not None}
    rest = [(position, name) for position, name in enumerate(header) if position not in taken]
    of_case = [(position, name[5:]) for position, name in rest if len(name) > 5 and name.startswith("case:")]
    # A column without a name still has values.
    told = {position for position, _ in of_case}
    others = [(position, name or f"column {position + 1}") for position, name in rest if position not in told]
    return Columns(
        len(header),
        case,
        activity,
        found["timestamp"],
        found["start"],
        found["resource"],
        found["lifecycle"],
        tuple(of_case),
        tuple(others),
    )


def _column(path: Path, header: list[str], role: str, wanted: str | None, notes: list[str]) -> int | None:
    if wanted is not None:
        if wanted not in header:
            names = ", ".join(shown(name) for name in header[:12])
            raise BadLog(path, "line 1", f"there is no column {shown(wanted)} for the {role}", f"choose one of {names}")
        return header.index(wanted)
    plain = [_BLANKS.sub(" ", name.strip().lower()) for name in header]
    for known in _KNOWN[role]:
        if known in plain:
            position = plain.index(known)
            notes.append(f"column {shown(header[position])} is taken as the {role}")
            return position
    return None
