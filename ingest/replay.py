"""Another try for dead letters."""

from collections.abc import Sequence

from brain.engine import Engine
from brain.model import DeadLetter
from brain.ports import Store
from ingest.pipeline import Pipeline
from ingest.record import Envelope

BATCH = 500


async def replay(pipeline: Pipeline, engine: Engine, store: Store, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Send the letters through the pipeline again, and release those that now live; returns those that stay dead, with
    today's reasons. What a letter gives is committed before it is released, so that a crash between the two repeats it."""
    still: list[DeadLetter] = []
    for i in range(0, len(letters), BATCH):
        some = letters[i : i + BATCH]
        result = pipeline.run([Envelope(letter.topic, "", letter.payload, letter.received) for letter in some])
        await engine.commit(result.good, (), result.bad)
        dead = {letter.id for letter in result.bad}
        await store.release([letter.id for letter in some if letter.id not in dead])
        still += result.bad
    return still
