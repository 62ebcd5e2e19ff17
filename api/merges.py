"""Identity in GraphQL: what may be one thing. Deciding is the command line's affair: `brain merges`."""

from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.kernel import EvidenceType, given, shown
from api.scalars import Anything
from api.typegen import typed
from brain.errors import BadQuery
from brain.identities import Merged, proposals
from brain.identity import Proposal


@strawberry.type(
    name="MergeProposal", description="Nodes that may be one thing, by a property that the ontology calls an identity."
)
class MergeProposalType:
    proposal: strawberry.Private[Proposal]

    @shown
    def ids(self) -> list[strawberry.ID]:
        """The nodes, by id. One that is merged with others already stands for all of them."""
        return [strawberry.ID(id) for id in self.proposal.ids]

    @shown
    def property(self) -> str:
        """The property of which they have the same value."""
        return self.proposal.property

    @shown
    def value(self) -> Anything:
        return Anything(self.proposal.value)

    @shown
    def confidence(self) -> float:
        """How sure the ontology is that such nodes are one, above 0 and at most 1."""
        return self.proposal.confidence

    @shown
    def evidence(self) -> list[EvidenceType]:
        """Who said so, of each of the nodes in order."""
        return [EvidenceType(stamp=stamp, about=self.proposal.property) for stamp in self.proposal.evidence]


def merge_proposals() -> Any:
    """The field `mergeProposals` of the queries."""

    async def found(info: Any, first: Any = UNSET) -> Any:
        limits, context = info.context.limits, info.context
        size = first if given(first) else limits.default_page
        if not 0 <= size <= limits.page:
            raise BadQuery(f"{size} proposals are not possible: ask for 0 to {limits.page}; accept or reject some to see more")
        store = context.store if isinstance(context.store, Merged) else Merged(context.store, context.schema)
        return [MergeProposalType(proposal=proposal) for proposal in (await proposals(store))[:size]]

    return strawberry.field(
        resolver=typed(found, list[MergeProposalType], first=int | None),
        description="What may be one thing and is neither merged nor told apart, surest first. `brain merges` decides.",
    )
