"""What stops when a thing is down, when and by which way; and what may be behind a thing that is down. On declared dependencies.

Nothing here reads a store: the answer is worked out on a snapshot, and is of the moment and the marks that it reflects.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from brain.analytics.deadline import deadline
from brain.analytics.graph.degraded import FULL, Fallen, fall, parts_per_million
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.snapshot import (
    MICRO,
    NODE_BITS,
    NODE_MASK,
    ROW,
    Basis,
    Bools,
    Ints,
    Snapshot,
    seconds,
)
from brain.analytics.graph.times import NEVER, Needs, Spread, beneath, carriers, spread, way
from brain.errors import BadQuery
from brain.model import Instant
from brain.query import NOW, AsOf
from brain.schema import Schema
from brain.told import UNTOLD

DEPTH = 20
MOST = 1000
"""Things that are told one by one; all are counted."""
LEFT = 5
"""Providers that are named where redundancy absorbs a loss."""


class Part(StrEnum):
    """The part that a thing plays."""

    OBJECT = "object"
    """What work moves along, whose life is not over: an order, a patient."""
    ASSET = "asset"
    PERSON = "person"
    PLACE = "place"
    PROCESS = "process"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Carrier:
    """One dependency on the way: `dependent` needs `provider` by `relation`. `basis` says whether somebody declared it."""

    provider: str
    relation: str
    dependent: str
    basis: Basis
    delay_seconds: float
    at: AsOf = field(default=NOW, metadata=UNTOLD)
    """The point in time of the graph that it is of: at that point `evidence` finds what says so."""
    merged: AsOf | None = field(default=None, metadata=UNTOLD)
    """The point of whose merges its ids are; None: of `at`."""


@dataclass(frozen=True, slots=True)
class Affected:
    """`after_seconds` is the expected time from the loss of the root until this is lost, or does less: the delays and buffers on
    the way. `capacity` is the least that is left of what it gives while the root is down, 0 to 1."""

    id: str
    cls: str
    name: str | None
    part: Part
    after_seconds: float
    at: Instant | None
    distance: int
    via: tuple[Carrier, ...]
    capacity: float = 0.0


@dataclass(frozen=True, slots=True)
class Absorbed:
    """It needs what is lost and goes on: by REDUNDANCY as long as one of `left` does (at most five are named), or by its BUFFER,
    which lasts for `buffer_seconds`."""

    id: str
    cls: str
    name: str | None
    part: Part
    by: str
    left: tuple[str, ...]
    buffer_seconds: float


@dataclass(frozen=True, slots=True)
class Counted:
    part: Part
    count: int


@dataclass(frozen=True, slots=True)
class Impact:
    """What is lost while `id` is down, nearest in time first, at most `first` of them; `counts` are of all. Where it has a
    `capacity` left, what then does less.

    `at` is when it goes down and `lasts_seconds` for how long (null: not said, and for good). `partial`: the deadline or the
    depth was reached, `unexplored` things were lost from which was not looked further, some of them named.
    """

    id: str
    cls: str
    name: str | None
    at: Instant | None
    lasts_seconds: float | None
    depth: int
    counts: tuple[Counted, ...]
    affected: tuple[Affected, ...]
    absorbed: tuple[Absorbed, ...]
    absorbed_count: int
    partial: bool
    unexplored: int
    unexplored_ids: tuple[str, ...]
    definition: str
    ontology_version: str
    capacity: float = 0.0
    reflects: Reflects = field(compare=False, kw_only=True)


DEFINITION = (
    "a thing is lost once all providers of a group that it needs are (those of one relation where the ontology says that any of"
    " them is enough, else each alone), after the relation's delay and its own bufferTime; what is closed needs nothing;"
    " declared dependencies"
)

DEGRADED = (
    "; what a thing gives is the least of what is left of it and of what it gets by each group: the sum of the group's providers,"
    " at most 1; its bufferTime makes up for what is missing, at that rate"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """`at` in µs, `lasts` in µs (None: for good), `seconds` of patience (None: as long as it takes). `capacity` is what is left
    of the thing, 0 to below 1."""

    at: int | None = None
    lasts: int | None = None
    depth: int = DEPTH
    first: int = MOST
    seconds: float | None = None
    capacity: float = 0.0


def graph_of(at: int | None, as_of: int | None, known: int | None, now: int) -> AsOf:
    """The point whose graph an impact from `at` on is of, µs: the one that is asked for, else that of `at` where it is past. What
    went down yesterday took with it what hung on it yesterday."""
    return AsOf(as_of if as_of is not None else at if at is not None and at < now else None, known)


def parts_of(snapshot: Snapshot, schema: Schema) -> tuple[Part, ...]:
    """The part of each class of the snapshot."""
    return tuple(part_of(schema, name) for name in snapshot.classes)


def part_of(schema: Schema, name: str) -> Part:
    if schema.classes[name].closed_by:
        return Part.OBJECT
    kernel = {
        "WorkObject": Part.OBJECT,
        "Asset": Part.ASSET,
        "Agent": Part.PERSON,
        "Location": Part.PLACE,
        "Process": Part.PROCESS,
    }
    return next((part for ancestor, part in kernel.items() if schema.is_a(name, ancestor)), Part.OTHER)


def impact(snapshot: Snapshot, schema: Schema, id: str, asked: Asked = Asked()) -> Impact:
    """BadQuery for a thing that no dependency touches."""
    root = numbered(snapshot, id)
    until = deadline(asked.seconds)
    found = loss(snapshot, root, asked, until)
    lost = found.reached[found.reached != root]
    told = Telling(snapshot, schema, found, asked.at)
    absorbing = _absorbing(snapshot, found)
    unexplored = found.open.tolist()
    return Impact(
        id,
        snapshot.classes[snapshot.cls[root]],
        snapshot.names[root],
        None if asked.at is None else Instant(asked.at),
        None if asked.lasts is None else asked.lasts / MICRO,
        asked.depth,
        told.counts(lost),
        told.all(lost[: asked.first]),
        tuple(_absorbed(told, absorbing, asked.first)),
        len(absorbing),
        bool(unexplored),
        len(unexplored),
        tuple(snapshot.ids[node] for node in unexplored[:LEFT]),
        DEFINITION + (DEGRADED if isinstance(found, Fallen) else ""),
        snapshot.ontology_version,
        asked.capacity,
        reflects=snapshot.reflects,
    )


def loss(snapshot: Snapshot, root: int, asked: Asked, until: float | None, start: Fallen | None = None) -> Spread:
    """What goes with the root, or does less; of what all has come down to before (`start`). `until` is of time.monotonic."""
    if start is None and not asked.capacity:
        return spread(snapshot, [root], lasts=asked.lasts, depth=asked.depth, until=until)
    own = {root: parts_per_million(asked.capacity)}
    return fall(snapshot, own, lasts=asked.lasts, depth=asked.depth, start=start, until=until)


def numbered(snapshot: Snapshot, id: str) -> int:
    number = snapshot.number(id)
    if number is None:
        raise BadQuery(f"{id!r} has no dependency, in either direction; `brain ontology show CLASS` tells which relations are")
    return number


class Telling:
    """Numbers as what they stand for."""

    def __init__(self, snapshot: Snapshot, schema: Schema, found: Spread, at: int | None) -> None:
        self.snapshot, self.found, self._at = snapshot, found, at
        self._parts = parts_of(snapshot, schema)
        self._carried = found.by if isinstance(found, Fallen) else np.full(snapshot.count, -1)

    def part(self, node: int) -> Part:
        return self._parts[int(self.snapshot.cls[node])]

    def counts(self, nodes: Ints) -> tuple[Counted, ...]:
        by_class = np.bincount(self.snapshot.cls[nodes], minlength=len(self._parts)).tolist()
        counted = Counter[Part]()
        for part, count in zip(self._parts, by_class, strict=True):
            counted[part] += count
        return tuple(Counted(part, counted[part]) for part in Part if counted[part])

    def all(self, nodes: Ints) -> tuple[Affected, ...]:
        """What becomes of some that are lost, in their order. Their ways are looked for only here: few of many may be told."""
        if not isinstance(self.found, Fallen):
            carriers(self.snapshot, self.found, nodes, known=self._carried)
        return tuple(self._affected(node) for node in nodes.tolist())

    def _affected(self, node: int) -> Affected:
        snapshot, after = self.snapshot, self.found.time(node)
        return Affected(
            snapshot.ids[node],
            snapshot.classes[snapshot.cls[node]],
            snapshot.names[node],
            self.part(node),
            after / MICRO,
            None if self._at is None else Instant(self._at + after),
            self.found.distance(node),
            tuple(carrier(snapshot, edge) for edge in way(self._carried, node, self.found.value)),
            self.capacity(node),
        )

    def capacity(self, node: int) -> float:
        return int(self.found.capacity[node]) / FULL if isinstance(self.found, Fallen) else 0.0


def carrier(snapshot: Snapshot, edge: int) -> Carrier:
    kind, dependent = snapshot.kind_of(edge), edge >> ROW
    delay = kind.delay + int(snapshot.buffer[dependent])
    ends = snapshot.ids[edge & NODE_MASK], kind.relation, snapshot.ids[dependent]
    return Carrier(*ends, kind.basis, delay / MICRO, snapshot.at, snapshot.merged)


def _absorbing(snapshot: Snapshot, found: Spread) -> Ints:
    """What needs something that is lost, and is not lost itself."""
    asking, going = found.value < NEVER, (found.value == NEVER) & ~snapshot.closed
    asking[found.open] = False
    return np.flatnonzero(beneath(snapshot, np.flatnonzero(asking), going) & going)


def _absorbed(told: Telling, nodes: Ints, first: int) -> Iterable[Absorbed]:
    """In order of id."""
    snapshot, found = told.snapshot, told.found
    nodes = np.array(sorted(nodes.tolist(), key=lambda node: snapshot.ids[node])[:first], np.int64)
    if not len(nodes):
        return
    needs = Needs.of(snapshot, nodes)
    hit = found.value[seconds(needs.edges)] < NEVER
    level = found.capacity[seconds(needs.edges)] if isinstance(found, Fallen) else np.where(hit, 0, FULL)
    # Of some group less is left than it needs: it goes on for a time only, longer than the root is down.
    gone, buffered = level == 0, np.minimum.reduceat(np.add.reduceat(level, needs.heads), needs.first) < FULL
    ends = [*needs.heads[needs.first].tolist(), len(hit)]
    for i, node in enumerate(nodes.tolist()):
        edges = slice(ends[i], ends[i + 1])
        left = () if buffered[i] else _left(snapshot, needs.edges[edges], hit[edges], gone[edges])
        yield _absorbs(told, node, bool(buffered[i]), left)


def _left(snapshot: Snapshot, edges: Ints, hit: Bools, gone: Bools) -> tuple[str, ...]:
    """The providers that are left by a relation by which others are hit: of all other relations each is needed."""
    kinds = {edge >> NODE_BITS for edge in edges[hit].tolist()}
    left = [snapshot.ids[edge & NODE_MASK] for edge in edges[~gone].tolist() if edge >> NODE_BITS in kinds]
    return tuple(sorted(left)[:LEFT])


def _absorbs(told: Telling, node: int, buffered: bool, left: tuple[str, ...]) -> Absorbed:
    snapshot = told.snapshot
    return Absorbed(
        snapshot.ids[node],
        snapshot.classes[snapshot.cls[node]],
        snapshot.names[node],
        told.part(node),
        "BUFFER" if buffered else "REDUNDANCY",
        left,
        int(snapshot.buffer[node]) / MICRO,
    )
