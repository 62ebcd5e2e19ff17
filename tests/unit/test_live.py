"""Live figures are those of a batch over the same steps, to the byte, whatever came in whichever order and lies on the shelf.

The batch's own figures are held against pm4py's in tests/e2e/test_import_oracles.py.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from random import Random
from typing import Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain import recent
from brain.analytics import reserve, shelf, tally
from brain.analytics.bottlenecks import Bottlenecks, bottlenecks, figure_lines, lines
from brain.analytics.follow import Follower
from brain.analytics.live import Figures
from brain.analytics.lives import MICRO, Lifecycle
from brain.analytics.tally import Tally
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Link, Notice, Occurrence, Retract
from brain.ports import Store
from brain.query import Occurrences
from brain.reports.document import document
from brain.schema import Schema
from ontology import load_schema
from tests.unit.test_bottlenecks import edge, filled, step, thing

SCHEMA = load_schema()

Key = tuple[str, str]
Move = Callable[[Figures, dict[Key, Occurrence]], None]


class Log:
    """A set of occurrences, as a batch scans it."""

    def __init__(self, occurrences: Iterable[Occurrence]) -> None:
        self._occurrences = sorted(occurrences, key=lambda o: (o.object, o.completed or o.started or 0, o.step))

    async def scan(self, scope: Occurrences) -> AsyncIterator[Occurrence]:
        for occurrence in self._occurrences:
            yield occurrence

    async def object_types(self) -> dict[str, int]:
        return {"t": 1}


async def batch(known: Iterable[Occurrence], lifecycle: Lifecycle | None = None) -> Bottlenecks | None:
    try:
        return await bottlenecks(cast(Store, Log(known)), SCHEMA, "t", lifecycle=lifecycle, min_frequency=2, sketched=True)
    except BadQuery:
        return None


def text(found: Bottlenecks | None) -> bytes:
    """What `brain report --format json` prints."""
    return b"" if found is None else orjson.dumps(document(found))


def at(name: str, of: str, activity: str, start: int | None, end: int | None, **more: Any) -> Occurrence:
    """An occurrence with times in whole seconds."""
    times = [None if t is None else t * MICRO for t in (start, end)]
    said = {"sequence": None, "start_sequence": None, "lifecycle": None} | more
    return Occurrence(of, name, activity, *times, **said)


# ---- One example, worked by hand ----------------------------------------------------------------------------------


def edges_of(figures: Figures) -> dict[Key, tuple[int, float, int]]:
    """(count, total seconds, overlaps) of each edge."""
    found = figures.report("t", "v1", 1)
    return {} if found is None else {(e.source, e.target): (e.count, e.total_seconds, e.overlaps) for e in found.edges}


def test_a_late_step_retracts_one_handover_and_adds_two() -> None:
    figures = Figures()
    figures.put(at("3", "x", "c", 100, 130))
    assert edges_of(figures) == {}
    figures.put(at("1", "x", "a", 0, 10))
    assert edges_of(figures) == {("a", "c"): (1, 90.0, 0)}  # 100 − 10
    # Another object has the same two steps, and never a b: its handover must stay.
    figures.put(at("4", "y", "a", 0, 20))
    figures.put(at("5", "y", "c", 50, 60))
    assert edges_of(figures) == {("a", "c"): (2, 120.0, 0)}  # 90 + (50 − 20)
    # b comes late: a→c of x goes, a→b (40 − 10 = 30) and b→c (100 − 95 = 5) come.
    figures.put(at("2", "x", "b", 40, 95))
    assert edges_of(figures) == {("a", "c"): (1, 30.0, 0), ("a", "b"): (1, 30.0, 0), ("b", "c"): (1, 5.0, 0)}
    # Its completion is corrected to 110: the next step began 10 s before, which counts 0 and is told as an overlap.
    figures.put(at("2", "x", "b", 40, 110))
    assert edges_of(figures) == {("a", "c"): (1, 30.0, 0), ("a", "b"): (1, 30.0, 0), ("b", "c"): (1, 0.0, 1)}
    # The step is undone: its two handovers go, and a→c of x is back.
    figures.remove("x", "2")
    assert edges_of(figures) == {("a", "c"): (2, 120.0, 0)}
    figures.remove("x", "2")
    assert edges_of(figures) == {("a", "c"): (2, 120.0, 0)}
    for name, of in (("1", "x"), ("3", "x"), ("4", "y"), ("5", "y")):
        figures.remove(of, name)
    assert figures.report("t", "v1") is None


def test_a_step_of_many_objects_is_processed_once_until_the_last_has_left() -> None:
    figures = Figures()
    for of in "xyz":
        figures.put(at("1", of, "a", 0, 4))
        figures.put(at("1", of, "a", 0, 4))
    figures.put(at("2", "x", "b", None, 9))

    def worked() -> dict[str, tuple[int, int, float]]:
        found = figures.report("t", "v1", 1)
        assert found is not None
        return {a.activity: (a.count, a.timed, a.total_seconds) for a in found.activities}

    assert worked() == {"a": (1, 1, 4.0), "b": (1, 0, 0.0)}
    figures.remove("x", "1")
    figures.remove("y", "1")
    assert worked() == {"a": (1, 1, 4.0), "b": (1, 0, 0.0)}
    figures.remove("z", "1")
    assert worked() == {"b": (1, 0, 0.0)}


def test_the_account_that_counts_for_a_step_is_the_highest_that_there_is() -> None:
    """Where objects do not agree about a step, as when a scan has seen it before and after a change."""
    figures = Figures()

    def worked() -> float:
        found = figures.report("t", "v1", 1)
        assert found is not None
        return found.activities[0].total_seconds

    figures.put(at("1", "x", "a", 0, 4))
    figures.put(at("1", "y", "a", 0, 9))
    assert worked() == 9.0
    figures.put(at("1", "y", "a", 0, 4))
    assert worked() == 4.0
    figures.put(at("1", "x", "a", 0, 7))
    assert worked() == 7.0
    figures.remove("x", "1")
    assert worked() == 4.0


# ---- Any steps in any order ---------------------------------------------------------------------------------------

seconds = st.none() | st.integers(0, 6)
positions = st.none() | st.none() | st.integers(0, 2)
facts = st.tuples(
    st.sampled_from("aabc"), seconds, seconds, positions, positions, st.sampled_from([None, None, None, None, "suspend"])
)


@st.composite
def occurrences(draw: st.DrawFn) -> list[Occurrence]:
    """Steps shared by objects, with equal, missing and crossed times, a few of which the objects do not agree about."""
    found = []
    for name in draw(st.lists(st.sampled_from([f"s{i}" for i in range(12)]), unique=True, max_size=12)):
        said = draw(facts)
        for of in draw(st.sets(st.sampled_from("xyz"), min_size=1)):
            activity, start, end, sequence, start_sequence, lifecycle = draw(facts) if draw(st.integers(0, 9)) == 0 else said
            more = {"sequence": sequence, "start_sequence": start_sequence, "lifecycle": lifecycle}
            found.append(at(name, of, activity, start, end, **more))
    return found


def put(o: Occurrence) -> Move:
    def move(figures: Figures, known: dict[Key, Occurrence]) -> None:
        figures.put(o)
        known[o.object, o.step] = o

    return move


def remove(o: Occurrence) -> Move:
    def move(figures: Figures, known: dict[Key, Occurrence]) -> None:
        figures.remove(o.object, o.step)
        known.pop((o.object, o.step), None)

    return move


def replace(found: Collection[Occurrence], field: str, name: str) -> Move:
    """All that there is of a step, or of an object."""
    these = [o for o in found if getattr(o, field) == name]

    def move(figures: Figures, known: dict[Key, Occurrence]) -> None:
        (figures.replace_step if field == "step" else figures.replace_object)(name, these)
        for key in [key for key, o in known.items() if getattr(o, field) == name]:
            del known[key]
        known.update({(o.object, o.step): o for o in these})

    return move


@settings(deadline=None, max_examples=400)
@given(st.data(), st.sampled_from([None, "complete"]))
async def test_live_is_batch_at_every_checkpoint(data: st.DataObject, lifecycle: Lifecycle | None) -> None:
    """With ever so little held in memory, and ever so few of the longest gaps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "MOST", data.draw(st.sampled_from([1, 3, 1000])))
        kept = data.draw(st.sampled_from([3, 4, 64]))
        patch.setattr(tally, "KEPT", kept)
        patch.setattr(reserve, "KEPT", kept)
        patch.setattr(reserve, "MOST", data.draw(st.sampled_from([0, 3, 1000])))
        await checkpoints(data, lifecycle)


