"""The shop floor: a plant simulated in simpy, with the log that its systems would write and what its machines would report."""

from collections import deque
from collections.abc import Generator, Iterable
from random import Random
from typing import Any, NamedTuple

import simpy

from brain.analytics.lives import Timed
from tests.plants.design import Breakdowns, Item, Plant, Shift, Station

BEGIN = 1_772_409_600_000_000
"""Monday, 2 March 2026, 00:00 UTC, in µs."""
HOUR = 3_600_000_000
DAY = 24.0
RELEASE = "Release"
"""The step of no length with which the office sends an item onto the floor, so that the log tells when it began to wait."""

Lives = dict[str, list[Timed]]


class State(NamedTuple):
    """What a machine reports of a time, µs: `running`, `down` (failed), `off` (no shift), `idle` (waits for its batch to fill),
    `starved` (nothing to do). Buffers have no bound here, so that no machine is ever blocked."""

    start: int
    end: int
    state: str


class Floor(NamedTuple):
    """What is known of a plant from outside: the lives of its items, and the states of its machines."""

    lives: Lives
    states: dict[str, list[State]]


class Halt(NamedTuple):
    """A breakdown that is injected: these servers are down, hours. They begin nothing, and what they have in hand rests."""

    servers: frozenset[str]
    since: float
    until: float


def run(plant: Plant, *, enabled: bool = False, halt: Halt | None = None) -> Floor:
    """Simulate a plant until its last item is through. With `enabled` each step says when its item came to the station. All that
    chance decides is drawn beforehand, or server by server: with a `halt` the same plant meets the same chances."""
    return _Run(plant, enabled, halt).floor()


def micros(hours: float) -> int:
    return BEGIN + round(hours * HOUR)


class _Server:
    """A machine or a person: when it is at work, and what it did."""

    def __init__(self, name: str, shift: Shift | None, breakdowns: Breakdowns | None, seed: int) -> None:
        self.name, self.shift, self.breakdowns = name, shift, breakdowns
        self.random = Random(f"{seed} {name}")
        self.fails = self.random.expovariate(1 / breakdowns.up) if breakdowns else float("inf")
        self.free = 0.0
        self.waking = False
        self.jobs: list[tuple[float, float]] = []
        self.downs: list[tuple[float, float]] = []
        self.halt: Halt | None = None

    def takes(self, now: float, service: float) -> float:
        """How long a job takes that begins now."""
        halt = self.halt
        return service + halt.until - halt.since if halt and now < halt.since < now + service else service

    def available(self, now: float) -> float:
        """From when on this server, which is not busy, may begin a job: `now` or later."""
        while True:
            began = now
            now = self._repaired(now)
            if self.halt and self.halt.since <= now < self.halt.until:
                now = self.halt.until
            if self.shift:
                hour = now % DAY
                if not self.shift.opens <= hour < self.shift.closes:
                    now += (self.shift.opens - hour) % DAY
            if now == began:
                return now

    def _repaired(self, now: float) -> float:
        """After the failures up to now: each begins when it is due, or when the job that was under way is done."""
        while self.breakdowns and self.fails <= now:
            begins = max(self.fails, self.free)
            ends = begins + self.random.expovariate(1 / self.breakdowns.down)
            self.downs.append((begins, ends))
            self.fails = ends + self.random.expovariate(1 / self.breakdowns.up)
            if ends > now:
                return ends
        return max([now, *[end for start, end in self.downs[-1:] if start <= now]])


class _Queue:
    """A station at work: who waits, and who could serve."""

    def __init__(self, station: Station, seed: int) -> None:
        self.station = station
        self.rush: deque[_Token] = deque()
        self.rest: deque[_Token] = deque()
        self.idle = deque(_Server(name, station.shift, station.breakdowns, seed) for name in station.servers)
        self.servers = list(self.idle)

    def __len__(self) -> int:
        return len(self.rush) + len(self.rest)

    def put(self, token: "_Token") -> None:
        (self.rush if self.station.rush_first and token.item.rush else self.rest).append(token)

    def take(self, count: int) -> list["_Token"]:
        return [(self.rush or self.rest).popleft() for _ in range(min(count, len(self)))]


