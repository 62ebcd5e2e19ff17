"""What surrounds the steps of a process: who carries them out, what these and the objects depend on, and when that was in
trouble. Read from the store once a report. Of the dependencies only those are kept that lead to an asset that was in trouble."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from brain.analytics.calendars import Interval, merged
from brain.analytics.relations import held
from brain.analytics.times import Lives
from brain.analytics.troubles import Signs, signs
from brain.analytics.upstream import DEPTH, Need, Needs
from brain.ports import Store
from brain.query import EVERY, Edges, Occurrences, Window
from brain.schema import Schema

MEMBER_OF = "memberOf"
WORKS_AT = "worksAt"
AT_A_TIME = 500
"""Things whose versions are read at a time."""


class Kind(StrEnum):
    """What carries a step out."""

    PERSON = "person"
    TEAM = "team"
    ASSET = "asset"


class Surroundings(NamedTuple):
    """`kinds` of those who carry steps out, where it is known; the `teams` to which they belong and the `places` where they work,
    by who; the assets `used` by each step, as its objects; `needs` by what depends; the `assets` upstream, those that carry steps
    out or are used among them; `signs` of those in trouble. `unknown` are states that assets told and that say nothing."""

    kinds: Mapping[str, Kind] = {}
    teams: Needs = {}
    places: Needs = {}
    used: Mapping[str, Sequence[str]] = {}
    needs: Needs = {}
    signs: Mapping[str, Signs] = {}
    assets: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


class Claim(NamedTuple):
    """A dependency that held at some time: the relation leaves `source`, which is one of its ends."""

    relation: str
    needed: str
    source: str


Claims = Mapping[str, Sequence[Claim]]
"""By what depends."""


async def read_surroundings(store: Store, schema: Schema, lives: Lives, flags: bool = True) -> Surroundings:
    """Of the steps for which these objects waited; a state that was told last holds until the last of them began. Without `flags`
    nothing is in trouble for poor data."""
    awaited = [step for life in lives.values() for step in life[1:]]
    who = {step.resource for step in awaited if step.resource is not None}
    kinds = {node.id: _kind(schema, node.cls) for node in await store.nodes(sorted(who)) if node is not None}
    teams, places, needs = await _claims(store, schema, who)
    used = await _used(store, schema, {step.step for step in awaited})
    own = {*who, *(asset for some in used.values() for asset in some)}
    near = _distances({**dict.fromkeys(_needed(places), 1), **dict.fromkeys([*lives, *own], 0)}, needs)
    met = sorted(own | (near.keys() - lives.keys()))
    assets = [node.id for node in await store.nodes(met) if node is not None and schema.is_a(node.cls, "Asset")]
    until = max((step.start for step in awaited), default=0)
    told = {name: found async for name, found in _signs(store, assets, until, flags)}
    troubled = {name: found for name, found in told.items() if found.troubles}
    leading = _leading(troubled, near, needs)
    telling = {claim.source for some in (teams, places, leading) for mine in some.values() for claim in mine}
    when = await _held(store, schema, telling)
    return Surroundings(
        kinds={name: kind for name, kind in kinds.items() if kind is not None},
        teams=_dated(teams, when),
        places=_dated(places, when),
        used=used,
        needs=_dated(leading, when),
        signs=troubled,
        assets=frozenset(assets),
        unknown=tuple(sorted({state for found in told.values() for state in found.unknown})),
    )


async def _used(store: Store, schema: Schema, steps: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The assets that took part in each of the steps as its objects."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name in await store.object_types():
        if schema.is_a(name, "Asset"):
            async for one in store.scan(Occurrences(name)):
                if one.step in steps:
                    found[one.step].add(one.object)
    return {step: tuple(sorted(assets)) for step, assets in found.items()}


def _kind(schema: Schema, cls: str) -> Kind | None:
    """Whoever acts and is no organisational unit counts as a person: a log names people without saying what they are."""
    kinds = (("OrganizationalUnit", Kind.TEAM), ("Agent", Kind.PERSON), ("Person", Kind.PERSON), ("Asset", Kind.ASSET))
    return next((kind for ancestor, kind in kinds if schema.is_a(cls, ancestor)), None)


async def _claims(store: Store, schema: Schema, who: Collection[str]) -> tuple[Claims, Claims, Claims]:
    """What `who` are members of, where they work, and every dependency, those of steps left out: a step is where we start."""
    ends = {
        name: relation.dependency
        for name, relation in schema.relations.items()
        if name in (MEMBER_OF, WORKS_AT) or name in schema.dependencies
    }
    teams, places, needs = (defaultdict[str, list[Claim]](list) for _ in range(3))
    if not ends:
        return teams, places, needs
    async for edge in store.scan(Edges(tuple(sorted(ends)), ever=True)):
        if edge.relation in (MEMBER_OF, WORKS_AT) and edge.source in who:
            own = teams if edge.relation == MEMBER_OF else places
            own[edge.source].append(Claim(edge.relation, edge.target, edge.source))
        if end := ends[edge.relation]:
            dependent, needed = (edge.source, edge.target) if end == "target" else (edge.target, edge.source)
            needs[dependent].append(Claim(edge.relation, needed, edge.source))
    return teams, places, needs


def _needed(claims: Claims) -> Iterable[str]:
    return (claim.needed for some in claims.values() for claim in some)


def _distances(starts: Mapping[str, int], edges: Mapping[str, Iterable[Claim]]) -> dict[str, int]:
    """How many dependencies away from the starts, which are 0 or 1 away, each thing within `DEPTH` is at least."""
    found: dict[str, int] = {}
    for distance in range(DEPTH + 1):
        layer = {name for name, at in starts.items() if at == distance}
        layer |= {claim.needed for name, at in found.items() if at == distance - 1 for claim in edges.get(name, ())}
        found |= dict.fromkeys(layer - found.keys(), distance)
    return found


def _leading(troubled: Iterable[str], near: Mapping[str, int], needs: Claims) -> Claims:
    """Those dependencies over which an asset that was in trouble is upstream of a start."""
    back: defaultdict[str, list[Claim]] = defaultdict(list)
    for dependent in near.keys() & needs.keys():
        for claim in needs[dependent]:
            back[claim.needed].append(Claim(claim.relation, dependent, claim.source))
    left = _distances(dict.fromkeys(troubled, 0), back)
    found = {
        dependent: [claim for claim in needs[dependent] if near[dependent] + 1 + left.get(claim.needed, DEPTH) <= DEPTH]
        for dependent in near.keys() & needs.keys()
    }
    return {dependent: claims for dependent, claims in found.items() if claims}


async def _signs(store: Store, assets: Sequence[str], until: int, flagged: bool) -> AsyncIterator[tuple[str, Signs]]:
    for i in range(0, len(assets), AT_A_TIME):
        some = assets[i : i + AT_A_TIME]
        histories = await store.history(some, Window(limit=EVERY))
        flags = await store.quality(some) if flagged else [[]] * len(some)
        for asset, versions, mine in zip(some, histories, flags, strict=True):
            yield asset, signs(asset, versions, mine, until)


Held = Mapping[tuple[str, str, str], Sequence[Interval]]
"""When relations held, by source, relation and target."""


async def _held(store: Store, schema: Schema, sources: Collection[str]) -> Held:
    ordered = sorted(sources)
    found: dict[tuple[str, str, str], Sequence[Interval]] = {}
    for i in range(0, len(ordered), AT_A_TIME):
        some = ordered[i : i + AT_A_TIME]
        for source, versions in zip(some, await store.history(some, Window(limit=EVERY)), strict=True):
            found |= {(source, *ends): intervals for ends, intervals in held(schema, versions).items()}
    # Versions name the ids that their events named; what is merged is read under one of its ids.
    targets = sorted({target for _, _, target in found})
    one = {target: node.id for target, node in zip(targets, await store.nodes(targets), strict=True) if node is not None}
    named: defaultdict[tuple[str, str, str], list[Interval]] = defaultdict(list)
    for (source, relation, target), intervals in found.items():
        named[source, relation, one.get(target, target)] += intervals
    return {ends: list(merged(sorted(intervals))) for ends, intervals in named.items()}


def _dated(claims: Claims, when: Held) -> Needs:
    """The claims with the times at which they held."""
    found: dict[str, list[Need]] = {}
    for dependent, mine in claims.items():
        for relation, needed, source in mine:
            intervals = when.get((source, relation, needed if source == dependent else dependent))
            if intervals:
                found.setdefault(dependent, []).append(Need(relation, needed, tuple(intervals)))
    return {dependent: sorted(set(needs)) for dependent, needs in found.items()}
