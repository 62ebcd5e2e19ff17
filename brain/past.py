"""Reading the past out of versions: what held at a valid time, as known at a recorded time.

Both intervals are half-open: a statement holds from its valid time on (included) until a greater stamp says otherwise, and it is
known from its recorded time on (Snodgrass, *Developing Time-Oriented Database Applications in SQL*, 1999). What stands in a chain
holds from its effective time on, by what was known of the chain: so an effect is never seen without its cause.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from brain.chains import effective
from brain.errors import BadQuery
from brain.join import (
    EdgeKey,
    EdgeState,
    Joiner,
    NodeState,
    holding,
    registers_of,
    say,
    standing,
    to_edge,
    to_node,
    voided,
)
from brain.model import Edge, Node, Stamp, Version
from brain.query import AsOf, Condition, Direction, Hop, Op
from brain.schema import Scalar, Schema


def visible(versions: Iterable[Version], at: AsOf) -> Sequence[Version]:
    """What was said of that time, by then, with effective stamps; the versions are all that there are of their subjects. What
    takes other versions back does so for all times, once it is known."""
    known = effective([version for version in versions if at.known is None or version.recorded <= at.known])
    return [version for version in known if _within(version.stamp, at)]


def claimed(version: Version) -> int:
    """When what it says began to hold, by its own event."""
    return version.stamp.valid


def told_by(versions: Iterable[Version], at: AsOf, since: Callable[[Version], int] = claimed) -> list[Version]:
    """The versions of one node out of which all that was so then follows, as believed then: those that are `visible`, with stamps
    as claimed, and those that take others back. The model that they alone make is the model of that point.

    `since` says from when on what stands in no chain holds.
    """
    known = [version for version in versions if at.known is None or version.recorded <= at.known]
    if at.valid is None:
        return known
    places = {version.order for version in known if version.order is not None}
    if places:
        places = {version.order for version in effective(known) if version.order is not None and _within(version.stamp, at)}
    return [v for v in known if v.voids or (since(v) <= at.valid if v.order is None else v.order in places)]


def node_at(joiner: Joiner, now: NodeState | None, versions: Iterable[Version], at: AsOf) -> Node | None:
    """The node at that point, or None where nothing was said of it yet.

    A register that keeps no versions (history LATEST) is shown only where its one known value held already and belief is asked
    for as of now; otherwise it is absent, since what it was then is not known.
    """
    if now is None:
        return None
    state = NodeState(now.id)
    known = [version for version in versions if at.known is None or version.recorded <= at.known]
    void = taken_back(known, at)
    shown = visible(known, at)
    for version in shown:
        if standing(version, void):
            joiner.merge_node(state, NodeState(now.id, registers=dict(registers_of(version))))
    places = {version.order for version in shown}
    later = set()
    for version in known:
        if version.order in places if version.order else _within(version.stamp, at):
            joiner.describe(state, version)
        elif version.order:
            later.add(version.stamp[2:])
    if at.known is None:
        # What won for good, and held already, won then.
        state.registers |= {name: register for name, register in now.registers.items() if _within(register.stamp, at)}
        if now.cls_stamp and _within(now.cls_stamp, at) and now.cls_stamp[2:] not in later:
            state.cls, state.cls_stamp = now.cls, now.cls_stamp
    return to_node(state) if state.cls_stamp is not None else None


def _within(stamp: Stamp, at: AsOf) -> bool:
    return at.valid is None or stamp.valid <= at.valid


def taken_back(versions: Iterable[Version], at: AsOf) -> set[tuple[str, str, str]]:
    """(subject, event, source) of what was known by then never to have held."""
    return voided(v for v in versions if v.voids and (at.known is None or v.recorded <= at.known))


def edges_at(schema: Schema, versions: Iterable[Version], at: AsOf) -> list[Edge]:
    """All edges that leave the subjects of the versions and held at that point."""
    groups: defaultdict[tuple[str, str], dict[EdgeKey, EdgeState]] = defaultdict(dict)
    known = list(versions)
    void = taken_back(known, at)
    for version in visible(known, at):
        for link, linked in version.links.items() if standing(version, void) else ():
            key = EdgeKey(version.subject, *link)
            say(groups[key.source, key.relation].setdefault(key, EdgeState()), version.stamp, linked)
    return [
        to_edge(key, stamp)
        for (_, relation), states in groups.items()
        for key, stamp in holding(states, functional(schema, relation)).items()
    ]


def functional(schema: Schema, relation: str) -> bool:
    known = schema.relations.get(relation)
    return known is not None and known.functional


def select(edges: Iterable[Edge], hop: Hop) -> list[Edge]:
    """The edges of one hop, in the hop's order."""
    near, far = (0, 2) if hop.direction is Direction.OUT else (2, 0)
    found = [e for e in edges if e[near] == hop.node and (not hop.relations or e.relation in hop.relations)]
    found.sort(key=lambda e: (e.relation, e[far], e.qualifier))
    return found[: hop.limit]


def matches(node: Node, where: Sequence[Condition]) -> bool:
    """Whether a node meets every condition; the meaning that each store's own query language must reproduce.

    A missing value meets none. Texts compare with texts alone, by code point, and numbers with numbers (true is 1, false is 0);
    CONTAINS and STARTS_WITH are of texts.
    """
    return all(_holds(node, condition) for condition in where)


def within_64_bits(value: Scalar) -> Scalar:
    """The value; BadQuery for an integer that no store can compare with."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise BadQuery(f"{value} is beyond 64 bits, and no value here is")
    return value


def _holds(node: Node, condition: Condition) -> bool:
    held = node.id if condition.property == "id" else node.properties.get(condition.property)
    value = condition.value
    if held is None:
        return False
    if isinstance(value, tuple):
        return condition.op is Op.IN and held in value
    match condition.op:
        case Op.EQ:
            return held == value
        case Op.NE:
            return isinstance(held, str) == isinstance(value, str) and held != value
        case Op.IN:
            return False
        case Op.CONTAINS:
            return isinstance(held, str) and isinstance(value, str) and value in held
        case Op.STARTS_WITH:
            return isinstance(held, str) and isinstance(value, str) and held.startswith(value)
        case Op.LT | Op.LE | Op.GT | Op.GE:
            return _ordered(held, value, condition.op)


def _ordered(held: str | float, value: str | float, op: Op) -> bool:
    if isinstance(held, str) != isinstance(value, str):
        return False
    less, same = held < value, held == value  # type: ignore[operator]
    return {Op.LT: less, Op.LE: less or same, Op.GT: not (less or same), Op.GE: not less}[op]
