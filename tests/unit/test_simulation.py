"""The simulated shift keeps its promises: the same bytes each time, the dirt it owns up to, and a real queue in the pharmacy."""

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from ingest.simulation import Message, Shift, Work, simulate

TELEMETRY = {"hospital/pumps", "hospital/robot"}
BUSINESS = {"hospital/adt", "hospital/orders", "hospital/pharmacy", "hospital/scanners"}
FULFILMENT = {"Receive", "Verify", "Dispense", "Deliver"}


@pytest.fixture(scope="module")
def shift() -> Shift:
    return simulate(seed=7, hours=8)


def digest(shift: Shift) -> str:
    return hashlib.sha256(repr(shift.messages).encode()).hexdigest()


def of(shift: Shift, topic: str) -> list[Message]:
    return [m for m in shift.messages if m.topic == topic]


def micros(text: str) -> int:
    at = datetime.fromisoformat(text)
    assert at.tzinfo is not None
    return round(at.timestamp() * 1000) * 1000


def pump_name(message: Message) -> str:
    reading = json.loads(message.payload)
    return f"{message.topic} {reading['device']}-{reading['seq']}"


def unique_pumps(shift: Shift) -> dict[str, dict[str, Any]]:
    return {pump_name(m): json.loads(m.payload) for m in of(shift, "hospital/pumps")}


def handovers(trace: tuple[Work, ...]) -> dict[tuple[str, str], list[int]]:
    """DESIGN.md's definition, from the truth: start(b) − complete(a) on one order, one known time standing for both."""
    orders: dict[str, list[Work]] = defaultdict(list)
    for work in trace:
        if work.order:
            orders[work.order].append(work)
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for works in orders.values():
        ordered = sorted(works, key=lambda w: (w.completed if w.started is None else w.started, w.completed))
        for a, b in pairwise(ordered):
            start = b.completed if b.started is None else b.started
            found[a.activity, b.activity].append(max(0, start - a.completed))
    return found


def test_a_seed_is_one_run_to_the_byte(shift: Shift) -> None:
    assert digest(simulate(seed=7, hours=8)) == digest(shift)
    assert digest(simulate(seed=8, hours=1)) != digest(simulate(seed=7, hours=1))


def test_a_shift_too_short_for_its_silence_is_refused() -> None:
    with pytest.raises(ValueError, match="give at least 1"):
        simulate(hours=0.5)


def test_the_size_is_one_that_a_demo_can_stream(shift: Shift) -> None:
    assert 20_000 <= len(shift.messages) <= 40_000
    patients = {w.patient for w in shift.trace}
    assert 40 <= len(patients) <= 80
    assert len({m.key for m in of(shift, "hospital/pumps")}) == 15


def test_streams_are_separate_and_arrive_in_order_of_receipt_alone(shift: Shift) -> None:
    assert {m.topic for m in shift.messages} == TELEMETRY | BUSINESS
    received = [m.received for m in shift.messages]
    assert received == sorted(received)
    happened = [micros(r["ts"]) for m in of(shift, "hospital/pumps") if (r := json.loads(m.payload))["ts"]]
    overtaken = sum(b < a for a, b in pairwise(happened))
    assert overtaken > 500
    steps = [micros(json.loads(m.payload)["time"]) for m in of(shift, "hospital/orders")]
    assert steps != sorted(steps)


@pytest.mark.parametrize("seed", [7, 11])
def test_the_bottleneck_is_pharmacy_fulfilment_by_total_and_by_mean(seed: int) -> None:
    edges = handovers(simulate(seed).trace)
    frequent = {edge: gaps for edge, gaps in edges.items() if len(gaps) >= 10}
    by_total = max(frequent, key=lambda e: sum(frequent[e]))
    by_mean = max(frequent, key=lambda e: sum(frequent[e]) / len(frequent[e]))
    assert by_total == by_mean
    assert set(by_total) <= FULFILMENT
    before_treatment = sum(sum(gaps) for (_, target), gaps in edges.items() if target in ("Administer", "Treat"))
    assert sum(frequent[by_total]) > 3 * before_treatment


def test_treatment_is_the_decoy_longest_at_work_yet_hardly_waited_for(shift: Shift) -> None:
    work: dict[str, list[int]] = defaultdict(list)
    for w in shift.trace:
        if w.started is not None:
            work[w.activity].append(w.completed - w.started)
    assert max(work, key=lambda a: sum(work[a]) / len(work[a])) == "Treat"
    assert max(work, key=lambda a: sum(work[a])) == "Treat"


