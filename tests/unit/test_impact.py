"""Impact, causes and single points of failure on plants that were worked out by hand: a filling line, a hospital's shift."""

from collections.abc import Sequence
from typing import Any

import pytest

from brain.analytics.graph.causes import causes
from brain.analytics.graph.critical import Measure, criticality, single_points, unranked
from brain.analytics.graph.impact import Asked, Impact, Part, impact
from brain.analytics.graph.reading import read
from brain.analytics.graph.snapshot import Snapshot, from_edges
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Edge, Link, Node, Retract, Stamp
from brain.query import AsOf
from brain.schema import Schema
from ingest.record import Envelope
from ingest.simulation import Work, simulate
from ingest.wiring import whole_pipeline
from ontology import load_schema
from tests.unit.test_graph_snapshot import HOUR, says, stored

SCHEMA: Schema = load_schema(())
MINUTE = 60_000_000

LINE = """
FILL-1 provides filling    FILL-2 provides filling
L1 requires filling        L2 requires filling
CAP-1 partOf L1            CAP-2 partOf L2
AIR supplies TANK          TANK supplies CAP-1     TANK supplies CAP-2
SW supplies FILL-1         SW supplies FILL-2      SW supplies CAP-1
OP-1 operates FILL-1       OP-2 operates CAP-1     OP-3 operates CAP-1
O-1 scheduledOn L1         O-2 scheduledOn L1      O-3 scheduledOn L2      O-9 scheduledOn L2
"""
"""Two lines share the fillers, which replace each other; one compressor, AIR, whose tank holds for ten minutes; and one network
switch, SW. O-9 is done."""
OTHERS = {"filling": "Capability", "L1": "WorkCenter", "L2": "WorkCenter"}


def line() -> Snapshot:
    words = LINE.split()
    edges = [Edge(*words[i : i + 3], "", Stamp(0, 0, 0, "e", "test")) for i in range(0, len(words), 3)]
    names = sorted({end for edge in edges for end in (edge.source, edge.target)})
    return from_edges(SCHEMA, edges, [Node(name, cls_of(name), said_of(name), {}, {}) for name in names])


def cls_of(name: str) -> str:
    kind = "Operator" if name.startswith("OP") else "ProductionOrder" if name.startswith("O-") else "Machine"
    return OTHERS.get(name, kind)


def said_of(name: str) -> dict[str, str | float]:
    return {"TANK": {"bufferTime": 600.0}, "O-9": {"actualEnd": 5}}.get(name, {})


def ids(found: Sequence[Any]) -> list[str]:
    return [one.id for one in found]


def counts(found: Impact) -> dict[Part, int]:
    return {one.part: one.count for one in found.counts}


def test_the_planted_switch_is_the_first_single_point_of_failure_of_the_line() -> None:
    """SW takes FILL-1, FILL-2, filling, CAP-1, L1, L2 and three orders: 9. AIR: TANK, both CAPs, both lines, three orders: 8."""
    found = single_points(line(), SCHEMA)
    assert [(p.id, p.lost, p.objects) for p in found.points] == [
        ("SW", 9, 3),
        ("AIR", 8, 3),
        ("TANK", 7, 3),
        ("CAP-1", 3, 2),
        ("L1", 2, 2),
        ("CAP-2", 2, 1),
        ("L2", 1, 1),
        ("OP-1", 1, 0),
    ]
    # Beside these, FILL-1, FILL-2, OP-2 and OP-3 have something that hangs on them; for each there is another.
    assert (found.count, found.candidates, found.partial) == (8, 12, False)
    base = line()
    assert {base.ids[node] for node in unranked(base, SCHEMA, None).tolist()} == {p.id for p in found.points}
    assert [e.id for e in found.points[0].examples] == ["O-1", "O-2", "O-3"]
    assert [(c.provider, c.relation) for c in found.points[1].examples[0].via] == [
        ("AIR", "supplies"),
        ("TANK", "supplies"),
        ("CAP-1", "partOf"),
        ("L1", "scheduledOn"),
    ]
    assert [p.id for p in single_points(line(), SCHEMA, "Operator").points] == ["OP-1"]


