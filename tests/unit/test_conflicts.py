"""Conflicts worked by hand, in every order of arrival; and spans against the samples that they stand for."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.conflicts import Conflict, Rules, all_conflicts, conflicts_of
from brain.identities import Merged
from brain.model import Assert, Change, ChangeSet, Link, Retract, Version, Void
from brain.query import AsOf, Window
from brain.schema import History, Scalar, Schema
from brain.spans import SILENCE, Doubt, Span, add, certain, fuse
from brain.stores.sqlite import SqliteStore
from ontology import load_schema
from tests.contract.schema import schema

MINUTE = SILENCE // 5
"""Minutes of twelve, so that five are a silence and small numbers will do below."""


def ruled() -> Schema:
    """The ontology, in which two beds within one of these minutes are a conflict."""
    found = load_schema()
    patient = found.classes["Patient"]
    occupies = {"occupies": replace(patient.relations["occupies"], stay=MINUTE)}
    return replace(found, classes={**found.classes, "Patient": replace(patient, relations={**patient.relations, **occupies})})


SCHEMA = ruled()
RULES = Rules(SCHEMA)


def at(minute: float, *changes: Change, name: str = "", source: str = "s") -> ChangeSet:
    """An event at that minute, called after it unless it has a name."""
    return ChangeSet(name or f"e{minute}", source, int(minute * MINUTE), 0, changes)


async def found(*sets: ChangeSet, order: tuple[int, ...] | None = None, when: AsOf = AsOf()) -> list[Conflict]:
    store = SqliteStore("")
    await store.prepare(SCHEMA)
    try:
        for i in order or range(len(sets)):
            await store.apply([sets[i]])
        conflicts = [conflict async for conflict in all_conflicts(store, RULES)]
        subjects = sorted({change.subject for one in sets for change in one.changes})
        each = await conflicts_of(store, RULES, subjects)
        assert [c for some in each for c in some] == sorted(conflicts, key=lambda c: c.subject)
        return [c for some in await conflicts_of(store, RULES, subjects, when) for c in some]
    finally:
        await store.close()


async def in_any_order(*sets: ChangeSet) -> list[Conflict]:
    first = await found(*sets)
    for order in islice(permutations(range(len(sets))), None, None, 1 if len(sets) < 5 else 7):
        assert await found(*sets, order=order) == first
    return first


def flow(minute: float, value: float = 5.0) -> ChangeSet:
    return at(minute, Assert("asset/P1", "InfusionPump", {"flow": value}))


def service(minute: float, status: str) -> ChangeSet:
    return at(minute, Assert("asset/P1", "InfusionPump", {"serviceStatus": status}), name=status, source="cmms")


def told(conflicts: list[Conflict]) -> list[tuple[object, ...]]:
    return [(c.rule, c.start / MINUTE, *(side[:2] for side in c.sides)) for c in conflicts]


async def test_a_pump_that_reports_flow_while_it_is_recorded_as_removed() -> None:
    """Removed from minute 10 to 20. Flow at 9 and at 20 may be; at 12 it cannot; 0 is no flow."""
    sets = service(10, "removed"), service(20, "inService"), flow(9), flow(20), flow(12), flow(15, 0.0)
    conflicts = await in_any_order(*sets)
    [conflict] = conflicts
    state, report = conflict.sides
    assert (conflict.rule, conflict.subject) == ("flow.impossibleWhile", "asset/P1")
    assert state == ("serviceStatus = removed", 10 * MINUTE, 20 * MINUTE, "removed", "cmms")
    # 9 and 12 lie three minutes apart, which is no silence: one span, whose end is within the removal. 20 begins another.
    assert report == ("flow reported", 9 * MINUTE, 12 * MINUTE, "e9", "s")
    assert conflict.start == 10 * MINUTE


async def test_a_removal_between_two_reports_is_no_conflict() -> None:
    """Reports at 9 and 13 make one span over a removal from 10 to 12; no sample need lie within."""
    assert await in_any_order(service(10, "removed"), service(12, "inService"), flow(9), flow(13)) == []


async def test_a_removal_as_long_as_a_silence_within_a_span_is_a_conflict() -> None:
    """Reports at 8, 12 and 16: from 9 to 14 there are five minutes, so that one of them lies within, though neither end does."""
    conflicts = await in_any_order(service(9, "removed"), service(14.1, "inService"), flow(8), flow(12), flow(16))
    assert told(conflicts) == [
        ("flow.impossibleWhile", 9, ("serviceStatus = removed", 9 * MINUTE), ("flow reported", 8 * MINUTE))
    ]


async def test_a_correction_settles_the_conflict() -> None:
    """The removal was booked for the wrong pump."""
    wrong = at(30, Void("asset/P1", "InfusionPump", "removed", "cmms"))
    assert await in_any_order(service(10, "removed"), flow(12), wrong) == []


async def test_a_patient_in_two_beds() -> None:
    """Bed A by the register at minute 0; bed B by a scanner half a minute later; C an hour later is a move."""

    def lies(minute: float, bed: str, source: str) -> ChangeSet:
        return at(minute, Assert("patient/1", "Patient", links=(Link("occupies", f"bed/{bed}"),)), source=source)

    conflicts = await in_any_order(lies(0, "A", "adt"), lies(0.5, "B", "scanner"), lies(60, "C", "adt"))
    assert told(conflicts) == [("occupies.stay", 0.5, ("occupies bed/A", 0), ("occupies bed/B", MINUTE // 2))]
    assert [side.source for side in conflicts[0].sides] == ["adt", "scanner"]
    left = at(0.25, Retract("patient/1", "Patient", links=(Link("occupies", "bed/A"),)))
    assert await in_any_order(lies(0, "A", "adt"), left, lies(0.5, "B", "scanner")) == []
    assert await in_any_order(lies(0, "A", "adt"), lies(0.5, "A", "scanner"), lies(1, "B", "adt")) != []


async def test_a_counter_that_runs_backwards_without_a_reset() -> None:
    """10, 12, 11 is a fall at minute 2; 0 is a reset, and 3 after it no fall."""

    def hours(minute: float, value: float) -> ChangeSet:
        return at(minute, Assert("asset/M1", "Machine", {"operatingHours": value}))

    conflicts = await in_any_order(hours(0, 10.0), hours(1, 12.0), hours(2, 11.0), hours(3, 0.0), hours(4, 3.0))
    assert told(conflicts) == [
        ("operatingHours.counter", 2, ("operatingHours = 12.0", MINUTE), ("operatingHours = 11.0", 2 * MINUTE))
    ]


async def test_a_state_that_is_said_again_goes_on() -> None:
    """Removed from 9 to 15, as is said every minute: of the reports at 8, 12 and 16 one surely lies in these six minutes."""
    again = [at(t, Assert("asset/P1", "InfusionPump", {"serviceStatus": "removed"}), source="cmms") for t in range(9, 15)]
    conflicts = await found(*again, service(15, "inService"), flow(8), flow(12), flow(16))
    [conflict] = conflicts
    assert conflict.sides[0] == ("serviceStatus = removed", 9 * MINUTE, 15 * MINUTE, "e9", "cmms")


async def test_a_report_that_is_taken_back_is_no_side() -> None:
    def wrong(minute: float) -> ChangeSet:
        return at(30 + minute, Void("asset/P1", "InfusionPump", f"e{minute}", "s"))

    removed = service(10, "removed")
    assert await in_any_order(removed, flow(12), wrong(12)) == []
    assert await in_any_order(removed, flow(9), flow(12), wrong(12)) == []
    # The first still stands, whatever becomes of those after it; and so does the last, where it is known which was taken back.
    assert told(await in_any_order(removed, flow(12), flow(13), wrong(13)))[0][1] == 12
    named = at(12, Assert("asset/P1", "InfusionPump", {"flow": 5.0, "name": "P"}))
    assert len(await in_any_order(removed, named, flow(13), wrong(12))) == 1
    assert await in_any_order(removed, flow(9), named, wrong(12)) == []


async def test_who_leaves_and_arrives_at_one_moment_moves() -> None:
    """In one event or in two, whatever the names of the beds and of the events."""

    def link(bed: str) -> tuple[Link, ...]:
        return (Link("occupies", f"bed/{bed}"),)

    for old, new in (("A", "B"), ("B", "A")):
        lay = at(0, Assert("patient/1", "Patient", links=link(old)))
        leave, arrive = Retract("patient/1", "Patient", links=link(old)), Assert("patient/1", "Patient", links=link(new))
        assert await in_any_order(lay, at(0.5, leave, arrive)) == []
        assert await in_any_order(lay, at(0.5, leave, name="z"), at(0.5, arrive, name="a")) == []
        assert len(await in_any_order(lay, at(0.6, leave), at(0.5, arrive))) == 1
        # Of what was undone at its own moment nothing ever held.
        never = at(0.4, arrive, name="a"), at(0.4, Retract("patient/1", "Patient", links=link(new)), name="z")
        assert await in_any_order(lay, *never) == []


async def test_a_counter_that_was_outranked_or_withdrawn_is_no_fall() -> None:
    def hours(minute: float, value: float, name: str = "", authority: int = 0) -> ChangeSet:
        return at(minute, Assert("asset/M1", "Machine", {"operatingHours": value}), name=name)._replace(authority=authority)

    assert await in_any_order(hours(0, 10.0), hours(1, 99.0, "a"), hours(1, 11.0, "b", 1), hours(2, 12.0)) == []
    withdrawn = at(1, Retract("asset/M1", "Machine", ("operatingHours",)))
    assert await in_any_order(hours(0, 10.0), withdrawn, hours(2, 3.0)) == []
    assert len(await in_any_order(hours(0, 10.0), hours(2, 3.0), at(3, Retract("asset/M1", "Machine", ("operatingHours",))))) == 1


async def test_two_ids_of_one_bed_are_one_bed_and_two_of_one_patient_one_patient() -> None:
    def lies(minute: float, patient: str, bed: str) -> ChangeSet:
        return at(minute, Assert(f"patient/{patient}", "Patient", links=(Link("occupies", f"bed/{bed}"),)))

    store = SqliteStore("")
    await store.prepare(SCHEMA)
    view = Merged(store, SCHEMA, age=0)
    await store.apply([lies(0, "1", "A"), lies(0.5, "1", "A2"), lies(60, "2", "A"), lies(60.5, "3", "B")])
    assert [c.subject async for c in all_conflicts(view, RULES)] == ["patient/1"]
    await view.apply([at(70, *(Assert(a, "Entity", links=(Link("sameAs", b),)) for a, b in (("bed/A2", "bed/A"),)))])
    assert [c.subject async for c in all_conflicts(view, RULES)] == []
    await view.apply([at(71, Assert("patient/3", "Entity", links=(Link("sameAs", "patient/2"),)))])
    assert [c.subject async for c in all_conflicts(view, RULES)] == ["patient/2"]
    assert [len(some) for some in await conflicts_of(view, RULES, ["patient/3", "patient/2", "no/such"])] == [1, 1, 0]
    await store.close()


async def test_many_things_and_long_histories_are_read_a_part_at_a_time() -> None:
    def hours(thing: int, minute: int, value: float) -> ChangeSet:
        return at(minute, Assert(f"asset/{thing:03}", "Machine", {"operatingHours": value}))

    store = SqliteStore("")
    await store.prepare(SCHEMA)
    falls = [hours(thing, minute, value) for thing in range(250) for minute, value in ((0, 2.0), (1, 1.0))]
    await store.apply([*falls, *(hours(7, minute, float(minute)) for minute in range(2, 2500))])
    read: list[tuple[int, int]] = []
    history = store.history

    async def counted(ids: Sequence[str], window: Window = Window()) -> list[list[Version]]:
        found = await history(ids, window)
        read.append((len(ids), sum(map(len, found))))
        return found

    store.history = counted  # type: ignore[method-assign]
    ids = [f"asset/{thing:03}" for thing in (*range(250), 0)]
    each = await conflicts_of(store, RULES, ids)
    assert [len(some) for some in each] == [1] * 251
    assert sorted(read) == [(1, 2500), (50, 100), (100, 200), (100, 1198)]
    assert len([c async for c in all_conflicts(store, RULES)]) == 250
    await store.close()


@pytest.mark.timeout(60)
async def test_a_long_history_is_read_once() -> None:
    """40,000 versions of one thing: reading its reports again for each of its states would take minutes."""
    small = schema()
    pump = small.classes["Pump"]
    flow = replace(pump.properties["flow"], history=History.FULL)
    kept = replace(small, classes={**small.classes, "Pump": replace(pump, properties={**pump.properties, "flow": flow})})
    said: list[dict[str, Scalar]] = [{"state": "x"}, {"flow": 1.0}, {"state": "on"}, {"flow": 2.0}]
    store = SqliteStore("")
    await store.prepare(kept)
    await store.apply([at(t, Assert("p/1", "Pump", said[t % 4])) for t in range(40_000)])
    assert len([c async for c in all_conflicts(store, Rules(kept))]) == 10_000
    await store.close()


async def test_of_the_past_only_what_was_said_by_then() -> None:
    sets = [at(t, Assert("asset/M1", "Machine", {"operatingHours": v})) for t, v in ((0, 10.0), (1, 12.0), (2, 11.0))]
    assert await found(*sets, when=AsOf(MINUTE)) == []
    assert len(await found(*sets, when=AsOf(2 * MINUTE))) == 1


times = st.lists(st.integers(0, 4 * SILENCE // MINUTE).map(lambda minute: minute * MINUTE), min_size=1, max_size=12)


@given(times, st.randoms(use_true_random=False))
def test_spans_do_not_depend_on_order(samples: list[int], chance: object) -> None:
    once: list[Span] = []
    for time in samples:
        add(once, time, f"e{time}", "s")
    parts: list[Span] = []
    for time in reversed(samples):
        mine: list[Span] = []
        add(mine, time, f"e{time}", "s")
        parts += mine
    spans = fuse(once)
    assert spans == fuse(parts) == fuse([*spans, *spans])
    ordered = sorted(set(samples))
    gaps = [b - a for a, b in pairwise(ordered)]
    assert len(spans) == 1 + sum(gap > SILENCE for gap in gaps)
    assert all(any(span.start <= time <= span.end for span in spans) for time in samples)


@given(times, st.integers(0, 20), st.integers(1, 10), st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_what_is_certain_is_true(samples: list[int], start: int, length: int, known: set[int], unknown: set[int]) -> None:
    """No conflict without a sample in the interval that was not taken back, whether it is known when those were or not; the
    samples themselves are the oracle."""
    spans: list[Span] = []
    for time in samples:
        add(spans, time, f"e{time}", "s")
    begin, end = start * MINUTE, (start + length) * MINUTE
    for span in certain(fuse(spans), begin, end):
        assert any(begin <= time < end and span.start <= time <= span.end for time in samples)
    void = {minute * MINUTE for minute in known | unknown}
    doubt = Doubt(frozenset((f"e{time}", "s") for time in void), frozenset(m * MINUTE for m in known), len(unknown - known))
    for span in certain(fuse(spans), begin, end, doubt):
        assert any(begin <= time < end and span.start <= time <= span.end for time in set(samples) - void)
