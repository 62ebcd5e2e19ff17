"""Rows of things that are lost alike, as one: fifty orders on one line are one row to read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from brain.analytics.graph.impact import Affected
from brain.words import some_of

MANY = 3
"""Fewer are told each on a row of its own."""
NAMED = 3


@dataclass(frozen=True, slots=True)
class Fold:
    """Things of one class that are lost at one time, over ways of the same relations from the same beginning."""

    rows: tuple[Affected, ...]

    @property
    def first(self) -> Affected:
        return self.rows[0]

    def ids(self) -> str:
        """`medicationorder/RX-1, medicationorder/RX-2, medicationorder/RX-3 and 14 more`."""
        return some_of([row.id for row in self.rows], NAMED)

    def way(self, arrow: str) -> str:
        """What all ways have in common; where they differ, of what kind it is: `asset/ROB-1 → medicationorder/… → patient/…`."""
        steps = zip(*((c.dependent for c in row.via) for row in self.rows), strict=True)
        return arrow.join([*(c.provider for c in self.first.via[:1]), *(_alike(ids) for ids in steps)])


def folded(rows: Sequence[Affected]) -> list[Fold]:
    """In the order of the first of each."""
    alike: dict[tuple[object, ...], list[Affected]] = {}
    for row in rows:
        start = tuple(c.provider for c in row.via[:1])
        key = row.cls, row.after_seconds, row.capacity, start, tuple(c.relation for c in row.via)
        alike.setdefault(key, []).append(row)
    found = []
    for some in alike.values():
        found += [Fold(tuple(some))] if len(some) >= MANY else [Fold((row,)) for row in some]
    return found


def _alike(ids: Iterable[str]) -> str:
    several = list(dict.fromkeys(ids))
    if len(several) == 1:
        return several[0]
    spaces = {id.partition("/")[0] for id in several}
    return f"{spaces.pop()}/…" if len(spaces) == 1 else "…"
