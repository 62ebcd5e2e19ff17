"""When a property of which only the latest value is kept was reported at all: the spans in which samples came.

A span is what is left of samples no more than SILENCE apart: the first with its event, and the time of the last. Spans are
the connected components of the samples under that distance, so they do not depend on the order in which samples come, nor on
repetitions; and they grow with the silences of a device, not with its samples.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

SILENCE = 60 * 60 * 1_000_000
"""µs. In any stretch of a span that is at least so long there is a sample. A shorter one would find shorter contradictions, and
make of every sample of a slow device a span: a device has at most 24 a day now, and all are written with each of its samples."""


class Span(NamedTuple):
    """Samples came from `start` to `end` (both µs, both included) without a silence; `event` of `source` was the first."""

    start: int
    event: str
    source: str
    end: int


def fuse(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same samples as disjoint spans in order of time."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start - found[-1].end <= SILENCE:
            if span.end > found[-1].end:
                found[-1] = found[-1]._replace(end=span.end)
        else:
            found.append(span)
    return tuple(found)


def add(spans: list[Span], time: int, event: str, source: str) -> None:
    """Add a sample to spans that `fuse` will put in order: at once where it lies behind the start of the last of them."""
    if spans:
        start, first, teller, end = spans[-1]
        if start < time <= end:
            return
        if end < time <= end + SILENCE:
            # For every sample, so by the tuple's own constructor: the named one costs twice as much.
            spans[-1] = tuple.__new__(Span, (start, first, teller, time))
            return
    spans.append(Span(time, event, source, time))


class Doubt(NamedTuple):
    """What was taken back, of which samples may still be in the spans: `events` as (event, source), the `times` at which they
    were where that is known, and of how many it is not."""

    events: frozenset[tuple[str, str]] = frozenset()
    times: frozenset[int] = frozenset()
    unknown: int = 0


def certain(spans: Sequence[Span], start: int, end: int | None, doubt: Doubt = Doubt()) -> list[Span]:
    """Those spans of which a sample that stands surely lies in the half-open interval [start, end); no end is for ever.

    An end of the span that lies inside is a sample; and so is something in an overlap as long as SILENCE, or as long as one more
    SILENCE for each sample that may be void.
    """
    found = []
    for span in spans:
        first = (span.event, span.source) not in doubt.events
        last = first if span.end == span.start else not doubt.unknown and span.end not in doubt.times
        inside = [start <= time and (end is None or time < end) for time in (span.start, span.end)]
        overlap = (span.end if end is None else min(span.end, end - 1)) - max(span.start, start)
        void = doubt.unknown + sum(span.start <= time <= span.end for time in doubt.times)
        if (first and inside[0]) or (last and inside[1]) or overlap >= SILENCE * (1 + void):
            found.append(span)
    return found
