"""What may be behind a thing whose life is over: what is asked about counts as open, all else as it is."""

from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import patch

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.causes import causes
from brain.analytics.graph.impact import Asked, impact
from tests.unit.test_graph_structure import Said, oracle, typed_graphs
from tests.unit.test_graph_times import classes, graph_of, knuth
from tests.unit.test_impact import SCHEMA, line


def dependent(said: Said) -> str:
    source, relation, target = said
    return source if SCHEMA.relations[relation].dependency == "target" else target


def fatal_to(root: str, said: Sequence[Said], classes: dict[str, str], over: set[str]) -> set[str]:
    """By the definition: what is over needs nothing, but for what is asked about."""
    counted = [one for one in said if dependent(one) == root or dependent(one) not in over]
    things = {end for source, _, target in said for end in (source, target)}
    return {one for one in things - {root} if root in knuth(counted, one, {}, classes)}


@given(typed_graphs, classes, st.sets(st.integers(0, 11).map(lambda i: f"asset/{i}")))
@settings(max_examples=300, deadline=None)
def test_who_is_fatal_alone_is_what_the_definition_says_whatever_is_over(
    said: list[Said], classes: dict[str, str], over: set[str]
) -> None:
    snapshot = graph_of(said, {}, classes)
    snapshot = replace(snapshot, closed=np.array([id in over for id in snapshot.ids], bool))
    graph = oracle(said)
    for root in snapshot.ids:
        found = causes(snapshot, SCHEMA, root).causes
        assert {one.id for one in found} == nx.ancestors(graph, root)
        assert {one.id for one in found if one.alone} == fatal_to(root, said, classes, over)
        # Few candidates at a time: of some of them none may reach what is asked about.
        with patch("brain.analytics.graph.losses.WORD", 1):
            assert causes(snapshot, SCHEMA, root, patience=float("inf")).causes == found


def test_an_order_that_is_done_has_the_suspects_that_it_had() -> None:
    """O-9 is done, O-3 is not, and both are on L2."""
    done, running = (causes(line(), SCHEMA, order).causes for order in ("O-9", "O-3"))
    assert [(c.id, c.alone, c.after_seconds) for c in done] == [(c.id, c.alone, c.after_seconds) for c in running]
    assert sum(bool(c.alone) for c in done) == 6


YEAR = 365 * 86_400 * 1_000_000


def test_what_would_be_felt_too_late_to_be_told_is_said_to_be_left_out() -> None:
    """D is fed by C, C by B and B by A. B and C hold for nine years each: the loss of B would take D in nine, that of A in 18."""
    said = [("asset/A", "feeds", "asset/B"), ("asset/B", "feeds", "asset/C"), ("asset/C", "feeds", "asset/D")]
    buffers = {"asset/B": 9 * YEAR, "asset/C": 9 * YEAR}
    found = causes(graph_of(said, buffers), SCHEMA, "asset/D")
    assert [(one.id, one.after_seconds * 1_000_000) for one in found.causes] == [("asset/C", 0), ("asset/B", 9 * YEAR)]
    assert [note[:8] for note in found.notes] == ["1 that w"]
    assert causes(graph_of(said, buffers | {"asset/C": 8 * YEAR}), SCHEMA, "asset/D").notes == ()


def test_a_loss_of_ten_years_takes_what_holds_for_nine_and_a_half() -> None:
    said = [("asset/A", "feeds", "asset/B")]
    found = impact(graph_of(said, {"asset/B": 19 * YEAR // 2}), SCHEMA, "asset/A", Asked(lasts=10 * YEAR))
    assert [(one.id, one.after_seconds * 2_000_000) for one in found.affected] == [("asset/B", 19 * YEAR)]
    assert found.absorbed == ()
