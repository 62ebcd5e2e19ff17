"""Rules for logs: an object type becomes a class, with its relations and its SDL type; what no rule names stays data."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from neo4j import GraphDatabase

from brain.stores.neo4j.address import parse
from tests.contract.test_neo4j import wipe
from tests.e2e.test_api_serve import serving

XML = "ocel/order-management-ocel2.xml"
TURTLE = """
@prefix eb:   <https://enterprise-brain.example/ns/upper#> .
@prefix :     <https://example.com/ns/webshop#> .
@prefix owl:  <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd:  <http://www.w3.org/2001/XMLSchema#> .
@prefix sh:   <http://www.w3.org/ns/shacl#> .

:CustomerOrder a owl:Class ; rdfs:subClassOf eb:WorkObject ; rdfs:comment "What a customer ordered." .
[] a sh:NodeShape ; sh:targetClass :CustomerOrder ;
    sh:property [ sh:path :netPrice ; sh:datatype xsd:double ; sh:maxCount 1 ; sh:minInclusive 0 ; sh:maxInclusive 5000 ] ;
    sh:property [ sh:path :comprises ; sh:class :OrderLine ] .
:netPrice a owl:DatatypeProperty ; rdfs:comment "The price in euros." .
:comprises a owl:ObjectProperty ; owl:inverseOf :comprisedIn ; eb:dependency "target" ; rdfs:comment "Its lines." .

:OrderLine a owl:Class ; rdfs:subClassOf eb:WorkObject ; rdfs:comment "One item of an order." .
"""
RULES = """
performer: Person
objects:
  orders:
    class: CustomerOrder
    attributes: {price: netPrice}
    relations: {comprises: comprises}
  items: {class: OrderLine}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("webshop")
    (folder / "domains").mkdir()
    (folder / "domains" / "webshop.ttl").write_text(TURTLE)
    (folder / "rules.yaml").write_text(RULES)
    return folder


