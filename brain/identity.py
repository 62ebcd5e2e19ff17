"""Identity: which ids are names of one thing, and what that one thing is.

That two things are one is an assertion like any other, a `sameAs` link that a retraction undoes; nothing that is stored is
rewritten. What reads show is derived: ids that such links join are one cluster, known by its least id, and its node, edges and
history are those of its members, joined by the very rules by which one node's events are joined. All of it is a function of the
set of links and of the members, so that no order of arrival can change it.

Two things with the same value of a property that the ontology calls an identity (`eb:identity`) are one, with the confidence
that it gives. At full confidence they are merged when they are read, without any link; below it, a proposal waits for
someone to accept or reject it (a `sameAs` or a `differentFrom` link). Such pairs, weighed and then joined to clusters, are
record linkage (Fellegi and Sunter, *A Theory for Record Linkage*, 1969); owl:sameAs and owl:differentFrom are OWL 2's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations, pairwise

from brain.join import ATTRIBUTE, Joiner, NodeState, Register, canonical, to_node
from brain.model import Edge, Node, Quality, Stamp, Version, by_time
from brain.schema import Scalar, Schema, Value

SAME = "sameAs"
DIFFERENT = "differentFrom"
CERTAIN = 1.0

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which ids are one thing: `members` by representative, at least two, sorted; the representative is the first of them."""

    members: Mapping[str, tuple[str, ...]]
    of: Mapping[str, str]
    """The representative of each member; an id of which nothing is merged is not in it."""

    def one(self, id: str) -> str:
        """The id under which it is read."""
        return self.of.get(id, id)

    def all(self, id: str) -> tuple[str, ...]:
        """Every id of the thing."""
        return self.members.get(self.of.get(id, id), (id,))


NONE = Clusters({}, {})


def clusters(pairs: Iterable[Pair]) -> Clusters:
    """The connected components of the pairs. The root of each is its least id, in whatever order the pairs come."""
    parent: dict[str, str] = {}

    def root(id: str) -> str:
        while (up := parent.setdefault(id, id)) != id:
            parent[id] = parent[up]
            id = up
        return id

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for id in sorted(parent):
        groups[root(id)].append(id)
    members = {low: tuple(ids) for low, ids in groups.items() if len(ids) > 1}
    return Clusters(members, {id: low for low, ids in members.items() for id in ids})


@dataclass(frozen=True, slots=True)
class MergedNode(Node):
    """One thing out of several nodes, under the least of their ids. `members` are all of their ids, sorted."""

    members: tuple[str, ...] = ()


def merge_nodes(joiner: Joiner, id: str, members: Sequence[str], nodes: Iterable[Node]) -> MergedNode:
    """The node that the nodes are together: its class by depth, then stamp; each property and attribute by the greatest stamp."""
    state = NodeState(id)
    for node in nodes:
        joiner.merge_node(state, _state(node))
    merged = to_node(state)
    return MergedNode(**{f.name: getattr(merged, f.name) for f in fields(merged)}, members=tuple(members))


def _state(node: Node) -> NodeState:
    """What `to_node` made the node of. A stamp without a value is a retraction."""
    registers = {}
    for name, stamp in node.stamps.items():
        if name:
            value: Value = node.attributes.get(name[1:]) if name[0] == ATTRIBUTE else node.properties.get(name)
            registers[name] = Register(stamp, value)
    return NodeState(node.id, node.cls, node.stamps.get(""), registers, spans=dict(node.spans))


def merge_edges(edges: Iterable[Edge], together: Clusters, functional: Collection[str]) -> list[Edge]:
    """The edges between things: both ends by representative, each once, by its greatest stamp; a merge itself is no edge.

    Of a functional relation that several members have, the newest holds; for that, all edges of it that leave the members must be
    among the edges. A link holds for the thing while it holds for a member: who takes back what was said of one name does not
    take back what others said of another.
    """
    newest: dict[tuple[str, str, str, str], Edge] = {}
    for edge in edges:
        moved = edge._replace(source=together.one(edge.source), target=together.one(edge.target))
        if edge.relation == SAME and moved.source == moved.target:
            continue
        held = newest.setdefault(moved[:4], moved)
        if moved.stamp > held.stamp:
            newest[moved[:4]] = moved
    single: dict[Pair, Edge] = {}
    found = []
    for edge in newest.values():
        if edge.relation in functional and edge.source in together.members:
            rival = single.setdefault(edge[:2], edge)
            if (edge.stamp, edge) > (rival.stamp, rival):
                single[edge[:2]] = edge
        else:
            found.append(edge)
    return [*found, *single.values()]


