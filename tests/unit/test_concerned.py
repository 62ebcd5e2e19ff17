"""Who must know of a loss, worked by hand on a pharmacy with one robot."""

from collections.abc import AsyncIterator

import pytest

from brain.analytics.graph.concerned import Concern, concerned
from brain.analytics.graph.impact import Asked, impact
from brain.analytics.graph.reading import read
from brain.model import ChangeSet, Link, Retract
from brain.ports import Store
from brain.query import NOW, AsOf
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema
from tests.unit.api_plant import plant_api
from tests.unit.test_graph_snapshot import HOUR, says

SCHEMA: Schema = load_schema(())

PHARMACY = (
    says("1", "asset/ROB", "DispensingRobot", 0, Link("provides", "capability/dispensing"), Link("locatedIn", "pharmacy/P")),
    says("2", "capability/dispensing", "Capability", 0),
    says("3", "pharmacy/P", "Pharmacy", 0),
    says("4", "person/TEC", "Operator", 0, Link("operates", "asset/ROB"), name="Ada"),
    says("5", "person/PHY", "Physician", 0),
    says("6", "person/PHA", "Pharmacist", 0, Link("worksAt", "pharmacy/P")),
    says(
        "7",
        "medicationorder/1",
        "MedicationOrder",
        0,
        Link("requires", "capability/dispensing"),
        Link("prescribedBy", "person/PHY"),
        Link("verifiedBy", "person/PHA"),
    ),
    says(
        "8", "medicationorder/2", "MedicationOrder", 0, Link("requires", "capability/dispensing"), Link("forPatient", "patient/A")
    ),
    says("9", "medicationorder/2", "MedicationOrder", 0, Link("prescribedBy", "person/PHY")),
    says("10", "patient/A", "Patient", 0, Link("attendedBy", "person/PHY"), bufferTime=600.0),
    says("11", "medicationorder/3", "MedicationOrder", 0, Link("prescribedBy", "person/OTHER"), state="administered"),
    says("12", "person/OTHER", "Physician", 0),
    ChangeSet("13", "s", 2 * HOUR, 0, (Retract("person/TEC", "Operator", links=(Link("operates", "asset/ROB"),)),)),
)
"""One robot dispenses two orders, of which one is a patient's, who goes on for ten minutes without it. Until two Ada operated the
robot. The third order was given long ago, and needs nothing."""


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    made = open_store("sqlite://")
    await made.prepare(SCHEMA)
    await made.apply(PHARMACY)
    yield made
    await made.close()


async def told(store: Store, id: str, first: int = 10, asked: Asked = Asked(at=HOUR), at: AsOf = NOW) -> Concern:
    found = impact(await read(store, SCHEMA, at), SCHEMA, id, asked)
    return await concerned(store, SCHEMA, found, first, at)


async def test_who_prescribed_verified_or_attends_what_is_lost_must_know(store: Store) -> None:
    """The robot takes the capability, both orders and, after ten minutes, the patient. PHY is joined to all three objects, PHA to
    one; the patient is an object, and nobody who is told. OTHER's order is over."""
    found = await told(store, "asset/ROB")
    assert [(p.id, p.cls, p.lost, p.count, p.objects, p.after_seconds, p.at) for p in found.people] == [
        ("person/PHY", "Physician", False, 3, 3, 0.0, HOUR),
        ("person/PHA", "Pharmacist", False, 1, 1, 0.0, HOUR),
    ]
    assert [(e.source, e.relation, e.target, e.stamp.event) for e in found.people[0].because] == [
        ("medicationorder/1", "prescribedBy", "person/PHY", "7"),
        ("medicationorder/2", "prescribedBy", "person/PHY", "9"),
        ("patient/A", "attendedBy", "person/PHY", "10"),
    ]
    assert (found.count, found.unexplored) == (2, 0)


