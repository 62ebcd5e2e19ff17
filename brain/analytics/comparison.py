"""One set of objects beside another, of two periods or of two stores: what waits longer, what waits less, and how sure that is.

Intervals are bootstraps by object within each side, as in `change`, which compares a window with the one before it and says since
when. Here the sides need have nothing to do with each other, and nothing is said of why they differ.
"""

from dataclasses import dataclass

import numpy as np

from brain.analytics.change import EdgeChange, edge_changes
from brain.analytics.lives import MICRO
from brain.analytics.process_material import Material
from brain.analytics.resampling import RESAMPLES, Bounds, Floats, bounds, draws
from brain.analytics.times import Lives, Spread, sojourn, spread
from brain.model import Instant

DEFINITION = (
    "from A to B: difference of the mean waits of each handover; extra waiting = difference × handovers of B; lead time = last"
    " end - first start of an object; 90 % intervals by bootstrap over the objects of each side"
)


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared: the objects that ended in [since, until), as of `as_of` as known on `known_at` (None: now), with
    their lead times in seconds. `name` is the caller's."""

    name: str
    object_type: str
    since: Instant | None
    until: Instant | None
    as_of: Instant | None
    known_at: Instant | None
    objects: int
    left_out: int
    lead_time: Spread
    ontology_version: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """From `a` to `b`: the mean lead time is `difference_seconds` longer, within `difference` (`sure` where that leaves 0 out).
    `edges` by extra waiting: what got worse first, what got better last."""

    definition: str
    a: Side
    b: Side
    difference_seconds: float
    difference: Bounds
    sure: bool
    resamples: int
    edges: tuple[EdgeChange, ...]


def compared(a: Material, b: Material, names: tuple[str, str] = ("A", "B"), resamples: int = RESAMPLES) -> Comparison:
    """A function of the two sets of lives: the same in whatever order they were read."""
    one, other = _side(names[0], a), _side(names[1], b)
    difference = bounds(_mean_lead_times(b.inside, resamples) - _mean_lead_times(a.inside, resamples))
    return Comparison(
        definition=DEFINITION,
        a=one,
        b=other,
        difference_seconds=other.lead_time.mean_seconds - one.lead_time.mean_seconds,
        difference=difference,
        sure=not difference.holds(0.0),
        resamples=resamples,
        edges=edge_changes(a.inside, b.inside, resamples),
    )


def _side(name: str, of: Material) -> Side:
    since, until, as_of, known_at = (None if at is None else Instant(at) for at in (*of.asked.period, *of.asked.at))
    lead_time = spread(map(sojourn, of.inside.values()))
    return Side(
        name=name,
        object_type=of.object_type,
        since=since,
        until=until,
        as_of=as_of,
        known_at=known_at,
        objects=len(of.inside),
        left_out=of.left_out,
        lead_time=lead_time,
        ontology_version=of.ontology_version,
    )


def _mean_lead_times(lives: Lives, resamples: int) -> Floats:
    """The mean lead time in each resample, seconds."""
    objects = sorted(lives)
    seconds = np.array([sojourn(lives[name]) / MICRO for name in objects])
    drawn = draws(objects, resamples).astype(np.float64)
    means: Floats = seconds @ drawn / np.maximum(drawn.sum(axis=0), 1)
    return means
