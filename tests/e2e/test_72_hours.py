"""Seventy-two hours behind: the story that the README tells, step by step and then in any order.

A gateway on a filling line loses its link to the plant's network on Monday at 09:00, and gets it back on Thursday at 09:00.
In the meantime the line goes on and the office too: pump P-12 is swapped for P-40, order O-77 is moved. Then the buffer arrives.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from brain.analytics.bottlenecks import bottlenecks
from brain.canon import model_hash
from brain.conflicts import Rules, all_conflicts
from brain.engine import Engine
from brain.model import Node, Verdict
from brain.ports import Store
from brain.query import AsOf, Hop, Nodes
from brain.schema import ROOT
from brain.stores import open_store
from brain.stores.sqlite import SqliteStore
from ingest.adapters import load_adapters
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ingest.record import Envelope
from ontology import load_schema
from tests.contract.test_neo4j import wipe

SCHEMA = load_schema()
ADAPTERS = load_adapters(SCHEMA, [Path(__file__).parent / "late"])
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = {"Mon": 0, "Tue": 1, "Wed": 2, "Thu": 3}


def when(text: str) -> datetime:
    """`Tue 10:00` of that week."""
    day, clock = text.split()
    hours, minutes = clock.split(":")
    return MONDAY + timedelta(days=DAYS[day], hours=int(hours), minutes=int(minutes))


def micros(text: str) -> int:
    return int(when(text).timestamp()) * 1_000_000


def message(topic: str, at: str, **fields: Any) -> Envelope:
    return Envelope(f"plant/{topic}", "", orjson.dumps({"ts": when(at).isoformat(), **fields}), 0)


def through_gateway(at: str, device: str, number: int, ahead: int = 0, **fields: Any) -> Envelope:
    """What a device told the gateway at that time, by a clock that is so many hours ahead; the gateway's own clock is right."""
    told = when(at) + timedelta(hours=ahead)
    record = {"dev": device, "n": number, "gw": when(at).isoformat(), **fields}
    return Envelope("plant/gateway", "", orjson.dumps({"ts": told.isoformat(), **record}), 0)


BEFORE = [
    message("register", "Mon 07:00", doc="r1", kind="pump", tag="P-12", status="inService", unit="U-3", now="P-12"),
    through_gateway("Mon 08:10", "P-12", 1, flow=40.0),
    message("mes", "Mon 08:30", id="m1", order="O-77", step="Weigh", unit="U-3"),
    through_gateway("Mon 08:50", "P-12", 2, flow=41.0),
]
AWAY = [  # what the office goes on to say, while the gateway is silent
    message("register", "Tue 10:00", doc="r2", kind="pump", tag="P-12", status="removed", by="P-40"),
    message("register", "Tue 10:00", doc="r3", kind="pump", tag="P-40", status="inService", unit="U-3", now="P-40"),
    message("register", "Tue 15:00", doc="r4", kind="pump", tag="P-40", status="removed"),  # booked on the wrong pump
    message("mes", "Wed 08:00", id="m2", order="O-77", step="Pack", unit="U-4"),
]
BUFFER = [  # 72 hours, as the gateway kept them
    *[through_gateway(f"Mon {hour:02}:00", "P-12", 10 + hour, flow=41.0) for hour in range(10, 24)],
    through_gateway("Mon 12:00", "M-9", 1, step="Fill", order="O-77"),  # a machine that nobody has described yet
    through_gateway("Tue 09:50", "P-12", 40, flow=38.0),
    through_gateway("Tue 11:00", "P-12", 41, flow=12.0),  # an hour after it was removed
    *[through_gateway(f"Tue {hour}:30", "P-40", hour, ahead=3, flow=55.0) for hour in range(11, 20)],  # a clock 3 h ahead
]
AFTER = [
    message("register", "Thu 09:30", doc="r5", tag="P-40", wrong="r4"),
    message("register", "Thu 10:00", doc="r6", kind="machine", tag="M-9", status="inService"),
]
ALL = [*BEFORE, *AWAY, *BUFFER, *AFTER]


class Ticks:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@dataclass
class Plant:
    """A store with what goes into it, and questions about it."""

    store: Store
    clock: Ticks
    intake: Intake

    async def hears(self, at: str, messages: list[Envelope]) -> None:
        self.clock.now = micros(at)
        await self.intake.take(messages)
        assert await self.store.letters() == []

    async def node(self, id: str, at: AsOf = AsOf()) -> Node | None:
        return (await self.store.nodes([id], at))[0]

    async def end(self, id: str, relation: str, at: AsOf = AsOf()) -> list[str]:
        return [edge.target for edge in (await self.store.related([Hop(id, relations=(relation,))], at))[0]]

    async def waits(self) -> dict[str, float]:
        """Hours between the steps of orders."""
        found = await bottlenecks(self.store, SCHEMA, "order", min_frequency=1)
        return {f"{h.source} → {h.target}": h.mean_seconds / 3600 for h in found.by_mean}

    async def conflicts(self) -> list[tuple[str, str, str]]:
        rules = Rules(SCHEMA)
        return [(c.subject, c.rule, c.sides[0].event) async for c in all_conflicts(self.store, rules)]

    async def vague(self) -> list[str]:
        """What is named, but no more closely than as something of the kernel."""
        return [node.id async for node in self.store.scan(Nodes(ROOT)) if node.cls in (ROOT, "Asset")]


async def plant_on(store: Store, clock: Ticks) -> Plant:
    await store.prepare(SCHEMA)
    return Plant(store, clock, Intake(Pipeline(SCHEMA, ADAPTERS), Engine(store)))


