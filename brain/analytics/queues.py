"""What a log tells of its queues, so that they can be replayed: who serves what, how long it takes, what delays a step before it
queues, how large batches are, and who overtakes whom.

Since when a step could have begun, when resources work and what devices tell is taken from `work`, `shifts` and `occupation`;
what is estimated here is said where it is done. All of it is a function of the set of lives.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import sqrt
from typing import NamedTuple

from brain.analytics.calendars import Interval, common, merged
from brain.analytics.causes import Context
from brain.analytics.closings import Kept, open_hours
from brain.analytics.lives import Timed
from brain.analytics.occupation import Cause, told
from brain.analytics.overtaking import Ranks, Waited, ranks_of
from brain.analytics.replay import QUEUES, Floor, Routes
from brain.analytics.shifts import Shift, shifts
from brain.analytics.window import Window, beside, window
from brain.analytics.work import Lives, Work, work_of

POOL = 0.95
"""The most frequent resources that carry out this share of an activity's steps are its pool; the others stood in."""
TOGETHER = 0.5
"""An activity works in batches if at least this share of its steps start together with another."""
WANTED = 0.2
"""The share of the ends of its gaps at which work must have waited for a resource, for a calendar to be believed."""
DELAYED = 0.1
"""An activity is delayed if more than this share of the delays that were seen is more than nothing."""
STOPS = frozenset((Cause.UNAVAILABILITY, Cause.HELD, Cause.BLOCKED, Cause.SUSPENDED))
"""What a device tells of times in which it can begin nothing."""


class Unit(NamedTuple):
    """Steps that one resource did together, as numbers of `Routes`, mostly one; their activity and resource (-1: none). µs."""

    start: int
    end: int
    activity: int
    resource: int
    members: tuple[int, ...]


class Delay(NamedTuple):
    """Between the end of the step before and the readiness of this one, µs, of a case. `seen` where somebody of the pool was free
    when the step could have begun, so that nothing but a delay can have kept it; until when, if everybody was busy or away when
    it was ready, is not known: then the least that it can have been."""

    micros: int
    case: int
    seen: bool


class Queues(NamedTuple):
    """A log as queues. `lead` is the log's own lead time of each counted case, µs; the rest only keeps resources busy.

    `delays` by the activity before and the activity, `own` those of them that were seen, by case and then likewise, `sizes` of
    the batches and `ranks` by activity. Of `steps` in the window `unstarted` have no start of their own, `overtaking` counts the
    starts that overtook somebody at an activity of no ranks.
    """

    window: Window
    floor: Floor
    routes: Routes
    units: tuple[Unit, ...]
    lead: Mapping[int, int]
    delays: Mapping[tuple[int, int], Sequence[Delay]]
    own: Mapping[tuple[int, tuple[int, int]], Sequence[int]]
    sizes: Mapping[int, Sequence[int]]
    ranks: Mapping[int, Ranks]
    by_resource: frozenset[int]
    unstarted: int
    overtaking: int


def queues_of(lives: Lives, context: Context, most: int, work: Work | None = None, *, closings: bool = False) -> Queues:
    """The queues of the newest cases that have no more than `most` steps together, and of what was under way when they began.
    `work` is that of the lives and of those elsewhere, where it is at hand. With `closings` resources are off, too, in hours of
    which only what waited tells that nobody works (`open_hours`)."""
    fit = _Fit(lives, work or work_of(lives, context.elsewhere), context, most)
    if closings:
        fit.close(context.zone)
    return fit.queues()


