"""Parquet logs: the same records as the same table in CSV, and the same report whether a log is read as columns or as records."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.bottlenecks import handover
from brain.analytics.columns import Flat, edge_gaps, exact_sum, in_lives
from brain.analytics.lives import MICRO, Timed
from ingest.logs import BadLog, LogEvent, LogObject, LogOptions, open_log
from ingest.logs.parquet import ParquetReader

DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


def table(path: Path, **columns: list[Any]) -> Path:
    pl.DataFrame(columns).write_parquet(path)
    return path


def test_values_keep_their_types_and_a_missing_value_is_none(tmp_path: Path) -> None:
    path = table(
        tmp_path / "log.parquet",
        case=["NA", "NA", "7"],
        activity=["a", "b", "a"],
        timestamp=[DAY, DAY + timedelta(seconds=5), DAY],
        resource=["ann", None, "bob"],
        amount=[0.0, None, 2.5],
        checked=[False, True, None],
    )
    records = list(open_log(path).records())
    assert [r.id for r in records if isinstance(r, LogObject)] == ["NA", "7"]
    events = [r for r in records if isinstance(r, LogEvent)]
    start = int(DAY.timestamp()) * MICRO
    assert [(e.activity, e.completed, e.performer, e.attributes) for e in events] == [
        ("a", start, "ann", (("amount", 0.0), ("checked", False))),
        ("b", start + 5 * MICRO, None, (("checked", True),)),
        ("a", start, "bob", (("amount", 2.5),)),
    ]


def test_the_same_table_as_csv_gives_the_same_steps(tmp_path: Path) -> None:
    columns = {"case": ["x", "x", "y"], "activity": ["a", "b", "a"], "start": ["2026-03-02T08:00:00Z"] * 3,
               "end": ["2026-03-02T08:00:09Z", "2026-03-02T09:00:00Z", "2026-03-02T08:00:01Z"]}  # fmt: skip
    parquet = table(tmp_path / "log.parquet", **columns)
    pl.DataFrame(columns).write_csv(tmp_path / "log.csv")
    assert list(open_log(parquet).records()) == list(open_log(tmp_path / "log.csv").records())


def test_a_time_without_a_zone_is_of_the_zone_that_the_reader_is_told(tmp_path: Path) -> None:
    path = table(tmp_path / "log.parquet", case=["x"], activity=["a"], timestamp=[DAY.replace(tzinfo=None)])
    (event,) = [r for r in open_log(path, LogOptions(zone="Europe/Berlin")).records() if isinstance(r, LogEvent)]
    assert event.completed == (int(DAY.timestamp()) - 3600) * MICRO  # in March Berlin is an hour ahead of UTC


def test_a_row_that_lacks_what_it_must_have_is_told_by_its_number(tmp_path: Path) -> None:
    path = table(tmp_path / "log.parquet", case=["x", None], activity=["a", "b"], timestamp=[DAY, DAY])
    with pytest.raises(BadLog, match=r"row 2.*has no case"):
        list(open_log(path).records())
    assert ParquetReader(path, LogOptions()).transitions() is None


def test_what_only_begins_like_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(BadLog, match="is no Parquet that can be read"):
        open_log(path)


def test_columns_that_hold_lists_are_left_out_and_told(tmp_path: Path) -> None:
    path = table(tmp_path / "log.parquet", case=["x"], activity=["a"], timestamp=[DAY], tags=[["p", "q"]])
    log = open_log(path)
    assert any("'tags'" in note or '"tags"' in note for note in log.notes)
    assert len(list(log.records())) == 2


rows = st.lists(
    st.tuples(st.sampled_from(["NA", "x", "y"]), st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 4)), max_size=25
)


def lives_of_rows(found: list[tuple[str, str, int, int]]) -> dict[str, list[Timed]]:
    lives: dict[str, list[Timed]] = {}
    for i, (case, activity, start, took) in enumerate(found):
        lives.setdefault(case, []).append(Timed(start, start + took, i, f"row {i + 1}", activity, took))
    return {case: sorted(life) for case, life in lives.items()}


@given(rows)
def test_lives_are_columns_and_back(found: list[tuple[str, str, int, int]]) -> None:
    lives = lives_of_rows(found)
    flat = Flat.of_lives(lives)
    read: dict[str, list[tuple[int, int, str, str]]] = {}
    for i in range(len(flat.start)):
        life = read.setdefault(flat.objects[flat.object[i]], [])
        life.append((int(flat.start[i]), int(flat.end[i]), flat.steps[i], flat.activities[flat.activity[i]]))
    assert read == {case: [(s.start, s.end, s.step, s.activity) for s in life] for case, life in lives.items()}


def expected(lives: dict[str, list[Timed]]) -> dict[tuple[str, str], tuple[list[int], int, list[tuple[int, str, str, str]]]]:
    """By the definition, one gap after the other."""
    gaps: dict[tuple[str, str], list[tuple[int, str, str, str]]] = {}
    for name, life in lives.items():
        for a, b in pairwise(life):
            gaps.setdefault((a.activity, b.activity), []).append((b.start - a.end, name, a.step, b.step))
    found = {}
    for edge, every in gaps.items():
        longest = sorted((gap for gap in every if gap[0] > 0), reverse=True)[:3]
        found[edge] = sorted(max(gap[0], 0) for gap in every), sum(gap[0] < 0 for gap in every), longest
    return found


@given(rows)
def test_every_edge_has_its_gaps(found: list[tuple[str, str, int, int]]) -> None:
    lives = lives_of_rows(found)
    edges = {(e.source, e.target): (list(e.waits), e.overlaps, list(e.longest)) for e in edge_gaps(Flat.of_lives(lives), 3)}
    assert edges == expected(lives)


def test_sums_and_keys_that_pass_64_bits_are_exact() -> None:
    huge = 2**62
    assert exact_sum(np.array([huge] * 9)) == 9 * huge
    lives = {name: [Timed(0, 0, 0, "1", "a", 0), Timed(huge, huge, 1, "2", "b", 0)] for name in map(str, range(9))}
    (edge,) = edge_gaps(Flat.of_lives(lives), 3)
    assert (len(edge.waits), edge.total) == (9, 9 * huge)
    assert handover(*edge).total_seconds == 9 * huge / MICRO
    order = in_lives(np.array([1, 0]), np.array([huge, -huge]), np.array([huge, -huge]))
    assert cast(Any, order).tolist() == [1, 0]
