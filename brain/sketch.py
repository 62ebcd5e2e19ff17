"""A sketch of many durations: their quantiles, to a known relative error, out of a count for each bucket.

Buckets as in DDSketch (Masson, Rim, Lee: *DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees*,
PVLDB 12(12), 2019), never collapsed, with boundaries that are linear between powers of two: the first `BITS` bits of a value are
its bucket. All is integers, so that what is taken out leaves no trace, order leaves none, sketches add up by bucket, and every
machine puts a value into the same bucket, which a logarithm would not promise.
"""

from collections.abc import Iterable, Iterator, Sequence

BITS = 8
ERROR = 0.5**BITS
"""The middle of a bucket is no further from any value of it than this share of the value: 0.4 %."""
_FINE = BITS - 1
_EXACT = 1 << BITS
"""Below it each value has a bucket of its own."""


def bucket(value: int) -> int:
    """The bucket of a value from 0 up; greater values have greater buckets, or the same."""
    if value < _EXACT:
        return value
    shift = value.bit_length() - BITS
    return (shift << _FINE) + (value >> shift)


def middle(of: int) -> int:
    """The value that stands for a bucket."""
    if of < _EXACT:
        return of
    shift = (of >> _FINE) - 1
    return ((of - (shift << _FINE)) << shift) + (1 << shift >> 1)


class Rounded(Sequence[int]):
    """Values in ascending order, as a sketch of them knows them."""

    def __init__(self, values: Sequence[int]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return middle(bucket(self._values[index]))


class Sketch(Sequence[int]):
    """A multiset of values from 0 up, as the ascending sequence of the middles of their buckets.

    Memory is bounded by the range of the values, not by their number: 128 buckets for each doubling, 3,800 from a millisecond
    to a thousand years. The k-th value costs a walk over the doublings, and over the buckets of one.
    """

    __slots__ = ("_counts", "_doublings", "_size")

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self._counts: dict[int, int] = {}
        self._doublings: dict[int, int] = {}
        self._size = 0
        for at, count in counts:
            self._put(at, count)

    def add(self, value: int) -> None:
        at = bucket(value)
        counts, doublings = self._counts, self._doublings
        counts[at] = counts.get(at, 0) + 1
        at >>= _FINE
        doublings[at] = doublings.get(at, 0) + 1
        self._size += 1

    def remove(self, value: int) -> None:
        """Takes out what was added; KeyError where no such value can have been."""
        at = bucket(value)
        if at not in self._counts:
            raise KeyError(value)
        self._put(at, -1)

    def update(self, other: "Sketch") -> None:
        """Adds all values of the other."""
        for at, count in other.counts():
            self._put(at, count)

    def counts(self) -> Iterator[tuple[int, int]]:
        """Buckets with the numbers of their values: what `Sketch` makes one of again."""
        yield from self._counts.items()

    @property
    def zeros(self) -> int:
        """How many of the values are 0."""
        return self._counts.get(0, 0)

    def _put(self, at: int, count: int) -> None:
        self._size += count
        _count(self._counts, at, count)
        _count(self._doublings, at >> _FINE, count)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        for doubling in sorted(self._doublings):
            if index < self._doublings[doubling]:
                break
            index -= self._doublings[doubling]
        else:
            raise IndexError(index)
        for at in range(doubling << _FINE, (doubling + 1) << _FINE):
            index -= self._counts.get(at, 0)
            if index < 0:
                return middle(at)
        raise AssertionError("the counts of a doubling are those of its buckets")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]


def _count(counts: dict[int, int], key: int, more: int) -> None:
    now = counts.get(key, 0) + more
    if now:
        counts[key] = now
    else:
        del counts[key]
