"""The sums that a live report is made of: as many as there are edges and activities, however many cases there were.

Each can be added to and taken back exactly. Those of workers add up: what each has of its own lives and of its own steps is
together what one has of all (`merged`).
"""

import json
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from brain.analytics.bottlenecks import EXAMPLES, Bottlenecks, View, handover, processing
from brain.analytics.lives import Gap, Lifecycle, Timed
from brain.sketch import Sketch

KEPT = 64
"""Longest gaps of an edge that are remembered. Of the others there are numbers alone."""


@dataclass(slots=True)
class Edge:
    """Directly-follows from one activity to another. `total` is of the gaps that are waits, µs."""

    waits: Sketch = field(default_factory=Sketch)
    total: int = 0
    overlaps: int = 0
    longest: list[Gap] = field(default_factory=list)
    """The greatest gaps above 0 in ascending order: all of them, or so many that none beside them is greater."""
    spare: list[Gap] = field(default_factory=list, compare=False)
    """Others, and some that are no more: what is in `reserve` and not on the shelf."""

    def add(self, gap: Gap) -> bool:
        """Whether one gap more is in reserve."""
        length = gap[0]
        if length <= 0:
            self.overlaps += length < 0
            self.waits.add(0)
            return False
        longest, whole = self.longest, self.whole
        self.waits.add(length)
        self.total += length
        if whole or (longest and gap > longest[0]):
            insort(longest, gap)
            if len(longest) <= KEPT:
                return False
            gap = longest.pop(0)
        self.spare.append(gap)
        return True

    def remove(self, gap: Gap) -> None:
        """Takes back what was added."""
        length = gap[0]
        if length <= 0:
            self.overlaps -= length < 0
            self.waits.remove(0)
            return
        self.waits.remove(length)
        self.total -= length
        if self.longest and gap >= self.longest[0]:
            del self.longest[bisect_left(self.longest, gap)]

    @property
    def whole(self) -> bool:
        """Whether the longest gaps are all gaps above 0."""
        return len(self.longest) == len(self.waits) - self.waits.zeros

    @property
    def short(self) -> bool:
        """Whether fewer of the longest gaps are known than a report tells, although there are more: so many were taken back."""
        return len(self.longest) < EXAMPLES and not self.whole


@dataclass(slots=True)
class Activity:
    """`count` steps, of which `timed` took `total` µs."""

    count: int = 0
    timed: int = 0
    total: int = 0


@dataclass(slots=True)
class Tally:
    """`objects` have `steps` steps with a time; `left_out` steps carry none that the definition uses."""

    objects: int = 0
    steps: int = 0
    left_out: int = 0
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    short: set[tuple[str, str]] = field(default_factory=set, compare=False)
    """The edges that are so, of which nothing can be reported before they have their longest gaps again."""
    spares: int = field(default=0, compare=False)
    """Gaps in reserve that are held here."""

    def hand_over(self, name: str, a: Timed, b: Timed) -> None:
        key = a.activity, b.activity
        edge = self.edges.get(key)
        if edge is None:
            edge = self.edges[key] = Edge()
        self.spares += edge.add((b.start - a.end, name, a.step, b.step))

    def retract(self, name: str, a: Timed, b: Timed) -> None:
        key = a.activity, b.activity
        edge = self.edges[key]
        edge.remove((b.start - a.end, name, a.step, b.step))
        if not edge.waits:
            self.spares -= len(edge.spare)
            self.short.discard(key)
            del self.edges[key]
        elif edge.short:
            self.short.add(key)

    def work(self, step: Timed, sign: int) -> None:
        """One step more (1) or less (-1)."""
        self.steps += sign
        activity = self.activities.get(step.activity)
        if activity is None:
            activity = self.activities[step.activity] = Activity()
        activity.count += sign
        if step.took is not None:
            activity.timed += sign
            activity.total += sign * step.took
        if not activity.count:
            del self.activities[step.activity]

    def report(
        self, object_type: str, lifecycle: Lifecycle | None, ontology_version: str, min_frequency: int | None = None
    ) -> Bottlenecks | None:
        """What `bottlenecks` would report, sketched; None where no object has a step with a time, of which it makes an error. No
        edge may be `short`."""
        if not self.objects:
            return None
        view = View(object_type, lifecycle, ontology_version, self.objects, self.steps, self.left_out, sketched=True)
        edges = (
            handover(source, target, edge.waits, edge.total, edge.overlaps, edge.longest[: -EXAMPLES - 1 : -1])
            for (source, target), edge in self.edges.items()
        )
        activities = (processing(name, a.count, a.timed, a.total) for name, a in self.activities.items())
        return view.report(edges, activities, min_frequency)

    def to_json(self) -> str:
        # Not orjson: sums of many years pass 64 bits.
        edges = [[*key, e.total, e.overlaps, list(e.waits.counts()), e.longest] for key, e in self.edges.items()]
        activities = [[name, a.count, a.timed, a.total] for name, a in self.activities.items()]
        return json.dumps([self.objects, self.steps, self.left_out, edges, activities])

    @classmethod
    def from_json(cls, text: str) -> "Tally":
        objects, steps, left_out, edges, activities = json.loads(text)
        return cls(
            objects,
            steps,
            left_out,
            {(a, b): Edge(Sketch(c), total, n, [tuple(gap) for gap in gaps]) for a, b, total, n, c, gaps in edges},
            {name: Activity(*figures) for name, *figures in activities},
        )


def merged(tallies: Iterable[Tally]) -> Tally:
    """Of all lives and steps of these, where each life and each step is in one of them. None may be `short`."""
    whole = Tally()
    parts: dict[tuple[str, str], list[Edge]] = {}
    for tally in tallies:
        whole.objects += tally.objects
        whole.steps += tally.steps
        whole.left_out += tally.left_out
        for key, edge in tally.edges.items():
            parts.setdefault(key, []).append(edge)
        for name, a in tally.activities.items():
            b = whole.activities.setdefault(name, Activity())
            b.count, b.timed, b.total = b.count + a.count, b.timed + a.timed, b.total + a.total
    whole.edges = {key: _together(edges) for key, edges in parts.items()}
    return whole


def _together(edges: list[Edge]) -> Edge:
    together = Edge()
    for edge in edges:
        together.waits.update(edge.waits)
        together.total += edge.total
        together.overlaps += edge.overlaps
    # No more than each of them knows for sure.
    together.longest = sorted(gap for edge in edges for gap in edge.longest)[-EXAMPLES:]
    return together
