"""`brain hash`."""

import click

from brain.cli.options import opened, run, store_option


@click.command("hash")
@store_option
@run
async def hash_(store: str | None) -> None:
    """Print the SHA-256 of the canonical model: nodes, relations, steps, history and quality.

    Two stores that received the same events hold the same model, whatever the order, and print the same line.

    \b
    brain hash --store sqlite:///t.db
    """
    from brain.canon import model_hash

    async with opened(store) as o:
        click.echo(await model_hash(o.store))
