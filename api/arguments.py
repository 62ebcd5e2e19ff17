"""The arguments that reports share, and what they may be."""

from typing import Any, cast

from api.kernel import given
from brain.analytics.lives import Lifecycle
from brain.errors import BadQuery

BOTTLENECKS: dict[str, Any] = {"object_type": str, "lifecycle": str | None, "min_frequency": int | None}
"""What a report of bottlenecks is asked with."""


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
