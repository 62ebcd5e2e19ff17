"""Times, flow and Little's law on examples worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.calendars import HOUR, calendar
from brain.analytics.flow import flow, flow_of, utilisation
from brain.analytics.lives import MICRO, Timed
from brain.analytics.times import LoopExample, Spread, Times, spread, times, times_of
from brain.errors import BadQuery
from ontology import load_schema
from tests.unit.lives_by_hand import lives
from tests.unit.test_bottlenecks import filled, step, thing


def of(found: dict[str, list[Timed]], since: int | None = None, until: int | None = None) -> Times:
    """Times in a window of whole seconds."""
    return times_of(
        found, "t", "v", since=None if since is None else since * MICRO, until=None if until is None else until * MICRO
    )


def test_sojourn_is_from_the_first_start_to_the_last_end_whichever_step_ends_last() -> None:
    # x: a 0–10, b 15–100, c 20–30: sojourn 100 − 0; waits 5 (15 − 10), then c starts before b ends: 0.
    # y: a 0–50: sojourn 50, no wait.
    found = of(lives(x="a 0-10, b 15-100, c 20-30", y="a 0-50"))
    assert found.sojourn == Spread(2, 75.0, 75.0, 97.5, 150.0)  # p95 = 50 + 0.95 × 50
    assert (found.waiting.total_seconds, found.waiting.mean_seconds) == (5.0, 2.5)
    assert found.processing.total_seconds == 10 + 85 + 10 + 50
    assert found.flow_efficiency == pytest.approx(155 / 150)  # b and c overlap, so that it may pass 1
    assert [(o.id, o.first_step, o.last_step, o.sojourn_seconds) for o in found.longest] == [
        ("x", "x.0", "x.1", 100.0),
        ("y", "y.0", "y.0", 50.0),
    ]


def test_an_object_belongs_to_the_window_in_which_its_last_step_ended() -> None:
    found = lives(x="a 0-10, b 15-100", y="a 0-50", z="a 60-101")
    windows = [of(found, 0, 50), of(found, 50, 100), of(found, 100, 101), of(found, 101, 200)]
    assert [w.objects for w in windows] == [0, 1, 1, 1]  # half-open: y ends at 50, x at 100, z at 101
    assert windows[0].sojourn == Spread(0, 0.0, 0.0, 0.0, 0.0)
    assert windows[0].flow_efficiency is None


def test_a_step_without_a_start_leaves_its_object_out_of_processing_and_efficiency() -> None:
    # x: all times known: 4 + 6 of 20. y: its second step has one timestamp.
    found = of(lives(x="a 0-4, b 14-20", y="a 0-7, b 9"))
    assert (found.processing.count, found.processing.total_seconds, found.untimed) == (1, 10.0, 1)
    assert found.flow_efficiency == 0.5
    assert found.waiting.total_seconds == 10 + 2


def test_a_log_with_one_time_an_event_has_waiting_and_no_processing() -> None:
    found = of(lives(x="a 0, b 14", y="a 5"))
    assert (found.processing.count, found.untimed, found.flow_efficiency) == (0, 2, None)
    assert found.sojourn.total_seconds == found.waiting.total_seconds == 14.0


def test_rework_is_from_the_first_end_of_an_activity_to_its_last_and_overlapping_loops_count_once() -> None:
    # x: a 0–1, b 2–3, a 5–6, b 7–9, b 9–10. a: from 1 to 6 = 5 s, 1 repetition. b: from 3 to 10 = 7 s, 2 repetitions, 1 directly.
    # The two loops lie in [1, 6) and [3, 10): 9 s in all. y has none.
    found = of(lives(x="a 0-1, b 2-3, a 5-6, b 7-9, b 9-10", y="a 0-1, b 1-2"))
    assert [(r.activity, r.objects, r.repetitions, r.directly, r.seconds) for r in found.rework] == [
        ("b", 1, 2, 1, 7.0),
        ("a", 1, 1, 0, 5.0),
    ]
    assert found.rework[0].examples == (LoopExample("x", "x.1", "x.4", 7.0),)
    assert (found.rework_objects, found.rework_seconds) == (1, 9.0)


def test_a_case_of_one_event_of_no_length_is_an_object_that_took_no_time() -> None:
    found = of(lives(NA="a 5"))
    assert (found.objects, found.steps, found.sojourn) == (1, 1, Spread(1, 0.0, 0.0, 0.0, 0.0))
    assert found.longest[0].id == "NA"
    assert flow_of(lives(NA="a 5"), "t", "v").little.difference is None


def test_work_in_progress_arrivals_and_departures_over_a_window_that_holds_all() -> None:
    # x [0, 10), y [4, 8), z [8, 20). Over 20 s: (10 + 4 + 12) / 20 = 1.3 on average, 2 at most, first from 4 on.
    found = flow_of(lives(x="a 0-2, b 7-10", y="a 4-8", z="a 8-20"), "t", "v", until=20 * MICRO + 1)
    length = 20 + 1e-6
    assert found.mean_in_progress == pytest.approx(26 / length)
    assert (found.most_in_progress, found.most_at) == (2, 4 * MICRO)  # y leaves as z comes
    assert (found.arrivals, found.departures, found.objects) == (3, 3, 3)
    assert found.arrivals_per_hour == pytest.approx(3 * 3600 / length)
    little = found.little
    assert (little.began_before, little.ended_after) == (0, 0)
    assert little.sojourn_seconds == pytest.approx(26 / 3)
    assert little.product == pytest.approx(found.mean_in_progress)
    assert little.difference == pytest.approx(0, abs=1e-12)


def test_little_says_why_a_window_that_cuts_objects_differs() -> None:
    # Window [5, 15): x [0, 10) is in it for 5, y [4, 8) for 3, z [8, 20) for 7: L = 15 / 10. One arrival (z): λ = 0.1.
    # Two departures, x and y, of 10 and 4 s: W = 7. λ W = 0.7, so (1.5 − 0.7) / 1.5 = 8/15.
    found = flow_of(lives(x="a 0-10", y="a 4-8", z="a 8-20"), "t", "v", since=5 * MICRO, until=15 * MICRO).little
    assert (found.in_progress, found.arrivals_per_second, found.sojourn_seconds) == (1.5, 0.1, 7.0)
    assert found.difference == pytest.approx(8 / 15)
    assert (found.began_before, found.ended_after) == (2, 1)
    assert found.reason == "the window cuts 2 objects that began before it and 1 that ended after it"


def test_the_series_tiles_the_window_and_adds_up() -> None:
    found = flow_of(lives(x="a 0-10", y="a 4-8", z="a 8-20"), "t", "v", since=0, until=60 * MICRO)
    assert len(found.series) == 60  # one a second
    assert [p.mean_in_progress for p in found.series[:9]] == [1, 1, 1, 1, 2, 2, 2, 2, 2]  # x alone, with y, with z
    assert sum(p.arrivals for p in found.series) == found.arrivals == 3
    assert sum(p.departures for p in found.series) == found.departures == 3
    assert [p.departures for p in found.series if p.at in (8 * MICRO, 10 * MICRO, 20 * MICRO)] == [1, 1, 1]


def test_utilisation_is_the_union_of_steps_over_the_window_or_over_the_calendar() -> None:
    # ann: 0–10 and 5–15 overlap: busy 15 of 100, two at once. bob's step has no end of its own: he is in no figure.
    found = flow_of(lives(x="a 0-10 ann, b 20 bob", y="a 5-15 ann", z="a 40-100"), "t", "v", since=0, until=100 * MICRO)
    (ann,) = found.resources
    assert (ann.resource, ann.basis, ann.busy_seconds, ann.utilisation, ann.at_once) == ("ann", "window", 15.0, 0.15, 2)
    assert (found.steps, found.unperformed, found.untimed) == (4, 1, 1)


def test_time_off_the_calendar_is_told_and_does_not_count_as_utilisation() -> None:
    # The first of the epoch is a Thursday: ann works from 1 to 3 o'clock. She was busy from 0:30 to 1:30: half an hour within,
    # half outside: 0.5 / 2.
    shift = calendar([(3 * 24 * HOUR + HOUR, 3 * 24 * HOUR + 3 * HOUR)])
    worked = lives(x="a 1800-5400 ann")["x"]
    (ann,) = utilisation(worked, {"*": shift}, 0, 24 * HOUR)
    assert (ann.basis, ann.busy_seconds, ann.outside_seconds, ann.available_seconds) == ("calendar", 3600.0, 1800.0, 7200.0)
    assert ann.utilisation == 0.25
    (off,) = utilisation(worked, {"ann": calendar([])}, 0, 24 * HOUR)
    assert (off.utilisation, off.outside_seconds) == (None, 3600.0)


stays = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200)), min_size=1, max_size=30)


@given(stays)
def test_little_holds_exactly_over_a_window_that_cuts_nothing(found: list[tuple[int, int]]) -> None:
    little = flow_of(lives(**{f"o{i}": f"a {a}-{a + b}" for i, (a, b) in enumerate(found)}), "t", "v").little
    assert math.isclose(little.in_progress, little.product, rel_tol=1e-9, abs_tol=1e-12)


@given(stays, st.integers(0, 300), st.integers(1, 400))
def test_work_in_progress_is_that_of_a_count_at_every_second(found: list[tuple[int, int]], start: int, length: int) -> None:
    some = flow_of(
        lives(**{f"o{i}": f"a {a}-{a + b}" for i, (a, b) in enumerate(found)}),
        "t",
        "v",
        since=start * MICRO,
        until=(start + length) * MICRO,
    )
    counted = [sum(a <= t < a + b for a, b in found) for t in range(start, start + length)]
    assert math.isclose(some.mean_in_progress, sum(counted) / length, rel_tol=1e-9)
    assert some.most_in_progress == max(counted)
    weights = np.diff([*(p.at for p in some.series), some.until])
    assert math.isclose(
        np.average([p.mean_in_progress for p in some.series], weights=weights), some.mean_in_progress, abs_tol=1e-9
    )


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=50))
def test_spreads_are_numpys(values: list[int]) -> None:
    found = spread(values)
    assert math.isclose(found.p95_seconds, float(np.quantile(values, 0.95)) / MICRO, rel_tol=1e-12)
    assert math.isclose(found.mean_seconds, float(np.mean(values)) / MICRO, rel_tol=1e-12)


async def test_out_of_a_store() -> None:
    schema = load_schema()
    store = await filled(
        schema,
        thing("x", "t"),
        step("1", "a", ["x"], startedAt=0, completedAt=10),
        step("2", "b", ["x"], startedAt=15, completedAt=30),
        step("3", "c", ["x"], scheduledAt=40),
    )
    found, moved = await times(store, schema, "t"), await flow(store, schema, "t")
    with pytest.raises(BadQuery, match="no object of type 'u'"):
        await times(store, schema, "u")
    await store.close()
    assert (found.sojourn.total_seconds, found.waiting.total_seconds, found.processing.total_seconds) == (30.0, 5.0, 25.0)
    assert (found.left_out, found.ontology_version) == (1, schema.version)
    assert (moved.since, moved.until, moved.arrivals) == (0, 30 * MICRO + 1, 1)
