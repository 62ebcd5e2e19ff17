"""Live causes of a real log that comes shuffled, and in part twice: at each checkpoint those of the report on the same window."""

from collections.abc import Sequence
from pathlib import Path

from brain.analytics.calendars import DAY
from brain.analytics.follow import Follower
from brain.analytics.given_calendars import given_calendars
from brain.analytics.live_causes import LiveCauses, Question
from brain.analytics.process_material import Asked, Period, Section
from brain.analytics.process_report import process_report
from brain.engine import Engine
from brain.model import Notice
from brain.ports import Store
from brain.schema import Schema
from brain.stores import open_store
from ingest.event_log import TOPIC, LogMapper
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ontology import load_schema
from tests.e2e.test_shuffled_logs import cut, shuffled
from tests.integration.test_live_logs import Followed, records

HOURS = {"*": {"mon-fri": ["08:00-16:00"]}}
QUESTIONS = [
    Question("case"),
    Question("case", view="enabled", calendars=tuple(given_calendars(str(HOURS)).items())),
]


class Both(Followed):
    """A feed of two followers."""

    def __init__(self, *lives: Follower) -> None:
        self._lives = lives

    async def publish(self, notices: Sequence[Notice]) -> None:
        for live in self._lives:
            await live.follow(notices)


async def same(found: LiveCauses, question: Question, store: Store, schema: Schema) -> None:
    assert found.since is not None
    assert found.until is not None
    asked = Asked(
        sections=frozenset({Section.CAUSES}),
        period=Period(found.since, found.until),
        view=question.view,
        calendars=dict(question.calendars),
        context_since=found.context_since,
    )
    want = await process_report(store, schema, "case", asked)
    assert found.causes is not None
    assert found.causes == want.causes
    assert found.changes == 0


async def test_a_shuffled_log(shared_data: Path) -> None:
    schema, store = load_schema(), open_store("sqlite://")
    await store.prepare(schema)
    arrived = shuffled(records(shared_data / "eventlogs/PurchasingExample.csv", None), seed=21)
    # The log is of 350 days: in the window with its context is half of it, in the other as much as 2,000 steps are.
    wide, narrow = Follower(store, schema, span=35 * DAY), Follower(store, schema, span=35 * DAY, steps=2000)
    both = (wide, narrow)
    intake = Intake(Pipeline(schema, (), {TOPIC: LogMapper(schema)}), Engine(store, Both(*both)))
    for live in both:
        for question in QUESTIONS:
            live.causes.answer(question)
    taken = checked = 0
    for batch in cut(arrived, seed=22):
        await intake.take(batch)
        taken += len(batch)
        if taken * 3 >= len(arrived) * (checked + 1):
            checked += 1
            for live in both:
                await live.causes.checkpoint()
                for question in QUESTIONS if checked == 3 else QUESTIONS[checked % 2 :][:1]:
                    await same(live.causes.answer(question), question, store, schema)
    wide_found, narrow_found = (live.causes.answer(QUESTIONS[0]) for live in both)
    assert (wide_found.limited, narrow_found.limited) == (False, True)
    assert 1500 < narrow_found.known_steps <= 2000 < wide_found.known_steps
    assert {part.cause for part in wide_found.causes.parts} >= {"contention", "batching", "prioritisation"}  # type: ignore[union-attr]
    # Of a log whose whole life is known the report needs no context.
    all_of_it = Follower(store, schema, span=350 * DAY)
    all_of_it.causes.answer(QUESTIONS[0])
    await all_of_it.causes.checkpoint()
    found = all_of_it.causes.answer(QUESTIONS[0])
    assert found.since is not None
    assert found.until is not None
    plain = Asked(sections=frozenset({Section.CAUSES}), period=Period(found.since, found.until))
    assert found.causes == (await process_report(store, schema, "case", plain)).causes
    await store.close()
