"""Why work waits, live: the causes of the objects that ended lately, worked out again in the background when something changed.

An answer is the last checkpoint, at once. What it costs to make one is bounded by the steps that are held (`recent_lives`), and
its share of a core by a rest after each; how many changes have come since is part of the answer. The causes are those of the
report on the same lives (`process_report.causes_in`), so that at a checkpoint that is up to date live is batch.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from brain.analytics.calendars import DAY, Calendar
from brain.analytics.causes import Causes
from brain.analytics.lives import Lifecycle, once
from brain.analytics.process_material import Asked, Material, Section, known, machine_states
from brain.analytics.process_report import causes_in, known_calendars
from brain.analytics.recent_lives import Lately, RecentLives
from brain.analytics.times import ended_within
from brain.analytics.work import Perspective
from brain.errors import BrainError, Reject
from brain.model import Instant, Mark
from brain.ports import Store
from brain.schema import Schema

SPAN = 7 * DAY
STEPS = 50_000
REST = 4
"""After a checkpoint nothing is worked out for so many times as long as it took: it has a fifth of a core at most."""
LEAST_SECONDS = 1.0
RETRY_SECONDS = 5.0
QUESTIONS = 8
"""That are answered at a time: of more those that were not asked for longest are let go."""
KEPT_SECONDS = 60.0
"""None is let go that was asked for since: else nine askers in turn would push each other out, and none had an answer."""
IDLE_SECONDS = 3600.0
"""What nobody asked for as long is let go."""

log = logging.getLogger("brain.analytics.live")


class Question(NamedTuple):
    """Of which objects' waiting the causes are asked for. `calendars` as in `Asked`, by resource."""

    object_type: str
    lifecycle: Lifecycle | None = None
    view: Perspective = "handover"
    calendars: tuple[tuple[str, Calendar], ...] = ()


@dataclass(frozen=True, slots=True)
class LiveCauses:
    """Why the objects that ended lately waited, as of the last checkpoint: the causes of `processReport` for the same `since`,
    `until` and `contextSince`.

    The window [since, until) ends with the newest step. Of what ended before `context_since` nothing is known: nobody is busy
    with it, and calendars are discovered without it. `limited`: there are more steps than may be held, so that both are later
    than they would be. `objects` and `steps` are those of the window, `known_steps` those with its context, of all types, once
    for each object. The checkpoint was begun at `made`, with the store at `marks` or later, and took `seconds`; `changes` that
    may concern it were told since, and are in the next one. Where there are no causes `reason` says why.
    """

    since: Instant | None = None
    until: Instant | None = None
    context_since: Instant | None = None
    limited: bool = False
    objects: int = 0
    steps: int = 0
    known_steps: int = 0
    made: Instant | None = None
    marks: tuple[Mark, ...] = ()
    seconds: float | None = None
    changes: int = 0
    reason: str | None = "they are being worked out: ask again"
    causes: Causes | None = None


NOT_YET = LiveCauses()

LeftOut = Callable[[str, Lifecycle | None], Awaitable[int]]
"""How many steps of a type of objects carry no time that the definition uses."""


class _Asked:
    """A question, when it was asked last (s), its answer, and of how many changes it knows."""

    __slots__ = ("answer", "at", "told")

    def __init__(self) -> None:
        self.at = time.monotonic()
        self.answer = NOT_YET
        self.told = -1


