"""Calendars that somebody wrote, in YAML or JSON:

    "*":           {mon-fri: ["08:00-12:00", "13:00-17:00"], zone: Europe/Berlin, holidays: [2026-12-25]}
    person/PHA-1:  {mon-thu: ["22:00-06:00"], zone: Europe/Berlin}
    asset/ROB-1:   always

Keys are ids of resources, `*` all that are not named. An interval that ends at or before its start ends on the next day; `24:00`
is the midnight that ends a day. Without a zone times are UTC; a holiday is a date that is off from midnight to midnight.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

import yaml

from brain.analytics.calendars import ALWAYS, ANYONE, DAY, DAYS, HOUR, Calendar, Interval, calendar
from brain.errors import Reject
from brain.schema import nearest

_SPAN = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)")


class BadCalendar(Reject):
    """A calendar that cannot be understood; the message says whose, and how to write it."""


def given_calendars(text: str) -> dict[str, Calendar]:
    """Each named resource's calendar, and that of all others under `*` where there is one. Raises BadCalendar."""
    try:
        # An alias of an alias of an alias is a text of gigabytes.
        if any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(text)):
            raise BadCalendar("write each calendar out: `&` and `*` before a name are not read")
        said = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as why:
        raise BadCalendar(f"no YAML or JSON: {why}") from why
    if not isinstance(said, Mapping):
        raise BadCalendar('calendars are a mapping of resources, as in: {"*": {mon-fri: ["08:00-17:00"]}}')
    return {str(who): _calendar(str(who), what) for who, what in said.items()}


def known_resources(calendars: Mapping[str, Calendar], resources: Collection[str]) -> None:
    """Raises BadCalendar where one is for a resource that is not among these: it would say nothing, and nobody would know."""
    named = calendars.keys() - {ANYONE}
    if named and (unknown := sorted(named - set(resources))):
        known = dict.fromkeys(sorted(resources))
        some = ", ".join([*known][:5]) + (" …" if len(known) > 5 else "") or "nobody"
        raise BadCalendar(
            f"{unknown[0]}: a calendar is given, but no step here is carried out by it{nearest(unknown[0], known)};"
            f" those who carry out steps: {some}"
        )


def _calendar(who: str, said: Any) -> Calendar:
    if said == "always":
        return ALWAYS
    if not isinstance(said, Mapping):
        raise BadCalendar(f'{who}: write `always`, or days with their times, as in {{mon-fri: ["08:00-17:00"]}}')
    week = [span for key, spans in said.items() if key not in ("zone", "holidays") for span in _week(who, str(key), spans)]
    try:
        return calendar(week, str(said.get("zone", "UTC")), _holidays(who, said.get("holidays")))
    except (ValueError, TypeError) as why:
        raise BadCalendar(f"{who}: {why}") from why


def _week(who: str, days: str, spans: Any) -> Iterator[Interval]:
    if isinstance(spans, str) or not isinstance(spans, list):
        raise BadCalendar(f'{who}: {days} needs a list of times, as in ["08:00-12:00", "13:00-17:00"]')
    for day in _days(who, days):
        for span in spans:
            start, end = _span(who, span)
            yield day * DAY + start, day * DAY + (end if end > start else end + DAY)


def _days(who: str, text: str) -> Iterator[int]:
    first, _, last = text.lower().partition("-")
    for day in (first, last or first):
        if day not in DAYS:
            known = dict.fromkeys((*DAYS, "mon-fri", "zone", "holidays"))
            raise BadCalendar(f"{who}: unknown key {text!r}{nearest(text, known)}; keys are {', '.join(known)}")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return (day % 7 for day in range(start, (end if end >= start else end + 7) + 1))


def _span(who: str, text: Any) -> Interval:
    found = _SPAN.fullmatch(str(text).strip())
    if found:
        hour, minute, last_hour, last_minute = map(int, found.groups())
        start, end = (60 * hour + minute) * (HOUR // 60), (60 * last_hour + last_minute) * (HOUR // 60)
        if max(minute, last_minute) < 60 and start < DAY and end <= DAY:
            return start, end
    raise BadCalendar(f"{who}: {text!r} is no time of day to another, as in 08:00-17:00 or 22:00-06:00")


def _holidays(who: str, said: Any) -> list[date]:
    try:
        if isinstance(said, str):
            raise ValueError
        # A time of a day is a date to Python, and no day.
        return [date.fromisoformat(str(day)) for day in said or ()]
    except (ValueError, TypeError):
        raise BadCalendar(f"{who}: holidays are a list of dates, as in [2026-12-25, 2027-01-01], not {said!r}") from None
