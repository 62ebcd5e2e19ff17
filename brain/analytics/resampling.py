"""Bootstrap by object: how far a figure could as well lie elsewhere, had chance sent other objects.

Steps of one object hang together, so whole objects are drawn, never single waits (Davison, Hinkley: *Bootstrap Methods and their
Application*, 1997, section 3.8). Each object counts Poisson(1) times in a resample, which for many objects is the multinomial
bootstrap with replacement, and needs neither their number nor their order (Chamandy, Muralidharan, Najmi, Naidu: *Estimating
Uncertainty for Massive Data Streams*, 2012).

How often an object counts in a resample is a function of its id and the resample's number alone. So the same data give the same
interval, in whatever order and however often they came, on any machine and with any version of a library; and objects that are
added leave the draws of the others as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import exp, factorial, inf

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.9
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
RESAMPLES = 500
FEWEST_OBJECTS = 5
"""With fewer objects a bootstrap says less than it seems to, and no interval is told."""
MOST_DRAWN = 12
"""No object is drawn more often in one resample: Poisson(1) goes beyond with a probability of 10⁻¹⁰."""

Weights = NDArray[np.uint8]
Floats = NDArray[np.float64]

_BOUNDARIES = np.array(
    [min(int(2**64 * sum(exp(-1) / factorial(k) for k in range(n + 1))), 2**64 - 1) for n in range(MOST_DRAWN)], np.uint64
)
"""A uniform number of 64 bits below the n-th of these means n draws or fewer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `low` to `high` the figure could as well lie: a 90 % interval. In the unit of the figure."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value is one that could as well be."""
        return self.low <= value <= self.high


def draws(objects: Sequence[str], resamples: int = RESAMPLES) -> Weights:
    """How often each object counts in each resample: objects × resamples."""
    turns = _mixed(np.arange(1, resamples + 1, dtype=np.uint64))
    drawn = np.empty((len(objects), resamples), np.uint8)
    for i, name in enumerate(objects):
        drawn[i] = np.searchsorted(_BOUNDARIES, _mixed(turns ^ np.uint64(digest(name))), side="right")
    return drawn


def uniform(seed: str, shape: tuple[int, int]) -> NDArray[np.uint64]:
    """Numbers of 64 bits that depend on the seed alone."""
    count = np.arange(shape[0] * shape[1], dtype=np.uint64)
    return _mixed(_mixed(count) ^ np.uint64(digest(seed))).reshape(shape)


def bounds(values: Floats) -> Bounds:
    """The middle `LEVEL` of the values of a figure over resamples; those in which it does not exist (nan) are left out."""
    low, high = np.nanquantile(values, TAILS)
    return Bounds(float(low), float(high))


def studentised(values: Floats, errors: Floats, least: float = -inf) -> Bounds:
    """The bootstrap-t interval of a figure (Efron, Tibshirani: *An Introduction to the Bootstrap*, 1993, section 12.5), no lower
    than `least`: how many standard errors off the resamples are, each by its own error. `values` and `errors` begin with the
    log's own. Of skewed figures of few objects, as waits are, it covers the truth where percentiles fall short
    (`bench.figures`)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        off = (values[1:] - values[0]) / errors[1:]
    known = off[np.isfinite(off)]
    if not len(known):
        return Bounds(float(values[0]), float(values[0]))
    low, high = np.quantile(known, TAILS)
    return Bounds(max(float(values[0] - high * errors[0]), least), float(values[0] - low * errors[0]))


def digest(name: str) -> int:
    """64 bits that stand for a name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output of SplitMix64 for each state (Steele, Lea, Flood: *Fast Splittable Pseudorandom Number Generators*, 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
