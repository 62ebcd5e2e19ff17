"""`brain status`: what the model holds, and what is wrong with it, at a glance."""

from collections import Counter
from typing import Any

import click
import orjson

from brain.cli.deadletters import all_letters
from brain.cli.options import Opened, format_option, opened, run, store_option


@click.command()
@store_option
@format_option("table", "json")
@run
async def status(store: str | None, form: str) -> None:
    """Show how much of what there is: things by class, those that were only named so far, doubts, conflicts, dead letters, marks.

    \b
    brain status
    brain status --format json | jq .placeholders
    """
    async with opened(store) as o:
        found = await _status(o)
    if form == "json":
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    from brain.cli.tables import print_counts

    print_counts(found)


async def _status(o: Opened) -> dict[str, Any]:
    from brain.conflicts import Rules, all_conflicts
    from brain.query import Nodes, Qualities
    from brain.schema import ROOT

    classes, doubts, conflicts = Counter[str](), Counter[str](), Counter[str]()
    placeholders = 0
    async for node in o.store.scan(Nodes(ROOT)):
        if "" in node.stamps:
            classes[node.cls] += 1
        else:
            placeholders += 1
    async for quality in o.store.scan(Qualities()):
        doubts[quality.verdict.value] += 1
    async for conflict in all_conflicts(o.merged, Rules(o.schema)):
        conflicts[conflict.rule] += 1
    return {
        "ontology": o.schema.version,
        "things": dict(sorted(classes.items())),
        "placeholders": placeholders,
        "doubts": dict(sorted(doubts.items())),
        "conflicts": dict(sorted(conflicts.items())),
        "deadLetters": sum([1 async for _ in all_letters(o.store)]),
        "marks": [mark._asdict() for mark in await o.store.marks()],
    }