async def checkpoints(data: st.DataObject, lifecycle: Lifecycle | None) -> None:
    first, then = data.draw(occurrences()), data.draw(occurrences())
    moves = [put(o) for o in (*first, *then)] + [
        remove(o) for o in data.draw(st.lists(st.sampled_from(first)) if first else st.just([]))
    ]
    moves += [replace(then, "step", name) for name in data.draw(st.lists(st.sampled_from(["s0", "s1", "s2"]), max_size=2))]
    moves += [replace(then, "object", name) for name in data.draw(st.lists(st.sampled_from("xyz"), max_size=1))]
    again = data.draw(st.lists(st.sampled_from(moves), max_size=5)) if moves else []
    figures, known = Figures(lifecycle), dict[Key, Occurrence]()
    for move in data.draw(st.permutations([*moves, *again])):
        move(figures, known)
        if data.draw(st.integers(0, 3)) == 0:
            await same(figures, known, lifecycle)
    await same(figures, known, lifecycle)
    anew = Figures(lifecycle)
    for o in data.draw(st.permutations(list(known.values()))):
        anew.put(o)
    await same(anew, known, lifecycle)
    for key in data.draw(st.permutations(list(known))):
        figures.remove(*key)
    assert figures.tally == Tally(), "nothing is left of what was taken back"
    figures.save()
    for half in figures.lives, figures.steps:
        assert (half.held.in_memory, half.held.some(1)) == (0, []), "nor on the shelf"


