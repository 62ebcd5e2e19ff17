"""`brain deadletters`: messages that could not become part of the model, why, and another try."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import click
import orjson

from brain.cli.options import format_option, opened, run, store_option
from brain.errors import BadQuery
from brain.legible import legible
from brain.model import DeadLetter
from brain.ports import Store

PAYLOAD_MAY = "\n\t"
"""Control characters that a payload shows as they are: it may have lines. `--format json` has every byte."""


@click.group()
def deadletters() -> None:
    """Messages that could not become part of the model: list them, read one, try again.

    \b
    brain deadletters list
    brain deadletters show 3f2a
    brain deadletters replay --all          after the rules, the ontology or the source was mended
    """


@deadletters.command("list")
@store_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@format_option("table", "json")
@run
async def list_(store: str | None, limit: int, form: str) -> None:
    """List dead letters, each with its reason.

    \b
    brain deadletters list --limit 500
    brain deadletters list --format json | jq -r '.[].reason' | sort | uniq -c
    """
    async with opened(store) as o:
        letters = await o.store.letters(limit)
    if form == "json":
        click.echo(orjson.dumps([_json(letter) for letter in letters], option=orjson.OPT_INDENT_2).decode())
        return
    for letter in letters:
        click.echo(legible(f"{letter.id[:12]}  {letter.topic:24}  {letter.adapter:16}  {letter.reason}"))
    click.echo(
        f"{len(letters)} dead letter{'' if len(letters) == 1 else 's'}"
        + (" (more with --limit)" if len(letters) == limit else ""),
        err=True,
    )


@deadletters.command()
@click.argument("id_", metavar="ID")
@store_option
@format_option("table", "json")
@run
async def show(id_: str, store: str | None, form: str) -> None:
    """Show one dead letter, whole. ID may be cut short as long as it is unique.

    \b
    brain deadletters show 3f2a
    """
    async with opened(store) as o:
        letter = await _one(o.store, id_)
    if form == "json":
        click.echo(orjson.dumps(_json(letter), option=orjson.OPT_INDENT_2).decode())
        return
    for name in ("id", "topic", "adapter", "reason"):
        click.echo(f"{name:8}  {legible(getattr(letter, name))}")
    payload = letter.payload.decode(errors="backslashreplace")
    click.echo(f"received  {letter.received} µs\n\n{legible(payload, keep=PAYLOAD_MAY)}")


@deadletters.command()
@click.argument("ids", metavar="ID…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Try all of them.")
@click.option("--rules", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The rules under which records of event logs came in (`brain import --rules`).")  # fmt: skip
@store_option
@run
async def replay(ids: tuple[str, ...], everything: bool, rules: Path | None, store: str | None) -> None:
    """Send dead letters through the pipeline again. Those that now succeed leave the list; the others stay, with today's reason.

    Exit code 1 where any stays dead.

    \b
    brain deadletters replay 3f2a 77c0
    brain deadletters replay --all
    """
    if bool(ids) == everything:
        raise click.UsageError("name dead letters, or --all")
    from brain.engine import Engine
    from brain.feeds import open_feed
    from ingest.replay import replay as try_again
    from ingest.wiring import whole_pipeline

    async with opened(store) as o:
        letters = [letter async for letter in all_letters(o.store)] if everything else [await _one(o.store, i) for i in ids]
        feed = open_feed(o.settings)
        try:
            still = await try_again(whole_pipeline(o.schema, o.settings.adapters, rules), Engine(o.store, feed), o.store, letters)
        finally:
            await feed.close()
    for letter in still:
        click.echo(legible(f"{letter.id[:12]}  {letter.reason}"), err=True)
    click.echo(f"{len(letters) - len(still)} of {len(letters)} replayed", err=True)
    if still:
        raise click.exceptions.Exit(1)


async def all_letters(store: Store) -> AsyncIterator[DeadLetter]:
    after = None
    while letters := await store.letters(1000, after):
        for letter in letters:
            yield letter
        after = letters[-1].id


async def _one(store: Store, start: str) -> DeadLetter:
    found = [letter async for letter in all_letters(store) if letter.id.startswith(start)]
    if len(found) != 1:
        raise BadQuery(f"{len(found)} dead letters begin with {start!r}; `brain deadletters list` names them")
    return found[0]


def _json(letter: DeadLetter) -> dict[str, object]:
    payload: dict[str, str]
    try:
        payload = {"payload": letter.payload.decode()}
    except UnicodeDecodeError:
        payload = {"payloadBase64": base64.b64encode(letter.payload).decode()}
    return {
        "id": letter.id,
        "topic": letter.topic,
        "adapter": letter.adapter,
        "reason": letter.reason,
        "received": letter.received,
        **payload,
    }
