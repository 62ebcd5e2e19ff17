"""What says that a dependency holds: the link behind it with its event, as of the point in time that the answer is of.

A snapshot has no stamps, which would double what it holds and what a change of it costs. They are read for what an answer tells
one by one, and only where somebody asks. Of a graph that is kept live, a link may have gone since: then there is none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from brain.analytics.graph.impact import Carrier
from brain.analytics.graph.reading import edges_of
from brain.analytics.graph.snapshot import Basis, Snapshot
from brain.identities import under_names_of
from brain.model import Edge, Instant
from brain.ports import Store
from brain.query import EVERY, AsOf, Direction, Hop
from brain.rewound import rewound
from brain.schema import Schema

T = TypeVar("T")

Ends = tuple[str, str, str]
"""Provider, relation, dependent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidenced(Carrier):
    """`event` of `event_source` said so last, at `said`; of several links that say the same, the first. Null where nothing does:
    a link that is a scenario's alone, or that is gone since, or that is observed."""

    said: Instant | None = None
    event: str | None = None
    event_source: str | None = None


def ends_of(schema: Schema, edge: Edge) -> Ends:
    needs_target = schema.dependencies[edge.relation].dependency == "target"
    return (edge.target, edge.relation, edge.source) if needs_target else (edge.source, edge.relation, edge.target)


def hop_to(schema: Schema, carrier: Carrier) -> Hop:
    """Few links, its own among them. Things feed thousands, and need few; but a whole may need thousands of parts, each of which
    is of one whole."""
    relation = schema.dependencies[carrier.relation]
    if relation.dependency == "target":
        return Hop(carrier.dependent, Direction.OUT, (relation.name,), EVERY)
    if relation.functional:
        return Hop(carrier.provider, Direction.OUT, (relation.name,), EVERY)
    return Hop(carrier.dependent, Direction.IN, (relation.name,), EVERY)


def link_of(schema: Schema, carrier: Carrier, edges: Iterable[Edge]) -> Edge | None:
    """The carrier's among those of its hop. Links that differ in their qualifier alone are one dependency."""
    wanted = carrier.provider, carrier.relation, carrier.dependent
    return min((edge for edge in edges if ends_of(schema, edge) == wanted), key=lambda edge: edge.stamp, default=None)


async def with_evidence(store: Store, schema: Schema, found: T) -> T:
    """The same answer, each of its carriers with what says so: one read for each point in time that it is of."""
    by_point: dict[tuple[AsOf, AsOf | None], dict[Carrier, None]] = {}
    for carrier in _carriers(found):
        by_point.setdefault((carrier.at, carrier.merged), {})[carrier] = None
    known: dict[Carrier, Evidenced] = {}
    for (at, merged), carriers in by_point.items():
        known.update(await _evidenced(named_as_of(store, schema, merged), schema, list(carriers), at))
    return cast(T, _with(found, known))


def named_as_of(store: Store, schema: Schema, merged: AsOf | None) -> Store:
    """The store under the names that a carrier has."""
    return store if merged is None else under_names_of(store, rewound(store, schema, merged))


async def _evidenced(store: Store, schema: Schema, carriers: Sequence[Carrier], at: AsOf) -> Mapping[Carrier, Evidenced]:
    hops = {carrier: hop_to(schema, carrier) for carrier in carriers if carrier.basis is Basis.DECLARED}
    asked = list(dict.fromkeys(hops.values()))
    answers = dict(zip(asked, await store.related(asked, at) if asked else [], strict=True))
    found = {}
    for carrier in carriers:
        edge = link_of(schema, carrier, answers[hops[carrier]]) if carrier in hops else None
        said = {} if edge is None else _said(edge)
        found[carrier] = Evidenced(*(getattr(carrier, field.name) for field in fields(Carrier)), **said)
    return found


def _said(edge: Edge) -> dict[str, Any]:
    return {"said": Instant(edge.stamp.valid), "event": edge.stamp.event, "event_source": edge.stamp.source}


def _carriers(found: object) -> Iterator[Carrier]:
    if isinstance(found, Carrier):
        yield found
    else:
        for part in _parts(found):
            yield from _carriers(part)


def _parts(found: object) -> Iterable[object]:
    if is_dataclass(found):
        return (getattr(found, field.name) for field in fields(found))
    return found if type(found) is tuple else ()


def _with(found: object, known: Mapping[Carrier, Evidenced]) -> object:
    if isinstance(found, Carrier):
        return known[found]
    if type(found) is tuple:
        parts = tuple(_with(part, known) for part in found)
        return parts if any(new is not old for new, old in zip(parts, found, strict=True)) else found
    if not is_dataclass(found) or isinstance(found, type):
        return found
    made = {field.name: _with(getattr(found, field.name), known) for field in fields(found)}
    changed = {name: value for name, value in made.items() if value is not getattr(found, name)}
    return replace(found, **changed) if changed else found


async def evidence_of_all(store: Store, schema: Schema, snapshot: Snapshot) -> Mapping[Ends, Edge]:
    """The link behind every declared dependency that holds at the snapshot's point."""
    found: dict[Ends, Edge] = {}
    async for edge in edges_of(store, snapshot, snapshot.at):
        ends = ends_of(schema, edge)
        if ends not in found or edge.stamp < found[ends].stamp:
            found[ends] = edge
    return found
