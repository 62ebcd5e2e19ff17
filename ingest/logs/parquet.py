"""Event logs in Parquet, one row an event, read a slice at a time. The columns are found, and mean, what those of CSV do.

Values keep their types. A time with a zone is that moment; one without is of the option `zone`; a text is read as in CSV.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from brain.analytics.columns import Flat, Ints
from brain.analytics.lives import Lifecycle
from ingest.logs.case_rows import CaseRows
from ingest.logs.csv_columns import Columns, columns_of
from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.records import LogOptions, Record

SLICE = 50_000
"""Rows in memory at a time."""


class ParquetReader:
    """The records of a Parquet file. Its columns are chosen when it is opened."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[str] = []
        try:
            self._frame = pl.scan_parquet(str(path))
            self._types = self._frame.collect_schema()
        except (PolarsError, OSError) as error:
            why = str(error).strip().partition("\n")[0]
            raise BadLog(path, "the file", f"is no Parquet that can be read ({why})", "export the log again") from None
        nested = [name for name, kind in self._types.items() if kind.is_nested()]
        self._names = [name for name in self._types if name not in nested]
        if nested:
            self.notes.append(f"columns of lists and maps are not read: {', '.join(map(shown, nested))}")
        self.columns: Columns = columns_of(path, self._names, options, self.notes)

    def records(self, tally: Tally) -> Iterator[Record]:
        """Each case at its first row, then its events, in the order of the file."""
        rows = CaseRows(self.path, self.options, self.columns, tally)
        for number, row in enumerate(self._rows(), 1):
            yield from rows.read(row, f"row {number}")
        yield from rows.rest()

    def _rows(self) -> Iterator[list[Any]]:
        begin = 0
        frame = self._frame.select(self._cell(name) for name in self._names)
        while (part := frame.slice(begin, SLICE).collect()).height:
            for row in part.iter_rows():
                yield ["" if value is None else value for value in row]
            begin += SLICE

    def _cell(self, name: str) -> pl.Expr:
        """A column as values that a record can hold: times as µs where they tell when, as text elsewhere."""
        kind, cell, columns = self._types[name], pl.col(name), self.columns
        place = self._names.index(name)
        if place in (columns.timestamp, columns.start) and kind.is_temporal():
            return self._micros(name)
        if place in (columns.case, columns.activity, columns.resource, columns.lifecycle) or kind.is_temporal():
            return cell.cast(pl.String)
        return cell.cast(pl.String) if kind in (pl.Categorical, pl.Decimal, pl.Binary) else cell

    def _micros(self, name: str) -> pl.Expr:
        kind, cell = self._types[name], pl.col(name)
        if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
            return cell.dt.timestamp("us")
        return cell.cast(pl.Datetime("us")).dt.replace_time_zone(self.options.zone, ambiguous="earliest").dt.timestamp("us")

    def flat(self, lifecycle: Lifecycle | None) -> Flat | None:
        """The whole log as columns, without its attributes; None where starts must be paired with completions, or
        times are texts: that `records` does."""
        columns = self.columns
        times = [self._names[at] for at in (columns.start, columns.timestamp) if at is not None]
        if not all(self._types[name].is_temporal() for name in times) or (columns.lifecycle is not None and lifecycle is None):
            return None
        frame = self._frame
        if columns.lifecycle is not None:
            frame = frame.filter(pl.col(self._names[columns.lifecycle]).str.to_lowercase() == "complete")
        end = times[-1]
        start = end if lifecycle else times[0]
        texts = {"case": self._names[columns.case], "activity": self._names[columns.activity]}
        found = frame.select(
            *(pl.col(name).cast(pl.String).alias(role) for role, name in texts.items()),
            self._micros(start).alias("start"),
            self._micros(end).alias("end"),
        ).collect()
        if any(found[name].null_count() for name in found.columns):
            return None  # which row lacks what is for `records` to say
        return _flat(found)


def _flat(frame: pl.DataFrame) -> Flat:
    objects, object_of = _coded(frame["case"])
    activities, activity_of = _coded(frame["activity"])
    times = frame["start"].to_numpy(), frame["end"].to_numpy()
    return Flat.of_columns(objects, activities, object_of, activity_of, times, lambda row: f"row {row + 1}")


def _coded(texts: pl.Series) -> tuple[list[str], Ints]:
    """The distinct texts, and the position of each text among them."""
    names = texts.unique(maintain_order=True)
    return names.to_list(), texts.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
