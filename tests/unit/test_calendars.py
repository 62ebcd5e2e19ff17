"""Working calendars, by hand where clocks change and shifts cross midnight, and by a naive sum over small slots."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.calendars import ALWAYS, DAY, HOUR, MONDAY, WEEK, Calendar, Interval, between, calendar, merged
from brain.analytics.given_calendars import BadCalendar, given_calendars

MINUTE = HOUR // 60


def utc(text: str) -> int:
    """µs of a time in UTC, `2026-03-28 20:00`."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def hours(duration: int) -> float:
    return duration / HOUR


OFFICE = given_calendars('"*": {mon-fri: ["08:00-12:00", "13:00-17:00"], zone: Europe/Berlin, holidays: [2026-12-25]}')["*"]
NIGHT = given_calendars('{"*": {"fri-sun": ["22:00-06:00"], "zone": "Europe/Berlin"}}')["*"]


def test_a_night_shift_goes_on_after_midnight() -> None:
    # Friday, 6 February 2026, 22:00 in Berlin is 21:00 UTC; it ends on Saturday at 05:00 UTC.
    start, end = utc("2026-02-06 21:00"), utc("2026-02-07 05:00")
    assert next(NIGHT.intervals(utc("2026-02-06 00:00"), utc("2026-02-07 12:00"))) == (start, end)
    assert [NIGHT.is_working(at) for at in (start - 1, start, end - 1, end)] == [False, True, True, False]
    # Sunday's shift ends on Monday, in the next week of the calendar.
    assert list(NIGHT.intervals(utc("2026-02-08 12:00"), utc("2026-02-09 12:00"))) == [
        (utc("2026-02-08 21:00"), utc("2026-02-09 05:00"))
    ]
    assert NIGHT.weekly_hours == 24.0


def test_summer_time_takes_an_hour_of_the_night_shift_and_its_end_gives_one() -> None:
    # Saturday, 28 March 2026, 22:00 (+1) to Sunday 06:00 (+2): 21:00 to 04:00 UTC, seven hours.
    spring = list(NIGHT.intervals(utc("2026-03-28 12:00"), utc("2026-03-29 12:00")))
    assert spring == [(utc("2026-03-28 21:00"), utc("2026-03-29 04:00"))]
    # Saturday, 24 October 2026, 22:00 (+2) to Sunday 06:00 (+1): 20:00 to 05:00 UTC, nine hours.
    assert hours(NIGHT.working(utc("2026-10-24 12:00"), utc("2026-10-25 12:00"))) == 9.0
    # Who works from 02:00 to 03:00 on Sundays does not work on that one in spring, and twice in autumn.
    small = calendar([(6 * DAY + 2 * HOUR, 6 * DAY + 3 * HOUR)], "Europe/Berlin")
    assert small.working(utc("2026-03-28 12:00"), utc("2026-03-29 12:00")) == 0
    assert hours(small.working(utc("2026-10-24 12:00"), utc("2026-10-25 12:00"))) == 2.0


def test_a_week_with_a_holiday() -> None:
    # Monday 21 to Thursday 24 December 2026, eight hours each; the 25th is off.
    monday, next_monday = utc("2026-12-20 23:00"), utc("2026-12-27 23:00")
    assert hours(OFFICE.working(monday, next_monday)) == 32.0
    assert hours(sum(b - a for a, b in OFFICE.gaps(monday, next_monday))) == 7 * 24 - 32
    assert not OFFICE.is_working(utc("2026-12-25 09:00"))
    # From Thursday 17:00 to Monday 08:00, Berlin.
    assert OFFICE.next_working(utc("2026-12-24 16:00")) == utc("2026-12-28 07:00")
    # Two hours of work from Thursday 16:00: one then, one on Monday until 09:00.
    assert OFFICE.after(utc("2026-12-24 15:00"), 2 * HOUR) == utc("2026-12-28 08:00")


def test_a_night_shift_is_cut_at_the_midnight_of_a_day_off() -> None:
    night = calendar([(4 * DAY + 22 * HOUR, 4 * DAY + 30 * HOUR)], off=[date(2026, 2, 7)])
    assert list(night.intervals(utc("2026-02-06 00:00"), utc("2026-02-08 00:00"))) == [
        (utc("2026-02-06 22:00"), utc("2026-02-07 00:00"))
    ]


def test_always_and_never() -> None:
    assert (ALWAYS.always, ALWAYS.is_working(7), ALWAYS.working(3, 10), ALWAYS.after(5, 2), ALWAYS.next_working(5)) == (
        True, True, 7, 7, 5,
    )  # fmt: skip
    never = calendar([])
    assert (never.is_working(7), never.working(3, 10), never.next_working(5), list(never.gaps(3, 10))) == (
        False,
        0,
        None,
        [(3, 10)],
    )


