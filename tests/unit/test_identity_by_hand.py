"""Two pumps of two systems that turn out to be one, worked by hand; and how the ontology declares by what they are known."""

from pathlib import Path

import pytest

from brain.analytics.bottlenecks import bottlenecks
from brain.engine import Engine
from brain.identities import accept, proposals, undo
from brain.model import Assert, ChangeSet, Flag, Link, Verdict
from brain.query import AsOf, Direction, Find, Hop, Window
from brain.schema import Schema
from ontology import BadOntology, load_schema
from tests.unit.test_identity import merged

SECOND = 1_000_000

MES, SAP = "asset/MES-7", "asset/SAP-100"
DAY = 86_400 * SECOND


def step(n: int, activity: str, thing: str, start: int, end: int) -> ChangeSet:
    times = {"activity": activity, "startedAt": start * SECOND, "completedAt": end * SECOND}
    return ChangeSet(
        f"step-{n}", "log", end * SECOND, end * SECOND, (Assert(f"step/{n}", "Step", times, links=(Link("object", thing),)),)
    )


WORKED = [
    ChangeSet("mes", "mes", 10, 10, (Assert(MES, "Pump", {"serialNumber": "K-4711", "state": "running", "name": "Pump 7"}),)),
    ChangeSet(
        "sap", "sap", 20, 20, (Assert(SAP, "PhysicalAsset", {"serialNumber": "K-4711", "state": "idle", "manufacturer": "KSB"}),)
    ),
    ChangeSet("bad", "mes", 30, 30, (Flag(MES, "Pump", "volumeFlow", Verdict.OUT_OF_RANGE, 30, "9999"),)),
    step(1, "Inspect", MES, 100, 110),
    step(2, "Repair", SAP, 170, 200),
]


async def test_two_pumps_with_one_serial_number_by_hand() -> None:
    of = load_schema()
    async with merged([WORKED], of) as view:
        (proposal,) = await proposals(view)
        assert proposal.ids == (MES, SAP)
        assert (proposal.property, proposal.value, proposal.confidence) == ("serialNumber", "K-4711", 0.9)
        before = [await view.nodes([MES, SAP]), (await view.find(Find("Asset"))).nodes, await view.related([Hop(MES), Hop(SAP)])]

        decision = await accept(view, proposal.ids, "person/ada", DAY)
        assert (decision.source, decision.valid) == ("person/ada", DAY)
        await Engine(view).commit([decision])
        assert await proposals(view) == []
        for id in (MES, SAP):
            (node,) = await view.nodes([id])
            assert node is not None
            # the closer class; the newer state; what only one of them had
            assert (node.id, node.cls) == (MES, "Pump")
            assert node.properties == {"serialNumber": "K-4711", "state": "idle", "manufacturer": "KSB", "name": "Pump 7"}
            assert node.stamps["state"].source == "sap"
            assert [flag.detail for flag in (await view.quality([id]))[0]] == ["9999"]
            assert [v.stamp.event for v in (await view.history([id]))[0]] == [decision.event, "sap", "mes"]
            assert [e.source for e in (await view.related([Hop(id, Direction.IN, ("object",))]))[0]] == ["step/1", "step/2"]
            assert await view.related([Hop(id)]) == [[]]
        assert [n.id for n in (await view.find(Find("Asset"))).nodes] == [MES]
        assert await view.count(Find("Asset")) == 1
        # one life of two steps, 60 s of waiting between them
        (handover,) = (await bottlenecks(view, of, "Pump", min_frequency=1)).edges
        assert (handover.source, handover.target, handover.count, handover.total_seconds) == ("Inspect", "Repair", 1, 60.0)
        assert (await bottlenecks(view.raw, of, "Pump", min_frequency=1)).edges == ()

        # before the merge they were two, and so they are for whoever asks of that time, or of what we believed by then
        stored = (await view.history([SAP], Window(DAY)))[0][0].recorded
        for at in (AsOf(DAY - 1), AsOf(None, stored - 1)):
            assert [n.id for n in (await view.find(Find("Asset"), at)).nodes] == [MES, SAP]
        assert [n.id for n in (await view.find(Find("Asset"), AsOf(DAY))).nodes] == [MES]
        assert [n.id for n in await view.nodes([SAP, MES], AsOf(DAY)) if n] == [MES, MES]

        await Engine(view).commit([await undo(view, [SAP], "person/ada", 2 * DAY)])
        after = [await view.nodes([MES, SAP]), (await view.find(Find("Asset"))).nodes, await view.related([Hop(MES), Hop(SAP)])]
        assert after == before
        assert await proposals(view) == [proposal]
        assert [n.id for n in (await view.find(Find("Asset"), AsOf(DAY))).nodes] == [MES]


# ---- The ontology's part -----------------------------------------------------------------------------------------

HEAD = """\
@prefix : <https://example.org/plant#> .
@prefix eb: <https://enterprise-brain.example/ns/upper#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:Kiln a owl:Class ; rdfs:subClassOf eb:PhysicalAsset .
"""


def kiln(folder: Path, term: str, datatype: str = "string") -> Schema:
    part = f"sh:path :plate ; sh:datatype xsd:{datatype} ; sh:maxCount 1"
    shape = f"[] a sh:NodeShape ; sh:targetClass :Kiln ; sh:property [ {part} ] ."
    (folder / "plant.ttl").write_text(f"{HEAD}:plate a owl:DatatypeProperty ; {term} .\n{shape}\n")
    return load_schema((folder,))


def test_an_identity_is_declared_on_a_property_and_is_indexed(tmp_path: Path) -> None:
    made = kiln(tmp_path, "eb:identity 0.75")
    plate = made.of("Kiln").properties["plate"]
    assert (plate.identity, plate.indexed) == (0.75, True)
    assert made.identities == {"serialNumber": 0.9, "employeeNumber": 0.95, "plate": 0.75}
    assert {made.relations[name].functional for name in ("sameAs", "differentFrom")} == {False}
    assert (made.relations["replacedBy"].functional, made.relations["replacedBy"].inverse) == (True, "replaces")


@pytest.mark.parametrize(
    ("term", "datatype", "fault"),
    [
        ("eb:identity 0", "string", "plant.ttl:8: plate: eb:identity is a confidence above 0 and at most 1"),
        ("eb:identity 1.1", "string", "plant.ttl:8: plate: eb:identity is a confidence above 0 and at most 1"),
        ("eb:identity 'sure'", "string", "plant.ttl:8: plate: eb:identity is a confidence above 0 and at most 1"),
        ("eb:identity 0.9 ; eb:history 'latest'", "string", "plant.ttl:8: plate: eb:identity needs every version"),
        ("eb:identity 0.9 ; eb:indexed false", "string", "plant.ttl:8: plate: eb:identity needs an index"),
        ("eb:identity 0.9", "double", "plant.ttl:9: Kiln.plate: has eb:identity but holds float values"),
    ],
)
def test_an_identity_that_makes_no_sense_is_told_with_its_line(tmp_path: Path, term: str, datatype: str, fault: str) -> None:
    with pytest.raises(BadOntology) as told:
        kiln(tmp_path, term, datatype)
    assert fault in str(told.value)
