"""Live figures: the same report as `bottlenecks`, out of figures that are kept up to date as changes are told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.arguments import BOTTLENECKS, lifecycle_of
from api.kernel import given
from api.results import Results
from api.typegen import typed
from brain.analytics.bottlenecks import Bottlenecks

LEAST_SECONDS = 1.0
"""Between two reports to one subscriber, however much changes."""


async def _report(info: Any, object_type: Any, lifecycle: Any, min_frequency: Any) -> Bottlenecks:
    least = min_frequency if given(min_frequency) else None
    found: Bottlenecks = await info.context.live.report(object_type, lifecycle=lifecycle_of(lifecycle), min_frequency=least)
    return found


def live_bottlenecks(results: Results) -> Any:
    """The query."""

    async def live_bottlenecks(info: Any, object_type: Any, lifecycle: Any = UNSET, min_frequency: Any = UNSET) -> Any:
        return await _report(info, object_type, lifecycle, min_frequency)

    return strawberry.field(
        resolver=typed(live_bottlenecks, results.output(Bottlenecks), **BOTTLENECKS),
        description="As `bottlenecks`, as of the last change that was told, in milliseconds however long the log is, with medians"
        " and p90 to `quantileError`. The first request for a type reads its steps once.",
    )


def bottleneck_reports(results: Results) -> Any:
    """The subscription."""
    returns = results.output(Bottlenecks)

    async def bottlenecks(info: Any, object_type: Any, lifecycle: Any = UNSET, min_frequency: Any = UNSET) -> AsyncIterator[Any]:
        last = None
        async with contextlib.aclosing(info.context.live.changes()) as changes:
            async for _ in changes:
                found = await _report(info, object_type, lifecycle, min_frequency)
                if found != last:
                    yield found
                    last = found
                    await asyncio.sleep(LEAST_SECONDS)

    return strawberry.subscription(
        resolver=typed(bottlenecks, AsyncIterator[returns], **BOTTLENECKS),  # type: ignore[valid-type]
        description="The report of `liveBottlenecks` now, and again when it has changed, once a second at most.",
    )
