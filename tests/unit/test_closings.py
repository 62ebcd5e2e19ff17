"""Hours in which nobody begins, told by work that waited though somebody was free: worked by hand, and on simulated plants."""

from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.calendars import DAY, HOUR, MONDAY
from brain.analytics.causes import Context
from brain.analytics.closings import Kept, open_hours
from brain.analytics.queues import queues_of
from tests.plants import plant, run

BUSY = range(2, 20)
"""The hours in which work is begun, at half past."""


def at(day: int, hours: float) -> int:
    return MONDAY + day * DAY + round(hours * HOUR)


def days(nights: int, *, closes: float = 21.2) -> list[Kept]:
    """Four days; in the first of their nights something comes, and is begun at two in the morning."""
    work = [Kept(at(day, hour + 0.5), at(day, hour + 0.5)) for day in range(4) for hour in BUSY]
    return work + [Kept(at(day, closes), at(day + 1, 2)) for day in range(nights)]


def test_three_nights_of_waiting_are_told_and_two_may_be_chance() -> None:
    # 72 found somebody free by day, none was kept waiting: e = 1/74. 24 e = 0.32; 24 e² = 0.0044; 24 e³ = 0.00006 < 0.001.
    assert open_hours(days(1), "UTC") is None
    assert open_hours(days(2), "UTC") is None
    found = open_hours(days(3), "UTC")
    assert found is not None
    # Who would have come at eight nobody knows: the first that was kept waiting came after nine.
    assert [*found.gaps(at(0, 0), at(1, 12))] == [(at(0, 0), at(0, 2)), (at(0, 21), at(1, 2))]


def test_what_waits_by_day_too_tells_of_no_night() -> None:
    # Every other one waits: e = (36 + 1) / (72 + 2) = 1/2, and 24 / 2³ is no small chance.
    work = days(3)
    slow = [Kept(one.free - HOUR // 4, one.start) if i % 2 and i < 72 else one for i, one in enumerate(work)]
    assert open_hours(slow, "UTC") is None


def test_many_in_one_night_are_one_night() -> None:
    assert open_hours([*days(1), *(Kept(at(0, 22), at(1, 2)) for _ in range(9))], "UTC") is None


def test_the_hours_are_those_of_the_zone() -> None:
    # In Kolkata it is five and a half hours later; what is begun there at half past is begun at a full hour of UTC.
    found = open_hours([Kept(one.free - 11 * HOUR // 2, one.start - 11 * HOUR // 2) for one in days(3)], "Asia/Kolkata")
    assert found is not None
    assert [*found.gaps(at(0, 2), at(0, 22))] == [(at(0, 15.5), at(0, 20.5))]


@given(st.lists(st.integers(0, 20 * DAY), max_size=80))
def test_where_nothing_waits_nothing_is_closed(begun: list[int]) -> None:
    assert open_hours([Kept(MONDAY + at, MONDAY + at) for at in begun], "UTC") is None


def test_simulated_stations_are_closed_when_they_are() -> None:
    found = missed = wrong = 0
    for seed in range(50_000, 50_010):
        truth = plant(seed)
        floor = queues_of(run(truth).lives, Context(), 10_000, closings=True).floor
        for name, station in truth.stations.items():
            if name in floor.activities and not station.breakdowns:
                away = floor.away[floor.pools[floor.activities.index(name)][0]]
                shift = station.shift
                days = [(start // HOUR % 24, -(-end // HOUR) % 24) for start, end in away[1:-1]]
                if shift is None:
                    wrong += len(days) > 0
                else:
                    true = (shift.closes % 24, shift.opens)
                    exact = [day == true for day in days]
                    found, missed = found + any(exact), missed + (not any(exact))
                    wrong += any(not _within(day, true) for day in days)
    assert found >= 5 * missed
    assert wrong == 0


def _within(told: tuple[int, int], true: tuple[int, int]) -> bool:
    """Whether hours of the day, from one to another round midnight, are among others."""
    length = (true[1] - true[0]) % 24
    return (told[0] - true[0]) % 24 + (told[1] - told[0]) % 24 <= length
