"""Until when a question may be worked on: what is found by then is the answer, and partial."""

import time


def deadline(patience: float | None) -> float | None:
    """So many seconds from now, in time of time.monotonic; None where there is no hurry."""
    return None if patience is None else time.monotonic() + patience


def late(until: float | None) -> bool:
    """Whether a deadline is over."""
    return until is not None and time.monotonic() >= until
