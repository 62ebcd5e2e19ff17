"""What would help: how much sooner objects would be through if one bottleneck were relieved.

The log's own arrivals and routes are replayed through its queues (`replay`), once as it is and once relieved, with service times
drawn from those that were seen. Each run draws the cases anew with replacement before it draws from their times (bootstrap by case: Efron,
Tibshirani, *An Introduction to the Bootstrap*, 1993), so that an interval holds both the chance of the runs and what the log leaves
uncertain. Both replays of a run use the same random numbers (common random numbers: Law, *Simulation Modeling and Analysis*, 5th
edition, section 11.2), so that relieving what is no bottleneck gains nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Action(StrEnum):
    """What is done about the waiting before an activity."""

    ONE_MORE_RESOURCE = "one more resource"
    """Against contention: one more of those who carry the activity out, for this activity alone, at work whenever one of them is."""
    HALF_THE_BATCH = "half the batch"
    """Against batching: a batch begins with half as many members, rounded up."""
    ALWAYS_AVAILABLE = "always available"
    """Against unavailability: who carries the activity out is at work around the clock and never down."""
    FIRST_COME_FIRST_SERVED = "first come, first served"
    """Against prioritisation: who waits longest is served next."""
    NO_DELAY = "no delay"
    """Against extraneous waiting: a step is ready as soon as it is enabled."""


class Interval(NamedTuple):
    """The 5 %, 50 % and 95 % quantiles over the runs, seconds: nine runs in ten lie from `low` to `high`."""

    low: float
    mid: float
    high: float


class Target(NamedTuple):
    """A place to relieve: the waiting before an activity, whichever activity came before."""

    activity: str
    action: Action


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether the replay of the log as it is gives the log's own lead times; seconds.

    An error is (middle of the replays - log) / log. `trusted` is False where a figure of the log lies outside the replays'
    interval and is missed by more than 10 % (median) or 15 % (p95); `reason` then says which, and is empty otherwise.
    """

    log_median: float
    log_p95: float
    replay_median: Interval
    replay_p95: Interval
    median_error: float
    p95_error: float
    trusted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Relief:
    """What one action before one activity would gain in lead time; seconds, a negative gain is a loss.

    `median_before`, `p95_before` and their likes after it are the middles of the runs. A gain is before - after of the same run, so
    its middle need not be the difference of the middles. `waiting` is the log's waiting before the activity, in all. `trusted` is
    False where the replay does not reproduce the log (`Calibration`), or where the action changes nothing that was seen: `reason`
    says so.
    """

    activity: str
    action: Action
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
    """What would help, by gain in the median, descending.

    Of `objects` in the log `replayed` were, with `steps` steps; the others lie before the window that the cap leaves. `left_out` steps carry
    no time that the definition uses. `calibration` is None, and `reliefs` empty, where nothing could be replayed: `reason` says why.
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
