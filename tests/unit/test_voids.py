"""Corrections in the rules: what one message takes back of another, whichever of the two comes first."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.canon import model_hash
from brain.engine import Engine
from brain.model import Assert, Link, Node, Void
from brain.query import Edges, Occurrences
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
from tests.unit.test_authority import RULES as RANKS
from tests.unit.test_clocks import RULES as CLOCKS
from tests.unit.test_rules import faults, told

RULES = """\
adapter: mes
topics: [mes]
rules:
  - when: {kind: [booked, rebooked]}
    event: "{id}"
    time: {path: at, format: epoch_s}
    steps:
      - key: "{order}/fill"
        activity: Fill
        completed: at
        performedBy: {class: Asset, key: {path: by}}
        objects: [{class: Order, key: {path: order}}]
        void: {event: "{corrects}"}
    entities:
      - class: Order
        key: "{order}"
        void: {event: "{corrects}"}
        set: {name: {path: note, optional: true}, dose: {path: dose, authority: 9}}
        link: {locatedIn: {class: Bed, key: {path: bed}}}
  - when: {kind: cancelled}
    event: "{id}"
    time: {path: at, format: epoch_s}
    steps:
      - {key: "{order}/fill", void: {event: "{corrects}"}}
    entities:
      - {class: Order, key: "{order}", void: {event: "{corrects}"}}
---
adapter: erp
topics: [erp]
source: "erp/{client}"
rules:
  - event: "{id}"
    time: {path: at, format: epoch_s}
    entities:
      - {class: Order, key: "{order}", void: [{event: "{mine}"}, {event: "MES-{theirs}", source: mes}]}
      - each: lines
        class: Order
        key: "{^.order}.{no}"
        void: {event: "{of}"}
