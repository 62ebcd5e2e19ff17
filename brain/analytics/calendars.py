"""Working calendars: when a person, a team or a machine is there to work. All times are µs, all intervals half-open.

A calendar is a week of the wall clock in a time zone, less whole dates. An instant is working time where the wall clock then
shows a time of the week that is worked, on a date that is not off. So the hour that the end of summer time repeats is worked
twice, the one that its beginning leaves out not at all, and a night shift is cut at the midnight of a day off.

`given_calendars` reads calendars that somebody wrote; `shifts` discovers them from a log.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from brain.analytics.lives import MICRO

HOUR = 3600 * MICRO
DAY = 24 * HOUR
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""The first Monday of the epoch, 1970-01-05."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ANYONE = "*"
"""Stands for all resources that have no calendar of their own."""
EPOCH_DAY = date(1970, 1, 1).toordinal()

Interval = tuple[int, int]
"""From (included) until (excluded), µs."""


def merged(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """The union of intervals in ascending order of their starts, as disjoint intervals that do not touch; empty ones left out."""
    held: Interval | None = None
    for start, end in intervals:
        if start >= end:
            continue
        if held is not None and start <= held[1]:
            held = held[0], max(held[1], end)
        else:
            if held is not None:
                yield held
            held = start, end
    if held is not None:
        yield held


def between(intervals: Iterable[Interval], start: int, end: int) -> Iterator[Interval]:
    """What disjoint intervals in ascending order leave free of [start, end)."""
    for a, b in intervals:
        if start < min(a, end):
            yield start, min(a, end)
        start = max(start, b)
    if start < end:
        yield start, end


def common(some: Sequence[Interval], others: Sequence[Interval]) -> Iterator[Interval]:
    """The intersection of two unions of disjoint intervals in ascending order."""
    i = j = 0
    while i < len(some) and j < len(others):
        start, end = max(some[i][0], others[j][0]), min(some[i][1], others[j][1])
        if start < end:
            yield start, end
        if some[i][1] < others[j][1]:
            i += 1
        else:
            j += 1


class Zone:
    """The wall clock of a time zone, by its IANA name. Raises ValueError for an unknown one."""

    def __init__(self, name: str) -> None:
        try:
            self._zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError) as why:
            raise ValueError(f"unknown time zone {name!r}: use an IANA name such as Europe/Berlin") from why
        self._fixed = name == "UTC"

    def ahead(self, at: int) -> int:
        """By how many µs the wall clock is ahead of UTC at this instant."""
        if self._fixed:
            return 0
        ahead = datetime.fromtimestamp(at // MICRO, self._zone).utcoffset()
        assert ahead is not None
        return (ahead.days * 86_400 + ahead.seconds) * MICRO + ahead.microseconds

    def stretches(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """[start, end) in stretches in which the clock is not changed, each with by how much it is ahead. Two changes within a
        day that undo each other would not be seen; there never were any."""
        while start < end:
            ahead = self.ahead(start)
            until = start
            while until < end and self.ahead(min(until + DAY, end)) == ahead:
                until = min(until + DAY, end)
            if until < end:
                until = self._change(until, min(until + DAY, end))
            yield start, until, ahead
            start = until

    def _change(self, before: int, after: int) -> int:
        """When the clock was changed, between two instants that differ: always at a whole second."""
        low, high, ahead = before // MICRO, -(-after // MICRO), self.ahead(before)
        while high - low > 1:
            middle = (low + high) // 2
            if self.ahead(middle * MICRO) == ahead:
                low = middle
            else:
                high = middle
        return high * MICRO


@cache
def _clock(zone: str) -> Zone:
    return Zone(zone)


@dataclass(frozen=True, slots=True)
class Calendar:
    """`week` are the worked intervals of a week, µs since Monday 00:00 of the wall clock in `zone` (an IANA name), merged and in
    order; on the dates `off` nobody works. Made by `calendar`.
    """

    week: tuple[Interval, ...]
    zone: str = "UTC"
    off: frozenset[date] = frozenset()
    _weeks: dict[int, tuple[Interval, ...]] = field(default_factory=dict, repr=False, compare=False)
    """Worked intervals by week of UTC, as they were asked for."""

    @property
    def always(self) -> bool:
        """Whether every instant is working time."""
        return self.week == ((0, WEEK),) and not self.off

    @property
    def weekly_hours(self) -> float:
        """Hours worked in a week without a day off."""
        return sum(end - start for start, end in self.week) / HOUR

    def is_working(self, at: int) -> bool:
        """Whether the instant is working time."""
        wall = at + _clock(self.zone).ahead(at)
        if self.off and _date(wall) in self.off:
            return False
        time = (wall - MONDAY) % WEEK
        i = bisect_right(self.week, (time, WEEK)) - 1
        return i >= 0 and time < self.week[i][1]

    def working(self, start: int, end: int) -> int:
        """Working time in [start, end), µs."""
        return sum(b - a for a, b in self.intervals(start, end))

    def intervals(self, start: int, end: int) -> Iterator[Interval]:
        """The working intervals of [start, end), in order, none touching the next."""
        if self.always:
            return merged([(start, end)])
        weeks = range((start - MONDAY) // WEEK, (end - 1 - MONDAY) // WEEK + 1) if start < end else ()
        return merged((max(a, start), min(b, end)) for week in weeks for a, b in self._week(week))

    def gaps(self, start: int, end: int) -> Iterator[Interval]:
        """The intervals of [start, end) that are no working time, in order, none touching the next."""
        return between(self.intervals(start, end), start, end)

    def next_working(self, at: int) -> int | None:
        """The first instant at or after this one that is working time; None where nobody ever works."""
        return self.after(at, 0)

    def after(self, at: int, work: int) -> int | None:
        """When this much work, µs, is done if it begins at the first working instant from `at` on and rests outside of working
        time; without work, that instant. None where nobody ever works."""
        if not self.week:
            return None
        if self.always:
            return at + work
        week = (at - MONDAY) // WEEK
        while True:
            for a, b in self._week(week):
                begun = max(a, at)
                if begun < b:
                    if work <= b - begun:
                        return begun + work
                    work -= b - begun
            week += 1

    def _week(self, number: int) -> tuple[Interval, ...]:
        known = self._weeks.get(number)
        if known is None:
            start = MONDAY + number * WEEK
            stretches = _clock(self.zone).stretches(start, start + WEEK)
            known = tuple(merged(i for a, b, ahead in stretches for i in self._stretch(a, b, ahead)))
            self._weeks[number] = known
        return known

    def _stretch(self, start: int, end: int, ahead: int) -> Iterator[Interval]:
        """Working intervals of a stretch of time in which the wall clock is `ahead` of UTC."""
        first, last = start + ahead, end + ahead
        for monday in range(first - (first - MONDAY) % WEEK, last, WEEK):
            for a, b in self.week:
                for c, d in self._less_off(max(monday + a, first), min(monday + b, last)):
                    yield c - ahead, d - ahead

    def _less_off(self, start: int, end: int) -> Iterator[Interval]:
        if not self.off or start >= end:
            yield start, end
            return
        days = (day for day in range(start - start % DAY, end, DAY) if _date(day) in self.off)
        yield from between(((day, day + DAY) for day in days), start, end)


def calendar(week: Iterable[Interval], zone: str = "UTC", off: Iterable[date] = ()) -> Calendar:
    """A calendar of intervals in µs since Monday 00:00, in any order; what ends after the week's end goes on at its beginning.

    Raises ValueError where the zone is unknown or an interval ends before it starts or after a week.
    """
    _clock(zone)
    parts: list[Interval] = []
    for start, end in week:
        if not 0 <= start <= end <= start + WEEK or start >= WEEK:
            raise ValueError(f"no interval of a week: {start} to {end} µs")
        parts += [(start, min(end, WEEK)), (0, end - WEEK)]
    return Calendar(tuple(merged(sorted(parts))), zone, frozenset(off))


ALWAYS = calendar([(0, WEEK)])
"""The calendar of who is always there."""


def _date(wall: int) -> date:
    return date.fromordinal(EPOCH_DAY + wall // DAY)
