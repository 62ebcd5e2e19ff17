"""Authority by property: one event whose properties rank differently among the sources."""

import itertools
from pathlib import Path

import orjson
import pytest

from brain.canon import model_hash
from brain.engine import Engine
from brain.model import Assert, ChangeSet, Flag, Link, Node, Verdict
from brain.stores import open_store
from ingest.adapters.samples import described
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ingest.record import Envelope
from tests.unit.ingest_plant import PUMPS, pipeline_of, plant, run
from tests.unit.test_rules import faults

AT = 1_772_452_800_000_000
"""2026-03-02T12:00:00Z in µs."""
RULES = """\
adapter: mes
topics: [mes]
rules:
  - event: "{id}"
    time: ts
    authority: 10
    entities:
      - class: Pump
        key: {path: pump}
        set:
          name: name
          state: {path: state, authority: 20}
          cycles: {path: n, authority: 20}
          locked: {value: true, authority: 5}
        attributes:
          colour: colour
          owner: {path: owner, authority: 5}
        link:
          locatedIn: {class: Bed, key: {path: bed}, authority: 20}
---
adapter: erp
topics: [erp]
rules:
  - event: "{id}"
    time: ts
    authority: 15
    entities:
      - {class: Pump, key: {path: pump}, set: {name: name, state: state, locked: locked}}
"""
MES = {"id": "m1", "ts": "2026-03-02T12:00:00Z", "pump": "P", "name": "by mes", "state": "running", "n": 3, "owner": "x"}
ERP = {"id": "e1", "ts": "2026-03-02T12:00:00Z", "pump": "P", "name": "by erp", "state": "idle", "locked": False}


def test_an_event_is_a_change_set_for_each_authority(tmp_path: Path) -> None:
    result = run(pipeline_of(tmp_path, RULES), orjson.dumps({**MES, "bed": "3", "colour": "red"}), topic="mes")
    assert result.bad == []
    assert result.good == [
        ChangeSet("m1", "mes", AT, 1_000_000, (Assert("asset/P", "Pump", {"name": "by mes"}, {"colour": "red"}),), 10),
        ChangeSet("m1", "mes", AT, 1_000_000, (Assert("asset/P", "Pump", {"locked": True}, {"owner": "x"}),), 5),
        ChangeSet(
            "m1",
            "mes",
            AT,
            1_000_000,
            (
                Assert("asset/P", "Pump", {"state": "running", "cycles": 3}, {}, (Link("locatedIn", "bed/3"),)),
                Assert("bed/3", "Bed"),
            ),
            20,
        ),
    ]
    assert (result.stats.events, result.stats.conflicts, result.stats.duplicates) == (1, 0, 0)
    assert [described(one)["authority"] for one in result.good] == [10, 5, 20]


async def stored(pipeline: Pipeline, *batches: list[Envelope]) -> tuple[str, Node]:
    store = open_store("sqlite://")
    await store.prepare(plant())
    intake = Intake(pipeline, Engine(store))
    for batch in batches:
        await intake.take(batch)
    (node,) = await store.nodes(["asset/P"])
    assert node is not None
    found = await model_hash(store)
    await store.close()
    return found, node


async def test_each_property_has_the_winner_of_its_own_authority(tmp_path: Path) -> None:
    """At one time: the name by ERP's 15 over MES's 10, the state by MES's 20 over 15, the lock by ERP's 15 over MES's 5."""
    mes, erp = Envelope("mes", "", orjson.dumps(MES), 1), Envelope("erp", "", orjson.dumps(ERP), 2)
    hashes = set()
    for batches in ([[mes, erp]], [[erp], [mes]], [[erp, mes, erp]], [[mes], [mes, erp], [mes]]):
        found, node = await stored(pipeline_of(tmp_path, RULES), *batches)
        hashes.add(found)
        assert node.properties == {"name": "by erp", "state": "running", "cycles": 3, "locked": False}
        assert (node.stamps["state"].authority, node.stamps["name"].authority) == (20, 15)
    assert len(hashes) == 1


async def test_a_newer_word_of_less_authority_still_wins(tmp_path: Path) -> None:
    later = Envelope("erp", "", orjson.dumps({**ERP, "ts": "2026-03-02T12:00:01Z"}), 2)
    _, node = await stored(pipeline_of(tmp_path, RULES), [later, Envelope("mes", "", orjson.dumps(MES), 1)])
    assert node.properties["state"] == "idle"


