"""`brain merges` as people use it: two pumps of two systems turn out to be one, and then not; in both stores, and in GraphQL."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.execution import executable
from api.kernel import Context
from api.limits import Limits
from brain.analytics.graph.live import LiveGraph
from brain.analytics.live_reports import LiveReports
from brain.feeds.memory import MemoryFeed
from brain.identities import Merged
from brain.identity import SAME
from brain.model import Assert, ChangeSet, Link
from brain.query import AsOf, Direction, Edges, Find, Hop, Nodes, Occurrences
from brain.stores import open_store
from ontology import load_schema
from tests.contract.test_neo4j import wipe
from tests.e2e.test_api_serve import serving

MES, SAP, OTHER = "asset/MES-7", "asset/SAP-100", "asset/SAP-200"
MINUTE = 60_000_000


def step(n: int, activity: str, thing: str, minute: int) -> ChangeSet:
    times = {"activity": activity, "startedAt": minute * MINUTE, "completedAt": (minute + 1) * MINUTE}
    made = Assert(f"step/{n}", "Step", times, links=(Link("object", thing),))
    return ChangeSet(f"step-{n}", "log", minute * MINUTE, 0, (made,))


def pump(source: str, valid: int, id: str, cls: str, hall: int, **properties: str) -> ChangeSet:
    there = Link("locatedIn", f"location/hall-{hall}")
    return ChangeSet(f"{source}-{id}", source, valid, 0, (Assert(id, cls, properties, links=(there,)),))


SAID = [
    pump("mes", 1, MES, "Pump", 1, serialNumber="K-4711", state="running"),
    pump("sap", 2, SAP, "PhysicalAsset", 2, serialNumber="K-4711", manufacturer="KSB"),
    pump("sap", 2, OTHER, "PhysicalAsset", 3, serialNumber="K-9999"),
    step(1, "Inspect", MES, 10),
    step(2, "Repair", SAP, 13),
]


@pytest.fixture(params=["sqlite", "neo4j"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 't.db'}"
    if request.param == "neo4j":
        url = request.getfixturevalue("neo4j_url")
        await wipe(url)
    opened = open_store(url)
    await opened.prepare(load_schema(()))
    await opened.apply(SAID)
    await opened.close()
    return url


def brain(store: str, *args: str, expect: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([sys.executable, "-m", "brain", *args, "--store", store], capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, (args, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def answer(store: str, *args: str) -> Any:
    return json.loads(brain(store, *args, "--format", "json").stdout)


async def test_propose_accept_read_and_undo(store: str) -> None:
    def handovers() -> list[tuple[str, str, float]]:
        found = answer(store, "report", "bottlenecks", "--object-type", "PhysicalAsset", "--min-frequency", "1")
        return [(edge["source"], edge["target"], edge["totalSeconds"]) for edge in found["edges"]]

    (proposal,) = answer(store, "merges", "list")
    assert (proposal["ids"], proposal["property"], proposal["value"]) == ([MES, SAP], "serialNumber", "K-4711")
    assert proposal["confidence"] == 0.9
    assert [(e["id"], e["source"], e["valid"]) for e in proposal["evidence"]] == [(MES, "mes", 1), (SAP, "sap", 2)]
    assert handovers() == []
    before = await reads(store)

    decided = answer(store, "merges", "accept", "SAP-100", MES, "--by", "Ada")
    assert (decided["source"], decided["things"]) == ("merges/Ada", [{"id": MES, "members": [MES, SAP]}])
    assert answer(store, "merges", "list") == []
    assert answer(store, "merges", "list", "--merged") == [{"id": MES, "members": [MES, SAP]}]
    # both steps are one life, 2 minutes of waiting between them
    assert handovers() == [("Inspect", "Repair", 120.0)]
    assert answer(store, "report", "dependencies", SAP, "--up")["root"] == MES
    merged = await reads(store)
    assert merged["nodes"] == [(MES, "Pump", "KSB"), (MES, "Pump", "KSB")]
    assert merged["assets"] == merged["scan"] == [MES, OTHER]
    # it is in one place at a time: the newer of the two
    assert merged["located"] == [["location/hall-2"], ["location/hall-2"]]
    assert merged["in the halls"] == [[], [MES]]
    assert merged["life"] == [(MES, "step/1"), (MES, "step/2")]

    again = brain(store, "merges", "accept", MES, SAP, expect=1)
    assert "are merged already" in again.stderr
    undone = answer(store, "merges", "undo", SAP)
    assert [thing["id"] for thing in undone["things"]] == [SAP]
    assert await reads(store) == before
    assert answer(store, "merges", "list") == [proposal]
    assert handovers() == []
    assert "there is nothing to undo" in brain(store, "merges", "undo", SAP, expect=1).stderr
    await was_merged_in_between(store, decided["event"])


async def was_merged_in_between(url: str, event: str) -> None:
    """The past has not changed: it is merged as of the merge, and not before."""
    raw, schema = open_store(url), load_schema(())
    await raw.prepare(schema)
    try:
        assert [e async for e in raw.scan(Edges((SAME,)))] == []
        (edge,) = [e async for e in raw.scan(Edges((SAME,), ever=True))]
        assert (edge.source, edge.target, edge.stamp.event) == (SAP, MES, event)
        view = Merged(raw, schema)
        for valid, ids in (
            (edge.stamp.valid - 1, [MES, SAP, OTHER]),
            (edge.stamp.valid, [MES, OTHER]),
            (None, [MES, SAP, OTHER]),
        ):
            assert [node.id for node in (await view.find(Find("Asset"), AsOf(valid))).nodes] == ids
    finally:
        await raw.close()


async def reads(url: str) -> dict[str, Any]:
    """What the merged view shows of the two pumps."""
    raw, schema = open_store(url), load_schema(())
    await raw.prepare(schema)
    view = Merged(raw, schema)
    try:
        located = await view.related([Hop(id, Direction.OUT, ("locatedIn",)) for id in (MES, SAP)])
        halls = await view.related([Hop(f"location/hall-{n}", Direction.IN, ("locatedIn",)) for n in (1, 2)])
        return {
            "nodes": [(n.id, n.cls, n.properties.get("manufacturer")) for n in await view.nodes([MES, SAP]) if n],
            "assets": [n.id for n in (await view.find(Find("Asset"))).nodes],
            "scan": [n.id async for n in view.scan(Nodes("Asset"))],
            "located": [[e.target for e in edges] for edges in located],
            "in the halls": [[e.source for e in edges] for edges in halls],
            "life": sorted([(o.object, o.step) async for o in view.scan(Occurrences("PhysicalAsset"))]),
            "types": await view.object_types(),
            "count": await view.count(Find("Asset")),
        }
    finally:
        await raw.close()


async def test_a_rejection_is_kept_and_can_be_taken_back(store: str) -> None:
    brain(store, "merges", "reject", MES, SAP)
    assert answer(store, "merges", "list") == []
    assert "told apart already" in brain(store, "merges", "reject", SAP, MES, expect=1).stderr
    brain(store, "merges", "undo", MES, SAP)
    assert [p["ids"] for p in answer(store, "merges", "list")] == [[MES, SAP]]
    # and who accepts what was rejected has changed their mind
    brain(store, "merges", "reject", MES, SAP)
    brain(store, "merges", "accept", MES, SAP)
    assert answer(store, "merges", "list", "--merged") == [{"id": MES, "members": [MES, SAP]}]


async def test_a_subscriber_hears_of_a_thing_under_every_name_and_of_its_merge_at_once() -> None:
    raw, schema, feed = open_store("sqlite://"), load_schema(()), MemoryFeed()
    await raw.prepare(schema)
    await raw.apply(SAID)
    view = Merged(raw, schema, age=3600)
    text = f'subscription {{ changes(ids: ["{MES}"]) {{ id node {{ id mergedFrom }} }} }}'
    try:
        assert await view.ids(SAP) == (SAP,)
        for event, heard, ids in (("m1", [MES], [MES, SAP]), ("m2", [MES, SAP], [MES, SAP])):
            kept = LiveReports(view, schema, feed), LiveGraph(view, schema, feed)
            context = Context(view, feed, schema, Limits(), *kept)
            stream: Any = await executable(schema, Limits()).subscribe(text, context_value=context)
            first = asyncio.ensure_future(anext(stream))
            while not feed._queues:
                await asyncio.sleep(0)
            merge = ChangeSet(event, "s", 9 * MINUTE, 0, (Assert(MES, "Entity", links=(Link(SAME, SAP),)), Assert(SAP, "Entity")))
            # as another process does: it commits, and the feed tells
            await feed.publish(await raw.apply([merge]))
            found = [(await first).data["changes"]]
            found += [(await anext(stream)).data["changes"] for _ in heard[1:]]
            await stream.aclose()
            assert [(change["id"], change["node"]) for change in found] == [(id, {"id": MES, "mergedFrom": ids}) for id in heard]
    finally:
        await feed.close()
        await raw.close()


def test_wrong_use_and_clear_errors() -> None:
    url = "sqlite://"
    assert "the store knows nothing called 'asset/NO'" in brain(url, "merges", "accept", "asset/NO", "asset/NOT", expect=1).stderr
    assert "Missing argument" in brain(url, "merges", "accept", expect=2).stderr
    assert brain(url, "merges", "list").stderr == "0 proposals\n"
    assert answer(url, "merges", "list", "--merged") == []


QUERY = """
{
  mergeProposals { ids property value confidence evidence { source about } }
  pumps { totalCount edges { node { id mergedFrom manufacturer } } }
  entity(id: "asset/SAP-100") { id class mergedFrom history { evidence { source } } }
}"""


async def ask_until(url: str, wanted: Callable[[Any], bool]) -> Any:
    """The first answer that is as wanted, within a time far beyond that for which merges are held."""
    deadline = time.monotonic() + 30
    async with httpx.AsyncClient() as client:
        while True:
            found = (await client.post(url, json={"query": QUERY})).json()
            assert "errors" not in found, found
            if wanted(found["data"]) or time.monotonic() > deadline:
                return found["data"]
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_graphql_shows_proposals_and_what_is_merged(store: str) -> None:
    with serving("--store", store) as (_, address):
        url = f"http://{address}/graphql"
        data = await ask_until(url, lambda data: True)
        evidence = [{"source": source, "about": "serialNumber"} for source in ("mes", "sap")]
        proposal = {"ids": [MES, SAP], "property": "serialNumber", "value": "K-4711", "confidence": 0.9, "evidence": evidence}
        assert data["mergeProposals"] == [proposal]
        assert data["pumps"] == {"totalCount": 1, "edges": [{"node": {"id": MES, "mergedFrom": [], "manufacturer": None}}]}
        assert (data["entity"]["id"], data["entity"]["mergedFrom"]) == (SAP, [])

        brain(store, "merges", "accept", MES, SAP, "--by", "Ada")
        # Each field reads for itself: the merge may be seen between two fields of one answer.
        data = await ask_until(url, lambda data: data["entity"]["id"] == MES and data["pumps"]["edges"][0]["node"]["mergedFrom"])
        assert data["mergeProposals"] == []
        node = {"id": MES, "mergedFrom": [MES, SAP], "manufacturer": "KSB"}
        assert data["pumps"] == {"totalCount": 1, "edges": [{"node": node}]}
        assert (data["entity"]["class"], data["entity"]["mergedFrom"]) == ("Pump", [MES, SAP])
        assert [v["evidence"]["source"] for v in data["entity"]["history"]] == ["merges/Ada", "sap", "mes"]

        brain(store, "merges", "undo", SAP)
        data = await ask_until(url, lambda data: data["entity"]["id"] == SAP)
        assert (data["mergeProposals"], data["entity"]["mergedFrom"]) == ([proposal], [])
