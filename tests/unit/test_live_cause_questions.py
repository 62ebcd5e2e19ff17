"""Who asks for live causes is answered whoever else asks, and what nobody asks for is let go."""

import pytest

from brain.analytics import live_causes
from brain.analytics.follow import Follower
from brain.analytics.given_calendars import given_calendars
from brain.analytics.live_causes import Question
from brain.analytics.lives import MICRO
from brain.errors import BadQuery
from tests.unit.test_bottlenecks import filled, thing
from tests.unit.test_live_causes import CONTENDED, SCHEMA, day


async def test_of_more_questions_than_are_answered_and_of_old_ones_the_oldest_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    store = await filled(SCHEMA, *CONTENDED)
    live = Follower(store, SCHEMA)
    monkeypatch.setattr(live_causes, "QUESTIONS", 2)
    for name in "t", "u", "v", "u":
        live.causes.answer(Question(name))
    await live.causes.checkpoint()
    assert live.causes.answer(Question("t")).made is not None
    assert live.causes.answer(Question("u")).reason == "no object of type 'u' ended in this window"
    assert live.causes.answer(Question("v")).made is None
    monkeypatch.setattr(live_causes, "KEPT_SECONDS", 0.0)
    live.causes.answer(Question("v"))  # the one that was not asked for longest is let go for it
    await live.causes.checkpoint()
    assert live.causes.answer(Question("v")).made is not None
    assert live.causes.answer(Question("t")).made is None
    monkeypatch.setattr(live_causes, "IDLE_SECONDS", 0.0)
    assert not await live.causes.checkpoint()
    assert live.causes.lives is None, "nothing is held for nobody"
    await store.close()


async def test_more_askers_than_are_answered_do_not_push_each_other_out() -> None:
    store = await filled(SCHEMA, *CONTENDED)
    live = Follower(store, SCHEMA, span=20 * MICRO)
    hours = [given_calendars(f'"*": {{mon-sun: ["00:00-{hour + 1:02}:00"]}}') for hour in range(live_causes.QUESTIONS + 1)]
    questions = [Question("t", calendars=tuple(one.items())) for one in hours]
    for _ in range(2):
        found = [live.causes.answer(question) for question in questions]
        await live.causes.checkpoint()
    assert all(one.causes is not None for one in found[:-1])
    assert found[-1].reason == "8 other questions are being answered: ask again in a minute"
    await store.close()


async def test_a_question_that_cannot_be_answered_takes_no_other_down(caplog: pytest.LogCaptureFixture) -> None:
    # The year 1 is how some say that there is no date; an hour west of it is before all that a calendar knows.
    store = await filled(SCHEMA, *CONTENDED, day("w1", "w", -62_135_596_800, -62_135_596_790, "n"), thing("w", "t"))
    live = Follower(store, SCHEMA, span=10**18)
    west = given_calendars('{"*": {"mon-fri": ["08:00-17:00"], "zone": "America/New_York"}}')
    bad, good = Question("t", calendars=tuple(west.items())), Question("t")
    for question in (bad, good):
        live.causes.answer(question)
    await live.causes.checkpoint()
    assert live.causes.answer(bad).reason == "they cannot be worked out; the server's log says why"
    assert live.causes.answer(good).causes is not None
    assert "live causes" in caplog.text
    await store.close()


async def test_a_type_that_is_mistyped_is_not_followed_for_ever() -> None:
    store = await filled(SCHEMA, *CONTENDED)
    live = Follower(store, SCHEMA)
    with pytest.raises(BadQuery):
        await live.report("mistyped")
    assert not live._figures
    assert (await live.report("t")).edges
    await store.close()
