"""What a step depends on, further and further upstream, and when: over relations as they held at each moment.

A step needs whoever carries it out and, at the same remove as that one's own needs, the place or equipment where they work; the
assets among its objects; and what waits for it, with its needs. Which end of a relation needs the other the ontology says
(`eb:dependency`), as in `dependencies`. An asset is upstream at a moment where a chain of at most `DEPTH` relations leads to it,
each of which held then.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from brain.analytics.calendars import Interval, common, merged
from brain.analytics.relations import END

DEPTH = 3
ALWAYS: Interval = (-END, END)


class Need(NamedTuple):
    """Something depends on `needed` by a relation while that held: disjoint intervals in order, µs."""

    relation: str
    needed: str
    held: Sequence[Interval]


Needs = Mapping[str, Sequence[Need]]
"""By what depends."""


class PathLeg(NamedTuple):
    """One relation of a path: `dependent` needs `needed`, whichever way the relation itself points."""

    dependent: str
    relation: str
    needed: str


def upstream(starts: Sequence[str], needs: Needs, places: Needs) -> dict[str, list[Interval]]:
    """All that the starts depend on, themselves included, and when. `places` are needed by the starts alone."""
    layer = {start: [ALWAYS] for start in starts}
    found: defaultdict[str, list[Interval]] = defaultdict(list)
    for distance in range(DEPTH + 1):
        following: defaultdict[str, list[Interval]] = defaultdict(list)
        for node, when in layer.items():
            found[node] += when
            for need in _needs(node, distance, needs, places):
                following[need.needed] += common(when, need.held)
        layer = {node: list(merged(sorted(when))) for node, when in following.items() if when}
    return {node: list(merged(sorted(when))) for node, when in found.items()}


def path(starts: Sequence[str], asset: str, at: int, needs: Needs, places: Needs) -> tuple[PathLeg, ...] | None:
    """A shortest chain of relations that held at that moment, from a start to the asset; of several the first by its ids. Empty
    where the asset is a start, None where it was not upstream."""
    chains: dict[str, tuple[PathLeg, ...]] = dict.fromkeys(starts, ())
    layer = sorted(starts)
    for distance in range(DEPTH):
        following = []
        for node in layer:
            for need in sorted(_needs(node, distance, needs, places)):
                if need.needed not in chains and any(start <= at < end for start, end in need.held):
                    chains[need.needed] = (*chains[node], PathLeg(node, need.relation, need.needed))
                    following.append(need.needed)
        layer = following
    return chains.get(asset)


def _needs(node: str, distance: int, needs: Needs, places: Needs) -> Iterator[Need]:
    yield from needs.get(node, ())
    if distance == 0:
        yield from places.get(node, ())
