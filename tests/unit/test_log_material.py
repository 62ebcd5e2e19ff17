"""A case log as columns gives the report that it gives step by step; what importing it gives, `test_report_of_a_log` compares."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from brain.analytics.columnar import ColumnarLives
from brain.analytics.lives import Lifecycle
from brain.analytics.process_material import Asked
from brain.analytics.process_report import ProcessReport, compose
from brain.errors import BadQuery
from brain.schema import Schema
from ingest.event_log import BadMessage
from ingest.log_material import Names, case_lives, columnar, log_material
from ingest.logs import LogOptions, open_log
from ontology import load_schema

DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
FIGURES = frozenset[str]()


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


def both(path: Path, schema: Schema, lifecycle: Lifecycle | None, quick: bool | None = True) -> ProcessReport | None:
    """The report over columns, where there is one, which must be the report step by step; `quick` tells whether there must be."""
    log, names = open_log(path), Names(schema, "ns")
    found, whole = columnar(log.transitions(), names, lifecycle), case_lives(log, "ns", names, lifecycle)
    if quick is not None:
        assert (found is not None) is quick
    if found is None or not whole[0]:
        return None
    made = log_material(log, "ns", schema, "case", Asked(lifecycle, sections=frozenset()))
    assert isinstance(made.inside, ColumnarLives)
    want = compose(made._replace(inside=whole[0], left_out=whole[1]))
    assert compose(made) == want
    assert dict(made.inside) == whole[0]
    return want


@pytest.mark.parametrize(
    ("log", "lifecycle", "quick"),
    [
        ("running-example.xes", None, True),
        ("08_receipt.xes.gz", None, True),
        ("helpdesk.xes.gz", "complete", True),
        ("PurchasingExample.csv", None, False),
    ],
)
def test_real_logs(log: str, lifecycle: Lifecycle | None, quick: bool, shared_data: Path, schema: Schema) -> None:
    found = both(shared_data / "eventlogs" / log, schema, lifecycle, quick)
    assert not quick or (found is not None and found.waits.edges and found.evidence)


KINDS = st.sampled_from(["start", "complete", "COMPLETE ", "schedule", "suspend", "", None])
CASES, ACTIVITIES, MINUTES = st.sampled_from(["NA", "x", "y"]), st.sampled_from("ab"), st.integers(0, 5)
ROWS = st.lists(st.tuples(CASES, ACTIVITIES, KINDS, MINUTES, st.sampled_from(["me", "", None])), min_size=1, max_size=25)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
@example(rows=[("x", "a", kind, 0, None) for kind in ("complete", "start", "start", "complete", "schedule", "start", "schedule")])
def test_transitions_in_any_order_of_any_kind(
    rows: list[tuple[str, str, str | None, int, str | None]], schema: Schema, tmp_path: Path
) -> None:
    columns = list(zip(*rows, strict=True))
    frame = {"case": columns[0], "activity": columns[1], "lifecycle:transition": columns[2], "resource": columns[4]}
    path = tmp_path / "log.parquet"
    typed = pl.DataFrame(frame, schema=dict.fromkeys(frame, pl.String))
    typed.with_columns(timestamp=pl.Series([DAY + timedelta(minutes=m) for m in columns[3]])).write_parquet(path)
    paired = any((kind or "").strip().lower() in ("start", "schedule") for kind in columns[2])
    both(path, schema, None, quick=not paired)
    both(path, schema, "complete")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CASES, ACTIVITIES, MINUTES, st.integers(-1, 4)), min_size=1, max_size=25))
def test_rows_with_a_start_of_their_own(rows: Sequence[tuple[str, str, int, int]], schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame(
        {
            "case": [row[0] for row in rows],
            "activity": [row[1] for row in rows],
            "start": [DAY + timedelta(minutes=row[2]) for row in rows],
            "timestamp": [DAY + timedelta(minutes=row[2] + row[3]) for row in rows],
        }
    ).write_parquet(path)
    both(path, schema, None, quick=all(row[3] >= 0 for row in rows))
    both(path, schema, "complete", quick=True)


def test_a_large_log_has_the_same_evidence_in_whatever_order_its_rows_stand(schema: Schema, tmp_path: Path) -> None:
    random = Random(5)
    rows = [
        (f"c{random.randrange(300)}", random.choice("abcd"), DAY + timedelta(seconds=random.randrange(900))) for _ in range(9000)
    ]
    path = tmp_path / "log.parquet"
    pl.DataFrame(rows, schema=["case", "activity", "timestamp"], orient="row").write_parquet(path)
    found = both(path, schema, None)
    assert found is not None
    assert found.waits.steps == 9000


def test_what_no_store_takes_in_is_refused_either_way(schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"case": ["x"], "activity": ["a" * 2000], "timestamp": [DAY]}).write_parquet(path)
    with pytest.raises(BadMessage, match=r"'x#0' is nothing that a store takes in: 'a+…' is no name of at most 1900 characters"):
        log_material(open_log(path), "", schema, "case", Asked(sections=frozenset()))


def test_a_case_log_has_cases_alone_and_a_report_needs_steps(schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("case,activity,timestamp,lifecycle:transition\nx,a,2026-03-02T08:00:00Z,suspend\n")
    log = open_log(path, LogOptions())
    with pytest.raises(BadQuery, match="no object of type 'cases' has a step; did you mean 'case'"):
        log_material(log, "", schema, "cases", Asked())
    with pytest.raises(BadQuery, match=r"no case of .*log.csv has a step with a time that the report uses; steps left out: 1"):
        log_material(log, "", schema, "case", Asked())
