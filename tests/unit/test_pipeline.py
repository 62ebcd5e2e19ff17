"""The pipeline's promises: it never raises, and what it makes is a function of the messages alone."""

from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.model import Assert, ChangeSet, Flag
from ingest import pipeline as module
from ingest.adapters import load_adapters
from ingest.pipeline import Adapter, Pipeline, matches
from ingest.record import Envelope
from ingest.rules import BadRules
from tests.unit.ingest_plant import PUMPS, pipeline_of, plant, rules_of, run

CSV = """\
adapter: pumps-csv
topics: [rows]
format: csv
delimiter: ";"
rules:
  - time: at
    event: "{id}"
    entities:
      - {class: Pump, key: "{id}", set: {temperature: {path: t, unit: K}, cycles: n, locked: {path: l, optional: true}}}
"""
XML = """\
adapter: pumps-xml
topics: [xml]
format: xml
namespaces: {b: "urn:b"}
records: Line.Pump
rules:
  - time: $.@sent
    event: "{^.@name}/{@id}"
    entities:
      - {class: Pump, key: "{@id}", set: {name: Label, temperature: b:T}}
"""
ALL = f"{PUMPS}---\n{CSV}---\n{XML}"


def said(changes: ChangeSet) -> dict[str, object]:
    """The properties that the first change of a set asserts."""
    first = changes.changes[0]
    assert isinstance(first, Assert)
    return dict(first.properties)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return pipeline_of(tmp_path_factory.mktemp("rules"), ALL)


NAMES = st.sampled_from(["device", "seq", "ts", "flow", "t", "bed", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["device", "seq", "ts", "flow", "t", "bed", "x"]), inner)
    ),
    max_leaves=8,
)
PAYLOADS = st.one_of(
    st.binary(max_size=100),
    JSON.map(orjson.dumps),
    st.text(max_size=60).map(lambda t: f"id;at;t;n;l\n{t}".encode("utf-8", "replace")),
    st.text(max_size=60).map(lambda t: f"<a sent='{t}'><Line><Pump id='1'>{t}</Pump></Line></a>".encode("utf-8", "replace")),
)
TOPICS = st.sampled_from(["pumps", "site/3/pumps", "rows", "xml", "nobody", ""])


@given(st.lists(st.tuples(TOPICS, PAYLOADS), max_size=5))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_never_raise_and_are_never_lost(pipeline: Pipeline, messages: list[tuple[str, bytes]]) -> None:
    for topic, payload in messages:
        result = pipeline.run([Envelope(topic, "", payload, 7)])
        # Good, buried with its reason, or empty of records: `[]` says nothing, and so does not fail to.
        assert result.good or result.bad or result.stats.records == 0
        for letter in result.bad:
            assert letter.reason
            assert (letter.payload, letter.topic) == (payload, topic)
            letter.reason.encode()


DEVICES = st.builds(
    lambda device, seq, flow, ts: orjson.dumps({"device": device, "seq": seq, "flow": flow, "ts": ts}),
    st.sampled_from(["a", "b", None]),
    st.integers(0, 3),
    st.sampled_from([0.1, 0.2, None, "x"]),
    st.sampled_from(["2026-03-02T12:00:00Z", "2026-03-02T12:00:01Z", None]),
)


@given(st.lists(DEVICES, max_size=12), st.data())
@settings(max_examples=150, deadline=None)
def test_neither_order_nor_batching_nor_duplicates_matter(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], data: st.DataObject
) -> None:
    rules = tmp_path_factory.getbasetemp()
    envelopes = [Envelope("pumps", "", payload, 5) for payload in payloads]
    whole = pipeline_of(rules, ALL).run(envelopes)
    shuffled = data.draw(st.permutations(envelopes + envelopes[:3]))
    cut = data.draw(st.integers(0, len(shuffled)))
    split = pipeline_of(rules, ALL)
    parts = [split.run(shuffled[:cut]), split.run(shuffled[cut:])]
    assert _set(c for p in parts for c in p.good) == _set(whole.good)
    assert {letter for p in parts for letter in p.bad} == set(whole.bad)


def _set(made: Iterable[ChangeSet]) -> set[str]:
    return {repr(one) for one in made}


def test_a_batch_tried_again_is_whole_again(pipeline: Pipeline) -> None:
    """The statistics remember; the result does not, since the first try may never have been committed."""
    envelope = Envelope("pumps", "", b'{"device": "again", "seq": 1, "ts": "2026-03-02T12:00:00Z"}', 9)
    first, second = pipeline.run([envelope]), pipeline.run([envelope])
    assert first.good == second.good != []
    assert (first.stats.duplicates, second.stats.duplicates, second.stats.dropped) == (0, 1, 0)


