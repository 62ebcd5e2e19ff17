"""How sure the ranking of handovers is: intervals by bootstrap over objects (`resampling`), and what the figures rest on.

The waiting of an edge in a resample is that of the objects drawn, each as often as it was drawn. Totals are brought to the
number of objects of the log, so that they tell of as many objects. A place in the ranking that another edge could as well have
is said to be so: the edges that come first in at least `COULD_BE` of the resamples."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brain.analytics.bottlenecks import least_frequency
from brain.analytics.lives import MICRO, Lifecycle, Timed, once, read_lives
from brain.analytics.resampling import (
    FEWEST_OBJECTS,
    LEVEL,
    RESAMPLES,
    TAILS,
    Bounds,
    Floats,
    Weights,
    bounds,
    draws,
    studentised,
)
from brain.ports import Store
from brain.query import Qualities
from brain.schema import Schema

COULD_BE = 0.05
"""An edge that comes first in no smaller a share of the resamples could as well be first."""
SURE = 0.9
"""A first place is sure where the edge keeps it in so many of the resamples."""
BLOCK = 1024
"""Waits of one edge that are weighed at a time, so that memory stays small."""

DEFINITION = (
    "90 % intervals by bootstrap of whole objects (Poisson, drawn by the objects' ids; bootstrap-t for means and totals,"
    " percentiles for medians); totals are of as many objects as there are; an edge could as well be first where it comes first"
    " in 5 % of the resamples or more"
)


class Edge(NamedTuple):
    """Two activities that follow each other directly."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class EdgeConfidence:
    """How sure a handover's figures are; seconds, as in `Handover`. It is of `count` handovers in `objects` objects.

    The intervals are None where fewer than five objects had it. `rank` by total, 1 first, and from `best_rank` to `worst_rank` in
    nine of ten resamples; `first_share` of the resamples it came first in. `frequent`: it reaches the report's least frequency.
    """

    source: str
    target: str
    count: int
    objects: int
    overlaps: int
    frequent: bool
    mean_seconds: float
    mean: Bounds | None
    median: Bounds | None
    total: Bounds | None
    rank: int
    best_rank: int
    worst_rank: int
    first_share: float


class FirstShare(NamedTuple):
    """An edge that could as well be first, and the share of the resamples in which it is."""

    source: str
    target: str
    share: float


