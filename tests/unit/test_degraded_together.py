"""Events handled together and one by one: the same answers, to the last edge."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.degraded import FULL, Fallen, fall
from brain.analytics.graph.events import MANY, Batch, Event, Queue
from brain.analytics.graph.snapshot import NODE_MASK, Snapshot
from tests.unit.test_degraded import capacities
from tests.unit.test_graph_structure import RELATIONS, Said, dense_graphs, things, typed_graphs
from tests.unit.test_graph_times import CLASSES, DELAYS, EVEN, graph_of

TOGETHER, ONE_BY_ONE = 0, 1 << 60


@contextmanager
def handled(many: int) -> Iterator[None]:
    """From so many on, events of one time, or edges from one thing, are handled together, a few in each part."""
    graph = "brain.analytics.graph"
    with patch(f"{graph}.events.MANY", many), patch(f"{graph}.degraded.MANY", many), patch(f"{graph}.degraded.AT_ONCE", 3):
        yield


def columns(found: Fallen) -> dict[str, list[int]]:
    names = ("value", "reached", "open", "capacity", "input", "by")
    return {name: getattr(found, name).tolist() for name in names}


year = 31_536_000_000_000
buffers = st.dictionaries(
    st.integers(0, 11).map(lambda i: f"asset/{i}"), st.sampled_from([1, 5, 5, 5, 12, year]) | st.integers(1, 30), max_size=8
)
classes = st.dictionaries(st.integers(0, 11).map(lambda i: f"asset/{i}"), st.sampled_from(CLASSES), min_size=4)


large_graphs = st.lists(st.tuples(things, st.sampled_from(RELATIONS), things), min_size=20, max_size=60)


@st.composite
def plants(draw: st.DrawFn) -> Snapshot:
    """With redundancy, buffers (some longer than an int64 has room for), delays or none, closed things, circles and ties."""
    said: list[Said] = draw(typed_graphs | dense_graphs | large_graphs)
    snapshot = graph_of(said, draw(buffers), draw(classes), draw(st.sampled_from([DELAYS, EVEN, {}])))
    closed = draw(st.sets(st.integers(0, snapshot.count - 1), max_size=2))
    return replace(snapshot, closed=np.isin(np.arange(snapshot.count), list(closed)))


@given(plants(), st.data())
@settings(max_examples=400, deadline=None)
def test_together_all_comes_down_as_it_does_one_by_one(snapshot: Snapshot, data: st.DataObject) -> None:
    nodes, edges = st.integers(0, snapshot.count - 1), st.sampled_from(snapshot.needs.tolist())
    own = data.draw(st.dictionaries(nodes, capacities, max_size=4))
    narrow = data.draw(st.just({}) | st.dictionaries(edges, capacities.map(lambda most: max(most, 1)), max_size=4))
    lasts, depth = data.draw(st.none() | st.integers(0, 60)), data.draw(st.none() | st.integers(0, 4))
    after = data.draw(st.dictionaries(nodes, capacities, min_size=1, max_size=2))
    found = []
    for many in (TOGETHER, 2, ONE_BY_ONE):
        with handled(many):
            start = fall(snapshot, own, lasts=lasts, depth=depth, narrow=narrow)
            found.append((columns(start), columns(fall(snapshot, after, start=start))))
    assert found[0] == found[2]
    assert found[1] == found[2]


def test_behind_a_narrow_link_a_provider_that_falls_at_that_time_is_on_the_way_if_it_comes_first() -> None:
    """B falls by a narrow link when what hangs on it does by another. C comes after B, and is two edges from where that began; A
    comes before it, and is one edge from its own link."""
    for dependent, far in (("C", 2), ("A", 1)):
        snapshot = graph_of(sorted([("B", "requires", "X"), (dependent, "requires", "B")]))
        number = snapshot.index
        narrow = dict.fromkeys(snapshot.needs.tolist(), FULL // 2)
        for many in (TOGETHER, ONE_BY_ONE):
            with handled(many):
                found = fall(snapshot, {}, narrow=narrow)
            assert (found.time(number[dependent]), found.distance(number[dependent])) == (7, far)


def test_a_buffer_is_used_up_by_what_brings_its_thing_lowest() -> None:
    snapshot = graph_of([("A", "supplies", "TANK"), ("B", "supplies", "TANK")], {"TANK": 10})
    number = snapshot.index
    for many in (TOGETHER, ONE_BY_ONE):
        with handled(many):
            found = fall(snapshot, {number["A"]: 500_000, number["B"]: 0})
        tank = number["TANK"]
        assert (found.time(tank), int(found.capacity[tank]), int(found.by[tank]) & NODE_MASK) == (13, 0, number["B"])


def test_of_a_group_all_is_summed_up_though_its_thing_gets_less_than_each_by_another() -> None:
    """The water gets 0.3 of its air from 3 µs on. Chiller 1 is at 0.5 from 7 µs on, when chiller 2 is lost, and lost at 20 µs."""
    groups = [(f"CHILL-{i}", "provides", "water") for i in (1, 2)] + [(f"CHILL-{i}", "requires", f"P-{i}") for i in (1, 2)]
    said = [*groups, ("AIR", "supplies", "water"), ("CREW", "operates", "CHILL-1")]
    snapshot = graph_of(said, classes={"water": "Capability"})
    number = snapshot.index
    own = {number["AIR"]: 300_000, number["P-1"]: 500_000, number["P-2"]: 0, number["CREW"]: 0}
    for many in (TOGETHER, ONE_BY_ONE):
        for lasts, capacity in ((20, 300_000), (21, 0)):
            with handled(many):
                found = fall(snapshot, own, lasts=lasts)
            assert (found.time(number["water"]), int(found.capacity[number["water"]])) == (3, capacity)


def test_at_the_deadline_all_whose_fall_is_still_to_be_felt_are_open() -> None:
    snapshot = graph_of([("R", "supplies", "A"), ("B", "requires", "S")])
    roots = sorted(snapshot.index[id] for id in "RS")
    for many in (TOGETHER, ONE_BY_ONE):
        with handled(many):
            assert fall(snapshot, dict.fromkeys(roots, 0), until=0.0).open.tolist() == roots


events = st.lists(
    st.tuples(st.integers(0, 5), st.tuples(st.integers(0, 9).map(lambda n: n << 36), st.integers(-1, 9), st.integers(0, 9)))
)


@given(events, events, st.sampled_from([0, 1, 3, MANY]))
@settings(max_examples=200, deadline=None)
def test_events_come_in_order_of_value_and_edge_however_they_were_told(
    few: list[tuple[int, Event]], many: list[tuple[int, Event]], least: int
) -> None:
    with patch("brain.analytics.graph.events.MANY", least):
        queue, told = Queue(5), list[tuple[int, Event]]()
        for value, event in few:
            queue.one(value, event)
        queue.many(np.array([value for value, _ in many], np.int64), Batch.of([event for _, event in many]))
        while queue:
            value, found = queue.pop()
            some = found.each() if isinstance(found, Batch) else found
            if isinstance(found, Batch):
                parts = [part.each() for part in found.parts(2)]
                assert [event for part in parts for event in part] == some
                assert sum(len({edge for edge, _, _ in part}) for part in parts) == len({edge for edge, _, _ in some})
            assert [edge for edge, _, _ in some] == sorted(edge for edge, _, _ in some)
            told += [(value, event) for event in some]
    assert [value for value, _ in told] == sorted(value for value, _ in told)
    assert sorted(told) == sorted(one for one in few + many if one[0] < 5)
