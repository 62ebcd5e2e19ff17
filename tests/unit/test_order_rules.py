"""Order in the rules: which chain a message stands in, and where, by what it says itself."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.canon import model_hash
from brain.engine import Engine
from brain.model import ChangeSet, Flag, Order, Verdict
from brain.schema import Schema
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.adapters.samples import described
from ingest.intake import Intake
from ingest.pipeline import Pipeline, Result
from ingest.record import Envelope
from ingest.rules import read_rules
from ontology import load_schema
from tests.unit.ingest_plant import pipeline_of, plant, run
from tests.unit.test_rules import faults, told

RULES = """\
adapter: pumps
topics: [pumps]
source: "plant/{site}"
rules:
  - event: "{id}"
    time: {path: at, format: epoch_s}
    order:
      chain: "{device}/{session}"
      position: {path: kind, map: {born: 0, died: last}}
    when: {kind: [born, died, strange]}
    entities:
      - class: Pump
        key: {path: device}
        set: {state: state, flow: flow}
  - event: "{id}"
    time: {path: at, format: epoch_s}
    order: {chain: "{device}/{session}", position: [seq, n]}
    when: {kind: data}
    entities:
      - class: Pump
        key: {path: device}
        set: {state: {path: state, authority: 5}, flow: flow}
  - event: "{id}"
    time: {path: at, format: epoch_s}
    order: {chain: "{answers}", source: mes, position: 1}
    when: {kind: reply}
    entities:
      - {class: Order, key: "{order}", set: {name: note}}
---
adapter: mes
topics: [mes]
rules:
  - event: "{id}"
    time: {path: at, format: epoch_s}
    order: {chain: "{id}", position: {value: 0}}
    entities:
      - {class: Order, key: "{order}", set: {name: note}}
