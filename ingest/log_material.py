"""What a report on a case log is made of, straight from its file: the lives that importing it into an empty store would give.

The figures alone of a log whose rows each tell a whole step are computed over columns; all else reads the log event by event. An
object-centric log has objects that several events share, and rules that say what they are: that goes through a store in memory.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from sys import intern

import numpy as np

from brain.analytics.columnar import ColumnarLives
from brain.analytics.columns import Flat, Ints
from brain.analytics.lives import Lifecycle, Timed, timed
from brain.analytics.process_material import Asked, Material, Period, known_class, parted
from brain.errors import BadQuery
from brain.model import Occurrence
from brain.schema import Schema, nearest
from ingest.event_log import AGENT, LONGEST_NAME, OBJECT, STEP, BadMessage, sound
from ingest.logs import Log, LogEvent
from ingest.logs.records import CASE
from ingest.logs.transitions import Transitions, coded


class Names:
    """The ids that importing gives to the things of a log."""

    def __init__(self, schema: Schema, namespace: str) -> None:
        prefix = f"{namespace}:" if namespace else ""
        self.case, self.step, self.agent = (f"{schema.of(name).node_id(prefix)}" for name in (OBJECT, STEP, AGENT))

    def timed(self, event: LogEvent, lifecycle: Lifecycle | None) -> Timed | None:
        """An event of a case log as a step in the life of its case."""
        return timed(
            Occurrence(
                event.objects[0][0],
                self.step + event.id,
                event.activity,
                event.started,
                event.completed,
                event.sequence,
                event.start_sequence,
                event.lifecycle,
                event.enabled,
                intern(self.agent + event.performer) if event.performer else None,
            ),
            lifecycle,
        )


def log_material(log: Log, namespace: str, schema: Schema, object_type: str, asked: Asked) -> Material:
    """The material of a report on a case log. BadLog where the log is broken, BadQuery where it has no such steps."""
    known_class(schema, asked.machines)
    if object_type != CASE:
        raise BadQuery(f"no object of type {object_type!r} has a step{nearest(object_type, {CASE: None})}; types here: {CASE}")
    names = Names(schema, namespace)
    figures_alone = not asked.sections and asked.period == Period() and asked.context_since is None
    found = columnar(log.transitions(), names, asked.lifecycle) if figures_alone else None
    lives, left_out = found or case_lives(log, namespace, names, asked.lifecycle)
    if not lives:
        raise BadQuery(f"no {CASE} of {log.path} has a step with a time that the report uses; steps left out: {left_out:,}")
    inside, outside = parted(lives, object_type, asked)
    return Material(object_type, schema.version, asked, left_out, inside, outside, {}, "", {}, frozenset())


def case_lives(log: Log, namespace: str, names: Names, lifecycle: Lifecycle | None) -> tuple[Mapping[str, Sequence[Timed]], int]:
    """Each case's steps in order, and how many steps the definition leaves out."""
    lives: defaultdict[str, list[Timed]] = defaultdict(list)
    left_out = 0
    for record in log.records():
        try:
            sound(record, namespace)
        except ValueError as why:
            raise BadMessage(f"{log.path}: {record.id[:60]!r} is nothing that a store takes in: {why}") from None
        if isinstance(record, LogEvent):
            step = names.timed(record, lifecycle)
            if step is None:
                left_out += 1
            else:
                lives[names.case + record.objects[0][0]].append(step)
    for life in lives.values():
        life.sort()
    return dict(lives), left_out


def columnar(
    rows: Transitions | None, names: Names, lifecycle: Lifecycle | None
) -> tuple[Mapping[str, Sequence[Timed]], int] | None:
    """The same over columns; None where rows alone cannot tell."""
    left_out = None if rows is None else rows.left_out(lifecycle)
    if rows is None or left_out is None or not rows.sound(LONGEST_NAME):
        return None
    complete = rows.complete()
    start = rows.at if rows.started is None or lifecycle else rows.started
    if (start > rows.at).any():
        return None  # the order of such a life, and its sums, are told step by step
    activities, activity = coded(rows.activity)
    seen, case = np.unique(rows.case[complete], return_inverse=True)
    end = rows.at[complete]
    flat = Flat.of_columns(
        [names.case + rows.cases[place] for place in seen.tolist()],
        activities,
        case,
        activity[complete],
        (end if start is rows.at else start[complete], end),
        _step_names(rows, names, complete),
    )

    def life(place: int) -> list[Timed]:
        steps = (names.timed(event, lifecycle) for event in rows.of_case(int(seen[place])))
        return sorted(step for step in steps if step is not None)

    return ColumnarLives(flat, life, rows.started is not None and not lifecycle), left_out


def _step_names(rows: Transitions, names: Names, complete: Ints) -> Callable[[int], str]:
    """The id of the step of a completion. Positions are counted where one is asked for."""
    positions: list[Ints] = []

    def name(at: int) -> str:
        if not positions:
            positions.append(rows.positions())
        row = int(complete[at])
        return f"{names.step}{rows.cases[rows.case[row]]}#{positions[0][row]}"

    return name
