"""Chains by hand: where the place of an event contradicts its clock, the place decides, whatever came first."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from brain.errors import BadChange
from brain.model import Assert, Change, ChangeSet, Flag, Link, Node, Order, Retract, Stamp, Verdict, Void
from brain.ports import Store
from brain.query import AsOf, Hop
from brain.schema import Schema
from tests.contract.order import Fresh, event, only, targets
from tests.contract.reads import Ticks
from tests.contract.reference import lines_of, reference
from tests.contract.voids import made_anew

BORN, DATA, DIED = 0, 1, 9
PUMP = "p/1"


def placed(name: str, position: int, valid: int, *changes: Change, chain: str = "k", authority: int = 0) -> ChangeSet:
    return event(name, valid, *changes, authority=authority)._replace(order=Order(chain, position))


def says(**properties: str | float) -> Assert:
    return Assert(PUMP, "Pump", properties)


def arrivals(sets: Sequence[ChangeSet]) -> list[list[list[ChangeSet]]]:
    """Every order: in one batch, one by one, and with all of it again at the end."""
    orders = [list(order) for order in permutations(sets)]
    return [cut for order in orders for cut in ([order], [*([one] for one in order), order])]


async def models(fresh: Fresh, schema: Schema, sets: Sequence[ChangeSet]) -> list[Node]:
    """The pump after each way in which they may arrive; and that each time the model is the definition's."""
    found = []
    for batches in arrivals(sets):
        store = await fresh()
        for batch in batches:
            await store.apply(batch)
        found.append(await only(store, PUMP))
        assert await lines_of(store) == reference(schema, sets)
    return found


