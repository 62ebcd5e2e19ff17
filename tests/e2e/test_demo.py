"""The demo as a newcomer runs it. What the report must say was computed from the simulator's own trace, not by our analytics."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from ingest.simulation import simulate


def start(home: Path, *args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "brain", "demo", *args],
        env={**os.environ, "BRAIN_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def worst_wait_of_the_truth() -> tuple[str, str]:
    """From the simulator's trace: the handover of medication orders with the most waiting."""
    lives = defaultdict(list)
    for work in simulate(seed=7).trace:
        if work.order:
            lives[work.order].append((work.completed if work.started is None else work.started, work.completed, work.activity))
    waits: defaultdict[tuple[str, str], int] = defaultdict(int)
    for life in lives.values():
        for (_, done, a), (begun, _, b) in pairwise(sorted(life)):
            waits[a, b] += max(0, begun - done)
    return max(waits, key=lambda edge: waits[edge])


def test_once_prints_the_true_bottleneck_and_ends(tmp_path: Path) -> None:
    demo = start(tmp_path, "--once")
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 0, err
    source, target = worst_wait_of_the_truth()
    assert f"Work waits longest between {source!r} and {target!r}" in out
    assert (source, target) == ("Receive", "Verify")  # pharmacy, not treatment
    assert re.search(r"% of that wait is contention: whoever does it was busy .*person/PHA-1", out)
    assert "'Treat' takes longest once it has begun" in out
    assert "simulated" in err
    assert "1 outOfRange" in err


def test_serves_what_the_readme_says_until_interrupted(tmp_path: Path) -> None:
    demo = start(tmp_path, "--port", "0")
    assert demo.stderr is not None
    url, said, deadline = "", "", time.monotonic() + 60
    while not url and time.monotonic() < deadline:
        line = demo.stderr.readline()
        said += line
        if line.startswith("GraphiQL: "):
            url = line.split()[1]
    assert url, said
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    query, answer = (re.search(rf"```{kind}\n(.*?)```", readme, re.S) for kind in ("graphql", "json"))
    assert query
    assert answer
    request = urllib.request.Request(url, json.dumps({"query": query[1]}).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as told:
        assert json.load(told) == json.loads(answer[1])
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=20)
    assert demo.returncode == 0, said + err + out