class _Fit:
    def __init__(self, lives: Lives, work: Work, context: Context, most: int) -> None:
        self.work = work
        self.window = window(lives, work.lives, most)
        self.cases = [*self.window.cases, *beside(self.window, work)]
        self.steps = [step for case in self.cases for step in case.steps]
        names = sorted({step.activity for step in self.steps})
        self.activity = {name: i for i, name in enumerate(names)}
        self.pools = _pools(self.steps)
        people = sorted({name for pool in self.pools.values() for name in pool})
        self.resource = {name: i for i, name in enumerate(people)}
        self.routes = self._routes()
        self.units = self._units()
        self.jobs: list[list[Unit]] = [[] for _ in people]
        for unit in self.units:
            if unit.resource >= 0:
                self.jobs[unit.resource].append(unit)
        self.waited = self._waited()
        self.floor = self._floor(shifts(work.jobs, context.calendars, context.zone), context)
        self.closed = [self._closed(a) for a in range(len(self.activity))]
        self.routes = self.routes._replace(begins=tuple(self._begins()))

    def close(self, zone: str) -> None:
        """Take as off when no activity of a resource is ever begun, though some waited and somebody was free."""
        first, last = self.units[0].start, max(unit.end for unit in self.units)
        off: dict[int, list[Interval]] = {}
        for name, activity in self.activity.items():
            found = open_hours([*_kept(self.waited[name], self.closed[activity])], zone)
            spans = [] if found is None else [*found.gaps(first, 2 * last - first)]
            for resource in self.floor.pools[activity]:
                off[resource] = [*common(off[resource], spans)] if resource in off else spans
        away = [tuple(merged(sorted(chain(spans, off.get(i, ()))))) for i, spans in enumerate(self.floor.away)]
        self.floor = self.floor._replace(away=tuple(away))
        self.closed = [self._closed(a) for a in range(len(self.activity))]
        self.routes = self.routes._replace(begins=tuple(self._begins()))

    def queues(self) -> Queues:
        sizes = dict(self._sizes())
        delays = self._delays(sizes)
        ranks, overtaking = self._ranks(sizes, delays)
        lead = {i: case.lead for i, case in enumerate(self.cases) if case.counted}
        unstarted = sum(step.took is None for step in self.steps)
        split = frozenset(a for a, pool in enumerate(self.floor.pools) if len(pool) > 1 and self._differ(a))
        return Queues(
            self.window,
            self.floor,
            self.routes,
            self.units,
            lead,
            delays,
            _own(delays),
            sizes,
            ranks,
            split,
            unstarted,
            overtaking,
        )

    def _routes(self) -> Routes:
        case: list[int] = []
        activity, after, begins, by = [], [], [], []
        for i, found in enumerate(self.cases):
            first = len(case)
            places = {step.step: first + j for j, step in enumerate(found.steps)}
            for step, enabled in zip(found.steps, found.enabled, strict=True):
                before = places.get(enabled.by.step, -1) if enabled.by else -1
                queues = before < 0 and enabled.by is None and enabled.known
                case.append(i)
                activity.append(self.activity[step.activity])
                after.append(before)
                begins.append(min(enabled.at, step.start) if queues else step.start)
                by.append(QUEUES if queues else self.resource.get(step.resource or "", -1))
        objects = tuple(found.object for found in self.cases)
        arrivals = tuple(found.arrives for found in self.cases)
        return Routes(objects, arrivals, tuple(case), tuple(activity), tuple(after), tuple(begins), tuple(by))

    def _units(self) -> tuple[Unit, ...]:
        """Steps of one activity that one resource began at once are one job: a batch."""
        together: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
        alone: list[Unit] = []
        for number, step in enumerate(self.steps):
            activity, resource = self.activity[step.activity], self.resource.get(step.resource or "", -1)
            if resource < 0 or step.took is None:
                alone.append(Unit(step.start, step.end, activity, -1, (number,)))
            else:
                together[step.start, activity, resource].append(number)
        jobs = [Unit(at, max(self.steps[m].end for m in ms), a, r, tuple(ms)) for (at, a, r), ms in together.items()]
        return tuple(sorted(chain(alone, jobs)))

    def _waited(self) -> dict[str, list[Interval]]:
        """From when a job could have begun until it did, by activity; a batch, when its last member had come."""
        waited: defaultdict[str, list[Interval]] = defaultdict(list)
        for unit in self.units:
            befores = [(self.routes.after[number], self.steps[number].enabled or 0) for number in unit.members]
            since = max(max(self.steps[before].end if before >= 0 else unit.start, told) for before, told in befores)
            waited[self.steps[unit.members[0]].activity].append((min(since, unit.start), unit.start))
        return waited

    def _floor(self, hours: Mapping[str, Shift], context: Context) -> Floor:
        first, last = self.units[0].start, max(unit.end for unit in self.units)
        away = []
        for name in self.resource:
            gaps = self._gaps(name, hours[name], first, last) if name in hours else ()
            stops = ((p.start, p.end) for p in told(context.states.get(name, ())) if p.cause in STOPS)
            away.append(tuple(merged(sorted(chain(gaps, stops)))))
        pools = tuple(tuple(self.resource[name] for name in self.pools[activity]) for activity in self.activity)
        capacity = tuple(_in_hand(jobs) for jobs in self.jobs)
        return Floor(tuple(self.activity), tuple(self.resource), pools, capacity, tuple(away))

    def _gaps(self, name: str, hours: Shift, first: int, last: int) -> Sequence[Interval]:
        """When a resource is off. That it was never seen in an hour proves nothing if nothing was there to be done: a calendar
        that nobody gave is believed only where work waits at the end of its gaps."""
        gaps = list(hours.calendar.gaps(first, 2 * last - first))
        if hours.basis == "given":
            return gaps
        spans = merged(sorted(chain.from_iterable(self.waited[a] for a, pool in self.pools.items() if name in pool)))
        waited = list(spans)
        ends = [end for _, end in gaps if end <= last]
        wanted = sum(_holds(waited, end) for end in ends)
        return gaps if wanted >= WANTED * len(ends) else ()

    def _sizes(self) -> Iterator[tuple[int, list[int]]]:
        """The sizes of the batches of each activity that works in batches, but for its last, which may not have filled."""
        sizes: defaultdict[int, list[int]] = defaultdict(list)
        for unit in self.units:
            if unit.resource >= 0:
                sizes[unit.activity].append(len(unit.members))
        for activity, found in sizes.items():
            if sum(size for size in found if size > 1) >= TOGETHER * sum(found) and len(found) > 1:
                yield activity, found[:-1]

    def _delays(self, sizes: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], list[Delay]]:
        """The delay of each step that waits for another: see `Delay`. A batch waits for its members, which hides their delays."""
        delays: defaultdict[tuple[int, int], list[Delay]] = defaultdict(list)
        for number, before in enumerate(self.routes.after):
            activity = self.routes.activity[number]
            if before < 0 or activity in sizes:
                continue
            step, done = self.steps[number], self.steps[before].end
            since = min(max(done, step.enabled or 0), step.start)
            ready, seen = _ready(self.closed[activity], since, step.start)
            delays[self.routes.activity[before], activity].append(Delay(ready - done, self.routes.case[number], seen))
        return dict(delays)

    def _begins(self) -> Iterator[int]:
        """When the first steps are ready: one that nothing delays but its queue no sooner than its delay allows, as far as it
        shows."""
        for step, activity, begins, by in zip(self.steps, self.routes.activity, self.routes.begins, self.routes.by, strict=True):
            yield _ready(self.closed[activity], begins, step.start)[0] if by == QUEUES else begins

    def _closed(self, activity: int) -> list[Interval]:
        """When nobody of the pool could have begun a step: each was busy or away."""
        pool = self.floor.pools[activity]
        if not pool:
            return []
        spans: list[Interval] = []
        for resource in pool:
            jobs = [(u.start, u.end) for u in self.jobs[resource]]
            busy = at_least(jobs, self.floor.capacity[resource])
            spans += merged(sorted(chain(busy, self.floor.away[resource])))
        return list(at_least(spans, len(pool)))

    def _ranks(
        self, sizes: Mapping[int, Sequence[int]], delays: Mapping[tuple[int, int], Sequence[Delay]]
    ) -> tuple[dict[int, Ranks], int]:
        """Who overtakes whom, activity by activity, and how many starts overtook where no ranks explain it."""
        waited: defaultdict[int, list[Waited]] = defaultdict(list)
        for unit in self.units:
            for number in unit.members:
                before = self.routes.after[number]
                if before >= 0 and unit.activity not in sizes and self.floor.pools[unit.activity]:
                    step = self.steps[number]
                    ready = min(max(self.steps[before].end, step.enabled or 0), step.start)
                    waited[unit.activity].append(Waited(ready, step.start, number))
        late = _delayed(delays)
        found, overtaking = {}, 0
        for activity, steps in waited.items():
            ranks, count = ranks_of(steps)
            if ranks is not None and activity not in late:
                found[activity] = ranks
            else:
                overtaking += count
        return found, overtaking

    def _differ(self, activity: int) -> bool:
        """Whether resources take times that differ by more than chance: an analysis of variance whose F is four standard
        deviations above one, as it is where they do not differ."""
        times: defaultdict[int, list[int]] = defaultdict(list)
        for unit in self.units:
            if unit.activity == activity and unit.resource >= 0:
                times[unit.resource].append(unit.end - unit.start)
        count, groups = sum(map(len, times.values())), len(times)
        if groups < 2 or count <= groups:
            return False
        mean = sum(map(sum, times.values())) / count
        means = {r: sum(found) / len(found) for r, found in times.items()}
        among = sum(len(found) * (means[r] - mean) ** 2 for r, found in times.items()) / (groups - 1)
        within = sum((took - means[r]) ** 2 for r, found in times.items() for took in found) / (count - groups)
        return among > within * (1 + 4 * sqrt(2 / (groups - 1)))


