"""Live causes are those of the batch report on the same window, at every checkpoint, whatever came in whichever order."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.analytics import live_causes, recent_lives
from brain.analytics.causes import Causes
from brain.analytics.follow import Follower
from brain.analytics.given_calendars import given_calendars
from brain.analytics.live_causes import LiveCauses, Question
from brain.analytics.live_reports import LiveBottlenecks, LiveReports
from brain.analytics.lives import MICRO
from brain.analytics.process_material import Asked, Period, Section
from brain.analytics.process_report import process_report
from brain.errors import BadQuery
from brain.model import GAP, Assert, ChangeSet, Link, Notice, Retract
from brain.ports import Store
from brain.query import Occurrences
from ontology import load_schema
from tests.unit.api_plant import plant_api
from tests.unit.test_bottlenecks import filled, thing
from tests.unit.test_live_reports import told
from tests.unit.test_live_restart import Plant

SCHEMA = load_schema()
OBJECTS = ["x", "y", "z", "w"]
TYPES = ["t", "u"]
CAUSES = frozenset({Section.CAUSES})


@st.composite
def change_sets(draw: st.DrawFn) -> list[ChangeSet]:
    """What is said of a few steps, objects and machines: late, corrected, and taken back."""
    found = []
    for i in range(draw(st.integers(1, 24))):
        valid = draw(st.integers(0, 3))
        change: Assert | Retract
        match draw(st.sampled_from(["step"] * 6 + ["undone"] * 3 + ["typed", "classed", "state"])):
            case "step" | "undone" as kind:
                name = f"step/{draw(st.sampled_from('12345678'))}"
                links = [Link("object", f"object/{o}") for o in draw(st.sets(st.sampled_from(OBJECTS), max_size=2))]
                if draw(st.booleans()):
                    links.append(Link("performedBy", f"machine/{draw(st.sampled_from('mn'))}"))
                at = draw(st.integers(0, 30))
                times = {"startedAt": at, "completedAt": at + draw(st.integers(0, 3))}
                if draw(st.integers(0, 4)) == 0:
                    del times[draw(st.sampled_from(list(times)))]
                if kind == "step":
                    change = Assert(name, "Step", {**times, "activity": draw(st.sampled_from("ab"))}, {}, tuple(links))
                else:
                    valid += 2
                    change = Retract(name, "Step", tuple(times), (), tuple(links))
            case "typed":
                said = {"objectType": draw(st.sampled_from(TYPES))}
                change = Assert(f"object/{draw(st.sampled_from(OBJECTS))}", "WorkObject", said)
            case "classed":
                change = Assert(f"object/{draw(st.sampled_from(OBJECTS))}", draw(st.sampled_from(["Asset", "Device"])), {})
            case _:
                valid = draw(st.integers(0, 30))
                state = {"state": draw(st.sampled_from(["down", "starved", "running"]))}
                change = Assert(f"machine/{draw(st.sampled_from('mn'))}", "Device", state)
        found.append(ChangeSet(f"e{i}", "test", valid, 0, (change,)))
    return found


class Bounds(NamedTuple):
    """By definition: the last and the first µs of the window, and since when anything is known."""

    until: int
    since: int
    context: int


async def bounds(store: Store, span: int, most: int) -> Bounds | None:
    """The definition, over all lives that there are."""
    lives: dict[str, dict[str, int | None]] = {}
    for name in await store.object_types():
        async for o in store.scan(Occurrences(name)):
            ended = o.started if o.completed is None else o.completed
            lives.setdefault(o.object, {})[o.step] = None if o.lifecycle else ended
    known = {name: [end for end in steps.values() if end is not None] for name, steps in lives.items()}
    ends = sorted(((max(some), len(lives[name])) for name, some in known.items() if some), reverse=True)
    if not ends:
        return None
    until = ends[0][0] + 1
    context, steps = until - 5 * span, 0
    for end, count in ends:
        if steps and steps + count > most:
            context = max(context, end + 1)
            break
        steps += count
    context = min(context, until - 1)
    return Bounds(until, until - -(-(until - context) // 5), context)


async def batch(store: Store, asked: Asked, object_type: str) -> Causes | str:
    """The report's causes, or why it has none."""
    try:
        found = await process_report(store, SCHEMA, object_type, asked)
    except BadQuery:
        return f"no object of type {object_type!r} ended in this window"
    return found.causes or next(part.reason for part in found.absent if part.section == "causes")


