"""Rows of what is lost alike, folded: worked by hand on the filling line."""

from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.graph.impact import Asked, impact
from brain.analytics.graph.snapshot import from_edges
from brain.model import Edge, Stamp
from brain.reports.folded import MANY, folded
from tests.unit.test_impact import SCHEMA, line


def test_three_orders_over_two_lines_are_one_row() -> None:
    """AIR takes the tank, two cappers by it, two lines, and three orders by four relations that are the same for each."""
    rows = folded(impact(line(), SCHEMA, "AIR").affected)
    assert [(fold.ids(), fold.way(" > ")) for fold in rows] == [
        ("TANK", "AIR > TANK"),
        ("CAP-1", "AIR > TANK > CAP-1"),
        ("CAP-2", "AIR > TANK > CAP-2"),
        ("L1", "AIR > TANK > CAP-1 > L1"),
        ("L2", "AIR > TANK > CAP-2 > L2"),
        ("O-1, O-2, O-3", "AIR > TANK > … > … > …"),
    ]


def test_of_many_three_are_named_and_what_they_have_in_common() -> None:
    orders = " ".join(f"order/{i} requires filling" for i in range(1, 6)).split()
    said = "FILL-1", "provides", "filling", *orders
    edges = [Edge(*said[i : i + 3], "", Stamp(0, 0, 0, "e", "test")) for i in range(0, len(said), 3)]
    (capability, fold) = folded(impact(from_edges(SCHEMA, edges), SCHEMA, "FILL-1").affected)
    assert capability.ids() == "filling"
    assert (fold.ids(), fold.way(" → ")) == ("order/1, order/2, order/3 and 2 more", "FILL-1 → filling → order/…")


@given(st.sampled_from(line().ids), st.integers(0, 20))
def test_nothing_is_lost_or_told_twice(root: str, first: int) -> None:
    affected = impact(line(), SCHEMA, root, Asked(first=first)).affected
    folds = folded(affected)
    assert sorted(row.id for fold in folds for row in fold.rows) == sorted(row.id for row in affected)
    assert all(len(fold.rows) == 1 or len(fold.rows) >= MANY for fold in folds)
    assert all(fold.way(" > ").split(" > ")[0] == root for fold in folds)
