"""A device's clock against its gateway's: every row worked out by hand, and the model the same in any order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.canon import model_hash
from brain.engine import Engine
from brain.model import Assert, Flag, Verdict
from brain.stores import open_store
from ingest.clocks import Trust, duration, judge, span
from ingest.intake import Intake
from ingest.pipeline import Result
from ingest.record import Envelope
from ingest.times import EARLIEST, LATEST
from tests.unit.ingest_plant import pipeline_of, plant, run
from tests.unit.test_rules import faults

RULES = """\
adapter: pumps
topics: [pumps]
rules:
  - event: "{id}"
    time: ts
    gateway_time: gw
    historical: old
    clock: {tolerance: 5s, delay: 2s, limit: 1d}
    entities:
      - class: Pump
        key: {path: device}
        set: {state: state, cycles: n, servicedAt: ts}
        link: {locatedIn: {class: Bed, key: {path: bed}}}
"""
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DEVICE = "the device's"
MIDDLE = "2026-03-02T11:59:59+00:00"
"""When a live message that the gateway had at noon was sent, if it takes at most 2 s: 11:59:58 … 12:00:00, the middle."""

TABLE = [  # device, historical → valid, what is wrong
    ("12:00:00", False, DEVICE, ""),
    ("12:00:05", False, DEVICE, ""),
    ("11:59:55", False, DEVICE, ""),
    ("12:00:05.000001", False, MIDDLE, "5 s ahead of its gateway; corrected to 2026-03-02T11:59:59Z ± 1 s"),
    ("11:59:54.999999", False, MIDDLE, "5 s behind its gateway; corrected to 2026-03-02T11:59:59Z ± 1 s"),
    ("15:12:00", False, MIDDLE, "3 h 12 min ahead of its gateway; corrected to 2026-03-02T11:59:59Z ± 1 s"),
    ("08:47:59.5", False, MIDDLE, "3 h 12 min behind its gateway; corrected to 2026-03-02T11:59:59Z ± 1 s"),
    ("2026-03-03T12:00:00", False, MIDDLE, "1 d ahead of its gateway; corrected to 2026-03-02T11:59:59Z ± 1 s"),
    ("2026-03-01T12:00:00", False, MIDDLE, "1 d behind its gateway; corrected to 2026-03-02T11:59:59Z ± 1 s"),
    (
        "2026-03-03T12:00:00.000001",
        False,
        MIDDLE,
        "more than 1 d: one of the two is not set; took the earlier, 2026-03-02T11:59:59Z",
    ),
    ("2026-03-01T11:59:59", False, DEVICE, "more than 1 d: one of the two is not set; took the earlier, 2026-03-01T11:59:59Z"),
    ("1970-01-01T00:00:12", False, DEVICE, "20,514 d 11 h behind its gateway, more than 1 d: one of the two is not set"),
    ("2093-01-01T00:00:00", False, MIDDLE, "ahead of its gateway, more than 1 d: one of the two is not set"),
    ("08:47:59.5", True, DEVICE, ""),
    ("2026-02-27T12:00:00", True, DEVICE, ""),  # a buffer of 72 hours
    ("1970-01-01T00:00:12", True, DEVICE, ""),
    ("12:00:05", True, DEVICE, ""),
    (
        "15:12:00",
        True,
        MIDDLE,
        "3 h 12 min ahead of its gateway; corrected to 2026-03-02T11:59:59Z or earlier, since it was stored",
    ),
    ("2026-03-04T12:00:00", True, MIDDLE, "2 d ahead of its gateway, more than 1 d"),
]


def message(ts: object, gateway: object = "2026-03-02T12:00:00Z", old: object = False, **more: object) -> bytes:
    reading = {"id": "e1", "device": "P", "bed": "3", "state": "idle", "n": 1, "ts": ts, "gw": gateway, "old": old}
    return orjson.dumps({k: v for k, v in (reading | more).items() if v is not ...})


def flags(result: Result) -> list[Flag]:
    return [c for made in result.good for c in made.changes if isinstance(c, Flag)]


def at(text: str) -> int:
    moment = datetime.fromisoformat(text if "T" in text else f"2026-03-02T{text}").replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // TICK


@pytest.mark.parametrize(("device", "historical", "valid", "fault"), TABLE)
def test_the_table(tmp_path: Path, device: str, historical: bool, valid: str, fault: str) -> None:
    written = device if "T" in device else f"2026-03-02T{device}"
    result = run(pipeline_of(tmp_path, RULES), message(f"{written}Z", old=historical))
    assert result.bad == []
    (made,) = result.good
    when = at(device) if valid is DEVICE else at(valid.removesuffix("+00:00"))
    said = made.changes[0]
    assert isinstance(said, Assert)
    # What the device read off the same clock is moved with it, but nothing else is changed.
    assert (made.valid, said.properties) == (when, {"state": "idle", "cycles": 1, "servicedAt": when})
    found = flags(result)
    assert [f[:5] for f in found] == ([("asset/P", "Pump", "", Verdict.CLOCK_FAULT, when)] if fault else [])
    assert all(f.detail.startswith(f"device said {written}") and fault in f.detail for f in found), found
    assert result.stats.flags == ({"clockFault": 1} if fault else {})


def test_a_detail_in_full(tmp_path: Path) -> None:
    rules = RULES.replace("time: ts\n", "time: {path: ts, format: epoch_ms}\n").replace("servicedAt: ts", "name: bed")
    result = run(pipeline_of(tmp_path, rules), message(1772359200000, 1772347680000))
    (flag,) = flags(result)
    assert flag.detail == (
        "device said 2026-03-01T10:00:00Z, 3 h 12 min ahead of its gateway; corrected to 2026-03-01T06:47:59Z ± 1 s"
    )


@pytest.mark.parametrize("gateway", [None, ...])
def test_without_a_gateways_time_the_devices_stands(tmp_path: Path, gateway: object) -> None:
    result = run(pipeline_of(tmp_path, RULES), message("2031-01-01T00:00:00Z", gateway))
    assert [c.valid for c in result.good] == [at("2031-01-01T00:00:00")]
    assert flags(result) == []


def test_a_gateways_time_that_is_none_is_told(tmp_path: Path) -> None:
    result = run(pipeline_of(tmp_path, RULES), message("2031-01-01T00:00:00Z", "soon"))
    assert [c.valid for c in result.good] == [at("2031-01-01T00:00:00")]
    assert [f.detail for f in flags(result)] == ["the device's time stands unchecked: its gateway's, gw, is 'soon'"]
    assert result.bad == []


def test_a_gateways_time_never_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    result = run(pipeline_of(tmp_path, RULES), message(None))
    assert [letter.reason for letter in result.bad] == ["no timestamp: ts is null"]
    assert {str(f.verdict) for f in flags(result)} == {"noTimestamp"}


@pytest.mark.parametrize(
    ("historical", "old", "live"),
    [
        ("old", [True, "true", 1, "1"], [False, None, 0, "no", "", ...]),
        ("{old: [buffered, 500]}", ["buffered", 500, "500"], ["good", True, ...]),
        ("{old: {exists: true}}", ["x", False], [None, ...]),
    ],
)
def test_what_marks_an_old_message(tmp_path: Path, historical: str, old: list[object], live: list[object]) -> None:
    pipeline = pipeline_of(tmp_path, RULES.replace("historical: old", f"historical: {historical}"))
    for value in old + live:
        result = run(pipeline, message("2026-03-02T11:00:00Z", old=value))
        assert bool(flags(result)) is any(value is one for one in live), value


STEP = """\
adapter: lines
topics: [pumps]
rules:
  - event: "{id}"
    time: t1
    gateway_time: {path: $header.gw, format: epoch_s}
    authority: 3
    steps:
      - key: "{id}"
        activity: Fill
        scheduled: plan
        started: t0
        completed: t1
        performedBy: {class: Asset, key: {path: device}}
        objects: [{class: Order, key: {path: bed}}]
    entities:
      - {class: Pump, key: {path: device}, set: {servicedAt: {path: t0, authority: 9}, cycles: n}}
