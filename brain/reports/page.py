"""The page of a process report: what of it is shown, and in which words. The templates write it down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from brain.analytics.bottlenecks import Handover
from brain.analytics.causes import CausePart, Causes, EdgeCauses
from brain.analytics.confidence import Confidence, EdgeConfidence
from brain.analytics.process_report import ProcessReport, WaitEvidence, WaitSeen
from brain.reports.attributed import carrier_tables, state_rows
from brain.reports.certainty import edge_confidence, in_words, rank_remark
from brain.reports.charts import Part, gains, machine_rows, progress
from brain.reports.differences import most_moved
from brain.reports.finding import finding
from brain.reports.html import render
from brain.reports.process_map import WIDTHS, process_map
from brain.reports.why import Reason, edge_causes, fill_of, hours_told, reasons, stacked, waterfall
from brain.words import duration, moment, point, share, things

CARRIERS = 8
"""Resources that are listed with the waiting before them."""
ROWS = 10
"""Of other tables."""
OPEN = 1
"""Waits that are open when the page is; the others open at a click."""


@dataclass(frozen=True, slots=True)
class Card:
    """A key figure."""

    name: str
    figure: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A resource before which work waits."""

    name: str
    parts: tuple[Part, ...]
    spoken: str
    seconds: float
    mostly: str


@dataclass(frozen=True, slots=True)
class WorstWait:
    rank: int
    edge: Handover
    parts: tuple[Part, ...]
    spoken: str
    """The bar for those who do not see it."""
    remark: str
    says: tuple[str, ...]
    reasons: tuple[Reason, ...]
    evidence: tuple[WaitSeen, ...]

    @property
    def open(self) -> bool:
        return self.rank <= OPEN


@dataclass(frozen=True, slots=True)
class Meaning:
    name: str
    text: str


def report_page(report: ProcessReport, written: int) -> str:
    """The report as one HTML file, which needs nothing beside it. `written` is when, µs."""
    return render(
        "report.html",
        report=report,
        written=written,
        period=", ".join(filter(None, (_period(report), point(report.as_of, report.known_at)))),
        sentences=finding(report),
        cards=_cards(report),
        map=process_map(report.waits),
        widths=WIDTHS,
        worst=_worst(report),
        falls=waterfall(report.lead_time, report.waits.objects, report.causes) if report.causes else [],
        why=list(reasons(report.causes.parts)) if report.causes else [],
        carriers=list(_carriers(report.causes)) if report.causes else [],
        borne=carrier_tables(report.attribution.whole) if report.attribution else [],
        states=state_rows(report.attribution) if report.attribution else [],
        moved=most_moved(report.change.edges) if report.change else [],
        gains=gains(report.relief) if report.relief else None,
        rows_of_machines=machine_rows(report.machines) if report.machines else [],
        flow=report.flow,
        progress=progress(report.flow) if report.flow else None,
        synchronised=[a for a in report.together.activities if a.synchronisation.total_seconds] if report.together else [],
        rows=ROWS,
        causes_key=_key(report.causes) if report.causes else [],
        hours=hours_told(report.causes) if report.causes else "",
        definitions=list(_definitions(report)),
    )


def _period(report: ProcessReport) -> str:
    match report.since, report.until:
        case None, None:
            return "All that is known"
        case since, None:
            return f"Objects that ended since {moment(since)}"
        case None, until:
            return f"Objects that ended before {moment(until)}"
        case since, until:
            return f"Objects that ended from {moment(since)} until before {moment(until)}"


def _cards(report: ProcessReport) -> Iterator[Card]:
    waits = report.waits
    waiting = sum(edge.total_seconds for edge in waits.edges)
    yield Card("Objects", f"{waits.objects:,}", things(waits.steps, "step"))
    if report.times:
        sojourn = report.times.sojourn
        yield Card("Lead time, median", duration(sojourn.median_seconds), f"p95 {duration(sojourn.p95_seconds)}")
    yield Card("Waiting in all", duration(waiting), f"{duration(waiting / waits.objects)} an object" if waits.objects else "")
    if report.confidence:
        flagged = f"{report.confidence.flagged:,} flagged, {report.confidence.left_out:,} without a time"
        yield Card("Valid data", share(report.confidence.valid_share), flagged)
    working = sum(a.total_seconds for a in waits.activities)
    if working:
        yield Card("Work in all", duration(working), f"waiting is {share(waiting, waiting + working)} of both")


