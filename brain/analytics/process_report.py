"""What a process owner reads: where work waits, why, how sure that is and what would help, from one scan of the store.

Each section is an analytic's own result. A section that a log cannot give (no starts, no resources, no second window) is absent,
and `absent` says why: nothing is filled in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

from brain.analytics.attribution import Attribution, attribution_of
from brain.analytics.bottlenecks import Bottlenecks, Handover, handover_view
from brain.analytics.causes import Causes, Context, causes_of
from brain.analytics.change import WindowChange, change_of
from brain.analytics.columnar import columns_of
from brain.analytics.columns import parts_of_lead_time
from brain.analytics.confidence import Confidence, confidence_of
from brain.analytics.flow import Flow, flow_of
from brain.analytics.given_calendars import known_resources
from brain.analytics.lives import MICRO, Timed
from brain.analytics.machines import Machines, beside, machines_of, performers
from brain.analytics.occupation import Cause
from brain.analytics.process_material import WITH_OTHERS, Asked, Material, Section, material
from brain.analytics.relief import Reliefs, relief_of
from brain.analytics.times import Times, ended_within, times_of
from brain.analytics.together import Together, together_of
from brain.analytics.work import Lives, Perspective, Work, work_of
from brain.model import Instant
from brain.ports import Store
from brain.schema import Schema

T = TypeVar("T")

NOT_ASKED = "not asked for"
WORST = 10
"""Waits of which the report tells the evidence in full."""


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
class WaitEvidence:
    """The longest waits of one handover."""

    source: str
    target: str
    waits: tuple[WaitSeen, ...]


@dataclass(frozen=True, slots=True)
class LeadTime:
    """What the time from the first start of each object to the end of its last step is made of, over all objects; seconds.

    total = work + waiting - overlap, to the µs: what happens at once is counted twice in the first two.
    """

    total_seconds: float
    work_seconds: float
    waiting_seconds: float
    overlap_seconds: float


@dataclass(frozen=True, slots=True)
class Absent:
    """A section that is not in the report, and why not."""

    section: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """All that the analytics tell of the objects of a type in a period. `evidence` is that of the `WORST` handovers by total.

    `as_of`: as the world was then, what had begun and not ended under way. `known_at`: as believed then. None is now.
    """

    since: Instant | None
    until: Instant | None
    as_of: Instant | None
    known_at: Instant | None
    waits: Bottlenecks
    evidence: tuple[WaitEvidence, ...]
    lead_time: LeadTime
    causes: Causes | None
    confidence: Confidence | None
    times: Times | None
    flow: Flow | None
    together: Together | None
    machines: Machines | None
    change: WindowChange | None
    relief: Reliefs | None
    attribution: Attribution | None
    absent: tuple[Absent, ...]


async def process_report(
    store: Store, schema: Schema, object_type: str, asked: Asked = Asked(), say: Callable[[str], None] | None = None
) -> ProcessReport:
    """The report on the objects of a type. `say` hears what is being worked out.

    Raises BadQuery where no object of the type has a step, or none ended in the period.
    """
    return compose(await material(store, schema, object_type, asked), say)


def compose(of: Material, say: Callable[[str], None] | None = None) -> ProcessReport:
    """The report: a function of the material, which needs no store. May take long: run it where it keeps nobody waiting.

    Raises BadCalendar where a calendar is given for a resource that carries out nothing here.
    """
    tell = say or (lambda line: None)
    asked = of.asked
    known_calendars(of)
    waits = handover_view(of.inside, of.object_type, asked.lifecycle, of.ontology_version, of.left_out, asked.min_frequency)
    absent: list[Absent] = []

    def section(name: Section, make: Callable[[Material], T | str]) -> T | None:
        if name not in asked.sections:
            absent.append(Absent(name, NOT_ASKED))
            return None
        tell(f"working out {name} …")
        found = of.refused.get(name) or make(of)
        if isinstance(found, str):
            absent.append(Absent(name, found))
            return None
        return found

    # What takes a second for each hundred thousand steps is made once for both.
    work = work_of(of.inside, _elsewhere(of)) if asked.sections & {Section.CAUSES, Section.RELIEF} else None
    causes = section(Section.CAUSES, lambda of: causes_in(of, work))
    return ProcessReport(
        since=_instant(asked.period.since),
        until=_instant(asked.period.until),
        as_of=_instant(asked.at.valid),
        known_at=_instant(asked.at.known),
        waits=waits,
        evidence=evidence_of(waits.edges[:WORST], of.inside),
        lead_time=lead_time(of.inside),
        causes=causes,
        confidence=section(Section.CONFIDENCE, _confidence),
        times=section(Section.TIMES, _times),
        flow=_flow(of) if Section.TIMES in asked.sections else None,
        together=_together(of) if Section.TIMES in asked.sections else None,
        machines=section(Section.MACHINES, lambda of: _machines(of, waits)),
        change=section(Section.CHANGE, _change),
        relief=section(Section.RELIEF, lambda of: _relief(of, causes, work)),
        attribution=section(Section.ATTRIBUTION, lambda of: _attribution(of, waits)),
        absent=tuple(absent),
    )


def known_calendars(of: Material) -> None:
    """Raises BadCalendar where one is given for a resource that carries out nothing here."""
    if of.asked.calendars and of.asked.sections & WITH_OTHERS:  # those that calendars are for are not read without these
        known_resources(of.asked.calendars, set(_resources(of)))


def _resources(of: Material) -> Iterator[str]:
    """Whoever carries out steps, of all lives at hand."""
    for lives in (of.inside, of.outside, *of.others.values()):
        for life in lives.values():
            yield from (step.resource for step in life if step.resource is not None)


def _split(of: Material, view: Perspective, work: Work | None) -> Causes:
    return causes_of(
        of.inside,
        view,
        _context(of),
        object_type=of.object_type,
        ontology_version=of.ontology_version,
        left_out=of.left_out,
        work=work,
    )


def _elsewhere(of: Material) -> list[Lives]:
    """Resources work for the objects outside the period too, and for those of other types."""
    return [lives for lives in (of.outside, *of.others.values()) if lives]


def _context(of: Material) -> Context:
    """And devices tell their states."""
    states = {name: [(s.start, s.end, s.state) for s in mine] for name, mine in of.spans.items()}
    return Context(_elsewhere(of), of.asked.calendars, states=states)


def causes_in(of: Material, work: Work | None = None) -> Causes | str:
    """The section of causes; where there is none, why not. `work` is that of the material, where it is known."""
    found = _split(of, of.asked.view, work)
    if found.unstarted == found.steps:
        return "no step has a start of its own, so waiting cannot be told from work"
    if found.unassigned == found.steps:
        return "no step names who carried it out"
    return "nothing waits" if {part.cause for part in found.parts} <= {Cause.UNEXPLAINED} else found


def _relief(of: Material, known: Causes | None, work: Work | None) -> Reliefs | str:
    found = known if known is not None and known.perspective == "handover" else _split(of, "handover", work)
    reliefs = relief_of(of.inside, found, _context(of), work=work)
    return reliefs if reliefs.reliefs else reliefs.reason or "nothing waits"


def _confidence(of: Material) -> Confidence:
    return confidence_of(
        of.inside, of.object_type, of.ontology_version, of.left_out, of.flagged, min_frequency=of.asked.min_frequency
    )


def _times(of: Material) -> Times:
    since, until = of.asked.period
    return times_of(of.inside, of.object_type, of.ontology_version, of.left_out, since=since, until=until)


def _flow(of: Material) -> Flow:
    """Of all objects of the type: those that the period cuts are in progress in it too."""
    since, until = of.asked.period
    lives = {**of.inside, **of.outside}
    return flow_of(
        lives, of.object_type, of.ontology_version, of.left_out, since=since, until=until, calendars=of.asked.calendars
    )


def _together(of: Material) -> Together | None:
    """Of the activities that these objects go through; None where none of their events has a second object."""
    others = {name: lives for name, lives in of.others.items() if lives}
    found = together_of({of.object_type: of.inside, **others}, of.ontology_version, of.left_out)
    mine = {step.activity for life in of.inside.values() for step in life}
    activities = tuple(activity for activity in found.activities if activity.activity in mine)
    return replace(found, activities=activities) if activities else None


def _machines(of: Material, waits: Bottlenecks) -> Machines | str:
    if not of.spans:
        return "nothing that carries out these steps reports its states"
    since, until = of.asked.period
    found = machines_of(of.spans, of.machine_class, of.ontology_version, since=since, until=until)
    return replace(found, process_view=beside(found, waits, performers(of.inside)))


def _change(of: Material) -> WindowChange | str:
    before = of.asked.period.before()
    if before is None:
        return "the period is open, so that none of the same length lies before it: give both of its ends"
    lives = {**of.inside, **of.outside}
    if not ended_within(lives, *before):
        return "no object ended in the period before"
    since, until = of.asked.period
    assert since is not None
    assert until is not None
    return change_of(lives, of.object_type, of.ontology_version, since, until, of.left_out)


def _attribution(of: Material, waits: Bottlenecks) -> Attribution | str:
    if not any(edge.total_seconds for edge in waits.edges):
        return "nothing waits"
    edges = [(edge.source, edge.target) for edge in waits.edges[:WORST] if edge.total_seconds]
    found = attribution_of(of.inside, of.around, edges, of.object_type, of.ontology_version)
    named = any(part.who for view in (found.whole.persons, found.whole.teams, found.whole.assets) for part in view)
    return found if named or found.reason is None else f"no step says who carried it out, and {found.reason}"


def lead_time(lives: Mapping[str, Sequence[Timed]]) -> LeadTime:
    """The whole and its parts, summed over the lives."""
    work, waiting, overlap = parts_of_lead_time(columns_of(lives))
    return LeadTime((work + waiting - overlap) / MICRO, work / MICRO, waiting / MICRO, overlap / MICRO)


def _instant(at: int | None) -> Instant | None:
    return None if at is None else Instant(at)


def evidence_of(edges: Sequence[Handover], lives: Mapping[str, Sequence[Timed]]) -> tuple[WaitEvidence, ...]:
    """The examples of these handovers with their steps' times and resources, looked up in the lives that they came from."""
    return tuple(WaitEvidence(edge.source, edge.target, tuple(_waits_seen(edge, lives))) for edge in edges)


def _waits_seen(edge: Handover, lives: Mapping[str, Sequence[Timed]]) -> list[WaitSeen]:
    found = []
    for example in edge.examples:
        a, b = next((a, b) for a, b in pairwise(lives[example.object]) if (a.step, b.step) == (example.previous, example.next))
        found.append(WaitSeen(Thing(example.object), _seen(a), _seen(b), example.seconds))
    return found


def _seen(step: Timed) -> StepSeen:
    return StepSeen(step.step, step.activity, Instant(step.start), Instant(step.end), step.resource)
