"""What the reads promise, by examples worked by hand; `find` by `brain.past.matches` too."""

from itertools import groupby
from operator import itemgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.errors import BadQuery
from brain.model import Assert, Link, Occurrence, Retract, Stamp, Void
from brain.past import matches
from brain.ports import Store
from brain.query import (
    AsOf,
    Condition,
    Direction,
    Edges,
    Find,
    Hop,
    Nodes,
    Occurrences,
    Op,
    Qualities,
    Told,
    Versions,
    Window,
)
from tests.contract.histories import INTEGERS, NUMBERS, TEXTS
from tests.contract.order import event, only

IDS = ["a/1", "a/2", "a/\ue000", "a/\uffee", "a/\U0001f600", "a/\U0001f600\uffee", "b/1", "é/1", "Z"]


async def park(store: Store) -> list[str]:
    """Nodes of every kind with every sort of value; returns the ids in order."""
    values = {
        "name": [*TEXTS, "abc", "ab", "b"],
        "starts": INTEGERS,
        "weight": [*NUMBERS, 2],
        "on": [True, False],
        "servicedAt": [0, -1, 1_700_000_000_123_456],
    }
    sets = []
    for i in range(24):
        said = {n: v[i % len(v)] for n, v in values.items() if (i + len(n)) % 3}
        ids = IDS[i] if i < len(IDS) else f"p/{i}"
        cls = ["Pump", "Pump", "Scanner", "Person"][i % 4]
        known = {n: v for n, v in said.items() if cls == "Pump" or n in ("name", "weight")}
        sets.append(event(f"e{i}", i, Assert(ids, cls, known)))
    await store.apply(sets)
    return sorted(one.changes[0].subject for one in sets)


def comparisons() -> st.SearchStrategy[Condition]:
    """Conditions of every operator, on values of the right sort and of the wrong."""
    texts = st.sampled_from([*TEXTS, "ab", "b", "a/\uffee", "a/\U0001f600", "\ue000"])
    wholes = st.sampled_from([*INTEGERS, 2])
    numbers = st.sampled_from(NUMBERS) | wholes | st.booleans()
    instants = st.sampled_from([0, -1, 1, 1_700_000_000_123_456, 0.5, -0.5])
    sorts = {"name": texts, "id": texts, "starts": wholes, "weight": numbers, "on": numbers, "servicedAt": instants}
    anything = texts | numbers | instants
    ordered = st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE])

    def of(name: str) -> st.SearchStrategy[Condition]:
        right = sorts[name]
        values = right | right | right | anything
        worded = st.builds(Condition, st.just(name), st.sampled_from([Op.CONTAINS, Op.STARTS_WITH]), texts | numbers)
        listed = st.builds(Condition, st.just(name), st.just(Op.IN), st.lists(values, max_size=3).map(tuple))
        return st.builds(Condition, st.just(name), ordered, values) | worded | listed

    return st.sampled_from(sorted(sorts)).flatmap(of)


def find_means_matches(examples: int):  # type: ignore[no-untyped-def]
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    async def test_find_means_matches(self: object, store: Store, data: st.DataObject) -> None:
        if await store.count(Find("Entity")) == 0:
            await park(store)
        where = tuple(data.draw(st.lists(comparisons(), max_size=2)))
        cls = data.draw(st.sampled_from(["Pump", "Pump", "Asset"]))
        if cls == "Asset":
            where = tuple(c for c in where if c.property in ("id", "name", "weight"))
        ends = st.none() | st.sampled_from(["", *IDS, "p/13", "\uffee", "\U0001f600"])
        query = Find(cls, where, data.draw(st.integers(1, 6)), data.draw(ends), data.draw(ends), data.draw(st.booleans()))
        everything = [n async for n in store.scan(Nodes(cls))]
        meant = [n for n in everything if matches(n, where)]
        assert await store.count(query) == len(meant)
        inside = [n for n in meant if n.id > (query.after or "") and (query.before is None or n.id < query.before)]
        page = await store.find(query)
        assert page.nodes == tuple(inside[-query.limit :] if query.backwards else inside[: query.limit])
        assert page.more == (len(inside) > query.limit)

    return test_find_means_matches


