"""Live figures: the same report as `bottlenecks`, out of figures that are kept up to date as changes are told, and why work that
ended lately waited."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.arguments import BOTTLENECKS, calendars_of, lifecycle_of, view_of
from api.kernel import given
from api.results import Results
from api.selected import names_selected
from api.typegen import typed
from brain.analytics.live_causes import Question
from brain.analytics.live_reports import LiveBottlenecks, LiveReports, with_causes

LEAST_SECONDS = 1.0
"""Between two reports to one subscriber, however much changes."""

ARGUMENTS = BOTTLENECKS | {"view": str | None, "calendars": str | None}


def _question(object_type: Any, lifecycle: Any, view: Any, calendars: Any) -> Question:
    return Question(object_type, lifecycle_of(lifecycle), view_of(view), tuple(sorted(calendars_of(calendars).items())))


async def _report(info: Any, question: Question, min_frequency: Any) -> LiveBottlenecks:
    least = min_frequency if given(min_frequency) else None
    live: LiveReports = info.context.live
    if "causes" in names_selected(info.selected_fields):
        return await live.explained(question, min_frequency=least)
    return with_causes(await live.report(question.object_type, lifecycle=question.lifecycle, min_frequency=least), None)


def live_bottlenecks(results: Results) -> Any:
    """The query."""

    async def live_bottlenecks(
        info: Any,
        object_type: Any,
        lifecycle: Any = UNSET,
        min_frequency: Any = UNSET,
        view: Any = UNSET,
        calendars: Any = UNSET,
    ) -> Any:
        return await _report(info, _question(object_type, lifecycle, view, calendars), min_frequency)

    return strawberry.field(
        resolver=typed(live_bottlenecks, results.output(LiveBottlenecks), **ARGUMENTS),
        description="As `bottlenecks`, as of the last change that was told, in milliseconds however long the log is, with medians"
        " and p90 to `quantileError`. The first request for a type reads its steps once. `causes`, as of their last checkpoint,"
        " are of what ended lately; `view` and `calendars` are theirs, as in `processReport`.",
    )


def bottleneck_reports(results: Results) -> Any:
    """The subscription."""
    returns = results.output(LiveBottlenecks)

    async def bottlenecks(
        info: Any,
        object_type: Any,
        lifecycle: Any = UNSET,
        min_frequency: Any = UNSET,
        view: Any = UNSET,
        calendars: Any = UNSET,
    ) -> AsyncIterator[Any]:
        question, last = _question(object_type, lifecycle, view, calendars), None
        async with contextlib.aclosing(info.context.live.changes()) as changes:
            async for _ in changes:
                found = await _report(info, question, min_frequency)
                if found != last:
                    yield found
                    last = found
                    await asyncio.sleep(LEAST_SECONDS)

    return strawberry.subscription(
        resolver=typed(bottlenecks, AsyncIterator[returns], **ARGUMENTS),  # type: ignore[valid-type]
        description="The report of `liveBottlenecks` now, and again when it has changed, once a second at most.",
    )
