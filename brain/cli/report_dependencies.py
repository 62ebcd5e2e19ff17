"""`brain report dependencies`: what hangs on what."""

import sys
from typing import Any

import click
import orjson

from brain.analytics.dependencies import Dependencies, Toward
from brain.cli.left_out import say_partial
from brain.cli.options import format_option, opened, run, store_option
from brain.cli.sheets import Sheet
from brain.cli.times import INSTANT, SPAN, past_options
from brain.query import AsOf
from brain.reports.document import document

WHOLE = ("graphml", "gexf", "html")
"""Forms of the whole graph alone."""


@click.command()
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--up", "toward", flag_value=Toward.UP, help="What ID depends on.")
@click.option("--down", "toward", flag_value=Toward.DOWN, default=Toward.DOWN, help="What depends on ID. [default]")
@click.option("--depth", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--class", "cls", metavar="C", help="Without ID: of things of this class. [default: assets and people]")
@click.option(
    "--by",
    type=click.Choice(["loss", "flow", "betweenness"]),
    default="loss",
    show_default=True,
    help="Without ID: by what is lost with each alone, or by what passes through it.",
)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Without ID: how many are told.")
@click.option("--circles", is_flag=True, help="Without ID: what needs each other in a circle, in place of a ranking.")
@click.option("--coupling", is_flag=True, help="Without ID: what goes down together beyond chance, by states reported.")
@click.option("--observed", is_flag=True, help=f"With {', '.join(WHOLE)}: also what is observed to follow what, told apart.")
@click.option("--object-type", "object_types", multiple=True, metavar="T", help="Of which objects it is observed. [default: all]")
@click.option("--since", type=INSTANT, metavar="TIME", help="Without ID: what changed since then; couplings with --coupling.")
@past_options
@click.option("--patience", type=SPAN, metavar="SPAN", help="Without ID: then it tells what it has, and that it is partial.")
@store_option
@format_option("table", "json", "csv", *WHOLE)
@run
async def dependencies(
    id_: str | None,
    toward: Toward,
    depth: int,
    cls: str | None,
    by: str,
    top: int,
    circles: bool,
    coupling: bool,
    observed: bool,
    object_types: tuple[str, ...],
    since: int | None,
    as_of: int | None,
    known_at: int | None,
    patience: int | None,
    store: str | None,
    form: str,
) -> None:
    """What a thing needs (--up), or what needs it (--down), by the ontology's dependency relations. Without ID: on what most
    hangs, the single points of failure; or the whole graph, drawn on a page (html), or as GraphML or GEXF.

    ID is a node's id (asset/PUMP-07), or its key alone (PUMP-07) where one thing alone has it.

    \b
    brain report dependencies bed/BED-03 --down --depth 2
    brain report dependencies --class DispensingRobot
    brain report dependencies --since 2026-02-01 --format html > plant.html
    brain report dependencies --as-of 2026-02-01 --known-at 2026-02-03
    brain report dependencies --format graphml > plant.graphml
    """
    if id_ is None:
        from brain.cli.report_graph import Wanted, whole

        if (observed and form not in WHOLE) or (object_types and not observed):
            raise click.UsageError(f"--observed is for {', '.join(WHOLE)}, --object-type for --observed: see `report observed`")
        if form != "html" and sum((circles, coupling or since is not None)) > (form not in ("graphml", "gexf")):
            raise click.UsageError("as table, json or csv --circles is told by itself, and so is --since or --coupling, or both")
        at = AsOf(as_of, known_at)
        await whole(Wanted(cls, by, top, circles, at, observed, object_types, since, coupling, patience), store, form)
    elif any((cls, by != "loss", circles, coupling, observed, object_types, form in WHOLE)) or {since, patience} != {None}:
        of_all = f"--class, --by, --circles, --coupling, --observed, --object-type, --since, --patience, {', '.join(WHOLE)}"
        raise click.UsageError(f"{of_all} are of the whole graph: leave out ID")
    else:
        await _near(id_, toward, depth, AsOf(as_of, known_at), store, form)


async def _near(id_: str, toward: Toward, depth: int, at: AsOf, store: str | None, form: str) -> None:
    from brain.analytics.dependencies import dependencies as find
    from brain.naming import resolve
    from brain.rewound import rewound

    async with opened(store) as o:
        past = rewound(o.merged, o.schema, at)
        root = await resolve(past, o.schema, id_)
        found = await find(past, o.schema, root, Toward(toward), depth)
    match form:
        case "json":
            click.echo(orjson.dumps(dependencies_json(found), option=orjson.OPT_INDENT_2).decode())
        case "csv":
            writer = Sheet(sys.stdout)
            writer.writerow(("id", "class", "name", "distance", "via"))
            writer.writerows((n.id, n.cls, n.name or "", n.distance, " > ".join(n.via)) for n in found.nodes)
            say_partial(found.partial)
        case _:
            from brain.cli.tables import print_dependencies

            print_dependencies(found)


def dependencies_json(found: Dependencies) -> dict[str, Any]:
    return {
        "root": found.root,
        "direction": found.toward,
        "depth": found.depth,
        "partial": found.partial,
        "ontologyVersion": found.ontology_version,
        "reflects": document(found.reflects),
        "nodes": [{"id": n.id, "class": n.cls, "name": n.name, "distance": n.distance, "via": n.via} for n in found.nodes],
        "edges": [
            {
                "source": e.source,
                "relation": e.relation,
                "target": e.target,
                "qualifier": e.qualifier,
                "since": e.stamp.valid,
                "event": e.stamp.event,
                "eventSource": e.stamp.source,
            }
            for e in found.edges
        ],
    }
