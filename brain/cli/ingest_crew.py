"""`brain ingest --workers`: the crew's side, which starts workers, and a worker's side, which belongs to one."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from brain.legible import legible

if TYPE_CHECKING:
    from ingest.crew import Crew
    from ingest.liveness import Liveness

SILENT, TELLING = "silent", "telling"
"""What a worker of a crew is told to be: whether it tells its crew how it is, which somebody must want to know."""


def crew_of(count: int, arguments: Sequence[str], store: str, heard: bool, program: str = "brain") -> "Crew":
    """Workers with these arguments of `brain ingest`, `program` being the module that is run. The store's address may hold a
    password, and options show in process lists, so it goes through the environment."""
    from ingest.crew import Crew

    command = [sys.executable, "-m", program, "ingest", *arguments, "--crew", TELLING if heard else SILENT]
    return Crew(command, {**os.environ, "BRAIN_STORE": store}, count, lambda line: click.echo(legible(line), err=True))


async def run_crew(crew: "Crew", count: int, stop: asyncio.Event) -> None:
    """Until all have ended, and say what they have taken in; WorkerEnded where one failed."""
    click.echo(f"starting {count} workers", err=True)
    try:
        await crew.work(stop)
    finally:
        click.echo(f"brain ingest: {crew.taken}", err=True)


@asynccontextmanager
async def in_crew(liveness: "Liveness", how: str | None) -> AsyncIterator[None]:
    """While the block runs, live with the crew, and tell it how we are where it wants to know. Nothing where there is none."""
    if how is None:
        yield
        return
    from ingest.crew import live_with_the_crew, tell_reports

    live_with_the_crew()
    telling = asyncio.create_task(tell_reports(liveness)) if how == TELLING else None
    try:
        yield
    finally:
        if telling is not None:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
