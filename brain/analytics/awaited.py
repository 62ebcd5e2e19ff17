"""The handovers of a log as columns, and which assets were upstream of the awaited step while it was waited for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brain.analytics.calendars import Interval, common, merged
from brain.analytics.coincidence import Ints, Timeline
from brain.analytics.lives import Timed
from brain.analytics.surroundings import Surroundings
from brain.analytics.upstream import upstream

Starts = tuple[str, ...]


class Handovers(NamedTuple):
    """Every handover, one of no length and an overlap (as one of no length) too: µs `since` and `until` which it was waited for,
    the number of its object and that of its edge (-1: another one)."""

    steps: Sequence[tuple[str, Timed, Timed]]
    objects: Sequence[str]
    since: Ints
    until: Ints
    whose: Ints
    edge: Ints

    @property
    def lengths(self) -> Ints:
        return self.until - self.since


class Pieces(NamedTuple):
    """The parts [since, until) of waits, µs, in which an asset was upstream, each with the number of its handover; a wait of no
    length is a part of no length. `first` are those with which their waits begin, `last` those with which they end."""

    wait: Ints
    since: Ints
    until: Ints
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]

    @property
    def ends(self) -> Ints:
        """When waits that had a length ended."""
        return self.until[self.last & (self.since < self.until)]

    def of(self, chosen: NDArray[np.bool_]) -> "Pieces":
        return Pieces(self.wait[chosen], self.since[chosen], self.until[chosen], self.first[chosen], self.last[chosen])

    def clipped(self, start: int, end: int) -> "Pieces":
        """Within [start, end)."""
        since, until = np.maximum(self.since, start), np.minimum(self.until, end)
        first, last = self.first & (since == self.since), self.last & (until == self.until)
        return Pieces(self.wait, since, until, first, last).of(since <= until)


def handovers(lives: Mapping[str, Sequence[Timed]], edges: Sequence[tuple[str, str]]) -> Handovers:
    """Of the objects in order of their ids; `edges` are those whose numbers are told."""
    numbers = {edge: i for i, edge in enumerate(edges)}
    objects = sorted(lives)
    steps = [(name, a, b) for name in objects for a, b in pairwise(lives[name])]
    numbered = {name: i for i, name in enumerate(objects)}
    rows = [(a.end, b.start, numbered[name], numbers.get((a.activity, b.activity), -1)) for name, a, b in steps]
    since, until, whose, edge = np.array(rows, np.int64).reshape(-1, 4).T
    return Handovers(steps, objects, since, np.maximum(since, until), whose, edge)


class Reached(NamedTuple):
    """In which waits each asset that was ever in trouble was upstream, and of each wait how long any of them was, µs."""

    pieces: Mapping[str, Pieces]
    troubled: Ints


def starts_of(around: Surroundings, name: str, step: Timed) -> Starts:
    """From where what a wait depends on is sought: who carries the awaited step out, what waits, and the assets that the step
    uses; of these what anything hangs on."""
    leading = (around.needs, around.places, around.signs)
    starts = dict.fromkeys((step.resource, name, *around.used.get(step.step, ())))
    return tuple(one for one in starts if one is not None and any(one in some for some in leading))


def reached(waits: Handovers, around: Surroundings) -> Reached:
    groups: defaultdict[Starts, list[int]] = defaultdict(list)
    # Where nothing was in trouble, nothing that could be met is upstream of anything.
    for i, (name, _, step) in enumerate(waits.steps if around.signs else ()):
        if starts := starts_of(around, name, step):
            groups[starts].append(i)
    found: defaultdict[str, list[Pieces]] = defaultdict(list)
    troubled = np.zeros(len(waits.steps), np.int64)
    for starts, numbers in groups.items():
        mine = np.array(numbers, np.int64)
        since, until = waits.since[mine], waits.until[mine]
        bad: list[Interval] = []
        for asset, when in upstream(starts, around.needs, around.places).items():
            if asset in around.signs:
                found[asset] += [_piece(mine, since, until, held) for held in when]
                bad += (ends for signs in around.signs[asset].troubles.values() for ends in common(when, [s[:2] for s in signs]))
        if bad:
            at = Timeline(list(merged(sorted(bad))), int(since.min()), int(until.max()))
            troubled[mine] = at.within(since, until)
    joined = {asset: Pieces(*map(np.concatenate, zip(*some, strict=True))) for asset, some in found.items()}
    return Reached(joined, troubled)


def _piece(mine: Ints, since: Ints, until: Ints, held: Interval) -> Pieces:
    a, b = np.maximum(since, held[0]), np.minimum(until, held[1])
    begins = (held[0] <= since) & (since < held[1])
    return Pieces(mine, a, b, begins, b == until).of((a < b) | (begins & (since == until)))
