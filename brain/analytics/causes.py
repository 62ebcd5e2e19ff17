"""Why work waits: the waiting of each handover, activity and resource, split by cause without remainder, with evidence.

Causes, and which counts where several are so at once, are defined in `split` and `occupation`; what a batch is in `batches`;
since when a step is enabled in `concurrency`; when a resource works in `shifts`. Here they are put together and summed. Sums are
of whole µs, so that parts add up exactly and the order in which a log was read leaves no trace.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import NamedTuple

from brain.analytics.calendars import DAY, DAYS, HOUR, Calendar
from brain.analytics.concurrency import Concurrent
from brain.analytics.lives import MICRO, Lifecycle, once, read_lives, read_other_lives
from brain.analytics.occupation import DEVICE, Cause, Reported
from brain.analytics.shifts import Shift, shifts
from brain.analytics.split import Parts, Split
from brain.analytics.work import Lives, Perspective, Wait, Work, waits, work_of
from brain.model import Instant
from brain.ports import Store
from brain.schema import Schema

EXAMPLES = 3

DEFINITIONS: Mapping[Perspective, str] = {
    "handover": "waiting = start(next) - complete(previous) on the same object; negative gaps count as 0, told as overlaps",
    "enabled": "waiting = start - enabled, enabled when the last earlier step of the object was complete that is not concurrent"
    " with it, or when its source says; negative waits count as 0 and are told as overlaps",
}
CAUSES = (
    "; each instant has one cause: synchronisation until enabled; batching until the last of the batch is enabled; then what the"
    " device said of itself; contention while the resource was busy with what was enabled before or at once; prioritisation while"
    " busy with what was enabled later; unavailability while off its calendar; else extraneous; unexplained without a resource or"
    " a start"
)


class CauseExample(NamedTuple):
    """One of the longest parts of a cause: evidence to open and read.

    The object waited for `step` after `previous`, `seconds` of it for this cause; the longest stretch of them was from `since` to
    `until`, because of `because`: the step that was served instead or that it waited for, the last member of the batch to be
    enabled, the state of the device; empty where the calendar is the reason, or nothing is known.
    """

    object: str
    previous: str | None
    step: str
    resource: str | None
    seconds: float
    since: Instant
    until: Instant
    because: str


class Inherited(NamedTuple):
    """Contention that a queue left behind which grew while its resource did not work, and why it did not. Seconds, at most."""

    cause: Cause
    seconds: float


@dataclass(frozen=True, slots=True)
class CausePart:
    """How much of some waiting has one cause: `share` of its seconds; `waits` waits have it at all.

    Of contention, `inherited` tells how much would not have been, at most, if the resource had worked whenever there was work
    since its queue was last empty: behind a queue that a night left, one more colleague by day helps less than a night shift.
    """

    cause: Cause
    seconds: float
    share: float
    waits: int
    examples: tuple[CauseExample, ...]
    inherited: tuple[Inherited, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeCauses:
    """Why objects wait between two activities. `source` is None at the beginning of a life (enabled view). Of `count` handovers
    `overlaps` had a negative gap. The parts, the largest first, add up to `seconds`."""

    source: str | None
    target: str
    count: int
    overlaps: int
    seconds: float
    parts: tuple[CausePart, ...]


@dataclass(frozen=True, slots=True)
class ActivityCauses:
    """Why objects wait for an activity, whatever went before. Seconds."""

    activity: str
    count: int
    seconds: float
    parts: tuple[CausePart, ...]


@dataclass(frozen=True, slots=True)
class ResourceCauses:
    """Why objects wait for a resource: who carries the contention, and so on. Seconds. `resource` None: none is recorded."""

    resource: str | None
    count: int
    seconds: float
    parts: tuple[CausePart, ...]


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When a resource works, as the split took it.

    `basis` is whose sightings it rests on: its own, those of its pool (who do the same work), everyone's; or it was given, or is
    unknown (then: always). `hours` as in `mon 08:00-17:00`, in `zone`. Of its `steps` `covered` began in them.
    """

    resource: str
    basis: str
    weekly_hours: float
    hours: tuple[str, ...]
    zone: str
    steps: int
    covered: int


@dataclass(frozen=True, slots=True)
class Causes:
    """Why the objects of a type wait. `edges`, `activities` and `resources` by waiting, descending.

    Of `steps` steps `unstarted` have no start of their own and `unassigned` no resource: their waits are unexplained. `left_out`
    steps carry no time that the definition uses. `unknown_states` are states that devices told and that say nothing here.
    """

    object_type: str
    perspective: str
    definition: str
    assumptions: tuple[str, ...]
    ontology_version: str
    objects: int
    steps: int
    left_out: int
    unstarted: int
    unassigned: int
    count: int
    overlaps: int
    seconds: float
    parts: tuple[CausePart, ...]
    edges: tuple[EdgeCauses, ...]
    activities: tuple[ActivityCauses, ...]
    resources: tuple[ResourceCauses, ...]
    concurrent: tuple[Concurrent, ...]
    hours: tuple[WorkingHours, ...]
    unknown_states: tuple[str, ...]


