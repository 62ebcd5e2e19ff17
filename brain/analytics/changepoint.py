"""Since when a series is another one: the most likely place of one lasting change, and whether chance would show as much.

The statistic is the largest |CUSUM| of the series' ranks, each scaled to the same variance (Csörgő, Horváth: *Limit Theorems in
Change-Point Analysis*, 1997): ranks, so that one wait of a month moves nothing. Chance is what the same values show in other
orders. They are shuffled in blocks, for waits that follow each other are alike, and single ones would find a change in every
queue (Künsch: *The Jackknife and the Bootstrap for General Stationary Observations*, 1989, on blocks)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from brain.analytics.resampling import Floats, uniform

FEWEST_VALUES = 60
"""A shorter series is not searched: so few blocks cannot tell a change from chance."""
MOST_VALUES = 2000
"""A longer series is searched by means of neighbours, as many."""
SHUFFLES = 999
MARGIN = 0.05
"""Share of the series at each end in which no change is looked for: it would rest on a handful of values."""


@dataclass(frozen=True, slots=True)
class Change:
    """The series is another one from `index` on. Of shuffled series a share of `p_value` show as much."""

    index: int
    p_value: float


def change_in(values: Sequence[float] | NDArray[np.int64], seed: str) -> Change | None:
    """The most likely change of a series; None where it is too short, or all one value. `seed` names the series."""
    if len(values) < FEWEST_VALUES:
        return None
    width = -(-len(values) // MOST_VALUES)
    series = _means(_centred_ranks(np.asarray(values, np.float64)), width)
    if not series.any():
        return None
    found = _scaled(series[None, :])[0]
    place = int(found.argmax())
    as_much = int((_shuffled(series, seed) >= found[place] - 1e-9).sum())
    return Change((place + 1) * width, (as_much + 1) / (SHUFFLES + 1))


def _centred_ranks(values: Floats) -> Floats:
    """Ranks less their mean; equal values share the mean of their ranks."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared = counts.cumsum() - (counts - 1) / 2
    ranks: Floats = shared[where] - (len(values) + 1) / 2
    return ranks


def _means(values: Floats, width: int) -> Floats:
    if width == 1:
        return values
    whole = values[: len(values) // width * width].reshape(-1, width).mean(axis=1)
    means: Floats = whole - whole.mean()
    return means


def _scaled(rows: Floats) -> Floats:
    """|CUSUM| after each place of each row but the last, scaled to equal variance; 0 in the margins."""
    size = rows.shape[1]
    after = np.arange(1, size)
    scaled: Floats = np.abs(rows.cumsum(axis=1)[:, :-1]) / np.sqrt(after * (size - after) / size)
    margin = max(1, int(size * MARGIN))
    scaled[:, : margin - 1] = 0
    scaled[:, size - margin :] = 0
    return scaled


def _shuffled(series: Floats, seed: str) -> Floats:
    """The largest statistic of each shuffled series."""
    size, block = len(series), isqrt(len(series))
    starts = np.arange(0, size, block)
    order = np.argsort(uniform(seed, (SHUFFLES, len(starts))), axis=1)
    places = (starts[order][:, :, None] + np.arange(block)).reshape(SHUFFLES, -1)
    # The last block is shorter, and its missing values, as many in each row, are left out.
    shuffled = places[places < size].reshape(SHUFFLES, size)
    largest: Floats = _scaled(series[shuffled]).max(axis=1)
    return largest
