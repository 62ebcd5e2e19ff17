"""Transitions of a case → events: start and complete of one activity pair first in, first out (DESIGN, Processes).

- `complete` ends the oldest open `start` of its activity; without one it is an event with a completion only.
- `start` takes the oldest open `schedule` of its activity along as its scheduled time.
- What stays open at the end of the case is an event of its own, with only the times that it has.
- Every other transition (suspend, withdraw, ate_abort …) is an event of its own, with its time in `at`.
Order is the order in the file, never the clock: a log's order is what its writer knew.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from ingest.logs.records import CASE, LogEvent, Scalar
from ingest.logs.values import in_order

Attributes = tuple[tuple[str, Scalar], ...]
OPEN_LIMIT = 1_000_000
"""Transitions that may stay open in one case; more is a broken log, and would fill the memory."""


class Transition(NamedTuple):
    """One row of a case log. `kind` is lower case."""

    activity: str
    kind: str
    at: int
    performer: str | None
    attributes: Attributes


class _Open(NamedTuple):
    position: int
    scheduled: int | None
    step: Transition


class OpenTooMany(ValueError):
    """A case has more open transitions than OPEN_LIMIT."""


class Case:
    """The pairing of one case. Feed its transitions in the order of the file, then take `rest`."""

    __slots__ = ("_objects", "_open", "_scheduled", "_started", "id", "position")  # a CSV keeps every case open to its end

    def __init__(self, case_id: str) -> None:
        self.id = case_id
        self.position = 0
        self._objects = ((case_id, CASE, CASE),)
        self._started: dict[str, deque[_Open]] = {}
        self._scheduled: dict[str, deque[_Open]] = {}
        self._open = 0

    def feed(self, step: Transition) -> LogEvent | None:
        """The event that this transition completes, or None where it waits for its end."""
        position = self.position
        self.position = position + 1
        kind = step.kind
        if kind == "complete":
            return self._complete(step, position)
        if kind == "start":
            planned = _oldest(self._scheduled, step.activity)
            if planned is not None:
                self._open -= 1
                step = step._replace(
                    attributes=_joined(step, planned.step, "schedule"), performer=step.performer or planned.step.performer
                )
            self._wait(self._started, _Open(position, planned.step.at if planned else None, step))
            return None
        if kind == "schedule":
            self._wait(self._scheduled, _Open(position, None, step))
            return None
        return self._event(step, position, lifecycle=kind, at=step.at)

    def interval(self, step: Transition, started: int) -> LogEvent:
        """The event of a row that has both times itself."""
        position = self.position
        self.position = position + 1
        return self._event(step, position, started=started, completed=step.at, start_sequence=position)

    def unfinished(self, step: Transition) -> LogEvent:
        """The event of a row that has a start, and says itself that it has no completion."""
        position = self.position
        self.position = position + 1
        return self._event(step, position, started=step.at, start_sequence=position)

    def rest(self) -> Iterator[LogEvent]:
        """What stayed open, in the order of the file."""
        waiting = [(one, False) for queue in self._scheduled.values() for one in queue]
        waiting += [(one, True) for queue in self._started.values() for one in queue]
        for one, began in sorted(waiting):
            if began:
                yield self._event(
                    one.step, one.position, scheduled=one.scheduled, started=one.step.at, start_sequence=one.position
                )
            else:
                yield self._event(one.step, one.position, scheduled=one.step.at)

    def _wait(self, queues: dict[str, deque[_Open]], one: _Open) -> None:
        self._open += 1
        if self._open > OPEN_LIMIT:
            raise OpenTooMany(f"case {self.id!r} has over {OPEN_LIMIT} open transitions")
        queues.setdefault(one.step.activity, deque()).append(one)

    def _complete(self, step: Transition, position: int) -> LogEvent:
        begun = _oldest(self._started, step.activity)
        if begun is None:
            return self._event(step, position, completed=step.at)
        self._open -= 1
        start = begun.step
        if start.attributes or start.performer != step.performer:
            step = step._replace(attributes=_joined(step, start, "start"), performer=step.performer or start.performer)
        return self._event(
            step, position, scheduled=begun.scheduled, started=start.at, completed=step.at, start_sequence=begun.position
        )

    def _event(
        self,
        step: Transition,
        position: int,
        scheduled: int | None = None,
        started: int | None = None,
        completed: int | None = None,
        start_sequence: int | None = None,
        lifecycle: str | None = None,
        at: int | None = None,
    ) -> LogEvent:
        return LogEvent(
            f"{self.id}#{position}", step.activity, None, scheduled, started, completed, position, start_sequence,
            lifecycle, step.performer, step.attributes, self._objects, at,
        )  # fmt: skip


def _oldest(queues: dict[str, deque[_Open]], activity: str) -> _Open | None:
    queue = queues.get(activity)
    if not queue:
        return None
    one = queue.popleft()
    if not queue:
        del queues[activity]
    return one


def _joined(later: Transition, earlier: Transition, prefix: str) -> Attributes:
    """The attributes of both; the later's under their names, and an earlier value that differs under `prefix:name`."""
    own = dict(later.attributes)
    pairs = list(later.attributes)
    for name, value in earlier.attributes:
        if name not in own:
            pairs.append((name, value))
        elif own[name] != value or type(own[name]) is not type(value):
            pairs.append((f"{prefix}:{name}", value))
    if earlier.performer is not None and later.performer is not None and earlier.performer != later.performer:
        pairs.append((f"{prefix}:org:resource", earlier.performer))
    return in_order(pairs)
