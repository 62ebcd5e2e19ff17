"""Figures in the words and units of people. Programs take the JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def duration(seconds: float | None) -> str:
    """`93 600` seconds → `1.1 d`; a negative one with a true minus."""
    if seconds is None:
        return "–"
    if seconds <= -0.05:  # what would read as a minus nothing is nothing
        return f"−{duration(-seconds)}"
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{abs(seconds):.1f} s"


def change(seconds: float) -> str:
    """A difference, with its sign: `+1.1 d`."""
    return f"+{duration(seconds)}" if seconds > 0 else duration(seconds)


def interval(low: float, high: float) -> str:
    """`1.0 h to 2.0 h`, or one figure where both read alike."""
    return f"{duration(low)} to {duration(high)}" if duration(low) != duration(high) else duration(low)


def share(part: float, whole: float = 1.0) -> str:
    """`3` of `4` → `75 %`; what is some but rounds to nothing is `< 1 %`."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    return "< 1 %" if 0 < percent < 0.5 else f"{percent:.0f} %"


def iso(instant: int) -> str:
    """µs → `2026-03-02T09:28:51.000000Z`, as GraphQL writes it; outside the years 1 to 9999 the number with its unit."""
    try:
        return (EPOCH + timedelta(microseconds=instant)).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        return f"{instant} µs"


def moment(instant: int | None) -> str:
    """µs → `2026-03-02 09:28:51`, in UTC."""
    if instant is None:
        return "–"
    try:
        return (EPOCH + timedelta(microseconds=instant)).strftime("%Y-%m-%d %H:%M:%S")
    except OverflowError:
        return f"{instant} µs"


def point(as_of: int | None, known_at: int | None) -> str:
    """`as of 2026-03-02 09:28:51 UTC, as known on 2026-03-03 12:00:00 UTC`; nothing of what is now."""
    told = (("as of", as_of), ("as known on", known_at))
    return ", ".join(f"{word} {moment(at)} UTC" for word, at in told if at is not None)


def amount(number: float) -> str:
    """`1234.5` → `1,234`; with two digits that say something where it is small: `0.012`, `1.2`."""
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.2g}"


def rate(per_hour: float) -> str:
    """`0.1` an hour → `2.4 a day`."""
    return f"{amount(per_hour)} an hour" if per_hour >= 1 else f"{amount(24 * per_hour)} a day"


def things(count: int, one: str, more: str | None = None) -> str:
    """`1 step`, `2 steps`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def some_of(names: Sequence[str], most: int) -> str:
    """`a, b, c and 14 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def capitalised(sentence: str) -> str:
    """With a capital at its beginning, and all else as it is."""
    return sentence[:1].upper() + sentence[1:]
