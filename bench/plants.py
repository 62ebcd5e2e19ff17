"""How well bottlenecks are found, explained and relieved: simulated plants (`tests.plants`), of which the truth is known.

Each plant has one bottleneck of a known cause. The report sees its log and which machines were down, nothing else. Of each plant:

- **top-1**: the activity that is waited for longest is the bottleneck;
- **cause**: the one word for the cause of that waiting (`relief.named`) is the one that was injected;
- **covered**: the gain seen when the simulator is really relieved, with the same work, lies in the 90 % interval of `relief`.

    python -m bench.plants --plants 200 --seed 0 [--runs 40] [--jobs 2] [--json FILE]
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from bench.judging import judged
from brain.analytics.calibration import Interval
from brain.analytics.causes import Context, causes_of
from brain.analytics.lives import MICRO
from brain.analytics.occupation import Cause, Reported
from brain.analytics.relief import ACTIONS, RUNS, Target, named, relief_of
from tests.plants import Cause as Injected
from tests.plants import Floor, plant, run

HOUR = 3600
MOST_STEPS = 10_000
"""More than any plant has: all of its items are replayed, as the simulator is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A plant, what the report said of it, and what is true. Hours; CPU seconds."""

    seed: int
    stations: int
    bottleneck: str
    cause: Injected
    top: str
    named: Cause
    parts: dict[str, float]
    gain_median: float
    said_median: tuple[float, ...]
    gain_p95: float
    said_p95: tuple[float, ...]
    median_error: float
    p95_error: float
    trusted: bool
    simulating: float
    explaining: float
    relieving: float

    @property
    def found(self) -> bool:
        return self.top == self.bottleneck

    @property
    def explained(self) -> bool:
        return self.named.value == self.cause.value

    @property
    def median_covered(self) -> bool:
        return self.said_median[0] <= self.gain_median <= self.said_median[2]

    @property
    def p95_covered(self) -> bool:
        return self.said_p95[0] <= self.gain_p95 <= self.said_p95[2]


def alone(seed: int, runs: int) -> tuple[Judged]:
    return (judge(seed, runs),)


def judge(seed: int, runs: int) -> Judged:
    """Simulate a plant as it is and relieved, and hold the report against it."""
    clock = [time.process_time()]
    truth = plant(seed)
    floor, relieved = run(truth), run(truth.relieved())
    clock.append(time.process_time())
    context = Context(states=downs(floor))
    causes = causes_of(floor.lives, "handover", context)
    clock.append(time.process_time())
    target = Target(truth.bottleneck, ACTIONS[Cause(truth.cause.value)])
    found = relief_of(floor.lives, causes, context, targets=[target], runs=runs, most_steps=MOST_STEPS)
    clock.append(time.process_time())
    assert found.calibration
    (said,), top = found.reliefs, causes.activities[0]
    gain_median, gain_p95 = (a - b for a, b in zip(lead(floor), lead(relieved), strict=True))
    return Judged(
        seed=seed,
        stations=len(truth.stations),
        bottleneck=truth.bottleneck,
        cause=truth.cause,
        top=top.activity,
        named=named(top),
        parts={part.cause.value: round(part.share, 3) for part in top.parts},
        gain_median=gain_median,
        said_median=hours(said.gain_median),
        gain_p95=gain_p95,
        said_p95=hours(said.gain_p95),
        median_error=found.calibration.median_error,
        p95_error=found.calibration.p95_error,
        trusted=found.calibration.trusted,
        simulating=clock[1] - clock[0],
        explaining=clock[2] - clock[1],
        relieving=clock[3] - clock[2],
    )


def downs(floor: Floor) -> dict[str, list[Reported]]:
    """When each machine was down: machines report it. That nobody was on shift, no machine knows."""
    return {machine: [(s.start, s.end, s.state) for s in states if s.state == "down"] for machine, states in floor.states.items()}


def lead(floor: Floor) -> tuple[float, float]:
    """Median and p95 of the lead times, hours."""
    cuts = quantiles([(life[-1].end - life[0].start) / MICRO / HOUR for life in floor.lives.values()], n=20, method="inclusive")
    return cuts[9], cuts[18]


def hours(of: Interval) -> tuple[float, ...]:
    return tuple(value / HOUR for value in of)


COLUMNS: tuple[tuple[str, Callable[[Judged], bool]], ...] = (
    ("top-1", lambda j: j.found),
    ("cause", lambda j: j.explained),
    ("covered, median", lambda j: j.median_covered),
    ("covered, p95", lambda j: j.p95_covered),
    ("trusted", lambda j: j.trusted),
)


def table(judged: Sequence[Judged]) -> Iterable[str]:
    """Shares by injected cause and of all, then each miss."""
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.cause].append(one)
    groups["all"] = list(judged)
    yield f"{'injected':<16}{'plants':>8}" + "".join(f"{name:>18}" for name, _ in COLUMNS)
    for name, found in groups.items():
        yield f"{name:<16}{len(found):>8}" + "".join(f"{sum(map(holds, found)) / len(found):>17.1%} " for _, holds in COLUMNS)
    yield f"CPU: simulating {sum(j.simulating for j in judged):.0f} s (each plant twice),"
    yield f"     causes {sum(j.explaining for j in judged):.0f} s, relief {sum(j.relieving for j in judged):.0f} s"
    yield ""
    for one in judged:
        yield from (f"seed {one.seed}: {miss}" for miss in misses(one))


def misses(one: Judged) -> Iterable[str]:
    if not one.found:
        yield f"{one.cause} before {one.bottleneck}, but {one.top} is waited for longest"
    if not one.explained:
        yield f"{one.cause} was injected, {one.named} is named; parts: {one.parts}"
    for figure, covered, seen, said, error in (
        ("median", one.median_covered, one.gain_median, one.said_median, one.median_error),
        ("p95", one.p95_covered, one.gain_p95, one.said_p95, one.p95_error),
    ):
        if not covered:
            low, mid, high = said
            of = f"{one.cause}, gain in the {figure} {seen:.2f} h"
            yield f"{of} is outside [{low:.2f}, {high:.2f}], middle {mid:.2f}; calibration {error:+.1%}"


if __name__ == "__main__":
    print("\n".join(table(judged(alone, __doc__, "plants", RUNS))))
