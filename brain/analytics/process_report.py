"""What a process owner reads: where work waits, why, how sure that is and what would help, put together from one scan of the store.

Each section is an analytic's own result. A section that a log cannot give (no starts, no resources, no second window) is absent,
and `absent` says why: nothing is filled in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from brain.analytics.bottlenecks import Bottlenecks, Handover
from brain.analytics.lives import Timed
from brain.model import Instant

WORST = 10
"""Waits of which the report tells the evidence in full."""


class Period(NamedTuple):
    """Half-open [since, until) of valid time, µs; None is unbounded.

    An object belongs to the period in which its last step ended, with its whole life: no wait is cut, and of periods that tile
    each object is in exactly one.
    """

    since: int | None = None
    until: int | None = None

    def __contains__(self, instant: object) -> bool:
        assert isinstance(instant, int)
        return (self.since is None or self.since <= instant) and (self.until is None or instant < self.until)

    def before(self) -> "Period | None":
        """The period of the same length that ends where this one begins; None where one of its ends is open."""
        if self.since is None or self.until is None:
            return None
        return Period(self.since - (self.until - self.since), self.since)


@dataclass(frozen=True, slots=True)
class StepSeen:
    """A step as evidence. Started and ended at once where its source gave one time."""

    id: str
    activity: str
    started: Instant
    ended: Instant
    resource: str | None


@dataclass(frozen=True, slots=True)
class Thing:
    """What waited."""

    id: str


@dataclass(frozen=True, slots=True)
class WaitSeen:
    """One wait, to be followed to its steps: of the object between the two. Seconds."""

    object: Thing
    previous: StepSeen
    next: StepSeen
    seconds: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """The longest waits of one handover."""

    source: str
    target: str
    waits: tuple[WaitSeen, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """A section that is not in the report, and why not."""

    section: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """All that the analytics tell of the objects of one type in a period. `evidence` is that of the `WORST` handovers by total."""

    since: Instant | None
    until: Instant | None
    waits: Bottlenecks
    evidence: tuple[Evidence, ...]
    absent: tuple[Absent, ...]


def within(lives: Mapping[str, list[Timed]], period: Period) -> dict[str, list[Timed]]:
    """The lives of the objects that belong to the period, whole."""
    return {name: life for name, life in lives.items() if max(step.end for step in life) in period}


def evidence_of(edges: Sequence[Handover], lives: Mapping[str, Sequence[Timed]]) -> tuple[Evidence, ...]:
    """The examples of these handovers with their steps' times and resources, looked up in the lives that they came from."""
    return tuple(Evidence(edge.source, edge.target, tuple(_waits_seen(edge, lives))) for edge in edges)


def _waits_seen(edge: Handover, lives: Mapping[str, Sequence[Timed]]) -> list[WaitSeen]:
    found = []
    for example in edge.examples:
        a, b = next((a, b) for a, b in pairwise(lives[example.object]) if (a.step, b.step) == (example.previous, example.next))
        found.append(WaitSeen(Thing(example.object), _seen(a), _seen(b), example.seconds))
    return found


def _seen(step: Timed) -> StepSeen:
    return StepSeen(step.step, step.activity, Instant(step.start), Instant(step.end), step.resource)
