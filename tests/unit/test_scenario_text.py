"""Scenarios as text: what is written is read again, and a slip of the pen is told with the mend."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.scenario import Degraded, Scenario, Thing, Triple
from brain.analytics.graph.scenario_text import BadScenario, as_file, scenario_in, scenario_of, words

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
triples = st.lists(st.builds(Triple, ids, ids, ids), max_size=3).map(tuple)
scenarios = st.builds(
    Scenario,
    without=st.lists(ids, max_size=3).map(tuple),
    unlink=triples,
    link=triples,
    degrade=st.lists(st.builds(Degraded, ids, st.floats(0, 1)), max_size=3).map(tuple),
    add=st.lists(st.builds(Thing, ids, ids, st.floats(0, 1e9)), max_size=3).map(tuple),
)


@given(scenarios)
@settings(deadline=None)
def test_what_is_written_is_read_again(scenario: Scenario) -> None:
    if scenario.size:
        assert scenario_in(as_file(scenario)) == scenario


def test_the_form_of_each_change() -> None:
    text = """
        without: [asset/ROB-1]
        unlink:  [asset/AIR supplies asset/TANK]
        link:    ["'a b' provides capability/x"]
        add:     [asset/ROB-2 DispensingRobot 600, asset/ROB-3 DispensingRobot]
        degrade: [asset/AIR 0.5]
    """
    scenario = Scenario(
        ("asset/ROB-1",),
        (Triple("asset/AIR", "supplies", "asset/TANK"),),
        (Triple("a b", "provides", "capability/x"),),
        (Thing("asset/ROB-2", "DispensingRobot", 600.0), Thing("asset/ROB-3", "DispensingRobot")),
        (Degraded("asset/AIR", 0.5),),
    )
    assert scenario_in(text) == scenario
    assert words(scenario) == (
        "without asset/ROB-1",
        "unlink asset/AIR supplies asset/TANK",
        "link 'a b' provides capability/x",
        "add asset/ROB-2 DispensingRobot 600",
        "add asset/ROB-3 DispensingRobot",
        "degrade asset/AIR 0.5",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("witout: [a]", "'witout' is no change; did you mean 'without'"),
        ("link: [a b]", "link 'a b': write A relation B"),
        ("without: ['a b']", "without 'a b': write ID; what has a blank"),
        ("add: [a b c]", "'c' is no number"),
        ("add: [a b nan]", "'nan' is no number"),
        ('link: ["a \'b"]', "No closing quotation"),
        ("without: a", "a scenario has lists of changes"),
        ("- a", "a scenario has lists of changes"),
        ("a: [", "no YAML or JSON"),
        (b"without: [\xd0]", "no YAML or JSON"),
        ("without: [!!int a, 2026-13-45]\nzzz: []", "'zzz' is no change"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_the_mend(text: str | bytes, told: str) -> None:
    with pytest.raises(BadScenario, match=told):
        scenario_in(text)


def test_a_key_of_digits_is_taken_as_it_is_written() -> None:
    """Not as a number of base eight, or of thousands, nor as a yes or a day."""
    keys = ("0104", "1_000", "1e3", "yes", "2026-03-02", "~")
    assert scenario_in(f"without: [{', '.join(keys)}]") == Scenario(without=keys)
    assert scenario_in(b'{"without": [104]}') == Scenario(without=("104",))


def test_an_unknown_kind_from_a_program() -> None:
    with pytest.raises(BadScenario, match="there are without"):
        scenario_of({"zzz": []})