@dataclass(frozen=True, slots=True)
class FirstPlace:
    """Who is first, and how sure that is: `share` of the resamples keep it; `sure` where they are 90 %. `could_be` has every edge
    that comes first in 5 % of the resamples or more, by share, and the first one itself; `says` tells it in a sentence."""

    source: str
    target: str
    share: float
    sure: bool
    could_be: tuple[FirstShare, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Confidence:
    """`edges` by total, as in `Bottlenecks`. `by_total` and `by_mean` (frequent edges alone) are None where there is no edge.

    `valid_share`: of all steps, those left out included, the share that has a time that the definition uses and no quality flag
    (`flagged` steps have one). `overlaps` of the `handovers` were negative gaps and count as 0; `zero` waited nothing besides.
    """

    object_type: str
    definition: str
    ontology_version: str
    level: float
    resamples: int
    objects: int
    steps: int
    left_out: int
    flagged: int
    valid_share: float
    handovers: int
    overlaps: int
    zero: int
    min_frequency: int
    by_total: FirstPlace | None
    by_mean: FirstPlace | None
    edges: tuple[EdgeConfidence, ...]


async def confidence(
    store: Store,
    schema: Schema,
    object_type: str,
    *,
    lifecycle: Lifecycle | None = None,
    min_frequency: int | None = None,
    resamples: int = RESAMPLES,
) -> Confidence:
    """How sure the handover view of a type is. Raises BadQuery where no object of the type has a step."""
    lives, left_out = await read_lives(store, object_type, lifecycle)
    flagged = {flag.subject async for flag in store.scan(Qualities())}
    return confidence_of(lives, object_type, schema.version, left_out, flagged, min_frequency=min_frequency, resamples=resamples)


def confidence_of(
    lives: Mapping[str, Sequence[Timed]],
    object_type: str,
    ontology_version: str,
    left_out: int = 0,
    flagged: frozenset[str] | set[str] = frozenset(),
    *,
    min_frequency: int | None = None,
    resamples: int = RESAMPLES,
) -> Confidence:
    """As `confidence`, of lives that were read already. `flagged` are ids of what has a quality flag, steps or not."""
    objects = sorted(lives)
    waits = waits_by_edge(lives, objects)
    least = least_frequency(len(objects)) if min_frequency is None else min_frequency
    edges = sorted(waits, key=lambda edge: (-waits[edge].total, edge))
    drawn = draws(objects, resamples)
    figures = [resampled(drawn, waits[edge]) for edge in edges]
    totals = _table([mine.totals for mine in figures], resamples)
    ranks = _ranks(totals)
    steps = once(lives)
    bad = sum(step in flagged for step in steps)
    frequent = [i for i, edge in enumerate(edges) if waits[edge].count >= least]
    by_mean = sorted(frequent, key=lambda i: (-waits[edges[i]].mean, edges[i]))
    return Confidence(
        object_type=object_type,
        definition=DEFINITION,
        ontology_version=ontology_version,
        level=LEVEL,
        resamples=resamples,
        objects=len(objects),
        steps=len(steps),
        left_out=left_out,
        flagged=bad,
        valid_share=(len(steps) - bad) / (len(steps) + left_out),
        handovers=sum(mine.count for mine in waits.values()),
        overlaps=sum(mine.overlaps for mine in waits.values()),
        zero=sum(int((mine.micros == 0).sum()) - mine.overlaps for mine in waits.values()),
        min_frequency=least,
        by_total=_first(edges, totals),
        by_mean=_first(
            [edges[i] for i in by_mean], np.nan_to_num(_table([figures[i].means for i in by_mean], resamples), nan=-1)
        ),
        edges=tuple(
            _edge(edge, waits[edge], waits[edge].count >= least, drawn, figures[i], ranks[:, i], i)
            for i, edge in enumerate(edges)
        ),
    )


@dataclass(frozen=True, slots=True)
class Waits:
    """The waits of one edge, µs, each with the number of the object that it is of; in the order of the objects."""

    micros: NDArray[np.int64]
    whose: NDArray[np.int64]
    overlaps: int

    @property
    def count(self) -> int:
        return len(self.micros)

    @property
    def total(self) -> int:
        return int(self.micros.sum())

    @property
    def mean(self) -> float:
        """Seconds."""
        return self.total / (self.count * MICRO)


def waits_by_edge(lives: Mapping[str, Sequence[Timed]], objects: Sequence[str]) -> dict[Edge, Waits]:
    """The waits of each edge, of the objects in that order."""
    found: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for i, name in enumerate(objects):
        for a, b in pairwise(lives[name]):
            found[a.activity, b.activity].append((b.start - a.end, i))
    return {Edge(*edge): waits_of(gaps) for edge, gaps in found.items()}


def waits_of(gaps: Sequence[tuple[int, int]]) -> Waits:
    """Gaps, µs, each with the number of its object; what is negative counts as 0 and as an overlap."""
    table = np.array(gaps, np.int64).reshape(-1, 2)
    return Waits(np.maximum(table[:, 0], 0), table[:, 1], int((table[:, 0] < 0).sum()))


class Resampled(NamedTuple):
    """An edge's waiting in seconds, first in the log itself and then in each resample, and the standard errors of each. Totals
    are brought to the number of objects that there are. A mean is nan where the edge does not occur."""

    totals: Floats
    total_errors: Floats
    means: Floats
    mean_errors: Floats


def resampled(drawn: Weights, waits: Waits) -> Resampled:
    """The figures of an edge. Errors are those of a mean over objects, and of a ratio of two sums over objects (linearised:
    Davison, Hinkley 1997, section 2.7.2)."""
    who, waited, times = _by_object(waits)
    of_objects = np.stack([waited, times, waited * waited, waited * times, times * times])
    sums = [of_objects.sum(axis=1, keepdims=True), of_objects @ drawn[who].astype(np.float64)]
    total, count, total2, both, count2 = np.hstack(sums)
    objects = np.concatenate([[len(drawn)], np.maximum(drawn.sum(axis=0, dtype=np.int64), 1)])
    scale = len(drawn) / objects
    with np.errstate(divide="ignore", invalid="ignore"):
        means = total / count
        mean_errors = np.sqrt(np.maximum(total2 - 2 * means * both + means * means * count2, 0)) / count
    return Resampled(total * scale, np.sqrt(np.maximum(total2 - total * total / objects, 0)) * scale, means, mean_errors)


def medians(drawn: Weights, waits: Waits) -> Floats:
    """The median wait of an edge in each resample, seconds; nan where it does not occur in it. An even number has the middle of
    its two middle waits."""
    order = np.argsort(waits.micros, kind="stable")
    ordered, whose = waits.micros[order], waits.whose[order]
    size = sum((drawn[some].sum(axis=0, dtype=np.int32) for some in _blocks(whose)), np.zeros(drawn.shape[1], np.int32))
    below, lower, upper = np.zeros_like(size), np.zeros_like(size), np.zeros_like(size)
    for some in _blocks(whose):
        reached = below + drawn[some].cumsum(axis=0, dtype=np.int32)
        lower += np.count_nonzero(reached <= (size - 1) // 2, axis=0).astype(np.int32)
        upper += np.count_nonzero(reached <= size // 2, axis=0).astype(np.int32)
        below = reached[-1]
    middles = (ordered.take(places, mode="clip") for places in (lower, upper))
    return np.where(size > 0, sum(middles) / (2 * MICRO), np.nan)


def _blocks(whose: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (whose[i : i + BLOCK] for i in range(0, len(whose), BLOCK))


def _by_object(waits: Waits) -> tuple[NDArray[np.int64], Floats, Floats]:
    """The objects that have the edge, with their waiting in seconds and their handovers."""
    who, where = np.unique(waits.whose, return_inverse=True)
    waited = np.bincount(where, waits.micros / MICRO).astype(np.float64)
    return who, waited, np.bincount(where).astype(np.float64)


def _table(figures: Sequence[Floats], resamples: int) -> Floats:
    """Resamples × edges, without the log itself."""
    return np.stack([mine[1:] for mine in figures], axis=1) if figures else np.empty((resamples, 0))


def _ranks(totals: Floats) -> NDArray[np.int64]:
    """The rank of each edge in each resample, 1 first; equal ones in the order of the report."""
    order = np.argsort(-totals, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, totals.shape[1] + 1)[None, :], axis=1)
    return ranks


def _edge(
    edge: Edge,
    waits: Waits,
    frequent: bool,
    drawn: Weights,
    figures: Resampled,
    ranks: NDArray[np.int64],
    place: int,
) -> EdgeConfidence:
    objects = len(np.unique(waits.whose))
    told = objects >= FEWEST_OBJECTS
    likely = np.quantile(ranks, TAILS, method="nearest")
    return EdgeConfidence(
        source=edge.source,
        target=edge.target,
        count=waits.count,
        objects=objects,
        overlaps=waits.overlaps,
        frequent=frequent,
        mean_seconds=waits.mean,
        mean=studentised(figures.means, figures.mean_errors, 0) if told else None,
        median=bounds(medians(drawn, waits)) if told else None,
        total=studentised(figures.totals, figures.total_errors, 0) if told else None,
        rank=place + 1,
        best_rank=int(likely[0]),
        worst_rank=int(likely[1]),
        first_share=float((ranks == 1).mean()),
    )


def _first(edges: Sequence[Edge], figures: Floats) -> FirstPlace | None:
    """The first of the edges, which are in the order of their figure; `figures` are resamples × edges."""
    if not edges:
        return None
    shares = np.bincount(figures.argmax(axis=1), minlength=len(edges)) / len(figures)
    could = sorted(_could_be(edges, shares), key=lambda f: (-f.share, f.source, f.target))
    share = float(shares[0])
    others = [f"{f.source} → {f.target} ({f.share:.0%})" for f in could if f[:2] != edges[0]]
    says = f"first in {share:.0%} of {len(figures)} resamples of the objects"
    if others:
        says += "; could as well be first: " + ", ".join(others)
    return FirstPlace(*edges[0], share, share >= SURE, tuple(could), says)


def _could_be(edges: Sequence[Edge], shares: Floats) -> Iterator[FirstShare]:
    for i, (edge, share) in enumerate(zip(edges, shares, strict=True)):
        if share >= COULD_BE or i == 0:
            yield FirstShare(*edge, float(share))
