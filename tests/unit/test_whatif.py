"""What a scenario would change: on the filling line, worked out by hand, and against the definition on random graphs."""

from typing import Any

import pytest
from hypothesis import given, settings

from brain.analytics.graph.critical import single_points
from brain.analytics.graph.impact import Asked
from brain.analytics.graph.scenario import Degraded, Narrow, Scenario, Thing, Triple
from brain.analytics.graph.whatif import Comparison, Differences, Turn, what_if
from brain.errors import BadQuery
from tests.unit.test_graph_snapshot import HOUR
from tests.unit.test_graph_times import graph_of, knuth
from tests.unit.test_impact import SCHEMA, line
from tests.unit.test_scenario import edited, everything, lost_with, plants


def turns(found: Differences | None) -> dict[str, tuple[str, float | None, float | None]]:
    """By id: the turn, and the seconds before and after."""
    assert found is not None
    return {
        one.id: (one.turn, one.before and one.before.after_seconds, one.after and one.after.after_seconds)
        for one in found.differences
    }


def points(found: Comparison) -> tuple[set[str], set[str]]:
    return {p.id for p in found.single_points.come}, {p.id for p in found.single_points.gone}


def test_without_a_filler_what_it_replaced_becomes_a_single_point() -> None:
    """Without FILL-1 all filling is FILL-2's: it and OP-2's like have nobody beside them. OP-1 has nothing left to run."""
    found = what_if(line(), SCHEMA, Scenario(without=("FILL-1",)), id="FILL-2").effect
    assert turns(found.lost) == {"FILL-1": ("newly", None, 0.0)}
    assert turns(found.impact) == dict.fromkeys(("filling", "L1", "L2", "O-1", "O-2", "O-3"), ("newly", None, 0.0))
    assert found.impact is not None
    assert (found.impact.before, found.impact.after) == (0, 6)
    assert points(found) == ({"FILL-2"}, {"OP-1"})
    (filler,) = found.single_points.come
    assert (filler.lost, filler.objects) == (6, 3)
    assert [c.provider for c in found.impact.differences[1].after.via] == ["FILL-2", "filling"]  # type: ignore[union-attr]


def test_a_second_compressor_takes_the_first_off_the_list() -> None:
    """Both feed one header, of which any is enough; AIR itself feeds the tank no more."""
    scenario = Scenario(
        unlink=(Triple("AIR", "supplies", "TANK"),),
        link=(
            Triple("AIR", "provides", "air"),
            Triple("AIR-2", "provides", "air"),
            Triple("TANK", "requires", "air"),
        ),
        add=(Thing("AIR-2", "Machine"), Thing("air", "Capability")),
    )
    found = what_if(line(), SCHEMA, scenario, id="AIR").effect
    assert points(found) == (set(), {"AIR"})
    hit = ("TANK", "CAP-1", "CAP-2", "L1", "L2", "O-1", "O-2", "O-3")
    assert turns(found.impact) == dict.fromkeys(hit, ("no longer", 600.0, None))
    assert not found.lost.differences


def test_what_the_scenario_takes_is_lost_already_and_no_relief() -> None:
    """AIR takes the tank, both cappers, both lines and three orders. Without SW CAP-1, both lines and the orders are lost
    already; the tank and CAP-2 still go with AIR."""
    found = what_if(line(), SCHEMA, Scenario(without=("SW",)), id="AIR").effect
    assert turns(found.impact) == dict.fromkeys(("CAP-1", "L1", "L2", "O-1", "O-2", "O-3"), ("lost already", 600.0, None))


def test_what_does_no_more_in_the_scenario_already_is_no_relief() -> None:
    """With A at 60 % B and C are at 60 %. Where B is at half for good nothing changes with A; where B is at 80 %, it does."""
    three = graph_of([("A", "supplies", "B"), ("B", "supplies", "C")], delays={})
    for capacity, want in ((0.5, "lost already"), (0.6, "lost already"), (0.8, None)):
        found = what_if(three, SCHEMA, Scenario(degrade=(Degraded("B", capacity),)), id="A", asked=Asked(capacity=0.6)).effect
        assert turns(found.impact) == ({} if want is None else dict.fromkeys("BC", (want, 0.0, None)))


def test_single_points_that_take_others_with_them_than_before() -> None:
    """O-1 moves to line 2. Line 1 then takes O-2 alone, and CAP-1 the line and O-2; line 2 two orders, and CAP-2 the line and
    both. All else takes as many as before."""
    found = what_if(
        line(), SCHEMA, Scenario(unlink=(Triple("O-1", "scheduledOn", "L1"),), link=(Triple("O-1", "scheduledOn", "L2"),))
    )
    moved = found.effect.single_points.moved
    assert [(p.id, p.objects_before, p.objects_after, p.lost_before, p.lost_after) for p in moved] == [
        ("CAP-1", 2, 1, 3, 2),
        ("CAP-2", 1, 2, 2, 3),
        ("L1", 2, 1, 2, 1),
        ("L2", 1, 2, 1, 2),
    ]


