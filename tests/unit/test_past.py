"""The algebra of the two times: a read of (asOf, knownAt) is a read of now in a world where only what was visible then was ever
said. The oracle filters the statements and folds them by definition; it shares nothing with the product but the data types."""

import json
import sqlite3
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.model import Assert, ChangeSet, Edge, Link, Node, Order, Retract, Stamp
from brain.query import AsOf, Condition, Direction, Find, Hop, Op
from brain.schema import Schema
from brain.stores.sqlite import SqliteStore
from tests.contract import schema as small
from tests.contract.order import event

SCHEMA = small.schema()
IDS = ["a/1", "a/2", "b/1", "b/2", "c/1"]
CLASSES = ["Entity", "Asset", "Pump", "Scanner", "Step"]
SINGLE = {"locatedIn", "performedBy"}

ids = st.sampled_from(IDS)
values = st.fixed_dictionaries({}, optional={"name": st.sampled_from("xyz"), "on": st.booleans(), "starts": st.integers(0, 2)})
marks = st.dictionaries(st.sampled_from(["k", "name"]), st.integers(0, 2), max_size=1)
links = st.builds(Link, st.sampled_from(["locatedIn", "monitors"]), ids, st.sampled_from(["", "q"]))
link_lists = st.lists(links, max_size=2).map(tuple)
asserts = st.builds(Assert, ids, st.sampled_from(CLASSES), values, marks, link_lists).filter(lambda a: any(a[2:]))
names = st.lists(st.sampled_from(["name", "on", "starts"]), max_size=2, unique=True).map(tuple)
retracts = st.builds(Retract, ids, st.sampled_from(CLASSES), names, st.sampled_from([(), ("k",)]), link_lists)
change_sets = st.builds(
    ChangeSet,
    st.sampled_from(["e1", "e2", "e3", "e4"]),
    st.sampled_from(["s", "t"]),
    st.integers(1, 6),
    st.just(0),
    st.lists(asserts | asserts | retracts, min_size=1, max_size=2).map(tuple),
    st.integers(0, 1),
    st.none() | st.builds(Order, st.sampled_from(["k", "l"]), st.integers(0, 3)),
)


Key = tuple[str, str, str, str]
"""(source, relation, target, qualifier)."""


class Told(NamedTuple):
    recorded: int
    said: ChangeSet


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """What was stored when: some of it twice, none of it in order."""
    sets = draw(st.lists(change_sets, min_size=1, max_size=7))
    again = draw(st.lists(st.sampled_from(sets), max_size=2))
    recorded = sorted(draw(st.lists(st.integers(1, 6), min_size=len(sets + again), max_size=len(sets + again))))
    return [Told(*pair) for pair in zip(recorded, draw(st.permutations(sets + again)), strict=True)]


def model(told: list[Told], at: AsOf) -> tuple[dict[str, Node], list[Edge]]:
    """The model by its definition, over what was visible. A statement holds from its effective time on, and is known from the
    time on at which it was first stored."""
    known = [t.said for t in told if at.known is None or t.recorded <= at.known]
    seen = [(s, change, effective(s, known, change.subject)) for s in known for change in s.changes]
    seen = [one for one in seen if at.valid is None or one[2].valid <= at.valid]
    classes: dict[str, tuple[int, Stamp, str]] = {}
    registers: dict[str, dict[str, tuple[Stamp, str]]] = {}
    links: dict[Key, dict[bool, Stamp]] = {}
    for said, change, stamp in seen:
        assert isinstance(change, Assert | Retract)
        subject, holds = change.subject, isinstance(change, Assert)
        alike = [s for s, c, _ in seen if c.subject == subject and deep(c.cls) == deep(change.cls)]
        typed = (deep(change.cls), effective(said, alike, subject), change.cls)
        classes[subject] = max(typed, classes.get(subject, typed))
        mine = registers.setdefault(subject, {})
        for mark, part in (("", change.properties), ("@", change.attributes)):
            for name in part:
                claim = (stamp, json.dumps(part[name] if isinstance(part, dict) else None))
                mine[mark + name] = max(claim, mine.get(mark + name, claim))
        for link in change.links:
            end = links.setdefault((subject, *link), {})
            end[holds] = max(stamp, end.get(holds, stamp))
    # What is only named was named when the sender's own clock says so.
    named = [s for s in known if at.valid is None or s.valid <= at.valid]
    targets = {link.target for s in named for c in s.changes if isinstance(c, Assert | Retract) for link in c.links}
    nodes = {i: Node(i, "Entity", {}, {}, {}) for i in targets}
    for subject, (_, stamp, cls) in classes.items():
        mine = registers[subject]
        known = {name: json.loads(text) for name, (_, text) in mine.items() if text != "null"}
        properties = {n: v for n, v in known.items() if n[0] != "@"}
        attributes = {n[1:]: v for n, v in known.items() if n[0] == "@"}
        nodes[subject] = Node(subject, cls, properties, attributes, {"": stamp} | {n: s for n, (s, _) in mine.items()})
    return nodes, sorted(Edge(*key, stamp) for key, stamp in held(links).items())


