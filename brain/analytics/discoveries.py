"""Of many tests, which tell something: no more than a stated share of them by chance."""

from collections.abc import Sequence


def q_values(p_values: Sequence[float], tests: int | None = None) -> list[float]:
    """The least false-discovery rate at which each of the tests passes (Benjamini, Hochberg: *Controlling the False Discovery
    Rate*, Journal of the Royal Statistical Society B 57, 1995). Of `tests` made in all, those that are not here did not pass."""
    count = len(p_values)
    found, least = [1.0] * count, 1.0
    for rank, i in sorted(enumerate(sorted(range(count), key=lambda i: p_values[i]), 1), reverse=True):
        least = min(least, p_values[i] * (tests or count) / rank)
        found[i] = least
    return found
