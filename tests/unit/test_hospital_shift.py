"""The whole simulated shift through the real pipeline into a real store: what comes out is what the dirt and the trace imply."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from brain.analytics.bottlenecks import Bottlenecks, bottlenecks
from brain.analytics.dependencies import Toward, dependencies
from brain.canon import model_hash
from brain.engine import Engine
from brain.model import Flag, Verdict
from brain.ports import Store
from brain.query import Hop
from brain.schema import Schema
from brain.stores import open_store
from ingest.adapters import load_adapters
from ingest.pipeline import Pipeline, Result
from ingest.record import Envelope
from ingest.simulation import Shift, Work, simulate
from ontology.load import load_schema

VALUES = {"flow_ml_h": "flow", "pressure_kpa": "pressure", "battery_pct": "battery", "state": "state"}
STATES = {"standby": "idle", "infusing": "infusing"}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


@pytest.fixture(scope="module")
def shift() -> Shift:
    return simulate(seed=7, hours=8)


def envelopes(shift: Shift) -> list[Envelope]:
    return [Envelope(m.topic, m.key, m.payload, m.received) for m in shift.messages]


@pytest.fixture(scope="module")
def result(schema: Schema, shift: Shift) -> Result:
    return Pipeline(schema, load_adapters(schema)).run(envelopes(shift))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(schema: Schema, result: Result) -> AsyncIterator[Store]:
    store = open_store("sqlite://")
    await store.prepare(schema)
    engine = Engine(store)
    for at in range(0, len(result.good), 2000):
        await engine.commit(result.good[at : at + 2000])
    await engine.commit([], letters=result.bad)
    yield store
    await store.close()


def waits(trace: Sequence[Work]) -> dict[tuple[str, str], list[int]]:
    """The handover view of orders, from the truth and not from the messages. µs."""
    orders: dict[str, list[Work]] = defaultdict(list)
    for work in trace:
        if work.order:
            orders[work.order].append(work)
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for works in orders.values():
        works.sort(key=lambda w: (w.completed if w.started is None else w.started, w.completed))
        for a, b in pairwise(works):
            found[a.activity, b.activity].append(max(0, (b.completed if b.started is None else b.started) - a.completed))
    return found


def flagged(result: Result, verdict: Verdict) -> list[tuple[str, Flag]]:
    """(name of the message as `Dirt` has it, flag) of every such flag."""
    return [
        (f"{made.source} {made.event}", change)
        for made in result.good
        for change in made.changes
        if isinstance(change, Flag) and change.verdict is verdict
    ]


def test_every_message_is_one_record_and_every_copy_is_known(shift: Shift, result: Result) -> None:
    assert result.stats.messages == result.stats.records == len(shift.messages)
    assert result.stats.duplicates == shift.dirt.duplicates
    assert result.stats.events == len(shift.messages) - shift.dirt.duplicates
    assert (result.stats.conflicts, result.stats.ignored) == (0, 0)


def test_flags_are_exactly_the_damage_done(shift: Shift, result: Result) -> None:
    assert sorted(name for name, _ in flagged(result, Verdict.NULL)) == sorted(shift.dirt.nulls)
    ((name, spike),) = flagged(result, Verdict.OUT_OF_RANGE)
    assert (name, spike.detail) == (shift.dirt.spike, "9999.99")
    untimed = flagged(result, Verdict.NO_TIMESTAMP)
    assert {name for name, _ in untimed} == {shift.dirt.unstamped}
    assert {flag.at for _, flag in untimed} == {None}
    assert sum(result.stats.flags.values()) == len(shift.dirt.nulls) + 1 + len(untimed)


def test_the_one_dead_letter_is_the_message_without_a_time(shift: Shift, result: Result) -> None:
    (letter,) = result.bad
    reading = json.loads(letter.payload)
    assert f"hospital/pumps {reading['device']}-{reading['seq']}" == shift.dirt.unstamped
    assert letter.adapter == "hospital-pumps"
    assert letter.reason.startswith("no timestamp")


async def report(store: Store, schema: Schema) -> Bottlenecks:
    return await bottlenecks(store, schema, "MedicationOrder")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_report_equals_the_trace_to_the_microsecond(store: Store, schema: Schema, shift: Shift) -> None:
    truth = waits(shift.trace)
    edges = {(e.source, e.target): (e.count, round(e.total_seconds * 1e6)) for e in (await report(store, schema)).edges}
    assert edges == {edge: (len(gaps), sum(gaps)) for edge, gaps in truth.items()}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_report_says_that_orders_wait_for_the_pharmacist(store: Store, schema: Schema) -> None:
    found = await report(store, schema)
    assert (found.edges[0].source, found.edges[0].target) == ("Receive", "Verify")
    assert (found.by_mean[0].source, found.by_mean[0].target) == ("Receive", "Verify")
    assert found.objects > 80
    longest = max(found.activities, key=lambda a: a.total_seconds)
    assert longest.activity == "Treat"


@pytest.mark.asyncio(loop_scope="module")
async def test_bedside_alone_the_wait_seems_to_be_before_the_treatment(store: Store, schema: Schema) -> None:
    """What the wards see: patients wait between their prescription and the treatment. The pharmacy is not in their picture."""
    found = await bottlenecks(store, schema, "Patient")
    assert found.by_mean[0].target == "Administer"


@pytest.mark.asyncio(loop_scope="module")
async def test_pumps_hold_their_newest_good_values(store: Store, shift: Shift) -> None:
    newest: dict[str, dict[str, tuple[str, Any]]] = defaultdict(dict)
    for message in shift.messages:
        if message.topic != "hospital/pumps":
            continue
        reading = json.loads(message.payload)
        held = newest[reading["device"]]
        for name, property in VALUES.items():
            value = reading.get(name)
            if reading["ts"] and value not in (None, 9999.99):
                held[property] = max(held.get(property, ("", None)), (reading["ts"], STATES.get(value, value)))
    pumps = await store.nodes([f"asset/{pump}" for pump in sorted(newest)])
    assert len(pumps) == 15
    for pump in pumps:
        assert pump is not None
        assert pump.cls == "InfusionPump"
        assert pump.properties == {name: value for name, (_, value) in newest[pump.key].items()}


@pytest.mark.asyncio(loop_scope="module")
async def test_fahrenheit_and_grams_arrive_in_the_ontologys_units(store: Store, shift: Shift) -> None:
    status = [json.loads(m.payload) for m in shift.messages if m.topic == "hospital/robot"]
    last = max((r for r in status if r["ev"] == "status"), key=lambda r: r["t"])
    order = json.loads(next(m.payload for m in shift.messages if m.topic == "hospital/orders"))["data"]
    robot, held = await store.nodes(["asset/ROB-1", f"medicationorder/{order['order']}"])
    assert robot is not None
    assert held is not None
    assert robot.properties["temperature"] == pytest.approx((last["tf"] - 32) / 1.8)
    assert held.properties["dose"] == pytest.approx(order["dose_g"] * 1000)


@pytest.mark.asyncio(loop_scope="module")
async def test_robot_and_pharmacy_tell_of_one_dispensing(store: Store, shift: Shift) -> None:
    truth = {w.order: w for w in shift.trace if w.activity == "Dispense"}
    steps = await store.nodes([f"step/{order}/Dispense" for order in truth])
    for step, work in zip(steps, truth.values(), strict=True):
        assert step is not None
        assert (step.properties["startedAt"], step.properties["completedAt"]) == (work.started, work.completed)
        assert {step.stamps["completedAt"].source} <= {"hospital/robot", "hospital/pharmacy"}
    edges = await store.related([Hop(f"step/{next(iter(truth))}/Dispense")])
    assert ("performedBy", "asset/ROB-1") in {(e.relation, e.target) for e in edges[0]}


@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_patient_depends_on_reaches_the_pharmacist(store: Store, schema: Schema, shift: Shift) -> None:
    verified = next(w for w in shift.trace if w.activity == "Verify")
    found = await dependencies(store, schema, f"patient/{verified.patient}", Toward.UP, depth=3)
    assert f"person/{verified.by}" in {node.id for node in found.nodes}


@pytest.mark.asyncio(loop_scope="module")
async def test_shuffled_and_in_other_batches_the_model_is_the_same(schema: Schema) -> None:
    messages = envelopes(simulate(seed=3, hours=1))
    hashes = set()
    for seed, size in ((0, 5000), (1, 333)):
        shuffled = random.Random(seed).sample(messages, len(messages))
        store, pipeline = open_store("sqlite://"), Pipeline(schema, load_adapters(schema))
        await store.prepare(schema)
        for at in range(0, len(shuffled), size):
            made = pipeline.run(shuffled[at : at + size])
            await Engine(store).commit(made.good, letters=made.bad)
        hashes.add(await model_hash(store))
        await store.close()
    assert len(hashes) == 1


def test_every_stream_of_the_shift_has_its_adapter(schema: Schema, shift: Shift, result: Result) -> None:
    sources = Counter(made.source for made in result.good)
    assert set(sources) == {m.topic for m in shift.messages}
