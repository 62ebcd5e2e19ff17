"""Causes of waiting as the page shows them: a waterfall of the lead time, and for each wait its parts in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from brain.analytics.causes import CauseExample, CausePart, Causes, EdgeCauses
from brain.analytics.occupation import Cause
from brain.analytics.process_report import LeadTime
from brain.reports.charts import Part
from brain.words import duration, share, things

MEANS: Mapping[Cause, str] = {
    Cause.SYNCHRONISATION: "it was not ready: something else had to be done first",
    Cause.BATCHING: "it waited until its batch was complete",
    Cause.STARVED: "the device had no material",
    Cause.BLOCKED: "the device could not pass on what it had done",
    Cause.HELD: "the device was held",
    Cause.SUSPENDED: "the device was suspended",
    Cause.CONTENTION: "whoever does it was busy with work that was ready earlier",
    Cause.PRIORITISATION: "whoever does it took work first that was ready later",
    Cause.UNAVAILABILITY: "whoever does it was off work or down",
    Cause.EXTRANEOUS: "whoever does it was there and did nothing that is recorded: other duties, transport, an external wait",
    Cause.UNEXPLAINED: "the log does not say who does it, or when it began",
}
DEVICE_STATES = frozenset((Cause.STARVED, Cause.BLOCKED, Cause.HELD, Cause.SUSPENDED))


@dataclass(frozen=True, slots=True)
class Fall:
    """A row of the waterfall: where the part begins and how long it is, of the whole; its mean for an object."""

    name: str
    about: str
    part: Part
    mean: str
    share: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause of one wait, and the stretches of time that show it."""

    name: str
    about: str
    seconds: float
    share: str
    waits: int
    examples: tuple[CauseExample, ...]


def hours_told(found: Causes) -> str:
    """Whose working hours were given, and how many were seen in the log; empty where none was given."""
    given = [hours.resource for hours in found.hours if hours.basis == "given"]
    if not given:
        return ""
    others = len(found.hours) - len(given)
    some = ", ".join(given[:5]) + (f" and {len(given) - 5:,} others" if len(given) > 5 else "")
    seen = f"those of {things(others, 'other resource')} as seen in the log" if others else "none is discovered"
    return f"Working hours of {some} as given; {seen}."


def fill_of(cause: Cause) -> str:
    return "state" if cause in DEVICE_STATES else cause.value


def waterfall(lead: LeadTime, objects: int, found: Causes) -> list[Fall]:
    """From the lead time down: work, then each cause; and up again by what happened at once, which both had counted.

    Empty in the enabled view: its waits overlap with work and do not add up to a lead time.
    """
    whole = lead.total_seconds + lead.overlap_seconds
    if found.perspective != "handover" or not whole:
        return []
    parts = [("Work", "steps under way", "processing", lead.work_seconds)]
    parts += [(p.cause.value.capitalize(), MEANS[p.cause], fill_of(p.cause), p.seconds) for p in found.parts]
    rows, left = [], 0.0
    for name, about, fill, seconds in parts:
        rows.append(_fall(name, about, Part(fill, 100 * left / whole, 100 * seconds / whole), seconds, objects, lead))
        left += seconds
    if lead.overlap_seconds:
        back = Part("unexplained", 100 * lead.total_seconds / whole, 100 * lead.overlap_seconds / whole)
        rows.append(_fall("At once", "counted twice above", back, -lead.overlap_seconds, objects, lead))
    total = Part("total", 0.0, 100 * lead.total_seconds / whole)
    return [*rows, _fall("Lead time", "from the first start to the last end", total, lead.total_seconds, objects, lead)]


def _fall(name: str, about: str, part: Part, seconds: float, objects: int, lead: LeadTime) -> Fall:
    return Fall(name, about, part, duration(seconds / objects), share(seconds, lead.total_seconds))


def edge_causes(found: Causes | None) -> dict[tuple[str, str], EdgeCauses]:
    """The causes of each handover, by its ends."""
    return {(e.source, e.target): e for e in found.edges if e.source is not None} if found else {}


def stacked(parts: Sequence[CausePart], width: float) -> tuple[Part, ...]:
    """The causes side by side in a bar that is so wide in all."""
    pieces, left = [], 0.0
    for part in parts:
        pieces.append(Part(fill_of(part.cause), left, width * part.share))
        left += width * part.share
    return tuple(pieces)


def reasons(parts: Sequence[CausePart]) -> Iterator[Reason]:
    for part in parts:
        about = "; ".join([MEANS[part.cause], *_inherited(part)])
        yield Reason(part.cause.value, about, part.seconds, share(part.share), part.waits, part.examples)


def _inherited(part: CausePart) -> Iterator[str]:
    """What a queue that grew for another reason left behind."""
    for left in part.inherited:
        yield f"up to {share(left.seconds, part.seconds)} of it is behind a queue that had grown before ({left.cause.value})"


def in_words(edge: EdgeCauses) -> str:
    """The largest cause of a wait as a sentence."""
    main = edge.parts[0]
    who = sorted({example.resource for example in main.examples if example.resource})
    seen = f" (seen with {', '.join(who)})" if who else ""
    told = "; ".join([f"{MEANS[main.cause]}{seen}", *_inherited(main)])
    return f"{share(main.share)} of that wait is {main.cause.value}: {told}."
