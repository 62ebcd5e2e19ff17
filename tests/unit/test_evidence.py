"""What says that a dependency holds: the link behind what is told, as of the point of the answer, read where somebody asks."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.graph.causes import causes
from brain.analytics.graph.circles import circles
from brain.analytics.graph.evidence import Ends, Evidenced, evidence_of_all, with_evidence
from brain.analytics.graph.impact import Carrier, carrier, impact
from brain.analytics.graph.reading import read
from brain.analytics.graph.scenario import Scenario, Thing, Triple
from brain.analytics.graph.since import changes
from brain.analytics.graph.snapshot import Snapshot
from brain.analytics.graph.whatif import what_if
from brain.identities import Merged
from brain.model import Assert, ChangeSet, Edge, Link, Retract, Stamp
from brain.ports import Store
from brain.query import NOW, AsOf, Direction, Hop
from brain.reports.document import document
from brain.schema import Schema
from brain.stores.sqlite import SqliteStore
from ontology import load_schema
from tests.unit.api_plant import CountingStore

SCHEMA: Schema = load_schema(())
HOUR = 3_600_000_000

Said = tuple[int | None, str | None, str | None]
"""Since, event, and its source."""


def says(event: str, subject: str, cls: str, at: int, *links: Link, source: str = "erp", authority: int = 0) -> ChangeSet:
    return ChangeSet(event, source, at * HOUR, 0, (Assert(subject, cls, {}, {}, links),), authority)


def unsays(event: str, subject: str, cls: str, at: int, link: Link) -> ChangeSet:
    return ChangeSet(event, "erp", at * HOUR, 0, (Retract(subject, cls, links=(link,)),))


@asynccontextmanager
async def stored(*batches: tuple[int, Sequence[ChangeSet]]) -> AsyncIterator[Store]:
    """A store to which each batch came at its hour."""
    now = 0
    store = SqliteStore("", lambda: now)
    await store.prepare(SCHEMA)
    for hour, batch in batches:
        now = hour * HOUR
        await store.apply(batch)
    try:
        yield store
    finally:
        await store.close()


def said(via: Iterable[Carrier]) -> dict[Ends, Said]:
    found = {}
    for link in via:
        assert isinstance(link, Evidenced)
        found[link.provider, link.relation, link.dependent] = (link.said, link.event, link.event_source)
    return found


AIR = Link("supplies", "asset/CAP")
PLANT = (
    says("1", "asset/AIR", "Machine", 1, AIR),
    says("2", "asset/CAP", "Machine", 2, Link("partOf", "equipment/L")),
    says("3", "productionorder/1", "ProductionOrder", 3, Link("scheduledOn", "equipment/L"), source="mes"),
    says("4", "equipment/L", "WorkCenter", 4, Link("requires", "capability/glue", "a"), Link("requires", "capability/hot")),
    says("5", "equipment/L", "WorkCenter", 5, Link("requires", "capability/glue", "b")),
)
WAY: dict[Ends, Said] = {
    ("asset/AIR", "supplies", "asset/CAP"): (HOUR, "1", "erp"),
    ("asset/CAP", "partOf", "equipment/L"): (2 * HOUR, "2", "erp"),
    ("equipment/L", "scheduledOn", "productionorder/1"): (3 * HOUR, "3", "mes"),
}


async def test_each_link_on_a_way_with_the_event_that_says_so() -> None:
    async with stored((0, PLANT)) as store:
        snapshot = await read(store, SCHEMA)
        lost = await with_evidence(store, SCHEMA, impact(snapshot, SCHEMA, "asset/AIR"))
        assert said(lost.affected[-1].via) == WAY
        behind = await with_evidence(store, SCHEMA, causes(snapshot, SCHEMA, "productionorder/1"))
        found = {one.id: said(one.via) for one in behind.causes}
        assert found["asset/AIR"] == WAY
        # The line needs the capability by two links, which differ in their qualifier: since the first of them.
        assert found["capability/glue"]["capability/glue", "requires", "equipment/L"] == (4 * HOUR, "4", "erp")


async def test_whatever_is_told_it_is_one_read_and_without_carriers_none() -> None:
    async with stored((0, PLANT)) as store:
        snapshot, counted = await read(store, SCHEMA), CountingStore(store)
        lost = impact(snapshot, SCHEMA, "asset/AIR")
        await with_evidence(counted, SCHEMA, (lost, causes(snapshot, SCHEMA, "productionorder/1")))
        assert counted.calls == ["related"]
        counted.calls.clear()
        assert await with_evidence(counted, SCHEMA, circles(snapshot)) == circles(snapshot)
        assert counted.calls == []


async def test_json_has_it_and_not_the_point_from_which_it_was_read() -> None:
    async with stored((0, PLANT)) as store:
        lost = await with_evidence(store, SCHEMA, impact(await read(store, SCHEMA), SCHEMA, "asset/AIR"))
    assert document(lost)["affected"][0]["via"] == [
        {
            "provider": "asset/AIR",
            "relation": "supplies",
            "dependent": "asset/CAP",
            "basis": "declared",
            "delaySeconds": 0.0,
            "said": "1970-01-01T01:00:00.000000Z",
            "event": "1",
            "eventSource": "erp",
        }
    ]


PAST = (
    (10, (says("1", "asset/AIR", "Machine", 1, AIR),)),
    (20, (unsays("2", "asset/AIR", "Machine", 4, AIR), says("3", "asset/AIR", "Machine", 6, AIR, source="mes"))),
    (30, (says("4", "asset/AIR", "Machine", 2, AIR, source="audit"),)),
)
"""By one o'clock AIR supplies CAP, from four to six it does not. That it was said again at two o'clock was stored last, at 30."""


async def test_it_is_that_of_the_point_of_the_answer_as_known_then() -> None:
    link = ("asset/AIR", "supplies", "asset/CAP")
    async with stored(*PAST) as store:
        found = {}
        for at in (NOW, AsOf(3 * HOUR), AsOf(3 * HOUR, 25 * HOUR), AsOf(None, 15 * HOUR), AsOf(None, 25 * HOUR)):
            lost = impact(await read(store, SCHEMA, at), SCHEMA, "asset/AIR")
            found[at] = said((await with_evidence(store, SCHEMA, lost)).affected[0].via)[link]
    assert found == {
        NOW: (6 * HOUR, "3", "mes"),
        AsOf(3 * HOUR): (2 * HOUR, "4", "audit"),
        AsOf(3 * HOUR, 25 * HOUR): (HOUR, "1", "erp"),
        AsOf(None, 15 * HOUR): (HOUR, "1", "erp"),
        AsOf(None, 25 * HOUR): (6 * HOUR, "3", "mes"),
    }


async def test_a_circle_that_is_gone_has_the_evidence_of_then() -> None:
    """A is a part of B from one o'clock, B of A from two to three; at four the other circle begins."""
    a, b = Link("partOf", "equipment/B"), Link("partOf", "equipment/A")
    said_then = (
        says("1", "equipment/A", "Area", 1, a),
        says("2", "equipment/B", "Area", 2, b),
        unsays("3", "equipment/B", "Area", 3, b),
        says("4", "equipment/C", "Area", 4, Link("partOf", "equipment/C")),
    )
    async with stored((0, said_then)) as store:
        then, now = await read(store, SCHEMA, AsOf(2 * HOUR)), await read(store, SCHEMA)
        found = await with_evidence(store, SCHEMA, changes(then, now, SCHEMA))
    assert {(one.how, tuple(sorted(said(one.circle.via).items()))) for one in found.circles} == {
        ("come", ((("equipment/C", "partOf", "equipment/C"), (4 * HOUR, "4", "erp")),)),
        (
            "gone",
            (
                (("equipment/A", "partOf", "equipment/B"), (HOUR, "1", "erp")),
                (("equipment/B", "partOf", "equipment/A"), (2 * HOUR, "2", "erp")),
            ),
        ),
    }


