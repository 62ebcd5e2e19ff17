"""The lives that ended lately, of objects of every type, held in memory and kept up to date: what live causes are made of.

They are those of a window of valid time that moves with the newest step, and of a context before it, which is four times as long:
who was busy with what, and which hours are worked, is seen from what ended in either. Where that is more steps than may be held,
both are as much shorter. What changed is only noted when it is told, and read when it is asked for: a step that ended before
all that is held, of an object that is not, costs nothing more.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from brain.analytics.lives import Lifecycle, Timed, timed
from brain.analytics.process_material import Period
from brain.analytics.times import ended
from brain.model import OBJECT, Node, Occurrence
from brain.named_lives import named_lives, nodes_by_id, performers_of
from brain.ports import Store
from brain.query import EVERY, Direction, Hop, Occurrences
from brain.schema import Schema

PARTS = 5
"""The window is the last of so many equal parts of what is known; the others are its context."""
SPARE = 1.5
"""So many times the steps that may be used are held, and half a context more: what goes back a little is still there."""
TOGETHER = 500
"""Things that are read at a time, so that others get their turn."""
NOTED = 100_000
"""Told changes beyond which reading all is cheaper."""
BEFORE_ALL = -(1 << 63)

OfType = dict[str, list[Timed]]
"""The lives of the objects of one type."""


class Lately(NamedTuple):
    """`period` is that of the objects that are told of, `context_since` as in `Asked`, µs; `limited` where the steps that may be
    used have made both shorter."""

    period: Period
    context_since: int
    limited: bool


class Held:
    """One life; `end` of its last step, µs."""

    __slots__ = ("end", "node", "steps")

    def __init__(self, node: Node, steps: Mapping[str, Occurrence]) -> None:
        self.node = _slim(node)
        self.steps = dict(steps)
        self.end = _end(self.steps.values())

    def ordered(self, lifecycle: Lifecycle | None) -> list[Timed]:
        """Its steps in order, as the definition sees them."""
        return sorted(step for o in self.steps.values() if (step := timed(o, lifecycle)) is not None)


class RecentLives:
    """`told` of every change, and brought up to date by `refresh`, by one task at a time."""

    def __init__(self, store: Store, schema: Schema, span: int, most: int) -> None:
        """A window of `span` µs at most, and `most` steps with its context."""
        self._store, self._schema, self._span, self._most = store, schema, span, most
        self._held: dict[str, Held] = {}
        self._by_step: defaultdict[str, set[str]] = defaultdict(set)
        self._floor = BEFORE_ALL
        """All lives that ended later are held."""
        self._lost = True
        self._noted: dict[str, int] = {}
        """What was told of and is not read yet, with the number of the last time."""
        self._unread: set[str] = set()
        """Objects whose lives are to be read whole."""
        self._seen: set[str] = set()
        """Every name that a type had; some may be no more."""
        self._types: frozenset[str] = frozenset()
        self.told = self.lost_at = 0
        """Changes so far, and how many they were when anything may have changed."""
        self.lately: Lately | None = None
        """As of the last `refresh`; None where nothing has ended."""

    def tell(self, subjects: Iterable[str]) -> None:
        """These may have changed."""
        for subject in subjects:
            self.told += 1
            self._noted[subject] = self.told
        if len(self._noted) > NOTED:
            self.lose()

    def lose(self) -> None:
        """Anything may have changed."""
        self.told += 1
        self.lost_at, self._lost = self.told, True
        self._noted.clear()

    async def refresh(self) -> None:
        """What was told before this is taken in."""
        if not self._lost:
            await self._read_noted()
            self._settle()
        # Where the newest steps were taken back what was let go counts again.
        if self._lost or self._floor >= (BEFORE_ALL + 1 if self.lately is None else self.lately.context_since):
            await self._read_all()
            self._settle()
        self._types = await self._names()

    def of(self, object_type: str, lifecycle: Lifecycle | None) -> tuple[OfType, dict[str, OfType]]:
        """The lives of the objects of a type, and those of every other type by its name, as scans would give them."""
        lives = {name: life for name, held in self._held.items() if (life := held.ordered(lifecycle))}

        def those(of_type: str) -> OfType:
            scope = Occurrences(of_type)
            return {name: life for name, life in lives.items() if scope.counts(self._held[name].node, self._schema)}

        return those(object_type), {name: those(name) for name in sorted(self._types) if name != object_type}

    # ---- Between two processes -----------------------------------------------------------------------------------------

    def to_json(self) -> str | None:
        """What `resume` needs; None where it is not known which lives these are."""
        if self._lost:
            return None
        names = sorted(self._held.keys() | self._unread)
        return json.dumps([names, list(self._noted), self._floor, sorted(self._seen)])

    def resume(self, saved: str) -> None:
        """Go on from there: the lives that were held then are read, and no others."""
        names, noted, self._floor, seen = json.loads(saved)
        self._unread, self._seen, self._lost = set(names), set(seen), False
        self.tell(noted)

    # ---- Reading ---------------------------------------------------------------------------------------------------

    async def _read_all(self) -> None:
        noted, lost_at = dict(self._noted), self.lost_at
        # Whatever ends this early, all is lost until it is read.
        self._lost, self._floor = True, BEFORE_ALL
        self._held, self._unread, self._seen = {}, set(), set(await self._store.object_types())
        self._by_step.clear()
        ends, floor = await self._ends()
        ordered = sorted(ends, key=lambda name: (-ends[name], name))
        lately = self._bounds([(ends[name], 0) for name in ordered])
        steps, last = 0, 0
        for i in range(0, len(ordered), TOGETHER):
            some = ordered[i : i + TOGETHER]
            # The last life may be too many steps by itself: it is the next one that shows since when all is known.
            enough = (steps > SPARE * self._most and len(self._held) > 1) or (
                lately is not None and ends[some[0]] < _spared(lately)
            )
            if enough and ends[some[0]] < last:
                floor = max(floor, ends[some[0]])
                break
            await self._read(some)
            steps += sum(len(self._held[name].steps) for name in some if name in self._held)
            last = ends[some[-1]]
        self._floor, self._lost = floor, self.lost_at != lost_at
        self._forget(noted)

    async def _ends(self) -> tuple[dict[str, int], int]:
        """When the last step of each object ended, by a scan of all; and when those had ended that are left out, for there may be
        more than can be used."""
        ends: dict[str, int] = {}
        floor, most = BEFORE_ALL, 2 * max(self._most, TOGETHER)
        for name in sorted(self._seen):
            async for o in self._store.scan(Occurrences(name)):
                step = timed(o, None)
                if step is not None and step.end > max(floor, ends.get(o.object, floor)):
                    ends[o.object] = step.end
                    if len(ends) > most:
                        # One more than may be held, since each has a step: and all that ended with it.
                        floor = sorted(ends.values())[-self._most - 1] - 1
                        ends = {name: end for name, end in ends.items() if end > floor}
                        most = max(most, 2 * len(ends))
        return ends, floor

    async def _read_noted(self) -> None:
        noted, unread = dict(self._noted), set(self._unread)
        subjects = list(noted)
        for i in range(0, len(subjects), TOGETHER):
            unread |= await self._take_in(subjects[i : i + TOGETHER])
        names = sorted(unread)
        for i in range(0, len(names), TOGETHER):
            await self._read(names[i : i + TOGETHER])
        self._unread -= unread
        self._forget(noted)

    def _forget(self, noted: Mapping[str, int]) -> None:
        """These were read, but for those that were told again since."""
        for subject, number in noted.items():
            if self._noted.get(subject) == number:
                del self._noted[subject]

    async def _take_in(self, subjects: Sequence[str]) -> set[str]:
        """What changed, where it concerns a life that is held; the objects whose lives have to be read for it."""
        nodes = await nodes_by_id(self._store, subjects)
        hops = await self._store.related([Hop(subject, Direction.OUT, (OBJECT,), EVERY) for subject in subjects])
        by = await performers_of(self._store, [s for s, edges in zip(subjects, hops, strict=True) if edges])
        unread: set[str] = set()
        for subject, edges in zip(subjects, hops, strict=True):
            node = nodes[subject]
            if node is not None:
                self._seen.add(node.object_type)
            if (held := self._held.get(subject)) is None:
                unread |= set() if edges else {subject}
            elif node is None:
                self._drop(subject)
            else:
                held.node = _slim(node)
            unread |= self._replace(subject, node, {edge.target for edge in edges}, by.get(subject))
        return unread

    def _replace(self, name: str, node: Node | None, objects: set[str], by: str | None) -> set[str]:
        """These are all objects of the step; those whose lives have to be read."""
        now = {o: Occurrence.of(o, name, node.properties, by) for o in objects} if node else {}
        for left in self._by_step.get(name, set()) - now.keys():
            self._take_out(left, name)
        return {one for one, o in now.items() if self._put(o)}

    def _put(self, o: Occurrence) -> bool:
        """The step is now so in the life of the object; whether that life has to be read."""
        held, step = self._held.get(o.object), timed(o, None)
        if held is None:
            return step is not None and step.end > self._floor
        before = held.steps.get(o.step)
        was = None if before is None else timed(before, None)
        held.steps[o.step] = o
        self._by_step[o.step].add(o.object)
        if step is not None and step.end >= held.end:
            held.end = step.end
        elif was is not None and was.end == held.end:  # only then is the whole life looked at, which may be a ward's
            held.end = _end(held.steps.values())
        return False

    def _take_out(self, name: str, step: str) -> None:
        held = self._held[name]
        was = timed(held.steps.pop(step), None)
        self._let_go(step, name)
        if was is not None and was.end == held.end:
            held.end = _end(held.steps.values())

    def _let_go(self, step: str, name: str) -> None:
        objects = self._by_step[step]
        objects.discard(name)
        if not objects:
            del self._by_step[step]

    async def _read(self, names: Sequence[str]) -> None:
        """The lives of these objects, as far as they ended late enough to be held."""
        nodes = await nodes_by_id(self._store, names)
        known = {node.id: node for node in nodes.values() if node is not None}
        lives = await named_lives(self._store, list(known), known, performers=True)
        for name in {*names, *known}:
            self._drop(name)
        for name, node in known.items():
            self._seen.add(node.object_type)
            held = Held(node, {o.step: o for o in lives[name]})
            if held.end > self._floor:
                self._held[name] = held
                for step in held.steps:
                    self._by_step[step].add(name)

    def _drop(self, name: str) -> None:
        held = self._held.pop(name, None)
        for step in held.steps if held else ():
            self._let_go(step, name)

    async def _names(self) -> frozenset[str]:
        """The names of the types that there are, as far as any life that is held is of such a type."""
        nodes = [held.node for held in self._held.values()]
        told, classes = {node.object_type for node in nodes}, {node.cls for node in nodes}
        # An object of a wider class makes its class a type, of which all that is held may be, wherever that object itself is.
        wider = {n for n in self._seen - told if n in self._schema.classes and any(self._schema.is_a(c, n) for c in classes)}
        return frozenset(told | (wider & (await self._store.object_types()).keys() if wider else set()))

    # ---- Which lives -----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Which lives are to be told of; what is far from being needed is let go."""
        ends = sorted(((held.end, len(held.steps)) for held in self._held.values()), reverse=True)
        self.lately = self._bounds(ends)
        if self.lately is None:
            return
        spared = max(_spared(self.lately), _cut(ends, SPARE * self._most) + 1)
        floor = min(spared, self.lately.context_since - 1) - 1  # the life that is too much stays, for it tells that it is
        if floor > self._floor and (gone := [name for name, held in self._held.items() if held.end <= floor]):
            for name in gone:
                self._drop(name)
            self._floor = floor

    def _bounds(self, ends: Sequence[tuple[int, int]]) -> Lately | None:
        """`ends` are those of all lives, the last first, each with the steps of the life."""
        known = [end for end, _ in ends if end > BEFORE_ALL]
        if not known:
            return None
        now = time.time_ns() // 1000
        # What a wrong clock dates ahead ends no window.
        frontier = next((end for end in known if end <= now), known[0])
        until = frontier + 1
        wanted, cut = until - PARTS * self._span, _cut(ends, self._most)
        # However long the last life is, there is one.
        context = min(max(wanted, cut + 1), frontier)
        return Lately(Period(until + (context - until) // PARTS, until), context, context > wanted)


def _cut(ends: Sequence[tuple[int, int]], most: float) -> int:
    """When the last life ended that is too much, if no more than so many steps may be."""
    steps = 0
    for end, count in ends:
        if steps and steps + count > most:
            return end
        steps += count
    return BEFORE_ALL


def _spared(of: Lately) -> int:
    """From when on lives are held."""
    _, until = of.period
    assert until is not None
    return of.context_since - (until - of.context_since) // 2


def _end(steps: Iterable[Occurrence]) -> int:
    known = [step for o in steps if (step := timed(o, None)) is not None]
    return ended(known) if known else BEFORE_ALL


def _slim(node: Node) -> Node:
    """What its types depend on."""
    named = {k: v for k, v in node.properties.items() if k == "objectType"}
    return Node(node.id, node.cls, named, {}, {})
