"""A typed graph of dependencies as sorted arrays of integers: who needs what, by which relation, on which basis.

A snapshot is never changed: a change makes another, out of copies of the arrays (a few ms for a million edges), so that whoever
reads one reads one state of the graph. An edge is one 64-bit integer, `first << 36 | kind << 26 | second`, kept twice: sorted by
dependent (`needs`) and by provider (`feeds`). `needs_start` and `feeds_start` are the row pointers of compressed sparse rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brain.analytics.graph.reflects import Reflects, reflecting
from brain.errors import Reject
from brain.model import Edge, Mark, Node
from brain.query import NOW, AsOf
from brain.schema import ROOT, Schema

if TYPE_CHECKING:
    import rustworkx

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NODE_BITS, KIND_BITS = 26, 10
NODE_MASK, KIND_MASK = (1 << NODE_BITS) - 1, (1 << KIND_BITS) - 1
ROW = NODE_BITS + KIND_BITS
MICRO = 1_000_000


class TooLarge(Reject):
    """More nodes than an edge's integer has room for."""


class Basis(StrEnum):
    DECLARED = "declared"
    """Somebody said so: the ontology's relations, as sources state them."""
    OBSERVED = "observed"
    """It shows in what happened: a layer beside the snapshot (`observing`). No answer mixes the two without telling which."""


class Kind(NamedTuple):
    """What all edges of one relation and basis have in common. `needed` is the end that the other depends on; `delay` in µs."""

    relation: str
    basis: Basis
    needed: Literal["source", "target"]
    delay: int


def kinds_of(schema: Schema) -> tuple[Kind, ...]:
    """The declared kinds, by name."""
    return tuple(
        Kind(name, Basis.DECLARED, relation.dependency, relation.delay)
        for name, relation in sorted(schema.dependencies.items())
        if relation.dependency is not None
    )


@dataclass(frozen=True)
class Snapshot:
    """Nodes are numbers below `count`; `ids` and `index` are shared with later snapshots, which may know more of them.

    `cls` are numbers into `classes`; `closed` are lives that are over; `buffer` is µs, 0 where nothing is said; `names` and
    `states` hold str or None. `any_of[class, kind]` says where one provider that is left is enough. `at` is the point in time of
    which this is the graph. `marks` are the positions up to which streams were stored when all of it was last read; `followed`
    counts the notices since then that bear on it and were followed (see `Reflects`). Ids that are merged at the point `merged`
    are one thing in it; None: those that are at `at`.
    """

    ontology_version: str
    kinds: tuple[Kind, ...]
    classes: tuple[str, ...]
    any_of: Bools
    ids: list[str]
    index: dict[str, int]
    count: int
    cls: NDArray[np.int16]
    closed: Bools
    buffer: Ints
    names: NDArray[np.object_]
    states: NDArray[np.object_]
    needs: Ints
    feeds: Ints
    needs_start: Ints
    feeds_start: Ints
    at: AsOf = NOW
    marks: tuple[Mark, ...] = ()
    followed: int = 0
    merged: AsOf | None = None

    @property
    def reflects(self) -> Reflects:
        return reflecting(self.at, self.marks, self.followed)

    def number(self, id: str) -> int | None:
        """The node's number; None for what no dependency touches."""
        found = self.index.get(id)
        return found if found is not None and found < self.count else None

    @property
    def edges(self) -> int:
        return len(self.needs)

    def kind_of(self, edge: int) -> Kind:
        return self.kinds[edge >> NODE_BITS & KIND_MASK]

    def parts(self, edge: int) -> tuple[int, Kind, int]:
        """Dependent, kind and provider of an edge as of `needs`."""
        return edge >> ROW, self.kind_of(edge), edge & NODE_MASK

    @cached_property
    def condensed(self) -> tuple[Ints, Ints]:
        """For each node the least of those that need each other in a circle with it (itself, for most), and a level, one for a
        circle, above those of all that it needs."""
        from brain.analytics.graph.order import condensed

        return condensed(self.count, firsts(self.feeds), seconds(self.feeds))

    @cached_property
    def choices(self) -> tuple[Ints, Ints, Ints]:
        """The needs of which another is enough instead: the groups (a dependent's by one kind: an edge without its provider) in
        order, row pointers by them, and the edges."""
        found, same = np.zeros(self.edges, bool), self.needs[1:] >> NODE_BITS == self.needs[:-1] >> NODE_BITS
        found[1:] |= same
        found[:-1] |= same
        edges = self.needs[found]
        edges = edges[self.any_of[self.cls[firsts(edges)], kinds(edges)]]
        groups = edges >> NODE_BITS
        heads = np.flatnonzero(np.append(True, groups[1:] != groups[:-1])) if len(groups) else np.zeros(0, np.int64)
        return groups[heads], np.append(heads, len(edges)), edges

    @cached_property
    def choosing(self) -> Bools:
        """Which nodes have such needs."""
        found = np.zeros(self.count, bool)
        found[self.choices[0] >> KIND_BITS] = True
        return found

    @cached_property
    def alone(self) -> Ints:
        """The needs of such nodes for which no other will do."""
        edges = self.needs[np.flatnonzero(self.choosing[firsts(self.needs)])]
        return np.delete(edges, np.searchsorted(edges, self.choices[2]))

    @cached_property
    def pairs(self) -> tuple[Ints, Ints]:
        """Row pointers by provider, and dependents in order: two relations between the same two are one."""
        both = np.sort(self.feeds & ~np.int64(KIND_MASK << NODE_BITS))
        both = both[np.append(True, both[1:] != both[:-1])] if len(both) else both
        start = np.concatenate([[0], np.cumsum(np.bincount(firsts(both), minlength=self.count))])
        return start, seconds(both)

    @cached_property
    def undirected(self) -> "rustworkx.PyGraph[None, None]":
        """Who is joined to whom, for algorithms that are better left to compiled code. It goes on with the next snapshot, with
        what was changed; whoever asks this one again pays for another."""
        import rustworkx

        graph: rustworkx.PyGraph[None, None] = rustworkx.PyGraph(multigraph=True)
        graph.add_nodes_from([None] * self.count)
        # Edges in the order of `needs` would make each walk over it a half longer.
        graph.add_edges_from_no_data(_ends(self.feeds))
        return graph


