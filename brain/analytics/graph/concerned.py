"""Who must know of a loss: the people and teams that are lost themselves, or that any relation joins to something that is.

Dependencies alone do not tell: an order goes on without the physician who prescribed it, who is the one that can prescribe
something else.
"""

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from brain.analytics.deadline import late
from brain.analytics.graph.impact import Impact, Part, part_of
from brain.analytics.graph.reading import named
from brain.analytics.graph.reflects import Reflects
from brain.identity import DIFFERENT, SAME
from brain.model import Edge, Instant, Node
from brain.ports import Store
from brain.query import EVERY, NOW, AsOf, Direction, Hop
from brain.schema import Schema

AGENT = "Agent"
ENDS = ((Direction.OUT, "target"), (Direction.IN, "source"))
AT_ONCE = 500
"""Things whose relations are read at a time."""
NAMED = 5
"""Relations that are told of each."""


@dataclass(frozen=True, slots=True)
class Concerned:
    """A person or a team that is `lost` itself (or does less, where that is asked about), or is joined to `count` things that
    are, `objects` of them what work moves along. The first of all this is lost `after_seconds` after the root. `because` are the
    relations that join it, those to what is lost first, at most five."""

    id: str
    cls: str
    name: str | None
    lost: bool
    count: int
    objects: int
    after_seconds: float
    at: Instant | None
    because: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Concern:
    """The first `people`, those with most objects first, then with most things, then by id; `count` are all. `partial`: others
    may be joined to things that are lost and were not looked at, of which `unexplored` are known."""

    people: tuple[Concerned, ...]
    count: int
    partial: bool
    unexplored: int
    reflects: Reflects = field(compare=False, kw_only=True)


async def concerned(
    store: Store, schema: Schema, found: Impact, first: int, at: AsOf = NOW, until: float | None = None
) -> Concern:
    """Of the thing itself and all that `found` tells one by one, soonest first, by relations as of that point. Ends at `until`
    (time.monotonic) with whom it has found."""
    lost = {found.id: 0.0} | {one.id: one.after_seconds for one in found.affected}
    objects = {one.id for one in found.affected if one.part is Part.OBJECT}
    ways = [(direction, _relations(schema, end)) for direction, end in ENDS]
    joined: defaultdict[str, dict[str, Edge]] = defaultdict(dict)
    seen, ids = 0, list(lost)
    while seen < len(ids) and not (seen and late(until)):
        hops = [Hop(id, *way, EVERY) for id in ids[seen : seen + AT_ONCE] for way in ways]
        for hop, edges in zip(hops, await store.related(hops, at), strict=True):
            for edge in edges:
                joined[edge.target if hop.direction is Direction.OUT else edge.source].setdefault(hop.node, edge)
        seen += AT_ONCE
    nodes = [node for node in await named(store, sorted({*joined, *lost}), at) if node is not None]
    people = [_one(found, node, lost, objects, joined[node.id]) for node in nodes if part_of(schema, node.cls) is Part.PERSON]
    people.sort(key=lambda one: (-one.objects, -one.count, one.id))
    unexplored = sum(c.count for c in found.counts) - len(found.affected) + max(len(ids) - seen, 0)
    partial = found.partial or unexplored > 0
    return Concern(tuple(people[:first]), len(people), partial, unexplored, reflects=found.reflects)


def _relations(schema: Schema, end: str) -> tuple[str, ...]:
    """Those at whose `end` somebody may be. Its class may say less than that, such as Entity."""
    ends = {name: getattr(relation, end) for name, relation in schema.relations.items() if name not in (SAME, DIFFERENT)}
    return tuple(sorted(name for name, cls in ends.items() if schema.is_a(cls, AGENT) or schema.is_a(AGENT, cls)))


def _one(found: Impact, node: Node, lost: Mapping[str, float], objects: Set[str], joins: Mapping[str, Edge]) -> Concerned:
    others = sorted(joins.keys() - {node.id}, key=lambda id: (lost[id], id))
    after = min(lost[id] for id in (*others[:1], *([node.id] if node.id in lost else ())))
    name = node.properties.get("name")
    return Concerned(
        node.id,
        node.cls,
        name if isinstance(name, str) else None,
        node.id in lost,
        len(others),
        len(objects & joins.keys()),
        after,
        None if found.at is None else Instant(found.at + round(after * 1e6)),
        tuple(joins[id] for id in others[:NAMED]),
    )
