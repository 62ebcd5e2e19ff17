"""Plants to simulate, drawn by seed: stations, routes, service times, shifts, breakdowns, batches, and one bottleneck.

Times are hours. All that happens to an item (its arrival, its route, how long each visit takes) is drawn here, before anything is
simulated, so that the same plant with its bottleneck relieved meets the same work.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, log, sqrt
from random import Random
from typing import NamedTuple

ITEMS = 600
PER_HOUR = 1.0
"""Items that arrive in an hour, in the mean: four weeks of work."""


class Cause(StrEnum):
    """Why work waits, named as in Lashkevich et al. (CAiSE 2023)."""

    CONTENTION = "contention"
    UNAVAILABILITY = "unavailability"
    BATCHING = "batching"
    PRIORITISATION = "prioritisation"
    EXTRANEOUS = "extraneous"


class Duration(NamedTuple):
    """A distribution of times: family, mean and coefficient of variation (which `exponential` and `fixed` bring themselves)."""

    family: str
    mean: float
    cv: float = 1.0

    def draw(self, random: Random) -> float:
        match self.family:
            case "fixed":
                return self.mean
            case "exponential":
                return random.expovariate(1 / self.mean)
            case "gamma":
                shape = 1 / self.cv**2
                return random.gammavariate(shape, self.mean / shape)
            case "lognormal":
                s2 = log(1 + self.cv**2)
                return exp(random.gauss(log(self.mean) - s2 / 2, sqrt(s2)))
        raise ValueError(self.family)


class Shift(NamedTuple):
    """At work each day from one full hour to another; what has begun is finished."""

    opens: int
    closes: int


class Breakdowns(NamedTuple):
    """Mean hours (exponential) up and down. What is under way when a machine fails is finished first."""

    up: float
    down: float


@dataclass(frozen=True, slots=True)
class Station:
    """`servers` carry out one job at a time each; a job is a batch of `batch` items, which take as long as the first of them.
    `delay` passes between an item's arrival and its queueing: nobody is busy with it. With `rush_first` rush items overtake."""

    name: str
    servers: tuple[str, ...]
    service: Duration
    batch: int = 1
    delay: Duration | None = None
    shift: Shift | None = None
    breakdowns: Breakdowns | None = None
    rush_first: bool = False


class Visit(NamedTuple):
    """What an item will meet at a station: hours of service, hours of delay (if the station has a delay)."""

    station: str
    service: float
    delay: float


