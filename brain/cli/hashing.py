"""`brain hash`."""

import click

from brain.cli.options import opened, run, store_option


@click.command("hash")
@store_option
@click.option(
    "--derived", is_flag=True, help="With what follows from it: conflicts, and the process figures of every type of objects."
)
@run
async def hash_(store: str | None, derived: bool) -> None:
    """Print the SHA-256 of the canonical model: nodes, relations, steps, history and quality.

    Two stores that received the same events hold the same model, whatever the order, and print the same line.

    \b
    brain hash --store sqlite:///t.db
    brain hash --store sqlite:///t.db --derived
    """
    from brain.analytics.bottlenecks import figure_lines
    from brain.canon import canonical_lines, hash_of, model_hash
    from brain.conflicts import conflict_lines

    async with opened(store) as o:
        if not derived:
            click.echo(await model_hash(o.store))
            return
        parts = canonical_lines(o.store), conflict_lines(o.store, o.schema), figure_lines(o.store, o.schema)
        click.echo(await hash_of(*parts))
