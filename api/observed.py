"""`observedDependencies`: what follows what in the lives of objects, beyond chance."""

from typing import Any

import strawberry

from api.results import Results
from api.typegen import typed
from brain.analytics import observed as analytics
from brain.schema import Schema


def observed_dependencies(schema: Schema, results: Results) -> Any:
    async def observed_dependencies(
        info: Any, object_type: Any, between: Any = analytics.Between.ACTIVITIES, false_discoveries: Any = analytics.SHARE
    ) -> Any:
        # strawberry hands a StrEnum over as its plain text.
        kind = analytics.Between(between)
        return await analytics.observed(info.context.store, schema, object_type, kind, false_discoveries)

    returns = results.output(analytics.ObservedDependencies)
    between = results.enum(analytics.Between)
    return strawberry.field(
        resolver=typed(observed_dependencies, returns, object_type=str, between=between, false_discoveries=float),
        description="What follows what in the lives of the objects of a type, more often than chance would have it.",
    )
