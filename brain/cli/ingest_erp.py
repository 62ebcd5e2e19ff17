"""Sources of `brain ingest` that are asked rather than listened to: an ERP, and folders of files."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brain.cli.options import Opened

if TYPE_CHECKING:
    from ingest.intake import Intake

PASSWORD = "BRAIN_TRYTON_PASSWORD"  # noqa: S105  the name of a variable


async def tryton(
    o: Opened, intake: "Intake", stop: asyncio.Event, url: str, database: str, user: str, once: bool, every: float
) -> None:
    """Pull a Tryton's records, once or until `stop`."""
    from ingest.sources.tryton import TrytonSource, pull

    password = os.environ.get(PASSWORD)
    if not password:
        raise click.UsageError(f"put {user}'s password into {PASSWORD}; it is no option, for options show in process lists")
    source = TrytonSource(url, database, user, password)
    click.echo(f"pulling {source.name} as {user}" + ("" if once else f", every {every:g} s"), err=True)
    await pull(source, intake, o.store, once=once, every=every, stop=stop)


async def folder(intake: "Intake", stop: asyncio.Event, named: str, once: bool, every: float) -> None:
    """Take the files of `PATH=TOPIC` in, once or until `stop`."""
    from ingest.sources.files import FolderSource

    path, _, topic = named.rpartition("=")
    if not path or not topic:
        raise click.UsageError(f"{named!r}: write PATH=TOPIC, for example drop/mes=mes/b2mml")
    source = FolderSource(Path(path), topic, settled=0 if once else 1)
    click.echo(f"taking files from {path} as {topic}" + ("" if once else f", every {every:g} s"), err=True)
    await source.run(intake, once=once, every=every, stop=stop)
