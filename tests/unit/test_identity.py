"""Identity: one merged view of the set of assertions, whatever the order; taken back without a trace; the rules that propose."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import groupby, pairwise, permutations
from operator import attrgetter
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.errors import BadQuery
from brain.identities import Merged, accept, proposals, reject, undo
from brain.identities.known import Known
from brain.identity import CERTAIN, clusters
from brain.model import Assert, Change, ChangeSet, Link, Node, Retract, Stamp, Void
from brain.ports import Store
from brain.query import AsOf, Condition, Direction, Edges, Find, Hop, Nodes, Occurrences, Op
from brain.schema import ROOT, Datatype, Property, Relation, Schema
from brain.stores import open_store
from tests.contract import histories
from tests.contract.schema import schema
from tests.unit.api_plant import CountingStore

IDS = histories.IDS


@asynccontextmanager
async def merged(batches: Sequence[Sequence[ChangeSet]], of: Schema | None = None) -> AsyncIterator[Merged]:
    store = open_store("sqlite://")
    await store.prepare(of or schema())
    try:
        view = Merged(store, of or schema(), age=0)
        for batch in batches:
            await view.apply(batch)
        yield view
    finally:
        await store.close()


async def everything(view: Merged, at: AsOf = AsOf()) -> list[Any]:
    """All that reads show, in an order that does not depend on the store's."""
    ids = [*IDS, "c/9"]
    hops = [Hop(id, direction) for id in ids for direction in Direction]
    return [
        await view.nodes(ids, at),
        (await view.find(Find(ROOT), at)).nodes,
        (await view.find(Find("Asset", limit=1), at)).nodes,
        await view.related(hops, at),
        [[v._replace(recorded=0, received=0) for v in versions] for versions in await view.history(ids)],
        await view.quality(ids),
        [node async for node in view.scan(Nodes(ROOT))],
        sorted([edge async for edge in view.scan(Edges())]),
        sorted([found async for found in view.scan(Occurrences(ROOT))], key=str),
        await view.object_types(),
        await view.count(Find("Asset")),
    ]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[ChangeSet], list[list[ChangeSet]]]:
    """A set of change sets, and the same set as batches: shuffled, with repetitions, cut anywhere."""
    sets = draw(st.lists(histories.change_sets, min_size=1, max_size=8))
    order = draw(st.permutations([*sets, *draw(st.lists(st.sampled_from(sets), max_size=4))]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)))
    return sets, [list(order[a:b]) for a, b in pairwise([0, *cuts, len(order)])]


@settings(deadline=None)
@given(arrivals())
async def test_any_order_and_any_batching_give_one_merged_view(arrival: tuple[list[ChangeSet], list[list[ChangeSet]]]) -> None:
    sets, batches = arrival
    async with merged([sets]) as straight, merged(batches) as shuffled:
        assert await everything(straight) == await everything(shuffled)
        assert await everything(straight, AsOf(1)) == await everything(shuffled, AsOf(1))


# ---- Two names, as if everybody had used one ---------------------------------------------------------------------

NAMES = ["a/1", "a/2", "b/1"]
"""The first two are merged in the differential test; the third is another thing."""

pairs = [(a, b) for a in NAMES for b in NAMES if a != b]


def as_one(change: Change) -> Change:
    def one(id: str) -> str:
        return "a/1" if id == "a/2" else id

    if isinstance(change, Assert | Retract):
        links = tuple(link._replace(target=one(link.target)) for link in change.links)
        return change._replace(subject=one(change.subject), links=links)
    return change._replace(subject=one(change.subject))


@st.composite
def plain_histories(draw: st.DrawFn) -> list[ChangeSet]:
    """Change sets, each with an event of its own, that undo no links, take back no events and stand in no chain: what those mean
    depends on the name under which they were said. Nor does an event put one thing into two places: which holds is decided by
    the places' names."""
    made = []
    for n, one in enumerate(draw(st.lists(histories.change_sets, min_size=1, max_size=8))):
        changes: list[Change] = []
        placed: set[str] = set()
        for change in one.changes:
            if isinstance(change, Void):
                continue
            if isinstance(change, Assert):
                links = [k for k in change.links if k.relation in ("monitors", "object")]
                links += [k for k in change.links if k.relation == "locatedIn" and as_one(change).subject not in placed][:1]
                placed |= {as_one(change).subject for k in links if k.relation == "locatedIn"}
                change = change._replace(links=tuple(links))
            elif isinstance(change, Retract):
                change = change._replace(links=())
            changes.append(change)
        made.append(one._replace(event=f"{one.event}-{n}", changes=tuple(changes), order=None))
    return made


