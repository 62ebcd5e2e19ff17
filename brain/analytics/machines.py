"""The momentary and the shifting bottleneck, from the states of machines alone: the active-period method.

A machine is active while it makes others wait, whether it works, is set up or is being repaired, and inactive while it waits for
others. An *active period* is an uninterrupted active time. At each moment the *momentary bottleneck* is the machine in the
longest active period of those that are under way (at equal length the one that began first, then by id); where none is active
there is none. Where the active periods of two bottlenecks overlap the bottleneck is *shifting* from one to the other, elsewhere
the bottleneck is the *sole* one (Roser, Nakano, Tanaka: *Shifting Bottleneck Detection*, Winter Simulation Conference 2002).
Over a long time the bottleneck is the machine with the longest *mean* active period (the same authors: *A Practical Bottleneck
Detection Method*, WSC 2001); the report has both."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import NamedTuple

from brain.analytics.bottlenecks import Bottlenecks, handover_view
from brain.analytics.calendars import Interval, merged
from brain.analytics.device_states import StateSpan, state_spans
from brain.analytics.lives import MICRO, Timed, read_lives
from brain.errors import BadQuery
from brain.model import Instant
from brain.ports import Store
from brain.schema import Schema, nearest

DEFINITION = (
    "active-period method: at each moment the bottleneck is the machine in the longest uninterrupted active period; where the"
    " periods of bottlenecks overlap it is shifting, else sole (Roser, Nakano, Tanaka, WSC 2002); shares are of the window"
)

WAITING = ("idle", "starved", "blocked", "waiting", "suspending", "suspended", "unsuspending")
"""Waits for others: ISA-TR88.00.02 suspends a machine for conditions outside of it."""
NOT_WANTED = ("off", "stopped", "complete", "completed", "paused", "free", "standby")
"""Nobody asks anything of it: PackML waits in Stopped and Complete for an operator. A machine that somebody switched off because
it had failed is told apart from one that is not needed only if it says so (aborted, fault)."""
WORKING = (
    *("running", "execute", "executing", "working", "producing", "infusing", "picking", "occupied", "busy"),
    *("starting", "completing", "resetting", "stopping", "setup", "changeover", "cleaning"),
)
FAILING = (
    *("holding", "held", "unholding", "aborting", "aborted", "clearing", "fault", "failed", "alarm", "jammed", "down"),
    *("repair", "maintenance"),
)
"""Makes others wait though it makes nothing: ISA-TR88.00.02 holds a machine for what is wrong inside it. Roser et al. count
repair and set-up as active."""

ACTIVE: Mapping[str, bool] = {**dict.fromkeys(WORKING + FAILING, True), **dict.fromkeys(WAITING + NOT_WANTED, False)}
"""Whether a machine is active in a state, in lower case. Of a state that is not here nothing is known: it ends an active
period."""


class Stretch(NamedTuple):
    """A stretch of the timeline: from `since` until `until` these machines were the bottleneck: one is the sole one, of several
    it shifted from one to the other, and of none no machine was active."""

    since: Instant
    until: Instant
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MachineShare:
    """How much of the window a machine was the bottleneck, alone (`sole`) or while it shifted; shares of the window, 0 to 1.

    `known` is the share of the window in which its state is known and listed, `active` in which it was active, in `periods`
    active periods. `mean_period_seconds` is that of WSC 2001, 0 where it was never active; periods that the window cuts are in
    it."""

    id: str
    sole: float
    shifting: float
    active: float
    known: float
    periods: int
    mean_period_seconds: float
    longest_period_seconds: float


@dataclass(frozen=True, slots=True)
class ProcessView:
    """What the process says beside the machines: work waits most between `source` and `target`, and `performers` carry `target`
    out.

    `agrees` is None where that cannot be told: no machine was a bottleneck, or no performer is among the machines.
    """

    source: str
    target: str
    performers: tuple[str, ...]
    agrees: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Machines:
    """The bottleneck of the machines in [since, until). `machines` by sole + shifting share, descending.

    `bottleneck` is the first of them, None where none was ever active; `by_mean_period` that of WSC 2001. `none_share` of the
    window no machine was active. `unknown_states` were reported and are in no list; `silent` machines reported no state in the
    window."""

    cls: str
    definition: str
    ontology_version: str
    since: Instant
    until: Instant
    inactive_states: tuple[str, ...]
    unknown_states: tuple[str, ...]
    bottleneck: str | None
    by_mean_period: str | None
    none_share: float
    machines: tuple[MachineShare, ...]
    silent: tuple[str, ...]
    timeline: tuple[Stretch, ...]
    process_view: ProcessView | None


class ActivePeriod(NamedTuple):
    """A machine was active without interruption in [start, end), µs."""

    start: int
    end: int
    machine: str


async def machines(
    store: Store,
    schema: Schema,
    cls: str,
    *,
    since: int | None = None,
    until: int | None = None,
    object_type: str | None = None,
    active: Mapping[str, bool] = ACTIVE,
) -> Machines:
    """The bottleneck among the things of a class, with an object type beside what its process says. Raises BadQuery for a class
    that the ontology does not have, where none of its things reported a state in the window, and as `bottlenecks` does."""
    if cls not in schema.classes:
        raise BadQuery(f"the ontology has no class {cls!r}{nearest(cls, schema.classes)}")
    spans = await state_spans(store, cls, since, until)
    if not any(spans.values()):
        raise BadQuery(f"nothing of class {cls!r} reported a state in that time: the method needs states with their times")
    found = machines_of(spans, cls, schema.version, since=since, until=until, active=active)
    if object_type is None:
        return found
    lives, left_out = await read_lives(store, object_type)
    process = handover_view(lives, object_type, None, schema.version, left_out)
    return replace(found, process_view=beside(found, process, performers(lives)))


def machines_of(
    spans: Mapping[str, Sequence[StateSpan]],
    cls: str,
    ontology_version: str,
    *,
    since: int | None = None,
    until: int | None = None,
    active: Mapping[str, bool] = ACTIVE,
) -> Machines:
    """As `machines`, of the states of each machine, that were read already; there is at least one."""
    known = [span for mine in spans.values() for span in mine]
    start = min(span.start for span in known) if since is None else since
    end = max(span.end for span in known) if until is None else until
    clipped = [span._replace(start=max(span.start, start), end=min(span.end, end)) for span in known]
    within = [span for span in clipped if span.start < span.end]
    periods = active_periods(within, active)
    timeline = tuple(stretches(periods, start, end))
    shares = sorted(_shares(within, periods, timeline, active, end - start), key=lambda m: (-(m.sole + m.shifting), m.id))
    slow = max(shares, key=lambda m: m.mean_period_seconds, default=None)
    return Machines(
        cls=cls,
        definition=DEFINITION,
        ontology_version=ontology_version,
        since=Instant(start),
        until=Instant(end),
        inactive_states=tuple(sorted(state for state, works in active.items() if not works)),
        unknown_states=tuple(sorted({span.state for span in within if span.state.lower() not in active})),
        bottleneck=shares[0].id if shares and shares[0].sole + shares[0].shifting else None,
        by_mean_period=slow.id if slow is not None and slow.periods else None,
        none_share=sum(s.until - s.since for s in timeline if not s.machines) / (end - start),
        machines=tuple(shares),
        silent=tuple(sorted(spans.keys() - {span.machine for span in within})),
        timeline=timeline,
        process_view=None,
    )


def active_periods(spans: Iterable[StateSpan], active: Mapping[str, bool] = ACTIVE) -> list[ActivePeriod]:
    """The active periods, in order: active states of one machine that touch are one period, whichever states they are."""
    works: defaultdict[str, list[Interval]] = defaultdict(list)
    for span in spans:
        if active.get(span.state.lower(), False):
            works[span.machine].append((span.start, span.end))
    return sorted(ActivePeriod(a, b, name) for name, mine in works.items() for a, b in merged(sorted(mine)))


def momentary(periods: Sequence[ActivePeriod]) -> Iterator[tuple[int, ActivePeriod]]:
    """The active periods that are the momentary bottleneck at some time, and since when each is. `periods` in order.

    A period that gives way to a longer one ends before that one does, so none comes back.
    """
    under_way: list[tuple[int, int, str, ActivePeriod]] = []
    current: ActivePeriod | None = None
    i = 0
    for at in sorted({time for period in periods for time in period[:2]}):
        while i < len(periods) and periods[i].start == at:
            period = periods[i]
            heappush(under_way, (period.start - period.end, period.start, period.machine, period))
            i += 1
        while under_way and under_way[0][3].end <= at:
            heappop(under_way)
        longest = under_way[0][3] if under_way else None
        if longest is not None and longest != current:
            yield at, longest
        current = longest


def stretches(periods: Sequence[ActivePeriod], start: int, end: int) -> Iterator[Stretch]:
    """The timeline of [start, end): which periods that are ever the momentary bottleneck are under way."""
    changes: defaultdict[int, list[tuple[bool, str]]] = defaultdict(list)
    for _, period in momentary(periods):
        changes[period.start].append((True, period.machine))
        changes[period.end].append((False, period.machine))
    here: set[str] = set()
    since = start
    for at in sorted({*changes, end}):
        if since < at:
            yield Stretch(Instant(since), Instant(at), tuple(sorted(here)))
        since = at
        for begins, machine in sorted(changes[at]):
            (here.add if begins else here.discard)(machine)


def performers(lives: Mapping[str, Sequence[Timed]]) -> dict[str, set[str]]:
    """Who carries each activity out."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for life in lives.values():
        for step in life:
            if step.resource is not None:
                found[step.activity].add(step.resource)
    return found


