"""Single points of failure: against the definition on random graphs, against dominators, and on plants with a planted one."""

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.losses import fatal_alone, losses
from brain.analytics.graph.snapshot import Snapshot
from tests.unit.test_graph_structure import Said, typed_graphs
from tests.unit.test_graph_times import classes, graph_of, knuth


def lost_with(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """For each node how many others go with it, and how many of these have an even number in their name."""
    even = np.array([int(id.rpartition("/")[2]) % 2 == 0 for id in snapshot.ids])
    found = losses(snapshot, range(snapshot.count), even)
    assert found.left == 0
    counts = zip(found.lost.tolist(), found.counted.tolist(), strict=True)
    return dict(zip(snapshot.ids, counts, strict=True))


@given(typed_graphs, classes)
@settings(max_examples=300, deadline=None)
def test_what_goes_with_one_alone_is_what_the_definition_says(said: list[Said], classes: dict[str, str]) -> None:
    snapshot = graph_of(said, {}, classes)
    want = {}
    for root in snapshot.ids:
        others = knuth(said, root, {}, classes).keys() - {root}
        want[root] = len(others), sum(int(id.rpartition("/")[2]) % 2 == 0 for id in others)
    assert lost_with(snapshot) == want
    assert {snapshot.ids[i] for i in np.flatnonzero(fatal_alone(snapshot))} == {root for root, (lost, _) in want.items() if lost}


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_where_any_provider_is_enough_and_nothing_circles_it_counts_those_whom_each_dominates(
    pairs: list[tuple[int, int]],
) -> None:
    """networkx: the dominators of all capabilities, seen from one source before all that needs nothing."""
    said = [(f"asset/{min(p)}", "provides", f"asset/{max(p)}") for p in pairs if p[0] != p[1]]
    snapshot = graph_of(said, {}, {f"asset/{i}": "Capability" for i in range(12)})
    graph: nx.DiGraph[str] = nx.DiGraph([(source, target) for source, _, target in said])
    graph.add_edges_from([("all", node) for node, degree in list(graph.in_degree()) if not degree])
    above = nx.immediate_dominators(graph, "all") if said else {}
    want = dict.fromkeys(snapshot.ids, 0)
    for node in snapshot.ids:
        by = above[node]
        while by != "all":
            want[by] += 1
            by = above[by]
    assert {id: lost for id, (lost, _) in lost_with(snapshot).items()} == want


def test_more_candidates_than_one_walk_takes() -> None:
    """A chain of 1,100: with the first go all others, with the last none. And a circle of 100 beside it."""
    said = [(f"asset/{i + 1}", "requires", f"asset/{i}") for i in range(1099)]
    said += [(f"asset/{2000 + (i + 1) % 100}", "requires", f"asset/{2000 + i}") for i in range(100)]
    snapshot = graph_of(said)
    found = {id: lost for id, (lost, _) in lost_with(snapshot).items()}
    assert found == {f"asset/{i}": 1099 - i for i in range(1100)} | {f"asset/{2000 + i}": 99 for i in range(100)}
    patient = losses(snapshot, range(snapshot.count), np.zeros(snapshot.count, bool), until=float("inf"))
    assert dict(zip(snapshot.ids, patient.lost.tolist(), strict=True)) == found


def test_at_the_deadline_it_says_how_many_were_not_looked_at() -> None:
    snapshot = graph_of([("asset/1", "requires", "asset/0")])
    found = losses(snapshot, [0, 1], np.zeros(2, bool), until=0.0)
    assert (len(found.candidates), found.left) == (0, 2)
