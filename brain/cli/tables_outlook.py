"""The outlook of a breakdown for people, on stdout, and as rows."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from brain.analytics.breakdown import Breakdown
from brain.analytics.outlook import Late, Outlook
from brain.cli.tables import console_of, plain
from brain.reports.dependency_things import way_of
from brain.words import duration, iso, moment, share

COLUMNS = (
    "objectType",
    "id",
    "probability",
    "delayMedianSeconds",
    "delayP10Seconds",
    "delayP90Seconds",
    "due",
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
            times = (iso(at) for at in (one.due, one.impact_median, one.impact_low, one.impact_high))
            yield (outlook.object_type, one.id, one.probability, *delays, *times, one.activity, _way(found, one, " > "))


def print_outlook(found: Breakdown) -> None:
    console = console_of()
    if not found.outlooks:
        console.print("Nothing that is down with it carries out steps: no object becomes late by it.")
    for outlook in found.outlooks:
        _print(console, found, outlook)


def _print(console: Console, found: Breakdown, outlook: Outlook) -> None:
    told = f"{len(outlook.late):,} of {outlook.running:,} that are under way on {moment(outlook.at)} become late"
    console.print(f"[bold]{plain(outlook.object_type)}[/]: {told}, by more than {duration(outlook.tolerance_seconds)}")
    if outlook.late:
        table = Table()
        table.add_column("late", no_wrap=True)
        for name in ("probability", "by (8 in 10)", "due", "feels it (9 in 10)", "by way of"):
            table.add_column(name)
        for one in outlook.late:
            due = _clock(one.due, outlook.at)
            table.add_row(plain(one.id), share(one.probability), _delays(one), due, _impact(one, outlook.at), _path(found, one))
        console.print(table)
    for step in outlook.steps:
        left = ", ".join(step.left) or "nobody"
        console.print(f"{plain(step.activity)} without {plain(', '.join(step.down))}: {plain(left)} left to do it")
    if outlook.unforeseen:
        console.print(f"[yellow]Of {outlook.unforeseen:,} more nothing can be said: nobody did before what they do.[/]")
    if outlook.partial:
        console.print(f"[yellow]Partial: {outlook.runs:,} replays were made in the time.[/]")
    if outlook.reason:
        console.print(f"[yellow]{plain(outlook.reason)}[/]")
    console.print(f"[dim]Definition: {outlook.definition}. {outlook.runs:,} replays.[/]", soft_wrap=True)


def _delays(one: Late) -> str:
    return _with_range(*map(_delay, (one.delay_p10_seconds, one.delay_median_seconds, one.delay_p90_seconds)))


def _delay(seconds: float | None) -> str:
    return "for good" if seconds is None else duration(seconds)


def _impact(one: Late, at: int) -> str:
    return _with_range(*(_clock(instant, at) for instant in (one.impact_low, one.impact_median, one.impact_high)))


def _with_range(low: str, mid: str, high: str) -> str:
    return mid if low == high else f"{mid} ({low} to {high})"


def _clock(instant: int, at: int) -> str:
    """The time of the day, with the date where it is another day's than that of `at`."""
    day, time = moment(instant)[:-3].split()
    return time if moment(at).startswith(day) else f"{day} {time}"


def _path(found: Breakdown, one: Late) -> str:
    return plain(_way(found, one, " → "))


def _way(found: Breakdown, one: Late, arrow: str) -> str:
    """The things on the way to the resource, then what it does."""
    down = next((resource for resource in found.resources if resource.id == one.resource), None)
    way = way_of(down, arrow) if down is not None else ""
    return arrow.join([way or one.resource or found.id, one.activity])
