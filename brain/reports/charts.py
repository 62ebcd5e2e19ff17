"""Charts that stretch with the page: lengths are hundredths of the width, and texts stand beside them, not within."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from brain.analytics.flow import Flow
from brain.analytics.machines import Machines
from brain.analytics.relief import Reliefs
from brain.words import share

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


@dataclass(frozen=True, slots=True)
class MachineRow:
    """When a machine was the bottleneck, along the period: `spoken` says how much of it."""

    name: str
    parts: tuple[Part, ...]
    spoken: str
    sole: float
    shifting: float
    active: float
    mean_period_seconds: float


def machine_rows(found: Machines) -> list[MachineRow]:
    """The machines that are ever the bottleneck, the greatest share first."""
    length = found.until - found.since
    pieces: dict[str, list[Part]] = {}
    for stretch in found.timeline:
        left, width = 100 * (stretch.since - found.since) / length, 100 * (stretch.until - stretch.since) / length
        fill = "sole" if len(stretch.machines) == 1 else "shifting"
        for machine in stretch.machines:
            pieces.setdefault(machine, []).append(Part(fill, left, width))
    return [
        MachineRow(
            name=one.id,
            parts=tuple(pieces[one.id]),
            spoken=f"the only bottleneck {share(one.sole)} of the time, one of several {share(one.shifting)}",
            sole=one.sole,
            shifting=one.shifting,
            active=one.active,
            mean_period_seconds=one.mean_period_seconds,
        )
        for one in found.machines
        if one.id in pieces
    ]


def gains(found: Reliefs) -> Scale:
    """One scale for the intervals of all gains, with nothing gained on it."""
    ends = [end for relief in found.reliefs for end in (relief.gain_median.low, relief.gain_median.high)]
    return Scale(min([0.0, *ends]), max([0.0, *ends]))


def _joined(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
