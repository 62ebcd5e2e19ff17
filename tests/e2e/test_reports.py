"""Reports as people and programs get them: formats that agree, periods, pages that are whole, files that are written again."""

import asyncio
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from brain.cli import schedule
from brain.cli.schedule import Publication
from brain.errors import StoreBusy
from brain.servers.process import free_port
from brain.stores import open_store
from ontology import load_schema
from tests.e2e.test_cli import brain
from tests.unit.test_observed_states import plant as bottling

HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def purchasing(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """608 purchases with starts, ends and resources."""
    store = f"sqlite:///{tmp_path_factory.mktemp('purchasing') / 't.db'}"
    brain("import", shared_data / "eventlogs/PurchasingExample.csv", store=store)
    return store


def document(*args: str, store: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(brain("report", "bottlenecks", *args, "--format", "json", store=store).stdout)
    return found


def test_the_causes_add_up_to_the_waits_and_all_parts_to_the_lead_time(purchasing: str) -> None:
    found = document("--section", "causes", store=purchasing)
    waiting = sum(edge["totalSeconds"] for edge in found["edges"])
    assert sum(part["seconds"] for part in found["causes"]["parts"]) == pytest.approx(waiting, abs=1e-3)
    lead = found["leadTime"]
    assert lead["waitingSeconds"] == pytest.approx(waiting, abs=1e-3)
    assert lead["totalSeconds"] == pytest.approx(lead["workSeconds"] + waiting - lead["overlapSeconds"], abs=1e-3)


def test_what_is_observed_to_follow_is_what_the_file_says(purchasing: str, shared_data: Path) -> None:
    lives: dict[str, list[tuple[datetime, datetime, str]]] = {}
    with (shared_data / "eventlogs/PurchasingExample.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            start, end = (datetime.fromisoformat(row[name]) for name in ("start_timestamp", "time:timestamp"))
            lives.setdefault(row["case:concept:name"], []).append((start, end, row["Activity"]))
    after, both = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for steps in lives.values():
        names = [name for _, _, name in sorted(steps)]
        after.update({(a, b) for a, b in pairwise(names) if a != b})
        both.update({(a, b) for a in set(names) for b in set(names) if a != b})
    found = json.loads(brain("report", "observed", "--patience", "1h", "--format", "json", store=purchasing).stdout)
    assert (found["partial"], found["unexplored"]) == (False, 0)
    assert found["edges"]
    for edge in found["edges"]:
        pair = (edge["provider"], edge["dependent"])
        assert (edge["support"], edge["together"]) == (after[pair], both[pair]), edge
    rows = list(csv.DictReader(io.StringIO(brain("report", "observed", "--format", "csv", store=purchasing).stdout)))
    assert [row["provider"] for row in rows] == [edge["provider"] for edge in found["edges"]]
    assert "Create Purchase Requisition" in brain("report", "observed", store=purchasing).stdout
    nobody = "No asset upstream of what was waited for was down or degraded."
    assert nobody in brain("report", "observed", "--between", "states", store=purchasing).stdout


def test_what_waits_while_an_asset_is_down_is_told_in_every_form(tmp_path: Path) -> None:
    """The plant of `test_observed_states`: of sixty bottles six are capped late, when the compressor was down."""
    store = f"sqlite:///{tmp_path / 't.db'}"

    async def fill() -> None:
        opened, schema = open_store(store), load_schema()
        await opened.prepare(schema)
        await opened.apply(bottling())
        await opened.close()

    asyncio.run(fill())
    states = ("report", "observed", "--between", "states")
    found = json.loads(brain(*states, "--format", "json", store=store).stdout)
    assert [(e["provider"], e["trouble"], e["dependent"], e["support"], e["together"]) for e in found["edges"]] == [
        ("asset/AIR", "down", "Cap", 6, 60)
    ]
    (row,) = csv.DictReader(io.StringIO(brain(*states, "--format", "csv", store=store).stdout))
    assert row == {name: str(value) for name, value in found["edges"][0].items()}
    told = brain(*states, store=store).stdout
    assert "asset/AIR down" in told
    assert "Of 2 pairs 2 coincide, 1 beyond chance" in told
    # Of 30 hours three outages are too few; of steps nothing is in trouble.
    assert json.loads(brain(*states, "--as-of", "1970-01-02T06:00", "--format", "json", store=store).stdout)["edges"] == []
    steps = json.loads(brain("report", "observed", "--format", "json", store=store).stdout)["edges"]
    assert {edge["trouble"] for edge in steps} <= {None}
    page = brain("report", "dependencies", "--observed", "--format", "html", store=store).stdout
    assert "asset/AIR down → Cap" in page
    assert "waitsWhile" in brain("report", "dependencies", "--observed", "--format", "graphml", store=store).stdout


def test_evidence_leads_to_the_steps_in_the_store(purchasing: str) -> None:
    found = document("--section", "none", store=purchasing)
    db = sqlite3.connect(purchasing.removeprefix("sqlite:///"))
    known = {row[0] for row in db.execute("SELECT id FROM node")}
    db.close()
    assert len(found["evidence"]) == 10
    for evidence, edge in zip(found["evidence"], found["edges"], strict=False):
        assert (evidence["source"], evidence["target"]) == (edge["source"], edge["target"])
        for seen in evidence["waits"]:
            assert {seen["object"]["id"], seen["previous"]["id"], seen["next"]["id"]} <= known
            assert seen["previous"]["activity"] == edge["source"]
            assert seen["previous"]["ended"] < seen["next"]["started"]


def test_periods_that_tile_share_the_objects_among_them(purchasing: str) -> None:
    whole = document("--section", "none", store=purchasing)
    split = "2011-06-01"
    before = document("--section", "none", "--until", split, store=purchasing)
    after = document("--section", "none", "--since", split, store=purchasing)
    assert before["objects"] + after["objects"] == whole["objects"]
    assert min(before["objects"], after["objects"]) > 50
    assert after["since"] == "2011-06-01T00:00:00.000000Z"
    totals = [sum(e["totalSeconds"] for e in d["edges"]) for d in (before, after, whole)]
    assert totals[0] + totals[1] == pytest.approx(totals[2])
    nothing = brain("report", "bottlenecks", "--since", "2031-01-01", store=purchasing, expect=1)
    assert "no object of type 'case' ended in this period" in nothing.stderr


def test_a_report_of_a_past_day_is_of_what_had_happened(purchasing: str, shared_data: Path) -> None:
    """Waits out of the file, by hand: what had begun by then, and what had not ended has no end yet."""
    then = datetime.fromisoformat("2011-04-01T16:00:00+00:00")
    lives: dict[str, list[tuple[datetime, datetime, int, str]]] = {}
    with (shared_data / "eventlogs/PurchasingExample.csv").open(newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            start, end = (datetime.fromisoformat(row[name]) for name in ("start_timestamp", "time:timestamp"))
            if start <= then:
                step = (start, end if end <= then else start, place, row["Activity"])
                lives.setdefault(row["case:concept:name"], []).append(step)
    waits: Counter[tuple[str, str]] = Counter()
    for steps in lives.values():
        for before, step in pairwise(sorted(steps)):
            waits[before[3], step[3]] += max(0, round((step[0] - before[1]).total_seconds()))
    past = ("--as-of", "2011-04-01T16:00", "--known-at", "2200-01-01", "--section", "none")
    found = document(*past, store=purchasing)
    assert {(edge["source"], edge["target"]): edge["totalSeconds"] for edge in found["edges"]} == waits
    assert (found["objects"], found["steps"]) == (len(lives), sum(map(len, lives.values())))
    assert 0 < found["objects"] < 608
    assert (found["asOf"], found["knownAt"]) == ("2011-04-01T16:00:00.000000Z", "2200-01-01T00:00:00.000000Z")
    heading = "as of 2011-04-01 16:00:00 UTC, as known on 2200-01-01 00:00:00 UTC"
    assert f"All that is known, {heading}." in brain("report", "bottlenecks", *past, "--format", "html", store=purchasing).stdout
    assert (
        f"Bottlenecks of case, {heading}: {len(lives)} objects" in brain("report", "bottlenecks", *past, store=purchasing).stdout
    )
    rows = list(csv.DictReader(io.StringIO(brain("report", "bottlenecks", *past, "--format", "csv", store=purchasing).stdout)))
    assert {row["asOf"] for row in rows} == {found["asOf"]}
    sides = ("..2011-02-15", "2011-02-15..")
    both = json.loads(brain("report", "compare", *sides, *past[:2], "--format", "json", store=purchasing).stdout)
    assert both["a"]["objects"] + both["b"]["objects"] == len(lives)
    orders = [[activity for *_, activity in sorted(steps)] for steps in lives.values()]
    after = Counter(pair for names in orders for pair in {(a, b) for a, b in pairwise(names) if a != b})
    observed = json.loads(brain("report", "observed", *past[:4], "--format", "json", store=purchasing).stdout)
    assert observed["objects"] == len(lives)
    assert observed["edges"]
    for edge in observed["edges"]:
        assert edge["support"] == after[edge["provider"], edge["dependent"]], edge
    unknown = brain("report", "bottlenecks", "--known-at", "2011-04-01", store=purchasing, expect=1)
    assert "nothing had a step as known on 2011-04-01 00:00:00 UTC" in unknown.stderr


def test_a_log_without_starts_says_what_it_cannot_tell(shared_data: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 't.db'}"
    brain("import", shared_data / "eventlogs/running-example.xes", store=store)
    found = document(store=store)
    assert found["causes"] is None
    absent = {one["section"]: one["reason"] for one in found["absent"]}
    assert "start" in absent["causes"]
    page = brain("report", "bottlenecks", "--section", "causes", "--format", "html", store=store).stdout
    assert absent["causes"] in page


def test_the_page_is_one_file_with_the_figures_of_the_document(purchasing: str) -> None:
    page = brain("report", "bottlenecks", "--section", "none", "--format", "html", store=purchasing).stdout
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-" in page
    assert not any(word in page for word in ("<script", "http://", "https://", " style=", "@import", "url("))
    for evidence in document("--section", "none", store=purchasing)["evidence"]:
        for seen in evidence["waits"]:
            assert seen["next"]["id"] in page


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--since", "yesterday"), "'yesterday' is no time: write 2026-03-01"),
        (("--since", "2026-02-01", "--until", "2026-01-01"), "--since must be before --until"),
        (("--last", "7d", "--since", "2026-01-01"), "--last is a period that ends now"),
        (("--last", "7"), "'7' is no span of time"),
        (("--every", "1d"), "--every and --out go together"),
        (("--out", "x"), "--every and --out go together"),
        (("--log", __file__, "--as-of", "2026-01-01"), "--as-of and --known-at read what a store keeps"),
    ],
)
def test_wrong_use_says_the_right_one(args: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = brain("report", "bottlenecks", *args, expect=2, BRAIN_HOME=str(tmp_path))
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def every(store: str, folder: Path, span: str = "1h") -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "brain", "report", "bottlenecks", "--store", store, "--section", "none"]
    return subprocess.Popen([*command, "--every", span, "--out", str(folder)], stderr=subprocess.PIPE, text=True)


def told(process: "subprocess.Popen[str]", word: str, seconds: float = 60) -> str:
    """The next line on stderr with the word in it."""
    assert process.stderr is not None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if word in line:
            return line
        assert line or process.poll() is None, process.returncode
    raise AssertionError(f"never heard of {word!r}")


def test_every_so_often_a_page_and_a_document_are_written_whole(purchasing: str, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    with every(purchasing, folder, "2s") as process:
        first = Path(told(process, "wrote").split("wrote ", 1)[1].strip())
        told(process, ".json")
        told(process, ".json")  # a second time
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert first.parent == folder
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) in (2, 4)  # a minute may have passed
    assert all(
        name.startswith("bottlenecks-20") and len(name.partition(".")[0]) == len("bottlenecks-2026-03-01T0930") for name in names
    )
    assert json.loads((folder / names[1]).read_text())["objects"] == 608
    assert (folder / names[0]).read_text().rstrip().endswith("</html>")


def test_a_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with every(f"neo4j://u:secret@127.0.0.1:{free_port()}/neo4j", tmp_path) as process:
        line = told(process, "trying again in")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert "secret" not in line
    assert list(tmp_path.iterdir()) == []


async def test_once_the_store_is_back_the_report_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "FIRST_WAIT", 0.01)
    tries: list[int] = []

    async def make() -> Publication:
        tries.append(len(tries))
        if len(tries) < 4:
            raise StoreBusy("the store is away")
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        return Publication("bottlenecks", 0, {"html": "page"})

    await schedule.publish_every(3600, tmp_path, make)
    assert tries == [0, 1, 2, 3]
    assert [path.read_text() for path in tmp_path.iterdir()] == ["page"]


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    earlier = Publication("bottlenecks", 0, {"html": "old page", "json": "{}"})
    paths = schedule.write(folder, earlier)
    assert [path.name for path in paths] == ["bottlenecks-1970-01-01T0000.html", "bottlenecks-1970-01-01T0000.json"]
    with pytest.raises(UnicodeEncodeError):
        schedule.write(folder, Publication("bottlenecks", 0, {"html": "new page", "json": "\ud800"}))
    other = tmp_path / "other"
    other.write_text("")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {paths[0].name: "old page", paths[1].name: "{}"}
    assert oct(paths[0].stat().st_mode & 0o777) == oct(other.stat().st_mode & 0o777)  # readable for whoever may read new files


def test_what_waits_longer_in_one_period_than_in_another(purchasing: str) -> None:
    sides = ("..2011-05-01", "2011-05-01..")
    found = json.loads(brain("report", "compare", *sides, "--format", "json", store=purchasing).stdout)
    before, after = (document("--section", "none", *period, store=purchasing) for period in (
        ("--until", "2011-05-01"), ("--since", "2011-05-01")
    ))  # fmt: skip
    assert (found["a"]["objects"], found["b"]["objects"]) == (before["objects"], after["objects"])
    means = [{(e["source"], e["target"]): e["meanSeconds"] for e in one["edges"]} for one in (before, after)]
    for edge in found["edges"]:
        ends = edge["source"], edge["target"]
        assert edge["meanBeforeSeconds"] == pytest.approx(means[0].get(ends))
        assert edge["meanNowSeconds"] == pytest.approx(means[1].get(ends))
    assert "longer in B" in brain("report", "compare", *sides, store=purchasing).stdout
    wrong = brain("report", "compare", "nonsense", "..", store=purchasing, expect=2)
    assert "is no side: write a store's address" in wrong.stderr


def test_two_stores_beside_each_other(purchasing: str) -> None:
    found = json.loads(brain("report", "compare", f"{purchasing}@..2011-05-01", purchasing, "--format", "json").stdout)
    assert found["a"]["objects"] < found["b"]["objects"] == 608
