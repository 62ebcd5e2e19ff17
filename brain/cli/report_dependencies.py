"""`brain report dependencies`: what hangs on what."""

import csv
import sys
from typing import TYPE_CHECKING, Any

import click
import orjson

from brain.analytics.dependencies import Dependencies, Toward
from brain.cli.options import format_option, opened, run, store_option
from brain.cli.times import INSTANT
from brain.reports.document import document

if TYPE_CHECKING:
    from brain.analytics.graph.critical import Criticality, SinglePoints


@click.command()
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--up", "toward", flag_value=Toward.UP, help="What ID depends on.")
@click.option("--down", "toward", flag_value=Toward.DOWN, default=Toward.DOWN, help="What depends on ID. [default]")
@click.option("--depth", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--class", "cls", metavar="C", help="Without ID: rank things of this class. [default: assets and people]")
@click.option(
    "--by",
    type=click.Choice(["loss", "flow", "betweenness"]),
    default="loss",
    show_default=True,
    help="Without ID: by what is lost with each alone, or by what passes through it.",
)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Without ID: how many are told.")
@click.option("--as-of", type=INSTANT, metavar="TIME", help="Without ID: the graph as it was then. [default: as it is]")
@store_option
@format_option("table", "json", "csv", "graphml", "gexf")
@run
async def dependencies(
    id_: str | None,
    toward: Toward,
    depth: int,
    cls: str | None,
    by: str,
    top: int,
    as_of: int | None,
    store: str | None,
    form: str,
) -> None:
    """What a thing needs (--up), or what needs it (--down), by the ontology's dependency relations. Without ID: on what most
    hangs, the single points of failure; or the whole graph, as GraphML or GEXF.

    ID is a node's id (asset/PUMP-07), or its key alone (PUMP-07) where one thing alone has it.

    \b
    brain report dependencies bed/BED-03 --down --depth 2
    brain report dependencies --class DispensingRobot
    brain report dependencies --format graphml > plant.graphml
    """
    if id_ is None:
        await _whole(cls, by, top, as_of, store, form)
    elif cls is not None or by != "loss" or as_of is not None or form in ("graphml", "gexf"):
        raise click.UsageError("--class, --by, --as-of, graphml and gexf are of the whole graph: leave out ID")
    else:
        await _near(id_, toward, depth, store, form)


async def _near(id_: str, toward: Toward, depth: int, store: str | None, form: str) -> None:
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


async def _whole(cls: str | None, by: str, top: int, as_of: int | None, store: str | None, form: str) -> None:
    from brain.analytics.graph.critical import Measure, criticality, single_points
    from brain.analytics.graph.reading import read
    from brain.query import AsOf

    async with opened(store) as o:
        snapshot = await read(o.merged, o.schema, AsOf(valid=as_of))
    if form in ("graphml", "gexf"):
        from brain.analytics.graph.export import as_networkx, exported

        click.echo(exported(as_networkx(snapshot), "graphml" if form == "graphml" else "gexf"))
    elif by == "loss":
        _ranked(single_points(snapshot, o.schema, cls, top), form)
    else:
        _ranked(criticality(snapshot, o.schema, Measure(by), cls, top), form)


def _ranked(found: "SinglePoints | Criticality", form: str) -> None:
    from brain.analytics.graph.critical import SinglePoints
    from brain.cli.tables_graph import print_criticality, print_single_points

    writer = csv.writer(sys.stdout)
    if form == "json":
        click.echo(orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode())
    elif isinstance(found, SinglePoints):
        if form == "table":
            print_single_points(found)
            return
        writer.writerow(("id", "class", "name", "objectsLost", "lost"))
        writer.writerows((p.id, p.cls, p.name or "", p.objects, p.lost) for p in found.points)
    elif form == "table":
        print_criticality(found)
    else:
        writer.writerow(("id", "class", "name", str(found.measure), "joint"))
        writer.writerows((c.id, c.cls, c.name or "", c.value, c.joint) for c in found.ranked)


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
