"""What is drawn of dependencies: the things that matter by themselves, others with their like, and every need on an arrow."""

from dataclasses import replace

from brain.analytics.graph.impact import Part
from brain.analytics.graph.snapshot import Basis
from brain.reports.dependencies_page import graph_map
from brain.reports.dependency_map import MOST_ARROWS, Need, Shape, Thing, dependency_map
from brain.reports.grouping import MOST
from brain.reports.impact_page import impact_map
from tests.dependency_graphs import HOUR, SCHEMA, Asked, found, impact, site

THING = Thing("", "", "Machine", Part.ASSET)


def need(provider: str, dependent: str, basis: Basis = Basis.DECLARED) -> Need:
    return Need(provider, dependent, "supplies", basis)


def text(shape: Shape) -> str:
    return " / ".join(line.text for line in (*shape.names, *shape.about))


def test_fifty_things_are_fifty_boxes_and_one_more_is_grouped() -> None:
    """A compressor feeds so many machines that it and they are fifty; with one more the machines, all alike, are one box."""
    for count in (MOST, MOST + 1):
        things = [replace(THING, id=f"M{i}", name=f"M{i}") for i in range(count)]
        drawn = dependency_map(things, [need("M0", f"M{i}") for i in range(1, count)], ["M0"])
        assert drawn is not None
        if count == MOST:
            assert (len(drawn.shapes), len(drawn.arrows), drawn.groups) == (MOST, MOST - 1, ())
        else:
            assert [text(shape) for shape in drawn.shapes] == ["M0 / Machine", f"{MOST} × Machine"]
            assert [arrow.text.text for arrow in drawn.arrows] == [f"{MOST} × supplies"]
            assert [(g.count, len(g.members)) for g in drawn.groups] == [(MOST, 20)]


def test_a_site_of_fifty_things_is_drawn_thing_by_thing() -> None:
    drawn = graph_map(found(site(4, 8)), SCHEMA)
    assert drawn is not None
    assert (drawn.things, len(drawn.shapes), drawn.groups) == (MOST, MOST, ())
    assert len(drawn.arrows) == drawn.all_arrows


def test_declared_and_observed_are_told_apart() -> None:
    things = [replace(THING, id=id, name=id) for id in "abc"]
    needs = [need("a", "b"), need("b", "c", Basis.OBSERVED), need("a", "c"), need("a", "c", Basis.OBSERVED)]
    drawn = dependency_map(things, needs)
    assert drawn is not None
    assert [(arrow.title[:5], arrow.basis) for arrow in drawn.arrows] == [
        ("a → c", "both"),
        ("a → b", "declared"),
        ("b → c", "observed"),
    ]
    assert "a → c (supplies, declared); a → c (supplies, observed)" in drawn.arrows[0].title


def test_nothing_is_drawn_of_nothing() -> None:
    assert dependency_map([], []) is None


def test_a_site_shows_its_single_points_and_its_circle_and_counts_the_others() -> None:
    """Thirty lines, their machines and operators, and 400 orders."""
    graph = site(30, 400)
    drawn = graph_map(found(graph), SCHEMA)
    assert drawn is not None
    assert drawn.things == graph.count
    assert len(drawn.shapes) <= MOST
    assert len(drawn.arrows) == drawn.all_arrows <= MOST_ARROWS
    by_name = {shape.names[0].text: shape for shape in drawn.shapes}
    assert by_name["AIR"].look == "heavy"
    assert "◆ takes 521 others" in text(by_name["AIR"])
    assert "↻ in a circle" in text(by_name["HUT"])
    alone = [shape for shape in drawn.shapes if not shape.group]
    assert sum(group.count for group in drawn.groups) + len(alone) == graph.count


def test_a_loss_shows_when_what_is_lost_and_what_goes_on() -> None:
    """The tank holds for half an hour; a robot has another beside it."""
    graph = site(4, 12)
    drawn = impact_map(graph, SCHEMA, impact(graph, SCHEMA, "AIR", Asked()))
    assert drawn is not None
    told = {shape.names[0].text: (text(shape), shape.bar, shape.look) for shape in drawn.shapes}
    assert told["AIR"] == ("AIR / Machine / is down", None, "heavy")
    assert told["TANK"] == ("TANK / Machine / after 30.0 min", 3, "")
    assert {arrow.carries for arrow in drawn.arrows if arrow.title.startswith("AIR → TANK")} == {True}
    drawn = impact_map(graph, SCHEMA, impact(graph, SCHEMA, "AIR", Asked(lasts=HOUR // 4)))
    assert drawn is not None
    assert [(text(shape), shape.look) for shape in drawn.shapes][1] == (
        "TANK / Machine / goes on: buffer of / 30.0 min",
        "goes-on",
    )
    drawn = impact_map(graph, SCHEMA, impact(graph, SCHEMA, "ROB-2", Asked()))
    assert drawn is not None
    assert [(text(shape), shape.look) for shape in drawn.shapes] == [
        ("ROB-2 / Machine / is down", "heavy"),
        ("gluing / Capability / goes on: ROB-1", "goes-on"),
        ("ROB-1 / Machine / still there", "spare"),
    ]


def test_in_a_large_loss_what_all_of_it_comes_through_stays_by_itself() -> None:
    graph = site(30, 400)
    drawn = impact_map(graph, SCHEMA, impact(graph, SCHEMA, "AIR", Asked()))
    assert drawn is not None
    assert [shape.names[0].text for shape in drawn.shapes if not shape.group] == ["AIR", "TANK"]
    assert sorted(group.count for group in drawn.groups) == [30, 90, 400]
