"""A new class of asset is one new file: from there it is in the stores' indexes, the checks, the SDL, and usable end to end."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from neo4j import GraphDatabase

from api.sdl import COMMITTED, sdl
from brain.checks import Checks
from brain.model import Verdict
from brain.query import Condition, Find, Op
from brain.servers.process import free_port
from brain.stores import open_store
from brain.stores.neo4j.address import parse
from brain.stores.sqlite.tables import where_sql
from ontology import load_schema
from tests.e2e.test_mqtt_to_subscriber import ingesting

TURTLE = """
@prefix eb:   <https://enterprise-brain.example/ns/upper#> .
@prefix :     <https://example.com/ns/brewery#> .
@prefix owl:  <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd:  <http://www.w3.org/2001/XMLSchema#> .
@prefix sh:   <http://www.w3.org/ns/shacl#> .

:MashTun a owl:Class ; rdfs:subClassOf eb:Asset ; eb:keyspace "tun" ; eb:key :tunNumber ; eb:alias :nickname ;
    rdfs:comment "A vessel in which malt and water are mashed." .
[] a sh:NodeShape ; sh:targetClass :MashTun ;
    sh:property [ sh:path :tunNumber ; sh:datatype xsd:string ; sh:maxCount 1 ; sh:pattern "^T-[0-9]+$" ] ;
    sh:property [ sh:path :nickname ; sh:datatype xsd:string ; sh:maxCount 1 ] ;
    sh:property [ sh:path :wort ; sh:datatype xsd:double ; sh:maxCount 1 ; sh:minInclusive 0 ; sh:maxInclusive 110 ] ;
    sh:property [ sh:path :recipe ; sh:datatype xsd:string ; sh:maxCount 1 ] ;
    sh:property [ sh:path :pumpsInto ; sh:class :MashTun ] .
:tunNumber a owl:DatatypeProperty ; rdfs:comment "The number on the tun." .
:nickname a owl:DatatypeProperty ; rdfs:comment "What the brewers call it." .
:wort a owl:DatatypeProperty ; eb:unit "Cel" ; eb:history "latest" ; rdfs:comment "Temperature of the wort." .
:recipe a owl:DatatypeProperty ; eb:indexed true ; rdfs:comment "What is being brewed." .
:pumpsInto a owl:ObjectProperty ; owl:inverseOf :pumpedFrom ; eb:dependency "source" ; rdfs:comment "The tun that it feeds." .
"""

RULES = """
adapter: brewery
topics: [brewery/tuns]
rules:
  - event: "{tun}-{n}"
    time: at
    entities:
      - class: MashTun
        key: {path: tun}
        set:
          tunNumber: tun
          wort: {path: wort_f, unit: "[degF]"}
          recipe: recipe
        link:
          pumpsInto: {class: MashTun, key: {path: next}}
"""


@pytest.fixture
def brewery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one domain and one adapter of the user's own, which the environment names."""
    (tmp_path / "domains").mkdir()
    (tmp_path / "domains" / "brewery.ttl").write_text(TURTLE)
    adapter = tmp_path / "adapters" / "brewery"
    adapter.mkdir(parents=True)
    (adapter / "rules.yaml").write_text(RULES)
    monkeypatch.setenv("BRAIN_ONTOLOGY", str(tmp_path / "domains"))
    monkeypatch.setenv("BRAIN_ADAPTERS", str(tmp_path / "adapters"))
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    return tmp_path


