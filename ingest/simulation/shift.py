"""One shift as the gateway got it: raw bytes by topic, with the truth beside them for the tests."""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

START = 1_772_431_200_000_000
"""2026-03-02T06:00:00Z in µs since the epoch: fixed, so that a run can be compared with any other."""


class Message(NamedTuple):
    """What one system sent: bytes as they came. `received` is µs since the epoch, UTC, by the gateway's clock."""

    topic: str
    key: str
    payload: bytes
    received: int


class Work(NamedTuple):
    """One piece of work as it truly happened. Times are µs since the epoch, UTC, in whole milliseconds.

    `order` is "" for work on the patient alone; `started` is None where the system that tells of it knows one time only,
    `by` is "" where the system did it by itself.
    """

    order: str
    patient: str
    activity: str
    started: int | None
    completed: int
    by: str


class Gap(NamedTuple):
    """`device` was not heard from `since` (inclusive) to `until` (exclusive), µs."""

    device: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Dirt:
    """What was spoilt on its way. Messages are named `<topic> <event>`, with the event's id as the sender wrote it.

    `duplicates` counts messages sent again, byte for byte; `late` names those held up for 20 s and more. The damage below
    does not overlap: a message is spoilt in at most one way, and a spoilt one is not sent twice.
    """

    duplicates: int
    late: tuple[str, ...]
    nulls: tuple[str, ...]
    spike: str
    unstamped: str
    silence: Gap
    lost: int
    """Readings that the silence swallowed."""


@dataclass(frozen=True, slots=True)
class Shift:
    """`messages` ordered by `received`. `dirt` and `trace` are the truth, for tests: no report may look at them."""

    messages: tuple[Message, ...]
    dirt: Dirt
    start: int
    trace: tuple[Work, ...]


def chance(seed: int, part: str) -> Random:
    """The dice of one part of the simulation: a part that rolls once more leaves the others as they were."""
    return Random(f"{seed}/{part}")  # noqa: S311  # a simulation wants dice that can be thrown again, not secrets
