"""What rules make of records: each example worked out by hand."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.model import Assert, ChangeSet, Flag, Link, Retract, Verdict
from brain.schema import Datatype, Property, Scalar
from ingest.mapping import UNTIMED
from ingest.pipeline import Result
from ingest.quality import coerce
from ingest.rules import Pick
from tests.unit.ingest_plant import PUMPS, pipeline_of, plant, run

AT = 1_772_452_800_000_000
"""2026-03-02T12:00:00Z in µs."""
READING = {"device": "P-7", "seq": 4, "ts": "2026-03-02T13:00:00+01:00", "flow": 0.12, "t": 98.6, "state": "RUN", "bed": " 3-12 "}


def mapped(tmp_path: Path, rules: str, *records: object) -> Result:
    return run(pipeline_of(tmp_path, rules), *(r if isinstance(r, bytes) else orjson.dumps(r) for r in records))


def one(result: Result) -> ChangeSet:
    assert result.bad == []
    (changes,) = result.good
    return changes


def test_a_reading_in_full(tmp_path: Path) -> None:
    made = one(mapped(tmp_path, PUMPS, {**READING, "fw": "2.1"}))
    properties: dict[str, Scalar] = {"flow": 120.0, "temperature": (98.6 * 5 - 160) / 9, "state": "running"}
    assert made == ChangeSet(
        "P-7-4",
        "plant/pumps",
        AT,
        1_000_000,
        (
            Assert("asset/P-7", "Pump", properties, {"firmware": "2.1"}, (Link("locatedIn", "bed/3-12"),)),
            Assert("bed/3-12", "Bed"),
        ),
    )
    assert properties["temperature"] == pytest.approx(37.0, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "verdict", "detail"),
    [
        ({"flow": None}, Verdict.NULL, ""),
        ({"flow": 9999.99}, Verdict.OUT_OF_RANGE, "9999.99"),  # 9,999,990 mL/h
        ({"flow": 1.3}, Verdict.OUT_OF_RANGE, "1.3"),  # 1,300 mL/h: within range before conversion, not after
        ({"flow": "0.12"}, Verdict.WRONG_TYPE, "0.12"),
        ({"flow": True}, Verdict.WRONG_TYPE, "true"),
        ({"flow": {"v": 1}}, Verdict.WRONG_TYPE, '{"v":1}'),
        ({"state": "JAM"}, Verdict.OUT_OF_RANGE, "JAM"),
        ({"state": ["RUN"]}, Verdict.WRONG_TYPE, '["RUN"]'),
        ({"cycles": 1.5}, Verdict.WRONG_TYPE, "1.5"),
        ({"cycles": 2**64 - 1}, Verdict.WRONG_TYPE, str(2**64 - 1)),
        ({"cycles": -1}, Verdict.OUT_OF_RANGE, "-1"),
        ({"locked": 1}, Verdict.WRONG_TYPE, "1"),
        ({"serial": "ab1"}, Verdict.OUT_OF_RANGE, "ab1"),
        ({"serial": "AB\0"}, Verdict.WRONG_TYPE, "AB\N{SYMBOL FOR NULL}"),
    ],
)
def test_flaws_are_flagged_and_never_asserted(tmp_path: Path, change: dict[str, object], verdict: Verdict, detail: str) -> None:
    (name,) = change
    record = {**READING, name: None, **change}
    said, flag, _ = one(mapped(tmp_path, PUMPS, record)).changes
    assert flag == Flag("asset/P-7", "Pump", name, verdict, AT, detail)
    assert isinstance(said, Assert)
    assert name not in said.properties
    assert len(said.properties) == len({"flow", "temperature", "state"} - {name})


def test_what_is_missing_is_not_said(tmp_path: Path) -> None:
    said, *rest = one(mapped(tmp_path, PUMPS, {"device": "P-7", "seq": 1, "ts": READING["ts"], "cycles": 12.0})).changes
    assert (said, rest) == (Assert("asset/P-7", "Pump", {"cycles": 12}), [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"device": None}, "no event id"),
        ({"device": "  "}, "no event id"),
        ({"device": 1.5}, "a key is a text or a whole number"),
        ({"device": "a\nb"}, "no control characters"),
        ({"device": "x" * 513}, "at most 512"),
        ({"device": "\u2028"}, "no event id"),  # white space alone
        ({"bed": {"id": 3}}, "a key is a text or a whole number"),
    ],
)
def test_bad_keys_make_dead_letters(tmp_path: Path, change: dict[str, object], said: str) -> None:
    result = mapped(tmp_path, PUMPS, {**READING, **change})
    assert result.good == []
    assert said in result.bad[0].reason
    assert orjson.loads(result.bad[0].payload) == {**READING, **change}


@pytest.mark.parametrize("ts", [None, "yesterday", 17, "0000-01-01T00:00:00Z", ...])
def test_without_a_time_there_are_a_letter_and_flags_and_no_values(tmp_path: Path, ts: object) -> None:
    record = {k: v for k, v in {**READING, "ts": ts}.items() if v is not ...}
    result = mapped(tmp_path, PUMPS, record)
    assert result.bad[0].reason.startswith("no timestamp: ts is ")
    (made,) = result.good
    assert (made.valid, made.event) == (UNTIMED, "P-7-4")
    assert made.changes == tuple(
        Flag("asset/P-7", "Pump", name, Verdict.NO_TIMESTAMP, None, raw)
        for name, raw in (("flow", "0.12"), ("temperature", "98.6"), ("state", "RUN"))
    )


def test_two_messages_tell_of_one_step(tmp_path: Path) -> None:
    rules = """\
