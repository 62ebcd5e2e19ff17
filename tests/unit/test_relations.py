"""When relations held: against the reading of the past at every moment, which is tested elsewhere; and what is upstream when."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.calendars import Interval, common
from brain.analytics.relations import held
from brain.analytics.upstream import ALWAYS, DEPTH, Need, path, upstream
from brain.model import Link, Order, Stamp, Version
from brain.past import edges_at
from brain.query import AsOf
from ontology import load_schema

SCHEMA = load_schema()
LAST = 12


def version(i: int, at: int, links: Mapping[Link, bool], voids: Sequence[int] = (), place: int | None = None) -> Version:
    order = None if place is None else Order("chain", place)
    return Version(
        "asset/P", "Pump", Stamp(at, 0, 0, f"e{i}", "s"), 0, 0, {}, {}, links, tuple((f"e{n}", "s") for n in voids), order=order
    )


LINKS = st.builds(
    Link,
    st.sampled_from(["locatedIn", "feeds"]),  # one target at a time, and many
    st.sampled_from(["asset/A", "asset/B", "asset/C"]),
    st.sampled_from(["", "q"]),
)
Word = tuple[int, dict[Link, bool], list[int], int | None]
WORDS = st.tuples(
    st.integers(0, LAST),
    st.dictionaries(LINKS, st.booleans(), min_size=1, max_size=3),
    st.lists(st.integers(0, 9), max_size=1),
    st.none() | st.integers(0, 5),
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=10))
def test_a_relation_holds_at_every_moment_as_the_past_is_read(
    said: list[Word],
) -> None:
    versions = [version(i, *word) for i, word in enumerate(said)]
    found = held(SCHEMA, versions)
    for at in range(LAST + 2):
        then = {(e.relation, e.target) for e in edges_at(SCHEMA, versions, AsOf(valid=at))}
        assert {ends for ends, when in found.items() if any(a <= at < b for a, b in when)} == then
    for when in found.values():
        assert all(a < b for a, b in when)
        assert all(one[1] < other[0] for one, other in pairwise(when))


def test_what_a_newer_place_replaced_does_not_come_back() -> None:
    # In A from 1, in B from 4, no longer in B from 6; what was said of A at 2 (an unlink of B) changes nothing.
    a, b = Link("locatedIn", "asset/A"), Link("locatedIn", "asset/B")
    versions = [version(0, 1, {a: True}), version(1, 4, {b: True}), version(2, 6, {b: False}), version(3, 2, {b: False})]
    assert held(SCHEMA, versions) == {("locatedIn", "asset/A"): [(1, 4)], ("locatedIn", "asset/B"): [(4, 6)]}


Held = tuple[int, int, list[Interval]]
INTERVALS = st.lists(st.integers(0, LAST), unique=True, max_size=6).map(
    lambda ends: [(a, b) for a, b in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)]
)


@settings(deadline=None)
@given(INTERVALS, INTERVALS)
def test_the_intersection_has_the_moments_of_both(some: list[Interval], others: list[Interval]) -> None:
    moments = [{at for a, b in these for at in range(a, b)} for these in (some, others, list(common(some, others)))]
    assert moments[2] == moments[0] & moments[1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), INTERVALS), max_size=14))
def test_upstream_is_what_a_chain_of_relations_that_hold_at_that_moment_leads_to(
    edges: list[Held],
) -> None:
    needs: dict[str, list[Need]] = {}
    for a, b, when in edges:
        needs.setdefault(str(a), []).append(Need("needs", str(b), when))
    places = {"0": [Need("worksAt", "6", [(3, 9)])]}
    found = upstream(["0"], needs, places)
    for at in range(LAST + 1):
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(["start", *map(str, range(7))])
        graph.add_edges_from((str(a), str(b)) for a, b, when in edges if any(x <= at < y for x, y in when))
        # Only the start itself works somewhere: it is told apart from 0 when that is met again.
        graph.add_edges_from(("start", b) for b in [*graph.successors("0"), *(["6"] if 3 <= at < 9 else [])])
        near = nx.single_source_shortest_path_length(graph, "start", cutoff=DEPTH)
        expected = {node for node in near if node != "start"} | {"0"}
        assert {node for node, when in found.items() if any(x <= at < y for x, y in when)} == expected
        for node in map(str, range(7)):
            chain = path(["0"], node, at, needs, places)
            assert (chain is not None) == (node in expected)
            if chain:
                assert len(chain) == near[node]
                assert [leg.dependent for leg in chain] == ["0", *(leg.needed for leg in chain[:-1])]


def test_what_is_needed_for_ever_is_upstream_for_ever_and_no_further_than_the_depth() -> None:
    needs = {str(i): [Need("feeds", str(i + 1), [ALWAYS])] for i in range(6)}
    assert upstream(["0"], needs, {}) == {str(i): [ALWAYS] for i in range(DEPTH + 1)}
    assert path(["0"], "9", 0, needs, {}) is None
