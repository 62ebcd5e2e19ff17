"""Scenarios: against a snapshot of the edited list of edges; that the live snapshot learns nothing; plants worked out by hand."""

import pickle
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.scenario import Degraded, Narrow, Scenario, Thing, Triple, applied
from brain.analytics.graph.snapshot import Snapshot
from brain.errors import BadQuery
from brain.schema import Schema
from ontology import load_schema
from tests.unit.test_graph_snapshot import described, needs_of
from tests.unit.test_graph_structure import RELATIONS, Said, things, typed_graphs
from tests.unit.test_graph_times import buffers, classes, graph_of, knuth
from tests.unit.test_impact import SCHEMA as LINE_SCHEMA
from tests.unit.test_impact import line

SCHEMA: Schema = load_schema(())
NEW = "asset/new"


def everything(snapshot: Snapshot) -> bytes:
    """All that it holds, and what it has cached."""
    held = {field.name: getattr(snapshot, field.name) for field in fields(snapshot)}
    cached = {name: value for name, value in snapshot.__dict__.items() if name not in held and name != "undirected"}
    joined = snapshot.__dict__.get("undirected")
    return pickle.dumps((held, cached, None if joined is None else (joined.num_nodes(), sorted(joined.edge_list()))))


def edited(said: Sequence[Said], scenario: Scenario) -> list[Said]:
    """The list as somebody would edit it: a relation that holds one target at a time forgets the one before."""
    kept = [triple for triple in said if triple not in scenario.unlink]
    moved = {(s, r) for s, r, _ in scenario.link if SCHEMA.relations[r].functional}
    return [triple for triple in kept if triple[:2] not in moved] + list(scenario.link)


@st.composite
def plants(draw: st.DrawFn) -> tuple[list[Said], dict[str, int], dict[str, str], Scenario]:
    """A graph, and a scenario that it admits. What needs itself may be there, and goes when it is unlinked; it cannot come."""
    said = draw(typed_graphs)
    there = sorted({end for source, _, target in said for end in (source, target)})
    end = st.sampled_from([*there, NEW])
    links = draw(st.lists(st.builds(Triple, end, st.sampled_from(RELATIONS), end), max_size=5, unique_by=lambda t: t[:2]))
    scenario = Scenario(
        tuple(draw(st.lists(st.sampled_from(there), max_size=2))),
        tuple(Triple(*one) for one in draw(st.lists(st.sampled_from(said), max_size=5))),
        tuple(one for one in links if one not in said and one.source != one.target),
        (Thing(NEW, "Asset"),),
    )
    return said, draw(buffers), draw(classes), scenario


@given(plants())
@settings(max_examples=200, deadline=None)
def test_it_is_the_graph_of_the_edited_list_and_the_base_stays_as_it_was(plant: Any) -> None:
    said, buffers, classes, scenario = plant
    base = graph_of(said, buffers, classes)
    _ = base.condensed, base.pairs, base.undirected, base.choosing
    before = everything(base)
    world = applied(base, SCHEMA, scenario)
    assert everything(base) == before
    assert world.given.kinds == base.kinds

    now = edited(said, scenario)
    want = graph_of(now, buffers, classes)
    assert needs_of(world.given) == needs_of(want)
    assert described(world.given) == described(want)
    lost = lost_with(now, scenario.without, classes)
    assert {world.given.ids[i] for i in world.lost.reached.tolist()} == lost
    assert needs_of(world.left) == {(d, r, p) for d, r, p in needs_of(want) if d not in lost and p not in lost}
    joined = world.left.undirected
    assert joined.num_edges() == world.left.edges


def lost_with(said: Sequence[Said], down: Sequence[str], classes: dict[str, str]) -> set[str]:
    """By the definition: all that is down needs one thing, and that is lost."""
    return knuth([*said, *((one, "requires", "nothing") for one in down)], "nothing", {}, classes).keys() - {"nothing"}


@given(plants())
@settings(max_examples=100, deadline=None)
def test_what_was_done_can_be_undone(plant: Any) -> None:
    said, buffers, classes, scenario = plant
    # To link by a relation that holds one target at a time is more than to link, and what needs itself cannot be linked.
    links, gone = (
        [t for t in some if not SCHEMA.relations[t.relation].functional and t.source != t.target]
        for some in (scenario.link, scenario.unlink)
    )
    base = graph_of(said, buffers, classes)
    done = applied(base, SCHEMA, Scenario(unlink=tuple(gone), link=tuple(links), add=scenario.add)).given
    undone = applied(done, SCHEMA, Scenario(unlink=tuple(links), link=tuple(gone))).left
    assert needs_of(undone) == needs_of(base)
    assert described(undone) == described(base)


