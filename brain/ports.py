"""What the kernel needs from outside, as Protocols. `tests/contract/` judges every implementation of `Store` and `Feed`."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar, overload, runtime_checkable

from brain.model import ChangeSet, DeadLetter, Edge, Mark, Node, Notice, Occurrence, Quality, Version
from brain.query import NOW, AsOf, Edges, Find, Hop, Nodes, Occurrences, Page, Qualities, Scope, Told, Versions, Window
from brain.schema import Schema

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        ...


class Store(Protocol):
    """A durable model. Every method takes many; one `apply` is one transaction. All raise `StoreBusy` where waiting may help
    and `StoreBroken` where it will not."""

    async def prepare(self, schema: Schema) -> None:
        """Make ready for the schema (tables, constraints, indexes); call once before anything else. Idempotent."""
        ...

    async def apply(
        self, batch: Sequence[ChangeSet], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()
    ) -> list[Notice]:
        """Join the batch into the model, and move the marks and bury the letters with it, all or nothing. A letter that is buried
        again is one letter, with its newest reason.

        Applying a change set again changes nothing and returns the same notices. A mark never moves back.
        """
        ...

    async def nodes(self, ids: Sequence[str], at: AsOf = NOW) -> list[Node | None]:
        """The nodes, in the order asked; None for an id that is not known (or was not, at that time)."""
        ...

    async def find(self, query: Find, at: AsOf = NOW) -> Page: ...

    async def count(self, query: Find) -> int:
        """How many nodes the query's class and conditions match now, beyond any page."""
        ...

    async def related(self, hops: Sequence[Hop], at: AsOf = NOW) -> list[list[Edge]]:
        """The edges of each hop, in the order asked."""
        ...

    async def history(self, ids: Sequence[str], window: Window = Window()) -> list[list[Version]]:
        """The versions of each node, newest first by (valid, authority, event, source)."""
        ...

    async def quality(self, ids: Sequence[str]) -> list[list[Quality]]:
        """The quality flags of each node, in order of time; those without a time first."""
        ...

    @overload
    def scan(self, scope: Nodes) -> AsyncIterator[Node]: ...
    @overload
    def scan(self, scope: Edges) -> AsyncIterator[Edge]: ...
    @overload
    def scan(self, scope: Occurrences) -> AsyncIterator[Occurrence]: ...
    @overload
    def scan(self, scope: Versions | Told) -> AsyncIterator[Version]: ...
    @overload
    def scan(self, scope: Qualities) -> AsyncIterator[Quality]: ...
    def scan(self, scope: Scope) -> AsyncIterator[Any]:
        """All of a scope, streamed, as of one point in time where the store can give it (see each store)."""
        ...

    async def object_types(self) -> dict[str, int]:
        """How many objects of each type take part in steps: by `objectType` for WorkObjects, else by class."""
        ...

    async def marks(self) -> list[Mark]: ...

    async def letters(self, limit: int = 100, after: str | None = None) -> list[DeadLetter]:
        """Dead letters in order of id."""
        ...

    async def release(self, ids: Sequence[str]) -> None:
        """Remove dead letters that were replayed. Unknown ids are ignored."""
        ...

    async def close(self) -> None: ...


class Feed(Protocol):
    """Change notices from the process that commits to those that watch. At least once; order is not promised."""

    async def publish(self, notices: Sequence[Notice]) -> None: ...

    def subscribe(self) -> AsyncIterator[Notice]:
        """GAP, then every notice published from that moment on; GAP again where some were lost. Ends when the feed is closed."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Resumable(Feed, Protocol):
    """A feed that keeps what it told for a while, so that a watcher can go on where another, or its former self, has ended."""

    def follow(self, after: str | None) -> AsyncIterator[tuple[Sequence[Notice], str]]:
        """As `subscribe`, in portions, each with the place after it. With a place of this feed it goes on there, without a GAP
        where nothing can have been lost since; then an empty portion says that all that there was has been told."""
        ...


@asynccontextmanager
async def closing(found: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """What is streamed, which ends where it is left, however soon that is."""
    try:
        yield found
    finally:
        if isinstance(found, AsyncGenerator):
            await found.aclose()
