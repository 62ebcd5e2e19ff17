"""The evidence of a dependency on a way: read where a query selects it, all of a level at once."""

from typing import Any

import strawberry

from api.kernel import EvidenceType
from api.typegen import typed
from brain.analytics.graph.evidence import hop_to, link_of
from brain.analytics.graph.snapshot import Basis
from brain.schema import Schema


def evidence_of_carrier(schema: Schema) -> Any:
    """The field, of a `Carrier`."""

    async def evidence(root: Any, info: Any) -> Any:
        if root.basis is not Basis.DECLARED:
            return None
        edges = await info.context.loaders.edges(hop_to(schema, root), root.at, root.merged)
        edge = link_of(schema, root, edges)
        return None if edge is None else EvidenceType(stamp=edge.stamp, about=edge.relation)

    return strawberry.field(
        resolver=typed(evidence, EvidenceType | None),
        description="The event that says so, as of the point in time of the answer; null where nothing does: a link that a"
        " scenario alone has, one that has gone since the graph was read, one that is observed.",
    )
