"""The neutral records that every reader of event logs yields, whatever the file's format.

All times are whole µs since the Unix epoch, UTC; a time without a zone is read in `LogOptions.zone` (UTC by default).
"""

from typing import Literal, NamedTuple

Scalar = str | int | float | bool
Kind = Literal["ocel", "case"]
Format = Literal["OCEL 2.0 JSON", "OCEL 2.0 XML", "OCEL 2.0 SQLite", "OCEL 1.0 JSON", "XES", "CSV", "Parquet"]

CASE = "case"
"""The object type, and the qualifier, of the cases of XES and CSV logs."""


class LogObject(NamedTuple):
    """An object of an object-centric log, or the case of a case log.

    `attributes` are (name, value, valid µs), sorted by name and time; 0 is "from the beginning" (OCEL's initial value).
    `relations` are (target id, qualifier), sorted, each once. One id may come in more than one record: they add up.
    """

    id: str
    type: str
    attributes: tuple[tuple[str, Scalar, int], ...] = ()
    relations: tuple[tuple[str, str], ...] = ()


class LogEvent(NamedTuple):
    """One event, or one start/complete pair, with the up to four times that the log has of it.

    Case logs: `sequence` is the position in its case (from 0, every transition counted) of the completing transition, or of
    the only one; `start_sequence` that of its start. OCEL logs have neither: equal times are ordered by event id.
    `lifecycle` names a transition other than schedule, start and complete (lower case); its time is then in `at`.
    `attributes` are (name, value), sorted. `objects` are (object id, type, qualifier), sorted, each once; type is '' in OCEL
    logs, because an object may stand after the event that names it.
    """

    id: str
    activity: str
    enabled: int | None
    scheduled: int | None
    started: int | None
    completed: int | None
    sequence: int | None
    start_sequence: int | None
    lifecycle: str | None
    performer: str | None
    attributes: tuple[tuple[str, Scalar], ...]
    objects: tuple[tuple[str, str, str], ...]
    at: int | None = None


Record = LogObject | LogEvent


class LogOptions(NamedTuple):
    """What the reader cannot know from the file. The columns are for CSV; each one not given is guessed from its name.

    `timestamp_format` (CSV) is a strptime pattern, or epoch_s, epoch_ms, epoch_us; without it times are ISO 8601.
    `zone` is the IANA name for times without a zone. `strict=False` reads logs with references to objects that are not in
    the file, which are then reported as a note.
    """

    format: Format | None = None
    case: str | None = None
    activity: str | None = None
    timestamp: str | None = None
    start: str | None = None
    resource: str | None = None
    lifecycle: str | None = None
    delimiter: str | None = None
    timestamp_format: str | None = None
    zone: str = "UTC"
    strict: bool = True


class LogSummary(NamedTuple):
    """What a full pass over a valid log found.

    `objects` are distinct ids (cases, in a case log); `relations` object to object, `links` event to object; `intervals` the
    events with both start and completion; `first` and `last` the earliest and latest time, µs, None where there is no event.
    `activities` and `object_types` are (name, count), sorted by name.
    """

    format: Format
    kind: Kind
    events: int
    objects: int
    relations: int
    links: int
    intervals: int
    first: int | None
    last: int | None
    activities: tuple[tuple[str, int], ...]
    object_types: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
