"""What comes down, how far and when, once things have a part of their capacity left: a fluid model over the graph's groups.

A capacity is a share of what all dependents together ask for, 0 (lost) to 1 (full), here in parts per million. What a thing gets
by a group of providers is that of the one provider, or, where any of several is enough, the sum of theirs, at most 1; what it
gets in all is the least of its groups; what it gives is the least of that and of its own. So providers of one group are perfect
substitutes, and groups perfect complements (Leontief's production function, as in the inoperability models of Haimes and Jiang,
2001). It asks for all of it even where it can do less itself.

A link that is narrow passes on a part at most, whatever its provider gives. A change is felt after the relation's delay. While a
thing gets less than full, its buffer makes up for what is missing, at that rate: one that lasts for 10 min where nothing comes
lasts for 20 where half does. It gives in full until the buffer is used up. Things that keep each other going in a circle go on as
far as they can. With nothing left of the roots the times and the things are those of `times.spread`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from types import MappingProxyType

import numpy as np

from brain.analytics.deadline import late
from brain.analytics.graph.reach import within
from brain.analytics.graph.snapshot import KIND_MASK, NODE_BITS, NODE_MASK, ROW, Bools, Ints, Snapshot, seconds
from brain.analytics.graph.times import EDGE_BITS, LONGEST, NEVER, Spread, costs, ends
from brain.errors import BadQuery

FULL = 1_000_000
"""Parts per million."""
OFTEN = 256
"""Changes after which one looks at the clock."""


@dataclass(frozen=True)
class Fallen(Spread):
    """`value` is when a thing first gives less than before, `by` the edge (as of `needs`) by which; -1 for the roots. `capacity`
    is what each is left with, `input` what it gets, both when all has come down. Edges that are `narrow` pass on so much."""

    capacity: Ints
    input: Ints
    by: Ints
    narrow: Mapping[int, int]


def parts_per_million(capacity: float) -> int:
    """BadQuery for what is no part of a capacity."""
    if not 0 <= capacity < 1:
        raise BadQuery(f"a capacity of {capacity:g} is not possible: give what is left of it, from 0 to below 1")
    return min(round(capacity * FULL), FULL - 1)


def fall(
    snapshot: Snapshot,
    own: Mapping[int, int],
    *,
    lasts: int | None = None,
    depth: int | None = None,
    narrow: Mapping[int, int] = MappingProxyType({}),
    start: Fallen | None = None,
    until: float | None = None,
) -> Fallen:
    """What comes down once some have so much of their own capacity left, and some edges (as of `needs`) pass on so much at most,
    for `lasts` µs; from full, or from where all has come down to before (`start`, with its own narrow edges). Ends at `until`
    (time.monotonic) with what has come down first."""
    roots = np.array(sorted(own), np.int64)
    near = None if depth is None else within(snapshot.feeds_start, snapshot.feeds, roots, depth, until=until)
    course = _Course(snapshot, narrow, start, near)
    for root in roots.tolist():
        course.give(root, min(own[root], int(course.capacity[root])), 0, -1)
    limit = int(NEVER) if lasts is None else min(lasts, LONGEST) << EDGE_BITS
    left = np.array(sorted(course.run(limit, until)), np.int64)
    value = course.value
    reached = np.flatnonzero(value < NEVER)
    reached = reached[np.argsort(value[reached], kind="stable")]
    unexplored = np.union1d(left, ends(snapshot, reached, near))
    return Fallen(value, reached, unexplored, course.capacity, course.input, course.by, course.narrow)


class _Course:
    """The events in order of time, and of the edges on the way: a provider's change that is felt, a buffer that is used up."""

    def __init__(self, snapshot: Snapshot, narrow: Mapping[int, int], start: Fallen | None, near: Bools | None) -> None:
        count = snapshot.count
        self.snapshot, self._near, self.narrow = snapshot, near, narrow if start is None else start.narrow
        self._narrowed = start is not None
        self.value, self.by = np.full(count, NEVER), np.full(count, -1, np.int64)
        self.capacity = np.full(count, FULL) if start is None else start.capacity.copy()
        self.input = np.full(count, FULL) if start is None else start.input.copy()
        self._before = self.capacity.copy()
        self._costs = costs(snapshot).tolist()
        self._coming: dict[int, tuple[int, int, int]] = {}
        """Of a thing, the change that it feels first of those that bring it lowest: value, edge, level."""
        self._sums: dict[int, int] = {}
        self._left: dict[int, tuple[int, int]] = {}
        """Of a buffer in use: how much is left, in µs of nothing at all × FULL, and since when that is so (a value)."""
        self._events: list[tuple[int, int, int, int]] = []
        """(value, edge, by how much less it passes on, what it passes on), or (value, edge by which, -1, what it gets)."""
        if start is None:
            for edge, most in sorted(narrow.items()):
                if not snapshot.closed[edge >> ROW]:
                    self._tell(self._costs[edge >> NODE_BITS & KIND_MASK], edge, FULL - most, most)

    def run(self, limit: int, until: float | None) -> set[int]:
        """Up to a value; gives the things whose fall was not followed any more, for want of time."""
        done = 0
        while self._events and self._events[0][0] < limit:
            if done % OFTEN == 0 and late(until):
                return {edge & NODE_MASK for value, edge, _, _ in self._events if value < limit}
            value, edge, lost, level = heappop(self._events)
            done += 1
            if lost >= 0:
                self._feel(edge, lost, level, value)
            elif level == self.input[edge >> ROW]:  # else it gets less meanwhile, and another event says when it is empty
                self._left[edge >> ROW] = (0, value)
                self.give(edge >> ROW, level, value, edge)
        return set()

    def give(self, node: int, level: int, value: int, edge: int) -> None:
        """The node gives less from now on."""
        before = int(self.capacity[node])
        if before <= level:
            return
        self.capacity[node] = level
        if self.value[node] == NEVER:
            first = value
            if edge >= 0:  # its provider may have come down before, by another way; or not at all, where the link is narrow
                distance = (int(self.value[edge & NODE_MASK]) & (1 << EDGE_BITS) - 1) + 1
                first = (value >> EDGE_BITS << EDGE_BITS) + distance
            self.value[node], self.by[node] = first, edge
        snapshot = self.snapshot
        for fed in snapshot.feeds[snapshot.feeds_start[node] : snapshot.feeds_start[node + 1]].tolist():
            dependent, kind = fed & NODE_MASK, fed >> NODE_BITS & KIND_MASK
            if not snapshot.closed[dependent] and (self._near is None or self._near[dependent]):
                edge = dependent << ROW | kind << NODE_BITS | node
                most = self.narrow.get(edge, FULL)
                if (lost := min(before, most) - min(level, most)) > 0:
                    self._tell(value + self._costs[kind], edge, lost, min(level, most))

    def _tell(self, value: int, edge: int, lost: int, level: int) -> None:
        """It will be felt then, if no other change has brought the thing as low before: where many ways lead, most have."""
        node = edge >> ROW
        if not self.snapshot.any_of[self.snapshot.cls[node], edge >> NODE_BITS & KIND_MASK]:
            first = self._coming.get(node)
            if first is not None and first[2] <= level and first[:2] < (value, edge):
                return
            if first is None or level <= first[2]:
                self._coming[node] = (value, edge, level)
        heappush(self._events, (value, edge, lost, level))

    def _feel(self, edge: int, lost: int, level: int, value: int) -> None:
        node, group = edge >> ROW, edge >> NODE_BITS
        if self.snapshot.any_of[self.snapshot.cls[node], group & KIND_MASK]:
            level = self._sums[group] = self._sum(group) - lost
        if level >= self.input[node]:
            return
        left, since = self._left.get(node) or (self._buffer(node), value)
        left -= (FULL - int(self.input[node])) * ((value >> EDGE_BITS) - (since >> EDGE_BITS))
        self.input[node] = level
        self._left[node] = (left, value)
        if left <= 0:
            self.give(node, level, value, edge)
        else:
            heappush(self._events, (value + (-(-left // (FULL - level)) << EDGE_BITS), edge, -1, level))

    def _buffer(self, node: int) -> int:
        # What gets less than full for long has used it up.
        return int(self.snapshot.buffer[node]) * FULL if self.input[node] == FULL else 0

    def _sum(self, group: int) -> int:
        if group not in self._sums:
            needs = self.snapshot.needs
            begin, end = np.searchsorted(needs, (group << NODE_BITS, group + 1 << NODE_BITS))
            passed = self._before[seconds(needs[begin:end])]
            if self._narrowed and self.narrow:
                passed = np.minimum(passed, [self.narrow.get(edge, FULL) for edge in needs[begin:end].tolist()])
            self._sums[group] = int(passed.sum())
        return self._sums[group]
