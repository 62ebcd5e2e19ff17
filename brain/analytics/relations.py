"""When relations held, as intervals: out of the versions of the thing that they leave, which are all kept.

A link holds from its effective time until it is undone or, where its relation has one target at a time, until a newer one; what
that replaced does not come back (`brain.states.holding`, read at every moment instead of at one). What was taken back never held.
"""

from collections import defaultdict
from collections.abc import Iterable

from brain.analytics.calendars import Interval, merged
from brain.chains import effective
from brain.model import Version
from brain.past import functional
from brain.schema import Schema
from brain.versions import standing, voided

END = 2**62
"""When what holds still will end, µs: later than all else."""

Key = tuple[str, str]
"""A target with its qualifier."""


def held(schema: Schema, versions: Iterable[Version]) -> dict[tuple[str, str], list[Interval]]:
    """When the thing whose versions these are was linked, by relation and target: disjoint intervals in order."""
    known = list(versions)
    void = voided(known)
    said: defaultdict[str, list[tuple[int, Key, bool]]] = defaultdict(list)
    for version in sorted(effective(known), key=lambda v: v.stamp):
        for link, linked in sorted(version.links.items()) if standing(version, void) else ():
            said[link.relation].append((version.stamp.valid, (link.target, link.qualifier), linked))
    found: defaultdict[tuple[str, str], list[Interval]] = defaultdict(list)
    for relation, words in said.items():
        for (target, _), interval in _intervals(words, functional(schema, relation)):
            found[relation, target].append(interval)
    disjoint = {ends: list(merged(sorted(intervals))) for ends, intervals in found.items()}
    return {ends: intervals for ends, intervals in disjoint.items() if intervals}


def _intervals(words: Iterable[tuple[int, Key, bool]], single: bool) -> Iterable[tuple[Key, Interval]]:
    """Links and unlinks of one relation in order of their stamps, as the intervals between them."""
    since: dict[Key, int] = {}
    for at, key, linked in words:
        ended = [key] if not linked else [other for other in since if other != key] if single else []
        for other in ended:
            if other in since:
                yield other, (since.pop(other), at)
        if linked:
            since.setdefault(key, at)
    for key, start in since.items():
        yield key, (start, END)
