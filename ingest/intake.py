"""What every source does with its messages: through the pipeline, into the store, and only then acknowledged."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from brain.engine import Engine
from brain.errors import Reject
from brain.model import DeadLetter, Mark
from ingest.pipeline import Pipeline, Result, letter
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

    def __add__(self, other: "Taken") -> "Taken":
        """What two have taken in together."""
        return Taken(
            self.messages + other.messages,
            self.events + other.events,
            self.dead + other.dead,
            self.duplicates + other.duplicates,
            self.flags + other.flags,
        )

    def __str__(self) -> str:
        flags = "".join(f", {count:,} {verdict}" for verdict, count in sorted(self.flags.items()))
        return f"{self.messages:,} messages, {self.events:,} events, {self.dead:,} dead, {self.duplicates:,} duplicates{flags}"


class Intake:
    """One pipeline into one engine. When `take` returns, all of it is stored or buried, and the caller may acknowledge."""

    def __init__(self, pipeline: Pipeline, engine: Engine) -> None:
        self.pipeline = pipeline
        self._engine = engine
        self.taken = Taken()

    async def take(self, envelopes: Sequence[Envelope], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()) -> None:
        """`letters` are messages that were dead before they reached the pipeline, such as damaged blocks."""
        await self.keep(envelopes, self.pipeline.run(envelopes), marks, letters)

    async def read(self, envelopes: Sequence[Envelope]) -> Result:
        """What the pipeline makes of the envelopes, for `keep`; in a thread, so that the store may work on others meanwhile."""
        return await asyncio.to_thread(self.pipeline.run, envelopes)

    async def keep(
        self, envelopes: Sequence[Envelope], result: Result, marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()
    ) -> list[DeadLetter]:
        """Commit what the pipeline made of the envelopes; all the letters that were buried."""
        buried = [*letters, *result.bad]
        try:
            await self._engine.commit(result.good, marks, buried)
        except Reject:
            # The store refused the batch for one message's sake, and kept nothing of it: without that message it takes the rest.
            buried = [*letters, *await self._apart(envelopes)]
            await self._engine.commit((), marks, letters)
        taken, stats = self.taken, result.stats
        taken.messages += stats.messages + len(letters)
        taken.events += stats.events
        taken.dead += len(buried)
        taken.duplicates += stats.duplicates
        taken.flags.update(stats.flags)
        for one in buried:
            log.info("dead letter %s from %s: %s", one.id[:12], one.topic, one.reason)
        return buried

    async def _apart(self, envelopes: Sequence[Envelope]) -> list[DeadLetter]:
        """Commit in halves, down to the messages that the store refuses, which are buried with its reason."""
        middle = len(envelopes) // 2
        buried: list[DeadLetter] = []
        for half in (envelopes[:middle], envelopes[middle:]) if middle else (envelopes,):
            result = self.pipeline.run(half)
            try:
                await self._engine.commit(result.good, (), result.bad)
                buried += result.bad
            except Reject as error:
                if len(half) > 1:
                    buried += await self._apart(half)
                    continue
                dead = [*result.bad, *(letter("", envelope, [str(error)]) for envelope in half)]
                await self._engine.commit((), (), dead)
                buried += dead
        return buried