async def test_what_a_scenario_alone_says_no_event_says() -> None:
    planned = Scenario(
        without=("asset/AIR",), add=(Thing("asset/NEW", "Machine"),), link=(Triple("asset/AIR", "supplies", "asset/NEW"),)
    )
    async with stored((0, PLANT)) as store:
        found = await with_evidence(store, SCHEMA, what_if(await read(store, SCHEMA), SCHEMA, planned))
    told = {one.id: said(one.after.via) for one in found.effect.lost.differences if one.after is not None}
    assert told["asset/NEW"] == {("asset/AIR", "supplies", "asset/NEW"): (None, None, None)}
    assert told["productionorder/1"] == WAY


async def test_a_link_of_merged_things_is_the_one_things() -> None:
    """AIR is also called K: what K was said to supply, AIR does."""
    same = (
        says("6", "asset/K", "Machine", 6, Link("supplies", "asset/PUMP")),
        says("7", "asset/K", "Machine", 7, Link("sameAs", "asset/AIR")),
    )
    async with stored((0, (*PLANT, *same))) as raw:
        store = Merged(raw, SCHEMA)
        found = await with_evidence(store, SCHEMA, impact(await read(store, SCHEMA), SCHEMA, "asset/AIR"))
    told = {one.id: said(one.via) for one in found.affected}
    assert told["asset/PUMP"] == {("asset/AIR", "supplies", "asset/PUMP"): (6 * HOUR, "6", "erp")}
    assert told["productionorder/1"] == WAY


