"""Conflicts: two things that were said and that cannot both be so, by a rule of the ontology. Both sides are kept and shown.

Three rules, declared on the term that they are about:

- `eb:impossibleWhile` on a property: it was reported above 0, or true, while another property of the same thing had a value that
  rules this out (a pump that reports flow while it is recorded as removed);
- `eb:stay` on a relation with one target at a time: two targets within less than that time (a patient in two beds);
- `eb:counter` on a property: a fall to anything but 0 (a counter that runs backwards without a reset).

A conflict is a function of what was said, so it comes and goes with its sides: a late word may bring it to light, and a
correction (`Void`) settles it. Nothing here decides which side is right; the state follows the precedence of stamps as ever.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

from brain.join import counts
from brain.model import Node, Stamp, Version
from brain.past import taken_back, visible
from brain.ports import Store
from brain.query import NOW, AsOf, Nodes, Window
from brain.schema import History, NodeClass, Property, Relation, Scalar, Schema, Value
from brain.spans import certain
from brain.versions import canonical, standing

CHUNK = 500
ALL = Window(limit=2**31)


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


class Rules:
    """The rules of an ontology, by class."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.ruled = tuple(name for name, cls in schema.classes.items() if _has_rules(cls))
        """The classes that have a rule."""

    def conflicts(self, node: Node, versions: Iterable[Version], at: AsOf = NOW) -> list[Conflict]:
        """All conflicts of one node, in order of time. `versions` are all that there are of it."""
        cls = self._schema.classes.get(node.cls)
        if cls is None or not _has_rules(cls):
            return []
        known = list(versions)
        void = taken_back(known, at)
        held = sorted((v for v in known if visible(v, at) and standing(v, void)), key=lambda v: v.stamp)
        found: list[Conflict] = []
        for prop in cls.properties.values():
            if prop.counter:
                found += _falls(node.id, prop, _values(held, prop.name))
            if prop.impossible_while is not None:
                found += _reported_while(node, prop, held, at)
        for relation in cls.relations.values():
            if relation.stay is not None:
                found += _two_places(node.id, relation, relation.stay, held)
        return sorted(found, key=lambda c: (c.start, c.rule, c.sides))


def _has_rules(cls: NodeClass) -> bool:
    ruled = any(p.counter or p.impossible_while is not None for p in cls.properties.values())
    return ruled or any(r.stay is not None for r in cls.relations.values())


def _values(versions: Iterable[Version], name: str) -> list[Said]:
    return [Said(v.stamp, v.properties[name]) for v in versions if name in v.properties]


def _side(said: str, stamp: Stamp, end: int | None = None) -> Side:
    return Side(said, stamp.valid, end, stamp.event, stamp.source)


def _falls(subject: str, prop: Property, said: Sequence[Said]) -> Iterator[Conflict]:
    numbers = [one for one in said if isinstance(one.value, int | float)]
    for before, after in pairwise(numbers):
        if before.value > after.value != 0:  # type: ignore[operator]
            sides = tuple(_side(f"{prop.name} = {one.value}", one.stamp, one.stamp.valid) for one in (before, after))
            yield Conflict(subject, f"{prop.name}.counter", after.stamp.valid, sides)  # type: ignore[arg-type]


def _reported_while(node: Node, prop: Property, held: Sequence[Version], at: AsOf) -> Iterator[Conflict]:
    assert prop.impossible_while is not None
    name, value = prop.impossible_while
    said = [
        Side(f"{prop.name} reported", s.stamp.valid, s.stamp.valid, *s.stamp[2:])
        for s in _values(held, prop.name)
        if counts(s.value)
    ]
    for start, end, stamp in _while(_values(held, name), value):
        state = _side(f"{name} = {value}", stamp, end)
        spans = certain(node.spans.get(prop.name, ()), start, end) if prop.history is History.LATEST and at == NOW else []
        reported = [Side(f"{prop.name} reported", span.start, span.end, span.event, span.source) for span in spans]
        reported += [side for side in said if start <= side.start and (end is None or side.start < end)]
        for side in reported:
            yield Conflict(node.id, f"{prop.name}.impossibleWhile", max(start, side.start), (state, side))


def _while(said: Sequence[Said], value: Scalar) -> Iterator[tuple[int, int | None, Stamp]]:
    """The half-open intervals in which the value held, with the stamp of the word that began each."""
    for i, one in enumerate(said):
        end = said[i + 1].stamp.valid if i + 1 < len(said) else None
        if one.value == value and end != one.stamp.valid:
            yield one.stamp.valid, end, one.stamp


def _two_places(subject: str, relation: Relation, stay: int, held: Sequence[Version]) -> Iterator[Conflict]:
    said = [(v.stamp, link.target, linked) for v in held for link, linked in v.links.items() if link.relation == relation.name]
    last: tuple[Stamp, str] | None = None
    for stamp, target, linked in sorted(said):
        if not linked:
            if last is not None and last[1] == target:
                last = None
            continue
        if last is not None and last[1] != target and stamp.valid - last[0].valid < stay:
            sides = _side(f"{relation.name} {last[1]}", last[0]), _side(f"{relation.name} {target}", stamp)
            yield Conflict(subject, f"{relation.name}.stay", stamp.valid, sides)
        last = stamp, target


async def conflicts_of(store: Store, rules: Rules, ids: Sequence[str], at: AsOf = NOW) -> list[list[Conflict]]:
    """The conflicts of each node, in the order asked; [] for what is not known."""
    nodes, histories = await store.nodes(ids), await store.history(ids, ALL)
    return [[] if n is None else rules.conflicts(n, versions, at) for n, versions in zip(nodes, histories, strict=True)]


async def all_conflicts(store: Store, rules: Rules) -> AsyncIterator[Conflict]:
    """Every conflict of the model now, thing by thing in order of id. Only things of classes that have rules are read."""
    for cls in rules.ruled:
        chunk: list[Node] = []
        async for node in store.scan(Nodes(cls)):
            if node.cls == cls:
                chunk.append(node)
            if len(chunk) == CHUNK:
                for conflict in await _among(store, rules, chunk):
                    yield conflict
                chunk = []
        for conflict in await _among(store, rules, chunk):
            yield conflict


async def _among(store: Store, rules: Rules, nodes: Sequence[Node]) -> list[Conflict]:
    histories = await store.history([node.id for node in nodes], ALL) if nodes else []
    return [c for node, versions in zip(nodes, histories, strict=True) for c in rules.conflicts(node, versions)]


async def conflict_lines(store: Store, schema: Schema) -> AsyncIterator[bytes]:
    """A line of canonical JSON a conflict."""
    async for conflict in all_conflicts(store, Rules(schema)):
        yield canonical(["conflict", *conflict.told()])
