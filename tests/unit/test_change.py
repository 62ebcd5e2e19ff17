"""What got worse and since when: planted changes are found, and where there was none none is told."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from brain.analytics.change import WindowChange, change, change_of
from brain.analytics.changepoint import FEWEST_VALUES, change_in
from brain.analytics.circumstances import CircumstanceKind, circumstances
from brain.analytics.lives import MICRO, Timed
from brain.errors import BadQuery
from ontology import load_schema
from tests.unit.lives_by_hand import lives
from tests.unit.test_bottlenecks import filled, step, thing

Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]


def exponential(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    return random.exponential(100, size)


def alike(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Values of which each is much like the one before (correlation 0.7), as waits in a queue are."""
    found, last = np.empty(size), 0.0
    for i, new in enumerate(random.normal(size=size)):
        found[i] = last = 0.7 * last + new
    return found


def test_a_planted_change_is_found_within_two_percent_of_its_place() -> None:
    # 1,000 exponential waits of 100 s that become 300 s somewhere between a fifth and four fifths of the way.
    hits = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        place = int(random.uniform(200, 800))
        waits = exponential(random, 1000)
        waits[place:] *= 3
        found = change_in(waits, str(seed))
        hits += found is not None and found.p_value <= 0.05 and abs(found.index - place) <= 20
    assert hits >= 95


@pytest.mark.parametrize("noise", [exponential, alike])
def test_without_a_change_there_is_seldom_an_alarm(noise: Noise) -> None:
    alarms = 0
    for seed in range(100):
        found = change_in(noise(np.random.default_rng(seed), 400), str(seed))
        alarms += found is not None and found.p_value <= 0.05
    assert alarms <= 10


def test_the_place_of_a_clean_step_is_exact_also_in_a_long_series() -> None:
    found = change_in([1.0] * 40 + [2.0] * 60, "short")
    assert found is not None
    assert found.index == 40
    # Ten blocks of ten, four of them low: of the 210 orders of four among ten 2 show as much, with the four at either end.
    assert found.p_value == pytest.approx(2 / 210, abs=0.006)
    long = change_in([1.0] * 4000 + [2.0] * 6000, "long")  # by means of five neighbours
    assert long is not None
    assert long.index == 4000