THINGS = {"asset/a": "Pump", "asset/b": "Pump", "asset/c": "Pump", "location/h": "Location", "person/p": "Person"}
RELATIONS = ("feeds", "locatedIn", "requires", "supplies", "operates", "partOf", "worksAt", "monitors")
links = st.builds(Link, st.sampled_from(RELATIONS), st.sampled_from(sorted(THINGS)), st.sampled_from(["", "q"]))
histories = st.lists(st.tuples(st.booleans(), st.sampled_from(sorted(THINGS)), links), max_size=25)


def history(told: Sequence[tuple[bool, str, Link]]) -> list[ChangeSet]:
    return [(says if holds else unsays)(f"e{i}", id, THINGS[id], i, link) for i, (holds, id, link) in enumerate(told)]


def all_carriers(snapshot: Snapshot) -> tuple[Carrier, ...]:
    return tuple(carrier(snapshot, edge) for edge in snapshot.needs.tolist())


def first(edges: Iterable[Edge]) -> dict[Ends, Said]:
    """The definition: of all links between the two by that relation the least stamp."""
    stamps: dict[Ends, list[Stamp]] = {}
    for edge in edges:
        relation = SCHEMA.relations[edge.relation]
        if relation.dependency == "target":
            stamps.setdefault((edge.target, edge.relation, edge.source), []).append(edge.stamp)
        elif relation.dependency == "source":
            stamps.setdefault((edge.source, edge.relation, edge.target), []).append(edge.stamp)
    return {ends: (min(some).valid, min(some).event, min(some).source) for ends, some in stamps.items()}


@given(histories, st.integers(0, 25))
@settings(max_examples=80, deadline=None)
async def test_of_all_edges_it_is_what_a_store_that_heard_no_more_holds(told: list[tuple[bool, str, Link]], until: int) -> None:
    heard = history(told)
    async with stored((0, heard)) as store, stored((0, heard[: until + 1])) as ended:
        for at, definition in ((AsOf(until * HOUR), ended), (NOW, store)):
            held = first([edge for id in THINGS for edge in await links_of(definition, id)])
            snapshot = await read(store, SCHEMA, at)
            assert said(await with_evidence(store, SCHEMA, all_carriers(snapshot))) == held
            whole = await evidence_of_all(store, SCHEMA, snapshot)
            assert {e: (edge.stamp.valid, edge.stamp.event, edge.stamp.source) for e, edge in whole.items()} == held


async def links_of(store: Store, id: str) -> list[Edge]:
    return (await store.related([Hop(id, Direction.OUT)]))[0]
