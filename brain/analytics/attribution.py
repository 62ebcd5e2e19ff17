"""Which person, team or asset carries the waiting, and which asset's state at the time explains it: of all, and by handover.

Carriers are exact (`carriers`). States are those of the assets upstream of the awaited step while it was waited for (`upstream`,
`troubles`). That a wait *coincides* with a trouble is an observation, and may be chance: what is often down coincides with much.
What coincides beyond chance is the *excess*: that is taken for explained, and `coincidence` says how sure it is. Assets that are
in trouble at once explain the same waiting, so their shares do not add up. The queue that a trouble leaves goes on waiting when
it is over: that is not counted.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from brain.analytics.awaited import Handovers, Reached, handovers, reached, starts_of
from brain.analytics.calendars import common
from brain.analytics.carriers import CarrierPart, Carriers, Who, borne_by, carriers, changes
from brain.analytics.coincidence import LEAST_TURNS, POSITIONS, Timeline
from brain.analytics.discoveries import q_values
from brain.analytics.explained import BeganDuring, Candidate, Chosen, Timelines, began, candidates, excess_bounds, sure, timelines
from brain.analytics.lives import MICRO, Timed
from brain.analytics.resampling import Bounds, Weights, draws
from brain.analytics.surroundings import Surroundings
from brain.analytics.troubles import Sign, Trouble
from brain.analytics.upstream import DEPTH, PathLeg, path
from brain.model import Instant

FALSE_DISCOVERIES = 0.1
"""The share of false ones among the states that are said to be sure."""
TOLD = 10
"""States told of the whole; and of each handover."""
EXAMPLES = 3
AS_WELL = 0.5
"""A trouble that was there for so much of what coincides with another may as well explain it."""

DEFINITION = (
    "carriers: who carried out the awaited step, their team and their asset then; parts add up. States: a wait coincides with a"
    " trouble (down, degraded, poor data) of an asset while it has it and is upstream of the object, of who carries the step out,"
    f" or of an asset that the step uses, over at most {DEPTH} relations that all held at that moment; chance: the same, had the"
    " trouble come at any other time since the asset's states are known, or, in a log of"
    f" {LEAST_TURNS} days (weeks), on any other day (in any other week) at that time; excess: what coincides less chance, with a"
    f" 90 % interval by bootstrap of whole objects; p: share of {POSITIONS:,} such times at which waits would have ended as"
    " seldom; q: Benjamini and Hochberg over all troubles and handovers; sure up to"
    f" q = {FALSE_DISCOVERIES} where the interval is above 0"
)


class BesideState(NamedTuple):
    """Another trouble that was there for a `share` of what coincides: that may as well explain it."""

    id: str
    trouble: Trouble
    share: float


class StateExample(NamedTuple):
    """One of the longest parts of a wait in which the asset was in trouble: [since, until), of the wait of an object for `step`
    after `previous`. `state` held from `state_since` to `state_until`; `path` led from the step to the asset then."""

    object: str
    previous: str
    step: str
    since: Instant
    until: Instant
    state: str
    state_since: Instant
    state_until: Instant
    path: tuple[PathLeg, ...]


@dataclass(frozen=True, slots=True)
class StateShare:
    """What the trouble of an asset has to do with some waiting; shares are of all the seconds of that.

    It was in trouble `times` times, `trouble_seconds` in all, as it said in the `states`. `coincides_seconds` of waiting, of
    `waits` waits, are observed; `chance_seconds` would be expected; `excess_seconds`, their difference, with its share and the
    interval of that, is what the trouble explains. `sure` where q is at most 0.1 and that interval above 0. `began` is told of
    handovers alone; `beside` are those other sure ones that were there for at least half of what coincides.
    """

    id: str
    trouble: Trouble
    states: tuple[str, ...]
    times: int
    trouble_seconds: float
    distance: int
    waits: int
    coincides_seconds: float
    coincides_share: float
    chance_seconds: float
    excess_seconds: float
    excess_share: float
    excess: Bounds | None
    p_value: float
    q_value: float
    sure: bool
    began: BeganDuring | None
    beside: tuple[BesideState, ...]
    examples: tuple[StateExample, ...]


@dataclass(frozen=True, slots=True)
class Attributed:
    """Some waiting and what it is put down to. `source` and `target` are None for all of it. `persons`, `teams` and `assets` each
    add up to `seconds`. `troubled_seconds` coincide with one or more troubles; `states`, the sure ones first, then by excess, are
    those of the `candidates` that coincide, at most ten."""

    source: str | None
    target: str | None
    waits: int
    seconds: float
    persons: tuple[CarrierPart, ...]
    teams: tuple[CarrierPart, ...]
    assets: tuple[CarrierPart, ...]
    troubled_seconds: float
    candidates: int
    states: tuple[StateShare, ...]


@dataclass(frozen=True, slots=True)
class Attribution:
    """What carries and what explains the waiting of the objects of a type: of the `whole`, and of the first handovers by total.

    `assets` were upstream, of which `troubled` were in trouble at some time. `reason` says why no states are told, if none are.
    `unknown_states` were told and say nothing here."""

    object_type: str
    definition: str
    ontology_version: str
    false_discovery_rate: float
    assets: int
    troubled: int
    reason: str | None
    unknown_states: tuple[str, ...]
    whole: Attributed
    handovers: tuple[Attributed, ...]


Edge = tuple[str, str]


def attribution_of(
    lives: Mapping[str, Sequence[Timed]],
    around: Surroundings,
    edges: Sequence[Edge],
    object_type: str = "",
    ontology_version: str = "",
) -> Attribution:
    """Of lives that have at least one handover; `edges` are the handovers that are told one by one."""
    made = _Attributing(lives, around, edges)
    whole, *several = made.attributed()
    return Attribution(
        object_type=object_type,
        definition=DEFINITION,
        ontology_version=ontology_version,
        false_discovery_rate=FALSE_DISCOVERIES,
        assets=len(around.assets),
        troubled=len(around.signs),
        reason=_reason(around, whole),
        unknown_states=around.unknown,
        whole=whole,
        handovers=tuple(several),
    )


def _reason(around: Surroundings, whole: Attributed) -> str | None:
    if not around.assets:
        return "no step is carried out by an asset, and nothing here depends on one by a declared relation"
    if not around.signs:
        return "none of the assets upstream told that it was down or degraded, or has a quality flag"
    return None if whole.states else "no wait coincides with a trouble of an asset upstream"


class _Attributing:
    """All that the whole and its handovers share: the columns, what is upstream, the timelines, the draws."""

    def __init__(self, lives: Mapping[str, Sequence[Timed]], around: Surroundings, edges: Sequence[Edge]) -> None:
        self._around = around
        self._edges = edges
        self._waits: Handovers = handovers(lives, edges)
        self._reached: Reached = reached(self._waits, around)
        start, end = int(self._waits.since.min()), int(self._waits.until.max())
        self._timelines: Timelines = timelines(around, start, end)

    def attributed(self) -> Iterator[Attributed]:
        """The whole, then each edge. The q-values are over all of them."""
        every = np.ones(len(self._waits.steps), np.bool_)
        scopes = [every, *(self._waits.edge == i for i in range(len(self._edges)))]
        found = [list(candidates(self._reached, self._timelines, chosen)) for chosen in scopes]
        q = iter(q_values([one.p for some in found for one in some]))
        tallies = self._tallies()
        for i, (chosen, some) in enumerate(zip(scopes, found, strict=True), -1):
            states = self._ranked(some, [next(q) for _ in some], chosen, alone=i >= 0)
            borne: Carriers = carriers(tallies[i])
            source, target = self._edges[i] if i >= 0 else (None, None)
            yield Attributed(
                source=source,
                target=target,
                waits=int(chosen.sum()),
                seconds=self._micros(chosen) / MICRO,
                persons=borne.persons,
                teams=borne.teams,
                assets=borne.assets,
                troubled_seconds=int(self._reached.troubled[chosen].sum()) / MICRO,
                candidates=len(some),
                states=tuple(states),
            )

    def _micros(self, chosen: Chosen) -> int:
        return int(self._waits.lengths[chosen].sum())

    def _tallies(self) -> Mapping[int, Mapping[Who, tuple[int, int]]]:
        """Who bears the waits of each edge by its number, and of all (-1)."""
        sums: defaultdict[tuple[int, str | None, int], list[int]] = defaultdict(lambda: [0, 0])
        resources = {step.resource for _, _, step in self._waits.steps}
        changing = {resource: changes(self._around, resource) for resource in resources}
        columns = (self._waits.lengths.tolist(), self._waits.edge.tolist())
        for (_, _, step), length, edge in zip(self._waits.steps, *columns, strict=True):
            part = sums[edge, step.resource, step.start if changing[step.resource] else 0]
            part[0] += length
            part[1] += 1
        found: defaultdict[int, dict[Who, tuple[int, int]]] = defaultdict(dict)
        for (edge, resource, at), (micros, count) in sums.items():
            who = borne_by(self._around, resource, at)
            for scope in (-1, edge) if edge >= 0 else (-1,):
                held = found[scope].get(who, (0, 0))
                found[scope][who] = held[0] + micros, held[1] + count
        return found

    def _ranked(self, some: Sequence[Candidate], q: Sequence[float], chosen: Chosen, alone: bool) -> Iterator[StateShare]:
        waited = np.bincount(self._waits.whose[chosen], self._waits.lengths[chosen], len(self._waits.objects)).astype(np.float64)
        met = [(one, level) for one, level in zip(some, q, strict=True) if one.coincides]
        intervals = excess_bounds([one for one, _ in met], self._waits, waited, self._drawn) if met else []
        told = [_Told(*one, excess, tuple(self._examples(one[0]))) for one, excess in zip(met, intervals, strict=True)]
        told.sort(key=_Told.place)
        certain = [one.of for one in told if one.sure]
        for one in told[:TOLD]:
            yield self._state(one, certain, self._micros(chosen), alone)

    def _state(self, told: "_Told", sure: Sequence[Candidate], whole: int, alone: bool) -> StateShare:
        one = told.of
        return StateShare(
            id=one.asset,
            trouble=one.trouble,
            states=tuple(sorted({sign.what for sign in self._signs(one)})),
            times=one.timeline.count,
            trouble_seconds=one.timeline.total / MICRO,
            distance=told.distance,
            waits=len(np.unique(one.pieces.wait[one.overlaps > 0])),
            coincides_seconds=one.coincides / MICRO,
            coincides_share=one.coincides / whole,
            chance_seconds=(one.coincides - one.excess) / MICRO,
            excess_seconds=one.excess / MICRO,
            excess_share=one.excess / whole,
            excess=told.excess,
            p_value=one.p,
            q_value=told.q,
            sure=told.sure,
            began=began(one, self._waits, self._drawn) if alone else None,
            beside=tuple(_beside(one, sure)),
            examples=told.examples,
        )

    @cached_property
    def _drawn(self) -> Weights:
        return draws(self._waits.objects)

    def _signs(self, one: Candidate) -> list[Sign]:
        """Within the window."""
        every = self._around.signs[one.asset].troubles[one.trouble]
        return [sign for sign in every if sign.start < one.timeline.end and one.timeline.start < sign.end]

    def _examples(self, one: Candidate) -> Iterator[StateExample]:
        """Of the pieces that coincide most, each with the longest stretch of it."""
        order = np.lexsort((one.pieces.since, one.pieces.wait, -one.overlaps))[:EXAMPLES]
        for i in order[one.overlaps[order] > 0]:
            a, b = int(one.pieces.since[i]), int(one.pieces.until[i])
            sign = max(self._signs(one), key=lambda sign: (min(sign.end, b) - max(sign.start, a), -sign.start))
            name, previous, step = self._waits.steps[int(one.pieces.wait[i])]
            since, until = max(sign.start, a), min(sign.end, b)
            starts = starts_of(self._around, name, step)
            led = path(starts, one.asset, since, self._around.needs, self._around.places)
            assert led is not None
            times = (Instant(since), Instant(until), sign.what, Instant(sign.start), Instant(sign.end))
            yield StateExample(name, previous.step, step.step, *times, led)


class _Told(NamedTuple):
    """A candidate with all that decides on its place."""

    of: Candidate
    q: float
    excess: Bounds | None
    examples: tuple[StateExample, ...]

    @property
    def sure(self) -> bool:
        return sure(self.q, self.excess, FALSE_DISCOVERIES)

    @property
    def distance(self) -> int:
        return min(len(example.path) for example in self.examples)

    def place(self) -> tuple[bool, int, int, str, str]:
        """Of those that explain the same to the second, what is further upstream comes first: what hangs on it fails with it."""
        return not self.sure, -round(self.of.excess / MICRO), -self.distance, self.of.asset, self.of.trouble


def _beside(one: Candidate, sure: Sequence[Candidate]) -> Iterator[BesideState]:
    for other in sure:
        if (other.asset, other.trouble) != (one.asset, one.trouble):
            both = list(common(one.timeline.intervals, other.timeline.intervals))
            pieces = one.pieces.of(np.isin(one.pieces.wait, other.pieces.wait))
            shared = Timeline(both, one.timeline.start, one.timeline.end).within(pieces.since, pieces.until)
            share = int(shared.sum()) / one.coincides
            if share >= AS_WELL:
                yield BesideState(other.asset, other.trouble, share)
