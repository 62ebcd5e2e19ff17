"""An outlook in words and bars: who becomes late, by how much, when it is felt and by which way."""

from collections.abc import Iterator
from dataclasses import dataclass

from brain.analytics.breakdown import Breakdown
from brain.analytics.calibration import Interval
from brain.analytics.graph.impact import Impact, Part
from brain.analytics.outlook import Late, Outlook
from brain.reports.charts import Scale
from brain.reports.dependency_things import way_of
from brain.words import duration, moment, share, things

FOR_GOOD = "for good"


@dataclass(frozen=True, slots=True)
class LateRow:
    """An object that becomes late; `end` is when it would have ended, `spread` by how much later, seconds, it does in eight of
    ten replays, where that ends."""

    id: str
    probability: str
    delay: str
    end: str
    due: str
    felt: str
    way: str
    spread: Interval | None


def late_rows(found: Breakdown, outlook: Outlook) -> Iterator[LateRow]:
    for one in outlook.late:
        low, mid, high = one.delay_p10_seconds, one.delay_median_seconds, one.delay_p90_seconds
        yield LateRow(
            one.id,
            share(one.probability),
            delay_in_words(one),
            clock(one.undisturbed_end, outlook.at),
            due_in_words(one, outlook.at),
            felt_in_words(one, outlook.at),
            way(found, one, " → "),
            None if low is None or mid is None or high is None else Interval(low, mid, high),
        )


def delays(found: Breakdown) -> Scale:
    """One scale for by how much all of them become late, with nothing on it."""
    ends = [end for outlook in found.outlooks for one in outlook.late for end in (one.delay_p10_seconds, one.delay_p90_seconds)]
    told = [end for end in ends if end is not None]
    return Scale(min([0.0, *told]), max([0.0, *told]))


def sentence(outlook: Outlook) -> str:
    under_way = f"{len(outlook.late):,} of {outlook.running:,} that are under way on {moment(outlook.at)} become late"
    told = f"{under_way}, by more than {duration(outlook.tolerance_seconds)}"
    if not outlook.in_time:
        return told
    return f"{told}; {things(outlook.in_time, 'more object')} would end later too, but before the due date"


def open_and_under_way(found: Impact, outlook: Breakdown) -> str:
    """Where the objects that are lost and those that an outlook is of are not as many: what either is."""
    lost = sum(one.count for one in found.counts if one.part is Part.OBJECT)
    running = sum(one.running for one in outlook.outlooks)
    if not outlook.outlooks or lost == running:
        return ""
    return (
        f"{things(lost, 'object')} lost: of these nothing says that their life is over. {running:,} under way: these have begun"
        " steps, and have not had their last; some of them may not need what is down, or not any more."
    )


def left(outlook: Outlook) -> Iterator[str]:
    """Who is left to do what."""
    for step in outlook.steps:
        yield f"{step.activity} without {', '.join(step.down)}: {', '.join(step.left) or 'nobody'} left to do it"


def unforeseen(outlook: Outlook) -> str:
    return f"Of {things(outlook.unforeseen, 'more object')} nothing can be said: nobody did before what they do."


def delay_in_words(one: Late) -> str:
    return _with_range(*map(_delay, (one.delay_p10_seconds, one.delay_median_seconds, one.delay_p90_seconds)))


def _delay(seconds: float | None) -> str:
    return FOR_GOOD if seconds is None else duration(seconds)


def due_in_words(one: Late, at: int) -> str:
    """The due date, and by how much it is past then; nothing where there is none, so that late is later than undisturbed."""
    if one.due is None:
        return ""
    past = FOR_GOOD if one.overdue_seconds is None else f"by {duration(one.overdue_seconds)}"
    return f"{clock(one.due, at)}; past it {past}"


def felt_in_words(one: Late, at: int) -> str:
    return _with_range(*(clock(instant, at) for instant in (one.impact_low, one.impact_median, one.impact_high)))


def _with_range(low: str, mid: str, high: str) -> str:
    return mid if low == high else f"{mid} ({low} to {high})"


def clock(instant: int, at: int) -> str:
    """The time of the day, with the date where it is another day's than that of `at`."""
    day, time = moment(instant)[:-3].split()
    return time if moment(at).startswith(day) else f"{day} {time}"


def way(found: Breakdown, one: Late, arrow: str) -> str:
    """The things on the way to the resource, then what it does."""
    down = next((resource for resource in found.resources if resource.id == one.resource), None)
    path = way_of(down, arrow) if down is not None else ""
    return arrow.join([path or one.resource or found.id, one.activity])