def test_repeats_and_contradictions_are_counted_by_event(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES)
    first = pipeline.run([Envelope("mes", "", orjson.dumps(MES), at) for at in (30, 10, 20)])
    assert [c.received for c in first.good] == [10, 10, 10]
    assert (first.stats.events, first.stats.duplicates, first.stats.dropped, first.stats.conflicts) == (1, 2, 2, 0)
    again = pipeline.run([Envelope("mes", "", orjson.dumps(MES), 40)])
    assert (again.stats.events, again.stats.duplicates, again.stats.dropped, len(again.good)) == (1, 1, 0, 3)
    other = Envelope("mes", "", orjson.dumps({**MES, "name": "otherwise"}), 50)
    mixed = pipeline_of(tmp_path, RULES).run([Envelope("mes", "", orjson.dumps(MES), 40), other])
    assert (mixed.stats.events, mixed.stats.conflicts, mixed.stats.dropped, len(mixed.good)) == (2, 1, 0, 4)


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_batch_is_the_same_set_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Also where one event id comes with part of what it said, or with something else."""
    messages = [MES, {k: v for k, v in MES.items() if k != "state"}, {**MES, "n": 4}]
    made = pipeline_of(tmp_path, RULES).run([Envelope("mes", "", orjson.dumps(messages[i]), 9) for i in order])
    assert sorted((c.authority, orjson.dumps(described(c)["changes"])) for c in made.good) == [
        (5, b'[{"assert":"asset/P","class":"Pump","properties":{"locked":true},"attributes":{"owner":"x"}}]'),
        (10, b'[{"assert":"asset/P","class":"Pump","properties":{"name":"by mes"}}]'),
        (20, b'[{"assert":"asset/P","class":"Pump","properties":{"cycles":3}}]'),
        (20, b'[{"assert":"asset/P","class":"Pump","properties":{"state":"running","cycles":3}}]'),
        (20, b'[{"assert":"asset/P","class":"Pump","properties":{"state":"running","cycles":4}}]'),
    ]


def test_flaws_go_with_their_part_and_a_missing_time_is_told_once(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, RULES)
    flawed = run(pipeline, orjson.dumps({**MES, "n": -1}), topic="mes").good[2]
    assert flawed.changes[1] == Flag("asset/P", "Pump", "cycles", Verdict.OUT_OF_RANGE, AT, "-1")
    untimed = run(pipeline, orjson.dumps({**MES, "ts": None}), topic="mes")
    assert [letter.reason for letter in untimed.bad] == ["no timestamp: ts is null"]
    (only,) = untimed.good
    assert (only.authority, [c.property for c in only.changes if isinstance(c, Flag)]) == (10, ["name", "state", "cycles"])


def test_a_bad_part_takes_the_whole_event_along(tmp_path: Path) -> None:
    result = run(pipeline_of(tmp_path, RULES), orjson.dumps({**MES, "bed": {"no": 3}}), topic="mes")
    assert result.good == []
    assert "a key is a text or a whole number" in result.bad[0].reason


def test_who_says_nothing_with_the_usual_authority_says_nothing_with_it(tmp_path: Path) -> None:
    rules = RULES.replace("          name: name\n", "", 1).replace("          colour: colour\n", "")
    made = run(pipeline_of(tmp_path, rules), orjson.dumps(MES), topic="mes").good
    assert [c.authority for c in made] == [5, 20]


def test_an_entity_that_names_no_authority_stays_whole(tmp_path: Path) -> None:
    rules = PUMPS.replace("cycles: cycles", "cycles: {path: cycles, authority: 0}")
    reading = b'{"device": "d", "seq": 1, "ts": "2026-03-02T12:00:00Z", "cycles": 3, "locked": true}'
    assert run(pipeline_of(tmp_path, rules), reading).good == run(pipeline_of(tmp_path, PUMPS), reading).good


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("cycles: cycles", "cycles: {path: c, authority: high}", 14, "authority must be a number, found 'high'"),
        ("cycles: cycles", "cycles: {path: c, authority: 1.5}", 14, "authority must be a whole number, found '1.5'"),
        ("cycles: cycles", "cycles: {path: c, authorty: 1}", 14, "cycles has no key 'authorty'; did you mean 'authority'?"),
        ("key: {path: bed}}", "key: {path: bed}, authority: [1]}", 19, "authority must be a number, found a list"),
        ("firmware: fw", "firmware: {path: fw, authority: x}", 17, "authority must be a number"),
        ("    time: ts", "    time: ts\n    authority: x", 7, "authority must be a number"),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in PUMPS
    found = faults(tmp_path, PUMPS.replace(old, new, 1))
    assert [f for f in found if f.startswith(f"rules.yaml:{line}: ") and said in f], found
