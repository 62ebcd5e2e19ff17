"""`brain report impact --causes` of an order that waited, as a person and as a program call it."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.e2e.test_cli import brain
from tests.e2e.test_report_impact import filled
from tests.unit.test_delayed import PLANT

ASKED = ("report", "impact", "productionorder/0104", "--causes")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return filled(f"sqlite:///{tmp_path_factory.mktemp('delay') / 'plant.db'}", PLANT)


def test_the_compressor_comes_first_in_three_forms(store: str) -> None:
    """As worked out in tests/unit/test_delayed.py: 51 min, AIR was down for 49 of them."""
    rows = list(csv.DictReader(io.StringIO(brain(*ASKED, "--format", "csv", store=store).stdout)))
    assert [(row["id"], row["state"], row["alone"], row["downSeconds"]) for row in rows] == [
        ("asset/AIR", "down", "True", "2940.0"),
        ("asset/CAP", "running", "True", "0.0"),
        ("asset/SW", "running", "True", "0.0"),
        ("asset/TANK", "", "True", "0.0"),
    ]
    assert rows[0]["via"] == "asset/AIR > asset/TANK > asset/CAP > productionorder/0104"
    assert [bool(row["event"]) for row in rows] == [True, False, True, True]  # of CAP it is observed that it did the step
    found = json.loads(brain(*ASKED, "--format", "json", store=store).stdout)
    assert [c["id"] for c in found["causes"]] == [row["id"] for row in rows]
    assert (found["at"], found["causes"][0]["stateSince"]) == ("1970-01-01T09:00:00.000000Z", "1970-01-01T08:07:00.000000Z")
    assert [(c["cause"], c["seconds"]) for c in found["waits"][0]["causes"]] == [("extraneous", 2580.0), ("contention", 480.0)]
    table = " ".join(brain(*ASKED, store=store).stdout.split())
    assert "waited 51.0 min in 1 wait, for 49.0 min of which something that it needed was down or degraded" in table
    assert "as of 1970-01-01 09:00:00" in table
    assert "43.0 min extraneous (84 %)" in table


def test_another_moment_another_time_and_a_step(store: str) -> None:
    asked = (*ASKED, "--format", "json")
    found = json.loads(brain(*asked, "--at", "1970-01-01T08:30", store=store).stdout)
    assert (found["at"], found["waitedSeconds"]) == ("1970-01-01T08:30:00.000000Z", 3060.0)
    found = json.loads(brain(*asked, "--as-of", "1970-01-01T08:40", store=store).stdout)
    assert (found["waitedSeconds"], found["waits"][0]["target"]) == (1860.0, None)
    then = brain("report", "impact", "CAP", "--causes", "--at", "1970-01-01T08:30", "--format", "csv", store=store).stdout
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(then))}
    assert (rows["asset/AIR"]["state"], rows["asset/AIR"]["downSeconds"]) == ("down", "")
    step = brain("report", "impact", "step/0104-cap", "--causes", store=store, expect=1)
    assert "a step in the life of productionorder/0104" in step.stderr


def test_names_from_outside_do_no_harm(tmp_path: Path) -> None:
    from tests.unit.test_delayed import says

    bad = says(12, "asset/AIR", "Machine", state="down")
    url = filled(
        f"sqlite:///{tmp_path / 'plant.db'}", (*PLANT, bad, says(10, "asset/SW\x1b[31m", "Machine", ("supplies", "asset/CAP")))
    )
    assert "\x1b[31m" not in brain(*ASKED, store=url).stdout