def brain(folder: Path, *args: str | Path, expect: int = 0) -> "subprocess.CompletedProcess[str]":
    """The command, with the ontology that `folder` holds beside the one that ships, if it holds one."""
    own = {"BRAIN_ONTOLOGY": str(folder / "domains")} if (folder / "domains").is_dir() else {}
    environment = {**os.environ, "BRAIN_HOME": str(folder / "home"), **own}
    command = [sys.executable, "-m", "brain", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == expect, done.stderr
    return done


@pytest.fixture(scope="module")
def mapped(folder: Path, shared_data: Path) -> Path:
    """The order-management log under the rules."""
    path = folder / "mapped.db"
    brain(folder, "import", shared_data / XML, "--rules", folder / "rules.yaml", "--store", f"sqlite:///{path}")
    return path


def counts(path: Path, sql: str) -> dict[Any, Any]:
    db = sqlite3.connect(path)
    found = dict(db.execute(sql).fetchall())
    db.close()
    return found


def test_types_become_classes_and_the_others_stay_work_objects(mapped: Path, shared_data: Path) -> None:
    classes = counts(mapped, "SELECT class, count(*) FROM node GROUP BY class")
    # Counted here from the XML itself.
    objects = ElementTree.parse(shared_data / XML).getroot().iterfind("objects/object")
    types = Counter(one.get("type") for one in objects)
    assert (classes["CustomerOrder"], classes["OrderLine"], classes["Step"]) == (types["orders"], types["items"], 18_211)
    assert classes["WorkObject"] == sum(types.values()) - types["orders"] - types["items"]
    assert counts(mapped, "SELECT json_extract(properties, '$.objectType'), class FROM node WHERE class LIKE '%O%'") == {
        "orders": "CustomerOrder",
        "items": "OrderLine",
        "customers": "WorkObject",
        "employees": "WorkObject",
        "packages": "WorkObject",
        "products": "WorkObject",
    }


def test_relations_and_attributes_have_the_ontologys_names(mapped: Path, shared_data: Path, folder: Path) -> None:
    relations = counts(mapped, "SELECT relation, count(*) FROM edge WHERE holds GROUP BY relation")
    plain = folder / "plain.db"
    brain(folder, "import", shared_data / XML, "--store", f"sqlite:///{plain}")
    unmapped = counts(plain, "SELECT relation, count(*) FROM edge WHERE holds GROUP BY relation")
    by_qualifier = counts(plain, "SELECT qualifier, count(*) FROM edge WHERE relation = 'relatedTo' GROUP BY qualifier")
    assert relations["comprises"] > 0
    assert relations["comprises"] + relations["relatedTo"] == unmapped["relatedTo"]
    assert relations["comprises"] <= by_qualifier["comprises"]
    prices = counts(mapped, "SELECT typeof(json_extract(properties, '$.netPrice')), 1 FROM node WHERE class = 'CustomerOrder'")
    flagged = counts(mapped, "SELECT verdict, count(*) FROM quality WHERE property = 'netPrice' GROUP BY verdict")
    too_dear = counts(
        plain,
        "SELECT 1, count(*) FROM node WHERE json_extract(properties, '$.objectType') = 'orders'"
        " AND json_extract(attributes, '$.price') > 5000",
    )[1]
    # What is out of the declared range is flagged, and never passes as good.
    assert prices.keys() <= {"real", "null"}
    assert flagged == ({"outOfRange": too_dear} if too_dear else {})


def test_a_report_over_the_class_is_the_report_over_the_type(mapped: Path, folder: Path, shared_data: Path) -> None:
    told = brain(
        folder, "report", "bottlenecks", "--object-type", "OrderLine", "--format", "json", "--store", f"sqlite:///{mapped}"
    )
    found = json.loads(told.stdout)
    want = json.loads((shared_data / "oracles/ocel_order_management__items.json").read_text())
    assert {(e["source"], e["target"]): e["count"] for e in found["edges"]} == {
        (e["source"], e["target"]): e["n"] for e in want["all_edges"]
    }
    assert found["objects"] == want["cases"]


def test_its_sdl_type_answers(mapped: Path, folder: Path) -> None:
    query = """{ customerOrders(first: 1) { totalCount edges { node { id objectType netPrice
        comprises { edges { node { __typename id comprisedIn { edges { node { id } } } } } } } } } }"""
    with serving("--store", f"sqlite:///{mapped}", BRAIN_ONTOLOGY=str(folder / "domains")) as (_, address):
        answer = httpx.post(f"http://{address}/graphql", json={"query": query}, timeout=30).json()
    assert "errors" not in answer, answer
    orders = answer["data"]["customerOrders"]
    (order,) = [edge["node"] for edge in orders["edges"]]
    assert (orders["totalCount"], order["objectType"]) == (2000, "orders")
    assert order["netPrice"] > 0
    lines = [edge["node"] for edge in order["comprises"]["edges"]]
    assert {line["__typename"] for line in lines} == {"OrderLine"}
    assert all({"node": {"id": order["id"]}} in line["comprisedIn"]["edges"] for line in lines)


HOSTILE = [
    "`) DETACH DELETE n //",
    "Step",
    "a`b",
    "x'; DROP TABLE node; --",
    "Entity:Admin",
    "",
    "ü {}[]$",
    "__typename",
    "../../x",
]


def hostile_log(file: Path) -> Path:
    """A log whose every name tries to be more than a name."""
    objects = [
        {"id": f"o{i} {name}", "type": name, "attributes": [{"name": name, "time": "1970-01-01T00:00:00Z", "value": name}],
         "relationships": [{"objectId": f"o0 {HOSTILE[0]}", "qualifier": name}]}
        for i, name in enumerate(HOSTILE) if name
    ]  # fmt: skip
    events = [
        {"id": f"e{i} {name}", "type": name or "blank", "time": f"2024-01-01T00:00:0{i}Z", "attributes": [],
         "relationships": [{"objectId": o["id"], "qualifier": name} for o in objects]}
        for i, name in enumerate(HOSTILE)
    ]  # fmt: skip
    types = [{"name": n, "attributes": [{"name": n, "type": "string"}]} for n in HOSTILE if n]
    log = {
        "objectTypes": types,
        "eventTypes": [*types, {"name": "blank", "attributes": []}],
        "objects": objects,
        "events": events,
    }
    file.write_text(json.dumps(log))
    return file


async def test_hostile_names_stay_data_in_neo4j(neo4j_url: str, tmp_path: Path) -> None:
    await wipe(neo4j_url)
    log = hostile_log(tmp_path / "hostile.jsonocel")
    brain(tmp_path, "import", log, "--store", neo4j_url)
    brain(tmp_path, "import", log, "--store", f"sqlite:///{tmp_path / 't.db'}")
    assert (
        brain(tmp_path, "hash", "--store", neo4j_url).stdout
        == brain(tmp_path, "hash", "--store", f"sqlite:///{tmp_path / 't.db'}").stdout
    )
    address = parse(neo4j_url)
    with GraphDatabase.driver(address.uri, auth=address.auth) as driver:
        labels = driver.execute_query("MATCH (n) UNWIND labels(n) AS l RETURN collect(DISTINCT l) AS all").records[0]["all"]
        kinds = driver.execute_query("MATCH ()-[r]->() RETURN collect(DISTINCT type(r)) AS all").records[0]["all"]
        steps = driver.execute_query("MATCH (n:Step) RETURN count(n) AS n").records[0]["n"]
        types = driver.execute_query("MATCH (n:WorkObject) RETURN collect(DISTINCT n.objectType) AS all").records[0]["all"]
    assert not set(labels) & (set(HOSTILE) - {"Step"})
    assert {"Entity", "Step", "WorkObject"} <= set(labels)
    assert all(kind.replace("_", "").isalpha() for kind in kinds)
    assert steps == len(HOSTILE)
    assert set(types) == {name for name in HOSTILE if name}
    for store in (neo4j_url, f"sqlite:///{tmp_path / 't.db'}"):
        told = brain(tmp_path, "report", "bottlenecks", "--object-type", HOSTILE[0], "--format", "json", "--store", store)
        assert json.loads(told.stdout)["objects"] == 1


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (
            "objects:\n  orders: {class: CustomerOrdr}\n",
            "2: the ontology has no class 'CustomerOrdr'; did you mean 'CustomerOrder'?",
        ),
        (RULES.replace("netPrice", "netPrise"), "6: CustomerOrder has no property 'netPrise'; did you mean 'netPrice'?"),
        (
            RULES.replace("comprises: comprises", "comprises: compises"),
            "7: CustomerOrder has no relation 'compises'; did you mean",
        ),
        ("objects:\n  orders: {attributes: {}}\n", "2: which class is it? write `class: NAME`"),
        ("objekts: {}\n", "1: unknown key 'objekts'; did you mean 'objects'?; known are performer, objects"),
        ("- objects\n", "1: a mapping with 'objects' is needed, not a list"),
        ("objects: [orders]\n", "1: a mapping is needed, not a list"),
        ("objects:\n  orders: CustomerOrder\n", "2: a mapping is needed, not 'CustomerOrder'"),
        ("objects:\n  orders: {class: [a]}\n", "2: the name of a class is needed, not a list"),
        (
            "objects:\n  orders: {class: CustomerOrder, attributes: {price: [a]}}\n",
            "2: a property of CustomerOrder is needed, not",
        ),
        (
            "objects:\n  orders: {class: CustomerOrder, attributes: {a: netPrice, b: netPrice}}\n",
            "2: two attributes are mapped to 'netPrice'",
        ),
        ("objects: {{{\n", "not YAML"),
        ("performer: &a Person\n", "anchors and aliases are not allowed"),
        (b"objects: \xff\n", "1: not UTF-8"),
    ],
)
def test_faults_in_rules_are_told_with_line_and_mend(folder: Path, tmp_path: Path, rules: str | bytes, says: str) -> None:
    file, log = tmp_path / "bad.yaml", hostile_log(tmp_path / "hostile.jsonocel")
    file.write_bytes(rules if isinstance(rules, bytes) else rules.encode())
    done = brain(folder, "import", log, "--rules", file, "--store", f"sqlite:///{tmp_path / 't.db'}", expect=1)
    assert done.stderr.startswith(f"brain: {file}:")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "t.db").exists()


def test_other_rules_make_it_another_import_of_the_same_file(folder: Path, tmp_path: Path) -> None:
    log, rules, store = hostile_log(tmp_path / "hostile.jsonocel"), tmp_path / "r.yaml", f"sqlite:///{tmp_path / 't.db'}"
    brain(folder, "import", log, "--store", store)
    rules.write_text("objects: {Step: {class: CustomerOrder}}\n")
    told = brain(folder, "import", log, "--rules", rules, "--store", store)
    assert "already imported" not in told.stderr
    assert counts(tmp_path / "t.db", "SELECT id, class FROM node WHERE class = 'CustomerOrder'") == {
        "object/o1 Step": "CustomerOrder"
    }
    assert "already imported" in brain(folder, "import", log, "--rules", rules, "--store", store).stderr
