"""What-if: the graph of dependencies with changes that nobody made. Neither the store nor the snapshot learns of them.

A scenario is a set of changes, in whatever order they are given: things are added, links taken away and put in, what is `without`
is lost for good from the outset, with all that it takes with it, what is degraded has a part of its capacity left for good, and
what is narrow passes on a part at most.
"""

from dataclasses import dataclass, fields, replace
from shlex import join
from typing import NamedTuple

import numpy as np

from brain.analytics.graph.degraded import Fallen, fall, parts_per_million
from brain.analytics.graph.impact import numbered
from brain.analytics.graph.snapshot import (
    KIND_MASK,
    NODE_BITS,
    Ints,
    Numbering,
    Snapshot,
    changed,
    firsts,
    kinds,
    seconds,
    told_by,
)
from brain.analytics.graph.times import NEVER, Spread, spread
from brain.errors import BadQuery
from brain.model import Edge, Node, Stamp
from brain.schema import Schema, nearest

MOST_BUFFER = 315_576_000
"""Seconds: ten years, as in the ontology."""
NOBODY = Stamp(0, 0, 0, "", "scenario")


class Triple(NamedTuple):
    """A link as the ontology has it, whichever of its ends needs the other: `asset/AIR supplies asset/TANK`."""

    source: str
    relation: str
    target: str


class Thing(NamedTuple):
    """A thing that is not there. `buffer` is how many seconds it goes on without what it needs."""

    id: str
    cls: str
    buffer: float = 0.0


class Degraded(NamedTuple):
    """A thing with a part of its capacity left, 0 to below 1; with 0 it is as one that the scenario is without."""

    id: str
    capacity: float


class Narrow(NamedTuple):
    """A link that passes on a part at most, above 0 and below 1, of all that is asked of the end that is needed."""

    source: str
    relation: str
    target: str
    capacity: float


@dataclass(frozen=True, slots=True)
class Scenario:
    without: tuple[str, ...] = ()
    unlink: tuple[Triple, ...] = ()
    link: tuple[Triple, ...] = ()
    add: tuple[Thing, ...] = ()
    degrade: tuple[Degraded, ...] = ()
    narrow: tuple[Narrow, ...] = ()

    @property
    def size(self) -> int:
        """How many changes it has."""
        return sum(len(getattr(self, field.name)) for field in fields(self))


@dataclass(frozen=True)
class World:
    """`given` is the graph with other links and things, and `lost` what goes with those that it is without, over this graph;
    `left` is the graph of what goes on, and `less` what does less there once all has come down, where something is degraded. All
    share the numbers of the base; added things have numbers above."""

    given: Snapshot
    left: Snapshot
    lost: Spread
    less: Fallen | None = None


def as_it_is(snapshot: Snapshot) -> World:
    return World(snapshot, snapshot, spread(snapshot, []))


def applied(snapshot: Snapshot, schema: Schema, scenario: Scenario, until: float | None = None) -> World:
    """The snapshot stays as it is, and keeps what it has cached. BadQuery for what is not there, is there already, or that the
    ontology does not have. Ends at `until` (time.monotonic) with what is lost so far; `lost.open` is then not empty."""
    given = _given(snapshot, schema, scenario)
    own = dict[int, int]()
    for one in scenario.degrade:
        most = parts_per_million(one.capacity)
        if own.setdefault(numbered(given, one.id), most) != most:
            raise BadQuery(f"{one.id!r} is degraded twice, and not to the same capacity: keep one of the two")
    down = [numbered(given, id) for id in scenario.without] + [node for node, capacity in own.items() if not capacity]
    lost = spread(given, down, until=until)
    left = _without(given, schema, lost.reached)
    weak = {node: capacity for node, capacity in own.items() if lost.value[node] == NEVER}
    narrow = {key: most for key, most in _narrow(given, schema, scenario).items() if _holds(left, key)}
    return World(given, left, lost, fall(left, weak, narrow=narrow, until=until) if weak or narrow else None)


