"""The circular-shift test against its definition, worked by hand and by trying every place."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics import coincidence
from brain.analytics.calendars import DAY, HOUR, Interval, merged
from brain.analytics.coincidence import POSITIONS, Timeline, p_value
from brain.analytics.discoveries import q_values

STEP = 1_000
"""µs in a part of a window of `POSITIONS` parts."""


def hours(*spans: tuple[float, float]) -> list[Interval]:
    return [(round(a * HOUR), round(b * HOUR)) for a, b in spans]


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=6).map(
    lambda spans: list(merged(sorted((a, a + length) for a, length in spans)))
)


@settings(deadline=None)
@given(SPANS, st.lists(st.integers(-5, 60), min_size=1), st.integers(-3, 20), st.integers(21, 60))
def test_a_timeline_counts_the_moments_before(spans: list[Interval], at: list[int], start: int, end: int) -> None:
    found = Timeline(spans, start, end)
    moments = {t for a, b in spans for t in range(a, b) if start <= t < end}
    assert found.total == len(moments)
    assert found.before(np.array(at, np.int64)).tolist() == [sum(t < one for t in moments) for one in at]
    assert found.holds(np.array(at, np.int64)).tolist() == [one in moments for one in at]


def test_a_trouble_in_which_no_wait_ends_stands_out_and_one_that_waits_end_in_does_not() -> None:
    # Hours. Waits [0, 1), [3.5, 5), [4.5, 5.5), [9, 10): 4.5 h with 4 ends, so 0.889 ends an hour of waiting.
    since, until = (np.array([round(h * HOUR) for h in some]) for some in ((0, 3.5, 4.5, 9), (1, 5, 5.5, 10)))
    # Down from 4 to 5: 1 + 0.5 hours of waiting and no end (that at 5 comes as it is over): 1.33. Begun any later, until 4.5, it
    # would have the same hours, and an end; begun earlier, fewer hours. So no other place scores as much.
    assert p_value(Timeline(hours((4, 5)), 0, 10 * HOUR), since, until, until) == 1 / POSITIONS
    # Of the waits [0, 1) and [3.5, 5), 0.8 ends an hour, one that is down from 0.5 to 1.5 has half an hour and an end: −0.6.
    # As much or more has each place from (1, 4] on, where nothing ends (3 h), from (5, 10] on (5 h; what lies beyond 10 goes on
    # at 0), from (0, 0.5] on and from (4, 4.5] on, where half an hour of the wait is met before it ends: 9 of 10 hours.
    since, until = since[:2], until[:2]
    assert p_value(Timeline(hours((0.5, 1.5)), 0, 10 * HOUR), since, until, until) == pytest.approx(0.9, abs=4 / POSITIONS)


PARTS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)), min_size=1, max_size=4)


@settings(deadline=None)
@given(PARTS, PARTS)
def test_every_place_is_tried(troubles: list[tuple[int, int]], waits: list[tuple[int, int]]) -> None:
    few = 64  # parts of the window, for the sake of time
    trouble, waiting, ended = (np.zeros(few) for _ in range(3))
    for a, n in troubles:
        trouble[a : a + n] = 1
    for a, n in waits:
        waiting[a : a + n] += 1
        ended[a + n] += 1
    weights = waiting * ended.sum() / waiting.sum() - ended
    scores = [float(np.roll(trouble, place) @ weights) for place in range(few)]
    spans = [(a * STEP, b * STEP) for a, b in merged(sorted((a, a + n) for a, n in troubles))]
    since, until = np.array([a for a, _ in waits]) * STEP, np.array([a + n for a, n in waits]) * STEP
    with patch.object(coincidence, "POSITIONS", few):
        found = p_value(Timeline(spans, 0, few * STEP), since, until, until)
    assert found == sum(score >= scores[0] - 1e-6 for score in scores) / few


def test_what_is_usual_at_a_time_of_the_day_is_chance() -> None:
    # Three weeks; each night from 20 to 6 a machine is off, and what is ready at about 18 waits until about 7 for the morning.
    days, window = range(-1, 21), 21 * DAY
    off = Timeline([(d * DAY + 20 * HOUR, (d + 1) * DAY + 6 * HOUR) for d in days], 0, window)
    evenings = np.array([d * DAY + 18 * HOUR for d in days for _ in range(4)])
    jitter = np.random.default_rng(5).integers(-HOUR, HOUR, (2, len(evenings)))
    since, until = np.maximum(evenings + jitter[0], 0), np.minimum(evenings + 13 * HOUR + jitter[1], window)
    coincides = off.within(since, until)
    assert coincides.sum() / (until - since).sum() > 0.75
    assert off.chance(since, until).sum() == pytest.approx(coincides.sum(), rel=1e-3)
    # Down on three days from 8 to 14, when jobs that were ready at 9 wait till then: 15 hours of each four, which is not usual.
    few = Timeline([(d * DAY + 8 * HOUR, d * DAY + 14 * HOUR) for d in (3, 9, 16)], 0, window)
    stuck = np.concatenate([since, [d * DAY + 9 * HOUR for d in (3, 9, 16) for _ in range(4)]])
    freed = np.concatenate([until, [d * DAY + 14 * HOUR for d in (3, 9, 16) for _ in range(4)]])
    # Chance: those 60 hours in 21 mornings, of which three have the trouble.
    assert few.within(stuck, freed).sum() == 60 * HOUR
    assert few.chance(stuck, freed).sum() == pytest.approx(60 * HOUR * 3 / 21, rel=1e-2)
    assert p_value(few, stuck, freed, freed) < 0.01


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    # Four tests: 0.01 · 4/1 = 0.04; 0.03 · 4/2 = 0.06; 0.04 · 4/3 = 0.0533, which lowers the one before; 0.5 · 4/4 = 0.5.
    assert q_values([0.5, 0.01, 0.04, 0.03]) == pytest.approx([0.5, 0.04, 4 * 0.04 / 3, 4 * 0.04 / 3])
    assert q_values([]) == []
    assert q_values([1.0, 1.0]) == [1.0, 1.0]