"""


def test_a_step_keeps_its_length_and_its_plan(tmp_path: Path) -> None:
    """From 14:50 to 15:00 by a clock that is three hours ahead; at noon the gateway had it."""
    pipeline = pipeline_of(tmp_path, STEP)
    times = {"t0": "2026-03-02T14:50:00Z", "t1": "2026-03-02T15:00:00Z", "plan": "2026-03-02T11:45:00Z"}
    noon = (("gw", str(int(NOON.timestamp()))),)
    result = pipeline.run([Envelope("pumps", "", message(..., **times), 5, noon)])
    first, second = result.good
    pump, *_ = first.changes
    steps = [c for c in first.changes if isinstance(c, Assert) and c.subject == "step/e1"]
    assert steps[0].properties == {
        "activity": "Fill",
        "scheduledAt": at("11:45:00"),
        "startedAt": at("11:49:59"),
        "completedAt": at("11:59:59"),
    }
    assert isinstance(pump, Assert)
    assert (first.valid, first.authority, second.valid, second.authority) == (at("11:59:59"), 3, at("11:59:59"), 9)
    # Whose clock t0 is, in an entity, nobody says: it stays. The flag is told once, and of the subjects, not of what they name.
    assert second.changes == (Assert("asset/P", "Pump", {"servicedAt": at("14:50:00")}),)
    assert sorted(f.subject for f in flags(result)) == ["asset/P", "step/e1"]
    assert result.stats.events == 1


def test_a_time_that_would_leave_the_calendar_is_flagged(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, STEP)
    times = {"t0": "0001-01-01T00:00:00Z", "t1": "2026-03-02T15:00:00Z"}
    result = pipeline.run([Envelope("pumps", "", message(..., **times), 5, (("gw", str(int(NOON.timestamp()))),))])
    steps = [c for made in result.good for c in made.changes if isinstance(c, Assert) and c.subject == "step/e1"]
    assert steps[0].properties == {"activity": "Fill", "completedAt": at("11:59:59")}
    assert ("step/e1", "startedAt", Verdict.CLOCK_FAULT) in {(f.subject, f.property, f.verdict) for f in flags(result)}


MOMENTS = st.integers(EARLIEST, LATEST)
NEAR = st.tuples(MOMENTS, st.integers(-(10**12), 10**12)).map(lambda p: (p[0], min(LATEST, max(EARLIEST, p[0] + p[1]))))


@given(
    st.one_of(NEAR, st.tuples(MOMENTS, MOMENTS)),
    st.booleans(),
    st.integers(0, 10**8),
    st.integers(0, 10**8),
    st.integers(0, 10**12),
)
@settings(max_examples=300)
def test_whatever_the_clocks_say(pair: tuple[int, int], historical: bool, delay: int, slack: int, more: int) -> None:
    """The valid time is the device's or within the delay before the gateway's, never far in the gateway's future, always a date;
    and where the device's is given up, that is told."""
    device, gateway = pair
    trust = Trust(delay + slack, delay, delay + slack + more)
    valid, fault = judge(device, gateway, historical, trust)
    assert EARLIEST <= valid <= LATEST
    assert valid == device or max(EARLIEST, gateway - delay) <= valid <= gateway
    assert valid <= gateway + trust.tolerance
    assert fault or valid == device
    assert fault or historical or abs(device - gateway) <= trust.tolerance


