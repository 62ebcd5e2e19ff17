"""Live figures of a store: after each commit its notices tell what may have changed, and that alone is read again.

Only the plural reads of the store port are used. Each follows its commit, and what a later commit changes has notices of its own;
so once all notices were followed, in whatever order and however often, the figures are those of the store.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from brain.analytics.bottlenecks import Bottlenecks
from brain.analytics.device_states import STATE
from brain.analytics.live import Figures, account
from brain.analytics.live_causes import SPAN, STEPS, CauseCheckpoints
from brain.analytics.lives import Lifecycle, no_steps
from brain.analytics.shelf import Shelf
from brain.errors import Retry
from brain.identities import Merged
from brain.model import GAP, OBJECT, PERFORMED_BY, STEP_TIMES, Mark, Node, Notice, Occurrence
from brain.named_lives import named_lives, nodes_by_id
from brain.ports import Store
from brain.query import EVERY, Direction, Hop, Occurrences
from brain.recent import Recent
from brain.schema import Schema

SUBJECTS = 2000
"""Subjects that are read at a time."""
CHECKED = 100
"""Lives of each type that are held against the store before figures of another process are believed."""
TELLING = frozenset(("activity", *STEP_TIMES, "objectType", OBJECT))
"""What a figure depends on, beside the classes of objects."""
WHY = frozenset((PERFORMED_BY, STATE))
"""What causes depend on beside that."""


class NoShelf(Retry):
    """The file of live figures fails; everything is read anew, into a temporary one."""


Types = frozenset[str]
Watched = tuple[str, Lifecycle | None]


class Follower:
    """The handover views of some types of objects, kept up to date with one store.

    Any number of tasks may use it: a report sees a batch of notices whole or not at all.
    """

    def __init__(self, store: Store, schema: Schema, shelf: Shelf | None = None, span: int = SPAN, steps: int = STEPS) -> None:
        """`shelf` is where quiet lives go; else they go to a temporary file. `span` and `steps`: see `CauseCheckpoints`."""
        self._store = store
        self._schema = schema
        self._shelf = shelf or Shelf()
        self._figures: dict[Watched, Figures] = {}
        self._made = 0
        """Figures that were made on this shelf: each has a name of its own there."""
        self._doubt = False
        """Whether a change may have been counted in part."""
        self._placed: Recent[Types] = Recent()
        """Of which watched types an object is, as its steps were placed. An object that is not here may be placed wrongly."""
        self._classes: Recent[str] = Recent()
        """The class of what was found to be no step, so that telemetry need not be read again."""
        self._lock = asyncio.Lock()
        self.causes = CauseCheckpoints(store, schema, self._left_out, span, steps)
        """Is told of all that is followed."""

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                # What was saved last stays as it is: from now on another file, and everything anew.
                self._shelf.close()
                self._shelf, self._doubt = Shelf(), True
                self._figures = {key: Figures(key[1], self._shelf, str(i)) for i, key in enumerate(self._figures)}
                self._made = len(self._figures)
                raise NoShelf(f"the file of live figures fails ({error}); from now on they are in a temporary one") from error

    async def watch(self, object_type: str, lifecycle: Lifecycle | None = None) -> None:
        """Keep the figures of this type from now on: reads all its steps once. Follow the notices of every commit that ends
        after this was called; those of earlier ones do no harm."""
        async with self._turn():
            await self._watch(object_type, lifecycle)

    async def follow(self, notices: Iterable[Notice]) -> None:
        """Bring the figures up to date with the commits that these notices tell of. After an error (StoreBusy) call it again.

        With a GAP among them everything that is watched is read anew.
        """
        async with self._turn():
            told = list(notices) if self._figures or self.causes.lives is not None else []
            if GAP in told:
                self._doubt = True
            if await self._certain():
                return
            subjects = await self._things(notice.subject for notice in told if self._matters(notice))
            if self.causes.lives is not None:  # else nobody asks
                why = [n.subject for n in told if self._matters(n) or not WHY.isdisjoint(n.names)]
                self.causes.tell(await self._things(why))
            for i in range(0, len(subjects), SUBJECTS):
                await self._refresh(subjects[i : i + SUBJECTS])

    async def _certain(self) -> bool:
        """Reads everything watched anew where there is a doubt; whether there was one."""
        if not self._doubt:
            return False
        self.causes.lose()
        found: dict[Watched, Figures] = {}
        try:
            for key in self._figures:
                found[key] = await self._read(*key)
        except BaseException:
            _discard(found)
            raise
        _discard(self._figures)
        self._figures, self._doubt = found, False
        self._forget()
        return True

    async def report(
        self, object_type: str, *, lifecycle: Lifecycle | None = None, min_frequency: int | None = None
    ) -> Bottlenecks:
        """What `bottlenecks` would report, sketched, and its errors. A type that is not watched yet is watched from now on."""
        async with self._turn():
            await self._certain()
            figures = await self._watch(object_type, lifecycle)
            found = figures.report(object_type, self._schema.version, min_frequency)
            if found is None:  # a type that is mistyped is not followed for ever
                self._figures.pop((object_type, lifecycle)).discard()
                self._forget()
        if found is None:
            raise await no_steps(self._store, object_type)
        return found

    async def _left_out(self, object_type: str, lifecycle: Lifecycle | None) -> int:
        async with self._turn():
            await self._certain()
            return (await self._watch(object_type, lifecycle)).tally.left_out

    def close(self) -> None:
        """What was not saved is lost."""
        self._shelf.close()

    async def save(self, place: str) -> None:
        """The shelf has it all, as of this place of the feed, up to which the notices were followed."""
        async with self._turn():
            if self._shelf.kept and self._figures and not self._doubt:
                marks = await self._store.marks()
                of_causes = json.dumps(self.causes.to_json())
                await _aside(lambda: self._save(place, marks, of_causes))

    def _save(self, place: str, marks: Sequence[Mark], of_causes: str) -> None:
        for figures in self._figures.values():
            figures.save()
        watched = [[*key, figures.name] for key, figures in self._figures.items()]
        self._shelf.note("saved", json.dumps([self._schema.version, place, watched, self._made, marks]))
        self._shelf.note("causes", of_causes)
        self._shelf.keep()

    async def resume(self) -> str | None:
        """The place of the feed from which on the notices are to be followed, with what the shelf has of this store; None where
        that is nothing, or nothing that is surely this store's."""
        async with self._turn():
            saved = self._shelf.word("saved")
            version, place, watched, made, marks = json.loads(saved) if saved else (None, None, [], 0, [])
            now = {(mark.topic, mark.partition): mark.offset for mark in await self._store.marks()}
            behind = any(now.get((topic, partition), -1) < offset for topic, partition, offset in marks)
            if version != self._schema.version or behind:
                self._shelf.clear()
                return None
            self._figures = {(t, lifecycle): Figures(lifecycle, self._shelf, name) for t, lifecycle, name in watched}
            self._made = made
            if (of_causes := json.loads(self._shelf.word("causes") or "null")) is not None:
                self.causes.resume(*of_causes)
            return str(place)

    async def differing(self, among: Sequence[str] | None = None) -> list[str]:
        """Of these objects (None: of some of each type) those whose life is another in the store than here. It is another for a
        moment too where a commit is in the store, and its notices were not followed yet."""
        async with self._turn():
            found = list[str]()
            for (object_type, lifecycle), figures in self._figures.items():
                names = figures.lives.held.some(CHECKED) if among is None else among
                nodes = await nodes_by_id(self._store, names)
                read = await named_lives(self._store, names, nodes)
                for name in names:
                    steps = read[name] if object_type in self._types_of(nodes[name]) else ()
                    if figures.lives.of(name) != {o.step: account(o, lifecycle) for o in steps}:
                        found.append(name)
            return found

    async def lose(self) -> None:
        """The figures are not believed: everything watched is read anew."""
        async with self._turn():
            self._doubt = True
            await self._certain()

    async def _things(self, subjects: Iterable[str]) -> list[str]:
        """Each thing once, by the id that it has here: it is told of under those that it was merged from."""
        if isinstance(self._store, Merged):
            subjects = map((await self._store.known.clusters()).one, subjects)
        return list(dict.fromkeys(subjects))

    def _matters(self, notice: Notice) -> bool:
        # Without names something was taken back. A class is the closest that was ever said: hearing it again cannot change it.
        return not notice.names or self._classes.get(notice.subject) != notice.cls or not TELLING.isdisjoint(notice.names)

    async def _watch(self, object_type: str, lifecycle: Lifecycle | None) -> Figures:
        key = object_type, lifecycle
        if key not in self._figures:
            self._figures[key] = await self._read(object_type, lifecycle)
            self._forget()
        return self._figures[key]

    async def _read(self, object_type: str, lifecycle: Lifecycle | None) -> Figures:
        self._made += 1
        figures = Figures(lifecycle, self._shelf, str(self._made))
        try:
            async for occurrence in self._store.scan(Occurrences(object_type)):
                figures.put(occurrence)
        except BaseException:
            figures.discard()
            raise
        return figures

    def _forget(self) -> None:
        """Of what is not in these figures nobody knows whether it belongs there."""
        self._placed.clear()
        self._classes.clear()

    async def _refresh(self, subjects: Sequence[str]) -> None:
        """Read the subjects as steps and as objects, and put both where they belong."""
        hops = await self._store.related([Hop(subject, Direction.OUT, (OBJECT,), EVERY) for subject in subjects])
        objects = {subject: {edge.target for edge in edges} for subject, edges in zip(subjects, hops, strict=True)}
        among = set().union(*objects.values())
        placed = {name: self._placed.get(name) for name in (*among, *subjects)}
        nodes = await nodes_by_id(self._store, {*subjects, *(name for name in among if placed[name] is None)})
        types = {name: self._types_of(node) for name, node in nodes.items()}
        moved = [name for name in types if placed[name] != types[name]]
        now = {name: known for name, known in placed.items() if known is not None} | types
        lives = await named_lives(self._store, [name for name in moved if types[name]], nodes)
        # From here on nothing is waited for: it is done as a whole, or there is a doubt.
        self._doubt = True
        for name in moved:
            if types[name] or name in among:
                self._placed[name] = types[name]
            else:
                self._placed.forget(name)
        for subject, names in objects.items():
            if not names and (node := nodes[subject]) is not None:
                self._classes[subject] = node.cls
        for (object_type, _), figures in self._figures.items():
            for subject, names in objects.items():
                step = nodes[subject]
                members = [name for name in names if object_type in now[name]]
                figures.replace_step(
                    subject, [Occurrence.of(name, step.id, step.properties) for name in members if step is not None]
                )
            for name in moved:
                figures.replace_object(name, lives[name] if object_type in types[name] else ())
        self._doubt = False

    def _types_of(self, node: Node | None) -> Types:
        """Those of the watched types that a scan of `Occurrences` would count the object among."""
        return frozenset(t for t, _ in self._figures if Occurrences(t).counts(node, self._schema))


def _discard(figures: Mapping[Watched, Figures]) -> None:
    for each in figures.values():
        each.discard()


async def _aside(work: Callable[[], None]) -> None:
    """In a thread, which has ended when this ends: who is cancelled may not leave it at work on what is another's turn."""
    running, cancelled = asyncio.ensure_future(asyncio.to_thread(work)), None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
    running.result()
    if cancelled is not None:
        raise cancelled
