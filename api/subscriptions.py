"""The root of subscriptions: what changed, as it is committed.

A subscriber that reads slower than the plant changes gets fewer messages, not a growing queue: what waits for it is one entry a
node, into which further changes of that node are folded. A subscriber that has more nodes waiting than the limit is ended.
"""

import asyncio
import contextlib
import types
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

import strawberry
from strawberry.types.unset import UNSET

from api.kernel import Info, given
from api.live import bottleneck_reports
from api.results import Results
from api.scalars import Long
from api.typegen import Types, typed
from api.watched import watched_impact
from brain.errors import BadQuery, Retry
from brain.identities import Merged
from brain.identity import DIFFERENT, SAME
from brain.model import GAP, Instant, Notice
from brain.query import NOW
from brain.schema import Schema


class TooSlow(Retry):
    """A subscriber fell further behind than the server keeps for it."""


@dataclass(slots=True)
class Pending:
    """The changes of one node that wait to be sent, folded into the latest by valid time."""

    latest: Notice
    names: set[str]
    count: int

    def fold(self, notice: Notice) -> None:
        self.latest = max(self.latest, notice, key=lambda n: (n.valid, n.event))
        self.names.update(notice.names)
        self.count += 1


class Backlog:
    """At most `limit` nodes that wait, in the order in which they first changed. Ends with the error that it was ended with."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[str, Pending] = {}
        self._ended: BaseException | None = None
        self._stir = asyncio.Event()

    def put(self, notice: Notice) -> None:
        """Raises TooSlow where one node more would pass the limit."""
        if pending := self._waiting.get(notice.subject):
            pending.fold(notice)
        elif len(self._waiting) >= self._limit:
            raise TooSlow(f"{self._limit:,} changed nodes wait for this subscriber: read the state anew, then subscribe to less")
        else:
            self._waiting[notice.subject] = Pending(notice, set(notice.names), 1)
        self._stir.set()

    def end(self, reason: BaseException) -> None:
        """What waits is still given out where the feed has closed; not where it failed or ran over."""
        if not isinstance(reason, StopAsyncIteration):
            self._waiting.clear()
        self._ended = reason
        self._stir.set()

    async def take(self) -> Pending:
        """The next change. Raises StopAsyncIteration's stand-in, EOFError, when the feed has closed and nothing waits."""
        while not self._waiting:
            if isinstance(self._ended, StopAsyncIteration):
                raise EOFError
            if self._ended is not None:
                raise self._ended
            self._stir.clear()
            await self._stir.wait()
        return self._waiting.pop(next(iter(self._waiting)))

    async def fill(self, notices: AsyncIterator[Notice], wanted: Callable[[Notice], bool]) -> None:
        """Take in what is wanted until the feed closes, the limit is passed, or the feed itself had to let notices go."""
        begun = False
        try:
            async for notice in notices:
                if notice == GAP:
                    if begun:
                        raise TooSlow("notices were lost on the way here: read the state anew, then subscribe again")
                    begun = True
                elif wanted(notice):
                    self.put(notice)
            self.end(StopAsyncIteration())
        except Exception as error:
            self.end(error)
        finally:
            if (close := getattr(notices, "aclose", None)) is not None:
                await close()


@dataclass(frozen=True, slots=True)
class Watch:
    """What a subscriber asked for; empty means all. A notice must fit both."""

    schema: Schema
    ids: frozenset[str]
    classes: tuple[str, ...]

    def may_want(self, notice: Notice) -> bool:
        """False only where it is sure: an event may call a pump an asset, so a wider class than the wanted one may fit."""
        if self.ids and notice.subject not in self.ids:
            return False
        return self.wants(notice.cls) or any(self.schema.is_a(c, notice.cls) for c in self.classes)

    def wants(self, cls: str) -> bool:
        return not self.classes or any(self.schema.is_a(cls, c) for c in self.classes)


