"""The process as a map: activities as boxes, handovers as arrows whose colour, width and label all tell the mean wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from brain.analytics.bottlenecks import Bottlenecks, Handover
from brain.legible import legible
from brain.reports.lettering import wrapped
from brain.reports.placement import Arc, Box, Placement, Point, Rect, place
from brain.words import duration, things

MOST_EDGES = 40
LEVELS = 5
"""Steps of colour and width, from next to no waiting to the most."""
WIDTHS = (1.5, 2.5, 4.0, 6.0, 8.0)
LINES = 3
TEXT = 13.0
"""Font size of names, as in the style sheet."""
LINE = 16.0
PADDING = 9.0
NODE_WIDTH = 184.0
LABEL = Box(74.0, 34.0)
HEAD = 9.0
"""Length of an arrow's head."""


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text, centred at `x`, its baseline at `y`."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Activity:
    name: str
    rect: Rect
    lines: tuple[Text, ...]
    about: Text
    again: "Again | None"


@dataclass(frozen=True, slots=True)
class Again:
    """How long an activity waits for itself, where it follows itself directly: a text above a line from `left` to `right`."""

    text: Text
    level: int
    width: float
    left: float
    right: float
    y: float


@dataclass(frozen=True, slots=True)
class Arrow:
    """`level` 0 to `LEVELS` - 1; `path` is SVG's, `head` the points of a polygon."""

    title: str
    level: int
    width: float
    rare: bool
    path: str
    head: str
    label: Rect
    mean: Text
    count: Text


@dataclass(frozen=True, slots=True)
class ProcessMap:
    width: float
    height: float
    activities: tuple[Activity, ...]
    arrows: tuple[Arrow, ...]
    shown: int
    edges: int
    least: int
    """Handovers that are fewer are drawn as rare."""
    levels: tuple[str, ...]
    """What each level means, in words, the least first."""

    @property
    def partial(self) -> bool:
        return self.shown < self.edges


def process_map(found: Bottlenecks) -> ProcessMap | None:
    """The map of the most important edges; None where nothing follows anything."""
    edges = most_important(found.edges)
    if not edges:
        return None
    loops = {e.source: e for e in edges if e.source == e.target}
    names = dict.fromkeys(name for e in edges for name in (e.source, e.target))
    between = {(e.source, e.target): e for e in edges if e.source != e.target}
    nodes = {name: Box(NODE_WIDTH, _height(name, name in loops)) for name in names}
    placed = place(nodes, dict.fromkeys(between, LABEL), {arc: float(e.count) for arc, e in between.items()})
    bounds = _bounds(edges)
    counts = {
        a.activity: f"{a.count:,}×, takes {duration(a.mean_seconds)}" if a.timed else f"{a.count:,}×" for a in found.activities
    }
    return ProcessMap(
        width=placed.width,
        height=placed.height,
        activities=tuple(_activity(n, placed.nodes[n], counts.get(n, ""), loops.get(n), bounds) for n in names),
        arrows=tuple(_arrow(arc, between[arc], placed, _level(between[arc], bounds), found.min_frequency) for arc in between),
        shown=len(edges),
        edges=len(found.edges),
        least=found.min_frequency,
        levels=_meaning(bounds),
    )


def most_important(edges: Sequence[Handover]) -> list[Handover]:
    """At most `MOST_EDGES`: the half of them with the most waiting in all, then the most frequent; by total waiting."""
    if len(edges) <= MOST_EDGES:
        return list(edges)
    waiting = list(edges[: MOST_EDGES // 2])
    frequent = sorted(edges[MOST_EDGES // 2 :], key=lambda e: (-e.count, e.source, e.target))
    chosen = {(e.source, e.target) for e in [*waiting, *frequent[: MOST_EDGES - len(waiting)]]}
    return [e for e in edges if (e.source, e.target) in chosen]


def _bounds(edges: Sequence[Handover]) -> tuple[float, ...]:
    """The mean waits at which the levels begin: shares of the longest, each a half of the next."""
    longest = max(e.mean_seconds for e in edges)
    return tuple(longest / 2 ** (LEVELS - 1 - i) for i in range(1, LEVELS))


def _level(edge: Handover, bounds: Sequence[float]) -> int:
    return sum(0 < bound <= edge.mean_seconds for bound in bounds)


def _meaning(bounds: Sequence[float]) -> tuple[str, ...]:
    return (f"under {duration(bounds[0])}", *(f"{duration(bound)} or more" for bound in bounds))


def _height(name: str, loops: bool) -> float:
    return 2 * PADDING + LINE * (len(_wrapped(name)) + 1) + loops * (LINE + 10)


def _wrapped(name: str) -> list[str]:
    """The name in at most `LINES` lines; the whole of it is in the box's title."""
    return wrapped(legible(name), NODE_WIDTH - 2 * PADDING, LINES, TEXT, bold=True) or ["(no name)"]


def _activity(name: str, rect: Rect, about: str, loop: Handover | None, bounds: Sequence[float]) -> Activity:
    lines = [Text(line, rect.centre, rect.y + PADDING + LINE * i - 4) for i, line in enumerate(_wrapped(name), 1)]
    y = lines[-1].y + LINE
    again = _again(loop, rect, y + LINE, _level(loop, bounds)) if loop else None
    return Activity(name, rect, tuple(lines), Text(about, rect.centre, y), again)


def _again(loop: Handover, rect: Rect, y: float, level: int) -> Again:
    text = f"↻ {duration(loop.mean_seconds)}, {loop.count:,}×"
    return Again(Text(text, rect.centre, y), level, WIDTHS[level], rect.x + 24, rect.x + rect.width - 24, y + 10)


def _arrow(arc: Arc, edge: Handover, placed: Placement, level: int, least: int) -> Arrow:
    *before, last = placed.routes[arc]
    label = placed.labels[arc]
    down = before[0].y < last.y
    neck = Point(last.x, last.y - HEAD if down else last.y + HEAD)
    half = max(WIDTHS[level], 3.0) / 2 + 3
    return Arrow(
        title=f"{edge.source} → {edge.target}: waits {duration(edge.mean_seconds)} in the mean over"
        f" {things(edge.count, 'handover')}, {duration(edge.total_seconds)} in all",
        level=level,
        width=WIDTHS[level],
        rare=edge.count < least,
        path=svg_path([*before[:-1], *shortened(before[-1], last, neck)]),
        head=" ".join(f"{x:.1f},{y:.1f}" for x, y in ((last.x, last.y), (last.x - half, neck.y), (last.x + half, neck.y))),
        label=label,
        mean=Text(duration(edge.mean_seconds), label.centre, label.y + 14),
        count=Text(f"{edge.count:,}×", label.centre, label.y + 29),
    )


def shortened(entry: Point, tip: Point, neck: Point) -> tuple[Point, Point]:
    """The last bend ends where the head begins, in front of the layer where that is needed."""
    below = max if tip.y < neck.y else min
    return Point(entry.x, below(entry.y, neck.y)), neck


def svg_path(points: Sequence[Point], sideways: bool = False) -> str:
    """Bends between layers, with vertical ends; straight within one. Turned by a quarter if `sideways`."""

    def at(x: float, y: float) -> str:
        return f"{y:.1f} {x:.1f}" if sideways else f"{x:.1f} {y:.1f}"

    parts = [f"M{at(*points[0])}"]
    for i, (a, b) in enumerate(pairwise(points)):
        middle = (a.y + b.y) / 2
        parts.append(f"C{at(a.x, middle)} {at(b.x, middle)} {at(*b)}" if i % 2 else f"L{at(*b)}")
    return "".join(parts)