def empty(schema: Schema, at: AsOf = NOW) -> Snapshot:
    kinds, classes = kinds_of(schema), tuple(sorted(schema.classes))
    any_of = np.array([[kind.relation in schema.classes[name].any_of for kind in kinds] for name in classes], bool)
    none, zero = np.zeros(0, np.int64), np.zeros(1, np.int64)
    nobody = np.zeros(0, object)
    return Snapshot(
        schema.version,
        kinds,
        classes,
        any_of.reshape(len(classes), len(kinds)),
        [],
        {},
        0,
        np.zeros(0, np.int16),
        np.zeros(0, bool),
        none,
        nobody,
        nobody,
        none,
        none,
        zero,
        zero,
        at,
    )


def firsts(keys: Ints) -> Ints:
    """The node by which edges are sorted: the dependent of `needs`, the provider of `feeds`."""
    return keys >> ROW


def seconds(keys: Ints) -> Ints:
    """The other node."""
    return keys & NODE_MASK


def kinds(keys: Ints) -> Ints:
    return keys >> NODE_BITS & KIND_MASK


def turned(keys: Ints) -> Ints:
    """Edges of `needs` as those of `feeds`, and the other way round; not sorted."""
    return seconds(keys) << ROW | kinds(keys) << NODE_BITS | firsts(keys)


def renumbered(keys: Ints, number: Ints) -> Ints:
    """The edges between nodes that have other numbers, by their own; not sorted."""
    if not len(keys):
        return keys
    found: Ints = number[firsts(keys)] << ROW | kinds(keys) << NODE_BITS | number[seconds(keys)]
    return found


def rows(start: Ints, keys: Ints, nodes: Ints) -> Ints:
    """The edges in the rows of some nodes, one row after the other."""
    return keys[ranges(start[nodes], start[nodes + 1])]


def ranges(begin: Ints, end: Ints) -> Ints:
    """The numbers of [begin, end) of each pair, one after the other."""
    sizes = end - begin
    ends = np.cumsum(sizes)
    found: Ints = np.repeat(begin - (ends - sizes), sizes)
    found += np.arange(len(found))
    return found


def distinct(nodes: Ints, count: int) -> Ints:
    """Each of some nodes below `count` once, in order."""
    if len(nodes) > count >> 5:
        met = np.zeros(count, bool)
        met[nodes] = True
        return np.flatnonzero(met)
    ordered = np.sort(nodes)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


