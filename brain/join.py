"""The join: a batch of change sets becomes one state a key, and states merge by maximum.

Every state here is a join-semilattice (Shapiro et al., *Conflict-free Replicated Data Types*, 2011): a node is a map of
last-writer registers, an edge is a last-writer-wins element (the newest link against the newest unlink), versions and flags are
grow-only sets, tips of chains are products of two maxima (`brain.chains`). Merging is associative, commutative and idempotent, so
a store that reads, merges and writes under a lock ends in the same state whatever the order, the batching and the repetition of
its input. Stores do nothing cleverer than that.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import assert_never

from brain.chains import CLOCK, END, Tip, advance, by_chain, effective, joined, tip
from brain.errors import BadChange
from brain.model import Assert, ChangeSet, Flag, Link, Notice, Order, Quality, Retract, Stamp, Verdict, Version, Void
from brain.schema import History, Schema, nearest
from brain.spans import add, fuse
from brain.states import (
    ATTRIBUTE,
    Delta,
    EdgeKey,
    EdgeState,
    NodeState,
    Register,
    counts,
    holding,
    holding_all,
    latest,
    newer,
    registers_of,
    say,
    to_edge,
    to_node,
)
from brain.versions import body, canonical, standing, voided

new = tuple.__new__
"""The tuple's own constructor: the named one costs 0.2 µs more, and is called several times an event."""


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
        self._latest_somewhere = frozenset[str]().union(*self._latest.values())
        self._spanned = {
            name: [p.name for p in cls.properties.values() if p.impossible_while and p.history is History.LATEST]
            for name, cls in schema.classes.items()
        }
        self._version = schema.version

    def join(self, batch: Sequence[ChangeSet], recorded: int) -> Delta:
        """The state that the batch alone makes. BadChange for a class, property or relation that the ontology does not have."""
        delta = Delta()
        for changes in batch:
            if changes.order is None:
                self._say(delta, changes, recorded)
            else:
                self._say_in_order(delta, changes, changes.order, recorded)
        delta.mentioned.difference_update(delta.nodes)
        for state in delta.nodes.values():
            for name, spans in state.spans.items():
                state.spans[name] = fuse(spans)
        return delta

    def _say(self, delta: Delta, changes: ChangeSet, recorded: int) -> None:
        stamp = changes.stamp
        for change in changes.changes:
            match change:
                case Assert():
                    self._assert(delta, stamp, change, changes.received, recorded)
                case Retract():
                    self._retract(delta, stamp, change, changes.received, recorded)
                case Void():
                    self._void(delta, stamp, change, changes.received, recorded)
                case Flag():
                    self._flag(delta, stamp, change)
                case _:
                    assert_never(change)

    def _say_in_order(self, delta: Delta, changes: ChangeSet, order: Order, recorded: int) -> None:
        """What keeps no versions goes to the tips of the chain; the versions wait for `settle`."""
        if not 0 <= order.position <= END:
            raise BadChange(f"{changes.event}: position {order.position} in {order.chain!r} is not within 0 and {END}")
        alone = Delta()
        self._say(alone, changes, recorded)
        for state in alone.nodes.values():
            mine = delta.nodes.setdefault(state.id, NodeState(state.id))
            mine.voided |= state.voided
            for name, spans in state.spans.items():
                mine.spans[name] = [*mine.spans.get(name, ()), *spans]
            self._tip(mine, order.chain, "", tip(order, changes.stamp, state.cls))
            for name, (stamp, value) in state.registers.items():
                if name in self._latest_somewhere:
                    self._tip(mine, order.chain, name, tip(order, stamp, value))
        for version in alone.versions.values():
            version = version._replace(order=order)
            self._keep(delta, version)
            delta.waiting.setdefault(version.subject, []).append(version)
        delta.qualities |= alone.qualities
        delta.mentioned |= alone.mentioned

    def describe(self, state: NodeState, version: Version) -> None:
        """What a version, with its stamp as claimed, says of the class."""
        if version.order is None:
            self._type(state, version.cls, version.stamp)
        else:
            self._tip(state, version.order.chain, "", tip(version.order, version.stamp, version.cls))

    def _tip(self, state: NodeState, chain: str, name: str, said: Tip) -> None:
        """Join the tip of one register, and tell the register what stands there now. Of the class only the closest counts."""
        tips = state.tips.setdefault(chain, {})
        held = tips.get(name)
        closer = 0
        if held is not None and name == "":
            closer = self._depth.get(str(said.value), 0) - self._depth.get(str(held.value), 0)
        if held is not None and closer <= 0:
            said = held if closer else joined(held, said)
        tips[name] = said
        if name == "":
            self._type(state, str(said.value), said.stamp)
        elif name != CLOCK:
            put(state.registers, name, Register(said.stamp, said.value))

    def settle(self, delta: Delta, states: Mapping[str, NodeState]) -> dict[str, list[Version]]:
        """Let what waits in the delta change its merged states and the delta's edges; what came too late for that is returned.

        A late version lies before what its chain has said of that subject already, and may change from when on that is
        effective: unless it is stored already, `rebuild` must make the subject anew.
        """
        late: dict[str, list[Version]] = {}
        for subject, versions in delta.waiting.items():
            state = states[subject]
            for (_, chain), said in by_chain(versions).items():
                clock, timely, behind = advance(state.tips.get(chain, {}).get(CLOCK), said)
                for version in timely:
                    self._versioned(state.registers, delta.edges, version, True)
                if clock is not None:
                    self._tip(state, chain, CLOCK, clock)
                if behind:
                    late.setdefault(subject, []).extend(behind)
        return late

    def _versioned(self, registers: dict[str, Register], edges: dict[EdgeKey, EdgeState], version: Version, stands: bool) -> None:
        """What a version with its effective stamp says of registers and edges; one that does not stand, that there were edges."""
        for link, linked in version.links.items():
            edge = edges.setdefault(EdgeKey(version.subject, *link), EdgeState())
            if stands:
                say(edge, version.stamp, linked)
        for name, register in registers_of(version) if stands else ():
            if name not in self._latest_somewhere:
                put(registers, name, register)

    def merge_node(self, old: NodeState, new: NodeState) -> NodeState:
        """The join of two states of one node; `old` is changed in place and returned."""
        if new.cls_stamp is not None:
            self._type(old, new.cls, new.cls_stamp)
        registers = old.registers
        for name, register in new.registers.items():
            put(registers, name, register)
        old.voided |= new.voided
        for name, spans in new.spans.items():
            old.spans[name] = fuse([*old.spans.get(name, ()), *spans])
        for chain, tips in new.tips.items():
            for name, said in tips.items():
                self._tip(old, chain, name, said)
        return old

    def rebuild(self, state: NodeState, versions: Collection[Version]) -> dict[EdgeKey, EdgeState]:
        """Make the registers of a node anew, and return the states of all edges that leave it, or once left it.

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
        for tips in state.tips.values():
            for name, last in tips.items():
                if name in self._latest_somewhere and (state.id, last.event, last.source) in void:
                    tips[name] = last._replace(value=None)
        edges: dict[EdgeKey, EdgeState] = {}
        # What is void still has its place in its chain: a clock that was read was read.
        for version in effective(list(versions)):
            self._versioned(registers, edges, version, standing(version, void))
        state.registers = registers
        return edges

    def rests_on(self, state: NodeState, edges: Iterable[EdgeState], void: Collection[tuple[str, str, str]]) -> bool:
        """Whether a merged state, or one of these edges of its, goes by what is void: else there is no need to make it anew."""
        stamps = [stamp for edge in edges for stamp in (edge.linked, edge.unlinked) if stamp is not None]
        for name, (stamp, value) in state.registers.items():
            if value is not None or name not in self._latest_somewhere:
                stamps.append(stamp)
        stamps += [t.stamp for tips in state.tips.values() for n, t in tips.items() if n and t.value is not None]
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

    def _assert(self, delta: Delta, stamp: Stamp, change: Assert, received: int, recorded: int) -> None:
        registers = self._state(delta, change.subject, change.cls, stamp).registers
        self._known(change)
        for name, value in change.properties.items():
            held = registers.get(name)
            if held is None or newer(stamp, value, held):
                registers[name] = new(Register, (stamp, value))
        for name in self._spanned[change.cls]:
            if counts(change.properties.get(name)):
                self._reported(delta, name, stamp, change)
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
            told = (change.subject, change.cls, stamp, received, recorded)
            self._keep(delta, new(Version, (*told, kept, change.attributes, links, (), self._version, None)))

    def _reported(self, delta: Delta, name: str, stamp: Stamp, change: Assert) -> None:
        spans = delta.nodes[change.subject].spans.setdefault(name, [])
        assert isinstance(spans, list)
        add(spans, stamp.valid, stamp.event, stamp.source)

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


def put(registers: dict[str, Register], name: str, register: Register) -> None:
    """Join one register."""
    held = registers.get(name)
    if held is None or newer(register.stamp, register.value, held):
        registers[name] = register


def notices(batch: Sequence[ChangeSet]) -> list[Notice]:
    """One notice for each subject of each event, in the batch's order."""
    told: list[Notice] = []
    for changes in batch:
        for change in changes.changes:
            match change:
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
    "counts",
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
