"""Versions in the database: all of a node, those of a window, those that are there already. Alone or in blocks, one set."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from neo4j import AsyncManagedTransaction

from brain.model import Stamp, Version
from brain.query import Window
from brain.stores.neo4j import blocks, codec
from brain.stores.neo4j.blocks import Parcel, parcelled
from brain.stores.neo4j.connection import run
from brain.stores.neo4j.cypher import BLOCK, LINKS, OF, ORDER, VERSION, Names, row_of
from brain.versions import body

SAID = f"[(v:{VERSION}|{BLOCK})-[:{OF}]->(n) | {row_of('properties(v)')}]"
"""All versions of `n`, as rows for `blocks.versions`."""

VISIBLE = "v._valid <= $valid AND v._recorded <= $known"
"""A version that was said of that time, by then; or a block that begins with one, since all of a block is recorded at once."""

SAID_THEN = f"[(v:{VERSION}|{BLOCK})-[:{OF}]->(n) WHERE v:{VERSION} OR ({VISIBLE}) | {row_of('properties(v)')}]"
"""Those that what was so then, as known then, can depend on. What takes back does so for all times, and what
stands in a chain may be effective later than it claims: both are always alone."""

_EXTENT = "v._of = id AND v.{last} >= first AND v._valid <= last"
PLACES = f"""
    COLLECT {{ MATCH (v:{BLOCK}) WHERE {_EXTENT.format(last="_last")} RETURN [elementId(v), v._valids] }}
    + COLLECT {{ MATCH (v:{VERSION}) WHERE {_EXTENT.format(last="_valid")} RETURN [elementId(v), [v._valid]] }}"""
"""Where versions of `id` with valid times from `first` to `last` may be, and the valid times of what is there. An index leads to
them, and there are none where time goes on."""

SAID_AT = f"UNWIND $ids AS i MATCH (v) WHERE elementId(v) = i RETURN collect({row_of('properties(v)')})"

Place = tuple[str, Sequence[int]]

NEWEST = "ORDER BY v._valid DESC, v._authority DESC, v._event DESC, v._source DESC, v._digest DESC"


def pointed(names: Names) -> str:
    """Whether something pointed to `n` while nothing described it."""
    targets = f"v.{LINKS[1]}[i * size(v.{LINKS[0]}) .. (i + 1) * size(v.{LINKS[0]})]"
    then = f"any(i IN range(0, v._count - 1) WHERE v._valids[i] <= $valid AND n.id IN {targets})"
    pointing = f"(n)<-[{names.ever()}]-(:Entity)<-[:{OF}]-(v:{VERSION}|{BLOCK})"
    seen = f"{pointing} WHERE {VISIBLE} AND n.id IN v.{LINKS[1]} AND (v._count IS NULL OR {then})"
    described = f"EXISTS {{ (v:{VERSION}|{BLOCK})-[:{OF}]->(n) WHERE {VISIBLE} AND v.{ORDER[0]} IS NULL }}"
    return f"NOT {described} AND EXISTS {{ {seen} }}"


def versions(rows: Iterable[Sequence[Any]]) -> Iterable[Version]:
    """Those of rows that SAID gave."""
    return chain.from_iterable(map(blocks.versions, rows))


async def unsaid(tx: AsyncManagedTransaction, parcel: Parcel, places: Mapping[str, Sequence[Place]]) -> Parcel:
    """What of it is not in the database yet. `places` are by subject what PLACES found.

    Only what has a valid time of the new ones is read: a stream that goes on asks for nothing, nor does one that comes shuffled.
    """
    times: defaultdict[str, set[int]] = defaultdict(set)
    for version, _ in parcel.said() if places else ():
        if version.subject in places:
            times[version.subject].add(version.stamp.valid)
    doubtful = sorted(i for subject, found in places.items() for i, valids in found if not times[subject].isdisjoint(valids))
    if not doubtful:
        return parcel
    there = {(v.subject, v.stamp, body(v)) for v in versions(await run(tx, SAID_AT, ids=doubtful))}
    return parcelled(one for one in parcel.said() if (one[0].subject, one[0].stamp, one[1]) not in there)


def history_cypher(window: Window) -> str:
    """Rows of versions by id, among them the newest of the window.

    The blocks that end last and lie in the window are counted until they hold as many versions as are wanted: none that is older
    than all of those is among the newest, so that the blocks behind are left alone, however many there are.
    """
    start, end = (f" AND v.{{}} {sign} ${name}" if getattr(window, name) is not None else "" for name, sign in _BOUNDS)
    inside = start.format("_valid") + end.format("_valid")
    within = start.format("_valid") + end.format("_last")
    touching = start.format("_last") + end.format("_valid")
    older = "CASE WHEN a[1] < x[1] THEN a[1] ELSE x[1] END"
    enough = f"reduce(a = [0, null], x IN counted | CASE WHEN a[0] >= $limit THEN a ELSE [a[0] + x[0], {older}] END)"
    return f"""
        UNWIND $ids AS id CALL (id) {{
            CALL (id) {{
                MATCH (v:{BLOCK}) WHERE v._of = id{within} WITH v ORDER BY v._last DESC LIMIT $limit
                WITH collect([v._count, v._valid]) AS counted RETURN {enough} AS enough
            }}
            MATCH (v:{BLOCK}) WHERE v._of = id{touching} AND (enough[0] < $limit OR v._last >= enough[1]) RETURN v
            UNION ALL MATCH (v:{VERSION}) WHERE v._of = id{inside} WITH v {NEWEST} LIMIT $limit RETURN v
        }} RETURN collect({row_of("properties(v)")})"""


_BOUNDS = (("start", ">="), ("end", "<"))


def newest(found: Iterable[Version], window: Window) -> list[Version]:
    """Those of the window, the newest first; what one stamp says twice, by the digests of its bodies."""
    start, end = window.start, window.end
    inside = [v for v in found if (start is None or v.stamp.valid >= start) and (end is None or v.stamp.valid < end)]
    inside.sort(key=_stamp, reverse=True)
    ordered: list[Version] = []
    for _, alike in groupby(inside, _stamp):
        same = list(alike)
        ordered += same if len(same) == 1 else sorted(same, key=_digest, reverse=True)
    return ordered[: window.limit]


def _stamp(version: Version) -> Stamp:
    return version.stamp


def _digest(version: Version) -> str:
    return codec.digest(body(version))


def by_subject(found: Iterable[Version]) -> dict[str, list[Version]]:
    groups: defaultdict[str, list[Version]] = defaultdict(list)
    for version in found:
        groups[version.subject].append(version)
    return groups
