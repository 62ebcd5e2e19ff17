"""`brain merges`: which things may be one, who says so, and the way back."""

import getpass
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click
import orjson

from brain.cli.options import Opened, format_option, opened, run, store_option
from brain.identity import Proposal
from brain.legible import legible
from brain.model import ChangeSet

if TYPE_CHECKING:
    from brain.identities import Merged

Decide = Callable[["Merged", Sequence[str], str, int], Awaitable[ChangeSet]]


def decision(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that every decision takes."""
    for option in (
        format_option("table", "json"),
        store_option,
        click.option("--by", metavar="NAME", help="Who decides, a person or a program. [default: your user name]"),
        click.argument("ids", metavar="ID…", nargs=-1, required=True),
    ):
        command = option(command)
    return command


@click.group()
def merges() -> None:
    """Things that may be one: list proposals, accept or reject them, and undo either.

    The ontology says by which property two things are known for one (eb:identity), and how surely. Nothing that is stored is
    rewritten: a merge is a sameAs link, which every read obeys and which can be taken back.

    \b
    brain merges list
    brain merges accept asset/MES-7 asset/SAP-100
    brain merges undo asset/SAP-100
    """


@merges.command("list")
@click.option("--merged", "done", is_flag=True, help="What is merged already, instead of what may be.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@store_option
@format_option("table", "json")
@run
async def list_(done: bool, limit: int, store: str | None, form: str) -> None:
    """List what may be one thing, surest first, each with the value that they have in common.

    \b
    brain merges list
    brain merges list --format json | jq -r '.[] | select(.confidence >= 0.95) | .ids | join(" ")'
    brain merges list --merged
    """
    from brain.identities import proposals

    async with opened(store) as o:
        view = o.merged
        if done:
            _print_merged((await view.known.clusters()).members.values(), limit, form)
            return
        found = await proposals(view)
    if form == "json":
        click.echo(orjson.dumps([_json(p) for p in found[:limit]], option=orjson.OPT_INDENT_2).decode())
        return
    for p in found[:limit]:
        click.echo(legible(f"{p.confidence:5.2f}  {p.property} {p.value!r}  {' '.join(p.ids)}"))
    _told(len(found), limit, "proposal")


def _print_merged(found: Iterable[tuple[str, ...]], limit: int, form: str) -> None:
    members = sorted(found)
    if form == "json":
        shown = [{"id": ids[0], "members": ids} for ids in members[:limit]]
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    for ids in members[:limit]:
        click.echo(legible(" ".join(ids)))
    _told(len(members), limit, "merged thing")


def _told(count: int, limit: int, what: str) -> None:
    more = f", of which {limit} are shown (--limit)" if count > limit else ""
    click.echo(f"{count} {what}{'' if count == 1 else 's'}{more}", err=True)


def _json(p: Proposal) -> dict[str, object]:
    evidence = [{"id": id, **stamp._asdict()} for id, stamp in zip(p.ids, p.evidence, strict=True)]
    return {"ids": p.ids, "property": p.property, "value": p.value, "confidence": p.confidence, "evidence": evidence}


@merges.command()
@decision
@run
async def accept(ids: tuple[str, ...], by: str | None, store: str | None, form: str) -> None:
    """Say that these ids are one thing. From now on each of them reads as all, under the least of the ids.

    An ID is a node's id (asset/MES-7), or its key alone (MES-7) where one thing alone has it. It need not be proposed.

    \b
    brain merges accept asset/MES-7 asset/SAP-100
    brain merges accept MES-7 SAP-100 --by "Ada Lovelace"
    """
    from brain.identities import accept as decide

    await _decide(decide, ids, by, store, form)


@merges.command()
@decision
@run
async def reject(ids: tuple[str, ...], by: str | None, store: str | None, form: str) -> None:
    """Say that these ids are different things, each from each, whatever they have in common: no merge of them is proposed.

    \b
    brain merges reject asset/MES-7 asset/SAP-101
    """
    from brain.identities import reject as decide

    await _decide(decide, ids, by, store, form)


@merges.command()
@decision
@run
async def undo(ids: tuple[str, ...], by: str | None, store: str | None, form: str) -> None:
    """Take these ids out of what they are merged with; the rest of it stays one thing. Of what is not merged: take back that it
    was said to be different.

    \b
    brain merges undo asset/SAP-100
    brain merges undo asset/MES-7 asset/SAP-101          the rejection of these two
    """
    from brain.identities import undo as decide

    await _decide(decide, ids, by, store, form)


async def _decide(decide: Decide, ids: Sequence[str], by: str | None, store: str | None, form: str) -> None:
    from brain.engine import Engine
    from brain.feeds import open_feed
    from brain.naming import resolve

    async with opened(store) as o:
        named = list(dict.fromkeys([await resolve(o.store, o.schema, id) for id in ids]))
        view = o.merged
        made = await decide(view, named, f"merges/{by or _user()}", time.time_ns() // 1000)
        feed = open_feed(o.settings)
        try:
            await Engine(view, feed).commit([made])
        finally:
            await feed.close()
        await _print_decided(o, named, made, form)


async def _print_decided(o: Opened, ids: Sequence[str], made: ChangeSet, form: str) -> None:
    """What each of the ids is a name of now."""
    view = o.merged
    things = sorted({await view.ids(id) for id in ids})
    if form == "json":
        shown = {"event": made.event, "source": made.source, "things": [{"id": t[0], "members": t} for t in things]}
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    for members in things:
        click.echo(legible(f"{members[0]}: {' '.join(members)}" if len(members) > 1 else f"{members[0]} alone"))
    click.echo(legible(f"event {made.event} of {made.source}"), err=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "somebody"
