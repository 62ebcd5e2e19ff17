"""An import that is killed goes on where it stopped; two at once, and a reader beside them, change nothing about the result."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_api_serve import serving

LOG = "eventlogs/08_receipt.xes.gz"
OTHER = "eventlogs/helpdesk.xes.gz"


def command(*args: str | Path, store: Path) -> list[str]:
    return [sys.executable, "-m", "brain", *map(str, args), "--store", f"sqlite:///{store}"]


def brain(*args: str | Path, store: Path) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(command(*args, store=store), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def position(store: Path) -> int:
    """How many records the store says are in; 0 before it exists."""
    if not store.exists():
        return 0
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT coalesce(max(position), 0) FROM mark").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


@pytest.fixture(scope="module")
def whole(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The hash of an import that nobody disturbed, and its number of records."""
    store = tmp_path_factory.mktemp("whole") / "t.db"
    (told,) = json.loads(brain("import", shared_data / LOG, "--format", "json", store=store).stdout)
    assert told["skipped"] == 0
    return brain("hash", store=store).stdout, told["records"]


def test_killed_at_several_moments_and_run_again(whole: tuple[str, int], shared_data: Path, tmp_path: Path) -> None:
    store, killed_at = tmp_path / "t.db", list[int]()
    for wanted in (1, 4_000, 8_000):
        running = subprocess.Popen(command("import", shared_data / LOG, store=store), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while position(store) < wanted and running.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
        running.wait()
        killed_at.append(position(store))
    assert killed_at == sorted(killed_at)
    assert 0 < killed_at[0] < whole[1]
    assert brain("hash", store=store).stdout != whole[0]
    (told,) = json.loads(brain("import", shared_data / LOG, "--format", "json", store=store).stdout)
    assert (told["skipped"], told["records"]) == (killed_at[-1], whole[1] - killed_at[-1])
    assert brain("hash", store=store).stdout == whole[0]


def test_interrupted_by_the_user_it_ends_in_order_and_resumes(whole: tuple[str, int], shared_data: Path, tmp_path: Path) -> None:
    store = tmp_path / "t.db"
    running = subprocess.Popen(
        command("import", shared_data / LOG, store=store),
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests themselves run in the background, SIGINT is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not position(store):
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "Traceback" not in said
    assert "Aborted" in said
    again = brain("import", shared_data / LOG, store=store)
    assert re.search(r"after [\d,]+ of an earlier run", again.stderr)
    assert brain("hash", store=store).stdout == whole[0]


def test_the_same_file_again_and_twice_in_one_run_says_so(whole: tuple[str, int], shared_data: Path, tmp_path: Path) -> None:
    store, copy = tmp_path / "t.db", tmp_path / "08_receipt.xes.gz"
    copy.write_bytes((shared_data / LOG).read_bytes())
    brain("import", shared_data / LOG, shared_data / LOG, store=store)
    size = store.stat().st_size
    told = brain("import", copy, "--format", "json", store=store)
    assert f"already imported, {whole[1]:,} records; nothing changed" in told.stderr
    assert json.loads(told.stdout)[0] | {"file": ""} == {
        "file": "", "format": "XES", "kind": "case", "events": 8577, "objects": 1434, "relations": 0,
        "namespace": "08_receipt", "records": 0, "skipped": whole[1], "deadLetters": 0,
    }  # fmt: skip
    assert brain("hash", store=store).stdout == whole[0]
    assert store.stat().st_size == size


def test_under_another_namespace_it_is_another_log(shared_data: Path, tmp_path: Path) -> None:
    store, log = tmp_path / "t.db", shared_data / "eventlogs/running-example.xes"
    brain("import", log, store=store)
    told = brain("import", log, "--namespace", "copy", store=store)
    assert "already imported" not in told.stderr
    report = json.loads(brain("report", "bottlenecks", "--object-type", "case", "--format", "json", store=store).stdout)
    assert report["objects"] == 12
    assert report["steps"] == 84


def test_two_imports_at_once_and_a_server_that_reads(whole: tuple[str, int], shared_data: Path, tmp_path: Path) -> None:
    store = tmp_path / "t.db"
    with serving("--store", f"sqlite:///{store}") as (_, address):
        logs = (LOG, OTHER, LOG)
        running = [
            subprocess.Popen(command("import", shared_data / log, store=store), stderr=subprocess.PIPE, text=True) for log in logs
        ]
        counts, errors = [], []
        while any(one.poll() is None for one in running):
            answer = httpx.post(
                f"http://{address}/graphql", json={"query": "{ workObjects { totalCount } steps { totalCount } }"}, timeout=30
            )
            document = answer.json()
            errors += document.get("errors", [])
            counts.append((document["data"]["workObjects"]["totalCount"], document["data"]["steps"]["totalCount"]))
            time.sleep(0.2)
        for one in running:
            _, said = one.communicate()
            assert one.returncode == 0, said
        last = httpx.post(f"http://{address}/graphql", json={"query": "{ steps { totalCount } }"}, timeout=30).json()
    assert errors == []
    assert counts == sorted(counts)  # it only ever grew
    assert len(set(counts)) > 2
    alone = tmp_path / "alone.db"
    brain("import", shared_data / LOG, shared_data / OTHER, store=alone)
    assert brain("hash", store=store).stdout == brain("hash", store=alone).stdout
    report = json.loads(brain("report", "bottlenecks", "--object-type", "case", "--format", "json", store=alone).stdout)
    assert last["data"]["steps"]["totalCount"] == report["steps"] + report["leftOut"]


def test_a_full_disk_is_one_clear_line_and_the_rest_follows_later(
    whole: tuple[str, int], shared_data: Path, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for a full disk: the system refuses the write in the same place."""
    store = tmp_path / "t.db"
    limited = ["bash", "-c", 'ulimit -f 3000; trap "" XFSZ; exec "$@"', "-", *command("import", shared_data / LOG, store=store)]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("brain: ")
    assert "nothing of this batch was stored" in done.stderr
    brain("import", shared_data / LOG, store=store)
    assert brain("hash", store=store).stdout == whole[0]