async def test_as_of_then_its_operator_too(store: Store) -> None:
    found = await told(store, "asset/ROB", at=AsOf(valid=HOUR))
    assert [(p.id, p.name, p.count, p.objects) for p in found.people][-1] == ("person/TEC", "Ada", 1, 0)
    assert [p.id for p in (await told(store, "asset/ROB", first=1, at=AsOf(valid=HOUR))).people] == ["person/PHY"]


async def test_who_is_lost_must_know_and_what_was_not_told_is_unexplored(store: Store) -> None:
    """PHA is the pharmacy's only one, and takes it, the robot, and what that takes: six in all. PHA is joined to the pharmacy
    and to one order. With none of the six told, PHA is left."""
    found = await told(store, "person/PHA")
    assert [(p.id, p.lost, p.count, p.objects) for p in found.people] == [("person/PHY", False, 3, 3), ("person/PHA", True, 2, 1)]
    found = await told(store, "person/PHA", asked=Asked(first=0))
    assert [(p.id, p.lost, p.count, p.at) for p in found.people] == [("person/PHA", True, 0, None)]
    assert found.unexplored == 6


async def test_of_more_than_a_thousand_nobody_is_forgotten(store: Store) -> None:
    """More things are located in the pharmacy than a hop takes by default; PHA works there, by a relation that comes later."""
    await store.apply([says(f"x{i}", f"asset/{i:04}", "Machine", 0, Link("locatedIn", "pharmacy/P")) for i in range(1100)])
    found = await told(store, "pharmacy/P", asked=Asked(first=0))
    assert [(p.id, [e.relation for e in p.because]) for p in found.people] == [("person/PHA", ["worksAt"])]


async def test_in_too_short_a_time_or_depth_it_is_partial(store: Store) -> None:
    """At one dependency of the robot only the capability is found; then there is time for the first three things alone."""
    found = await told(store, "asset/ROB", asked=Asked(depth=1))
    assert ([p.id for p in found.people], found.partial, found.unexplored) == ([], True, 0)
    lost = impact(await read(store, SCHEMA), SCHEMA, "asset/ROB")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("brain.analytics.graph.concerned.AT_ONCE", 3)
        late = await concerned(store, SCHEMA, lost, 10, until=0.0)
    # The robot, the capability and the first order; the other order and its patient are left.
    assert ([p.id for p in late.people], late.partial, late.unexplored) == (["person/PHA", "person/PHY"], True, 2)


async def test_as_graphql() -> None:
    query = (
        "concerned(id: %s, first: 1, asOf: %s) { count people { id objects because { relation stamp { event } } node { id } } }"
    )
    async with plant_api(PHARMACY, schema=SCHEMA) as api:
        found = (await api.ask("{ %s }" % (query % ('"asset/ROB"', '"1970-01-01T01:00:00Z"'))))["concerned"]
    because = [
        {"relation": name, "stamp": {"event": event}}
        for name, event in (("prescribedBy", "7"), ("prescribedBy", "9"), ("attendedBy", "10"))
    ]
    one = {"id": "person/PHY", "objects": 3, "because": because, "node": {"id": "person/PHY"}}
    assert found == {"count": 3, "people": [one]}


async def test_who_was_only_named_by_then_is_who_that_is_known_to_be_now(store: Store) -> None:
    """At four NEW prescribes the second order; who that is comes at six. Patient B comes at six too, and is nobody to tell."""
    prescribed = Link("prescribedBy", "person/NEW"), Link("forPatient", "patient/B")
    await store.apply(
        [
            says("14", "medicationorder/2", "MedicationOrder", 4 * HOUR, *prescribed),
            says("15", "person/NEW", "Physician", 6 * HOUR),
            says("16", "patient/B", "Patient", 6 * HOUR),
        ]
    )
    found = await told(store, "asset/ROB", at=AsOf(valid=5 * HOUR))
    assert [(p.id, p.cls, p.objects) for p in found.people] == [
        ("person/NEW", "Physician", 1),
        ("person/PHA", "Pharmacist", 1),
        ("person/PHY", "Physician", 1),
    ]