def test_a_series_that_is_short_or_all_one_value_has_no_change() -> None:
    assert change_in([1.0, 2.0] * (FEWEST_VALUES // 2 - 1), "short") is None
    assert change_in([5.0] * 500, "flat") is None


@settings(max_examples=25)
@given(st.lists(st.integers(0, 10**6), min_size=FEWEST_VALUES, max_size=200))
def test_the_place_is_that_of_the_reference(values: list[int]) -> None:
    found = change_in(values, "s")
    ranks = [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]
    size, margin = len(values), max(1, int(len(values) * 0.05))
    mean = (size + 1) / 2
    scaled = {k: abs(sum(ranks[:k]) - k * mean) / math.sqrt(k * (size - k) / size) for k in range(margin, size - margin + 1)}
    if found is None:
        assert len(set(values)) == 1
    else:
        assert scaled[found.index] == pytest.approx(max(scaled.values()))


def shop(seed: int, slower: float, day: int = 86_400) -> dict[str, list[Timed]]:
    """20 days of 40 objects a day: `order`, some wait of 1,000 s in the mean, `pack` for 60 s by one of four; from day 14 on the
    wait is longer, and two of the four are gone."""
    random = np.random.default_rng(seed)
    found = {}
    for i in range(800):
        began = i * day // 40
        late = began >= 14 * day
        waits = float(random.exponential(1000 * (slower if late else 1)))
        packs = round((began + waits) * MICRO)
        who = f"p{random.integers(2 if late and slower != 1 else 4)}"
        found[f"o{i}"] = [
            Timed(began * MICRO, began * MICRO, 0, f"o{i}.0", "order", 0),
            Timed(packs, packs + 60 * MICRO, 1, f"o{i}.1", "pack", 60 * MICRO, None, who),
            Timed(packs + 90 * MICRO, packs + 90 * MICRO, 2, f"o{i}.2", "send", 0),
        ]
    return found


def of(found: dict[str, list[Timed]]) -> WindowChange:
    """Days 10 to 20 against days 0 to 10."""
    return change_of(found, "t", "v", 10 * 86_400 * MICRO, 20 * 86_400 * MICRO)


def test_what_got_worse_is_first_with_since_when_and_what_else_changed() -> None:
    found = of(shop(1, slower=5))
    worst, same = found.edges
    assert (worst.source, worst.target, worst.sure) == ("order", "pack", True)
    assert worst.difference is not None
    assert worst.difference_seconds is not None
    # 4 of the window's 10 days before the change: (0.4 × 1000 + 0.6 × 5000) − 1000 = 2,400 s more in the mean.
    assert worst.difference.holds(2400)
    assert worst.extra_seconds == pytest.approx(worst.difference_seconds * worst.count_now)
    assert worst.since is not None
    assert abs(worst.since.at / MICRO / 86_400 - 14) < 0.4  # 2 % of 20 days
    assert worst.since.mean_after_seconds > 3 * worst.since.mean_before_seconds
    assert worst.since.circumstances[0].kind is CircumstanceKind.RESOURCES
    assert worst.since.circumstances[0].after < worst.since.circumstances[0].before
    assert (same.source, same.target, same.difference_seconds, same.sure, same.since) == ("pack", "send", 0.0, False, None)
    assert found.says == "work waits longer between 'order' and 'pack'"


def test_where_nothing_changed_seldom_anything_is_told() -> None:
    told = [of(shop(seed, slower=1)) for seed in range(20)]
    assert sum(t.edges[0].since is not None for t in told) <= 1
    # An interval of nine of ten leaves the truth on either side once in ten times, and only what got worse is told.
    assert sum(t.says != "nothing got worse that chance alone would not explain" for t in told) <= 3


def test_windows_of_five_objects_by_hand() -> None:
    # Before: five objects end in [0, 100) and wait 1 s each; now five end in [100, 200) and wait 3 s each: 2 s more, 10 s in all.
    written = {f"o{i}": f"a {10 * i}, b {10 * i + 1}" for i in range(5)} | {
        f"n{i}": f"a {100 + 10 * i}, b {103 + 10 * i}" for i in range(5)
    }
    found = change_of(lives(**written), "t", "v", 100 * MICRO, 200 * MICRO)
    (edge,) = found.edges
    assert (edge.count_before, edge.count_now) == (5, 5)
    assert (edge.mean_before_seconds, edge.mean_now_seconds, edge.difference_seconds, edge.extra_seconds) == (1.0, 3.0, 2.0, 10.0)
    assert edge.difference is not None
    assert edge.difference.low == pytest.approx(2)
    assert edge.difference.high == pytest.approx(2)
    assert (edge.sure, edge.since) == (True, None)  # ten waits are too few to tell since when
    assert (found.before.objects, found.now.objects, found.before.since, found.now.mean_sojourn_seconds) == (5, 5, 0, 3.0)


def test_a_handover_of_one_window_alone_has_no_difference() -> None:
    found = change_of(lives(x="a 10, b 20", y="a 110, c 120"), "t", "v", 100 * MICRO, 200 * MICRO)
    assert {(e.target, e.mean_before_seconds, e.mean_now_seconds, e.difference, e.extra_seconds) for e in found.edges} == {
        ("b", 10.0, None, None, 0.0),
        ("c", None, 10.0, None, 0.0),
    }
    empty = change_of(lives(x="a 10, b 20"), "t", "v", 100 * MICRO, 200 * MICRO)
    assert empty.says == "no object ended in one of the two windows, so that there is nothing to compare"


def test_circumstances_by_hand() -> None:
    # 60 parts of one second. An object begins in each of the first 30 and in every second one of the rest: 3,600 an hour, then
    # half.
    # The series is 30 ones, then 0, 1, 0, 1, …; the part of the instant (30) is left out: 30 ones, then 15 ones and 14 noughts.
    # Mean 45/59, so variance 45 × 14 / 59² and the standardised change (15/29 − 1) / (√(45 × 14) / 59) = −1.134
    written = {f"o{i}": f"a {i}-{i}" for i in range(60) if i < 30 or i % 2}
    found = circumstances(lives(**written), 0, 60 * MICRO, 30 * MICRO)
    (arrivals,) = found
    assert (arrivals.kind, arrivals.activity, arrivals.before) == (CircumstanceKind.ARRIVALS, None, 3600.0)
    assert arrivals.after == pytest.approx(3600 * 15 / 29)
    assert arrivals.standardised == pytest.approx((15 / 29 - 1) / (math.sqrt(45 * 14) / 59))


async def test_out_of_a_store() -> None:
    schema = load_schema()
    store = await filled(
        schema,
        thing("x", "t"), thing("y", "t"),
        step("1", "a", ["x"], completedAt=10), step("2", "b", ["x"], completedAt=20),
        step("3", "a", ["y"], completedAt=110), step("4", "b", ["y"], completedAt=150),
    )  # fmt: skip
    found = await change(store, schema, "t", 100 * MICRO, 200 * MICRO, resamples=20)
    with pytest.raises(BadQuery, match="ends after it begins"):
        await change(store, schema, "t", 5, 5)
    await store.close()
    assert [(e.difference_seconds, e.difference, e.extra_seconds) for e in found.edges] == [(30.0, None, 30.0)]
