"""`brain report scenario`: what changes would make of the graph of dependencies, without making them."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from brain.analytics.lives import MICRO
from brain.cli.options import format_option, opened, run, store_option
from brain.cli.times import SPAN, past_options
from brain.errors import Reject
from brain.ports import Store
from brain.schema import Schema
from brain.settings import data_home

if TYPE_CHECKING:
    from brain.analytics.graph.scenario import Scenario, Triple

NAME = re.compile(r"[\w][\w.-]*")


class Unsaved(Reject):
    """A name by which no scenario is saved, or by which none can be."""


@click.command()
@click.argument("name", required=False)
@click.option("--without", multiple=True, metavar="ID", help="Down for good, with all that it takes with it.")
@click.option("--unlink", multiple=True, metavar="'A relation B'", help="A link that holds no more, as the ontology has it.")
@click.option("--link", multiple=True, metavar="'A relation B'", help="A link that holds too.")
@click.option("--add", multiple=True, metavar="'ID Class [SECONDS]'", help="What is not there; how long it goes on alone.")
@click.option("--degrade", multiple=True, metavar="'ID 0.5'", help="What has so much of its capacity left.")
@click.option("--narrow", multiple=True, metavar="'A relation B 0.5'", help="A link through which so much comes at most.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="YAML of the same: `without: [ID]`, …")
@click.option("--against", metavar="NAME", help="A saved scenario that this one is compared with too.")
@click.option("--save", metavar="NAME", help="Keep it by that name, in your data folder. Nothing else is kept.")
@click.option("--impact", "impact_of", metavar="ID", help="Compare what else goes when this is down.")
@click.option("--for", "lasts", type=SPAN, metavar="SPAN", help="For how long it is, such as 2h. [default: for good]")
@click.option("--class", "cls", metavar="C", help="Single points of failure of this class. [default: assets and people]")
@past_options
@click.option("--first", type=click.IntRange(1), default=20, show_default=True, help="Things told one by one; all are counted.")
@click.option("--patience", type=SPAN, metavar="SPAN", help="Then it tells what it has, and that it is partial.")
@store_option
@format_option("table", "json")
@run
async def scenario(
    name: str | None,
    file: Path | None,
    against: str | None,
    save: str | None,
    impact_of: str | None,
    lasts: int | None,
    cls: str | None,
    as_of: int | None,
    known_at: int | None,
    first: int,
    patience: int | None,
    store: str | None,
    form: str,
    **said: tuple[str, ...],
) -> None:
    """What would be lost, which impact ID would have, and which single points of failure would come and go, with some changes to
    what hangs on what. NAME is a saved scenario, to which the changes are added. Neither the model nor its graph learns of them.

    \b
    brain report scenario --without asset/ROB-1 --impact asset/ROB-2
    brain report scenario --add 'asset/ROB-3 DispensingRobot' \\
        --link 'asset/ROB-3 provides capability/dispensing' --save third-robot
    brain report scenario third-robot --degrade 'asset/ROB-1 0.5' --format json
    brain report scenario third-robot --against night-shift
    """
    from brain.analytics.graph.evidence import with_evidence
    from brain.analytics.graph.impact import Asked
    from brain.analytics.graph.reading import read
    from brain.analytics.graph.scenario_text import as_file, scenario_in, scenario_of
    from brain.analytics.graph.whatif import what_if
    from brain.query import AsOf
    from brain.rewound import rewound

    parts = [_saved(name)] if name else []
    parts += [scenario_in(file.read_bytes())] if file else []
    whole = _together([*parts, scenario_of(said)])
    if not whole.size:
        raise click.UsageError("say what to change: --without ID, --link 'A relation B', --file FILE, or the NAME of a saved one")
    other = _saved(against) if against else None
    kept = _path(save) if save else None
    async with opened(store) as o:
        at = AsOf(as_of, known_at)
        snapshot, past = await read(o.merged, o.schema, at), rewound(o.merged, o.schema, at)
        one, two = [None if each is None else await _resolved(past, o.schema, each) for each in (whole, other)]
        assert one is not None
        root = None if impact_of is None else await _resolve(past, o.schema, impact_of, one, two)
        asked = Asked(lasts=None if lasts is None else lasts * MICRO, first=first, seconds=patience)
        found = await with_evidence(o.merged, o.schema, what_if(snapshot, o.schema, one, two, id=root, cls=cls, asked=asked))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(as_file(one), encoding="utf-8")
    if form == "json":
        from brain.reports.document import document

        click.echo(orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode())
    else:
        from brain.cli.tables_scenario import print_what_if

        print_what_if(found)


def _together(scenarios: "list[Scenario]") -> "Scenario":
    """The changes of all."""
    first = scenarios[0]
    return replace(first, **{f.name: tuple(c for one in scenarios for c in getattr(one, f.name)) for f in fields(first)})


def _path(name: str) -> Path:
    if not NAME.fullmatch(name):
        raise Unsaved(f"{name!r} cannot be a scenario's name: write letters, digits, and . - _ after the first")
    return data_home() / "scenarios" / f"{name}.yaml"


def _saved(name: str) -> "Scenario":
    from brain.analytics.graph.scenario_text import scenario_in

    path = _path(name)
    if not path.exists():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none yet"
        raise Unsaved(f"no scenario {name!r} is saved; there are: {names}. Save one with --save {name}")
    return scenario_in(path.read_bytes())


async def _resolved(store: Store, schema: Schema, said: "Scenario") -> "Scenario":
    """With whole ids in place of keys."""

    async def whole(name: str) -> str:
        return await _resolve(store, schema, name, said)

    async def triples(links: "tuple[Triple, ...]") -> "tuple[Triple, ...]":
        return tuple([t._replace(source=await whole(t.source), target=await whole(t.target)) for t in links])

    return replace(
        said,
        add=tuple([thing._replace(id=await whole(thing.id)) for thing in said.add]),
        without=tuple([await whole(id) for id in said.without]),
        unlink=await triples(said.unlink),
        link=await triples(said.link),
        narrow=tuple([n._replace(source=await whole(n.source), target=await whole(n.target)) for n in said.narrow]),
        degrade=tuple([one._replace(id=await whole(one.id)) for one in said.degrade]),
    )


async def _resolve(store: Store, schema: Schema, name: str, *scenarios: "Scenario | None") -> str:
    """What is added is called as it was written, unless that is another id of what is there."""
    from brain.naming import resolve

    if not any(name == thing.id for one in scenarios if one is not None for thing in one.add):
        return await resolve(store, schema, name)
    (node,) = await store.nodes([name])
    return name if node is None else node.id
