"""The outlook of a breakdown for people, on stdout, and as rows."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from brain.analytics.breakdown import Breakdown
from brain.analytics.graph.impact import Impact
from brain.analytics.outlook import Outlook
from brain.cli.tables import console_of, plain
from brain.reports.outlook_words import late_rows, left, open_and_under_way, sentence, unforeseen, way
from brain.reports.reflects_words import graph_as_of
from brain.words import iso

COLUMNS = (
    "objectType",
    "id",
    "probability",
    "delayMedianSeconds",
    "delayP10Seconds",
    "delayP90Seconds",
    "undisturbedEnd",
    "due",
    "overdueSeconds",
    "impactMedian",
    "impactLow",
    "impactHigh",
    "activity",
    "via",
)


def outlook_rows(found: Breakdown) -> Iterator[tuple[object, ...]]:
    """The objects that become late, one a row, below the names of the columns."""
    yield COLUMNS
    for outlook in found.outlooks:
        for one in outlook.late:
            delays = ("" if d is None else d for d in (one.delay_median_seconds, one.delay_p10_seconds, one.delay_p90_seconds))
            due = ("", "") if one.due is None else (iso(one.due), "" if one.overdue_seconds is None else one.overdue_seconds)
            times = (iso(at) for at in (one.impact_median, one.impact_low, one.impact_high))
            ends = (iso(one.undisturbed_end), *due)
            told = (outlook.object_type, one.id, one.probability, *delays, *ends, *times, one.activity)
            yield (*told, way(found, one, " > "))


def print_outlook(found: Breakdown, impact: Impact | None) -> None:
    """Beside what is lost, where that is told too."""
    console = console_of()
    if impact is not None and (told := open_and_under_way(impact, found)):
        console.print(f"[dim]{told}[/]", soft_wrap=True)
    if not found.outlooks:
        console.print("Nothing that is down with it carries out steps: no object becomes late by it.")
    for outlook in found.outlooks:
        _print(console, found, outlook)
    if told := graph_as_of(found.reflects):
        console.print(f"[dim]{told}[/]", soft_wrap=True)


def _print(console: Console, found: Breakdown, outlook: Outlook) -> None:
    console.print(f"[bold]{plain(outlook.object_type)}[/]: {sentence(outlook)}")
    if outlook.late:
        table = Table()
        table.add_column("late", no_wrap=True)
        due = any(one.due is not None for one in outlook.late)
        for name in ("probability", "by (8 in 10)", "else ends", *(["due date"] * due), "feels it (9 in 10)", "by way of"):
            table.add_column(name)
        for row in late_rows(found, outlook):
            ends = (row.end, *([row.due] * due))
            table.add_row(plain(row.id), row.probability, row.delay, *ends, row.felt, plain(row.way))
        console.print(table)
    for line in left(outlook):
        console.print(plain(line))
    if outlook.unforeseen:
        console.print(f"[yellow]{unforeseen(outlook)}[/]")
    if outlook.partial:
        console.print(f"[yellow]Partial: {outlook.runs:,} replays were made in the time.[/]")
    if outlook.reason:
        console.print(f"[yellow]{plain(outlook.reason)}[/]")
    console.print(f"[dim]Definition: {outlook.definition}. {outlook.runs:,} replays.[/]", soft_wrap=True)
