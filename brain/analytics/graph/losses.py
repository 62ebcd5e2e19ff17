"""What is lost when one thing alone is, for many things at once: the single points of failure, with redundancy counted.

Each node has a bit for each candidate: whether that candidate's loss alone is its own. A group has the bits that all of its
providers have, a node the bits of any of its groups and its own. Where every node has one group and nothing goes in a circle the
bits of a node are its dominators (Lengauer, Tarjan, 1979), seen from whatever needs nothing. The least such bits are wanted:
things that keep each other going go on. Delays and buffers play no part: the loss is for good.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from brain.analytics.deadline import late
from brain.analytics.graph.reach import AT_ONCE, WORD, Bits, empty_bits, places, within
from brain.analytics.graph.snapshot import Bools, Ints, Snapshot, firsts, seconds
from brain.analytics.graph.times import Needs


def fatal_alone(snapshot: Snapshot) -> Bools:
    """The nodes whose loss alone takes others down: the first that goes needs it, and nothing else will do instead."""
    needs, found = snapshot.needs, np.zeros(snapshot.count, bool)
    dependent, provider = firsts(needs), seconds(needs)
    counts = ~snapshot.closed[dependent] & (dependent != provider)
    counts[np.searchsorted(needs, snapshot.choices[2])] = False
    found[provider[counts]] = True
    return found


@dataclass(frozen=True)
class Losses:
    """Of each of the `candidates` that was looked at: how many other nodes its loss alone takes down, `counted` of them alone;
    `left` is how many were not looked at, for want of time."""

    candidates: Ints
    lost: Ints
    counted: Ints
    left: int


def losses(snapshot: Snapshot, candidates: Sequence[int], counted: Bools, until: float | None = None) -> Losses:
    """In the order of the candidates. `until` is of time.monotonic."""
    lost, among = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    given = np.array(candidates, np.int64)
    for some, nodes, bits in fatal(snapshot, given, until=until):
        lost.append(_counts(bits, len(some)) - 1)
        among.append(_counts(bits[counted[nodes]], len(some)) - counted[some])
    found = np.concatenate(lost)
    return Losses(given[: len(found)], found, np.concatenate(among), len(given) - len(found))


def fatal(
    snapshot: Snapshot, candidates: Ints, among: Bools | None = None, until: float | None = None
) -> Iterator[tuple[Ints, Ints, Bits]]:
    """Of the candidates, some at a time in their order: these, all nodes that their loss might reach (those whose lives are not
    over; if `among` is given these alone, over or not), and for each the candidates, as bits by place, whose loss alone is its
    own. Ends at `until` (of time.monotonic) with those of whom it is known."""
    # Where time is short, few at first: what is not done in time is done for nothing.
    done, step = 0, AT_ONCE if until is None else WORD
    while done < len(candidates) and not late(until):
        some = candidates[done : done + step]
        found = _fatal(snapshot, some, among, until)
        if late(until):
            return
        yield some, *found
        done, step = done + len(some), min(2 * step, AT_ONCE)


def _fatal(snapshot: Snapshot, candidates: Ints, among: Bools | None, until: float | None) -> tuple[Ints, Bits]:
    open_ = ~snapshot.closed if among is None else among
    nodes = np.flatnonzero(within(snapshot.feeds_start, snapshot.feeds, candidates, among=open_))
    bits, (word, bit) = empty_bits(len(nodes) + 1, len(candidates)), places(len(candidates))  # the last: of all not reached
    np.bitwise_or.at(bits, (np.searchsorted(nodes, candidates), word), bit)
    dependents = nodes[(np.diff(snapshot.needs_start)[nodes] > 0) & open_[nodes]]
    if len(dependents):
        _fill(snapshot, nodes, bits, dependents, until)
    return nodes, bits[:-1]


def _fill(snapshot: Snapshot, nodes: Ints, bits: Bits, dependents: Ints, until: float | None) -> None:
    of, level = snapshot.condensed
    order = np.argsort(level[dependents], kind="stable")
    dependents = dependents[order]
    level = level[dependents]
    circles = frozenset(level[(np.bincount(of) > 1)[of[dependents]]].tolist())
    needs = Needs.of(snapshot, dependents)
    number = np.full(snapshot.count, len(nodes), np.int64)
    number[nodes] = np.arange(len(nodes))
    provider, dependent = number[seconds(needs.edges)], number[dependents]
    cuts = [0, *(np.flatnonzero(np.diff(level)) + 1).tolist(), len(level)]
    group = [*needs.first.tolist(), len(needs.heads)]
    edge = [*needs.heads.tolist(), len(needs.edges)]
    for begin, end in pairwise(cuts):
        groups, edges = slice(group[begin], group[end]), slice(edge[group[begin]], edge[group[end]])
        first, heads = needs.first[begin:end] - group[begin], needs.heads[groups] - edges.start
        again = True
        while again and not late(until):
            told = np.bitwise_and.reduceat(bits[provider[edges]], heads, axis=0)
            new = bits[dependent[begin:end]] | np.bitwise_or.reduceat(told, first, axis=0)
            # In a circle what one gets may be another's; elsewhere once is enough.
            again = int(level[begin]) in circles and not np.array_equal(new, bits[dependent[begin:end]])
            bits[dependent[begin:end]] = new


def _counts(bits: Bits, candidates: int) -> Ints:
    """How many rows have each bit."""
    found = []
    for word in range(bits.shape[1]):
        held = bits[:, word]
        held = held[held != 0]
        single = np.unpackbits(held.astype("<u8").view(np.uint8).reshape(len(held), 8), axis=1, bitorder="little")
        found.append(single.sum(axis=0, dtype=np.int64))
    return np.concatenate(found)[:candidates]
