"""How a graph changed since a past time: worked by hand on a line whose dependencies are limited in time."""

from collections.abc import Iterable
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph import since
from brain.analytics.graph.coupling import Coupled, HiddenCoupling
from brain.analytics.graph.critical import Measure, criticality
from brain.analytics.graph.reading import read
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.since import Compared, How, changes, coupled_in, point_then, read_then
from brain.analytics.graph.snapshot import Snapshot
from brain.errors import BadQuery
from brain.identities import Merged
from brain.model import ChangeSet, Link, Retract
from brain.query import AsOf
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema
from tests.unit.test_graph_snapshot import HOUR, needs_of, says
from tests.unit.test_graph_structure import Said, typed_graphs
from tests.unit.test_graph_times import graph_of, needs

SCHEMA: Schema = load_schema(())

LINE = (
    says("1", "asset/F1", "Machine", 0, Link("provides", "capability/fill")),
    says("2", "asset/F2", "Machine", 0, Link("provides", "capability/fill")),
    says("3", "capability/fill", "Capability", 0),
    says("4", "equipment/L", "WorkCenter", 0, Link("requires", "capability/fill"), Link("locatedIn", "site/A")),
    says("5", "productionorder/1", "ProductionOrder", 0, Link("scheduledOn", "equipment/L")),
    says("6", "site/A", "Site", 0, name="old"),
    says("7", "site/B", "Site", 0, name="new"),
    ChangeSet("8", "s", 3 * HOUR, 0, (Retract("asset/F2", "Machine", links=(Link("provides", "capability/fill"),)),)),
    says("9", "equipment/L", "WorkCenter", 4 * HOUR, Link("locatedIn", "site/B")),
    says("10", "site/A", "Site", 5 * HOUR, Link("partOf", "site/B")),
    says("11", "site/B", "Site", 5 * HOUR, Link("partOf", "site/A")),
)
"""Two fillers, of which the second is sold at three; at four the line moves to another site; at five each site is declared to be
a part of the other."""


async def line(hour: int) -> Snapshot:
    store = open_store("sqlite://")
    await store.prepare(SCHEMA)
    await store.apply(LINE)
    try:
        return await read(store, SCHEMA, AsOf(valid=hour * HOUR))
    finally:
        await store.close()


async def test_a_filler_that_was_sold_leaves_the_other_as_a_single_point() -> None:
    """At two either filler could be lost; since three F1 takes the capability, the line and the order: 3, one of them an order.
    The line took its order with it then and now."""
    found = changes(await line(2), await line(3), SCHEMA)
    assert [(p.id, p.how, p.lost_then, p.lost_now, p.objects_then, p.objects_now) for p in found.points] == [
        ("asset/F1", How.COME, None, 3, None, 1)
    ]
    assert [(e.how, e.dependent, e.relation, e.provider_then, e.provider_now) for e in found.edges] == [
        (How.GONE, "capability/fill", "provides", "asset/F2", None)
    ]
    # In shares of what nothing flows to: then the line 1.85, its site 1 + 0.85 · 1.85 / 2 = 1.79, each filler 1 + 0.85 · 1.79 / 2
    # = 1.76; now F1 has all of the capability's, 1 + 0.85 · 1.79 = 2.52.
    assert {r.id: (r.how, r.rank_then, r.rank_now) for r in found.ranks} == {
        "asset/F1": (How.MOVED, 3, 1),
        "asset/F2": (How.GONE, 4, None),
        "equipment/L": (How.MOVED, 1, 2),
        "site/A": (How.MOVED, 2, 3),
    }
    assert found.circles == ()


async def test_who_says_that_two_ids_are_one_changes_nothing_else() -> None:
    """The switch is A to the one source and B to the other, which is said at three. Both names feed, and went down with C."""
    store = Merged(open_store("sqlite://"), SCHEMA)
    await store.prepare(SCHEMA)
    downs = [n * 7 * HOUR for n in range(1, 40, 9)]
    said = [says(f"f{id}", f"asset/{id}", "Machine", 0, Link("feeds", f"asset/{to}")) for id, to in ("AX", "BY", "CZ")]
    said += [
        says(f"{id}{at}{state}", f"asset/{id}", "Machine", at + (state == "run") * HOUR, state=state)
        for id in "BC"
        for at in downs
        for state in ("fault", "run")
    ]
    late = downs[-1] + 3 * HOUR
    await store.apply([*said, says("m", "asset/B", "Entity", late, Link("sameAs", "asset/A"))])
    begin, at = point_then(late - HOUR, AsOf(valid=late + HOUR), late + HOUR), AsOf(valid=late + HOUR)
    now, then = await read(store, SCHEMA, at), await read_then(store, SCHEMA, begin, at)
    assert needs_of(now) == needs_of(then) == {(f"asset/{b}", "feeds", f"asset/{a}") for a, b in ("AX", "AY", "CZ")}
    found = changes(then, now, SCHEMA, coupled=await coupled_in(store, SCHEMA, then, now))
    assert (found.points, found.ranks, found.edges, found.couplings) == ((), (), (), ())
    coupled = [[(c.a, c.b, c.together) for c in one.couplings] for one in await coupled_in(store, SCHEMA, then, now)]
    assert coupled == [[("asset/A", "asset/C", 5)]] * 2
    await store.close()


