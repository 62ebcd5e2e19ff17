"""CSV event logs, one row an event, read as a stream. UTF-8, with or without a byte-order mark.

Every value stays the text that it is: a case called NA is a case called NA. An empty field is no value. Columns called
`case:…` are attributes of the case, taken from its first row; a later row that differs keeps its value on its event.
"""

import csv
from collections.abc import Iterator

from ingest.logs.csv_columns import Columns, columns_of, delimiter_of
from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.lifecycle import Case, OpenTooMany, Transition
from ingest.logs.records import CASE, LogEvent, LogObject, LogOptions, Record, Scalar
from ingest.logs.source import ELEMENT_LIMIT, Source, too_large
from ingest.logs.values import in_order, time_reader, without_zone


class CsvReader:
    """The records of a CSV file, gzip or not. The header is read, and its columns are chosen, when it is opened."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[str] = []
        if options.delimiter is not None and (len(options.delimiter) != 1 or options.delimiter in '\r\n"'):
            raise BadLog(path, "the option delimiter", f"{shown(options.delimiter)} is not one character", "give one such as ;")
        with Source(path) as source:
            self.delimiter = delimiter_of(next(_Lines(source), ""), options, self.notes)
        with Source(path) as source:
            _, names = next(self._rows(source), (0, []))
        self.columns = columns_of(path, names, options, self.notes)

    def records(self, tally: Tally) -> Iterator[Record]:
        """Each case at its first row, then its events, in the order of the file; memory holds the cases, not the events."""
        with Source(self.path) as source:
            rows = _Rows(self, tally)
            for index, (line, row) in enumerate(self._rows(source)):
                if row and index:
                    yield from rows.read(row, line)
            yield from rows.rest()

    def _rows(self, source: Source) -> Iterator[tuple[int, list[str]]]:
        """(line, fields) of each row with the header; a blank line has no fields."""
        lines = _Lines(source)
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._broken(reader.line_num, str(error)) from None
            lines.start_row()
            yield reader.line_num, row

    def _broken(self, line: int, reason: str) -> BadLog:
        if "unexpected end" in reason:
            return BadLog(
                self.path, f"line {line}", "a quoted field has no end", "close its quotes, or copy the file again, whole"
            )
        if "new-line character" in reason:
            return BadLog(
                self.path,
                f"line {line}",
                "a line ends with a lone carriage return",
                "save the file with line ends of Windows or Unix",
            )
        return BadLog(self.path, f"line {line}", f"is not valid CSV ({reason})", "mend this line, or export the file again")


class _Lines:
    """The lines of a source as text; a row of many lines may not grow over ELEMENT_LIMIT."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._number = 0
        self._row = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        raw = self._source.readline()
        if not raw:
            raise StopIteration
        self._number += 1
        self._row += len(raw)
        if self._row > ELEMENT_LIMIT:
            raise too_large(self._source.path, f"line {self._number}", "row")
        if self._number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            place = f"line {self._number}, byte {error.start + 1}"
            raise BadLog(
                self._source.path, place, f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8"
            ) from None

    def start_row(self) -> None:
        """A row ended: the next one starts with nothing."""
        self._row = 0


class _Rows:
    def __init__(self, reader: CsvReader, tally: Tally) -> None:
        self._path = reader.path
        self._columns: Columns = reader.columns
        self._tally = tally
        self._zone = reader.options.zone
        self._pattern = reader.options.timestamp_format
        self._read_time = time_reader(self._zone, self._pattern)
        self._cases: dict[str, tuple[Case, tuple[str, ...]]] = {}
        self._zone_noted = self._pattern is not None

    def read(self, row: list[str], line: int) -> Iterator[Record]:
        columns = self._columns
        if len(row) != columns.width and (len(row) < columns.width or any(row[columns.width :])):
            raise self._bad(
                line, f"has {len(row)} fields where the header has {columns.width}", "quote fields that hold the delimiter"
            )
        case_id, activity = row[columns.case], row[columns.activity]
        if not case_id or not activity:
            raise self._bad(line, f"has no {'case' if not case_id else 'activity'}", "fill the field or remove the row")
        held = self._cases.get(case_id)
        values = tuple([row[position] for position, _ in columns.case_attributes])
        if held is None:
            held = self._cases[case_id] = (Case(case_id), values)
            pairs: list[tuple[str, Scalar]] = [
                (name, value) for (_, name), value in zip(columns.case_attributes, values, strict=True) if value
            ]
            yield LogObject(case_id, CASE, tuple((name, value, 0) for name, value in in_order(pairs)), ())
        case, first = held
        kept: list[tuple[str, Scalar]] = [(name, row[position]) for position, name in columns.attributes if row[position]]
        if values != first:
            kept.extend(self._differing(case_id, first, values))
        event = self._event(row, line, case, activity, in_order(kept))
        if event is not None:
            yield event

    def rest(self) -> Iterator[LogEvent]:
        """The starts that were never completed, case by case."""
        for case, _ in self._cases.values():
            yield from case.rest()

    def _event(
        self, row: list[str], line: int, case: Case, activity: str, kept: tuple[tuple[str, Scalar], ...]
    ) -> LogEvent | None:
        columns = self._columns
        completed = self._time(row, line, columns.timestamp)
        started = self._time(row, line, columns.start)
        performer = row[columns.resource] if columns.resource is not None else ""
        if completed is None and started is None:
            raise self._bad(line, "has no time", "fill the field or remove the row")
        kind = row[columns.lifecycle].strip().lower() if columns.lifecycle is not None else ""
        if completed is not None and started is not None:
            return case.interval(Transition(activity, "complete", completed, performer or None, kept), started)
        if completed is None:
            assert started is not None
            # The row itself says that it is not complete, so it must not wait for another row's end.
            return case.unfinished(Transition(activity, "start", started, performer or None, kept))
        try:
            return case.feed(Transition(activity, kind or "complete", completed, performer or None, kept))
        except OpenTooMany as error:
            raise self._bad(line, str(error), "complete the starts of the case, or split it") from None

    def _time(self, row: list[str], line: int, position: int | None) -> int | None:
        if position is None or not (raw := row[position].strip()):
            return None
        try:
            at = self._read_time(raw)
        except (ValueError, OverflowError):
            raise self._bad(
                line,
                f"{shown(raw)} is no time",
                "write it as ISO 8601, or give its pattern with the option timestamp_format (--timestamp-format)",
            ) from None
        if not self._zone_noted:
            self._zone_noted = True
            if without_zone(raw):
                self._tally.remark(f"times without a zone, such as {shown(raw)}, are read as {self._zone}")
        return at

    def _differing(self, case_id: str, first: tuple[str, ...], values: tuple[str, ...]) -> Iterator[tuple[str, Scalar]]:
        for (_, name), before, now in zip(self._columns.case_attributes, first, values, strict=True):
            if now and now != before:
                self._tally.count(
                    "values of a case that differ from its first row, kept on their event", f"{shown(name)} of {shown(case_id)}"
                )
                yield f"case:{name}", now

    def _bad(self, line: int, problem: str, mend: str) -> BadLog:
        return BadLog(self._path, f"line {line}", problem, mend)