def deep(cls: str) -> int:
    return len(SCHEMA.classes[cls].ancestors)


def effective(said: ChangeSet, among: list[ChangeSet], subject: str) -> Stamp:
    """(l, c) over what the same chain says of the subject at positions up to its own (Kulkarni et al.)."""
    if said.order is None:
        return said.stamp
    chain = [s for s in among if s.order and s.order.chain == said.order.chain and any(c.subject == subject for c in s.changes)]
    upto = [(s.valid, -s.order.position) for s in chain if s.order and s.order.position <= said.order.position]
    valid, least = max(upto)
    return Stamp(valid, said.order.position + least, *said.stamp[2:])


def held(links: dict[Key, dict[bool, Stamp]]) -> dict[Key, Stamp]:
    """A relation with one place for its target has the newest that was ever linked, if that was not undone since."""
    linked = {key: end[True] for key, end in links.items() if True in end}
    newest = {pair: max((s, k) for k, s in linked.items() if k[:2] == pair)[1] for pair in {k[:2] for k in linked}}
    there = {key: s for key, s in linked.items() if False not in links[key] or links[key][False] < s}
    return {key: s for key, s in there.items() if key[1] not in SINGLE or newest[key[:2]] == key}


moments = st.builds(AsOf, st.none() | st.integers(1, 7), st.none() | st.integers(1, 7))
conditions = st.sampled_from(
    [(), (Condition("name", Op.EQ, "x"),), (Condition("name", Op.NE, "x"),), (Condition("id", Op.STARTS_WITH, "b/"),)]
)


async def stored(told: list[Told], schema: Schema = SCHEMA) -> SqliteStore:
    now = 0
    store = SqliteStore("", lambda: now)
    await store.prepare(schema)
    for recorded, said in told:
        now = recorded
        await store.apply([said])
    return store


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    histories(), st.lists(moments, min_size=1, max_size=6), st.sampled_from(CLASSES), conditions, st.integers(1, 5), st.booleans()
)
async def test_every_read_is_the_definition(
    told: list[Told], when: list[AsOf], cls: str, where: tuple[Condition, ...], limit: int, backwards: bool
) -> None:
    store = await stored(told)
    try:
        for at in [AsOf(), *when]:
            nodes, edges = model(told, at)
            found = await store.nodes(IDS, at)
            assert found == [nodes.get(i) for i in IDS], at
            hops = [Hop(i, d, r, n) for i, d, r, n in product(IDS, Direction, ((), ("monitors",)), (1, 9))]
            assert await store.related(hops, at) == [ends(edges, hop) for hop in hops], at
            meant = [n for i, n in sorted(nodes.items()) if SCHEMA.is_a(n.cls, cls) and all(meets(n, c) for c in where)]
            page = await store.find(Find(cls, where, limit, backwards=backwards), at)
            assert page.nodes == tuple(meant[-limit:] if backwards else meant[:limit]), at
            assert page.more == (len(meant) > limit)
    finally:
        await store.close()


def ends(edges: list[Edge], hop: Hop) -> list[Edge]:
    found = [e for e in edges if e[0 if hop.direction is Direction.OUT else 2] == hop.node]
    found.sort(key=lambda e: (e.relation, e.target, e.source, e.qualifier))
    return [e for e in found if not hop.relations or e.relation in hop.relations][: hop.limit]


def meets(node: Node, condition: Condition) -> bool:
    if condition.property == "id":
        return node.id.startswith(str(condition.value))
    name = node.properties.get("name")
    return name is not None and (name == condition.value) == (condition.op is Op.EQ)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.data())
async def test_what_was_known_then_never_changes(told: list[Told], data: st.DataObject) -> None:
    """Whatever is stored later, the answer to (asOf, knownAt) with a knownAt before it stays what it was."""
    cut = data.draw(st.integers(0, len(told)))
    at = data.draw(st.builds(AsOf, st.none() | st.integers(1, 7), st.just(told[cut - 1].recorded if cut else 0)))
    earlier = [t for t in told if t.recorded <= (at.known or 0)]
    one, all_of_it = await stored(earlier), await stored(told)
    for store in (one, all_of_it):
        assert await store.nodes(IDS, at) == await one.nodes(IDS, at)
        assert await store.related([Hop(i) for i in IDS], at) == await one.related([Hop(i) for i in IDS], at)
        assert await store.find(Find("Entity"), at) == await one.find(Find("Entity"), at)
    await one.close()
    await all_of_it.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(1, 8), st.sampled_from([1.0, 2.0, None])), min_size=1, max_size=6, unique_by=lambda t: t[0])
)
async def test_telemetry_is_shown_where_its_one_value_held(samples: list[tuple[int, float | None]]) -> None:
    """`history: latest`: a value from the newest sample on, none before it, and none of what was believed."""
    made = [event("made", 0, Assert("p/1", "Pump", {"name": "P"}))]
    made += [
        event(f"t{valid}", valid, Retract("p/1", "Pump", ("flow",)) if flow is None else Assert("p/1", "Pump", {"flow": flow}))
        for valid, flow in samples
    ]
    store = await stored([Told(1, said) for said in made])
    newest, flow = max(samples)
    for valid in range(9):
        [then, believed] = [(await store.nodes(["p/1"], AsOf(valid, known)))[0] for known in (None, 1)]
        assert then is not None
        assert believed is not None
        assert then.properties.get("flow") == (flow if valid >= newest else None)
        assert "flow" not in believed.properties
        assert then.properties["name"] == "P"
    await store.close()


