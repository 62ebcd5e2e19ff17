"""Reading what one thing needs, and no more: level by level, as of any point in time, out of a store however large."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from brain.analytics.deadline import late
from brain.analytics.dependencies import Toward, ways
from brain.analytics.graph.reading import named, parts
from brain.analytics.graph.snapshot import NODE_BITS, ROW, Basis, Kind, Numbering, Snapshot, changed, empty
from brain.analytics.surroundings import WORKS_AT
from brain.model import OBJECT, PERFORMED_BY, Node
from brain.ports import Store
from brain.query import EVERY, AsOf, Hop
from brain.schema import Schema

TAKEN = (PERFORMED_BY, OBJECT, WORKS_AT)
"""By what an object needs what its steps took: who carried them out, the assets among their objects, where that one worked."""


GROUPS = 900
"""Groups that an edge's integer has room for, beside the relations; of the members of any more each counts as needed."""


class Taken(NamedTuple):
    """What a step took, by a relation of TAKEN."""

    relation: str
    id: str


class Upward(NamedTuple):
    """`snapshot` has what the root needs, and not what needs it; of `unread` it was not read what these need."""

    snapshot: Snapshot
    unread: tuple[str, ...]


async def upward(
    store: Store,
    schema: Schema,
    root: str,
    taken: Collection[Taken] = (),
    able: Collection[frozenset[str]] = (),
    *,
    depth: int,
    at: AsOf,
    until: float | None = None,
    merged: AsOf | None = None,
) -> Upward:
    """What the root needs over at most `depth` dependencies, and what these need: by what is declared, what its steps have
    `taken`, and of each group of those `able` to do one of them somebody, which is observed. `until` is of time.monotonic;
    `merged` as of a snapshot."""
    groups = sorted(map(sorted, {group for group in able if len(group) > 1}))[:GROUPS]
    base = _base(schema, at, len(groups))
    numbers = Numbering(base)
    first = len(base.kinds) - len(groups)
    own = [(first - len(TAKEN) + TAKEN.index(one.relation), one.id) for one in taken]
    own += [(first + i, id) for i, group in enumerate(groups) for id in group]
    own += [(first - len(TAKEN), id) for group in able if sorted(group) not in groups for id in group]
    number = numbers.of(root)
    keys = {number << ROW | kind << NODE_BITS | numbers.of(id) for kind, id in own}
    met, level, unread = {root}, [root], list[str]()
    for _ in range(depth + 1):
        for some in parts(level):
            if late(until):
                unread += some
            else:
                keys |= await _needs(store, schema, numbers, some, at)
        level = [id for id in numbers.ids if id not in met]
        met.update(level)
        if not level:
            break
    nodes: dict[int, Node | None] = {}
    for some in parts(numbers.ids):
        nodes.update(zip((numbers.of(id) for id in some), await named(store, some, at), strict=True))
    added = np.array(sorted(keys), np.int64)
    return Upward(changed(base, schema, np.zeros(0, np.int64), added, nodes, merged=merged), tuple(unread))


def _base(schema: Schema, at: AsOf, groups: int) -> Snapshot:
    """Without anything in it; with the relations to what steps take, and to groups of whom one that is left is enough."""
    base = empty(schema, at)
    more = tuple(Kind(name, Basis.OBSERVED, "target", 0) for name in (*TAKEN, *(PERFORMED_BY for _ in range(groups))))
    enough = np.zeros((len(base.classes), len(more)), bool)
    enough[:, len(TAKEN) :] = True
    return replace(base, kinds=(*base.kinds, *more), any_of=np.hstack([base.any_of, enough]))


async def _needs(store: Store, schema: Schema, numbers: Numbering, ids: Sequence[str], at: AsOf) -> set[int]:
    followed = [*ways(schema.dependencies, Toward.UP)]
    hops = [Hop(id, direction, names, EVERY) for id in ids for direction, names in followed]
    return {numbers.key(edge) for edges in (await store.related(hops, at) if hops else ()) for edge in edges}
