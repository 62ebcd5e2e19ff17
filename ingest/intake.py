"""What every source does with its messages: through the pipeline, into the store, and only then acknowledged."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from brain.engine import Engine
from brain.model import DeadLetter, Mark
from ingest.pipeline import Pipeline
from ingest.record import Envelope

log = logging.getLogger("brain.ingest")


@dataclass(slots=True)
class Taken:
    """What an intake has taken in since it started."""

    messages: int = 0
    events: int = 0
    dead: int = 0
    duplicates: int = 0
    flags: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        flags = "".join(f", {count:,} {verdict}" for verdict, count in sorted(self.flags.items()))
        return f"{self.messages:,} messages, {self.events:,} events, {self.dead:,} dead, {self.duplicates:,} duplicates{flags}"


class Intake:
    """One pipeline into one engine. When `take` returns, all of it is stored or buried, and the caller may acknowledge."""

    def __init__(self, pipeline: Pipeline, engine: Engine) -> None:
        self._pipeline = pipeline
        self._engine = engine
        self.taken = Taken()

    async def take(self, envelopes: Sequence[Envelope], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()) -> None:
        """`letters` are messages that were dead before they reached the pipeline, such as damaged blocks."""
        result = self._pipeline.run(envelopes)
        await self._engine.commit(result.good, marks, [*letters, *result.bad])
        taken, stats = self.taken, result.stats
        taken.messages += stats.messages + len(letters)
        taken.events += stats.events
        taken.dead += stats.dead + len(letters)
        taken.duplicates += stats.duplicates
        taken.flags.update(stats.flags)
        for letter in (*letters, *result.bad):
            log.info("dead letter %s from %s: %s", letter.id[:12], letter.topic, letter.reason)
