"""Deadlines: wherever one falls, what is told is true as far as it goes, and what was not explored is named."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph import causes as causes_module
from brain.analytics.graph.causes import causes
from brain.analytics.graph.circles import circles
from brain.analytics.graph.coupling import coupling_of, hidden_coupling
from brain.analytics.graph.critical import Measure, criticality, single_points
from brain.analytics.graph.degraded import fall
from brain.analytics.graph.events import MANY
from brain.analytics.graph.observing import NOTHING
from brain.analytics.graph.reach import ancestors, descendants
from brain.analytics.graph.since import Compared, changes
from brain.analytics.graph.times import NEVER, spread
from brain.cli.tables_graph import print_changes, print_circles, print_coupling
from brain.model import Assert, ChangeSet
from brain.query import EVERY
from brain.reports.dependencies_page import Found, dependencies_page
from brain.stores import open_store
from tests.dependency_graphs import site
from tests.unit.test_graph_coupling import NOBODY, states
from tests.unit.test_graph_structure import Said, dense_graphs, typed_graphs
from tests.unit.test_graph_times import EVEN, buffers, classes, graph_of, swept
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
def test_where_all_things_are_looked_at_too_an_impact_is_true_as_far_as_it_goes(
    said: list[Said], buffers: dict[str, int], classes: dict[str, str], looks: int, depth: int | None
) -> None:
    snapshot = graph_of(said, buffers, classes, EVEN)
    whole = spread(snapshot, [0], depth=depth)
    with swept(), patch("brain.analytics.graph.times.late", after(looks)):
        found = spread(snapshot, [0], depth=depth, until=0.0)
    assert np.all(found.value >= whole.value)
    beyond = {below for node in found.open.tolist() for below in (node, *descendants(snapshot, node).tolist())}
    assert set(np.flatnonzero(found.value > whole.value).tolist()) <= beyond


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
    fallen = fall(snapshot, {0: 500_000}, depth=depth)
    for many in (0, 2, MANY):
        with ExitStack() as patched:
            for name, now in (("OFTEN", 1), ("AT_ONCE", 1), ("MANY", many), ("late", after(looks))):
                patched.enter_context(patch(f"brain.analytics.graph.degraded.{name}", now))
            patched.enter_context(patch("brain.analytics.graph.events.MANY", many))
            part = fall(snapshot, {0: 500_000}, depth=depth, until=0.0)
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


@given(dense_graphs, st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_circles_are_true_as_far_as_they_go(said: list[Said], looks: int) -> None:
    snapshot = graph_of(said)
    whole = {c.ids: c for c in circles(snapshot, EVERY).circles}
    late = after(looks)
    with patch("brain.analytics.deadline.late", late), patch("brain.analytics.graph.circles.late", late):
        found = circles(snapshot, EVERY, 0.0)
    assert found.unexplored == max(len(snapshot.kinds) + 1 - looks, 0)
    for circle in found.circles:
        assert circle.via in ((), whole[circle.ids].via) or circle.relation != whole[circle.ids].relation
        assert (circle.relation is None) == (whole[circle.ids].relation is None)
    assert found.partial == (found.unexplored > 0 or any(not c.via for c in found.circles))
    if not found.unexplored:
        assert {c.ids for c in found.circles} == whole.keys()
    if not found.partial:
        assert found == circles(snapshot, EVERY)


CLOCKS = ("deadline", "graph.circles", "graph.critical", "graph.losses", "graph.reach", "graph.structure", "graph.times")


@given(typed_graphs, typed_graphs, classes, st.integers(0, 120), st.sampled_from(Measure))
@settings(max_examples=150, deadline=None)
def test_changes_are_true_as_far_as_they_go(
    then: list[Said], now: list[Said], classes: dict[str, str], looks: int, measure: Measure
) -> None:
    """What is not told of a kind is counted as not explored; dependencies are all told."""
    graphs = [graph_of(said, {}, classes) for said in (then, now)]
    whole = changes(*graphs, SCHEMA, measure=measure, first=EVERY)
    late = after(looks)
    with ExitStack() as patched:
        for module in CLOCKS:
            patched.enter_context(patch(f"brain.analytics.{module}.late", late))
        found = changes(*graphs, SCHEMA, measure=measure, first=EVERY, patience=0.0)
    counts = {one.what: one.count for one in found.unexplored}
    assert all(counts.values())
    assert found.partial == bool(counts)
    assert found.edges == whole.edges
    assert set(found.points) <= set(whole.points)
    assert whole.points_count - found.points_count <= counts.get(Compared.POINTS, 0)
    for what, told, all_ in (
        (Compared.RANKS, [(r.id, r.how) for r in found.ranks], [(r.id, r.how) for r in whole.ranks]),
        (Compared.CIRCLES, [c.circle.ids for c in found.circles], [c.circle.ids for c in whole.circles]),
    ):
        assert told == ([] if what in counts else all_)


HOURS = tuple(24.0 * day + day for day in range(8))
COUPLED = {"A": HOURS, "B": HOURS, "C": tuple(h + 7 for h in HOURS), "D": tuple(h + 7 for h in HOURS)}


def test_pairs_that_were_not_compared_are_counted_and_q_is_of_those_that_were() -> None:
    """Six pairs of four things, in order: A with B, C and D, B with C and D, C with D. All eight failures of A are B's, and C's
    are D's. Five looks compare all but the last pair, one more takes up A and B, which passes by itself."""
    whole = coupling_of(states(COUPLED), NOBODY)
    assert [(c.a, c.b) for c in whole.couplings] == [("A", "B"), ("C", "D")]
    assert (whole.pairs, whole.partial, whole.unexplored) == (6, False, 0)
    with patch("brain.analytics.deadline.late", after(5)):
        # The sixth look ends the comparing, and another the explaining.
        assert coupling_of(states(COUPLED), NOBODY, stop=0.0) == replace(whole, couplings=(), count=0, partial=True, unexplored=2)
    with patch("brain.analytics.deadline.late", sometimes(5)):
        found = coupling_of(states(COUPLED), NOBODY, stop=0.0)
    (pair,) = found.couplings
    assert (pair.a, pair.b, found.pairs, found.partial, found.unexplored) == ("A", "B", 6, True, 1)
    # Of five tests one passes, in place of two of six.
    assert pair.q == pytest.approx(whole.couplings[0].q * 5 / (6 / 2))
    with patch("brain.analytics.deadline.late", after(7)):
        found = coupling_of(states(COUPLED), NOBODY, stop=0.0)
    assert ([(c.a, c.b) for c in found.couplings], found.unexplored) == ([("A", "B")], 1)