class CauseCheckpoints:
    """Answers questions for causes, as of its last checkpoint. Holds nothing until it is asked, and again when nobody asks."""

    def __init__(self, store: Store, schema: Schema, left_out: LeftOut, span: int = SPAN, steps: int = STEPS) -> None:
        """A window of `span` µs at most, `steps` in it and its context at most."""
        self._store, self._schema, self._left_out = store, schema, left_out
        self._span, self._steps = span, steps
        self._asked: dict[Question, _Asked] = {}
        self._stir = asyncio.Event()
        self.lives: RecentLives | None = None
        """None while nobody asks."""

    def answer(self, question: Question) -> LiveCauses:
        """The last checkpoint, and how many changes came since. What is asked for the first time is worked out from now on."""
        if question not in self._asked and len(self._asked) >= QUESTIONS and self._quiet_for() < KEPT_SECONDS:
            return LiveCauses(reason=f"{QUESTIONS} other questions are being answered: ask again in a minute")
        one = self._asked.pop(question, None) or _Asked()
        one.at = time.monotonic()
        self._asked[question] = one  # the last of them, so that the first is the one that was not asked for longest
        while len(self._asked) > QUESTIONS:
            del self._asked[next(iter(self._asked))]
        lives = self.lives = self.lives or RecentLives(self._store, self._schema, self._span, self._steps)
        if one.told != lives.told:
            self._stir.set()
        # How much has changed where that got lost is not known.
        return NOT_YET if one.told < lives.lost_at else replace(one.answer, changes=lives.told - one.told)

    def _quiet_for(self) -> float:
        """Seconds since that was asked for which nobody asked for longest."""
        return time.monotonic() - next(iter(self._asked.values())).at

    def tell(self, subjects: Iterable[str]) -> None:
        """These may have changed."""
        if self.lives is not None:
            self.lives.tell(subjects)
            self._stir.set()

    def lose(self) -> None:
        """Anything may have changed."""
        if self.lives is not None:
            self.lives.lose()
            self._stir.set()

    async def run(self, made: Callable[[], None]) -> None:
        """Checkpoints, whenever something has changed, for ever; `made` hears of each."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._stir.wait()
            self._stir.clear()
            begin = time.monotonic()
            try:
                if await self.checkpoint():
                    made()
            except BrainError as error:
                log.warning("%s; live causes wait for it", error)
                self._stir.set()
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("live causes fail; they are read anew")
                self.lose()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(max(LEAST_SECONDS, REST * (time.monotonic() - begin)))

    async def checkpoint(self) -> bool:
        """All that was told before this is in the answers after it; whether there was anything."""
        now = time.monotonic()
        self._asked = {question: one for question, one in self._asked.items() if now - one.at < IDLE_SECONDS}
        if not self._asked:
            self.lives = None
        lives = self.lives
        if lives is None or all(one.told == lives.told for one in self._asked.values()):
            return False
        told, begun, marks = lives.told, time.time_ns() // 1000, await self._store.marks()
        await lives.refresh()
        for question, one in list(self._asked.items()):
            start = time.monotonic()
            answer = await self._tried(lives, question)
            one.answer = replace(answer, made=Instant(begun), marks=tuple(marks), seconds=time.monotonic() - start)
            one.told = told
        return True

    async def _tried(self, lives: RecentLives, question: Question) -> LiveCauses:
        """One question that cannot be answered takes no other down with it."""
        try:
            return await self._worked_out(lives, question)
        except BrainError:
            raise
        except Exception:
            log.exception("the live causes of %r fail", question.object_type)
            return LiveCauses(reason="they cannot be worked out; the server's log says why")

    async def _worked_out(self, lives: RecentLives, question: Question) -> LiveCauses:
        lately = lives.lately
        if lately is None:
            return LiveCauses(reason="no step here has ended")
        left_out = await self._left_out(question.object_type, question.lifecycle)
        # Seconds of arithmetic: the loop goes on serving others meanwhile.
        of = await asyncio.to_thread(_material, lives, lately, question, self._schema.version, left_out)
        if of.inside:
            names, spans = await machine_states(self._store, self._schema, of.inside, of.asked)
            of = of._replace(machine_class=names, spans=spans)
        return replace(await asyncio.to_thread(_why, of), limited=lately.limited)

    # ---- Between two processes -----------------------------------------------------------------------------------------

    def to_json(self) -> tuple[Sequence[tuple[str, Lifecycle | None, Perspective]], str] | None:
        """The questions, but for those with calendars, and what of the lives is to be kept; None where there is nothing."""
        held = None if self.lives is None else self.lives.to_json()
        asked = [question[:3] for question in self._asked if not question.calendars]
        return None if held is None or not asked else (asked, held)

    def resume(self, asked: Sequence[Sequence[str]], held: str) -> None:
        """The same questions are answered, without being asked again, out of the lives that were held."""
        self.lives = RecentLives(self._store, self._schema, self._span, self._steps)
        self.lives.resume(held)
        self._asked = {Question(*question): _Asked() for question in asked}  # type: ignore[arg-type]
        self._stir.set()


def _material(lives: RecentLives, lately: Lately, question: Question, ontology_version: str, left_out: int) -> Material:
    """What the report with the section of causes alone is made of, but for the states of devices."""
    object_type, lifecycle, view, calendars = question
    sections = frozenset((Section.CAUSES,))
    asked = Asked(lifecycle, None, lately.period, sections, None, view, dict(calendars), lately.context_since)
    mine, others = lives.of(object_type, lifecycle)
    inside = ended_within(mine, *lately.period)
    outside = {name: life for name, life in known(mine, asked).items() if name not in inside}
    beside = {name: known(of_type, asked) for name, of_type in others.items()}
    return Material(object_type, ontology_version, asked, left_out, inside, outside, beside, "", {}, frozenset())


def _why(of: Material) -> LiveCauses:
    since, until = of.asked.period
    every = of.inside, of.outside, *of.others.values()
    told = LiveCauses(
        since=since if since is None else Instant(since),
        until=until if until is None else Instant(until),
        context_since=None if of.asked.context_since is None else Instant(of.asked.context_since),
        objects=len(of.inside),
        steps=len(once(of.inside)),
        known_steps=sum(len(life) for lives in every for life in lives.values()),
    )
    if not of.inside:
        return replace(told, reason=f"no object of type {of.object_type!r} ended in this window")
    try:
        known_calendars(of)
    except Reject as error:
        return replace(told, reason=str(error))
    found = causes_in(of)
    return replace(told, reason=found) if isinstance(found, str) else replace(told, reason=None, causes=found)
