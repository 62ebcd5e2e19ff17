"""What may come after an instant: how the objects that are there then go on, what arrives meanwhile, and how long all of it
takes, drawn from what the log had told by then. Each draw is a replay's routes, fate and floor.

Nothing begins before the instant: all who could do it are away until then, so that what waits keeps its place in the queue. What
is under way takes one of the service times that are longer than it has taken already; where none is, one more than it has.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

from brain.analytics.calendars import Interval, merged
from brain.analytics.causes import Context
from brain.analytics.fates import BATCHES, delay_pools, service_times
from brain.analytics.lives import Timed
from brain.analytics.occupation import Reported
from brain.analytics.onward import Onward, Rest
from brain.analytics.queues import Queues, queues_of
from brain.analytics.replay import QUEUES, Fate, Floor, Routes
from brain.analytics.standing import Standing, Waiting, hands, quiet_since, standing
from brain.analytics.stops import next_stops, stops_of
from brain.analytics.work import Lives, work_of

MOST_STEPS = 3000
"""Steps of the newest objects, from which is learnt."""
Plans = Mapping[str, Sequence[str]]
"""The activities that an object still has before it, in order, where somebody told them."""


class Onto(NamedTuple):
    """An object at the instant, and how it may go on: by its `plan`, where it is told, else by one of `rests`, each as likely."""

    object: str
    done: Sequence[Timed]
    under_way: Sequence[Timed]
    rests: Sequence[Rest]
    plan: Sequence[str] | None


class Drawn(NamedTuple):
    """One future. The objects that are there are the first cases, in the order of `Forecast.running`, with the `first` steps."""

    floor: Floor
    routes: Routes
    fate: Fate
    first: int


class NothingDone(ValueError):
    """Nothing tells what may follow, since no step of these objects had ended."""


class Forecast:
    """All that is known at `at`, µs, and what may follow. Raises NothingDone."""

    def __init__(
        self,
        lives: Lives,
        at: int,
        context: Context = Context(),
        *,
        plans: Plans | None = None,
    ) -> None:
        self.at, self._plans = at, plans or {}
        self.stood = standing(lives, at)
        others = [standing(other, at) for other in context.elsewhere]
        if not self.stood.done:
            raise NothingDone("no step had ended by then, so that nothing can be foreseen")
        work = work_of(self.stood.done, [other.done for other in others])
        known = context._replace(elsewhere=[other.done for other in others], states=_by(context, at))
        self.queues = queues_of(self.stood.done, known, MOST_STEPS, work, closings=True)
        self._under_way = {name: step for other in others for name, steps in other.under_way.items() for step in steps[-1:]}
        busy = [*hands(self.stood.under_way), *(s.resource for s in self._under_way.values() if s.resource)]
        self._waiting = Waiting(self.stood, work, self.queues, busy)
        gone = frozenset(name for name in self.stood.done if not self._is_there(name))
        self.onward = Onward({name: self.stood.done[name] for name in sorted(gone)}, work.lives)
        there = sorted((self.stood.done.keys() | self.stood.under_way.keys()) - gone)
        found = [self._onto(name) for name in there]
        self.running = tuple(one for one in found if one is not None)
        self.unforeseen = len(there) - len(self.running)
        self._activity = {name: i for i, name in enumerate(self.queues.floor.activities)}
        self._resource = {name: i for i, name in enumerate(self.queues.floor.resources)}
        self._under_way = {name: step for name, step in self._under_way.items() if step.activity in self._activity}
        self._gaps = _gaps(self.stood)
        self._beside = _beside(self.queues, {step.step for other in others for life in other.done.values() for step in life})
        stops = stops_of(context.states, min(self.queues.units)[0], at)
        self._stops = {self._resource[name]: found for name, found in stops.items() if name in self._resource}
        self._ranked = _ranked(self.queues)

    def _is_there(self, name: str) -> bool:
        if name in self.stood.under_way or name in self._plans:
            return name in self.stood.under_way or len(self._plans[name]) > 0
        last = quiet_since(self.stood.done[name])
        return not self._waiting.over(last.activity, last.end) and any(
            self._waiting.may(last.activity, after, last.end) for after in self._waiting.followers(last.activity)
        )

    def _onto(self, name: str) -> Onto | None:
        """None where nobody did before what it does, or what it has before it."""
        done, going = self.stood.done.get(name, ()), self.stood.under_way.get(name, ())
        known = self.queues.floor.activities
        plan = self._plans.get(name)
        if any(step.activity not in known for step in going) or any(activity not in known for activity in plan or ()):
            return None
        if plan is not None:
            return Onto(name, done, going, (), plan)
        rests = self.onward.rests([step.activity for step in sorted([*done, *going])])
        if not going:
            last = quiet_since(done)
            rests = [r for r in rests if self._may(last, self.onward.next_of(r))] or [
                r for r in self.onward.rests([last.activity], 1) if self._may(last, self.onward.next_of(r))
            ]
        rests = [r for r in rests if all(s.activity in known for s in self.onward.lives[r.object][r.done :])]
        return Onto(name, done, going, rests, None) if rests else None

    def _may(self, last: Timed, activity: str | None) -> bool:
        return activity is None or self._waiting.may(last.activity, activity, last.end)

    def leave(self, over: Collection[str]) -> None:
        """Some objects are known to be through, whatever their waiting looks like."""
        self.running = tuple(one for one in self.running if one.object not in over)

    def horizon(self, until: int) -> int:
        """Until when what arrives may matter to what is there: as long after as all but one in twenty objects took."""
        leads = sorted(max(step.end for step in life) - life[0].start for life in self.onward.lives.values())
        return until + (leads[len(leads) * 19 // 20] if leads else 0)

    def draw(self, random: Random, until: int) -> Drawn:
        """One future, with what arrives until an instant."""
        return _Drawing(self, random, until).drawn()


class _Drawing:
    """The columns of the routes as they are written, case by case."""

    def __init__(self, forecast: Forecast, random: Random, until: int) -> None:
        self.of, self.random, self.until = forecast, random, until
        self.queues = forecast.queues
        count = len(self.queues.routes.objects)
        drawn = Counter(random.choices(range(count), k=count))
        self.delays = delay_pools(self.queues, drawn)
        self.services = service_times(self.queues, drawn)
        self.objects: list[str] = []
        self.case: list[int] = []
        self.activity: list[int] = []
        self.after: list[int] = []
        self.begins: list[int] = []
        self.by: list[int] = []
        self.luck: list[float] = []
        self.delay: list[int] = []
        self.rush: list[int] = []
        self.ends: dict[int, int] = {}

    def drawn(self) -> Drawn:
        for one in self.of.running:
            self._goes_on(one)
        first = len(self.case)
        for name, step in self.of._under_way.items():
            self._case(name)
            self._under_way(step)
        self._arrivals()
        routes = Routes(
            tuple(self.objects),
            (self.of.at,) * len(self.objects),
            tuple(self.case),
            tuple(self.activity),
            tuple(self.after),
            tuple(self.begins),
            tuple(self.by),
        )
        sizes = [self.queues.sizes.get(a, ()) for a in range(len(self.queues.floor.activities))]
        batches = [self.random.choices(found, k=BATCHES) if found else () for found in sizes]
        fate = Fate(self.luck, self.delay, self.rush, batches, self.services, self.ends)
        away = tuple(self._away(i, spans) for i, spans in enumerate(self.queues.floor.away))
        return Drawn(self.queues.floor._replace(away=away), routes, fate, first)

    def _away(self, resource: int, spans: Sequence[Interval]) -> tuple[Interval, ...]:
        """Until the instant, when it is known to be away, and when it stops again as it did before."""
        stops = self.of._stops.get(resource)
        more = next_stops(stops, self.random, self.of.at, self.until) if stops else ()
        return tuple(merged(sorted([(0, self.of.at), *spans, *more])))

    def _case(self, name: str) -> None:
        self.objects.append(name)
        share = self.random.random()
        known = self.of._ranked.get(name)
        self.chance = share if known is None else float(known)

    def _step(self, activity: int, after: int, begins: int = 0, by: int = QUEUES) -> int:
        number = len(self.case)
        ranks = self.queues.ranks.get(activity)
        self.case.append(len(self.objects) - 1)
        self.activity.append(activity)
        self.after.append(after)
        self.begins.append(begins)
        self.by.append(by)
        self.luck.append(self.random.random())
        self.delay.append(self._delayed(self.activity[after], activity) if after >= 0 else 0)
        self.rush.append(1 if ranks is None or self.chance >= ranks.share else 0)
        return number

    def _delayed(self, before: int, activity: int) -> int:
        found = self.delays.get((before, activity), ())
        return self.random.choice(found) if found else 0

    def _goes_on(self, one: Onto) -> None:
        self._case(one.object)
        going = {step.activity: self._under_way(step) for step in one.under_way}
        if one.plan is not None:
            self._planned(one, [*going.values()])
            return
        rest = self.random.choice(one.rests)
        self._likes(rest, one, going)

    def _planned(self, one: Onto, going: Sequence[int]) -> None:
        before = going[-1] if going else -1
        for name in one.plan or ():
            activity = self.of._activity[name]
            begins = self._waits(one, name) if before < 0 and one.done else self.of.at
            before = self._step(activity, before, begins)

    def _likes(self, rest: Rest, one: Onto | None, going: Mapping[str, int], at: int = 0) -> None:
        """What that life did after, each step once what enabled it there is done. What is enabled by a step before follows the
        step under way that it is the like of, or has waited since the object's last step ended."""
        life, enabled = self.of.onward.lives[rest.object], self.of.onward.enabled[rest.object]
        places: dict[str, int] = {}
        for step, told in zip(life[rest.done :], enabled[rest.done :], strict=True):
            activity = self.of._activity[step.activity]
            before = -1
            if told.by is not None:
                before = places.get(told.by.step, going.get(told.by.activity, -1))
            if one is not None and before < 0 and going and not one.done:
                before = next(iter(going.values()))
            begins = at + step.start - life[0].start if one is None else self.of.at
            if one is not None and before < 0 and one.done:
                begins = self._waits(one, step.activity)
            places[step.step] = self._step(activity, before, begins)

    def _waits(self, one: Onto, name: str) -> int:
        """Since when. Who waits where rush comes first, and was overtaken, is not rush; so it is where it is not known before."""
        last = quiet_since(one.done)
        ranks = self.queues.ranks.get(self.of._activity[name])
        if ranks is not None and one.object not in self.of._ranked and self.of._waiting.overtaken(name, last.end):
            self.chance = 1.0
        return self._ready(last, name)

    def _ready(self, last: Timed, name: str) -> int:
        """Since when, or from when on, what comes next is ready: not before the instant where somebody is free to do it."""
        pair, quiet = (self.of._activity[last.activity], self.of._activity[name]), self.of.at - last.end
        delays = self.delays.get(pair, ())
        if not self.queues.floor.pools[pair[1]] or self.of._waiting.idle(name):
            longer = [delay for delay in delays if delay > quiet]
            return last.end + self.random.choice(longer) if longer else self.of.at
        return last.end + (self.random.choice(delays) if delays else 0)

    def _under_way(self, step: Timed) -> int:
        activity = self.of._activity.get(step.activity, -1)
        by = self.of._resource.get(step.resource or "", -1)
        number = self._step(activity, -1, step.start, by)
        times = self.services[activity].get(by) or self.services[activity][-1]
        spent = self.of.at - step.start
        shorter = bisect_right(times, spent)
        left = times[shorter:] or [spent + time for time in times]
        self.ends[number] = step.start + max(self.random.choice(left), spent + 1)
        return number

    def _arrivals(self) -> None:
        """Objects come as they came, at gaps drawn from those that were seen, and each does what one did that is through; and so
        does what the same resources do for objects of other types."""
        names = sorted(self.of.onward.lives)
        for at in self._instants(self.of._gaps if names else ()):
            self._case("")
            self._likes(Rest(self.random.choice(names), 0), None, {}, at)
        for activity, gaps in self.of._beside.items():
            for at in self._instants(gaps):
                self._case("")
                self._step(activity, -1, at)

    def _instants(self, gaps: Sequence[int]) -> Iterator[int]:
        """Until nothing more can matter, or there are as many more steps as were learnt from."""
        at, most = self.of.at, len(self.case) + MOST_STEPS
        while gaps and len(self.case) < most and (at := at + self.random.choice(gaps)) < self.until:
            yield at