def test_a_compressor_stops_both_lines_once_its_tank_is_empty() -> None:
    found = impact(line(), SCHEMA, "AIR", Asked(at=8 * HOUR, lasts=HOUR))
    assert {(a.id, a.after_seconds, a.distance, a.at) for a in found.affected} == {
        (name, 600.0, distance, 8 * HOUR + 10 * MINUTE)
        for name, distance in (("TANK", 1), ("CAP-1", 2), ("CAP-2", 2), ("L1", 3), ("L2", 3), ("O-1", 4), ("O-2", 4), ("O-3", 4))
    }
    assert counts(found) == {Part.OBJECT: 3, Part.ASSET: 5}
    assert [(c.provider, c.relation, c.dependent, c.basis, c.delay_seconds) for c in found.affected[-1].via] == [
        ("AIR", "supplies", "TANK", "declared", 600.0),
        ("TANK", "supplies", "CAP-2", "declared", 0.0),
        ("CAP-2", "partOf", "L2", "declared", 0.0),
        ("L2", "scheduledOn", "O-3", "declared", 0.0),
    ]
    assert not found.partial


@pytest.mark.parametrize(("minutes", "lost"), [(5, 0), (10, 0), (11, 8)])
def test_a_tank_absorbs_what_is_shorter_than_it_lasts(minutes: int, lost: int) -> None:
    found = impact(line(), SCHEMA, "AIR", Asked(lasts=minutes * MINUTE))
    assert len(found.affected) == lost
    told = [(a.id, a.by, a.left, a.buffer_seconds) for a in found.absorbed]
    assert told == ([] if lost else [("TANK", "BUFFER", (), 600.0)])


def test_a_filler_is_absorbed_by_the_other_and_the_switch_behind_both_is_not() -> None:
    found = impact(line(), SCHEMA, "FILL-1")
    assert (found.affected, found.absorbed_count) == ((), 1)
    assert [(a.id, a.by, a.left) for a in found.absorbed] == [("filling", "REDUNDANCY", ("FILL-2",))]
    assert counts(impact(line(), SCHEMA, "SW")) == {Part.OBJECT: 3, Part.ASSET: 5, Part.OTHER: 1}
    assert [(a.id, a.left) for a in impact(line(), SCHEMA, "OP-2").absorbed] == [("CAP-1", ("OP-3",))]


def test_at_a_depth_and_at_a_deadline_it_says_what_it_did_not_look_at() -> None:
    found = impact(line(), SCHEMA, "AIR", Asked(depth=2))
    assert set(ids(found.affected)) == {"TANK", "CAP-1", "CAP-2"}
    assert (found.partial, found.unexplored, set(found.unexplored_ids)) == (True, 2, {"CAP-1", "CAP-2"})
    found = impact(line(), SCHEMA, "AIR", Asked(seconds=0.0))
    assert (found.affected, found.partial, found.unexplored_ids) == ((), True, ("AIR",))
    points = single_points(line(), SCHEMA, patience=0.0)
    assert (points.points, points.partial, points.unexplored) == ((), True, 12)


def test_first_tells_fewer_and_counts_all() -> None:
    found = impact(line(), SCHEMA, "AIR", Asked(first=2))
    assert (len(found.affected), sum(counts(found).values())) == (2, 8)


def test_what_may_be_behind_a_late_order_those_first_that_would_do_alone() -> None:
    found = causes(line(), SCHEMA, "O-3")
    told = [(c.id, c.alone, c.after_seconds, c.distance) for c in found.causes]
    assert told[0] == ("L2", True, 0.0, 1)
    assert set(told[1:3]) == {("CAP-2", True, 0.0, 2), ("filling", True, 0.0, 2)}
    assert told[3:6] == [("TANK", True, 0.0, 3), ("SW", True, 0.0, 4), ("AIR", True, 600.0, 4)]
    assert set(told[6:8]) == {("FILL-1", False, 0.0, 3), ("FILL-2", False, 0.0, 3)}
    assert told[8:] == [("OP-1", False, 0.0, 4)]
    assert [(c.provider, c.dependent) for c in found.causes[5].via] == [
        ("AIR", "TANK"),
        ("TANK", "CAP-2"),
        ("CAP-2", "L2"),
        ("L2", "O-3"),
    ]
    near = causes(line(), SCHEMA, "O-3", depth=2)
    assert (set(ids(near.causes)), near.partial) == ({"L2", "CAP-2", "filling"}, True)


