"""Importing a log: checked whole, then streamed through the pipeline, resumable at any batch; or sent to Kafka for workers.

A first pass reads the whole file and changes nothing, so that a bad file leaves the store as it was. The second pass commits
batches, each with a mark that says how many records of this very file (by digest) are in: a second run goes on where the first
stopped, and a run after the last changes nothing.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random

from brain.model import DeadLetter, Mark
from brain.ports import Store
from ingest.event_log import TOPIC, message
from ingest.intake import Intake
from ingest.logs import Log, LogOptions, LogSummary, open_log
from ingest.record import Envelope

BATCH = 2000
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `skipped` records were in from an earlier run; `letters` went to the dead letters."""

    summary: LogSummary
    namespace: str
    records: int
    skipped: int
    letters: tuple[DeadLetter, ...]


def default_namespace(log: Log, path: Path) -> str:
    """Ids of an object-centric log are its enterprise's own, and stay as they are; the cases of a case log are numbered within
    the log, and are kept apart by the file's name."""
    return path.name.removesuffix(".gz").rpartition(".")[0] if log.kind == "case" else ""


def envelopes(log: Log, namespace: str, received: int) -> Iterator[Envelope]:
    """The records of a log as messages, each keyed by its own id."""
    for record in log.records():
        yield Envelope(TOPIC, record.id, message(record, namespace), received)


class Import:
    """One file on its way into one store. `salt` is all else that decides what the file means: options, rules, ontology."""

    def __init__(self, path: Path, options: LogOptions, namespace: str | None, salt: str) -> None:
        self.log = open_log(path, options)
        self.namespace = default_namespace(self.log, path) if namespace is None else namespace
        self._path = path
        self._salt = f"{options}|{self.namespace}|{salt}"

    def check(self, progress: Progress | None = None) -> LogSummary:
        """Read the whole file; BadLog with one clear line where it is not a log that can be imported whole."""
        return self.log.check(progress)

    async def run(self, summary: LogSummary, intake: Intake, store: Store, progress: Progress) -> Imported:
        """Stream the file in. `progress` is told how many records are in."""
        topic = f"file:{await asyncio.to_thread(self._digest)}"
        done = next((m.offset for m in await store.marks() if m.topic == topic), 0)
        stream = islice(envelopes(self.log, self.namespace, time.time_ns() // 1000), done, None)
        position, letters = done, list[DeadLetter]()
        progress(position)
        committing: asyncio.Task[list[DeadLetter]] | None = None
        try:
            while batch := list(islice(stream, BATCH)):
                result = intake.pipeline.run(batch)
                if committing:
                    letters += await committing
                position += len(batch)
                # The next batch is read while this one is written.
                committing = asyncio.create_task(intake.keep(batch, result, [Mark(topic, 0, position)]))
                await asyncio.sleep(0)
                progress(position)
        finally:
            if committing:
                letters += await committing
        return Imported(summary, self.namespace, position - done, done, tuple(letters))

    async def send(self, address: str, topic: str, shuffle: int | None, progress: Progress) -> int:
        """Send the records to a Kafka topic instead, as blocks that workers take in; how many there were. `shuffle` is the seed
        of another order (and then all records are held in memory)."""
        from ingest.sources.kafka import send

        messages: Iterable[Envelope] = envelopes(self.log, self.namespace, time.time_ns() // 1000)
        if shuffle is not None:
            messages = list(messages)
            Random(shuffle).shuffle(messages)  # noqa: S311  no secret: a seed gives an order that can be had again
        return await send(_counted(messages, progress), address, topic)

    def _digest(self) -> str:
        digest = sha256(self._salt.encode())
        with self._path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:32]


def _counted(messages: Iterable[Envelope], progress: Progress) -> Iterator[Envelope]:
    for number, envelope in enumerate(messages, 1):
        yield envelope
        if number % BATCH == 0:
            progress(number)
