"""A report of the past is the report of a store that never heard the rest: for random histories, with every section."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from brain.analytics.process_material import Asked, Period, Section
from brain.analytics.process_report import ProcessReport, process_report
from brain.errors import BadQuery
from brain.identities import Merged
from brain.model import Assert, Change, ChangeSet, Flag, Link, Retract, Verdict, Void
from brain.query import AsOf, Occurrences
from brain.rewound import rewound
from brain.schema import Scalar
from brain.stores.sqlite import SqliteStore
from ontology import load_schema

HOUR = 3_600_000_000
SCHEMA = load_schema()
STEPS = [f"step/{n}" for n in range(6)]
OBJECTS = ["object/a", "object/b", "object/c"]
MACHINE, PUMP, ANN, TEAM = "asset/M", "asset/P", "person/ann", "orgunit/t"
LAST = 12

hours = st.integers(0, LAST)
objects = st.lists(st.sampled_from([*OBJECTS, MACHINE]), min_size=1, max_size=2, unique=True)


@st.composite
def steps(draw: st.DrawFn) -> tuple[int, Change]:
    """Told of at its end, at its start, or whenever."""
    said: dict[str, Scalar] = {"activity": draw(st.sampled_from("xyz"))}
    times = draw(st.sampled_from([("startedAt", "completedAt"), ("startedAt", "completedAt"), ("completedAt",), ("startedAt",)]))
    chosen = sorted(draw(st.lists(hours, min_size=len(times), max_size=len(times))))
    said |= {name: at * HOUR for name, at in zip(times, chosen, strict=True)}
    links = [Link("object", name) for name in draw(objects)]
    links += [Link("performedBy", by) for by in [draw(st.sampled_from([ANN, MACHINE, None]))] if by]
    return draw(st.sampled_from(chosen) | hours), Assert(draw(st.sampled_from(STEPS)), "Step", said, {}, tuple(links))


retracts = st.builds(
    Retract,
    st.sampled_from(STEPS),
    st.just("Step"),
    st.lists(st.sampled_from(["startedAt", "completedAt"]), max_size=1).map(tuple),
    st.just(()),
    objects.map(lambda names: tuple(Link("object", name) for name in names)),
)
voids = st.builds(Void, st.sampled_from(STEPS), st.just("Step"), st.sampled_from([f"e{n}" for n in range(12)]), st.just("s"))
same = Link("sameAs", "object/a")
others: list[Change] = [
    *(Assert(name, "WorkObject", {"objectType": kind}) for name in OBJECTS for kind in ("order", "item")),
    Assert("object/b", "WorkObject", links=(same,)),
    Retract("object/b", "WorkObject", links=(same,)),
    *(Assert(MACHINE, "Machine", {"state": state}) for state in ("running", "idle", "down")),
    *(Assert(PUMP, "Pump", {"state": state}) for state in ("running", "fault")),
    Assert(PUMP, "Pump", links=(Link("feeds", MACHINE),)),
    Retract(PUMP, "Pump", links=(Link("feeds", MACHINE),)),
    Assert(ANN, "Person", links=(Link("memberOf", TEAM), Link("worksAt", MACHINE))),
    Retract(ANN, "Person", links=(Link("worksAt", MACHINE),)),
]
flags = st.builds(
    Flag, st.sampled_from([*STEPS, MACHINE, PUMP]), st.just("Entity"), st.just("state"), st.just(Verdict.NULL), hours
)
said = steps() | steps() | st.tuples(hours, retracts | voids | flags) | st.tuples(hours, st.sampled_from(others))
histories = st.lists(st.tuples(said, st.integers(0, 1)), min_size=4, max_size=12)


def step(id: str, activity: str, of: str, by: str, start: int, end: int) -> Assert:
    times: dict[str, Scalar] = {"activity": activity, "startedAt": start * HOUR, "completedAt": end * HOUR}
    return Assert(id, "Step", times, {}, (Link("object", of), Link("performedBy", by)))


BASE = [
    *(Assert(name, "WorkObject", {"objectType": "order"}) for name in OBJECTS),
    Assert(MACHINE, "Machine", {"state": "running"}),
    Assert(PUMP, "Pump", {"state": "running"}, {}, (Link("feeds", MACHINE),)),
    step(STEPS[0], "x", OBJECTS[0], MACHINE, 0, 1),
    step(STEPS[1], "y", OBJECTS[0], MACHINE, 2, 3),
    step(STEPS[2], "x", OBJECTS[1], ANN, 1, 2),
    step(STEPS[3], "y", OBJECTS[1], MACHINE, 4, 6),
]
"""What every history begins with, so that there is a report: planned, as it were, at 0."""


def told(history: Sequence[tuple[tuple[int, Change], int]], flagged: bool) -> Iterator[ChangeSet]:
    """The nth is stored at n."""
    yield ChangeSet("base", "s", 0, 0, tuple(BASE))
    for n, ((valid, change), authority) in enumerate(history):
        if isinstance(change, Flag):
            assert change.at is not None
            change = change._replace(at=change.at * HOUR)
            valid = change.at // HOUR
        if flagged or not isinstance(change, Flag):
            yield ChangeSet(f"e{n}", "s", valid * HOUR, 0, (change,), authority)


async def filled(changes: Sequence[ChangeSet]) -> Merged:
    now = 0
    store = SqliteStore("", lambda: now)
    await store.prepare(SCHEMA)
    for now, change in enumerate(changes):  # noqa: B007
        await store.apply([change])
    return Merged(store, SCHEMA, age=0)


def by_then(changes: Sequence[ChangeSet], at: AsOf) -> list[ChangeSet]:
    """What was stored by `at.known` and held by `at.valid`; what is taken back is for all times."""
    known = [change for n, change in enumerate(changes) if at.known is None or n <= at.known]
    void = {(c.subject, c.event) for one in known for c in one.changes if isinstance(c, Void)}
    starts: dict[str, tuple[tuple[int, int, str], Scalar | None]] = {}
    for one in known:
        for change in one.changes:
            if (
                isinstance(change, Assert | Retract)
                and "startedAt" in change.properties
                and (change.subject, one.event) not in void
            ):
                start = change.properties["startedAt"] if isinstance(change, Assert) else None
                starts[change.subject] = max(
                    starts.get(change.subject, ((-1, 0, ""), None)),
                    ((one.valid, one.authority, one.event), start),
                    key=lambda s: s[0],
                )

    def since(one: ChangeSet, change: Change) -> int:
        start = starts.get(change.subject, (None, None))[1]
        tells = isinstance(change, Assert) and "startedAt" in change.properties and isinstance(start, int)
        return min(one.valid, start) if tells and isinstance(start, int) else one.valid

    found = []
    for one in known:
        held = [c for c in one.changes if isinstance(c, Void) or at.valid is None or since(one, c) <= at.valid]
        found.append(one._replace(changes=tuple(held)))
    return found


async def without_future(store: Merged, at: AsOf) -> None:
    """Takes the times after `at` from the steps, as somebody would who does not know of them yet."""
    for step in await store.nodes(STEPS):
        if step is not None and at.valid is not None:
            ahead = [name for name in ("startedAt", "completedAt") if int(step.properties.get(name, 0)) > at.valid]
            gone = Retract(step.id, "Step", tuple(ahead))
            await store.apply([ChangeSet(f"ahead {step.id}", "s", 10**6 * HOUR, 0, (gone,))])


async def reported(store: Merged, asked: Asked) -> ProcessReport | None:
    try:
        return replace(await process_report(store, SCHEMA, "order", asked), as_of=None, known_at=None)
    except BadQuery:
        return None


PERIODS = st.sampled_from([Period(), Period(), Period(4 * HOUR, 8 * HOUR)])
LOGGED = step(STEPS[4], "z", OBJECTS[0], ANN, 5, 9)
EARLIER = Assert(STEPS[4], "Step", {"startedAt": 3 * HOUR})
MISTAKEN = Void(STEPS[4], "Step", "e1", "s")


@settings(deadline=None, max_examples=60)
@given(histories, hours, st.none() | st.integers(2, 13), PERIODS)
@example([((9, LOGGED), 0), ((9, EARLIER), 1)], 4, None, Period())  # it had begun at 3
@example([((9, LOGGED), 0), ((9, EARLIER), 1)], 4, 1, Period())  # that was not known
@example([((9, LOGGED), 0), ((9, EARLIER), 1), ((9, MISTAKEN), 0)], 4, None, Period())  # and is not so
@example([((1, Flag(STEPS[0], "Step", "activity", Verdict.NULL, 9)), 0)], 5, None, Period())
@example([((7, Assert(MACHINE, "Machine", {"state": "down"})), 0)], 5, None, Period())
@example([((7, Assert(PUMP, "Pump", {"state": "fault"})), 0), ((3, Assert(PUMP, "Pump", {"state": "fault"})), 0)], 5, 1, Period())
async def test_a_report_of_the_past_is_that_of_a_store_that_heard_no_more(
    history: list[tuple[tuple[int, Change], int]], valid: int, known: int | None, period: Period
) -> None:
    changes = list(told(history, flagged=known is None))
    at = AsOf(valid * HOUR, known)
    asked = Asked(None, 1, period, frozenset(Section) - {Section.RELIEF})
    store, fresh = await filled(changes), await filled(by_then(changes, at))
    await without_future(fresh, at)
    assert await reported(store, asked._replace(at=at)) == await reported(fresh, asked)
    far = AsOf(10**6 * HOUR, None if known is None else 10**6)
    assert await reported(store, asked._replace(at=far)) == await reported(store, asked)
    await store.close()
    await fresh.close()


async def test_who_carried_out_a_step_of_two_events_is_who_the_merged_step_names() -> None:
    ann, bob = Link("performedBy", ANN), Link("performedBy", "person/bob")
    times = {"activity": "x", "startedAt": HOUR, "completedAt": 5 * HOUR}
    store = await filled([
        ChangeSet("t", "s", 0, 0, (Assert("object/a", "WorkObject", {"objectType": "order"}),)),
        ChangeSet("one", "s", 5 * HOUR, 0, (Assert("step/1", "Step", times, {}, (Link("object", "object/a"), ann)),)),
        ChangeSet("two", "s", 4 * HOUR, 0, (
            Assert("step/2", "Step", times, {}, (Link("object", "object/a"), bob)),
            Assert("step/2", "Step", links=(Link("sameAs", "step/1"),)),
        )),
    ])  # fmt: skip
    now = [o async for o in store.scan(Occurrences("order"))]
    then = [o async for o in rewound(store, SCHEMA, AsOf(100 * HOUR)).scan(Occurrences("order"))]
    assert then == now
    await store.close()


async def test_an_object_that_is_told_of_at_the_end_of_a_step_was_there_while_that_was_under_way() -> None:
    done = step("step/1", "x", "object/a", ANN, 1, 5)
    store = await filled([ChangeSet("e", "s", 5 * HOUR, 0, (Assert("object/a", "WorkObject", {"objectType": "order"}), done))])
    then = rewound(store, SCHEMA, AsOf(2 * HOUR))
    assert await then.object_types() == {"order": 1}
    assert [(o.step, o.completed) async for o in then.scan(Occurrences("order"))] == [("step/1", None)]
    assert await rewound(store, SCHEMA, AsOf(HOUR // 2)).object_types() == {}
    await store.close()
