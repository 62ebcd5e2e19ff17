"""Taking back, beside what random histories show: what it costs afterwards, and under another ontology than before."""

from dataclasses import replace

import pytest

from brain.join import Joiner, NodeState
from brain.model import Assert, Link, Stamp, Version, Void
from brain.ports import Store
from brain.schema import History, NodeClass, Schema
from tests.contract.order import event, only, targets
from tests.contract.reference import lines_of, reference


def made_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of what is made anew from now on, as often as it is."""
    rebuilt: list[str] = []
    rebuild = Joiner.rebuild

    def counted(self: Joiner, state: NodeState, versions: list[Version]) -> object:
        rebuilt.append(state.id)
        return rebuild(self, state, versions)

    monkeypatch.setattr(Joiner, "rebuild", counted)
    return rebuilt


class VoidContract:
    async def test_a_node_with_a_void_is_made_anew_only_where_it_must_be(
        self, store: Store, schema: Schema, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else every later event of a busy node would read all that was ever said of it."""
        rebuilt = made_anew(monkeypatch)
        ward, moved = (Link("locatedIn", "w/1"),), (Link("locatedIn", "w/2"),)
        sets = [
            event("e1", 1, Assert("p/1", "Pump", {"name": "A", "flow": 1.0}, {}, ward)),
            event("e2", 2, Assert("p/1", "Pump", {"name": "B", "flow": 2.0}, {}, moved)),
            event("v", 3, Void("p/1", "Pump", "e2", "s")),
            event("e4", 4, Assert("p/1", "Pump", {"state": "x"}, {"x": 1}, (Link("monitors", "b/1"),))),
            event("e0", 0, Assert("p/1", "Pump", {"name": "C", "flow": 0.5}, {}, (Link("locatedIn", "w/0"),))),
            event("f", 5, Assert("q/1", "Pump", {"name": "B"})),
            event("e2", 2, Assert("p/1", "Pump", {"weight": 7.0})),
            event("e2", 2, Assert("p/1", "Pump", {}, {}, (Link("monitors", "b/2"),))),
        ]
        for i, (one, anew) in enumerate(zip(sets, [0, 0, 1, 0, 0, 0, 1, 1], strict=True)):
            rebuilt.clear()
            await store.apply([one])
            assert rebuilt == ["p/1"] * anew, one
            assert await lines_of(store) == reference(schema, sets[: i + 1])
        assert await targets(store, "p/1") == ["w/1"]

    async def test_a_relation_that_the_ontology_has_no_more_is_taken_back_all_the_same(
        self, store: Store, schema: Schema
    ) -> None:
        said = Assert("p/1", "Pump", {"name": "A"}, {}, (Link("monitors", "b/1"), Link("locatedIn", "w/1")))
        await store.apply([event("e1", 1, said)])
        await store.prepare(_changed(schema, lambda c: replace(c, relations={"locatedIn": c.relations["locatedIn"]})))
        await store.apply([event("v", 2, Void("p/1", "Pump", "e1", "s"))])
        assert (await only(store, "p/1")).properties == {}
        assert await targets(store, "p/1") == []
        assert "edge" not in {line[2:6].decode() for line in await lines_of(store)}

    async def test_what_stands_stays_though_no_version_says_it(self, store: Store, schema: Schema) -> None:
        """The ontology kept no versions of the flow then, and does now: to take back a name must not take the flow."""
        await store.apply(
            [event("e1", 1, Assert("p/1", "Pump", {"flow": 1.5})), event("e2", 2, Assert("p/1", "Pump", {"name": "A"}))]
        )

        def kept(cls: NodeClass) -> NodeClass:
            return replace(cls, properties={n: replace(p, history=History.FULL) for n, p in cls.properties.items()})

        await store.prepare(_changed(schema, kept))
        await store.apply([event("v", 3, Void("p/1", "Pump", "e2", "s"))])
        node = await only(store, "p/1")
        assert (node.properties, node.stamps["flow"]) == ({"flow": 1.5}, Stamp(1, 0, 0, "e1", "s"))
        await store.apply([event("w", 4, Void("p/1", "Pump", "e1", "s"))])
        assert (await only(store, "p/1")).properties == {}


def _changed(schema: Schema, change) -> Schema:  # type: ignore[no-untyped-def]
    return Schema("another", {name: change(cls) for name, cls in schema.classes.items()})
