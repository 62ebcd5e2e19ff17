"""The join: a batch of change sets becomes one state a key, and states merge by maximum.

Every state here is a join-semilattice (Shapiro et al., *Conflict-free Replicated Data Types*, 2011): a node is a map of
last-writer registers, an edge is a last-writer-wins element (the newest link against the newest unlink), versions and flags are
grow-only sets. Merging is associative, commutative and idempotent, so a store that reads, merges and writes under a lock ends in
the same state whatever the order, the batching and the repetition of its input. Stores do nothing cleverer than that.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import NamedTuple, assert_never

from brain.errors import BadChange
from brain.model import Assert, ChangeSet, Edge, Flag, Link, Node, Notice, Quality, Retract, Stamp, Verdict, Version, Void
from brain.registers import Register, Sample, coalesce, new, newer
from brain.schema import ROOT, History, Schema, Value, nearest
from brain.spans import Span, add, fuse
from brain.versions import body, canonical, standing, voided

ATTRIBUTE = "@"
"""Prefix of a register that holds an attribute rather than a property of the ontology."""


class EdgeKey(NamedTuple):
    source: str
    relation: str
    target: str
    qualifier: str


@dataclass(slots=True)
class NodeState:
    """`cls` is won by depth in the ontology, then stamp: a closer description beats a vaguer one whenever it was said.

    `voided` says that some of what was said of it was taken back, so that it must be made anew out of its versions.
    """

    id: str
    cls: str = ROOT
    cls_stamp: Stamp | None = None
    registers: dict[str, Register] = field(default_factory=dict)
    voided: bool = False
    spans: dict[str, Sequence[Span]] = field(default_factory=dict)


@dataclass(slots=True)
class EdgeState:
    """The newest time it was linked and the newest time it was unlinked, by stamp. It is present if the former is greater."""

    linked: Stamp | None = None
    unlinked: Stamp | None = None

    @property
    def present(self) -> bool:
        return self.linked is not None and (self.unlinked is None or self.linked > self.unlinked)


@dataclass(slots=True)
class Delta:
    """A batch, joined. `mentioned` are ids that links point to: placeholders, unless something describes them."""

    nodes: dict[str, NodeState] = field(default_factory=dict)
    edges: dict[EdgeKey, EdgeState] = field(default_factory=dict)
    versions: dict[tuple[str, Stamp, bytes], Version] = field(default_factory=dict)
    qualities: set[Quality] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)


class Joiner:
    """Joins batches under one schema. Pure: the same batch and `recorded` time always give the same delta."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._depth = {name: cls.depth for name, cls in schema.classes.items()}
        self._properties = frozenset(name for cls in schema.classes.values() for name in cls.properties)
        self._relations = schema.relations
        self._latest = {
            name: frozenset(p.name for p in cls.properties.values() if p.history is History.LATEST)
            for name, cls in schema.classes.items()
        }
        self._latest_somewhere = frozenset(chain.from_iterable(self._latest.values()))
        self._spanned = {
            name: [p.name for p in cls.properties.values() if p.impossible_while and p.history is History.LATEST]
            for name, cls in schema.classes.items()
        }
        self._version = schema.version

    def join(self, batch: Sequence[ChangeSet], recorded: int) -> Delta:
        """The state that the batch alone makes. BadChange for a class, property or relation that the ontology does not have."""
        delta = Delta()
        samples: dict[tuple[str, str], list[Sample]] = {}
        for changes in batch:
            stamp = changes.stamp
            for change in changes.changes:
                match change:
                    case Assert():
                        subject, cls, said, attributes, links = change
                        if not links and not attributes and cls in self._latest and self._latest[cls].issuperset(said):
                            samples.setdefault((subject, cls), []).append((stamp, said))
                            continue
                        self._assert(delta, stamp, change, changes.received, recorded)
                    case Retract():
                        self._retract(delta, stamp, change, changes.received, recorded)
                    case Void():
                        self._void(delta, stamp, change, changes.received, recorded)
                    case Flag():
                        self._flag(delta, stamp, change)
                    case _:
                        assert_never(change)
        for (subject, cls), sampled in samples.items():
            self._sampled(delta, subject, cls, sampled)
        delta.mentioned.difference_update(delta.nodes)
        for state in delta.nodes.values():
            for name, spans in state.spans.items():
                state.spans[name] = fuse(spans)
        return delta

    def merge_node(self, old: NodeState, new: NodeState) -> NodeState:
        """The join of two states of one node; `old` is changed in place and returned."""
        if new.cls_stamp is not None:
            self._type(old, new.cls, new.cls_stamp)
        registers = old.registers
        for name, (stamp, value) in new.registers.items():
            held = registers.get(name)
            if held is None or newer(stamp, value, held):
                registers[name] = Register(stamp, value)
        old.voided |= new.voided
        for name, spans in new.spans.items():
            old.spans[name] = fuse([*old.spans.get(name, ()), *spans])
        return old

    def rebuild(self, state: NodeState, versions: Collection[Version]) -> dict[EdgeKey, EdgeState]:
        """Make the registers of a voided node anew, and return the states of all edges that leave it, or once left it.

        `versions` are all that there are of the node. A register that keeps no versions stays at its newest stamp, without a
        value if that is void: what it was before is not known, and an older value that comes late must not win. What stands
        stays, even if no version says it: an earlier ontology may have kept none.
        """
        void = voided(versions)
        registers = {}
        for name, register in state.registers.items():
            if (state.id, register.stamp.event, register.stamp.source) not in void:
                registers[name] = register
            elif name in self._latest_somewhere:
                registers[name] = Register(register.stamp, None)
        edges: dict[EdgeKey, EdgeState] = {}
        for version in versions:
            stands = standing(version, void)
            for link, linked in version.links.items():
                said = edges.setdefault(EdgeKey(state.id, *link), EdgeState())
                if stands:
                    say(said, version.stamp, linked)
            for name, register in registers_of(version) if stands else ():
                held = registers.get(name)
                if name not in self._latest_somewhere and (held is None or newer(*register, held)):
                    registers[name] = register
        state.registers = registers
        return edges

    def rests_on(self, state: NodeState, edges: Iterable[EdgeState], void: Collection[tuple[str, str, str]]) -> bool:
        """Whether a merged state, or one of these edges of its, goes by what is void: else there is no need to make it anew."""
        stamps = [stamp for edge in edges for stamp in (edge.linked, edge.unlinked) if stamp is not None]
        for name, (stamp, value) in state.registers.items():
            if value is not None or name not in self._latest_somewhere:
                stamps.append(stamp)
        return any((state.id, stamp.event, stamp.source) in void for stamp in stamps)

    def _type(self, state: NodeState, cls: str, stamp: Stamp) -> None:
        held = state.cls_stamp
        if held is None or (self._depth.get(cls, 0), stamp, cls) > (self._depth.get(state.cls, 0), held, state.cls):
            state.cls, state.cls_stamp = cls, stamp

    def _state(self, delta: Delta, subject: str, cls: str, stamp: Stamp) -> NodeState:
        state = delta.nodes.get(subject)
        if cls not in self._depth:
            raise BadChange(f"{subject}: the ontology has no class {cls!r}{nearest(cls, self._depth)}")
        if state is None:
            delta.nodes[subject] = state = NodeState(subject, cls, stamp)
        elif state.cls != cls or state.cls_stamp is None or state.cls_stamp < stamp:
            self._type(state, cls, stamp)
        return state

    def _sampled(self, delta: Delta, subject: str, cls: str, samples: list[Sample]) -> None:
        """The samples of one thing that one class had, all at once: most of them say nothing that the newest does not."""
        samples.sort(key=itemgetter(0))
        state = self._state(delta, subject, cls, samples[-1][0])
        coalesce(state.registers, samples)
        for name in self._spanned[cls]:
            _reported(state, name, [stamp for stamp, said in samples if counts(said.get(name))])

    def _assert(self, delta: Delta, stamp: Stamp, change: Assert, received: int, recorded: int) -> None:
        registers = (state := self._state(delta, change.subject, change.cls, stamp)).registers
        self._known(change)
        for name, value in change.properties.items():
            held = registers.get(name)
            if held is None or newer(stamp, value, held):
                registers[name] = new(Register, (stamp, value))
        for name in self._spanned[change.cls]:
            if counts(change.properties.get(name)):
                _reported(state, name, [stamp])
        for name, value in change.attributes.items():
            held = registers.get(ATTRIBUTE + name)
            if held is None or newer(stamp, value, held):
                registers[ATTRIBUTE + name] = new(Register, (stamp, value))
        for link in change.links:
            key = new(EdgeKey, (change.subject, *link))
            edge = delta.edges.get(key)
            if edge is None:
                delta.edges[key] = EdgeState(stamp)
            else:
                edge.linked = latest(edge.linked, stamp)
            delta.mentioned.add(link.target)
        latest_only = self._latest[change.cls]
        kept = {n: v for n, v in change.properties.items() if n not in latest_only} if latest_only else change.properties
        if kept or change.attributes or change.links:
            links = dict.fromkeys(change.links, True)
            said = (change.subject, change.cls, stamp, received, recorded, kept, change.attributes, links, (), self._version)
            self._keep(delta, new(Version, said))

    def _retract(self, delta: Delta, stamp: Stamp, change: Retract, received: int, recorded: int) -> None:
        registers = self._state(delta, change.subject, change.cls, stamp).registers
        self._known(change)
        for name in (*change.properties, *(ATTRIBUTE + n for n in change.attributes)):
            held = registers.get(name)
            if held is None or newer(stamp, None, held):
                registers[name] = Register(stamp, None)
        for link in change.links:
            edge = delta.edges.setdefault(EdgeKey(change.subject, *link), EdgeState())
            edge.unlinked = latest(edge.unlinked, stamp)
            delta.mentioned.add(link.target)
        self._keep(
            delta,
            Version(
                change.subject,
                change.cls,
                stamp,
                received,
                recorded,
                dict.fromkeys(change.properties),
                dict.fromkeys(change.attributes),
                dict.fromkeys(change.links, False),
                (),
                self._version,
            ),
        )

    def _void(self, delta: Delta, stamp: Stamp, change: Void, received: int, recorded: int) -> None:
        self._state(delta, change.subject, change.cls, stamp).voided = True
        pairs = ((change.event, change.source),)
        self._keep(delta, Version(change.subject, change.cls, stamp, received, recorded, {}, {}, {}, pairs, self._version))

    def _known(self, change: Assert | Retract) -> None:
        if not self._properties.issuperset(change.properties):
            name = next(n for n in change.properties if n not in self._properties)
            known = nearest(name, dict.fromkeys(self._properties))
            raise BadChange(f"{change.subject}: the ontology has no property {name!r}{known}")
        for link in change.links:
            if link.relation not in self._relations:
                known = nearest(link.relation, self._relations)
                raise BadChange(f"{change.subject}: the ontology has no relation {link.relation!r}{known}")

    def _keep(self, delta: Delta, version: Version) -> None:
        delta.versions.setdefault((version.subject, version.stamp, body(version)), version)

    def _flag(self, delta: Delta, stamp: Stamp, flag: Flag) -> None:
        # A flagged subject exists, but a mere doubt about it says nothing about its state beyond its class.
        self._state(delta, flag.subject, flag.cls, stamp)
        if flag.verdict is not Verdict.DUPLICATE:
            delta.qualities.add(
                Quality(flag.subject, flag.property, flag.verdict, flag.at, flag.detail, stamp.event, stamp.source)
            )