def test_a_thing_without_dependencies_is_told_as_that() -> None:
    with pytest.raises(BadQuery, match="'X' has no dependency"):
        impact(line(), SCHEMA, "X")


def test_criticality_says_by_which_measure_and_which_things_join_others() -> None:
    flow = criticality(line(), SCHEMA)
    assert flow.ranked[0].id == "SW"
    assert "PageRank" in flow.definition
    between = criticality(line(), SCHEMA, Measure.BETWEENNESS, first=50)
    value = {c.id: c.value for c in between.ranked}
    # Ways through L2: to each of O-3 and O-9 one from filling, CAP-2, FILL-1, FILL-2, TANK, AIR, SW and OP-1.
    assert value["L2"] == 2 * 8
    assert {c.id for c in between.ranked if c.joint} == {"L1", "L2", "CAP-1", "TANK", "FILL-1"}


async def test_a_rented_compressor_matters_while_it_is_there() -> None:
    rented = Link("supplies", "equipment/L")
    async with stored(
        says("1", "asset/RENTED", "Machine", 8 * HOUR, rented),
        says("2", "asset/OWN", "Machine", 10 * HOUR, rented),
        says("3", "productionorder/1", "ProductionOrder", 7 * HOUR, Link("scheduledOn", "equipment/L")),
    ) as store:
        await store.apply([ChangeSet("4", "test", 10 * HOUR, 0, (Retract("asset/RENTED", "Machine", links=(rented,)),))])
        then = await read(store, SCHEMA, AsOf(valid=9 * HOUR))
        assert ids(impact(then, SCHEMA, "asset/RENTED").affected) == ["equipment/L", "productionorder/1"]
        now = await read(store, SCHEMA)
        with pytest.raises(BadQuery):
            impact(now, SCHEMA, "asset/RENTED")
        assert ids(impact(now, SCHEMA, "asset/OWN").affected) == ["equipment/L", "productionorder/1"]


async def test_the_one_robot_is_the_first_single_point_of_failure_of_the_hospital() -> None:
    """Two pharmacists verify, for each of whom there is the other; one robot dispenses for all. From the messages alone."""
    shift = simulate(seed=7)
    envelopes = [Envelope(m.topic, m.key, m.payload, m.received) for m in shift.messages]
    async with stored() as store:
        await store.apply(whole_pipeline(SCHEMA).run(envelopes).good)
        snapshot = await read(store, SCHEMA)
    found = single_points(snapshot, SCHEMA)
    assert found.points[0].id == "asset/ROB-1"
    assert found.points[0].objects > 2 * found.points[1].objects
    waiting = undispensed(shift.trace)
    hit = set(ids(impact(snapshot, SCHEMA, "asset/ROB-1").affected))
    assert waiting
    assert {f"medicationorder/{order}" for order in waiting} <= hit
    absorbed = {a.id: a.left for a in impact(snapshot, SCHEMA, "person/PHA-1").absorbed}
    assert absorbed["capability/verification"] == ("person/PHA-2",)


def undispensed(trace: Sequence[Work]) -> set[str]:
    """By the simulator's own record."""
    done = {(work.order, work.activity) for work in trace}
    return {order for order, activity in done if activity == "Prescribe" and (order, "Dispense") not in done}


async def test_what_was_only_named_is_redundant_in_the_past_too() -> None:
    """Two fillers provide what a line requires, told at one and, all again, at fifty. The capability has no more to say than its
    class, of which only the newest word is kept. At two either filler absorbs the loss of the other."""
    either = Link("provides", "capability/f")

    def told(event: str, at: int) -> ChangeSet:
        said = (
            Assert("asset/F1", "Machine", links=(either,)),
            Assert("asset/F2", "Machine", links=(either,)),
            Assert("equipment/L", "WorkCenter", links=(Link("requires", "capability/f"),)),
            Assert("capability/f", "Capability"),
        )
        return ChangeSet(event, "s", at, at, said)

    for hours in (None, 2, 51):
        at = AsOf(valid=None if hours is None else hours * HOUR)
        async with stored(told("a", HOUR), told("b", 50 * HOUR)) as store:
            found = impact(await read(store, SCHEMA, at), SCHEMA, "asset/F1")
        assert (found.affected, [(a.id, a.cls, a.left) for a in found.absorbed]) == (
            (),
            [("capability/f", "Capability", ("asset/F2",))],
        )
