"""Live causes are those of the batch report on the same window, at every checkpoint, whatever came in whichever order."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from brain.analytics import recent_lives
from brain.analytics.causes import Causes
from brain.analytics.follow import Follower
from brain.analytics.live_causes import LiveCauses, Question
from brain.analytics.process_material import Asked, Period, Section
from brain.analytics.process_report import process_report
from brain.errors import BadQuery
from brain.model import GAP, Assert, ChangeSet, Link, Notice, Retract
from brain.ports import Store
from brain.query import Occurrences
from brain.stores import open_store
from ontology import load_schema
from tests.unit.test_bottlenecks import filled

SCHEMA = load_schema()
OBJECTS = ["x", "y", "z", "w"]
TYPES = ["t", "u"]
PEOPLE = ["Device", "Person"]


@st.composite
def change_sets(draw: st.DrawFn) -> list[ChangeSet]:
    """What is said of a few steps, objects and machines: late, corrected, and taken back."""
    found = []
    for i in range(draw(st.integers(1, 24))):
        valid = draw(st.integers(0, 3))
        change: Assert | Retract
        match draw(st.sampled_from(["step"] * 5 + ["undone", "typed", "classed", "state"])):
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
    asked = Asked(question.lifecycle, None, period, frozenset({Section.CAUSES}), None, question.view)
    want = await batch(store, asked._replace(context_since=wanted.context), question.object_type)
    assert (found.causes or found.reason) == want
    if isinstance(want, Causes):
        assert (found.objects, found.steps) == (want.objects, want.steps)
    whole = await batch(store, asked, question.object_type)
    if wanted.context < 0:  # all that there is is known
        assert want == whole
    return found


QUESTIONS = [Question("t"), Question("u", None, "enabled"), Question("WorkObject", "complete"), Question("Asset")]


@settings(deadline=None, max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
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
