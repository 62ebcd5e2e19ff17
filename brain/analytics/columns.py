"""The handover view over columns: the definition of `bottlenecks` for a whole log at once.

A log of a million events is a few arrays of integers. Two sorts give every figure: the events by the life that they belong to,
then the gaps by edge and length. Sums are exact, whatever their size.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brain.analytics.lives import Gap, Timed

Ints = NDArray[np.int64]

LOW = 32
"""Bits of the lower half in which sums are taken, so that 2^31 of them do not overflow."""


@dataclass(frozen=True, slots=True)
class Flat:
    """A log flattened on the objects of one type: one element an occurrence, object by object, each life in order.

    `object` and `activity` are positions in the names; `start` and `end` are µs.
    """

    objects: Sequence[str]
    activities: Sequence[str]
    object: Ints
    activity: Ints
    start: Ints
    end: Ints
    steps: Sequence[str]

    @classmethod
    def of_lives(cls, lives: Mapping[str, Sequence[Timed]]) -> "Flat":
        """From lives that are in order already."""
        every = list(chain.from_iterable(lives.values()))
        names = {name: i for i, name in enumerate(dict.fromkeys(step.activity for step in every))}
        size = len(every)
        return cls(
            list(lives),
            list(names),
            np.repeat(np.arange(len(lives)), [len(life) for life in lives.values()]),
            np.fromiter((names[step.activity] for step in every), np.int64, size),
            np.fromiter((step.start for step in every), np.int64, size),
            np.fromiter((step.end for step in every), np.int64, size),
            [step.step for step in every],
        )

    @classmethod
    def of_columns(
        cls,
        objects: Sequence[str],
        activities: Sequence[str],
        object: Ints,
        activity: Ints,
        times: tuple[Ints, Ints],
        name: Callable[[int], str],
    ) -> "Flat":
        """From rows in any order; of rows alike in object and `times`, the start and the end, the earlier row comes first. `name`
        gives the id of the step in a row."""
        start, end = times
        order = in_lives(object, start, end)
        if order is None:
            return cls(objects, activities, object, activity, start, end, _Named(np.arange(len(start)), name))
        return cls(objects, activities, object[order], activity[order], start[order], end[order], _Named(order, name))


class _Named(Sequence[str]):
    """Ids that are written where they are asked for: a report shows a few of a million."""

    def __init__(self, rows: Ints, name: Callable[[int], str]) -> None:
        self._rows = rows
        self._name = name

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._name(int(self._rows[index]))


class EdgeGaps(NamedTuple):
    """All handovers from one activity to another: the waits in ascending order and their sum, µs, how many gaps were negative
    and so count as no wait, and the longest gaps."""

    source: str
    target: str
    waits: Sequence[int]
    total: int
    overlaps: int
    longest: Sequence[Gap]


def edge_gaps(flat: Flat, longest: int) -> Iterator[EdgeGaps]:
    """Each edge of the log, with so many of its longest gaps, in no promised order."""
    first = np.flatnonzero(flat.object[1:] == flat.object[:-1])
    gap = flat.start[first + 1] - flat.end[first]
    edge = flat.activity[first] * len(flat.activities) + flat.activity[first + 1]
    order = by_two(edge, gap)
    edge, gap, first = edge[order], gap[order], first[order]
    bounds = np.flatnonzero(np.diff(edge, prepend=-1))
    for begin, end in pairwise([*bounds.tolist(), len(edge)]):
        source, target = divmod(int(edge[begin]), len(flat.activities))
        waits = np.maximum(gap[begin:end], 0)
        yield EdgeGaps(
            flat.activities[source],
            flat.activities[target],
            _Exact(waits),
            exact_sum(waits),
            int(np.searchsorted(gap[begin:end], 0)),
            _longest(flat, gap[begin:end], first[begin:end], longest),
        )


def parts_of_lead_time(flat: Flat) -> tuple[int, int, int]:
    """The sums of the times of all steps, of the gaps between them, and of the overlaps, which are negative gaps; µs."""
    first = np.flatnonzero(flat.object[1:] == flat.object[:-1])
    gap = flat.start[first + 1] - flat.end[first]
    return exact_sum(flat.end - flat.start), exact_sum(np.maximum(gap, 0)), exact_sum(np.maximum(-gap, 0))


def in_lives(object: Ints, start: Ints, end: Ints) -> Ints | None:
    """The order by object, start and end, and then as they stand; None where they stand in it."""
    same = object[1:] == object[:-1]
    before = (start[1:] < start[:-1]) | ((start[1:] == start[:-1]) & (end[1:] < end[:-1]))
    apart = (object[1:] < object[:-1]) | (same & before)
    if not apart.any():
        return None
    if start is end:
        return by_two(object, start)
    by_end = np.argsort(end, kind="stable")
    return by_end[by_two(object[by_end], start[by_end])]


def by_two(major: Ints, minor: Ints) -> Ints:
    """The order by two columns, stable. As one key, where both fit into it: a third of the time."""
    if not len(major):
        return np.arange(0)
    low, high = int(minor.min()), int(minor.max())
    width = (high - low).bit_length()
    if int(major.max()).bit_length() + width > 62 or int(major.min()) < 0:
        return np.lexsort((minor, major)).astype(np.int64)
    return np.argsort((major << width) | (minor - low), kind="stable").astype(np.int64)


def exact_sum(values: Ints) -> int:
    """The sum as an integer of any size."""
    return (int((values >> LOW).sum()) << LOW) + int((values & ((1 << LOW) - 1)).sum())


class _Exact(Sequence[int]):
    """An array as integers of Python, which do not overflow in what follows."""

    def __init__(self, values: Ints) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return int(self._values[index])


def _longest(flat: Flat, gap: Ints, first: Ints, many: int) -> list[Gap]:
    """The greatest of the gaps above 0, which come in ascending order, with their names: of equal ones the greatest names."""
    least = max(int(gap[max(len(gap) - many, 0)]), 1)
    begin = int(np.searchsorted(gap, least))
    found = (
        (int(gap[i]), flat.objects[flat.object[at]], flat.steps[at], flat.steps[at + 1])
        for i, at in enumerate(first[begin:].tolist(), begin)
    )
    return nlargest(many, found)
