"""Bootstrap by object: draws, figures of resamples against numpy's, coverage of the intervals, and ranks that are not sure."""

from fractions import Fraction
from hashlib import blake2b
from math import e, factorial
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.confidence import (
    Confidence,
    Edge,
    confidence,
    confidence_of,
    medians,
    resampled,
    waits_by_edge,
    waits_of,
)
from brain.analytics.lives import MICRO, Timed
from brain.analytics.resampling import Bounds, draws, studentised
from brain.model import Assert, ChangeSet, Flag, Verdict
from ontology import load_schema
from tests.unit.lives_by_hand import lives
from tests.unit.test_bottlenecks import filled, step, thing


def of(found: dict[str, list[Timed]], **more: int) -> Confidence:
    return confidence_of(found, "t", "v", **more)


def waiting(name: str, waits: list[float], edge: str = "b") -> list[Timed]:
    """The life of an object that waits so many seconds, each time from `a` to the edge's target and back without a wait."""
    life, at = [], 0
    for i, wait in enumerate(waits):
        then = at + round(wait * MICRO)
        life += [Timed(at, at, 2 * i, f"{name}.{i}a", "a", None), Timed(then, then, 2 * i + 1, f"{name}.{i}b", edge, None)]
        at = then
    return life


def test_objects_are_drawn_as_often_as_poisson_with_mean_one() -> None:
    drawn = draws([f"o{i}" for i in range(400)])  # 200,000 draws: standard errors 0.0022, 0.0011 and below
    assert abs(drawn.mean() - 1) < 0.01
    assert abs(drawn.var() - 1) < 0.02
    shares = np.bincount(drawn.ravel()) / drawn.size
    for times, share in enumerate((0.367879, 0.367879, 0.183940, 0.061313)):  # 1/e, 1/e, 1/2e, 1/6e
        assert abs(shares[times] - share) < 0.005
    assert abs(np.corrcoef(drawn)[np.triu_indices(400, 1)]).max() < 0.25  # 79,800 pairs: 5.6 standard errors
    assert abs(np.corrcoef(drawn[:, :200].T)[np.triu_indices(200, 1)]).max() < 0.28


def drawn_once(name: str, turn: int) -> int:
    """The definition, in whole numbers: SplitMix64 of turn and name, and how many terms of 1/e Σ 1/k! lie at or below it."""

    def mixed(x: int) -> int:
        x = (x + 0x9E3779B97F4A7C15) % 2**64
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        return x ^ x >> 31

    seed = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    uniform = Fraction(mixed(mixed(turn) ^ seed), 2**64)
    below = [sum(Fraction(1, factorial(k)) for k in range(n + 1)) for n in range(12)]
    return sum(float(uniform) >= float(b) / e for b in below)


def test_how_often_an_object_is_drawn_depends_on_its_id_alone() -> None:
    assert (draws(["x", "y"])[0] == draws(["x"])[0]).all()
    assert draws(["x"], 8).tolist() == draws(["x"], 500)[:, :8].tolist()
    for name in ("case/NA", "", "Ärger"):
        assert draws([name], 50)[0].tolist() == [drawn_once(name, turn) for turn in range(1, 51)]


@given(st.lists(st.tuples(st.integers(-5, 10**9), st.integers(0, 6)), min_size=1, max_size=40))
def test_figures_of_a_resample_are_those_of_a_log_with_each_object_so_often(gaps: list[tuple[int, int]]) -> None:
    drawn = draws([f"o{i}" for i in range(7)], 20)
    waits = waits_of(gaps)
    totals, _, means, _ = resampled(drawn, waits)
    middles = medians(drawn, waits)
    assert totals[0] == pytest.approx(sum(max(wait, 0) for wait, _ in gaps) / MICRO)  # the log itself
    for turn in range(20):
        repeated = [max(wait, 0) for wait, who in gaps for _ in range(drawn[who, turn])]
        scale = 7 / max(int(drawn[:, turn].sum()), 1)
        np.testing.assert_allclose(totals[turn + 1], sum(repeated) / MICRO * scale, rtol=1e-9)
        np.testing.assert_allclose(means[turn + 1], np.mean(repeated) / MICRO if repeated else np.nan, rtol=1e-9)
        np.testing.assert_allclose(middles[turn], np.median(repeated) / MICRO if repeated else np.nan)


def test_figures_are_of_the_set_of_lives_in_whatever_order() -> None:
    random = Random(1)
    found = {f"o{i}": waiting(f"o{i}", [random.expovariate(0.1) for _ in range(3)], random.choice("bc")) for i in range(40)}
    names = list(found)
    random.shuffle(names)
    assert of(found) == of({name: found[name] for name in names})


