"""Until when a question may be worked on: what is found by then is the answer, and partial."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def deadline(patience: float | None) -> float | None:
    """So many seconds from now, in time of time.monotonic; None where there is no hurry."""
    return None if patience is None else time.monotonic() + patience


def left(until: float | None, parts: int = 1) -> float | None:
    """Seconds for the first of so many parts that share the time until a deadline; None where there is no hurry."""
    return None if until is None else max(until - time.monotonic(), 0.0) / parts


def late(until: float | None) -> bool:
    """Whether a deadline is over."""
    return until is not None and time.monotonic() >= until


def in_time(some: Iterable[T], until: float | None) -> Iterator[T]:
    """Those that can be begun before the deadline, from the first on."""
    for one in some:
        if late(until):
            return
        yield one