def sometimes(look: int) -> Callable[[float | None], bool]:
    """A clock that is late at that look alone."""
    looks = iter(range(1000))
    return lambda until: next(looks) == look


async def test_things_whose_states_were_not_read_are_counted() -> None:
    said = [ChangeSet(id, "s", 0, 0, (Assert(f"asset/{id}", "Machine", {"state": "fault"}),)) for id in "ABCDE"]
    store = open_store("sqlite://")
    await store.prepare(SCHEMA)
    await store.apply(said)
    with patch("brain.analytics.device_states.MACHINES", 2), patch("brain.analytics.deadline.late", after(2)):
        found = await hidden_coupling(store, SCHEMA, NOBODY, patience=1.0)
    assert (found.unread, found.partial, found.unexplored, found.things) == (1, True, 0, 0)
    patient = await hidden_coupling(store, SCHEMA, NOBODY, patience=600.0)
    assert (patient.unread, patient.partial) == (0, False)
    await store.close()


def test_single_points_that_were_not_looked_at_are_counted() -> None:
    with patch("brain.analytics.graph.losses.late", after(2)):
        found = single_points(line(), SCHEMA, patience=0.0)
    assert (found.points, found.unexplored, found.partial) == ((), found.candidates, True)


def test_people_are_told_what_there_was_no_time_for(capsys: pytest.CaptureFixture[str]) -> None:
    graph = site(1, 1)
    rounds, coupling = circles(graph, patience=0.0), coupling_of(states(COUPLED), graph, stop=0.0)
    changed = changes(graph, graph, SCHEMA, coupled=(coupling, coupling), patience=0.0)
    points, ranked = single_points(graph, SCHEMA, patience=0.0), criticality(graph, SCHEMA, patience=0.0)
    page = dependencies_page(Found(graph, points, ranked, rounds, NOTHING, changed, coupling, 0), SCHEMA, 0)
    for show, found in ((print_circles, rounds), (print_coupling, coupling), (print_changes, changed)):
        show(found)  # type: ignore[operator]
    relations = f"by {len(graph.kinds) + 1} relations, all together being one, no circle was sought"
    parts = f"single points ({points.candidates}), ranks ({graph.count}), circles ({len(graph.kinds) + 1}), couplings (6)"
    table = capsys.readouterr().out
    for told in (relations, "of 6 pairs 6 were not looked at", f"there was no time for all of these: {parts}"):
        assert told in " ".join(table.split())
        assert told in page
