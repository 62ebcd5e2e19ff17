"""Whether the replay of a log as it is gives the log's own lead times: only then may it say what would be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import NamedTuple

from brain.analytics.lives import MICRO

MEDIAN_ERROR = 0.10
P95_ERROR = 0.15


class Interval(NamedTuple):
    """The 5 %, 50 % and 95 % quantiles over the runs, seconds: nine runs in ten lie from `low` to `high`."""

    low: float
    mid: float
    high: float


class Lead(NamedTuple):
    """Of the lead times of one replay; seconds."""

    median: float
    p95: float


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


def lead_of(micros: Sequence[int]) -> Lead:
    if len(micros) == 1:
        return Lead(micros[0] / MICRO, micros[0] / MICRO)
    cuts = quantiles(micros, n=20, method="inclusive")
    return Lead(cuts[9] / MICRO, cuts[18] / MICRO)


def interval(values: Sequence[float]) -> Interval:
    """Of the values of runs that could as well have been the next one: it lies inside in nine cases of ten, for any distribution
    (order statistics as prediction interval: Wilks 1941), which takes quantiles that leave room at both ends."""
    cuts = quantiles(values, n=20, method="exclusive")
    return Interval(cuts[0], cuts[9], cuts[18])


def calibration_of(log: Lead, before: Sequence[Lead]) -> Calibration:
    """Of the log's figures and those of the runs."""
    median, p95 = interval([lead.median for lead in before]), interval([lead.p95 for lead in before])
    reasons = [*_missed("median", log.median, median, MEDIAN_ERROR), *_missed("p95", log.p95, p95, P95_ERROR)]
    return Calibration(
        log_median=log.median,
        log_p95=log.p95,
        replay_median=median,
        replay_p95=p95,
        median_error=_error(log.median, median),
        p95_error=_error(log.p95, p95),
        trusted=not reasons,
        reason="; ".join(reasons),
    )


def _error(log: float, replay: Interval) -> float:
    return (replay.mid - log) / log if log else 0.0


def _missed(figure: str, log: float, replay: Interval, most: float) -> Iterator[str]:
    error = _error(log, replay)
    if not replay.low <= log <= replay.high and abs(error) > most:
        yield f"the replay as it is misses the log's {figure} lead time by {error:+.0%}"
