"""The rows of a table → the records of a case log, whatever kind of file the table is.

Columns called `case:…` are attributes of the case, taken from its first row; a later row that differs keeps its value on its
event. An empty field is no value.
"""

from collections.abc import Iterator, Sequence

from ingest.logs.csv_columns import Columns
from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.lifecycle import Case, OpenTooMany, Transition
from ingest.logs.records import CASE, LogEvent, LogObject, LogOptions, Record, Scalar
from ingest.logs.values import in_order, time_reader, without_zone

Cell = Scalar
"""A value of a row, "" where there is none. CSV has texts alone; a time may also come as µs since the epoch, UTC."""


class CaseRows:
    """Rows → records. `place` says where a row stands, for whoever has to mend it: `line 7`."""

    def __init__(self, path: Path, options: LogOptions, columns: Columns, tally: Tally) -> None:
        self._path = path
        self._columns = columns
        self._tally = tally
        self._zone = options.zone
        self._pattern = options.timestamp_format
        self._read_time = time_reader(self._zone, self._pattern)
        self._cases: dict[str, tuple[Case, tuple[Cell, ...]]] = {}
        self._zone_noted = self._pattern is not None

    def read(self, row: Sequence[Cell], place: str) -> Iterator[Record]:
        columns = self._columns
        if len(row) != columns.width and (len(row) < columns.width or any(row[columns.width :])):
            raise self._bad(
                place, f"has {len(row)} fields where the header has {columns.width}", "quote fields that hold the delimiter"
            )
        case_id, activity = str(row[columns.case]), str(row[columns.activity])
        if not case_id or not activity:
            raise self._bad(place, f"has no {'case' if not case_id else 'activity'}", "fill the field or remove the row")
        held = self._cases.get(case_id)
        values = tuple([row[position] for position, _ in columns.case_attributes])
        if held is None:
            held = self._cases[case_id] = (Case(case_id), values)
            pairs: list[tuple[str, Scalar]] = [
                (name, value) for (_, name), value in zip(columns.case_attributes, values, strict=True) if value != ""
            ]
            yield LogObject(case_id, CASE, tuple((name, value, 0) for name, value in in_order(pairs)), ())
        case, first = held
        kept: list[tuple[str, Scalar]] = [(name, row[position]) for position, name in columns.attributes if row[position] != ""]
        if values != first:
            kept.extend(self._differing(case_id, first, values))
        event = self._event(row, place, case, activity, in_order(kept))
        if event is not None:
            yield event

    def rest(self) -> Iterator[LogEvent]:
        """The starts that were never completed, case by case."""
        for case, _ in self._cases.values():
            yield from case.rest()

    def _event(
        self, row: Sequence[Cell], place: str, case: Case, activity: str, kept: tuple[tuple[str, Scalar], ...]
    ) -> LogEvent | None:
        columns = self._columns
        completed = self._time(row, place, columns.timestamp)
        started = self._time(row, place, columns.start)
        performer = str(row[columns.resource]) if columns.resource is not None else ""
        if completed is None and started is None:
            raise self._bad(place, "has no time", "fill the field or remove the row")
        kind = str(row[columns.lifecycle]).strip().lower() if columns.lifecycle is not None else ""
        if completed is not None and started is not None:
            return case.interval(Transition(activity, "complete", completed, performer or None, kept), started)
        if completed is None:
            assert started is not None
            # The row itself says that it is not complete, so it must not wait for another row's end.
            return case.unfinished(Transition(activity, "start", started, performer or None, kept))
        try:
            return case.feed(Transition(activity, kind or "complete", completed, performer or None, kept))
        except OpenTooMany as error:
            raise self._bad(place, str(error), "complete the starts of the case, or split it") from None

    def _time(self, row: Sequence[Cell], place: str, position: int | None) -> int | None:
        value = row[position] if position is not None else ""
        if isinstance(value, int):
            return value
        if not (raw := str(value).strip()):
            return None
        try:
            at = self._read_time(raw)
        except (ValueError, OverflowError):
            raise self._bad(
                place,
                f"{shown(raw)} is no time",
                "write it as ISO 8601, or give its pattern with the option timestamp_format (--timestamp-format)",
            ) from None
        if not self._zone_noted:
            self._zone_noted = True
            if without_zone(raw):
                self._tally.remark(f"times without a zone, such as {shown(raw)}, are read as {self._zone}")
        return at

    def _differing(self, case_id: str, first: tuple[Cell, ...], values: tuple[Cell, ...]) -> Iterator[tuple[str, Scalar]]:
        for (_, name), before, now in zip(self._columns.case_attributes, first, values, strict=True):
            if now not in ("", before):
                self._tally.count(
                    "values of a case that differ from its first row, kept on their event", f"{shown(name)} of {shown(case_id)}"
                )
                yield f"case:{name}", now

    def _bad(self, place: str, problem: str, mend: str) -> BadLog:
        return BadLog(self._path, place, problem, mend)
