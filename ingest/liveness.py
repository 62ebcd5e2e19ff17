"""Whether a worker gets on: what `/livez` and `/readyz` of `brain ingest --health` say.

Live means that what is stored advances while something waits to be stored, not that a loop turns. What waits at a broker is
asked of the broker, not of our own reader, which may be the part that is stuck. Time counts as standing still only where getting
on could be expected: not while the store, the broker or the feed of notices is away, which a restart would not mend. That is a
state of its own, live but not ready. A write to which a store that answers readers gives no answer at all is excused for a while.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

from brain.errors import BrainError, Retry
from brain.model import DeadLetter, Mark
from brain.ports import Feed, Store
from ingest.intake import Intake
from ingest.record import Envelope

T = TypeVar("T")

STUCK_SECONDS = 60.0
"""Longer than SQLite waits for its lock (30 s), Neo4j's driver for a connection (10 s), a group for its slowest member (40 s)."""
ROUND_SECONDS = 5.0
"""Between two looks, at most; a fifth of the seconds after which a worker counts as stuck, where these are few."""
ASK_SECONDS = 10.0
"""Within which a store or a source must answer a look."""
SLOW_SECONDS = 10.0
"""A write that has been under way for longer makes a worker not ready."""
WRITE_SECONDS = 150.0
"""A write that has been under way for less is no standstill: a store that has just started, under load, took 40 s for its first
one, and a worker that is started again begins with the same. Neo4j itself ends a write after 120 s."""


class Source(Protocol):
    """Where messages come from, as far as liveness is concerned."""

    @property
    def name(self) -> str: ...

    @property
    def stored(self) -> int:
        """Grows whenever something of this source was stored."""
        ...

    async def behind(self) -> Mapping[str, int]:
        """How many messages, records or files wait to be stored, by partition or the like; nothing for those where none does.

        Retry where the source itself is away, so that nobody can know.
        """
        ...


class Tap(Intake):
    """One source's way into the intake: it counts what the source has handed in, and what of that is stored."""

    def __init__(self, intake: Intake, name: str, waiting: Callable[[], int] = lambda: 0) -> None:
        """`waiting` are messages that have come and were not handed in yet, for a source that knows."""
        super().__init__(intake.pipeline, intake._engine)
        self.taken = intake.taken
        self.name = name
        self.stored = 0
        self._held = 0
        self._waiting = waiting

    async def take(self, envelopes: Sequence[Envelope], marks: Sequence[Mark] = (), letters: Sequence[DeadLetter] = ()) -> None:
        many = len(envelopes) + len(letters)
        self._held += many
        try:
            await super().take(envelopes, marks, letters)
            self.stored += many
        finally:
            self._held -= many

    async def behind(self) -> Mapping[str, int]:
        many = self._held + self._waiting()
        return {self.name: many} if many else {}


@dataclass(slots=True)
class _Answers:
    """What a store or a feed answers to who writes to it. `busy` is its last answer, where that was to come again later."""

    clock: Callable[[], float]
    busy: str | None = None
    _asked: dict[object, float] = field(default_factory=dict)

    async def to(self, call: Awaitable[T]) -> T:
        asking = object()
        self._asked[asking] = self.clock()
        try:
            answer = await call
        except Retry as error:
            self.busy = str(error)
            raise
        finally:
            del self._asked[asking]
        self.busy = None
        return answer

    @property
    def owed(self) -> float:
        """For how many seconds the oldest write has been without an answer; 0 where none is under way."""
        return self.clock() - min(self._asked.values(), default=self.clock())


class _Watched:
    """A store or a feed whose answers to `names` are noted; all else goes straight to it."""

    def __init__(self, inner: Any, answers: _Answers, *names: str) -> None:
        self._inner = inner
        self._answers = answers
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return (lambda *a, **k: self._answers.to(found(*a, **k))) if name in self._names else found


@dataclass(slots=True)
class _Followed:
    """`still` is since when it has not got on though it could have (`clock`). `away`: why nobody knows what waits there."""

    source: Source
    stored: int
    still: float
    behind: Mapping[str, int] = field(default_factory=dict)
    away: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """`state` in a word or two; `reason` says why it is not live or not ready. `since` is ISO 8601, of the standstill."""

    live: bool
    ready: bool
    state: str
    reason: str | None
    since: str | None
    sources: Mapping[str, Mapping[str, object]]

    def told(self, name: str, good: bool) -> dict[str, object]:
        """As JSON has it, for `name`: "live" or "ready"."""
        said = {"status": name if good else f"not {name}", "state": self.state, "reason": self.reason, "since": self.since}
        return {key: value for key, value in said.items() if value is not None} | {"sources": self.sources}