def latest(a: Stamp | None, b: Stamp | None) -> Stamp | None:
    """The greater of two stamps; None is less than any."""
    if a is None or b is None:
        return a or b
    return max(a, b)


def counts(value: Value) -> bool:
    """Whether a value says that something is going on: a number above 0, or true."""
    return not isinstance(value, str) and value is not None and value > 0


def _reported(state: NodeState, name: str, stamps: Sequence[Stamp]) -> None:
    if stamps:
        spans = state.spans.setdefault(name, [])
        assert isinstance(spans, list)
        for stamp in stamps:
            add(spans, stamp.valid, stamp.event, stamp.source)


def registers_of(version: Version) -> Iterator[tuple[str, Register]]:
    """What the version says, as registers by name."""
    for name, value in version.properties.items():
        yield name, Register(version.stamp, value)
    for name, value in version.attributes.items():
        yield ATTRIBUTE + name, Register(version.stamp, value)


def say(edge: EdgeState, stamp: Stamp, linked: bool) -> None:
    """Add a link or an unlink to the state of an edge."""
    if linked:
        edge.linked = latest(edge.linked, stamp)
    else:
        edge.unlinked = latest(edge.unlinked, stamp)


def holding(states: dict[EdgeKey, EdgeState], functional: bool) -> dict[EdgeKey, Stamp]:
    """Which of the edges of one (source, relation) hold, and since which stamp.

    A functional relation has at most one: the newest link, unless that very link has been undone. What it replaced does not
    come back when it is undone: the thing has left the old place too.
    """
    present = {key: s.linked for key, s in states.items() if s.present and s.linked is not None}
    if not functional or not present:
        return present
    newest = max((s.linked, key) for key, s in states.items() if s.linked is not None)
    return {newest[1]: newest[0]} if newest[1] in present else {}


