"""What was behind the delay of an order, on a plant that was worked out by hand: the state that stopped it comes first.

A compressor AIR supplies a tank that holds for ten minutes, and the tank the capper CAP; SW, a switch, supplies CAP too. Minutes
after eight o'clock:

    0104  filled 0 to 9, capped 60 to 65: it waited 51 min
    0103  filled until 5, capped 9 to 17
    AIR   down from 7 to 58; FILL down from 20 to 30, which 0104 had left behind

CAP was busy with 0103, which was ready before, from 9 to 17: 8 min of contention; then it was there and idle until 60: 43 min.
AIR was down from 9 to 58 of the wait, 49 min: all of the contention, and 41 of the 43 min.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.causes import Suspects, causes
from brain.analytics.graph.delayed import Asked, delay
from brain.analytics.graph.reading import read
from brain.analytics.graph.upward import upward
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Link, Mark, Retract
from brain.ports import Store
from brain.query import NOW, AsOf
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema
from tests.unit.test_graph_structure import Said, typed_graphs
from tests.unit.test_graph_times import classes

SCHEMA: Schema = load_schema(())
MINUTE = 60_000_000
EIGHT = 8 * 60 * MINUTE


def at(minute: float) -> int:
    return EIGHT + round(minute * MINUTE)


def says(minute: float, subject: str, cls: str, *links: tuple[str, str], **said: str | float) -> ChangeSet:
    told = Assert(subject, cls, said, {}, tuple(Link(*link) for link in links))
    return ChangeSet(f"{subject} {minute} {sorted(said)} {links}", "s", at(minute), at(minute), (told,))


def step(order: str, activity: str, by: str, start: float, end: float) -> ChangeSet:
    links = (Link("object", f"productionorder/{order}"), Link("performedBy", f"asset/{by}"))
    said = {"activity": activity, "startedAt": at(start), "completedAt": at(end)}
    name = f"step/{order}-{activity}"
    return ChangeSet(name, "s", at(end), at(end), (Assert(name, "Step", said, {}, links),))


PLANT = (
    says(-60, "asset/AIR", "Machine", ("supplies", "asset/TANK"), state="running"),
    says(-60, "asset/TANK", "Machine", ("supplies", "asset/CAP"), bufferTime=600.0),
    says(-60, "asset/SW", "Machine", ("supplies", "asset/CAP"), state="running"),
    says(-60, "asset/CAP", "Machine", state="running"),
    says(-60, "asset/FILL", "Machine", state="running"),
    says(7, "asset/AIR", "Machine", state="down"),
    says(58, "asset/AIR", "Machine", state="running"),
    says(20, "asset/FILL", "Machine", state="down"),
    says(30, "asset/FILL", "Machine", state="running"),
    says(-60, "productionorder/0103", "ProductionOrder", name="order 103"),
    says(-60, "productionorder/0104", "ProductionOrder", name="order 104"),
    step("0103", "fill", "FILL", -5, 5),
    step("0103", "cap", "CAP", 9, 17),
    step("0104", "fill", "FILL", 5, 9),
    step("0104", "cap", "CAP", 60, 65),
    says(65, "productionorder/0104", "ProductionOrder", actualEnd=at(65)),
    says(17, "productionorder/0103", "ProductionOrder", actualEnd=at(17)),
)


@asynccontextmanager
async def stored(changes: Sequence[ChangeSet] = PLANT) -> AsyncIterator[Store]:
    store = open_store("sqlite://")
    await store.prepare(SCHEMA)
    await store.apply(changes)
    yield store
    await store.close()


async def found(store: Store, id: str = "productionorder/0104", asked: Asked = Asked()) -> Suspects:
    told = await delay(store, SCHEMA, id, asked)
    assert told is not None
    return told


def minutes(of: Suspects) -> list[tuple[str, float]]:
    return [(c.id.removeprefix("asset/"), (c.down_seconds or 0.0) / 60) for c in of.causes]


async def test_the_compressor_that_was_down_comes_before_the_machines_that_ran() -> None:
    async with stored() as store:
        told = await found(store)
    assert minutes(told) == [("AIR", 49.0), ("CAP", 0.0), ("SW", 0.0), ("TANK", 0.0)]
    air = told.causes[0]
    assert (air.state, air.state_since, air.alone, air.after_seconds, air.distance) == ("down", at(7), True, 600.0, 3)
    assert [(c.provider, c.relation, c.dependent, c.basis) for c in air.via] == [
        ("asset/AIR", "supplies", "asset/TANK", "declared"),
        ("asset/TANK", "supplies", "asset/CAP", "declared"),
        ("asset/CAP", "performedBy", "productionorder/0104", "observed"),
    ]
    assert [(t.trouble, t.since, t.until, t.source, t.target, t.wait_since, t.wait_until, t.seconds) for t in air.troubles] == [
        ("down", at(7), at(58), "fill", "cap", at(9), at(60), 49 * 60.0)
    ]
    assert (told.at, told.waited_seconds, told.troubled_seconds, told.wait_count) == (at(60), 51 * 60.0, 49 * 60.0, 1)
    assert (told.partial, told.notes) == (False, ())
    assert (told.reflects.as_of, told.reflects.known_at) == (at(60), None)


async def test_it_tells_where_the_streams_were() -> None:
    async with stored() as store:
        await store.apply([], [Mark("orders", 0, 7)])
        assert (await found(store)).reflects.marks == (Mark("orders", 0, 7),)


async def test_the_wait_is_split_as_the_report_splits_it() -> None:
    async with stored() as store:
        (wait,) = (await found(store)).waits
    assert (wait.source, wait.target, wait.resource, wait.since, wait.until) == ("fill", "cap", "asset/CAP", at(9), at(60))
    assert [(s.id, s.state, s.since, s.seconds) for s in wait.states] == [("asset/AIR", "down", at(7), 49 * 60.0)]
    idle, behind = wait.causes
    assert (idle.cause, idle.seconds, idle.troubled_seconds, idle.troubled_by) == ("extraneous", 2580.0, 2460.0, "asset/AIR")
    assert (behind.cause, behind.seconds, behind.because, behind.object) == (
        "contention",
        480.0,
        "step/0103-cap",
        "productionorder/0103",
    )
    assert idle.share + behind.share == 1


async def test_what_was_in_trouble_while_something_else_was_waited_for_is_not_blamed() -> None:
    """0104 is packed by PACK from 80 on, 15 min after it was capped; PACK was down from 20 to 40, when 0104 waited for CAP."""
    more = (
        says(-60, "asset/PACK", "Machine", state="running"),
        says(20, "asset/PACK", "Machine", state="down"),
        says(40, "asset/PACK", "Machine", state="running"),
        step("0104", "pack", "PACK", 80, 90),
    )
    async with stored((*PLANT, *more)) as store:
        told = await found(store)
    assert {c.id: (c.down_seconds, c.troubles) for c in told.causes}["asset/PACK"] == (0.0, ())
    assert [(w.source, w.target, w.seconds / 60) for w in told.waits] == [("fill", "cap", 51), ("cap", "pack", 15)]
    assert (told.waited_seconds, told.troubled_seconds) == (66 * 60.0, 49 * 60.0)


async def test_what_was_over_before_and_could_still_be_felt_comes_before_what_ran() -> None:
    """With AIR down from 0 to 4 alone the tank was empty ten minutes later, at the latest: a minute into the wait."""
    changes = [c for c in PLANT if c.event[:9] != "asset/AIR" or c.valid < EIGHT]
    down = (says(0, "asset/AIR", "Machine", state="fault"), says(4, "asset/AIR", "Machine", state="running"))
    async with stored((*changes, *down)) as store:
        told = await found(store)
    assert minutes(told)[0] == ("AIR", 0.0)
    assert [(t.state, t.since, t.until, t.seconds) for t in told.causes[0].troubles] == [("fault", at(0), at(4), 0.0)]
    (note,) = told.notes
    assert note.startswith("no state explains the delay")
    assert note.endswith("what some said shortly before may still have been felt")
    assert told.waits[0].states == ()


async def test_dependencies_are_those_that_held_when_it_waited() -> None:
    """At 70 the compressor NEW took the place of AIR, which is needed by nothing since."""
    gone = Retract("asset/AIR", "Machine", links=(Link("supplies", "asset/TANK"),))
    moved = (ChangeSet("moved", "s", at(70), 0, (gone,)), says(70, "asset/NEW", "Machine", ("supplies", "asset/TANK")))
    async with stored((*PLANT, *moved)) as store:
        assert minutes(await found(store))[0] == ("AIR", 49.0)
        later = await found(store, asked=Asked(moment=at(75)))
        assert later.at == at(75)
        assert {c.id for c in later.causes} == {"asset/NEW", "asset/TANK", "asset/CAP", "asset/SW"}
        assert later.troubled_seconds == 0.0


async def test_a_step_uses_assets_and_its_person_works_at_one() -> None:
    """ADA, who works at BENCH, inspects 0104 with GAUGE from 80 on; BENCH was degraded from 70 to 72, GAUGE down from 70
    to 75."""
    did = Assert(
        "step/0104-inspect",
        "Step",
        {"activity": "inspect", "startedAt": at(80), "completedAt": at(85)},
        {},
        (Link("object", "productionorder/0104"), Link("object", "asset/GAUGE"), Link("performedBy", "person/ADA")),
    )
    more = (
        says(-60, "person/ADA", "Operator", ("worksAt", "asset/BENCH")),
        says(70, "asset/BENCH", "Machine", state="degraded"),
        says(72, "asset/BENCH", "Machine", state="running"),
        says(70, "asset/GAUGE", "Machine", state="down"),
        says(75, "asset/GAUGE", "Machine", state="running"),
        ChangeSet("inspect", "s", at(85), 0, (did,)),
    )
    async with stored((*PLANT, *more)) as store:
        told = await found(store)
    assert minutes(told)[:3] == [("AIR", 49.0), ("GAUGE", 5.0), ("BENCH", 2.0)]
    assert [c.via[-1].relation for c in told.causes[1:3]] == ["object", "worksAt"]
    assert told.causes[2].troubles[0].trouble == "degraded"
    assert [(w.target, w.troubled_seconds) for w in told.waits] == [("cap", 49 * 60.0), ("inspect", 5 * 60.0)]


async def test_another_of_the_same_capabilities_may_stand_in() -> None:
    """CAP-2 caps too, and needs no compressed air: AIR is not alone in it, and comes first all the same. CAP-2 was down from 30
    to 40, which kept 0104 waiting too. GRIP provides another capability than these, and stands in for nobody."""
    more = (
        says(-60, "asset/CAP", "Machine", ("provides", "capability/capping")),
        says(-60, "asset/CAP-2", "Machine", ("provides", "capability/capping"), ("provides", "capability/sealing")),
        says(-60, "asset/GRIP", "Machine", ("provides", "capability/gripping"), state="down"),
        says(30, "asset/CAP-2", "Machine", state="down"),
        says(40, "asset/CAP-2", "Machine", state="running"),
    )
    async with stored((*PLANT, *more)) as store:
        told = await found(store)
    assert minutes(told)[:2] == [("AIR", 49.0), ("CAP-2", 10.0)]
    assert {c.id.removeprefix("asset/"): c.alone for c in told.causes} == dict.fromkeys(
        ("AIR", "CAP-2", "CAP", "SW", "TANK"), False
    )
    assert told.troubled_seconds == 49 * 60.0


async def test_who_provides_what_the_order_requires_stands_in_though_another_can_do_more() -> None:
    """CAP caps and seals, CAP-2 caps, GRIP grips: 0104 requires capping and gripping, for which CAP-2 would do as well as CAP. Of
    an order that requires gripping alone it is not known for which of the two CAP was taken: for both CAP-2 does not do."""
    can = (
        says(-60, "asset/CAP", "Machine", ("provides", "capability/capping"), ("provides", "capability/sealing")),
        says(-60, "asset/CAP-2", "Machine", ("provides", "capability/capping")),
        says(-60, "asset/GRIP", "Machine", ("provides", "capability/gripping")),
        *(says(-60, f"capability/{name}", "Capability") for name in ("capping", "sealing", "gripping")),
    )
    for required, alone in (({"capping", "gripping"}, False), ({"gripping"}, True), ({"capping", "sealing"}, True)):
        links = [("requires", f"capability/{name}") for name in sorted(required)]
        async with stored((*PLANT, *can, says(-59, "productionorder/0104", "ProductionOrder", *links))) as store:
            told = await found(store)
        assert {c.id: c.alone for c in told.causes}["asset/CAP"] is alone, required


async def test_a_process_that_the_order_requires_needs_none_of_its_steps() -> None:
    """What a step was part of is history, and no dependency; nor is who carried out a step that an order is related to."""
    more = (
        says(-60, "productionorder/0104", "ProductionOrder", ("requires", "process/P"), ("relatedTo", "step/0103-fill")),
        says(-60, "process/P", "Process", name="bottling"),
        says(17, "step/0103-cap", "Step", ("partOfProcess", "process/P")),
    )
    async with stored((*PLANT, *more)) as store:
        told = await found(store)
        assert {one.id for one in told.causes} == {
            "asset/AIR",
            "asset/TANK",
            "asset/CAP",
            "asset/SW",
            "process/P",
            "step/0103-fill",
        }


async def test_as_known_before_the_compressor_was_heard_of() -> None:
    late = [c for c in PLANT if c.event.startswith("asset/AIR") and c.valid > EIGHT]
    async with stored([c for c in PLANT if c not in late]) as store:
        known = (await store.history(["step/0104-cap"]))[0][0].recorded
        while time.time_ns() // 1000 <= known:
            pass
        await store.apply(late)
        told = await found(store, asked=Asked(AsOf(known=known)))
        assert (told.causes[0].id, told.troubled_seconds) == ("asset/CAP", 0.0)
        assert (told.reflects.known_at, told.reflects.marks) == (known, ())
        assert (await found(store)).causes[0].id == "asset/AIR"


async def test_a_step_is_answered_with_what_to_ask_and_other_things_with_none() -> None:
    alone = Assert("step/x", "Step", {"activity": "sweep", "startedAt": at(0)}, {}, ())
    used = Assert("step/y", "Step", {"activity": "test", "startedAt": at(0)}, {}, (Link("object", "asset/CAP"),))
    seven = tuple(Link("object", f"asset/O-{i}") for i in range(7))
    many = Assert("step/z", "Step", {"activity": "sort", "startedAt": at(0)}, {}, seven)
    async with stored((*PLANT, ChangeSet("x", "s", at(0), 0, (alone, used, many)))) as store:
        with pytest.raises(BadQuery, match="'step/0104-cap' is a step in the life of productionorder/0104: ask"):
            await delay(store, SCHEMA, "step/0104-cap")
        with pytest.raises(BadQuery, match=r"asset/O-4 and 2 more: ask what is behind the delay of one of these$"):
            await delay(store, SCHEMA, "step/z")
        with pytest.raises(BadQuery, match="'step/x' is a step that names no object"):
            await delay(store, SCHEMA, "step/x")
        assert await delay(store, SCHEMA, "asset/SW") is None
        assert await delay(store, SCHEMA, "asset/CAP") is None
        assert await delay(store, SCHEMA, "productionorder/9999") is None


async def test_at_the_deadline_it_tells_what_it_has_and_what_it_lacks() -> None:
    async with stored() as store:
        told = await found(store, asked=Asked(seconds=1e-9))
        assert (told.partial, told.causes, told.unexplored_ids[0]) == (True, (), "productionorder/0104")
        assert [(w.seconds, w.causes) for w in told.waits] == [(51 * 60.0, ())]
        assert "the waits are not split by cause: the log was not read in time" in told.notes
        with patch("brain.analytics.graph.suspected.in_time", lambda some, until: ()):
            told = await found(store, asked=Asked(seconds=600))
        assert (told.partial, {c.down_seconds for c in told.causes}) == (True, {None})
        assert "the time was over before 4 of the causes had been asked for their states" in told.notes
        with patch("brain.analytics.graph.delayed.STEPS_A_SECOND", 0.001):
            told = await found(store, asked=Asked(seconds=600))
        assert (told.partial, told.causes[0].id, told.waits[0].causes) == (True, "asset/AIR", ())
        assert "for 4 steps that takes longer than was left of the time" in told.notes[0]
        assert (await found(store, asked=Asked(split=False))).partial is False


@given(st.permutations(PLANT))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_messages_does_not_matter(changes: list[ChangeSet]) -> None:
    async def told(some: Sequence[ChangeSet]) -> Suspects:
        async with stored(some) as store:
            return await found(store)

    assert asyncio.run(told((*changes, *changes[:5]))) == asyncio.run(told(PLANT))


@given(typed_graphs, classes, st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_reading_upward_alone_gives_the_causes_of_the_whole_graph(said: list[Said], classes: dict[str, str], depth: int) -> None:
    things = sorted({end for source, _, target in said for end in (source, target)})
    links = {id: tuple(Link(r, t) for s, r, t in dict.fromkeys(said) if s == id) for id in things}
    changes = [ChangeSet(id, "s", 0, 0, (Assert(id, classes.get(id, "Asset"), {}, {}, links[id]),)) for id in things]

    async def both() -> None:
        async with stored(changes) as store:
            whole = await read(store, SCHEMA)
            for root in things:
                some = await upward(store, SCHEMA, root, depth=depth, at=NOW)
                if whole.number(root) is None:  # a thing is in one place at a time: others were said of it later
                    assert not causes(some.snapshot, SCHEMA, root, depth).causes
                    continue
                found, want = (causes(of, SCHEMA, root, depth) for of in (some.snapshot, whole))
                assert told_of(found) == told_of(want)
                assert (found.partial, found.unexplored, some.unread) == (want.partial, want.unexplored, ())

    asyncio.run(both())


def told_of(found: Suspects) -> dict[str, tuple[bool | None, float, int]]:
    return {one.id: (one.alone, one.after_seconds, one.distance) for one in found.causes}
