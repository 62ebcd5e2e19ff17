"""Lives of objects that are known by name, by the plural reads of the store port."""

from collections.abc import Iterable, Mapping, Sequence

from brain.model import OBJECT, PERFORMED_BY, Node, Occurrence
from brain.ports import Store
from brain.query import EVERY, Direction, Hop


async def nodes_by_id(store: Store, ids: Iterable[str]) -> dict[str, Node | None]:
    """The nodes, None for what is not known."""
    asked = list(ids)
    return dict(zip(asked, await store.nodes(asked), strict=True)) if asked else {}


async def named_lives(
    store: Store, names: Sequence[str], read: Mapping[str, Node | None], performers: bool = False
) -> dict[str, list[Occurrence]]:
    """All steps of each of these objects; `read` are nodes that were read already. With `performers`: who carried them out."""
    if not names:
        return {}
    hops = await store.related([Hop(name, Direction.IN, (OBJECT,), EVERY) for name in names])
    steps = [{edge.source for edge in edges} for edges in hops]
    every = set[str]().union(*steps)
    nodes = {**read, **await nodes_by_id(store, [step for step in every if step not in read])}
    by = await performers_of(store, list(every)) if performers else {}
    return {
        name: [Occurrence.of(name, node.id, node.properties, by.get(step)) for step in some if (node := nodes[step]) is not None]
        for name, some in zip(names, steps, strict=True)
    }


async def performers_of(store: Store, steps: Sequence[str]) -> dict[str, str]:
    """Who carried out each step, where that is told."""
    hops = await store.related([Hop(step, Direction.OUT, (PERFORMED_BY,), 1) for step in steps]) if steps else []
    return {step: edges[0].target for step, edges in zip(steps, hops, strict=True) if edges}
