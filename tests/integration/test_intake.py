"""A message that the store itself refuses is buried with the store's reason, and takes no other message with it."""

import json

import pytest

from brain.engine import Engine
from brain.model import Mark
from brain.query import Find
from brain.stores import open_store
from ingest.intake import Intake
from ingest.record import Envelope
from ingest.wiring import whole_pipeline
from ontology import load_schema
from tests.contract.test_neo4j import wipe

SCHEMA = load_schema(())
TOO_LONG = 20_000
"""Characters: more than Neo4j can index, and `medication` is indexed."""


def order(number: int, medication: str = "aspirin") -> Envelope:
    said = {
        "specversion": "1.0", "id": f"RX-{number}/prescribed", "source": "/hospital/orders", "type": "hospital.order.prescribed",
        "time": "2026-03-02T06:22:33.446Z", "data": {"order": f"RX-{number}", "medication": medication, "dose_g": 1.0},
    }  # fmt: skip
    return Envelope("hospital/orders", "", json.dumps(said).encode(), 7)


@pytest.mark.parametrize("bad", [(17,), (0, 40), ()])
async def test_one_message_that_cannot_be_stored(neo4j_url: str, bad: tuple[int, ...]) -> None:
    await wipe(neo4j_url)
    store = open_store(neo4j_url)
    await store.prepare(SCHEMA)
    try:
        intake = Intake(whole_pipeline(SCHEMA), Engine(store))
        batch = [order(i, "x" * TOO_LONG if i in bad else "aspirin") for i in range(41)]
        await intake.take(batch, [Mark("t", 0, 41)])
        orders = {node.key for node in (await store.find(Find("MedicationOrder"))).nodes}
        letters = await store.letters()
        assert orders == {f"RX-{i}" for i in range(41) if i not in bad}
        assert {letter.payload for letter in letters} == {batch[i].payload for i in bad}
        assert all("longer than the 8,000 bytes that Neo4j can index; shorten it" in letter.reason for letter in letters)
        assert await store.marks() == [Mark("t", 0, 41)]
        assert (intake.taken.messages, intake.taken.dead) == (41, len(bad))
    finally:
        await store.close()