def test_duplicates_are_counted_and_contradictions_pass(tmp_path: Path) -> None:
    reading = b'{"device":"d","seq":1,"ts":"2026-03-02T12:00:00Z","flow":%s}'
    same_again = b'{"seq":1, "device":"d", "flow":0.1, "ts":"2026-03-02T13:00:00+01:00"}'
    batch = [
        Envelope("pumps", "", reading % b"0.1", 30),
        Envelope("pumps", "", reading % b"0.2", 20),  # the same event id says something else
        Envelope("pumps", "", same_again, 10),  # other bytes, the same statement, received earlier
    ]
    result = pipeline_of(tmp_path, ALL).run(batch)
    assert [(c.event, c.received) for c in result.good] == [("d-1", 10), ("d-1", 20)]
    assert (result.stats.duplicates, result.stats.dropped, result.stats.conflicts) == (1, 1, 1)


def test_one_bad_record_does_not_take_the_others_along(pipeline: Pipeline) -> None:
    rows = b"id;at;t;n;l\r\n1;2026-03-02T12:00:00Z;300.15;7;true\r\n2;;1;;\r\n3;2026-03-02T12:00:00Z;x;;\r\n"
    result = pipeline.run([Envelope("rows", "", rows, 1)])
    assert [letter.reason for letter in result.bad] == ["record 2: no timestamp: at is null"]
    first, _, third = result.good
    assert said(first) == {"temperature": pytest.approx(27.0), "cycles": 7, "locked": True}
    flags = [c for c in third.changes if isinstance(c, Flag)]
    assert [(str(c.verdict), c.property) for c in flags] == [("wrongType", "temperature"), ("null", "cycles")]


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        ("pumps", b"", "not JSON"),
        ("pumps", b'{"a": NaN}', "not JSON"),
        ("pumps", b"\xff\xfe{", "not JSON"),
        ("pumps", b"[" * 100 + b"]" * 100, "nested more than 64 deep"),
        ("pumps", b"[" * 100_000, "not JSON"),
        ("pumps", b" " * (module.MAX_PAYLOAD + 1), "at most 1048576 are read"),
        ("pumps", b"[" + b"0," * 10_000 + b"0]", "10001 records in one message"),
        ("pumps", b"7", "no event id"),
        ("nobody", b"{}", "no adapter takes the topic 'nobody'"),
        ("rows", b"id;at\n1;2;3\n", "row 1 has 3 fields, the heading has 2"),
        ("rows", b"id;id\n1;2\n", "a column is named twice"),
        ("rows", b"\xff;\n", "not CSV in utf-8"),
        ("rows", b'"a', "not CSV"),
        ("rows", b"", "no rows"),
        ("xml", b"<a/>", "no records: Line.Pump is missing"),
        ("xml", b"<a>", "not XML"),
        ("xml", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "DOCTYPE"),
        ("xml", b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'><a/>", "DOCTYPE"),
        ("xml", b"<x>" * 100 + b"</x>" * 100, "nested more than 64 deep"),
        ("xml", b"<x " + b" ".join(b"a%d='1'" % n for n in range(1001)) + b"/>", "1001 attributes; at most 1000"),
    ],
)
def test_dead_letters_say_why(pipeline: Pipeline, topic: str, payload: bytes, why: str) -> None:
    result = pipeline.run([Envelope(topic, "", payload, 1)])
    assert result.good == []
    assert why in result.bad[0].reason


def test_xml(pipeline: Pipeline) -> None:
    document = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<Plant sent="2026-03-02T12:00:00Z" xmlns="urn:a" xmlns:q="urn:b">
  <Line name="L1"><Pump id="1"><Label lang="de">M\xfchle</Label><q:T>20</q:T><!-- x --></Pump><Pump id="2"><Label/></Pump></Line>
  <Line name="L2"><Pump id="3"><T>30</T><Label>a</Label><Label>b</Label></Pump></Line>
</Plant>"""
    result = pipeline.run([Envelope("xml", "", document, 1)])
    assert result.bad == []
    assert [c.event for c in result.good] == ["L1/1", "L1/2", "L2/3"]
    assert [said(c) for c in result.good] == [
        {"name": "Mühle", "temperature": 20.0},
        {},
        {"name": "a"},
    ]


def test_the_same_letter_is_buried_once(pipeline: Pipeline) -> None:
    letters = [pipeline.run([Envelope("pumps", "", b"{", at)]).bad[0] for at in (1, 2)]
    assert letters[0].id == letters[1].id
    assert len(pipeline.run([Envelope("pumps", "", b"{", at) for at in (2, 1, 3)]).bad) == 1
    assert pipeline.run([Envelope("site/1/pumps", "", b"{", 1)]).bad[0].id != letters[0].id


@pytest.mark.parametrize(
    ("pattern", "topic", "taken"),
    [  # the examples of MQTT 5.0, section 4.7.1
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "sport/tennis", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/x", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/x", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
    ],
)
def test_topic_filters(pattern: str, topic: str, taken: bool) -> None:
    assert matches(pattern.split("/"), topic.split("/")) is taken


CLOUD = """\
adapter: cloud
topics: [ce]
format: cloudevents
rules:
  - entities:
      - {class: Pump, key: "{data.device}", set: {cycles: data.n}}
