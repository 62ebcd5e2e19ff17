"""Conflicts worked by hand, in every order of arrival; and spans against the samples that they stand for."""

from itertools import islice, pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from brain.conflicts import Conflict, Rules, all_conflicts, conflicts_of
from brain.model import Assert, Change, ChangeSet, Link, Retract, Void
from brain.query import AsOf
from brain.spans import SILENCE, Span, add, certain, fuse
from brain.stores.sqlite import SqliteStore
from ontology import load_schema

SCHEMA = load_schema()
RULES = Rules(SCHEMA)
SECOND = 1_000_000
MINUTE = 60 * SECOND


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


@given(times, st.integers(0, 20), st.integers(1, 10))
def test_what_is_certain_is_true(samples: list[int], start: int, length: int) -> None:
    """No conflict without a sample in the interval; the samples themselves are the oracle."""
    spans: list[Span] = []
    for time in samples:
        add(spans, time, f"e{time}", "s")
    begin, end = start * MINUTE, (start + length) * MINUTE
    for span in certain(fuse(spans), begin, end):
        assert any(begin <= time < end and span.start <= time <= span.end for time in samples)
