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
from types import MappingProxyType

import numpy as np

from brain.analytics.deadline import late
from brain.analytics.graph.events import MANY, Batch, Event, Queue
from brain.analytics.graph.reach import within
from brain.analytics.graph.snapshot import (
    KIND_MASK,
    NODE_BITS,
    NODE_MASK,
    ROW,
    Bools,
    Ints,
    Snapshot,
    firsts,
    kinds,
    ranges,
    rows,
    seconds,
    turned,
)
from brain.analytics.graph.times import AT_ONCE, EDGE_BITS, LONGEST, NEVER, Spread, costs, ends
from brain.errors import BadQuery

FULL = 1_000_000
"""Parts per million."""
OFTEN = 256
"""Changes after which one looks at the clock."""
DISTANCE = (1 << EDGE_BITS) - 1


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
    limit = int(NEVER) if lasts is None else min(lasts, LONGEST) << EDGE_BITS
    course = _Course(snapshot, narrow, start, near, limit)
    for root in roots.tolist():
        course.give(root, min(own[root], int(course.capacity[root])), 0, -1)
    left = np.array(sorted(course.run(until)), np.int64)
    value = course.value
    reached = np.flatnonzero(value < NEVER)
    reached = reached[np.argsort(value[reached], kind="stable")]
    unexplored = np.union1d(left, ends(snapshot, reached, near))
    return Fallen(value, reached, unexplored, course.capacity, course.input, course.by, course.narrow)


