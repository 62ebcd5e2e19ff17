"""Reading a store's dependencies into a snapshot, as of now or of any past time, and what changed of it."""

from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

import numpy as np

from brain.analytics.graph.reflects import marks_at
from brain.analytics.graph.snapshot import Ints, Numbering, Snapshot, changed, empty, renumbered, told_by
from brain.model import Edge, Node
from brain.ports import Store
from brain.query import EVERY, NOW, AsOf, Direction, Edges, Hop
from brain.schema import ROOT, Schema

AT_ONCE = 2000
"""Nodes that are read at a time."""


async def read(
    store: Store, schema: Schema, at: AsOf = NOW, before: Snapshot | None = None, merged: AsOf | None = None
) -> Snapshot:
    """All dependencies that held at that point, between whatever things. Two scans now; in the past a read for all that ever
    had a dependency. A commit meanwhile may be in it or not, so follow the notices from before this was called. Things that were
    in the snapshot `before` stand in the order that they have there, so that what is the same is told in the same order. `merged`
    is the point of which the store's names are, where that is another."""
    marks = await marks_at(store, at)
    base = empty(schema, at)
    numbers, keys = Numbering(base), array("q")
    async for edge in edges_of(store, base, at):
        keys.append(numbers.key(edge))
    needs = np.frombuffer(keys, np.int64) if keys else np.zeros(0, np.int64)
    if before is not None:
        needs = _in_order_of(before, base, needs)
    nodes: dict[int, Node | None] = {}
    for some in parts(base.ids):
        nodes.update((base.index[id], node) for id, node in zip(some, await named(store, some, at), strict=True))
    return changed(base, schema, np.zeros(0, np.int64), np.unique(needs), nodes, marks=marks, merged=merged)


def _in_order_of(before: Snapshot, base: Snapshot, needs: Ints) -> Ints:
    """The edges by the numbers that the ids of `base` get, which are those of nothing else yet."""
    ids = [*filter(base.index.__contains__, before.ids), *(id for id in base.ids if id not in before.index)]
    place = {id: number for number, id in enumerate(ids)}
    needs = renumbered(needs, np.array([place[id] for id in base.ids], np.int64))
    base.ids[:] = ids
    base.index.update(place)
    return needs


async def named(store: Store, ids: Sequence[str], at: AsOf) -> list[Node | None]:
    """The nodes as of that point. What kind of thing was merely named by then is told as it is known now: of that no more is kept
    than the newest word, and what a thing is does not change. Without it a capability of the past would have no redundancy."""
    nodes = await store.nodes(ids, at)
    places = [] if at == NOW else [i for i, node in enumerate(nodes) if node is None or node.cls == ROOT]
    for i, known in zip(places, await store.nodes([ids[i] for i in places]) if places else (), strict=True):
        if known is not None:
            nodes[i] = replace(nodes[i] or Node(ids[i], ROOT, {}, {}, {}), cls=known.cls)
    return nodes


async def edges_of(store: Store, snapshot: Snapshot, at: AsOf) -> AsyncIterator[Edge]:
    """All links of the snapshot's relations that hold at that point."""
    relations = _relations(snapshot)
    if relations and at == NOW:
        async for edge in store.scan(Edges(relations)):
            yield edge
    elif relations:
        sources = sorted({edge.source async for edge in store.scan(Edges(relations, ever=True))})
        for some in parts(sources):
            for edges in await links(store, snapshot, some, at):
                for edge in edges:
                    yield edge


async def refreshed(store: Store, schema: Schema, snapshot: Snapshot, subjects: Sequence[str], followed: int) -> Snapshot:
    """The snapshot with what these subjects are and say now, as so many notices told. It holds whatever else the store has come
    to hold meanwhile, of these subjects alone."""
    numbers, nodes = Numbering(snapshot), dict[int, Node | None]()
    removed, added = list[int](), list[int]()
    for some in parts(list(subjects)):
        for node, edges in zip(await store.nodes(some), await links(store, snapshot, some), strict=True):
            if node is None or (not edges and node.id not in snapshot.index):
                continue
            number = numbers.of(node.id)
            before, now = set(told_by(snapshot, number).tolist()), {numbers.key(edge) for edge in edges}
            if number not in nodes:
                removed += before - now
                added += now - before
            nodes[number] = node
    met = [id for id in snapshot.ids[snapshot.count :] if snapshot.index[id] not in nodes]
    for some in parts(met):
        nodes.update((snapshot.index[id], node) for id, node in zip(some, await store.nodes(some), strict=True))
    gone, come = (np.array(keys, np.int64) for keys in (removed, added))
    return changed(snapshot, schema, gone, come, nodes, followed=snapshot.followed + followed)


async def links(store: Store, snapshot: Snapshot, subjects: Iterable[str], at: AsOf = NOW) -> list[list[Edge]]:
    """The dependencies that each subject tells of, with their evidence."""
    hops = [Hop(id, Direction.OUT, _relations(snapshot), EVERY) for id in subjects]
    return await store.related(hops, at) if hops else []


def _relations(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(sorted({kind.relation for kind in snapshot.kinds}))


def parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """As they are read."""
    return (ids[i : i + AT_ONCE] for i in range(0, len(ids), AT_ONCE))
