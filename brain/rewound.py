"""A store as it was at a point in both times: its reads, without arguments, are of that point.

What reads several things, as a report does, is handed a rewound store and cannot mix times. Of a node there is what was said of
it by then, as known then (`brain.past`); of steps besides:

- An event that tells of the start of a step holds from that start on, as known then, where it is before the event's own time: a
  log tells of a step when it has ended, and yet the step had begun.
- A time of a step that lies after that point is not told: what had begun and not ended is under way, as it is now where its
  source has told no end.

So a report as of T, known at K, is that of a store which only heard what was recorded until K and was so by T. Quality flags
keep no recorded time, so that which of them were known at K cannot be told: Unrecorded.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence, Set
from math import inf
from typing import Any, assert_never

from brain.chains import effective
from brain.errors import BadQuery
from brain.identities import Merged
from brain.identity import Clusters
from brain.join import Joiner, NodeState, Register, put
from brain.model import OBJECT, PERFORMED_BY, ChangeSet, DeadLetter, Edge, Mark, Node, Notice, Occurrence, Quality, Version
from brain.named_lives import performers_of
from brain.past import claimed, edges_at, node_at, told_by
from brain.ports import Store
from brain.query import (
    EVERY,
    NOW,
    AsOf,
    Edges,
    Find,
    Hop,
    Nodes,
    Occurrences,
    Page,
    Qualities,
    Scope,
    Told,
    Versions,
    Window,
)
from brain.schema import Schema, Value
from brain.versions import standing, voided

AT_ONCE = 2000
"""Nodes that are read at a time."""
BEGUN = "startedAt"


class Unrecorded(BadQuery):
    """What of it was known at a past time cannot be told, since it keeps no recorded time."""


def rewound(store: Store, schema: Schema, at: AsOf) -> Store:
    """The store at that point; itself where that is now, or where it is there already. What is merged is what was merged then."""
    if at in (NOW, point_of(store)):
        return store
    then = Rewound(store.raw if isinstance(store, Merged) else store, schema, at)
    return MergedThen(then, schema) if isinstance(store, Merged) else then


def point_of(store: Store) -> AsOf:
    """The point in both times at which its reads are."""
    held = store.raw if isinstance(store, Merged) else store
    return held.at if isinstance(held, Rewound) else NOW


def began(versions: Sequence[Version], at: AsOf) -> Callable[[Version], int]:
    """When each of all that was said of one step began to hold; what is known of its start is what won, of whatever time."""
    start = versions[0].properties.get(BEGUN) if len(versions) == 1 else _start(told_by(versions, AsOf(None, at.known)))
    if not isinstance(start, int):
        return claimed
    return lambda v: min(start, claimed(v)) if v.properties.get(BEGUN) is not None else claimed(v)


def _start(known: Sequence[Version]) -> Value:
    void, won = voided(known), dict[str, Register]()
    for version in effective(known):
        if BEGUN in version.properties and standing(version, void):
            put(won, BEGUN, Register(version.stamp, version.properties[BEGUN]))
    return won[BEGUN].value if won else None


def occurrences(schema: Schema, joiner: Joiner, versions: Sequence[Version], at: AsOf) -> Iterator[Occurrence]:
    """A step in the life of each of its objects, out of all that was ever said of it."""
    told = told_by(versions, at, began(versions, at))
    if len(told) == 1:  # as nearly all that a log tells: a third of the time that the join would take
        properties, links = told[0].properties, sorted(link for link, linked in told[0].links.items() if linked)
        ends = [(link.relation, link.target) for link in links]
    else:
        step = node_at(joiner, NodeState(told[0].subject), told, NOW) if told else None
        properties = {} if step is None else step.properties
        ends = [(edge.relation, edge.target) for edge in edges_at(schema, told, NOW)]
    # Of two that one event names, the store's join takes the greater.
    by = max((target for relation, target in ends if relation == PERFORMED_BY), default=None)
    for name in sorted({target for relation, target in ends if relation == OBJECT}):
        yield until(Occurrence.of(name, told[0].subject, properties, by), at.valid)


def until(step: Occurrence, valid: int | None) -> Occurrence:
    """Of its times and places those that were there by `valid`, µs."""
    if valid is None:
        return step
    if step.started is not None and step.started > valid:
        step = step._replace(started=None, start_sequence=None)
    if step.completed is not None and step.completed > valid:
        step = step._replace(completed=None, sequence=None)
    return step if step.enabled is None or step.enabled <= valid else step._replace(enabled=None)


class Rewound:
    """A store of ids as they are, at one point in both times. Steps are read once, in one scan, and kept in memory."""

    def __init__(self, store: Store, schema: Schema, at: AsOf) -> None:
        self.at = at
        self._store = store
        self._schema = schema
        self._joiner = Joiner(schema)
        self._lives: dict[str, list[Occurrence]] | None = None
        self._objects: list[Node] = []

    async def nodes(self, ids: Sequence[str], at: AsOf = NOW) -> list[Node | None]:
        return await self._store.nodes(ids, self._point(at))

    async def find(self, query: Find, at: AsOf = NOW) -> Page:
        return await self._store.find(query, self._point(at))

    async def count(self, query: Find) -> int:
        return sum([1 async for _ in self._found(query)])

    async def related(self, hops: Sequence[Hop], at: AsOf = NOW) -> list[list[Edge]]:
        return await self._store.related(hops, self._point(at))

    def _point(self, at: AsOf) -> AsOf:
        """Of this point, or of an earlier time out of the same knowledge."""
        valid, known = self.at
        later = at.valid is not None and valid is not None and at.valid > valid
        if later or at.known not in (None, known):
            raise BadQuery("a store at a past time is read at that time, or at an earlier one, as known then")
        return self.at if at.valid is None else AsOf(at.valid, known)

    async def history(self, ids: Sequence[str], window: Window = Window()) -> list[list[Version]]:
        start, end, limit = window
        found = []
        for versions in await self._store.history(ids, Window(limit=EVERY)):
            told = told_by(versions, self.at)
            inside = [v for v in told if (start is None or claimed(v) >= start) and (end is None or claimed(v) < end)]
            found.append(inside[:limit])
        return found

    async def quality(self, ids: Sequence[str]) -> list[list[Quality]]:
        return [[flag for flag in flags if self._flagged(flag)] for flags in await self._store.quality(ids)]

    def _flagged(self, flag: Quality) -> bool:
        """Whether it was there by then. One that has no time is of a message that had none: that it came, and no more."""
        if self.at.valid is not None and flag.at is not None and flag.at > self.at.valid:
            return False
        if self.at.known is not None:
            raise Unrecorded("quality flags keep no recorded time, so that which of them were known then cannot be told")
        return True

    async def scan(self, scope: Scope) -> AsyncIterator[Any]:
        match scope:
            case Nodes(cls):
                found: AsyncIterator[Any] = self._found(Find(cls))
            case Edges(relations, ever):
                found = self._edges(relations, ever)
            case Occurrences():
                found = self._occurrences(scope)
            case Versions() | Told():
                found = self._versions(scope)
            case Qualities():
                found = self._qualities()
            case _:
                assert_never(scope)
        async for one in found:
            yield one

    async def _found(self, query: Find) -> AsyncIterator[Node]:
        more, after = True, query.after
        while more:
            page = await self._store.find(Find(query.cls, query.where, AT_ONCE, after), self.at)
            for node in page.nodes:
                yield node
            more, after = page.more, page.nodes[-1].id if page.nodes else None

    async def _edges(self, relations: tuple[str, ...], ever: bool) -> AsyncIterator[Edge]:
        wanted = set(relations)
        async for versions in self._groups(relations):
            told = told_by(versions, self.at)
            for edge in self._ever(told) if ever else edges_at(self._schema, told, NOW):
                if not wanted or edge.relation in wanted:
                    yield edge

    def _ever(self, told: Sequence[Version]) -> Iterator[Edge]:
        """Each link that was said, with the newest of its stamps."""
        void, newest = voided(told), dict[tuple[str, ...], Edge]()
        for version in sorted(told, key=claimed):
            for link, linked in version.links.items() if standing(version, void) else ():
                if linked:
                    newest[link] = Edge(version.subject, link.relation, link.target, link.qualifier, version.stamp)
        yield from newest.values()

    async def _occurrences(self, scope: Occurrences) -> AsyncIterator[Occurrence]:
        lives = await self.lives()
        for node in self._objects:
            if scope.counts(node, self._schema):
                for step in lives[node.id]:
                    yield step

    async def lives(self) -> Mapping[str, Sequence[Occurrence]]:
        """The steps of every object."""
        if self._lives is None:
            lives = defaultdict[str, list[Occurrence]](list)
            async for versions in self._groups((OBJECT,)):
                for step in occurrences(self._schema, self._joiner, versions, self.at):
                    lives[step.object].append(step)
            self._objects = await self.objects(lives.keys(), self)
            self._lives = lives
        return self._lives

    async def objects(self, names: Set[str], store: Store) -> list[Node]:
        """These, out of a store of this point. One whose step had begun was there, though it was told of at the end of that: it
        is as it was first known."""
        found = await nodes_of(store, names)
        late = names - {node.id for node in found}
        return sorted([*found, *await nodes_of(self._store, late, AsOf(None, self.at.known))], key=lambda node: node.id)

    async def _groups(self, relations: tuple[str, ...]) -> AsyncIterator[list[Version]]:
        """All that was said of each node that these relations ever left."""
        said: list[Version] = []
        async for version in self._store.scan(Told(relations)):
            if said and said[0].subject != version.subject:
                yield said
                said = []
            said.append(version)
        if said:
            yield said

    async def _versions(self, scope: Versions | Told) -> AsyncIterator[Version]:
        said = defaultdict[str, list[Version]](list)
        async for version in self._store.scan(scope):
            said[version.subject].append(version)
        for versions in said.values():
            for version in told_by(versions, self.at):
                yield version

    async def _qualities(self) -> AsyncIterator[Quality]:
        async for flag in self._store.scan(Qualities()):
            if self._flagged(flag):
                yield flag

    async def object_types(self) -> dict[str, int]:
        await self.lives()
        return types_of(self._objects)

    # ---- What has no past ----------------------------------------------------------------------------------------

    async def prepare(self, schema: Schema) -> None:
        await self._store.prepare(schema)

    async def apply(
        self, batch: Sequence[ChangeSet], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()
    ) -> list[Notice]:
        raise BadQuery("the past is read, and not written")

    async def marks(self) -> list[Mark]:
        return await self._store.marks()

    async def letters(self, limit: int = 100, after: str | None = None) -> list[DeadLetter]:
        return await self._store.letters(limit, after)

    async def release(self, ids: Sequence[str]) -> None:
        raise BadQuery("the past is read, and not written")

    async def close(self) -> None:
        await self._store.close()


class MergedThen(Merged):
    """The same where ids were merged then. Steps that were merged with each other are read at the times of their events."""

    raw: Rewound

    def __init__(self, then: Rewound, schema: Schema) -> None:
        # The past does not change, so that nobody need look again who was merged.
        super().__init__(then, schema, age=inf)
        self._lives: dict[str, dict[str, Occurrence]] = {}
        self._objects: list[Node] | None = None

    async def scan(self, scope: Scope) -> AsyncIterator[Any]:
        together = await self.known.clusters()
        if not isinstance(scope, Occurrences) or not together.members:
            async for found in super().scan(scope):
                yield found
            return
        for node in await self._read(together):
            if scope.counts(node, self.schema):
                for step in self._lives[node.id].values():
                    yield step

    async def _read(self, together: Clusters) -> list[Node]:
        """The objects that have steps."""
        if self._objects is None:
            doubtful = set()
            for life in (await self.raw.lives()).values():
                for step in life:
                    by = None if step.resource is None else together.one(step.resource)
                    one = step._replace(object=together.one(step.object), step=together.one(step.step), resource=by)
                    self._lives.setdefault(one.object, {})[one.step] = one
                    doubtful |= {one.step} & together.members.keys()
            known = {node.id: node for node in await nodes_of(self, doubtful)}
            by_step = await performers_of(self, list(known))
            for merged in self._lives.values():
                for id in merged.keys() & known.keys():
                    whole = Occurrence.of(merged[id].object, id, known[id].properties, by_step.get(id))
                    merged[id] = until(whole, self.raw.at.valid)
            self._objects = await self.raw.objects(self._lives.keys(), self)
        return self._objects

    async def object_types(self) -> dict[str, int]:
        together = await self.known.clusters()
        return types_of(await self._read(together)) if together.members else await self.raw.object_types()


async def nodes_of(store: Store, ids: Iterable[str], at: AsOf = NOW) -> list[Node]:
    """Those that are known, in order of id."""
    ordered, found = sorted(ids), list[Node]()
    for i in range(0, len(ordered), AT_ONCE):
        found += [node for node in await store.nodes(ordered[i : i + AT_ONCE], at) if node is not None]
    return found


def types_of(objects: Iterable[Node]) -> dict[str, int]:
    return dict(sorted(Counter(node.object_type for node in objects).items()))