def test_a_spare_that_is_one_more_need_is_told() -> None:
    """What supplies the tank is needed each; what provides filling is not."""
    one = (Triple("AIR-2", "supplies", "TANK"), Triple("AIR-2", "provides", "filling"))
    (note,) = what_if(line(), SCHEMA, Scenario(link=one, add=(Thing("AIR-2", "Machine"),))).notes
    assert note.startswith("TANK needs each of AIR, AIR-2 by supplies: AIR-2 is one more that it needs, and no spare.")


def test_a_larger_tank_is_later_and_another_way_is_sooner() -> None:
    base = line()
    small = Scenario(link=(Triple("AIR", "supplies", "CAP-1"),))
    found = what_if(base, SCHEMA, small, id="AIR")
    assert turns(found.effect.impact) == dict.fromkeys(("CAP-1", "L1", "O-1", "O-2"), ("sooner", 600.0, 0.0))
    large = Scenario(
        unlink=(Triple("AIR", "supplies", "TANK"),),
        link=(Triple("AIR", "supplies", "BOTTLE"), Triple("BOTTLE", "supplies", "TANK")),
        add=(Thing("BOTTLE", "Machine", 1200.0),),
    )
    both = what_if(base, SCHEMA, small, large, id="AIR", asked=Asked(lasts=HOUR))
    assert both.other_effect is not None
    assert both.between is not None
    late = turns(both.other_effect.impact)
    assert late.pop("BOTTLE") == ("newly", None, 1200.0)
    assert set(late.values()) == {("later", 600.0, 1800.0)}
    assert turns(both.between.impact)["CAP-1"] == ("later", 0.0, 1800.0)
    assert turns(both.between.impact)["TANK"] == ("later", 600.0, 1800.0)
    assert both.changes == ("link AIR supplies CAP-1",)
    assert both.others[-1] == "add BOTTLE Machine 1200"
    short = what_if(base, SCHEMA, large, id="AIR", asked=Asked(lasts=HOUR // 4)).effect
    assert {turn for turn, _, _ in turns(short.impact).values()} == {Turn.NO_LONGER}


def test_two_scenarios_side_by_side() -> None:
    """Without SW fillers and CAP-1 are gone at once; without AIR, what hangs on TANK after ten minutes."""
    found = what_if(line(), SCHEMA, Scenario(without=("SW",)), Scenario(without=("AIR",)))
    assert found.between is not None
    assert found.effect.impact is None
    told = turns(found.between.lost)
    assert {id for id, (turn, _, _) in told.items() if turn == "newly"} == {"AIR", "TANK", "CAP-2"}
    assert {id for id, (turn, _, _) in told.items() if turn == "no longer"} == {"SW", "FILL-1", "FILL-2", "filling"}
    assert {told[id] for id in ("CAP-1", "L1", "L2", "O-1", "O-2", "O-3")} == {("later", 0.0, 600.0)}
    with pytest.raises(BadQuery, match="'L1' is lost already"):
        what_if(line(), SCHEMA, Scenario(without=("SW",)), id="L1")
    with pytest.raises(BadQuery, match="'X' has no dependency"):
        what_if(line(), SCHEMA, Scenario(without=("SW",)), id="X")


def test_a_degraded_filler_leaves_less_to_lose() -> None:
    """With FILL-1 at 0.4 filling is still full; once FILL-2 is down it is at 0.4, and so are both lines. CAP-1 at 0.3 is the
    least that line 1 has, whether FILL-2 is down or not; with both, an impact of FILL-2 is on line 2 alone."""
    weak = Scenario(degrade=(Degraded("FILL-1", 0.4),))
    found = what_if(line(), SCHEMA, weak, id="FILL-2").effect
    assert turns(found.lost) == {"FILL-1": ("newly", None, 0.0)}
    assert turns(found.impact) == dict.fromkeys(("filling", "L1", "L2", "O-1", "O-2", "O-3"), ("newly", None, 0.0))
    assert found.impact is not None
    assert {one.after.capacity for one in found.impact.differences if one.after} == {0.4}
    assert points(found) == (set(), set())
    weaker = Scenario(degrade=(Degraded("FILL-1", 0.4), Degraded("CAP-1", 0.3)))
    both = what_if(line(), SCHEMA, weak, weaker, id="FILL-2").between
    assert both is not None
    assert set(turns(both.lost)) == {"CAP-1", "L1", "O-1", "O-2"}
    assert turns(both.impact) == dict.fromkeys(("L1", "O-1", "O-2"), ("lost already", 0.0, None))
    down = what_if(line(), SCHEMA, weak, Scenario(degrade=(Degraded("FILL-1", 0.0),)), id="FILL-2").between
    assert down is not None
    assert {turn for turn, _, _ in turns(down.lost).values()} == {Turn.LESS}
    assert {turn for turn, _, _ in turns(down.impact).values()} == {Turn.LESS}
    half = what_if(line(), SCHEMA, weak, id="FILL-2", asked=Asked(capacity=0.5)).effect
    assert half.impact is not None
    assert {(one.id, one.after.capacity) for one in half.impact.differences if one.after and one.id[0] == "L"} == {
        ("L1", 0.9),
        ("L2", 0.9),
    }


def test_a_narrow_pipe_to_one_capper_leaves_the_other_as_it_was() -> None:
    """Through the pipe from TANK to CAP-1 comes 0.4: line 1 and its orders have that. Down, AIR then brings CAP-1 from 0.4 to
    nothing, and TANK and CAP-2 from full, all after ten minutes: the pipe has no buffer."""
    pipe = Scenario(narrow=(Narrow("TANK", "supplies", "CAP-1", 0.4),))
    found = what_if(line(), SCHEMA, pipe, id="AIR").effect
    assert turns(found.lost) == dict.fromkeys(("CAP-1", "L1", "O-1", "O-2"), ("newly", None, 0.0))
    assert {one.after.capacity for one in found.lost.differences if one.after} == {0.4}
    assert found.lost.differences[0].after is not None
    assert [(c.provider, c.dependent) for c in found.lost.differences[0].after.via] == [("TANK", "CAP-1")]
    assert turns(found.impact) == {}
    assert what_if(line(), SCHEMA, pipe).changes == ("narrow TANK supplies CAP-1 0.4",)


def test_a_narrow_link_in_a_circle_is_where_the_ways_begin() -> None:
    """A feeds B and B feeds A: what comes short by the one link comes short all round, and no way goes round twice."""
    circle = graph_of([("A", "supplies", "B"), ("B", "supplies", "A")], delays={})
    found = what_if(circle, SCHEMA, Scenario(narrow=(Narrow("A", "supplies", "B", 0.5),))).effect.lost
    ways = {d.id: [(c.provider, c.dependent) for c in d.after.via] for d in found.differences if d.after is not None}
    assert ways == {"B": [("A", "B")], "A": [("A", "B"), ("B", "A")]}
    assert [(d.after.distance, d.after.capacity) for d in found.differences if d.after is not None] == [(2, 0.5), (1, 0.5)]


def test_at_the_deadline_it_says_what_was_not_looked_at() -> None:
    found = what_if(line(), SCHEMA, Scenario(without=("AIR",)), id="SW", asked=Asked(seconds=0.0))
    assert found.partial
    assert found.effect.lost.unexplored == 1
    assert found.effect.impact is not None
    assert found.effect.impact.unexplored == 2
    # FILL-2 comes, and OP-1 goes, which is known at once. What goes with either is not, nor with SW, which has FILL-1 no more.
    points = what_if(line(), SCHEMA, Scenario(without=("FILL-1",)), asked=Asked(seconds=0.0)).effect.single_points
    assert (points.before, points.after, points.come_count, points.gone_count) == (8, 8, 1, 1)
    assert (points.come, points.gone, points.partial, points.unexplored) == ((), (), True, 3)


@given(plants())
@settings(max_examples=60, deadline=None)
def test_it_is_what_both_graphs_say_by_the_definition(plant: Any) -> None:
    said, buffers, classes, scenario = plant
    base = graph_of(said, buffers, classes)
    _ = base.condensed, base.pairs, base.undirected, base.choosing
    before = everything(base)
    now = edited(said, scenario)
    lost = lost_with(now, scenario.without, classes)
    left = [one for one in now if one[0] not in lost and one[2] not in lost]
    root = next((id for id in base.ids if id not in lost), None)
    found = what_if(base, SCHEMA, scenario, id=root).effect
    assert everything(base) == before
    assert {id: turn for id, (turn, _, _) in turns(found.lost).items()} == dict.fromkeys(lost, "newly")
    if root is not None:
        was, then = knuth(said, root, buffers, classes), knuth(left, root, buffers, classes)
        want = {}
        for id in (was.keys() | then.keys()) - {root}:
            if was.get(id) != then.get(id):
                after = "sooner" if id in then and then[id] < was.get(id, 0) else "later" if id in then else "no longer"
                turn = "newly" if id not in was else "lost already" if id in lost else after
                want[id] = (turn, id in was and was[id] / 1e6, id in then and then[id] / 1e6)
        told = {id: (turn, a is not None and a, b is not None and b) for id, (turn, a, b) in turns(found.impact).items()}
        assert told == want

    def single(snapshot: Any) -> dict[str, tuple[int, int]]:
        return {p.id: (p.lost, p.objects) for p in single_points(snapshot, SCHEMA, first=1000).points}

    was_single, is_single = single(base), single(graph_of(left, buffers, classes))
    come, gone = is_single.keys() - was_single.keys(), was_single.keys() - is_single.keys()
    assert points(found) == (come - lost, gone - lost)
    moved = {p.id: ((p.lost_before, p.objects_before), (p.lost_after, p.objects_after)) for p in found.single_points.moved}
    both = was_single.keys() & is_single.keys()
    assert moved == {id: (was_single[id], is_single[id]) for id in both if was_single[id] != is_single[id]}
