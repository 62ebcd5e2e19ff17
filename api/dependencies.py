"""Impact, its causes upstream, single points of failure, criticality: out of the live graph, or of the graph of a past time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.arguments import TIMES, moment
from api.kernel import given
from api.process_reports import AT_A_TIME
from api.results import Results
from api.selected import names_selected
from api.typegen import typed
from brain.analytics.deadline import deadline, left
from brain.analytics.graph.causes import Suspects, causes
from brain.analytics.graph.circles import Circles, circles
from brain.analytics.graph.concerned import Concern, concerned
from brain.analytics.graph.coupling import ASSETS, HiddenCoupling, hidden_coupling
from brain.analytics.graph.critical import Criticality, Measure, SinglePoints, criticality, single_points
from brain.analytics.graph.delayed import Asked as Delayed
from brain.analytics.graph.delayed import delay, dependencies_at
from brain.analytics.graph.impact import DEPTH, Asked, Impact, graph_of, impact
from brain.analytics.graph.reading import read
from brain.analytics.graph.since import GraphChange, changes, coupled_in, point_then, read_then
from brain.analytics.graph.snapshot import MICRO, Snapshot
from brain.analytics.observed import SHARE
from brain.errors import BadQuery
from brain.model import Instant
from brain.query import NOW, AsOf
from brain.rewound import rewound
from brain.schema import Schema

FIRST = 100
"""Things told one by one, where nothing is said."""
MOST_YEARS = 1000
MOST_SECONDS = MOST_YEARS * 365.25 * 86_400
PATIENCE = 5.0
"""Seconds after which an answer is what it has, where nothing is said."""

IMPACT: dict[str, Any] = {
    "lasts": float | None,
    "depth": int | None,
    "first": int | None,
    "patience": float | None,
    "capacity": float | None,
}
"""How an impact is asked for, beside the thing and the time."""


def fields(schema: Schema, results: Results) -> dict[str, Any]:
    return {
        "impact": _impact(schema, results),
        "concerned": _concerned(schema, results),
        "causes": _causes(schema, results),
        "single_points_of_failure": _single_points(schema, results),
        "criticality": _criticality(schema, results),
        "dependency_circles": _circles(results),
        "dependency_changes": _changes(schema, results),
        "hidden_coupling": _coupling(schema, results),
    }


async def snapshot_of(info: Any, as_of: Any, known_at: Any, since: int | None = None) -> tuple[Snapshot, AsOf]:
    """The live graph, or the one of a past time, which is read for this answer. `since` is when the thing goes down whose impact
    is asked for."""
    asked = moment(as_of, known_at)
    at = graph_of(since, asked.valid, asked.known, time.time_ns() // 1000)
    context = info.context
    return (await context.graph.snapshot() if at == NOW else await read(context.store, context.schema, at)), at


async def answer(work: Callable[..., Any], *arguments: Any) -> Any:
    # Arithmetic on a snapshot that nobody changes: the loop goes on serving others meanwhile.
    return await asyncio.to_thread(work, *arguments)


async def one_id(info: Any, id: str, at: AsOf) -> str:
    """The id of all that it is merged with."""
    node = await info.context.loaders.node(id, at)
    return id if node is None else str(node.id)


def within(name: str, value: Any, default: int, most: int) -> int:
    if not given(value):
        return default
    if not 1 <= value <= most:
        raise BadQuery(f"{name}: {value} is not possible: ask for 1 to {most}")
    return int(value)


def positive(name: str, value: Any, default: float | None) -> float | None:
    if given(value) and not 0 < value < MOST_SECONDS:
        raise BadQuery(f"{name}: {value:g} is not possible: give seconds above 0, and fewer than in {MOST_YEARS:,} years")
    return float(value) if given(value) else default


def micros(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * MICRO)


def begins(at: Any, as_of: Any) -> int | None:
    """When a thing goes down, if it is said."""
    return at if given(at) else as_of if given(as_of) else None


def asked_of(
    info: Any, lasts: Any, depth: Any, first: Any, capacity: Any, *, at: int | None = None, patience: float | None
) -> Asked:
    """What is asked of an impact, within the limits."""
    limits = info.context.limits
    return Asked(
        at,
        micros(positive("lasts", lasts, None)),
        within("depth", depth, DEPTH, limits.dependency_depth),
        within("first", first, FIRST, limits.page),
        patience,
        capacity if given(capacity) else 0.0,
    )


def _impact(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any,
        id: Any,
        at: Any = UNSET,
        lasts: Any = UNSET,
        depth: Any = UNSET,
        first: Any = UNSET,
        patience: Any = UNSET,
        capacity: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        since = begins(at, as_of)
        asked = asked_of(info, lasts, depth, first, capacity, at=since, patience=positive("patience", patience, PATIENCE))
        snapshot, moment = await snapshot_of(info, as_of, known_at, since)
        return await answer(impact, snapshot, schema, await one_id(info, id, moment), asked)

    return strawberry.field(
        resolver=typed(of, results.output(Impact), id=strawberry.ID, at=Instant | None, **IMPACT, **TIMES),
        description="What is lost while a thing is down, or does less while it has a `capacity` left, from 0 to below 1:"
        " from `at` on (whence its times are reckoned), for `lasts` seconds (for good, if left out). After `patience` seconds"
        " it is what was found so far, and partial. The graph is of `asOf`, else of `at` where it is past, else live.",
    )


def _concerned(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any,
        id: Any,
        at: Any = UNSET,
        lasts: Any = UNSET,
        capacity: Any = UNSET,
        depth: Any = UNSET,
        first: Any = UNSET,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        since, long = begins(at, as_of), positive("patience", patience, PATIENCE)
        asked = asked_of(info, lasts, depth, info.context.limits.page, capacity, at=since, patience=long)
        most, until = within("first", first, FIRST, info.context.limits.page), deadline(long)
        snapshot, moment = await snapshot_of(info, as_of, known_at, since)
        found = await answer(impact, snapshot, schema, await one_id(info, id, moment), asked)
        return await concerned(info.context.store, schema, found, most, moment, until)

    return strawberry.field(
        resolver=typed(of, results.output(Concern), id=strawberry.ID, at=Instant | None, **IMPACT, **TIMES),
        description="Who must know of the `impact` with the same arguments: people and teams that are lost with the thing, or"
        " that any relation joins to what is lost.",
    )


def _causes(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any,
        id: Any,
        at: Any = UNSET,
        depth: Any = UNSET,
        first: Any = UNSET,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        limits, long = info.context.limits, positive("patience", patience, PATIENCE)
        far, most = within("depth", depth, DEPTH, limits.dependency_depth), within("first", first, FIRST, limits.page)
        point, since = moment(as_of, known_at), int(at) if given(at) else None
        one = await one_id(info, id, point)
        split = "waits" in names_selected(info.selected_fields)
        async with turns:
            found = await delay(info.context.store, schema, one, Delayed(point, since, far, most, long, split))
        if found is not None:
            return found
        then = dependencies_at(point, since)
        snapshot, _ = await snapshot_of(info, *then)
        return await answer(causes, snapshot, schema, await one_id(info, id, then), far, most, long)

    turns = asyncio.Semaphore(AT_A_TIME)
    arguments = {"id": strawberry.ID, "at": Instant | None, "depth": int | None, "first": int | None, "patience": float | None}
    return strawberry.field(
        resolver=typed(of, results.output(Suspects), **arguments, **TIMES),
        description="What may be behind a thing that is down: all that it needs, those first whose loss alone would do it."
        " Of what has steps: what may be behind its delay, those first that were down or degraded while it waited for them."
        " `at` is the moment of the dependencies (if left out: `asOf`; the end of the longest wait, if the life is over; the last"
        " that is known), at most now, and no later than `asOf`. After `patience` seconds it is what was found so far, and"
        " partial.",
    )


def _single_points(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any, cls: Any = UNSET, first: Any = UNSET, patience: Any = UNSET, as_of: Any = UNSET, known_at: Any = UNSET
    ) -> Any:
        most = within("first", first, 20, info.context.limits.page)
        snapshot, _ = await snapshot_of(info, as_of, known_at)
        named = str(cls) if given(cls) else None
        return await answer(single_points, snapshot, schema, named, most, positive("patience", patience, PATIENCE))

    arguments = {"cls": str | None, "first": int | None, "patience": float | None}
    return strawberry.field(
        resolver=typed(of, results.output(SinglePoints), **arguments, **TIMES),
        description="Things whose loss alone takes others down, redundancy counted: of a class `cls`, else of assets and people.",
    )


def _criticality(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any,
        measure: Any = Measure.FLOW,
        cls: Any = UNSET,
        first: Any = UNSET,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        long, named = positive("patience", patience, PATIENCE), str(cls) if given(cls) else None
        most = within("first", first, 20, info.context.limits.page)
        snapshot, _ = await snapshot_of(info, as_of, known_at)
        # strawberry hands a StrEnum over as its plain text.
        return await answer(criticality, snapshot, schema, Measure(measure), named, most, long)

    arguments = {"measure": results.enum(Measure), "cls": str | None, "first": int | None, "patience": float | None}
    return strawberry.field(
        resolver=typed(of, results.output(Criticality), **arguments, **TIMES),
        description="What most flows through, by the measure asked for. Redundancy is left aside.",
    )


def _circles(results: Results) -> Any:
    async def of(info: Any, first: Any = UNSET, patience: Any = UNSET, as_of: Any = UNSET, known_at: Any = UNSET) -> Any:
        snapshot, _ = await snapshot_of(info, as_of, known_at)
        most = within("first", first, 20, info.context.limits.page)
        return await answer(circles, snapshot, most, positive("patience", patience, PATIENCE))

    return strawberry.field(
        resolver=typed(of, results.output(Circles), first=int | None, patience=float | None, **TIMES),
        description="Things that need each other in a circle, those by one relation alone first.",
    )


def _changes(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any,
        since: Any,
        measure: Any = Measure.FLOW,
        cls: Any = UNSET,
        first: Any = UNSET,
        coupling: bool = False,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        most, store = within("first", first, 20, info.context.limits.page), info.context.store
        until = deadline(positive("patience", patience, PATIENCE))
        begin = point_then(since, moment(as_of, known_at), time.time_ns() // 1000)
        now, _ = await snapshot_of(info, as_of, known_at)
        then = await read_then(store, schema, begin, moment(as_of, known_at))
        named = str(cls) if given(cls) else None
        coupled = await coupled_in(store, schema, then, now, named, left(until, 2)) if coupling else None
        return await answer(changes, then, now, schema, named, Measure(measure), most, coupled, left(until))

    arguments = {"since": Instant, "measure": results.enum(Measure), "cls": str | None, "first": int | None, "coupling": bool}
    return strawberry.field(
        resolver=typed(of, results.output(GraphChange), **arguments, patience=float | None, **TIMES),
        description="What changed since a time: single points of failure, ranks, circles, dependencies; come, gone or moved. With"
        " `coupling`, which takes longer, also what goes down together beyond chance: of the class, else of assets.",
    )


def _coupling(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any,
        cls: str = ASSETS,
        false_discoveries: float = SHARE,
        since: Any = UNSET,
        until: Any = UNSET,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        long, (snapshot, at) = positive("patience", patience, PATIENCE), await snapshot_of(info, as_of, known_at)
        begin, end = (int(time) if given(time) else None for time in (since, until))
        store = rewound(info.context.store, schema, at)
        return await hidden_coupling(store, schema, snapshot, cls, false_discoveries, begin, end, long)

    arguments = {"cls": str, "false_discoveries": float, "since": Instant | None, "until": Instant | None}
    return strawberry.field(
        resolver=typed(of, results.output(HiddenCoupling), **arguments, patience=float | None, **TIMES),
        description="Things of a class that go down together beyond chance, by the states that they report, and what both need."
        " `asOf`: what was still going on then ends there.",
    )
