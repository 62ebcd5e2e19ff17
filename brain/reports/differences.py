"""Two periods, or two stores, beside each other: the page, and the finding in a sentence."""

from collections.abc import Sequence

from brain.analytics.change import EdgeChange
from brain.analytics.comparison import Comparison
from brain.reports.html import render
from brain.words import capitalised, change, duration, point

MOST = 12
"""Handovers that a table of changes shows: half of them from either end."""


def comparison_page(found: Comparison, written: int) -> str:
    """The comparison as one HTML file. `written` is when, µs."""
    when = capitalised(point(found.a.as_of, found.a.known_at))
    return render("compare.html", found=found, written=written, when=when, sentence=finding(found), moved=most_moved(found.edges))


def finding(found: Comparison) -> str:
    """How the mean lead time differs, and whether that is sure."""
    low, high = found.difference.low, found.difference.high
    means = f"{duration(found.a.lead_time.mean_seconds)} in A, {duration(found.b.lead_time.mean_seconds)} in B"
    spread = f"{change(low)} to {change(high)}"
    if not found.sure:
        return f"The mean lead time may be the same: {means}, a difference of {spread}."
    longer = "longer" if found.difference_seconds > 0 else "shorter"
    return f"The mean lead time is {longer} in B: {means}, a difference of {spread}."


def most_moved(edges: Sequence[EdgeChange]) -> list[EdgeChange]:
    """The handovers in which the difference makes most: what got worse first, what got better last."""
    moved = [edge for edge in edges if edge.extra_seconds]
    return moved if len(moved) <= MOST else [*moved[: MOST // 2], *moved[-MOST // 2 :]]
