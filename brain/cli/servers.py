"""`brain servers`: a local Neo4j and Kafka without Docker."""

from typing import cast

import click

from brain.cli.options import format_option
from brain.servers import local
from brain.settings import data_home

names_argument = click.argument("names", nargs=-1, type=click.Choice(local.NAMES))


@click.group()
def servers() -> None:
    """Start and stop a local Neo4j and Kafka: no Docker and no Java needed.

    The first start fetches the software (about 220 MB) into your cache folder ($BRAIN_CACHE). The servers listen on
    127.0.0.1 only; data, logs and the generated password are in your data folder ($BRAIN_HOME).

    \b
    brain servers start                  both; prints what BRAIN_STORE and BRAIN_KAFKA take
    brain servers start neo4j            only that one
    brain servers status --format json
    brain servers stop
    """


@servers.command()
@names_argument
@format_option("text", "json")
def start(names: tuple[str, ...], form: str) -> None:
    """Start them (both, unless named), and return when they are ready. What runs already is left alone.

    \b
    export BRAIN_STORE=$(brain servers start neo4j | cut -f2)
    """
    found = local.start(_chosen(names), data_home())
    _show(found, form)
    for variable, one in zip(("BRAIN_STORE", "BRAIN_KAFKA"), _by_name(found), strict=True):
        if one and form == "text":
            click.echo(f"To use it: export {variable}={one.url}", err=True)


@servers.command()
@names_argument
def stop(names: tuple[str, ...]) -> None:
    """Stop them (both, unless named). Their data stays, and the next start goes on with it.

    \b
    brain servers stop kafka
    """
    local.stop(_chosen(names), data_home())


@servers.command()
@names_argument
@format_option("text", "json")
def status(names: tuple[str, ...], form: str) -> None:
    """Show what runs, and where.

    \b
    brain servers status --format json | jq -r '.servers[] | select(.running) | .url'
    """
    _show(local.status(_chosen(names), data_home()), form)


def _chosen(names: tuple[str, ...]) -> tuple[local.Name, ...]:
    """In the order of starting, each once; all of them when none is named."""
    return tuple(name for name in local.NAMES if not names or name in cast(tuple[local.Name, ...], names))


def _by_name(found: list[local.Status]) -> list[local.Status | None]:
    return [next((one for one in found if one.name == name), None) for name in local.NAMES]


def _show(found: list[local.Status], form: str) -> None:
    """A line a server with tabs between: name, address, and whether it runs."""
    if form == "json":
        click.echo(local.as_json(found))
        return
    for one in found:
        click.echo("\t".join([one.name, one.url or "-", f"running, pid {one.pid}" if one.running else "stopped"]))
