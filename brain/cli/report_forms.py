"""A process report for programs: one JSON document, or one table of it as CSV."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from brain.analytics.process_report import ProcessReport
from brain.reports.document import document

Rows = Iterator[Sequence[Any]]

HANDOVER_COLUMNS = ("source", "target", "count", "meanSeconds", "medianSeconds", "p90Seconds", "totalSeconds", "overlaps")


def report_json(report: ProcessReport) -> dict[str, Any]:
    """The shape that scripts rely on; keys may be added to it, never taken away. The waits are not below a key of their own."""
    whole: dict[str, Any] = document(report)
    waits: dict[str, Any] = whole.pop("waits")
    return waits | whole


def json_text(report: ProcessReport) -> str:
    return orjson.dumps(report_json(report), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def csv_text(report: ProcessReport, sheet: str) -> str:
    """One table of the report, its first row the names of its columns."""
    file = io.StringIO()
    csv.writer(file).writerows(SHEETS[sheet](report_json(report)))
    return file.getvalue()


def _waits(report: Mapping[str, Any]) -> Rows:
    yield HANDOVER_COLUMNS
    for edge in report["edges"]:
        yield [edge[column] for column in HANDOVER_COLUMNS]


SHEETS: Mapping[str, Callable[[Mapping[str, Any]], Rows]] = {"waits": _waits}
