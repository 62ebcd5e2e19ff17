"""The transitions of a case log as columns, and out of them the steps that have their time from one row: all that the handover
figures of a large log need. Steps whose start and completion must be paired are left to `lifecycle`, case by case.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from brain.analytics.columns import Ints
from brain.analytics.lives import Lifecycle
from brain.checks import FIRST_INSTANT, LAST_INSTANT
from ingest.logs.lifecycle import Case, Transition
from ingest.logs.records import LogEvent

PAIRED = ("schedule", "start")
"""Transitions that may be one step with a later one."""


class Transitions(NamedTuple):
    """One element a transition, in the order of the log. `case` is the place of its case in `cases`, which are all different.

    `at` is when it was complete, `started` when it had begun, where each row says so itself; µs. `kind` is lower case, None where
    all are complete. `performers` may be null, and are read when asked for.
    """

    cases: list[str]
    case: Ints
    activity: pl.Series
    kind: pl.Series | None
    at: Ints
    started: Ints | None
    performers: Callable[[], pl.Series]

    def positions(self) -> Ints:
        """The position of each transition in its case, from 0."""
        order = np.argsort(self.case, kind="stable")
        sorted_ = self.case[order]
        first = np.flatnonzero(np.diff(sorted_, prepend=-1))
        found = np.empty(len(order), np.int64)
        found[order] = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
        return found

    def complete(self) -> Ints:
        """Which rows are completions."""
        return np.arange(len(self.case)) if self.kind is None else np.flatnonzero((self.kind == "complete").to_numpy())

    def of_case(self, place: int) -> Iterator[LogEvent]:
        """The events of one case, paired as ever, without attributes."""
        case, performers = Case(self.cases[place]), self.performers()
        for row in np.flatnonzero(self.case == place).tolist():
            kind = "complete" if self.kind is None else self.kind[row]
            step = Transition(self.activity[row], kind, int(self.at[row]), performers[row], ())
            event = case.feed(step) if self.started is None else case.interval(step, int(self.started[row]))
            if event is not None:
                yield event
        yield from case.rest()

    def left_out(self, lifecycle: Lifecycle | None) -> int | None:
        """How many events have no time that the view uses; None where the view needs pairs, so that rows cannot tell."""
        if self.kind is None:
            return 0
        counts: dict[str, int] = dict(self.kind.value_counts().iter_rows())
        if lifecycle is None and any(kind in counts for kind in PAIRED):
            return None
        others = sum(n for kind, n in counts.items() if kind not in (*PAIRED, "complete"))
        return others + (self._unpaired("schedule", "start") + self._unpaired("start", "complete") if lifecycle else 0)

    def _unpaired(self, first: str, second: str) -> int:
        """How many of the first kind no later one of the second kind takes up, where each takes up the oldest that waits."""
        assert self.kind is not None
        frame = pl.DataFrame({"case": self.case, "activity": self.activity, "kind": self.kind})
        step = pl.when(kind := pl.col("kind") == first).then(1).when(pl.col("kind") == second).then(-1)
        waiting = frame.filter(kind | (pl.col("kind") == second)).with_columns(step.alias("step"))
        # A completion without a start leaves the queue as it is: what waits is how far the sum stands over its lowest.
        queue = pl.col("step").sum() - pl.min_horizontal(pl.lit(0), pl.col("step").cum_sum().min())
        return int(waiting.group_by("case", "activity").agg(queue.alias("open"))["open"].sum())

    def sound(self, longest: int) -> bool:
        """Whether every name and time is one that a store takes."""
        names = pl.Series(self.cases).str.len_chars().max(), self.activity.str.len_chars().max()
        times = self.at if self.started is None else np.concatenate([self.at, self.started])
        in_time = bool(len(times)) and int(times.min()) >= FIRST_INSTANT and int(times.max()) <= LAST_INSTANT
        return in_time and all(isinstance(most, int) and most <= longest for most in names)


def coded(texts: pl.Series) -> tuple[list[str], Ints]:
    """The distinct texts, and the position of each text among them."""
    names = texts.unique(maintain_order=True)
    return names.to_list(), texts.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)


def complete_unless_said(kinds: pl.Series) -> pl.Series:
    """The kinds of transitions as `lifecycle` knows them."""
    return kinds.str.strip_chars().str.to_lowercase().replace("", None).fill_null("complete")