@settings(deadline=None)
@given(plain_histories())
async def test_what_was_said_of_two_names_reads_as_if_said_of_one(sets: list[ChangeSet]) -> None:
    """The oracle is a store that was told everything under one name."""
    link = ChangeSet("m", "s", -9, 0, (Assert("a/2", ROOT, links=(Link("sameAs", "a/1"),)), Assert("a/1", ROOT)))
    said = ChangeSet("m", "s", -9, 0, (Assert("a/1", ROOT),))
    async with (
        merged([sets, [link]]) as two,
        merged([[one._replace(changes=tuple(map(as_one, one.changes))) for one in sets], [said]]) as one,
    ):
        ids = [id for id in [*IDS, "c/9"] if id != "a/2"]
        assert [_plain(n) for n in await two.nodes(ids)] == [_plain(n) for n in await one.raw.nodes(ids)]
        assert await two.nodes(["a/2"]) == await two.nodes(["a/1"])
        for query in QUERIES:
            page, expected = await two.find(query), await one.raw.find(query)
            assert ([_plain(n) for n in page.nodes], page.more) == ([_plain(n) for n in expected.nodes], expected.more), query
            assert await two.count(query) == await one.raw.count(query)
        hops = [Hop(id, direction, (), limit) for id in ids for direction in Direction for limit in (1, 1000)]
        assert await two.related(hops) == await one.raw.related(hops)
        assert sorted([e async for e in two.scan(Edges())]) == sorted([e async for e in one.raw.scan(Edges())])
        for cls in (ROOT, "Asset", "Pump"):
            assert [_plain(n) async for n in two.scan(Nodes(cls))] == [_plain(n) async for n in one.raw.scan(Nodes(cls))]
            told = [o async for o in two.scan(Occurrences(cls))]
            assert sorted(told, key=str) == sorted([o async for o in one.raw.scan(Occurrences(cls))], key=str)
            assert len([of for of, _ in groupby(told, attrgetter("object"))]) == len({o.object for o in told})
        assert await two.object_types() == await one.raw.object_types()
        quality = [[q._replace(subject="") for q in flags] for flags in await two.quality(ids)]
        assert [sorted(q, key=str) for q in quality] == [
            sorted({q._replace(subject="") for q in flags}, key=str) for flags in await one.raw.quality(ids)
        ]


QUERIES = [
    Find(ROOT),
    Find("Asset", limit=0),
    Find(ROOT, limit=1),
    Find("Asset", limit=1, after="a/1"),
    Find("Pump", limit=2, before="b/1", backwards=True),
    Find("Asset", (Condition("state", Op.EQ, "x"),)),
    Find("Pump", (Condition("starts", Op.GE, 0), Condition("name", Op.NE, "x"))),
]


def _plain(node: Node | None) -> Node | None:
    """Without what tells of the merge."""
    if node is None:
        return None
    spans = {name: tuple(some) for name, some in node.spans.items()}
    return Node(node.id, node.cls, node.properties, node.attributes, node.stamps, spans)


@settings(deadline=None)
@given(plain_histories(), st.lists(st.sampled_from(pairs), min_size=1, max_size=4))
async def test_a_merge_undone_gives_back_exactly_what_was(sets: list[ChangeSet], joined: list[tuple[str, str]]) -> None:
    known = ChangeSet("known", "s", -9, 0, tuple(Assert(id, ROOT) for id in NAMES))
    merges = [ChangeSet(f"m{n}", "s", -8, 0, (Assert(a, ROOT, links=(Link("sameAs", b),)),)) for n, (a, b) in enumerate(joined)]
    async with merged([[known], sets]) as view:
        before = await everything(view)
        await view.apply(merges)
        assert len((await view.known.clusters()).members) == 1
        later = 10**15
        await view.apply([await undo(view, [id for id in NAMES if len(await view.ids(id)) > 1], "tests", later)])
        after = await everything(view)
        # histories have grown by the merge and its undoing; and the root class may have been said again, of what is but that
        assert [_said(n) for n in after[0]] == [_said(n) for n in before[0]]
        assert after[3] == before[3]
        assert after[5] == before[5]
        assert after[7:] == before[7:]
        at = AsOf(later)
        assert await view.nodes(NAMES, at) == await view.raw.nodes(NAMES, at)


def _said(node: Node | None) -> Any:
    stamps = {} if node is None else {name: stamp for name, stamp in node.stamps.items() if name or node.cls != ROOT}
    return None if node is None else (node.id, node.cls, node.properties, node.attributes, stamps)


@given(st.lists(st.sampled_from(pairs), max_size=5))
def test_clusters_are_the_same_from_any_order_of_the_links(links: list[tuple[str, str]]) -> None:
    for order in list(permutations(links))[:24]:
        found = clusters((b, a) if n % 2 else (a, b) for n, (a, b) in enumerate(order))
        assert found == clusters(links)
    for a, b in links:
        assert found.one(a) == found.one(b) == min(found.all(a))


