"""The scalars that GraphQL lacks: instants to the microsecond, 64-bit integers, values of a payload."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from brain.errors import BadQuery
from brain.model import Instant

Long = NewType("Long", int)
Anything = NewType("Anything", object)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1


def instant_text(value: int) -> str:
    """RFC 3339 in UTC with six digits, so that text and time sort alike. Years 1 to 9999, else BadQuery."""
    try:
        moment = EPOCH + timedelta(microseconds=value)
    except OverflowError:
        mend = "correct the source's clock, or the time that was asked about"
        raise BadQuery(f"{value} µs lies outside the years 1 to 9999, which have text: {mend}") from None
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def instant_value(text: object) -> Instant:
    """µs since the epoch of an ISO 8601 text with an offset; BadQuery for anything else.

    A text without an offset is refused: guessing the zone would move the instant by hours without a word.
    """
    mend = "write an ISO 8601 time with its offset, such as 2026-03-01T07:30:00Z"
    if not isinstance(text, str):
        raise BadQuery(f"{text!r} is not a DateTime: {mend}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery(f"{text!r} is not a DateTime: {mend}") from None
    if moment.tzinfo is None:
        raise BadQuery(f"{text!r} has no offset from UTC: {mend}")
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise BadQuery(f"{text!r} lies outside the years 1 to 9999 in UTC, which alone have text: ask about one within") from None
    return Instant((moment - EPOCH) // MICROSECOND)


def long_value(value: object) -> Long:
    """A whole number of 64 bits; BadQuery for a fraction, a boolean, a text or a greater one."""
    if isinstance(value, int) and not isinstance(value, bool) and LONG_MIN <= value <= LONG_MAX:
        return Long(value)
    raise BadQuery(f"{value!r} is not a Long: write a whole number from -2^63 to 2^63-1")


def anything_value(value: object) -> object:
    """A number that JSON cannot write (not a number, infinity) becomes its text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def scalar_map() -> dict[object, ScalarDefinition]:
    return {
        Instant: strawberry.scalar(
            name="DateTime",
            description="An instant in UTC with microseconds: 2026-03-01T07:30:00.000000Z. Input may have any offset.",
            specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
            serialize=instant_text,
            parse_value=instant_value,
        ),
        Long: strawberry.scalar(
            name="Long",
            description="A whole number of 64 bits, as a JSON number. JavaScript reads it exactly up to 2^53.",
            serialize=_same,
            parse_value=long_value,
        ),
        Anything: strawberry.scalar(
            name="AnyValue",
            description="A string, a number or a boolean, as the source sent it.",
            serialize=anything_value,
            parse_value=_same,
        ),
    }


def _same(value: Any) -> Any:
    return value
