"""A log's cases replayed through its queues: an event-driven simulation of who is served by whom and when.

An activity has a queue and a pool of resources; a resource serves any activity of whose pool it is. A free resource takes the
step that has waited longest among those it may serve (first come, first served), rush steps first where the activity has them. A
step once begun is finished, and rests only while its resource is halted. What an activity does in batches begins when its batch
is full and somebody is free; when nothing else can happen, with what is there. A step without a pool waits for nobody.

All times are µs. A replay is a function of its floor and its fate alone: ties are served in the order of the steps.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

Span = tuple[int, int]
"""From the first µs to the one after the last."""

QUEUES = -2


class Floor(NamedTuple):
    """Who serves what: activities and resources are numbers, in the order of their tuples.

    `pools` has the resources of each activity (none: nobody is needed), `capacity` how many jobs a resource has in hand at the
    most, `away` the times when it begins nothing, ascending and apart. `halts`, where given, the times when even what it has in
    hand rests, likewise: they should be among those when it is away. `lent` has the times when a resource of the pool begins the
    activity, where these are not all, likewise, by activity and resource.
    """

    activities: tuple[str, ...]
    resources: tuple[str, ...]
    pools: tuple[tuple[int, ...], ...]
    capacity: tuple[int, ...]
    away: tuple[tuple[Span, ...], ...]
    halts: tuple[tuple[Span, ...], ...] = ()
    lent: Mapping[tuple[int, int], tuple[Span, ...]] = {}


class Routes(NamedTuple):
    """The work: cases, and their steps as parallel columns. A step's number is its place in the columns.

    A step becomes ready some delay after step `after` is done. Where that is -1 it is ready at `begins` if `by` is QUEUES; else
    it begins then, by the resource `by` (-1: none): nothing is known of its waiting, so that it keeps its resource busy and
    queues for nobody. The steps of a case stand together.
    """

    objects: tuple[str, ...]
    arrivals: tuple[int, ...]
    case: tuple[int, ...]
    activity: tuple[int, ...]
    after: tuple[int, ...]
    begins: tuple[int, ...]
    by: tuple[int, ...]


class Fate(NamedTuple):
    """What chance decides in one run.

    Per step: a `luck` in [0, 1), its delay, and whether it is a `rush` (0) or not (1). Per activity: the sizes of its batches in
    order, repeated as needed (none: no batches). `service` has, per activity, the service times of each resource in ascending
    order, and under -1 those of all: the luck of a job's first step chooses among them, so that a lucky step is lucky with
    whoever serves it. `ends` has the steps that do not end by luck: those that are known to be under way.
    """

    luck: Sequence[float]
    delay: Sequence[int]
    rush: Sequence[int]
    batches: Sequence[Sequence[int]]
    service: Sequence[Mapping[int, Sequence[int]]]
    ends: Mapping[int, int] = {}


class Played(NamedTuple):
    """When each step began and ended; 0 of steps that had not begun when the replay was left."""

    started: list[int]
    ended: list[int]


Job = tuple[int, int, list[int]]
"""An activity, the resource (-1: none), and the steps done together."""

READY, DONE, BACK = range(3)


def play(floor: Floor, routes: Routes, fate: Fate, first: int | None = None) -> Played:
    """Replay all cases; or until the `first` so many steps have begun, and so are sure to end when they do."""
    return _Replay(floor, routes, fate).run(len(routes.activity) if first is None else first)


class _Replay:
    """Sets of resources and of activities are the bits of integers, so that whoever is free and whatever waits is found at once,
    in the order of their numbers; a pool is in that order."""

    def __init__(self, floor: Floor, routes: Routes, fate: Fate) -> None:
        self.capacity, self.halts, self.ends, self.lent = floor.capacity, floor.halts, fate.ends, floor.lent
        self.activity, self.fate = routes.activity, fate
        self.luck, self.delay, self.services = fate.luck, fate.delay, fate.service
        self.next: list[list[int]] = [[] for _ in routes.activity]
        self.queues: list[list[tuple[int, int, int]]] = [[] for _ in floor.activities]
        self.pools = [sum(1 << r for r in pool) for pool in floor.pools]
        self.serves = [sum(1 << a for a, pool in enumerate(floor.pools) if r in pool) for r in range(len(floor.resources))]
        self.busy = [0] * len(floor.resources)
        self.hands = (1 << len(floor.resources)) - 1
        """Who has a hand free and is not known to be away."""
        self.full = 0
        """Activities of which a batch could begin."""
        self.away = [[*reversed(spans)] for spans in floor.away]
        self.returns: list[Span] = []
        """When each one who is known to be away is back, and who."""
        self.waking = [False] * len(floor.resources)
        self.asked: set[tuple[int, int]] = set()
        """Who will look again whether it may begin what it does at times, and when."""
        self.batch = [0] * len(floor.activities)
        self.started, self.ended = [0] * len(routes.activity), [0] * len(routes.activity)
        self.events: list[tuple[int, int, int, int | Job]] = []
        self.number = self.now = self.latest = 0
        for step, (before, begins, by) in enumerate(zip(routes.after, routes.begins, routes.by, strict=True)):
            if before >= 0:
                self.next[before].append(step)
            else:
                what: int | Job = step if by == QUEUES else (routes.activity[step], by, [step])
                self.events.append((begins, step - len(routes.after), READY, what))
        self.events.sort()

    def run(self, first: int) -> Played:
        events = self.events
        self.first = self.left = first
        while self.left and (events or self._flush()):
            now, _, kind, what = heappop(events)
            self.now = now
            if self.returns and self.returns[0][0] <= now:
                self._return(now)
            if kind == DONE:
                self._done(now, what)  # type: ignore[arg-type]
            elif kind == READY and isinstance(what, tuple):
                self._begin(now, what)
            elif kind == READY:
                self._ready(now, what)  # type: ignore[arg-type]
            else:
                self.waking[what] = False  # type: ignore[index]
                self._serve(now, what)  # type: ignore[arg-type]
        return Played(self.started, self.ended)

    def _push(self, at: int, kind: int, what: int | Job) -> None:
        self.number += 1
        heappush(self.events, (at, self.number, kind, what))

    def _ready(self, at: int, step: int) -> None:
        """A step is ready, now or later. Where it waits for nobody it, and what follows it, needs no event."""
        following = [(at, step)]
        for at, step in following:
            activity = self.activity[step]
            if not self.pools[activity]:
                chosen = self.services[activity][-1]
                self.started[step] = at
                self.left -= step < self.first
                self.ended[step] = ends = at + chosen[int(self.luck[step] * len(chosen))]
                self.latest = max(self.latest, ends)
                following += [(ends + self.delay[follower], follower) for follower in self.next[step]]
            elif at > self.now:
                self._push(at, READY, step)
            else:
                self._queue(at, activity, step)

    def _queue(self, now: int, activity: int, step: int) -> None:
        """A step waits for somebody."""
        queue = self.queues[activity]
        if not queue and not self.fate.batches[activity] and (resource := self._free(now, activity)) >= 0:
            self._begin(now, (activity, resource, [step]))
            return
        heappush(queue, (self.fate.rush[step], now, step))
        if len(queue) >= self._size(activity):
            self.full |= 1 << activity
        while self.full >> activity & 1 and (resource := self._free(now, activity)) >= 0:
            self._take(now, activity, resource)

    def _free(self, now: int, activity: int) -> int:
        """The first of the pool who has a hand free and is at work; -1 where there is none."""
        pool = self.pools[activity]
        if self.lent:
            pool &= ~sum(1 << r for a, r in self.lent if a == activity and not self._may(now, a, r))
        while free := pool & self.hands:
            resource = (free & -free).bit_length() - 1
            if self._present(now, resource):
                return resource
        return -1

    def _may(self, now: int, activity: int, resource: int) -> bool:
        """Whether this resource begins the activity now; if not, it will look again when it does."""
        spans = self.lent.get((activity, resource))
        if spans is None:
            return True
        place = bisect_right(spans, now, key=lambda span: span[0])
        if place and now < spans[place - 1][1]:
            return True
        if place < len(spans) and (resource, spans[place][0]) not in self.asked:
            self.asked.add((resource, spans[place][0]))
            self._push(spans[place][0], BACK, resource)
        return False

    def _size(self, activity: int) -> int:
        sizes = self.fate.batches[activity]
        return sizes[self.batch[activity] % len(sizes)] if sizes else 1

    def _present(self, now: int, resource: int) -> bool:
        """Whether this resource, which has a hand free, is at work; if not it will look again when it is back."""
        spans = self.away[resource]
        while spans and spans[-1][1] <= now:
            spans.pop()
        if not spans or spans[-1][0] > now:
            return True
        back = spans[-1][1]
        if self.hands >> resource & 1:
            self.hands ^= 1 << resource
            heappush(self.returns, (back, resource))
        if not self.waking[resource]:
            self.waking[resource] = True
            self._push(back, BACK, resource)
        return False

    def _return(self, now: int) -> None:
        while self.returns and self.returns[0][0] <= now:
            _, resource = heappop(self.returns)
            if self.busy[resource] < self.capacity[resource]:
                self.hands |= 1 << resource

    def _serve(self, now: int, resource: int) -> None:
        """A resource may have a hand free: it takes what it can."""
        serves = self.serves[resource]
        if self.lent:
            serves &= ~sum(1 << a for a, r in self.lent if r == resource and not self._may(now, a, r))
        while self.full & serves and self.busy[resource] < self.capacity[resource]:
            if not self._present(now, resource):
                return
            waiting = self.full & serves
            if waiting & (waiting - 1):
                first = min((self.queues[a][0], a) for a in _places(waiting))[1]
            else:
                first = waiting.bit_length() - 1
            self._take(now, first, resource)

    def _take(self, now: int, activity: int, resource: int) -> None:
        queue = self.queues[activity]
        members = [heappop(queue)[2] for _ in range(min(self._size(activity), len(queue)))]
        self.batch[activity] += 1
        if not queue or len(queue) < self._size(activity):
            self.full &= ~(1 << activity)
        else:
            self.full |= 1 << activity
        self._begin(now, (activity, resource, members))

    def _begin(self, now: int, job: Job) -> None:
        activity, resource, members = job
        times = self.services[activity]
        chosen = times.get(resource) or times[-1]
        ends = self.ends.get(members[0]) or now + chosen[int(self.luck[members[0]] * len(chosen))]
        if resource >= 0:
            if self.halts:
                ends = halted(self.halts[resource], now, ends)
            self.busy[resource] = busy = self.busy[resource] + 1
            if busy >= self.capacity[resource]:
                self.hands &= ~(1 << resource)
        for step in members:
            self.started[step], self.ended[step] = now, ends
            self.left -= step < self.first
        self._push(ends, DONE, job)

    def _done(self, now: int, job: Job) -> None:
        _, resource, members = job
        if resource >= 0:
            self.busy[resource] = busy = self.busy[resource] - 1
            if busy < self.capacity[resource]:
                self.hands |= 1 << resource
        for step in members:
            for follower in self.next[step]:
                self._ready(now + self.delay[follower], follower)
        if resource >= 0 and self.full & self.serves[resource]:
            self._serve(now, resource)

    def _flush(self) -> bool:
        """Nothing else can happen, but steps wait for their batch to fill: the one that has waited longest begins."""
        waiting = [(queue[0], activity) for activity, queue in enumerate(self.queues) if queue]
        if not waiting:
            return False
        _, activity = min(waiting)
        self.now = max(self.now, self.latest)
        for resource in _places(self.pools[activity]):
            if self._may(self.now, activity, resource) and self._present(self.now, resource):
                self._take(self.now, activity, resource)
                break
        return True


def halted(halts: Sequence[Span], start: int, end: int) -> int:
    """When work ends that would take from `start` to `end` if it did not rest meanwhile."""
    for since, until in halts:
        if since < end and start < until:
            end += until - max(since, start)
    return end


def _places(bits: int) -> Iterator[int]:
    """The places of the ones, ascending."""
    while bits:
        yield (bits & -bits).bit_length() - 1
        bits &= bits - 1