def _pools(steps: Iterable[Timed]) -> dict[str, list[str]]:
    """Who carries an activity out: nobody, where most of its steps tell no resource or have no length of their own."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for step in steps:
        counts[step.activity]["" if step.took is None else step.resource or ""] += 1
    pools = {}
    for activity, found in counts.items():
        unknown, count = found.pop("", 0), found.total()
        pool: list[str] = []
        for name in sorted(found, key=lambda name: (-found[name], name)) if unknown <= count else ():
            if sum(found[one] for one in pool) < POOL * count:
                pool.append(name)
        pools[activity] = sorted(pool)
    return pools


def _in_hand(jobs: Sequence[Unit]) -> int:
    """How many jobs a resource has in hand at once, itself included, when it begins one: the 95 % quantile, so that a slip of the
    records is no second hand."""
    under_way: list[int] = []
    counts = []
    for job in jobs:
        del under_way[: bisect_right(under_way, job.start)]
        if job.end > job.start:
            insort(under_way, job.end)
        counts.append(len(under_way))
    return max(sorted(counts)[int(POOL * (len(counts) - 1))], 1) if counts else 1


def _kept(waited: Iterable[Interval], closed: Sequence[Interval]) -> Iterator[Kept]:
    """When what waited, each from when to when, found somebody free for the first time."""
    for since, start in waited:
        at = bisect_right(closed, since, key=lambda span: span[0]) - 1
        yield Kept(since if at < 0 else min(max(since, closed[at][1]), start), start)


def _holds(spans: Sequence[Interval], end: int) -> bool:
    """Whether one of the spans, disjoint and in order, holds just before `end` and reaches it."""
    i = bisect_left(spans, (end,)) - 1
    return i >= 0 and spans[i][1] >= end


def at_least(spans: Iterable[Interval], count: int) -> Iterator[Interval]:
    """When at least so many of the spans hold, as intervals in order, none touching the next."""
    changes = sorted(chain.from_iterable(((start, -1), (end, 1)) for start, end in spans if start < end))
    held, since = 0, 0
    for at, change in changes:
        if held >= count > held - change and since < at:
            yield since, at
        if held < count <= held - change:
            since = at
        held -= change


def _own(delays: Mapping[tuple[int, int], Sequence[Delay]]) -> dict[tuple[int, tuple[int, int]], list[int]]:
    """The delays that were seen of each case at each handover, in its order, µs."""
    own: defaultdict[tuple[int, tuple[int, int]], list[int]] = defaultdict(list)
    for pair, found in delays.items():
        for delay in found:
            if delay.seen:
                own[delay.case, pair].append(delay.micros)
    return dict(own)


def _ready(closed: Sequence[Interval], since: int, start: int) -> tuple[int, bool]:
    """When a step became ready that could have begun at `since` and did at `start`, at the least, and whether somebody was free
    at `since`. Where somebody was free just before the start, it cannot have been ready before."""
    if start == since:
        return since, True
    last = bisect_left(closed, (start,)) - 1
    ready = start if last < 0 or closed[last][1] < start else max(closed[last][0], since)
    at = bisect_right(closed, since, key=lambda span: span[0]) - 1
    return ready, at < 0 or closed[at][1] <= since


def _delayed(delays: Mapping[tuple[int, int], Sequence[Delay]]) -> frozenset[int]:
    """Activities before which steps are delayed, so that who is served later may have been ready later."""
    seen: defaultdict[int, list[bool]] = defaultdict(list)
    for (_, activity), found in delays.items():
        seen[activity] += [delay.micros > 0 for delay in found if delay.seen]
    return frozenset(activity for activity, found in seen.items() if sum(found) > DELAYED * len(found))