def merge_versions(histories: Iterable[Sequence[Version]], limit: int) -> list[Version]:
    """The histories as one, newest first, at most `limit`. Each version keeps the subject that its event named."""
    found = [version for history in histories for version in history]
    # Stable: the order that a store gives to versions of one stamp stays.
    found.sort(key=lambda v: v.stamp, reverse=True)
    return found[:limit]


def merge_qualities(flags: Iterable[Sequence[Quality]]) -> list[Quality]:
    """In order of time, those without a time first, as a store gives them."""
    found = [flag for some in flags for flag in some]
    return sorted(found, key=by_time)


# ---- Identity rules ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposal:
    """`ids` may be one thing: `property` has the same `value` at each. `evidence` has, for each id in order, who said so.

    An id that is merged with others already stands for all of them.
    """

    ids: tuple[str, ...]
    property: str
    value: Scalar
    confidence: float
    evidence: tuple[Stamp, ...]


@dataclass(frozen=True, slots=True)
class Alike:
    """The nodes of one keyspace with one value of an identity property, by id: who said so."""

    property: str
    value: Scalar
    said: Mapping[str, Stamp]


class Census:
    """Gathers nodes by the values of some properties. Empty and blank texts are no identities."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._found: dict[tuple[str, str, bytes], tuple[Scalar, dict[str, Stamp]]] = {}

    def add(self, node: Node) -> None:
        for name in self._names:
            value = node.properties.get(name)
            if value is None or (isinstance(value, str) and not value.strip()):
                continue
            # By text, since 1 == True in Python.
            key = node.id.partition("/")[0], name, canonical(value)
            self._found.setdefault(key, (value, {}))[1][node.id] = node.stamps[name]

    def alike(self) -> list[Alike]:
        """Those that share a value with another, in order of keyspace, property and value."""
        return [Alike(name, value, said) for (_, name, _), (value, said) in sorted(self._found.items()) if len(said) > 1]


def homes(schema: Schema, name: str) -> list[str]:
    """The most general classes that have the property."""
    return schema.topmost([cls.name for cls in schema.classes.values() if name in cls.properties])


def certain(same: Collection[Pair], different: Collection[Pair], alike: Iterable[Alike]) -> Clusters:
    """The clusters of the links together with those of groups that are alike beyond doubt.

    A cluster within which something is said to be different is what its links alone make of it: its value belongs to more than
    one thing, and so it tells nothing. What it would have joined waits as proposals.
    """
    derived = [pair for group in alike for pair in pairwise(sorted(group.said))]
    both = clusters([*same, *derived])
    doubtful = {both.one(a) for a, b in different if both.one(a) == both.one(b)}
    return clusters([*same, *(pair for pair in derived if both.one(pair[0]) not in doubtful)])


def propose(schema: Schema, together: Clusters, different: Collection[Pair], alike: Iterable[Alike]) -> list[Proposal]:
    """What is alike and neither merged nor told apart, surest first.

    A group in which nothing is told apart is one proposal. Else those that are told apart from others of the group are each
    proposed with the rest (by its least id), and pairwise with each other where nothing is known of the two.
    """
    apart = {pair for a, b in different for pair in ((together.one(a), together.one(b)), (together.one(b), together.one(a)))}
    found = [p for group in alike for p in _proposals(group, schema.identities[group.property], together, apart)]
    return sorted(found, key=lambda p: (-p.confidence, p.property, str(p.value), p.ids))


def _proposals(group: Alike, confidence: float, together: Clusters, apart: Collection[Pair]) -> Iterator[Proposal]:
    said: dict[str, Stamp] = {}
    for id, stamp in group.said.items():
        one = together.one(id)
        said[one] = max(stamp, said.get(one, stamp))
    contested = {a for a, b in apart if a in said and b in said}
    free = sorted(said.keys() - contested)
    pairs = [free] if len(free) > 1 else []
    pairs += [sorted((free[0], one)) for one in sorted(contested) if free]
    pairs += [[a, b] for a, b in combinations(sorted(contested), 2) if (a, b) not in apart]
    for ids in pairs:
        yield Proposal(tuple(ids), group.property, group.value, confidence, tuple(said[id] for id in ids))
