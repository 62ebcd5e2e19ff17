"""`brain conflicts`: what was said and cannot both be so."""

import click
import orjson

from brain.cli.options import format_option, opened, run, store_option
from brain.conflicts import Conflict, Rules, all_conflicts, conflicts_of
from brain.legible import legible
from brain.naming import resolve
from ingest.times import iso


@click.command()
@click.argument("ids", metavar="[ID…]", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@store_option
@format_option("table", "json")
@run
async def conflicts(ids: tuple[str, ...], limit: int, store: str | None, form: str) -> None:
    """List conflicts: two sides that a rule of the ontology says cannot both be so, each with its event.

    An ID is a node's id (asset/P-12), or its key alone (P-12) where one thing alone has it.

    The rules are eb:impossibleWhile, eb:stay and eb:counter. A conflict is settled by taking back the side that is wrong.

    \b
    brain conflicts
    brain conflicts asset/P-12
    brain conflicts --format json | jq -r '.[].rule' | sort | uniq -c
    """
    found: list[Conflict] = []
    more = False
    async with opened(store) as o:
        rules = Rules(o.schema)
        if ids:
            named = [await resolve(o.merged, o.schema, id) for id in ids]
            each = await conflicts_of(o.merged, rules, named)
            # Two ids of one merged thing have the same.
            found = list(dict.fromkeys(conflict for some in each for conflict in some))
            found, more = found[:limit], len(found) > limit
        else:
            async for conflict in all_conflicts(o.merged, rules):
                if more := len(found) == limit:
                    break
                found.append(conflict)
    if form == "json":
        click.echo(orjson.dumps([_json(conflict) for conflict in found], option=orjson.OPT_INDENT_2).decode())
        return
    for conflict in found:
        click.echo(legible(f"{iso(conflict.start)}  {conflict.subject}  {conflict.rule}"))
        for side in conflict.sides:
            until = "" if side.end == side.start else f" until {'now' if side.end is None else iso(side.end)}"
            click.echo(legible(f"    {side.said}  at {iso(side.start)}{until}  (event {side.event} of {side.source})"))
    click.echo(f"{len(found)} conflict{'' if len(found) == 1 else 's'}{' (more with --limit)' if more else ''}", err=True)


def _json(conflict: Conflict) -> dict[str, object]:
    sides = [
        side._asdict() | {"start": iso(side.start), "end": None if side.end is None else iso(side.end)} for side in conflict.sides
    ]
    return {"id": conflict.id, "subject": conflict.subject, "rule": conflict.rule, "start": iso(conflict.start), "sides": sides}
