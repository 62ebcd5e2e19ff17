"""What an answer is of: its point in both times, the marks of the streams that it reflects, and the notices followed since."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from brain.analytics.breakdown import breakdown
from brain.analytics.dependencies import Toward, dependencies
from brain.analytics.graph.causes import causes
from brain.analytics.graph.circles import circles
from brain.analytics.graph.concerned import concerned
from brain.analytics.graph.coupling import coupling_of
from brain.analytics.graph.critical import criticality, single_points
from brain.analytics.graph.impact import impact
from brain.analytics.graph.reading import read
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.scenario import Scenario
from brain.analytics.graph.since import changes
from brain.analytics.graph.snapshot import Snapshot
from brain.analytics.graph.whatif import what_if
from brain.analytics.observed import observed
from brain.model import GAP, Assert, ChangeSet, Link, Mark
from brain.query import NOW, AsOf
from brain.reports.reflects_words import graph_as_of, reflected
from brain.rewound import rewound
from tests.unit.test_evidence import AIR, HOUR, PLANT, SCHEMA, says, stored
from tests.unit.test_graph_snapshot import Told, told

MARKS = (Mark("erp", 0, 5), Mark("mes", 1, 2))
ANSWERS: dict[str, Callable[[Snapshot], Any]] = {
    "impact": lambda graph: impact(graph, SCHEMA, "asset/AIR"),
    "causes": lambda graph: causes(graph, SCHEMA, "productionorder/1"),
    "single points": lambda graph: single_points(graph, SCHEMA),
    "criticality": lambda graph: criticality(graph, SCHEMA),
    "circles": circles,
    "coupling": lambda graph: coupling_of({}, graph),
    "changes": lambda graph: changes(graph, graph, SCHEMA),
    "what if": lambda graph: what_if(graph, SCHEMA, Scenario(without=("asset/AIR",))),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_each_answer_tells_of_which_graph_it_is(name: str) -> None:
    async with stored() as store:
        await store.apply(PLANT, MARKS)
        for at in (NOW, AsOf(4 * HOUR)):
            assert ANSWERS[name](await read(store, SCHEMA, at)).reflects == Reflects(at.valid, None, MARKS, 0)


async def test_so_do_those_that_read_the_store_alone() -> None:
    """What a thing needs, and what is observed to follow what. No marks are kept of what was known at a past time."""
    step = Assert("step/1", "Step", {"activity": "fill", "startedAt": 1}, {}, (Link("object", "productionorder/1"),))
    async with stored() as store:
        await store.apply([*PLANT, ChangeSet("6", "mes", 6 * HOUR, 0, (step,))], MARKS)
        for at, marks in ((NOW, MARKS), (AsOf(7 * HOUR), MARKS), (AsOf(7 * HOUR, 2**60), ())):
            past = rewound(store, SCHEMA, at)
            needs = await dependencies(past, SCHEMA, "asset/AIR", Toward.DOWN)
            follows = await observed(past, SCHEMA, "ProductionOrder")
            assert needs.reflects == follows.reflects == Reflects(*at, marks, 0)


async def test_so_do_those_that_read_more_than_the_graph() -> None:
    step = Assert(
        "step/1", "Step", {"activity": "fill", "startedAt": 1, "completedAt": 2}, {}, (Link("object", "productionorder/1"),)
    )
    async with stored() as store:
        await store.apply([*PLANT, ChangeSet("6", "mes", 6 * HOUR, 0, (step,))], MARKS)
        at = AsOf(6 * HOUR)
        graph = await read(store, SCHEMA, at)
        found = impact(graph, SCHEMA, "asset/AIR")
        assert (await concerned(store, SCHEMA, found, 5, at)).reflects == Reflects(6 * HOUR, None, MARKS, 0)
        assert (await breakdown(store, SCHEMA, graph, "asset/AIR")).reflects == Reflects(6 * HOUR, None, MARKS, 0)


async def test_what_changed_tells_of_both_graphs() -> None:
    async with stored() as store:
        await store.apply(PLANT, MARKS)
        found = changes(await read(store, SCHEMA, AsOf(2 * HOUR)), await read(store, SCHEMA), SCHEMA)
    assert (found.reflects_then, found.reflects) == (Reflects(2 * HOUR, None, MARKS), Reflects(None, None, MARKS))


async def test_of_what_was_known_at_a_time_nobody_knows_the_marks() -> None:
    """The marks are those of now: of what lies below them only a part was known at that time."""
    async with stored((10, PLANT)) as store:
        await store.apply([], MARKS)
        snapshot = await read(store, SCHEMA, AsOf(4 * HOUR, 20 * HOUR))
        assert snapshot.number("asset/AIR") is not None
        assert snapshot.reflects == Reflects(4 * HOUR, 20 * HOUR, (), 0)


async def test_two_answers_that_tell_the_same_are_equal_whatever_they_reflect() -> None:
    """A subscription to an impact tells it again when it is another; not when only the marks are."""
    async with stored() as store:
        await store.apply(PLANT, MARKS)
        graph = await read(store, SCHEMA)
        await store.apply([], [Mark("erp", 0, 9)])
        later = await read(store, SCHEMA)
    for ask in ANSWERS.values():
        before, after = ask(graph), ask(later)
        assert before.reflects != after.reflects
        assert before == after


async def commit(plant: Told, changes: Sequence[ChangeSet], *marks: Mark) -> None:
    await plant.feed.publish(await plant.store.apply(changes, marks))
    await asyncio.sleep(0)


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_live_graph_tells_the_marks_that_it_was_read_at_and_what_it_followed_since(at_once: bool) -> None:
    """Of four more commits two bear on the graph: a link, and the state of what is in it. Telemetry does not, nor does a thing of
    which nothing depends; however the notices come."""
    more = [
        says("2", "asset/AIR", "Machine", 2, Link("supplies", "asset/TANK")),
        ChangeSet("3", "erp", 3 * HOUR, 0, (Assert("asset/CAP", "Machine", {"state": "fault"}),)),
        ChangeSet("4", "erp", 4 * HOUR, 0, (Assert("asset/AIR", "Machine", {"manufacturer": "M"}),)),
    ]
    async with told() as plant:
        await commit(plant, [says("1", "asset/AIR", "Machine", 1, AIR)], Mark("erp", 0, 1))
        assert (await plant.live.snapshot()).reflects == Reflects(None, None, (Mark("erp", 0, 1),), 0)
        if at_once:
            await commit(plant, more, Mark("erp", 0, 4))
        else:
            for i, change in enumerate(more, 2):
                await commit(plant, [change], Mark("erp", 0, i))
                await plant.live.snapshot()
        found = impact(await plant.live.snapshot(), SCHEMA, "asset/AIR")
        assert found.reflects == Reflects(None, None, (Mark("erp", 0, 1),), 2)
        assert [one.id for one in found.affected] == ["asset/CAP", "asset/TANK"]


async def test_read_anew_after_a_gap_it_has_new_marks() -> None:
    async with told() as plant:
        await commit(plant, [says("1", "asset/AIR", "Machine", 1, AIR)], Mark("erp", 0, 1))
        await plant.live.snapshot()
        await commit(plant, [says("2", "asset/AIR", "Machine", 2, Link("supplies", "asset/TANK"))], Mark("erp", 0, 2))
        assert (await plant.live.snapshot()).reflects == Reflects(None, None, (Mark("erp", 0, 1),), 1)
        await plant.store.apply([says("3", "asset/AIR", "Machine", 3, Link("supplies", "asset/BIN"))], [Mark("erp", 0, 3)])
        plant.live._take((GAP,), None)
        found = impact(await plant.live.snapshot(), SCHEMA, "asset/AIR")
        assert found.reflects == Reflects(None, None, (Mark("erp", 0, 3),), 0)
        assert len(found.affected) == 3


def test_in_words() -> None:
    assert graph_as_of(Reflects()) == ""
    assert graph_as_of(Reflects(None, HOUR)) == "Graph as known on 1970-01-01 01:00:00 UTC."
    assert reflected(Reflects()) == "as it is"
    assert reflected(Reflects(HOUR, None, MARKS)) == "as of 1970-01-01 01:00:00 UTC, with all of erp/0 below 5, mes/1 below 2"
    many = tuple(Mark("t", i, 1000) for i in range(8))
    assert reflected(Reflects(None, None, many)).endswith("t/5 below 1,000, 2 more streams")