class ReadContract:
    async def test_nodes_in_the_order_asked(self, store: Store) -> None:
        await park(store)
        found = await store.nodes(["b/1", "no/such", "a/1", "b/1"])
        assert [n and n.id for n in found] == ["b/1", None, "a/1", "b/1"]
        assert await store.nodes([]) == []

    async def test_pages_forwards_and_back_by_code_point(self, store: Store) -> None:
        ids = await park(store)
        walked, after, more = [], None, True
        while more:
            page = await store.find(Find("Entity", limit=5, after=after))
            walked += [n.id for n in page.nodes]
            after, more = walked[-1], page.more
        assert walked == ids
        back, before, more = list[str](), None, True
        while more:
            page = await store.find(Find("Entity", limit=5, before=before, backwards=True))
            back = [n.id for n in page.nodes] + back
            before, more = back[0], page.more
        assert back == ids

    async def test_a_class_holds_those_below_it(self, store: Store) -> None:
        await park(store)
        assert await store.count(Find("Asset")) == 18
        assert await store.count(Find("Person")) == 6
        assert {n.cls async for n in store.scan(Nodes("Asset"))} == {"Pump", "Scanner"}
        assert [n.id async for n in store.scan(Nodes("Entity"))] == await ids_of(store)

    async def test_unknown_names_are_bad_queries(self, store: Store) -> None:
        for query in (
            Find("Pumpp"),
            Find("Pump", (Condition("flwo", Op.EQ, 1),)),
            Find("Person", (Condition("flow", Op.EQ, 1),)),
            Find("Pump", (Condition("flow` = 1 OR true //", Op.EQ, 1),)),
            Find("Pump", (Condition("flow", Op.EQ, (1, 2)),)),
            Find("Pump", (Condition("flow", Op.IN, 1),)),
            Find("Pump", (Condition("starts", Op.EQ, 2**63),)),
        ):
            with pytest.raises(BadQuery):
                await store.find(query)
            with pytest.raises(BadQuery):
                await store.count(query)
        with pytest.raises(BadQuery, match="did you mean 'Pump'"):
            _ = [n async for n in store.scan(Nodes("Pumpp"))]

    async def test_related(self, store: Store) -> None:
        links = (Link("object", "o/2", "x"), Link("object", "o/2"), Link("object", "o/1"), Link("performedBy", "p/1"))
        await store.apply([event("e1", 1, Assert("s/1", "Step", links=links))])
        await store.apply([event("e2", 2, Assert("s/0", "Step", links=links[:1]))])
        hops = [
            Hop("s/1"),
            Hop("s/1", limit=2),
            Hop("s/1", relations=("performedBy", "monitors")),
            Hop("o/2", Direction.IN),
            Hop("o/2", Direction.IN, ("performedBy",)),
            Hop("no/such"),
            Hop("s/1"),
        ]
        all_out = [("object", "o/1", ""), ("object", "o/2", ""), ("object", "o/2", "x"), ("performedBy", "p/1", "")]
        found = await store.related(hops)
        assert [[e[1:4] for e in edges] for edges in found[:3]] == [all_out, all_out[:2], all_out[3:]]
        assert [(e.source, e.qualifier) for e in found[3]] == [("s/0", "x"), ("s/1", ""), ("s/1", "x")]
        assert found[4:6] == [[], []]
        assert found[6] == found[0]
        assert found[0][0].stamp == Stamp(1, 0, 0, "e1", "s")
        assert await store.related([]) == []

    async def test_a_relation_that_no_schema_has_finds_nothing(self, store: Store) -> None:
        await store.apply([event("e1", 1, Assert("s/1", "Step", links=(Link("object", "o/1"),)))])
        assert await store.related([Hop("s/1", relations=("object`|X",))]) == [[]]
        assert [e async for e in store.scan(Edges(("nonsense",)))] == []

    async def test_history_windows(self, store: Store) -> None:
        await store.apply([event(f"e{t}", t, Assert("p/1", "Pump", {"name": str(t), "flow": 1.0})) for t in (3, 1, 4, 2)])
        await store.apply([event("tele", 5, Assert("p/1", "Pump", {"flow": 2.0}))])

        async def times(window: Window) -> list[int]:
            return [v.stamp.valid for v in (await store.history(["p/1"], window))[0]]

        assert await times(Window()) == [4, 3, 2, 1]
        assert await times(Window(2, 4)) == [3, 2]
        assert await times(Window(limit=1)) == [4]
        assert await times(Window(end=2)) == [1]
        assert [len(v) for v in await store.history(["no/such", "p/1", "p/1"])] == [0, 4, 4]
        [[newest]] = await store.history(["p/1"], Window(limit=1))
        assert (newest.subject, newest.cls, newest.received, newest.properties) == ("p/1", "Pump", 5, {"name": "4"})

    async def test_steps_of_one_object_come_one_after_the_other(self, store: Store) -> None:
        """Five objects with four steps each, told in turns; a step is of two objects."""
        turns = [(f"s/{n:02}", f"o/{n * 7 % 5}", f"o/{n * 3 % 5}") for n in range(20)]
        objects = [Assert(f"o/{n}", "WorkObject", {"objectType": "item"}) for n in range(5)]
        steps = [Assert(id, "Step", {"activity": "x"}, {}, (Link("object", a), Link("object", b))) for id, a, b in turns]
        await store.apply([event(f"e{n}", n, said) for n, said in enumerate([*steps, *objects])])
        for scope in (Occurrences("item"), Occurrences("WorkObject")):
            told = [(o.object, o.step) async for o in store.scan(scope)]
            assert sorted(told) == sorted({(of, id) for id, *both in turns for of in both})
            assert sorted(of for of, _ in groupby(told, itemgetter(0))) == [f"o/{n}" for n in range(5)]

    async def test_scans(self, store: Store) -> None:
        links = (Link("object", "o/1"), Link("object", "o/1", "again"), Link("object", "m/1"), Link("performedBy", "p/2"))
        timed = {"activity": "a", "enabledAt": 5, "startedAt": 10, "completedAt": 20, "sequence": 1}
        await store.apply(
            [
                event("e1", 1, Assert("s/1", "Step", timed, {}, links)),
                event("e2", 2, Assert("s/2", "Step", {"lifecycle": "suspend", "startSequence": 3}, {}, links[:1])),
                event("e3", 3, Assert("s/3", "Step", {"activity": "c"}, {}, links[:1])),
                event("e4", 4, Retract("s/3", "Step", links=links[:1])),
                event("e5", 5, Assert("o/1", "WorkObject", {"objectType": "order"})),
                event("e6", 6, Assert("m/1", "Pump")),
            ]
        )
        order = [o async for o in store.scan(Occurrences("order"))]
        assert sorted(order, key=lambda o: o.step) == [
            Occurrence("o/1", "s/1", "a", 10, 20, 1, None, None, 5, "p/2"),
            Occurrence("o/1", "s/2", "", None, None, None, 3, "suspend"),
        ]
        assert [(o.object, o.step) async for o in store.scan(Occurrences("Asset"))] == [("m/1", "s/1")]
        assert [o async for o in store.scan(Occurrences("no ` such"))] == []
        assert await store.object_types() == {"Pump": 1, "order": 1}
        assert len([v async for v in store.scan(Versions())]) == 5
        leaving = [(v.subject, v.stamp.event) async for v in store.scan(Told(("object", "performedBy")))]
        assert sorted(leaving) == [("s/1", "e1"), ("s/2", "e2"), ("s/3", "e3"), ("s/3", "e4")]
        assert len([subject for subject, _ in groupby(leaving, itemgetter(0))]) == 3
        assert [v async for v in store.scan(Told(("locatedIn",)))] == []
        assert sorted([(v.subject, v.stamp.event) async for v in store.scan(Told())]) == sorted(leaving)
        assert [q async for q in store.scan(Qualities())] == []
        assert {e[:4] async for e in store.scan(Edges(("object",)))} == {
            ("s/1", "object", "o/1", ""),
            ("s/1", "object", "o/1", "again"),
            ("s/1", "object", "m/1", ""),
            ("s/2", "object", "o/1", ""),
        }


