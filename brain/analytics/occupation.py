"""What a resource did at each instant, and what that says of the work that waited for it.

A resource's time is cut into disjoint pieces. Where several things are so at once, the first of this list counts:

1. the **device** says of itself that it could not work (`DEVICE`): what was seen is better than what is concluded;
2. it was **busy**. Of steps under way at once the one that was enabled first counts. Where it was so no later than the step that
   waits, the piece is contention (first come, first served); else prioritisation (what came later was served first). So
   prioritisation gives way to contention, as in the implementation of Lashkevich et al.: had nobody jumped the queue, the
   resource would have been busy all the same;
3. it was **off** its calendar: unavailability. Who works, works, whatever the calendar says;
4. it was there and idle: extraneous, the log does not say why.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from brain.analytics.calendars import Calendar, between


class Cause(StrEnum):
    """Why work waits: the five causes of Lashkevich, Milani, Chapela-Campa, Suvorau, Dumas: *Why am I Waiting?*, CAiSE 2023; what
    devices say of themselves (ISA-TR88.00.02, PackML); and where no cause can be told."""

    SYNCHRONISATION = "synchronisation"
    """The step was not enabled yet: it waited for another object, a concurrent step, or what its source knows of."""
    BATCHING = "batching"
    """The step waited for the last member of its batch."""
    STARVED = "starved"
    """The device had no material."""
    BLOCKED = "blocked"
    """The device could not pass on what it had done."""
    HELD = "held"
    """The device was held: an internal fault or an operator."""
    SUSPENDED = "suspended"
    """The device was suspended: conditions outside of it, as a lack of material or a blockage, of which it does not say which."""
    CONTENTION = "contention"
    """The resource was busy with what was enabled before."""
    PRIORITISATION = "prioritisation"
    """The resource was busy with what was enabled later."""
    UNAVAILABILITY = "unavailability"
    """The resource was off its calendar, or said of itself that it was down."""
    EXTRANEOUS = "extraneous"
    """The resource was there and idle."""
    UNEXPLAINED = "unexplained"
    """No resource is recorded, or no start: nothing can be said."""


DEVICE: Mapping[str, Cause | None] = {
    **dict.fromkeys(("starved",), Cause.STARVED),
    **dict.fromkeys(("blocked",), Cause.BLOCKED),
    **dict.fromkeys(("holding", "held", "unholding"), Cause.HELD),
    **dict.fromkeys(("suspending", "suspended", "unsuspending"), Cause.SUSPENDED),
    **dict.fromkeys(("stopping", "stopped", "aborting", "aborted", "clearing", "cleared"), Cause.UNAVAILABILITY),
    **dict.fromkeys(("down", "fault", "failed", "off", "offline", "maintenance"), Cause.UNAVAILABILITY),
    **dict.fromkeys(("idle", "starting", "execute", "running", "completing", "complete", "completed", "resetting"), None),
}
"""What a device's state says of the work that waits for it; None: nothing, the log decides.

The names are those of PackML's state model (OPC 30050, Opc.Ua.PackML.NodeSet2.xml) in lower case, the acting states with the
wait states that they lead to; Starved and Blocked are there the flags EquipmentStarved and EquipmentBlocked of Status. The names
of the second line of UNAVAILABILITY, and `running`, are what devices without PackML say."""


class Job(NamedTuple):
    """A step as its resource sees it, µs. `enabled` at or before the start; `ready` the same, or when its batch was complete.
    `known` is False where `enabled` is the start for want of anything better."""

    start: int
    end: int
    step: str
    activity: str
    enabled: int
    ready: int
    known: bool = True


class Piece(NamedTuple):
    """[start, end) of a resource's time. `cause` is None where it was busy with `what`, a step that was ready at `rank`."""

    start: int
    end: int
    cause: Cause | None
    rank: int
    what: str


Waiting = tuple[int, int, int]
"""A wait for a resource, µs: from, until, and since when it was ready, at or before `from`."""
Reported = tuple[int, int, str]
"""What a device reported of a time: from, until, its state."""


def told(states: Iterable[Reported]) -> list[Piece]:
    """What a device said that explains waiting, as disjoint pieces: each state lasts until the next one at most."""
    known = sorted(states)
    ends = [start for start, *_ in known[1:]] + [known[-1][1]] if known else []
    return [
        Piece(start, min(end, following), cause, 0, state)
        for (start, end, state), following in zip(known, ends, strict=True)
        if start < min(end, following) and (cause := DEVICE.get(state.lower())) is not None
    ]


def busy(jobs: Iterable[Job]) -> Iterator[Piece]:
    """When a resource was busy, with the step under way that was ready first; disjoint and in order. `jobs` in order of start."""
    under_way: list[tuple[int, str, int]] = []
    now = 0
    for job in jobs:
        now = yield from _until(under_way, now, job.start)
        if job.start < job.end:
            heappush(under_way, (job.ready, job.step, job.end))
    if under_way:
        yield from _until(under_way, now, max(end for _, _, end in under_way))


def _until(under_way: list[tuple[int, str, int]], now: int, until: int) -> Generator[Piece, None, int]:
    """Pieces from `now` until then; what has ended leaves the heap. Returns `until`."""
    while under_way and now < until:
        rank, step, end = under_way[0]
        if end > now:
            yield Piece(now, min(end, until), None, rank, step)
            now = min(end, until)
        if end <= now:
            heappop(under_way)
    return until


def laid_over(top: Sequence[Piece], below: Sequence[Piece], start: int, end: int) -> list[Piece]:
    """Both in [start, end), the one below where the top leaves room. Each disjoint and in order, as is the result."""
    found = [_cut(piece, start, end) for piece in top if piece.start < end and start < piece.end]
    i = 0
    for a, b in between([(p.start, p.end) for p in found], start, end):
        while i < len(below) and below[i].end <= a:
            i += 1
        for j in range(i, len(below)):
            if below[j].start >= b:
                break
            found.append(_cut(below[j], a, b))
    found.sort()
    return found


