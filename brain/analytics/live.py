"""Live process figures: what `bottlenecks` reads out of a whole log, kept up to date as steps come, change and go, in any order.

A step that comes late, between two known ones, retracts their handover and adds two. All sums are of integers, µs, so that what
was taken back leaves no trace, and a report is at any moment the one that a batch over the same steps gives, to the last byte.
`follow` feeds them from a store.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from sys import intern
from typing import Any, overload

from brain.analytics.bottlenecks import (
    EXAMPLES,
    Bottlenecks,
    Handover,
    Processing,
    View,
    handover,
    processing,
)
from brain.analytics.lives import Gap, Lifecycle, Timed, outranks, timed
from brain.model import Occurrence
from brain.ordered import Ordered


@dataclass(slots=True)
class _Edge:
    """Directly-follows from one activity to another. `total` is of the gaps that are waits, µs."""

    gaps: Ordered[Gap] = field(default_factory=Ordered)
    total: int = 0
    overlaps: int = 0


@dataclass(slots=True)
class _Activity:
    """`count` steps, of which `timed` took `total` µs."""

    count: int = 0
    timed: int = 0
    total: int = 0


class _Waits(Sequence[int]):
    """Gaps in ascending order as waits in ascending order: overlaps count as 0."""

    def __init__(self, gaps: Ordered[Gap]) -> None:
        self._gaps = gaps

    def __len__(self) -> int:
        return len(self._gaps)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: Any) -> Any:
        return max(self._gaps[index][0], 0)


class Figures:
    """The handover view of the objects of one type: a function of the set of their occurrences, however it came about.

    One change costs O(log n) in the steps of the object and in the handovers of the edges that it touches; a report a few
    microseconds an edge.
    """

    def __init__(self, lifecycle: Lifecycle | None = None) -> None:
        self._lifecycle = lifecycle
        self._lives: dict[str, Ordered[Timed]] = {}
        self._steps: dict[str, dict[str, Timed | None]] = {}
        """What each step is to each of its objects, None where it carries no time that the definition uses."""
        self._aside: dict[str, set[str]] = {}
        """The steps of the latter sort, by object."""
        self._once: dict[str, Timed] = {}
        """The account of each step that counts for its activity."""
        self._left_out = 0
        self._edges: dict[tuple[str, str], _Edge] = {}
        self._activities: dict[str, _Activity] = {}

    def put(self, o: Occurrence) -> None:
        """The step is now so in the life of the object, whether or not it was known; again changes nothing."""
        # No figure here depends on who carried it out, nor on since when it could have begun: a change of these is none.
        now = timed(o._replace(enabled=None, resource=None), self._lifecycle)
        held = self._steps.get(o.step, {})
        if o.object in held:
            if held[o.object] == now:
                return
            self.remove(o.object, o.step)
        if now is None:
            self._set_aside(o.object, o.step)
        else:
            self._insert(intern(o.object), now)

    def remove(self, name: str, step: str) -> None:
        """The step is no longer in the life of the object; nothing where it never was."""
        held = self._steps.get(step, {})
        if name not in held:
            return
        was = held.pop(name)
        if not held:
            del self._steps[step]
        if was is None:
            self._take_up(name, step, held)
        else:
            self._take_out(name, was, held)

    def replace_step(self, step: str, found: Iterable[Occurrence]) -> None:
        """These are all that there is of the step."""
        now = {o.object: o for o in found}
        for name in [n for n in self._steps.get(step, ()) if n not in now]:
            self.remove(name, step)
        for o in now.values():
            self.put(o)

    def replace_object(self, name: str, found: Iterable[Occurrence]) -> None:
        """These are all that there is of the object."""
        now = {o.step: o for o in found}
        for step in [s for s in self._steps_of(name) if s not in now]:
            self.remove(name, step)
        for o in now.values():
            self.put(o)

    def report(self, object_type: str, ontology_version: str, min_frequency: int | None = None) -> Bottlenecks | None:
        """What `bottlenecks` would report; None where no object has a step with a time, of which it makes an error."""
        if not self._lives:
            return None
        view = View(object_type, self._lifecycle, ontology_version, len(self._lives), len(self._once), self._left_out)
        return view.report(self._handovers(), self._processing(), min_frequency)

    def _handovers(self) -> Iterator[Handover]:
        for (source, target), edge in self._edges.items():
            longest = islice(reversed(edge.gaps), EXAMPLES)
            yield handover(source, target, _Waits(edge.gaps), edge.total, edge.overlaps, longest)

    def _processing(self) -> Iterator[Processing]:
        for name, activity in self._activities.items():
            yield processing(name, activity.count, activity.timed, activity.total)

    def _steps_of(self, name: str) -> Iterator[str]:
        yield from (t.step for t in self._lives.get(name, ()))
        yield from self._aside.get(name, ())

    def _insert(self, name: str, step: Timed) -> None:
        self._steps.setdefault(step.step, {})[name] = step
        life = self._lives.get(name)
        if life is None:
            life = self._lives[name] = Ordered()
        before, after = life.add(step)
        if before is not None and after is not None:
            self._retract(name, before, after)
        if before is not None:
            self._hand_over(name, before, step)
        if after is not None:
            self._hand_over(name, step, after)
        counts = self._once.get(step.step)
        if counts is None or (counts != step and outranks(step, counts)):
            self._count(step.step, step)

    def _take_out(self, name: str, step: Timed, others: dict[str, Timed | None]) -> None:
        life = self._lives[name]
        before, after = life.remove(step)
        if not life:
            del self._lives[name]
        if before is not None:
            self._retract(name, before, step)
        if after is not None:
            self._retract(name, step, after)
        if before is not None and after is not None:
            self._hand_over(name, before, after)
        if step == self._once[step.step] and step not in others.values():
            self._count(step.step, _highest(others.values()))

    def _set_aside(self, name: str, step: str) -> None:
        held = self._steps.setdefault(step, {})
        self._left_out += None not in held.values()
        held[name] = None
        self._aside.setdefault(name, set()).add(step)

    def _take_up(self, name: str, step: str, others: dict[str, Timed | None]) -> None:
        self._left_out -= None not in others.values()
        self._aside[name].remove(step)
        if not self._aside[name]:
            del self._aside[name]

    def _hand_over(self, name: str, a: Timed, b: Timed) -> None:
        edge = self._edges.get((a.activity, b.activity))
        if edge is None:
            edge = self._edges[a.activity, b.activity] = _Edge()
        gap = b.start - a.end
        edge.gaps.add((gap, name, a.step, b.step))
        edge.total += max(gap, 0)
        edge.overlaps += gap < 0

    def _retract(self, name: str, a: Timed, b: Timed) -> None:
        edge = self._edges[a.activity, b.activity]
        gap = b.start - a.end
        edge.gaps.remove((gap, name, a.step, b.step))
        edge.total -= max(gap, 0)
        edge.overlaps -= gap < 0
        if not edge.gaps:
            del self._edges[a.activity, b.activity]

    def _count(self, step: str, now: Timed | None) -> None:
        """This account of the step counts now, and no other; None: the step is gone."""
        before = self._once.pop(step, None)
        if before is not None:
            self._add(before, -1)
        if now is not None:
            self._once[step] = now
            self._add(now, 1)

    def _add(self, step: Timed, sign: int) -> None:
        activity = self._activities.setdefault(step.activity, _Activity())
        activity.count += sign
        if step.took is not None:
            activity.timed += sign
            activity.total += sign * step.took
        if not activity.count:
            del self._activities[step.activity]


def _highest(accounts: Collection[Timed | None]) -> Timed | None:
    highest: Timed | None = None
    for account in accounts:
        if account is not None and (highest is None or outranks(account, highest)):
            highest = account
    return highest