def _by(context: Context, at: int) -> dict[str, list[Reported]]:
    """What devices had told by then. Of what holds on, the end is not known."""
    states = context.states.items()
    return {one: [(since, min(until, at), state) for since, until, state in told if since < at] for one, told in states}


def _gaps(stood: Standing) -> list[int]:
    """The times between one object's arrival and the next one's, µs."""
    first = [life[0].start for life in stood.done.values()]
    first += [going[0].start for name, going in stood.under_way.items() if name not in stood.done]
    return _between(first)


def _beside(queues: Queues, others: Collection[str]) -> dict[int, list[int]]:
    """By activity, the times between the readiness of one step and the next that the same resources did for other types."""
    ready: defaultdict[int, list[int]] = defaultdict(list)
    routes = queues.routes
    for case, activity, begins in zip(routes.case, routes.activity, routes.begins, strict=True):
        if routes.objects[case] in others:
            ready[activity].append(begins)
    return {activity: gaps for activity, found in ready.items() if (gaps := _between(found))}


def _between(instants: Sequence[int]) -> list[int]:
    """The times between one and the next; none where all are one instant, of which nothing can be learnt."""
    gaps = [b - a for a, b in pairwise(sorted(instants))]
    return gaps if any(gaps) else []


def _ranked(queues: Queues) -> dict[str, int]:
    """The objects that are known to be rush (0), or not (1): by what most of their steps showed."""
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for ranks in queues.ranks.values():
        for step, rank in ranks.known.items():
            seen[queues.routes.objects[queues.routes.case[step]]].append(rank)
    return {name: int(2 * sum(found) > len(found)) for name, found in seen.items()}
