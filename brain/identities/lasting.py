"""A store under the names of one point in time: what is one thing at that point is one thing at every moment that is read.

Whoever asks about one thing at several moments has one id for it. Two ids that were merged since may be two things at an earlier
moment, and what was said of the one would then not be found under the other.
"""

from brain.identities.known import Known
from brain.identities.merged import Merged
from brain.identity import Clusters
from brain.ports import Store
from brain.query import NOW, AsOf


def under_names_of(store: Store, then: Store) -> Store:
    """The store's nodes and links, at whatever moment, by the ids of a store of it at some point (`brain.rewound`)."""
    return Lasting(store, then.known) if isinstance(store, Merged) and isinstance(then, Merged) else store


class Lasting(Merged):
    def __init__(self, store: Merged, known: Known) -> None:
        super().__init__(store.raw, store.schema)
        self.known = _Always(known)


class _Always(Known):
    """At every moment the clusters that are those of now there."""

    def __init__(self, of: Known) -> None:
        self._of = of

    def forget(self) -> None:
        self._of.forget()

    async def clusters(self, at: AsOf = NOW) -> Clusters:
        return await self._of.clusters()
