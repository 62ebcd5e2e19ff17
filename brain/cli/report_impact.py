"""`brain report impact`: what stops when a thing is down, or what may be behind it."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import orjson

from brain.analytics.lives import MICRO
from brain.cli.left_out import say_left_out, say_partial
from brain.cli.options import format_option, opened, run, store_option
from brain.cli.sheets import Sheet
from brain.cli.times import INSTANT, SPAN, past_options
from brain.reports.document import document

if TYPE_CHECKING:
    from brain.analytics.graph.causes import Suspects
    from brain.query import AsOf


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--at", type=INSTANT, metavar="TIME", help="When it goes down: times are told too; if past, as of then.")
@click.option("--for", "lasts", type=SPAN, metavar="SPAN", help="For how long, such as 30m or 2h. [default: for good]")
@click.option("--capacity", type=float, default=0.0, metavar="SHARE", help="What is left of ID, 0 to below 1. [default: 0, down]")
@click.option("--causes", is_flag=True, help="What may be behind ID being down, or late if it has steps; --at: as of when.")
@past_options
@click.option("--depth", type=click.IntRange(1, 100), default=20, show_default=True, help="Dependencies followed.")
@click.option("--first", type=click.IntRange(1), default=50, show_default=True, help="Things told one by one; all are counted.")
@click.option(
    "--section",
    type=click.Choice(["all", "impact", "outlook"]),
    default="all",
    show_default=True,
    help="impact: what is lost with ID; outlook: which running objects become late. CSV of all has the impact.",
)
@click.option("--patience", type=SPAN, metavar="SPAN", help="Then it tells what it has, and that it is partial.")
@store_option
@format_option("table", "json", "csv", "html")
@run
async def impact(
    id_: str,
    at: int | None,
    lasts: int | None,
    capacity: float,
    causes: bool,
    as_of: int | None,
    known_at: int | None,
    depth: int,
    first: int,
    section: str,
    patience: int | None,
    store: str | None,
    form: str,
) -> None:
    """What stops while ID is down, when, and by which way; what redundancy and buffers absorb; which running objects become late,
    by how much, out of what was known at the time.

    \b
    brain report impact asset/ROB-1 --at 2026-03-02T12:00 --for 2h
    brain report impact asset/ROB-1 --format html > loss.html
    brain report impact medicationorder/RX-0094 --causes
    brain report impact asset/ROB-1 --as-of 2026-03-02T12:00 --known-at 2026-03-02T12:05
    """
    from brain.analytics import breakdown
    from brain.analytics.deadline import deadline
    from brain.analytics.graph.concerned import concerned
    from brain.analytics.graph.evidence import with_evidence
    from brain.analytics.graph.impact import MOST, Asked, graph_of
    from brain.analytics.graph.impact import impact as find_impact
    from brain.analytics.graph.reading import read
    from brain.cli.report_bottlenecks import now
    from brain.naming import resolve
    from brain.query import AsOf
    from brain.rewound import rewound

    if form == "html" and (causes or capacity):
        raise click.UsageError("the page is of what stops: leave out --causes and --capacity, or take another format")
    if causes and (lasts is not None or capacity):
        raise click.UsageError("--for and --capacity say how ID is down; --causes asks what is behind it: leave them out")
    if section == "outlook" and (causes or capacity or form == "html"):
        raise click.UsageError("the outlook is of ID being down: leave out --causes and --capacity; the page has it anyway")
    if causes:
        _print(await _behind(store, id_, AsOf(as_of, known_at), at, depth, first, patience), None, None, form)
        return
    point = graph_of(at, as_of, known_at, now())
    since, long = at if at is not None else as_of, None if lasts is None else lasts * MICRO
    found: Any = None
    outlook = concern = None
    async with opened(store) as o:
        snapshot, past = await read(o.merged, o.schema, point), rewound(o.merged, o.schema, point)
        root = await resolve(past, o.schema, id_)
        if section != "outlook":
            found = find_impact(snapshot, o.schema, root, Asked(since, long, depth, max(first, MOST), patience, capacity))
            concern = await concerned(o.merged, o.schema, found, first, point, deadline(patience))
            if form != "html":
                found = replace(found, affected=found.affected[:first], absorbed=found.absorbed[:first])
        # What does less delays nobody that a replay could tell of.
        replayed = section == "outlook" or (section == "all" and form != "csv" and await past.object_types())
        if replayed and not capacity:
            wanted = breakdown.Asked(since, long, seconds=patience)
            outlook = await breakdown.breakdown(past, o.schema, snapshot, root, wanted)
        found, outlook = await with_evidence(o.merged, o.schema, (found, outlook))
    if form == "html":
        from brain.reports.impact_page import impact_page

        click.echo(impact_page(snapshot, o.schema, found, first, now(), outlook, concern), nl=False)
    else:
        _print(found, outlook, concern, form)


async def _behind(
    store: str | None, id_: str, point: "AsOf", moment: int | None, depth: int, first: int, patience: int | None
) -> "Suspects":
    """Of what has steps, what is behind its delay; else what may be behind its being down."""
    from brain.analytics.graph.causes import causes
    from brain.analytics.graph.delayed import Asked, delay, dependencies_at
    from brain.analytics.graph.evidence import with_evidence
    from brain.analytics.graph.reading import read
    from brain.naming import resolve
    from brain.rewound import rewound

    async with opened(store) as o:
        root = await resolve(rewound(o.merged, o.schema, point), o.schema, id_)
        found = await delay(o.merged, o.schema, root, Asked(point, moment, depth, first, patience))
        if found is None:
            then = dependencies_at(point, moment)
            root = await resolve(rewound(o.merged, o.schema, then), o.schema, id_)
            found = causes(await read(o.merged, o.schema, then), o.schema, root, depth, first, patience)
        return await with_evidence(o.merged, o.schema, found)


COLUMNS = ("id", "class", "name", "part", "afterSeconds", "distance", "via")


def _print(found: Any, outlook: Any, concern: Any, form: str) -> None:
    match form:
        case "json":
            told = {} if found is None else document(found)
            told |= {name: document(one) for name, one in (("outlook", outlook), ("concerned", concern)) if one is not None}
            click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        case "csv" if found is None:
            from brain.cli.tables_outlook import outlook_rows

            Sheet(sys.stdout).writerows(outlook_rows(outlook))
            say_partial(outlook.partial)
        case "csv":
            from brain.analytics.graph.causes import Suspects
            from brain.reports.dependency_things import way_of
            from brain.reports.document import camel
            from brain.reports.evidence_words import LINK_COLUMNS, link_cells

            suspects = isinstance(found, Suspects)
            rows = found.causes if suspects else found.affected
            writer = Sheet(sys.stdout)
            more = ("state", "alone", "down_seconds") if suspects else ("capacity",)
            writer.writerow((*COLUMNS, *map(camel, more), *LINK_COLUMNS))
            for r in rows:
                told = (r.id, r.cls, r.name or "", r.part, r.after_seconds, r.distance, way_of(r))
                writer.writerow((*told, *(getattr(r, column) for column in more), *link_cells(r)))
            count = found.count if suspects else sum(counted.count for counted in found.counts)
            say_left_out(len(rows), count, found.partial, "--first")
        case _:
            _print_tables(found, outlook, concern)


def _print_tables(found: Any, outlook: Any, concern: Any) -> None:
    from brain.analytics.graph.causes import Suspects
    from brain.cli.tables_graph import print_causes, print_impact
    from brain.cli.tables_outlook import print_outlook

    if isinstance(found, Suspects):
        print_causes(found)
    elif found is not None:
        print_impact(found, concern)
    if outlook is not None:
        print_outlook(outlook, found)
    elif found is not None and not isinstance(found, Suspects) and found.capacity:
        click.echo("Who becomes late is foreseen of what is down alone: leave out --capacity.", err=True)