class Context(NamedTuple):
    """What a split may know beside the lives that it splits: lives of other types, in which its resources are busy too; calendars
    that somebody gave, by resource, `*` for all others; the zone in which calendars are discovered; what devices told."""

    elsewhere: Sequence[Lives] = ()
    calendars: Mapping[str, Calendar] = {}
    zone: str = "UTC"
    states: Mapping[str, Sequence[Reported]] = {}


async def causes(
    store: Store,
    schema: Schema,
    object_type: str,
    *,
    perspective: Perspective = "handover",
    lifecycle: Lifecycle | None = None,
    calendars: Mapping[str, Calendar] | None = None,
    zone: str = "UTC",
    states: Mapping[str, Sequence[Reported]] | None = None,
) -> Causes:
    """Why the objects of a type wait. Resources are busy with the steps of all types of objects that the store tells.

    Raises BadQuery where no object of the type has a step, ValueError for an unknown zone.
    """
    lives, left_out = await read_lives(store, object_type, lifecycle)
    elsewhere = list((await read_other_lives(store, object_type, lifecycle)).values())
    context = Context(elsewhere, calendars or {}, zone, states or {})
    return causes_of(lives, perspective, context, object_type=object_type, ontology_version=schema.version, left_out=left_out)


def causes_of(
    lives: Lives,
    perspective: Perspective = "handover",
    context: Context = Context(),
    *,
    object_type: str = "",
    ontology_version: str = "",
    left_out: int = 0,
    work: Work | None = None,
) -> Causes:
    """The same of lives that are at hand, each in order: a function of their set. `work` is theirs, where it is known."""
    work = work or work_of(lives, context.elsewhere)
    hours = shifts(work.jobs, context.calendars, context.zone)
    tallies = _Tallies(list(waits(lives, work, perspective)), Split(work, hours, context.states))
    steps = once(lives).values()
    return Causes(
        object_type=object_type,
        perspective=perspective,
        definition=DEFINITIONS[perspective] + CAUSES,
        assumptions=tuple(_assumptions(hours, context)),
        ontology_version=ontology_version,
        objects=len(lives),
        steps=len(steps),
        left_out=left_out,
        unstarted=sum(step.took is None for step in steps),
        unassigned=sum(step.resource is None for step in steps),
        count=tallies.whole.count,
        overlaps=tallies.whole.overlaps,
        seconds=tallies.whole.total / MICRO,
        parts=tallies.parts(tallies.whole),
        edges=tallies.edges(),
        activities=tallies.activities(),
        resources=tallies.resources(),
        concurrent=work.concurrent,
        hours=tuple(_hours(resource, hours[resource]) for resource in sorted(hours)),
        unknown_states=tuple(sorted({s for told in context.states.values() for *_, s in told if s.lower() not in DEVICE})),
    )


Key = tuple[int, str, str, int]
"""A part of a wait: µs, object, step, and the number of the wait."""


class _Sum:
    """Of one cause: µs, waits that have it, and the longest parts."""

    __slots__ = ("longest", "total", "waits")

    def __init__(self) -> None:
        self.total = 0
        self.waits = 0
        self.longest: list[Key] = []

    def add(self, part: int, key: Key) -> None:
        self.total += part
        self.waits += 1
        self._keep(key)

    def merge(self, other: "_Sum") -> None:
        self.total += other.total
        self.waits += other.waits
        for key in other.longest:
            self._keep(key)

    def _keep(self, key: Key) -> None:
        if len(self.longest) < EXAMPLES:
            heappush(self.longest, key)
        elif key > self.longest[0]:
            heapreplace(self.longest, key)


class _Tally:
    """Of some waits: how many, how many of them overlaps, µs, and the same by cause."""

    __slots__ = ("by_cause", "count", "inherited", "overlaps", "total")

    def __init__(self) -> None:
        self.count = 0
        self.overlaps = 0
        self.total = 0
        self.by_cause: defaultdict[Cause, _Sum] = defaultdict(_Sum)
        self.inherited: defaultdict[Cause, int] = defaultdict(int)

    def add(self, i: int, wait: Wait, parts: Parts, inherited: Parts) -> None:
        self.count += 1
        if wait.until < wait.since:
            self.overlaps += 1
        for cause, part in parts.items():
            self.total += part
            self.by_cause[cause].add(part, (part, wait.object, wait.step.step, i))
        for cause, part in inherited.items():
            self.inherited[cause] += part

    def merge(self, other: "_Tally") -> None:
        self.count += other.count
        self.overlaps += other.overlaps
        self.total += other.total
        for cause, found in other.by_cause.items():
            self.by_cause[cause].merge(found)
        for cause, part in other.inherited.items():
            self.inherited[cause] += part


