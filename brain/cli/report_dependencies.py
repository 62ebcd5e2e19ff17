"""`brain report dependencies`: what hangs on what."""

import csv
import sys
from typing import Any

import click
import orjson

from brain.analytics.dependencies import Dependencies, Toward
from brain.cli.options import format_option, opened, run, store_option


@click.command()
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
