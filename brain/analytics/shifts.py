"""The calendars by which people and machines are seen to work, discovered from a log.

A resource was **seen** in an hour of a date if a step of its began in it, or was under way from before its beginning to its end
and took no more than a shift; the hour in which a step ends proves nothing, for what has begun is finished. As in Lopez-Pintado
and Dumas (*Discovery and simulation of business processes with probabilistic resource availability calendars*, ICPM 2023) the
week is cut into hours, and an hour is worked if the resource was seen in it on enough of the dates. What is enough depends on
how often it is seen when it works: an hour is **off** where it was seen on less than a tenth as many dates as in its usual hours,
and would be so by chance in less than one case in a thousand (lower tail of the binomial distribution). This is asked of each
weekday, of each hour over the weekdays that are worked, and of each hour of each weekday. Where the log is too short to tell, the
hour counts as worked, so that no wait is put down to a shift that nobody has seen end.

Too few sightings say nothing of one person: then the pool decides, who are those that do the same work; then everyone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from brain.analytics.calendars import ALWAYS, ANYONE, DAY, HOUR, Calendar, Zone, calendar
from brain.analytics.occupation import Job

SHIFT = 8 * HOUR
LEAST_SIGHTINGS = 20
LEAST_DATES = 5
LESS = 0.1
CHANCE = 0.001
THURSDAY = 3
"""The weekday of the first day of the epoch; Monday is 0."""

Basis = Literal["given", "own", "pool", "everyone", "unknown"]
"""What a calendar rests on: somebody wrote it; the resource's own sightings; its pool's; everyone's; nothing (then: always)."""


class Shift(NamedTuple):
    """When a resource works. Of its steps, `covered` began in working time: the support of the calendar."""

    calendar: Calendar
    basis: Basis
    steps: int
    covered: int


def shifts(work: Mapping[str, Sequence[Job]], given: Mapping[str, Calendar], zone: str = "UTC") -> dict[str, Shift]:
    """The calendar of each resource: the one given for it, or for ANYONE; else the one by which it is seen to work."""
    anyone = given.get(ANYONE)
    told = {resource: given.get(resource, anyone) for resource in work}
    seen = _discovered({resource: jobs for resource, jobs in work.items() if told[resource] is None}, zone)
    found = {}
    for resource, jobs in work.items():
        mine = told[resource]
        weekly, basis = seen[resource] if mine is None else (mine, "given")
        covered = len(jobs) if weekly.always else sum(weekly.is_working(job.start) for job in jobs)
        found[resource] = Shift(weekly, basis, len(jobs), covered)
    return found


def _discovered(work: Mapping[str, Sequence[Job]], zone: str) -> dict[str, tuple[Calendar, Basis]]:
    clock = Zone(zone)
    seen = {resource: frozenset(_hours(jobs, clock)) for resource, jobs in work.items()}
    trades = {resource: _trade(jobs) for resource, jobs in work.items()}
    pools: defaultdict[str, set[int]] = defaultdict(set)
    for resource, hours in seen.items():
        pools[trades[resource]] |= hours
    everyone = frozenset().union(*seen.values())
    calendars: dict[frozenset[int], Calendar] = {frozenset(): ALWAYS}
    found = {}
    for resource, hours in seen.items():
        basis, rests_on = _basis(hours, frozenset(pools[trades[resource]]), everyone)
        if rests_on not in calendars:
            calendars[rests_on] = _weekly(rests_on, zone)
        found[resource] = calendars[rests_on], basis
    return found


def _basis(own: frozenset[int], pool: frozenset[int], everyone: frozenset[int]) -> tuple[Basis, frozenset[int]]:
    ways: tuple[tuple[Basis, frozenset[int]], ...] = (("own", own), ("pool", pool), ("everyone", everyone))
    for basis, hours in ways:
        if len(hours) >= LEAST_SIGHTINGS and len({hour // 24 for hour in hours}) >= LEAST_DATES:
            return basis, hours
    return "unknown", frozenset()


def _trade(jobs: Sequence[Job]) -> str:
    """The activity that is most often done; of several the first by name."""
    counts = Counter(job.activity for job in jobs)
    return min(counts, key=lambda activity: (-counts[activity], activity))


def _hours(jobs: Iterable[Job], clock: Zone) -> Iterator[int]:
    """The hours of the wall clock in which the resource was seen, counted from the epoch."""
    for job in jobs:
        first = (job.start + clock.ahead(job.start)) // HOUR
        yield first
        if HOUR // 2 < job.end - job.start <= SHIFT:
            yield from range(first + 1, (job.end + clock.ahead(job.end)) // HOUR)


def _weekly(hours: Iterable[int], zone: str) -> Calendar:
    """The calendar for sightings in these hours."""
    seen = Counter(((hour // 24 + THURSDAY) % 7, hour % 24) for hour in hours)
    dates = {hour // 24 for hour in hours}
    days = Counter((date + THURSDAY) % 7 for date in range(min(dates), max(dates) + 1))
    present = Counter((date + THURSDAY) % 7 for date in dates)
    usual = _usual([(present[day], days[day]) for day in range(7)])
    worked = [day for day in range(7) if not _off(present[day], days[day], usual, 7)]
    span = sum(days[day] for day in worked)
    by_hour = [sum(seen[day, hour] for day in worked) for hour in range(24)]
    usual = _usual([(count, span) for count in by_hour])
    week = []
    for hour, count in enumerate(by_hour):
        if not _off(count, span, usual, 24):
            kept = [day for day in worked if not _off(seen[day, hour], days[day], (count + 1) / (span + 2), 7 * 24)]
            week += [(day * DAY + hour * HOUR, day * DAY + (hour + 1) * HOUR) for day in kept]
    return calendar(week, zone)


def _usual(counts: Sequence[tuple[int, int]]) -> float:
    """The share of dates on which the resource is seen at a usual time, out of its sightings and the dates of each time: the mean
    over its sightings, not over the times; drawn towards a half as by two dates more, since few dates are no certainty."""
    share = sum(count * count for count, _ in counts) / sum(count * dates for count, dates in counts)
    dates = sum(dates for count, dates in counts if count)
    return (share * dates + 1) / (dates + 2)


def _off(seen: int, dates: int, usual: float, asked: int) -> bool:
    """Whether it cannot be by chance that the resource was seen on so few dates, if this is a usual time and one of `asked` times
    that are looked at (Bonferroni)."""
    if seen >= LESS * usual * dates:
        return False
    chance, term = 0.0, (1 - usual) ** dates
    for k in range(seen + 1):
        chance += term
        term *= (dates - k) / (k + 1) * usual / (1 - usual)
    return chance < CHANCE / asked