async def watch(info: Info, asked: Watch) -> AsyncGenerator[Pending, None]:
    """The changes that the subscriber asked for, until the feed closes. Raises TooSlow."""
    context = info.context
    backlog = Backlog(context.limits.backlog)
    filling = asyncio.ensure_future(backlog.fill(context.feed.subscribe(), asked.may_want))
    try:
        while True:
            pending = await backlog.take()
            if isinstance(context.store, Merged) and (not pending.names or not pending.names.isdisjoint((SAME, DIFFERENT))):
                context.store.forget()  # who hears of a merge must not read the things as they were before it
            if not asked.wants(pending.latest.cls):
                node = await context.loaders.node(pending.latest.subject, NOW)
                if node is None or not asked.wants(node.cls):
                    continue
            yield pending
    except EOFError:
        return
    finally:
        filling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await filling


def subscription_type(made: Types, results: Results) -> type[Any]:
    """The type Subscription for the generated types."""
    change = _change(made)

    async def changes(info: Any, ids: Any = UNSET, classes: Any = UNSET) -> AsyncIterator[Any]:
        most = info.context.limits.page
        if given(ids) and len(ids) > most:
            raise BadQuery(f"{len(ids)} ids are too many to watch: at most {most}; watch classes, or all")
        names = tuple(str(getattr(c, "value", c)) for c in classes) if given(classes) else ()
        store = info.context.store
        if given(ids) and isinstance(store, Merged):
            ids = [member for id in ids for member in await store.ids(id)]
        # `async for` leaves an iterator open when the reader goes; the feed must hear of it at once.
        async with contextlib.aclosing(watch(info, Watch(made.schema, frozenset(ids or ()), names))) as pending:
            async for change_of_node in pending:
                yield change_of_node

    class_name: Any = made.class_names
    arguments = {"ids": list[strawberry.ID] | None, "classes": list.__class_getitem__(class_name) | None}
    body = {
        "__module__": __name__,
        "__annotations__": {},
        "changes": strawberry.subscription(
            resolver=typed(changes, AsyncIterator[change], **arguments),  # type: ignore[valid-type]
            description="Nodes as they change: of these ids, under any of their names, and of these classes. At least once.",
        ),
        "bottlenecks": bottleneck_reports(results),
        "watched_impact": watched_impact(results),
    }
    made_type = types.new_class("Subscription", (), {}, lambda namespace: namespace.update(body))
    return cast(type[Any], strawberry.type(made_type, description="What changes, as it is committed."))


def _change(made: Types) -> Any:
    async def node(self: Pending, info: Any) -> Any:
        found = await info.context.loaders.node(self.latest.subject, NOW)
        return None if found is None else made.wrap(found, NOW)

    def simple(read: Callable[[Pending], Any], returns: Any, name: str, text: str) -> Any:
        def value(self: Any) -> Any:
            return read(self)

        value.__annotations__ = {"return": returns}
        return strawberry.field(resolver=value, name=name, description=text)

    body = {
        "__module__": __name__,
        "__annotations__": {},
        "id": simple(lambda p: p.latest.subject, strawberry.ID, "id", "The node that may have changed."),
        "cls": simple(lambda p: p.latest.cls, str, "class", "Its class as the latest event calls it; `node` knows better."),
        "names": simple(lambda p: sorted(p.names), list[str], "names", "The properties and relations that were spoken of."),
        "event": simple(lambda p: p.latest.event, str, "event", "The latest event by valid time."),
        "at": simple(lambda p: Instant(p.latest.valid), Instant, "at", "When it was so, by the clock of the source."),
        "count": simple(lambda p: Long(p.count), Long, "count", "How many changes are folded into this message."),
        "node": strawberry.field(
            resolver=typed(node, made.outputs["Entity"] | None), description="The node as it is when this message is written."
        ),
    }
    change = types.new_class("Change", (), {}, lambda namespace: namespace.update(body))
    return strawberry.type(change, description="A node that may have changed: a replay after a crash tells again.")
