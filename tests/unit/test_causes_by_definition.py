"""The split against its definition, instant by instant, and what must hold of any log: the parts are whole µs, none is negative,
and they add up to the waiting, in whatever order the log was read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.analytics.batches import AT_WORK
from brain.analytics.calendars import DAY, Calendar, calendar
from brain.analytics.causes import Context, causes_of
from brain.analytics.concurrency import concurrent_activities, neighbours
from brain.analytics.lives import MICRO, Timed
from brain.analytics.occupation import Cause, Reported
from brain.analytics.shifts import shifts
from brain.analytics.split import Split
from brain.analytics.work import Perspective, Wait, waits, work_of

TICK = 2 * MICRO
"""Longer than the gap that steps done back to back may have, so that on ticks they touch or they do not."""
MONDAY = 4 * DAY
SPAN = 30

Lives = dict[str, list[Timed]]


def at(tick: int) -> int:
    return MONDAY + tick * TICK


@st.composite
def logs(draw: st.DrawFn) -> Lives:
    """Some steps of one to three objects each: they overlap, have no length, no start, no resource, or a source that enables."""
    lives: Lives = {}
    for i in range(draw(st.integers(1, 14))):
        start, took = draw(st.integers(0, SPAN)), draw(st.integers(0, 6))
        started = draw(st.integers(0, 9)) > 0
        step = Timed(
            at(start + (0 if started else took)),
            at(start + took),
            -1,
            f"s{i:02}",
            draw(st.sampled_from("ABC")),
            took * TICK if started else None,
            at(start - draw(st.integers(-2, 8))) if draw(st.integers(0, 5)) == 0 else None,
            draw(st.sampled_from(("R", "R", "S", "T", None))),
        )
        for name in draw(st.sets(st.sampled_from(("NA", "x", "y", "z")), min_size=1, max_size=3)):
            lives.setdefault(name, []).append(step)
    for life in lives.values():
        life.sort()
    return lives


SPANS = st.lists(st.tuples(st.integers(0, SPAN), st.integers(1, 12)), max_size=4)
CALENDARS = SPANS.map(lambda spans: {"*": calendar([(a * TICK, (a + n) * TICK) for a, n in spans])})
STATE = st.sampled_from(("Blocked", "Starved", "Held", "Suspended", "Stopped", "Idle", "Execute", "?"))
STATES = st.dictionaries(
    st.sampled_from("RS"),
    st.lists(
        st.tuples(st.integers(0, SPAN), st.integers(0, 12), STATE).map(lambda s: (at(s[0]), at(s[0] + s[1]), s[2])), max_size=4
    ),
)
PERSPECTIVES = st.sampled_from(("handover", "enabled"))


class Ready(NamedTuple):
    """By step: since when it was enabled, and since when its batch was complete too, µs."""

    enabled: Mapping[str, int]
    ready: Mapping[str, int]


def enabled_by_definition(lives: Lives) -> tuple[dict[tuple[str, str], tuple[int, bool]], dict[str, tuple[bool, int]]]:
    """By object and step, and by step over all its objects: since when it was enabled, and whether that is known."""
    beside = neighbours(concurrent_activities(lives))
    each: dict[tuple[str, str], tuple[int, bool]] = {}
    steps: dict[str, tuple[bool, int]] = {}
    for name, life in lives.items():
        for i, step in enumerate(life):
            ends = [
                o.end for o in life[:i] if o.end <= step.start and o.activity not in beside.get(step.activity, frozenset())
            ]  # fmt: skip
            since = step.enabled if step.enabled is not None else max(ends, default=life[0].start)
            known = step.enabled is not None or i > 0
            each[name, step.step] = since, known
            steps[step.step] = max(steps.get(step.step, (False, since)), (known, since))
    return each, steps


def ready_by_definition(lives: Lives, calendars: Mapping[str, Calendar], states: Mapping[str, Sequence[Reported]]) -> Ready:
    _, told = enabled_by_definition(lives)
    steps = {step.step: step for life in lives.values() for step in life}
    enabled = {name: at for name, (_, at) in told.items()}
    batches: list[list[Timed]] = []
    for resource in {step.resource for step in steps.values()} - {None}:
        rest = [step for step in steps.values() if step.resource == resource and step.took is not None]
        rest.sort(key=lambda step: (step.start, step.activity, step.end, step.step))
        done: list[Timed] = []
        every = list(rest)
        queue: list[Timed] = []
        while rest:
            batch = [step for step in rest if (step.start, step.activity) == (rest[0].start, rest[0].activity)]
            chain = chained(rest, enabled, told)
            if len(chain) > len(batch) and rest[0] not in queue:
                if let_grow(chain, done, every, enabled, calendars["*"], states.get(resource or "", ())):
                    batch = chain
                else:
                    queue = chain
            batches.append(batch)
            done += batch
            rest = rest[len(batch) :]
    real = [b for b in batches if len(b) > 1 and any(told[step.step][0] for step in b)]
    members = Counter(step.activity for batch in real for step in batch)
    of = Counter(step.activity for step in steps.values() if step.resource is not None and step.took is not None)
    ready = {name: min(enabled[name], steps[name].start) for name in steps}
    for batch in real:
        if members[batch[0].activity] >= 0.1 * of[batch[0].activity]:
            complete = max(min(enabled[s.step], s.start) for s in batch if told[s.step][0])
            ready.update((step.step, complete) for step in batch)
    return Ready(enabled, ready)


def chained(rest: Sequence[Timed], enabled: Mapping[str, int], told: Mapping[str, tuple[bool, int]]) -> list[Timed]:
    chain = [rest[0]]
    for step in rest[1:]:
        known = told[step.step][0] and told[rest[0].step][0]
        touches = step.start <= max(s.end for s in chain)
        before = min(enabled[step.step], step.start) <= rest[0].start
        if not (step.activity == rest[0].activity and known and touches and before):
            break
        chain.append(step)
    return chain


def let_grow(
    chain: Sequence[Timed],
    done: Sequence[Timed],
    every: Sequence[Timed],
    enabled: Mapping[str, int],
    hours: Calendar,
    states: Sequence[Reported],
) -> bool:
    since = min(min(enabled[s.step], s.start) for s in chain)
    ready = max(min(enabled[s.step], s.start) for s in chain)
    if since == ready or chain[0].start > max([ready, *(step.end for step in done)]):
        return False
    working = [t for t in range(since, ready, TICK) if hours.is_working(t)]
    busy = [t for t in working if told_at(t, states) or any(step.start <= t < step.end for step in every)]
    there = len(working) - len(busy)
    return 2 * len(busy) <= len(working) and there >= AT_WORK * len(range(since, ready, TICK))


def told_at(t: int, states: Sequence[Reported]) -> Cause | None:
    """What the device tells of this instant: each state lasts until the next one at most."""
    reported = sorted(states)
    for i, (start, end, state) in enumerate(reported):
        until = end if i + 1 == len(reported) else min(end, reported[i + 1][0])
        if start <= t < until and state not in ("Idle", "Execute", "?"):
            return Cause.UNAVAILABILITY if state == "Stopped" else Cause(state.lower())
    return None


def cause_at(
    t: int, wait: Wait, lives: Lives, known: Ready, calendars: Mapping[str, Calendar], states: Mapping[str, Sequence[Reported]]
) -> Cause:
    """The one cause of an instant of a wait, in the order of the definition."""
    step = wait.step
    if t < known.enabled[step.step]:
        return Cause.SYNCHRONISATION
    said = step.resource is not None and step.took is not None
    if said and t < known.ready[step.step]:
        return Cause.BATCHING
    if not said or step.resource is None:
        return Cause.UNEXPLAINED
    if device := told_at(t, states.get(step.resource, ())):
        return device
    running = [
        other for life in lives.values() for other in life
        if other.resource == step.resource and other.took is not None and other.start <= t < other.end
    ]  # fmt: skip
    if running:
        first = min(known.ready[other.step] for other in running)
        return Cause.CONTENTION if first <= known.ready[step.step] else Cause.PRIORITISATION
    return Cause.EXTRANEOUS if calendars["*"].is_working(t) else Cause.UNAVAILABILITY


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(logs(), PERSPECTIVES, CALENDARS, STATES)
def test_each_instant_has_the_cause_that_the_definition_gives_it(
    lives: Lives, perspective: Perspective, calendars: Mapping[str, Calendar], states: Mapping[str, Sequence[Reported]]
) -> None:
    known = ready_by_definition(lives, calendars, states)
    work = work_of(lives)
    split = Split(work, shifts(work.jobs, calendars), states)
    found = list(waits(lives, work, perspective))
    for wait, parts in zip(found, split.parts(found), strict=True):
        want = Counter(cause_at(t, wait, lives, known, calendars, states) for t in range(wait.since, wait.until, TICK))
        assert parts == {cause: ticks * TICK for cause, ticks in want.items()}, wait
        stretches: Counter[Cause | None] = Counter()
        for piece in split.stretches(wait) if wait.since < wait.until else ():
            stretches[piece.cause] += piece.end - piece.start
        assert +stretches == parts


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(logs(), CALENDARS, STATES, st.integers(0, 9))
def test_parts_add_up_to_the_waiting_in_any_order(
    lives: Lives, calendars: Mapping[str, Calendar], states: Mapping[str, Sequence[Reported]], seed: int
) -> None:
    context = Context(calendars=calendars, states=states)
    report = causes_of(lives, context=context)
    gaps: dict[tuple[str, str], list[int]] = {}
    for life in lives.values():
        for a, b in pairwise(life):
            gaps.setdefault((a.activity, b.activity), []).append(b.start - a.end)
    assert {(e.source, e.target): (e.count, round(e.seconds * MICRO), e.overlaps) for e in report.edges} == {
        edge: (len(some), sum(max(gap, 0) for gap in some), sum(gap < 0 for gap in some)) for edge, some in gaps.items()
    }
    for one in (report, *report.edges, *report.activities, *report.resources):
        assert sum(round(part.seconds * MICRO) for part in one.parts) == round(one.seconds * MICRO)
        assert all(part.seconds > 0 and part.waits > 0 and part.examples for part in one.parts)
        for part in one.parts:
            assert sum(round(some.seconds * MICRO) for some in part.inherited) <= round(part.seconds * MICRO)
            assert all(some.seconds > 0 for some in part.inherited)
    shuffled = list(lives.items())
    Random(seed).shuffle(shuffled)
    told = {name: Random(seed).sample(some, len(some)) for name, some in reversed(states.items())}
    assert causes_of(dict(shuffled), context=context._replace(states=told)) == report


@given(logs())
def test_in_the_enabled_view_a_wait_begins_when_all_was_done(lives: Lives) -> None:
    each, _ = enabled_by_definition(lives)
    found = {(w.object, w.step.step): w.since for w in waits(lives, work_of(lives), "enabled")}
    assert found == {key: since for key, (since, known) in each.items() if known}
