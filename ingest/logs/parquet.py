"""Event logs in Parquet, one row an event, read a slice at a time. The columns are found, and mean, what those of CSV do.

Values keep their types. A time with a zone is that moment; one without is of the option `zone`; a text is read as in CSV.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from ingest.logs.case_rows import CaseRows
from ingest.logs.csv_columns import Columns, columns_of
from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.records import LogOptions, Record
from ingest.logs.transitions import Transitions, coded, complete_unless_said

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

    def transitions(self) -> Transitions | None:
        """The whole log as columns; None where times are texts, a row lacks something, or rows are of two kinds: those that
        have a start of their own, and those that are transitions. That `records` reads, or names."""
        columns, name = self.columns, self._names
        times = [name[at] for at in (columns.timestamp, columns.start) if at is not None]
        if not all(self._types[time].is_temporal() for time in times) or None not in (columns.start, columns.lifecycle):
            return None
        texts = {"case": name[columns.case], "activity": name[columns.activity]}
        kinds = [] if columns.lifecycle is None else [pl.col(name[columns.lifecycle]).cast(pl.String).alias("kind")]
        found = self._frame.select(
            *(pl.col(column).cast(pl.String).alias(role) for role, column in texts.items()),
            *(self._micros(time).alias(role) for role, time in zip(("at", "started"), times, strict=False)),
            *kinds,
        ).collect()
        if any(found[role].null_count() for role in found.columns if role != "kind"):
            return None
        if any((found[role] == "").any() for role in texts):
            return None
        cases, case = coded(found["case"])
        started = found["started"].to_numpy() if len(times) == 2 else None
        kind = complete_unless_said(found["kind"]) if kinds else None
        return Transitions(cases, case, found["activity"], kind, found["at"].to_numpy(), started, cache(self._performers))

    def _performers(self) -> pl.Series:
        place = self.columns.resource
        if place is None:
            return self._frame.select(pl.repeat(None, pl.len(), dtype=pl.String)).collect().to_series()
        return self._frame.select(pl.col(self._names[place]).cast(pl.String).replace("", None)).collect().to_series()
