"""Deadlines: wherever one falls, what is told is true as far as it goes, and what was not explored is named."""

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph import causes as causes_module
from brain.analytics.graph.causes import causes
from brain.analytics.graph.critical import Measure, criticality, single_points
from brain.analytics.graph.degraded import fall
from brain.analytics.graph.reach import ancestors, descendants
from brain.analytics.graph.times import NEVER, spread
from tests.unit.test_graph_structure import Said, typed_graphs
from tests.unit.test_graph_times import buffers, classes, graph_of
from tests.unit.test_impact import SCHEMA, line


def after(looks: int) -> Callable[[float | None], bool]:
    """A clock that is late from so many looks on."""
    left = looks

    def late(until: float | None) -> bool:
        nonlocal left
        left -= 1
        return until is not None and left < 0

    return late


@given(typed_graphs, buffers, classes, st.integers(0, 12), st.none() | st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_within_a_round_too_an_impact_is_true_as_far_as_it_goes(
    said: list[Said], buffers: dict[str, int], classes: dict[str, str], looks: int, depth: int | None
) -> None:
    snapshot = graph_of(said, buffers, classes)
    whole = spread(snapshot, [0], depth=depth)
    with patch("brain.analytics.graph.times.AT_ONCE", 1):
        assert spread(snapshot, [0], depth=depth, until=float("inf")).value.tolist() == whole.value.tolist()
        with patch("brain.analytics.graph.times.late", after(looks)):
            found = spread(snapshot, [0], depth=depth, until=0.0)
    assert np.all(found.value >= whole.value)
    beyond = {below for node in found.open.tolist() for below in (node, *descendants(snapshot, node).tolist())}
    assert set(np.flatnonzero(found.value > whole.value).tolist()) <= beyond
    with patch("brain.analytics.graph.degraded.OFTEN", 1), patch("brain.analytics.graph.degraded.late", after(looks)):
        part = fall(snapshot, {0: 500_000}, depth=depth, until=0.0)
    fallen = fall(snapshot, {0: 500_000}, depth=depth)
    assert np.all(part.capacity >= fallen.capacity)
    assert np.all((part.value == fallen.value) | (part.value == NEVER))
    beyond = {below for node in part.open.tolist() for below in (node, *descendants(snapshot, node).tolist())}
    assert set(np.flatnonzero(part.capacity > fallen.capacity).tolist()) <= beyond


@given(typed_graphs, classes, st.integers(0, 8))
@settings(max_examples=100, deadline=None)
def test_causes_are_true_as_far_as_they_go(said: list[Said], classes: dict[str, str], looks: int) -> None:
    snapshot = graph_of(said, {}, classes)
    whole = {c.id: c for c in causes(snapshot, SCHEMA, snapshot.ids[0]).causes}
    late = after(looks)
    with (
        patch.object(causes_module, "late", late),
        patch("brain.analytics.graph.reach.late", late),
        patch("brain.analytics.graph.losses.late", late),
    ):
        found = causes(snapshot, SCHEMA, snapshot.ids[0], patience=0.0)
    for cause in found.causes:
        assert cause.after_seconds >= whole[cause.id].after_seconds
        assert cause.alone in (None, whole[cause.id].alone)
    assert found.unjudged == sum(cause.alone is None for cause in found.causes)
    missing = whole.keys() - {cause.id for cause in found.causes}
    above = {snapshot.ids[i] for id in found.unexplored_ids for i in ancestors(snapshot, snapshot.index[id]).tolist()}
    assert missing <= above or found.unexplored > len(found.unexplored_ids)
    assert found.partial == bool(found.unexplored or found.unjudged)
    if not found.partial:
        assert found.causes == causes(snapshot, SCHEMA, snapshot.ids[0]).causes


def test_criticality_says_what_was_not_counted() -> None:
    base = line()
    for measure, left in ((Measure.BETWEENNESS, base.count), (Measure.FLOW, base.count)):
        at_once = criticality(base, SCHEMA, measure, patience=0.0)
        assert (at_once.partial, at_once.unexplored) == (True, left)
        whole, patient = criticality(base, SCHEMA, measure), criticality(base, SCHEMA, measure, patience=600.0)
        assert (whole.partial, patient.partial) == (False, False)
        assert {c.id: round(c.value, 6) for c in patient.ranked} == {c.id: round(c.value, 6) for c in whole.ranked}
    with patch("brain.analytics.graph.critical.late", after(10)):
        assert criticality(base, SCHEMA, Measure.BETWEENNESS, patience=0.0).unexplored == base.count - 10


def test_single_points_that_were_not_looked_at_are_counted() -> None:
    with patch("brain.analytics.graph.losses.late", after(2)):
        found = single_points(line(), SCHEMA, patience=0.0)
    assert (found.points, found.unexplored, found.partial) == ((), found.candidates, True)