async def equal(live: Follower, store: Store, question: Question, span: int, most: int) -> LiveCauses:
    found, wanted = live.causes.answer(question), await bounds(store, span, most)
    assert found.made is not None
    assert found.changes == 0
    if wanted is None:
        assert found.reason == "no step here has ended"
        return found
    assert (found.until, found.since, found.context_since) == wanted
    period = Period(wanted.since, wanted.until)
    asked = Asked(question.lifecycle, None, period, CAUSES, None, question.view)
    want = await batch(store, asked._replace(context_since=wanted.context), question.object_type)
    assert (found.causes or found.reason) == want
    if isinstance(want, Causes):
        assert (found.objects, found.steps) == (want.objects, want.steps)
    whole = await batch(store, asked, question.object_type)
    if wanted.context < 0:  # all that there is is known
        assert want == whole
    return found


QUESTIONS = [Question("t"), Question("u", None, "enabled"), Question("WorkObject", "complete"), Question("Asset")]


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_live_causes_of_any_stream_are_the_batch(data: st.DataObject) -> None:
    span, most = data.draw(st.sampled_from([1, 2, 4, 100])), data.draw(st.sampled_from([1, 3, 6, 1000]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent_lives, "TOGETHER", data.draw(st.sampled_from([1, 3, 500])))
        patch.setattr(recent_lives, "NOTED", data.draw(st.sampled_from([3, 100_000])))
        await streamed(data, span, most)


async def streamed(data: st.DataObject, span: int, most: int) -> None:
    changes = data.draw(change_sets())
    arrived = data.draw(st.permutations([*changes, *data.draw(st.lists(st.sampled_from(changes), max_size=3))]))
    store = await filled(SCHEMA)
    live, since = Follower(store, SCHEMA, span=span, steps=most), data.draw(st.integers(0, len(arrived)))
    done, waiting = 0, list[Notice]()
    while done < len(arrived):
        size = data.draw(st.integers(1, 6))
        waiting += await store.apply(arrived[done : done + size])
        done += size
        if done >= since:
            for question in QUESTIONS:
                live.causes.answer(question)
        match data.draw(st.sampled_from(["wait", "follow", "early", "lost"])) if done < len(arrived) else "follow":
            case "early":  # what is not told yet may be read already, and is told again
                await live.causes.checkpoint()
            case "lost":
                await live.follow([GAP])
                waiting.clear()
            case "follow":
                await live.follow(data.draw(st.permutations(waiting)))
                waiting.clear()
                await live.causes.checkpoint()
                for question in QUESTIONS if done >= since else ():
                    await equal(live, store, question, span, most)
    await store.close()


# ---- By hand ------------------------------------------------------------------------------------------------------


def day(name: str, of: str, start: int, end: int, by: str, activity: str = "a") -> ChangeSet:
    """A step in whole seconds."""
    said = {"activity": activity, "startedAt": start * MICRO, "completedAt": end * MICRO}
    links = Link("object", f"object/{of}"), Link("performedBy", f"machine/{by}")
    return ChangeSet(name, "test", end * MICRO, 0, (Assert(f"step/{name}", "Step", said, {}, links),))


# x is done by m from 0 to 10, and waits until 30 for n, which is busy with y until 25. So 15 s are contention, 5 s extraneous.
CONTENDED = (
    *(thing(name, "t") for name in "xyz"),
    day("x1", "x", 0, 10, "m"), day("x2", "x", 30, 40, "n"),
    day("y1", "y", 0, 5, "m"), day("y2", "y", 5, 25, "n"),
)  # fmt: skip


def parts(found: LiveCauses) -> dict[str, float]:
    assert found.causes is not None, found.reason
    return {part.cause.value: part.seconds for part in found.causes.parts}


async def test_one_life_that_is_too_long_by_itself_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """x has two steps where one may be held, so y, which ended 1 s before it, is beyond what is known; as it is the next time."""
    monkeypatch.setattr(recent_lives, "TOGETHER", 1)
    steps = day("x1", "x", 0, 10, "m"), day("x2", "x", 15, 20, "m"), day("y1", "y", 0, 19, "n")
    store = await filled(SCHEMA, thing("x", "t"), thing("y", "t"), *steps)
    live, question = Follower(store, SCHEMA, span=20 * MICRO, steps=1), Question("t")
    live.causes.answer(question)
    for state in ("down", "running"):
        said = Assert("machine/m", "Device", {"state": state})
        await live.follow(await store.apply([ChangeSet(state, "test", 5 * MICRO, 0, (said,))]))
        await live.causes.checkpoint()
        found = live.causes.answer(question)
        assert (found.context_since, found.limited, found.known_steps) == (19 * MICRO + 1, True, 2)
        assert await equal(live, store, question, 20 * MICRO, 1) == found
    await store.close()


async def test_an_answer_is_of_the_last_checkpoint_and_tells_how_much_has_changed_since() -> None:
    store = await filled(SCHEMA, *CONTENDED)
    live, question = Follower(store, SCHEMA, span=20 * MICRO), Question("t")
    assert live.causes.answer(question).reason == "they are being worked out: ask again"
    assert await live.causes.checkpoint()
    found = live.causes.answer(question)
    assert parts(found) == {"contention": 15.0, "extraneous": 5.0}
    # The window are the 20 s until 40 s, in which both ended; their steps are all that there is.
    assert (found.until, found.since, found.objects, found.steps, found.known_steps, found.changes) == (
        40 * MICRO + 1, 20 * MICRO + 1, 2, 4, 4, 0,
    )  # fmt: skip
    assert not await live.causes.checkpoint()  # nothing has changed
    # It turns out that y was handed on at 10 s. The answer is the old one until it is worked out again.
    await live.follow(await store.apply([ChangeSet("l", "test", 50 * MICRO, 0, (correction(10),))]))
    late = live.causes.answer(question)
    assert (parts(late), late.changes, late.made) == ({"contention": 15.0, "extraneous": 5.0}, 1, found.made)
    await live.causes.checkpoint()
    assert parts(live.causes.answer(question)) == {"extraneous": 20.0}
    await store.close()


def correction(completed: int) -> Assert:
    return Assert("step/y2", "Step", {"completedAt": completed * MICRO})


async def test_what_ended_long_before_is_let_go_and_read_again_where_time_goes_back() -> None:
    store = await filled(SCHEMA, *CONTENDED)
    live, question = Follower(store, SCHEMA, span=2 * MICRO), Question("t")
    live.causes.answer(question)
    await live.causes.checkpoint()
    last = day("z1", "z", 1000, 1001, "m"), day("z2", "z", 1002, 1003, "n")
    await live.follow(await store.apply(last))
    await live.causes.checkpoint()
    found = live.causes.answer(question)
    assert (found.objects, found.known_steps, parts(found)) == (1, 2, {"extraneous": 1.0})
    assert live.causes.lives is not None
    assert set(live.causes.lives._held) == {"object/z"}
    gone = [
        ChangeSet(f"{name}!", "test", 2000 * MICRO, 0, (Retract(f"step/{name}", "Step", ("startedAt", "completedAt")),))
        for name in ("z1", "z2")
    ]
    await live.follow(await store.apply(gone))
    await live.causes.checkpoint()
    found = live.causes.answer(question)
    assert (found.until, found.objects, parts(found)) == (40 * MICRO + 1, 1, {"extraneous": 20.0})  # y ended before 30 s
    await store.close()


async def test_what_a_wrong_clock_dates_ahead_ends_no_window() -> None:
    ahead = day("z1", "z", 4_000_000_000, 4_000_000_001, "m")  # in the year 2096
    store = await filled(SCHEMA, *CONTENDED, ahead)
    live, question = Follower(store, SCHEMA), Question("t")
    live.causes.answer(question)
    await live.causes.checkpoint()
    found = live.causes.answer(question)
    assert (found.until, found.objects, parts(found)) == (40 * MICRO + 1, 2, {"contention": 15.0, "extraneous": 5.0})
    await store.close()


async def test_devices_tell_why_and_what_was_told_before_the_context_is_not_known() -> None:
    down = Assert("machine/n", "Device", {"state": "down"})
    store = await filled(SCHEMA, *CONTENDED)
    live, question = Follower(store, SCHEMA, span=20 * MICRO), Question("t")
    live.causes.answer(question)
    await live.causes.checkpoint()
    await live.follow(await store.apply([ChangeSet("d", "test", 26 * MICRO, 0, (down,))]))
    await live.causes.checkpoint()
    assert parts(live.causes.answer(question)) == {"contention": 15.0, "unavailability": 4.0, "extraneous": 1.0}
    # Then y, which ended at 25 s, is not known either.
    for since, want in ((26, {"unavailability": 4.0, "extraneous": 16.0}), (27, {"extraneous": 20.0})):
        asked = Asked(sections=CAUSES, period=Period(20 * MICRO, 41 * MICRO), context_since=since * MICRO)
        found = (await process_report(store, SCHEMA, "t", asked)).causes
        assert found is not None
        assert {part.cause.value: part.seconds for part in found.parts} == want
    await store.close()


async def test_given_calendars_and_who_they_are_not_for() -> None:
    store = await filled(SCHEMA, *CONTENDED)
    live = Follower(store, SCHEMA)
    night = given_calendars('"*": {mon-sun: ["20:00-22:00"]}')  # the epoch began at midnight
    nobody = given_calendars("machine/o: always")
    questions = [Question("t", calendars=tuple(hours.items())) for hours in (night, nobody)]
    for question in questions:
        live.causes.answer(question)
    await live.causes.checkpoint()
    assert parts(live.causes.answer(questions[0])) == {"contention": 15.0, "unavailability": 5.0}
    refused = live.causes.answer(questions[1])
    assert refused.causes is None
    assert "machine/o: a calendar is given, but no step here" in str(refused.reason)
    await store.close()


# ---- Beside a feed ------------------------------------------------------------------------------------------------


async def caught_up(live: LiveReports, question: Question) -> LiveBottlenecks:
    """The report, once its causes are up to date."""
    async with asyncio.timeout(20), contextlib.aclosing(live.changes()) as changes:
        async for _ in changes:
            found = await live.explained(question)
            if found.causes is not None and found.causes.made is not None and not found.causes.changes:
                return found
    raise AssertionError("changes do not end")


async def test_what_was_lost_and_what_is_merged_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_causes, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(live_causes, "REST", 0)
    question = Question("t")
    async with told(SCHEMA, merged=True) as plant:
        await plant.says(*CONTENDED)
        assert parts((await caught_up(plant.live, question)).causes) == {"contention": 15.0, "extraneous": 5.0}  # type: ignore[arg-type]
        # The feed is not told of it, and then that something was lost.
        await plant.store.apply([ChangeSet("l", "test", 50 * MICRO, 0, (correction(20),))])
        await plant.feed.publish([GAP])
        await asyncio.sleep(0.01)
        assert parts((await caught_up(plant.live, question)).causes) == {"contention": 10.0, "extraneous": 10.0}  # type: ignore[arg-type]
        # y turns out to be x: one life, y1 0–5, x1 0–10, y2 5–20, x2 30–40.
        same = Link("sameAs", "object/y")
        await plant.says(ChangeSet("m", "test", 60 * MICRO, 0, (Assert("object/x", "WorkObject", {}, {}, (same,)),)))
        found = (await caught_up(plant.live, question)).causes
        assert found is not None
        assert (found.objects, parts(found)) == (1, {"extraneous": 10.0})
        await plant.says(thing("y", "t"))
        found = (await caught_up(plant.live, question)).causes
        assert found is not None
        assert (found.objects, parts(found)) == (1, {"extraneous": 10.0})


async def test_a_restart_has_them_again_without_reading_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_causes, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(live_causes, "REST", 0)
    plant, question = Plant(tmp_path), Question("t")
    await plant.says(*CONTENDED)
    async with plant.living() as living:
        await caught_up(living.live, question)
    assert plant.read == ["t", "t"]  # for the figures, and for the causes
    await plant.says(ChangeSet("l", "test", 50 * MICRO, 0, (correction(20),)))
    async with plant.living() as living:
        async with asyncio.timeout(20), contextlib.aclosing(living.live.changes()) as changes:
            async for _ in changes:  # though nobody asks
                if (one := living.live._follower.causes._asked.get(question)) is not None and one.told >= 0:
                    break
        found = (await caught_up(living.live, question)).causes
        assert found is not None
        assert parts(found) == {"contention": 10.0, "extraneous": 10.0}
        # A wait that begins as late as the end of what was known.
        await living.says(day("z1", "z", 40, 41, "m"), day("z2", "z", 43, 44, "n"))
        async with asyncio.timeout(20), contextlib.aclosing(living.live.changes()) as changes:
            async for _ in changes:
                found = (await living.live.explained(question)).causes
                if found is not None and found.steps == 6:
                    break
        assert found is not None
        assert parts(found) == {"contention": 10.0, "extraneous": 12.0}
    assert plant.read == ["t", "t"], "nothing was read as a whole"


ASKED = "{ waiting: edges { totalSeconds } causes { reason changes steps until causes { parts { cause seconds } } } }"


async def test_graphql() -> None:
    async with plant_api(CONTENDED) as api:
        running = asyncio.create_task(api.live.run())
        text = f'subscription {{ bottlenecks(objectType: "t") {ASKED} }}'
        stream: Any = await api.api.subscribe(text, context_value=api.context())
        said = (await anext(stream)).data["bottlenecks"]["causes"]
        assert (said["causes"], said["reason"]) == (None, "they are being worked out: ask again")
        # The subscriber is told when they are there.
        said = (await asyncio.wait_for(anext(stream), 10)).data["bottlenecks"]
        await stream.aclose()
        parts = [{"cause": "CONTENTION", "seconds": 15.0}, {"cause": "EXTRANEOUS", "seconds": 5.0}]
        causes = {"reason": None, "changes": 0, "steps": 4, "until": "1970-01-01T00:00:40.000001Z", "causes": {"parts": parts}}
        assert said == {"waiting": [{"totalSeconds": 20.0}], "causes": causes}
        again = await api.ask(f'{{ liveBottlenecks(objectType: "t") {ASKED} }}')
        assert again["liveBottlenecks"] == said
        period = 'since: "1970-01-01T00:00:30Z", contextSince: "1970-01-01T00:00:30Z"'
        batch = await api.ask(f'{{ processReport(objectType: "t", {period}) {{ causes {{ parts {{ cause seconds }} }} }} }}')
        assert batch["processReport"]["causes"]["parts"] == [{"cause": "EXTRANEOUS", "seconds": 20.0}]
        await api.feed.close()
        await running
