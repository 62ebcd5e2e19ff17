"""Why one object waited: its waits split by cause as those of a whole report are, each part with what coincides with it."""

from collections.abc import Iterable, Mapping, Sequence

from brain.analytics.calendars import Interval, common, merged
from brain.analytics.graph.told_lives import Log, Waited
from brain.analytics.graph.waited import WaitCause
from brain.analytics.lives import MICRO
from brain.analytics.occupation import Cause, Piece, Reported
from brain.analytics.shifts import shifts
from brain.analytics.split import Split
from brain.analytics.work import work_of

STEPS_A_SECOND = 50_000
"""What a split of a whole log takes on a slow core: where less time is left it is not begun."""

Felt = Mapping[str, Sequence[Interval]]
"""When each thing that a wait needed was down or degraded during it, in the order in which they are told."""


def split_waits(
    log: Log, object_type: str, waits: Sequence[Waited], states: Mapping[str, Sequence[Reported]], felt: Sequence[Felt]
) -> list[tuple[WaitCause, ...]]:
    """The causes of each wait, the largest first; none of one whose step has not begun. `felt` is of each wait."""
    elsewhere = [lives for name, lives in log.lives.items() if name != object_type and lives]
    work = work_of(log.lives[object_type], elsewhere)
    split = Split(work, shifts(work.jobs, {}, "UTC"), states)
    ended = [wait for one in waits if (wait := one.as_wait) is not None]
    parts = {wait.step.step: told for wait, told in zip(ended, split.parts(ended), strict=True)}
    stretches = {wait.step.step: [*split.stretches(wait)] for wait in ended}
    served = {piece.what for pieces in stretches.values() for piece in pieces}
    of = _objects(log, object_type, served)
    found = []
    for one, during in zip(waits, felt, strict=True):
        step = "" if one.step is None else one.step.step
        told = sorted(parts.get(step, {}).items(), key=lambda part: (-part[1], part[0]))
        length = one.until - one.since
        found.append(tuple(_cause(cause, micros, length, stretches[step], during, of) for cause, micros in told))
    return found


def _objects(log: Log, object_type: str, steps: Iterable[str]) -> dict[str, str]:
    """What each of these steps was done to: of several the first by id, of the type that is asked about if there is one."""
    wanted, found = set(steps), dict[str, str]()
    for name in sorted(log.lives, key=lambda name: (name != object_type, name)):
        for id in sorted(log.lives[name]):
            for step in log.lives[name][id]:
                if step.step in wanted:
                    found.setdefault(step.step, id)
    return found


def _cause(cause: Cause, micros: int, length: int, pieces: Sequence[Piece], during: Felt, of: Mapping[str, str]) -> WaitCause:
    mine = [piece for piece in pieces if piece.cause is cause and piece.start < piece.end]
    because = max(mine, key=lambda piece: (piece.end - piece.start, -piece.start)).what
    spans = [(piece.start, piece.end) for piece in mine]
    by = {id: length_of(common(spans, held)) for id, held in during.items()}
    whole = length_of(common(spans, union(during.values())))
    most = max(by, key=by.__getitem__) if whole else None
    return WaitCause(cause, micros / MICRO, micros / length, because, of.get(because), whole / MICRO, most)


def union(spans: Iterable[Sequence[Interval]]) -> list[Interval]:
    return list(merged(sorted(span for some in spans for span in some)))


def length_of(spans: Iterable[Interval]) -> int:
    return sum(end - start for start, end in spans)