adapter: a
topics: [pumps]
rules:
  - when: {kind: started}
    time: {path: at, format: epoch_s}
    steps:
      - key: "{order}/dispense"
        activity: Dispense
        started: at
        objects: [{class: Order, key: {path: order}, qualifier: order}]
  - when: {kind: [done, finished]}
    time: {path: at, format: epoch_s}
    steps:
      - key: "{order}/dispense"
        activity: {path: act, map: {D: Dispense}}
        completed: at
        performedBy: {class: Asset, key: {path: robot}}
        process: Medication
        objects:
          - {each: lines, class: Order, key: {path: id}, qualifier: "{role}"}
          - {class: Patient, key: {path: patient}}
ignore: [{kind: heartbeat}]
"""
    result = mapped(
        tmp_path,
        rules,
        {"kind": "started", "at": 10, "order": 7},
        {"kind": "done", "at": 70.5, "order": 7, "act": "D", "robot": "R", "lines": [{"id": "7", "role": "main"}, {"id": 8}]},
        {"kind": "heartbeat"},
        {"kind": "other"},
    )
    first, second = result.good
    assert first.changes[0] == Assert(
        "step/7/dispense", "Step", {"activity": "Dispense", "startedAt": 10_000_000}, {}, (Link("object", "order/7", "order"),)
    )
    done = second.changes[0]
    assert isinstance(done, Assert)
    assert (done.subject, done.properties) == ("step/7/dispense", {"activity": "Dispense", "completedAt": 70_500_000})
    assert done.links == (
        Link("object", "order/7", "main"),
        Link("object", "order/8"),
        Link("performedBy", "asset/R"),
        Link("partOfProcess", "process/Medication"),
    )
    assert second.changes[1:] == (
        Assert("order/7", "Order"),
        Assert("order/8", "Order"),
        Assert("asset/R", "Asset"),
        Assert("process/Medication", "Process"),
    )
    assert [letter.reason[:15] for letter in result.bad] == ["no rule matches"]
    assert result.stats.ignored == 1


NESTED = """\
adapter: a
topics: [pumps]
accept: {version: 2}
records: plant.lines
rules:
  - time: {path: [at, $.sent], format: epoch_ms}
    event: "{$.id}/{^.name}/{code}"
    authority: 7
    entities:
      - class: {path: type, map: {P: Pump, B: Bed}, default: Asset}
        key: ["{code}", {path: alt}]
        set: {name: {path: label, optional: true}}
        attributes: {"*": more, line: ^.name, n: "$topic[0]"}
        unlink: {locatedIn: {class: Bed, key: {path: left}}}
        unset: [name]
        when: {type: {not: X}}
      - each: parts
        class: Asset
        key: "{^.code}.{no}"
