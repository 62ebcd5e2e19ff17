"""The states that a batch and a store hold, and what they mean: registers of a node, ends of an edge, tips of chains."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from brain.chains import Word
from brain.model import Edge, Node, Quality, Stamp, Version
from brain.registers import Register
from brain.schema import ROOT, Value
from brain.spans import Span

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
    tips: dict[str, dict[str, Word]] = field(default_factory=dict)
    """By chain, then by register: of the class (""), and of properties that keep no versions. CLOCK is that of all versions."""


@dataclass(slots=True)
class EdgeState:
    """The newest time it was linked and the newest time it was unlinked, by stamp. It is present if the former is greater."""

    linked: Stamp | None = None
    unlinked: Stamp | None = None

    @property
    def present(self) -> bool:
        return self.linked is not None and (self.unlinked is None or self.linked > self.unlinked)


@dataclass(slots=True)
class Waiting:
    """What one chain says of one subject: the last words of what keeps no versions, by register, and the versions."""

    words: dict[str, Word] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)


@dataclass(slots=True)
class Delta:
    """A batch, joined. `mentioned` are ids that links point to: placeholders, unless something describes them.

    `waiting` is what stands in a chain, by subject and chain: what it changes, the tips of the stored state decide.
    """

    nodes: dict[str, NodeState] = field(default_factory=dict)
    edges: dict[EdgeKey, EdgeState] = field(default_factory=dict)
    versions: dict[tuple[str, Stamp, bytes], Version] = field(default_factory=dict)
    qualities: set[Quality] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    waiting: dict[tuple[str, str], Waiting] = field(default_factory=dict)


def latest(a: Stamp | None, b: Stamp | None) -> Stamp | None:
    """The greater of two stamps; None is less than any."""
    if a is None or b is None:
        return a or b
    return max(a, b)


def counts(value: Value) -> bool:
    """Whether a value says that something is going on: a number above 0, or true."""
    return not isinstance(value, str) and value is not None and value > 0


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
