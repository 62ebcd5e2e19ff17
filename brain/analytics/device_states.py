"""What state each machine was in, as intervals: out of the versions of its `state`, which are all kept.

A state holds from its valid time until the next one that was reported, the last one until the end of the window. What was taken
back never held. Before its first report, and from a retraction until the next report, the state of a machine is not known: that
is a gap, and no interval covers it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from brain.analytics.deadline import in_time
from brain.chains import effective
from brain.model import Stamp, Version
from brain.ports import Store
from brain.query import EVERY, Nodes, Window
from brain.versions import standing, voided

STATE = "state"
MACHINES = 200
"""Machines whose versions are read at a time."""


class StateSpan(NamedTuple):
    """A machine was in a state in [start, end), µs."""

    machine: str
    start: int
    end: int
    state: str


async def state_spans(
    store: Store, cls: str, since: int | None = None, until: int | None = None, *, told_since: int | None = None
) -> dict[str, list[StateSpan]]:
    """The states of each thing of a class in [since, until), in order, out of what it told from `told_since` on. Without an end
    it is the last report of any of them."""
    return (await spans_in_time(store, cls, since, until, told_since=told_since))[0]


async def spans_in_time(
    store: Store,
    cls: str,
    since: int | None = None,
    until: int | None = None,
    *,
    told_since: int | None = None,
    stop: float | None = None,
) -> tuple[dict[str, list[StateSpan]], int]:
    """The same of the things that are read by `stop`, of time.monotonic; and how many are not."""
    ids = [node.id async for node in store.scan(Nodes(cls))]
    said: dict[str, list[tuple[Stamp, str | None]]] = {}
    for i in in_time(range(0, len(ids), MACHINES), stop):
        some = ids[i : i + MACHINES]
        histories = await store.history(some, Window(told_since, limit=EVERY))
        said.update((name, list(state_reports(versions))) for name, versions in zip(some, histories, strict=True))
    last = max((reports[-1][0].valid for reports in said.values() if reports), default=0)
    end = last if until is None else until
    return {name: list(spans(name, reports, since, end)) for name, reports in said.items()}, len(ids) - len(said)


def spans(machine: str, reports: Iterable[tuple[Stamp, str | None]], since: int | None, until: int) -> Iterator[StateSpan]:
    """The intervals of one machine out of its reports in order of their stamps; None is a state that was retracted. Of reports of
    one moment the greatest stamp counts. The same state again goes on."""
    held: tuple[int, str] | None = None
    for stamp, state in [*reports, (Stamp(until, 0, 0, "", ""), None)]:
        if held is not None and held[1] == state:
            continue
        if held is not None:
            start, end = held[0] if since is None else max(held[0], since), min(stamp.valid, until)
            if start < end:
                yield StateSpan(machine, start, end, held[1])
        held = None if state is None else (stamp.valid, state)


def state_reports(versions: Iterable[Version]) -> Iterator[tuple[Stamp, str | None]]:
    """The states that the versions of one thing tell and that stand, in order of their effective stamps."""
    known = list(versions)
    void = voided(known)
    for version in sorted(effective(known), key=lambda v: v.stamp):
        if STATE in version.properties and standing(version, void):
            state = version.properties[STATE]
            yield version.stamp, None if state is None else str(state)
