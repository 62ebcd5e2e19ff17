"""`brain report observed`: what follows what, beyond chance."""

import sys
from dataclasses import fields

import click
import orjson
from rich.table import Table

from brain.analytics.observed import SHARE, Between, Observed, ObservedDependencies
from brain.cli.left_out import say_partial
from brain.cli.options import format_option, object_type_option, opened, run, store_option
from brain.cli.report_bottlenecks import only_type
from brain.cli.sheets import Sheet
from brain.cli.tables import console_of, plain
from brain.cli.times import SPAN, past_options
from brain.reports.document import camel, document
from brain.words import duration, share

STEPS = "what follows what", "after", "comes", "objects", "follow each other"
STATES = "what waits while what is down or degraded", "while", "waiting for", "waits", "coincide"
"""The title, the columns, and what those do that are seen."""
COLUMNS = tuple(camel(field.name) for field in fields(Observed))


@click.command()
@store_option
@object_type_option
@past_options
@click.option(
    "--between",
    type=click.Choice([kind.value for kind in Between]),
    default=Between.ACTIVITIES.value,
    show_default=True,
    help="Steps by what is done, or by who does it; or waits by the state of an asset upstream.",
)
@click.option(
    "--false-discoveries",
    type=click.FloatRange(0, 1, min_open=True),
    default=SHARE,
    show_default=True,
    help="The share of what is told that may be there by chance.",
)
@click.option("--top", type=click.IntRange(1), default=30, show_default=True, help="Rows of the table.")
@click.option("--patience", type=SPAN, metavar="SPAN", help="Then it tells what it has, and that it is partial.")
@format_option("table", "json", "csv")
@run
async def observed(
    store: str | None,
    object_type: str | None,
    as_of: int | None,
    known_at: int | None,
    between: str,
    false_discoveries: float,
    top: int,
    patience: int | None,
    form: str,
) -> None:
    """What comes directly after what in the lives of objects, more often than a random order would give; or what is waited for
    while an asset is down or degraded, more than at any other time.

    Each dependency with its support, its strength, its delays, and since when it was seen. These are observed; what somebody
    declared is told by `brain report dependencies`.

    \b
    brain report observed --object-type items
    brain report observed --object-type case --between resources --format csv > handovers.csv
    brain report observed --object-type items --between states
    brain report observed --object-type items --as-of 2026-03-02T12:00 --known-at 2026-03-03
    """
    from brain.analytics.observed import observed as find
    from brain.query import AsOf
    from brain.rewound import rewound

    async with opened(store) as o:
        past = rewound(o.merged, o.schema, AsOf(as_of, known_at))
        chosen = object_type or await only_type(past)
        found = await find(past, o.schema, chosen, Between(between), false_discoveries, patience)
    match form:
        case "json":
            click.echo(orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode())
        case "csv":
            writer = Sheet(sys.stdout)
            writer.writerow(COLUMNS)
            writer.writerows(document(edge).values() for edge in found.edges)
            say_partial(found.partial)
        case _:
            _print(found, top)


def _print(found: ObservedDependencies, top: int) -> None:
    console = console_of()
    of_states = found.between is Between.STATES
    what, first, then, counted, how = STATES if of_states else STEPS
    title = f"{found.object_type}: {what} ({min(top, len(found.edges))} of {len(found.edges)})"
    table = Table(first, then, title=title, title_justify="left")
    for name in (counted, "share", "by chance", "median delay", "p90"):
        table.add_column(name, justify="right", no_wrap=True)
    for e in found.edges[:top]:
        chance = share(e.expected / e.together)
        figures = (f"{e.support:,}", share(e.strength), chance, duration(e.delay_median_seconds), duration(e.delay_p90_seconds))
        provider = e.provider if e.trouble is None else f"{e.provider} {e.trouble}"
        table.add_row(plain(provider), plain(e.dependent), *figures)
    console.print(table)
    if found.partial:
        console.print(f"[yellow]Partial: of {found.objects:,} objects; the lives of {found.unexplored:,} more were not read.[/]")
    if of_states and not found.pairs:
        console.print("No asset upstream of what was waited for was down or degraded.")
    console.print(
        f"[dim]Of {found.pairs:,} pairs {found.seen:,} {how}, {len(found.edges):,} beyond chance (at most"
        f" {share(found.false_discoveries)} of these are there by chance). Definition: {found.definition}. Ontology"
        f" {found.ontology_version}.[/]",
        soft_wrap=True,
    )
