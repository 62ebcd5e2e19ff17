"""Texts and numbers of payloads → µs since the epoch, UTC, in whole-number arithmetic.

Times outside the years 1 to 9999 are bad: no calendar of a payload means them. A naive time is read in the zone that the rule
names (UTC by default); in the hour that the end of summer time repeats, the first of the two (PEP 495, fold=0).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z in µs."""
LATEST = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z in µs."""

UNITS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
"""The number formats, and the µs of one unit of each."""
ISO = "iso8601"

Clock = Callable[[Any], int]
"""A reader of times: raw value → µs; ValueError or TypeError where it is none."""


class TimeFormat(NamedTuple):
    """`pattern` is `iso8601`, one of UNITS, or a strptime pattern; `zone` the IANA name for naive times."""

    pattern: str = ISO
    zone: str = "UTC"


def micros(moment: datetime) -> int:
    """µs of an aware datetime, exactly."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def iso(at: int) -> str:
    """µs as ISO 8601: `2026-03-02T07:15:00.250000Z`, without a fraction of zero. `at` is within the years 1 to 9999."""
    return (EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


def clock(form: TimeFormat) -> Clock:
    """The reader for a format. ValueError where pattern or zone make no sense."""
    if form.pattern in UNITS:
        return _number_clock(UNITS[form.pattern])
    zone: tzinfo = UTC if form.zone == "UTC" else _zone(form.zone)
    if form.pattern == ISO:
        return _text_clock(datetime.fromisoformat, zone)
    if "%" not in form.pattern:
        raise ValueError(
            f"{form.pattern!r} is no time format: use iso8601, {', '.join(UNITS)} or a strptime pattern such as %d.%m.%Y %H:%M"
        )
    pattern = form.pattern
    datetime.strptime(datetime(2024, 2, 29, tzinfo=UTC).strftime(pattern), pattern)
    return _text_clock(lambda text: datetime.strptime(text, pattern), zone)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}: use an IANA name such as Europe/Berlin") from None


def _text_clock(parse: Callable[[str], datetime], zone: tzinfo) -> Clock:
    def read(raw: Any) -> int:
        try:
            moment = parse(raw)
        except ValueError:
            if raw == raw.strip():
                raise
            moment = parse(raw.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        delta = moment - EPOCH
        at = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
        if EARLIEST <= at <= LATEST:
            return at
        raise ValueError("outside the years 1 to 9999")

    return read


def _number_clock(unit: int) -> Clock:
    def read(raw: Any) -> int:
        kind = type(raw)
        if kind is int:
            at = raw * unit
        elif kind is float or kind is str:
            # repr() of a double is the shortest decimal that means it, so 1700000000.123456 keeps its last digit.
            at = _whole(raw if kind is str else repr(raw), unit)
        else:
            raise TypeError("not a number")
        if EARLIEST <= at <= LATEST:
            return int(at)
        raise ValueError("outside the years 1 to 9999")

    return read


def _whole(text: str, unit: int) -> int:
    if len(text) > 40 or not text.isascii() or "_" in text:
        raise ValueError("not a number")
    try:
        number = Decimal(text)
        # A huge exponent would make the whole number huge before the range check could refuse it.
        if not number.is_finite() or number.adjusted() > 20:
            raise ValueError("outside the years 1 to 9999")
        return int((number * unit).to_integral_value())
    except InvalidOperation:
        raise ValueError("not a number") from None
