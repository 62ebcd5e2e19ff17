"""Files that are no logs, through the command as users run it: one clear line, exit 1, and a store that nobody touched."""

import gzip
import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OCEL = "ocel/ocel20_example"


def brain(*args: str | Path, store: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """The command in a process, as in a pipe."""
    command = [sys.executable, "-m", "brain", *map(str, args), *(["--store", f"sqlite:///{store}"] if store else [])]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def whole_files(data: Path) -> dict[str, bytes]:
    """A good file of every format, by the name that it shall have."""
    xes = (data / "eventlogs/running-example.xes").read_bytes()
    return {
        "log.jsonocel": (data / f"{OCEL}.jsonocel").read_bytes(),
        "log.xmlocel": (data / f"{OCEL}.xmlocel").read_bytes(),
        "log.sqlite": (data / f"{OCEL}.sqlite").read_bytes(),
        "ocel1.jsonocel": (data / "ocel/recruiting-red.jsonocel").read_bytes(),
        "log.xes": xes,
        "log.xes.gz": gzip.compress(xes, mtime=0),
        "log.csv": b"case,activity,time\n" + "1,prüfen,2024-01-01T00:00:00Z\n".encode() * 30,
    }


def truncated(whole: bytes, name: str) -> bytes:
    # A CSV cut between two characters of a field is a shorter CSV; cut in a quoted field it is not.
    return whole + b'2,"cut' if name.endswith(".csv") else whole[: len(whole) * 2 // 3]


def empty(whole: bytes, name: str) -> bytes:
    return b""


def binary(whole: bytes, name: str) -> bytes:
    return hashlib.shake_256(name.encode()).digest(20_000)


def wrong_encoding(whole: bytes, name: str) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(wrong_encoding(gzip.decompress(whole), "log.xes"), mtime=0)
    if name.endswith(".sqlite"):
        return whole[:16] + bytes(byte ^ 0xFF for byte in whole[16:])
    text = whole.decode()
    return (text.replace("register request", "prüfen", 1) if "prüfen" not in text else text).encode("utf-16-le")


def latin(whole: bytes, name: str) -> bytes:
    """Bytes of Latin-1 where UTF-8 is declared or needed, somewhere in the middle."""
    packed = name.endswith(".gz")
    text = gzip.decompress(whole) if packed else whole
    middle = next(i for i in range(len(text) // 2, len(text)) if text[i : i + 1].isalpha() and text[i - 1 : i] == b'"') \
        if b'"' in text else text.index("ü".encode())  # fmt: skip
    changed = text[:middle] + b"\xfc" + text[middle + (1 if b'"' in text else 2) :]
    return gzip.compress(changed, mtime=0) if packed else changed


HARM: list[Callable[[bytes, str], bytes]] = [truncated, empty, binary, wrong_encoding, latin]
NAMES = ["log.jsonocel", "log.xmlocel", "log.sqlite", "ocel1.jsonocel", "log.xes", "log.xes.gz", "log.csv"]
MENDS = (
    "add", "again", "check", "export", "give", "repair", "save", "split", "unpack", "write", "must be called", "or name",
)  # fmt: skip


@pytest.fixture(scope="module")
def used(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds a log."""
    store = tmp_path_factory.mktemp("used") / "used.db"
    assert brain("import", shared_data / "eventlogs/running-example.xes", store=store).returncode == 0
    return store


def content(store: Path) -> bytes:
    """Everything in the file, row by row: more than the hash of the model, which leaves out marks, letters and notices."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows: Iterator[object] = (row for table in tables for row in (table, *db.execute(f"SELECT * FROM {table}")))
        digest = hashlib.sha256(repr(list(rows)).encode()).digest()
    db.close()
    return digest


def refused(file: Path, used: Path) -> str:
    """The one line on stderr; nothing is stored in a used store, and no new one comes into being."""
    before = content(used)
    done = brain("import", file, store=used)
    assert (done.returncode, done.stdout) == (1, ""), done
    line = done.stderr.removesuffix("\n")
    assert line
    assert "\n" not in line, done.stderr
    assert "\x1b" not in line
    assert "Traceback" not in line
    assert line.startswith(f"brain: {file}: "), line
    assert content(used) == before
    return line.removeprefix(f"brain: {file}: ")


@pytest.mark.parametrize("name", ["exported-p2p-normal", "order_process", "p2p-normal"])
def test_real_files_that_break_the_standard(shared_data: Path, used: Path, name: str) -> None:
    said = refused(shared_data / f"ocel/malformed/{name}.jsonocel", used)
    assert said.startswith('the outermost map: lacks "ocel:global-event"')
    assert said.endswith('add "ocel:global-event": {"ocel:activity": "__INVALID__"}')


# SQLite declares its own encoding, and its texts are bytes to it.
CASES = [(name, harm) for name in NAMES for harm in HARM if (name, harm) != ("log.sqlite", latin)]


@pytest.mark.parametrize(("name", "harm"), CASES, ids=[f"{name}-{harm.__name__}" for name, harm in CASES])
def test_what_was_harmed_is_refused_with_place_and_mend(
    shared_data: Path, used: Path, tmp_path: Path, name: str, harm: Callable[[bytes, str], bytes]
) -> None:
    file = tmp_path / name
    file.write_bytes(harm(whole_files(shared_data)[name], name))
    said = refused(file, used)
    place, _, rest = said.partition(": ")
    problem, _, mend = rest.rpartition("; ")
    assert place
    assert problem
    assert any(word in mend for word in MENDS), said


def test_the_same_files_unharmed_are_taken(shared_data: Path, tmp_path: Path) -> None:
    files = []
    for name, whole in whole_files(shared_data).items():
        (tmp_path / name).write_bytes(whole)
        files.append(tmp_path / name)
    done = brain("import", *files, store=tmp_path / "all.db")
    assert done.returncode == 0, done.stderr


def test_one_bad_file_of_several_leaves_no_store_behind(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.xes").write_text("<log><trace>")
    good = shared_data / "eventlogs/running-example.xes"
    done = brain("import", good, tmp_path / "bad.xes", store=tmp_path / "new" / "store.db")
    assert done.returncode == 1
    assert "bad.xes: line 1, column 13" in done.stderr
    assert not (tmp_path / "new").exists()


def test_no_progress_bar_in_a_pipe(shared_data: Path, tmp_path: Path) -> None:
    done = brain("import", shared_data / "eventlogs/running-example.xes", store=tmp_path / "t.db")
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "running-example.xes: attributes of the log as a whole, which are not read: 1, the first in line 3, column 3",
        f"{shared_data}/eventlogs/running-example.xes: XES, 42 events, 6 objects",
    ]


def test_wrong_use_is_exit_2_and_says_what_is_wrong(shared_data: Path, tmp_path: Path) -> None:
    good, store = shared_data / "eventlogs/running-example.xes", tmp_path / "t.db"
    for args, says in (
        (["import"], "Missing argument 'FILE…'"),
        (["import", tmp_path / "none.xes"], "none.xes' does not exist"),
        (["import", tmp_path], "is a directory"),
        (["import", good, "--format", "xml"], "'xml' is not one of 'table', 'json'"),
        (["import", good, "--rules", tmp_path / "none.yaml"], "none.yaml' does not exist"),
        (["import", good, "--shuffle", "1"], "--topic and --shuffle are for --kafka"),
        (["import", good, "--kafka", "127.0.0.1:1"], "give one of the two"),
    ):
        done = brain(*args, store=store)
        assert done.returncode == 2, done
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    assert not store.exists()


def test_options_of_a_csv_that_make_no_sense(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("case,what,when\n1,a,2024-01-01\n")
    for args, says in (
        (["--activity", "nope"], "line 1: "),
        (["--activity", "what", "--zone", "Mars"], "there is no time zone 'Mars'"),
        (["--activity", "what", "--timestamp", "when", "--timestamp-format", "%Y/%m"], "line 2: '2024-01-01' is no time"),
    ):
        done = brain("import", log, *args, store=tmp_path / "t.db")
        assert (done.returncode, done.stdout) == (1, ""), done
        assert done.stderr.count("\n") == 1
        assert says in done.stderr
    assert not (tmp_path / "t.db").exists()


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.xes")
    done = brain("import", tmp_path / "fifo.xes", store=tmp_path / "t.db")
    assert done.returncode == 1
    assert "is not a regular file; give the path of an event log" in done.stderr
