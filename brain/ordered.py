"""A sorted collection for what changes often: insertion, removal and both neighbours in O(log n), the k-th item by blocks.

A Python list shifts half of its items at each insertion: 120 µs with a million. `sortedcontainers.SortedList` does not, but it
finds a neighbour by an index that each insertion throws away (54 µs with a million), and it takes 450 bytes to hold three items,
where most objects have few steps.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T", bound=tuple[Any, ...])

MOST = 1024
"""Items of a block; a fuller one is cut in two."""


class Ordered(Generic[T]):
    """Distinct tuples in ascending order, in sorted blocks, beside the greatest of each block."""

    __slots__ = ("_blocks", "_greatest", "_size")

    def __init__(self) -> None:
        self._blocks: list[list[T]] = []
        self._greatest: list[T] = []
        self._size = 0

    def add(self, item: T) -> tuple[T | None, T | None]:
        """The items just below and just above the new one, which must not be there yet."""
        blocks, greatest = self._blocks, self._greatest
        if not blocks:
            blocks.append([])
            greatest.append(item)
        at = min(bisect_left(greatest, item), len(blocks) - 1)
        block = blocks[at]
        insort(block, item)
        greatest[at] = block[-1]
        self._size += 1
        found = self._beside(at, bisect_left(block, item))
        if len(block) > MOST:
            half = len(block) // 2
            blocks[at : at + 1] = [block[:half], block[half:]]
            greatest.insert(at, block[half - 1])
        return found

    def remove(self, item: T) -> tuple[T | None, T | None]:
        """The items that were just below and just above. KeyError where it is not there."""
        at = bisect_left(self._greatest, item)
        block = self._blocks[at] if at < len(self._blocks) else []
        i = bisect_left(block, item)
        if i == len(block) or block[i] != item:
            raise KeyError(item)
        found = self._beside(at, i)
        del block[i]
        self._size -= 1
        if block:
            self._greatest[at] = block[-1]
        else:
            del self._blocks[at], self._greatest[at]
        return found

    def _beside(self, at: int, i: int) -> tuple[T | None, T | None]:
        block = self._blocks[at]
        below = block[i - 1] if i else self._greatest[at - 1] if at else None
        if i + 1 < len(block):
            return below, block[i + 1]
        return below, self._blocks[at + 1][0] if at + 1 < len(self._blocks) else None

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> T:
        """The item at a position from 0; one step for each block before it."""
        for block in self._blocks:
            if index < len(block):
                return block[index]
            index -= len(block)
        raise IndexError(index)

    def __iter__(self) -> Iterator[T]:
        for block in self._blocks:
            yield from block

    def __reversed__(self) -> Iterator[T]:
        for block in reversed(self._blocks):
            yield from reversed(block)
