"""When an asset was in trouble: down, degraded, or not to be believed.

States are those of `device_states`, in lower case. Down are the states of a device that explain waiting as unavailability or as
held (`occupation.DEVICE`), and those in which a machine fails (`machines.FAILING`). Waiting for others (starved, blocked, idle,
suspended) is no trouble of its own: it is what trouble further upstream looks like from here.

Poor data: a quality flag casts doubt on what the asset says from its time on for `DOUBT`; doubts that touch are one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from brain.analytics.device_states import spans, state_reports
from brain.analytics.lives import MICRO
from brain.analytics.machines import ACTIVE, FAILING
from brain.analytics.occupation import DEVICE, Cause
from brain.analytics.relations import END
from brain.model import Quality, Version

DOUBT = 600 * MICRO
"""µs for which a flag casts doubt."""


class Trouble(StrEnum):
    """What may be wrong with an asset."""

    DOWN = "down"
    DEGRADED = "degraded"
    POOR_DATA = "poor data"


STATES: Mapping[str, Trouble] = {
    **dict.fromkeys(FAILING, Trouble.DOWN),
    **{state: Trouble.DOWN for state, cause in DEVICE.items() if cause in (Cause.UNAVAILABILITY, Cause.HELD)},
    **dict.fromkeys(("unavailable", "broken", "error", "outage", "estop"), Trouble.DOWN),
    **dict.fromkeys(("degraded", "reduced", "derated", "limited", "impaired", "slow", "warning"), Trouble.DEGRADED),
}
KNOWN = STATES.keys() | ACTIVE.keys() | DEVICE.keys()


class Sign(NamedTuple):
    """An asset was in trouble in [start, end), µs, as `what` says: its state, or the flags of its properties."""

    start: int
    end: int
    what: str


class Signs(NamedTuple):
    """What an asset told of itself: its troubles, each in order and disjoint; from `since` on its states are known, µs (None:
    they never are); `unknown` are states that say nothing here."""

    since: int | None
    troubles: Mapping[Trouble, Sequence[Sign]]
    unknown: frozenset[str]


def signs(asset: str, versions: Iterable[Version], flags: Iterable[Quality], until: int) -> Signs:
    """What the versions and flags of one asset say of the time before `until`."""
    states = list(spans(asset, state_reports(versions), None, until))
    found: dict[Trouble, list[Sign]] = {}
    for span in states:
        if (trouble := STATES.get(span.state.lower())) is not None:
            found.setdefault(trouble, []).append(Sign(span.start, span.end, span.state))
    if doubts := list(_doubts(flags, until)):
        found[Trouble.POOR_DATA] = doubts
    unknown = frozenset(span.state for span in states if span.state.lower() not in KNOWN)
    return Signs(states[0].start if states else None, found, unknown)


def _doubts(flags: Iterable[Quality], until: int) -> Iterator[Sign]:
    """Flags that have a time, as disjoint spans of doubt."""
    start, end, what = END, -END, dict[str, None]()
    for flag in sorted((f for f in flags if f.at is not None), key=lambda f: (f.at or 0, f.property, f.verdict)):
        assert flag.at is not None
        if flag.at > end:
            if start < min(end, until):
                yield Sign(start, min(end, until), ", ".join(what))
            start, what = flag.at, {}
        end = flag.at + DOUBT
        what[f"{flag.property} {flag.verdict.value}"] = None
    if start < min(end, until):
        yield Sign(start, min(end, until), ", ".join(what))
