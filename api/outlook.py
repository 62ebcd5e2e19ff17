"""`outlook`: which running objects become late while a thing is down, by how much, since when, with what probability."""

import asyncio
from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.arguments import TIMES
from api.dependencies import PATIENCE, begins, micros, one_id, positive, snapshot_of
from api.process_reports import AT_A_TIME
from api.results import Results
from api.typegen import typed
from brain.analytics.breakdown import Asked, Breakdown, breakdown
from brain.model import Instant
from brain.rewound import rewound
from brain.schema import Schema


def outlook(schema: Schema, results: Results) -> Any:
    async def of(
        info: Any,
        id: Any,
        at: Any = UNSET,
        lasts: Any = UNSET,
        tolerance: Any = UNSET,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        since = begins(at, as_of)
        asked = Asked(
            since,
            micros(positive("lasts", lasts, None)),
            micros(positive("tolerance", tolerance, None)),
            positive("patience", patience, PATIENCE),
        )
        async with turns:
            snapshot, moment = await snapshot_of(info, as_of, known_at, since)
            root = await one_id(info, id, moment)
            return await breakdown(rewound(info.context.store, schema, moment), schema, snapshot, root, asked)

    turns = asyncio.Semaphore(AT_A_TIME)
    numbers = {"lasts": float | None, "tolerance": float | None, "patience": float | None}
    return strawberry.field(
        resolver=typed(of, results.output(Breakdown), id=strawberry.ID, at=Instant | None, **numbers, **TIMES),
        description="Which running objects become late while a thing is down, from `at` on for `lasts` seconds (for good, if left"
        " out), by more than `tolerance` seconds (a tenth of the time, if left out; for good, of as long as objects take):"
        " replays of what may follow, out of what had happened by `at`. After `patience` seconds it is what was replayed so far,"
        " and partial. The dependencies, and what had happened and was planned, are of `asOf`, else of `at` where it is past.",
    )
