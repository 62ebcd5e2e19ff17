"""The outlook when resources go down: which objects that are under way become late, by how much, when, and with what probability.

What follows an instant is replayed many times over (`forecast`), each time twice with the same random numbers: with the resources
down and without (common random numbers: Law, *Simulation Modeling and Analysis*, 5th edition, section 11.2). Nothing that
happened after the instant is looked at.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random
from statistics import fmean, median, median_low, quantiles
from typing import NamedTuple

from brain.analytics.calendars import merged
from brain.analytics.deadline import late
from brain.analytics.forecast import Drawn, Forecast
from brain.analytics.lives import MICRO
from brain.analytics.replay import Floor, Played, play
from brain.model import Instant

RUNS = 60
LEAST_RUNS = 20
"""Fewer have no 5 % quantile."""
TOLERANCE = 0.1
"""Of the time for which the resources are down: an object that ends later by less is not late. Of what is down for good it is
of the time that all but one in twenty objects took."""
FOR_GOOD = 10 * 365 * 86_400 * MICRO
"""As long as that a resource is down that does not come back, µs."""
LIKELY = 0.42
"""As large a share of the replays makes it likely that an object is late. Of what is told with its true probability those at half
of the best F1 and above make the best F1 (Lipton, Elkan, Naryanaswamy, *Optimal thresholding of classifiers to maximize F1
measure*, ECML PKDD 2014); here that is 0.83, on 200 plants (`bench.breakdowns`, seeds 6000 to 6199)."""

DEFINITION = (
    f"late = in at least {LIKELY:.0%} of the replays the object ends later with the resources down than without, by more than the"
    " tolerance, and, where it has a due date, after that; delay = the difference, quantiles over all replays; impact = when the"
    " first of its steps would have begun, or was under way, that begins or ends later by more than the tolerance: 5 %, 50 % and"
    " 95 % quantiles, of the replays in which it is late"
)
ASSUMPTIONS = (
    "objects go on as those did that had done the same, where nobody told what they have before them; others arrive as before",
    "whoever is free takes what waits longest of all that they do; what is in hand when a resource goes down rests meanwhile",
    "service times and delays are drawn from those seen; what stops by itself now and then goes on doing so",
    "who is declared able to do the same as a resource that is down stands in for it, as fast as those who do it",
)


class Down(NamedTuple):
    """A resource that is down from one instant until another, µs."""

    resource: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Late:
    """An object that is likely to become late: in `probability` of the replays it does.

    It ends later by `delay_median_seconds`, in eight replays of ten from `delay_p10_seconds` to `delay_p90_seconds` (null: not
    before the resource is back); `undisturbed_end` is when it would have ended, the middle of the replays. Where it has a `due`
    date it is `overdue_seconds` after that, the middle of the replays in which it is late (null: for good). It first feels it at
    `impact_median`, from `impact_low` to `impact_high` in nine of ten replays in which it is late, most often before or at
    `activity`, which `resource` would have carried out, being down; null: a queue that the breakdown left elsewhere.
    """

    id: str
    probability: float
    delay_p10_seconds: float | None
    delay_median_seconds: float | None
    delay_p90_seconds: float | None
    undisturbed_end: Instant
    due: Instant | None
    overdue_seconds: float | None
    impact_low: Instant
    impact_median: Instant
    impact_high: Instant
    activity: str
    resource: str | None


@dataclass(frozen=True, slots=True)
class StepOutlook:
    """What is done by resources that are down, and by those who are `left` to do it, seen or declared able; `waiting` is how many
    objects that are under way first feel it there, in the mean of the replays."""

    activity: str
    down: tuple[str, ...]
    left: tuple[str, ...]
    waiting: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of `running` objects of a type those that become `late`, the first to feel it first, and the `steps` that are affected.
    `in_time` are as likely to end later as these, but not to be past their due date.

    What the `unforeseen` objects have before them nobody did before; nothing is said of these. `partial`: of the replays asked
    for, only `runs` were made in time. Where nothing can be foreseen `reason` says why; else it is empty.
    """

    object_type: str
    at: Instant
    running: int
    unforeseen: int
    in_time: int
    late: tuple[Late, ...]
    steps: tuple[StepOutlook, ...]
    tolerance_seconds: float
    runs: int
    partial: bool
    reason: str
    assumptions: tuple[str, ...]
    definition: str


class Felt(NamedTuple):
    """What an object feels in one replay, µs: when it would have ended, how much later it does, and, if that is more than the
    tolerance, when it feels it first and at which activity. It is late then, unless it ends before its due date."""

    end: int
    delay: int
    at: int
    activity: int
    late: bool


