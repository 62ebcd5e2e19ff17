"""Conflicts: two things that were said and that cannot both be so, by a rule of the ontology. Both sides are kept and shown.

Three rules, declared on the term that they are about:

- `eb:impossibleWhile` on a property: it was reported above 0, or true, while another property of the same thing had a value that
  rules this out (a pump that reports flow while it is recorded as removed);
- `eb:stay` on a relation with one target at a time: two targets within less than that time (a patient in two beds);
- `eb:counter` on a property: a fall to anything but 0 (a counter that runs backwards without a reset), with no retraction of the
  value in between; of what is said of one moment the greatest stamp counts.

A conflict is a function of what was said, so it comes and goes with its sides: a late word may bring it to light, and a
correction (`Void`) settles it. Nothing here decides which side is right; the state follows the precedence of stamps as ever.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence, Set
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

from brain.identities import Merged
from brain.identity import NONE, Clusters
from brain.join import counts
from brain.model import Node, Stamp, Version
from brain.past import taken_back, visible
from brain.ports import Store
from brain.query import EVERY, NOW, AsOf, Nodes, Window
from brain.schema import History, NodeClass, Property, Relation, Scalar, Schema, Value
from brain.spans import Doubt, Span, certain
from brain.versions import canonical, standing

CHUNK = 100
SHORT = 1000
"""Versions of one thing that are read together with those of others."""


class Side(NamedTuple):
    """One of the two: what was said, from when until when (µs; None: until now), by which event of which source."""

    said: str
    start: int
    end: int | None
    event: str
    source: str


class Conflict(NamedTuple):
    """`rule` is the term and the annotation that rules it out, e.g. `flow.impossibleWhile`. `start` is where both sides meet."""

    subject: str
    rule: str
    start: int
    sides: tuple[Side, Side]

    @property
    def id(self) -> str:
        return blake2b(canonical(self.told()), digest_size=12).hexdigest()

    def told(self) -> list[object]:
        """As plain JSON: `[subject, rule, start, [[said, start, end, event, source], …]]`."""
        return [self.subject, self.rule, self.start, [list(side) for side in self.sides]]


class Said(NamedTuple):
    """One value of one property, or one target of one relation, with its stamp."""

    stamp: Stamp
    value: Value


class Spans(NamedTuple):
    """When something was reported of which no versions are kept, in order of time, and what of it may be void."""

    all: Sequence[Span]
    doubt: Doubt


class Rules:
    """The rules of an ontology, by class."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.ruled = frozenset(name for name, cls in schema.classes.items() if _has_rules(cls))
        """The classes that have a rule."""
        self.tops = schema.topmost(self.ruled)

    def conflicts(self, node: Node, versions: Iterable[Version], at: AsOf = NOW, together: Clusters = NONE) -> list[Conflict]:
        """All conflicts of one node, in order of time. `versions` are all that there are of it; `together` says which ids are one
        thing, and so one place."""
        cls = self._schema.classes.get(node.cls)
        if cls is None or not _has_rules(cls):
            return []
        known = list(versions)
        void = taken_back(known, at)
        held = sorted((v for v in visible(known, at) if standing(v, void)), key=lambda v: v.stamp)
        found: list[Conflict] = []
        for prop in cls.properties.values():
            if prop.counter:
                found += _falls(node.id, prop, _values(held, prop.name))
            if prop.impossible_while is not None:
                spans = node.spans.get(prop.name, ()) if prop.history is History.LATEST and at == NOW else ()
                found += _reported_while(node.id, prop, held, Spans(spans, _doubt(known, void)))
        for relation in cls.relations.values():
            if relation.stay is not None:
                found += _two_places(node.id, relation, held, together)
        return sorted(found, key=lambda c: (c.start, c.rule, c.sides))


def _has_rules(cls: NodeClass) -> bool:
    ruled = any(p.counter or p.impossible_while is not None for p in cls.properties.values())
    return ruled or any(r.stay is not None for r in cls.relations.values())


def _values(versions: Iterable[Version], name: str) -> list[Said]:
    return [Said(v.stamp, v.properties[name]) for v in versions if name in v.properties]


def _side(said: str, stamp: Stamp, end: int | None = None) -> Side:
    return Side(said, stamp.valid, end, stamp.event, stamp.source)


def _doubt(versions: Iterable[Version], void: Set[tuple[str, str, str]]) -> Doubt:
    """What was taken back: of an event without a version nobody knows when it was."""
    if not void:
        return Doubt()
    told = [v for v in versions if not standing(v, void)]
    when = {(v.subject, v.stamp.event, v.stamp.source) for v in told}
    return Doubt(frozenset(one[1:] for one in void), frozenset(v.stamp.valid for v in told), len(void - when))


def _falls(subject: str, prop: Property, said: Sequence[Said]) -> Iterator[Conflict]:
    last = {one.stamp.valid: one for one in said}
    for before, after in pairwise(last.values()):
        if not (isinstance(before.value, int | float) and isinstance(after.value, int | float)):
            continue
        if before.value > after.value != 0:
            start, end = (_side(f"{prop.name} = {one.value}", one.stamp, one.stamp.valid) for one in (before, after))
            yield Conflict(subject, f"{prop.name}.counter", after.stamp.valid, (start, end))


