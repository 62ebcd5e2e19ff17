"""Open an event log of any format that is read here, check it, and take its records."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, assert_never, runtime_checkable

from ingest.logs.check import Check, Progress
from ingest.logs.csv_log import CsvReader
from ingest.logs.detect import detect
from ingest.logs.fault import BadLog, Path, Tally
from ingest.logs.ocel_json import Ocel1JsonReader, OcelJsonReader
from ingest.logs.ocel_sqlite import OcelSqliteReader
from ingest.logs.ocel_xml import OcelXmlReader
from ingest.logs.records import Format, Kind, LogOptions, LogSummary, Record
from ingest.logs.values import time_reader
from ingest.logs.xes import XesReader

if TYPE_CHECKING:
    from ingest.logs.transitions import Transitions


class Reader(Protocol):
    """What a format gives: the guesses that it made, and its records, as often as they are asked for."""

    @property
    def notes(self) -> list[str]: ...

    def records(self, tally: Tally) -> Iterator[Record]: ...


@runtime_checkable
class Columnar(Protocol):
    """What some formats give beside."""

    def transitions(self) -> "Transitions | None": ...


class Log:
    """An event log that was opened: its format is known, and nothing but its head was read.

    `notes` says what was guessed; a full pass adds what was found and kept as it was. Records come as a stream, in an order
    that depends on the file alone, and as often as they are asked for. A fault raises BadLog where it is met, after the
    records before it: `check` first, where half a log must not be used.
    """

    def __init__(self, path: Path, options: LogOptions, form: Format, reader: Reader) -> None:
        self.path = path
        self.options = options
        self.format: Format = form
        self.kind: Kind = "case" if form in ("XES", "CSV", "Parquet") else "ocel"
        self.notes: list[str] = list(reader.notes)
        self._reader = reader

    def records(self) -> Iterator[Record]:
        """Every object and event. In constant memory, but for the ids of a case log's cases."""
        tally = Tally()
        yield from self._reader.records(tally)
        self._note(tally)

    def transitions(self) -> "Transitions | None":
        """The transitions of a case log as columns, read in a fraction of the time; None where only `records` can tell."""
        return self._reader.transitions() if isinstance(self._reader, Columnar) else None

    def __iter__(self) -> Iterator[Record]:
        return self.records()

    def check(self, progress: Progress | None = None) -> LogSummary:
        """Read the whole log and answer what it holds. BadLog at the first fault."""
        tally = Tally()
        found = Check(self.path, self.format, self.kind, self.options.strict, tally)
        found.run(self._reader.records(tally), progress)
        self._note(tally)
        return found.summary(tuple(self.notes))

    def _note(self, tally: Tally) -> None:
        self.notes.extend(one for one in tally.sentences() if one not in self.notes)


def open_log(path: Path, options: LogOptions = LogOptions()) -> Log:
    """Find out the format of a file, and read its head. BadLog where it is none, or where an option does not fit it."""
    try:
        time_reader(options.zone)
    except ValueError as error:
        raise BadLog(path, "the option zone", str(error), "UTC is the default") from None
    try:
        time_reader(options.zone, options.timestamp_format)
    except ValueError as error:
        raise BadLog(path, "the option timestamp_format", str(error), "leave it out where times are ISO 8601") from None
    form = options.format or detect(path)
    return Log(path, options, form, _reader(path, options, form))


def _reader(path: Path, options: LogOptions, form: Format) -> Reader:
    match form:
        case "OCEL 2.0 JSON":
            return OcelJsonReader(path, options)
        case "OCEL 2.0 XML":
            return OcelXmlReader(path, options)
        case "OCEL 2.0 SQLite":
            return OcelSqliteReader(path, options)
        case "OCEL 1.0 JSON":
            return Ocel1JsonReader(path, options)
        case "XES":
            return XesReader(path, options)
        case "CSV":
            return CsvReader(path, options)
        case "Parquet":
            # Here, since its library takes 60 MB of memory that no other format needs.
            from ingest.logs.parquet import ParquetReader

            return ParquetReader(path, options)
        case _:
            assert_never(form)
