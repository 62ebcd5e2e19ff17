"""A wait split by cause, without remainder: each instant of it has exactly one, so that the parts are whole µs and add up to it.

In the order of time:

1. until the step was enabled it could not begin, whoever was there: synchronisation (in the handover view, or where a step has
   several objects; in the enabled view of one object a wait begins when it is over);
2. until the last member of its batch was enabled the batch was not complete: batching. It comes before all that the resource
   did, as in Lashkevich et al., for a machine that stands idle, or is busy, while its batch fills would not have begun it either;
3. from then on what the resource did counts, in the order of `occupation`.

Where no resource is recorded, or the step has no start of its own (its wait then has its processing in it), nothing is said of 2
and 3: unexplained.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from brain.analytics.occupation import Cause, Occupation, Piece, Reported, Waiting
from brain.analytics.shifts import Shift
from brain.analytics.work import Wait, Work, batched

Parts = dict[Cause, int]
"""µs by cause; what is 0 is left out."""


class Split:
    """Splits waits for resources that work as `shifts` say, and that were in these states as far as devices told them."""

    def __init__(self, work: Work, shifts: Mapping[str, Shift], states: Mapping[str, Sequence[Reported]]) -> None:
        self._work = work
        self._shifts = shifts
        self._states = states
        self._jobs, self._batches = batched(work.jobs, shifts, states)
        self._occupations: dict[str, Occupation] = {}

    def parts(self, waits: Sequence[Wait]) -> list[Parts]:
        """The parts of each wait; of an overlap none. A resource's time is looked at once, for all waits for it."""
        found: list[Parts] = []
        asked: defaultdict[str, list[tuple[int, Waiting]]] = defaultdict(list)
        for i, wait in enumerate(waits):
            enabled, ready, rank = self._phases(wait)
            parts = {Cause.SYNCHRONISATION: enabled - wait.since, Cause.BATCHING: ready - enabled}
            if ready < wait.until:
                if _explicable(wait):
                    asked[wait.step.resource or ""].append((i, (ready, wait.until, rank)))
                else:
                    parts[Cause.UNEXPLAINED] = wait.until - ready
            found.append({cause: part for cause, part in parts.items() if part > 0})
        for resource, some in asked.items():
            split = self._occupation(resource, [waiting for _, waiting in some]).split([waiting for _, waiting in some])
            for (i, _), parts in zip(some, split, strict=True):
                found[i].update(parts)
        return found

    def inherited(self, wait: Wait, contention: int) -> Parts:
        """How much of a wait's contention, at most, would not have been if the resource had worked whenever there was work since
        its queue was last empty, by why it did not: time lost then makes the work ahead as much longer, and no longer than it is
        (Lindley's recursion of the work in the system). Where more was lost than that, in proportion."""
        lost = self._occupations[wait.step.resource or ""].lost(self._phases(wait)[2])
        total = sum(lost.values())
        if total <= contention:
            return lost
        parts = {cause: contention * part // total for cause, part in lost.items()}
        largest = max(lost, key=lambda cause: (lost[cause], cause))
        parts[largest] += contention - sum(parts.values())
        return {cause: part for cause, part in parts.items() if part}

    def stretches(self, wait: Wait) -> Iterator[Piece]:
        """A wait that `parts` was asked for, stretch by stretch, each with its cause and with what shows it: the step that it
        waited for, the last member of the batch, the step that was served instead, the state of the device."""
        enabled, ready, rank = self._phases(wait)
        told, batch = self._work.enabled[wait.step.step], self._batches.get(wait.step.step)
        yield Piece(wait.since, enabled, Cause.SYNCHRONISATION, 0, told.by)
        if batch:
            yield Piece(enabled, ready, Cause.BATCHING, 0, batch.last)
        if ready < wait.until:
            if not _explicable(wait):
                why = "no resource is recorded" if wait.step.resource is None else "no start is recorded"
                yield Piece(ready, wait.until, Cause.UNEXPLAINED, 0, why)
            else:
                yield from self._occupations[wait.step.resource or ""].stretches(ready, wait.until, rank)

    def _phases(self, wait: Wait) -> tuple[int, int, int]:
        """Until when the step was not enabled; until when its batch was not complete; its place in the queue, which is since when
        it was ready, even if that was before the object's previous step was completed."""
        at = min(self._work.enabled[wait.step.step].at, wait.until)
        enabled = max(wait.since, at)
        batch = self._batches.get(wait.step.step)
        if batch is None:
            return enabled, enabled, at
        return enabled, max(enabled, min(batch.ready, wait.until)), batch.ready

    def _occupation(self, resource: str, asked: Sequence[Waiting]) -> Occupation:
        start, end = min(waiting[0] for waiting in asked), max(waiting[1] for waiting in asked)
        made = Occupation(self._jobs[resource], self._states.get(resource, ()), self._shifts[resource].calendar, start, end)
        self._occupations[resource] = made
        return made


def _explicable(wait: Wait) -> bool:
    return wait.step.resource is not None and wait.step.took is not None
