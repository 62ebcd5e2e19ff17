"""`brain report bottlenecks --log FILE` is the report that `brain import FILE` and `brain report` give; and given calendars."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from brain.cli import brain
from brain.errors import Reject

EVERYTHING = tuple(f"--section={name}" for name in ("causes", "confidence", "times", "machines", "change"))
FIGURES = ("--section=none",)


def called(*args: str | Path) -> Result:
    return CliRunner().invoke(brain, [str(arg) for arg in args])


def report(*args: str | Path) -> dict[str, Any]:
    done = called("report", "bottlenecks", *args, "--format", "json")
    assert done.exit_code == 0, (done.output, done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def both_ways(log: Path, folder: Path, reading: tuple[str, ...], *asked: tuple[str, ...]) -> list[dict[str, Any]]:
    """The report straight from the log, which must be the one after an import, for each of what is asked."""
    store = f"sqlite:///{folder / 'store.db'}"
    assert called("import", log, "--store", store, *reading).exit_code == 0
    found = []
    for args in asked:
        found.append(report("--log", log, *reading, *args))
        assert found[-1] == report("--store", store, *args)
    return found


@pytest.mark.parametrize(
    ("log", "asked"),
    [
        ("eventlogs/running-example.xes", [FIGURES, EVERYTHING, ("--section=relief",), ("--lifecycle=complete", *FIGURES)]),
        ("eventlogs/08_receipt.xes.gz", [FIGURES, EVERYTHING, ("--since", "2011-06-01", "--until", "2011-09-01", *EVERYTHING)]),
        ("eventlogs/PurchasingExample.csv", [EVERYTHING, ("--view=enabled", "--context-since=2011-04-01", "--section=causes")]),
        ("eventlogs/interval_event_log.csv", [FIGURES]),
        ("ocel/ocel20_example.jsonocel", [("--object-type=Purchase Order", *EVERYTHING)]),
        ("ocel/ocel20_example.xmlocel", [("--object-type=Invoice", *FIGURES)]),
        ("ocel/ocel20_example.sqlite", [("--object-type=Invoice", *FIGURES)]),
        ("ocel/order-management-ocel2.xml", [("--object-type=packages", *EVERYTHING)]),
    ],
)
def test_real_logs(log: str, asked: list[tuple[str, ...]], shared_data: Path, tmp_path: Path) -> None:
    for found in both_ways(shared_data / log, tmp_path, (), *asked):
        assert found["edges"]


def test_parquet_with_starts_of_its_own_in_another_order(shared_data: Path, tmp_path: Path) -> None:
    table = pl.read_csv(shared_data / "eventlogs/PurchasingExample.csv").select(
        pl.col("case:concept:name").alias("Case"),
        pl.col("concept:name").alias("Task"),
        pl.col("org:resource").alias("Who"),
        pl.col("start_timestamp", "time:timestamp").str.to_datetime(time_zone="UTC"),
    )
    path = tmp_path / "log.parquet"
    table.sample(fraction=1, shuffle=True, seed=3).write_parquet(path)
    reading = ("--case=Case", "--activity=Task", "--start=start_timestamp", "--timestamp=time:timestamp", "--resource=Who")
    for found in both_ways(path, tmp_path, (*reading, "--namespace=buy"), FIGURES, ("--section=causes",)):
        assert found["evidence"][0]["waits"][0]["object"]["id"].startswith("object/buy:")


def test_bpic_2012_by_columns_is_the_oracle(shared_data: Path) -> None:
    want = json.loads((shared_data / "oracles/bpic2012_complete_events.json").read_text())
    found = report("--log", shared_data / "eventlogs/bpic2012.xes.gz", "--lifecycle=complete", *FIGURES)
    edges = {(e["source"], e["target"]): (e["count"], e["meanSeconds"], e["medianSeconds"]) for e in found["edges"]}
    assert len(edges) == len(want["all_edges"])
    for e in want["all_edges"]:
        count, mean, median = edges[e["source"], e["target"]]
        assert (count, mean, median) == (e["n"], pytest.approx(e["mean_s"], abs=0.0011), pytest.approx(e["median_s"], abs=0.0011))
    assert (found["objects"], found["minFrequency"]) == (want["cases"], want["min_frequency_used"])


def test_rules_say_what_the_objects_are(shared_data: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("performer: Person\nobjects:\n  case: {class: MedicationOrder}\n")
    log = shared_data / "eventlogs/running-example.xes"
    (found,) = both_ways(log, tmp_path, ("--rules", str(rules)), ("--object-type=MedicationOrder", *FIGURES))
    assert found["objects"] == 6
    assert found["evidence"][0]["waits"][0]["next"]["resource"].startswith("person/")


def test_a_broken_log_is_one_clear_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xes"
    broken.write_text('<log>\n<trace><string key="concept:name" value="1"/>\n<event></event></trace></log>')
    done = called("report", "bottlenecks", "--log", broken)
    assert isinstance(done.exception, Reject)
    assert re.search(r"broken.xes: line 3, column 1: an event of case '1' has no activity", str(done.exception))


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--log", "LOG", "--store", "sqlite://"), "--log reports on a file, once"),
        (("--log", "LOG", "--every", "1d", "--out", "x"), "--log reports on a file, once"),
        (("--case", "id"), "go with --log FILE"),
        (("--log", "no.such.file"), "does not exist"),
    ],
)
def test_wrong_use_says_the_right_one(args: tuple[str, ...], says: str, shared_data: Path) -> None:
    log = str(shared_data / "eventlogs/running-example.xes")
    done = called("report", "bottlenecks", *(log if arg == "LOG" else arg for arg in args))
    assert done.exit_code == 2
    assert says in done.stderr


def waits_for_ann(folder: Path) -> Path:
    """Ann ends A on Monday 2 March at 10:00, and begins B on Tuesday at 10:00: 24 hours."""
    log = folder / "ann.csv"
    rows = ["case,activity,start,timestamp,resource"]
    rows += ["1,A,2026-03-02T09:00:00Z,2026-03-02T10:00:00Z,Ann", "1,B,2026-03-03T10:00:00Z,2026-03-03T11:00:00Z,Ann"]
    log.write_text("\n".join(rows))
    return log


def given(folder: Path, text: str) -> Path:
    path = folder / "hours.yaml"
    path.write_text(text)
    return path


def test_given_calendars_decide_who_was_there(tmp_path: Path) -> None:
    log = waits_for_ann(tmp_path)
    hours = given(tmp_path, 'agent/ann:Ann: {mon-fri: ["10:00-18:00"], zone: Europe/Berlin}\n')  # 09:00 to 17:00 UTC
    found = report("--log", log, "--calendars", hours, "--section=causes")["causes"]
    # Monday 10:00 to 17:00 and Tuesday 09:00 to 10:00 she was there; the 16 hours between she was not.
    assert {part["cause"]: part["seconds"] for part in found["parts"]} == {"extraneous": 8 * 3600, "unavailability": 16 * 3600}
    (ann,) = found["hours"]
    assert (ann["resource"], ann["basis"], ann["zone"], ann["weeklyHours"]) == ("agent/ann:Ann", "given", "Europe/Berlin", 40)
    told = called("report", "bottlenecks", "--log", log, "--calendars", hours, "--section=causes")
    assert "Working hours of agent/ann:Ann as given; none is discovered." in told.stdout
    page = called("report", "bottlenecks", "--log", log, "--calendars", hours, "--section=causes", "--format=html")
    assert "Working hours of agent/ann:Ann as given" in page.stdout


def test_given_calendars_are_of_a_store_too_and_the_star_is_for_all(tmp_path: Path) -> None:
    log, hours = waits_for_ann(tmp_path), given(tmp_path, '"*": {mon: ["00:00-24:00"]}\n')
    (found,) = both_ways(log, tmp_path, (), ("--calendars", str(hours), "--section=causes", "--section=times"))
    parts = {part["cause"]: part["seconds"] for part in found["causes"]["parts"]}
    assert parts == {"extraneous": 14 * 3600, "unavailability": 10 * 3600}
    # Of the log's 26 hours 15 are on Monday.
    (ann,) = found["flow"]["resources"]
    assert (ann["basis"], ann["availableSeconds"]) == ("calendar", 15 * 3600)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("agent/ann:Anna: always", "agent/ann:Anna: a calendar is given, but no step here is carried out by it; did you mean"),
        ("'*': {mon: ['08:00-17:00'], zone: Europe/Atlantis}", "\\*: unknown time zone 'Europe/Atlantis'"),
        ("'*': {mon: ['8-17']}", "'8-17' is no time of day to another, as in 08:00-17:00"),
        ("'*': {monday: ['08:00-17:00']}", "unknown key 'monday'"),
        ("[", "no YAML or JSON"),
        ("", "calendars are a mapping of resources"),
    ],
)  # fmt: skip
def test_a_bad_calendar_is_refused_with_the_mend(text: str, says: str, tmp_path: Path) -> None:
    log, hours = waits_for_ann(tmp_path), given(tmp_path, text)
    done = called("report", "bottlenecks", "--log", log, "--calendars", hours)
    assert isinstance(done.exception, Reject)
    assert re.search(says, str(done.exception))
