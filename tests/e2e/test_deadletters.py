"""Dead letters by the command: list them, read one, and try again once the rules were mended."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from brain.engine import Engine
from brain.query import Find
from brain.stores import open_store
from ingest.intake import Intake
from ingest.record import Envelope
from ingest.wiring import whole_pipeline
from ontology import load_schema

RULES = """
adapter: plant
topics: [plant/pumps]
rules:
  - event: "{id}-{n}"
    time: {path: ts, format: TIME}
    entities:
      - class: InfusionPump
        key: {path: id}
        set: {flow: {path: flow, parse: true}}
"""
MESSAGES = [
    b'{"id": "P-1", "n": 1, "ts": "02.03.2026 08:15", "flow": 5}',
    b'{"id": "P-2", "n": 1, "ts": "02.03.2026 08:16", "flow": 6}',
    b'{"id": "P-3", "n": 1, "ts": "soon", "flow": 7}',
    b"\xff\xfe not JSON",
]
RIGHT = '"%d.%m.%Y %H:%M"'


class Plant:
    """A store with dead letters, and the adapter whose rules were wrong when they came."""

    def __init__(self, folder: Path) -> None:
        self.store = f"sqlite:///{folder / 't.db'}"
        self._file = folder / "adapters" / "plant" / "rules.yaml"
        self._file.parent.mkdir(parents=True)
        self._adapters = folder / "adapters"

    def rules(self, time: str) -> None:
        self._file.write_text(RULES.replace("TIME", time))

    def receives(self, *messages: bytes) -> None:
        asyncio.run(self._receive(messages))

    async def _receive(self, messages: tuple[bytes, ...]) -> None:
        schema, store = load_schema(()), open_store(self.store)
        await store.prepare(schema)
        intake = Intake(whole_pipeline(schema, (self._adapters,)), Engine(store))
        await intake.take([Envelope("plant/pumps", "k", m, 1_772_000_000_000_000 + i) for i, m in enumerate(messages)])
        await store.close()

    def brain(self, *args: str, expect: int = 0) -> "subprocess.CompletedProcess[str]":
        environment: Mapping[str, str] = {**os.environ, "BRAIN_ADAPTERS": str(self._adapters)}
        command = [sys.executable, "-m", "brain", "deadletters", *args, "--store", self.store]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == expect, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.brain("list", "--format", "json").stdout)
        return found

    def pumps(self) -> dict[str, object]:
        return asyncio.run(self._pumps())

    async def _pumps(self) -> dict[str, object]:
        store = open_store(self.store)
        await store.prepare(load_schema(()))
        page = await store.find(Find("InfusionPump"))
        await store.close()
        return {node.key: node.properties.get("flow") for node in page.nodes}


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    plant = Plant(tmp_path)
    plant.rules("iso8601")
    plant.receives(*MESSAGES)
    return plant


def by_payload(listed: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {letter.get("payload", "binary"): letter for letter in listed}


def test_list_says_why(plant: Plant) -> None:
    listed = plant.listed()
    assert len(listed) == 4
    assert [letter["id"] for letter in listed] == sorted(letter["id"] for letter in listed)
    letters = by_payload(listed)
    first = letters[MESSAGES[0].decode()]
    assert (first["topic"], first["adapter"], first["received"]) == ("plant/pumps", "plant", 1_772_000_000_000_000)
    assert "02.03.2026 08:15" in first["reason"]
    assert letters["binary"]["payloadBase64"] == "//4gbm90IEpTT04="
    table = plant.brain("list")
    assert len(table.stdout.splitlines()) == 4
    assert table.stderr == "4 dead letters\n"
    assert all(letter["id"][:12] in table.stdout and letter["reason"] in table.stdout for letter in listed)
    two = plant.brain("list", "--limit", "2")
    assert (len(two.stdout.splitlines()), two.stderr) == (2, "2 dead letters (more with --limit)\n")


def test_show_takes_a_short_id(plant: Plant) -> None:
    letter = by_payload(plant.listed())[MESSAGES[0].decode()]
    for start in (letter["id"][:8], letter["id"]):
        shown = plant.brain("show", start).stdout
        assert MESSAGES[0].decode() in shown
        assert letter["reason"] in shown
    assert json.loads(plant.brain("show", letter["id"][:8], "--format", "json").stdout) == letter
    unknown = plant.brain("show", "zz", expect=1)
    assert unknown.stderr == "brain: 0 dead letters begin with 'zz'; `brain deadletters list` names them\n"
    assert "4 dead letters begin with ''" in plant.brain("show", "", expect=1).stderr
    assert "\\xff\\xfe not JSON" in plant.brain("show", by_payload(plant.listed())["binary"]["id"]).stdout


def test_replay_before_the_mend_changes_nothing(plant: Plant) -> None:
    before = plant.listed()
    done = plant.brain("replay", "--all", expect=1)
    assert done.stderr.endswith("0 of 4 replayed\n")
    assert plant.listed() == before


def test_replay_after_the_rules_were_mended(plant: Plant) -> None:
    plant.rules(RIGHT)
    one = by_payload(plant.listed())[MESSAGES[1].decode()]["id"]
    assert plant.brain("replay", one[:10]).stderr == "1 of 1 replayed\n"
    assert plant.pumps()["P-2"] == 6.0
    assert len(plant.listed()) == 3
    done = plant.brain("replay", "--all", expect=1)
    assert done.stderr.endswith("1 of 3 replayed\n")
    assert (plant.pumps()["P-1"], plant.pumps()["P-2"]) == (5.0, 6.0)
    left = by_payload(plant.listed())
    assert left.keys() == {MESSAGES[2].decode(), "binary"}
    # Those that stay say why they are dead today, not why they were.
    assert left[MESSAGES[2].decode()]["reason"] in done.stderr
    assert plant.brain("replay", "--all", expect=1).stderr.endswith("0 of 2 replayed\n")


def test_the_reason_is_todays(plant: Plant) -> None:
    was = by_payload(plant.listed())[MESSAGES[2].decode()]["reason"]
    plant.rules("epoch_ms")
    plant.brain("replay", "--all", expect=1)
    now = by_payload(plant.listed())[MESSAGES[2].decode()]
    assert now["reason"] != was
    assert now["received"] == 1_772_000_000_000_002


def test_a_replay_gives_the_model_that_right_rules_would_have_given(plant: Plant, tmp_path: Path) -> None:
    plant.rules(RIGHT)
    plant.brain("replay", "--all", expect=1)
    other = Plant(tmp_path / "other")
    other.rules(RIGHT)
    other.receives(*MESSAGES[:2])
    assert {k: plant.pumps()[k] for k in ("P-1", "P-2")} == other.pumps()


def test_an_empty_list_and_wrong_use(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.rules("iso8601")
    plant.receives()
    assert plant.listed() == []
    assert plant.brain("list").stderr == "0 dead letters\n"
    assert plant.brain("replay", "--all").stderr == "0 of 0 replayed\n"
    assert "name dead letters, or --all" in plant.brain("replay", expect=2).stderr
    assert "name dead letters, or --all" in plant.brain("replay", "ab", "--all", expect=2).stderr
    assert "Missing argument 'ID'" in plant.brain("show", expect=2).stderr
