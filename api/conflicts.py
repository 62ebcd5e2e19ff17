"""Conflicts in GraphQL: what was said and cannot both be so."""

from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.kernel import ConflictType, given
from api.typegen import typed
from brain.conflicts import Rules, all_conflicts, conflicts_of
from brain.errors import BadQuery


def conflicts() -> Any:
    """The field `conflicts` of the queries."""

    async def found(info: Any, ids: Any = UNSET, first: Any = UNSET) -> Any:
        limits, context = info.context.limits, info.context
        size = first if given(first) else limits.default_page
        if not 0 <= size <= limits.page:
            raise BadQuery(f"{size} conflicts are not possible: ask for 0 to {limits.page}, or name `ids`")
        rules = Rules(context.schema)
        if given(ids):
            if len(ids) > limits.page:
                raise BadQuery(f"{len(ids)} ids are too many: ask for at most {limits.page} at a time")
            some = await conflicts_of(context.store, rules, ids)
            return [ConflictType(conflict=one) for each in some for one in each][:size]
        made: list[ConflictType] = []
        async for one in all_conflicts(context.store, rules):
            if len(made) >= size:
                break
            made.append(ConflictType(conflict=one))
        return made

    return strawberry.field(
        resolver=typed(found, list[ConflictType], ids=list[strawberry.ID] | None, first=int | None),
        description="What a rule of the ontology says cannot both be so, thing by thing; of all things, or of those named.",
    )