"""


def test_nested_records_scopes_and_choices(tmp_path: Path) -> None:
    message = {
        "version": 2,
        "id": "m",
        "sent": 5,
        "plant": {
            "name": "L",
            "lines": [
                {"code": "a", "type": "P", "label": None, "more": {"x": 1, "y": [2], "z": None}, "left": "b1"},
                {"alt": "z", "code": "c", "type": "Q", "at": 6, "parts": [{"no": 1}, {"no": 2}]},
                {"code": "d", "type": "X", "parts": {"no": 3}},
            ],
        },
    }
    first, second, third = mapped(tmp_path, NESTED, message).good
    assert first == ChangeSet(
        "m/L/a",
        "a",
        5000,
        1_000_000,
        (
            Assert("asset/a", "Pump", {}, {"x": 1, "line": "L", "n": "pumps"}),
            Retract("asset/a", "Pump", ("name",), (), (Link("locatedIn", "bed/b1"),)),
        ),
        7,
    )
    assert (second.valid, [c.subject for c in second.changes]) == (6000, ["asset/c", "asset/c", "asset/c.1", "asset/c.2"])
    assert [c.subject for c in third.changes] == ["asset/d.3"]


def test_what_no_document_accepts_is_a_dead_letter(tmp_path: Path) -> None:
    result = mapped(tmp_path, NESTED, {"version": 1})
    assert result.bad[0].reason == "the adapter a has no rules that accept this message"


NAMES = st.sampled_from(["class", "flow", "state", "__class__", "Pump) DETACH DELETE n //", "`x`", "set", "name"])


@given(st.dictionaries(NAMES, st.one_of(st.integers(), st.text(max_size=5), st.none()), max_size=5))
@settings(max_examples=60, deadline=None)
def test_no_name_ever_comes_from_a_payload(tmp_path_factory: pytest.TempPathFactory, extra: dict[str, object]) -> None:
    rules = PUMPS.replace("{firmware: fw}", '{"*": more}')
    pipeline = pipeline_of(tmp_path_factory.mktemp("rules"), rules)
    payload = orjson.dumps({**extra, **READING, "more": extra}, option=orjson.OPT_PASSTHROUGH_SUBCLASS) if _fits(extra) else b"{}"
    schema = plant()
    for changes in run(pipeline, payload).good:
        for change in changes.changes:
            known = schema.of(change.cls)
            assert known
            if isinstance(change, Assert):
                assert set(change.properties) <= set(known.properties)
                assert {link.relation for link in change.links} <= set(known.relations)


def _fits(extra: dict[str, object]) -> bool:
    return all(not isinstance(v, int) or -(2**63) <= v < 2**64 for v in extra.values())


FLOAT = Property("x", "urn:x", Datatype.FLOAT, minimum=-5.0, maximum=5.0)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1.5", 1.5),
        (" -2 ", -2.0),
        ("1e0", 1.0),
        ("nan", Verdict.WRONG_TYPE),
        ("inf", Verdict.WRONG_TYPE),
        ("1_0", Verdict.WRONG_TYPE),
        ("٣", Verdict.WRONG_TYPE),
        ("1,5", Verdict.WRONG_TYPE),
        ("6", Verdict.OUT_OF_RANGE),
        (float("nan"), Verdict.WRONG_TYPE),
        (10**400, Verdict.WRONG_TYPE),
        (True, Verdict.WRONG_TYPE),
        (None, Verdict.NULL),
        (3, 3.0),
    ],
)
def test_numbers_in_texts(raw: object, expected: object) -> None:
    found = coerce(FLOAT, Pick(), textual=True)(raw)
    assert found == expected
    assert type(found) is type(expected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, st.sampled_from(Datatype), st.booleans())
@settings(max_examples=200)
def test_any_raw_value_is_a_good_value_or_a_verdict(raw: object, datatype: Datatype, textual: bool) -> None:
    """A good value has exactly the datatype's Python type, and NaN and infinity are never good."""
    kinds = {"string": str, "integer": int, "float": float, "boolean": bool, "instant": int}
    found = coerce(Property("x", "urn:x", datatype), Pick(), textual)(raw)
    if type(found) is not Verdict:
        assert type(found) is kinds[datatype]
        assert found == found
