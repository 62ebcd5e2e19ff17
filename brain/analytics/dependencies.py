"""Dependencies, first form: what a thing needs, and what needs it, over the relations that the ontology says are dependencies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import networkx as nx

from brain.analytics.graph.reflects import Reflects, reflects_of
from brain.model import Edge
from brain.ports import Store
from brain.query import Direction, Hop
from brain.schema import Relation, Schema

FAN = 1000
"""Edges followed at one node; beyond that the answer is partial, and says so."""


class Toward(StrEnum):
    UP = "up"
    """What the thing depends on."""
    DOWN = "down"
    """What depends on the thing."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """A node found, `distance` dependencies away; `via` is the chain of ids from the root to it, a shortest one."""

    id: str
    cls: str
    name: str | None
    distance: int
    via: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """`edges` run from the dependent to what it depends on, whichever way the relation itself points: see `Edge.relation`.

    `partial` is set where a node had more than `FAN` edges, or where things that are not listed lie beyond `depth`.
    """

    root: str
    toward: Toward
    depth: int
    ontology_version: str
    nodes: tuple[Dependent, ...]
    edges: tuple[Edge, ...]
    partial: bool
    reflects: Reflects = field(compare=False, kw_only=True)


async def dependencies(store: Store, schema: Schema, root: str, toward: Toward, depth: int = 3) -> Dependencies:
    """Breadth first from a node id, one read of the store a level. A cycle is walked once. What a step needed one may ask of the
    step; nothing hangs on a thing for it, since it is history (`Schema.dependencies`)."""
    reflects = await reflects_of(store)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node(root)
    found: list[Edge] = []
    partial, level = False, [root]
    for _ in range(depth):
        hops = [hop for node in level for hop in _hops(schema, node, toward)]
        answers = await store.related(hops) if hops else []
        partial = partial or any(len(edges) > FAN for edges in answers)
        reached = set()
        for hop, edges in zip(hops, answers, strict=True):
            found += edges[:FAN]
            for other in _others(hop, edges[:FAN]):
                if other not in graph:
                    reached.add(other)
                graph.add_edge(hop.node, other)
        level = sorted(reached)
    if level and not partial:
        hops = [hop for node in level for hop in _hops(schema, node, toward)]
        beyond = zip(hops, await store.related(hops), strict=True)
        partial = any(len(edges) > FAN or not graph.nodes >= set(_others(hop, edges)) for hop, edges in beyond)
    nodes = await _described(store, graph, root)
    told = tuple(sorted(set(found)))
    return Dependencies(root, toward, depth, schema.version, nodes, told, partial, reflects=reflects)


def ways(relations: Mapping[str, Relation], toward: Toward) -> Iterable[tuple[Direction, tuple[str, ...]]]:
    """Which of these relations to follow at a thing, by direction. The needed end of a relation is its `dependency`; going up we
    look for needed ends, going down for needing ones."""
    needed_out = Direction.OUT if toward is Toward.UP else Direction.IN
    for end, direction in (("target", needed_out), ("source", Direction.IN if needed_out is Direction.OUT else Direction.OUT)):
        names = tuple(sorted(name for name, relation in relations.items() if relation.dependency == end))
        if names:
            yield direction, names


def _hops(schema: Schema, node: str, toward: Toward) -> Iterable[Hop]:
    relations = schema.relations if toward is Toward.UP else schema.dependencies
    return (Hop(node, direction, names, FAN + 1) for direction, names in ways(relations, toward))


def _others(hop: Hop, edges: Iterable[Edge]) -> Iterable[str]:
    """The far ends of a hop's edges."""
    return (edge.target if hop.direction is Direction.OUT else edge.source for edge in edges)


async def _described(store: Store, graph: "nx.DiGraph[str]", root: str) -> tuple[Dependent, ...]:
    paths = nx.single_source_shortest_path(graph, root)
    ids = sorted((i for i in paths if i != root), key=lambda i: (len(paths[i]), i))
    nodes = await store.nodes(ids)
    return tuple(
        Dependent(
            i,
            node.cls if node else "Entity",
            _name(node.properties.get("name")) if node else None,
            len(paths[i]) - 1,
            tuple(paths[i]),
        )
        for i, node in zip(ids, nodes, strict=True)
    )


def _name(value: object) -> str | None:
    return value if isinstance(value, str) else None