def holding_all(states: Mapping[EdgeKey, EdgeState], single: Collection[tuple[str, ...]]) -> set[EdgeKey]:
    """Which of any edges hold. `single` are those pairs of a source and a functional relation that are among them."""
    held = set()
    groups: dict[tuple[str, ...], dict[EdgeKey, EdgeState]] = {pair: {} for pair in single}
    for key, state in states.items():
        if groups and (group := groups.get(key[:2])) is not None:
            group[key] = state
        elif state.present:
            held.add(key)
    for group in groups.values():
        held.update(holding(group, True))
    return held


def to_node(state: NodeState) -> Node:
    properties: dict[str, str | int | float | bool] = {}
    attributes: dict[str, str | int | float | bool] = {}
    stamps: dict[str, Stamp] = {} if state.cls_stamp is None else {"": state.cls_stamp}
    for name, (stamp, value) in state.registers.items():
        stamps[name] = stamp
        if value is None:
            continue
        if name[0] == ATTRIBUTE:
            attributes[name[1:]] = value
        else:
            properties[name] = value
    return Node(state.id, state.cls, properties, attributes, stamps, state.spans)


def to_edge(key: EdgeKey, stamp: Stamp) -> Edge:
    return Edge(key.source, key.relation, key.target, key.qualifier, stamp)


def notices(batch: Sequence[ChangeSet]) -> list[Notice]:
    """One notice for each subject of each event, in the batch's order."""
    told: list[Notice] = []
    for changes in batch:
        for change in changes.changes:
            match change:
                case Assert() if not change.attributes and not change.links:
                    names = tuple(change.properties)
                case Assert() | Retract():
                    names = (*change.properties, *change.attributes, *[link.relation for link in change.links])
                case Flag():
                    names = (change.property,)
                case Void():
                    names = ()
                case _:
                    assert_never(change)
            told.append(new(Notice, (change.subject, change.cls, names, changes.event, changes.valid)))
    return told


__all__ = [
    "ATTRIBUTE",
    "Delta",
    "EdgeKey",
    "EdgeState",
    "Joiner",
    "Link",
    "NodeState",
    "Register",
    "body",
    "canonical",
    "holding",
    "holding_all",
    "latest",
    "newer",
    "notices",
    "registers_of",
    "say",
    "standing",
    "to_edge",
    "to_node",
    "voided",
]
