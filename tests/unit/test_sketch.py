"""The sketch against what it stands for: the sorted list of its values, each as far away as is promised and no further."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.bottlenecks import quantile
from brain.sketch import ERROR, Rounded, Sketch, bucket, middle

MOST = 2**63 - 1
values = st.integers(0, 300) | st.integers(0, 10**6) | st.integers(0, MOST)


def test_buckets_by_hand() -> None:
    # Up to 255 each value is itself. 256 = 100000000₂ and 257 share their first 8 bits, so 257 stands for both; from 512 on
    # four values share theirs: 514 stands for 512 to 515.
    sample = (0, 1, 255, 256, 257, 258, 511, 512, 515, 516)
    assert [middle(bucket(v)) for v in sample] == [0, 1, 255, 257, 257, 259, 511, 514, 514, 518]
    # 90 min = 5,400,000,000 µs < 2^33: 2^25 µs share their first 8 bits; 160 · 2^25 = 5,368,709,120, and half of 2^25 above it.
    assert middle(bucket(5_400_000_000)) == 5_368_709_120 + 2**24


@given(values, values)
def test_a_bucket_is_as_narrow_as_is_promised_and_keeps_the_order(one: int, other: int) -> None:
    assert abs(middle(bucket(one)) - one) <= Fraction(ERROR) * one
    assert bucket(middle(bucket(one))) == bucket(one)
    assert (bucket(one) <= bucket(other)) or one > other


def test_buckets_are_without_a_hole() -> None:
    assert sorted({bucket(v) for v in range(5000)}) == [*range(bucket(4999) + 1)]
    for power in range(8, 62):
        assert bucket(2**power) == bucket(2**power - 1) + 1


@given(st.lists(values, max_size=60), st.lists(values, max_size=60), st.randoms())
def test_a_sketch_is_its_values_rounded_and_nothing_of_what_was_taken_out(kept: list[int], gone: list[int], random) -> None:  # type: ignore[no-untyped-def]
    moves = [*kept, *gone]
    random.shuffle(moves)
    sketch = Sketch()
    for value in moves:
        sketch.add(value)
    random.shuffle(gone)
    for value in gone:
        sketch.remove(value)
    want = sorted(middle(bucket(value)) for value in kept)
    assert [*sketch] == want == [*Rounded(sorted(kept))]
    assert len(sketch) == len(kept)
    assert sketch.zeros == kept.count(0)
    with pytest.raises(IndexError):
        sketch[len(kept)]
    again = Sketch(sketch.counts())
    assert again == sketch
    again.update(Sketch((bucket(value), 1) for value in gone))
    together = Sketch()
    for value in moves:
        together.add(value)
    assert again == together
    assert (together == sketch) == (not gone)


def test_what_was_never_there_cannot_be_taken_out() -> None:
    sketch = Sketch()
    sketch.add(1000)
    with pytest.raises(KeyError):
        sketch.remove(2000)
    assert [*sketch] == [1002]  # of 1000 to 1003


@given(st.lists(values, min_size=1, max_size=200), st.integers(0, 20))
def test_a_quantile_is_within_the_error_of_that_of_the_values(waits: list[int], twentieths: int) -> None:
    sketch = Sketch()
    for wait in waits:
        sketch.add(wait)
    exact = quantile(sorted(waits), twentieths, 20)
    # A hair more: both are divided into floats.
    assert abs(quantile(sketch, twentieths, 20) - exact) <= ERROR * exact * (1 + 1e-9)