def test_nine_of_ten_intervals_cover_the_mean_that_was_simulated() -> None:
    # Waits of one object hang together: each is exponential about the object's own mean, which is 50 or 150 s; an object has one
    # to four. So the mean is 100 s. 60 objects a time, 400 times; the standard error of the share is 1.5 points.
    covered = {"by object": 0, "by wait": 0}
    for turn in range(400):
        random = np.random.default_rng(turn)
        gaps = [
            (round(random.exponential(slow) * MICRO), i)
            for i in range(60)
            for slow in [random.choice([50, 150])]
            for _ in range(random.integers(1, 5))
        ]
        covered["by object"] += interval(str(turn), gaps).holds(100)
        if turn < 100:
            covered["by wait"] += interval(str(turn), [(wait, i) for i, (wait, _) in enumerate(gaps)]).holds(100)
    assert 0.85 <= covered["by object"] / 400 <= 0.95
    assert covered["by wait"] / 100 < 0.85  # drawn singly, the same waits look surer than they are


def interval(seed: str, gaps: list[tuple[int, int]]) -> Bounds:
    """Of the mean of an edge with these waits, each of the object of that number."""
    found = resampled(draws([f"{seed}/{i}" for i in range(gaps[-1][1] + 1)]), waits_of(gaps))
    return studentised(found.means, found.mean_errors)


def test_a_rank_that_could_as_well_be_another_says_so() -> None:
    random = Random(3)
    # b and c wait alike in the mean (100 s, 40 objects each), d a fifth of that.
    means = {"b": 100, "c": 100, "d": 20}
    found = {
        f"{edge}{i}": waiting(f"{edge}{i}", [random.expovariate(1 / mean)], edge)
        for edge, mean in means.items()
        for i in range(40)
    }
    told = of(found)
    first = told.by_total
    assert first is not None
    assert not first.sure
    assert {(f.source, f.target) for f in first.could_be} == {("a", "b"), ("a", "c")}
    assert "could as well be first: a → " in first.says
    assert abs(sum(e.first_share for e in told.edges) - 1) < 1e-9
    assert [(e.best_rank, e.worst_rank) for e in told.edges] == [(1, 2), (1, 2), (3, 3)]


def test_a_first_place_by_far_is_sure() -> None:
    random = Random(3)
    found = {
        f"{edge}{i}": waiting(f"{edge}{i}", [random.expovariate(1 / mean)], edge)
        for edge, mean in {"b": 500, "c": 20}.items()
        for i in range(40)
    }
    told = of(found)
    assert told.by_total is not None
    assert told.by_mean is not None
    assert (told.by_total.sure, told.by_total.share, len(told.by_total.could_be)) == (True, 1.0, 1)
    assert (told.by_mean.target, told.by_mean.says) == ("b", "first in 100% of 500 resamples of the objects")


def test_what_the_figures_rest_on_is_counted() -> None:
    # x: 10 s, y: an overlap, z: no wait. Three objects are too few for an interval, and for the least frequency of 10.
    found = lives(x="a 0-5, b 15-20", y="a 0-5, b 3-6", z="a 0-5, b 5-6")
    told = confidence_of(found, "t", "v", 2, {"x.0", "asset/PUMP"})
    (edge,) = told.edges
    assert (told.handovers, told.overlaps, told.zero) == (3, 1, 1)
    assert (told.steps, told.left_out, told.flagged, told.valid_share) == (6, 2, 1, 5 / 8)
    assert (edge.mean, edge.median, edge.total, edge.mean_seconds, edge.objects) == (None, None, None, 10 / 3, 3)
    assert (edge.frequent, told.by_mean) == (False, None)
    frequent = of(found, min_frequency=3)
    assert frequent.by_mean is not None
    assert frequent.edges[0].frequent


def test_a_log_of_single_events_has_no_edge_and_no_first_place() -> None:
    told = of(lives(NA="a 5", y="a 7"))
    assert (told.edges, told.by_total, told.by_mean, told.valid_share) == ((), None, None, 1.0)


def test_waits_that_are_all_alike_have_an_interval_of_no_width() -> None:
    told = of({f"o{i}": waiting(f"o{i}", [7.0]) for i in range(10)})
    (edge,) = told.edges
    assert edge.mean is not None
    assert edge.median is not None
    assert edge.mean.low == edge.mean.high or abs(edge.mean.high - edge.mean.low) < 1e-12
    assert (edge.median.low, edge.median.high) == (7.0, 7.0)


def test_one_object_with_an_edge_many_times_is_one_object() -> None:
    waits = waits_by_edge({"x": waiting("x", [1.0, 2.0, 3.0])}, ["x"])
    assert (waits[Edge("a", "b")].count, set(waits[Edge("a", "b")].whose.tolist())) == (3, {0})


async def test_out_of_a_store_with_quality_flags() -> None:
    schema = load_schema()
    flag = Flag("step/1", "Step", "completedAt", Verdict.CLOCK_FAULT, 0)
    flagged = ChangeSet("f", "test", 0, 0, (Assert("step/1", "Step", {}), flag))
    store = await filled(
        schema, thing("x", "t"), step("1", "a", ["x"], completedAt=10), step("2", "b", ["x"], completedAt=15), flagged
    )
    told = await confidence(store, schema, "t", resamples=50)
    await store.close()
    assert (told.flagged, told.valid_share, told.resamples) == (1, 0.5, 50)
    assert told.ontology_version == schema.version