@given(st.lists(st.tuples(things, st.sampled_from(RELATIONS), things), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_what_the_live_graph_learns_meanwhile_is_not_in_it(said: list[Said]) -> None:
    """A later live snapshot shares the ids, and has met a thing that the scenario has not."""
    base = graph_of(said)
    base.index["asset/later"] = len(base.ids)
    base.ids.append("asset/later")
    world = applied(base, SCHEMA, Scenario(add=(Thing(NEW, "Pump"),), link=(Triple(NEW, "requires", base.ids[0]),)))
    assert (world.left.number("asset/later"), world.left.number(NEW)) == (None, base.count)
    assert base.ids[base.count :] == ["asset/later"]
    assert (base.ids[0], "requires", NEW) not in needs_of(world.left)
    assert (NEW, "requires", base.ids[0]) in needs_of(world.left)
    plain = applied(base, SCHEMA, Scenario())
    assert plain.left.number("asset/later") is None
    with pytest.raises(BadQuery, match="'asset/later' has no dependency"):
        applied(base, SCHEMA, Scenario(link=(Triple("asset/later", "requires", base.ids[0]),)))


def test_without_a_filler_the_other_is_all_that_is_left() -> None:
    """FILL-2 replaces FILL-1; without AIR both lines stop once TANK is empty, and with them the orders."""
    base = line()
    one = applied(base, LINE_SCHEMA, Scenario(without=("FILL-1",)))
    assert [base.ids[i] for i in one.lost.reached] == ["FILL-1"]
    assert ("filling", "provides", "FILL-2") in needs_of(one.left)
    assert ("filling", "provides", "FILL-1") not in needs_of(one.left)
    air = applied(base, LINE_SCHEMA, Scenario(without=("AIR",)))
    told = {base.ids[i]: air.lost.time(i) for i in air.lost.reached.tolist()}
    assert told == {"AIR": 0} | dict.fromkeys(["TANK", "CAP-1", "CAP-2", "L1", "L2", "O-1", "O-2", "O-3"], 600_000_000)


REFUSED = (
    (Scenario(without=("X",)), "'X' has no dependency"),
    (Scenario(unlink=(Triple("AIR", "supplies", "L1"),)), "'AIR supplies L1' does not hold"),
    (Scenario(link=(Triple("AIR", "supplies", "TANK"),)), "holds already"),
    (Scenario(link=(Triple("AIR", "suplies", "L1"),)), "did you mean 'supplies'"),
    (Scenario(link=(Triple("AIR", "monitors", "L1"),)), "is no relation by which things depend"),
    (Scenario(link=(Triple("AIR", "supplies", "Y"),)), "'Y' has no dependency so far: add it first"),
    (Scenario(link=(Triple("AIR", "supplies", "AIR"),)), "'AIR supplies AIR': nothing needs itself"),
    (Scenario(link=(Triple("CAP-1", "partOf", "L2"), Triple("CAP-1", "partOf", "AIR"))), "L2 is linked too: keep one of the two"),
    (Scenario(add=(Thing("", "Machine"),)), "add '': an empty id is none"),
    (Scenario(add=(Thing("AIR", "Machine"),)), "'AIR' is there already"),
    (Scenario(add=(Thing("Y", "Machin"),)), "did you mean 'Machine'"),
    (Scenario(add=(Thing("Y", "Machine", -1),)), "give 0 to"),
    (Scenario(degrade=(Degraded("AIR", 1),)), "from 0 to below 1"),
    (Scenario(degrade=(Degraded("AIR", 0.1), Degraded("AIR", 0.2))), "AIR' is degraded twice"),
    (Scenario(degrade=(Degraded("X", 0.1),)), "'X' has no dependency"),
    (Scenario(narrow=(Narrow("AIR", "supplies", "CAP-1", 0.5),)), "'AIR supplies CAP-1' does not hold"),
    (Scenario(narrow=(Narrow("AIR", "supplies", "TANK", 0.0),)), "with nothing left of it, say what is without"),
    (Scenario(narrow=(Narrow("AIR", "supplies", "TANK", 1e-9),)), "with nothing left of it, say what is without"),
    (Scenario(narrow=(Narrow("AIR", "supplies", "TANK", 1.0),)), "a capacity of 1 is not possible"),
    (Scenario(narrow=(Narrow("AIR", "supplies", "TANK", 0.5), Narrow("AIR", "supplies", "TANK", 0.6))), "narrow twice"),
)


@pytest.mark.parametrize(("scenario", "told"), REFUSED)
def test_what_cannot_be_is_refused_with_the_mend(scenario: Scenario, told: str) -> None:
    base = line()
    before = everything(base)
    with pytest.raises(BadQuery, match=told):
        applied(base, LINE_SCHEMA, scenario)
    assert everything(base) == before


def test_capacities_that_are_the_same_in_parts_per_million_are_one() -> None:
    """As what is kept of them, whether of a thing or of a link."""
    base = line()
    for kind, change in (("degrade", Degraded("AIR", 0.5)), ("narrow", Narrow("AIR", "supplies", "TANK", 0.5))):
        once, twice = (applied(base, LINE_SCHEMA, Scenario(**{kind: some})).less for some in ((change,), (change, _near(change))))
        assert once is not None
        assert twice is not None
        assert once.capacity.tolist() == twice.capacity.tolist()


def _near(change: Any) -> Any:
    return change._replace(capacity=0.500_000_000_01)
