"""Lives that are columns, and are made one by one where somebody opens them: enough for the figures of a log of millions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brain.analytics.columns import Flat, exact_sum
from brain.analytics.lives import Timed


@dataclass(frozen=True)
class ColumnarLives(Mapping[str, Sequence[Timed]]):
    """The lives of the objects of `flat`, of which each has a step, and each step one object. `life` gives the steps of the
    object at a place, in order; `intervals` is true where each step had a start of its own, false where none had."""

    flat: Flat
    life: Callable[[int], Sequence[Timed]]
    intervals: bool

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.flat.objects)}

    def __getitem__(self, name: str) -> Sequence[Timed]:
        return self.life(self._places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.flat.objects)

    def __len__(self) -> int:
        return len(self.flat.objects)

    def worked(self) -> Iterator[tuple[str, int, int, int]]:
        """Of each activity the steps, those with a start of their own, and the sum of their times, µs."""
        took = self.flat.end - self.flat.start
        for code, count in enumerate(np.bincount(self.flat.activity, minlength=len(self.flat.activities)).tolist()):
            if count:
                total = exact_sum(took[self.flat.activity == code]) if self.intervals else 0
                yield self.flat.activities[code], count, count if self.intervals else 0, total


def columns_of(lives: Mapping[str, Sequence[Timed]]) -> Flat:
    """The lives as columns."""
    return lives.flat if isinstance(lives, ColumnarLives) else Flat.of_lives(lives)
