"""`brain report bottlenecks`: where work waits, why, how sure that is, and what would help."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from brain.analytics.calendars import Calendar
from brain.analytics.given_calendars import BadCalendar, given_calendars
from brain.analytics.lives import Lifecycle
from brain.analytics.process_material import Asked, Section
from brain.analytics.process_report import ProcessReport
from brain.analytics.work import Perspective
from brain.cli.log_options import log_options
from brain.cli.options import Opened, format_option, object_type_option, opened, run, store_option
from brain.cli.report_forms import SECTION_OF, SHEETS, csv_text, json_text
from brain.cli.report_log import LogFile, report_on
from brain.cli.schedule import Publication, publish_every
from brain.cli.times import INSTANT, SPAN, past_options, period_of
from brain.legible import legible
from brain.ports import Store
from brain.query import AsOf
from brain.rewound import point_of, rewound
from brain.words import point

SLOW = frozenset((Section.RELIEF,))
"""Sections that run simulations: only the page has them without being asked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options that say what the report is of and what is in it; `last` is a period that moves."""

    object_type: str | None
    lifecycle: Lifecycle | None
    since: int | None
    until: int | None
    last: int | None
    view: Perspective
    machines: str | None
    min_frequency: int | None
    sections: tuple[str, ...]
    calendars: Mapping[str, Calendar]
    context_since: int | None
    as_of: int | None
    known_at: int | None

    @property
    def at(self) -> AsOf:
        return AsOf(self.as_of, self.known_at)

    def asked(self, slow: bool) -> Asked:
        """Where no time is named, as of now; the `slow` sections too, where none is named."""
        if self.sections:
            sections = frozenset(Section(name) for name in self.sections if name != "none")
        else:
            sections = frozenset(Section) - (frozenset() if slow else SLOW)
        period = period_of(self.since, self.until, self.last, now() if self.as_of is None else self.as_of)
        view, hours = self.view, self.calendars
        return Asked(
            self.lifecycle, self.min_frequency, period, sections, self.machines, view, hours, self.context_since, self.at
        )


@click.command()
@store_option
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Report on this log file (any that `brain import` reads), as if it were all that was ever imported.",
)
@object_type_option
@click.option("--lifecycle", type=click.Choice(["complete"]), help="Report over complete transitions alone.")
@click.option("--since", type=INSTANT, metavar="TIME", help="Only objects whose last step ended at this time or later.")
@click.option("--until", type=INSTANT, metavar="TIME", help="Only objects whose last step ended before this time.")
@click.option("--last", type=SPAN, metavar="SPAN", help="Only objects whose last step ended within this span until now: 7d.")
@past_options
@click.option(
    "--context-since",
    type=INSTANT,
    metavar="TIME",
    help="Leave out what ended before this time, as if it were not known: nobody was busy with it. [default: all is known]",
)
@click.option(
    "--view",
    type=click.Choice(["handover", "enabled"]),
    default="handover",
    show_default=True,
    help="Of the causes: waiting since the step before ended, or since all was done that the step depends on.",
)
@click.option(
    "--machines",
    metavar="CLASS",
    help="Seek the bottleneck of the machines among these. [default: whatever carries out the steps and reports its states]",
)
@click.option(
    "--min-frequency",
    type=click.IntRange(1),
    help="Least handovers for a place in the ranking by mean. [default: the larger of 10 and 1 % of the objects]",
)
@click.option(
    "--section", "sections", multiple=True, type=click.Choice(["none", *(s.value for s in Section)]),
    help="What to work out beside the waits; several times for several. [default: all; relief, which is slow, in HTML alone]",
)  # fmt: skip
@click.option(
    "--calendars",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Working hours of resources, in YAML, instead of those seen in the log.",
)
@click.option("--sheet", type=click.Choice(list(SHEETS)), default="waits", show_default=True, help="Which table CSV has.")
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="Rows of each table.")
@click.option("--every", type=SPAN, metavar="SPAN", help="Write a report now and then each span, such as 1d, until stopped.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER", help="Where --every writes HTML and JSON."
)
@format_option("table", "json", "csv", "html")
@log_options
@run
async def bottlenecks(
    store: str | None,
    calendars: Path | None,
    sheet: str,
    top: int,
    every: int | None,
    out: Path | None,
    form: str,
    **what: Any,
) -> None:
    """Waiting between activities: where, why, how sure that is, what changed and what would help.

    An object belongs to the period in which its last step ended, with its whole life. Times without an offset are UTC.

    \b
    brain report bottlenecks --store sqlite:///t.db --object-type items
    brain report bottlenecks --object-type case --format html > report.html
    brain report bottlenecks --object-type case --lifecycle complete --format json | jq '.edges[0]'
    brain report bottlenecks --last 7d --every 1d --out reports/
    brain report bottlenecks --as-of 2026-03-02T12:00 --known-at 2026-03-03
    brain report bottlenecks --log purchasing.csv --case "Case ID" --format html > report.html
    brain report bottlenecks --object-type case --calendars hours.yaml

    \b
    hours.yaml, by resource, `*` for all that are not named:
      "*": {mon-fri: ["08:00-12:00", "13:00-17:00"], zone: Europe/Berlin, holidays: [2026-12-25]}
      agent/Anna: {mon-thu: ["22:00-06:00"], zone: Europe/Berlin}
      asset/ROB-1: always
    """
    if (every is None) != (out is None):
        raise click.UsageError("--every and --out go together: how often to write, and where")
    if form == "csv" and not what["sections"]:
        what["sections"] = (SECTION_OF.get(sheet, sheet) or "none",)  # nothing else of the report would be seen
    log = LogFile.taken_from(what)
    if log and (store is not None or every is not None):
        raise click.UsageError("--log reports on a file, once: it goes with neither --store nor --every")
    if log and (what["as_of"] is not None or what["known_at"] is not None):
        raise click.UsageError("--as-of and --known-at read what a store keeps: `brain import` the file first")
    wanted = Wanted(**what, calendars=_calendars(calendars))
    wanted.asked(slow=False)  # a period that is none is told before anything is opened
    if every is not None and out is not None:
        await publish_every(every, out, lambda: _published(store, wanted))
        return
    if log:
        report = await report_on(log, wanted.object_type, wanted.asked(form == "html"), _progress, only_type)
    else:
        async with opened(store) as o:
            report = await _made(o, wanted, form == "html", _progress)
    _print(report, form, sheet, top)


def _calendars(path: Path | None) -> Mapping[str, Calendar]:
    if path is None:
        return {}
    try:
        return given_calendars(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise BadCalendar(f"{path}: is not UTF-8; save the file as UTF-8") from None
    except BadCalendar as why:
        raise BadCalendar(f"{path}: {why}") from None


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        click.echo(line, err=True)


def now() -> int:
    """µs since the epoch."""
    return time.time_ns() // 1000


async def _made(o: Opened, wanted: Wanted, slow: bool, say: Callable[[str], None] | None = None) -> ProcessReport:
    """The report of an opened store."""
    from brain.analytics.process_report import process_report

    then = rewound(o.merged, o.schema, wanted.at)
    chosen = wanted.object_type or await only_type(then)
    return await process_report(then, o.schema, chosen, wanted.asked(slow), say)


async def _published(store: str | None, wanted: Wanted) -> Publication:
    """The report as the files that `--every` writes."""
    from brain.reports.page import report_page

    async with opened(store) as o:
        report = await _made(o, wanted, slow=True)
    written = now()
    return Publication("bottlenecks", written, {"html": report_page(report, written), "json": json_text(report)})


def _print(report: ProcessReport, form: str, sheet: str, top: int) -> None:
    match form:
        case "html":
            from brain.reports.page import report_page

            click.echo(report_page(report, now()), nl=False)
        case "json":
            click.echo(json_text(report), nl=False)
        case "csv":
            click.echo(csv_text(report, sheet), nl=False)
            for part in report.absent:
                if part.section == SECTION_OF.get(sheet, sheet):
                    click.echo(f"no {part.section}: {legible(part.reason)}", err=True)
        case _:
            from brain.cli.report_tables import print_report

            print_report(report, top)


async def only_type(store: Store) -> str:
    """The one object type of the store; wrong use where there are more to choose from."""
    types = await store.object_types()
    if len(types) == 1:
        return next(iter(types))
    if not types:
        then = point(*point_of(store))
        missing = f"nothing had a step {then}" if then else "the store holds no steps yet: `brain import FILE`, or `brain demo`"
        raise click.ClickException(missing)
    raise click.UsageError(f"choose one with --object-type: {', '.join(f'{t!r} ({n})' for t, n in types.items())}")
