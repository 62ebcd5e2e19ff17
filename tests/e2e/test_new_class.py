"""A new class of asset is one new file: the README's own example, from the file to constraints, checks, SDL and answers."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import neo4j
import pytest

from api.sdl import sdl
from brain.checks import compile_checks
from brain.model import Assert, ChangeSet, Verdict
from brain.query import Condition, Find, Op
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema

README = (Path(__file__).parents[2] / "README.md").read_text()

RULES = """
adapter: fermenters
topics: [brewery/fermenters]
rules:
  - event: "{tank}-{n}"
    time: at
    entities:
      - class: Fermenter
        key: {path: tank}
        set: {gravity: sg, tag: tag}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of the README, as its one file, with a tag by which the tank is looked up."""
    found = re.search(r"```turtle\n(.*?)```", README, re.S)
    assert found
    text = found[1].replace(
        ":gravity a owl", ':tag a owl:DatatypeProperty ; eb:indexed true ; rdfs:comment "The tag on the tank." .\n:gravity a owl'
    ).replace("sh:property [ sh:path :gravity", "sh:property [ sh:path :tag ; sh:datatype xsd:string ; sh:maxCount 1 ] ;\n"
              "    sh:property [ sh:path :gravity")  # fmt: skip
    path = tmp_path_factory.mktemp("ontology")
    (path / "brewery.ttl").write_text(text)
    return path


@pytest.fixture(scope="module")
def schema(folder: Path) -> Schema:
    return load_schema([folder])


def test_the_readmes_file_is_sound_as_it_stands(tmp_path: Path) -> None:
    found = re.search(r"```turtle\n(.*?)```", README, re.S)
    assert found
    (tmp_path / "brewery.ttl").write_text(found[1])
    assert "Fermenter" in load_schema([tmp_path]).classes


def test_it_is_in_the_checks(schema: Schema) -> None:
    check = compile_checks(schema).of("Fermenter")
    assert check({"gravity": 1.05}) == ()
    assert [(f.property, f.verdict) for f in check({"gravity": 3.0})] == [("gravity", Verdict.OUT_OF_RANGE)]


def test_it_is_in_the_sdl(schema: Schema) -> None:
    text = sdl(schema)
    kind = re.search(r"^type Fermenter implements ([^{]*)\{(.*?)^\}", text, re.S | re.M)
    assert kind
    assert "PhysicalAsset" in kind[1]
    assert re.search(r"gravity: Float", kind[2])
    assert "fermenters(where: FermenterFilter" in text


async def test_it_is_in_neo4js_constraints_indexes_and_labels(schema: Schema, neo4j_url: str) -> None:
    store = open_store(neo4j_url)
    await store.prepare(schema)
    try:
        said = Assert("asset/FV-1", "Fermenter", {"gravity": 1.05, "tag": "FV-1-new-class"})
        await store.apply([ChangeSet("new-class", "test", 1, 1, (said,))])
        found = await store.find(Find("Fermenter", (Condition("tag", Op.EQ, "FV-1-new-class"),)))
        assert [n.id for n in found.nodes] == ["asset/FV-1"]
    finally:
        await store.close()
    address, user, password = _parts(neo4j_url)
    with neo4j.GraphDatabase.driver(address, auth=(user, password)) as driver:
        rows, *_ = driver.execute_query("SHOW INDEXES YIELD labelsOrTypes, properties RETURN labelsOrTypes, properties")
        indexed = {(label, name) for row in rows for label in row[0] or () for name in row[1] or ()}
        assert any(name == "tag" for _, name in indexed)
        constraints, *_ = driver.execute_query(
            "SHOW CONSTRAINTS YIELD labelsOrTypes, properties RETURN labelsOrTypes, properties"
        )
        assert ["Entity"] in [row[0] for row in constraints]
        (labels,), *_ = driver.execute_query("MATCH (n:Fermenter {id: 'asset/FV-1'}) RETURN labels(n)")[0]
        assert {"Entity", "Asset", "PhysicalAsset", "Fermenter"} <= set(labels)
        driver.execute_query("MATCH (n:Entity {id: 'asset/FV-1'}) OPTIONAL MATCH (n)--(said) DETACH DELETE n, said")


def _parts(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return f"bolt://{parts.hostname}:{parts.port}", unquote(parts.username or ""), unquote(parts.password or "")


def test_messages_of_it_become_answers(folder: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "fermenters"
    adapter.mkdir()
    (adapter / "rules.yaml").write_text(RULES)
    drop = tmp_path / "drop"
    drop.mkdir()
    for n, gravity in enumerate((1.06, 1.04, 7.0)):
        reading = {"tank": "FV-1", "n": n, "at": f"2026-03-02T08:00:0{n}Z", "sg": gravity, "tag": "T1"}
        (drop / f"{n}.json").write_text(json.dumps(reading))
    store = tmp_path / "t.db"
    environment = {
        **os.environ,
        "BRAIN_ONTOLOGY": str(folder),
        "BRAIN_ADAPTERS": str(adapter),
        "BRAIN_STORE": f"sqlite:///{store}",
    }
    command = [sys.executable, "-m", "brain", "ingest", "--once", "--folder", f"{drop}=brewery/fermenters"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, "1 outOfRange" in done.stderr) == (0, True), done.stderr

    async def read() -> None:
        opened = open_store(f"sqlite:///{store}")
        await opened.prepare(load_schema([folder]))
        (tank,), ((flag,),) = await opened.nodes(["asset/FV-1"]), await opened.quality(["asset/FV-1"])
        await opened.close()
        assert tank is not None
        assert (tank.cls, tank.properties["gravity"], flag.detail) == ("Fermenter", 1.04, "7.0")

    asyncio.run(read())
