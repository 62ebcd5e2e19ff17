"""What a process report is asked for, and what of the store it is made of: each type of objects is scanned once."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from brain.analytics.calendars import Calendar
from brain.analytics.device_states import STATE, StateSpan, state_spans
from brain.analytics.lives import Lifecycle, Timed, read_lives, read_other_lives
from brain.analytics.surroundings import Surroundings, read_surroundings
from brain.analytics.times import Lives, ended_within
from brain.analytics.work import Perspective
from brain.errors import BadQuery
from brain.ports import Store
from brain.query import NOW, AsOf, Qualities
from brain.rewound import Unrecorded, rewound
from brain.schema import Schema, nearest
from brain.words import moment


class Period(NamedTuple):
    """Half-open [since, until) of valid time, µs; None is unbounded.

    An object belongs to the period in which its last step ended, with its whole life: no wait is cut, and of periods that tile
    each object is in exactly one.
    """

    since: int | None = None
    until: int | None = None

    def before(self) -> "Period | None":
        """The period of the same length that ends where this one begins; None where one of its ends is open."""
        if self.since is None or self.until is None:
            return None
        return Period(2 * self.since - self.until, self.since)


class Section(StrEnum):
    """A part of the report beside the waits themselves."""

    CAUSES = "causes"
    CONFIDENCE = "confidence"
    TIMES = "times"
    MACHINES = "machines"
    RELIEF = "relief"
    CHANGE = "change"
    ATTRIBUTION = "attribution"


WITH_STATES = frozenset((Section.CAUSES, Section.MACHINES, Section.RELIEF))
"""Sections that hear what devices say of themselves."""
WITH_OTHERS = frozenset((Section.CAUSES, Section.TIMES, Section.RELIEF))
"""Sections that read the lives of other types too: their resources work for them, their objects meet."""

WITH_FLAGS = frozenset((Section.CONFIDENCE, Section.ATTRIBUTION))
"""Sections that ask which data was not valid."""


class Asked(NamedTuple):
    """What the report shall be of, and which sections it shall have."""

    lifecycle: Lifecycle | None = None
    min_frequency: int | None = None
    period: Period = Period()
    sections: frozenset[Section] = frozenset(Section)
    machines: str | None = None
    """The class of the machines; None: those of the resources that carry out steps and report states."""
    view: Perspective = "handover"
    """Of the causes: what their waiting is. The waits themselves are always the handover view's."""
    calendars: Mapping[str, Calendar] = {}
    """Working calendars that somebody gave, by resource, `*` for all others; the others are discovered."""
    context_since: int | None = None
    """Of lives that ended before, of whatever type, and of what devices told before, nothing is known, as if the store did not
    hold it: nobody is busy with it, and calendars and concurrency are discovered without it. µs; None: all is known."""
    at: AsOf = NOW
    """The point in both times at which the store is read, for all sections (`brain.rewound` says what that means for steps)."""


class Material(NamedTuple):
    """What every section is made of: the lives of the period, those of the same type outside of it, those of other types."""

    object_type: str
    ontology_version: str
    asked: Asked
    left_out: int
    inside: Lives
    outside: Lives
    others: Mapping[str, Lives]
    machine_class: str
    spans: Mapping[str, Sequence[StateSpan]]
    """The states of the machines among which the bottleneck is sought."""
    flagged: frozenset[str]
    """What has a quality flag."""
    around: Surroundings = Surroundings()
    refused: Mapping[Section, str] = {}
    """The sections for which the store cannot tell what was known then, and why."""


async def material(store: Store, schema: Schema, object_type: str, asked: Asked) -> Material:
    """All that a report needs of the store: each type of objects is scanned once, of a past time all in one scan."""
    store = rewound(store, schema, asked.at)
    lives, left_out = await read_lives(store, object_type, asked.lifecycle)
    inside, outside = parted(lives, object_type, asked)
    wide = asked.sections & WITH_OTHERS
    read = await read_other_lives(store, object_type, asked.lifecycle) if wide else {}
    others = {name: known(of_type, asked) for name, of_type in read.items()}
    machine_class, spans = await _states(store, schema, inside, asked)
    refused: dict[Section, str] = {}
    flagged: frozenset[str] = frozenset()
    around = Surroundings()
    for section in asked.sections & WITH_FLAGS:
        try:
            if section is Section.CONFIDENCE:
                flagged = frozenset([flag.subject async for flag in store.scan(Qualities())])
            else:
                around = await read_surroundings(store, schema, inside)
        except Unrecorded as why:
            refused[section] = str(why)
    return Material(
        object_type=object_type,
        ontology_version=schema.version,
        asked=asked,
        left_out=left_out,
        inside=inside,
        outside=outside,
        others=others,
        machine_class=machine_class,
        spans=spans,
        flagged=flagged,
        around=around,
        refused=refused,
    )


def known(lives: Lives, asked: Asked) -> Lives:
    """The lives of which the report may know."""
    return lives if asked.context_since is None else ended_within(lives, asked.context_since, None)


def parted(lives: Lives, object_type: str, asked: Asked) -> tuple[Lives, Lives]:
    """The lives of the period, and the others of which the report may know. BadQuery where none ended in it."""
    kept = known(lives, asked)
    if asked.period == Period() and kept:
        return kept, {}
    inside = ended_within(kept, *asked.period)
    if not inside:
        raise _nothing_ended(lives, object_type)
    return inside, {name: life for name, life in kept.items() if name not in inside}


def known_class(schema: Schema, name: str | None) -> None:
    """BadQuery where a class is named that the ontology does not have."""
    if name is not None and name not in schema.classes:
        raise BadQuery(f"the ontology has no class {name!r}{nearest(name, schema.classes)}")


async def _states(store: Store, schema: Schema, lives: Lives, asked: Asked) -> tuple[str, dict[str, list[StateSpan]]]:
    """The classes whose states tell of the machines, and these, within the period."""
    if not asked.sections & WITH_STATES:
        return "", {}
    return await machine_states(store, schema, lives, asked)


async def machine_states(
    store: Store, schema: Schema, lives: Lives, asked: Asked = Asked()
) -> tuple[str, dict[str, list[StateSpan]]]:
    """The same, whatever the sections: of the class that is asked for, else of the classes of the resources that carry out the
    steps, and report states."""
    known_class(schema, asked.machines)
    if asked.machines is None:
        resources = sorted({step.resource for life in lives.values() for step in life if step.resource is not None})
        nodes = await store.nodes(resources) if resources else []
        found = {node.cls for node in nodes if node is not None}
        classes = sorted(name for name in found if STATE in schema.classes[name].properties)
    else:
        classes = [asked.machines]
    spans: dict[str, list[StateSpan]] = {}
    for name in classes:
        spans.update(await state_spans(store, name, *asked.period, told_since=asked.context_since))
    return ", ".join(classes), {name: mine for name, mine in spans.items() if mine}


def _nothing_ended(lives: Mapping[str, Sequence[Timed]], object_type: str) -> BadQuery:
    ends = [max(step.end for step in life) for life in lives.values()]
    return BadQuery(
        f"no object of type {object_type!r} ended in this period; the first of {len(ends):,} ended {moment(min(ends))},"
        f" the last {moment(max(ends))} (UTC)"
    )
