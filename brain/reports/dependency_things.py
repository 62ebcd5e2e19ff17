"""A snapshot of dependencies as things and needs to draw, and the ways of a loss in words."""

from collections.abc import Collection, Iterable
from typing import Protocol

import numpy as np

from brain.analytics.graph.circles import Circle, Circles
from brain.analytics.graph.concerned import Concern, Concerned
from brain.analytics.graph.coupling import Coupled, HiddenCoupling
from brain.analytics.graph.impact import Absorbed, Carrier, Impact, Part, part_of, parts_of
from brain.analytics.graph.observing import Layer
from brain.analytics.graph.since import GraphChange
from brain.analytics.graph.snapshot import NODE_MASK, ROW, Basis, Ints, Snapshot, rows, seconds, told_by
from brain.analytics.observed import Between
from brain.reports.dependency_map import Need, Thing
from brain.schema import Schema
from brain.words import duration, moment, things

CONTAINMENT = ("partOf", "locatedIn")
"""Relations to what a thing is in: the first that it has is where it is drawn, among others of its class."""

PLURALS = {Part.PERSON: "people", Part.PROCESS: "processes"}

Tie = tuple[str, str, str]
"""Provider, relation, dependent."""


class Carried(Protocol):
    @property
    def via(self) -> tuple[Carrier, ...]: ...


def way_of(row: Carried, arrow: str = " > ") -> str:
    """The things on the way, from the first that is down to the last."""
    return arrow.join([*(c.provider for c in row.via[:1]), *(c.dependent for c in row.via)])


def way_round(circle: Circle, arrow: str = " > ") -> str:
    """A shortest way round; its things, where there was no time to seek one."""
    return way_of(circle, arrow) or ", ".join(circle.ids)


def many(part: Part) -> str:
    """The plural of a part."""
    return PLURALS.get(part, f"{part}s")


def takes_with_it(found: Impact) -> str:
    """What the loss does, after the name of what is lost: `down for 2.0 h takes with it: 1 object, 2 assets`."""
    down = f"at {found.capacity:.0%}" if found.capacity else "down"
    since = "" if found.at is None else f" from {moment(found.at)} on"
    lasts = "for good" if found.lasts_seconds is None else f"for {duration(found.lasts_seconds)}"
    counts = ", ".join(things(c.count, str(c.part), many(c.part)) for c in found.counts) or "nothing"
    does = "slows down" if found.capacity else "takes with it"
    return f"{down}{since} {lasts} {does}: {counts}"


def after(seconds: float) -> str:
    """How long after a loss, in a column of such."""
    return duration(seconds) if seconds else "at once"


def felt(seconds: float) -> str:
    """The same in a sentence: `after 2.0 h`."""
    return f"after {after(seconds)}" if seconds else after(seconds)


def tie(carrier: Carrier) -> Tie:
    return carrier.provider, carrier.relation, carrier.dependent


def observed_needs(layer: Layer, schema: Schema, *kinds: Between) -> tuple[list[Need], dict[str, Thing]]:
    """What is observed of some kinds, and what is at its ends."""
    needs, things = [], {}
    for edge in layer.edges(*kinds):
        said = f"{edge.told.trouble or edge.relation} {edge.told.support:,} of {edge.told.together:,}"
        needs.append(Need(edge.provider, edge.dependent, edge.relation, Basis.OBSERVED, said=said))
        for id in (edge.provider, edge.dependent):
            cls = layer.class_of(id)
            part = part_of(schema, cls) if cls in schema.classes else Part.PROCESS
            things[id] = Thing(id, layer.name_of(id) or id, cls, part)
    return needs, things


def things_of(snapshot: Snapshot, schema: Schema, nodes: Iterable[int]) -> dict[int, Thing]:
    """The nodes as they are drawn where there is nothing else to say of them."""
    parts = parts_of(snapshot, schema)
    found = {}
    for node in nodes:
        id, cls = snapshot.ids[node], int(snapshot.cls[node])
        found[node] = Thing(id, snapshot.names[node] or id, snapshot.classes[cls], parts[cls], place=_place(snapshot, node))
    return found


def _place(snapshot: Snapshot, node: int) -> str | None:
    for edge in told_by(snapshot, node).tolist():
        if snapshot.kind_of(edge).relation in CONTAINMENT:
            other = edge & NODE_MASK if edge >> ROW == node else edge >> ROW
            name: str | None = snapshot.names[other]
            return name or snapshot.ids[other]
    return None


def needs_between(snapshot: Snapshot, nodes: Ints, carried: Collection[Tie] = ()) -> list[Need]:
    """The declared dependencies between some nodes."""
    among = np.zeros(snapshot.count, bool)
    among[nodes] = True
    edges = rows(snapshot.needs_start, snapshot.needs, np.sort(nodes))
    found = []
    for edge in edges[among[seconds(edges)]].tolist():
        dependent, kind, provider = snapshot.parts(edge)
        ends = snapshot.ids[provider], kind.relation, snapshot.ids[dependent]
        found.append(Need(ends[0], ends[2], kind.relation, kind.basis, ends in carried))
    return found


def together(pair: Coupled | None) -> str:
    """How often a pair goes down together, and what may explain it; nothing where it does not beyond chance."""
    if pair is None:
        return ""
    why = f"both need {', '.join(one.id for one in pair.common)}" if pair.common else "hidden"
    return f"{pair.together:,} of {pair.failures_a:,} and {pair.failures_b:,}, {why}"


def not_compared(found: HiddenCoupling) -> str:
    """What there was no time for."""
    pairs = f"of {things(found.pairs, 'pair')} {found.unexplored:,} were not looked at" if found.unexplored else ""
    unread = f"the states of {things(found.unread, 'thing')} were not read" if found.unread else ""
    return "; ".join(filter(None, (pairs, unread)))


def not_sought(found: Circles) -> str:
    """What there was no time for."""
    if not found.unexplored:
        return "of some circles no way round was sought"
    return f"by {things(found.unexplored, 'relation')}, all together being one, no circle was sought"


def not_known(found: GraphChange) -> str:
    """What there was no time for."""
    return ", ".join(f"{one.what} ({one.count:,})" for one in found.unexplored)


def why_absorbed(b: Absorbed) -> str:
    if b.by == "REDUNDANCY":
        return ", ".join(b.left)
    return f"buffer of {duration(b.buffer_seconds)}" if b.buffer_seconds else "feels it later than it lasts"


def why_concerned(one: Concerned) -> str:
    """`lost; prescribedBy medicationorder/1, medicationorder/2, attendedBy patient/A and 5 more`."""
    ends: dict[str, list[str]] = {}
    for edge in one.because:
        ends.setdefault(edge.relation, []).append(edge.source if edge.target == one.id else edge.target)
    joins = ", ".join(f"{relation} {', '.join(ids)}" for relation, ids in ends.items())
    more = one.count - len(one.because)
    return "; ".join(filter(None, ("lost" if one.lost else "", f"{joins} and {more:,} more" if more else joins)))


def not_asked(concern: Concern) -> str:
    """Of what is lost others must know who are not told here."""
    if not concern.unexplored:
        return "more may be lost than was found in time, and others may have to know"
    return f"who must know of {things(concern.unexplored, 'more thing')} that are lost was not looked at"
