"""Waits that go on, of orders on the plant of `test_delayed`: until when they are told, and what is next for them."""

import time
from itertools import count
from unittest.mock import patch

import pytest

from brain.analytics.graph.delayed import Asked, delay
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Link
from brain.query import AsOf
from tests.unit.test_delayed import EIGHT, PLANT, SCHEMA, at, found, minutes, says, step, stored


async def test_as_of_a_time_when_it_still_waited() -> None:
    """At 40 nobody knew what would cap 0104: it had waited for 31 min, after which CAP alone had been seen to go on."""
    async with stored() as store:
        told = await found(store, asked=Asked(AsOf(valid=at(40))))
    assert (told.at, told.waited_seconds) == (at(40), 31 * 60.0)
    (wait,) = told.waits
    assert (wait.source, wait.target, wait.step, wait.since, wait.until, wait.causes) == ("fill", None, None, at(9), at(40), ())
    air = told.causes[0]
    assert (air.id, air.alone, air.down_seconds) == ("asset/AIR", True, 31 * 60.0)
    assert [(t.since, t.until, t.target) for t in air.troubles] == [(at(7), None, None)]


async def test_an_order_that_waits_now_waits_until_the_last_that_is_known() -> None:
    """0105 is filled until 50 and waits since; another machine, CAP-2, caps too, so that CAP is not needed alone. The last
    that is known is 0104, which ended at 65; AIR was down for 8 of those 15 min."""
    more = (
        says(-60, "productionorder/0102", "ProductionOrder", actualEnd=at(0)),
        step("0102", "fill", "FILL", -25, -20),
        step("0102", "cap", "CAP-2", -20, -10),
        says(-60, "productionorder/0105", "ProductionOrder"),
        step("0105", "fill", "FILL", 45, 50),
    )
    async with stored((*PLANT, *more)) as store:
        told = await found(store, "productionorder/0105")
    assert (told.at, told.waited_seconds) == (at(65), 15 * 60.0)
    alone = {c.id.removeprefix("asset/"): c.alone for c in told.causes}
    assert alone == {"AIR": False, "CAP": False, "CAP-2": False, "SW": False, "TANK": False}
    assert minutes(told)[0] == ("AIR", 8.0)


FAR = 16_725_225_600 // 60
"""Minutes from 1970 until the year 2500."""
WAITING = (says(-60, "productionorder/0105", "ProductionOrder"), step("0105", "fill", "FILL", 45, 50))


async def test_of_a_log_that_was_not_read_whole_neither_the_moment_nor_who_stands_in_is_taken() -> None:
    """0105 waits since 50, and at 61 a name was said of it. The reading is cut after three steps: those of 0103, which CAP went
    on with and ended at 17, and one of 0104."""
    named = says(61, "productionorder/0105", "ProductionOrder", name="order 105")
    async with stored((*PLANT, *WAITING, named)) as store:
        for split in (True, False):
            read = count()
            with patch("brain.analytics.graph.told_lives.late", lambda until, read=read: next(read) >= 3):
                told = await found(store, "productionorder/0105", Asked(seconds=600, split=split))
            assert (told.partial, told.at, told.waited_seconds, told.causes) == (True, at(61), 11 * 60.0, ())
            assert told.notes[0].startswith("the log was not read in time: a wait that goes on is at least so long")
            assert len(told.notes) == (2 if split else 1)
        whole = await found(store, "productionorder/0105")
    assert (whole.partial, whole.at, whole.waited_seconds) == (False, at(65), 15 * 60.0)
    assert "asset/CAP" in {one.id for one in whole.causes}


async def test_that_nothing_explains_it_is_said_of_a_whole_answer_alone() -> None:
    """AIR ran all the time. What is one dependency away is a part: AIR, which is three away, may have been down."""
    changes = [c for c in PLANT if c.event[:9] != "asset/AIR" or c.valid < EIGHT]
    async with stored(changes) as store:
        assert (await found(store)).notes == (
            "no state explains the delay: nothing that it needed at 1970-01-01T09:00:00.000000Z said that it was down or degraded"
            " while it waited",
        )
        near = await found(store, asked=Asked(depth=1))
        assert (near.partial, near.troubled_seconds, near.notes) == (True, 0.0, ())
        assert (await found(store, asked=Asked(seconds=1e-9))).notes == (
            "the waits are not split by cause: the log was not read in time",
        )


async def test_nothing_waits_into_the_future() -> None:
    """A step of another order that is said to be of the year 2500 is not the last that is known: 0104, which ended at 65, is."""
    async with stored((*PLANT, *WAITING, step("0199", "fill", "FILL", FAR, FAR + 1))) as store:
        told = await found(store, "productionorder/0105")
        assert (told.at, told.waited_seconds) == (at(65), 15 * 60.0)
        before = time.time_ns() // 1000
        for asked in (Asked(AsOf(valid=at(2 * FAR))), Asked(moment=at(2 * FAR))):
            told = await found(store, "productionorder/0105", asked)
            assert told.at is not None
            assert before <= told.at <= time.time_ns() // 1000
            assert told.waited_seconds == (15 * 60.0 if asked.moment else (told.at - at(50)) / 1e6)


