"""CSV event logs, one row an event, read as a stream. UTF-8, with or without a byte-order mark.

Every value stays the text that it is: a case called NA is a case called NA. An empty field is no value. Columns called
`case:…` are attributes of the case, taken from its first row; a later row that differs keeps its value on its event.
"""

import csv
from collections.abc import Iterator

from ingest.logs.case_rows import CaseRows
from ingest.logs.csv_columns import columns_of, delimiter_of
from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.records import LogOptions, Record
from ingest.logs.source import ELEMENT_LIMIT, Source, too_large


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
            rows = CaseRows(self.path, self.options, self.columns, tally)
            for index, (line, row) in enumerate(self._rows(source)):
                if row and index:
                    yield from rows.read(row, f"line {line}")
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