async def same(figures: Figures, known: dict[Key, Occurrence], lifecycle: Lifecycle | None) -> None:
    want, found = await batch(known.values(), lifecycle), figures.report("t", SCHEMA.version, 2)
    assert found == want
    assert text(found) == text(want)


async def test_many_steps_of_one_object_in_blocks() -> None:
    random = Random(7)
    steps = [at(f"s{i:05}", "x", random.choice("ab"), None, random.randrange(10**6)) for i in range(6000)]
    figures, known = Figures(), dict[Key, Occurrence]()
    for move in random.sample([put(o) for o in steps], len(steps)) + [remove(o) for o in random.sample(steps, 4000)]:
        move(figures, known)
    assert len(known) == 2000
    await same(figures, known, None)


# ---- From a store, by its notices ---------------------------------------------------------------------------------

OBJECTS = ["x", "y", "z"]
TYPES = ["t", "u"]


@st.composite
def change_sets(draw: st.DrawFn) -> list[ChangeSet]:
    """What is said of a few steps and objects: steps with some times now and some later, links made and undone, types told late
    and corrected."""
    found = []
    for i in range(draw(st.integers(1, 14))):
        valid, name = draw(st.integers(0, 3)), draw(st.sampled_from(["1", "2", "3", "4"]))
        links = tuple(Link("object", f"object/{o}") for o in draw(st.sets(st.sampled_from(OBJECTS), max_size=2)))
        times = draw(st.fixed_dictionaries({}, optional={"startedAt": st.integers(0, 5), "completedAt": st.integers(0, 5)}))
        change: Assert | Retract
        match draw(st.sampled_from(["step", "step", "step", "undone", "typed", "classed"])):
            case "step":
                said = {**times, "activity": draw(st.sampled_from("ab"))}
                change = Assert(f"step/{name}", "Step", said, {}, links)
            case "undone":
                change = Retract(f"step/{name}", "Step", tuple(times), (), links)
            case "typed":
                typed = {"objectType": draw(st.sampled_from(TYPES))}
                change = Assert(f"object/{draw(st.sampled_from(OBJECTS))}", "WorkObject", typed)
            case _:
                cls, said = (
                    draw(st.sampled_from(["Asset", "Device"])),
                    draw(st.sampled_from([{}, {"name": "n"}, {"state": "on"}])),
                )
                change = Assert(f"object/{draw(st.sampled_from(OBJECTS))}", cls, said)
        found.append(ChangeSet(f"e{i}", "test", valid, 0, (change,)))
    return found


WATCHED = [*TYPES, "Asset", "WorkObject"]


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_following_the_notices_of_any_stream_gives_the_batch(data: st.DataObject) -> None:
    """With ever so little held in memory."""
    with pytest.MonkeyPatch.context() as patch:
        for module in shelf, recent:
            patch.setattr(module, "MOST", data.draw(st.sampled_from([0, 1, 1000])))
        await followed(data)


