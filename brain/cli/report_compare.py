"""`brain report compare`: two periods, or two stores, beside each other."""

import io
import re
from typing import NamedTuple

import click
import orjson
from rich.table import Table

from brain.analytics.comparison import Comparison
from brain.analytics.lives import Lifecycle
from brain.analytics.process_material import Asked, Material, Period
from brain.cli.options import format_option, opened, run, store_option
from brain.cli.report_bottlenecks import now, only_type
from brain.cli.report_forms import changes, dated
from brain.cli.sheets import Sheet
from brain.cli.times import INSTANT, past_options, period_of
from brain.query import AsOf
from brain.reports.document import document
from brain.rewound import rewound
from brain.words import point

COLUMNS = ("source", "target", "countBefore", "countNow", "meanBeforeSeconds", "meanNowSeconds", "differenceSeconds")


class Named(NamedTuple):
    """One side, as it was named: of a store (None: that of --store) the objects that ended in a period."""

    name: str
    store: str | None
    period: Period


class SideType(click.ParamType):
    """A store's address, a period SINCE..UNTIL, or both: ADDRESS@SINCE..UNTIL; either end may be left out."""

    name = "side"

    def convert(self, value: str | Named, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        if isinstance(value, Named):
            return value
        found = re.fullmatch(r"(?:(?P<store>[a-z0-9+]+://.*?)@?)?(?:(?P<since>[^./@]*)\.\.(?P<until>[^./@]*))?", value)
        if found is None or not value:
            self.fail(f"{value!r} is no side: write a store's address, SINCE..UNTIL, or both as ADDRESS@SINCE..UNTIL", param, ctx)
        since, until = (INSTANT.convert(text, param, ctx) if text else None for text in (found["since"], found["until"]))
        name = value if found["store"] is None else re.sub(r"//[^@/]*:[^@/]*@", "//", value)
        return Named(name, found["store"], period_of(since, until, None, 0))


@click.command()
@click.argument("a", type=SideType(), metavar="A")
@click.argument("b", type=SideType(), metavar="B")
@store_option
@click.option(
    "--object-type", metavar="T", help="A class of the ontology or the type of a log's objects; `case` for XES and CSV."
)
@click.option("--lifecycle", type=click.Choice(["complete"]), help="Compare complete transitions alone.")
@past_options
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="Rows of the table.")
@format_option("table", "json", "csv", "html")
@run
async def compare(
    a: Named,
    b: Named,
    store: str | None,
    object_type: str | None,
    lifecycle: Lifecycle | None,
    as_of: int | None,
    known_at: int | None,
    top: int,
    form: str,
) -> None:
    """What waits longer in B than in A, and what less, with intervals.

    A and B are periods of the store (SINCE..UNTIL, the end excluded), or stores (an address), or both: ADDRESS@SINCE..UNTIL.
    An object belongs to the period in which its last step ended. Times without an offset are UTC.

    \b
    brain report compare 2026-02-01..2026-03-01 2026-03-01..2026-04-01 --object-type orders
    brain report compare sqlite:///north.db sqlite:///south.db --format html > sites.html
    """
    from brain.analytics.comparison import compared

    at = AsOf(as_of, known_at)
    sides = [await _material(side, store, object_type, lifecycle, at) for side in (a, b)]
    found = compared(sides[0], sides[1], (a.name, b.name))
    match form:
        case "html":
            from brain.reports.differences import comparison_page

            click.echo(comparison_page(found, now()), nl=False)
        case "json":
            click.echo(orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode())
        case "csv":
            click.echo(_csv(found), nl=False)
        case _:
            _print(found, top)


async def _material(side: Named, store: str | None, object_type: str | None, lifecycle: Lifecycle | None, at: AsOf) -> Material:
    from brain.analytics.process_material import material

    async with opened(side.store or store) as o:
        then = rewound(o.merged, o.schema, at)
        asked = Asked(lifecycle, period=side.period, sections=frozenset(), at=at)
        return await material(then, o.schema, object_type or await only_type(then), asked)


def _csv(found: Comparison) -> str:
    file = io.StringIO()
    told = document(found)
    Sheet(file).writerows(dated(told["a"], changes(COLUMNS, told["edges"])))
    return file.getvalue()


def _print(found: Comparison, top: int) -> None:
    from brain.cli.report_tables import changed
    from brain.cli.tables import console_of, plain
    from brain.reports.differences import finding

    console = console_of()
    when = point(found.a.as_of, found.a.known_at)
    title = f"From A ({plain(found.a.name)}) to B ({plain(found.b.name)})" + (when and f", {when}")
    table = Table("from", "to", title=title, title_justify="left")
    for name in ("in A", "in B", "change", "90 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for edge in [edge for edge in found.edges if edge.extra_seconds][:top]:
        table.add_row(plain(edge.source), plain(edge.target), *changed(edge))
    console.print(table)
    click.echo(finding(found))