# ---- The rules that propose --------------------------------------------------------------------------------------


def plant(confidence: float = 0.9) -> Schema:
    """The ontology of the contract, with serial numbers and badges."""
    serial = Property("serial", "t:serial", Datatype.STRING, indexed=True, identity=confidence)
    badge = Property("badge", "t:badge", Datatype.INTEGER, indexed=True, identity=0.5)
    told = {n: Relation(n, f"t:{n}", ROOT, ROOT) for n in ("sameAs", "differentFrom")}
    made = schema()
    classes = {
        name: replace(
            cls,
            properties={**cls.properties, **({"serial": serial, "badge": badge} if made.is_a(name, "Asset") else {})},
            relations={**cls.relations, **told},
        )
        for name, cls in made.classes.items()
    }
    return Schema("plant", classes)


def pump(id: str, valid: int = 1, **properties: Any) -> ChangeSet:
    return ChangeSet(f"{id}@{valid}", "s", valid, valid, (Assert(id, "Pump", properties),))


async def test_equal_values_are_proposed_surest_first_within_a_keyspace() -> None:
    said = [pump("a/1", serial="X", badge=7), pump("a/2", serial="X"), pump("a/3", badge=7), pump("b/1", serial="X")]
    blank = [pump("a/4", serial=""), pump("a/5", serial=""), pump("a/6", serial="  "), pump("a/7", serial="  ")]
    async with merged([said, blank], plant()) as view:
        found = await proposals(view)
    assert [(p.ids, p.property, p.value, p.confidence) for p in found] == [
        (("a/1", "a/2"), "serial", "X", 0.9),
        (("a/1", "a/3"), "badge", 7, 0.5),
    ]
    assert found[0].evidence == (Stamp(1, 0, 0, "a/1@1", "s"), Stamp(1, 0, 0, "a/2@1", "s"))


async def test_of_three_alike_one_told_apart_is_proposed_with_the_rest_alone() -> None:
    said = [pump(f"a/{n}", serial="X") for n in (1, 2, 3)]
    async with merged([said], plant()) as view:
        assert [p.ids for p in await proposals(view)] == [("a/1", "a/2", "a/3")]
        await view.apply([await reject(view, ["a/2", "a/1"], "tests", 5)])
        assert [p.ids for p in await proposals(view)] == [("a/1", "a/3"), ("a/2", "a/3")]
        await view.apply([await accept(view, ["a/3", "a/1"], "tests", 6)])
        assert await proposals(view) == []
        assert await view.ids("a/3") == ("a/1", "a/3")
        # taking the rejection back proposes what it had kept apart, the merged two as one
        await view.apply([await undo(view, ["a/2"], "tests", 7)])
        assert [p.ids for p in await proposals(view)] == [("a/1", "a/2")]


async def test_full_confidence_merges_by_itself_and_only_while_the_values_are_equal() -> None:
    said = [pump("a/1", 1, serial="X", flow=1.0), pump("a/2", 2, serial="X", flow=2.0), pump("a/2", 5, serial="Y")]
    async with merged([said[:2]], plant(CERTAIN)) as view:
        (node,) = (await view.find(Find("Pump"))).nodes
        assert (node.id, node.properties["flow"]) == ("a/1", 2.0)
        assert await proposals(view) == []
        await view.apply(said[2:])
        assert [n.id for n in (await view.find(Find("Pump"))).nodes] == ["a/1", "a/2"]
        assert [n.id for n in (await view.find(Find("Pump"), AsOf(3))).nodes] == ["a/1"]
        assert [n.id for n in (await view.find(Find("Pump"), AsOf(1))).nodes] == ["a/1"]
        assert (await view.nodes(["a/2"], AsOf(1))) == [None]


async def test_what_is_sure_and_told_apart_waits_for_people() -> None:
    said = [pump(f"a/{n}", serial="X") for n in (1, 2, 3)]
    async with merged([said], plant(CERTAIN)) as view:
        assert await view.ids("a/3") == ("a/1", "a/2", "a/3")
        # a/2 leaves; the other two stay one thing
        await view.apply([await undo(view, ["a/2"], "tests", 5)])
        assert await view.ids("a/2") == ("a/2",)
        assert await view.ids("a/3") == ("a/1", "a/3")
        assert await proposals(view) == []


async def test_one_of_three_leaves_and_the_others_stay_together_though_it_had_joined_them() -> None:
    said = [pump(f"a/{n}") for n in (1, 2, 3)]
    async with merged([said], plant()) as view:
        await view.apply([await accept(view, ["a/1", "a/2", "a/3"], "tests", 5)])
        await view.apply([await undo(view, ["a/1"], "tests", 6)])
        assert [await view.ids(f"a/{n}") for n in (1, 2, 3)] == [("a/1",), ("a/2", "a/3"), ("a/2", "a/3")]


