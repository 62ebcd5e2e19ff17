"""The arguments that reports share, and what they may be."""

from typing import Any, cast

from api.kernel import given
from brain.analytics.calendars import Calendar
from brain.analytics.given_calendars import given_calendars
from brain.analytics.lives import Lifecycle
from brain.analytics.work import Perspective
from brain.errors import BadQuery
from brain.model import Instant
from brain.query import AsOf

BOTTLENECKS: dict[str, Any] = {"object_type": str, "lifecycle": str | None, "min_frequency": int | None}
"""What a report of bottlenecks is asked with."""

TIMES: dict[str, Any] = {"as_of": Instant | None, "known_at": Instant | None}


def moment(as_of: Any, known_at: Any) -> AsOf:
    """The point in both times; what is left out is now."""
    return AsOf(as_of if given(as_of) else None, known_at if given(known_at) else None)


def view_of(said: Any) -> Perspective:
    """What the waiting of causes is."""
    return cast(Perspective, one_of("view", said, "handover", "enabled") or "handover")


def calendars_of(said: Any) -> dict[str, Calendar]:
    """Those that are given, in YAML or JSON. Raises BadCalendar."""
    return given_calendars(said) if given(said) else {}


def one_of(name: str, value: Any, *allowed: str) -> str | None:
    """The argument's value, None where it is left out; BadQuery for one that it cannot have."""
    if not given(value):
        return None
    if value not in allowed:
        known = " or ".join(repr(one) for one in allowed)
        raise BadQuery(f"{name} {value!r} is not known: leave it out, or write {known}")
    return str(value)


def lifecycle_of(value: Any) -> Lifecycle | None:
    """Which transitions count; BadQuery for what is not known."""
    return cast(Lifecycle | None, one_of("lifecycle", value, "complete"))
