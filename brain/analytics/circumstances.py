"""What else changed at a time: how much came in, who was there, what was done and how long that took, before it and after.

Each of these is a series over equal parts of the time looked at. Its standardised change is the difference of its means after
and before, divided by the standard deviation of the whole series, so that changes of different things compare: 0 is none, and a
series that does nothing but step in the middle has 2."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from brain.analytics.lives import MICRO, Timed, once
from brain.analytics.resampling import Floats
from brain.analytics.times import Lives, began

PARTS = 60
FEWEST_PARTS = 4
"""Parts in which a thing must be known, before and after."""
TOLD = 10


class CircumstanceKind(StrEnum):
    """What is compared before and after."""

    ARRIVALS = "arrivals"
    """Objects that began, an hour."""
    RESOURCES = "resources"
    """Resources that started a step in a part of the time."""
    SHARE = "share of steps"
    """Share of an activity among the steps that started."""
    PROCESSING = "processing"
    """Mean time that an activity's steps took, seconds."""


@dataclass(frozen=True, slots=True)
class Circumstance:
    """One thing before and after, in the unit of its kind; `activity` where it is of one. Standardised as the module says."""

    kind: CircumstanceKind
    activity: str | None
    before: float
    after: float
    standardised: float


def circumstances(lives: Lives, start: int, until: int, at: int) -> tuple[Circumstance, ...]:
    """What changed most at an instant in [start, until), µs, at most `TOLD`. The part in which it lies is neither before nor
    after."""
    parts = min(PARTS, until - start)
    here = (at - start) * parts // (until - start)
    found = [_circumstance(kind, activity, series, here) for kind, activity, series in _series(lives, start, until, parts)]
    known = [c for c in found if c is not None and c.standardised != 0]
    return tuple(sorted(known, key=lambda c: (-abs(c.standardised), c.kind, c.activity or ""))[:TOLD])


def _circumstance(kind: CircumstanceKind, activity: str | None, series: Floats, here: int) -> Circumstance | None:
    before, after = series[:here], series[here + 1 :]
    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    if min(len(before), len(after)) < FEWEST_PARTS:
        return None
    spread = float(np.concatenate([before, after]).std())
    difference = float(after.mean() - before.mean())
    return Circumstance(kind, activity, float(before.mean()), float(after.mean()), difference / spread if spread else 0.0)


def _series(lives: Lives, start: int, until: int, parts: int) -> Iterator[tuple[CircumstanceKind, str | None, Floats]]:
    """Each thing over the parts of the time; nan where it is not known."""

    def part(instant: int) -> int:
        return (instant - start) * parts // (until - start)

    arrived = (part(at) for at in map(began, lives.values()) if start <= at < until)
    hours = (until - start) / (parts * 3600 * MICRO)
    yield CircumstanceKind.ARRIVALS, None, _counts(arrived, parts) / hours
    started: defaultdict[str, list[tuple[int, Timed]]] = defaultdict(list)
    there: defaultdict[int, set[str]] = defaultdict(set)
    for step in once(lives).values():
        if start <= step.start < until:
            started[step.activity].append((part(step.start), step))
            if step.resource is not None:
                there[part(step.start)].add(step.resource)
    if there:
        yield CircumstanceKind.RESOURCES, None, np.array([float(len(there[i])) for i in range(parts)])
    every = _counts((i for steps in started.values() for i, _ in steps), parts)
    for activity, steps in started.items():
        yield CircumstanceKind.SHARE, activity, _ratio(_counts((i for i, _ in steps), parts), every)
        yield from _processing(activity, steps, parts)


def _processing(
    activity: str, steps: Sequence[tuple[int, Timed]], parts: int
) -> Iterator[tuple[CircumstanceKind, str | None, Floats]]:
    timed = [(i, step.took / MICRO) for i, step in steps if step.took is not None]
    if timed:
        sums = np.zeros(parts)
        for i, took in timed:
            sums[i] += took
        yield CircumstanceKind.PROCESSING, activity, _ratio(sums, _counts((i for i, _ in timed), parts))


def _counts(places: Iterable[int], parts: int) -> Floats:
    """How many lie in each part."""
    return np.bincount(np.fromiter(places, np.int64), minlength=parts).astype(np.float64)


def _ratio(sums: Floats, counts: Floats) -> Floats:
    """Their quotient; nan where there is nothing to divide by."""
    ratio = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=ratio, where=counts > 0)
    return ratio
