"""What got worse: a window against the one before it, since when, and what else changed then.

An object belongs to the window in which its last step ended, with its whole life. Handovers are ranked by the waiting that they
brought in addition: the difference of the means × the handovers of the window. The interval of a difference is a bootstrap by
object (`resampling`) within each window. Since when is looked for in the waits of both windows in the order in which they ended
(`changepoint`). What else changed is told beside it and is no proof of a cause."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brain.analytics.changepoint import change_in
from brain.analytics.circumstances import Circumstance, circumstances
from brain.analytics.confidence import Edge, Resampled, Waits, resampled, waits_by_edge
from brain.analytics.lives import MICRO, Lifecycle, Timed, read_lives
from brain.analytics.resampling import FEWEST_OBJECTS, RESAMPLES, Bounds, draws, studentised
from brain.analytics.times import Lives, ended_within, sojourn, spread
from brain.errors import BadQuery
from brain.model import Instant
from brain.ports import Store
from brain.schema import Schema

WORST = 5
"""Handovers that got worse of which the report says since when."""
ALARM = 0.05
"""Chance that the report tells of any change where there was none, over all the handovers that it looks at."""

DEFINITION = (
    "the window against the one of the same length before it, objects by their last end; extra waiting = (mean now - mean"
    " before) × handovers now; 90 % intervals by bootstrap over the objects of each window; since when: largest scaled CUSUM of"
    " ranks, told where fewer than 5 % of block-wise shuffled series, over all series looked at, show as much"
)


@dataclass(frozen=True, slots=True)
class Changepoint:
    """Waits that ended from `at` on are other ones; `index` of `count` waits came before. Means in seconds. A share of `p_value`
    of shuffled series show as much. `circumstances` are what else changed then, the most first."""

    at: Instant
    index: int
    count: int
    mean_before_seconds: float
    mean_after_seconds: float
    p_value: float
    circumstances: tuple[Circumstance, ...]


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """A handover in both windows; seconds. A mean is None where it did not occur, and then there is no difference either.

    `difference` is None where it has no interval: fewer than five objects in one of the windows. `sure`: it has one without 0.
    """

    source: str
    target: str
    count_before: int
    count_now: int
    mean_before_seconds: float | None
    mean_now_seconds: float | None
    difference_seconds: float | None
    difference: Bounds | None
    sure: bool
    extra_seconds: float
    since: Changepoint | None


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """One of the two windows: the objects that ended in it and their sojourn, seconds."""

    since: Instant
    until: Instant
    objects: int
    mean_sojourn_seconds: float
    median_sojourn_seconds: float


@dataclass(frozen=True, slots=True)
class WindowChange:
    """`edges` by extra waiting, descending: what got worse first, what got better last. `says` tells the first in a sentence."""

    object_type: str
    definition: str
    ontology_version: str
    before: WindowFigures
    now: WindowFigures
    resamples: int
    edges: tuple[EdgeChange, ...]
    says: str
    left_out: int


async def change(
    store: Store,
    schema: Schema,
    object_type: str,
    since: int,
    until: int,
    *,
    lifecycle: Lifecycle | None = None,
    resamples: int = RESAMPLES,
) -> WindowChange:
    """[since, until) against the window of the same length before it. Raises BadQuery where no object of the type has a step, and
    where the window is empty."""
    lives, left_out = await read_lives(store, object_type, lifecycle)
    return change_of(lives, object_type, schema.version, since, until, left_out, resamples=resamples)


def change_of(
    lives: Lives,
    object_type: str,
    ontology_version: str,
    since: int,
    until: int,
    left_out: int = 0,
    *,
    resamples: int = RESAMPLES,
) -> WindowChange:
    """As `change`, of lives that were read already."""
    if since >= until:
        raise BadQuery("a window ends after it begins")
    start = 2 * since - until
    before, now = _Window(ended_within(lives, start, since), resamples), _Window(ended_within(lives, since, until), resamples)
    edges = sorted(_edges(before, now), key=lambda e: (-e.extra_seconds, e.source, e.target))
    worse = [edge for edge in edges if edge.sure and edge.extra_seconds > 0][:WORST]
    both = ended_within(lives, start, until)
    found = {edge: _since(edge, both, start, until, ALARM / len(worse)) for edge in worse}
    told = tuple(replace(edge, since=found.get(edge)) for edge in edges)
    return WindowChange(
        object_type=object_type,
        definition=DEFINITION,
        ontology_version=ontology_version,
        before=_figures(before.lives, start, since),
        now=_figures(now.lives, since, until),
        resamples=resamples,
        edges=told,
        says=_says(told, len(before.lives), len(now.lives)),
        left_out=left_out,
    )


class _Window:
    """The waits of a window by edge, and their figures in each resample of its objects."""

    def __init__(self, lives: Mapping[str, Sequence[Timed]], resamples: int) -> None:
        objects = sorted(lives)
        self.lives = lives
        self.waits = waits_by_edge(lives, objects)
        self._drawn = draws(objects, resamples)

    def resampled(self, edge: Edge) -> Resampled | None:
        """The figures of an edge; None where too few objects have it."""
        waits = self.waits.get(edge)
        enough = waits is not None and len(np.unique(waits.whose)) >= FEWEST_OBJECTS
        return resampled(self._drawn, waits) if waits is not None and enough else None


def _difference(old: Resampled | None, new: Resampled | None) -> Bounds | None:
    """Of the means."""
    if old is None or new is None:
        return None
    return studentised(new.means - old.means, np.hypot(new.mean_errors, old.mean_errors))


def _edges(before: _Window, now: _Window) -> Iterator[EdgeChange]:
    for edge in before.waits.keys() | now.waits.keys():
        old, new = before.waits.get(edge), now.waits.get(edge)
        mean_old, mean_new = (None if waits is None else waits.mean for waits in (old, new))
        difference = None if mean_old is None or mean_new is None else mean_new - mean_old
        could = _difference(before.resampled(edge), now.resampled(edge))
        yield EdgeChange(
            source=edge.source,
            target=edge.target,
            count_before=_count(old),
            count_now=_count(new),
            mean_before_seconds=mean_old,
            mean_now_seconds=mean_new,
            difference_seconds=difference,
            difference=could,
            sure=could is not None and not could.holds(0.0),
            extra_seconds=(difference or 0.0) * _count(new),
            since=None,
        )


def _count(waits: Waits | None) -> int:
    return 0 if waits is None else waits.count


class _Wait(NamedTuple):
    """A wait of one edge in the order in which it ended."""

    ended: int
    object: str
    micros: int


def _since(edge: EdgeChange, lives: Lives, start: int, until: int, level: float) -> Changepoint | None:
    """Since when an edge is another one, where chance would not show as much at that level."""
    name = edge.source, edge.target
    waits = sorted(
        _Wait(b.start, object_id, max(b.start - a.end, 0))
        for object_id, life in lives.items()
        for a, b in pairwise(life)
        if (a.activity, b.activity) == name
    )
    micros: NDArray[np.int64] = np.array([wait.micros for wait in waits], np.int64)
    found = change_in(micros, "→".join(name))
    if found is None or found.p_value > level:
        return None
    at = waits[found.index].ended
    return Changepoint(
        at=Instant(at),
        index=found.index,
        count=len(waits),
        mean_before_seconds=float(micros[: found.index].mean()) / MICRO,
        mean_after_seconds=float(micros[found.index :].mean()) / MICRO,
        p_value=found.p_value,
        circumstances=circumstances(lives, start, until, at),
    )


def _figures(lives: Lives, since: int, until: int) -> WindowFigures:
    stays = spread(map(sojourn, lives.values()))
    return WindowFigures(Instant(since), Instant(until), stays.count, stays.mean_seconds, stays.median_seconds)


def _says(edges: Sequence[EdgeChange], before: int, now: int) -> str:
    if not before or not now:
        return "no object ended in one of the two windows, so that there is nothing to compare"
    worst = next((edge for edge in edges if edge.sure and edge.extra_seconds > 0), None)
    if worst is None:
        return "nothing got worse that chance alone would not explain"
    return f"work waits longer between {worst.source!r} and {worst.target!r}"


def edge_changes(before: Lives, now: Lives, resamples: int = RESAMPLES) -> tuple[EdgeChange, ...]:
    """From some lives to others, whatever they are of: the handovers by extra waiting, descending, without since when."""
    found = _edges(_Window(before, resamples), _Window(now, resamples))
    return tuple(sorted(found, key=lambda e: (-e.extra_seconds, e.source, e.target)))