"""
FIRST = {"kind": "booked", "id": "MES-1", "at": 10, "order": 7, "by": "R1", "note": "one", "dose": 5, "bed": "a"}
WRONG = {"kind": "booked", "id": "MES-2", "at": 20, "order": 7, "by": "R2", "note": "two", "dose": 6, "bed": "b"}
CANCEL = {"kind": "cancelled", "id": "MES-3", "at": 30, "order": 7, "corrects": "MES-2"}
RIGHT = {**WRONG, "kind": "rebooked", "id": "MES-4", "at": 40, "note": "three", "dose": 7, "corrects": "MES-2"}


class Model(NamedTuple):
    hash: str
    order: Node | None
    edges: list[tuple[str, str, str]]
    done: list[tuple[str, str, int | None]]
    """(object, step, completed) of each occurrence."""


async def model(pipeline: Pipeline, *batches: Sequence[dict[str, object]], topic: str = "mes") -> Model:
    store = open_store("sqlite://")
    await store.prepare(plant())
    intake = Intake(pipeline, Engine(store))
    for batch in batches:
        await intake.take([Envelope(str(one.get("topic", topic)), "", orjson.dumps(one), 7) for one in batch])
    assert await store.letters() == []
    (order,) = await store.nodes(["order/7"])
    edges = sorted([(e.source, e.relation, e.target) async for e in store.scan(Edges())])
    done = [(o.object, o.step, o.completed) async for o in store.scan(Occurrences("Order"))]
    found = Model(await model_hash(store), order, edges, done)
    await store.close()
    return found


def batchings(messages: list[dict[str, object]]) -> list[list[list[dict[str, object]]]]:
    """Every order, in one batch, one by one, and with all of it again at the end."""
    orders = [list(order) for order in itertools.permutations(messages)]
    return [cut for order in orders for cut in ([order], [[one] for one in order], [order[:1], order[1:], order])]


async def test_a_step_booked_by_mistake_is_gone_whenever_that_is_said(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES)
    made = [await model(pipeline, *batches) for batches in batchings([FIRST, WRONG, CANCEL])]
    assert len({one.hash for one in made}) == 1
    for one in made:
        # What MES-1 had said holds again: its values, its links, and the time of the step.
        assert one.order is not None
        assert one.order.properties == {"name": "one", "dose": 5.0}
        assert one.edges == [
            ("order/7", "locatedIn", "bed/a"),
            ("step/7/fill", "object", "order/7"),
            ("step/7/fill", "performedBy", "asset/R1"),
        ]
        assert one.done == [("order/7", "step/7/fill", 10_000_000)]


async def test_a_step_that_only_the_mistake_told_of_is_no_work_at_all(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES)
    made = [await model(pipeline, *batches) for batches in batchings([WRONG, CANCEL])]
    assert len({one.hash for one in made}) == 1
    assert {(tuple(one.edges), tuple(one.done)) for one in made} == {((), ())}
    assert all(one.order is not None and one.order.properties == {} for one in made)


async def test_a_correction_brings_its_own_values(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES)
    made = [await model(pipeline, *batches) for batches in batchings([FIRST, WRONG, RIGHT])]
    assert len({one.hash for one in made}) == 1
    for one in made:
        assert one.order is not None
        assert one.order.properties == {"name": "three", "dose": 7.0}
        assert one.done == [("order/7", "step/7/fill", 40_000_000)]


async def test_a_correction_of_an_older_time_still_takes_back(tmp_path: Path) -> None:
    """The true count was taken before the wrong one: by time alone the wrong one would win."""
    right = {**RIGHT, "at": 15}
    made = [await model(pipeline_of(tmp_path, RULES), *batches) for batches in batchings([FIRST, WRONG, right])]
    assert {one.hash for one in made} == {made[0].hash}
    assert made[0].order is not None
    assert made[0].order.properties == {"name": "three", "dose": 7.0}


EVENTS = st.sampled_from(["MES-1", "MES-2", "MES-3", "MES-4", "MES-5"])
MESSAGES = st.builds(
    lambda kind, id, at, by, note, corrects: {
        "kind": kind, "id": id, "at": at, "order": 7, "by": by, "note": note, "bed": by, "dose": at, "corrects": corrects
    },
    st.sampled_from(["booked", "cancelled"]), EVENTS, st.integers(0, 3), st.sampled_from("ab"), st.sampled_from("xy"),
    st.none() | EVENTS,
).filter(lambda one: one["id"] != one["corrects"])  # fmt: skip


@given(st.lists(MESSAGES, min_size=1, max_size=7), st.data())
@settings(max_examples=60, deadline=None)
async def test_any_order_ends_in_one_model(
    tmp_path_factory: pytest.TempPathFactory, messages: list[dict[str, object]], data: st.DataObject
) -> None:
    pipeline = pipeline_of(tmp_path_factory.getbasetemp(), RULES)
    shuffled = data.draw(st.permutations(messages + messages[:2]))
    cut = data.draw(st.integers(0, len(shuffled)))
    assert await model(pipeline, shuffled[:cut], shuffled[cut:]) == await model(pipeline, messages)


def changes(result: Result) -> list[object]:
    assert result.bad == []
    return [change for made in result.good for change in made.changes]


def test_what_the_rules_make_of_it(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES)
    assert changes(run(pipeline, orjson.dumps(CANCEL), topic="mes")) == [
        Assert("order/7", "Order"),
        Void("order/7", "Order", "MES-2", "mes"),
        Assert("step/7/fill", "Step"),
        Void("step/7/fill", "Step", "MES-2", "mes"),
    ]
    result = run(pipeline, orjson.dumps(RIGHT), topic="mes")
    assert [(c.authority, sum(type(one) is Void for one in c.changes)) for c in result.good] == [(0, 2), (9, 0)]
    assert result.stats.events == 1
    told = {"void": "order/7", "class": "Order", "event": "MES-2", "source": "mes"}
    assert told in described(result.good[0])["changes"]


@pytest.mark.parametrize("corrects", [None, "", ...])
def test_who_corrects_nothing_takes_nothing_back(tmp_path: Path, corrects: object) -> None:
    message = {k: v for k, v in {**FIRST, "corrects": corrects}.items() if v is not ...}
    said = changes(run(pipeline_of(tmp_path, RULES), orjson.dumps(message), topic="mes"))
    assert not [one for one in said if isinstance(one, Void)]
    assert Link("locatedIn", "bed/a") in [link for one in said if isinstance(one, Assert) for link in one.links]


def test_another_sources_event_and_those_of_single_lines(tmp_path: Path) -> None:
    """The source by default is the message's, read from the record even where each line is an entity."""
    message = {"id": 1, "at": 9, "client": "C", "order": 7, "mine": 4, "theirs": 2, "lines": [{"no": 1, "of": 5}, {"no": 2}]}
    said = changes(run(pipeline_of(tmp_path, RULES), orjson.dumps(message), topic="erp"))
    assert [one for one in said if isinstance(one, Void)] == [
        Void("order/7", "Order", "4", "erp/C"),
        Void("order/7", "Order", "MES-2", "mes"),
        Void("order/7.1", "Order", "5", "erp/C"),
    ]


async def test_one_source_takes_back_what_another_said(tmp_path: Path) -> None:
    erp: dict[str, object] = {"topic": "erp", "id": 1, "at": 9, "client": "C", "order": 7, "theirs": 2}
    made = [await model(pipeline_of(tmp_path, RULES), *batches) for batches in batchings([FIRST, WRONG, erp])]
    assert len({one.hash for one in made}) == 1
    assert made[0].order is not None
    # Only of the order: the step that MES-2 told of is another subject, and stands.
    assert (made[0].order.properties["name"], made[0].done) == ("one", [("order/7", "step/7/fill", 20_000_000)])


