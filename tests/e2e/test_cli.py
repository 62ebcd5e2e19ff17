"""The command line as a program and as a person meets it: help, versions, wrong use, stores that are none, formats that agree."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from brain.cli import COMMANDS
from brain.cli import brain as group
from brain.servers.process import free_port


def brain(*args: str | Path, store: str | None = None, expect: int = 0, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "brain", *map(str, args), *(["--store", store] if store else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})
    assert done.returncode == expect, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Each command and each of its commands, by how one calls it."""
    waiting: list[tuple[str, click.Command]] = [("brain", group)]
    while waiting:
        name, command = waiting.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            for below in command.list_commands(context):
                found = command.get_command(context, below)
                assert found is not None
                waiting.append((f"{name} {below}", found))
        yield name, command


ALL = dict(every_command())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The store of a demo that ran once."""
    home = tmp_path_factory.mktemp("demo")
    brain("demo", "--once", BRAIN_HOME=str(home))
    return f"sqlite:///{home / 'demo.db'}"


@pytest.fixture(scope="module")
def log(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    store = f"sqlite:///{tmp_path_factory.mktemp('log') / 't.db'}"
    brain("import", shared_data / "ocel/recruiting-red.jsonocel", store=store)
    return store


@pytest.mark.parametrize("name", sorted(ALL))
def test_help_of_every_command_has_an_example(name: str) -> None:
    text = ALL[name].get_help(click.Context(ALL[name], info_name=name, max_content_width=120))
    examples = [line.strip() for line in text.splitlines() if line.strip().startswith(("brain ", "export ", "curl "))]
    assert any(line.startswith(name) or name == "brain" or f"$({name}" in line for line in examples), text
    assert "\b" not in text


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_option_says_what_it_is_for(name: str) -> None:
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Option) and parameter.name not in ("form", "depth", "limit"):
            assert parameter.help, f"{name} {parameter.opts}"


def test_every_command_is_listed_and_runs_its_help() -> None:
    listed = brain("--help").stdout.partition("Commands:")[2]
    for name in COMMANDS:
        assert f"\n  {name} " in listed
        assert f"Usage: brain {name}" in brain(name, "--help").stdout
    assert brain("-h").stdout == brain("--help").stdout


def test_version() -> None:
    assert brain("--version").stdout == f"brain, version {version('enterprise-brain')}\n"


def test_servers_tell_what_they_do_and_what_runs(tmp_path: Path) -> None:
    text = brain("servers", "--help").stdout
    assert "127.0.0.1" in text
    assert "BRAIN_HOME" in text
    status = json.loads(brain("servers", "status", "--format", "json", BRAIN_HOME=str(tmp_path)).stdout)
    assert [(one["name"], one["running"]) for one in status["servers"]] == [("neo4j", False), ("kafka", False)]
    assert "'mysql' is not one of 'neo4j', 'kafka'" in brain("servers", "start", "mysql", expect=2).stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("hash", "--nonsense"), "No such option: --nonsense"),
        (("report", "bottlenecks", "--min-frequency", "0"), "0 is not in the range x>=1"),
        (("report", "bottlenecks", "--format", "xml"), "'xml' is not one of 'table', 'json', 'csv'"),
        (("report", "impact"), "Missing argument 'ID'"),
        (("report", "dependencies", "x", "--depth", "0"), "0 is not in the range 1<=x<=20"),
        (("ingest",), "name a source"),
        (("serve", "--port", "70000"), "70000 is not in the range"),
        (("serve", "--host", "0.0.0.0"), "--insecure-public"),
        (("demo", "--hours", "0"), "0 is not in the range"),
    ],
)
def test_wrong_use_is_exit_2(args: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = brain(*args, expect=2, BRAIN_HOME=str(tmp_path))
    assert says in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


def broken_stores(folder: Path) -> dict[str, tuple[str, str]]:
    """Store URLs that are none, each with what must be said about it."""
    (folder / "text.db").write_text("no database at all, but long enough to have a header " * 50)
    (folder / "short.db").write_text("hello")
    (folder / "folder.db").mkdir()
    for name, program in (
        ("newer.db", "CREATE TABLE node (x); PRAGMA user_version = 999"),
        ("foreign.db", "CREATE TABLE recipes (x)"),
    ):
        db = sqlite3.connect(folder / name)
        db.executescript(program)
        db.close()
    (folder / "file").write_text("")
    return {
        f"sqlite:///{folder}/text.db": ("not a SQLite file", "--store"),
        f"sqlite:///{folder}/short.db": ("not a SQLite file", "--store"),
        f"sqlite:///{folder}/folder.db": ("cannot be opened", "does its folder exist"),
        f"sqlite:///{folder}/newer.db": ("written in format 999", "import again into a new file"),
        f"sqlite:///{folder}/foreign.db": ("of another program", "--store"),
        f"sqlite:///{folder}/file/t.db": ("", "--store"),
        "sqlite://t.db": ("names no file", "write sqlite:///relative.db"),
        "sqlite:///": ("names no file", "write sqlite:///relative.db"),
        "sqlite:///:memory:": ("is no file", "write sqlite://"),
        "mysql://u:secret@host/db": ("unknown store", "use sqlite:///file.db or neo4j://"),
        "t.db": ("unknown store", "use sqlite:///file.db"),
        f"neo4j://u:secret@127.0.0.1:{free_port()}/neo4j": ("nothing answers as Neo4j does", "brain servers start neo4j"),
        "neo4j://user@127.0.0.1/neo4j": ("a user but no password", "write neo4j://"),
        "neo4j://u:secret@127.0.0.1:port/neo4j": ("cannot be understood", "write neo4j://"),
    }


def test_a_store_that_is_none_is_one_line_with_the_mend(tmp_path: Path) -> None:
    for url, (says, mend) in broken_stores(tmp_path).items():
        files = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
        no_url = any(word in mend for word in ("write", "use"))
        done = brain("hash", store=url, expect=2 if no_url else 1)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, (url, done.stderr)
        assert done.stderr.startswith("brain: ")
        assert says in done.stderr, (url, done.stderr)
        assert mend in done.stderr, (url, done.stderr)
        assert "secret" not in done.stderr
        assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == files, url


def test_the_store_is_the_option_else_the_environment_else_a_file_of_ones_own(demo: str, tmp_path: Path) -> None:
    want = brain("hash", store=demo).stdout
    assert brain("hash", BRAIN_STORE=demo).stdout == want
    empty = brain("hash", store="sqlite://", BRAIN_STORE=demo).stdout
    assert empty != want
    assert brain("hash", BRAIN_HOME=str(tmp_path / "home"), BRAIN_STORE="").stdout == empty
    assert (tmp_path / "home" / "brain.db").exists()


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_mistyped_store_is_said_and_not_made(demo: str, tmp_path: Path, by: str) -> None:
    wrong = f"sqlite:///{tmp_path / 'folder' / 'tt.db'}"
    reads = [["status"], ["conflicts"], ["merges", "list"], ["merges", "accept", "a", "b"], ["hash"], ["deadletters", "list"]]
    for command in [*reads, ["report", "bottlenecks"]] if by == "option" else reads[:1]:
        done = brain(*command, store=wrong, expect=1) if by == "option" else brain(*command, BRAIN_STORE=wrong, expect=1)
        assert (done.stdout, done.stderr.count("\n")) == ("", 1)
        assert "tt.db: there is no such file; correct --store" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_conflicts_of_what_is_not_known_are_not_none(demo: str) -> None:
    assert "knows nothing called 'nope'" in brain("conflicts", "nope", store=demo, expect=1).stderr
    assert json.loads(brain("conflicts", "--format", "json", "--limit", "1", store=demo).stdout) == []


def test_a_report_on_an_empty_store_says_what_to_do() -> None:
    store = "sqlite://"
    done = brain("report", "bottlenecks", store=store, expect=1)
    assert done.stderr == "Error: the store holds no steps yet: `brain import FILE`, or `brain demo`\n"
    assert "knows nothing called 'x'" in brain("report", "dependencies", "x", store=store, expect=1).stderr


def test_several_types_ask_for_one(log: str) -> None:
    done = brain("report", "bottlenecks", store=log, expect=2)
    assert "choose one with --object-type: " in done.stderr
    assert "'applications' (" in done.stderr
    wrong = brain("report", "bottlenecks", "--object-type", "aplications", store=log, expect=1)
    assert "did you mean 'applications'?" in wrong.stderr


def test_the_forms_of_the_bottlenecks_agree(log: str) -> None:
    args = ("report", "bottlenecks", "--object-type", "applications")
    document = json.loads(brain(*args, "--format", "json", store=log).stdout)
    rows = list(csv.DictReader(io.StringIO(brain(*args, "--format", "csv", store=log).stdout)))
    assert len(rows) == len(document["edges"]) > 10
    for row, edge in zip(rows, document["edges"], strict=True):
        assert row["source"] == edge["source"]
        assert row["target"] == edge["target"]
        assert {k: float(v) for k, v in row.items() if k not in ("source", "target")} == {
            k: edge[k] for k in row if k not in ("source", "target")
        }
    wanted = {"objectType", "definition", "minFrequency", "objects", "edges", "activities", "byMean", "ontologyVersion"}
    assert wanted <= document.keys()
    assert {"source", "target", "count", "meanSeconds", "medianSeconds", "p90Seconds", "totalSeconds"} <= document["edges"][
        0
    ].keys()
    assert {"activity", "count", "meanSeconds", "totalSeconds"} <= document["activities"][0].keys()
    table = brain(*args, "--top", "3", store=log).stdout
    assert document["edges"][0]["source"] in table
    assert f"(3 of {len(rows)})" in table


def test_what_hangs_on_a_pump_of_the_demo_worked_by_hand(demo: str) -> None:
    """By hand, from the store's own rows: a pump that is in a bed, whose patients and orders depend on it.

    `infuses` says "source" in the ontology: what it points to needs the pump. The other relations say "target".
    """
    db = sqlite3.connect(demo.removeprefix("sqlite:///"))
    edges = db.execute("SELECT source, relation, target FROM edge WHERE holds").fetchall()
    pump = db.execute("SELECT target FROM edge WHERE relation = 'deliveredThrough' AND holds ORDER BY target").fetchone()[0]
    db.close()
    needs_it = {t for s, r, t in edges if s == pump and r == "infuses"}
    needs_it |= {s for s, r, t in edges if t == pump and r in ("deliveredThrough", "isHostedBy", "locatedIn")}
    needs = {t for s, r, t in edges if s == pump and r in ("locatedIn", "isHostedBy")}
    assert needs_it
    assert needs
    down = json.loads(brain("report", "dependencies", pump, "--depth", "1", "--format", "json", store=demo).stdout)
    assert {n["id"] for n in down["nodes"]} == needs_it
    assert (down["root"], down["direction"], down["depth"]) == (pump, "down", 1)
    assert (down["reflects"]["asOf"], down["reflects"]["followed"]) == (None, 0)
    up = json.loads(brain("report", "dependencies", pump, "--up", "--depth", "1", "--format", "json", store=demo).stdout)
    assert {n["id"] for n in up["nodes"]} == needs
    by_key = brain("report", "dependencies", pump.partition("/")[2], "--depth", "1", "--format", "json", store=demo).stdout
    assert json.loads(by_key) == down
    rows = list(csv.DictReader(io.StringIO(brain("report", "dependencies", pump, "--format", "csv", store=demo).stdout)))
    deeper = json.loads(brain("report", "dependencies", pump, "--format", "json", store=demo).stdout)
    assert [(r["id"], r["class"], int(r["distance"]), r["via"]) for r in rows] == [
        (n["id"], n["class"], n["distance"], " > ".join(n["via"])) for n in deeper["nodes"]
    ]
    assert all(e["event"] and e["eventSource"] for e in deeper["edges"])
    assert pump in brain("report", "dependencies", pump, store=demo).stdout


def test_output_can_be_cut_short(log: str) -> None:
    command = f"{sys.executable} -m brain report bottlenecks --object-type applications --format json --store {log} | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_a_broker_that_is_away_is_one_line(tmp_path: Path, shared_data: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    log = shared_data / "eventlogs/running-example.xes"
    done = brain("import", log, "--kafka", address, expect=1, BRAIN_HOME=str(tmp_path))
    assert done.stderr.splitlines()[-1].startswith(f"brain: Kafka at {address} is out of reach")
    assert not list(tmp_path.iterdir())  # no store is needed for that
    live = brain("ingest", "--kafka", address, store=f"sqlite:///{tmp_path / 't.db'}", expect=1)
    assert f"Kafka at {address} is out of reach" in live.stderr.splitlines()[-1]
