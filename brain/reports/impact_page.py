"""The page of an impact: what stops while a thing is down, drawn, and in tables."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from brain.analytics.breakdown import Breakdown
from brain.analytics.graph.concerned import Concern
from brain.analytics.graph.impact import Impact
from brain.analytics.graph.snapshot import Snapshot
from brain.reports.dependency_map import DependencyMap, Thing, dependency_map
from brain.reports.dependency_things import (
    after,
    felt,
    many,
    needs_between,
    not_asked,
    takes_with_it,
    things_of,
    tie,
    why_absorbed,
    why_concerned,
)
from brain.reports.evidence_words import links_on
from brain.reports.folded import folded
from brain.reports.html import render
from brain.reports.outlook_words import delays, late_rows, left, open_and_under_way, sentence, unforeseen
from brain.reports.reflects_words import reflected
from brain.schema import Schema
from brain.words import point

SOON = (60.0, 3600.0, 8 * 3600.0, 86400.0)
"""Seconds: what is lost earlier than the first of these is marked strongest."""
LEVELS = ("within a minute", "within an hour", "within 8 hours", "within a day", "later")
STRAIT = 0.1
LOOKS = (("heavy", "what is down"), ("goes-on", "goes on: absorbed"), ("spare", "still there, and enough"))


def impact_page(
    snapshot: Snapshot,
    schema: Schema,
    found: Impact,
    first: int,
    written: int,
    outlook: Breakdown | None = None,
    concern: Concern | None = None,
) -> str:
    """As one HTML file. `found` tells of all that is to be drawn, the first `first` of it are in the tables; `written` in µs.
    `outlook` and `concern` are of the same thing."""
    return render(
        "impact.html",
        found=found,
        written=written,
        when=point(*snapshot.at),
        sentence=f"{found.name or found.id} {takes_with_it(found)}.",
        many=many,
        map=impact_map(snapshot, schema, found),
        affected=found.affected[:first],
        folds=folded(found.affected[:first]),
        after=after,
        felt=felt,
        absorbed=found.absorbed[:first],
        why=why_absorbed,
        concern=concern,
        why_concerned=why_concerned,
        not_asked=not_asked,
        levels=LEVELS,
        reflected=reflected(found.reflects),
        says_so=links_on(found.affected[:first]),
        outlooks=[] if outlook is None else [(one, [*late_rows(outlook, one)], [*left(one)]) for one in outlook.outlooks],
        delays=None if outlook is None else delays(outlook),
        late_sentence=sentence,
        apart="" if outlook is None else open_and_under_way(found, outlook),
        unforeseen=unforeseen,
        first=first,
        looks=LOOKS if found.absorbed else LOOKS[:1],
    )


def impact_map(snapshot: Snapshot, schema: Schema, found: Impact) -> DependencyMap | None:
    """What is down, what is lost and what goes on, with what is left of those that it needs."""
    drawn = {found.id: ""} | dict.fromkeys((a.id for a in found.affected), "") | dict.fromkeys((b.id for b in found.absorbed), "")
    drawn |= dict.fromkeys((id for b in found.absorbed for id in b.left if id not in drawn), "")
    nodes = {id: number for id in drawn if (number := snapshot.number(id)) is not None}
    known = {thing.id: thing for thing in things_of(snapshot, schema, nodes.values()).values()}
    told = {**{id: replace(known[id], look="spare", line="still there") for id in known}, **dict(_told(found, known))}
    carried = {tie(carrier) for a in found.affected for carrier in a.via}
    needs = needs_between(snapshot, np.array(list(nodes.values())), carried)
    return dependency_map(list(told.values()), needs, [found.id, *_straits(found)])


def _straits(found: Impact) -> list[str]:
    """Things other than the root through which at least `STRAIT` of the loss comes: they are no mere members of a group."""
    passed = Counter(carrier.dependent for a in found.affected for carrier in a.via[:-1])
    return [id for id, count in passed.items() if count >= STRAIT * len(found.affected)]


def _told(found: Impact, known: dict[str, Thing]) -> Iterator[tuple[str, Thing]]:
    yield found.id, replace(known[found.id], look="heavy", line="is down")
    for a in found.affected:
        level = 4 - sum(bound <= a.after_seconds for bound in SOON)
        line = felt(a.after_seconds)
        yield a.id, replace(known[a.id], line=line, after_seconds=a.after_seconds, level=level)
    for b in found.absorbed:
        yield b.id, replace(known[b.id], look="goes-on", line=f"goes on: {why_absorbed(b)}")
