"""Versions in Neo4j, alone and in blocks: what an analyst sees, no version twice, pages of a long history, and databases in which
every version is alone."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j import AsyncDriver

from brain.join import Joiner
from brain.model import Assert, ChangeSet, Link, Retract, Version, Void
from brain.query import AsOf, Direction, Hop, Versions, Window
from brain.schema import ROOT
from brain.stores.neo4j import Neo4jStore
from brain.stores.neo4j.blocks import MOST, Said, block_row, parcelled, versions
from brain.stores.neo4j.codec import version_row
from brain.stores.neo4j.cypher import BLOCK_FIXED, VERSION_FIXED
from brain.versions import body
from tests.contract.histories import change_sets
from tests.contract.reference import lines_of, reference
from tests.contract.schema import schema
from tests.integration.test_neo4j_graph import analyst, ask, empty, event, store

__all__ = ["analyst", "empty", "store"]

WARD = (Link("locatedIn", "ward/1"),)


def named(n: int, subject: str = "pump/1", at: int | None = None, links: tuple[Link, ...] = ()) -> ChangeSet:
    return event(f"e{n:06}", n if at is None else at, Assert(subject, "Pump", {"name": f"N{n}", "weight": n / 2}, {}, links))


async def nodes_of(driver: AsyncDriver) -> tuple[int, int]:
    """How many blocks there are, and versions alone."""
    [[blocks, alone]] = await ask(driver, "RETURN COUNT { (:Versions) }, COUNT { (:Version) }")
    return blocks, alone


async def stored(store: Neo4jStore) -> list[tuple[str, int]]:
    return sorted([(v.stamp.event, v.stamp.valid) async for v in store.scan(Versions())])


async def test_a_block_reads_well(store: Neo4jStore, analyst: AsyncDriver) -> None:
    said = {"name": "A", "on": True, "servicedAt": 90_000_001}
    await store.apply(
        [
            event("e2", 2, Assert("pump/1", "Pump", said | {"name": "B"}, {"a b": 2.5}, (Link("monitors", "x/2", "q"), *WARD))),
            event("e1", 1, Assert("pump/1", "Pump", said, {"a b": "t"}, (Link("monitors", "x/1", "q"), *WARD))),
            event("e3", 3, Assert("pump/1", "Pump", {"name": "C"})),
        ]
    )
    [[block]] = await ask(analyst, "MATCH (v:Versions)-[:OF]->(:Pump {id: 'pump/1'}) RETURN properties(v)")
    shown = {name: value for name, value in block.items() if name[0] != "_"}
    assert shown == {
        "name": ["A", "B"],
        "on": [True, True],
        "servicedAt": [90_000_001, 90_000_001],
        "attributeNames": ["a b"],
        "attributeValues": ["t", "2.5"],
        "linkRelations": ["monitors", "locatedIn"],
        "linkTargets": ["x/1", "ward/1", "x/2", "ward/1"],
        "linkQualifiers": ["q", ""],
    }
    assert (block["_events"], block["_valids"], block["_count"]) == (["e1", "e2"], [1, 2], 2)
    assert await ask(analyst, "MATCH (v:Version)-[:OF]->(:Pump) RETURN v._event, v.name") == [["e3", "C"]]


async def test_what_is_said_again_is_stored_once(store: Neo4jStore, analyst: AsyncDriver) -> None:
    """10,000 events of ten pumps, again in the same portions, in others, and one by one: no version more, and no node."""
    sets = [named(n, f"pump/{n % 10}") for n in range(10_000)]
    for at in range(0, 10_000, 2500):
        await store.apply(sets[at : at + 2500])
    before = await nodes_of(analyst)
    assert before == (40, 0)  # four portions, in each 250 versions of each pump
    for at in range(0, 10_000, 2500):
        await store.apply(sets[at : at + 2500])
    for at in range(700, 10_000, 3100):
        await store.apply(sets[at : at + 3100])
    for one in (sets[0], sets[4999], sets[9999]):
        await store.apply([one])
    assert await nodes_of(analyst) == before
    assert await stored(store) == [(f"e{n:06}", n) for n in range(10_000)]


async def test_known_since_it_was_first_said(empty: str) -> None:
    """A version of a block, of none, and one that a block brings again: each is known from when it first came."""
    clock = count(100, 100)
    store = Neo4jStore(empty, lambda: next(clock))
    await store.prepare(schema())
    await store.apply([named(1), named(3)])  # recorded at 100, together
    await store.apply([named(5)])  # at 200, alone
    await store.apply([named(1), named(2), named(3), named(4), named(5)])  # at 300: the second and the fourth are new
    await store.apply([named(4)])
    [found] = await store.history(["pump/1"])
    await store.close()
    assert [(v.properties["name"], v.recorded) for v in found] == [
        ("N5", 200),
        ("N4", 300),
        ("N3", 100),
        ("N2", 300),
        ("N1", 100),
    ]


async def test_one_time_many_words(store: Neo4jStore) -> None:
    """Events of one moment, and one event that says two things, are as many versions as they are, in blocks or not."""
    same = [named(n, at=7) for n in range(4)]
    twice = [event("e000001", 7, Assert("pump/1", "Pump", {"name": name, "weight": 0.5})) for name in ("X", "Y")]
    sets = [*same, *twice]
    await store.apply(sets[:3])
    await store.apply(sets[2:])
    await store.apply(sets[::-1])
    assert await lines_of(store) == reference(schema(), sets)
    assert len(await stored(store)) == 6


async def test_pages_of_a_long_history(store: Neo4jStore) -> None:
    """Blocks one behind the other, one that lies over others, and versions alone, read in pages of any size."""
    sets = [named(n, at=n * 10) for n in range(2000)]
    for part in (sets[:900], sets[1400:], sets[901:1400:2], sets[902:1400:2], sets[900:901]):
        await store.apply(part)
    newest = [n * 10 for n in range(1999, -1, -1)]
    for start, end, limit in (
        (None, None, 10), (None, None, 700), (None, None, 5000), (None, 9500, 3), (9000, None, 2000), (8995, 14005, 40),
        (8990, 9000, 40), (19_990, 19_991, 1), (19_991, None, 5), (None, 0, 5), (None, 10, 5), (123, 123, 5),
    ):  # fmt: skip
        [found] = await store.history(["pump/1"], Window(start, end, limit))
        inside = [t for t in newest if (start is None or t >= start) and (end is None or t < end)]
        assert [v.stamp.valid for v in found] == inside[:limit], (start, end, limit)


async def test_a_short_page_leaves_old_blocks_alone(store: Neo4jStore, analyst: AsyncDriver) -> None:
    """What is read is counted by breaking it: a block of long ago with lists that do not fit would make the read fail."""
    for at in range(0, 10 * MOST, MOST):
        await store.apply([named(n) for n in range(at, at + MOST)])
    assert await nodes_of(analyst) == (10, 0)
    await ask(analyst, f"MATCH (v:Versions) WHERE v._last < {9 * MOST} SET v._events = ['broken']")
    [found] = await store.history(["pump/1"], Window(limit=10))
    assert [v.stamp.valid for v in found] == list(range(10 * MOST - 1, 10 * MOST - 11, -1))
    with pytest.raises(ValueError, match="zip"):
        await store.history(["pump/1"], Window(limit=MOST + 1))


async def test_the_past_within_a_block(store: Neo4jStore) -> None:
    """Half of a block is not yet so; what it names later is not named yet."""
    sets = [
        event(f"e{n}", n, Assert("pump/1", "Pump", {"name": f"N{n}"}, {}, (Link("locatedIn", f"w/{n}"),))) for n in range(1, 5)
    ]
    await store.apply(sets)
    for then in range(6):
        [pump, *wards] = await store.nodes(["pump/1", "w/1", "w/2", "w/3", "w/4"], AsOf(then))
        assert (pump and pump.properties) == ({"name": f"N{min(then, 4)}"} if then else None)
        assert [ward and ward.cls for ward in wards] == [ROOT if n <= then else None for n in range(1, 5)]
        away, back = await store.related([Hop("pump/1"), Hop("w/3", Direction.IN)], AsOf(then))
        assert [e.target for e in away] == ([f"w/{min(then, 4)}"] if then else [])
        assert [e.source for e in back] == (["pump/1"] if then == 3 else [])


async def test_a_version_of_a_block_is_taken_back(store: Neo4jStore) -> None:
    sets = [named(n, links=WARD if n == 2 else ()) for n in range(4)]
    void = event("v", 9, Void("pump/1", "Pump", "e000003", "s"))
    for one in (sets, [void], [named(3)]):
        await store.apply(one)
    assert await lines_of(store) == reference(schema(), [*sets, void])
    [node] = await store.nodes(["pump/1"])
    assert node is not None
    assert node.properties == {"name": "N2", "weight": 1.0}


@pytest.fixture
async def before_blocks(store: Neo4jStore, analyst: AsyncDriver) -> list[ChangeSet]:
    """A database of format 2, in which each of these is a version alone."""
    sets = [named(n, links=WARD) for n in range(6)]
    await store.apply(sets)
    [[blocks]] = await ask(analyst, "MATCH (v:Versions) RETURN collect(properties(v))")
    [_, alone] = [await ask(analyst, text) for text in ("MATCH (v:Versions) DETACH DELETE v", "RETURN 0")]
    assert alone == [[0]]
    said = [v for block in blocks for v in versions([list(block), list(block.values())])]
    for version in said:
        row, cells = version_row(version, body(version))
        properties = dict(zip(VERSION_FIXED, row, strict=True)) | cells
        await analyst.execute_query("MATCH (n {id: 'pump/1'}) CREATE (v:Version)-[:OF]->(n) SET v = $p", p=properties)
    await ask(analyst, "MATCH (b:Brain) SET b.format = 2")
    await store.prepare(schema())
    return sets


async def test_versions_of_the_format_before_are_versions_still(
    store: Neo4jStore, analyst: AsyncDriver, before_blocks: list[ChangeSet]
) -> None:
    assert await nodes_of(analyst) == (0, 6)
    assert await ask(analyst, "MATCH (b:Brain) RETURN b.format") == [[3]]
    assert await lines_of(store) == reference(schema(), before_blocks)
    [found] = await store.history(["pump/1"], Window(limit=4))
    assert [v.properties["name"] for v in found] == ["N5", "N4", "N3", "N2"]
    more = [*before_blocks, named(6), named(7), event("r", 8, Retract("pump/1", "Pump", ("weight",), (), WARD))]
    await store.apply(more[3:])
    assert await nodes_of(analyst) == (1, 7)
    await store.apply([void := event("v", 9, Void("pump/1", "Pump", "e000007", "s"))])
    assert await lines_of(store) == reference(schema(), [*more, void])


@given(st.lists(change_sets, max_size=12))
def test_what_goes_into_a_block_comes_out(sets: list[ChangeSet]) -> None:
    delta = Joiner(schema()).join(sets, 17)
    parcel = parcelled((version, text) for (_, _, text), version in delta.versions.items())
    rows = [block_row(block, frozenset()) for block in parcel.blocks]
    found = [v for row, cells in rows for v in versions([[*BLOCK_FIXED, *cells], [*row, *cells.values()]])]
    assert all(len(set(map(type, column))) == 1 for _, cells in rows for column in cells.values())

    def texts(said: list[Version]) -> list[tuple[object, ...]]:
        return sorted((v.subject, v.stamp, body(v), v.received, v.recorded, v.ontology) for v in said)

    inside: list[Said] = [one for block in parcel.blocks for one in block]
    assert texts(found) == texts([version for version, _ in inside])
    assert sorted(text for _, text in parcel.said()) == sorted(text for _, _, text in delta.versions)