class Heard(Protocol):
    """What can be asked over HTTP how it is: `run` keeps what `report` says up to date, until cancelled."""

    async def run(self) -> None: ...

    def report(self) -> Report: ...


class Liveness:
    """Looks at all sources and at the store every few seconds. `stuck` are the seconds after which standing still is no life."""

    def __init__(self, stuck: float = STUCK_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._stuck = stuck
        self._clock = clock
        self._store = _Answers(clock)
        self._feed = _Answers(clock)
        self._probed: Store | None = None
        self._absent: str | None = None
        self._followed: list[_Followed] = []
        self._begun = False

    def store(self, store: Store) -> Store:
        """The same store; what it answers to writers is noted from now on."""
        self._probed = store
        return cast(Store, _Watched(store, self._store, "apply", "marks"))

    def feed(self, feed: Feed) -> Feed:
        """The same feed; what it answers to who publishes is noted from now on."""
        return cast(Feed, _Watched(feed, self._feed, "publish"))

    @contextmanager
    def following(self, source: Source) -> Iterator[None]:
        one = _Followed(source, source.stored, self._clock())
        self._followed.append(one)
        self._begun = True
        try:
            yield
        finally:
            self._followed.remove(one)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self.round_seconds)

    @property
    def round_seconds(self) -> float:
        """Between two looks."""
        return min(ROUND_SECONDS, self._stuck / 5)

    async def look(self) -> None:
        if self._probed is not None:
            self._absent = await self._why(self._probed.nodes(["entity/readyz"]), "the store")
        for one in list(self._followed):
            one.away = await self._why(self._measure(one), one.source.name)
            waits = one.away or self._waits or 0 < self._owed <= WRITE_SECONDS
            if waits or not one.behind or one.stored != one.source.stored:
                one.still = self._clock()
            one.stored = one.source.stored

    @staticmethod
    async def _measure(one: _Followed) -> None:
        one.behind = await one.source.behind()

    @staticmethod
    async def _why(call: Awaitable[object], who: str) -> str | None:
        """Why there is no answer, or None."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await call
        except TimeoutError:
            return f"{who} did not answer within {ASK_SECONDS:.0f} s"
        except BrainError as error:
            return str(error)
        return None

    @property
    def _waits(self) -> str | None:
        """For which of those to whom we write we wait, where they are busy or away."""
        if self._absent or self._store.busy:
            return "waiting for the store"
        return "waiting for the feed of notices" if self._feed.busy else None

    @property
    def _owed(self) -> float:
        """For how many seconds a write has been without an answer."""
        return max(self._store.owed, self._feed.owed)

    def report(self) -> Report:
        now = self._clock()
        waits = self._waits
        stuck = [] if waits else [one for one in self._followed if one.behind and not one.away and now - one.still > self._stuck]
        state, reason = "idle", None
        if stuck:
            state, reason = "stuck", "; ".join(self._standing(one, now) for one in stuck)
        elif waits:
            state, reason = waits, self._store.busy or self._absent or self._feed.busy
        elif not self._begun:
            state, reason = "starting", "the store is being opened, or the sources"
        elif away := next((one for one in self._followed if one.away), None):
            state, reason = f"waiting for {away.source.name}", away.away
        elif self._owed > SLOW_SECONDS:
            state, reason = "writing", f"a write has been under way for {self._owed:.0f} s, and has not been answered"
        elif any(one.behind for one in self._followed):
            state = "advancing"
        since = _iso(time.time() - now + min(one.still for one in stuck)) if stuck else None
        sources = {one.source.name: {"stored": one.source.stored, "behind": dict(one.behind)} for one in self._followed}
        return Report(not stuck, reason is None, state, reason, since, sources)

    def _standing(self, one: _Followed, now: float) -> str:
        where = ", ".join(f"{name} by {many}" for name, many in sorted(one.behind.items()))
        write = f", a write under way for {self._owed:.0f} s" if self._owed else ""
        return f"{one.source.name} has stored nothing for {now - one.still:.0f} s, and is behind: {where}{write}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