def _worst(report: ProcessReport) -> list[WorstWait]:
    waiting = sum(edge.total_seconds for edge in report.waits.edges)
    shown = {(e.source, e.target): e for e in report.evidence}
    why, sure = edge_causes(report.causes), edge_confidence(report.confidence)
    edges = [edge for edge in report.waits.edges if (edge.source, edge.target) in shown]
    return [
        _wait(rank, edge, waiting, shown[ends], why.get(ends), sure.get(ends), report.confidence)
        for rank, edge in enumerate(edges, 1)
        for ends in [(edge.source, edge.target)]
    ]


def _wait(
    rank: int,
    edge: Handover,
    waiting: float,
    evidence: WaitEvidence,
    why: EdgeCauses | None,
    sure: EdgeConfidence | None,
    confidence: Confidence | None,
) -> WorstWait:
    part = 100 * edge.total_seconds / waiting if waiting else 0.0
    parts = why.parts if why else ()
    return WorstWait(
        rank=rank,
        edge=edge,
        parts=stacked(parts, part) if parts else (Part("wait", 0.0, part),),
        spoken=f"{share(edge.total_seconds, waiting)} of all waiting",
        remark="; ".join(_remarks(edge, waiting, parts, sure)),
        says=tuple(in_words(sure, confidence)) if sure and confidence else (),
        reasons=tuple(reasons(parts)),
        evidence=evidence.waits,
    )


def _remarks(edge: Handover, waiting: float, parts: Sequence[CausePart], sure: EdgeConfidence | None) -> Iterator[str]:
    yield f"{share(edge.total_seconds, waiting)} of all waiting"
    if parts:
        yield f"mostly {parts[0].cause.value} ({share(parts[0].share)})"
    if remark := rank_remark(sure):
        yield remark


def _carriers(found: Causes) -> Iterator[Carrier]:
    named = [r for r in found.resources if r.resource is not None and r.parts][:CARRIERS]
    for resource in named:
        main = resource.parts[0]
        width = 100 * resource.seconds / named[0].seconds
        spoken = f"{share(resource.seconds, found.seconds)} of all waiting"
        mostly = f"{main.cause.value} ({share(main.share)})"
        yield Carrier(resource.resource or "", stacked(resource.parts, width), spoken, resource.seconds, mostly)


def _key(found: Causes) -> list[Card]:
    """What the colours mean; those that share a colour share an entry."""
    names: dict[str, list[str]] = {}
    for part in found.parts:
        names.setdefault(fill_of(part.cause), []).append(part.cause.value)
    return [Card(", ".join(causes), "", fill) for fill, causes in names.items()]


def _definitions(report: ProcessReport) -> Iterator[Meaning]:
    waits = report.waits
    yield Meaning("Waiting", waits.definition)
    if report.causes:
        yield Meaning("Causes", report.causes.definition)
        yield Meaning("Causes assume", "; ".join(report.causes.assumptions))
    if report.attribution:
        yield Meaning("Attribution", report.attribution.definition)
    if report.times:
        yield Meaning("Times", report.times.definition)
    if report.flow:
        yield Meaning("Work in progress", report.flow.definition)
    if report.together:
        yield Meaning("Objects that wait for each other", report.together.definition)
    if report.machines:
        yield Meaning("Machines", report.machines.definition)
        yield Meaning("States that count as waiting for others", ", ".join(report.machines.inactive_states))
    if report.change:
        yield Meaning("Against the period before", report.change.definition)
    if report.relief:
        yield Meaning("What would help", report.relief.definition)
    if report.confidence:
        yield Meaning("Confidence", report.confidence.definition)
    yield Meaning("Ontology", f"version {waits.ontology_version}")
    yield Meaning("Left out", f"{things(waits.left_out, 'step')} without a time that the definition uses")
