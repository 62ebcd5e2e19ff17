"""How many things become few boxes."""

from hypothesis import given
from hypothesis import strategies as st

from brain.reports.grouping import grouped

LADDERS = st.dictionaries(
    st.integers(0, 200).map(str), st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(0, 12)), min_size=1
)


@given(LADDERS, st.sets(st.integers(0, 200).map(str), max_size=9), st.integers(12, 40))
def test_each_thing_is_in_one_of_few_groups_and_what_is_kept_is_alone(
    steps: dict[str, tuple[int, int, int]], kept: set[str], most: int
) -> None:
    ladders = {name: ((cls, b, a), (cls, b), cls) for name, (a, b, cls) in steps.items()}
    found = grouped(ladders, kept & ladders.keys(), most)
    assert sorted(name for group in found for name in group) == sorted(ladders)
    assert len(found) <= most
    assert all([name] in found for name in kept & ladders.keys())
    if len(ladders) <= most:
        assert all(len(group) == 1 for group in found)


def test_the_most_numerous_go_first_and_only_as_far_as_is_needed() -> None:
    """Eight orders, four at each of two lines, and two machines: nine boxes are too many, so orders become two boxes."""
    ladders = {f"o{i}": (("o", i // 4, i // 2), ("o", i // 4), "o") for i in range(8)} | {
        f"m{i}": ("m", "m", "m") for i in range(2)
    }
    assert grouped(ladders, (), 10) == [[name] for name in ladders]
    assert grouped(ladders, (), 9)[:2] == [["o0", "o1"], ["o2", "o3"]]
    assert grouped(ladders, (), 4)[:2] == [["o0", "o1", "o2", "o3"], ["o4", "o5", "o6", "o7"]]
    assert grouped(ladders, ["o0"], 4) == [["o0"], [f"o{i}" for i in range(1, 8)], ["m0"], ["m1"]]
    assert grouped(ladders, (), 1) == [list(ladders)]
