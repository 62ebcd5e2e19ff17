"""Chains: events that their source numbers, or of which one answers the other. Within a chain the place beats the clock.

What stands at position p of a chain is effective from its hybrid logical time (l, c) on (Kulkarni, Demirbas, Madappa, Avva,
Leone: *Logical Physical Clocks*, 2014), as a function of the set of events rather than of their arrival: l is the greatest valid
time at any position up to p, and c = p − q, where q is the least position that has it. So l never falls along a chain, c grows
while l stands still, and an event whose clock is ahead of all before it keeps its own time, with c = 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from brain.model import Order, Stamp, Version
from brain.schema import Value
from brain.versions import canonical

END = 2**63 - 1
"""The last position of any chain."""

CLOCK = "#"
"""The tip that has no register of its own: it tells how far the versions of a chain have come. No property has such a name."""

new = tuple.__new__


class Tip(NamedTuple):
    """What a chain has said last, and the greatest valid time in it with the least position that has that.

    The product of two semilattices, so that tips merge in any order: of what only the latest is kept this is all that there is
    to keep, though a later word may still change from when on the last one is effective.
    """

    position: int
    authority: int
    event: str
    source: str
    value: Value
    greatest: int
    least: int

    @property
    def stamp(self) -> Stamp:
        """Of what was said last. It only grows when tips are joined."""
        return new(Stamp, (self.greatest, self.position - self.least, self.authority, self.event, self.source))


def tip(order: Order, stamp: Stamp, value: Value) -> Tip:
    """What one event says, by its stamp as claimed."""
    return new(Tip, (order.position, stamp.authority, stamp.event, stamp.source, value, stamp.valid, order.position))


def joined(a: Tip, b: Tip) -> Tip:
    """The join of two tips of one chain: `a` itself where `b` adds nothing. Two values of one event in one place contradict; the
    greater text wins."""
    if b[:4] != a[:4]:
        later = b[:4] > a[:4]
    else:
        later = b.value is not a.value and canonical(b.value) > canonical(a.value)
    further = b.greatest > a.greatest or (b.greatest == a.greatest and b.least < a.least)
    if later and further:
        return b
    if not later and not further:
        return a
    return new(Tip, ((b if later else a)[:5] + (b if further else a)[5:]))


class Advance(NamedTuple):
    """What versions do to the clock of their chain: `timely` are those that changed nothing before them, with effective stamps;
    `late` those that may change the stamps of what is known already."""

    clock: Tip | None
    timely: list[Version]
    late: list[Version]


def advance(clock: Tip | None, versions: Sequence[Version]) -> Advance:
    """Versions of one chain of one subject, any number at a time, against the clock of all that were known before."""
    greatest: dict[int, int] = {}
    for version in versions:
        position, valid = _place(version).position, version.stamp.valid
        greatest[position] = max(valid, greatest.get(position, valid))
    times: dict[int, tuple[int, int]] = {}
    for position in sorted(greatest):
        valid = greatest[position]
        known = clock is None or position > clock.position or (position == clock.position and valid <= clock.greatest)
        here = Tip(position, 0, "", "", None, valid, position)
        clock = here if clock is None else joined(clock, here)
        if known:
            times[position] = clock.greatest, position - clock.least
    timely, late = [], []
    for version in versions:
        position = _place(version).position
        if position in times:
            valid, logical = times[position]
            timely.append(version._replace(stamp=version.stamp._replace(valid=valid, logical=logical)))
        else:
            late.append(version)
    return Advance(clock, timely, late)


def by_chain(versions: Iterable[Version]) -> dict[tuple[str, str], list[Version]]:
    """Those that stand in a chain, by their subject and the chain."""
    found: defaultdict[tuple[str, str], list[Version]] = defaultdict(list)
    for version in versions:
        if version.order is not None:
            found[version.subject, version.order.chain].append(version)
    return found


def effective(versions: Sequence[Version]) -> Sequence[Version]:
    """The versions with their effective stamps, in no promised order; they are all that is known of their subjects."""
    chains = by_chain(versions)
    if not chains:
        return versions
    found = [version for version in versions if version.order is None]
    for said in chains.values():
        found += advance(None, said).timely
    return found


def _place(version: Version) -> Order:
    assert version.order is not None
    return version.order
