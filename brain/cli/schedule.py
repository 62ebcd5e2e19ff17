"""Reports that are written again and again into a folder: whole files alone, through outages, until stopped."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from brain.cli.options import stop_on_signals
from brain.errors import Reject, Retry
from brain.legible import legible

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
"""Seconds between two tries of a store that is away: twice as long each time."""


class Publication(NamedTuple):
    """A report as files that belong together: by suffix, their text. `written` is when, µs."""

    name: str
    written: int
    texts: Mapping[str, str]

    def path(self, folder: Path, suffix: str) -> Path:
        moment = datetime.fromtimestamp(self.written // 1_000_000, UTC)
        return folder / f"{self.name}-{moment:%Y-%m-%dT%H%M}.{suffix}"


async def publish_every(seconds: float, folder: Path, make: Callable[[], Awaitable[Publication]]) -> None:
    """Write what `make` gives now and then each `seconds`, until SIGINT or SIGTERM. Runs that were missed are not made up for.

    A store that is away is tried again; what cannot be reported (no steps in the period) is said, and the next run is awaited.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stop, loop = stop_on_signals(), asyncio.get_running_loop()
    begun = loop.time()
    while not stop.is_set():
        await _until(stop, _publish(folder, make))
        due = seconds - (loop.time() - begun) % seconds
        await _until(stop, asyncio.sleep(due))


async def _publish(folder: Path, make: Callable[[], Awaitable[Publication]]) -> None:
    wait = FIRST_WAIT
    while True:
        try:
            publication = await make()
        except Retry as away:
            click.echo(f"{legible(str(away))}; trying again in {wait:.0f} s", err=True)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        except Reject as nothing:
            click.echo(f"no report this time: {legible(str(nothing))}", err=True)
            return
        else:
            for path in write(folder, publication):
                click.echo(f"wrote {path}", err=True)
            return


def write(folder: Path, publication: Publication) -> list[Path]:
    """The files of a publication, each whole or not there: written beside their place, made durable, and renamed."""
    beside: dict[Path, str] = {}
    try:
        for suffix, text in publication.texts.items():
            handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
            beside[publication.path(folder, suffix)] = name
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
        for path, name in beside.items():
            os.replace(name, path)
    finally:
        for name in beside.values():
            Path(name).unlink(missing_ok=True)
    return list(beside)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


async def _until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """The work's end, or the stop; then the work is cancelled."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not doing.done():
        doing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await doing
