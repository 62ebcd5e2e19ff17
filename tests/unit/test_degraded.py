"""What comes down once a thing has a part of its capacity left: plants by hand, the definition tick by tick, down as ever."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.degraded import FULL, Fallen, fall
from brain.analytics.graph.impact import Asked, Impact, impact
from brain.analytics.graph.snapshot import Snapshot, from_edges
from brain.analytics.graph.times import spread, way
from brain.errors import BadQuery
from brain.model import Node
from tests.unit.test_graph_structure import Said, edges_of, typed_graphs
from tests.unit.test_graph_times import DELAYS, SCHEMA, buffers, classes, graph_of, needs
from tests.unit.test_impact import line

TICKS = 60


@pytest.fixture(scope="module", autouse=True, params=[0, 1 << 60], ids=["together", "one by one"])
def handled(request: pytest.FixtureRequest) -> Iterator[None]:
    """All events of one time are handled together, or none are."""
    with patch("brain.analytics.graph.events.MANY", request.param), patch("brain.analytics.graph.degraded.MANY", request.param):
        yield


def groups_of(said: Sequence[Said], classes: Mapping[str, str]) -> dict[str, list[tuple[str, list[str]]]]:
    """For each thing its groups: relation and providers."""
    found: defaultdict[str, dict[object, tuple[str, list[str]]]] = defaultdict(dict)
    for dependent, relation, provider in needs(said):
        some = relation in SCHEMA.classes[classes.get(dependent, "Asset")].any_of
        found[dependent].setdefault(relation if some else (relation, provider), (relation, []))[1].append(provider)
    return {node: list(groups.values()) for node, groups in found.items()}


def ticked(
    said: Sequence[Said],
    own: Mapping[str, int],
    buffers: Mapping[str, int],
    classes: Mapping[str, str],
    narrow: Mapping[Said, int] = {},
) -> tuple[dict[str, int], dict[str, int]]:
    """The definition, a µs at a time: when each thing first gives less, and what it gives at last."""
    groups = groups_of(said, classes)
    nodes = {end for source, _, target in said for end in (source, target)}
    given_: dict[str, list[int]] = {node: [] for node in nodes}
    missed, first = dict.fromkeys(nodes, 0), dict[str, int]()
    for tick in range(TICKS):
        now = {node: own.get(node, FULL) for node in nodes}

        def felt(provider: str, relation: str, node: str, now: dict[str, int] = now, tick: int = tick) -> int:
            at, most = tick - DELAYS[relation], narrow.get((node, relation, provider), FULL)
            return FULL if at < 0 else min(most, now[provider] if at == tick else given_[provider][at])

        while True:
            gets = {n: min([FULL, *(sum(felt(p, r, n) for p in some) for r, some in groups.get(n, []))]) for n in nodes}
            after = {n: min(own.get(n, FULL), gets[n] if missed[n] >= buffers.get(n, 0) * FULL else FULL) for n in nodes}
            if after == now:
                break
            now.update(after)
        for node in nodes:
            given_[node].append(now[node])
            missed[node] += FULL - gets[node]
            if now[node] < FULL:
                first.setdefault(node, tick)
    return first, {node: given_[node][-1] for node in first}


capacities = st.sampled_from([0, 1, 250_000, 333_333, 500_000, 600_000, 999_999])


def told(snapshot: Snapshot, found: Fallen) -> tuple[dict[str, int], dict[str, int]]:
    reached = found.reached.tolist()
    return {snapshot.ids[i]: found.time(i) for i in reached}, {snapshot.ids[i]: int(found.capacity[i]) for i in reached}


@given(typed_graphs, buffers, classes, capacities, capacities)
@settings(max_examples=80, deadline=None)
def test_it_is_what_the_definition_gives_tick_by_tick(
    said: list[Said], buffers: dict[str, int], classes: dict[str, str], one: int, two: int
) -> None:
    snapshot = graph_of(said, buffers, classes)
    own = dict(zip(snapshot.ids[::2], (one, two), strict=False))
    found = fall(snapshot, {snapshot.index[id]: left for id, left in own.items()}, lasts=TICKS)
    assert told(snapshot, found) == ticked(said, own, buffers, classes)
    for node in found.reached.tolist():
        on = way(found.by, node, found.value)
        assert found.distance(node) == len(on)
        assert snapshot.ids[node] in own or (on[0] & (1 << 26) - 1 in {snapshot.index[id] for id in own} and on[-1] >> 36 == node)


@given(typed_graphs, buffers, classes, capacities, capacities, capacities)
@settings(max_examples=80, deadline=None)
def test_narrow_links_are_what_the_definition_gives_tick_by_tick(
    said: list[Said], buffers: dict[str, int], classes: dict[str, str], one: int, two: int, three: int
) -> None:
    """Two links, and a thing beside them; all at once, and the thing once the links have come down for good."""
    snapshot = graph_of(said, buffers, classes)
    some = snapshot.needs[:: max(1, snapshot.edges - 1)].tolist()
    narrow = {edge: max(most, 1) for edge, most in zip(some, (one, two), strict=False)}
    links = {
        (snapshot.ids[d], kind.relation, snapshot.ids[p]): most
        for edge, most in narrow.items()
        for d, kind, p in (snapshot.parts(edge),)
    }
    own = dict.fromkeys(snapshot.ids[:1], three)
    numbers = {snapshot.index[id]: left for id, left in own.items()}
    found = fall(snapshot, numbers, narrow=narrow, lasts=TICKS)
    assert told(snapshot, found) == ticked(said, own, buffers, classes, links)
    for node in found.reached.tolist():
        on = way(found.by, node, found.value)
        assert found.distance(node) == len(on)
        assert snapshot.ids[node] in own or on[0] in narrow or snapshot.ids[on[0] & (1 << 26) - 1] in own
    after = fall(snapshot, numbers, start=fall(snapshot, {}, narrow=narrow))
    assert after.capacity.tolist() == fall(snapshot, numbers, narrow=narrow).capacity.tolist()


@given(typed_graphs, buffers, classes, st.none() | st.integers(0, 60), st.none() | st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_with_nothing_left_it_is_down(
    said: list[Said], buffers: dict[str, int], classes: dict[str, str], lasts: int | None, depth: int | None
) -> None:
    snapshot = graph_of(said, buffers, classes)
    for root in range(min(3, snapshot.count)):
        want = spread(snapshot, [root], lasts=lasts, depth=depth)
        found = fall(snapshot, {root: 0}, lasts=lasts, depth=depth)
        assert found.value.tolist() == want.value.tolist()
        assert found.open.tolist() == want.open.tolist()
        assert not found.capacity[found.reached].any()


@given(typed_graphs, classes, capacities, capacities)
@settings(max_examples=100, deadline=None)
def test_one_after_the_other_comes_down_to_what_both_together_do(
    said: list[Said], classes: dict[str, str], one: int, two: int
) -> None:
    snapshot = graph_of(said, {}, classes)
    first, last = 0, snapshot.count - 1
    start = fall(snapshot, {first: one})
    found = fall(snapshot, {last: two}, start=start)
    both = fall(snapshot, {first: one, last: min(one, two) if first == last else two})
    assert found.capacity.tolist() == both.capacity.tolist()
    fell = (found.capacity < start.capacity).nonzero()[0]
    assert sorted(found.reached.tolist()) == fell.tolist()


def hall() -> Snapshot:
    """Two chillers cool a hall's water, either is enough. The water cools a mixer, which holds for ten minutes, and a press,
    which needs a compressor too. The mixer is part of line 1, the press of line 2."""
    said = [
        ("CHILL-1", "provides", "water"),
        ("CHILL-2", "provides", "water"),
        ("MIX", "requires", "water"),
        ("PRESS", "requires", "water"),
        ("AIR", "supplies", "PRESS"),
        ("MIX", "partOf", "L1"),
        ("PRESS", "partOf", "L2"),
        ("O-1", "scheduledOn", "L1"),
    ]
    kinds = {"water": "Capability", "L1": "WorkCenter", "L2": "WorkCenter", "O-1": "ProductionOrder"}
    met = sorted({end for source, _, target in said for end in (source, target)})
    held: dict[str, dict[str, Any]] = {"MIX": {"bufferTime": 600.0}}
    return from_edges(SCHEMA, edges_of(said), [Node(id, kinds.get(id, "Machine"), held.get(id, {}), {}, {}) for id in met])


def left(found: Impact) -> dict[str, tuple[float, float]]:
    """By id: seconds after which it gives less, and what it gives then."""
    return {a.id: (a.after_seconds, a.capacity) for a in found.affected}


def test_half_a_chiller_is_made_up_for_by_the_other_until_that_is_down_too() -> None:
    alone = impact(hall(), SCHEMA, "CHILL-1", Asked(capacity=0.5))
    assert not alone.affected
    assert [(a.id, a.by, a.left) for a in alone.absorbed] == [("water", "REDUNDANCY", ("CHILL-1", "CHILL-2"))]
    # CHILL-2 down, and CHILL-1 at 0.4: the water is at 0.4; the mixer's ten minutes last 600 / 0.6 = 1,000 s.
    snapshot = hall()
    number = snapshot.index
    found = fall(snapshot, {number["CHILL-1"]: 400_000, number["CHILL-2"]: 0})
    times, capacities = told(snapshot, found)
    assert times == {"CHILL-1": 0, "CHILL-2": 0, "water": 0, "PRESS": 0, "L2": 0} | dict.fromkeys(["MIX", "L1", "O-1"], 10**9)
    assert capacities.pop("CHILL-2") == 0
    assert set(capacities.values()) == {400_000}


def test_the_least_of_what_it_needs_is_what_it_gives() -> None:
    """AIR at 0.3 while the water is at 0.4 and the press itself at 0.9: 0.3. Line 1 has nothing of it."""
    snapshot = hall()
    number = snapshot.index
    found = fall(snapshot, {number["AIR"]: 300_000, number["water"]: 400_000, number["PRESS"]: 900_000}, lasts=1)
    assert told(snapshot, found)[1] == {"AIR": 300_000, "water": 400_000, "PRESS": 300_000, "L2": 300_000}


def test_a_buffer_lasts_longer_where_less_is_missing_and_what_is_over_before_is_absorbed() -> None:
    half = impact(hall(), SCHEMA, "water", Asked(capacity=0.5))
    assert left(half) == {"PRESS": (0.0, 0.5), "L2": (0.0, 0.5)} | dict.fromkeys(["MIX", "L1", "O-1"], (1200.0, 0.5))
    assert half.capacity == 0.5
    assert "bufferTime makes up for what is missing" in half.definition
    mixer = next(a for a in half.affected if a.id == "O-1")
    assert [(c.provider, c.relation) for c in mixer.via] == [("water", "requires"), ("MIX", "partOf"), ("L1", "scheduledOn")]
    short = impact(hall(), SCHEMA, "water", Asked(capacity=0.5, lasts=1200 * 1_000_000))
    assert set(left(short)) == {"PRESS", "L2"}
    assert [(a.id, a.by, a.buffer_seconds) for a in short.absorbed] == [("MIX", "BUFFER", 600.0)]


def test_a_tank_is_used_up_in_two_steps() -> None:
    """TANK holds for 10 s. Its pump comes down to 0.5 at once, and after 4 s, when the pump's own supply is felt, to 0: by then 2
    s are used up, and the other 8 s last for 8 s."""
    said = [("PUMP", "supplies", "TANK"), ("POWER", "requires", "GRID"), ("PUMP", "requires", "POWER")]
    snapshot = graph_of(said, {"TANK": 10_000_000, "POWER": 4_000_000 - 14})
    number = snapshot.index
    found = fall(snapshot, {number["PUMP"]: 500_000, number["GRID"]: 0})
    # Delays of these tests: requires 7 µs, twice; supplies 3 µs. From 3 µs on half is missing, from 4 s + 3 µs on all.
    assert found.time(number["PUMP"]) == 0
    assert (found.time(number["TANK"]), int(found.capacity[number["TANK"]])) == (12_000_003, 0)


@pytest.mark.parametrize("capacity", [1.0, -0.1, 2.0])
def test_what_is_no_part_of_a_capacity_is_refused(capacity: float) -> None:
    with pytest.raises(BadQuery, match="give what is left of it, from 0 to below 1"):
        impact(line(), SCHEMA, "AIR", Asked(capacity=capacity))


def test_at_the_deadline_it_ends_with_what_came_first() -> None:
    found = impact(hall(), SCHEMA, "water", Asked(capacity=0.5, seconds=0.0))
    assert (found.affected, found.partial, found.unexplored_ids) == ((), True, ("water",))


def test_what_feels_it_only_after_it_is_over_has_nothing_in_its_place() -> None:
    """An operator is missed after 20 µs, and is there for half of the time, or not at all, for 10 µs; of two one is enough."""
    one, two = [("P", "operates", "M")], [("P", "operates", "M"), ("Q", "operates", "M")]
    for capacity in (0.0, 0.5):
        absorbed = [impact(graph_of(said), SCHEMA, "P", Asked(lasts=10, capacity=capacity)).absorbed for said in (one, two)]
        assert [(b.id, b.by, "Q" in b.left) for (b,) in absorbed] == [("M", "BUFFER", False), ("M", "REDUNDANCY", True)]