def _backlogs(jobs: Iterable[Job]) -> Iterator[tuple[int, int]]:
    """When there was work, under way or ready to be begun, in order. Work that comes as the last is done begins a new backlog."""
    held: tuple[int, int] | None = None
    for ready, end in sorted((job.ready, job.end) for job in jobs):
        if held is not None and (ready < held[1] or ready == held[0]):
            held = held[0], max(held[1], end)
        else:
            if held is not None:
                yield held
            held = ready, end
    if held is not None:
        yield held


def _cut(piece: Piece, start: int, end: int) -> Piece:
    """The part of a piece that lies in [start, end)."""
    if start <= piece.start and piece.end <= end:
        return piece
    return Piece(max(piece.start, start), min(piece.end, end), *piece[2:])


class Occupation:
    """A resource's time in [start, end), and how it splits the waits for it, in O(log n) each."""

    def __init__(self, jobs: Sequence[Job], states: Iterable[Reported], calendar: Calendar, start: int, end: int) -> None:
        idle = [Piece(start, end, Cause.EXTRANEOUS, 0, "")]
        off = [Piece(a, b, Cause.UNAVAILABILITY, 0, "") for a, b in calendar.gaps(start, end)]
        free = laid_over(off, idle, start, end)
        self.pieces = laid_over(told(states), laid_over(list(busy(jobs)), free, start, end), start, end)
        self._backlogs = list(_backlogs(jobs))
        self._starts = [piece.start for piece in self.pieces]
        self._sums: dict[Cause | None, list[int]] = {}
        for cause in dict.fromkeys(piece.cause for piece in self.pieces):
            self._sums[cause] = [0]
        for piece in self.pieces:
            for cause, sums in self._sums.items():
                sums.append(sums[-1] + (piece.end - piece.start if piece.cause is cause else 0))

    def stretches(self, start: int, end: int, ready: int) -> Iterator[Piece]:
        """A wait piece by piece, each with its cause."""
        for piece in self.pieces[bisect_right(self._starts, start) - 1 : bisect_left(self._starts, end)]:
            cause = piece.cause or (Cause.CONTENTION if piece.rank <= ready else Cause.PRIORITISATION)
            yield _cut(piece._replace(cause=cause), start, end)

    def lost(self, ready: int) -> dict[Cause, int]:
        """Of the time before `ready` since the queue was last empty: how long nothing was done though there was work, by why."""
        i = bisect_left(self._backlogs, (ready,)) - 1
        start = max(self._backlogs[i][0], self.pieces[0].start) if i >= 0 and ready < self._backlogs[i][1] else ready
        if start >= ready:
            return {}
        first, last = bisect_right(self._starts, start) - 1, bisect_left(self._starts, ready) - 1
        sums = ((cause, sums) for cause, sums in self._sums.items() if cause is not None)
        parts = {cause: self._up_to(last, ready, cause, of) - self._up_to(first, start, cause, of) for cause, of in sums}
        return {cause: part for cause, part in parts.items() if part}

    def split(self, waits: Sequence[Waiting]) -> list[dict[Cause, int]]:
        """The parts of each wait, µs, those of nothing left out. They add up to the wait."""
        found: list[dict[Cause, int]] = []
        contended = self._contended(waits)
        for (start, end, _), contention in zip(waits, contended, strict=True):
            i, j = bisect_right(self._starts, start) - 1, bisect_left(self._starts, end) - 1
            parts: dict[Cause, int] = {}
            for cause, sums in self._sums.items():
                part = self._up_to(j, end, cause, sums) - self._up_to(i, start, cause, sums)
                if cause is not None:
                    parts[cause] = part
                else:
                    parts[Cause.CONTENTION], parts[Cause.PRIORITISATION] = contention, part - contention
            found.append({cause: part for cause, part in parts.items() if part})
        return found

    def _up_to(self, i: int, at: int, cause: Cause | None, sums: Sequence[int]) -> int:
        """How much of the cause there is before `at`, which lies in piece i or at its end."""
        piece = self.pieces[i]
        return sums[i] + (at - piece.start if piece.cause is cause else 0)

    def _contended(self, waits: Sequence[Waiting]) -> list[int]:
        """Of each wait, how long the resource was busy with what was ready before: waits in order of their readiness, over the
        busy pieces in order of theirs, summed by a Fenwick tree (*Software: Practice and Experience* 24, 1994)."""
        found = [0] * len(waits)
        ranked = sorted((piece.rank, i) for i, piece in enumerate(self.pieces) if piece.cause is None)
        tree = [0] * (len(self.pieces) + 1)
        added = 0
        for w in sorted(range(len(waits)), key=lambda w: waits[w][2]):
            start, end, ready = waits[w]
            while added < len(ranked) and ranked[added][0] <= ready:
                _add(tree, ranked[added][1], self.pieces[ranked[added][1]])
                added += 1
            found[w] = self._before(tree, end, ready) - self._before(tree, start, ready)
        return found

    def _before(self, tree: Sequence[int], at: int, ready: int) -> int:
        i = bisect_right(self._starts, at) - 1
        piece = self.pieces[i]
        part = min(at, piece.end) - piece.start if piece.cause is None and piece.rank <= ready else 0
        while i:
            part += tree[i]
            i &= i - 1
        return part


def _add(tree: list[int], i: int, piece: Piece) -> None:
    i += 1
    while i < len(tree):
        tree[i] += piece.end - piece.start
        i += i & -i