class Asked(NamedTuple):
    """`tolerance` in µs (None: TOLERANCE of the longest time down); no replay begins after `until` (time.monotonic). `able` has,
    by resource, others that are declared able to do what it does; `spares` are when some of these are down too. From the share
    `likely` of the replays on an object is late. `due` has the due dates, µs, of the objects that have one."""

    runs: int = RUNS
    tolerance: int | None = None
    until: float | None = None
    able: Mapping[str, Sequence[str]] = {}
    likely: float = LIKELY
    due: Mapping[str, int] = {}
    spares: Sequence[Down] = ()


def outlook_of(forecast: Forecast, down: Sequence[Down], asked: Asked = Asked(), object_type: str = "") -> Outlook:
    """What `down` does to the objects of the forecast; none of them from before its instant. At least one replay is made."""
    tolerance = asked.tolerance
    if tolerance is None:
        longest = max((one.until - one.since for one in down), default=0)
        tolerance = round(TOLERANCE * (longest if longest < FOR_GOOD else forecast.horizon(0)))
    known = [one for one in down if one.resource in forecast.queues.floor.resources]
    asked = asked._replace(spares=[one for one in asked.spares if one.resource not in forecast.queues.floor.resources])
    runs = [*_replayed(forecast, known, tolerance, asked)] if known else []
    late = sorted(_late(forecast, known, runs, asked), key=lambda one: (one.impact_median, one.id))
    return Outlook(
        object_type,
        Instant(forecast.at),
        len(forecast.running),
        forecast.unforeseen,
        _in_time(runs, asked.likely),
        tuple(late),
        tuple(_steps(forecast, known, runs, asked)),
        tolerance / MICRO,
        len(runs),
        0 < len(runs) < asked.runs,
        "" if known else "no step was seen to be carried out by what is down",
        ASSUMPTIONS,
        DEFINITION,
    )


def _replayed(forecast: Forecast, down: Sequence[Down], tolerance: int, asked: Asked) -> Iterator[list[Felt]]:
    """What each running object feels, run by run. The runs are numbered, so that they are the same every time."""
    ends = max(one.until for one in down)
    horizon = forecast.horizon(ends if ends < forecast.at + FOR_GOOD else forecast.at)
    since = min(one.since for one in down)
    for run in range(asked.runs):
        if run and late(asked.until):
            return
        drawn = forecast.draw(Random(run), horizon)  # noqa: S311  chance to be repeated, not a secret
        before = play(drawn.floor, drawn.routes, drawn.fate, drawn.first)
        after = play(broken(drawn.floor, [*down, *asked.spares], asked.able), drawn.routes, drawn.fate, drawn.first)
        due = [asked.due.get(one.object) for one in forecast.running]
        yield list(felt(drawn, due, before, after, tolerance, since))


def broken(floor: Floor, down: Sequence[Down], able: Mapping[str, Sequence[str]] = {}) -> Floor:
    """The floor with the resources down: they begin nothing, and what they have in hand rests. Who is able stands in."""
    for one in down:
        for other in able.get(one.resource, ()):
            floor = _stands_in(floor, one, other)
    spans = []
    for name in floor.resources:
        spans.append(tuple(merged(sorted((one.since, one.until) for one in down if one.resource == name))))
    away = tuple(tuple(merged(sorted(chain(known, more)))) for known, more in zip(floor.away, spans, strict=True))
    return floor._replace(away=away, halts=tuple(spans))


def _stands_in(floor: Floor, down: Down, other: str) -> Floor:
    """Whoever is able does it for as long as the one is down, beside what it does at all times."""
    if other not in floor.resources:
        resources, capacity = (*floor.resources, other), (*floor.capacity, 1)
        floor = floor._replace(resources=resources, capacity=capacity, away=(*floor.away, ()))
    one, number = floor.resources.index(down.resource), floor.resources.index(other)
    lent, pools = dict(floor.lent), list(floor.pools)
    for activity, pool in enumerate(pools):
        if one in pool and (number not in pool or (activity, number) in lent):
            known = lent.get((activity, number), ())
            lent[activity, number] = tuple(merged(sorted((*known, (down.since, down.until)))))
            pools[activity] = tuple(sorted({*pool, number}))
    return floor._replace(pools=tuple(pools), lent=lent)


