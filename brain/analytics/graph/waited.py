"""What an answer about a delay holds: the waits of an object, each with its causes and with the states that coincide with it."""

from typing import NamedTuple

from brain.analytics.occupation import Cause
from brain.analytics.troubles import Trouble
from brain.model import Instant


class InTrouble(NamedTuple):
    """A thing said that it was in a `state` from `since` until then (null: and still is, as far as is known), while an object
    waited for `target` (null: it has not begun) after `source`, from `wait_since` to `wait_until`: `seconds` of that. They are 0
    where the state was over before, and could still be felt for the delays and buffers on the way."""

    trouble: Trouble
    state: str
    since: Instant
    until: Instant | None
    source: str
    target: str | None
    wait_since: Instant
    wait_until: Instant
    seconds: float


class WaitCause(NamedTuple):
    """So much of a wait has this cause: a `share` of it. `because` tells of its longest stretch: the step that was served instead
    or that it waited for, of `object`; the state of the device; nothing where the calendar is the reason, or none is known.
    Of `troubled_seconds` something that it needed was down or degraded, `troubled_by` for most of them."""

    cause: Cause
    seconds: float
    share: float
    because: str
    object: str | None
    troubled_seconds: float
    troubled_by: str | None


class StateInWait(NamedTuple):
    """What was down or degraded during a wait: `seconds` of it, for most of these in the `state`, which it was in `since`."""

    id: str
    trouble: Trouble
    state: str
    since: Instant
    seconds: float


class ObjectWait(NamedTuple):
    """A wait for `target`, the activity of `step`, after `source`: null where it has not begun until now. `resource` carried that
    step out. Something that it needed was down or degraded for `troubled_seconds` of it: `states` are the longest, at most three.
    `causes`, the largest first, add up to the wait; none where they were not asked for, or not known (`notes` say why)."""

    source: str
    target: str | None
    previous: str
    step: str | None
    resource: str | None
    since: Instant
    until: Instant
    seconds: float
    troubled_seconds: float
    states: tuple[StateInWait, ...]
    causes: tuple[WaitCause, ...] = ()