async def test_who_only_sends_telemetry_is_known_of_from_the_newest_sample_on() -> None:
    store = await stored([Told(1, event(f"t{t}", t, Assert("p/1", "Pump", {"flow": 1.0}))) for t in (3, 5)])
    found = [(await store.nodes(["p/1"], AsOf(valid)))[0] for valid in (4, 5)]
    assert [node and node.cls for node in found] == [None, "Pump"]
    await store.close()


async def test_half_open_at_both_ends() -> None:
    store = await stored(
        [
            Told(10, event("a", 5, Assert("p/1", "Pump", {"name": "A"}))),
            Told(20, event("b", 7, Assert("p/1", "Pump", {"name": "B"}))),
        ]
    )
    wanted = {
        (4, 10): None, (5, 9): None, (5, 10): "A", (6, 99): "A", (7, 19): "A", (7, 20): "B", (99, 19): "A", (99, 99): "B",
    }  # fmt: skip
    for (valid, known), name in wanted.items():
        [node] = await store.nodes(["p/1"], AsOf(valid, known))
        assert (node and node.properties["name"]) == name, (valid, known)
    await store.close()


async def test_a_list_of_the_past_knows_what_has_become_something_else() -> None:
    """A node is found under every class that it was ever said to be, whichever way and in whichever order it was told."""
    told = [event("e1", 1, Assert("x/1", "Pump", {"name": "P"})), event("e2", 2, Assert("x/1", "Scanner", {"name": "S"}))]
    for order in (told, told[::-1], None):
        store = SqliteStore("", lambda: 1)
        await store.prepare(SCHEMA)
        for batch in [told] if order is None else [[one] for one in order]:
            await store.apply(batch)
        for (cls, valid), wanted in {
            ("Pump", 1): ["Pump"], ("Scanner", 1): [], ("Asset", 1): ["Pump"], ("Pump", 2): [], ("Scanner", 2): ["Scanner"],
            ("Asset", 2): ["Scanner"],
        }.items():  # fmt: skip
            page = await store.find(Find(cls), AsOf(valid))
            assert [n.cls for n in page.nodes] == wanted, (order, cls, valid)
        await store.close()


async def test_an_older_file_learns_what_was_once_of_another_class(tmp_path: Path) -> None:
    """Files of format 1 did not note it; they are brought up when they are opened."""
    path = tmp_path / "old.db"
    for turn in range(2):
        store = SqliteStore(str(path), lambda: 1)
        await store.prepare(SCHEMA)
        if turn == 0:
            await store.apply(
                [event("e1", 1, Assert("x/1", "Pump", {"name": "P"})), event("e0", 0, Assert("y/1", "Pump", {"name": "Q"}))]
            )
            await store.apply([event("e2", 2, Assert("x/1", "Scanner", {"name": "S"}))])
        page = await store.find(Find("Pump"), AsOf(1))
        assert [n.id for n in page.nodes] == ["x/1", "y/1"]
        await store.close()
        db = sqlite3.connect(path)
        assert db.execute("SELECT class, id FROM aside").fetchall() == [("Pump", "x/1")]
        later = [("node", "voided"), ("node", "spans"), ("version", "ontology"), ("node", "tips")]
        drops = "; ".join(f"ALTER TABLE {table} DROP COLUMN {column}" for table, column in later)
        db.executescript(f"DROP TABLE aside; {drops}; PRAGMA user_version = 1")
        db.close()


async def test_pages_over_many_chunks() -> None:
    """More nodes, and more edges at one of them, than one statement takes ids."""
    many = 1203
    sets = [
        event(f"e{n:04}", n % 5, Assert(f"p/{n:04}", "Pump", {"starts": n % 3}, links=(Link("locatedIn", "w/1"),)))
        for n in range(many)
    ]
    store = await stored([Told(1, one) for one in sets[:0]])
    await store.apply(sets)
    late = [f"p/{n:04}" for n in range(many) if n % 5 <= 3 and n % 3 == 1]
    walked, after, more = list[str](), None, True
    while more:
        page = await store.find(Find("Pump", (Condition("starts", Op.EQ, 1),), 117, after), AsOf(3))
        walked += [n.id for n in page.nodes]
        after, more = walked[-1], page.more
    assert walked == late
    then = [f"p/{n:04}" for n in range(many) if n % 5 <= 3]
    whole, some = await store.related([Hop("w/1", Direction.IN, limit=5000), Hop("w/1", Direction.IN, limit=700)], AsOf(3))
    assert [e.source for e in whole] == then
    assert some == whole[:700]
    assert all(a.source < b.source for a, b in pairwise(whole))
    await store.close()
