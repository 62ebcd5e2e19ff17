"""Things that need each other in a circle: where order should be, most often a slip of whoever declared it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from brain.analytics.deadline import deadline, in_time, late
from brain.analytics.graph.impact import Carrier, carrier
from brain.analytics.graph.order import condensed
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.snapshot import NODE_MASK, ROW, Bools, Ints, Snapshot, firsts, kinds, rows, seconds

MOST = 20
"""Circles, and things of each, that are told one by one."""


@dataclass(frozen=True, slots=True)
class Circle:
    """`count` things each of which needs all the others; `ids` are the first of them. `via` is a shortest way round, as a loss
    goes, from the first of them back to it; empty where there was no time to seek one. `relation`: by which alone they are
    joined; null, where it takes several."""

    count: int
    ids: tuple[str, ...]
    relation: str | None
    via: tuple[Carrier, ...]


@dataclass(frozen=True, slots=True)
class Circles:
    """Those by one relation alone first, then the larger. `partial` where the deadline came first: `unexplored` relations were
    not looked at (that of all together is one more), or of what is told no way round was sought."""

    circles: tuple[Circle, ...]
    count: int
    definition: str
    ontology_version: str
    partial: bool = False
    unexplored: int = 0
    reflects: Reflects = field(compare=False, kw_only=True)


DEFINITION = (
    "strongly connected components of the declared dependencies by each relation, and by all together where it takes several,"
    " with a shortest way round; one by a single relation (a part of its own part) is most likely a slip"
)


def circles(snapshot: Snapshot, first: int = MOST, patience: float | None = None, each: int = MOST) -> Circles:
    """The `first` of them, with the ids of so many things of `each`. `patience` in seconds."""
    until, found = deadline(patience), list[tuple[tuple[int, ...], int | None]]()
    unexplored = len(snapshot.kinds) + 1
    for number in in_time(range(unexplored), until):
        unexplored -= 1
        if unexplored:
            found += [(members, number) for members in _by_kind(snapshot, number)]
        else:  # by all together what is by one alone is found again
            alone = {members for members, _ in found}
            found += [(members, None) for members in _joined(snapshot.condensed[0]) if members not in alone]
    order = sorted(found, key=lambda one: (one[1] is None, -len(one[0]), snapshot.ids[one[0][0]]))
    told = tuple(_circle(snapshot, members, number, each, until) for members, number in order[:first])
    partial = unexplored > 0 or not all(circle.via for circle in told)
    version = snapshot.ontology_version
    return Circles(told, len(found), DEFINITION, version, partial, unexplored, reflects=snapshot.reflects)


def _by_kind(snapshot: Snapshot, number: int) -> Iterator[tuple[int, ...]]:
    edges = snapshot.needs[kinds(snapshot.needs) == number]
    if len(edges):
        dependent, provider = firsts(edges), seconds(edges)
        yield from ((node,) for node in dependent[dependent == provider].tolist())
        yield from _joined(condensed(snapshot.count, provider, dependent)[0])


def _joined(of: Ints) -> Iterator[tuple[int, ...]]:
    heads, sizes = np.unique(of, return_counts=True)
    among = np.flatnonzero(np.isin(of, heads[sizes > 1]))
    order = among[np.argsort(of[among], kind="stable")]
    for members in np.split(order, np.flatnonzero(np.diff(of[order])) + 1) if len(order) else ():
        yield tuple(members.tolist())


def _circle(snapshot: Snapshot, members: tuple[int, ...], number: int | None, each: int, until: float | None) -> Circle:
    among = np.zeros(snapshot.count, bool)
    among[list(members)] = True
    ids = sorted(snapshot.ids[node] for node in members)
    way = [] if late(until) else _round(snapshot, snapshot.index[ids[0]], among, number)
    relation = None if number is None else snapshot.kinds[number].relation
    return Circle(len(ids), tuple(ids[:each]), relation, tuple(carrier(snapshot, edge) for edge in way))


def _round(snapshot: Snapshot, start: int, among: Bools, number: int | None) -> list[int]:
    """The edges of a shortest way from the node, over what it needs, back to it; turned round, as a loss goes."""
    by: dict[int, int] = {}
    level, alone = [start], among.sum() == 1
    while start not in by:
        edges = rows(snapshot.needs_start, snapshot.needs, np.array(level))
        edges = edges[among[seconds(edges)] & ((kinds(edges) == number) | (number is None))]
        edges = edges[(firsts(edges) != seconds(edges)) | alone]
        level = []
        for edge in edges.tolist():
            provider = edge & NODE_MASK
            if provider not in by:
                by[provider] = edge
                level.append(provider)
    way = [by[start]]
    while (dependent := way[-1] >> ROW) != start:
        way.append(by[dependent])
    return way