async def followed(data: st.DataObject) -> None:
    changes = data.draw(change_sets())
    arrived = data.draw(st.permutations([*changes, *data.draw(st.lists(st.sampled_from(changes), max_size=3))]))
    store = await filled(SCHEMA)
    live, late = Follower(store, SCHEMA), data.draw(st.integers(0, len(arrived)))
    for name in WATCHED[:2]:
        await live.watch(name)
    done, waiting = 0, list[Notice]()
    while done < len(arrived):
        size = data.draw(st.integers(1, 4))
        waiting += await store.apply(arrived[done : done + size])
        done += size
        if done >= late:
            for name in WATCHED:
                await live.watch(name)
        # Notices may come late, together, and in another order than the commits.
        if data.draw(st.booleans()) or done >= len(arrived):
            await live.follow(data.draw(st.permutations(waiting)))
            waiting.clear()
            for name in WATCHED:
                await equal(live, store, name)
    await store.close()


async def told(report: Awaitable[Bottlenecks]) -> tuple[Bottlenecks | None, bytes]:
    """The report and its text, or the text of the error."""
    try:
        found = await report
    except BadQuery as error:
        return None, str(error).encode()
    return found, text(found)


async def equal(live: Follower, store: Store, name: str) -> None:
    assert await told(live.report(name)) == await told(bottlenecks(store, SCHEMA, name, sketched=True))


async def test_an_object_typed_late_brings_its_steps_and_takes_them_along() -> None:
    store = await filled(SCHEMA)
    live = Follower(store, SCHEMA)
    await live.watch("t")
    await live.watch("u")
    await live.follow(await store.apply([step("1", "a", ["x"], completedAt=0), step("2", "b", ["x"], completedAt=7)]))
    with pytest.raises(BadQuery, match="no object of type 't' has a step"):
        await live.report("t")
    await live.follow(await store.apply([thing("x", "t")]))
    assert edge((await live.report("t")).edges, "a", "b").total_seconds == 7.0
    corrected = Assert("object/x", "WorkObject", {"objectType": "u"})
    await live.follow(await store.apply([ChangeSet("c", "test", 1, 0, (corrected,))]))
    assert edge((await live.report("u")).edges, "a", "b").total_seconds == 7.0
    with pytest.raises(BadQuery):
        await live.report("t")
    await store.close()


# ---- The figures' part of the hash --------------------------------------------------------------------------------


async def hashed(schema: Schema, *changes: ChangeSet) -> list[bytes]:
    store = await filled(schema, *changes)
    found = sorted([line async for line in figure_lines(store, schema)])
    await store.close()
    return found


async def test_figure_lines_are_of_the_set_and_differ_where_a_figure_does() -> None:
    said = [
        thing("x", "t"), thing("y", "u"), thing("z", "v"),
        step("1", "a", ["x", "y"], startedAt=0, completedAt=10),
        step("2", "b", ["x"], startedAt=25, completedAt=40),
        step("3", "b", ["y"], startedAt=5),
        step("4", "c", ["z"], occurredAt=5, lifecycle="suspend"),
    ]  # fmt: skip
    one = await hashed(SCHEMA, *said)
    assert one == [
        b'["figures","t",1,2,0]',
        b'["figures","u",1,2,0]',
        b'["handover","t","a","b",1,15.0,15.0,15.0,15.0,0,[["object/x","step/1","step/2",15.0]]]',
        b'["handover","u","a","b",1,0.0,0.0,0.0,0.0,1,[]]',
        b'["processing","t","a",1,1,10.0,10.0]',
        b'["processing","t","b",1,1,15.0,15.0]',
        b'["processing","u","a",1,1,10.0,10.0]',
        b'["processing","u","b",1,0,null,0.0]',
    ]
    assert await hashed(SCHEMA, *reversed(said)) == one
    assert await hashed(SCHEMA, *said, step("3", "b", ["y"], startedAt=11)) != one


async def test_live_figures_give_the_same_lines() -> None:
    store = await filled(SCHEMA, thing("x", "t"), step("1", "a", ["x"], completedAt=1), step("2", "b", ["x"], completedAt=3))
    live = Follower(store, SCHEMA)
    # One wait of 2 s: between 1,998,848 = 244 · 2^13 µs and 245 · 2^13, in the middle of which is 2,002,944.
    exact = [line async for line in figure_lines(store, SCHEMA)]
    assert b'["handover","t","a","b",1,2.0,2.0,2.0,2.0,0,[["object/x","step/1","step/2",2.0]]]' in exact
    assert [*lines(await live.report("t"))] == [
        line.replace(b"1,2.0,2.0,2.0,2.0", b"1,2.0,2.002944,2.002944,2.0") for line in exact
    ]
    await store.close()
