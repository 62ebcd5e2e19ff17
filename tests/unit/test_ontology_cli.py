"""`brain ontology` as a user runs it."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brain.cli.ontology import ontology
from brain.model import Assert, ChangeSet, Link
from brain.stores import open_store
from ontology import load_schema

BAD = """@prefix : <https://example.org/x#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
:Oven a owl:Class .
"""


def brain(*args: str | Path) -> Result:
    return CliRunner().invoke(ontology, [str(arg) for arg in args], catch_exceptions=False)


def test_the_ontology_that_ships_is_good() -> None:
    result = brain("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert load_schema().version in result.stdout
    document = json.loads(brain("check", "--format", "json").stdout)
    assert document["ok"]
    assert document["classes"] == len(load_schema().classes)


def test_a_fault_is_one_line_on_stderr_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "x.ttl").write_text(BAD)
    result = brain("check", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{tmp_path}/x.ttl:3: Oven: needs rdfs:subClassOf")
    assert result.stderr.count("\n") == 1
    document = json.loads(brain("check", tmp_path, "--format", "json").stdout)
    assert not document["ok"]
    assert [fault["line"] for fault in document["faults"]] == [3]


def test_show_one_class_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert "InfusionPump" in brain("show").stdout
    assert "0 … 1200" in brain("show", "InfusionPump").stdout
    (pump,) = json.loads(brain("show", "InfusionPump", "--format", "json").stdout)["classes"]
    flow = next(p for p in pump["properties"] if p["name"] == "flow")
    assert (flow["unit"], flow["maximum"], flow["history"]) == ("mL/h", 1200, "latest")
    assert {c["name"] for c in json.loads(brain("show", "--format", "json").stdout)["classes"]} == set(load_schema().classes)


def test_a_store_is_held_against_the_shapes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"

    async def fill() -> None:
        store = open_store(url)
        await store.prepare(load_schema())
        good = Assert("bed/1", "Bed", {"state": "free"})
        half = Assert("step/1", "Step", {"sequence": 1}, links=(Link("object", "bed/1"),))
        astray = Assert("asset/p", "InfusionPump", {"flow": 5.0}, links=(Link("infuses", "bed/1"),))
        await store.apply([ChangeSet("e1", "test", 1, 1, (good, half, astray))])
        await store.close()

    asyncio.run(fill())
    result = brain("check", "--store", url)
    assert result.exit_code == 1
    found = [line.split(": ")[:3] for line in result.stdout.splitlines()[1:]]
    assert found == [["asset/p", "InfusionPump.infuses", "Class"], ["step/1", "Step.activity", "MinCount"]]