"""


def _event(**more: object) -> bytes:
    event = {"specversion": "1.0", "id": "e1", "source": "/s", "type": "t", "time": "1970-01-01T00:00:01Z"}
    return orjson.dumps(event | {"data": {"device": "d", "n": 3}} | more)


def test_cloudevents_structured_batched_and_binary(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, CLOUD)
    (structured,) = pipeline.run([Envelope("ce", "", _event(), 1)]).good
    assert structured[:3] == ("e1", "/s", 1_000_000)
    batch = b"[" + _event() + b"," + _event(id="e2", source="/other") + b"]"
    assert [c[:2] for c in pipeline.run([Envelope("ce", "", batch, 1)]).good] == [("e1", "/s"), ("e2", "/other")]
    headers = tuple((f"ce_{n}", v) for n, v in orjson.loads(_event()).items() if n != "data")
    assert pipeline.run([Envelope("ce", "", b'{"device": "d", "n": 3}', 1, headers)]).good == [structured]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (_event(id=None), "'id' is missing"),
        (_event(specversion="0.3"), "version 0.3"),
        (_event(data_base64="AA=="), "data_base64"),
        (_event(time=None), "no timestamp: $.time is null"),
        (b"[1]", "no JSON object"),
    ],
)
def test_what_is_no_cloudevent(tmp_path: Path, payload: bytes, why: str) -> None:
    assert why in pipeline_of(tmp_path, CLOUD).run([Envelope("ce", "", payload, 1)]).bad[0].reason


OWN = """\
adapter: own
topics: ["own/+"]
format: python
rules:
  - {time: {path: t, format: epoch_s}, entities: [{class: Pump, key: "$topic[1]", set: {flow: {path: v, unit: mL/h}}}]}
""".replace('"$topic[1]"', '"{$topic[1]}"')


def test_an_adapter_with_a_format_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "rules.yaml").write_text(OWN)
    with pytest.raises(BadRules, match=r"adapter\.py:1: format: python needs this file"):
        load_adapters(plant(), [tmp_path])
    (folder / "adapter.py").write_text(
        "import struct\ndef decode(payload):\n    return [{'t': t, 'v': v} for t, v in struct.iter_unpack('<If', payload)]\n"
    )
    with pytest.raises(BadRules) as shipped:  # what ships speaks of classes that the plant lacks
        load_adapters(plant(), [tmp_path])
    assert "own" not in str(shipped.value)
    from ingest.adapters import load_adapter

    pipeline = Pipeline(plant(), load_adapter(plant(), folder))
    result = run(pipeline, bytes.fromhex("01000000 0000c03f 02000000 00000040"), topic="own/P1")
    assert [(c.valid, c.changes[0].subject, said(c)) for c in result.good] == [
        (1_000_000, "asset/P1", {"flow": 1.5}),
        (2_000_000, "asset/P1", {"flow": 2.0}),
    ]
    bad = run(pipeline, b"123", topic="own/P1").bad[0]
    assert bad.reason.startswith("error: iterative unpacking requires")
    # Where rules look at the topic, the topic is part of what the event is.
    other = run(pipeline, bytes.fromhex("01000000 0000c03f"), topic="own/P2")
    assert other.good[0].event != run(pipeline, bytes.fromhex("01000000 0000c03f"), topic="own/P1").good[0].event


def test_names_of_adapters_are_their_folders(tmp_path: Path) -> None:
    folder = tmp_path / "mill"
    folder.mkdir()
    (folder / "rules.yaml").write_text(PUMPS)
    from ingest.adapters import load_adapter

    with pytest.raises(BadRules, match="adapter 'pumps' lies in 'mill': name it so"):
        load_adapter(plant(), folder)


def test_two_rules_that_say_the_same_event_say_it_together(tmp_path: Path) -> None:
    rules = """\
adapter: a
topics: [pumps]
rules:
  - {time: ts, entities: [{class: Pump, key: "{d}", set: {cycles: c}}]}
  - {time: ts, entities: [{class: Bed, key: "{b}"}]}
  - {time: missing, entities: [{class: Bed, key: "{b}", set: {name: n}}]}
"""
    payload = orjson.dumps({"ts": "2026-03-02T12:00:00Z", "d": 1, "c": 2, "b": 3, "n": "x"})
    result = run(pipeline_of(tmp_path, rules), payload)
    assert [[getattr(c, "verdict", c.subject) for c in made.changes] for made in result.good] == [
        ["asset/1", "bed/3"],
        ["noTimestamp"],
    ]
    assert result.bad[0].reason == "no timestamp: missing is missing"


def test_direct_topics_bypass_rules_and_are_guarded(tmp_path: Path) -> None:
    fixed = ChangeSet("e", "s", 1, 1, ())

    def mapper(envelope: Envelope) -> list[ChangeSet]:
        if envelope.payload:
            raise KeyError("x")
        return [fixed]

    pipeline = Pipeline(plant(), [Adapter(r) for r in rules_of(tmp_path, PUMPS)], {"log": mapper})
    result = pipeline.run([Envelope("log", "", b"", 1), Envelope("log", "", b"!", 1)])
    assert (result.good, [letter.reason for letter in result.bad]) == ([fixed], ["KeyError: 'x'"])