def _narrow(given: Snapshot, schema: Schema, scenario: Scenario) -> dict[int, int]:
    found = dict[int, int]()
    for one in scenario.narrow:
        triple = Triple(*one[:3])
        key = _key(given, Numbering(given), schema, triple)
        if not _holds(given, key):
            raise BadQuery(f"{join(triple)!r} does not hold, so that it cannot be narrow")
        most = parts_per_million(one.capacity)
        if not most:
            raise BadQuery(f"{join(triple)!r}: with nothing left of it, say what is without, or unlink what is needed no more")
        if found.setdefault(key, most) != most:
            raise BadQuery(f"{join(triple)!r} is narrow twice, and not to the same capacity: keep one of the two")
    return found


def _given(snapshot: Snapshot, schema: Schema, scenario: Scenario) -> Snapshot:
    base = _apart(snapshot, bool(scenario.add))
    numbers, nodes = Numbering(base), dict[int, Node | None]()
    for thing in dict.fromkeys(scenario.add):
        if thing.id in base.index:
            raise BadQuery(f"{thing.id!r} is there already, or added twice: leave it out of what is added")
        nodes[numbers.of(thing.id)] = _node(schema, thing)
    gone, come, single = set[int](), set[int](), dict[tuple[str, str], str]()
    for triple in dict.fromkeys(scenario.unlink):
        key = _key(base, numbers, schema, triple)
        if not _holds(base, key):
            raise BadQuery(f"{join(triple)!r} does not hold: leave it out, or see `brain report dependencies {triple.source}`")
        gone.add(key)
    for triple in dict.fromkeys(scenario.link):
        if triple.source == triple.target:
            raise BadQuery(f"{join(triple)!r}: nothing needs itself: link it with another thing")
        key = _key(base, numbers, schema, triple)
        if _holds(base, key):
            raise BadQuery(f"{join(triple)!r} holds already: leave it out of what is linked")
        come.add(key)
        if schema.dependencies[triple.relation].functional:
            if (other := single.setdefault(triple[:2], triple.target)) != triple.target:
                raise BadQuery(f"{join(triple)!r}: it is one at a time, and {other} is linked too: keep one of the two")
            own = told_by(base, base.index[triple.source])
            gone.update(own[kinds(own) == key >> NODE_BITS & KIND_MASK].tolist())
    return changed(base, schema, _keys(gone), _keys(come), nodes)


def _apart(snapshot: Snapshot, more: bool) -> Snapshot:
    """The same graph without what later snapshots add to the lists that it shares, and with lists of its own for `more` ids."""
    ids = snapshot.ids[: snapshot.count]
    return replace(snapshot, ids=ids, index={id: i for i, id in enumerate(ids)} if more else snapshot.index)


def _node(schema: Schema, thing: Thing) -> Node:
    if not thing.id.strip():
        raise BadQuery(f"add {thing.id!r}: an empty id is none: give it one, such as asset/NEW")
    if not 0 <= thing.buffer <= MOST_BUFFER:
        raise BadQuery(f"{thing.id!r}: a buffer of {thing.buffer:g} s is not possible: give 0 to {MOST_BUFFER:,} seconds")
    return Node(thing.id, schema.of(thing.cls).name, {"bufferTime": thing.buffer}, {}, {})


def _key(base: Snapshot, numbers: Numbering, schema: Schema, triple: Triple) -> int:
    if triple.relation not in schema.dependencies:
        mend = nearest(triple.relation, schema.dependencies) or f"; there are {', '.join(sorted(schema.dependencies))}"
        raise BadQuery(f"{triple.relation!r} is no relation by which things depend on each other{mend}")
    for end in (triple.source, triple.target):
        if end not in numbers.index or numbers.index[end] >= len(numbers.ids):
            raise BadQuery(f"{end!r} has no dependency so far: add it first, with its class")
    return numbers.key(Edge(*triple, "", NOBODY))


def _holds(base: Snapshot, key: int) -> bool:
    place = int(np.searchsorted(base.needs, key))
    return place < base.edges and int(base.needs[place]) == key


def _keys(keys: set[int]) -> Ints:
    return np.array(sorted(keys), np.int64)


def _without(given: Snapshot, schema: Schema, lost: Ints) -> Snapshot:
    """Whoever goes on has in each group a provider that goes on, so that what is lost can go with all its links."""
    if not len(lost):
        return given
    gone = np.zeros(given.count, bool)
    gone[lost] = True
    links = given.needs[gone[firsts(given.needs)] | gone[seconds(given.needs)]]
    return changed(replace(given), schema, links, np.zeros(0, np.int64), {})