async def test_a_line_that_moved_has_another_site() -> None:
    found = changes(await line(3), await line(4), SCHEMA, "Site")
    assert [(e.how, e.dependent, e.relation, e.provider_then, e.provider_now) for e in found.edges] == [
        (How.MOVED, "equipment/L", "locatedIn", "site/A", "site/B")
    ]
    assert [(p.id, p.how, p.lost_then, p.lost_now) for p in found.points] == [
        ("site/A", How.GONE, 2, None),
        ("site/B", How.COME, None, 2),
    ]


@pytest.mark.parametrize("measure", Measure)
@pytest.mark.parametrize("count", [9, 700])
def test_of_one_graph_read_in_another_order_nothing_moved(count: int, measure: Measure) -> None:
    """Each thing feeds the two after it: alike is whatever is as far from the ends. Of 700 not all are counted from."""
    said = [(f"asset/{i}", "feeds", f"asset/{i + j}") for i in range(count) for j in (1, 2)]
    found = changes(graph_of(said[::-1]), graph_of(said), SCHEMA, measure=measure)
    assert (found.ranks, found.points, found.edges) == ((), (), ())


def test_what_is_alike_ranks_by_id() -> None:
    said = [("asset/A", "feeds", "asset/L"), ("asset/B", "feeds", "asset/L"), ("asset/C", "feeds", "asset/L")]
    for some in (said, said[::-1]):
        assert [one.id for one in criticality(graph_of(some), SCHEMA, first=2).ranked] == ["asset/A", "asset/B"]


def ring(*ids: str, relation: str = "partOf") -> list[Said]:
    return [(a, relation, b) for a, b in zip(ids, (*ids[1:], ids[0]), strict=True)]


def test_a_circle_that_stays_beside_one_of_the_same_things_that_went() -> None:
    """Both of them feed each other, and no longer are parts of each other."""
    feeds = ring("asset/1", "asset/2", relation="feeds")
    found = changes(graph_of(ring("asset/1", "asset/2") + feeds), graph_of(feeds), SCHEMA)
    assert [(c.how, c.circle.relation) for c in found.circles] == [(How.GONE, "partOf")]
    found = changes(graph_of(feeds + ring("asset/1", "asset/2", relation="supplies")), graph_of(feeds), SCHEMA)
    assert [(c.how, c.circle.relation) for c in found.circles] == [(How.GONE, "supplies")]


def test_a_large_circle_of_which_the_last_thing_is_another() -> None:
    """Of 25 things twenty are told; 24 stay."""
    ids = [f"asset/{i:02}" for i in range(24)]
    found = changes(graph_of(ring(*ids, "asset/x")), graph_of(ring(*ids, "asset/y")), SCHEMA)
    assert [(c.how, c.circle.count, c.circle.ids) for c in found.circles] == [
        (How.COME, 25, tuple(ids[:20])),
        (How.GONE, 25, tuple(ids[:20])),
    ]


async def test_a_circle_that_was_declared_has_come_and_back_it_is_gone() -> None:
    before, after = await line(4), await line(5)
    found = changes(before, after, SCHEMA)
    assert [(c.how, c.circle.ids, c.circle.relation) for c in found.circles] == [(How.COME, ("site/A", "site/B"), "partOf")]
    back = changes(after, before, SCHEMA)
    assert [c.how for c in back.circles] == [How.GONE]
    assert {(e.how, e.dependent) for e in back.edges} == {(How.GONE, "site/A"), (How.GONE, "site/B")}


async def test_nothing_changes_from_a_time_to_itself() -> None:
    found = changes(await line(2), await line(2), SCHEMA)
    assert (found.points_count, found.ranks_count, found.circles_count, found.edges_count) == (0, 0, 0, 0)


@given(typed_graphs, typed_graphs)
@settings(max_examples=100, deadline=None)
def test_the_edges_that_came_and_went_are_the_difference_of_the_sets(then: list[Said], now: list[Said]) -> None:
    found = changes(graph_of(then), graph_of(now), SCHEMA)
    come = {(e.dependent, e.relation, e.provider_now) for e in found.edges if e.how is not How.GONE}
    gone = {(e.dependent, e.relation, e.provider_then) for e in found.edges if e.how is not How.COME}
    assert come == set(needs(now)) - set(needs(then))
    assert gone == set(needs(then)) - set(needs(now))
    assert found.edges_count == len(found.edges)


