"""Marks and letters commit with the data; nothing from a payload becomes a name; writers beside each other lose nothing."""

import asyncio

import pytest

from brain.errors import BadChange
from brain.model import Assert, ChangeSet, DeadLetter, Flag, Link, Mark, Retract, Verdict, Void
from brain.notices import notices
from brain.ports import Store
from brain.query import Find, Hop
from brain.schema import Schema
from tests.contract.order import Fresh, event, only, targets
from tests.contract.reference import lines_of, reference

NASTY = [
    "x`) DETACH DELETE n //",
    "'; DROP TABLE node; --",
    '"}) MATCH (n) DETACH DELETE n //',
    "a b",
    "`",
    "n:Pump",
    "$rows",
    "\\u0060",
]

LETTERS = [DeadLetter(f"{i}", "hl7", "adt", "no id `x'\"", bytes(range(256)), 1_700_000_000_000_000 + i) for i in range(4)]


class StreamContract:
    async def test_marks_move_forward_only(self, store: Store) -> None:
        await store.apply([], [Mark("t", 1, 5), Mark("t", 0, 7)])
        await store.apply([], [Mark("t", 1, 3), Mark("u", 0, 0)])
        assert await store.marks() == [Mark("t", 0, 7), Mark("t", 1, 5), Mark("u", 0, 0)]
        await store.apply([], [Mark("t", 1, 6), Mark("t", 1, 4)])
        assert Mark("t", 1, 6) in await store.marks()

    async def test_all_or_nothing(self, store: Store) -> None:
        good = event("e1", 1, Assert("p/1", "Pump", {"name": "A"}))
        bad = event("e2", 2, Assert("p/2", "Pump", {"nmae": "A"}))
        with pytest.raises(BadChange, match="'nmae'; did you mean 'name'"):
            await store.apply([good, bad], [Mark("t", 0, 1)], LETTERS)
        assert await store.nodes(["p/1", "p/2"]) == [None, None]
        assert (await store.marks(), await store.letters()) == ([], [])

    async def test_letters(self, store: Store) -> None:
        await store.apply([], [], LETTERS[2:])
        await store.apply([], [], [*LETTERS[:3], LETTERS[0]._replace(reason="another")])
        assert await store.letters() == [LETTERS[0]._replace(reason="another"), *LETTERS[1:]]
        await store.apply([], [], LETTERS[:1])
        assert await store.letters() == LETTERS
        assert await store.letters(limit=2) == LETTERS[:2]
        assert await store.letters(limit=2, after="1") == LETTERS[2:]
        await store.release(["0", "2", "no such"])
        assert await store.letters() == [LETTERS[1], LETTERS[3]]

    async def test_a_replay_tells_the_same_again(self, store: Store) -> None:
        batch = [
            event("e1", 1, Assert("p/1", "Pump", {"name": "A"}, {"x": 1}, (Link("locatedIn", "w/1"),))),
            event("e2", 2, Retract("p/1", "Pump", ("name",)), Flag("p/2", "Pump", "flow", Verdict.NULL, 2)),
        ]
        told = await store.apply(batch, [Mark("t", 0, 2)])
        assert [(n.subject, n.cls, n.names, n.event, n.valid) for n in told] == [
            ("p/1", "Pump", ("name", "x", "locatedIn"), "e1", 1),
            ("p/1", "Pump", ("name",), "e2", 2),
            ("p/2", "Pump", ("flow",), "e2", 2),
        ]
        assert await store.apply(batch, [Mark("t", 0, 2)]) == told == notices(batch)

    @pytest.mark.parametrize("text", NASTY)
    async def test_names_never_come_from_a_payload(self, store: Store, text: str) -> None:
        await store.apply([event("e0", 1, Assert("keep/1", "Pump", {"name": "kept"}))])
        for change in (
            Assert("p/1", text),
            Retract("p/1", text),
            Flag("p/1", text, "flow", Verdict.NULL, None),
            Assert("p/1", "Pump", {text: 1}),
            Retract("p/1", "Pump", (text,)),
            Assert("p/1", "Pump", links=(Link(text, "w/1"),)),
            Retract("p/1", "Pump", links=(Link(text, "w/1"),)),
        ):
            with pytest.raises(BadChange):
                await store.apply([event("e1", 1, change)])
        assert await store.count(Find("Entity")) == 1

    @pytest.mark.parametrize("text", NASTY)
    async def test_payloads_are_only_data(self, store: Store, schema: Schema, text: str) -> None:
        said = [
            event("e0", 1, Assert("keep/1", "Pump", {"name": "kept"})),
            event(
                text, 1, Assert(text, "Pump", {"name": text}, {text: text}, (Link("locatedIn", text + "/w", text),)), source=text
            ),
            event(text, 2, Flag(text, "Pump", text, Verdict.NULL, None, text), source=text),
            event(text, 3, Retract(text, "Pump", (), (text,)), source=text),
        ]
        for one in said:
            await store.apply([one], [Mark(text, 0, 1)])
        assert await lines_of(store) == reference(schema, said)
        assert (await only(store, "keep/1")).properties == {"name": "kept"}
        assert await targets(store, text) == [text + "/w"]
        assert await store.related([Hop(text, relations=(text,))]) == [[]]

    async def test_empty_batches(self, store: Store) -> None:
        assert await store.apply([]) == []
        assert await store.apply([event("e", 1)]) == []
        assert await lines_of(store) == []

    async def test_prepare_twice(self, store: Store, schema: Schema) -> None:
        await store.apply([event("e1", 1, Assert("p/1", "Pump", {"name": "A"}))])
        await store.prepare(schema)
        assert (await only(store, "p/1")).properties == {"name": "A"}