class _Token:
    """An item on its way."""

    __slots__ = ("at", "came", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.at = 0
        self.came = item.arrives


class _Run:
    def __init__(self, plant: Plant, enabled: bool, halt: Halt | None) -> None:
        self.env = simpy.Environment()
        self.plant, self.enabled = plant, enabled
        self.queues = {name: _Queue(station, plant.seed) for name, station in plant.stations.items()}
        self.lives: Lives = {}
        for server in (server for queue in self.queues.values() for server in queue.servers):
            server.halt = halt if halt and server.name in halt.servers else None

    def floor(self) -> Floor:
        self.env.process(self._arrivals())
        self.env.run()
        while any(self.queues.values()):
            # Nothing else will come: the first batch that is not full begins as it is.
            self._serve(next(queue for queue in self.queues.values() if len(queue)), full=False)
            self.env.run()
        return Floor(self.lives, _states(self.queues.values(), self.env.now))

    def _arrivals(self) -> Generator[simpy.Event, Any, None]:
        for item in self.plant.items:
            yield self.env.timeout(item.arrives - self.env.now)
            at = micros(item.arrives)
            self.lives[item.name] = [Timed(at, at, 0, f"{item.name}/0", RELEASE, 0, at if self.enabled else None)]
            self._move(_Token(item))

    def _move(self, token: _Token) -> None:
        """To the next station, or out."""
        if token.at < len(token.item.visits):
            visit = token.item.visits[token.at]
            token.came = self.env.now
            queue = self.queues[visit.station]
            if queue.station.delay:
                self.env.process(self._delayed(queue, token, visit.delay))
            else:
                queue.put(token)
                self._serve(queue)

    def _delayed(self, queue: _Queue, token: _Token, delay: float) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(delay)
        queue.put(token)
        self._serve(queue)

    def _serve(self, queue: _Queue, full: bool = True) -> None:
        """Begin what can begin; where nobody is available, come back when somebody is."""
        least = queue.station.batch if full else 1
        while len(queue) >= least and queue.idle:
            for server in list(queue.idle):
                if server.available(self.env.now) <= self.env.now:
                    queue.idle.remove(server)
                    self.env.process(self._job(queue, server, queue.take(queue.station.batch)))
                    break
            else:
                for server in queue.idle:
                    if not server.waking:
                        server.waking = True
                        self.env.process(self._wake(queue, server, full))
                return

    def _wake(self, queue: _Queue, server: _Server, full: bool) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(server.available(self.env.now) - self.env.now)
        server.waking = False
        self._serve(queue, full)

    def _job(self, queue: _Queue, server: _Server, batch: list[_Token]) -> Generator[simpy.Event, Any, None]:
        begins = self.env.now
        yield self.env.timeout(server.takes(begins, batch[0].item.visits[batch[0].at].service))
        server.free = self.env.now
        server.jobs.append((begins, server.free))
        start, end = micros(begins), micros(server.free)
        for token in batch:
            name, number = token.item.name, token.at + 1
            came = micros(token.came) if self.enabled else None
            step = Timed(start, end, number, f"{name}/{number}", queue.station.name, end - start, came, server.name)
            self.lives[name].append(step)
            token.at += 1
        queue.idle.append(server)
        for token in batch:
            self._move(token)
        self._serve(queue)


def _states(queues: Iterable[_Queue], end: float) -> dict[str, list[State]]:
    """What each machine would have reported, without gaps from the beginning to the end."""
    return {server.name: list(_reported(server, queue.station.batch, end)) for queue in queues for server in queue.servers}


def _reported(server: _Server, batch: int, end: float) -> Generator[State, None, None]:
    server.available(end)  # what failed after the last job
    known = sorted([*((a, b, "running") for a, b in server.jobs), *((a, b, "down") for a, b in server.downs)])
    now = 0.0
    for start, stop, state in [*known, (end, end, "")]:
        yield from _between(server.shift, batch, now, min(start, end))
        if state and start < end:
            yield State(micros(start), micros(min(stop, end)), state)
        now = max(now, stop)


def _between(shift: Shift | None, batch: int, now: float, until: float) -> Generator[State, None, None]:
    """A time in which nothing was done: without a shift, or without work."""
    without = "idle" if batch > 1 else "starved"
    while now < until:
        if shift is None:
            stop, state = until, without
        else:
            day, hour = divmod(now, DAY)
            if hour < shift.opens:
                stop, state = day * DAY + shift.opens, "off"
            elif hour < shift.closes:
                stop, state = day * DAY + shift.closes, without
            else:
                stop, state = (day + 1) * DAY + shift.opens, "off"
        stop = min(stop, until)
        if micros(stop) > micros(now):
            yield State(micros(now), micros(stop), state)
        now = stop
