"""What a terminal or a pipe gets: no control character out of a file or a message, and no trace when the reader has gone."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from brain.servers.process import free_port

ATTACK = "\x1b]0;x\x07\x9bm\u202e\x00"
SHOWN = r"\x1b]0;x\x07\x9bm\u202e\x00"
OBEYED = {chr(n) for n in (*range(0x20), *range(0x7F, 0xA0))} - set("\n\r\t") | set("\u2028\u202e")
MARKUP = "[/bold] Check [urgent]"


def brain(*args: str, stdin: int | None = None) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "brain", *args], capture_output=True, text=True, timeout=60, check=False, stdin=stdin
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store in which every name and id says what a terminal would obey, with one dead letter that does so too."""
    events = [
        {"id": f"e{n}{ATTACK}", "type": name, "time": f"2024-01-01T00:0{n}:00Z",
         "relationships": [{"objectId": f"o{ATTACK}", "qualifier": ATTACK}]}
        for n, name in enumerate((f"pack{ATTACK}", MARKUP, f"send{ATTACK}"))
    ]  # fmt: skip
    types = [{"name": name, "attributes": []} for name in {str(event["type"]) for event in events}]
    log = {
        "objectTypes": [{"name": MARKUP, "attributes": []}],
        "eventTypes": types,
        "objects": [
            {"id": f"o{ATTACK}", "type": MARKUP, "relationships": [{"objectId": "p", "qualifier": ATTACK}]},
            {"id": "p", "type": MARKUP, "attributes": [{"name": "n" * 9999, "time": "2024-01-01T00:00:00Z", "value": ATTACK}]},
        ],
        "events": events,
    }  # fmt: skip
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log))
    url = f"sqlite:///{tmp_path}/t.db"
    assert brain("import", str(path), "--store", url).returncode == 1
    return url


def clean(done: "subprocess.CompletedProcess[str]") -> str:
    assert OBEYED.isdisjoint(done.stdout + done.stderr), ascii(done.stdout + done.stderr)
    return done.stdout + done.stderr


def test_what_files_say_is_shown_and_not_obeyed(store: str) -> None:
    asked = ("report", "bottlenecks", "--object-type", MARKUP, "--min-frequency", "1", "--store", store)
    assert f"pack{SHOWN}" in clean(brain(*asked))
    report = clean(brain(*asked, "--section", "none"))
    assert report.count(f"pack{SHOWN}") == 2
    assert report.count(MARKUP) == 5, "rich took a name for its markup"
    assert MARKUP in clean(brain("report", "bottlenecks", "--object-type", "none", "--store", store))
    assert f"object/o{SHOWN}" in clean(brain("report", "dependencies", "p", "--down", "--store", store))
    (letter,) = json.loads(brain("deadletters", "list", "--format", "json", "--store", store).stdout)
    assert "is no name" in clean(brain("deadletters", "list", "--store", store))
    assert ATTACK in json.loads(letter["payload"])["attributes"][0]
    assert r"\u001b]0;x" in clean(brain("deadletters", "show", letter["id"], "--store", store))
    clean(brain("deadletters", "replay", "--all", "--store", store))


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_reader_that_has_gone_is_left_in_silence(store: str, form: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        command = [sys.executable, "-m", "brain", "report", "bottlenecks", "--object-type", MARKUP, "--format", form]
        done = subprocess.run(
            [*command, "--store", store], stdout=gone, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.stderr == ""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_full_disk_is_one_line(store: str, form: str) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "brain", "report", "bottlenecks", "--format", form, "--store", store]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.stderr.startswith("brain: the output cannot be written: No space left")
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1


def test_an_address_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    done = brain("hash", "--store", "elsewhere://t.db")
    assert done.stderr.startswith("brain: unknown store")
    assert done.returncode == 2
    done = brain("ingest", "--mqtt", "here:now", "--store", f"sqlite:///{tmp_path}/made/t.db")
    assert done.stderr.splitlines()[-1] == "brain: 'here:now' is no address: write HOST:PORT, for example 127.0.0.1:1883"
    assert done.returncode == 2


def test_a_folder_that_is_made_for_a_store_is_its_owners_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("case,activity,time\n1,a,2024-01-01T00:00:00Z\n")
    assert brain("import", str(log), "--store", f"sqlite:///{tmp_path}/made/t.db").returncode == 0
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700


def test_a_host_that_is_not_ours_is_told_from_a_port_that_is_taken() -> None:
    done = brain("serve", "--host", "192.0.2.1", "--insecure-public", "--port", "0", "--store", "sqlite://")
    assert done.stderr.splitlines()[-1].endswith("choose another --host")
    assert done.returncode == 1


def test_a_broker_that_is_away_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("case,activity,time\n1,a,2024-01-01T00:00:00Z\n")
    away = f"127.0.0.1:{free_port()}"
    ingest = brain("ingest", "--kafka", away, "--store", f"sqlite:///{tmp_path}/t.db")
    sent = brain("import", str(log), "--kafka", away)
    for done in (ingest, sent):
        last = done.stderr.splitlines()[-1]
        assert last == f"brain: Kafka at {away} is out of reach; is the broker up? `brain servers start kafka` starts one here"
        assert done.returncode == 1
