"""The hours of the day in which nobody begins an activity, told by work that waited then though somebody was free.

A log of two weeks is too short to tell by sightings alone (`shifts`) that nobody works from eight to midnight: few would have
been seen then anyway. What waits while somebody is free says more: where work begins at once outside of some hours and never in
them, though on several days some was there, they are closed. Be a share e of the work that finds somebody free outside of the
hours kept waiting all the same (by Laplace's rule of succession). If the hours were open, all work of n days would be kept
waiting in them with a probability of e to the n, for any of 24 beginnings; this has to be less than CHANCE.
"""

from collections.abc import Sequence
from typing import NamedTuple

from brain.analytics.calendars import DAY, HOUR, Calendar, Zone, calendar
from brain.analytics.shifts import CHANCE

HOURS = DAY // HOUR


class Kept(NamedTuple):
    """Work that found somebody free, and when it began, µs: later, if it was kept waiting."""

    free: int
    start: int


def open_hours(work: Sequence[Kept], zone: str) -> Calendar | None:
    """When an activity is begun, the same every day of the week; None where nothing tells that it ever is not."""
    clock = Zone(zone)
    wall = [Kept(one.free + clock.ahead(one.free), one.start + clock.ahead(one.start)) for one in work]
    begun = {one.start // HOUR % HOURS for one in wall}
    best: tuple[float, int, int] | None = None
    for first, length in _runs(begun):
        told = _told(wall, first, length)
        if told is not None and (best is None or told < best):
            best = told
    if best is None:
        return None
    _, closes, opens = best
    length = (closes - opens) % HOURS
    return calendar(((d * DAY + opens * HOUR, d * DAY + (opens + length) * HOUR) for d in range(7)), zone)


def _runs(begun: set[int]) -> list[tuple[int, int]]:
    """The longest runs of hours of the day, round midnight, in which nothing began: the first hour and how many they are."""
    found = []
    for hour in sorted(begun):
        length = next(i for i in range(HOURS) if (hour + 1 + i) % HOURS in begun)
        if length:
            found.append(((hour + 1) % HOURS, length))
    return found


def _told(wall: Sequence[Kept], first: int, length: int) -> tuple[float, int, int] | None:
    """By how much chance all work waited in these hours, from the first in which any did, and when they begin and end; None where
    that may be chance."""
    since = [one.free - first * HOUR for one in wall]
    inside = [at for at in since if at % DAY < length * HOUR]
    outside = [one for at, one in zip(since, wall, strict=True) if at % DAY >= length * HOUR]
    kept = (sum(one.free < one.start for one in outside) + 1) / (len(outside) + 2)
    chance = HOURS * kept ** len({at // DAY for at in inside})
    if chance >= CHANCE:
        return None
    closes = min(at % DAY // HOUR for at in inside)
    return chance, (first + closes) % HOURS, (first + length) % HOURS