@pytest.fixture
async def plant() -> AsyncIterator[Plant]:
    clock = Ticks()
    made = await plant_on(SqliteStore("", clock), clock)
    yield made
    await made.store.close()


async def test_the_story(plant: Plant) -> None:
    await plant.hears("Mon 09:00", BEFORE)
    await plant.hears("Wed 12:00", AWAY)
    # While the gateway is silent, the model is what the office knows.
    assert await plant.end("equipment/U-3", "isImplementedBy") == ["asset/P-40"]
    assert await plant.end("asset/P-12", "replacedBy") == ["asset/P-40"]
    assert await plant.end("object/O-77", "locatedIn") == ["equipment/U-4"]
    assert await plant.waits() == {"Weigh → Pack": 47.5}
    assert await plant.conflicts() == []

    await plant.hears("Thu 09:00", BUFFER)
    # Nothing newer is overwritten by what is older.
    assert await plant.end("equipment/U-3", "isImplementedBy") == ["asset/P-40"]
    assert await plant.end("object/O-77", "locatedIn") == ["equipment/U-4"]
    old = await plant.node("asset/P-12")
    assert old is not None
    assert old.properties["serviceStatus"] == "removed"
    # What happened on Monday at noon is put where it belongs: one handover goes, two come. 12:00 − 8:30, and 44 h to Wed 8:00.
    assert await plant.waits() == {"Fill → Pack": 44.0, "Weigh → Fill": 3.5}
    # Of M-9 no more is known than that it is some asset, and it is counted as such.
    assert await plant.vague() == ["asset/M-9"]
    # The last word of P-40 is of 19:30 by the gateway's clock, not of 22:30 by its own; the middle of the last two seconds.
    new = await plant.node("asset/P-40")
    assert new is not None
    assert new.stamps["volumeFlow"].valid == micros("Tue 19:30") - 1_000_000
    [flags] = await plant.store.quality(["asset/P-40"])
    assert [flag.verdict for flag in flags] == [Verdict.CLOCK_FAULT] * 9
    assert "3 h ahead of its gateway; corrected to 2026-03-03T19:29:59Z ± 1 s" in flags[-1].detail
    # P-12 cannot have pumped an hour after it was removed, nor P-40 after the office booked it as removed.
    assert await plant.conflicts() == [
        ("asset/P-12", "volumeFlow.impossibleWhile", "r2"),
        ("asset/P-40", "volumeFlow.impossibleWhile", "r4"),
    ]

    await plant.hears("Thu 10:00", AFTER)
    # The wrong booking is taken back, and what it had displaced holds again. Who is right about P-12 is for people to say.
    new = await plant.node("asset/P-40")
    assert new is not None
    assert new.properties["serviceStatus"] == "inService"
    assert await plant.conflicts() == [("asset/P-12", "volumeFlow.impossibleWhile", "r2")]
    assert await plant.vague() == []
    machine = await plant.node("asset/M-9")
    assert machine is not None
    assert machine.cls == "Machine"


async def test_what_we_believed_on_wednesday_and_what_we_know_now(plant: Plant) -> None:
    for at, messages in (("Mon 09:00", BEFORE), ("Wed 12:00", AWAY), ("Thu 09:00", BUFFER), ("Thu 10:00", AFTER)):
        await plant.hears(at, messages)
    monday, wednesday, thursday = micros("Mon 12:00"), micros("Wed 12:00"), micros("Thu 09:00")
    assert await plant.node("step/O-77/Fill", AsOf(monday, wednesday)) is None
    assert await plant.node("step/O-77/Fill", AsOf(monday, thursday)) is not None
    assert await plant.end("equipment/U-3", "isImplementedBy", AsOf(monday)) == ["asset/P-12"]
    assert await plant.end("equipment/U-3", "isImplementedBy", AsOf(micros("Tue 10:00"))) == ["asset/P-40"]
    tuesday = micros("Tue 16:00")
    believed = await plant.node("asset/P-40", AsOf(tuesday, thursday))
    known = await plant.node("asset/P-40", AsOf(tuesday, micros("Thu 10:00")))
    assert believed is not None
    assert known is not None
    assert believed.properties["serviceStatus"] == "removed"
    assert known.properties["serviceStatus"] == "inService"


def shuffled(seed: int) -> list[list[Envelope]]:
    """All messages in some order, a quarter of them twice, in batches of any size."""
    chance = random.Random(seed)
    order = [*ALL, *chance.sample(ALL, len(ALL) // 4)]
    chance.shuffle(order)
    batches = []
    while order:
        size = chance.randint(1, 8)
        batches.append(order[:size])
        order = order[size:]
    return batches


async def ends(store: Store, batches: list[list[Envelope]]) -> tuple[str, dict[str, float], list[tuple[str, str, str]]]:
    plant = await plant_on(store, Ticks())
    for batch in batches:
        await plant.intake.take(batch)
    return await model_hash(store), await plant.waits(), await plant.conflicts()


async def test_in_any_order_it_is_the_same_model(neo4j_url: str) -> None:
    expected = None
    for seed in range(25):
        store = SqliteStore("")
        found = await ends(store, shuffled(seed))
        await store.close()
        assert found == (expected := expected or found), seed
    for seed in range(100, 103):
        await wipe(neo4j_url)
        other = open_store(neo4j_url)
        assert await ends(other, shuffled(seed)) == expected, seed
        await other.close()
    await wipe(neo4j_url)
