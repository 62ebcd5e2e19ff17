"""How well it is foreseen which objects a breakdown makes late: simulated plants (`tests.plants`), each simulated twice with the
same chances, as it is and with a breakdown, so that it is known of each item that was under way whether it became late.

The outlook sees the log up to the instant of the breakdown, which machines had been down by then, what breaks down and for how
long; nothing else. Half of the breakdowns are of one machine, half of all machines of a station, as when a utility fails. What
an item has before it is **learnt** from the items that are through, where the routes go by the kind of the item. Where chance
draws them step by step nobody can know them beforehand: they are **told**, as an MES tells them, and once more are not.

- **precision**: of the items told to become late, the share that really did; **recall**: the other way round;
- **impact**: of those told that really are late, the share that felt it first within the 90 % interval that was told;
- **delay**: of these, the share whose delay lay in the range of eight in ten that was told; **range**: the same of all told.

Of all items with known routes the last table has by tenths the probability that was told, and how many really became late.

    python -m bench.breakdowns --breakdowns 200 --seed 0 [--runs 60] [--jobs 2] [--json FILE]
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import fmean
from typing import NamedTuple

from bench.judging import judged
from bench.plants import downs
from brain.analytics.causes import Context
from brain.analytics.forecast import Forecast
from brain.analytics.lives import MICRO
from brain.analytics.outlook import LIKELY, RUNS, TOLERANCE, Asked, Down, Late, outlook_of
from tests.plants import Floor, Halt, Plant, plant, run
from tests.plants.floor import micros

EARLIEST, LATEST = 200.0, 450.0
"""Hours since the first item in which a breakdown begins: the last item arrives after about 600."""
SHORTEST, LONGEST = 4.0, 24.0
"""Hours that it lasts."""
TOLD, BY_KIND, BY_CHANCE = "told", "learnt, routes by kind", "learnt, routes by chance"
KINDS = 6
"""A plant whose items go by their kind has so many routes at the most, rework aside."""


class Really(NamedTuple):
    """What a breakdown did to an item, µs: how much later it was through, and when it felt it first, if that is late."""

    delay: int = 0
    felt: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A breakdown of a `whole` station or of a part, what was told and what is true. Of `both` told and really late, `impact`
    felt it and `delay` were delayed as was told; of those told, `range` were. `chances` has of each item that the outlook knew
    the probability, and whether it came true. CPU seconds."""

    seed: int
    group: str
    whole: bool
    servers: tuple[str, ...]
    hours: float
    running: int
    told: int
    late: int
    both: int
    impact: int
    delay: int
    range: int
    chances: tuple[tuple[float, bool], ...]
    simulating: float
    foreseeing: float


def breakdown(truth: Plant, seed: int) -> Halt:
    """One machine, or all of a station's."""
    random = Random(f"breakdown {seed}")
    station = truth.stations[random.choice(sorted(truth.stations))]
    servers = station.servers if random.random() < 0.5 else (random.choice(station.servers),)
    since = random.uniform(EARLIEST, LATEST)
    return Halt(frozenset(servers), since, since + random.uniform(SHORTEST, LONGEST))


def by_kind(truth: Plant) -> bool:
    """Whether the routes go by the kind of the item."""
    return len({tuple(route(item.visits)) for item in truth.items}) <= KINDS


def judge(seed: int, runs: int, *, told: bool) -> Judged:
    """With the routes told, or learnt."""
    clock = time.process_time()
    truth = plant(seed)
    halt = breakdown(truth, seed)
    floor, broken = run(truth), run(truth, halt=halt)
    really = truly(floor, broken, halt)
    simulating = time.process_time() - clock
    clock = time.process_time()
    at, until = micros(halt.since), micros(halt.until)
    forecast = Forecast(floor.lives, at, Context(states=downs(floor)), plans=plans(truth, floor, at) if told else {})
    down = [Down(server, at, until) for server in sorted(halt.servers)]
    found = {late.id: late for late in outlook_of(forecast, down, Asked(runs, likely=0)).late}
    foreseeing = time.process_time() - clock
    group = TOLD if told else BY_KIND if by_kind(truth) else BY_CHANCE
    whole = any(halt.servers == {*station.servers} for station in truth.stations.values())
    chances = [(found[one.object].probability if one.object in found else 0.0, one.object) for one in forecast.running]
    counted = _counted([late for late in found.values() if late.probability >= LIKELY], really)
    return Judged(
        seed=seed,
        group=group,
        whole=whole,
        servers=tuple(sorted(halt.servers)),
        hours=round(halt.until - halt.since, 1),
        running=len(really),
        late=sum(true.felt > 0 for true in really.values()),
        **counted,
        chances=tuple((chance, really.get(name, Really()).felt > 0) for chance, name in chances),
        simulating=simulating,
        foreseeing=foreseeing,
    )


def known(seed: int, runs: int) -> Judged:
    """With the routes told if nobody could learn them."""
    return judge(seed, runs, told=not by_kind(plant(seed)))


def each(seed: int, runs: int) -> Sequence[Judged]:
    """And once more without being told."""
    found = known(seed, runs)
    return (found, judge(seed, runs, told=False)) if found.group == TOLD else (found,)


