"""What is to come, in order of time: one event at a time while there are few of one time, arrays of them where there are many.

numpy takes some 50 µs to begin with whatever it does, and then a hundredth of what Python takes for each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np

from brain.analytics.graph.snapshot import NODE_MASK, ROW, Ints, firsts

MANY = 64
"""Events from which on they are handled together."""

Event = tuple[int, int, int]
"""Edge (as of `needs`), by how much less it passes on, what it passes on; or edge by which a buffer is used up, -1, what its
thing gets."""


@dataclass(frozen=True)
class Batch:
    """Events of one time, as columns."""

    edges: Ints
    lost: Ints
    level: Ints

    @classmethod
    def of(cls, events: list[Event]) -> "Batch":
        return cls(*np.array(events, np.int64).reshape(-1, 3).T)

    def take(self, places: Ints | slice) -> "Batch":
        return Batch(self.edges[places], self.lost[places], self.level[places])

    def each(self) -> list[Event]:
        return list(zip(self.edges.tolist(), self.lost.tolist(), self.level.tolist(), strict=True))

    def parts(self, size: int) -> Iterator["Batch"]:
        """Of about so many events each, those of one thing in one part. The events must be in order of edges."""
        nodes = firsts(self.edges[np.arange(size, len(self.edges), size)])
        cuts = np.unique(np.searchsorted(self.edges, nodes << ROW)).tolist()
        return (self.take(slice(begin, end)) for begin, end in pairwise([0, *cuts, len(self.edges)]) if begin < end)


class Queue:
    """The events of each value (as of a spread), up to a limit: what is later is not kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: list[int] = []
        self._few: dict[int, list[Event]] = {}
        self._many: dict[int, list[Batch]] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def one(self, value: int, event: Event) -> None:
        if (events := self._few.get(value)) is not None or (events := self._at(value)) is not None:
            events.append(event)

    def many(self, values: Ints, events: Batch) -> None:
        order = np.argsort(values, kind="stable")
        values = values[order]
        cuts = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
        for begin, end in pairwise([0, *cuts, len(values)] if len(values) else []):
            value, some = int(values[begin]), events.take(order[begin:end])
            if (few := self._at(value)) is None:
                return
            if end - begin < MANY:
                few += some.each()
            else:
                self._many.setdefault(value, []).append(some)

    def pop(self) -> tuple[int, list[Event] | Batch]:
        """The first value, and its events in order of edges: in a list if there are few."""
        value = heappop(self._values)
        few, many = self._few.pop(value), self._many.pop(value, [])
        if len(few) == 1 < MANY and not many:
            return value, few
        if len(few) + sum(len(some.edges) for some in many) < MANY:
            return value, sorted(few + [event for some in many for event in some.each()])
        some = [Batch.of(few), *many]
        batch = Batch(*(np.concatenate(column) for column in zip(*((b.edges, b.lost, b.level) for b in some), strict=True)))
        return value, batch.take(np.argsort(batch.edges))

    def left(self) -> set[int]:
        """The providers of all edges that are waiting."""
        few = {edge & NODE_MASK for events in self._few.values() for edge, _, _ in events}
        return few.union(*((some.edges & NODE_MASK).tolist() for batches in self._many.values() for some in batches))

    def _at(self, value: int) -> list[Event] | None:
        if value >= self._limit:
            return None
        found = self._few.get(value)
        if found is None:
            found = self._few[value] = []
            heappush(self._values, value)
        return found
