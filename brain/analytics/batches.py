"""Batches: steps of one activity that one resource did together, after the first had waited for the last.

Two kinds (Martin, Pufahl, Mannhardt: *Detection of batch activities from event logs*, Information Systems 95, 2021):

- **simultaneous**: steps that start at the same instant;
- **sequential**: steps done back to back, all known to be enabled before the first starts. A queue that is worked off looks the
  same, so it is a batch only where it was let grow: from when the first member was enabled until the last one was, the resource
  stood idle for at least half of its working time and a tenth of all that time, and it began as soon as the last was there, or it
  was done with what it did.

Two unrelated steps may start at once by chance, where times are whole minutes. So an activity is done in batches only if at least
a tenth of its steps are in one (`usual`).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from brain.analytics.calendars import Calendar, Interval, merged
from brain.analytics.lives import MICRO
from brain.analytics.occupation import Job

AT_WORK = 0.1
"""What gathered while its resource was there and idle for a smaller share of the time did so because nobody was there."""
BACK_TO_BACK = MICRO
"""Steps no further apart than this, µs, are done back to back: many systems write whole seconds."""
USUAL = 0.1
"""The share of an activity's steps that are in batches from which on it is an activity that is done in batches."""


class Batch(NamedTuple):
    """`jobs` in order; the batch was complete at `ready`, µs, when the step `last` was enabled."""

    jobs: tuple[Job, ...]
    ready: int
    last: str


def usual(found: Sequence[Batch], jobs: Iterable[Job]) -> Iterator[Batch]:
    """Those batches of all resources whose activities are done in batches, by all the steps of all resources."""
    steps = Counter(job.activity for job in jobs)
    members = Counter(job.activity for batch in found for job in batch.jobs)
    for batch in found:
        activity = batch.jobs[0].activity
        if members[activity] >= USUAL * steps[activity]:
            yield batch


def batches(jobs: Sequence[Job], calendar: Calendar, stopped: Iterable[Interval] = ()) -> Iterator[Batch]:
    """What looks like batches of a resource, whose steps are in order of start, and of activity where they start at once. While
    it was `stopped`, as its device tells, it did not stand idle."""
    busy = list(merged(sorted([*((job.start, job.end) for job in jobs), *stopped])))
    i, before, queue = 0, -1, 0
    while i < len(jobs):
        together = _together(jobs, i)
        chain = _chain(jobs, i)
        if i >= queue and len(chain) > len(together):
            if _grown(chain, before, busy, calendar):
                together = chain
            else:
                # The end of a queue is none either, though the first of it may have waited for longer.
                queue = i + len(chain)
        # Of members that were enabled at once the greatest id stands for the last; of some it is not known when they were.
        known = [(job.enabled, job.step) for job in together if job.known]
        if len(together) > 1 and known:
            ready, last = max(known)
            yield Batch(tuple(together), ready, last)
        i += len(together)
        before = max([before, *(job.end for job in together)])


def _together(jobs: Sequence[Job], i: int) -> list[Job]:
    """The steps that start at once with the i-th, and are of its activity."""
    first, j = jobs[i], i + 1
    while j < len(jobs) and (jobs[j].activity, jobs[j].start) == (first.activity, first.start):
        j += 1
    return list(jobs[i:j])


def _chain(jobs: Sequence[Job], i: int) -> list[Job]:
    """The steps from the i-th on that are done back to back, of one activity, and known to be enabled before the first starts."""
    first, end, j = jobs[i], jobs[i].end, i + 1
    while j < len(jobs) and jobs[j].activity == first.activity and jobs[j].start <= end + BACK_TO_BACK:
        if jobs[j].enabled > first.start or not jobs[j].known or not first.known:
            break
        end = max(end, jobs[j].end)
        j += 1
    return list(jobs[i:j])


def _grown(chain: Sequence[Job], before: int, busy: Sequence[Interval], calendar: Calendar) -> bool:
    """Whether the queue was let grow on purpose. `before` is when the resource was done with all earlier steps."""
    since, ready = min(job.enabled for job in chain), max(job.enabled for job in chain)
    if since == ready or chain[0].start > max(ready, before) + BACK_TO_BACK:
        return False
    worked, working = 0, calendar.working(since, ready)
    for start, end in busy[max(bisect_left(busy, (since,)) - 1, 0) : bisect_left(busy, (ready,))]:
        worked += calendar.working(max(start, since), min(end, ready))
    # What gathered overnight waited for the morning, not for its last member.
    return 2 * worked <= working and AT_WORK * (ready - since) <= working - worked
