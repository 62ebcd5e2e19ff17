"""Records of logs as messages and as change sets: round trips, order, judged values, and messages that are none."""

import random
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brain.canon import model_hash
from brain.model import Assert, ChangeSet, Flag, Link, Verdict
from brain.stores.sqlite import SqliteStore
from ingest.event_log import ALWAYS, LONGEST_NAME, TOPIC, BadMessage, LogMapper, LogRules, TypeRule, message, parse
from ingest.logs.records import LogEvent, LogObject
from ingest.pipeline import Pipeline
from ingest.record import Envelope, pack, unpack
from ontology import load_schema

SCHEMA = load_schema(())
RULES = LogRules(
    {"order": TypeRule("MedicationOrder", {"drug": "medication", "mg": "dose", "state": "state"}, {"for": "forPatient"})},
    "Person",
)
EVENT = LogEvent("e1", "pack", None, None, None, 5, None, None, None, None, (), (("o1", "", "box"),))

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
values = st.one_of(names, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
moments = st.integers(-(10**15), 4 * 10**15)
few = st.sampled_from(["o1", "o2", "o3", "ö/4"])


@st.composite
def events(draw: st.DrawFn) -> LogEvent:
    times = draw(st.lists(st.none() | moments, min_size=5, max_size=5).filter(any))
    return LogEvent(
        draw(names), draw(names), *times[:4], draw(st.none() | st.integers(0, 99)), draw(st.none() | st.integers(0, 99)),
        draw(st.none() | st.sampled_from(["suspend", "resume"])), draw(st.none() | names),
        tuple(sorted(draw(st.dictionaries(names, values, max_size=3)).items())),
        tuple(sorted(draw(st.sets(st.tuples(few, st.just(""), names), max_size=3)))), times[4],
    )  # fmt: skip


objects = st.builds(
    LogObject,
    few,
    st.sampled_from(["order", "item", "`x`"]),
    st.lists(st.tuples(st.sampled_from(["drug", "mg", "state", "other"]), values, st.just(0) | moments), max_size=4)
    .map(lambda said: tuple({(name, valid): (name, value, valid) for name, value, valid in said}.values())),
    st.sets(st.tuples(few, st.sampled_from(["for", "of"])), max_size=3).map(lambda said: tuple(sorted(said))),
)  # fmt: skip
records = events() | objects


def pipeline(rules: LogRules = RULES) -> Pipeline:
    return Pipeline(SCHEMA, (), {TOPIC: LogMapper(SCHEMA, rules)})


def envelope(record: LogEvent | LogObject, namespace: str = "") -> Envelope:
    return Envelope(TOPIC, record.id, message(record, namespace), 7)


@given(records, st.sampled_from(["", "ns", "a:b"]))
@settings(max_examples=200, deadline=None)
def test_a_message_means_what_its_record_means(record: LogEvent | LogObject, namespace: str) -> None:
    mapper = LogMapper(SCHEMA, RULES)
    assert mapper(envelope(record, namespace)) == mapper.changes(record, namespace, 7)
    (again,) = unpack(pack([envelope(record, namespace)]))
    assert mapper(again) == mapper.changes(record, namespace, 7)
    back, kept = parse(message(record, namespace))
    assert (type(back), kept) == (type(record), namespace)
    assert orjson.dumps(list(back)) == orjson.dumps(list(record))


@given(st.lists(records, min_size=1, max_size=12), st.randoms(use_true_random=False), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
async def test_any_order_any_batches_any_repetition_is_one_model(
    said: list[LogEvent | LogObject], chance: random.Random, size: int
) -> None:
    hashes = set()
    for again in (said, chance.sample(said * 2, len(said) * 2)):
        store = SqliteStore("")
        await store.prepare(SCHEMA)
        running = pipeline()
        for i in range(0, len(again), size if again is not said else len(said)):
            result = running.run([envelope(one) for one in again[i : i + (size if again is not said else len(said))]])
            assert result.bad == []
            await store.apply(result.good)
        hashes.add(await model_hash(store))
        await store.close()
    assert len(hashes) == 1


def first(record: LogEvent | LogObject, rules: LogRules = RULES, namespace: str = "") -> ChangeSet:
    return LogMapper(SCHEMA, rules).changes(record, namespace, 7)[0]


@pytest.mark.parametrize(
    ("times", "valid"),
    [
        ({"completed": 5, "started": 3, "at": 9}, 5),
        ({"completed": None, "started": 3, "enabled": 1}, 3),
        ({"completed": None, "at": 9, "scheduled": 2}, 9),
        ({"completed": None, "scheduled": 2, "enabled": 1}, 2),
        ({"completed": None, "enabled": 1}, 1),
        ({"completed": 0, "started": -3}, 0),
    ],
)
def test_the_valid_time_of_an_event_is_its_completion_else_the_nearest_to_it(times: dict[str, Any], valid: int) -> None:
    changes = first(EVENT._replace(**times))
    assert changes.valid == valid
    (step,) = changes.changes
    assert isinstance(step, Assert)
    said = {
        "completed": "completedAt",
        "started": "startedAt",
        "at": "occurredAt",
        "scheduled": "scheduledAt",
        "enabled": "enabledAt",
    }
    assert {k: v for k, v in step.properties.items() if k.endswith("At")} == {
        said[name]: at for name, at in times.items() if at is not None
    }


def test_an_event_is_a_step_on_its_objects_by_its_performer() -> None:
    event = EVENT._replace(performer="Eva", sequence=2, start_sequence=1, attributes=(("cost", 1.5),), lifecycle="suspend")
    step, performer = LogMapper(SCHEMA, RULES).changes(event, "log", 7)
    (said,) = step.changes
    assert (step.event, step.source, step.valid, step.received) == ("e1", "event-log/log", 5, 7)
    assert said == Assert(
        "step/log:e1",
        "Step",
        {"activity": "pack", "completedAt": 5, "sequence": 2, "startSequence": 1, "lifecycle": "suspend"},
        {"cost": 1.5},
        (Link("object", "object/log:o1", "box"), Link("performedBy", "person/log:Eva")),
    )
    assert performer.valid == ALWAYS
    assert performer.changes == (Assert("person/log:Eva", "Person", {"name": "Eva"}),)
    assert first(event, LogRules(), "").changes[0].links[-1] == Link("performedBy", "agent/Eva")  # type: ignore[union-attr]


def test_values_are_judged_by_the_class_to_which_they_are_mapped() -> None:
    order = LogObject(
        "o1",
        "order",
        (("drug", "aspirin", 0), ("mg", "250", 0), ("mg", 0, 9), ("state", "lost", 9), ("x", 1, 9)),
        (("p1", "for"),),
    )
    always, later = LogMapper(SCHEMA, RULES).changes(order, "", 7)
    assert (always.event, always.valid, later.event, later.valid) == ("o1@0", 0, "o1@9", 9)
    assert always.changes == (
        Assert(
            "object/o1",
            "MedicationOrder",
            {"medication": "aspirin", "dose": 250.0, "objectType": "order"},
            {},
            (Link("forPatient", "object/p1"),),
        ),
    )
    assert later.changes == (
        Assert("object/o1", "MedicationOrder", {}, {"x": 1}),
        Flag("object/o1", "MedicationOrder", "dose", Verdict.OUT_OF_RANGE, 9, "0"),
        Flag("object/o1", "MedicationOrder", "state", Verdict.OUT_OF_RANGE, 9, "lost"),
    )


def test_what_no_rule_names_is_data() -> None:
    said = LogObject("o1", "`) DETACH DELETE n //", (("drug", 5, 0),), (("o2", "for"),))
    (changes,) = first(said).changes
    assert changes == Assert(
        "object/o1",
        "WorkObject",
        {"objectType": "`) DETACH DELETE n //"},
        {"drug": 5},
        (Link("relatedTo", "object/o2", "for"),),
    )


def test_the_type_is_an_attribute_where_the_class_has_no_property_for_it() -> None:
    rules = LogRules({"people": TypeRule("Person")})
    (changes,) = first(LogObject("o1", "people"), rules).changes
    assert changes == Assert("object/o1", "Person", {}, {"objectType": "people"})


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "not a record of an event log"),
        (b"[1]", "not a record of an event log"),
        (b"{}", "not a record of an event log: 'kind'"),
        (b'{"kind": "thing", "namespace": ""}', "unknown kind 'thing'"),
        (b'{"kind": "object", "namespace": ""}', "missing 2 required"),
        (b'{"kind": "object", "namespace": "", "id": "a", "type": "b", "more": 1}', "unexpected keyword argument 'more'"),
        (b'{"kind": "object", "namespace": "", "id": 5, "type": "b"}', "'5' is no name"),
        (b'{"kind": "object", "namespace": 1, "id": "a", "type": "b"}', "'1' is no name"),
        (message(EVENT._replace(activity="x" * (LONGEST_NAME + 1)), ""), "is no name of at most 1900 characters"),
        (message(EVENT._replace(completed=2**62), ""), "is no time in"),
        (message(EVENT._replace(completed=1.5), ""), "is no time in"),  # type: ignore[arg-type]
        (message(EVENT._replace(attributes=(("a", {"b": 1}),)), ""), "is no text, number of 64 bits, true or false"),  # type: ignore[arg-type]
        (message(EVENT._replace(attributes=(("a", 2**64 - 1),)), ""), "is no text, number of 64 bits, true or false"),
        (message(EVENT._replace(completed=None), ""), "event 'e1' has no time: give it at least one"),
    ],
)
def test_what_is_no_record_is_refused_with_a_reason(payload: bytes, says: str) -> None:
    with pytest.raises(BadMessage, match=says.replace("(", r"\(")):
        LogMapper(SCHEMA)(Envelope(TOPIC, "", payload, 0))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(records, st.data())
@example(EVENT, None)
@settings(max_examples=250, deadline=None)
async def test_no_message_stops_the_stream(record: LogEvent | LogObject, data: st.DataObject | None) -> None:
    """One field is anything at all: it becomes a dead letter, or what every store takes."""
    said = orjson.loads(message(record, ""))
    if data is not None:
        said[data.draw(st.sampled_from([*record._fields, "kind", "namespace"]))] = data.draw(anything)
    try:
        payload = orjson.dumps(said)
    except TypeError:
        return  # cannot be spelled as JSON
    result = pipeline().run([Envelope(TOPIC, "k", payload, 7)])
    assert len(result.bad) <= 1
    assert result.good or result.bad
    store = SqliteStore("")
    await store.prepare(SCHEMA)
    await store.apply(result.good, (), result.bad)
    await model_hash(store)
    await store.close()


def test_namespaces_keep_logs_apart_and_rules_do_not_change_ids() -> None:
    order = LogObject("1", "order")
    ids = {first(order, rules, space).changes[0].subject for rules in (RULES, LogRules()) for space in ("a", "b")}
    assert ids == {"object/a:1", "object/b:1"}
    assert replace(RULES, performer="Agent").performer == "Agent"