def felt(drawn: Drawn, dues: Sequence[int | None], before: Played, after: Played, tolerance: int, since: int) -> Iterator[Felt]:
    """Of each of the first cases, whose due dates these are."""
    count = len(dues)
    would, ends = [0] * count, [0] * count
    first: list[tuple[int, int]] = [(0, -1)] * count
    for step, case in enumerate(drawn.routes.case[: drawn.first]):
        would[case], ends[case] = max(would[case], before.ended[step]), max(ends[case], after.ended[step])
        if after.started[step] - before.started[step] > tolerance:
            at = before.started[step]
        elif after.ended[step] - before.ended[step] > tolerance:
            at = max(before.started[step], since)
        else:
            continue
        if first[case][1] < 0 or at < first[case][0]:
            first[case] = at, drawn.routes.activity[step]
    for one, end, due, (at, activity) in zip(would, ends, dues, first, strict=True):
        later = end - one > tolerance
        yield Felt(one, end - one, at, activity if later else -1, later and (due is None or end > due or _for_good(end - one)))


def _in_time(runs: Sequence[Sequence[Felt]], likely: float) -> int:
    """How many are likely to end later, but not to be late."""
    counts = [(sum(what.activity >= 0 for what in found), sum(what.late for what in found)) for found in zip(*runs, strict=True)]
    return sum(later > 0 and later >= likely * len(runs) > late for later, late in counts)


def _late(forecast: Forecast, down: Sequence[Down], runs: Sequence[Sequence[Felt]], asked: Asked) -> Iterator[Late]:
    floor = forecast.queues.floor
    order = [one.resource for one in sorted(down, key=lambda one: (one.since, one.resource))]
    for one, found in zip(forecast.running, zip(*runs, strict=True), strict=False):
        late = [what for what in found if what.late]
        if late and len(late) >= asked.likely * len(found):
            due = asked.due.get(one.object)
            low, mid, high = _interval([what.at for what in late])
            p10, p50, p90 = map(_seconds, _eight_in_ten([what.delay for what in found]))
            activity, _ = Counter(what.activity for what in late).most_common(1)[0]
            yield Late(
                id=one.object,
                probability=len(late) / len(found),
                delay_p10_seconds=p10,
                delay_median_seconds=p50,
                delay_p90_seconds=p90,
                undisturbed_end=Instant(round(median(what.end for what in found if what.end))),
                due=None if due is None else Instant(due),
                overdue_seconds=None if due is None else _overdue(late, due),
                impact_low=Instant(max(low, forecast.at)),
                impact_median=Instant(mid),
                impact_high=Instant(high),
                activity=floor.activities[activity],
                resource=next((one for one in order if floor.resources.index(one) in floor.pools[activity]), None),
            )


def _interval(instants: Sequence[int]) -> tuple[int, ...]:
    """The 5 %, 50 % and 95 % quantiles, in whole µs; of the few instants of few replays the ends are beyond those seen."""
    first = min(instants)
    if len(instants) == 1:
        return first, first, first
    cuts = quantiles([at - first for at in instants], n=20, method="exclusive")
    return tuple(first + round(cuts[i]) for i in (0, 9, 18))


def _eight_in_ten(delays: Sequence[int]) -> tuple[int, int, int]:
    """Two that one more would lie between with a probability of 80 % or just above, and the middle. It is (s - r) / (n + 1) for
    the r-th and the s-th of n: the 10 % and 90 % quantiles of the n themselves are too near to each other. Nothing is
    interpolated, since some may be for good."""
    ranked = sorted(delays)
    outer = max((len(ranked) + 1) // 10, 1)
    return ranked[outer - 1], ranked[(len(ranked) - 1) // 2], ranked[-outer]


def _seconds(delay: int) -> float | None:
    return None if _for_good(delay) else delay / MICRO


def _overdue(late: Sequence[Felt], due: int) -> float | None:
    if _for_good(median_low(what.delay for what in late)):
        return None
    return median_low(what.end + what.delay - due for what in late) / MICRO


def _for_good(delay: int) -> bool:
    return delay >= FOR_GOOD // 2


def _steps(forecast: Forecast, down: Sequence[Down], runs: Sequence[Sequence[Felt]], asked: Asked) -> Iterator[StepOutlook]:
    lost = [*down, *asked.spares]
    floor = broken(forecast.queues.floor, lost, asked.able)
    out = {one.resource for one in lost}
    for activity, pool in enumerate(floor.pools):
        names = [floor.resources[resource] for resource in pool]
        if out.intersection(names):
            waiting = fmean(sum(what.activity == activity for what in run) for run in runs) if runs else 0.0
            yield StepOutlook(
                floor.activities[activity],
                tuple(name for name in names if name in out),
                tuple(name for name in names if name not in out),
                waiting,
            )
