"""A breakdown in a store: the resources that a declared loss takes down, and what becomes of the objects that they work on.

A compressor supplies the capper CAP, whose buffer lasts for a minute; ten orders went from FILL to CAP, one every 400 s.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from brain.analytics.breakdown import Asked, Breakdown, able, breakdown
from brain.analytics.graph.reading import read
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Link
from brain.ports import Store
from brain.stores import open_store
from ontology import load_schema
from tests.unit.api_plant import plant_api

SCHEMA = load_schema(())
SECOND = 1_000_000
AT = 10_000


def thing(name: str, cls: str, *links: tuple[str, str], **said: str | float) -> ChangeSet:
    told = Assert(name, cls, said, {}, tuple(Link(*link) for link in links))
    return ChangeSet(f"e-{name}", "s", 0, 0, (told,))


def step(order: str, activity: str, by: str, start: int | None, end: int | None, sequence: int = 0) -> ChangeSet:
    times = {"startedAt": start, "completedAt": end}
    said = {name: at * SECOND for name, at in times.items() if at is not None}
    name, links = f"step/{order}-{activity}", (Link("object", f"productionorder/{order}"), Link("performedBy", by))
    told = Assert(name, "Step", {"activity": activity, "sequence": sequence, **said}, {}, links)
    return ChangeSet(f"e-{name}", "s", (start or 0) * SECOND, 0, (told,))


def plant() -> list[ChangeSet]:
    """At AT order a is on CAP since 60 s and needs 60 more; b is on FILL, for 30 s more."""
    made = [
        thing("asset/AIR", "Machine", ("supplies", "asset/CAP")),
        thing("asset/CAP", "Machine", ("provides", "capability/capping"), bufferTime=20.0),
        thing("asset/FILL", "Machine"),
    ]
    for n in range(10):
        made.append(thing(f"productionorder/h{n}", "ProductionOrder"))
        made.append(step(f"h{n}", "fill", "asset/FILL", 400 * n + 400, 400 * n + 450))
        made.append(step(f"h{n}", "cap", "asset/CAP", 400 * n + 450, 400 * n + 570))
    made += [thing(f"productionorder/{name}", "ProductionOrder") for name in "ab"]
    made += [step("a", "fill", "asset/FILL", AT - 110, AT - 60), step("a", "cap", "asset/CAP", AT - 60, AT + 60)]
    made += [step("b", "fill", "asset/FILL", AT - 20, AT + 30), step("b", "cap", "asset/CAP", AT + 60, AT + 180)]
    return made


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    opened = open_store("sqlite://")
    await opened.prepare(SCHEMA)
    await opened.apply(plant())
    yield opened
    await opened.close()


async def found(store: Store, id: str, lasts: int, at: int | None = AT, **more: float) -> Breakdown:
    asked = Asked(None if at is None else at * SECOND, lasts * SECOND, 5 * SECOND, runs=20, **more)
    return await breakdown(store, SCHEMA, await read(store, SCHEMA), id, asked)


def told(of: Breakdown) -> dict[str, tuple[float | None, float]]:
    """By how many seconds each is late, and after how many it feels it."""
    return {
        late.id.removeprefix("productionorder/"): (late.delay_median_seconds, late.impact_median / SECOND - AT)
        for outlook in of.outlooks
        for late in outlook.late
    }


async def test_a_machine(store: Store) -> None:
    # Down from 0 to 100: a rests until 100, then needs its 60; b would have begun at 60, and does at 160.
    of = await found(store, "asset/CAP", 100)
    assert told(of) == {"a": (100, 0), "b": (100, 60)}
    (outlook,) = of.outlooks
    assert (outlook.object_type, outlook.running, outlook.runs, outlook.partial) == ("ProductionOrder", 2, 20, False)
    assert [(s.activity, s.down, s.left) for s in outlook.steps] == [("cap", ("asset/CAP",), ())]


async def test_a_compressor_takes_the_machine_with_it_once_the_buffer_is_used_up(store: Store) -> None:
    # CAP goes on for 20 s, then rests from 20 to 100: all is 80 late. a feels it at 20.
    of = await found(store, "asset/AIR", 100)
    assert told(of) == {"a": (80, 20), "b": (80, 60)}
    (cap,) = of.resources
    assert (cap.id, cap.since, cap.until) == ("asset/CAP", (AT + 20) * SECOND, (AT + 100) * SECOND)
    assert [(c.provider, c.relation, c.dependent) for c in cap.via] == [("asset/AIR", "supplies", "asset/CAP")]


async def test_a_buffer_that_lasts_absorbs_it(store: Store) -> None:
    of = await found(store, "asset/AIR", 20)
    assert (of.resources, of.outlooks) == ((), ())


async def test_who_provides_the_same_stands_in(store: Store) -> None:
    await store.apply([thing("asset/CAP-2", "Machine", ("provides", "capability/capping"))])
    assert able(await read(store, SCHEMA), "asset/CAP") == ("asset/CAP-2",)
    of = await found(store, "asset/CAP", 100)
    assert told(of) == {"a": (100, 0)}
    assert of.outlooks[0].steps[0].left == ("asset/CAP-2",)


async def test_who_would_stand_in_and_is_down_too_does_not(store: Store) -> None:
    """The spare capper, which nobody saw at work, hangs on the same compressor. Where its buffer lasts until 40 it takes b at 30,
    when that is filled, rests until 100, and is through 30 later than CAP would have been: at 210."""
    link = (Link("supplies", "asset/CAP-2"),)
    await store.apply(
        [
            thing("asset/CAP-2", "Machine", ("provides", "capability/capping")),
            ChangeSet("air", "s", 0, 0, (Assert("asset/AIR", "Machine", {}, {}, link),)),
        ]
    )
    of = await found(store, "asset/AIR", 100)
    assert told(of) == {"a": (80, 20), "b": (80, 60)}
    assert [(s.down, s.left) for s in of.outlooks[0].steps] == [(("asset/CAP", "asset/CAP-2"), ())]
    lasting = Assert("asset/CAP-2", "Machine", {"bufferTime": 40.0})
    await store.apply([ChangeSet("buffer", "s", 0, 0, (lasting,))])
    assert told(await found(store, "asset/AIR", 100)) == {"a": (80, 20), "b": (30, 60)}


async def test_an_object_whose_life_is_over_is_not_under_way(store: Store) -> None:
    await store.apply([ChangeSet("x", "s", 0, 0, (Assert("productionorder/b", "ProductionOrder", {"actualEnd": 1}, {}, ()),))])
    assert [*told(await found(store, "asset/CAP", 100))] == ["a"]


async def test_a_due_date_is_what_the_ontology_says_is_one(store: Store) -> None:
    # a ends 160 s after AT in place of 60, b 280 in place of 180.
    for name, due in (("a", 161), ("b", 200)):
        said = {"plannedEnd": (AT + due) * SECOND, "plannedStart": 0}
        await store.apply(
            [ChangeSet(f"due-{name}", "s", 0, 0, (Assert(f"productionorder/{name}", "ProductionOrder", said, {}, ()),))]
        )
    of = await found(store, "asset/CAP", 100)
    assert [(late.id, late.due, late.overdue_seconds) for late in of.outlooks[0].late] == [
        ("productionorder/b", (AT + 200) * SECOND, 80)
    ]
    assert of.outlooks[0].in_time == 1


async def test_what_is_planned_is_what_an_object_has_before_it(store: Store) -> None:
    # c is filled, and told to be filled again, not to be capped.
    again = Assert("step/c-2", "Step", {"activity": "fill"}, {}, (Link("object", "productionorder/c"),))
    filled = step("c", "fill", "asset/FILL", AT + 180, AT + 230)
    await store.apply([thing("productionorder/c", "ProductionOrder"), filled, ChangeSet("p", "s", 0, 0, (again,))])
    later = await found(store, "asset/CAP", 1000, at=AT + 230)
    assert (later.outlooks[0].running, later.outlooks[0].late) == (1, ())
    assert [late.id for late in (await found(store, "asset/FILL", 1000, at=None)).outlooks[0].late] == ["productionorder/c"]


def at_cap(object: str, start: int, end: int) -> ChangeSet:
    """A step of another object on CAP."""
    said = {"activity": "other", "startedAt": start * SECOND, "completedAt": end * SECOND}
    made = Assert(f"step/{object}", "Step", said, {}, (Link("object", object), Link("performedBy", "asset/CAP")))
    return ChangeSet(f"e-{object}", "s", start * SECOND, 0, (made,))


async def test_a_type_of_which_nothing_is_done_yet_says_so_and_takes_no_other_down(store: Store) -> None:
    await store.apply([thing("encounter/e", "Encounter"), at_cap("encounter/e", AT - 5, AT + 5)])
    young, orders = (await found(store, "asset/CAP", 100)).outlooks
    assert (young.object_type, young.late, young.reason) == (
        "Encounter", (), "no step had ended by then, so that nothing can be foreseen",
    )  # fmt: skip
    assert {late.id for late in orders.late} == {"productionorder/a", "productionorder/b"}


async def test_nobody_has_worked_before_the_first_step(store: Store) -> None:
    assert (await found(store, "asset/CAP", 100, at=0)).outlooks == ()


async def test_of_what_nobody_knows_it_is_not_said_that_it_delays_nobody(store: Store) -> None:
    with pytest.raises(BadQuery, match="knows nothing called 'asset/CAPP'; correct the id"):
        await found(store, "asset/CAPP", 100)
    await store.apply([thing("asset/SPARE", "Machine")])
    assert (await found(store, "asset/SPARE", 100)).outlooks == (), "it is there, and nothing hangs on it"


async def test_an_object_of_a_class_below_another_is_told_once(store: Store) -> None:
    await store.apply([thing("workobject/w", "WorkObject"), at_cap("workobject/w", 8000, 8100)])
    outlooks = (await found(store, "asset/CAP", 100)).outlooks
    assert [one.object_type for one in outlooks] == ["ProductionOrder", "WorkObject"]
    assert [late.id for one in outlooks for late in one.late] == ["productionorder/a", "productionorder/b"]


async def test_no_time_left_is_a_partial_answer(store: Store) -> None:
    of = await found(store, "asset/CAP", 100, seconds=1e-9)
    assert (of.partial, of.outlooks[0].runs, [*told(of)]) == (True, 1, ["a", "b"])


async def test_a_store_without_steps_foresees_nothing() -> None:
    empty = open_store("sqlite://")
    await empty.prepare(SCHEMA)
    with pytest.raises(BadQuery, match="no object has a step"):
        await found(empty, "asset/CAP", 100)
    await empty.close()


async def test_as_graphql() -> None:
    late = "late { id node { id } probability delayMedianSeconds impactMedian activity resource }"
    asked = f"resources {{ id }} outlooks {{ {late} steps {{ activity left }} }}"
    question = f'{{ outlook(id: "asset/AIR", at: "1970-01-01T02:46:40Z", lasts: 100) {{ {asked} }} }}'
    async with plant_api(plant(), schema=SCHEMA) as api:
        running = asyncio.create_task(api.graph.run())
        data = await api.ask(question)
        then = await api.ask(question.replace("at:", "asOf:"))
        unknown = await api.fault(question.replace("at:", 'knownAt: "1970-02-01T00:00:00Z", asOf:'))
        await api.feed.close()
        await running
    # CAP is on a for 60 s then, and FILL on b for 20: what began later is not looked at by either.
    assert then == data
    assert "no object has a step" in unknown[1]
    assert data["outlook"]["resources"] == [{"id": "asset/CAP"}]
    (outlook,) = data["outlook"]["outlooks"]
    assert outlook["late"] == [
        {
            "id": f"productionorder/{name}",
            "node": {"id": f"productionorder/{name}"},
            "probability": 1.0,
            "delayMedianSeconds": 80.0,
            "impactMedian": f"1970-01-01T02:47:{second}.000000Z",
            "activity": "cap",
            "resource": "asset/CAP",
        }
        for name, second in (("a", "00"), ("b", "40"))
    ]
    assert outlook["steps"] == [{"activity": "cap", "left": []}]
