"""Concurrency of activities, and since when a step is enabled, by hand."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.concurrency import concurrent_activities, enablements, neighbours
from brain.analytics.lives import MICRO, Timed


def life(*rows: tuple[str, int, int], name: str = "o", enabled: dict[int, int] | None = None) -> list[Timed]:
    """Steps in seconds, numbered in the order of the rows."""
    told = enabled or {}
    return sorted(
        Timed(start * MICRO, end * MICRO, i, f"{name}/{i}", activity, (end - start) * MICRO,
              told[i] * MICRO if i in told else None)
        for i, (activity, start, end) in enumerate(rows)
    )  # fmt: skip


def log(*lives: list[Timed]) -> dict[str, list[Timed]]:
    return {f"o{i}": one for i, one in enumerate(lives)}


def since(steps: Sequence[Timed], **concurrent: str) -> list[tuple[float, str | None, bool]]:
    beside = {a: frozenset(others) for a, others in concurrent.items()}
    return [(e.at / MICRO, e.by.activity if e.by else None, e.known) for e in enablements(steps, beside)]


def test_activities_that_follow_each_other_in_both_orders_are_concurrent() -> None:
    forth, back = life(("b", 0, 1), ("c", 2, 3)), life(("c", 0, 1), ("b", 2, 3))
    # 7 : 3 is |7 − 3| / 10 = 0.4, comparable. 8 : 2 is 0.6, and 5 : 4 are less than ten sightings.
    found = concurrent_activities(log(*[forth] * 7, *[back] * 3))
    assert [(c.first, c.second, c.forth, c.back, c.loops, c.overlaps) for c in found] == [("b", "c", 7, 3, 0, 0)]
    assert neighbours(found) == {"b": frozenset("c"), "c": frozenset("b")}
    assert concurrent_activities(log(*[forth] * 8, *[back] * 2)) == ()
    assert concurrent_activities(log(*[forth] * 5, *[back] * 4)) == ()


def test_a_loop_is_no_concurrency() -> None:
    # b c b c b: each life has two of each order, and three loops (b c b, c b c, b c b).
    again = life(("b", 0, 1), ("c", 2, 3), ("b", 4, 5), ("c", 6, 7), ("b", 8, 9))
    assert concurrent_activities(log(*[again] * 10)) == ()


def test_activities_that_overlap_in_half_of_the_lives_that_have_both_are_concurrent() -> None:
    over, apart, other = life(("b", 0, 5), ("c", 3, 8)), life(("b", 0, 5), ("c", 5, 8)), life(("b", 0, 5))
    found = concurrent_activities(log(*[over] * 6, *[apart] * 6, *[other] * 50))
    assert [(c.first, c.second, c.overlaps, c.together) for c in found] == [("b", "c", 6, 12)]
    assert concurrent_activities(log(*[over] * 5, *[apart] * 6)) == ()


def test_a_point_inside_a_step_overlaps_and_one_at_its_edge_does_not() -> None:
    inside, edge = life(("b", 0, 9), ("c", 4, 4)), life(("b", 4, 9), ("c", 4, 4))
    after = life(("b", 0, 4), ("c", 4, 4))
    assert len(concurrent_activities(log(*[inside] * 10))) == 1
    assert concurrent_activities(log(*[edge] * 10)) == ()
    assert concurrent_activities(log(*[after] * 10)) == ()


def test_the_last_completed_step_enables_that_is_not_concurrent() -> None:
    # a 0–2, b 3–9, c 4–6, d 10–11; b and c are concurrent. c is enabled by a, at 2; d by b, which ended last, at 9.
    steps = life(("a", 0, 2), ("b", 3, 9), ("c", 4, 6), ("d", 10, 11))
    assert since(steps, b="c", c="b") == [(0, None, False), (2, "a", True), (2, "a", True), (9, "b", True)]
    # Not concurrent, c is still not enabled by b, which is under way when it starts.
    assert since(steps)[2] == (2, "a", True)


def test_a_step_concurrent_with_all_before_is_enabled_since_the_life_began() -> None:
    steps = life(("b", 1, 3), ("c", 5, 6))
    assert since(steps, b="c", c="b") == [(1, None, False), (1, None, True)]


def test_what_the_source_says_wins() -> None:
    steps = life(("a", 0, 2), ("b", 9, 10), ("a", 11, 12), enabled={0: -5, 1: 7})
    assert since(steps) == [(-5, None, True), (7, "a", True), (10, "b", True)]


def test_equal_ends_are_told_apart_by_position() -> None:
    steps = life(("a", 0, 4), ("b", 1, 4), ("z", 4, 4), ("c", 4, 5))
    assert since(steps)[2:] == [(4, "b", True), (4, "z", True)]


ACTIVITY = st.sampled_from("abcd")
STEPS = st.lists(st.tuples(ACTIVITY, st.integers(0, 20), st.integers(0, 6)), min_size=1, max_size=12)
BESIDE = st.dictionaries(ACTIVITY, st.sets(ACTIVITY))


@given(STEPS, BESIDE)
def test_enablement_is_its_definition(rows: list[tuple[str, int, int]], beside: dict[str, set[str]]) -> None:
    steps = life(*((activity, start, start + took) for activity, start, took in rows))
    frozen = {a: frozenset(others) for a, others in beside.items()}
    for i, (step, found) in enumerate(zip(steps, enablements(steps, frozen), strict=True)):
        candidates = [
            (other.end, j) for j, other in enumerate(steps[:i])
            if other.end <= step.start and other.activity not in beside.get(step.activity, ())
        ]  # fmt: skip
        if candidates:
            end, j = max(candidates)
            assert found == (end, steps[j], True)
        else:
            assert found == (steps[0].start, None, i > 0)