class ChainContract:
    async def test_a_death_is_the_last_word_though_its_clock_is_before_the_birth(self, fresh: Fresh, schema: Schema) -> None:
        sets = [
            placed("born", BORN, 100, says(state="on")),
            placed("data", DATA, 110, says(flow=5.0, weight=1.0)),
            placed("died", DIED, 50, says(state="off"), Retract(PUMP, "Pump", ("flow",))),
        ]
        for node in await models(fresh, schema, sets):
            assert node.properties == {"state": "off", "weight": 1.0}
            # The greatest time so far is 110, at place 1, and the death is 8 places on.
            died = Stamp(110, 8, 0, "died", "s")
            assert node.stamps == {"": died, "state": died, "flow": died, "weight": Stamp(110, 0, 0, "data", "s")}

    async def test_a_clock_that_is_set_back_an_hour(self, store: Store, clock: Ticks) -> None:
        """Places 1 to 4 at 2:00, 2:10, 1:15 and 1:20 of a clock; the second comes last. In minutes."""
        minutes = {1: 120, 2: 130, 3: 75, 4: 80}
        first, second, third, fourth = (placed(f"e{p}", p, m, says(state=f"{p}")) for p, m in minutes.items())
        before = []
        for one in (fourth, first, third):
            await store.apply([one])
            before.append(await only(store, PUMP))
        assert [(n.properties["state"], n.stamps["state"][:2]) for n in before] == [
            ("4", (80, 0)),
            ("4", (120, 3)),
            ("4", (120, 3)),
        ]
        told, clock.time = clock.time, clock.time + 1
        await store.apply([second])
        node = await only(store, PUMP)
        assert (node.properties["state"], node.stamps["state"]) == ("4", Stamp(130, 2, 0, "e4", "s"))
        # As the world was: the third and the fourth came after the second, so not before 2:10.
        then = {t: (await store.nodes([PUMP], AsOf(t)))[0] for t in (79, 80, 119, 120, 129, 130)}
        assert {t: n and n.properties["state"] for t, n in then.items()} == {
            79: None, 80: None, 119: None, 120: "1", 129: "1", 130: "4",
        }  # fmt: skip
        # As we believed before the second came: they were not before 2:00.
        for valid, state in {119: None, 120: "4"}.items():
            [believed] = await store.nodes([PUMP], AsOf(valid, told))
            assert (believed and believed.properties["state"]) == state
        # What somebody else says at 2:11 is later than all of it.
        await store.apply([event("x", 131, says(state="5"))])
        assert (await only(store, PUMP)).properties["state"] == "5"

    async def test_a_patient_is_where_the_later_word_puts_him(self, fresh: Fresh, schema: Schema) -> None:
        bed = [Link("locatedIn", f"b/{name}") for name in "ab"]
        first = placed("e1", 1, 100, Assert(PUMP, "Pump", links=(bed[0],)))
        second = placed("e2", 2, 50, Assert(PUMP, "Pump", links=(bed[1],)))
        left = placed("e3", 3, 60, Retract(PUMP, "Pump", links=(bed[1],)))
        for batches in arrivals([first, second]):
            store = await fresh()
            for batch in batches:
                await store.apply(batch)
            [[edge]] = await store.related([Hop(PUMP)])
            assert (edge.target, edge.stamp) == ("b/b", Stamp(100, 1, 0, "e2", "s"))
            assert [await self._then(store, t) for t in (50, 99, 100)] == [[], [], ["b/b"]]
            await store.apply([left])
            assert await targets(store, PUMP) == []
            assert await lines_of(store) == reference(schema, [first, second, left])

    @staticmethod
    async def _then(store: Store, valid: int) -> list[str]:
        [edges] = await store.related([Hop(PUMP)], AsOf(valid))
        return [edge.target for edge in edges]

    async def test_samples_of_which_only_the_latest_is_kept(self, fresh: Fresh, schema: Schema) -> None:
        sets = [
            placed("e1", 1, 100, says(flow=1.0)),
            placed("e2", 2, 40, says(flow=2.0)),
            event("x", 90, says(flow=9.0)),
            placed("other", 1, 200, says(flow=7.0), chain="m"),
        ]
        for node in await models(fresh, schema, sets[:3]):
            assert (node.properties, node.stamps["flow"]) == ({"flow": 2.0}, Stamp(100, 1, 0, "e2", "s"))
        for node in await models(fresh, schema, [sets[1], sets[2], sets[3]]):
            assert (node.properties, node.stamps["flow"]) == ({"flow": 7.0}, Stamp(200, 0, 0, "other", "s"))
        # Nobody had kept the 2.0 as a version; what came before it at 300 makes it later than the other chain's 200.
        late = placed("e0", 0, 300, says(flow=0.0))
        for node in await models(fresh, schema, [sets[1], sets[3], late]):
            assert (node.properties, node.stamps["flow"]) == ({"flow": 2.0}, Stamp(300, 2, 0, "e2", "s"))

    async def test_two_that_claim_one_place_have_one_winner(self, fresh: Fresh, schema: Schema) -> None:
        """They share an effective time, the later of theirs; so authority decides, then the event's id."""
        sets = [
            placed("e1", 1, 10, says(name="better", state="better", flow=1.0), authority=1),
            placed("e2", 1, 20, says(name="worse", state="worse", flow=2.0)),
            placed("e3", 1, 15, says(name="greater id")),
        ]
        for node in await models(fresh, schema, sets):
            assert node.properties == {"name": "better", "state": "better", "flow": 1.0}
            assert node.stamps["name"] == Stamp(20, 0, 1, "e1", "s")
        for node in await models(fresh, schema, sets[1:]):
            assert (node.properties["name"], node.stamps["name"]) == ("greater id", Stamp(20, 0, 0, "e3", "s"))

    async def test_what_is_void_keeps_its_place(self, fresh: Fresh, schema: Schema) -> None:
        """Its clock was read all the same: what came after it is not before it."""
        sets = [
            placed("e1", 1, 100, says(name="wrong", flow=1.0)),
            placed("e2", 2, 50, says(state="right")),
            event("v", 200, Void(PUMP, "Pump", "e1", "s")),
        ]
        for node in await models(fresh, schema, sets):
            assert (node.properties, node.stamps["state"]) == ({"state": "right"}, Stamp(100, 1, 0, "e2", "s"))

    async def test_a_closer_class_wins_and_its_own_words_are_its_clock(self, fresh: Fresh, schema: Schema) -> None:
        sets = [
            placed("e1", 1, 100, Assert(PUMP, "Entity", {"name": "A"})),
            placed("e2", 2, 50, says(name="B")),
            placed("e3", 3, 10, Flag(PUMP, "Pump", "flow", Verdict.NULL, 10)),
        ]
        for node in await models(fresh, schema, sets):
            assert (node.cls, node.stamps[""]) == ("Pump", Stamp(50, 1, 0, "e3", "s"))
            assert (node.properties["name"], node.stamps["name"]) == ("B", Stamp(100, 1, 0, "e2", "s"))

    async def test_only_what_comes_late_makes_its_subject_anew(
        self, store: Store, schema: Schema, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else every message of a device that numbers them would read all that it ever sent."""
        rebuilt = made_anew(monkeypatch)
        ward = (Link("locatedIn", "w/1"),)
        e = {p: placed(f"e{p}", p, 100 - p, Assert(PUMP, "Pump", {"name": f"{p}", "flow": p}, {}, ward)) for p in range(9)}
        plan = [
            ([e[2], e[1]], 0),
            ([e[3]], 0),
            ([e[3]], 0),
            ([e[1]], 0),
            ([e[6], e[5]], 0),
            ([e[4]], 1),
            ([e[4], e[5]], 0),
            ([e[7], e[0]], 1),
            ([placed("e9", 7, 500, says(state="at a place that is taken, and later"))], 1),
            ([placed("t", 3, 700, says(flow=3.5))], 0),
            ([e[8]], 0),
        ]
        sets: list[ChangeSet] = []
        for batch, anew in plan:
            rebuilt.clear()
            await store.apply(batch)
            sets += batch
            assert rebuilt == [PUMP] * anew, batch
            assert await lines_of(store) == reference(schema, sets)
        assert (await only(store, PUMP)).stamps["name"] == Stamp(500, 1, 0, "e8", "s")

    async def test_versions_tell_what_was_claimed_and_where(self, store: Store) -> None:
        await store.apply([placed("e1", 1, 100, says(name="A")), placed("e2", 2, 50, says(name="B"))])
        [versions] = await store.history([PUMP])
        assert [(v.stamp, v.order) for v in versions] == [
            (Stamp(100, 0, 0, "e1", "s"), Order("k", 1)),
            (Stamp(50, 0, 0, "e2", "s"), Order("k", 2)),
        ]

    async def test_a_new_thing_of_which_a_chain_says_no_more_than_its_class(self, fresh: Fresh, schema: Schema) -> None:
        """In one batch with the only version of it, which knows a vaguer class."""
        vague = event("e1", 5, Assert(PUMP, "Asset", links=(Link("locatedIn", "w/1"),)))
        doubt = placed("e1", 0, 5, Flag(PUMP, "Pump", "flow", Verdict.NULL, None))
        assert {node.cls for node in await models(fresh, schema, [vague, doubt])} == {"Pump"}

    async def test_a_place_that_there_is_not(self, store: Store) -> None:
        for position in (-1, 2**63):
            with pytest.raises(BadChange, match="position"):
                await store.apply([placed("e1", position, 1, says(name="A"))])
