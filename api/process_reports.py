"""Query.processReport: why work waits, how sure that is, what would help, with evidence to be followed to the steps."""

import asyncio
from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry.types.nodes import Selection
from strawberry.types.unset import UNSET

from api.arguments import BOTTLENECKS, TIMES, calendars_of, lifecycle_of, moment, view_of
from api.kernel import given
from api.results import Results
from api.selected import names_selected
from api.typegen import typed
from brain.analytics.process_material import Asked, Period, Section, material
from brain.analytics.process_report import ProcessReport, compose
from brain.model import Instant
from brain.schema import Schema

AT_A_TIME = 2
"""Reports that are made at once: each holds a log in memory, and a core. The others wait."""

SECTIONS = {
    "causes": Section.CAUSES,
    "confidence": Section.CONFIDENCE,
    "times": Section.TIMES,
    "flow": Section.TIMES,
    "together": Section.TIMES,
    "machines": Section.MACHINES,
    "relief": Section.RELIEF,
    "change": Section.CHANGE,
    "attribution": Section.ATTRIBUTION,
}
"""Which section a field of the report needs."""


def process_report(schema: Schema, results: Results) -> Any:
    async def report(
        info: Any,
        object_type: Any,
        lifecycle: Any = UNSET,
        min_frequency: Any = UNSET,
        since: Any = UNSET,
        until: Any = UNSET,
        view: Any = UNSET,
        machines: Any = UNSET,
        calendars: Any = UNSET,
        context_since: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        asked = Asked(
            lifecycle_of(lifecycle),
            min_frequency if given(min_frequency) else None,
            Period(since if given(since) else None, until if given(until) else None),
            wanted(info.selected_fields),
            machines if given(machines) else None,
            view_of(view),
            calendars_of(calendars),
            context_since if given(context_since) else None,
            moment(as_of, known_at),
        )
        async with turns:
            found = await material(info.context.store, schema, object_type, asked)
            # Seconds of arithmetic: the loop goes on serving others meanwhile.
            return await asyncio.to_thread(compose, found)

    turns = asyncio.Semaphore(AT_A_TIME)
    arguments = {
        **BOTTLENECKS,
        **TIMES,
        "since": Instant | None,
        "until": Instant | None,
        "view": str | None,
        "machines": str | None,
        "calendars": str | None,
        "context_since": Instant | None,
    }
    return strawberry.field(
        resolver=typed(report, results.output(ProcessReport), **arguments),
        description="Why the objects of a type wait, how sure that is and what would help. Only what is selected is worked out."
        " `since`, `until`: the objects whose last step ended then, whole. `asOf`: what had begun by then, and had not ended, is"
        " under way; `knownAt`: out of what was stored by then. `view` of the causes: handover or enabled."
        ' `calendars`, in YAML or JSON: {"*": {"mon-fri": ["08:00-17:00"], "zone": "Europe/Berlin"}, "asset/ROB-1": "always"}.'
        " `contextSince`: what ended before is left out, as if it were not known.",
    )


def wanted(selected: Iterable[Selection]) -> frozenset[Section]:
    """The sections that the query asks for, through whatever fragments."""
    return frozenset(SECTIONS[name] for name in names_selected(selected) if name in SECTIONS)
