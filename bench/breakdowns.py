"""How well it is foreseen which objects a breakdown makes late: simulated plants (`tests.plants`), each simulated twice with the
same chances, as it is and with a breakdown, so that it is known of each item that was under way whether it became late.

The outlook sees the log up to the instant of the breakdown, which machines had been down by then, what breaks down and for how
long; nothing else. Half of the breakdowns are of one machine, half of all machines of a station, as when a utility fails. What
an item has before it is either **told**, as an MES tells it, or **learnt** from the items that are through; learnt is parted by
whether the plant's routes go by the kind of the item or are drawn by chance step by step, which nobody can know beforehand.

- **precision**: of the items told to become late, the share that really did; **recall**: the other way round;
- **impact**: of these items, the share that felt it first within the 90 % interval that was told;
- **delay**: the share whose delay lay from the 10 % to the 90 % quantile that was told.

    python -m bench.breakdowns --breakdowns 200 --seed 0 [--runs 60] [--jobs 2] [--json FILE]
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import NamedTuple

from bench.judging import judged
from bench.plants import downs
from brain.analytics.causes import Context
from brain.analytics.forecast import Forecast, Plans
from brain.analytics.lives import MICRO
from brain.analytics.outlook import RUNS, TOLERANCE, Asked, Down, Late, outlook_of
from tests.plants import Floor, Halt, Plant, plant, run
from tests.plants.floor import micros

EARLIEST, LATEST = 200.0, 450.0
"""Hours since the first item in which a breakdown begins: the last item arrives after about 600."""
SHORTEST, LONGEST = 4.0, 24.0
"""Hours that it lasts."""
KINDS = 6
"""A plant whose items go by their kind has so many routes at the most, rework aside."""


class Really(NamedTuple):
    """What a breakdown did to an item, µs: how much later it was through, and when it felt it first, if that is late."""

    delay: int
    felt: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A breakdown, what was told and what is true. Of `both` told and really late, `impact` felt it and `delay` were delayed as
    was told. CPU seconds."""

    seed: int
    group: str
    servers: tuple[str, ...]
    hours: float
    running: int
    told: int
    late: int
    both: int
    impact: int
    delay: int
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
    if told:
        return _judged(seed, "told", halt, floor, really, runs, simulating, plans(truth, floor, micros(halt.since)))
    group = "learnt, routes by kind" if by_kind(truth) else "learnt, routes by chance"
    return _judged(seed, group, halt, floor, really, runs, simulating, {})


def both(seed: int, runs: int) -> tuple[Judged, Judged]:
    return judge(seed, runs, told=True), judge(seed, runs, told=False)


def _judged(
    seed: int, group: str, halt: Halt, floor: Floor, really: dict[str, Really], runs: int, simulating: float, plan: Plans
) -> Judged:
    clock = time.process_time()
    at, until = micros(halt.since), micros(halt.until)
    forecast = Forecast(floor.lives, at, Context(states=downs(floor)), plans=plan)
    found = outlook_of(forecast, [Down(server, at, until) for server in sorted(halt.servers)], Asked(runs))
    told = {late.id: late for late in found.late}
    late = {name: true for name, true in really.items() if true.felt}
    both = [(told[name], true) for name, true in late.items() if name in told]
    return Judged(
        seed=seed,
        group=group,
        servers=tuple(sorted(halt.servers)),
        hours=round(halt.until - halt.since, 1),
        running=len(really),
        told=len(told),
        late=len(late),
        both=len(both),
        impact=sum(said.impact_low <= true.felt <= said.impact_high for said, true in both),
        delay=sum(_delayed(said, true) for said, true in both),
        simulating=simulating,
        foreseeing=time.process_time() - clock,
    )


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


def table(judged: Sequence[Judged]) -> Iterable[str]:
    """By group, then the breakdowns in which most items were told wrongly."""
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.group].append(one)
    counts, names = ("running", "late", "told"), ("precision", "recall", "impact", "delay")
    yield f"{'routes':<26}{'breakdowns':>11}" + "".join(f"{name:>10}" for name in (*counts, *names))
    for name, found in sorted(groups.items()):
        numbers = "".join(f"{total(found, field):>10}" for field in counts)
        yield f"{name:<26}{len(found):>11}{numbers}" + "".join(f"{share:>10.1%}" for share in shares(found))
    yield f"CPU: simulating {sum(j.simulating for j in judged):.0f} s, foreseeing {sum(j.foreseeing for j in judged):.0f} s"
    yield ""
    for one in judged:
        wrong, missed, outside = one.told - one.both, one.late - one.both, one.both - one.impact
        if wrong or missed or outside:
            what = f"{', '.join(one.servers)} down for {one.hours} h: {one.late} of {one.running} late"
            how = f"{wrong} told that were not, {missed} not told, {outside} felt it outside"
            yield f"seed {one.seed}, {one.group}: {what}; {how}"


def total(judged: Iterable[Judged], field: str) -> int:
    return sum(getattr(one, field) for one in judged)


def shares(judged: Sequence[Judged]) -> tuple[float, float, float, float]:
    """Precision, recall, and the shares of intervals that hold: of the impact, of the delay."""
    told, late, both, impact, delay = (total(judged, field) for field in ("told", "late", "both", "impact", "delay"))
    return both / max(told, 1), both / max(late, 1), impact / max(both, 1), delay / max(both, 1)


if __name__ == "__main__":
    print("\n".join(table(judged(both, __doc__, "breakdowns", RUNS))))
