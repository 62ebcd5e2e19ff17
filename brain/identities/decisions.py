"""What people decide about identity, as change sets: a merge, a rejection, and the undoing of either.

Each is an event like any other, with a source, an id of its own and the time of the decision; the store has no rows for merges.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from uuid import uuid4

from brain.errors import BadQuery
from brain.identities.known import linked
from brain.identities.merged import Merged
from brain.identity import DIFFERENT, SAME, Clusters, Pair, Proposal, clusters, propose
from brain.model import Assert, ChangeSet, Edge, Link, Retract
from brain.query import EVERY, Direction, Hop
from brain.schema import ROOT

MOST = 100
"""Ids that one rejection may tell apart: each from each."""


async def proposals(store: Merged) -> list[Proposal]:
    """What may be one thing by the ontology's identities, is not merged, and was not rejected: surest first.

    Derived anew from the nodes, all of those classes that have such a property.
    """
    alike = await store.known.alike(sorted(store.schema.identities))
    ids = {id for group in alike for id in group.said}
    together = await store.known.clusters()
    everybody = {member for id in ids for member in together.all(id)}
    different = await linked(store.raw, everybody, DIFFERENT) if ids else []
    return propose(store.schema, together, different, alike)


async def accept(store: Merged, ids: Sequence[str], source: str, now: int) -> ChangeSet:
    """The event that makes these ids one thing: links from each to the least. What told them apart is taken back.

    Raises BadQuery for an unknown id, for fewer than two, for things of two keyspaces and for what is one thing already.
    """
    together = await _checked(store, ids)
    things = sorted({together.one(id) for id in ids})
    if len(things) == 1:
        raise BadQuery(f"{_listed(ids)} are merged already, as {things[0]}; `brain merges undo` takes that back")
    keyspaces = sorted({thing.partition("/")[0] for thing in things})
    if len(keyspaces) > 1:
        raise BadQuery(f"a thing of {keyspaces[0]}/ and one of {keyspaces[1]}/ cannot be one: ids of one keyspace are merged")
    everybody = {member for thing in things for member in together.all(thing)}
    apart = [edge for edge in await _edges(store, everybody, DIFFERENT) if {edge.source, edge.target} <= everybody]
    return _decided("merge", source, _after(now, apart), [(thing, things[0]) for thing in things[1:]], [], apart)


async def reject(store: Merged, ids: Sequence[str], source: str, now: int) -> ChangeSet:
    """The event that says that these ids are different things, each from each.

    Raises BadQuery for an unknown id, for fewer than two, for what is merged, and where all of it was said already.
    """
    together = await _checked(store, ids)
    if len(set(ids)) > MOST:
        raise BadQuery(f"{len(set(ids))} ids are too many to tell each from each: at most {MOST}")
    for a, b in combinations(sorted(set(ids)), 2):
        if together.one(a) == together.one(b):
            raise BadQuery(f"{a} and {b} are merged; take that back first: brain merges undo {b}")
    known = {frozenset(pair) for pair in await linked(store.raw, ids, DIFFERENT)}
    pairs = [(b, a) for a, b in combinations(sorted(set(ids)), 2) if frozenset((a, b)) not in known]
    if not pairs:
        raise BadQuery(f"{_listed(ids)} are told apart already")
    return _decided("reject", source, now, [], pairs, [])


async def undo(store: Merged, ids: Sequence[str], source: str, now: int) -> ChangeSet:
    """The event by which these ids leave what they are merged with, while the rest of it stays one thing; where none of them is
    merged, the event that takes back that they are different.

    An id that is merged by an identity beyond doubt, without a link, is told apart from what shares it. Raises BadQuery for an
    unknown id and where there is nothing to undo.
    """
    together = await _checked(store, ids, least=1)
    things = {together.one(id) for id in ids} & together.members.keys()
    if not things:
        return await _undo_rejection(store, ids, source, now)
    members = {member for thing in things for member in together.members[thing]}
    same = await _edges(store, members, SAME)
    leaving = set(ids)
    taken = [edge for edge in same if not leaving.isdisjoint((edge.source, edge.target))]
    kept = clusters((edge.source, edge.target) for edge in same if edge not in taken)
    joined: list[Pair] = []
    for thing in sorted(things):
        rest = sorted({kept.one(member) for member in together.members[thing] if member not in leaving})
        joined += [(one, rest[0]) for one in rest[1:]]
    derived = await _derived(store, members, leaving)
    return _decided("undo", source, _after(now, same), joined, derived, taken)


async def _derived(store: Merged, members: set[str], leaving: set[str]) -> list[Pair]:
    """The pairs of which one leaves, that would be merged again by what they have in common."""
    groups = await store.known.alike(store.known.sure)
    shared = [sorted(members.intersection(group.said)) for group in groups]
    return sorted({(b, a) for some in shared for a, b in combinations(some, 2) if a in leaving or b in leaving})


async def _undo_rejection(store: Merged, ids: Sequence[str], source: str, now: int) -> ChangeSet:
    touching = [
        edge for edge in await _edges(store, set(ids), DIFFERENT) if len(ids) == 1 or {edge.source, edge.target} <= set(ids)
    ]
    if not touching:
        raise BadQuery(
            f"there is nothing to undo: {_listed(ids)} {'is' if len(ids) == 1 else 'are'} neither merged nor told apart"
        )
    return _decided("undo", source, _after(now, touching), [], [], touching)


async def _checked(store: Merged, ids: Sequence[str], least: int = 2) -> Clusters:
    """What is merged now. BadQuery for an id that nothing is known of, or for too few."""
    if len(set(ids)) < least:
        raise BadQuery(f"name at least {least} different ids, such as asset/PUMP-07")
    store.forget()
    for id, node in zip(ids, await store.raw.nodes(ids), strict=True):
        if node is None:
            raise BadQuery(f"the store knows nothing called {id!r}; `brain merges list` shows ids")
    return await store.known.clusters()


async def _edges(store: Merged, ids: Iterable[str], relation: str) -> list[Edge]:
    """The links of that relation at the ids, in either direction, each once."""
    hops = [Hop(id, direction, (relation,), EVERY) for id in sorted(ids) for direction in Direction]
    return sorted({edge for edges in await store.raw.related(hops) for edge in edges})


def _after(now: int, taken: Iterable[Edge]) -> int:
    """A time that is later than what is taken back, even if the clock that stamped it was ahead of ours."""
    return max([now, *(edge.stamp.valid + 1 for edge in taken)])


def _decided(
    what: str, source: str, now: int, same: Iterable[Pair], different: Iterable[Pair], taken: Iterable[Edge]
) -> ChangeSet:
    """As Entity, the vaguest class, so that a decision about an id says nothing about what it is."""
    said = [
        Assert(a, ROOT, links=(Link(relation, b),))
        for relation, pairs in ((SAME, same), (DIFFERENT, different))
        for a, b in pairs
    ]
    back = [Retract(edge.source, ROOT, links=(Link(edge.relation, edge.target, edge.qualifier),)) for edge in taken]
    return ChangeSet(f"{what}-{uuid4().hex}", source, now, now, (*back, *said))


def _listed(ids: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(ids))
