"""`brain report impact` and `brain report dependencies` without an ID, as a person and as a program call them."""

import asyncio
import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import networkx as nx
import pytest

from brain.model import Assert, ChangeSet, Link, Retract
from brain.stores import open_store
from ontology import load_schema
from tests.e2e.test_cli import brain
from tests.unit.test_breakdown import plant as capping

HOUR = 3_600_000_000
AIR = Link("supplies", "asset/CAP")


def says(event: str, subject: str, cls: str, at: int, *links: Link, **properties: str | float) -> ChangeSet:
    return ChangeSet(event, "s", at, at, (Assert(subject, cls, properties, {}, tuple(links)),))


PLANT = (
    says("1", "asset/AIR", "Machine", 0, AIR, name="compressor\x1b[31m"),
    says("2", "asset/CAP", "Machine", 0, Link("partOf", "equipment/L"), bufferTime=600.0, state="running"),
    says("3", "equipment/L", "WorkCenter", 0, name="line"),
    says("4", "productionorder/1", "ProductionOrder", 0, Link("scheduledOn", "equipment/L")),
    says("5", "asset/OLD", "Machine", 0, AIR),
    ChangeSet("6", "s", 5 * HOUR, 0, (Retract("asset/OLD", "Machine", links=(AIR,)),)),
)
"""A compressor, which until five o'clock was beside an old one that was needed too; a capper with a buffer; a line."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return filled(f"sqlite:///{tmp_path_factory.mktemp('plant') / 'plant.db'}", PLANT)


def filled(url: str, changes: Sequence[ChangeSet]) -> str:
    async def fill() -> None:
        opened = open_store(url)
        await opened.prepare(load_schema(()))
        await opened.apply(changes)
        await opened.close()

    asyncio.run(fill())
    return url


def test_rows_that_are_not_all_say_so_beside_them(store: str) -> None:
    partial = "Partial: not all was looked at; --format json says what was not.\n"
    for asked, said in (
        (("impact", "AIR"), ""),
        (("impact", "AIR", "--first", "2"), "2 of 3 are told: ask for more with --first.\n"),
        (("impact", "AIR", "--depth", "1"), partial),
        (("impact", "productionorder/1", "--causes", "--first", "1"), "1 of 3 are told: ask for more with --first.\n"),
        (("dependencies", "--top", "1"), "1 of 3 are told: ask for more with --top.\n"),
        (("dependencies", "--by", "flow", "--top", "1"), "1 of 3 are told: ask for more with --top.\n"),
        (("dependencies", "AIR", "--depth", "1"), partial),
    ):
        assert brain("report", *asked, "--format", "csv", store=store).stderr == said


def test_impact_in_three_forms_is_one_answer(store: str) -> None:
    asked = ("report", "impact", "AIR", "--at", "1970-01-01T08:00", "--for", "1h")
    found = json.loads(brain(*asked, "--format", "json", store=store).stdout)
    ids = ["asset/CAP", "equipment/L", "productionorder/1"]
    assert [a["id"] for a in found["affected"]] == ids
    assert {a["afterSeconds"] for a in found["affected"]} == {600.0}
    assert {a["at"] for a in found["affected"]} == {"1970-01-01T08:10:00.000000Z"}
    assert (found["lastsSeconds"], found["partial"], found["affected"][0]["class"]) == (3600.0, False, "Machine")
    assert [c["relation"] for c in found["affected"][2]["via"]] == ["supplies", "partOf", "scheduledOn"]
    rows = list(csv.DictReader(io.StringIO(brain(*asked, "--format", "csv", store=store).stdout)))
    assert [row["id"] for row in rows] == ids
    assert rows[2]["via"] == "asset/AIR > asset/CAP > equipment/L > productionorder/1"
    table = brain(*asked, store=store).stdout
    assert "asset/AIR down from 1970-01-01 08:00:00 on for 1.0 h takes with it: 1 object, 2 assets" in table
    assert "asset/AIR → asset/CAP → equipment/L" in table


def test_what_went_down_in_the_past_took_with_it_what_hung_on_it_then(store: str) -> None:
    """OLD was needed until five: at two it takes the capper, the line and the order with it; since six nothing hangs on it."""
    asked = ("report", "impact", "asset/OLD", "--section", "impact", "--format", "json", "--at")
    then = json.loads(brain(*asked, "1970-01-01T02:00", store=store).stdout)
    assert [(a["id"], a["at"]) for a in then["affected"]] == [
        (id, "1970-01-01T02:10:00.000000Z") for id in ("asset/CAP", "equipment/L", "productionorder/1")
    ]
    for at in ("1970-01-01T06:00", "2970-01-01"):
        assert "'asset/OLD' has no dependency" in brain(*asked, at, store=store, expect=1).stderr


def test_a_way_with_what_says_so_in_four_forms(store: str) -> None:
    asked = ("report", "impact", "AIR", "--section", "impact")
    via = json.loads(brain(*asked, "--format", "json", store=store).stdout)["affected"][2]["via"]
    said = [("1", "s"), ("2", "s"), ("4", "s")]
    assert [(link["event"], link["eventSource"]) for link in via] == said
    assert {link["said"] for link in via} == {"1970-01-01T00:00:00.000000Z"}
    rows = list(csv.DictReader(io.StringIO(brain(*asked, "--format", "csv", store=store).stdout)))
    assert [(row["event"], row["eventSource"]) for row in rows] == said
    assert {row["said"] for row in rows} == {"1970-01-01T00:00:00.000000Z"}
    table = brain(*asked, store=store).stdout
    assert table.count("1970-01-01") == 3
    page = brain(*asked, "--format", "html", store=store).stdout
    assert "The 3 dependencies on the ways above" in page
    assert '<td data-name="Last said">1970-01-01 00:00:00</td><td data-name="Event">4</td><td data-name="Of">s</td>' in page
    causes = brain("report", "impact", "productionorder/1", "--causes", "--format", "csv", store=store).stdout
    assert [(row["id"], row["event"]) for row in csv.DictReader(io.StringIO(causes))] == [
        ("equipment/L", "4"),
        ("asset/CAP", "2"),
        ("asset/AIR", "1"),
    ]


def test_of_a_circle_the_link_that_was_said_last(tmp_path: Path) -> None:
    """A machine is a part of its line, and an hour later somebody made the line a part of the machine."""
    slip = says("8\x1b[31m", "equipment/L", "WorkCenter", HOUR, Link("partOf", "asset/CAP"))
    store = filled(f"sqlite:///{tmp_path / 'plant.db'}", (*PLANT, slip))
    table = " ".join(brain("report", "dependencies", "--circles", store=store).stdout.split())
    assert "\x1b[31m" not in table
    assert "01:00:00" in table
    page = brain("report", "dependencies", "--format", "html", store=store).stdout
    assert '<td data-name="Last said">1970-01-01 01:00:00</td><td data-name="Event">8\\x1b[31m</td>' in page


def test_who_must_know_in_three_forms(tmp_path: Path) -> None:
    ada = says("7", "person/ADA", "Operator", 0, Link("operates", "asset/AIR"), name="Ada\x1b[31m")
    store = filled(f"sqlite:///{tmp_path / 'plant.db'}", (*PLANT, ada))
    asked = ("report", "impact", "AIR", "--section", "impact")
    people = json.loads(brain(*asked, "--format", "json", store=store).stdout)["concerned"]["people"]
    assert [(p["id"], p["count"], [e["relation"] for e in p["because"]]) for p in people] == [("person/ADA", 1, ["operates"])]
    table = brain(*asked, store=store).stdout
    assert "Who must know (1)" in table
    assert "operates asset/AIR" in table
    assert "\x1b[31m" not in table
    page = brain("report", "impact", "AIR", "--format", "html", store=store).stdout
    assert "Who must know" in page
    assert "operates asset/AIR" in page


def test_a_short_loss_is_absorbed_and_a_past_graph_is_another(store: str) -> None:
    table = brain("report", "impact", "AIR", "--for", "5m", store=store).stdout
    assert "takes with it: nothing" in table
    assert "buffer of 10.0 min" in table
    then = brain("report", "impact", "asset/OLD", "--as-of", "1970-01-01T04:00", "--format", "json", store=store).stdout
    assert [a["id"] for a in json.loads(then)["affected"]] == ["asset/CAP", "equipment/L", "productionorder/1"]
    assert json.loads(then)["reflects"] == {"asOf": "1970-01-01T04:00:00.000000Z", "knownAt": None, "marks": [], "followed": 0}
    told = brain("report", "impact", "asset/OLD", "--as-of", "1970-01-01T04:00", store=store).stdout
    assert "Graph as of 1970-01-01 04:00:00 UTC." in told
    now = brain("report", "impact", "asset/OLD", store=store, expect=1)
    assert "'asset/OLD' has no dependency" in now.stderr
    page = brain("report", "impact", "AIR", "--as-of", "1970-01-01T04:00", "--format", "html", store=store).stdout
    assert "As of 1970-01-01 04:00:00 UTC." in page


def test_what_was_known_at_a_time_is_asked_everywhere(store: str) -> None:
    """The plant was stored today: at four it had the old compressor, of which in 1970 nobody had told us."""
    then, heard, unheard = ("--as-of", "1970-01-01T04:00"), ("--known-at", "2200-01-01"), ("--known-at", "1971-01-01")
    for asked in (
        ("report", "dependencies", "CAP", "--up", "--format", "csv"),
        ("report", "dependencies", "--format", "csv"),
        ("report", "impact", "asset/OLD", "--format", "csv"),
        ("report", "scenario", "--without", "asset/OLD", "--format", "json"),
    ):
        past = brain(*asked, *then, store=store).stdout
        assert "asset/OLD" in past
        told = brain(*asked, *then, *heard, store=store).stdout
        assert told.replace('"knownAt": "2200-01-01T00:00:00.000000Z"', '"knownAt": null') == past
    for asked in (("dependencies", "CAP"), ("impact", "asset/OLD"), ("scenario", "--without", "asset/OLD")):
        refused = brain("report", *asked, *then, *unheard, store=store, expect=1)
        assert "the store knows nothing called" in refused.stderr
    assert "asset/OLD" not in brain("report", "dependencies", "CAP", "--up", "--format", "csv", store=store).stdout
    whole = json.loads(brain("report", "dependencies", *then, *unheard, "--format", "json", store=store).stdout)
    assert (whole["count"], whole["candidates"]) == (0, 0)
    page = brain("report", "dependencies", *then, *heard, "--since", "1970-01-01", "--format", "html", store=store).stdout
    assert "As of 1970-01-01 04:00:00 UTC, as known on 2200-01-01 00:00:00 UTC." in page


def test_the_outlook_in_four_forms_is_one_answer(tmp_path: Path) -> None:
    # As worked out in tests/unit/test_breakdown.py: CAP rests for 80 s, once its buffer of 20 s is used up.
    store = filled(f"sqlite:///{tmp_path / 'capping.db'}", capping())
    asked = ("report", "impact", "asset/AIR", "--at", "1970-01-01T02:46:40", "--for", "100s")
    found = json.loads(brain(*asked, "--format", "json", store=store).stdout)
    assert [a["id"] for a in found["affected"]] == ["asset/CAP", "capability/capping"]
    (outlook,) = found["outlook"]["outlooks"]
    assert [(late["id"], late["delayMedianSeconds"]) for late in outlook["late"]] == [
        ("productionorder/a", 80.0),
        ("productionorder/b", 80.0),
    ]
    form = ("--section", "outlook", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(brain(*asked, *form, store=store).stdout)))
    assert [(row["id"], row["delayMedianSeconds"], row["via"]) for row in rows] == [
        (f"productionorder/{name}", "80.0", "asset/AIR > asset/CAP > cap") for name in "ab"
    ]
    table = brain(*asked, store=store).stdout
    assert "ProductionOrder: 2 of 2 that are under way on 1970-01-01 02:46:40 become late, by more than 8.0 s" in table
    assert "cap without asset/CAP: nobody left to do it" in table
    assert "become late" not in brain(*asked, "--section", "impact", store=store).stdout
    page = brain(*asked, "--format", "html", store=store).stdout
    assert "Who becomes late: ProductionOrder" in page
    assert '<th scope="row">productionorder/b</th><td data-name="Probability" class="number">100\u00a0%</td>' in page
    assert "become late" not in brain(*asked, "--section", "impact", "--format", "html", store=store).stdout


def test_causes_tell_states(store: str) -> None:
    found = json.loads(brain("report", "impact", "productionorder/1", "--causes", "--format", "json", store=store).stdout)
    told = [(c["id"], c["state"], c["alone"]) for c in found["causes"]]
    assert told == [("equipment/L", None, True), ("asset/CAP", "running", True), ("asset/AIR", None, True)]
    table = brain("report", "impact", "productionorder/1", "--causes", store=store).stdout
    assert "needs 3 things" in table
    brain("report", "impact", "AIR", "--causes", "--for", "1h", store=store, expect=2)


def test_without_an_id_the_single_points_of_failure(store: str) -> None:
    rows = list(csv.DictReader(io.StringIO(brain("report", "dependencies", "--format", "csv", store=store).stdout)))
    assert [(row["id"], row["objectsLost"], row["lost"]) for row in rows] == [
        ("asset/AIR", "1", "3"),
        ("asset/CAP", "1", "2"),
        ("equipment/L", "1", "1"),
    ]
    table = brain("report", "dependencies", store=store).stdout
    assert "Single points of failure (3)" in table
    assert "\x1b" not in table
    ranked = json.loads(brain("report", "dependencies", "--by", "betweenness", "--format", "json", store=store).stdout)
    assert {c["id"]: c["value"] for c in ranked["ranked"]} == {"asset/CAP": 2.0, "equipment/L": 2.0, "asset/AIR": 0.0}
    brain("report", "dependencies", "asset/AIR", "--by", "flow", store=store, expect=2)


def test_pages_are_whole_documents_with_all_that_is_told(store: str) -> None:
    loss = brain("report", "impact", "AIR", "--first", "1", "--format", "html", store=store).stdout
    assert loss.startswith("<!doctype html>")
    assert "for good takes with it: 1 object, 2 assets." in loss
    assert "the first 1 of 3" in loss
    graph = brain("report", "dependencies", "--format", "html", "--as-of", "1970-01-01T04:00", store=store).stdout
    assert "As of 1970-01-01 04:00:00 UTC." in graph
    assert "<dt>Graph</dt><dd>as of 1970-01-01 04:00:00 UTC</dd>" in graph
    assert "<dt>Graph</dt><dd>as it is</dd>" in loss
    assert "asset/OLD" in graph
    assert "\x1b" not in loss + graph
    brain("report", "impact", "AIR", "--causes", "--format", "html", store=store, expect=2)
    brain("report", "impact", "AIR", "--capacity", "0.5", "--format", "html", store=store, expect=2)
    brain("report", "dependencies", "AIR", "--format", "html", store=store, expect=2)
    rows = list(csv.reader(io.StringIO(brain("report", "dependencies", "--circles", "--format", "csv", store=store).stdout)))
    assert rows == [["way", "count", "relation"]]
    assert "Circles (0)" in brain("report", "dependencies", "--circles", store=store).stdout


def test_what_goes_down_together(tmp_path: Path) -> None:
    """Two machines fail on four days, at another hour each; nothing is declared of them."""
    url = f"sqlite:///{tmp_path / 'failing.db'}"
    begins = [(id, hour * HOUR) for id in ("asset/A", "asset/B") for hour in (25, 50, 75, 100)]
    changes = [says(f"{id} {at}", id, "Machine", at, state="fault") for id, at in begins]
    changes += [says(f"{id} {at} on", id, "Machine", at + HOUR, state="running") for id, at in begins]

    async def fill() -> None:
        opened = open_store(url)
        await opened.prepare(load_schema(()))
        await opened.apply(changes)
        await opened.close()

    asyncio.run(fill())
    asked = ("report", "dependencies", "--coupling")
    rows = list(csv.DictReader(io.StringIO(brain(*asked, "--format", "csv", store=url).stdout)))
    assert [(r["a"], r["b"], r["together"], r["failuresA"], r["hidden"], r["common"]) for r in rows] == [
        ("asset/A", "asset/B", "4", "4", "True", "")
    ]
    assert "nothing: hidden" in brain(*asked, store=url).stdout
    assert "nothing that is declared: hidden" in brain(*asked, "--format", "html", store=url).stdout
    then = json.loads(brain(*asked, "--as-of", "1970-01-04T03:30", "--format", "json", store=url).stdout)
    assert [c["together"] for c in then["couplings"]] == [3]
    brain(*asked, "--circles", store=url, expect=2)
    since = (*asked, "--since", "1970-01-04T03:30")
    pair = {"what": "coupling", "how": "moved", "id": "asset/A and asset/B"}
    figures = {"then": "3 of 3 and 3, hidden", "now": "4 of 4 and 4, hidden"}
    assert list(csv.DictReader(io.StringIO(brain(*since, "--format", "csv", store=url).stdout))) == [pair | figures]
    assert "0 dependencies, 1 couplings" in brain(*since, store=url).stdout
    page = brain(*since, "--format", "html", store=url).stdout
    assert '<td data-name="Then">3 of 3 and 3, hidden</td><td data-name="Now">4 of 4 and 4, hidden</td>' in page
    assert "nothing that is declared: hidden" in page
    assert "couplings" not in brain("report", "dependencies", *since[3:], store=url).stdout
    brain(*since, "--circles", store=url, expect=2)


def test_what_changed_since_a_time(store: str) -> None:
    """At four the old compressor took the capper (and the line, and the order) with it; since five nothing needs it."""
    asked = ("report", "dependencies", "--since", "1970-01-01T04:00")
    found = json.loads(brain(*asked, "--format", "json", store=store).stdout)
    assert [(p["id"], p["how"], p["lostThen"], p["lostNow"]) for p in found["points"]] == [("asset/OLD", "gone", 3, None)]
    assert [(e["how"], e["dependent"], e["providerThen"]) for e in found["edges"]] == [("gone", "asset/CAP", "asset/OLD")]
    rows = list(csv.DictReader(io.StringIO(brain(*asked, "--format", "csv", store=store).stdout)))
    assert rows[0] == {"what": "single point", "how": "gone", "id": "asset/OLD", "then": "takes 3, 1 objects", "now": ""}
    assert "Changed: 1 single points" in brain(*asked, store=store).stdout
    assert "What changed since 1970-01-01 04:00:00" in brain(*asked, "--format", "html", store=store).stdout
    told = brain(*asked, "--as-of", "1970-01-01T03:00", store=store, expect=1).stderr
    assert "since 1970-01-01T04:00:00.000000Z is after the time as of which it is asked for" in told
    assert "is after now" in brain(*asked[:-1], "2200-01-01", "--format", "html", store=store, expect=1).stderr


@pytest.mark.parametrize(("form", "read"), [("graphml", nx.read_graphml), ("gexf", nx.read_gexf)])
def test_other_tools_read_the_whole_graph(store: str, form: str, read: object, tmp_path: Path) -> None:
    file = tmp_path / f"plant.{form}"
    file.write_text(brain("report", "dependencies", "--format", form, store=store).stdout, "utf-8")
    graph = read(file)  # type: ignore[operator]
    assert {(a, b, said["relation"]) for a, b, said in graph.edges(data=True)} == {
        ("asset/CAP", "asset/AIR", "supplies"),
        ("equipment/L", "asset/CAP", "partOf"),
        ("productionorder/1", "equipment/L", "scheduledOn"),
    }
    assert graph.nodes["asset/AIR"]["name"] == "compressor\\x1b[31m"
    assert {said["basis"] for _, _, said in graph.edges(data=True)} == {"declared"}
    assert {(a, said["said"], said["event"], said["eventSource"]) for a, _, said in graph.edges(data=True)} == {
        (id, "1970-01-01T00:00:00.000000Z", event, "s")
        for id, event in (("asset/CAP", "1"), ("equipment/L", "2"), ("productionorder/1", "4"))
    }


def test_an_import_loads_nothing_of_it(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("case,activity,timestamp\n1,a,2026-03-01T08:00:00Z\n")
    code = (
        "import sys; from brain.cli import main\n"
        f"sys.argv = ['brain', 'import', {str(log)!r}, '--store', 'sqlite:///{tmp_path}/x.db']\n"
        "try: main()\nexcept SystemExit as done: assert not done.code, done.code\n"
        "print([m for m in sys.modules if m in ('rustworkx', 'scipy', 'networkx') or 'analytics.graph' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]"), done.stderr
