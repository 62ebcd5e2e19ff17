"""How much of some waiting coincides with an asset's trouble, how much of that is beyond chance, and how sure that is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brain.analytics.awaited import Handovers, Pieces, Reached
from brain.analytics.coincidence import Ints, Timeline, p_value
from brain.analytics.lives import MICRO
from brain.analytics.resampling import FEWEST_OBJECTS, Bounds, Floats, Weights, bounds, studentised
from brain.analytics.surroundings import Surroundings
from brain.analytics.troubles import Trouble

BLOCK = 1024
"""Objects that are weighed at a time, so that memory stays small."""
Chosen = NDArray[np.bool_]
"""Which handovers are looked at."""
Timelines = Mapping[tuple[str, Trouble], Timeline]


class Candidate(NamedTuple):
    """A trouble of an asset, and the parts of waits during which the asset was upstream and its states known, with how long it
    was in trouble in each of them, µs. `p` as in `coincidence`."""

    asset: str
    trouble: Trouble
    timeline: Timeline
    pieces: Pieces
    overlaps: Ints
    p: float

    @property
    def coincides(self) -> int:
        """µs."""
        return int(self.overlaps.sum())

    @property
    def excess(self) -> float:
        """What coincides less what would by chance, µs."""
        return float(self.beyond.sum())

    @property
    def beyond(self) -> Floats:
        """The same of each part of a wait."""
        beyond: Floats = self.overlaps - self.timeline.chance(self.pieces.since, self.pieces.until)
        return beyond


@dataclass(frozen=True, slots=True)
class BeganDuring:
    """Waits that began while the asset was in trouble, beside those that began when it was not, and by how much their means
    differ. A long wait is no likelier to begin then, though it is likelier to meet a trouble. Seconds."""

    during: int
    otherwise: int
    mean_during_seconds: float
    mean_otherwise_seconds: float
    difference: Bounds | None


def timelines(around: Surroundings, start: int, end: int) -> Timelines:
    """The troubles of each asset in [start, end), µs, from when its states are known."""
    found = {}
    for asset, signs in around.signs.items():
        for trouble, spans in signs.troubles.items():
            since = start if trouble is Trouble.POOR_DATA or signs.since is None else max(start, signs.since)
            timeline = Timeline([span[:2] for span in spans], since, end)
            if timeline.total:
                found[asset, trouble] = timeline
    return found


def candidates(upstream: Reached, known: Timelines, chosen: Chosen) -> Iterator[Candidate]:
    """Every trouble that could have to do with the chosen handovers."""
    for (asset, trouble), timeline in sorted(known.items(), key=lambda item: item[0]):
        if asset in upstream.pieces:
            pieces = upstream.pieces[asset]
            pieces = pieces.of(chosen[pieces.wait]).clipped(timeline.start, timeline.end)
            if (pieces.since < pieces.until).any():
                overlaps = timeline.within(pieces.since, pieces.until)
                p = p_value(timeline, pieces.since, pieces.until, pieces.ends) if overlaps.any() else 1.0
                yield Candidate(asset, trouble, timeline, pieces, overlaps, p)


def excess_bounds(some: Sequence[Candidate], waits: Handovers, waited: Floats, drawn: Weights) -> list[Bounds | None]:
    """An interval of the share that each excess has of the waiting, which each object `waited`, µs; None where fewer than five
    objects coincide. The ratio's errors are linearised (Davison, Hinkley 1997, section 2.7.2)."""
    there = np.flatnonzero(waited)
    w = waited[there]
    sums = [w, w * w]
    for one in some:
        x = np.bincount(waits.whose[one.pieces.wait], one.beyond, len(waited))[there].astype(np.float64)
        sums += [x, x * x, x * w]
    whole, whole2, *rest = _resampled(np.stack(sums), there, drawn)
    found: list[Bounds | None] = []
    for one, total, total2, both in zip(some, rest[::3], rest[1::3], rest[2::3], strict=True):
        if len(np.unique(waits.whose[one.pieces.wait[one.overlaps > 0]])) < FEWEST_OBJECTS:
            found.append(None)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = total / whole
            errors = np.sqrt(np.maximum(total2 - 2 * shares * both + shares * shares * whole2, 0)) / whole
        found.append(studentised(shares, errors))
    return found


def sure(q: float, excess: Bounds | None, share: float) -> bool:
    """Whether a trouble explains waiting: it passes at this share of false discoveries, and its excess is above 0 for certain."""
    return q <= share and excess is not None and excess.low > 0


def _resampled(columns: Floats, there: Ints, drawn: Weights) -> Floats:
    """The sums over the objects that are there: of each row of columns, in the log and then in each resample."""
    sums = np.zeros((len(columns), drawn.shape[1]))
    for i in range(0, len(there), BLOCK):
        sums += columns[:, i : i + BLOCK] @ drawn[there[i : i + BLOCK]].astype(np.float64)
    return np.hstack([columns.sum(axis=1, keepdims=True), sums])


def began(of: Candidate, waits: Handovers, drawn: Weights) -> BeganDuring | None:
    """None where no wait began in the one or the other."""
    first = of.pieces.of(of.pieces.first)
    inside = of.timeline.holds(first.since)
    lengths, whose = waits.lengths[first.wait] / MICRO, waits.whose[first.wait]
    if inside.all() or not inside.any():
        return None
    sums = np.stack(
        [np.bincount(whose, column, len(drawn)) for part in (inside, ~inside) for column in (part * lengths, part.astype(float))]
    )
    there = np.flatnonzero(sums[1] + sums[3])
    during, count, otherwise, others = _resampled(sums[:, there].astype(np.float64), there, drawn)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = during / count, otherwise / others
    enough = min(np.count_nonzero(sums[1]), np.count_nonzero(sums[3])) >= FEWEST_OBJECTS
    difference = bounds(means[0][1:] - means[1][1:]) if enough else None
    return BeganDuring(int(count[0]), int(others[0]), float(means[0][0]), float(means[1][0]), difference)