def test_work_that_is_done_when_a_shift_ends_is_done_then() -> None:
    early = calendar([(0, 2 * HOUR)])
    assert early.after(MONDAY, 2 * HOUR) == MONDAY + 2 * HOUR
    assert early.after(MONDAY, 2 * HOUR + 1) == MONDAY + WEEK + 1
    assert early.after(MONDAY + 2 * HOUR, 0) == MONDAY + WEEK


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("W: {mon: ['25:00-26:00']}", "W: '25:00-26:00' is no time of day to another"),
        ("W: {mon: ['08:00-24:30']}", "is no time of day"),
        ("W: {mon: 08:00-17:00}", "mon needs a list of times"),
        ("W: {mo: ['08:00-17:00']}", "unknown key 'mo'; did you mean 'mon'"),
        ("W: {mon: ['08:00-17:00'], zone: Mars/Base}", "W: unknown time zone 'Mars/Base'"),
        ("W: {mon: ['08:00-17:00'], holidays: [Christmas]}", "W: holidays are a list of dates, as in .*Christmas"),
        ("W: {mon: ['08:00-17:00'], holidays: 2026-12-25}", "W: holidays are a list of dates"),
        ("W: {mon: ['08:00-17:00'], holidays: [2026-12-25T08:00:00]}", "W: holidays are a list of dates"),
        ("W: {mon: ['08:00-17:00'], holidays: 5}", "W: holidays are a list of dates"),
        ("W: sometimes", "write `always`, or days"),
        ("[W]", "a mapping of resources"),
        ("W: {", "no YAML or JSON"),
    ],
)
def test_a_calendar_that_cannot_be_understood_is_refused_with_the_mend(text: str, says: str) -> None:
    with pytest.raises(BadCalendar, match=says):
        given_calendars(text)


def test_days_may_go_round_the_week_and_times_until_midnight() -> None:
    found = given_calendars("W: {sat-mon: ['16:00-24:00']}\nX: always")
    assert found["W"] == calendar((day * DAY + 16 * HOUR, (day + 1) * DAY) for day in (5, 6, 0))
    assert found["X"] is ALWAYS


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")
"""Lord Howe changes by half an hour; Apia left out a whole day, 30 December 2011."""
SLOT = 15 * MINUTE


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    slots = st.integers(0, WEEK // SLOT - 1)
    spans = draw(st.lists(st.tuples(slots, st.integers(1, 60)), max_size=6))
    off = draw(st.lists(st.dates(date(2011, 10, 1), date(2012, 4, 30)), max_size=4))
    return calendar([(a * SLOT, (a + n) * SLOT) for a, n in spans], draw(st.sampled_from(ZONES)), off)


STARTS = st.integers(utc("2011-10-01 00:00") // SLOT, utc("2012-04-20 00:00") // SLOT).map(lambda slot: slot * SLOT)


def worked(one: Calendar, at: int) -> bool:
    """The definition: what the wall clock shows."""
    wall = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(ZoneInfo(one.zone))
    time = wall.weekday() * DAY + ((wall.hour * 60 + wall.minute) * 60 + wall.second) * 1_000_000 + wall.microsecond
    return wall.date() not in one.off and any(a <= time < b for a, b in one.week)


@settings(max_examples=150, deadline=None)
@given(calendars(), STARTS, st.integers(0, 9 * DAY // SLOT), st.integers(0, SLOT - 1), st.integers(0, SLOT - 1))
def test_working_time_is_the_sum_of_its_slots(one: Calendar, start: int, slots: int, late: int, less: int) -> None:
    # Clocks here show whole quarters of an hour at the quarters of UTC, so that a slot is worked as a whole or not at all.
    end = start + slots * SLOT
    begins = [start + i * SLOT for i in range(slots)]
    slotwise = [at for at in begins if worked(one, at)]
    assert one.working(start, end) == len(slotwise) * SLOT
    assert [at for at in begins if one.is_working(at)] == slotwise
    assert list(one.intervals(start, end)) == list(merged((at, at + SLOT) for at in slotwise))
    first = next((at for at in begins if worked(one, at)), None)
    if first is not None:
        assert one.next_working(start) == first
    # Any instants: the ends cut their slots.
    a, b = start + late, end - less
    cut = [(max(at, a), min(at + SLOT, b)) for at in slotwise]
    assert one.working(a, b) == sum(max(y - x, 0) for x, y in cut)
    assert one.working(a, b) + sum(y - x for x, y in one.gaps(a, b)) == max(b - a, 0)


@settings(max_examples=100, deadline=None)
@given(calendars(), STARTS, st.integers(0, 30 * HOUR))
def test_work_takes_its_own_time_of_working_time(one: Calendar, start: int, work: int) -> None:
    done = one.after(start, work)
    if not one.week:
        assert done is None
    else:
        assert done is not None
        assert one.working(start, done) == work
        # Nothing was put off: just before, less was done.
        assert one.is_working(done - 1 if work else done)


INTERVALS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(INTERVALS)
def test_merged_intervals_are_the_union(parts: list[Interval]) -> None:
    found = list(merged(sorted(parts)))
    assert {t for a, b in found for t in range(a, b)} == {t for a, b in parts for t in range(a, b)}
    assert all(a < b for a, b in found)
    assert all(b < c for (_, b), (c, _) in pairwise(found))


@given(INTERVALS, st.integers(0, 30), st.integers(0, 30))
def test_what_intervals_leave_free_is_the_rest(parts: list[Interval], start: int, end: int) -> None:
    held = list(merged(sorted(parts)))
    free = {t for a, b in between(held, start, end) for t in range(a, b)}
    assert free == set(range(start, end)) - {t for a, b in held for t in range(a, b)}


def test_a_text_that_refers_to_itself_is_refused_before_it_grows() -> None:
    bomb = "zone: [&a [x, x], &b [*a, *a], &c [*b, *b]]"
    with pytest.raises(BadCalendar, match="write each calendar out"):
        given_calendars(bomb)
    with pytest.raises(BadCalendar, match="no YAML or JSON"):
        given_calendars("[" * 3000)
