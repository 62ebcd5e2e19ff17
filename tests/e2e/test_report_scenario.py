"""`brain report scenario`, as a person and as a program call it: nothing is kept but what is saved by name."""

import json
from pathlib import Path

from tests.e2e.test_cli import brain
from tests.e2e.test_report_impact import store  # noqa: F401  the plant

SECOND = (
    ("--add", "asset/AIR-2 Machine"),
    ("--add", "capability/air Capability"),
    ("--unlink", "AIR supplies CAP"),
    ("--link", "AIR provides capability/air"),
    ("--link", "asset/AIR-2 provides capability/air"),
    ("--link", "CAP requires capability/air"),
)
HANGING = ["asset/CAP", "equipment/L", "productionorder/1"]


def test_a_scenario_is_told_saved_and_compared(store: str, tmp_path: Path) -> None:  # noqa: F811
    before = brain("hash", store=store).stdout
    second = [word for option in SECOND for word in option]
    asked = ("report", "scenario", *second, "--impact", "AIR")
    found = json.loads(brain(*asked, "--format", "json", store=store, BRAIN_HOME=str(tmp_path)).stdout)
    told = [(d["id"], d["turn"], d["before"]["afterSeconds"], d["after"]) for d in found["effect"]["impact"]["differences"]]
    assert told == [(id, "no longer", 600.0, None) for id in HANGING]
    assert [p["id"] for p in found["effect"]["singlePoints"]["gone"]] == ["asset/AIR"]
    assert not list(tmp_path.iterdir())

    saved = brain("report", "scenario", *second, "--save", "second", store=store, BRAIN_HOME=str(tmp_path)).stdout
    assert "Single points of failure: 3 before, 2 after" in saved
    assert "unlink:\n- asset/AIR supplies asset/CAP\n" in (tmp_path / "scenarios/second.yaml").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text("without: [asset/AIR]\n")
    both = ("report", "scenario", "--file", mine, "--against", "second")
    table = brain(*both, store=store, BRAIN_HOME=str(tmp_path)).stdout
    assert "Lost, or with less left: 0 before, 4 after (4 newly)" in table
    assert "From the first to the second" in table
    assert "4 no longer" in table
    more = ("report", "scenario", "second", "--degrade", "AIR 0.5", "--format", "json")
    found = json.loads(brain(*more, store=store, BRAIN_HOME=str(tmp_path)).stdout)
    assert found["changes"][-1] == "degrade asset/AIR 0.5"
    assert [(d["id"], d["after"]["capacity"]) for d in found["effect"]["lost"]["differences"]] == [("asset/AIR", 0.5)]
    assert brain("hash", store=store).stdout == before


def test_a_slip_of_the_pen_is_told_with_the_mend(store: str, tmp_path: Path) -> None:  # noqa: F811
    for asked, code, told in (
        ((), 2, "say what to change"),
        (("secnd",), 1, "no scenario 'secnd' is saved; there are: none yet"),
        (("../x",), 1, "cannot be a scenario's name"),
        (("--link", "AIR supplies"), 1, "write A relation B"),
        (("--without", "NONE"), 1, "knows nothing called 'NONE'"),
    ):
        assert told in brain("report", "scenario", *asked, store=store, expect=code, BRAIN_HOME=str(tmp_path)).stderr


def test_a_part_of_the_capacity_in_a_report_of_impact(store: str) -> None:  # noqa: F811
    told = brain("report", "impact", "AIR", "--capacity", "0.5", store=store)
    table = told.stdout
    assert "is foreseen of what is down alone" in told.stderr
    assert "asset/AIR at 50% for good slows down: 1 object, 2 assets" in table
    assert "20.0 min" in table
    rows = brain("report", "impact", "AIR", "--capacity", "0.5", "--format", "csv", store=store).stdout.splitlines()
    assert rows[0].endswith(",via,capacity,said,event,eventSource")
    assert rows[1].endswith(",0.5,1970-01-01T00:00:00.000000Z,1,s")
