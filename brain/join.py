"""The join: a batch of change sets becomes one state a key, and states merge by maximum.

Every state here is a join-semilattice (Shapiro et al., *Conflict-free Replicated Data Types*, 2011): a node is a map of
last-writer registers, an edge is a last-writer-wins element (the newest link against the newest unlink), versions and flags are
grow-only sets, tips of chains are products of two maxima (`brain.chains`). Merging is associative, commutative and idempotent, so
a store that reads, merges and writes under a lock ends in the same state whatever the order, the batching and the repetition of
its input. Stores do nothing cleverer than that.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import assert_never

from brain.chains import CLOCK, END, Tip, Word, advance, effective, joined, tip_of
from brain.errors import BadChange
from brain.model import Assert, Change, ChangeSet, Flag, Link, Order, Quality, Retract, Stamp, Verdict, Version, Void
from brain.registers import Register, Sample, coalesce, new, newer
from brain.schema import History, Schema, Value, nearest
from brain.spans import add, fuse
from brain.states import (
    ATTRIBUTE,
    Delta,
    EdgeKey,
    EdgeState,
    NodeState,
    Waiting,
    counts,
    holding,
    holding_all,
    latest,
    registers_of,
    say,
    to_edge,
    to_node,
)
from brain.versions import body, canonical, standing, voided


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
        samples: dict[tuple[str, str], list[Sample]] = {}
        for changes in batch:
            if changes.order is None:
                self._say(delta, samples, changes, recorded)
            else:
                self._say_in_order(delta, changes, changes.order, recorded)
        for (subject, cls), sampled in samples.items():
            self._sampled(delta, subject, cls, sampled)
        delta.mentioned.difference_update(delta.nodes)
        for state in delta.nodes.values():
            for name, spans in state.spans.items():
                state.spans[name] = fuse(spans)
        return delta

    def _say(self, delta: Delta, samples: dict[tuple[str, str], list[Sample]], changes: ChangeSet, recorded: int) -> None:
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

    def _say_in_order(self, delta: Delta, changes: ChangeSet, order: Order, recorded: int) -> None:
        """It waits for `settle`, which knows what the chain has said before."""
        if not 0 <= order.position <= END:
            raise BadChange(f"{changes.event}: position {order.position} in {order.chain!r} is not within 0 and {END}")
        stamp = changes.stamp
        tip = tip_of(order, stamp)
        for change in changes.changes:
            state = delta.nodes.get(change.subject)
            if state is None:
                delta.nodes[change.subject] = state = NodeState(change.subject)
            key = (change.subject, order.chain)
            waiting = delta.waiting.get(key)
            if waiting is None:
                delta.waiting[key] = waiting = Waiting()
            self._class_known(change)
            self._word(waiting.words, "", new(Word, (tip, change.cls)))
            if isinstance(change, Flag):
                self._doubt(delta, stamp, change)
                continue
            self._last_words(delta, waiting.words, tip, change, stamp)
            version = self._version_of(change, stamp, changes.received, recorded, order)
            self._keep(delta, version)
            if version is not None:
                waiting.versions.append(version)

    def _last_words(self, delta: Delta, words: dict[str, Word], tip: Tip, change: Assert | Retract | Void, stamp: Stamp) -> None:
        if isinstance(change, Void):
            delta.nodes[change.subject].voided = True
            return
        self._known(change)
        properties: Mapping[str, Value] = change.properties if isinstance(change, Assert) else dict.fromkeys(change.properties)
        for name, value in properties.items():
            if name in self._latest_somewhere:
                self._word(words, name, new(Word, (tip, value)))
        if isinstance(change, Assert):
            self._spans(delta, stamp, change)
        for link in change.links:
            delta.mentioned.add(link.target)

    def _word(self, words: dict[str, Word], name: str, said: Word) -> Word:
        """Join what a chain says of one register. Of classes only the closest counts."""
        held = words.get(name)
        if held is not None:
            closer = 0
            if name == "" and held[1] != said[1]:
                closer = self._depth.get(str(said.value), 0) - self._depth.get(str(held.value), 0)
            if closer <= 0:
                said = held if closer else joined(held, said)
        words[name] = said
        return said

    def describe(self, state: NodeState, version: Version) -> None:
        """What a version, with its stamp as claimed, says of the class."""
        cls, stamp, order = version.cls, version.stamp, version.order
        if order is not None:
            word = self._word(state.tips.setdefault(order.chain, {}), "", Word(tip_of(order, stamp), cls))
            cls, stamp = str(word.value), word.tip.stamp
        self._type(state, cls, stamp)

    def settle(self, delta: Delta, states: Mapping[str, NodeState]) -> dict[str, list[Version]]:
        """Let what waits in the delta change its merged states and the delta's edges; what came too late for that is returned.

        A late version lies before what its chain has said of that subject already, and may change from when on that is
        effective: unless it is stored already, `rebuild` must make the subject anew.
        """
        late: dict[str, list[Version]] = {}
        for (subject, chain), waiting in delta.waiting.items():
            state = states[subject]
            words = state.tips.setdefault(chain, {})
            tip, stamp = None, None
            for name, said in waiting.words.items():
                word = self._word(words, name, said)
                if word.tip is not tip or stamp is None:
                    tip, stamp = word.tip, word.tip.stamp
                if name == "":
                    self._type(state, str(word.value), stamp)
                elif (held := state.registers.get(name)) is None or newer(stamp, word.value, held):
                    state.registers[name] = new(Register, (stamp, word.value))
            if waiting.versions:
                before = words.get(CLOCK)
                clock, timely, behind = advance(before and before.tip, waiting.versions)
                for version, stamp in timely:
                    self._versioned(state.registers, delta.edges, version, stamp)
                if before is None or clock != before.tip:
                    words[CLOCK] = Word(clock, None)
                if behind:
                    late.setdefault(subject, []).extend(behind)
        return late

    def _versioned(self, registers: dict[str, Register], edges: dict[EdgeKey, EdgeState], version: Version, stamp: Stamp) -> None:
        """What a version with that effective stamp says of registers and edges."""
        for link, linked in version.links.items():
            say(edges.setdefault(EdgeKey(version.subject, *link), EdgeState()), stamp, linked)
        for name, value in version.properties.items():
            if name not in self._latest_somewhere:
                put(registers, name, new(Register, (stamp, value)))
        for name, value in version.attributes.items():
            put(registers, ATTRIBUTE + name, new(Register, (stamp, value)))

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
        for words in state.tips.values():
            for name, (tip, _) in words.items():
                if name in self._latest_somewhere and (state.id, tip.event, tip.source) in void:
                    words[name] = Word(tip, None)
        edges: dict[EdgeKey, EdgeState] = {}
        # What is void still has its place in its chain: a clock that was read was read.
        for version in effective(list(versions)):
            if standing(version, void):
                self._versioned(registers, edges, version, version.stamp)
            else:
                edges |= {key: EdgeState() for link in version.links if (key := EdgeKey(state.id, *link)) not in edges}
        state.registers = registers
        return edges

    def rests_on(self, state: NodeState, edges: Iterable[EdgeState], void: Collection[tuple[str, str, str]]) -> bool:
        """Whether a merged state, or one of these edges of its, goes by what is void: else there is no need to make it anew."""
        stamps = [stamp for edge in edges for stamp in (edge.linked, edge.unlinked) if stamp is not None]
        for name, (stamp, value) in state.registers.items():
            if value is not None or name not in self._latest_somewhere:
                stamps.append(stamp)
        stamps += [word.tip.stamp for words in state.tips.values() for n, word in words.items() if n and word.value is not None]
        return any((state.id, stamp.event, stamp.source) in void for stamp in stamps)

    def _type(self, state: NodeState, cls: str, stamp: Stamp) -> None:
        held = state.cls_stamp
        if held is None or (self._depth.get(cls, 0), stamp, cls) > (self._depth.get(state.cls, 0), held, state.cls):
            state.cls, state.cls_stamp = cls, stamp

    def _class_known(self, change: Change) -> None:
        if change.cls not in self._depth:
            known = nearest(change.cls, self._depth)
            raise BadChange(f"{change.subject}: the ontology has no class {change.cls!r}{known}")

    def _state(self, delta: Delta, change: Change, stamp: Stamp) -> NodeState:
        self._class_known(change)
        return self._typed(delta, change.subject, change.cls, stamp)

    def _typed(self, delta: Delta, subject: str, cls: str, stamp: Stamp) -> NodeState:
        state = delta.nodes.get(subject)
        if state is None:
            delta.nodes[subject] = state = NodeState(subject, cls, stamp)
        elif state.cls != cls or state.cls_stamp is None or state.cls_stamp < stamp:
            self._type(state, cls, stamp)
        return state

    def _sampled(self, delta: Delta, subject: str, cls: str, samples: list[Sample]) -> None:
        """The samples of one thing that one class had, all at once: most of them say nothing that the newest does not."""
        samples.sort(key=itemgetter(0))
        state = self._typed(delta, subject, cls, samples[-1][0])
        coalesce(state.registers, samples)
        for name in self._spanned[cls]:
            _reported(state, name, [stamp for stamp, said in samples if counts(said.get(name))])

    def _assert(self, delta: Delta, stamp: Stamp, change: Assert, received: int, recorded: int) -> None:
        registers = self._state(delta, change, stamp).registers
        self._known(change)
        for name, value in change.properties.items():
            held = registers.get(name)
            if held is None or newer(stamp, value, held):
                registers[name] = new(Register, (stamp, value))
        self._spans(delta, stamp, change)
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
        self._keep(delta, self._version_of(change, stamp, received, recorded))

    def _spans(self, delta: Delta, stamp: Stamp, change: Assert) -> None:
        for name in self._spanned[change.cls]:
            if counts(change.properties.get(name)):
                _reported(delta.nodes[change.subject], name, [stamp])

    def _retract(self, delta: Delta, stamp: Stamp, change: Retract, received: int, recorded: int) -> None:
        registers = self._state(delta, change, stamp).registers
        self._known(change)
        for name in (*change.properties, *(ATTRIBUTE + n for n in change.attributes)):
            held = registers.get(name)
            if held is None or newer(stamp, None, held):
                registers[name] = Register(stamp, None)
        for link in change.links:
            edge = delta.edges.setdefault(EdgeKey(change.subject, *link), EdgeState())
            edge.unlinked = latest(edge.unlinked, stamp)
            delta.mentioned.add(link.target)
        self._keep(delta, self._version_of(change, stamp, received, recorded))

    def _void(self, delta: Delta, stamp: Stamp, change: Void, received: int, recorded: int) -> None:
        self._state(delta, change, stamp).voided = True
        self._keep(delta, self._version_of(change, stamp, received, recorded))

    def _known(self, change: Assert | Retract) -> None:
        if not self._properties.issuperset(change.properties):
            name = next(n for n in change.properties if n not in self._properties)
            known = nearest(name, dict.fromkeys(self._properties))
            raise BadChange(f"{change.subject}: the ontology has no property {name!r}{known}")
        for link in change.links:
            if link.relation not in self._relations:
                known = nearest(link.relation, self._relations)
                raise BadChange(f"{change.subject}: the ontology has no relation {link.relation!r}{known}")

    def _version_of(
        self, change: Assert | Retract | Void, stamp: Stamp, received: int, recorded: int, order: Order | None = None
    ) -> Version | None:
        """None where it says but what keeps no versions."""
        said: tuple[object, ...]
        if isinstance(change, Assert):
            latest_only = self._latest[change.cls]
            kept = {n: v for n, v in change.properties.items() if n not in latest_only} if latest_only else change.properties
            if not (kept or change.attributes or change.links):
                return None
            said = kept, change.attributes, dict.fromkeys(change.links, True), ()
        elif isinstance(change, Retract):
            said = *map(dict.fromkeys, (change.properties, change.attributes)), dict.fromkeys(change.links, False), ()
        else:
            said = {}, {}, {}, ((change.event, change.source),)
        return new(Version, (change.subject, change.cls, stamp, received, recorded, *said, self._version, order))

    @staticmethod
    def _keep(delta: Delta, version: Version | None) -> None:
        if version is not None:
            delta.versions.setdefault((version.subject, version.stamp, body(version)), version)

    def _flag(self, delta: Delta, stamp: Stamp, flag: Flag) -> None:
        # A flagged subject exists, but a mere doubt about it says nothing about its state beyond its class.
        self._state(delta, flag, stamp)
        self._doubt(delta, stamp, flag)

    def _doubt(self, delta: Delta, stamp: Stamp, flag: Flag) -> None:
        if flag.verdict is not Verdict.DUPLICATE:
            delta.qualities.add(
                Quality(flag.subject, flag.property, flag.verdict, flag.at, flag.detail, stamp.event, stamp.source)
            )


def _reported(state: NodeState, name: str, stamps: Sequence[Stamp]) -> None:
    if stamps:
        spans = state.spans.setdefault(name, [])
        assert isinstance(spans, list)
        for stamp in stamps:
            add(spans, stamp.valid, stamp.event, stamp.source)


def put(registers: dict[str, Register], name: str, register: Register) -> None:
    """Join one register."""
    held = registers.get(name)
    if held is None or newer(register.stamp, register.value, held):
        registers[name] = register


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
    "new",
    "newer",
    "registers_of",
    "say",
    "standing",
    "to_edge",
    "to_node",
    "voided",
]