def _reported_while(subject: str, prop: Property, held: Sequence[Version], spans: Spans) -> Iterator[Conflict]:
    assert prop.impossible_while is not None
    name, value = prop.impossible_while
    report = f"{prop.name} reported"
    said = [s.stamp for s in _values(held, prop.name) if counts(s.value)]
    times, starts, ends = [s.valid for s in said], [s.start for s in spans.all], [s.end for s in spans.all]
    for start, end, stamp in _while(_values(held, name), value):
        state = _side(f"{name} = {value}", stamp, end)
        # Both are in order of time, so that a long history is not read again for each interval.
        near = spans.all[bisect_left(ends, start) : None if end is None else bisect_left(starts, end)]
        reported = [Side(report, s.start, s.end, s.event, s.source) for s in certain(near, start, end, spans.doubt)]
        among = said[bisect_left(times, start) : None if end is None else bisect_left(times, end)]
        reported += [_side(report, stamp, stamp.valid) for stamp in among]
        for side in reported:
            yield Conflict(subject, f"{prop.name}.impossibleWhile", max(start, side.start), (state, side))


def _while(said: Sequence[Said], value: Scalar) -> Iterator[tuple[int, int | None, Stamp]]:
    """The half-open intervals in which the value held, with the stamp of the word that began each. Saying it again goes on."""
    begun: Stamp | None = None
    for one in {one.stamp.valid: one for one in said}.values():
        if one.value != value and begun is not None:
            yield begun.valid, one.stamp.valid, begun
        begun = (begun or one.stamp) if one.value == value else None
    if begun is not None:
        yield begun.valid, None, begun


def _two_places(subject: str, relation: Relation, held: Sequence[Version], together: Clusters) -> Iterator[Conflict]:
    links: list[tuple[Stamp, str]] = []
    undone: defaultdict[str, list[Stamp]] = defaultdict(list)
    for version in held:
        for link, linked in version.links.items():
            if link.relation == relation.name and linked:
                links.append((version.stamp, together.one(link.target)))
            elif link.relation == relation.name:
                undone[together.one(link.target)].append(version.stamp)

    def left(since: Stamp, target: str, by: int) -> bool:
        """Whether a link was undone, at that valid time at the latest: who leaves and arrives at one moment moves."""
        i = bisect_left(undone[target], since)
        return i < len(undone[target]) and undone[target][i].valid <= by

    assert relation.stay is not None
    stays = sorted(link for link in links if not left(*link, link[0].valid))
    for last, new in pairwise(stays):
        if last[1] != new[1] and new[0].valid - last[0].valid < relation.stay and not left(*last, new[0].valid):
            sides = _side(f"{relation.name} {last[1]}", last[0]), _side(f"{relation.name} {new[1]}", new[0])
            yield Conflict(subject, f"{relation.name}.stay", new[0].valid, sides)


async def conflicts_of(store: Store, rules: Rules, ids: Sequence[str], at: AsOf = NOW) -> list[list[Conflict]]:
    """The conflicts of each node, in the order asked; [] for what is not known."""
    nodes, together = await store.nodes(ids), await _together(store, at)
    found = {node.id: conflicts async for node, conflicts in _among(store, rules, [n for n in nodes if n], at, together)}
    return [[] if node is None else found[node.id] for node in nodes]


async def all_conflicts(store: Store, rules: Rules) -> AsyncIterator[Conflict]:
    """Every conflict of the model now, thing by thing. Only things of classes that have rules are read."""
    together = await _together(store, NOW)
    for cls in rules.tops:
        chunk: list[Node] = []
        async for node in store.scan(Nodes(cls)):
            if node.cls in rules.ruled:
                chunk.append(node)
            if len(chunk) == CHUNK:
                async for _, conflicts in _among(store, rules, chunk, NOW, together):
                    for conflict in conflicts:
                        yield conflict
                chunk = []
        async for _, conflicts in _among(store, rules, chunk, NOW, together):
            for conflict in conflicts:
                yield conflict


async def _among(
    store: Store, rules: Rules, nodes: Sequence[Node], at: AsOf, together: Clusters
) -> AsyncIterator[tuple[Node, list[Conflict]]]:
    """The conflicts of each. Long histories are read one at a time: together they may be more than the memory holds."""
    asked = {node.id: node for node in nodes if node.cls in rules.ruled}
    ids = list(asked)
    for i in range(0, len(ids), CHUNK):
        part = ids[i : i + CHUNK]
        for id, versions in zip(part, await store.history(part, Window(limit=SHORT)), strict=True):
            if len(versions) == SHORT:
                [versions] = await store.history([id], Window(limit=EVERY))
            yield asked[id], rules.conflicts(asked[id], versions, at, together)
    for node in nodes:
        if node.id not in asked:
            yield node, []


async def _together(store: Store, at: AsOf) -> Clusters:
    return await store.known.clusters(at) if isinstance(store, Merged) else NONE


async def conflict_lines(store: Store, schema: Schema) -> AsyncIterator[bytes]:
    """A line of canonical JSON a conflict."""
    async for conflict in all_conflicts(store, Rules(schema)):
        yield canonical(["conflict", *conflict.told()])