async def ids_of(store: Store) -> list[str]:
    return [n.id for n in (await store.find(Find("Entity", limit=1000))).nodes]


class PastContract:
    """A history worked by hand. The clock of the store is what `Clock` of the fixture says, so `known` is exact."""

    async def test_as_of(self, store: Store, clock: "Ticks") -> None:
        def located(*places: str) -> tuple[Link, ...]:
            return tuple(Link("locatedIn", place) for place in places)

        clock.time = 100
        await store.apply([event("e1", 10, Assert("p/1", "Asset", {"name": "A", "weight": 1.0}, {"x": 1}, located("w/1")))])
        clock.time = 200
        await store.apply([event("e3", 30, Assert("p/1", "Pump", {"name": "C", "flow": 5.0}, {}, located("w/3")))])
        clock.time = 300  # told late: it happened between the two
        await store.apply([event("e2", 20, Assert("p/1", "Pump", {"name": "B"}, {}, located("w/2")))])
        clock.time = 400
        await store.apply([event("e4", 40, Retract("p/1", "Pump", ("name",), ("x",), located("w/3")))])

        async def then(valid: int | None = None, known: int | None = None) -> tuple[object, ...]:
            at = AsOf(valid, known)
            [node] = await store.nodes(["p/1"], at)
            [out], [into] = [await store.related([Hop("p/1", d)], at) for d in (Direction.OUT, Direction.IN)]
            assert into == []
            reached = [e for place in ("w/1", "w/2", "w/3") for e in (await store.related([Hop(place, Direction.IN)], at))[0]]
            assert reached == out
            if node is None:
                return (None,)
            return (node.cls, dict(node.properties), dict(node.attributes), [e.target for e in out])

        assert await then(9) == (None,)
        assert await then(known=99) == (None,)
        assert await then(10) == ("Asset", {"name": "A", "weight": 1.0}, {"x": 1}, ["w/1"])
        assert await then(19) == await then(10)
        assert await then(20) == ("Pump", {"name": "B", "weight": 1.0}, {"x": 1}, ["w/2"])
        assert await then(20, 299) == ("Asset", {"name": "A", "weight": 1.0}, {"x": 1}, ["w/1"])
        assert await then(30) == ("Pump", {"name": "C", "weight": 1.0, "flow": 5.0}, {"x": 1}, ["w/3"])
        # `flow` keeps no versions: what was known of it at an earlier moment is not known now.
        assert await then(known=200) == ("Pump", {"name": "C", "weight": 1.0}, {"x": 1}, ["w/3"])
        assert await then(known=300) == ("Pump", {"name": "C", "weight": 1.0}, {"x": 1}, ["w/3"])
        assert await then(39) == await then(30)
        assert await then(40) == ("Pump", {"weight": 1.0, "flow": 5.0}, {}, [])
        assert await then() == await then(40)

        async def named(name: str, at: AsOf) -> list[str]:
            return [n.id for n in (await store.find(Find("Pump", (Condition("name", Op.EQ, name),)), at)).nodes]

        assert await named("B", AsOf(20)) == ["p/1"]
        assert await named("B", AsOf(20, 299)) == []
        assert await named("A", AsOf(10)) == []
        assert (await only(store, "p/1")).properties == {"weight": 1.0, "flow": 5.0}

    async def test_what_was_taken_back_is_gone_from_the_past_once_that_is_known(self, store: Store, clock: "Ticks") -> None:
        """A holds from 1, told at 100; B from 2, told at 200; that B was wrong is said of 9, told at 300."""
        said = [
            event("e1", 1, Assert("p/1", "Pump", {"name": "A"}, links=(Link("locatedIn", "w/1"),))),
            event("e2", 2, Assert("p/1", "Pump", {"name": "B"}, links=(Link("locatedIn", "w/2"),))),
            event("e3", 9, Void("p/1", "Pump", "e2", "s")),
        ]
        for clock.time, one in zip((100, 200, 300), said, strict=True):
            await store.apply([one])
        table = {
            (1, 100): "A w/1", (2, 100): "A w/1", (9, 100): "A w/1",
            (1, 200): "A w/1", (2, 200): "B w/2", (9, 200): "B w/2", (None, 299): "B w/2",
            (1, 300): "A w/1", (2, 300): "A w/1", (9, 300): "A w/1", (None, 300): "A w/1", (2, None): "A w/1",
        }  # fmt: skip
        for time, expected in table.items():
            [node] = await store.nodes(["p/1"], AsOf(*time))
            [edges] = await store.related([Hop("p/1")], AsOf(*time))
            assert node is not None
            assert f"{node.properties['name']} {edges[0].target}" == expected, time

    async def test_pages_of_the_past(self, store: Store) -> None:
        ids = await park(store)
        # Node i was said at time i; the order of ids is another.
        early = sorted(n.id for n in await store.nodes(ids, AsOf(11)) if n is not None)
        assert len(early) == 12
        first = await store.find(Find("Entity", limit=5), AsOf(11))
        assert ([n.id for n in first.nodes], first.more) == (early[:5], True)
        rest = await store.find(Find("Entity", limit=50, after=early[4]), AsOf(11))
        assert ([n.id for n in rest.nodes], rest.more) == (early[5:], False)
        last = await store.find(Find("Entity", limit=3, before=early[9], backwards=True), AsOf(11))
        assert ([n.id for n in last.nodes], last.more) == (early[6:9], True)


class Ticks:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = 1

    def __call__(self) -> int:
        return self.time
