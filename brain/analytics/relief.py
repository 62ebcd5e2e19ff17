"""What would help: how much sooner objects would be through if one bottleneck were relieved.

The log's own arrivals and routes are replayed through its queues (`replay`), once as it is and once relieved, with service times
drawn from those that were seen. Each run draws the cases anew with replacement before it draws from their times (bootstrap by
case: Efron, Tibshirani, *An Introduction to the Bootstrap*, 1993), so that an interval holds both the chance of the runs and what
the log leaves uncertain. Both replays of a run use the same random numbers (common random numbers: Law, *Simulation Modeling and
Analysis*, 5th edition, section 11.2), so that relieving what is no bottleneck gains nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from statistics import fmean
from typing import NamedTuple

from brain.analytics.calibration import Calibration, Interval, Lead, calibration_of, interval, lead_of
from brain.analytics.causes import ActivityCauses, Causes, Context, causes_of
from brain.analytics.fates import fate_of
from brain.analytics.lives import read_lives, read_other_lives
from brain.analytics.occupation import Cause
from brain.analytics.queues import Queues, at_least, queues_of
from brain.analytics.replay import Fate, Floor, play
from brain.analytics.window import CUT
from brain.analytics.work import Lives, Work, work_of
from brain.ports import Store
from brain.schema import Schema
from brain.words import moment, share

RUNS = 40
LEAST_RUNS = 20
"""Fewer have no 5 % quantile."""
MOST_REPLAYED = 3_000_000
"""Steps that all replays together play, as far as LEAST_RUNS allows."""
MOST_STEPS = 3000
"""Steps that a run replays: the newest."""
TARGETS = 10
QUARTER = 0.25

DEFINITION = (
    "gain = lead time as it is - lead time with one thing changed, median and p95 over objects (linear interpolation), of replays"
    " with the log's arrivals and routes; interval: 5 %, 50 % and 95 % quantiles of the runs, each moved along the regression of"
    " gains on lead times as it is to where the log's own is, and widened by what the replay misses there; lead time = last"
    " completion - first start, or when the first step was enabled where its source says"
)


class Action(StrEnum):
    """What is done about the waiting before an activity."""

    ONE_MORE_RESOURCE = "one more resource"
    """Against contention: one more who carries the activity out, and that alone, at work whenever one of the others is."""
    HALF_THE_BATCH = "half the batch"
    """Against batching: a batch begins with half as many members, rounded up."""
    ALWAYS_AVAILABLE = "always available"
    """Against unavailability: who carries the activity out is at work around the clock and never down."""
    FIRST_COME_FIRST_SERVED = "first come, first served"
    """Against prioritisation: who waits longest is served next."""
    NO_DELAY = "no delay"
    """Against extraneous waiting: a step is ready as soon as it is enabled."""


class Target(NamedTuple):
    """A place to relieve: the waiting before an activity, whichever activity came before."""

    activity: str
    action: Action


ACTIONS: Mapping[Cause, Action] = {
    Cause.CONTENTION: Action.ONE_MORE_RESOURCE,
    Cause.BATCHING: Action.HALF_THE_BATCH,
    Cause.PRIORITISATION: Action.FIRST_COME_FIRST_SERVED,
    **dict.fromkeys((Cause.UNAVAILABILITY, Cause.HELD, Cause.BLOCKED, Cause.SUSPENDED), Action.ALWAYS_AVAILABLE),
    **dict.fromkeys((Cause.EXTRANEOUS, Cause.UNEXPLAINED, Cause.STARVED, Cause.SYNCHRONISATION), Action.NO_DELAY),
}
"""What is done about each cause."""


@dataclass(frozen=True, slots=True)
class Relief:
    """What one action before one activity would gain in lead time; seconds, a negative gain is a loss.

    `median_before`, `p95_before` and their likes after it are the middles of the runs. A gain is before - after of the same run
    (`gain`), so its middle need not be the difference of the middles. `waiting` is the log's waiting before the activity, in all,
    `cause` why in one word (`named`). `trusted` is False where the replay does not reproduce the log (`Calibration`), or where
    the action changes nothing that was seen: `reason` says so.
    """

    activity: str
    action: Action
    cause: Cause | None
    waiting: float
    median_before: float
    median_after: float
    p95_before: float
    p95_after: float
    gain_median: Interval
    gain_p95: Interval
    runs: int
    trusted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Reliefs:
    """What would help, by gain in the median and then in the p95, descending.

    Of `objects` in the log `replayed` were counted, the newest; `steps` steps were replayed, with those of objects that these
    found under way and what the same resources did for others meanwhile. `left_out` steps carry no time that the definition uses.
    Where nothing can be replayed `calibration` is None, `reliefs` is empty and `reason` says why.
    """

    object_type: str
    definition: str
    ontology_version: str
    objects: int
    replayed: int
    steps: int
    left_out: int
    runs: int
    assumptions: tuple[str, ...]
    calibration: Calibration | None
    reliefs: tuple[Relief, ...]
    reason: str


async def relief(
    store: Store, schema: Schema, object_type: str, *, targets: Sequence[Target] | None = None, context: Context = Context()
) -> Reliefs:
    """What would help the objects of a type. Raises BadQuery where no object of the type has a step."""
    lives, left_out = await read_lives(store, object_type)
    elsewhere = list((await read_other_lives(store, object_type)).values())
    context = context._replace(elsewhere=elsewhere)
    work = work_of(lives, context.elsewhere)
    found = causes_of(
        lives, "handover", context, object_type=object_type, ontology_version=schema.version, left_out=left_out, work=work
    )
    return relief_of(lives, found, context, targets=targets, work=work)


def targets_of(found: Causes) -> tuple[Target, ...]:
    """The activities that are waited for longest, each with what is done about every cause of a quarter of that waiting."""
    waited = [activity for activity in found.activities[:TARGETS] if activity.seconds > 0]
    return tuple(
        Target(activity.activity, action)
        for activity in waited
        for action in dict.fromkeys(ACTIONS[p.cause] for p in activity.parts if p.share >= QUARTER or p is activity.parts[0])
    )


def named(waited: ActivityCauses) -> Cause:
    """The cause of the waiting before an activity in one word: the largest part that is no contention, if it is a quarter; else
    the largest. A queue that grew while nobody was there, or while others were let in first, is worked off in its order, which
    counts as contention; so contention is the word only where nothing else explains the queue."""
    others = [part for part in waited.parts if part.cause is not Cause.CONTENTION and part.share >= QUARTER]
    return (others or waited.parts)[0].cause


def relief_of(
    lives: Lives,
    found: Causes,
    context: Context = Context(),
    *,
    targets: Sequence[Target] | None = None,
    runs: int = RUNS,
    most_steps: int = MOST_STEPS,
    work: Work | None = None,
) -> Reliefs:
    """The same of lives that are at hand, each in order, and of the causes found in them: a function of their set. `work` is
    theirs, where it is known.

    Of many steps and targets there are fewer `runs`, down to LEAST_RUNS; the result says how many. Raises ValueError for fewer
    than these, which have no 5 % quantile.
    """
    if runs < LEAST_RUNS:
        raise ValueError(f"{runs} runs have no interval: at least {LEAST_RUNS}")
    if found.unstarted == found.steps:
        return _reliefs(found, None, runs, reason="no step has a start of its own, so that no service time is known")
    queues = queues_of(lives, context, most_steps, work)
    if not queues.floor.resources:
        return _reliefs(found, queues, runs, reason="no step says who carried it out, so that nobody can be queued for")
    chosen = targets_of(found) if targets is None else tuple(targets)
    affordable = MOST_REPLAYED // (len(queues.routes.case) * (1 + len(chosen)))
    runs = min(runs, max(affordable, LEAST_RUNS))
    before, after = _replays(queues, chosen, runs)
    calibration = calibration_of(lead_of([*queues.lead.values()]), before)
    reliefs = [_relief(found, queues, target, before, after[target], calibration) for target in dict.fromkeys(chosen)]
    reliefs.sort(key=lambda r: (-r.gain_median.mid, -r.gain_p95.mid, r.activity, r.action))
    return _reliefs(found, queues, runs, calibration, tuple(reliefs))


def _replays(queues: Queues, targets: Sequence[Target], runs: int) -> tuple[list[Lead], dict[Target, list[Lead]]]:
    """The lead times of each run, as it is and after each action. The runs are numbered, so that they are the same every time."""
    before: list[Lead] = []
    after: dict[Target, list[Lead]] = {target: [] for target in targets}
    for run in range(runs):
        fate = fate_of(queues, Random(run))  # noqa: S311  chance to be repeated, not a secret
        before.append(_played(queues, queues.floor, fate))
        for target, found in after.items():
            found.append(_played(queues, *relieved(queues, fate, target)))
    return before, after


def _played(queues: Queues, floor: Floor, fate: Fate) -> Lead:
    ended = play(floor, queues.routes, fate).ended
    last: dict[int, int] = {}
    for case, end in zip(queues.routes.case, ended, strict=True):
        last[case] = max(last.get(case, end), end)
    return lead_of([last[case] - queues.routes.arrivals[case] for case in queues.lead])


def gain(log: float, before: Sequence[float], after: Sequence[float], share: float) -> Interval:
    """Of before - after, given that the figure before was the log's own: each run's gain is moved along the line of regression of
    gains on figures before, to where the log is (regression adjustment: Beaumont, Zhang, Balding, *Genetics* 162, 2002).

    How far the log's figure lies beyond nine in ten of the replays is no chance; what of it that line does not explain may be
    waiting before the activity or elsewhere. With the activity's `share` of all waiting it may be gained as well: the interval
    reaches from none of it to all of it.
    """
    gains = [b - a for b, a in zip(before, after, strict=True)]
    level = fmean(before)
    spread = sum((b - level) ** 2 for b in before)
    slope = sum((b - level) * g for b, g in zip(before, gains, strict=True)) / spread if spread else 0.0
    found = interval([g + slope * (log - b) for b, g in zip(before, gains, strict=True)])
    usual = interval(before)
    missed = share * (1 - slope) * (log - min(max(log, usual.low), usual.high))
    return Interval(found.low + min(missed, 0), found.mid + missed / 2, found.high + max(missed, 0))


def relieved(queues: Queues, fate: Fate, target: Target) -> tuple[Floor, Fate]:
    """The floor and the fate of a run in which the action was taken. Where it has nothing to change, they are as they were."""
    floor = queues.floor
    if target.activity not in floor.activities:
        return floor, fate
    number = floor.activities.index(target.activity)
    match target.action:
        case Action.ONE_MORE_RESOURCE:
            return _one_more(floor, number), fate
        case Action.ALWAYS_AVAILABLE:
            pool = floor.pools[number]
            return floor._replace(away=tuple(() if r in pool else spans for r, spans in enumerate(floor.away))), fate
        case Action.HALF_THE_BATCH:
            sizes = [*fate.batches]
            sizes[number] = [(size + 1) // 2 for size in sizes[number]]
            return floor, fate._replace(batches=sizes)
        case Action.FIRST_COME_FIRST_SERVED:
            rush = [0 if a == number else r for a, r in zip(queues.routes.activity, fate.rush, strict=True)]
            return floor, fate._replace(rush=rush)
        case Action.NO_DELAY:
            delay = [0 if a == number else d for a, d in zip(queues.routes.activity, fate.delay, strict=True)]
            return floor, fate._replace(delay=delay)


def _one_more(floor: Floor, activity: int) -> Floor:
    """One more in the pool, away when all others are."""
    pool = floor.pools[activity]
    if not pool:
        return floor
    all_away = tuple(at_least([span for r in pool for span in floor.away[r]], len(pool)))
    pools = [*floor.pools]
    pools[activity] = (*pool, len(floor.resources))
    return floor._replace(
        resources=(*floor.resources, f"one more for {floor.activities[activity]}"),
        pools=tuple(pools),
        capacity=(*floor.capacity, 1),
        away=(*floor.away, all_away),
    )


def _relief(
    found: Causes, queues: Queues, target: Target, before: Sequence[Lead], after: Sequence[Lead], calibration: Calibration
) -> Relief:
    waited = next((a for a in found.activities if a.activity == target.activity), None)
    share = waited.seconds / found.seconds if waited and found.seconds else 0.0
    reasons = [calibration.reason] if calibration.reason else []
    if before == after:
        reasons.append(f"{target.action} before {target.activity!r} changes nothing that the replay knows of")
    return Relief(
        activity=target.activity,
        action=target.action,
        cause=named(waited) if waited and waited.parts else None,
        waiting=waited.seconds if waited else 0.0,
        median_before=interval([lead.median for lead in before]).mid,
        median_after=interval([lead.median for lead in after]).mid,
        p95_before=interval([lead.p95 for lead in before]).mid,
        p95_after=interval([lead.p95 for lead in after]).mid,
        gain_median=gain(calibration.log_median, [lead.median for lead in before], [lead.median for lead in after], share),
        gain_p95=gain(calibration.log_p95, [lead.p95 for lead in before], [lead.p95 for lead in after], share),
        runs=len(before),
        trusted=not reasons,
        reason="; ".join(reasons),
    )


def _reliefs(
    found: Causes,
    queues: Queues | None,
    runs: int,
    calibration: Calibration | None = None,
    reliefs: tuple[Relief, ...] = (),
    reason: str = "",
) -> Reliefs:
    return Reliefs(
        object_type=found.object_type,
        definition=DEFINITION,
        ontology_version=found.ontology_version,
        objects=found.objects,
        replayed=len(queues.lead) if queues else 0,
        steps=len(queues.routes.case) if queues else 0,
        left_out=found.left_out,
        runs=runs,
        assumptions=(*found.assumptions, *(_assumptions(queues) if queues else ())),
        calibration=calibration,
        reliefs=reliefs,
        reason=reason,
    )


def _assumptions(queues: Queues) -> Iterator[str]:
    """What the replay takes for granted, with how far the log departs from it."""
    of = queues.window
    yield f"the objects replayed are those that arrived from {moment(of.opens)} to {moment(of.shuts)} (UTC)"
    if of.cut > CUT:
        yield f"some {share(of.cut)} of them were still open when the log ended: its lead times are too short by what came after"
    yield "the same objects arrive at the same times and take the same routes, whatever is changed"
    yield "whoever is free takes what waits longest of all that they do; a step once begun is finished, as overtime if need be"
    yield "delays are those of objects with as many steps, or about as many; who also works for others takes what waits longest"
    yield "service times do not depend on each other, on the queue or on the hour; a batch takes as long whatever its size"
    yield "whoever was never seen at some hour, though nothing was there to be done, would have been there"
    yield "one more resource does the one activity, as fast as the others together, when any of them is at work"
    ranked = ", ".join(sorted(queues.floor.activities[a] for a in queues.ranks))
    if ranked:
        yield f"rush objects overtake the others before {ranked}; who met nobody is rush by chance, as often as the others are"
    if queues.overtaking:
        yield f"{queues.overtaking} steps overtook others for no rank that shows; they are replayed first come, first served"
    if queues.unstarted:
        yield f"{queues.unstarted} steps without a start of their own take no time"