class Numbering:
    """Numbers for ids, given out in the order in which ids are met."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.ids, self.index, self._kinds = snapshot.ids, snapshot.index, snapshot.kinds
        self._number = {kind.relation: i for i, kind in enumerate(snapshot.kinds) if kind.basis is Basis.DECLARED}

    def of(self, id: str) -> int:
        number = self.index.setdefault(id, len(self.ids))
        if number == len(self.ids):
            if number > NODE_MASK:
                raise TooLarge(f"more than {NODE_MASK:,} things depend on each other; that is beyond this analytic")
            self.ids.append(id)
        return number

    def key(self, edge: Edge) -> int:
        """The edge as one of `needs`."""
        kind = self._number[edge.relation]
        source, target = self.of(edge.source), self.of(edge.target)
        if self._kinds[kind].needed == "source":
            source, target = target, source
        return source << ROW | kind << NODE_BITS | target


def told_by(snapshot: Snapshot, subject: int) -> Ints:
    """The declared edges, as of `needs`, that are links of this subject, whichever end of them needs the other."""
    if subject >= snapshot.count:
        return np.zeros(0, np.int64)
    own = snapshot.needs[snapshot.needs_start[subject] : snapshot.needs_start[subject + 1]]
    given = snapshot.feeds[snapshot.feeds_start[subject] : snapshot.feeds_start[subject + 1]]
    by_target = np.array([k.needed == "target" and k.basis is Basis.DECLARED for k in snapshot.kinds], bool)
    by_source = np.array([k.needed == "source" and k.basis is Basis.DECLARED for k in snapshot.kinds], bool)
    return np.concatenate([own[by_target[kinds(own)]], turned(given[by_source[kinds(given)]])])


def changed(
    snapshot: Snapshot, schema: Schema, removed: Ints, added: Ints, nodes: Mapping[int, Node | None], **more: Any
) -> Snapshot:
    """The snapshot without some edges of `needs`, with others (neither twice), and with these nodes as they are now."""
    count = len(snapshot.ids)
    table = _nodes(snapshot, schema, nodes, count)
    needs, feeds = snapshot.needs, snapshot.feeds
    needs_start, feeds_start = (_longer(start, count) for start in (snapshot.needs_start, snapshot.feeds_start))
    if len(removed) or len(added):
        needs, needs_start = _edges(needs, needs_start, np.sort(removed), np.sort(added))
        feeds, feeds_start = _edges(feeds, feeds_start, np.sort(turned(removed)), np.sort(turned(added)))
    pointers = {"needs_start": needs_start, "feeds_start": feeds_start}
    made: dict[str, Any] = {"count": count, "needs": needs, "feeds": feeds, **pointers, **table, **more}
    new = replace(snapshot, **made)
    joined = snapshot.__dict__.pop("undirected", None)
    if joined is not None:
        joined.add_nodes_from([None] * (count - snapshot.count))
        joined.remove_edges_from(_ends(turned(removed)))
        joined.add_edges_from_no_data(_ends(turned(added)))
        new.__dict__["undirected"] = joined
    return new


def _ends(keys: Ints) -> list[tuple[int, int]]:
    return list(zip(firsts(keys).tolist(), seconds(keys).tolist(), strict=True))


def _longer(start: Ints, count: int) -> Ints:
    return np.concatenate([start, np.full(count + 1 - len(start), start[-1])])


def _edges(keys: Ints, start: Ints, removed: Ints, added: Ints) -> tuple[Ints, Ints]:
    kept = np.delete(keys, np.searchsorted(keys, removed))
    made = np.insert(kept, np.searchsorted(kept, added), added) if len(kept) else added
    moved = np.bincount(firsts(added) + 1, minlength=len(start)) - np.bincount(firsts(removed) + 1, minlength=len(start))
    return made, start + np.cumsum(moved)


def _nodes(snapshot: Snapshot, schema: Schema, nodes: Mapping[int, Node | None], count: int) -> dict[str, Any]:
    """The columns of the nodes. What was only named is an Entity."""
    more = count - snapshot.count
    number = {name: i for i, name in enumerate(snapshot.classes)}
    columns = {
        "cls": np.concatenate([snapshot.cls, np.full(more, number[ROOT], np.int16)]),
        "closed": np.concatenate([snapshot.closed, np.zeros(more, bool)]),
        "buffer": np.concatenate([snapshot.buffer, np.zeros(more, np.int64)]),
        "names": np.concatenate([snapshot.names, np.full(more, None, object)]),
        "states": np.concatenate([snapshot.states, np.full(more, None, object)]),
    }
    for i, node in nodes.items():
        if node is not None:
            said = node.properties
            columns["cls"][i] = number[node.cls]
            columns["closed"][i] = closed(schema, node)
            columns["buffer"][i] = round(float(said.get("bufferTime", 0)) * MICRO)
            columns["names"][i] = _text(said.get("name"))
            columns["states"][i] = _text(said.get("state"))
    return columns


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def closed(schema: Schema, node: Node) -> bool:
    """Whether its life is over, by its class's `closed_by`."""
    held = node.properties
    return any(name in held and (value is None or held[name] == value) for name, value in schema.classes[node.cls].closed_by)


def telling(schema: Schema) -> frozenset[str]:
    """The names in a notice that can change a snapshot: relations and properties."""
    closing = {name for cls in schema.classes.values() for name, _ in cls.closed_by}
    return frozenset({"name", "state", "bufferTime", *closing, *(kind.relation for kind in kinds_of(schema))})


def of_class(snapshot: Snapshot, schema: Schema, names: Iterable[str]) -> Bools:
    """Which nodes are of one of these classes, or of a class below one."""
    wanted = {below for name in names for below in schema.descendants.get(name, ())}
    return np.array([name in wanted for name in snapshot.classes], bool)[snapshot.cls]


def from_edges(schema: Schema, edges: Sequence[Edge], nodes: Iterable[Node] = (), at: AsOf = NOW) -> Snapshot:
    """A snapshot of these edges, of relations that are declared dependencies, and nodes."""
    base = empty(schema, at)
    numbers = Numbering(base)
    keys = np.unique(np.array([numbers.key(edge) for edge in edges], np.int64))
    return changed(base, schema, np.zeros(0, np.int64), keys, {numbers.of(node.id): node for node in nodes})