def beside(found: Machines, process: Bottlenecks, who: Mapping[str, Iterable[str]]) -> ProcessView | None:
    """The first handover of the process against the machines; `who` carries each activity out. None where the process has no
    handover."""
    if not process.edges:
        return None
    edge = process.edges[0]
    carry_out = tuple(sorted(set(who.get(edge.target, ()))))
    known = {machine.id for machine in found.machines}
    if found.bottleneck is None or known.isdisjoint(carry_out):
        reason = "no machine was active" if found.bottleneck is None else f"none of these machines carries out {edge.target!r}"
        return ProcessView(edge.source, edge.target, carry_out, None, reason)
    agrees = found.bottleneck in carry_out
    verb = "carries" if agrees else "does not carry"
    reason = f"{found.bottleneck} is the bottleneck by its states, and {verb} out {edge.target!r}, before which work waits most"
    return ProcessView(edge.source, edge.target, carry_out, agrees, reason)


def _shares(
    spans: Sequence[StateSpan],
    periods: Sequence[ActivePeriod],
    timeline: Sequence[Stretch],
    active: Mapping[str, bool],
    length: int,
) -> Iterator[MachineShare]:
    sole: defaultdict[str, int] = defaultdict(int)
    shifting: defaultdict[str, int] = defaultdict(int)
    for stretch in timeline:
        for machine in stretch.machines:
            (sole if len(stretch.machines) == 1 else shifting)[machine] += stretch.until - stretch.since
    lasted: defaultdict[str, list[int]] = defaultdict(list)
    for period in periods:
        lasted[period.machine].append(period.end - period.start)
    known: defaultdict[str, list[Interval]] = defaultdict(list)
    for span in spans:
        known[span.machine] += [(span.start, span.end)] if span.state.lower() in active else []
    for machine in known:
        mine = lasted[machine]
        yield MachineShare(
            id=machine,
            sole=sole[machine] / length,
            shifting=shifting[machine] / length,
            active=sum(mine) / length,
            known=sum(b - a for a, b in merged(sorted(known[machine]))) / length,
            periods=len(mine),
            mean_period_seconds=sum(mine) / (len(mine) * MICRO) if mine else 0.0,
            longest_period_seconds=max(mine, default=0) / MICRO,
        )