def brain(*args: str) -> str:
    done = subprocess.run([sys.executable, "-m", "brain", *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_in_the_compiled_checks(brewery: Path) -> None:
    check = Checks(load_schema((brewery / "domains",))).of("MashTun")
    assert check({"tunNumber": "T-7", "wort": 66.5, "state": "hot"}) == ()
    wrong = check({"tunNumber": "7", "wort": 111.0, "recipe": 5})
    assert [(f.property, f.verdict) for f in wrong] == [
        ("tunNumber", Verdict.OUT_OF_RANGE),
        ("wort", Verdict.OUT_OF_RANGE),
        ("recipe", Verdict.WRONG_TYPE),
    ]


def test_it_is_in_the_sdl_and_nothing_else_there_changes(brewery: Path) -> None:
    before, after = COMMITTED.read_text(), sdl(load_schema((brewery / "domains",)))
    assert "MashTun" not in before
    added = [line for line in after.splitlines() if line not in set(before.splitlines())]
    assert "type MashTun implements Asset & Entity & Node {" in added
    assert "  wort: Float" in added
    assert any(line.startswith("  mashTuns(") for line in added)
    assert [line for line in before.splitlines() if line not in set(after.splitlines())] == []


def test_it_is_in_the_indexes_of_sqlite(brewery: Path) -> None:
    path = brewery / "t.db"
    path.touch()
    brain("hash", "--store", f"sqlite:///{path}")
    import sqlite3

    db = sqlite3.connect(path)
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    where, values = where_sql(load_schema((brewery / "domains",)), Find("MashTun", (Condition("recipe", Op.EQ, "x"),)))
    plan = " ".join(str(row) for row in db.execute(f"EXPLAIN QUERY PLAN SELECT id FROM node WHERE {where} ORDER BY id", values))
    db.close()
    assert {"node_recipe", "node_tunNumber", "node_nickname"} <= names
    assert "node_wort" not in names
    assert "node_recipe" in plan


async def test_it_is_in_the_constraints_and_indexes_of_neo4j(brewery: Path, neo4j_url: str) -> None:
    store = open_store(neo4j_url)
    await store.prepare(load_schema((brewery / "domains",)))
    await store.close()
    address = parse(neo4j_url)

    def rows(cypher: str) -> list[tuple[list[str], list[str]]]:
        with GraphDatabase.driver(address.uri, auth=address.auth) as driver:
            found = driver.execute_query(cypher, database_=address.database).records
        return [(row["labelsOrTypes"], row["properties"]) for row in found]

    indexes = await asyncio.to_thread(rows, "SHOW INDEXES YIELD labelsOrTypes, properties WHERE labelsOrTypes IS NOT NULL")
    constraints = await asyncio.to_thread(rows, "SHOW CONSTRAINTS YIELD labelsOrTypes, properties")
    assert {"recipe", "tunNumber", "nickname"} <= {p for labels, names in indexes if labels == ["MashTun"] for p in names}
    # An id is one across all classes, and so is its constraint: every MashTun is an Entity.
    assert (["Entity"], ["id"]) in constraints


def test_it_is_usable_end_to_end(brewery: Path, mqtt_address: str) -> None:
    store = f"sqlite:///{brewery / 'live.db'}"
    messages = [
        {"tun": "T-1", "n": 1, "at": "2026-03-02T08:00:00Z", "wort_f": 149.0, "recipe": "Pils", "next": "T-2"},
        {"tun": "T-2", "n": 1, "at": "2026-03-02T08:00:01Z", "wort_f": 9999.99, "recipe": "Bock", "next": None},
        {"tun": "Q", "n": 1, "at": "2026-03-02T08:00:02Z", "wort_f": 150, "recipe": "Bock", "next": None},
    ]
    program = (
        "import asyncio, aiomqtt, sys\n"
        "async def main(host, port, *messages):\n"
        "    async with aiomqtt.Client(host, int(port)) as client:\n"
        "        for message in messages: await client.publish('brewery/tuns', message, qos=1)\n"
        "asyncio.run(main(*sys.argv[1:]))"
    )
    with ingesting("--mqtt", mqtt_address, "--store", store, "--client-id", f"brewery-{free_port()}"):
        host, _, port = mqtt_address.partition(":")
        subprocess.run([sys.executable, "-c", program, host, port, *map(json.dumps, messages)], check=True, env=os.environ)
        deadline = time.monotonic() + 30
        while len(found := asyncio.run(state(store))) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    down = json.loads(brain("report", "dependencies", "T-1", "--down", "--store", store, "--format", "json"))
    # "source": the tun that is fed depends on the one that feeds it.
    assert [(n["id"], n["class"], n["via"]) for n in down["nodes"]] == [("tun/T-2", "MashTun", ["tun/T-1", "tun/T-2"])]
    assert json.loads(brain("ontology", "show", "MashTun", "--format", "json"))["classes"][0]["keyspace"] == "tun"
    assert found["tun/T-1"] == {"tunNumber": "T-1", "wort": pytest.approx(65.0), "recipe": "Pils"}
    assert found["tun/T-2"] == {"tunNumber": "T-2", "recipe": "Bock"}  # 9999.99 °F is out of the declared range
    assert found["tun/Q"] == {"wort": pytest.approx(65.556, abs=0.001), "recipe": "Bock"}


async def state(url: str) -> dict[str, dict[str, object]]:
    store = open_store(url)
    await store.prepare(load_schema((Path(os.environ["BRAIN_ONTOLOGY"]),)))
    try:
        nodes = await store.nodes(["tun/T-1", "tun/T-2", "tun/Q"])
        return {node.id: dict(node.properties) for node in nodes if node is not None}
    finally:
        await store.close()


def test_a_mistake_in_it_is_told_with_its_line(brewery: Path) -> None:
    file = brewery / "domains" / "brewery.ttl"
    file.write_text(TURTLE.replace("rdfs:subClassOf eb:Asset", "rdfs:subClassOf eb:Aset"))
    done = subprocess.run([sys.executable, "-m", "brain", "hash", "--store", f"sqlite:///{brewery / 't.db'}"],
                          capture_output=True, text=True)  # fmt: skip
    line = next(i for i, text in enumerate(TURTLE.splitlines(), 1) if ":MashTun a owl:Class" in text)
    assert done.returncode == 1
    assert f"{file}:{line}: " in done.stderr
    assert "Aset" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (brewery / "t.db").exists()
