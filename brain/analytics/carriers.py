"""Who carries the waiting: the person, the team and the asset for whose step an object waits.

A wait is carried by whoever carried the awaited step out, whatever they did meanwhile. The team is that to which a person then
belonged; of a person in several teams each carries an equal part, to the µs. The asset is the one that carried the step out, else
the one at which its person then worked. Each of the three views is a partition: its seconds add up to those of the waits, and
what has no person, no team or no asset has a part of its own, which says why.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from brain.analytics.lives import MICRO
from brain.analytics.surroundings import Kind, Surroundings
from brain.analytics.upstream import Need

NOBODY = "no step says who carried it out"
UNKNOWN = "it is not known what they are"
NO_PERSON = "not carried out by a person"
NO_TEAM = "in no team then"
NO_ASSET = "not by an asset, nor by a person at one"


class CarrierPart(NamedTuple):
    """Who carries a `share` of some waiting: `seconds` of it, in `waits` waits. Where `who` is None `reason` says why."""

    who: str | None
    reason: str | None
    seconds: float
    share: float
    waits: int


class Carriers(NamedTuple):
    """Three partitions of the same waiting, each the largest part first."""

    persons: tuple[CarrierPart, ...]
    teams: tuple[CarrierPart, ...]
    assets: tuple[CarrierPart, ...]


Part = tuple[str | None, str | None]
"""Who it is; else why nobody is."""


class Who(NamedTuple):
    """The parts that a wait belongs to: one of the persons, an equal share of each of the teams, one of the assets."""

    person: Part
    teams: tuple[Part, ...]
    asset: Part


def changes(around: Surroundings, resource: str | None) -> bool:
    """Whether it depends on the time who bears the waits for a resource."""
    return resource in around.teams or resource in around.places


def borne_by(around: Surroundings, resource: str | None, at: int) -> Who:
    """Who bears the wait for a step that a resource began at that time, µs."""
    if resource is None:
        return Who((None, NOBODY), ((None, NOBODY),), (None, NOBODY))
    match around.kinds.get(resource):
        case Kind.PERSON:
            teams = tuple((team, None) for team in _then(around.teams.get(resource, ()), at))
            places = [place for place in _then(around.places.get(resource, ()), at) if place in around.assets]
            asset = (places[0], None) if places else (None, NO_ASSET)
            return Who((resource, None), teams or ((None, NO_TEAM),), asset)
        case Kind.TEAM:
            return Who((None, NO_PERSON), ((resource, None),), (None, NO_ASSET))
        case Kind.ASSET:
            return Who((None, NO_PERSON), ((None, NO_PERSON),), (resource, None))
        case None:
            return Who((None, UNKNOWN), ((None, UNKNOWN),), (None, UNKNOWN))


def _then(needs: Iterable[Need], at: int) -> list[str]:
    return sorted({need.needed for need in needs if any(start <= at < end for start, end in need.held)})


Tally = Mapping[Who, tuple[int, int]]
"""µs and waits."""


def carriers(tally: Tally) -> Carriers:
    return Carriers(
        _parts((who.person, *sums) for who, sums in tally.items()),
        _parts(part for who, sums in tally.items() for part in split(who.teams, *sums)),
        _parts((who.asset, *sums) for who, sums in tally.items()),
    )


def split(parts: Sequence[Part], micros: int, waits: int) -> Iterator[tuple[Part, int, int]]:
    """Equal shares, of which the first get the µs that are left over. Each is told all of the waits."""
    each, left = divmod(micros, len(parts))
    for i, part in enumerate(parts):
        yield part, each + (i < left), waits


def _parts(found: Iterable[tuple[Part, int, int]]) -> tuple[CarrierPart, ...]:
    sums: defaultdict[Part, list[int]] = defaultdict(lambda: [0, 0])
    for part, micros, waits in found:
        sums[part][0] += micros
        sums[part][1] += waits
    whole = sum(micros for micros, _ in sums.values())
    ranked = sorted(sums.items(), key=lambda part: (-part[1][0], part[0][0] or "", part[0][1] or ""))
    return tuple(
        CarrierPart(who, reason, micros / MICRO, micros / whole if whole else 0.0, waits)
        for (who, reason), (micros, waits) in ranked
    )
