"""Steps as work: what waited, since when, for whom, and with what each resource was busy.

Work is read from the lives of the type that is asked about, and from those of other types where they are given: a nurse who is
busy with a patient's stay is not there for a medication order. A step that several lives tell of is enabled when the last of its
objects has what it waits for; of objects of other types only where none of the type that is asked about took part.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Literal, NamedTuple

from brain.analytics.batches import Batch, batches, usual
from brain.analytics.concurrency import Concurrent, Enablement, concurrent_activities, enablements, neighbours
from brain.analytics.lives import Timed, once
from brain.analytics.occupation import Job, Reported, told
from brain.analytics.shifts import Shift

Lives = Mapping[str, Sequence[Timed]]
Perspective = Literal["handover", "enabled"]
"""Since when a step waits: since the object's previous step was completed, or since it was enabled (`concurrency`)."""


class Wait(NamedTuple):
    """From one step of an object to a later one, µs; `until` is before `since` where they overlap. `previous` is the step before
    (handover) or the enabling one (enabled), None at the beginning of a life."""

    object: str
    previous: Timed | None
    step: Timed
    since: int
    until: int


class Told(NamedTuple):
    """Since when a step could have begun, over all its objects, and after which step of theirs."""

    at: int
    by: str
    known: bool


class Work(NamedTuple):
    """All steps that have a start of their own by resource, in order of start, and since when each step could have begun."""

    concurrent: tuple[Concurrent, ...]
    enabled: dict[str, Told]
    jobs: dict[str, list[Job]]
    lives: dict[str, list[Enablement]]
    """Of the type that is asked about: the enablement of each step of each object's life."""


def work_of(lives: Lives, elsewhere: Sequence[Lives] = ()) -> Work:
    """What `lives` and the lives of other types tell of the work done."""
    concurrent = concurrent_activities(lives)
    enabled: dict[str, Told] = {}
    own = _enabled(lives, concurrent, enabled)
    beside: dict[str, Told] = {}
    for others in elsewhere:
        _enabled(others, concurrent_activities(others), beside)
    enabled = beside | enabled
    # An object of two types lives twice, which does no harm.
    steps = once({f"{i}/{name}": life for i, of_type in enumerate((lives, *elsewhere)) for name, life in of_type.items()})
    jobs: defaultdict[str, list[Job]] = defaultdict(list)
    for step in steps.values():
        if step.resource is not None and step.took is not None:
            since = enabled[step.step]
            at = min(since.at, step.start)
            jobs[step.resource].append(Job(step.start, step.end, step.step, step.activity, at, at, since.known))
    for resource in jobs:
        jobs[resource].sort(key=lambda job: (job.start, job.activity, job.end, job.step))
    return Work(concurrent, enabled, dict(jobs), own)


def batched(
    jobs: Mapping[str, Sequence[Job]], shifts: Mapping[str, Shift], states: Mapping[str, Sequence[Reported]]
) -> tuple[dict[str, list[Job]], dict[str, Batch]]:
    """The steps of each resource, ready when their batches were complete, and the batch of each step that is in one."""
    stopped = {resource: [(piece.start, piece.end) for piece in told(states.get(resource, ()))] for resource in jobs}
    looks = [batch for one, some in jobs.items() for batch in batches(some, shifts[one].calendar, stopped[one])]
    found = {job.step: batch for batch in usual(looks, chain(*jobs.values())) for job in batch.jobs}
    ready = {
        resource: [job._replace(ready=found[job.step].ready) if job.step in found else job for job in some]
        for resource, some in jobs.items()
    }
    return ready, found


def waits(lives: Lives, work: Work, perspective: Perspective) -> Iterator[Wait]:
    """Every wait of every object, those of no length and the overlaps too."""
    for name, life in lives.items():
        if perspective == "handover":
            yield from (Wait(name, a, b, a.end, b.start) for a, b in pairwise(life))
        else:
            for step, enabled in zip(life, work.lives[name], strict=True):
                if enabled.known:
                    yield Wait(name, enabled.by, step, enabled.at, step.start)


def _enabled(lives: Lives, concurrent: Sequence[Concurrent], into: dict[str, Told]) -> dict[str, list[Enablement]]:
    beside = neighbours(concurrent)
    found = {name: enablements(life, beside) for name, life in lives.items()}
    for name, life in lives.items():
        for step, enabled in zip(life, found[name], strict=True):
            mine = Told(enabled.at, enabled.by.step if enabled.by else "", enabled.known)
            held = into.get(step.step)
            # What is known outranks the mere start of a life; then the latest counts, and of equals the greatest id.
            if held is None or (held.known, held.at, held.by) < (mine.known, mine.at, mine.by):
                into[step.step] = mine
    return found
