"""What is observed, beside what is declared: in other tools' formats and in the drawing, with its basis, and told apart."""

import io
from pathlib import Path

import networkx as nx
import pytest

from brain.analytics.graph.export import Form, as_networkx, exported
from brain.analytics.graph.observing import Layer
from brain.analytics.graph.snapshot import Snapshot
from brain.analytics.observed import Between, observed_in
from brain.model import Node
from brain.reports.dependencies_page import dependencies_page, graph_map, steps_map
from tests.browser import chromium, faults
from tests.dependency_graphs import SCHEMA, found, graph
from tests.unit.test_observed import life

HOUR = 3_600_000_000


def plant() -> Snapshot:
    return graph([("M-1", "supplies", "M-2"), ("M-2", "partOf", "LINE")])


def layer() -> Layer:
    """Twelve objects are filled on M-1, capped on M-2 and checked by QA, each an hour after the other ends. Six pairs, each once
    in 3^12 by chance: both successions are told."""
    lives = {f"o{n:02}": life(f"o{n:02}", ("fill", "cap", "check"), by=("M-1", "M-2", "QA")) for n in range(12)}
    return Layer(tuple(observed_in(lives, between, object_type="case") for between in Between), {"QA": node()})


def node() -> Node:
    return Node("QA", "Operator", {"name": "Quinn"}, {}, {})


@pytest.mark.parametrize(("form", "read"), [("graphml", nx.read_graphml), ("gexf", nx.read_gexf)])
def test_other_tools_read_both_with_their_basis(form: Form, read: object) -> None:
    text = exported(as_networkx(plant(), layer=layer()), form)
    told = read(io.BytesIO(text.encode()))  # type: ignore[operator]
    edges = {(a, b, said["basis"]): said for a, b, said in told.edges(data=True)}
    assert set(edges) == {
        ("M-2", "M-1", "declared"),
        ("LINE", "M-2", "declared"),
        ("M-2", "M-1", "observed"),
        ("QA", "M-2", "observed"),
        ("activity/cap", "activity/fill", "observed"),
        ("activity/check", "activity/cap", "observed"),
    }
    said = edges["QA", "M-2", "observed"]
    assert (said["support"], said["together"], said["strength"], said["objectType"]) == (12, 12, 1.0, "case")
    assert (said["delaySeconds"], said["delayP10Seconds"], said["delayP90Seconds"]) == (3600.0, 3600.0, 3600.0)
    assert (said["since"], said["until"]) == ("1970-01-01T04:00:00.000000Z", "1970-01-01T04:00:00.000000Z")
    assert said["q"] == pytest.approx(3**-12 * 6 / 2)
    classes = {id: said["class"] for id, said in told.nodes(data=True)}
    assert (classes["QA"], classes["activity/cap"], classes["M-1"]) == ("Operator", "Activity", "Machine")
    assert told.nodes["QA"]["name"] == "Quinn"


def test_without_being_asked_nothing_observed_is_exported() -> None:
    assert {said["basis"] for _, _, said in as_networkx(plant()).edges(data=True)} == {"declared"}


def test_an_arrow_says_which_it_is_and_what_is_observed_takes_nothing_down() -> None:
    alone, both = found(plant()), found(plant(), layer())
    assert both.points == alone.points
    drawn = graph_map(both, SCHEMA)
    assert drawn is not None
    assert {(arrow.title.split(" (")[0], arrow.basis) for arrow in drawn.arrows} == {
        ("M-1 → M-2", "both"),
        ("M-2 → LINE", "declared"),
        ("M-2 → QA", "observed"),
    }
    assert "follows 12 of 12" in {arrow.text.text for arrow in drawn.arrows}
    steps = steps_map(layer(), SCHEMA)
    assert steps is not None
    assert [shape.names[0].text for shape in sorted(steps.shapes, key=lambda s: s.rect.x)] == ["fill", "cap", "check"]
    assert steps.bases == {"observed"}


def test_the_page_is_legible_with_it(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(dependencies_page(found(plant(), layer()), SCHEMA, 0), encoding="utf-8")
    with chromium() as browser:
        for width in (1280, 390):
            page = browser.new_page(viewport={"width": width, "height": 800})
            page.goto(path.as_uri())
            assert faults(page) == []
            assert page.locator("path.observed").count() == 3
            assert page.locator("path.both").count() == page.locator("path.inner").count() == 1