async def test_a_merge_by_a_clock_that_was_ahead_can_be_undone() -> None:
    ahead = ChangeSet("m", "s", 10**9, 1, (Assert("a/1", ROOT, links=(Link("sameAs", "a/2", "q"),)),), authority=9)
    async with merged([[pump("a/1"), pump("a/2"), ahead]], plant()) as view:
        await view.apply([await undo(view, ["a/2"], "tests", 5)])
        assert await view.ids("a/1") == ("a/1",)


async def test_decisions_that_make_no_sense_say_why() -> None:
    said = [pump("a/1"), pump("a/2"), pump("b/1")]
    async with merged([said], plant()) as view:
        with pytest.raises(BadQuery, match="the store knows nothing called 'a/9'"):
            await accept(view, ["a/1", "a/9"], "tests", 5)
        with pytest.raises(BadQuery, match="name at least 2 different ids"):
            await accept(view, ["a/1", "a/1"], "tests", 5)
        with pytest.raises(BadQuery, match="a thing of a/ and one of b/ cannot be one"):
            await accept(view, ["a/1", "b/1"], "tests", 5)
        with pytest.raises(BadQuery, match="there is nothing to undo: a/1 is neither merged nor told apart"):
            await undo(view, ["a/1"], "tests", 5)
        await view.apply([await accept(view, ["a/1", "a/2"], "tests", 5)])
        with pytest.raises(BadQuery, match="a/1 and a/2 are merged already, as a/1"):
            await accept(view, ["a/1", "a/2"], "tests", 6)
        with pytest.raises(BadQuery, match="take that back first"):
            await reject(view, ["a/1", "a/2"], "tests", 6)


async def test_a_link_holds_for_the_thing_while_it_holds_for_one_of_its_names() -> None:
    def at(event: str, valid: int, *changes: Change) -> ChangeSet:
        return ChangeSet(event, "s", valid, valid, changes)

    said = [
        at("1", 1, Assert("a/1", "Pump", links=(Link("locatedIn", "h/1"), Link("monitors", "h/9")))),
        at("2", 2, Assert("a/2", "Pump", links=(Link("locatedIn", "h/2"), Link("monitors", "h/9")))),
        at("3", 3, Assert("b/1", "Pump", links=(Link("locatedIn", "a/2"),))),
        at("m", 4, Assert("a/2", ROOT, links=(Link("sameAs", "a/1"),))),
    ]
    async with merged([said]) as view:

        async def held(id: str, direction: Direction = Direction.OUT) -> list[tuple[str, str, str, str]]:
            edges = (await view.related([Hop(id, direction)]))[0]
            return [(e.source, e.relation, e.target, e.stamp.event) for e in edges]

        # one place at a time, the newer; one link out of two that say the same, by the newer
        both = [("a/1", "locatedIn", "h/2", "2"), ("a/1", "monitors", "h/9", "2")]
        assert await held("a/1") == await held("a/2") == both
        assert await held("h/1", Direction.IN) == []
        assert await held("a/2", Direction.IN) == [("b/1", "locatedIn", "a/1", "3")]
        # what was said of a/2 is taken back; what was said of a/1 stands
        await view.apply([at("5", 5, Retract("a/2", "Pump", links=(Link("locatedIn", "h/2"), Link("monitors", "h/9"))))])
        assert await held("a/2") == [("a/1", "locatedIn", "h/1", "1"), ("a/1", "monitors", "h/9", "1")]
        assert sorted([e[:3] async for e in view.scan(Edges())]) == [
            ("a/1", "locatedIn", "h/1"),
            ("a/1", "monitors", "h/9"),
            ("b/1", "locatedIn", "a/1"),
        ]


async def test_where_nothing_is_merged_the_store_is_asked_once_in_a_while() -> None:
    """A look at the merges is taken when the last is too old, when one's own commit may hold one, and not otherwise."""
    seconds = [0.0]
    async with merged([[pump("a/1"), pump("a/2")]], plant()) as view:
        counted = CountingStore(view.raw)
        known = Known(cast(Store, counted), plant(), 1.0, lambda: seconds[0])
        for now, looks in ((0.0, 1), (0.9, 1), (1.1, 2), (1.2, 2)):
            seconds[0] = now
            assert not (await known.clusters()).members
            assert counted.calls == ["scan"] * looks
        await view.raw.apply([ChangeSet("m", "s", 5, 5, (Assert("a/2", ROOT, links=(Link("sameAs", "a/1"),)),))])
        assert (await known.clusters()).members == {}
        known.forget()
        assert (await known.clusters()).members == {"a/1": ("a/1", "a/2")}
