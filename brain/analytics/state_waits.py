"""Which state of which device precedes the waits for which activity: the test of what coincides that `attribution` makes of each
handover, here of all waits for an activity, whatever was done before."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from brain.analytics.awaited import Handovers, handovers, reached
from brain.analytics.discoveries import q_values
from brain.analytics.explained import Candidate, candidates, excess_bounds, sure, timelines
from brain.analytics.resampling import draws
from brain.analytics.surroundings import Surroundings
from brain.analytics.troubles import Trouble
from brain.analytics.work import Lives


class Met(NamedTuple):
    """Waits for an activity that met a trouble of an asset upstream: of `together` that had a length while the asset was upstream
    and its states known. `seen` has the start of the awaited step of each, and how long it had waited by then since it met the
    trouble, µs. `expected` of them are chance: in proportion to the time that coincides."""

    asset: str
    trouble: Trouble
    activity: str
    q: float
    together: int
    expected: float
    seen: Sequence[tuple[int, int]]


class Meetings(NamedTuple):
    """Of `tests`, a trouble and an activity each, `coincide` have any wait in common, and `sure` ones are told."""

    tests: int
    coincide: int
    sure: Sequence[Met]


def met_by_states(lives: Lives, around: Surroundings, share: float) -> Meetings:
    """Those that pass at this share of false discoveries among all tests, and whose excess is above 0 for certain."""
    waits = handovers(lives, ())
    if not waits.steps:
        return Meetings(0, 0, ())
    upstream, known = reached(waits, around), timelines(around, int(waits.since.min()), int(waits.until.max()))
    names = sorted({step.activity for _, _, step in waits.steps})
    numbers = {name: i for i, name in enumerate(names)}
    activity = np.array([numbers[step.activity] for _, _, step in waits.steps])
    found = [(i, one) for i in range(len(names)) for one in candidates(upstream, known, activity == i)]
    passing: defaultdict[int, list[tuple[Candidate, float]]] = defaultdict(list)
    for (i, one), q in zip(found, q_values([one.p for _, one in found]), strict=True):
        if one.coincides and q <= share:
            passing[i].append((one, q))
    drawn = draws(waits.objects if passing else ())
    told = []
    for i, some in passing.items():
        chosen = activity == i
        waited = np.bincount(waits.whose[chosen], waits.lengths[chosen], len(waits.objects)).astype(np.float64)
        intervals = excess_bounds([one for one, _ in some], waits, waited, drawn)
        sure_ones = [(one, q) for (one, q), excess in zip(some, intervals, strict=True) if sure(q, excess, share)]
        told += [_met(one, names[i], q, waits) for one, q in sure_ones]
    return Meetings(len(found), sum(one.coincides > 0 for _, one in found), told)


def _met(one: Candidate, activity: str, q: float, waits: Handovers) -> Met:
    pieces = one.pieces.of(one.overlaps > 0)
    began = one.timeline.next(pieces.since)
    order = np.lexsort((began, pieces.wait))
    numbers, firsts = np.unique(pieces.wait[order], return_index=True)
    until = waits.until[numbers]
    seen = list(zip(until.tolist(), (until - began[order][firsts]).tolist(), strict=True))
    together = len(np.unique(one.pieces.wait[one.pieces.since < one.pieces.until]))
    expected = len(seen) * (one.coincides - one.excess) / one.coincides
    return Met(one.asset, one.trouble, activity, q, together, expected, seen)
