"""The page of a graph of dependencies: on what most hangs, drawn, and in tables."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from brain.analytics.graph.circles import Circles
from brain.analytics.graph.coupling import HiddenCoupling
from brain.analytics.graph.critical import Criticality, SinglePoints
from brain.analytics.graph.observing import NOTHING, Layer
from brain.analytics.graph.since import GraphChange
from brain.analytics.graph.snapshot import Snapshot
from brain.analytics.observed import Between
from brain.reports.dependency_map import DependencyMap, dependency_map
from brain.reports.dependency_things import (
    needs_between,
    not_compared,
    not_known,
    not_sought,
    observed_needs,
    things_of,
    together,
    way_of,
    way_round,
)
from brain.reports.evidence_words import links_on
from brain.reports.html import render
from brain.reports.reflects_words import reflected
from brain.schema import Schema
from brain.words import point, things

SINGLED, CIRCLED, RANKED = 15, 15, 5
"""Single points, things in circles, and what ranks first, that stay boxes of their own."""
OBSERVED = 50
"""Observed dependencies that are told one by one."""
LOOKS = (("heavy", "◆ single point of failure"), ("", "anything else"))


@dataclass(frozen=True, slots=True)
class Found:
    """What is told of one graph."""

    snapshot: Snapshot
    points: SinglePoints
    criticality: Criticality
    circles: Circles
    layer: Layer = NOTHING
    changed: GraphChange | None = None
    coupling: HiddenCoupling | None = None
    since: int | None = None
    """µs: of which `changed` tells."""


def dependencies_page(found: Found, schema: Schema, written: int) -> str:
    """As one HTML file; `written` in µs."""
    snapshot = found.snapshot
    return render(
        "dependencies.html",
        found=found,
        written=written,
        when=point(*snapshot.at),
        sentence=_sentence(found),
        counted=snapshot.count,
        over=int(snapshot.closed.sum()),
        edges=snapshot.edges,
        map=graph_map(found, schema),
        way_of=way_of,
        together=together,
        not_compared=not_compared,
        not_known=not_known,
        not_sought=not_sought,
        way_round=way_round,
        steps=steps_map(found.layer, schema),
        observed=sorted(found.layer.edges(), key=lambda e: (-e.told.strength, -e.told.support))[:OBSERVED],
        reflected=reflected(snapshot.reflects),
        says_so=links_on([*(p.examples[0] for p in found.points.points if p.examples), *found.circles.circles]),
        observed_count=sum(1 for _ in found.layer.edges()),
        looks=LOOKS,
    )


def graph_map(found: Found, schema: Schema) -> DependencyMap | None:
    """All things whose life is not over."""
    snapshot = found.snapshot
    nodes = np.flatnonzero(~snapshot.closed)
    known = {thing.id: thing for thing in things_of(snapshot, schema, nodes.tolist()).values()}
    kept = _kept(found, known)
    circled = {id for circle in found.circles.circles for id in circle.ids}
    for id in circled & set(kept):
        known[id] = replace(known[id], line="↻ in a circle")
    for single in found.points.points[:SINGLED]:
        if single.id in known:
            line = f"◆ takes {things(single.lost, 'other')}" + (", ↻ in a circle" if single.id in circled else "")
            known[single.id] = replace(known[single.id], look="heavy", line=line)
    needs, met = observed_needs(found.layer, schema, Between.RESOURCES)
    known.update({id: thing for id, thing in met.items() if snapshot.number(id) is None})
    needs = [need for need in needs if need.provider in known and need.dependent in known]
    return dependency_map(list(known.values()), [*needs_between(snapshot, nodes), *needs], kept)


def steps_map(layer: Layer, schema: Schema) -> DependencyMap | None:
    """What is done after what, and waits for it while an asset is in trouble, as observed."""
    needs, met = observed_needs(layer, schema, Between.ACTIVITIES, Between.STATES)
    return dependency_map(list(met.values()), needs)


def _kept(found: Found, known: Iterable[str]) -> list[str]:
    circled = [id for circle in found.circles.circles for id in circle.ids]
    ids = [p.id for p in found.points.points[:SINGLED]] + circled[:CIRCLED] + [c.id for c in found.criticality.ranked[:RANKED]]
    here = set(known)
    return [id for id in dict.fromkeys(ids) if id in here]


def _sentence(found: Found) -> str:
    if not found.points.points:
        return "Nothing whose loss alone takes anything else with it."
    worst = found.points.points[0]
    return (
        f"{worst.name or worst.id} alone takes {things(worst.lost, 'other thing')} with it,"
        f" {worst.objects:,} of them what work moves along; {things(found.points.count, 'single point')} of failure in all."
    )
