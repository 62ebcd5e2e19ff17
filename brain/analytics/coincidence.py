"""Whether waits go on while an asset is in trouble, more than chance would have it: a score by circular shifts.

What coincides is the time that objects waited while the asset was in trouble, summed over the objects. The score is how many
waits would have ended in that time, had they ended as often as at all times, less how many did: that of the proportional-hazards
model with the trouble as a covariate that changes with time (Cox: *Regression Models and Life-Tables*, 1972), where the rate at
which waits end is taken for constant. So a wait that is long anyway, and meets many troubles for that, speaks for none of them.

Chance is the score had the troubles, as long as they were and as far apart, come at any other time: the whole timeline is turned
round in its window, to each of `POSITIONS` places evenly apart. So nothing is drawn; and the places form a group, for which the
share of those that score at least as much as the true one is an exact p-value, if troubles are as likely at any time (Lehmann,
Romano: *Testing Statistical Hypotheses*, 2005, section 15.2). Waits and troubles keep their own succession, so that neither a
queue, in which all wait at once, nor one long trouble is taken for many. All places at once are one correlation, by Fourier
transform.

What goes off each night coincides with what waits each night. So where the window has `LEAST_TURNS` weeks, what is usual at that
time of the week is taken from the waits first, and of the day where it has as many days: chance is then another day, or week.

Of many assets some pass by chance: q-values hold the share of those among all that pass (Benjamini, Hochberg, 1995).
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brain.analytics.calendars import DAY, WEEK, Interval
from brain.analytics.resampling import Floats

POSITIONS = 2**14
LEAST_TURNS = 7
"""A window that has fewer days (weeks) does not tell their rhythm."""
CLOSE = 1e-9
"""Relative difference below which two sums of floats are one."""

Ints = NDArray[np.int64]


class Timeline:
    """When something was so within [start, end), µs: `intervals`, disjoint and in order, may reach beyond it."""

    def __init__(self, intervals: Sequence[Interval], start: int, end: int) -> None:
        self.start, self.end = start, end
        inside = [(max(a, start), min(b, end)) for a, b in intervals if a < end and start < b]
        self.intervals = inside
        table = np.array(inside, np.int64).reshape(-1, 2)
        self._starts, self._ends = table[:, 0], table[:, 1]
        self._sums = np.concatenate([[0], np.cumsum(self._ends - self._starts)])
        self.count = len(inside)
        self.total = int(self._sums[-1])

    def before(self, at: Ints) -> Ints:
        """How much of it lies before each of these times, µs."""
        i = np.searchsorted(self._starts, at, side="right")
        over: Ints = (
            self._sums[i] - np.where(i > 0, np.maximum(self._ends[i - 1] - at, 0), 0) if self.count else np.zeros_like(at)
        )
        return over

    def holds(self, at: Ints) -> NDArray[np.bool_]:
        """Whether it was so at each of these times."""
        return self.before(at + 1) > self.before(at)

    def next(self, at: Ints) -> Ints:
        """The first time from each of these on at which it was so: one there must be."""
        i = np.searchsorted(self._ends, at, side="right")
        return np.maximum(self._starts[i], at)

    def within(self, since: Ints, until: Ints) -> Ints:
        """How much of it lies in each [since, until), µs."""
        return self.before(until) - self.before(since)

    @cached_property
    def edges(self) -> Ints:
        """The bounds of `POSITIONS` equal parts of the window."""
        parts = np.arange(POSITIONS + 1, dtype=np.float64) / POSITIONS
        return self.start + np.rint(parts * (self.end - self.start)).astype(np.int64)

    @cached_property
    def shares(self) -> Floats:
        """The share that it has of each part."""
        shares: Floats = np.diff(self.before(self.edges)) / np.maximum(np.diff(self.edges), 1)
        return shares

    @cached_property
    def slots(self) -> Ints:
        """Which parts are alike: those at one time of the week, or of the day; all, in a window that is too short to tell."""
        length = self.end - self.start
        period = next((period for period in (WEEK, DAY) if length >= LEAST_TURNS * period), None)
        if period is None:
            return np.zeros(POSITIONS, np.int64)
        count = max(POSITIONS * period // length, 1)
        return (self.edges[:-1] - self.start) % period * count // period

    def chance(self, since: Ints, until: Ints) -> Floats:
        """How much of it would lie in each [since, until), µs, in the mean over the parts that are alike."""
        usual = _usual(self.shares, self.slots) * np.diff(self.edges)
        before = np.concatenate([[0.0], np.cumsum(usual)])
        lies: Floats = np.interp(until, self.edges, before) - np.interp(since, self.edges, before)
        return lies


def _usual(values: Floats, slots: Ints) -> Floats:
    """The mean of the values in parts that are alike, for each part."""
    means: Floats = np.bincount(slots, values) / np.maximum(np.bincount(slots), 1)
    return means[slots]


def p_value(timeline: Timeline, since: Ints, until: Ints, ends: Ints) -> float:
    """Of all places to which the timeline could be turned, its own among them, the share with a score at least as great. Of the
    waits there are the parts [since, until) and the `ends` that lie in its window."""
    waited = np.diff(_waited(since, until, timeline.edges))
    # The last part to begin before an end has it no more: what begins as a trouble is over did not begin in it.
    ended = np.bincount(np.minimum(np.searchsorted(timeline.edges, ends), POSITIONS - 1), minlength=POSITIONS)
    weights = waited * (len(ends) / max(float(waited.sum()), 1.0)) - ended
    beyond = weights - _usual(weights, timeline.slots)
    turned = np.fft.irfft(np.fft.rfft(beyond) * np.conj(np.fft.rfft(timeline.shares)), POSITIONS)
    least = turned[0] - CLOSE * float(np.abs(turned).max())
    return float(np.count_nonzero(turned >= least)) / POSITIONS


def _waited(since: Ints, until: Ints, at: Ints) -> Floats:
    """How long all of them together had waited by each of these times, µs."""
    return _passed(since, at) - _passed(until, at)


def _passed(since: Ints, at: Ints) -> Floats:
    """Summed over those of the times that lie before it, how long ago they were."""
    ordered = np.sort(since)
    sums = np.concatenate([[0.0], np.cumsum((ordered - at[0]).astype(np.float64))])
    i = np.searchsorted(ordered, at, side="right")
    passed: Floats = i * (at - at[0]).astype(np.float64) - sums[i]
    return passed
