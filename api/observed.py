"""`observedDependencies`: what follows what in the lives of objects, and waits in which state of an asset, beyond chance."""

from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.arguments import TIMES, moment
from api.dependencies import PATIENCE, positive
from api.results import Results
from api.typegen import typed
from brain.analytics import observed as analytics
from brain.rewound import rewound
from brain.schema import Schema


def observed_dependencies(schema: Schema, results: Results) -> Any:
    async def observed_dependencies(
        info: Any,
        object_type: Any,
        between: Any = analytics.Between.ACTIVITIES,
        false_discoveries: Any = analytics.SHARE,
        patience: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        store = rewound(info.context.store, schema, moment(as_of, known_at))
        long = positive("patience", patience, PATIENCE)
        # strawberry hands a StrEnum over as its plain text.
        return await analytics.observed(store, schema, object_type, analytics.Between(between), false_discoveries, long)

    returns = results.output(analytics.ObservedDependencies)
    between = results.enum(analytics.Between)
    arguments = {"object_type": str, "between": between, "false_discoveries": float, "patience": float | None}
    return strawberry.field(
        resolver=typed(observed_dependencies, returns, **arguments, **TIMES),
        description="What follows what in the lives of the objects of a type, more often than chance would have it; between"
        " STATES what is waited for while an asset upstream is down or degraded. `asOf`: of what had begun by then."
        " After `patience` seconds it is of the objects that were read so far, and partial.",
    )