READINGS = st.builds(
    lambda id, off, old, state: message(
        (NOON + timedelta(seconds=off)).isoformat(), (NOON + timedelta(seconds=int(id[1:]))).isoformat(), old, id=id, state=state
    ),
    st.sampled_from(["e1", "e2", "e3", "e4"]),
    st.sampled_from([0, 3, -3, 11_520, -11_520, 90_000, -260_000]),
    st.booleans(),
    st.sampled_from(["idle", "running"]),
)


async def hash_of(folder: Path, batches: list[list[bytes]]) -> str:
    store = open_store("sqlite://")
    await store.prepare(plant())
    intake = Intake(pipeline_of(folder, RULES), Engine(store))
    for batch in batches:
        await intake.take([Envelope("pumps", "", payload, 7) for payload in batch])
    found = await model_hash(store)
    await store.close()
    return found


@given(st.lists(READINGS, min_size=1, max_size=6), st.data())
@settings(max_examples=40, deadline=None)
async def test_any_order_ends_in_one_model(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    shuffled = data.draw(st.permutations(payloads + payloads[:2]))
    cut = data.draw(st.integers(0, len(shuffled)))
    assert await hash_of(folder, [shuffled[:cut], shuffled[cut:]]) == await hash_of(folder, [payloads])


async def test_when_it_is_received_does_not_matter(tmp_path: Path) -> None:
    """The correction rests on the message alone, so that a buffer that comes a week later tells the same."""
    made = [
        pipeline_of(tmp_path, RULES).run([Envelope("pumps", "", message("2026-03-02T15:00:00Z"), received)]).good[0]
        for received in (at("12:00:00"), at("2026-03-09T12:00:00"))
    ]
    assert made[0].changes == made[1].changes
    assert made[0].valid == made[1].valid == at("11:59:59")


async def test_a_clock_from_the_future_does_not_hide_what_comes_after(tmp_path: Path) -> None:
    ahead = message("2026-03-02T15:00:00Z", id="e1", state="running")
    after = message("2026-03-02T12:10:00Z", "2026-03-02T12:10:00Z", id="e2", state="idle")
    store = open_store("sqlite://")
    await store.prepare(plant())
    await Intake(pipeline_of(tmp_path, RULES), Engine(store)).take([Envelope("pumps", "", p, 7) for p in (after, ahead)])
    (node,), (told,) = await store.nodes(["asset/P"]), await store.quality(["asset/P"])
    assert node is not None
    assert node.properties["state"] == "idle"
    assert [(q.verdict, q.event, q.at) for q in told] == [(Verdict.CLOCK_FAULT, "e1", at("11:59:59"))]
    await store.close()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("    gateway_time: gw\n", "", 6, "'historical' needs a gateway's time to compare with: add `gateway_time`"),
        ("    gateway_time: gw\n    historical: old\n", "", 6, "'clock' needs a gateway's time"),
        ("gateway_time: gw", "gateway_time: ts", 6, "gateway_time is the device's own `time`"),
        ("gateway_time: gw", "gateway_tim: gw", 6, "a rule has no key 'gateway_tim'; did you mean 'gateway_time'?"),
        ("gateway_time: gw", "gateway_time: {path: gw, format: iso}", 6, "'iso' is no time format"),
        ("gateway_time: gw", "gateway_time: {format: epoch_s}", 6, "gateway_time needs 'path'"),
        ("historical: old", "historical: 'a..b'", 7, "'a..b' is no path"),
        ("historical: old", "historical: [a]", 7, "historical must be a text, found a list"),
        (
            "tolerance: 5s",
            "tolerance: 5",
            8,
            "clock: tolerance: '5' is no duration: write a number and one of us, ms, s, min, h, d",
        ),
        ("tolerance: 5s", "tolerence: 5s", 8, "clock has no key 'tolerence'; did you mean 'tolerance'?"),
        ("tolerance: 5s", "tolerance: 1s", 8, "clock: tolerance is less than delay, so that a right clock would be at fault"),
        ("limit: 1d", "limit: 4s", 8, "clock: limit is less than tolerance"),
        ("clock: {tolerance: 5s, delay: 2s, limit: 1d}", "clock: 5s", 8, "clock must be a mapping, found '5s'"),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in RULES
    found = faults(tmp_path, RULES.replace(old, new, 1))
    assert [f for f in found if f.startswith(f"rules.yaml:{line}: ") and said in f], found


def test_durations() -> None:
    assert [duration(t) for t in ("5s", "1.5 h", "200ms", "1d", "0.000001s", "2min", "7us")] == [
        5_000_000,
        5_400_000_000,
        200_000,
        86_400_000_000,
        1,
        120_000_000,
        7,
    ]
    for text in ("5", "s", "-1s", "1 week", "1,5s", "1e3s", "5s ", "٣s"):
        with pytest.raises(ValueError, match="is no duration"):
            duration(text)
    assert [span(t) for t in (0, 1, 1_500_000, 60_000_000, 11_520_000_000, 86_400_000_000, 86_460_000_000)] == [
        "0 s",
        "1 µs",
        "1 s 500 ms",
        "1 min",
        "3 h 12 min",
        "1 d",
        "1 d",
    ]


def test_a_slow_link_widens_the_tolerance_that_nobody_named(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES.replace("tolerance: 5s, delay: 2s", "delay: 1min"))
    assert flags(run(pipeline, message("2026-03-02T11:59:00Z"))) == []
    (flag,) = flags(run(pipeline, message("2026-03-02T11:58:59Z")))
    assert flag.detail.endswith("corrected to 2026-03-02T11:59:30Z ± 30 s")