class Item(NamedTuple):
    name: str
    arrives: float
    rush: bool
    visits: tuple[Visit, ...]


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant, its work, and where the bottleneck is."""

    seed: int
    stations: dict[str, Station]
    items: tuple[Item, ...]
    bottleneck: str
    cause: Cause

    def relieved(self) -> "Plant":
        """The same plant and the same work without the bottleneck: one more server, half the batch, or the cause removed."""
        old = self.stations[self.bottleneck]
        match self.cause:
            case Cause.CONTENTION:
                new = replace(old, servers=(*old.servers, f"{old.name}-more"))
            case Cause.BATCHING:
                new = replace(old, batch=(old.batch + 1) // 2)
            case Cause.UNAVAILABILITY:
                new = replace(old, shift=None, breakdowns=None)
            case Cause.PRIORITISATION:
                new = replace(old, rush_first=False)
            case Cause.EXTRANEOUS:
                new = replace(old, delay=None)
        return replace(self, stations={**self.stations, self.bottleneck: new})


def plant(seed: int) -> Plant:
    """The plant of this seed. Its cause goes round with the seed, so that any five in a row have all five."""
    random = Random(f"plant {seed}")
    cause = list(Cause)[seed % len(Cause)]
    routes = _routes(random)
    rush = [random.random() for _ in routes]
    visits: dict[str, int] = {}
    for route in routes:
        for name in route:
            visits[name] = visits.get(name, 0) + 1
    busiest = sorted(visits, key=lambda name: (-visits[name], name))[:3]
    bottleneck = random.choice(busiest)
    stations = {name: _ordinary(random, name, visits[name] / ITEMS * PER_HOUR) for name in sorted(visits)}
    stations[bottleneck] = _injected(random, bottleneck, visits[bottleneck] / ITEMS * PER_HOUR, cause)
    rushing = random.uniform(0.75, 0.85) if cause is Cause.PRIORITISATION else random.uniform(0.1, 0.3)
    return Plant(seed, stations, _items(random, routes, [r < rushing for r in rush], stations), bottleneck, cause)


def _routes(random: Random) -> list[tuple[str, ...]]:
    """The stations that each item will visit: layer after layer, by chance or by its kind, now and then a layer again."""
    count = random.randint(5, 30)
    depth = min(count, random.randint(4, 8))
    layers: list[list[str]] = [[] for _ in range(depth)]
    for i in range(count):
        layers[i % depth].append(f"S{i + 1:02}")
    rework = random.choice((0.0, 0.05, 0.1))
    kinds = [[random.choice(layer) for layer in layers] for _ in range(random.randint(2, 6))]
    weights = [[random.uniform(0.5, 2) for _ in layer] for layer in layers]
    fixed = random.random() < 0.4
    routes = []
    for _ in range(ITEMS):
        kind = random.choice(kinds)
        route = []
        for i, layer in enumerate(layers):
            at = kind[i] if fixed else random.choices(layer, weights[i])[0]
            route.append(at)
            if random.random() < rework:
                route.append(at)
        routes.append(tuple(route))
    return routes


def _items(random: Random, routes: list[tuple[str, ...]], rush: list[bool], stations: dict[str, Station]) -> tuple[Item, ...]:
    now, items = 0.0, []
    for i, route in enumerate(routes):
        now += random.expovariate(PER_HOUR)
        visits = []
        for name in route:
            at = stations[name]
            visits.append(Visit(name, at.service.draw(random), at.delay.draw(random) if at.delay else 0.0))
        items.append(Item(f"item-{i:04}", now, rush[i], tuple(visits)))
    return tuple(items)


def _service(random: Random, mean: float) -> Duration:
    family = random.choice(("fixed", "exponential", "gamma", "lognormal"))
    return Duration(family, mean, random.uniform(0.3, 1))


def _pool(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}-{i + 1}" for i in range(count))


def _ordinary(random: Random, name: str, per_hour: float) -> Station:
    """A station that is busy for 25 to 65 % of its time; one in five has a day of 18 to 22 hours, one in five fails now and then,
    one in ten works in pairs, one in ten lets rush items overtake."""
    servers = random.randint(1, 4)
    batch = 2 if random.random() < 0.1 else 1
    mean = random.uniform(0.25, 0.65) * servers * batch / per_hour
    shift, breakdowns = None, None
    if random.random() < 0.2:
        shift = Shift(random.randint(0, 2), random.randint(20, 24))
    elif random.random() < 0.25:
        breakdowns = Breakdowns(random.uniform(80, 200), random.uniform(0.5, 2))
    first = random.random() < 0.1
    return Station(name, _pool(name, servers), _service(random, mean), batch, None, shift, breakdowns, first)


def _injected(random: Random, name: str, per_hour: float, cause: Cause) -> Station:
    """The bottleneck: an ordinary station but for its cause."""
    servers = random.randint(1, 3)
    busy = random.uniform(0.3, 0.5)
    match cause:
        case Cause.CONTENTION:
            mean = random.uniform(0.93, 1.0) * servers / per_hour
            return Station(name, _pool(name, servers), _service(random, mean))
        case Cause.PRIORITISATION:
            mean = random.uniform(0.93, 1.0) * servers / per_hour
            return Station(name, _pool(name, servers), _service(random, mean), rush_first=True)
        case Cause.BATCHING:
            batch = random.randint(8, 16)
            mean = random.uniform(0.2, 0.35) * servers * batch / per_hour
            return Station(name, _pool(name, servers), _service(random, mean), batch)
        case Cause.EXTRANEOUS:
            delay = Duration(
                random.choice(("gamma", "lognormal", "exponential")), random.uniform(4, 10), random.uniform(0.3, 0.8)
            )
            return Station(name, _pool(name, servers), _service(random, busy * servers / per_hour), delay=delay)
        case Cause.UNAVAILABILITY:
            if random.random() < 0.5:
                opens = random.randint(5, 12)
                shift = Shift(opens, opens + random.randint(7, 9))
                mean = busy * (shift.closes - shift.opens) / 24 * servers / per_hour * 1.4
                return Station(name, _pool(name, servers), _service(random, mean), shift=shift)
            down = random.uniform(10, 20)
            mean = busy / per_hour
            return Station(name, _pool(name, 1), _service(random, mean), breakdowns=Breakdowns(random.uniform(25, 50), down))
