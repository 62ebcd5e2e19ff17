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
from brain.registers import new
from brain.schema import Value
from brain.versions import canonical

END = 2**63 - 1
"""The last position of any chain."""

CLOCK = "#"
"""The tip that has no register of its own: it tells how far the versions of a chain have come. No property has such a name."""


class Tip(NamedTuple):
    """What a chain has said last, and the greatest valid time in it with the least position that has that.

    The product of two semilattices, so that tips merge in any order: of what only the latest is kept this is all that there is
    to keep, though a later word may still change from when on the last one is effective.
    """

    position: int
    authority: int
    event: str
    source: str
    greatest: int
    least: int

    @property
    def stamp(self) -> Stamp:
        """Of what was said last. It only grows when tips are joined."""
        return new(Stamp, (self.greatest, self.position - self.least, self.authority, self.event, self.source))


class Word(NamedTuple):
    """What stands at the tip of a chain in one register. Those of one event share their tip."""

    tip: Tip
    value: Value


def tip_of(order: Order, stamp: Stamp) -> Tip:
    """Of one event alone, by its stamp as claimed."""
    return new(Tip, (order.position, stamp.authority, stamp.event, stamp.source, stamp.valid, order.position))


def joined(a: Word, b: Word) -> Word:
    """The join of what one chain says of one register: `a` itself where `b` adds nothing. Two values of one event in one place
    contradict; the greater text wins."""
    old, tip = a[0], b[0]
    if tip[0] > old[0] and tip[4] > old[4]:
        # As good as always: the later word by a later clock.
        return b
    if tip[:4] != old[:4]:
        later = tip[:4] > old[:4]
    else:
        later = b.value is not a.value and canonical(b.value) > canonical(a.value)
    further = tip.greatest > old.greatest or (tip.greatest == old.greatest and tip.least < old.least)
    if not later and not further:
        return a
    if later and further:
        return b
    return Word(Tip(*(tip if later else old)[:4], *(tip if further else old)[4:]), b.value if later else a.value)


class Advance(NamedTuple):
    """What versions do to the clock of their chain: `timely` are those that changed nothing before them, each with its effective
    stamp; `late` those that may change the stamps of what is known already."""

    clock: Tip
    timely: list[tuple[Version, Stamp]]
    late: list[Version]


def advance(clock: Tip | None, versions: Iterable[Version]) -> Advance:
    """Versions of one chain of one subject, any number at a time, against the clock of all that were known before."""
    places: defaultdict[int, list[Version]] = defaultdict(list)
    for version in versions:
        assert version.order is not None
        places[version.order.position].append(version)
    top, greatest, least = (-1, 0, 0) if clock is None else (clock.position, *clock[4:])
    timely, late = list[tuple[Version, Stamp]](), list[Version]()
    for position in sorted(places):
        said = places[position]
        valid = max([version.stamp.valid for version in said])
        known = position > top or (position == top and valid <= greatest)
        if top < 0 or valid > greatest or (valid == greatest and position < least):
            greatest, least = valid, position
        top = max(top, position)
        if known:
            time = (greatest, position - least)
            timely += [(version, new(Stamp, (*time, *version.stamp[2:]))) for version in said]
        else:
            late += said
    return Advance(Tip(top, 0, "", "", greatest, least), timely, late)


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
        found += [version._replace(stamp=stamp) for version, stamp in advance(None, said).timely]
    return found