def test_an_event_that_takes_back_itself_is_a_dead_letter(tmp_path: Path) -> None:
    result = run(pipeline_of(tmp_path, RULES), orjson.dumps({**RIGHT, "corrects": "MES-4"}), topic="mes")
    assert result.good == []
    assert [letter.reason for letter in result.bad] == ["void: 'MES-4' takes back itself; name the earlier event"]


def test_an_entity_that_is_not_meant_takes_nothing_back(tmp_path: Path) -> None:
    rules = RULES.replace(
        '- {class: Order, key: "{order}", void: {event: "{corrects}"}}',
        '- {class: Order, key: "{order}", when: {really: true}, void: {event: "{corrects}"}}',
    ).replace(
        '      - {key: "{order}/fill", void: {event: "{corrects}"}}', '      - {key: "{s}", each: steps, void: {event: "{e}"}}'
    )
    pipeline = pipeline_of(tmp_path, rules)
    assert changes(run(pipeline, orjson.dumps(CANCEL), topic="mes")) == []
    said = changes(run(pipeline, orjson.dumps({**CANCEL, "steps": [{"s": "a", "e": 1}, {"s": "b"}]}), topic="mes"))
    assert [one for one in said if isinstance(one, Void)] == [Void("step/a", "Step", "1", "mes")]


@given(st.sampled_from([RULES, CLOCKS, RANKS]), st.data())
@settings(max_examples=150, deadline=None)
def test_any_edit_of_these_rules_is_good_or_told_with_a_line(
    tmp_path_factory: pytest.TempPathFactory, good: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(good)))
    end = min(len(good), start + data.draw(st.integers(0, 15)))
    text = good[:start] + data.draw(st.text(alphabet="ab5ds{}[]:-,\n \"'#&*!|>7", max_size=8)) + good[end:]
    file = tmp_path_factory.getbasetemp() / "edited.yaml"
    file.write_text(text, encoding="utf-8")
    for fault in told(lambda: read_rules(file, plant(), "rules.yaml")):
        place = fault.split(":")
        assert place[0] == "rules.yaml"
        assert 1 <= int(place[1]) <= text.count("\n") + 2


def test_a_bad_name_of_an_event_is_a_dead_letter(tmp_path: Path) -> None:
    result = run(pipeline_of(tmp_path, RULES), orjson.dumps({**CANCEL, "corrects": {"id": 2}}), topic="mes")
    assert result.good == []
    assert "a key is a text or a whole number" in result.bad[0].reason


@pytest.fixture(scope="module")
def ontology() -> Schema:
    return load_schema()


def test_the_guides_own_rules(tmp_path: Path, ontology: Schema) -> None:
    guide = (SHIPPED / "README.md").read_text(encoding="utf-8").partition("## Corrections")[2]
    rules = guide.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "rules.yaml").write_text(f"adapter: x\ntopics: [x]\nrules:\n{rules}", encoding="utf-8")
    pipeline = Pipeline(ontology, load_adapter(ontology, tmp_path / "x"))
    cancelled = {"kind": "cancelled", "id": 2, "at": "2026-03-02T12:00:00Z", "order": 7, "corrects": 1}
    assert Void("step/7/fill", "Step", "1", "x") in changes(run(pipeline, orjson.dumps(cancelled), topic="x"))
    corrected = {**cancelled, "kind": "corrected", "n": 40, "line": "L2"}
    assert changes(run(pipeline, orjson.dumps(corrected), topic="x")) == [
        Assert("operationorder/7", "OperationOrder", {"quantityProduced": 40.0}),
        Void("operationorder/7", "OperationOrder", "1", "L2"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('void: {event: "{corrects}"}', "void: corrects", 13, "void must be a mapping, found 'corrects'"),
        ('void: {event: "{corrects}"}', "void: []", 13, "void is an empty list"),
        ('void: {event: "{corrects}"}', "void: {source: mes}", 13, "void needs 'event'"),
        ('event: "{corrects}"', "event: corrects", 13, "event 'corrects' is the same for all: write {path: corrects}"),
        ('event: "{corrects}"', 'evnt: "{corrects}"', 13, "void has no key 'evnt'; did you mean 'event'?"),
        ('event: "{corrects}"', 'event: "{corrects"', 13, "the brace at 1 is never closed"),
        ('event: "{corrects}"', 'event: "{corrects}", source: "{a..b}"', 13, "'a..b' is no path"),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in RULES
    found = faults(tmp_path, RULES.replace(old, new, 1))
    assert [f for f in found if f.startswith(f"rules.yaml:{line}: ") and said in f], found


def test_only_a_step_that_takes_something_back_need_not_tell_what_it_was(tmp_path: Path) -> None:
    bare = RULES.replace("        activity: Fill\n        completed: at\n", "", 1)
    pipeline_of(tmp_path, bare)
    found = faults(tmp_path, bare.replace('        void: {event: "{corrects}"}\n', "", 1))
    assert any("a step needs 'activity'" in fault for fault in found), found
