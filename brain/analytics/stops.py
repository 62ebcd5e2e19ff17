"""When what stops by itself will stop again: an alternating renewal process of the times for which it was up and down so far."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

from brain.analytics.calendars import Interval, merged
from brain.analytics.occupation import Reported, told
from brain.analytics.queues import STOPS


class Stops(NamedTuple):
    """How long it was up and down each time, µs; whether it is `down` at the moment, and since when it is so."""

    ups: Sequence[int]
    downs: Sequence[int]
    since: int
    down: bool


def stops_of(states: Mapping[str, Sequence[Reported]], first: int, at: int) -> dict[str, Stops]:
    """Of each resource that had stopped and gone on again by then, what was told of it from `first` until `at`, µs."""
    found = {}
    for name, reported in states.items():
        spans = [*merged(sorted((p.start, p.end) for p in told(reported) if p.cause in STOPS and p.start <= at))]
        ended = [span for span in spans if span[1] <= at]
        if ended:
            ups = [b[0] - a[1] for a, b in pairwise([(first, first), *spans]) if b[0] > a[1]]
            down = len(ended) < len(spans)
            found[name] = Stops(ups or [at - first], [b - a for a, b in ended], spans[-1][0] if down else spans[-1][1], down)
    return found


def next_stops(stops: Stops, random: Random, at: int, until: int) -> Iterator[Interval]:
    """Of the time from `at` until then, drawn: what holds at `at` lasts for one of the times that are longer than it has already,
    where one was seen, else for one more."""
    spent, down = at - stops.since, stops.down
    while at < until:
        seen = stops.downs if down else stops.ups
        longer = [time - spent for time in seen if time > spent]
        ends = at + random.choice(longer or seen)
        if down:
            yield at, ends
        at, spent, down = ends, 0, not down