async def test_dependencies_later_than_the_steps_are_refused() -> None:
    async with stored() as store:
        with pytest.raises(
            BadQuery, match=r"dependencies at 1970-01-01T08:45:00.000000Z are none of things as of 1970-01-01T08:40"
        ):
            await delay(store, SCHEMA, "productionorder/0104", Asked(AsOf(valid=at(40)), at(45)))
        assert (await found(store, asked=Asked(AsOf(valid=at(40)), at(40)))).at == at(40)


def plan(order: str, activity: str, by: str | None, sequence: int | None = None, *used: str) -> ChangeSet:
    links = [Link("object", end) for end in (f"productionorder/{order}", *used)]
    links += [Link("performedBy", f"asset/{by}")] if by else []
    said: dict[str, str | int] = {"activity": activity} | ({} if sequence is None else {"sequence": sequence})
    name = f"step/{order}-{activity}"
    return ChangeSet(name, "s", at(50), at(50), (Assert(name, "Step", said, {}, tuple(links)),))


async def test_what_is_planned_next_is_needed_by_the_wait_that_goes_on() -> None:
    """0105 waits since 50, by 65 for 15 min. DYE, which nobody used yet, shall dye it next with the tool GAUGE, and BOX box it
    then: DYE was down from 40 to 60, 10 min of the wait, GAUGE from 62 on, 3 min, BOX all the time."""
    states = (
        says(40, "asset/DYE", "Machine", state="down"),
        says(60, "asset/DYE", "Machine", state="running"),
        says(0, "asset/GAUGE", "Machine", state="running"),
        says(62, "asset/GAUGE", "Machine", state="down"),
        says(0, "asset/BOX", "Machine", state="down"),
    )
    next_, then = plan("0105", "dye", "DYE", 2, "asset/GAUGE"), plan("0105", "box", "BOX", 3)
    async with stored((*PLANT, *WAITING, *states, next_, then)) as store:
        told = await found(store, "productionorder/0105")
        assert minutes(told) == [("DYE", 10.0), ("GAUGE", 3.0)]
        assert [(c.alone, c.via[-1].relation) for c in told.causes] == [(True, "performedBy"), (True, "object")]
        assert (told.troubled_seconds, told.notes) == (13 * 60.0, ())
        past = await found(store, "productionorder/0105", Asked(AsOf(valid=at(55))))
        assert minutes(past) == [("DYE", 5.0), ("GAUGE", 0.0)]
    async with stored((*PLANT, *WAITING, *states, plan("0105", "dye", "DYE"), plan("0105", "box", "BOX"))) as store:
        assert minutes(await found(store, "productionorder/0105")) == [("BOX", 15.0), ("DYE", 10.0)]
    async with stored((*PLANT, *WAITING, *states, plan("0105", "dye", None))) as store:
        told = await found(store, "productionorder/0105")
        assert minutes(told)[0] == ("AIR", 8.0)
        assert "asset/DYE" not in {c.id for c in told.causes}


async def test_who_may_stand_in_for_what_is_planned_is_counted() -> None:
    """DYE and DYE-2 dye: neither is needed alone."""
    can = [says(40, f"asset/{id}", "Machine", ("provides", "capability/dyeing"), state="down") for id in ("DYE", "DYE-2")]
    async with stored((*PLANT, *WAITING, *can, plan("0105", "dye", "DYE"))) as store:
        told = await found(store, "productionorder/0105")
    assert {(c.id, c.alone, c.down_seconds) for c in told.causes} == {
        ("asset/DYE", False, 15 * 60.0),
        ("asset/DYE-2", False, 15 * 60.0),
    }


def begun(order: str, activity: str, start: float) -> ChangeSet:
    """A step without an end."""
    name, said = f"step/{order}-{activity}", {"activity": activity, "startedAt": at(start)}
    told = Assert(name, "Step", said, {}, (Link("object", f"productionorder/{order}"),))
    return ChangeSet(f"begun {name}", "s", at(start), 0, (told,))


async def test_who_is_at_work_is_not_waiting() -> None:
    more = (says(-60, "productionorder/0106", "ProductionOrder"), begun("0106", "cap", 60), step("0107", "cap", "CAP", 90, 99))
    async with stored((*PLANT, *more)) as store:
        told = await found(store, "productionorder/0106")
    assert (told.waits, told.notes) == ((), ("it has not waited, as far as its steps tell",))


async def test_a_step_whose_end_nobody_told_is_over_once_the_order_went_on() -> None:
    """0108 was filled from 5 on, nobody told until when; capped until 30, and waits since: until 99, the last that is known."""
    more = (begun("0108", "fill", 5), step("0108", "cap", "CAP", 20, 30), step("0107", "cap", "CAP", 90, 99))
    async with stored((*PLANT, says(-60, "productionorder/0108", "ProductionOrder"), *more)) as store:
        told = await found(store, "productionorder/0108")
    assert [(wait.target, wait.seconds / 60) for wait in told.waits] == [(None, 69), ("cap", 15)]