FIGURES = st.tuples(st.booleans(), st.integers(3, 5), st.just(5), st.just(5))
pairs = st.dictionaries(st.sampled_from([("a", "b"), ("a", "c"), ("b", "c"), ("c", "d")]), FIGURES)


def coupling(told: dict[tuple[str, str], tuple[bool, int, int, int]], partial: bool = False) -> HiddenCoupling:
    found = [Coupled(a, b, *counts, 0.1, 0.01, hidden, ()) for (a, b), (hidden, *counts) in told.items()]
    return HiddenCoupling(tuple(found), len(found), 0, 4, 6, 0.05, "", "", partial, 2 * partial, partial, reflects=Reflects())


@given(pairs, pairs, st.integers(1, 4))
def test_couplings_that_came_went_or_moved_are_the_difference_of_two_maps(
    then: dict[tuple[str, str], tuple[bool, int, int, int]], now: dict[tuple[str, str], tuple[bool, int, int, int]], first: int
) -> None:
    nothing = graph_of([])
    found = changes(nothing, nothing, SCHEMA, first=first, coupled=(coupling(then), coupling(now)))
    assert found.couplings is not None
    expected = {
        (a, b): How.COME if (a, b) not in then else How.GONE if (a, b) not in now else How.MOVED
        for a, b in then.keys() | now.keys()
        if then.get((a, b)) != now.get((a, b))
    }
    told = [(c.a, c.b) for c in found.couplings]
    assert (found.couplings_count, len(told)) == (len(expected), min(first, len(expected)))
    assert all(expected[c.a, c.b] is c.how for c in found.couplings)
    # What came, went or turned, hidden ones first, then what only fails together more or less often.
    weights = [
        (then.get(pair, (None,))[0] == now.get(pair, (None,))[0], not now.get(pair, then.get(pair, (False,)))[0])
        for pair in sorted(expected)
    ]
    assert [weights[sorted(expected).index(pair)] for pair in told] == sorted(weights)[:first]


@given(pairs, pairs, st.booleans(), st.booleans())
def test_of_a_part_of_the_pairs_no_coupling_is_said_to_have_come_or_gone(
    then: dict[tuple[str, str], tuple[bool, int, int, int]],
    now: dict[tuple[str, str], tuple[bool, int, int, int]],
    part_then: bool,
    part_now: bool,
) -> None:
    nothing = graph_of([])
    found = changes(nothing, nothing, SCHEMA, coupled=(coupling(then, part_then), coupling(now, part_now)))
    assert found.couplings is not None
    told = {(c.a, c.b) for c in found.couplings}
    moved = {pair for pair in then.keys() & now.keys() if then[pair] != now[pair]}
    come, gone = now.keys() - then.keys(), then.keys() - now.keys()
    assert told == moved | (set() if part_then else come) | (set() if part_now else gone)
    # Two pairs that were not compared, and one thing that was not read.
    assert [(u.what, u.count) for u in found.unexplored] == [(Compared.COUPLINGS, 3)] * (part_then or part_now)


def test_couplings_that_nobody_asked_for_are_not_told() -> None:
    found = changes(graph_of([]), graph_of([]), SCHEMA)
    assert (found.couplings, found.couplings_count) == (None, None)
    assert "couplings" not in found.definition


def test_a_since_that_is_the_later_of_the_two_is_refused() -> None:
    """Else what came would be told as gone. Compared with the same moment nothing changed, which is an answer."""
    assert point_then(3 * HOUR, AsOf(5 * HOUR, 9 * HOUR), 4 * HOUR) == AsOf(3 * HOUR, 9 * HOUR)
    assert point_then(5 * HOUR, AsOf(5 * HOUR), 4 * HOUR) == point_then(5 * HOUR, AsOf(), 5 * HOUR) == AsOf(5 * HOUR)
    with pytest.raises(
        BadQuery, match=r"^since 1970-01-01T05:00:00.000001Z is after the time .*T05:00:00.000000Z: give an earlier"
    ):
        point_then(5 * HOUR + 1, AsOf(5 * HOUR), 6 * HOUR)
    with pytest.raises(BadQuery, match=r"is after now, 1970-01-01T05:00:00.000000Z"):
        point_then(5 * HOUR + 1, AsOf(None, 6 * HOUR), 5 * HOUR)


def test_what_a_live_graph_learns_meanwhile_changes_no_names() -> None:
    """Another snapshot adds to the list of ids that this one shares, while it is compared in a thread."""
    then, now = graph_of([("A", "supplies", "B"), ("X", "supplies", "Y")]), graph_of([("A", "supplies", "B")])

    def learning(edges: Iterable[int]) -> dict[int, list[int]]:
        now.index.setdefault("NEW", len(now.ids))
        now.ids[now.count :] = ["NEW"]
        return by_need(edges)

    by_need = since._by_need
    with patch.object(since, "_by_need", learning):
        (gone,) = changes(then, now, SCHEMA).edges
    assert (gone.how, gone.dependent, gone.provider_then) == (How.GONE, "Y", "X")
