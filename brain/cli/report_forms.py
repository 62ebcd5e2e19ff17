"""A process report for programs: one JSON document, or one table of it as CSV."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from brain.analytics.process_report import ProcessReport
from brain.cli.sheets import Sheet
from brain.reports.document import document

Rows = Iterator[Sequence[Any]]

STATE_COLUMNS = ("troubleSeconds", "chanceSeconds", "excessSeconds", "excessShare", "pValue", "qValue", "sure")
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
    told = report_json(report)
    Sheet(file).writerows(dated(told, SHEETS[sheet](told)))
    return file.getvalue()


def dated(told: Mapping[str, Any], rows: Rows) -> Rows:
    """The rows of a table, of a past time with columns that name it."""
    times = {name: told[name] for name in ("asOf", "knownAt") if told[name] is not None}
    yield [*next(rows), *times]
    for row in rows:
        yield [*row, *times.values()]


def _waits(report: Mapping[str, Any]) -> Rows:
    return _plain(HANDOVER_COLUMNS, report["edges"])


def _causes(report: Mapping[str, Any]) -> Rows:
    yield ("source", "target", "count", "seconds", "cause", "causeSeconds", "share", "waits")
    for edge in (report["causes"] or {"edges": ()})["edges"]:
        for part in edge["parts"]:
            yield [
                *(edge[c] for c in ("source", "target", "count", "seconds")),
                *(part[c] for c in ("cause", "seconds", "share", "waits")),
            ]


def _confidence(report: Mapping[str, Any]) -> Rows:
    columns = ("source", "target", "count", "objects", "rank", "bestRank", "worstRank", "firstShare")
    yield (*columns, "meanLow", "meanHigh", "totalLow", "totalHigh")
    for edge in (report["confidence"] or {"edges": ()})["edges"]:
        yield [*(edge[c] for c in columns), *_bounds(edge["mean"]), *_bounds(edge["total"])]


def _bounds(found: Mapping[str, float] | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found["low"], found["high"])


def _change(report: Mapping[str, Any]) -> Rows:
    columns = ("source", "target", "countBefore", "countNow", "meanBeforeSeconds", "meanNowSeconds", "differenceSeconds")
    return changes(columns, (report["change"] or {"edges": ()})["edges"])


def changes(columns: Sequence[str], edges: Sequence[Mapping[str, Any]]) -> Rows:
    """Changed handovers with their intervals."""
    yield (*columns, "low", "high", "sure", "extraSeconds")
    for edge in edges:
        yield [*(edge[c] for c in columns), *_bounds(edge["difference"]), edge["sure"], edge["extraSeconds"]]


def _relief(report: Mapping[str, Any]) -> Rows:
    columns = ("activity", "action", "medianBefore", "medianAfter", "p95Before", "p95After")
    yield (*columns, "gainMedianLow", "gainMedian", "gainMedianHigh", "gainP95Low", "gainP95", "gainP95High", "trusted")
    for one in (report["relief"] or {"reliefs": ()})["reliefs"]:
        gains = [one[gain][end] for gain in ("gainMedian", "gainP95") for end in ("low", "mid", "high")]
        yield [*(one[c] for c in columns), *gains, one["trusted"]]


def _machines(report: Mapping[str, Any]) -> Rows:
    columns = ("id", "sole", "shifting", "active", "known", "periods", "meanPeriodSeconds", "longestPeriodSeconds")
    return _plain(columns, (report["machines"] or {"machines": ()})["machines"])


def _resources(report: Mapping[str, Any]) -> Rows:
    columns = ("resource", "basis", "steps", "busySeconds", "availableSeconds", "utilisation", "atOnce")
    return _plain(columns, (report["flow"] or {"resources": ()})["resources"])


def _attribution(report: Mapping[str, Any]) -> Rows:
    """Of the whole, then of each handover: who carries it, and the states that coincide with it."""
    yield ("source", "target", "kind", "id", "reason", "seconds", "share", *STATE_COLUMNS, "low", "high")
    found = report["attribution"]
    for one in [found["whole"], *found["handovers"]] if found else ():
        ends = (one["source"], one["target"])
        for kind in ("persons", "teams", "assets"):
            for part in one[kind]:
                told = [part[c] for c in ("who", "reason", "seconds", "share")]
                yield [*ends, kind[:-1], *told, *[None] * (len(STATE_COLUMNS) + 2)]
        for state in one["states"]:
            told = [state["id"], None, state["coincidesSeconds"], state["coincidesShare"]]
            yield [*ends, state["trouble"], *told, *(state[c] for c in STATE_COLUMNS), *_bounds(state["excess"])]


def _plain(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Rows:
    yield columns
    for row in rows:
        yield [row[column] for column in columns]


SHEETS: Mapping[str, Callable[[Mapping[str, Any]], Rows]] = {
    "waits": _waits,
    "causes": _causes,
    "confidence": _confidence,
    "resources": _resources,
    "machines": _machines,
    "change": _change,
    "relief": _relief,
    "attribution": _attribution,
}
"""The tables that CSV may have: one a call. Of a section that is not there it has its heading alone."""

SECTION_OF = {"waits": None, "resources": "times"}
"""The section that a sheet needs, where its name is another one."""