"""
BORN = {"kind": "born", "id": "1", "site": "A", "device": "P-1", "session": 7, "at": 100, "state": "idle"}
DATA = {**BORN, "kind": "data", "id": "2", "seq": 1, "at": 200, "state": "running", "flow": 5.0}
DIED = {**BORN, "kind": "died", "id": "3", "at": 50, "state": "alarm"}
CHAIN = '["plant/A","P-1/7"]'


def said(result: Result) -> list[ChangeSet]:
    assert result.bad == []
    return list(result.good)


def sent(pipeline: Pipeline, *messages: dict[str, Any], topic: str = "pumps") -> list[ChangeSet]:
    return said(run(pipeline, *map(orjson.dumps, messages), topic=topic))


def test_births_and_deaths_have_places_and_data_have_numbers(tmp_path: Path) -> None:
    made = sent(pipeline_of(tmp_path, RULES), BORN, DATA, DIED)
    assert [(one.event, one.authority, one.order) for one in made] == [
        ("1", 0, Order(CHAIN, 0)),
        # One event with two authorities: both stand where the event stands.
        ("2", 0, Order(CHAIN, 1)),
        ("2", 5, Order(CHAIN, 1)),
        ("3", 0, Order(CHAIN, 2**63 - 1)),
    ]
    assert described(made[0])["order"] == [CHAIN, 0]
    assert not any(isinstance(change, Flag) for one in made for change in one.changes)


def test_a_reply_stands_behind_what_it_answers_in_the_chain_of_who_asked(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES)
    asked = {"id": "M-1", "order": 7, "at": 100, "note": "do it"}
    reply = {"kind": "reply", "id": "9", "site": "A", "answers": "M-1", "order": 7, "at": 40, "note": "done"}
    assert [one.order for one in sent(pipeline, asked, topic="mes")] == [Order('["mes","M-1"]', 0)]
    assert [one.order for one in sent(pipeline, reply)] == [Order('["mes","M-1"]', 1)]
    # A reply that names nothing is in no chain, and there is nothing wrong with it.
    [alone] = sent(pipeline, {**reply, "answers": None})
    assert (alone.order, len(alone.changes)) == (None, 1)


@pytest.mark.parametrize("session", [7, "7"])
@pytest.mark.parametrize(("seq", "position"), [(0, 0), ("12", 12), (" 3 ", 3), (2**63 - 1, 2**63 - 1), (None, None)])
def test_positions_are_whole_numbers_or_their_texts(tmp_path: Path, session: object, seq: object, position: int | None) -> None:
    [one, _] = sent(pipeline_of(tmp_path, RULES), {**DATA, "session": session, "seq": seq, "n": None})
    assert (one.order and one.order.position) == position


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"seq": -1}, "seq or n is '-1', not a whole number within 0 and 9223372036854775807"),
        ({"seq": 2**63}, "seq or n is '9223372036854775808', not a whole number"),
        ({"seq": 1.5}, "seq or n is '1.5', not a whole number"),
        ({"seq": True}, "seq or n is 'true', not a whole number"),
        ({"seq": "x"}, "seq or n is 'x', not a whole number"),
        ({"seq": None}, "seq or n is null, not a whole number"),
        ({"seq": [1]}, "not a whole number"),
        ({"kind": "strange"}, "kind is 'strange', not in `map`"),
    ],
)
def test_what_has_no_place_is_taken_without_and_says_so(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    made = sent(pipeline_of(tmp_path, RULES), {**DATA, **change})
    assert {one.order for one in made} == {None}
    assert made[0].valid == 200_000_000
    [flag] = [c for one in made for c in one.changes if isinstance(c, Flag)]
    assert (flag.subject, flag.property, flag.verdict, flag.at) == ("asset/P-1", "", Verdict.CLOCK_FAULT, 200_000_000)
    assert flag.detail.startswith("taken without its place in 'P-1/7': ")
    assert fault in flag.detail


def test_chains_of_two_sources_are_never_one(tmp_path: Path) -> None:
    made = sent(pipeline_of(tmp_path, RULES), BORN, {**BORN, "site": "B"})
    assert [one.order and one.order.chain for one in made] == [CHAIN, '["plant/B","P-1/7"]']


async def test_any_order_is_one_model_and_the_death_is_the_last_word(tmp_path: Path) -> None:
    pipeline, hashes = pipeline_of(tmp_path, RULES), set()
    late = {**DATA, "id": "4", "seq": 2, "at": 150, "state": "idle", "flow": 6.0}
    for messages in ([BORN, DATA, late, DIED], [DIED, late, DATA, BORN], [DATA, DIED, BORN, late, DATA]):
        store = open_store("sqlite://")
        await store.prepare(plant())
        intake = Intake(pipeline, Engine(store))
        for one in messages:
            await intake.take([Envelope("pumps", "", orjson.dumps(one), 7)])
        [node] = await store.nodes(["asset/P-1"])
        assert node is not None
        # By their clocks the state would be the 200's, and the flow as well.
        assert node.properties == {"state": "alarm", "flow": 6.0}
        assert node.stamps["flow"][:2] == (200_000_000, 1)
        hashes.add(await model_hash(store))
        await store.close()
    assert len(hashes) == 1


@pytest.fixture(scope="module")
def ontology() -> Schema:
    return load_schema()


def test_the_guides_own_rules(tmp_path: Path, ontology: Schema) -> None:
    guide = (SHIPPED / "README.md").read_text(encoding="utf-8").partition("## Order")[2].partition("\n## ")[0]
    examples = [part.partition("```")[0] for part in guide.split("```yaml\n")[1:]]
    assert len(examples) == 3
    for i, rules in enumerate(examples):
        folder = tmp_path / f"x{i}"
        folder.mkdir()
        (folder / "rules.yaml").write_text(f"adapter: x{i}\ntopics: [x]\nrules:\n{rules}", encoding="utf-8")
    births, numbers, replies = (Pipeline(ontology, load_adapter(ontology, tmp_path / f"x{i}")) for i in range(3))
    device = {"node": "N1", "born": "2026-03-02T12:00:00Z", "at": "2026-03-02T12:00:05Z"}
    made = sent(births, *({**device, "type": kind, "seq": 4} for kind in ("NBIRTH", "NDATA", "NDEATH")), topic="x")
    assert [one.order and one.order.position for one in made] == [0, 4, 2**63 - 1]
    [numbered] = sent(numbers, {"control": "7", "sequence": "12", "at": "20260302120000", "patient": 5, "bed": "b"}, topic="x")
    assert numbered.order == Order('["x1","x"]', 12)
    replied = {"id": 2, "inReplyTo": "M-1", "order": 7, "at": "2026-03-02T12:00:00Z", "n": 3.0}
    asked = {"id": "M-1", "order": 7, "at": "2026-03-02T12:00:00Z"}
    made = sent(replies, asked, replied, topic="x")
    assert [one.order for one in made] == [Order('["mes","M-1"]', 0), Order('["mes","M-1"]', 1)]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("position: {value: 0}", "", 35, "order needs 'position'"),
        ('chain: "{id}", ', "", 35, "order needs 'chain'"),
        ('chain: "{id}"', "chain: all", 35, "chain 'all' is the same for all: write {path: all}"),
        ("position: {value: 0}", "position: {value: first}", 35, "position must be a number, found 'first'"),
        ("position: {value: 0}", "position: -1", 35, "position -1 is not within 0 and 9223372036854775807"),
        ("position: {value: 0}", "position: {map: {a: 1}}", 35, "position needs 'path'"),
        ("position: {value: 0}", "position: {path: x, map: 7}", 35, "map must translate texts to positions, found '7'"),
        ("position: {value: 0}", "positon: 0", 35, "order has no key 'positon'; did you mean 'position'?"),
        ("position: {value: 0}", "position: a..b", 35, "'a..b' is no path"),
        ("position: {value: 0}", "position: true", 35, "position must be a number, found 'true'"),
        ("born: 0", "born: 1.5", 9, "position must be a whole number, found '1.5'"),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in RULES
    found = faults(tmp_path, RULES.replace(old, new, 1))
    assert [f for f in found if f.startswith(f"rules.yaml:{line}: ") and said in f], found


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_edit_of_these_rules_is_good_or_told_with_a_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(RULES)))
    end = min(len(RULES), start + data.draw(st.integers(0, 15)))
    text = RULES[:start] + data.draw(st.text(alphabet="ab5ds{}[]:-,\n \"'#&*!|>7", max_size=8)) + RULES[end:]
    file = tmp_path_factory.getbasetemp() / "edited.yaml"
    file.write_text(text, encoding="utf-8")
    for fault in told(lambda: read_rules(file, plant(), "rules.yaml")):
        assert 1 <= int(fault.split(":")[1]) <= text.count("\n") + 2
