"""Charts that stretch with the page: lengths are hundredths of the width, and texts stand beside them, not within."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from brain.analytics.flow import Flow

HEIGHT = 40.0


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar, in hundredths of its width."""

    fill: str
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A line and the area below it as paths of SVG in a box of 100 by `HEIGHT`; `top` is what its height stands for."""

    line: str
    area: str
    top: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` along a bar."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where the value lies, in hundredths; what lies beyond an end, at it."""
        return min(max(100 * (value - self.low) / (self.high - self.low), 0.0), 100.0) if self.high > self.low else 50.0


def filled(part: float, fill: str) -> Part:
    """A bar that is filled from its left to this share."""
    return Part(fill, 0.0, 100 * min(max(part, 0.0), 1.0))


def progress(flow: Flow) -> Curve:
    """Work in progress: a level for each part of the period, its mean over that part."""
    top = max(flow.most_in_progress, 1)
    length = flow.until - flow.since
    edges = [100 * (point.at - flow.since) / length for point in flow.series] + [100.0]
    heights = [HEIGHT * (1 - point.mean_in_progress / top) for point in flow.series]
    corners = [(x, y) for y, ends in zip(heights, pairwise(edges), strict=True) for x in ends]
    return Curve(f"M{_joined(corners)}", f"M0,{HEIGHT:.0f} L{_joined(corners)} L100,{HEIGHT:.0f}Z", top)


def _joined(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