class _Course:
    """The events in order of time, and of the edges on the way: a provider's change that is felt, a buffer that is used up. Many
    of one time are handled together. What they lead to is later, so that only those of one thing bear on each other: it comes
    down to the least that they bring it to, by the first edge by which it gives less."""

    def __init__(
        self, snapshot: Snapshot, narrow: Mapping[int, int], start: Fallen | None, near: Bools | None, limit: int
    ) -> None:
        count = snapshot.count
        self.snapshot, self.narrow = snapshot, narrow if start is None else start.narrow
        self._open = ~snapshot.closed if near is None else near & ~snapshot.closed
        self._narrowed = np.array(sorted(self.narrow.items()), np.int64).reshape(-1, 2).T
        self.value, self.by = np.full(count, NEVER), np.full(count, -1, np.int64)
        self.capacity = np.full(count, FULL) if start is None else start.capacity.copy()
        self.input = np.full(count, FULL) if start is None else start.input.copy()
        self._start = start
        self._cost = costs(snapshot)
        self._costs: list[int] = self._cost.tolist()
        self._coming: dict[int, tuple[int, int, int]] = {}
        """Of a thing, the change that it feels first of those that bring it lowest: value, edge, level."""
        self._buffer, self._choosing, self._groups = snapshot.buffer, snapshot.choosing, snapshot.choices[0]
        self._sums, self._summed = np.zeros(len(self._groups), np.int64), np.zeros(len(self._groups), bool)
        """What each of the groups with a choice passes on, once it is worked out."""
        self._left: dict[int, tuple[int, int]] = {}
        """Of a buffer in use: how much is left, in µs of nothing at all × FULL, and since when that is so (a value)."""
        self._events = Queue(limit)
        if start is None:
            for edge, most in sorted(narrow.items()):
                if not snapshot.closed[edge >> ROW]:
                    self._tell(self._costs[edge >> NODE_BITS & KIND_MASK], edge, FULL - most, most)

    def run(self, until: float | None) -> set[int]:
        """Gives the things whose fall was not followed any more, for want of time."""
        while self._events:
            value, events = self._events.pop()
            parts = self._parts(events)
            for i, part in enumerate(parts):
                if late(until):
                    return self._events.left().union(*(_providers(part) for part in parts[i:]))
                if isinstance(part, Batch):
                    self._together(part, value)
                else:
                    for edge, lost, level in part:
                        self._alone(edge, lost, level, value)
        return set()

    def _parts(self, events: list[Event] | Batch) -> list[list[Event] | Batch]:
        """Between which one looks at the clock."""
        if isinstance(events, Batch):
            # Behind a narrow link a provider may come down at that very time: before or after, and only then is it on the way.
            if not len(self.narrow) or np.all(self.value[seconds(events.edges)] < NEVER):
                return list(events.parts(AT_ONCE))
            events = sorted(events.each())
        if len(events) <= OFTEN:
            return [events]
        return [events[i : i + OFTEN] for i in range(0, len(events), OFTEN)]

    def give(self, node: int, level: int, value: int, edge: int) -> None:
        """The node gives less from now on."""
        before = int(self.capacity[node])
        if before <= level:
            return
        self.capacity[node] = level
        if self.value[node] == NEVER:
            first = value
            if edge >= 0:  # its provider may have come down before, by another way; or not at all, where the link is narrow
                first = (value >> EDGE_BITS << EDGE_BITS) + (int(self.value[edge & NODE_MASK]) & DISTANCE) + 1
            self.value[node], self.by[node] = first, edge
        snapshot = self.snapshot
        begin, end = snapshot.feeds_start[node], snapshot.feeds_start[node + 1]
        if end - begin >= MANY:
            self._pass_on(np.array([node]), np.array([before]), np.array([level]), value)
            return
        for fed in snapshot.feeds[begin:end].tolist():
            dependent, kind = fed & NODE_MASK, fed >> NODE_BITS & KIND_MASK
            if self._open[dependent]:
                edge, was, now = dependent << ROW | kind << NODE_BITS | node, before, level
                if self.narrow and (most := self.narrow.get(edge, FULL)) < before:
                    was, now = most, min(level, most)
                if now < was:
                    self._tell(value + self._costs[kind], edge, was - now, now)

    def _give_together(self, nodes: Ints, level: Ints, value: int, edges: Ints) -> None:
        """As `give`, of nodes each of which does give less."""
        before = self.capacity[nodes]
        self.capacity[nodes] = level
        new = self.value[nodes] == NEVER
        first, by = nodes[new], edges[new]
        self.value[first] = (value >> EDGE_BITS << EDGE_BITS) + (self.value[seconds(by)] & DISTANCE) + 1
        self.by[first] = by
        self._pass_on(nodes, before, level, value)

    def _pass_on(self, nodes: Ints, before: Ints, level: Ints, value: int) -> None:
        """Tell what hangs on the nodes, except for what it would not be brought lower by."""
        snapshot = self.snapshot
        begin, end = snapshot.feeds_start[nodes], snapshot.feeds_start[nodes + 1]
        fed, of = snapshot.feeds[ranges(begin, end)], np.repeat(np.arange(len(nodes)), end - begin)
        dependent, now = seconds(fed), level[of]
        some = (now < self.input[dependent]) | self._choosing[dependent]
        told = np.flatnonzero(some & self._open[dependent])
        edges, now, before = turned(fed[told]), now[told], before[of[told]]
        if self.narrow:
            most = self._most(edges)
            before, now = np.minimum(before, most), np.minimum(now, most)
            less = np.flatnonzero(now < before)
            edges, now, before = edges[less], now[less], before[less]
        self._events.many(value + self._cost[kinds(edges)], Batch(edges, before - now, now))

    def _tell(self, value: int, edge: int, lost: int, level: int) -> None:
        """It will be felt then, if no other change has brought the thing as low before: where many ways lead, most have."""
        node = edge >> ROW
        if not self._choosing[node] or self._group(edge) is None:
            first = self._coming.get(node)
            if first is not None and first[2] <= level and first[:2] < (value, edge):
                return
            if first is None or level <= first[2]:
                self._coming[node] = (value, edge, level)
        self._events.one(value, (edge, lost, level))

    def _alone(self, edge: int, lost: int, level: int, value: int) -> None:
        node = edge >> ROW
        if lost < 0:
            if level == self.input[node]:  # else it gets less meanwhile, and another event says when it is empty
                self.give(node, level, value, edge)
            return
        if self._choosing[node] and (group := self._group(edge)) is not None:
            if not self._summed[group]:
                self._sum(np.array([group]))
            level = self._sums[group] = int(self._sums[group]) - lost
        if level < self.input[node]:
            held = self._buffer[node] > 0 and self._held(node, level, value, edge)
            self.input[node] = level
            if not held:
                self.give(node, level, value, edge)

    def _together(self, events: Batch, value: int) -> None:
        """As `_alone`, of each."""
        empty, level = events.lost < 0, self._levels(events.edges, events.lost, events.level)
        gets = self.input[firsts(events.edges)]
        told = np.flatnonzero(np.where(empty, level == gets, level < gets))
        if not len(told):
            return
        edges, level = events.edges[told], level[told]
        node = firsts(edges)
        begins = np.append(True, node[1:] != node[:-1])
        heads, of = np.flatnonzero(begins), np.cumsum(begins) - 1
        nodes, least = node[heads], np.minimum.reduceat(level, heads)
        buffered, held = np.flatnonzero(self._buffer[nodes]), np.zeros(len(nodes), bool)
        last = np.minimum.reduceat(np.where(level == least[of], edges, NEVER), heads) if len(buffered) else edges
        for i in buffered.tolist():
            held[i] = self._held(int(nodes[i]), int(least[i]), value, int(last[i]))
        self.input[nodes] = least
        by = np.minimum.reduceat(np.where(level < self.capacity[nodes][of], edges, NEVER), heads)
        less = np.flatnonzero(~held & (by < NEVER))
        self._give_together(nodes[less], least[less], value, by[less])

    def _held(self, node: int, level: int, value: int, edge: int) -> bool:
        """Whether its buffer makes up for it that it gets less from now on; if so, one is told when it is used up."""
        # What gets less than full for long has used it up.
        gets = int(self.input[node])
        left, since = self._left.get(node) or (int(self._buffer[node]) * FULL if gets == FULL else 0, value)
        left -= (FULL - gets) * ((value >> EDGE_BITS) - (since >> EDGE_BITS))
        self._left[node] = (left, value)
        if left > 0:
            self._events.one(value + (-(-left // (FULL - level)) << EDGE_BITS), (edge, -1, level))
        return left > 0

    def _group(self, edge: int) -> int | None:
        """The number of the group with a choice that it is in."""
        asked = edge >> NODE_BITS
        place = int(self._groups.searchsorted(asked))
        return place if place < len(self._groups) and self._groups[place] == asked else None

    def _levels(self, edges: Ints, lost: Ints, level: Ints) -> Ints:
        """What each has left by the group of each event, which are in order of edges: where there is a choice, the sum so far."""
        some = np.flatnonzero(self._choosing[firsts(edges)] & (lost >= 0))
        if not len(some):
            return level
        asked = edges[some] >> NODE_BITS
        group = np.searchsorted(self._groups, asked)
        real = self._groups[np.minimum(group, len(self._groups) - 1)] == asked
        some, group = some[real], group[real]
        if not len(some):
            return level
        begins = np.append(True, group[1:] != group[:-1])
        heads, of, gone = np.flatnonzero(begins), np.cumsum(begins) - 1, np.cumsum(lost[some])
        self._sum(group[heads])
        gone -= (gone - lost[some])[heads][of]
        level = level.copy()
        level[some] = self._sums[group] - gone
        self._sums[group[heads]] = level[some][np.append(heads[1:], len(some)) - 1]
        return level

    def _sum(self, groups: Ints) -> None:
        """Work out what they passed on before anything came down, unless that is known."""
        groups = groups[~self._summed[groups]]
        if not len(groups):
            return
        self._summed[groups] = True
        _, start, edges = self.snapshot.choices
        sizes = start[groups + 1] - start[groups]
        self._sums[groups] = sizes * FULL
        if self._start is not None:
            some = rows(start, edges, groups)
            passed = np.minimum(self._start.capacity[seconds(some)], self._most(some))
            self._sums[groups] = np.add.reduceat(passed, np.cumsum(sizes) - sizes)

    def _most(self, edges: Ints) -> Ints:
        """What the edges pass on at most."""
        narrow, most = self._narrowed
        if not len(narrow):
            return np.full(len(edges), FULL)
        place = np.minimum(np.searchsorted(narrow, edges), len(narrow) - 1)
        return np.where(narrow[place] == edges, most[place], FULL)


def _providers(events: list[Event] | Batch) -> list[int]:
    if isinstance(events, Batch):
        found: list[int] = seconds(events.edges).tolist()
        return found
    return [edge & NODE_MASK for edge, _, _ in events]
