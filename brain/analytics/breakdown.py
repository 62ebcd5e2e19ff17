"""A breakdown and what comes of it: the resources that the loss of a thing takes down with it, by the declared dependencies, and
the outlook of the objects that these would have worked on.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from brain.analytics.causes import Context
from brain.analytics.deadline import deadline, left
from brain.analytics.forecast import Forecast, NothingDone
from brain.analytics.graph.impact import Carrier, carrier
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.snapshot import NODE_MASK, Snapshot, closed
from brain.analytics.graph.times import carriers, spread, way
from brain.analytics.lives import MICRO, Timed, timed, untimed
from brain.analytics.outlook import ASSUMPTIONS, DEFINITION, FOR_GOOD, RUNS, Down, Outlook, outlook_of
from brain.analytics.outlook import Asked as Runs
from brain.analytics.process_material import machine_states
from brain.analytics.standing import UNENDED
from brain.errors import BadQuery
from brain.model import Instant, Node, Occurrence
from brain.ports import Store
from brain.query import AsOf, Occurrences
from brain.rewound import point_of
from brain.schema import Schema
from brain.words import point

PROVIDES = "provides"
"""The relation from what is able to a capability of the upper ontology."""


@dataclass(frozen=True, slots=True)
class DownResource:
    """Who or what carries out steps, and is down from `since` until `until` (null: for good), by which way."""

    id: str
    since: Instant
    until: Instant | None
    via: tuple[Carrier, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What comes of `id` being down from `at` for `lasts_seconds` (null: for good): the resources that are down with it, and for
    each type of objects that they work on its outlook. Nothing that happened after `at` is looked at; where it was left out it is
    when the last step that is known began or ended."""

    id: str
    at: Instant
    lasts_seconds: float | None
    resources: tuple[DownResource, ...]
    outlooks: tuple[Outlook, ...]
    partial: bool
    ontology_version: str
    reflects: Reflects = field(compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """`at`, `lasts` and `tolerance` in µs, `seconds` of patience; None: the last that is known, for good, as of `outlook`, as
    long as it takes."""

    at: int | None = None
    lasts: int | None = None
    tolerance: int | None = None
    seconds: float | None = None
    runs: int = RUNS
    began: float = field(default_factory=time.monotonic)


class Told(NamedTuple):
    """The lives of the objects of a type, with the steps that are under way (`UNENDED`); and what objects have before them, of
    which steps were told that have not begun."""

    lives: dict[str, list[Timed]]
    plans: dict[str, list[str]]


class Material(NamedTuple):
    """All that is known of all objects, by type, and what devices told. What had happened by `at`, µs, may be looked at: that is
    until the last step that is known, if no earlier moment is asked about."""

    at: int
    told: Mapping[str, Told]
    states: Mapping[str, Sequence[tuple[int, int, str]]]


async def material(store: Store, schema: Schema, at: int | None) -> Material:
    """BadQuery where no step is known."""
    told = _once(schema, {name: await told_of(store.scan(Occurrences(name))) for name in sorted(await store.object_types())})
    steps = [step for one in told.values() for life in one.lives.values() for step in life]
    if not steps:
        raise BadQuery("no object has a step, so that nothing can be foreseen: import a log first")
    last = max(step.start if step.end == UNENDED else step.end for step in steps)
    point = point_of(store)
    if point.known is None and point.valid is not None:
        last = max(last, point.valid)  # all of the past is known: nothing happened since
    if at is not None and at < last:
        # What was planned by then is not known, only what still is.
        told = {name: one._replace(plans={}) for name, one in told.items()}
    lives = {f"{name}/{id}": life for name, one in told.items() for id, life in one.lives.items()}
    _, spans = await machine_states(store, schema, lives)
    states = {name: [(s.start, s.end, s.state) for s in mine] for name, mine in spans.items()}
    return Material(last if at is None else min(at, last), told, states)


def _once(schema: Schema, told: Mapping[str, Told]) -> dict[str, Told]:
    """Each object under its narrowest type alone: a class tells of those of the classes below it too, and of named types."""

    def narrower(one: str, name: str) -> bool:
        return one != name and name in schema.classes and (one not in schema.classes or schema.is_a(one, name))

    found = {}
    for name, one in told.items():
        others = [other.lives for narrow, other in told.items() if narrower(narrow, name)]
        lives = {id: life for id, life in one.lives.items() if not any(id in other for other in others)}
        if lives:
            found[name] = Told(lives, {id: plan for id, plan in one.plans.items() if id in lives})
    return found


async def told_of(scan: AsyncIterator[Occurrence]) -> Told:
    """Of the steps of the objects of a type, in whatever order."""
    lives: dict[str, list[Timed]] = {}
    plans: dict[str, list[tuple[int, str, str]]] = {}
    async for o in scan:
        if untimed(o):
            plans.setdefault(o.object, []).append((o.sequence or 0, o.step, o.activity))
        elif (step := timed(o, None)) is not None:
            lives.setdefault(o.object, []).append(step._replace(end=UNENDED) if o.completed is None else step)
    for life in lives.values():
        life.sort()
    return Told(lives, {name: [activity for *_, activity in sorted(steps)] for name, steps in plans.items() if name in lives})


async def breakdown(store: Store, schema: Schema, snapshot: Snapshot, id: str, asked: Asked = Asked()) -> Breakdown:
    """`snapshot` has the dependencies. Of a store at a past time (`brain.rewound`) what was known then is all that is known, and
    what was planned then is what is planned. BadQuery where no step is known, or nothing is called so."""
    known = await material(store, schema, asked.at)
    at = known.at if asked.at is None else asked.at
    working = {name: {*_resources(one, known.at)} for name, one in known.told.items()}
    if snapshot.number(id) is None and not any(id in some for some in working.values()):
        await _is_there(store, id)
    lost = [*down_with(snapshot, id, at, asked.lasts)]
    resources = [one for one in lost if any(one.id in w for w in working.values())]
    types = [name for name in working if any(one.id in working[name] for one in resources)]
    outlooks, end = [], None if asked.seconds is None else asked.began + asked.seconds
    for i, name in enumerate(types):
        try:
            forecast, due = await _forecast(store, schema, known, name)
        except NothingDone as error:
            outlooks.append(_none(name, at, str(error)))
            continue
        until = deadline(left(end, len(types) - i))
        outlooks.append(await asyncio.to_thread(_outlook, forecast, due, snapshot, resources, lost, name, asked, until))
    return Breakdown(
        id,
        Instant(at),
        None if asked.lasts is None else asked.lasts / MICRO,
        tuple(resources),
        tuple(outlooks),
        any(outlook.partial for outlook in outlooks),
        schema.version,
        reflects=snapshot.reflects,
    )


async def _is_there(store: Store, id: str) -> None:
    """That nobody becomes late by it must not be said of a slip of the pen."""
    if await store.nodes([id]) == [None]:
        then = point(*point_of(store))
        raise BadQuery(f"the store knows nothing called {id!r}{then and f' {then}'}; correct the id, such as asset/PUMP-07")


def _resources(told: Told, at: int) -> Iterator[str | None]:
    """Who had begun a step by then."""
    return (step.resource for life in told.lives.values() for step in life if step.start <= at)


def _none(name: str, at: int, reason: str) -> Outlook:
    return Outlook(name, Instant(at), 0, 0, 0, (), (), 0.0, 0, False, reason, ASSUMPTIONS, DEFINITION)


async def _forecast(store: Store, schema: Schema, known: Material, name: str) -> tuple[Forecast, dict[str, int]]:
    """Of the objects of a type, without those whose life was over by then; and the due dates of those that have one."""
    others = [one.lives for other, one in known.told.items() if other != name]
    context = Context(others, states=known.states)
    forecast = await asyncio.to_thread(Forecast, known.told[name].lives, known.at, context, plans=known.told[name].plans)
    ids = [one.object for one in forecast.running]
    nodes = await store.nodes(ids, AsOf(valid=known.at)) if ids else []
    there = [node for node in nodes if node is not None]
    forecast.leave({node.id for node in there if closed(schema, node)})
    return forecast, {node.id: due for node in there if (due := due_of(schema, node)) is not None}


def due_of(schema: Schema, node: Node) -> int | None:
    """When it shall be through, µs, the earliest of the dates that its class declares to say so (`eb:due`)."""
    declared = (prop.name for prop in schema.classes[node.cls].properties.values() if prop.due)
    told = [value for name in declared if isinstance(value := node.properties.get(name), int)]
    return min(told, default=None)


def _outlook(
    forecast: Forecast,
    due: Mapping[str, int],
    snapshot: Snapshot,
    resources: Sequence[DownResource],
    lost: Sequence[DownResource],
    name: str,
    asked: Asked,
    until: float | None,
) -> Outlook:
    standing_in = {one.id: able(snapshot, one.id) for one in resources}
    others = set[str]().union(*standing_in.values())
    spares = [_down(one) for one in lost if one.id in others]  # whom it takes down too, though nobody saw them at work yet
    runs = Runs(asked.runs, asked.tolerance, until, standing_in, due=due, spares=spares)
    return outlook_of(forecast, [_down(one) for one in resources], runs, name)


def _down(one: DownResource) -> Down:
    return Down(one.id, one.since, one.since + FOR_GOOD if one.until is None else one.until)


def down_with(snapshot: Snapshot, id: str, at: int, lasts: int | None) -> Iterator[DownResource]:
    """The thing itself, and all that its loss takes with it before it is back; they are back when it is."""
    until = None if lasts is None else Instant(at + lasts)
    yield DownResource(id, Instant(at), until, ())
    root = snapshot.number(id)
    if root is not None:
        found = spread(snapshot, [root], lasts=lasts)
        carried = carriers(snapshot, found)
        for node in found.reached[found.reached != root].tolist():
            via = tuple(carrier(snapshot, edge) for edge in way(carried, node, found.value))
            yield DownResource(snapshot.ids[node], Instant(at + found.time(node)), until, via)


def able(snapshot: Snapshot, id: str) -> tuple[str, ...]:
    """Who else is declared to provide all capabilities that this one does; nobody where it provides none."""
    node = snapshot.number(id)
    if node is None:
        return ()
    provided = snapshot.feeds[snapshot.feeds_start[node] : snapshot.feeds_start[node + 1]].tolist()
    others = [
        {edge & NODE_MASK for edge in _needs(snapshot, key & NODE_MASK) if snapshot.kind_of(edge).relation == PROVIDES}
        for key in provided
        if snapshot.kind_of(key).relation == PROVIDES
    ]
    return tuple(sorted(snapshot.ids[other] for other in set.intersection(*others) - {node})) if others else ()


def _needs(snapshot: Snapshot, node: int) -> list[int]:
    found: list[int] = snapshot.needs[snapshot.needs_start[node] : snapshot.needs_start[node + 1]].tolist()
    return found
