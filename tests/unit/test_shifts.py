"""Calendars discovered from the times at which resources were seen to work. Seeded logs, whose shifts are known."""

from collections.abc import Iterable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.calendars import ALWAYS, DAY, HOUR, MONDAY, WEEK, Calendar, calendar
from brain.analytics.given_calendars import given_calendars
from brain.analytics.occupation import Job
from brain.analytics.shifts import shifts

MINUTE = HOUR // 60


def jobs(starts: Iterable[int], took: int = 20 * MINUTE, activity: str = "Weld") -> list[Job]:
    return [Job(at, at + took, f"s{at}", activity, at, at) for at in sorted(starts)]


def seen(works: Calendar, weeks: int, chance: float, seed: int = 1) -> list[int]:
    """Starts in this share of the hours that are worked, in each at some minute."""
    random = Random(seed)
    begin = MONDAY + 3000 * WEEK
    hours = [at for a, b in works.intervals(begin, begin + weeks * WEEK) for at in range(a, b, HOUR)]
    return [at + random.randrange(40) * MINUTE for at in hours if random.random() < chance]


def week(days: Iterable[int], since: int, until: int, zone: str = "UTC") -> Calendar:
    return calendar([(day * DAY + since * HOUR, day * DAY + until * HOUR) for day in days], zone)


def test_office_hours_of_four_weeks_are_found() -> None:
    office = week(range(5), 8, 16)
    found = shifts({"W": jobs(seen(office, 4, 0.6))}, {})["W"]
    assert (found.calendar, found.basis) == (office, "own")
    assert found.covered == found.steps == len(seen(office, 4, 0.6))


def test_a_night_shift_over_midnight_is_found() -> None:
    night = week(range(7), 22, 30)
    assert shifts({"W": jobs(seen(night, 4, 0.6))}, {})["W"].calendar == night


def test_in_its_zone_a_shift_is_found_although_clocks_change() -> None:
    # Week 2984 begins on Monday, 15 March 2027; summer time begins on the 28th.
    berlin = week(range(5), 6, 14, "Europe/Berlin")
    begin = MONDAY + 2984 * WEEK
    starts = [at for a, b in berlin.intervals(begin, begin + 5 * WEEK) for at in range(a, b, HOUR)]
    assert shifts({"W": jobs(starts)}, {}, "Europe/Berlin")["W"].calendar == berlin


def test_who_is_seen_seldom_but_at_all_hours_is_always_there() -> None:
    assert shifts({"W": jobs(seen(ALWAYS, 2, 0.2))}, {})["W"].calendar == ALWAYS


def test_a_log_too_short_to_tell_claims_no_days_off() -> None:
    # One week of office hours: that nobody was there on one Saturday may be chance, so all days count; the hours are clear.
    found = shifts({"W": jobs(seen(week(range(5), 8, 16), 1, 0.95))}, {})["W"].calendar
    assert found == week(range(7), 8, 16)


def test_an_hour_of_overtime_now_and_then_is_no_working_hour() -> None:
    starts = seen(week(range(5), 8, 16), 20, 0.9)
    late = MONDAY + 3003 * WEEK + 19 * HOUR
    found = shifts({"W": jobs([*starts, late])}, {})["W"]
    assert found.calendar == week(range(5), 8, 16)
    assert (found.steps - found.covered, found.steps) == (1, len(starts) + 1)


def test_few_sightings_take_the_pools_calendar_or_everyones() -> None:
    office, night = week(range(5), 8, 16), week(range(7), 22, 30)
    work = {
        "W": jobs(seen(office, 6, 0.6)),
        "X": jobs(seen(office, 6, 0.6)[:3]),
        "N": jobs(seen(night, 6, 0.6), activity="Guard"),
        "Y": jobs(seen(office, 6, 0.6)[:1], activity="Audit"),
    }
    found = shifts(work, {})
    assert (found["X"].basis, found["X"].calendar) == ("pool", office)
    assert (found["N"].basis, found["N"].calendar) == ("own", night)
    assert found["Y"].basis == "everyone"
    assert all(found["Y"].calendar.is_working(MONDAY + hour * HOUR) for hour in (8, 15, 22, 29))
    assert not found["Y"].calendar.is_working(MONDAY + 18 * HOUR)
    nobody = shifts({"Y": work["Y"]}, {})["Y"]
    assert (nobody.basis, nobody.calendar) == ("unknown", ALWAYS)


def test_a_long_step_proves_the_hours_between_and_not_that_in_which_it_ends() -> None:
    # Each day from 8:00 to 15:30, and nothing else: 8 to 15 are worked. A step of a day and a half proves its beginning alone.
    days = [MONDAY + day * DAY + 8 * HOUR for day in range(40)]
    assert shifts({"W": jobs(days, 7 * HOUR + 30 * MINUTE)}, {})["W"].calendar == week(range(7), 8, 15)
    assert shifts({"W": jobs(days, 36 * HOUR)}, {})["W"].calendar == week(range(7), 8, 9)


def test_what_is_given_is_taken_and_is_judged_by_what_was_seen() -> None:
    given_ = given_calendars('W: {mon-sun: ["08:00-12:00"]}\n"*": always')
    starts = [MONDAY + hour * HOUR for hour in (8, 9, 14)]
    found = shifts({"W": jobs(starts), "X": jobs(starts)}, given_)
    assert [(s.calendar, s.basis, s.steps, s.covered) for s in found.values()] == [
        (given_["W"], "given", 3, 2),
        (ALWAYS, "given", 3, 3),
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 23), st.integers(4, 12), st.sets(st.integers(0, 6), min_size=2), st.integers(0, 999))
def test_hours_of_a_known_week_are_found(since: int, length: int, days: set[int], seed: int) -> None:
    works = week(days, since, since + length)
    found = shifts({"W": jobs(seen(works, 8, 0.9, seed))}, {})["W"].calendar
    # Nothing that is worked is missed. What is not is found where a whole weekday or an hour of all days is off.
    assert list(works.gaps(MONDAY, MONDAY + WEEK)) or found == ALWAYS
    assert all(found.is_working(at) for a, b in works.intervals(MONDAY, MONDAY + WEEK) for at in range(a, b, HOUR))
    worked = {at % DAY // HOUR for a, b in works.week for at in range(a, b, HOUR)}
    assert {at % DAY // HOUR for a, b in found.week for at in range(a, b, HOUR)} == worked
