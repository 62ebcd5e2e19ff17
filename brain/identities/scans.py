"""Scans of a store with merged things in it: what is merged is put together, all else streams through."""

from collections.abc import AsyncIterator, Collection, Sequence

from brain.identity import Clusters, merge_edges
from brain.model import OBJECT, Edge, Node, Occurrence
from brain.named_lives import performers_of
from brain.ports import Store
from brain.query import EVERY, Direction, Edges, Hop, Nodes, Occurrences

BLOCK = 1000
"""Steps that are read at a time."""


async def nodes_of(store: Store, scope: Nodes, together: Clusters, things: Sequence[Node]) -> AsyncIterator[Node]:
    """Nodes by id, the merged things (sorted too) in their places instead of their members."""
    left = list(reversed(things))
    async for node in store.scan(scope):
        while left and left[-1].id < node.id:
            yield left.pop()
        if node.id not in together.of:
            yield node
    while left:
        yield left.pop()


async def edges_of(store: Store, scope: Edges, together: Clusters, functional: Collection[str]) -> AsyncIterator[Edge]:
    """Edges, those that touch a merged thing last: only then is it known which of them hold."""
    touching: list[Edge] = []
    async for edge in store.scan(scope):
        if edge.source in together.of or edge.target in together.of:
            touching.append(edge)
        else:
            yield edge
    for edge in merge_edges(touching, together, functional):
        yield edge


async def occurrences_of(
    raw: Store, merged: Store, scope: Occurrences, together: Clusters, things: Sequence[Node]
) -> AsyncIterator[Occurrence]:
    """Steps of objects of a type, where all members of a merged object have one life. `things` are what is merged and of that
    type. Last come those and the objects that a merged step has."""
    pairs: set[tuple[str, str]] = set()
    touched = await _objects_of(raw, sorted(together.of))
    async for found in raw.scan(scope):
        if found.object in together.of:
            continue
        if found.object in touched:
            pairs.add((found.object, together.one(found.step)))
        else:
            yield found if found.resource is None else found._replace(resource=together.one(found.resource))
    hops = [Hop(thing.id, Direction.IN, (OBJECT,), EVERY) for thing in things]
    for edges in await merged.related(hops) if hops else []:
        pairs.update((edge.target, edge.source) for edge in edges)
    ordered = sorted(pairs)
    for i in range(0, len(ordered), BLOCK):
        part = ordered[i : i + BLOCK]
        steps = [step for _, step in part]
        by = await performers_of(merged, steps)
        for (thing, name), step in zip(part, await merged.nodes(steps), strict=True):
            if step is not None:
                yield Occurrence.of(thing, step.id, step.properties, by.get(name))


async def _objects_of(raw: Store, steps: Sequence[str]) -> set[str]:
    """Of whichever of these are steps."""
    found: set[str] = set()
    for i in range(0, len(steps), BLOCK):
        hops = [Hop(step, Direction.OUT, (OBJECT,), EVERY) for step in steps[i : i + BLOCK]]
        found.update(edge.target for edges in await raw.related(hops) for edge in edges)
    return found
