"""A folder into which another system drops files: each file is one message.

A file is read when it has not been written to for `settled` seconds, and read again when it changes. It is never moved or
deleted: that is its owner's affair. After a restart all files are read once more, which changes nothing: events are known by id.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from brain.errors import Reject, Retry
from ingest.intake import Intake
from ingest.pipeline import MAX_PAYLOAD
from ingest.record import Envelope

log = logging.getLogger("brain.ingest.files")

BATCH_BYTES = 8 << 20
UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")
"""Endings under which programs write files that are not whole yet; they are renamed when they are."""


class NoFolder(Reject):
    """A path that is no folder we can read."""


class FolderSource:
    """The files of `folder` (not of those below it) as messages on `topic`, in order of name."""

    def __init__(self, folder: Path, topic: str, settled: float = 1.0) -> None:
        if not folder.is_dir():
            raise NoFolder(f"{folder} is no folder: name the one into which the files are put")
        self._folder = folder
        self._topic = topic
        self._settled = settled
        self._taken: dict[str, tuple[int, int]] = {}

    async def run(self, intake: Intake, *, once: bool, every: float = 2.0, stop: asyncio.Event | None = None) -> None:
        """Take in what is there, once, or every so many seconds until `stop` is set."""
        stop = stop or asyncio.Event()
        while not stop.is_set():
            try:
                await self._round(intake, stop)
            except (OSError, Retry) as error:
                if once:
                    raise error if isinstance(error, Retry) else NoFolder(f"{self._folder}: {error}") from None
                log.warning("%s: %s; trying again in %.0f s", self._folder, error, every)
            if once:
                return
            try:
                await asyncio.wait_for(stop.wait(), every)
            except TimeoutError:
                continue

    async def _round(self, intake: Intake, stop: asyncio.Event) -> None:
        batch: list[Envelope] = []
        size = 0
        seen: dict[str, tuple[int, int]] = {}
        for name, state in await asyncio.to_thread(lambda: list(self._fresh())):
            try:
                payload = await asyncio.to_thread(_read, self._folder / name)
            except FileNotFoundError:
                continue
            batch.append(Envelope(self._topic, name, payload, time.time_ns() // 1000))
            seen[name] = state
            size += len(payload)
            if size >= BATCH_BYTES:
                await intake.take(batch)
                self._taken.update(seen)
                batch, seen, size = [], {}, 0
            if stop.is_set():
                return
        if batch:
            await intake.take(batch)
            self._taken.update(seen)

    def _fresh(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Files that are whole and that we have not taken in this state."""
        for file in sorted(self._folder.iterdir()):
            if file.name.startswith(".") or file.suffix in UNFINISHED or not file.is_file():
                continue
            found = file.stat()
            state = found.st_mtime_ns, found.st_size
            if self._taken.get(file.name) != state and time.time() - found.st_mtime >= self._settled:
                yield file.name, state


def _read(file: Path) -> bytes:
    """The file; of one that is too long to be a message only so much that this shows, since its dead letter keeps the bytes."""
    with file.open("rb") as whole:
        return whole.read(MAX_PAYLOAD + 1)
