"""`brain report impact`: what stops when a thing is down, or what may be behind it."""

import csv
import sys
from dataclasses import asdict
from typing import Any

import click
import orjson

from brain.analytics.lives import MICRO
from brain.cli.options import format_option, opened, run, store_option
from brain.cli.times import INSTANT, SPAN
from brain.reports.document import camel


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--at", type=INSTANT, metavar="TIME", help="When it goes down; times are then told too.")
@click.option("--for", "lasts", type=SPAN, metavar="SPAN", help="For how long, such as 30m or 2h. [default: for good]")
@click.option("--causes", is_flag=True, help="What may be behind ID being down, in place of what it takes with it.")
@click.option("--as-of", type=INSTANT, metavar="TIME", help="On the graph as it was then. [default: as it is]")
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
@format_option("table", "json", "csv")
@run
async def impact(
    id_: str,
    at: int | None,
    lasts: int | None,
    causes: bool,
    as_of: int | None,
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
    brain report impact medicationorder/RX-0094 --causes
    """
    from brain.analytics import breakdown
    from brain.analytics.graph.causes import causes as find_causes
    from brain.analytics.graph.impact import Asked
    from brain.analytics.graph.impact import impact as find_impact
    from brain.analytics.graph.reading import read
    from brain.naming import resolve
    from brain.query import AsOf

    if causes and (at is not None or lasts is not None):
        raise click.UsageError("--at and --for say how long ID is down; --causes asks what is behind it: leave them out")
    since, long = at if at is not None else as_of, None if lasts is None else lasts * MICRO
    wanted = breakdown.Asked(since, long, seconds=patience)
    found: Any = None
    outlook = None
    async with opened(store) as o:
        root = await resolve(o.merged, o.schema, id_)
        snapshot = await read(o.merged, o.schema, AsOf(valid=as_of))
        if causes:
            found = find_causes(snapshot, o.schema, root, depth, first)
        elif section != "outlook":
            found = find_impact(snapshot, o.schema, root, Asked(since, long, depth, first, patience))
        if not causes and section != "impact" and (section == "outlook" or await o.merged.object_types()):
            outlook = await breakdown.breakdown(o.merged, o.schema, snapshot, root, wanted)
    _print(found, outlook, form)


COLUMNS = ("id", "class", "name", "part", "afterSeconds", "distance", "via")


def _print(found: Any, outlook: Any, form: str) -> None:
    match form:
        case "json":
            told = {} if found is None else plain_json(found)
            told |= {} if outlook is None else {"outlook": plain_json(outlook)}
            click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        case "csv" if found is None:
            from brain.cli.tables_outlook import outlook_rows

            csv.writer(sys.stdout).writerows(outlook_rows(outlook))
        case "csv":
            from brain.analytics.graph.causes import Suspects

            rows = found.causes if isinstance(found, Suspects) else found.affected
            writer = csv.writer(sys.stdout)
            writer.writerow(COLUMNS)
            writer.writerows((r.id, r.cls, r.name or "", r.part, r.after_seconds, r.distance, way_of(r)) for r in rows)
        case _:
            _print_tables(found, outlook)


def _print_tables(found: Any, outlook: Any) -> None:
    from brain.analytics.graph.causes import Suspects
    from brain.cli.tables_graph import print_causes, print_impact
    from brain.cli.tables_outlook import print_outlook

    if isinstance(found, Suspects):
        print_causes(found)
    elif found is not None:
        print_impact(found)
    if outlook is not None:
        print_outlook(outlook)


def way_of(row: Any, arrow: str = " > ") -> str:
    """The things on the way, from the first that is down to the last."""
    return arrow.join([*(c.provider for c in row.via[:1]), *(c.dependent for c in row.via)])


def plain_json(found: Any) -> Any:
    """A result as GraphQL names it."""
    return _named(asdict(found))


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {"class" if key == "cls" else camel(key): _named(member) for key, member in value.items()}
    return [_named(member) for member in value] if isinstance(value, list | tuple) else value
