"""Promise 1: the model is a function of the set of assertions received."""

from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings

from brain.model import Assert, Change, ChangeSet, Flag, Link, Node, Retract, Stamp, Verdict, Void
from brain.notices import notices
from brain.ports import Store
from brain.query import Edges, Hop, Nodes
from brain.schema import Schema
from tests.contract.histories import TOGETHER, many
from tests.contract.reference import lines_of, reference

Fresh = Callable[[], Awaitable[Store]]

Arrivals = tuple[list[ChangeSet], list[list[ChangeSet]]]


def event(name: str, valid: int, *changes: Change, source: str = "s", authority: int = 0) -> ChangeSet:
    return ChangeSet(name, source, valid, valid + 1, changes, authority)


def a_function_of_the_set(cases: int):  # type: ignore[no-untyped-def]
    """The property, as a test method, for so many cases: a history, and a way in which it arrives."""

    @pytest.mark.timeout(900)
    @settings(max_examples=cases // TOGETHER, deadline=None, suppress_health_check=list(HealthCheck))
    @given(many())
    async def test_any_order_and_batching(self: object, fresh: Fresh, schema: Schema, arrived: Arrivals) -> None:
        sets, batches = arrived
        store = await fresh()
        for batch in batches:
            assert await store.apply(batch) == notices(batch)
        assert await lines_of(store) == reference(schema, sets)

    return test_any_order_and_batching


class OrderContract:
    async def test_twice_is_once(self, store: Store) -> None:
        batch = [event("e1", 5, Assert("p/1", "Pump", {"name": "A", "flow": 1.5}, {"x": 1}, (Link("locatedIn", "w/1"),)))]
        first = await store.apply(batch)
        lines = await lines_of(store)
        assert await store.apply(batch) == first
        assert await lines_of(store) == lines
        assert [len(v) for v in await store.history(["p/1"])] == [1]

    async def test_a_contradiction_under_one_stamp_has_one_winner(self, store: Store) -> None:
        """Even where Python holds the two for equal."""
        values = [1, 1.0, True, 0, 0.0, -0.0, False, "1", ""]
        pairs = [(i, j) for i in range(len(values)) for j in range(len(values))]
        for second in (False, True):
            said = [(f"p/{i}-{j}", values[j if second else i]) for i, j in pairs]
            await store.apply([event("e", 1, Assert(s, "Pump", {"weight": v}, {"w": v})) for s, v in said])  # type: ignore[dict-item]
        found = {n.id: repr((n.properties, n.attributes)) async for n in store.scan(Nodes("Pump"))}
        assert len(found) == len(pairs)
        for i, j in pairs:
            assert found[f"p/{i}-{j}"] == found[f"p/{j}-{i}"]

    async def test_precedence_is_valid_time_then_authority_then_event(self, store: Store) -> None:
        said = [("e1", 2, 0), ("e2", 1, 9), ("e3", 2, 1), ("e4", 2, 1)]
        for name, valid, authority in reversed(said):
            await store.apply([event(name, valid, Assert("p/1", "Pump", {"name": name}), authority=authority)])
        node = await only(store, "p/1")
        assert node.properties == {"name": "e4"}
        assert node.stamps["name"] == Stamp(2, 0, 1, "e4", "s")

    async def test_a_closer_class_wins_whenever_it_was_said(self, store: Store) -> None:
        await store.apply([event("e0", 1, Assert("s/1", "Scanner", links=(Link("monitors", "p/1"),)))])
        assert (await only(store, "p/1")).cls == "Entity"
        await store.apply([event("e1", 9, Assert("p/1", "Asset"))])
        await store.apply([event("e2", 2, Assert("p/1", "Pump"))])
        await store.apply([event("e3", 9, Assert("p/1", "Entity", {"name": "n"}))])
        node = await only(store, "p/1")
        assert (node.cls, node.stamps[""]) == ("Pump", Stamp(2, 0, 0, "e2", "s"))

    async def test_a_placeholder_has_no_stamp_and_no_version(self, store: Store) -> None:
        await store.apply([event("e0", 1, Assert("p/1", "Pump", links=(Link("monitors", "x/1"),)))])
        assert await only(store, "x/1") == Node("x/1", "Entity", {}, {}, {})
        assert await store.history(["x/1"]) == [[]]

    async def test_retracted_values_go_and_older_ones_stay_away(self, store: Store) -> None:
        await store.apply([event("e2", 2, Retract("p/1", "Pump", ("name",), ("x",)))])
        await store.apply([event("e1", 1, Assert("p/1", "Pump", {"name": "A", "state": "on"}, {"x": 1}))])
        node = await only(store, "p/1")
        assert (node.properties, node.attributes) == ({"state": "on"}, {})
        assert node.stamps["name"] == node.stamps["@x"] == Stamp(2, 0, 0, "e2", "s")
        await store.apply([event("e3", 3, Assert("p/1", "Pump", {"name": "B"}))])
        assert (await only(store, "p/1")).properties == {"state": "on", "name": "B"}

    async def test_a_functional_relation_has_one_target(self, store: Store) -> None:
        await store.apply([event("e2", 2, Assert("p/1", "Pump", links=(Link("locatedIn", "w/2"),)))])
        await store.apply([event("e1", 1, Assert("p/1", "Pump", links=(Link("locatedIn", "w/1"),)))])
        assert await targets(store, "p/1") == ["w/2"]
        await store.apply([event("e3", 3, Assert("p/1", "Pump", links=(Link("locatedIn", "w/1"),)))])
        assert await targets(store, "p/1") == ["w/1"]
        # What was undone has left the old place too: w/2 does not come back.
        await store.apply([event("e4", 4, Retract("p/1", "Pump", links=(Link("locatedIn", "w/1"),)))])
        assert await targets(store, "p/1") == []
        await store.apply([event("e5", 5, Assert("p/1", "Pump", links=(Link("locatedIn", "w/1"),)))])
        assert await targets(store, "p/1") == ["w/1"]

    async def test_what_is_void_gives_way_to_what_it_had_displaced(self, fresh: Fresh) -> None:
        first = event("e1", 1, Assert("p/1", "Pump", {"name": "A", "state": "on"}, {"x": 1}, (Link("locatedIn", "w/1"),)))
        wrong = event(
            "e2", 2, Assert("p/1", "Pump", {"name": "B"}, {"x": 2, "y": 3}, (Link("locatedIn", "w/2"), Link("monitors", "b/1")))
        )
        taken = event("e3", 3, Void("p/1", "Pump", "e2", "s"))
        for batches in permutations([[first], [wrong], [taken]]):
            store = await fresh()
            for batch in batches:
                await store.apply(batch)
            node = await only(store, "p/1")
            assert (node.properties, node.attributes) == ({"name": "A", "state": "on"}, {"x": 1})
            assert node.stamps["name"] == Stamp(1, 0, 0, "e1", "s")
            assert await targets(store, "p/1") == ["w/1"]
            assert await targets(store, "p/1", "monitors") == []
            [versions] = await store.history(["p/1"])
            assert [(v.stamp.event, v.voids) for v in versions] == [("e3", (("e2", "s"),)), ("e2", ()), ("e1", ())]

    async def test_a_void_of_one_source_leaves_the_other_source_alone(self, store: Store) -> None:
        await store.apply([event("e1", 1, Assert("p/1", "Pump", {"name": "A"}), source="mes")])
        await store.apply([event("e1", 2, Assert("p/1", "Pump", {"name": "B"}), source="erp")])
        await store.apply([event("v", 3, Void("p/1", "Pump", "e1", "erp"))])
        assert (await only(store, "p/1")).properties == {"name": "A"}

    async def test_a_void_sample_of_which_no_older_is_kept_leaves_nothing(self, store: Store) -> None:
        samples = [event(f"e{t}", t, Assert("p/1", "Pump", {"flow": float(t)})) for t in (1, 2)]
        await store.apply([*samples, event("v", 3, Void("p/1", "Pump", "e2", "s"))])
        assert (await only(store, "p/1")).properties == {}
        await store.apply(samples)
        assert (await only(store, "p/1")).properties == {}
        await store.apply([event("e3", 3, Assert("p/1", "Pump", {"flow": 3.0}))])
        assert (await only(store, "p/1")).properties == {"flow": 3.0}

    async def test_a_version_knows_its_ontology(self, store: Store, schema: Schema) -> None:
        await store.apply(
            [event("e1", 1, Assert("p/1", "Pump", {"name": "A"})), event("e2", 2, Retract("p/1", "Pump", ("name",)))]
        )
        await store.apply([event("e3", 3, Void("p/1", "Pump", "e1", "s"))])
        assert [v.ontology for v in (await store.history(["p/1"]))[0]] == [schema.version] * 3
        assert schema.version

    async def test_links_differ_by_qualifier(self, store: Store) -> None:
        links = tuple(Link("object", "o/1", q) for q in ("", "a", "b"))
        await store.apply([event("e1", 1, Assert("s/1", "Step", links=links))])
        await store.apply([event("e2", 2, Retract("s/1", "Step", links=(Link("object", "o/1", "a"),)))])
        assert [e.qualifier async for e in store.scan(Edges())] in (["", "b"], ["b", ""])

    async def test_values_come_back_as_they_went(self, store: Store) -> None:
        attributes = {
            "int": 2**63 - 1, "neg": -(2**63), "one": 1, "onef": 1.0, "true": True, "false": False, "nz": -0.0,
            "tiny": 5e-324, "text": "x", "number as text": "12", "true as text": "true", "null as text": "null",
            "quoted": '"', "quoted2": '"a"', "exp": "1e5", "empty": "",
            "long": "x" * 100_000, "astral": "\U0001f600", "": "no name",
        }  # fmt: skip
        properties = {"name": "line\nbreak", "weight": -0.0, "starts": -(2**63), "on": False, "servicedAt": -1}
        await store.apply([event("e", 1, Assert("p/1", "Pump", properties, attributes))])
        node = await only(store, "p/1")
        assert repr(dict(sorted(node.properties.items()))) == repr(dict(sorted(properties.items())))
        assert repr(dict(sorted(node.attributes.items()))) == repr(dict(sorted(attributes.items())))
        [[version]] = await store.history(["p/1"])
        assert repr(dict(sorted(version.attributes.items()))) == repr(dict(sorted(attributes.items())))
        assert repr(dict(sorted(version.properties.items()))) == repr(dict(sorted(properties.items())))

    async def test_flags_are_kept_once_and_duplicates_never(self, store: Store) -> None:
        flag = Flag("p/1", "Pump", "flow", Verdict.OUT_OF_RANGE, 5, "9999.99")
        more = [
            flag._replace(at=6),
            flag._replace(verdict=Verdict.DUPLICATE),
            flag._replace(at=None, verdict=Verdict.NO_TIMESTAMP),
        ]
        for _ in range(2):
            await store.apply([event("e1", 5, flag, *more)])
        [found] = await store.quality(["p/1"])
        assert [(q.verdict, q.at, q.detail) for q in found] == [
            (Verdict.NO_TIMESTAMP, None, "9999.99"),
            (Verdict.OUT_OF_RANGE, 5, "9999.99"),
            (Verdict.OUT_OF_RANGE, 6, "9999.99"),
        ]
        assert (await only(store, "p/1")).properties == {}
        assert await store.history(["p/1"]) == [[]]


async def only(store: Store, subject: str) -> Node:
    [node] = await store.nodes([subject])
    assert node is not None
    return node


async def targets(store: Store, subject: str, relation: str = "locatedIn") -> list[str]:
    [edges] = await store.related([Hop(subject, relations=(relation,))])
    return [edge.target for edge in edges]
