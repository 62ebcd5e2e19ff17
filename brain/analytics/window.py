"""Which cases of a log are replayed: the newest, and what else kept their resources busy."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from brain.analytics.concurrency import Enablement
from brain.analytics.lives import Timed
from brain.analytics.work import Lives, Work

CUT = 0.05
"""More of the replayed cases should not have been open when the log ended, for their p95 to be one."""

Begun = Sequence[tuple[int, str]]
"""When cases arrived, µs, and their names, ascending."""


class Case(NamedTuple):
    """A case as it is replayed: whole and `counted`, or what was left of it when the window began. µs."""

    object: str
    arrives: int
    lead: int
    counted: bool
    steps: Sequence[Timed]
    enabled: Sequence[Enablement]


class Window(NamedTuple):
    """The counted cases, which arrived from `opens` to `shuts`, µs, and the rests of those that they found under way. `cut` is
    the share of the counted that is expected to have been open when the log ended."""

    opens: int
    shuts: int
    cut: float
    cases: Sequence[Case]


def window(lives: Lives, enabled: Mapping[str, Sequence[Enablement]], most: int) -> Window:
    """The newest cases with no more than `most` steps (at least one case), and the rests of those that they found under way.

    A case that arrived shortly before the log's end may go on after it, so that its lead time is too short: as likely as the
    log's lead times are longer than what it tells of the case.
    """
    begun = sorted((min(life[0].start, enabled[name][0].at), name) for name, life in lives.items() if life)
    first = _newest(begun, lives, most)
    ends = {name: max(step.end for step in lives[name]) for _, name in begun}
    end, leads = max(ends.values()), sorted(ends[name] - arrives for arrives, name in begun)
    longer = sum(len(leads) - bisect_right(leads, end - arrives) for arrives, _ in begun[first:])
    cut = longer / len(leads) / (len(begun) - first)
    return Window(begun[first][0], begun[-1][0], cut, list(_cases(begun, first, lives, ends, enabled)))


def _newest(begun: Begun, lives: Lives, most: int) -> int:
    """The first of the newest cases that have no more than so many steps together."""
    first, steps = len(begun), 0
    while first and (first == len(begun) or steps + len(lives[begun[first - 1][1]]) <= most):
        first -= 1
        steps += len(lives[begun[first][1]])
    return first


def _cases(
    begun: Begun, first: int, lives: Lives, ends: Mapping[str, int], enabled: Mapping[str, Sequence[Enablement]]
) -> Iterator[Case]:
    opens = begun[first][0]
    for i, (arrives, name) in enumerate(begun):
        life = lives[name]
        kept = [(step, e) for step, e in zip(life, enabled[name], strict=True) if i >= first or step.start >= opens]
        if kept:
            yield Case(name, arrives, ends[name] - arrives, i >= first, [s for s, _ in kept], [e for _, e in kept])


def beside(of: Window, work: Work) -> Iterator[Case]:
    """What those who carry out the cases' steps do for others meanwhile, newer cases among them, each step for itself: it queues
    with the rest since it could have begun. What was under way when the window began is under way."""
    own = {step.step for case in of.cases for step in case.steps}
    opens = min(case.steps[0].start for case in of.cases if case.counted)
    for resource in sorted({step.resource for case in of.cases for step in case.steps if step.resource is not None}):
        for job in work.jobs.get(resource, ()):
            if job.step not in own and job.end > opens:
                step = Timed(job.start, job.end, 0, job.step, job.activity, job.end - job.start, None, resource)
                ready = Enablement(job.enabled, None, job.known and job.start >= opens)
                yield Case(job.step, job.enabled, job.end - job.enabled, False, [step], [ready])
