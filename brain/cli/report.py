"""`brain report`: what the analytics found, for people and for programs."""

import csv
import sys
from typing import Any

import click
import orjson

from brain.analytics.bottlenecks import Bottlenecks, Handover
from brain.analytics.dependencies import Dependencies, Toward
from brain.analytics.lives import Lifecycle
from brain.cli.options import Opened, format_option, opened, run, store_option


@click.group()
def report() -> None:
    """Reports: where time is lost, and what hangs on what.

    \b
    brain report bottlenecks --object-type items --format json
    brain report dependencies asset/PUMP-07 --down
    """


@report.command()
@store_option
@click.option(
    "--object-type", metavar="T", help="A class of the ontology or the type of a log's objects; `case` for XES and CSV."
)
@click.option("--lifecycle", type=click.Choice(["complete"]), help="Report over complete transitions alone.")
@click.option(
    "--min-frequency",
    type=click.IntRange(1),
    help="Least handovers for a place in the ranking by mean. [default: the larger of 10 and 1 % of the objects]",
)
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="Rows of each table.")
@format_option("table", "json", "csv")
@run
async def bottlenecks(
    store: str | None, object_type: str | None, lifecycle: Lifecycle | None, min_frequency: int | None, top: int, form: str
) -> None:
    """Waiting between activities and time spent in them, ranked by total and by mean.

    \b
    brain report bottlenecks --store sqlite:///t.db --object-type items
    brain report bottlenecks --object-type case --lifecycle complete --format json | jq '.edges[0]'
    """
    from brain.analytics.bottlenecks import bottlenecks as find

    async with opened(store) as o:
        chosen = object_type or await only_type(o)
        found = await find(o.merged, o.schema, chosen, lifecycle=lifecycle, min_frequency=min_frequency)
    match form:
        case "json":
            click.echo(orjson.dumps(bottlenecks_json(found), option=orjson.OPT_INDENT_2).decode())
        case "csv":
            rows = bottlenecks_json(found)["edges"]
            writer = csv.writer(sys.stdout)
            writer.writerow(HANDOVER_COLUMNS)
            writer.writerows([[row[c] for c in HANDOVER_COLUMNS] for row in rows])
        case _:
            from brain.cli.tables import print_bottlenecks

            print_bottlenecks(found, top)


HANDOVER_COLUMNS = ("source", "target", "count", "meanSeconds", "medianSeconds", "p90Seconds", "totalSeconds", "overlaps")


async def only_type(o: Opened) -> str:
    """The one object type of the store; wrong use where there are more to choose from."""
    types = await o.merged.object_types()
    if len(types) == 1:
        return next(iter(types))
    if not types:
        raise click.ClickException("the store holds no steps yet: `brain import FILE`, or `brain demo`")
    raise click.UsageError(f"choose one with --object-type: {', '.join(f'{t!r} ({n})' for t, n in types.items())}")


def bottlenecks_json(found: Bottlenecks) -> dict[str, Any]:
    """The shape that scripts rely on; keys may be added to it, never taken away."""
    return {
        "objectType": found.object_type,
        "definition": found.definition,
        "minFrequency": found.min_frequency,
        "objects": found.objects,
        "steps": found.steps,
        "leftOut": found.left_out,
        "ontologyVersion": found.ontology_version,
        "edges": [handover_json(edge) for edge in found.edges],
        "byMean": [handover_json(edge) for edge in found.by_mean],
        "activities": [
            {
                "activity": a.activity,
                "count": a.count,
                "timed": a.timed,
                "meanSeconds": a.mean_seconds,
                "totalSeconds": a.total_seconds,
            }
            for a in found.activities
        ],
    }


def handover_json(edge: Handover) -> dict[str, Any]:
    return {
        "source": edge.source,
        "target": edge.target,
        "count": edge.count,
        "meanSeconds": edge.mean_seconds,
        "medianSeconds": edge.median_seconds,
        "p90Seconds": edge.p90_seconds,
        "totalSeconds": edge.total_seconds,
        "overlaps": edge.overlaps,
        "examples": [e._asdict() for e in edge.examples],
    }


@report.command()
@click.argument("id_", metavar="ID")
@click.option("--up", "toward", flag_value=Toward.UP, help="What ID depends on.")
@click.option("--down", "toward", flag_value=Toward.DOWN, default=Toward.DOWN, help="What depends on ID. [default]")
@click.option("--depth", type=click.IntRange(1, 20), default=3, show_default=True)
@store_option
@format_option("table", "json", "csv")
@run
async def dependencies(id_: str, toward: Toward, depth: int, store: str | None, form: str) -> None:
    """What a thing needs (--up), or what needs it (--down), by the ontology's dependency relations.

    ID is a node's id (asset/PUMP-07), or its key alone (PUMP-07) where one thing alone has it.

    \b
    brain report dependencies bed/BED-03 --down --depth 2
    """
    from brain.analytics.dependencies import dependencies as find
    from brain.naming import resolve

    async with opened(store) as o:
        root = await resolve(o.merged, o.schema, id_)
        found = await find(o.merged, o.schema, root, Toward(toward), depth)
    match form:
        case "json":
            click.echo(orjson.dumps(dependencies_json(found), option=orjson.OPT_INDENT_2).decode())
        case "csv":
            writer = csv.writer(sys.stdout)
            writer.writerow(("id", "class", "name", "distance", "via"))
            writer.writerows((n.id, n.cls, n.name or "", n.distance, " > ".join(n.via)) for n in found.nodes)
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