def test_duplicates_are_sent_again_byte_for_byte(shift: Shift) -> None:
    copies = Counter((m.topic, m.payload) for m in shift.messages)
    assert sum(n - 1 for n in copies.values()) == shift.dirt.duplicates
    assert 0.015 < shift.dirt.duplicates / len(shift.messages) < 0.025
    assert len({m.topic for m in shift.messages if copies[m.topic, m.payload] > 1}) >= 5


def test_late_messages_are_late_by_minutes(shift: Shift) -> None:
    first: dict[str, int] = {}
    for m in of(shift, "hospital/pumps"):
        first.setdefault(pump_name(m), m.received)
    readings = unique_pumps(shift)
    late = {n for n, r in readings.items() if r["ts"] and first[n] - micros(r["ts"]) >= 20_000_000}
    promised = {n for n in shift.dirt.late if n.startswith("hospital/pumps ")} - {shift.dirt.unstamped}
    assert late == promised
    assert max(first[n] - micros(readings[n]["ts"]) for n in late) > 180_000_000
    assert any(not n.startswith("hospital/pumps ") for n in shift.dirt.late)


def test_nulls_spike_and_missing_time_are_where_the_truth_says(shift: Shift) -> None:
    readings = unique_pumps(shift)
    values = ("flow_ml_h", "pressure_kpa", "battery_pct")
    assert {n for n, r in readings.items() if any(r[v] is None for v in values)} == set(shift.dirt.nulls)
    assert len(shift.dirt.nulls) > 50
    assert [n for n, r in readings.items() if 9999.99 in r.values()] == [shift.dirt.spike]
    assert [n for n, r in readings.items() if r["ts"] is None] == [shift.dirt.unstamped]


def test_one_pump_is_silent_for_four_minutes(shift: Shift) -> None:
    gap = shift.dirt.silence
    mine = [r for r in unique_pumps(shift).values() if r["device"] == gap.device]
    times = sorted(micros(r["ts"]) for r in mine if r["ts"])
    assert gap.until - gap.since == 240_000_000
    assert max(b - a for a, b in pairwise(times)) >= 240_000_000
    assert not [t for t in times if gap.since <= t < gap.until]
    numbers = sorted(r["seq"] for r in mine)
    assert numbers[-1] - len(numbers) == shift.dirt.lost > 10


def test_robot_writes_epoch_milliseconds_and_fahrenheit(shift: Shift) -> None:
    robot = [json.loads(m.payload) for m in of(shift, "hospital/robot")]
    assert {r["ev"] for r in robot} == {"status", "pick"}
    assert all(60 < r["tf"] < 77 for r in robot if r["ev"] == "status")
    assert all(0 <= r["t"] * 1000 - shift.start <= 8 * 3600 * 1_000_000 for r in robot)
    truth = {(w.order, w.started, w.completed) for w in shift.trace if w.activity == "Dispense"}
    assert {(r["rx"], r["t0"] * 1000, r["t1"] * 1000) for r in robot if r["ev"] == "pick"} == truth


def test_pharmacy_rows_and_bedside_scans_and_orders_tell_the_whole_trace_of_orders(shift: Shift) -> None:
    told: set[tuple[str, str, int | None, int]] = set()
    for m in of(shift, "hospital/pharmacy"):
        (row,) = csv.DictReader(io.StringIO(m.payload.decode()))
        started = micros(row["started"]) if row["started"] else None
        told.add((row["order"], row["step"], started, micros(row["completed"])))
    for m in of(shift, "hospital/scanners"):
        scan = json.loads(m.payload)
        event = scan["event"]
        told.add((scan["order"]["id"], event["type"], micros(event["startedAt"]), micros(event["at"])))
    for m in of(shift, "hospital/orders"):
        cloud = json.loads(m.payload)
        assert cloud["specversion"] == "1.0"
        assert cloud.keys() >= {"id", "source", "type"}
        told.add((cloud["data"]["order"], "Prescribe", None, micros(cloud["time"])))
    assert told == {(w.order, w.activity, w.started, w.completed) for w in shift.trace if w.order}


def test_admissions_are_xml_in_local_time(shift: Shift) -> None:
    told = set()
    for m in of(shift, "hospital/adt"):
        adt = ElementTree.fromstring(m.payload)
        event, patient = adt.find("Event"), adt.find("Patient")
        assert event is not None
        assert patient is not None
        assert event.attrib["completed"].endswith("+01:00")
        started = micros(event.attrib["started"]) if "started" in event.attrib else None
        told.add((patient.attrib["id"], event.attrib["name"], started, micros(event.attrib["completed"])))
    assert told == {(w.patient, w.activity, w.started, w.completed) for w in shift.trace if not w.order}
