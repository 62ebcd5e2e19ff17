"""The subscription to an impact: what would stop, told again whenever that has become something else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.dependencies import asked_of, one_id
from api.live import LEAST_SECONDS
from api.results import Results
from api.typegen import typed
from brain.analytics.graph.impact import Impact
from brain.query import NOW

NOTHING = object()


def watched_impact(results: Results) -> Any:
    """The subscription."""

    async def of(
        info: Any, id: Any, lasts: Any = UNSET, capacity: Any = UNSET, depth: Any = UNSET, first: Any = UNSET
    ) -> AsyncIterator[Any]:
        graph = info.context.graph
        # Without a deadline: what is found would depend on how busy the server is, and be told as a change.
        asked = asked_of(info, lasts, depth, first, capacity, patience=None)
        last: Any = NOTHING
        seen: Any = None
        async with contextlib.aclosing(graph.changes()) as changes:
            async for _ in changes:
                snapshot = await graph.snapshot()
                if snapshot is seen:
                    continue
                seen = snapshot
                found = await graph.impacts.of(snapshot, await one_id(info, id, NOW), asked)
                if last is NOTHING or found != last:
                    yield found
                    last = found
                    await asyncio.sleep(LEAST_SECONDS)

    arguments = {"lasts": float | None, "capacity": float | None, "depth": int | None, "first": int | None}
    returns = results.output(Impact) | None
    return strawberry.subscription(
        resolver=typed(of, AsyncIterator[returns], id=strawberry.ID, **arguments),  # type: ignore[valid-type]
        description="The `impact` of a thing now, and again when it has become another, once a second at most; null while no"
        " dependency touches the thing.",
    )
