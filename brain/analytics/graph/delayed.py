"""What may be behind the delay of an object: what it needed while it waited, those first that were down or degraded then.

The waits are those of the handover view, their causes those of the report's split, the dependencies those that were declared at
one moment, and beside them what each awaited step took: who carried it out, the assets among its objects, where that one worked.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import numpy as np

from brain.analytics.breakdown import PROVIDES
from brain.analytics.deadline import deadline, left
from brain.analytics.graph.causes import DEPTH, Suspects, causes
from brain.analytics.graph.impact import LEFT, MOST, Part, part_of
from brain.analytics.graph.reach import within
from brain.analytics.graph.reflects import marks_at
from brain.analytics.graph.snapshot import Snapshot, closed, kinds, seconds
from brain.analytics.graph.suspected import Judged, judged, read_told
from brain.analytics.graph.told_lives import Log, Waited, able_after, life_of, planned, read_log, steps_of, still_waits, waits_of
from brain.analytics.graph.upward import Taken, upward
from brain.analytics.graph.wait_causes import STEPS_A_SECOND, Felt, length_of, split_waits, union
from brain.analytics.graph.waited import ObjectWait, StateInWait, WaitCause
from brain.analytics.lives import MICRO, Timed
from brain.analytics.process_material import machine_states
from brain.analytics.surroundings import WORKS_AT
from brain.errors import BadQuery
from brain.identities import under_names_of
from brain.model import OBJECT, Instant, Node, Occurrence
from brain.past import claimed
from brain.ports import Store
from brain.query import EVERY, NOW, AsOf, Direction, Hop, Window
from brain.rewound import rewound
from brain.schema import Schema
from brain.words import iso, some_of

TOLD = 5
"""Waits that are told."""
NAMED = 5
"""Objects of a step that are named where one of them is to be asked for."""
MOVED = (Part.OBJECT, Part.OTHER)
"""What waits for its steps. An asset or a person may be an object of steps too, and is there for them."""
REQUIRES = "requires"
"""The relation to what a thing cannot do without, of the upper ontology."""
STATES = 3
"""States that are told of each wait."""
CUT = "the log was not read in time: a wait that goes on is at least so long, and who could end it is known of its plan alone"
DEFINITION = (
    "all that the object needed at `at`, directly or not, and what the steps that it waited for took: who carried them out or"
    " has the same capabilities, assets among their objects, where that one worked; of a wait that goes on, what its next"
    " planned step names, or else one of those who carried out what others did next. First by the time for which it said that"
    " it was down or degraded during waits (of the handover view) that needed it; then those for which that could still be"
    " felt, by the delays and buffers on the way; then those whose loss alone is the object's (any-of redundancy counted), by"
    " the least time and the fewest dependencies on the way. That it coincides is no proof"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """`at` is the point in both times at which the object and its steps are read. `moment`, µs, is that of the dependencies: None
    is that of `at`; where that is now, of a life that is over the end of its longest wait, else the last that is known. It is at
    most now, and no later than `at`. `seconds` of patience; `split`: whether the waits are split by cause too."""

    at: AsOf = NOW
    moment: int | None = None
    depth: int = DEPTH
    first: int = MOST
    seconds: float | None = None
    split: bool = True


class Life(NamedTuple):
    """What is known of the object: its waits, the moment of the dependencies, who may do what it still waits for, and which steps
    of it were told that have not begun; the log, if it was read; and whether that was needed, and not read whole."""

    node: Node
    waits: Sequence[Waited]
    moment: int
    able: frozenset[str]
    planned: Sequence[Occurrence]
    log: Log | None
    cut: bool


async def delay(store: Store, schema: Schema, id: str, asked: Asked = Asked()) -> Suspects | None:
    """None for what work does not move along, and for what has no steps. BadQuery for a step: it is its objects that wait."""
    until = deadline(asked.seconds)
    then = rewound(store, schema, asked.at)
    (node,) = await then.nodes([id])
    if node is None:
        return None
    if schema.is_a(node.cls, "Step"):
        raise await _of_objects(then, id)
    if part_of(schema, node.cls) not in MOVED:
        return None
    marks = await marks_at(then, asked.at)
    life = await _life(then, schema, node, asked, until)
    if life is None:
        return None
    point = AsOf(life.moment, asked.at.known)
    # What its steps took is called as it is at `at`, so that what was declared before under another name is its own.
    named = under_names_of(store, then)
    took = await _took(named, then, schema, life, point)
    taken, able = frozenset(each for one in took for each in one.things), {group for one in took for group in one.groups}
    read = await upward(named, schema, id, taken, able, depth=asked.depth, at=point, until=_half(until), merged=asked.at)
    found = await asyncio.to_thread(causes, read.snapshot, schema, id, asked.depth, read.snapshot.count, left(until, 2))
    unread = [one for one in read.unread if one not in found.unexplored_ids]
    found = replace(
        found,
        reflects=replace(found.reflects, marks=marks),
        unexplored=found.unexplored + len(unread),
        unexplored_ids=(*found.unexplored_ids, *unread)[:LEFT],
        partial=found.partial or bool(unread),
    )
    told = await read_told(then, [one.id for one in found.causes], _half(until))
    suspects = judged(found.causes, life.waits, _needed(read.snapshot, schema, id, took), told)
    split, lacks = await _split(then, schema, life, suspects, until) if asked.split else ([], None)
    return _answer(found, life, suspects, split, lacks, asked.first)


def _half(until: float | None) -> float | None:
    """The deadline for half of the time that is left: what comes after needs some too."""
    return deadline(left(until, 2))


async def _of_objects(then: Store, id: str) -> BadQuery:
    (edges,) = await then.related([Hop(id, Direction.OUT, (OBJECT,), EVERY)])
    ids = sorted({edge.target for edge in edges})
    objects = some_of(ids, NAMED)
    if not ids:
        return BadQuery(f"{id!r} is a step that names no object, so that nothing waited for it; ask for an object")
    of = "that object" if len(ids) == 1 else "one of these"
    return BadQuery(f"{id!r} is a step in the life of {objects}: ask what is behind the delay of {of}")


async def _life(then: Store, schema: Schema, node: Node, asked: Asked, until: float | None) -> Life | None:
    # A past time is read in one go, which nothing ends before it is done (`brain.rewound`).
    log = None if asked.at == NOW else await read_log(then, node.id, None)
    steps = await steps_of(then, node.id) if log is None else log.own
    if not life_of(steps):
        return None
    goes_on = bool(schema.classes[node.cls].closed_by) and not closed(schema, node)
    if log is None and (goes_on or asked.split):
        log = await read_log(then, node.id, _half(until))
        steps = log.own if log.complete and life_of(log.own) else steps
    dependencies_at(asked.at, asked.moment)
    life, now = life_of(steps), time.time_ns() // 1000
    waits = waits_of(node.id, life)
    longest = max(waits, key=lambda one: (one.until - one.since, -one.since), default=None)
    moment, able = max(step.end for step in life) if longest is None else longest.until, frozenset[str]()
    if goes_on and log is not None:
        moment = await _known_until(then, node.id, life, log, now) if asked.at.valid is None else min(asked.at.valid, now)
        if (still := still_waits(node.id, steps, life, moment)) is not None:
            waits.append(still)
            others = log.lives.get(node.object_type, {}) if log.complete else {}
            able = able_after(others, node.id, still.previous.activity)
    told = asked.at.valid if asked.moment is None else asked.moment
    cut = goes_on and log is not None and not log.complete
    return Life(node, waits, min(moment if told is None else told, now), able, planned(steps), log, cut)


def dependencies_at(at: AsOf, moment: int | None) -> AsOf:
    """The point of the dependencies of what is asked about as of `at`, at most now where a moment is given. BadQuery for one that
    is later than `at`."""
    if moment is None:
        return at
    if at.valid is not None and moment > at.valid:
        raise BadQuery(f"dependencies at {iso(moment)} are none of things as of {iso(at.valid)}: ask for an earlier `at`")
    return at._replace(valid=min(moment, time.time_ns() // 1000))


async def _known_until(then: Store, id: str, life: Sequence[Timed], log: Log, now: int) -> int:
    """The last that is known, at most now: of a log that was not read whole only what is known of the object."""
    said = await then.history([id], Window(end=now + 1, limit=1))
    times = [time for step in life for time in step[:2]] + [claimed(one) for versions in said for one in versions]
    return max((time for time in chain(times, log.times() if log.complete else ()) if time <= now), default=now)


class Took(NamedTuple):
    """What a step took: who carried it out, with all who may stand in for that one, a group of whom one is enough; and things,
    each of which it needed."""

    groups: frozenset[frozenset[str]] = frozenset()
    things: frozenset[Taken] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        return frozenset[str]().union(*self.groups, (one.id for one in self.things))


async def _took(store: Store, then: Store, schema: Schema, life: Life, point: AsOf) -> list[Took]:
    """Of the step that ended each wait; of one that goes on what is planned, or who may end it, if nothing is said of whom."""
    steps = {one.step.step: one.step.resource for one in life.waits if one.step is not None}
    goes_on = any(one.step is None for one in life.waits)
    steps |= {one.step: one.resource for one in life.planned if goes_on}
    who = sorted({resource for resource in steps.values() if resource is not None})
    touched = await then.related([Hop(step, Direction.OUT, (OBJECT,), EVERY) for step in steps]) if steps else []
    ids = sorted({edge.target for edges in touched for edge in edges} - {life.node.id})
    assets = {node.id for node in (await then.nodes(ids) if ids else []) if node is not None and schema.is_a(node.cls, "Asset")}
    places = await _ends(store, schema, who, Direction.OUT, WORKS_AT, point)
    standing_in = await _standing_in(store, schema, life.node.id, who, point)
    found = {}
    for (step, resource), edges in zip(steps.items(), touched, strict=True):
        things = {Taken(OBJECT, edge.target) for edge in edges if edge.target in assets}
        things |= {Taken(WORKS_AT, place) for place in places.get(resource or "", ())}
        group = frozenset[str]() if resource is None else standing_in[resource] | {resource}
        found[step] = Took(frozenset({group} - {frozenset()}), frozenset(things))
    ahead = _ahead(life, [found[one.step] for one in life.planned]) if goes_on else Took()
    return [ahead if one.step is None else found[one.step.step] for one in life.waits]


def _ahead(life: Life, planned: Sequence[Took]) -> Took:
    groups = frozenset[frozenset[str]]().union(*(one.groups for one in planned))
    things = frozenset[Taken]().union(*(one.things for one in planned))
    return Took(groups or frozenset({life.able} - {frozenset()}), things)


async def _standing_in(store: Store, schema: Schema, id: str, who: Sequence[str], point: AsOf) -> dict[str, frozenset[str]]:
    """Who else is declared to provide the capabilities of each of these that the object requires, or all of them where it
    requires none; nobody where it provides none."""
    provided = await _ends(store, schema, who, Direction.OUT, PROVIDES, point)
    required = (await _ends(store, schema, [id], Direction.OUT, REQUIRES, point)).get(id, frozenset())
    asked = {one: names & required or names for one, names in provided.items()}
    providers = await _ends(store, schema, sorted(set[str]().union(*asked.values())), Direction.IN, PROVIDES, point)
    return {
        one: frozenset.intersection(*(providers[name] for name in asked[one])) if asked.get(one) else frozenset() for one in who
    }


async def _ends(
    store: Store, schema: Schema, ids: Sequence[str], direction: Direction, relation: str, point: AsOf
) -> dict[str, frozenset[str]]:
    """The other ends of a relation, which not every ontology has."""
    if not ids or relation not in schema.relations:
        return {}
    hops = await store.related([Hop(id, direction, (relation,), EVERY) for id in ids], point)
    return {
        id: frozenset(edge.target if direction is Direction.OUT else edge.source for edge in edges)
        for id, edges in zip(ids, hops, strict=True)
    }


def _needed(snapshot: Snapshot, schema: Schema, id: str, took: Sequence[Took]) -> list[frozenset[str]]:
    """What each wait needed: all that was declared of the object, and what its own step took, and what these need."""
    root, declared = snapshot.index[id], len(schema.dependencies)
    own = snapshot.needs[snapshot.needs_start[root] : snapshot.needs_start[root + 1]]
    always = seconds(own[kinds(own) < declared]).tolist()
    among = np.ones(snapshot.count, bool)
    among[root] = False
    found = dict[Took, frozenset[str]]()
    for one in took:
        if one not in found:
            starts = np.array(sorted({*always, *(snapshot.index[each] for each in one.ids)}), np.int64)
            met = within(snapshot.needs_start, snapshot.needs, starts, among=among)
            found[one] = frozenset(snapshot.ids[node] for node in np.flatnonzero(met).tolist())
    return [found[one] for one in took]


async def _split(
    then: Store, schema: Schema, life: Life, suspects: Sequence[Judged], until: float | None
) -> tuple[list[tuple[WaitCause, ...]], str | None]:
    """The causes of each wait that is told; where they are not known, why not."""
    log, of = life.log, life.node.object_type
    if not life.waits:
        return [], None
    if log is None or not log.complete or of not in log.lives:
        return [], "the waits are not split by cause: the log was not read in time"
    seconds_left, steps = left(until), log.steps()
    if seconds_left is not None and steps > seconds_left * STEPS_A_SECOND:
        return [], f"the waits are not split by cause: for {steps:,} steps that takes longer than was left of the time"
    _, spans = await machine_states(then, schema, log.lives[of])
    states = {name: [(s.start, s.end, s.state) for s in mine] for name, mine in spans.items()}
    places = _longest(life.waits)
    felt = [_felt(suspects, place) for place in places]
    return await asyncio.to_thread(split_waits, log, of, [life.waits[place] for place in places], states, felt), None


def _longest(waits: Sequence[Waited]) -> list[int]:
    """The places of those that are told, the longest first."""
    return sorted(range(len(waits)), key=lambda i: (waits[i].since - waits[i].until, waits[i].since))[:TOLD]


def _felt(suspects: Sequence[Judged], place: int) -> Felt:
    return {one.of.id: spans for one in suspects if (spans := one.felt[place])}


def _answer(
    found: Suspects,
    life: Life,
    suspects: Sequence[Judged],
    split: Sequence[tuple[WaitCause, ...]],
    lacks: str | None,
    first: int,
) -> Suspects:
    places = _longest(life.waits)
    told = tuple(_wait(life.waits[place], place, suspects) for place in places)
    told = tuple(one._replace(causes=why) for one, why in zip(told, split, strict=True)) if split else told
    troubled = sum(length_of(union(_felt(suspects, i).values())) for i in range(len(life.waits)))
    unasked = sum(one.of.down_seconds is None for one in suspects)
    partial = found.partial or life.cut or bool(unasked or lacks)
    notes = [CUT] if life.cut else [] if partial and life.waits else _silence(life, suspects, troubled)
    notes += [*found.notes, *([lacks] if lacks else [])]
    if unasked:
        notes.append(f"the time was over before {unasked:,} of the causes had been asked for their states")
    return replace(
        found,
        causes=tuple(one.of for one in suspects[:first]),
        partial=partial,
        definition=DEFINITION,
        at=Instant(life.moment),
        waited_seconds=sum(one.until - one.since for one in life.waits) / MICRO,
        troubled_seconds=troubled / MICRO,
        wait_count=len(life.waits),
        waits=told,
        notes=tuple(notes),
    )


def _silence(life: Life, suspects: Sequence[Judged], troubled: int) -> list[str]:
    """Where no state explains anything, that it is so; of a whole answer, since a part may lack the state that does."""
    if not life.waits:
        return ["it has not waited, as far as its steps tell"]
    if not suspects:
        return ["nothing is known that it needed: no dependency is declared, and no step says who carried it out"]
    if troubled:
        return []
    before = "; what some said shortly before may still have been felt" if any(one.of.troubles for one in suspects) else ""
    said = f"nothing that it needed at {iso(life.moment)} said that it was down or degraded while it waited{before}"
    return [f"no state explains the delay: {said}"]


def _wait(wait: Waited, place: int, suspects: Sequence[Judged]) -> ObjectWait:
    felt = _felt(suspects, place)
    states = []
    for one in suspects:
        if one.of.id in felt:
            longest = one.troubles[place][0]
            of = (one.of.id, longest.trouble, longest.state, longest.since)
            states.append(StateInWait(*of, length_of(felt[one.of.id]) / MICRO))
    states.sort(key=lambda state: -state.seconds)
    step = wait.step
    return ObjectWait(
        wait.previous.activity,
        None if step is None else step.activity,
        wait.previous.step,
        None if step is None else step.step,
        None if step is None else step.resource,
        Instant(wait.since),
        Instant(wait.until),
        (wait.until - wait.since) / MICRO,
        length_of(union(felt.values())) / MICRO,
        tuple(states[:STATES]),
    )