def _counted(told: Sequence[Late], really: dict[str, Really]) -> dict[str, int]:
    """How many were told, and of these how many as it really was."""
    found = [(said, really.get(said.id, Really())) for said in told]
    both = [(said, true) for said, true in found if true.felt]
    return {
        "told": len(told),
        "both": len(both),
        "impact": sum(said.impact_low <= true.felt <= said.impact_high for said, true in both),
        "delay": sum(_delayed(said, true) for said, true in both),
        "range": sum(_delayed(said, true) for said, true in found),
    }


def _delayed(said: Late, true: Really) -> bool:
    low, high = said.delay_p10_seconds, said.delay_p90_seconds
    return low is not None and high is not None and low <= true.delay / MICRO <= high


def truly(floor: Floor, broken: Floor, halt: Halt) -> dict[str, Really]:
    """Of each item under way at the breakdown, by the definition of the outlook, out of the two simulations alone."""
    since = micros(halt.since)
    tolerance = round(TOLERANCE * (micros(halt.until) - since))
    found = {}
    for name, life in floor.lives.items():
        if life[0].start <= since < life[-1].end:
            pairs = list(zip(life, broken.lives[name], strict=True))
            waits = [a.start for a, b in pairs if b.start - a.start > tolerance]
            rests = [max(a.start, since) for a, b in pairs if b.end - a.end > tolerance >= b.start - a.start]
            delay = broken.lives[name][-1].end - life[-1].end
            found[name] = Really(delay, min(waits + rests) if delay > tolerance else 0)
    return found


def plans(truth: Plant, floor: Floor, at: int) -> dict[str, list[str]]:
    """The stations that each item that has arrived still has before it, beyond those at which it has begun."""
    begun = {name: sum(step.start <= at for step in life) for name, life in floor.lives.items()}
    return {
        item.name: [visit.station for visit in item.visits[begun[item.name] - 1 :]] for item in truth.items if begun[item.name]
    }


def route(visits: Iterable[tuple[str, float, float]]) -> Iterable[str]:
    """The stations one after the other, each once however often it was visited in a row."""
    names = [name for name, *_ in visits]
    return [names[0], *(b for a, b in pairwise(names) if a != b)]


def table(judged: Sequence[Judged]) -> Iterator[str]:
    """By what was known of the routes and by what was down; the probabilities; the breakdowns of which any was told wrongly."""
    certain = [one for one in judged if one.group != BY_CHANCE]
    groups = {
        **{group: [one for one in judged if one.group == group] for group in (TOLD, BY_KIND, BY_CHANCE)},
        "known: told or by kind": certain,
        "  a whole station": [one for one in certain if one.whole],
        "  a part of one": [one for one in certain if not one.whole],
    }
    counts, names = ("running", "late", "told"), ("precision", "recall", "impact", "delay", "range")
    yield f"{'routes':<26}{'breakdowns':>11}" + "".join(f"{name:>10}" for name in (*counts, *names))
    for name, found in groups.items():
        numbers = "".join(f"{total(found, field):>10}" for field in counts)
        yield f"{name:<26}{len(found):>11}{numbers}" + "".join(f"{share:>10.1%}" for share in shares(found))
    yield f"CPU: simulating {sum(j.simulating for j in judged):.0f} s, foreseeing {sum(j.foreseeing for j in judged):.0f} s"
    yield ""
    yield from reliability([chance for one in certain for chance in one.chances])
    yield ""
    for one in judged:
        wrong, missed, outside = one.told - one.both, one.late - one.both, one.both - one.impact
        if wrong or missed or outside:
            what = f"{', '.join(one.servers)} down for {one.hours} h: {one.late} of {one.running} late"
            how = f"{wrong} told that were not, {missed} not told, {outside} felt it outside"
            yield f"seed {one.seed}, {one.group}: {what}; {how}"


def reliability(chances: Sequence[tuple[float, bool]]) -> Iterator[str]:
    """By tenths of the probability: how many items, their mean probability, and how many of them really became late."""
    yield f"{'probability':<26}{'items':>11}{'mean':>10}{'late':>10}"
    for tenth in range(10):
        found = [(chance, late) for chance, late in chances if min(int(chance * 10), 9) == tenth]
        if found:
            means = (fmean(chance for chance, _ in found), fmean(late for _, late in found))
            yield f"{tenth / 10:.1f} to {(tenth + 1) / 10:.1f}{len(found):>27}" + "".join(f"{mean:>10.1%}" for mean in means)


def total(judged: Iterable[Judged], field: str) -> int:
    return sum(getattr(one, field) for one in judged)


def shares(judged: Sequence[Judged]) -> tuple[float, float, float, float, float]:
    """Precision, recall, and the shares of intervals that hold: of the impact, of the delay, of the delay of all told."""
    told, late, both, impact, delay, inside = (
        total(judged, field) for field in ("told", "late", "both", "impact", "delay", "range")
    )
    return both / max(told, 1), both / max(late, 1), impact / max(both, 1), delay / max(both, 1), inside / max(told, 1)


if __name__ == "__main__":
    print("\n".join(table(judged(each, __doc__, "breakdowns", RUNS))))
