"""What may be behind a thing that is down: all that it needs, those first whose loss alone would do it."""

from dataclasses import dataclass, field

import numpy as np

from brain.analytics.deadline import deadline, late
from brain.analytics.graph.impact import LEFT, MOST, Carrier, Part, carrier, numbered, parts_of
from brain.analytics.graph.losses import fatal
from brain.analytics.graph.reach import places, within
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.snapshot import ROW, Bools, Ints, Snapshot, firsts, kinds, rows, seconds
from brain.analytics.graph.times import EDGE_BITS, NEVER, costs
from brain.analytics.graph.waited import InTrouble, ObjectWait
from brain.model import Instant
from brain.schema import Schema

DEPTH = 20
DEFINITION = (
    "all that it needs, directly or not; first those whose loss alone is its own (any-of redundancy counted), then by the least"
    " time and the fewest dependencies on the way; declared dependencies"
)
LATER = (
    "{:,} that would be felt only in more than 17 years, over buffers that hold so long, are not among them, nor what these need"
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """`alone`: its loss alone takes the thing down; otherwise others would have to be lost with it; null where the deadline came
    before that was known. `after_seconds` is the least time that its loss takes to be felt, along `via`. `state` is what it says
    of itself.

    Where an object is asked about that has steps: for `down_seconds` of its waits it was down or degraded (null: it was not
    looked at in time), in `troubles`, those first that lasted longest in a wait, at most five; then `state` is that of the first
    of them, and `state_since` when it began."""

    id: str
    cls: str
    name: str | None
    part: Part
    state: str | None
    alone: bool | None
    after_seconds: float
    distance: int
    via: tuple[Carrier, ...]
    down_seconds: float | None = None
    state_since: Instant | None = None
    troubles: tuple[InTrouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspects:
    """What may be behind the loss of `id`, at most `depth` dependencies away; `partial` where more lies beyond, or the deadline
    came first: `unexplored` things need others that were not looked at, some of them named, and of `unjudged` it is not known
    whether they do it alone.

    Where `id` has steps: what may be behind its delay. `at` is the moment of the dependencies and the states; it had waited for
    `waited_seconds` in `wait_count` waits, the five longest of which are told, and for `troubled_seconds` of these something that
    they needed was down or degraded. `notes` say what is not explained, and what the answer lacks."""

    id: str
    cls: str
    name: str | None
    depth: int
    count: int
    causes: tuple[Suspect, ...]
    partial: bool
    definition: str
    ontology_version: str
    unexplored: int = 0
    unexplored_ids: tuple[str, ...] = ()
    unjudged: int = 0
    at: Instant | None = None
    waited_seconds: float | None = None
    troubled_seconds: float | None = None
    wait_count: int = 0
    waits: tuple[ObjectWait, ...] = ()
    notes: tuple[str, ...] = ()
    reflects: Reflects = field(compare=False, kw_only=True)


def causes(
    snapshot: Snapshot, schema: Schema, id: str, depth: int = DEPTH, first: int = MOST, patience: float | None = None
) -> Suspects:
    """`patience` in seconds. BadQuery for a thing that no dependency touches."""
    until = deadline(patience)
    node = numbered(snapshot, id)
    value, by, beyond, later = _back(snapshot, node, depth, until)
    found = np.flatnonzero((value < NEVER) & (value > 0))
    found = found[np.argsort(value[found], kind="stable")]
    alone, judged = _alone(snapshot, node, found, until)
    order = np.lexsort((value[found], ~alone))[:first]
    parts = parts_of(snapshot, schema)
    told = tuple(
        Suspect(
            snapshot.ids[cause],
            snapshot.classes[snapshot.cls[cause]],
            snapshot.names[cause],
            parts[snapshot.cls[cause]],
            snapshot.states[cause],
            bool(alone[place]) if place < judged else None,
            (int(value[cause]) >> EDGE_BITS) / 1e6,
            int(value[cause]) & (1 << EDGE_BITS) - 1,
            _via(snapshot, by, cause),
        )
        for place, cause in zip(order.tolist(), found[order].tolist(), strict=True)
    )
    cls, name = snapshot.classes[snapshot.cls[node]], snapshot.names[node]
    unjudged, open_ = len(found) - judged, tuple(snapshot.ids[other] for other in beyond[:LEFT].tolist())
    partial, version = len(beyond) > 0 or unjudged > 0, snapshot.ontology_version
    left = len(beyond), open_, unjudged
    notes = (LATER.format(later),) if later else ()
    of = id, cls, name, depth, len(found), told, partial, DEFINITION, version
    return Suspects(*of, *left, notes=notes, reflects=snapshot.reflects)


def _back(snapshot: Snapshot, node: int, depth: int, until: float | None) -> tuple[Ints, Ints, Ints, int]:
    """For each thing that the node needs: the least time until its loss is felt (see `times`), over at most `depth` edges, and
    the edge by which. Then those that need more, which was not looked at for want of depth or time; and how many are needed by
    what was looked at, and would be felt too late to be told."""
    value, by = np.full(snapshot.count, NEVER), np.full(snapshot.count, -1, np.int64)
    cost = costs(snapshot)
    value[node] = 0
    near = within(snapshot.needs_start, snapshot.needs, np.array([node]), depth, until=until)
    level = np.array([node])
    while len(level) and not late(until):
        edges = rows(snapshot.needs_start, snapshot.needs, level)
        edges = edges[near[seconds(edges)]]
        after = value[firsts(edges)] + cost[kinds(edges)] + (snapshot.buffer[firsts(edges)] << EDGE_BITS)
        order = np.lexsort((after, seconds(edges)))
        edges, after = edges[order], after[order]
        provider, best = np.unique(seconds(edges), return_index=True)
        better = after[best] < value[provider]
        level, best = provider[better], best[better]
        value[level], by[level] = after[best], edges[best]
    edges = rows(snapshot.needs_start, snapshot.needs, np.flatnonzero(near & (value < NEVER)))
    provider = seconds(edges)
    later = np.unique(provider[near[provider] & (value[provider] == NEVER) & ~np.isin(firsts(edges), level)])
    return value, by, np.union1d(level, firsts(edges[~near[provider]])), len(later)


def _via(snapshot: Snapshot, by: Ints, cause: int) -> tuple[Carrier, ...]:
    found, at = [], cause
    while (edge := int(by[at])) >= 0:
        found.append(carrier(snapshot, edge))
        at = edge >> ROW
    return tuple(found)


def _alone(snapshot: Snapshot, node: int, found: Ints, until: float | None) -> tuple[Bools, int]:
    """Whose loss alone is the node's, and for how many of them, from the first on, that is known."""
    alone, among, judged = np.zeros(len(found), bool), np.zeros(snapshot.count, bool), 0
    among[found] = ~snapshot.closed[found]
    among[node] = True  # it is what was lost, though its life may be over by now
    for some, nodes, bits in fatal(snapshot, found, among, until):
        place = int(np.searchsorted(nodes, node))
        # What is closed between the two needs nothing, and may be all that leads from these to the node.
        if place < len(nodes) and nodes[place] == node:
            word, bit = places(len(some))
            alone[judged : judged + len(some)] = bits[place][word] & bit != 0
        judged += len(some)
    return alone, judged