class _Tallies:
    """All sums of one report: those of activities are those of their edges, and all together make the whole."""

    def __init__(self, found: Sequence[Wait], split: Split) -> None:
        self._waits, self._split = found, split
        self._edges: defaultdict[tuple[str | None, str], _Tally] = defaultdict(_Tally)
        self._activities: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._resources: defaultdict[str | None, _Tally] = defaultdict(_Tally)
        self._told: dict[tuple[Cause, int], CauseExample] = {}
        self.whole = _Tally()
        for i, (wait, parts) in enumerate(zip(found, split.parts(found), strict=True)):
            edge = None if wait.previous is None else wait.previous.activity, wait.step.activity
            contention = parts.get(Cause.CONTENTION)
            inherited = split.inherited(wait, contention) if contention else {}
            self._edges[edge].add(i, wait, parts, inherited)
            self._resources[wait.step.resource].add(i, wait, parts, inherited)
        for (_, target), tally in self._edges.items():
            self._activities[target].merge(tally)
            self.whole.merge(tally)

    def edges(self) -> tuple[EdgeCauses, ...]:
        ranked = sorted(self._edges.items(), key=lambda e: (-e[1].total, e[0][0] or "", e[0][1]))
        return tuple(EdgeCauses(a, b, t.count, t.overlaps, t.total / MICRO, self.parts(t)) for (a, b), t in ranked)

    def activities(self) -> tuple[ActivityCauses, ...]:
        ranked = sorted(self._activities.items(), key=lambda a: (-a[1].total, a[0]))
        return tuple(ActivityCauses(name, t.count, t.total / MICRO, self.parts(t)) for name, t in ranked)

    def resources(self) -> tuple[ResourceCauses, ...]:
        ranked = sorted(self._resources.items(), key=lambda r: (-r[1].total, r[0] or ""))
        return tuple(ResourceCauses(name, t.count, t.total / MICRO, self.parts(t)) for name, t in ranked)

    def parts(self, tally: _Tally) -> tuple[CausePart, ...]:
        """By waiting, descending, each with its examples, the longest first."""
        ranked = sorted(tally.by_cause.items(), key=lambda part: (-part[1].total, part[0]))
        inherited = sorted(tally.inherited.items(), key=lambda part: (-part[1], part[0]))
        left = tuple(Inherited(cause, part / MICRO) for cause, part in inherited)
        return tuple(
            CausePart(
                cause,
                found.total / MICRO,
                found.total / tally.total,
                found.waits,
                tuple(self._examples(cause, found)),
                left if cause is Cause.CONTENTION else (),
            )
            for cause, found in ranked
        )

    def _examples(self, cause: Cause, found: _Sum) -> Iterator[CauseExample]:
        for part, _, _, i in sorted(found.longest, reverse=True):
            told = self._told.get((cause, i))
            if told is None:
                told = self._told[cause, i] = self._example(cause, part, self._waits[i])
            yield told

    def _example(self, cause: Cause, part: int, wait: Wait) -> CauseExample:
        stretches = (piece for piece in self._split.stretches(wait) if piece.cause is cause)
        longest = max(stretches, key=lambda piece: (piece.end - piece.start, -piece.start))
        previous = None if wait.previous is None else wait.previous.step
        since, until = Instant(longest.start), Instant(longest.end)
        return CauseExample(wait.object, previous, wait.step.step, wait.step.resource, part / MICRO, since, until, longest.what)


def _assumptions(hours: Mapping[str, Shift], context: Context) -> Iterator[str]:
    yield "a resource is busy with the steps that are recorded, as far as they have a start, and does one queue of work"
    yield "a step that begins a life was enabled when it started, unless its source says when"
    if not context.elsewhere:
        yield "resources work for no other type of objects than this one"
    if hours:
        counts = Counter(shift.basis for shift in hours.values())
        told = ", ".join(f"{counts[basis]} {basis}" for basis in sorted(counts))
        yield f"calendars ({told}; hours of {context.zone}) hold for the whole log: absences and holidays are not discovered"
    if not context.states:
        yield "no device told its states"


def _hours(resource: str, shift: Shift) -> WorkingHours:
    weekly = shift.calendar
    spans = ("always",) if weekly.always else tuple(_span(start, end) for start, end in weekly.week)
    return WorkingHours(resource, shift.basis, weekly.weekly_hours, spans, weekly.zone, shift.steps, shift.covered)


def _span(start: int, end: int) -> str:
    """Times of the week, as in `mon 08:00-17:00`, `mon 16:00-24:00` and `mon 22:00-tue 06:00`."""
    first, last = start // DAY, (end - 1) // DAY
    return f"{DAYS[first]} {_time(start - first * DAY)}-{f'{DAYS[last]} ' if last > first else ''}{_time(end - last * DAY)}"


def _time(of_day: int) -> str:
    return f"{of_day // HOUR:02}:{of_day % HOUR * 60 // HOUR:02}"
