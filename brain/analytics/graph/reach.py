"""What can be reached: everything that hangs on a thing, or on which it hangs, whatever redundancy there is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brain.analytics.deadline import late
from brain.analytics.graph.snapshot import NODE_BITS, NODE_MASK, Bools, Ints, Snapshot, distinct, firsts, rows, seconds

WORD = 64
AT_ONCE = 16 * WORD
"""Sets that are found together: a bit each in the row of a node."""
SMALL, MANY = 64, 16
"""Nodes of a set that is found by itself, and how many times as many edges it may have in one step."""

Bits = NDArray[np.uint64]


def descendants(snapshot: Snapshot, node: int) -> Ints:
    """The nodes that hang on it, directly or not, in order of number; without itself."""
    return _beside(within(snapshot.feeds_start, snapshot.feeds, np.array([node])), node)


def ancestors(snapshot: Snapshot, node: int) -> Ints:
    """The nodes on which it hangs."""
    return _beside(within(snapshot.needs_start, snapshot.needs, np.array([node])), node)


def _beside(seen: Bools, node: int) -> Ints:
    seen[node] = False
    return np.flatnonzero(seen)


def within(
    start: Ints, keys: Ints, nodes: Ints, depth: int | None = None, among: Bools | None = None, until: float | None = None
) -> Bools:
    """Which nodes at most `depth` edges lead to from some, which are themselves among them; over those alone that are `among`.
    At `until` it has those to which the fewest edges lead."""
    seen = np.zeros(len(start) - 1, bool)
    seen[nodes] = True
    while len(nodes) and depth != 0 and not late(until):
        met = seconds(rows(start, keys, nodes))
        new = ~seen[met] if among is None else ~seen[met] & among[met]
        nodes = distinct(met[new], len(seen))
        seen[nodes] = True
        depth = None if depth is None else depth - 1
    return seen


def descendant_sets(snapshot: Snapshot, nodes: Sequence[int]) -> list[Ints]:
    """`descendants` of many nodes in one walk over the graph: each node has a bit for each of them (Then et al.: *The More the
    Merrier: Efficient Multi-Source Graph Traversal*, 2014), and the walk goes level by level over what is left of cycles. Small
    sets, for which most bits would be unset, are found one by one before, together too."""
    roots = np.array(nodes, np.int64)
    found, large = _small_sets(snapshot, roots)
    for i in range(0, len(large), AT_ONCE):
        some = large[i : i + AT_ONCE]
        for place, members in zip(some.tolist(), _sets(snapshot, roots[some]), strict=True):
            found[place] = members
    return found


def _small_sets(snapshot: Snapshot, roots: Ints) -> tuple[list[Ints], Ints]:
    """The sets of at most `SMALL` nodes, with empty ones for all others, and the places of these."""
    start, keys = snapshot.feeds_start, snapshot.feeds
    large, place, node = np.zeros(len(roots), bool), np.arange(len(roots)), roots
    pairs = place << NODE_BITS | node
    while len(place):
        sizes = start[node + 1] - start[node]
        large |= np.bincount(place, sizes, minlength=len(roots)) > MANY * SMALL  # of so many edges few lead to the same
        place, node, sizes = (some[~large[place]] for some in (place, node, sizes))
        met = np.sort(np.repeat(place, sizes) << NODE_BITS | seconds(rows(start, keys, node)))
        met = met[np.append(True, met[1:] != met[:-1])] if len(met) else met
        where = np.minimum(np.searchsorted(pairs, met), len(pairs) - 1)
        new = met[pairs[where] != met]
        pairs = np.sort(np.concatenate([pairs, new]))
        large |= np.bincount(pairs >> NODE_BITS, minlength=len(roots)) > SMALL + 1  # and the root itself
        pairs, new = (some[~large[some >> NODE_BITS]] for some in (pairs, new))
        place, node = new >> NODE_BITS, new & NODE_MASK
    pairs = pairs[pairs & NODE_MASK != roots[pairs >> NODE_BITS]]
    ends = np.searchsorted(pairs >> NODE_BITS, np.arange(1, len(roots)))
    return np.split(pairs & NODE_MASK, ends)[: len(roots)], np.flatnonzero(large)


def _sets(snapshot: Snapshot, roots: Ints) -> list[Ints]:
    """What is reached is numbered by what is left of cycles, between which the edges run, from lower to higher levels."""
    of, level = snapshot.condensed
    nodes = np.flatnonzero(within(snapshot.feeds_start, snapshot.feeds, roots))
    touched = distinct(of[nodes], len(of))
    number = np.zeros(len(of), np.int64)
    number[touched] = np.arange(len(touched))
    bits, (word, bit) = empty_bits(len(touched), len(roots)), places(len(roots))
    np.bitwise_or.at(bits, (number[of[roots]], word), bit)
    edges = rows(snapshot.feeds_start, snapshot.feeds, nodes)
    provider, dependent = of[firsts(edges)], of[seconds(edges)]
    across = provider != dependent
    provider, dependent = provider[across], dependent[across]
    _spread(bits, number[provider], number[dependent], level[dependent])
    told = bits[number[of[nodes]]]
    # None hangs on itself.
    np.bitwise_and.at(told, (np.searchsorted(nodes, roots), word), ~bit)
    return _members(told, nodes, len(roots))


def empty_bits(nodes: int, roots: int) -> Bits:
    """None of so many roots is set in any row."""
    return np.zeros((nodes, -(-roots // WORD)), np.uint64)


def places(count: int) -> tuple[Ints, Bits]:
    """The word and the bit of each of so many roots in a row."""
    numbers = np.arange(count)
    return numbers // WORD, np.uint64(1) << (numbers % WORD).astype(np.uint64)


def _spread(bits: Bits, provider: Ints, dependent: Ints, level: Ints) -> None:
    """Give to each dependent the bits of its providers, level by level of the dependents, in place."""
    order = np.argsort(level << 32 | dependent)
    provider, dependent, level = provider[order], dependent[order], level[order]
    cuts = np.flatnonzero(np.diff(level)) + 1
    for begin, end in zip([0, *cuts], [*cuts, len(level)], strict=True):
        if begin == end:
            continue
        into = dependent[begin:end]
        heads = np.concatenate([[0], np.flatnonzero(np.diff(into)) + 1])
        bits[into[heads]] |= np.bitwise_or.reduceat(bits[provider[begin:end]], heads, axis=0)


def _members(bits: Bits, nodes: Ints, count: int) -> list[Ints]:
    """The nodes of each of so many bits."""
    found = []
    for word in range(bits.shape[1]):
        told = np.flatnonzero(bits[:, word])
        held, members = bits[told, word], nodes[told]
        found += [members[held & np.uint64(1 << place) != 0] for place in range(min(WORD, count - word * WORD))]
    return found