class ConcurrentContract:
    """For stores that two processes may write to at once; `beside` opens another on the same data."""

    async def test_two_writers_lose_nothing(self, store: Store, beside: Fresh, schema: Schema) -> None:
        """Both write to the same few nodes, each with values that the other does not know."""
        other = await beside()
        sets: list[ChangeSet] = []
        for i in range(120):
            subject, place = f"p/{i % 3}", f"w/{i % 5}"
            links = (Link("locatedIn", place), Link("monitors", f"new/{i % 40}"))
            said = Assert(subject, "Pump", {"name": str(i), "weight": float(i)}, {f"a{i % 7}": i, f"b{i}": i}, links)
            undone = Retract(f"p/{(i + 1) % 3}", "Asset", ("weight",), (), (Link("monitors", f"new/{i % 11}"),))
            sets.append(event(f"e{i}", i * 7 % 50, said, undone))

        async def write(to: Store, part: list[ChangeSet]) -> None:
            for k in range(0, len(part), 4):
                await to.apply(part[k : k + 4], [Mark("t", 0, k)])

        await asyncio.gather(write(store, sets[::2]), write(other, sets[1::2]), write(store, sets[50:70]))
        assert await lines_of(store) == reference(schema, sets)
        assert await store.marks() == [Mark("t", 0, 56)]

    async def test_two_writers_of_one_new_node(self, store: Store, beside: Fresh, schema: Schema) -> None:
        other = await beside()
        for n in range(15):
            sets = [
                event(f"e{n}-{i}", i, Assert(f"n{n}/1", "Pump", {}, {f"a{i}": i}, (Link("monitors", f"m{n}/1"),)))
                for i in range(6)
            ]
            await asyncio.gather(*(to.apply([one]) for one, to in zip(sets, [store, other] * 3, strict=True)))
            node = await only(store, f"n{n}/1")
            assert node.attributes == {f"a{i}": i for i in range(6)}
            [edges] = await store.related([Hop(f"n{n}/1")])
            assert [(e.target, e.stamp.valid) for e in edges] == [(f"m{n}/1", 5)]

    async def test_what_one_writer_says_another_takes_back(self, store: Store, beside: Fresh, schema: Schema) -> None:
        """Both know the same few nodes: each event is taken back by the other writer, before it is said, while, or after."""
        other = await beside()
        said = [
            event(
                f"e{i}",
                i * 7 % 20,
                Assert(f"p/{i % 3}", "Pump", {"name": str(i), "flow": 1.0 + i}, {}, (Link("locatedIn", f"w/{i % 5}"),)),
            )
            for i in range(40)
        ]
        voids = [event(f"v{i}", i % 9, Void(f"p/{i % 3}", "Pump", f"e{i}", "s")) for i in range(0, 40, 2)]

        async def write(to: Store, sets: list[ChangeSet]) -> None:
            for k in range(0, len(sets), 3):
                await to.apply(sets[k : k + 3])

        await asyncio.gather(write(store, said), write(other, voids[::-1]), write(other, said[::3]))
        assert await lines_of(store) == reference(schema, [*said, *voids])
