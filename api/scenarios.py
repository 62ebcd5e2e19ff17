"""What-if, as GraphQL: the live graph, or the one of a past time, with changes that nobody made and nothing keeps."""

import asyncio
from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.arguments import TIMES
from api.dependencies import IMPACT, PATIENCE, answer, asked_of, one_id, positive, snapshot_of
from api.kernel import given
from api.results import Results
from api.typegen import typed
from brain.analytics.graph.scenario import Degraded, Narrow, Scenario, Thing, Triple
from brain.analytics.graph.whatif import WhatIf, what_if
from brain.errors import BadQuery
from brain.query import AsOf
from brain.schema import Schema


@strawberry.input(name="ScenarioLink", description="As the ontology has it, whichever end needs the other: A supplies B.")
class LinkInput:
    source: strawberry.ID
    relation: str
    target: strawberry.ID


@strawberry.input(name="ScenarioThing", description="A thing that is not there.")
class ThingInput:
    id: strawberry.ID
    cls: str = strawberry.field(name="class", description="A class of the ontology.")
    buffer_seconds: float = strawberry.field(default=0.0, description="How long it goes on without what it needs.")


@strawberry.input(name="ScenarioDegraded", description="A thing that does less for good.")
class DegradedInput:
    id: strawberry.ID
    capacity: float = strawberry.field(description="What is left of it, from 0 (down) to below 1.")


@strawberry.input(name="ScenarioNarrow", description="A link through which less comes for good.")
class NarrowInput:
    source: strawberry.ID
    relation: str
    target: strawberry.ID
    capacity: float = strawberry.field(description="How much comes through at most, above 0 and below 1.")


@strawberry.input(name="ScenarioInput", description="Changes, in whatever order.")
class ScenarioInput:
    without: list[strawberry.ID] = strawberry.field(default_factory=list, description="Things that are lost for good.")
    unlink: list[LinkInput] = strawberry.field(default_factory=list, description="Links that hold no more.")
    link: list[LinkInput] = strawberry.field(
        default_factory=list, description="Links that hold too; in place of the one before, where a thing has one at a time."
    )
    add: list[ThingInput] = strawberry.field(default_factory=list, description="Things that `link` may name.")
    degrade: list[DegradedInput] = strawberry.field(default_factory=list, description="Things with less capacity.")
    narrow: list[NarrowInput] = strawberry.field(default_factory=list, description="Links through which less comes.")


def scenario(schema: Schema, results: Results) -> Any:
    """The query."""

    async def of(
        info: Any,
        changes: Any,
        others: Any = UNSET,
        impact_of: Any = UNSET,
        capacity: Any = UNSET,
        lasts: Any = UNSET,
        cls: Any = UNSET,
        depth: Any = UNSET,
        first: Any = UNSET,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        asked = asked_of(info, lasts, depth, first, capacity, patience=positive("patience", patience, PATIENCE))
        most = info.context.limits.changes
        if (count := sum(_size(one) for one in (changes, others) if given(one))) > most:
            raise BadQuery(f"{count:,} changes are too many: make at most {most:,}; `brain report scenario` takes any number")
        snapshot, moment = await snapshot_of(info, as_of, known_at)
        one, two = [await _scenario(info, said, moment) if given(said) else None for said in (changes, others)]
        root = await one_id(info, impact_of, moment) if given(impact_of) else None

        def work() -> WhatIf:
            assert one is not None
            return what_if(snapshot, schema, one, two, id=root, cls=str(cls) if given(cls) else None, asked=asked)

        return await answer(work)

    arguments = {"changes": ScenarioInput, "others": ScenarioInput | None, "impact_of": strawberry.ID | None, "cls": str | None}
    return strawberry.field(
        resolver=typed(of, results.output(WhatIf), **arguments, **IMPACT, **TIMES),
        description="What some changes would make of the graph of dependencies, and `others` beside them: what is lost, the"
        " impact of `impactOf` being down then (or at a `capacity`), and which single points of failure (of a class `cls`,"
        " else of assets and people) come and go. Nothing is kept of it.",
    )


def _size(said: ScenarioInput) -> int:
    return sum(len(some) for some in (said.without, said.unlink, said.link, said.add, said.degrade, said.narrow))


async def _scenario(info: Any, said: ScenarioInput, at: AsOf) -> Scenario:
    """With the ids of what all are merged with."""
    named = {*said.without, *(one.id for one in said.degrade), *(one.id for one in said.add)}
    named.update(end for link in (*said.unlink, *said.link) for end in (link.source, link.target))
    named.update(end for link in said.narrow for end in (link.source, link.target))
    ordered = sorted(named)
    ids = dict(zip(ordered, await asyncio.gather(*(one_id(info, id, at) for id in ordered)), strict=True))

    def triples(links: list[LinkInput]) -> tuple[Triple, ...]:
        return tuple(Triple(ids[link.source], link.relation, ids[link.target]) for link in links)

    return Scenario(
        tuple(ids[id] for id in said.without),
        triples(said.unlink),
        triples(said.link),
        tuple(Thing(ids[one.id], one.cls, one.buffer_seconds) for one in said.add),
        tuple(Degraded(ids[one.id], one.capacity) for one in said.degrade),
        tuple(Narrow(ids[one.source], one.relation, ids[one.target], one.capacity) for one in said.narrow),
    )
