"""What real logs do to waiting time, each worked by hand, from a store by batch and by the live figures alike."""

from pathlib import Path

import pytest

from brain.analytics.bottlenecks import Bottlenecks, bottlenecks
from brain.analytics.follow import Follower
from brain.model import Assert, ChangeSet, Link
from brain.schema import Schema
from ingest.logs import BadLog, LogEvent, open_log
from ontology import load_schema
from tests.unit.test_bottlenecks import edge, filled, step, thing

SCHEMA: Schema = load_schema()


async def report(*changes: ChangeSet) -> Bottlenecks:
    """Of the objects of type t."""
    store = await filled(SCHEMA, *changes)
    found = await bottlenecks(store, SCHEMA, "t", min_frequency=1)
    live = await Follower(store, SCHEMA).report("t", min_frequency=1)
    assert live == await bottlenecks(store, SCHEMA, "t", min_frequency=1, sketched=True)
    # All but the medians is exact.
    assert [e.median_seconds for e in live.edges] == pytest.approx([e.median_seconds for e in found.edges], rel=1 / 256)
    await store.close()
    return found


async def test_a_negative_gap_counts_as_nothing_and_is_told() -> None:
    # x: b starts 4 s before a ends: 0. y: b starts 6 s after: 6. Mean 3, not (6 − 4) / 2 = 1.
    found = await report(
        thing("x", "t"), thing("y", "t"),
        step("1", "a", ["x"], startedAt=0, completedAt=10), step("2", "b", ["x"], startedAt=6, completedAt=20),
        step("3", "a", ["y"], startedAt=0, completedAt=10), step("4", "b", ["y"], startedAt=16, completedAt=20),
    )  # fmt: skip
    (ab,) = found.edges
    assert (ab.count, ab.mean_seconds, ab.total_seconds, ab.overlaps) == (2, 3.0, 6.0, 1)
    assert [e.object for e in ab.examples] == ["object/y"]  # no overlap is evidence of waiting


async def test_steps_at_one_instant_follow_their_position_and_wait_nothing() -> None:
    # b and c at 10: by position c (1) comes before b (2). a→c waits 10 − 5, c→b 0, b→d 30 − 10.
    found = await report(
        thing("x", "t"),
        step("1", "a", ["x"], completedAt=5, sequence=0), step("2", "b", ["x"], completedAt=10, sequence=2),
        step("3", "c", ["x"], completedAt=10, sequence=1), step("4", "d", ["x"], completedAt=30, sequence=3),
    )  # fmt: skip
    assert {(e.source, e.target, e.total_seconds, e.overlaps) for e in found.edges} == {
        ("a", "c", 5.0, 0), ("c", "b", 0.0, 0), ("b", "d", 20.0, 0),
    }  # fmt: skip


async def test_a_case_of_one_event_is_an_object_without_a_wait() -> None:
    found = await report(thing("x", "t"), step("1", "a", ["x"], startedAt=3, completedAt=8))
    assert (found.objects, found.steps, found.edges) == (1, 1, ())
    assert [(a.activity, a.count, a.mean_seconds) for a in found.activities] == [("a", 1, 5.0)]


async def test_a_case_called_na_is_a_case() -> None:
    found = await report(
        *(thing(name, "t") for name in ("NA", "null", "nan")),
        *(step(f"{name}{i}", "ab"[i], [name], completedAt=7 * i) for name in ("NA", "null", "nan") for i in (0, 1)),
    )
    (ab,) = found.edges
    assert (found.objects, ab.count, ab.total_seconds) == (3, 3, 21.0)
    assert {e.object for e in ab.examples} == {"object/NA", "object/null", "object/nan"}


async def test_a_step_of_no_length_is_timed_and_takes_nothing() -> None:
    # b starts and ends at 10: a→b waits 10 − 4, b→c 12 − 10. Its processing is 0 and known, which a step without a start is not.
    found = await report(
        thing("x", "t"),
        step("1", "a", ["x"], startedAt=0, completedAt=4), step("2", "b", ["x"], startedAt=10, completedAt=10),
        step("3", "c", ["x"], startedAt=12, completedAt=13),
    )  # fmt: skip
    assert (edge(found.edges, "a", "b").total_seconds, edge(found.edges, "b", "c").total_seconds) == (6.0, 2.0)
    b = next(a for a in found.activities if a.activity == "b")
    assert (b.count, b.timed, b.mean_seconds) == (1, 1, 0.0)


async def test_a_missing_start_makes_a_step_an_instant_and_a_missing_completion_too() -> None:
    # b has only a completion, at 10: a→b waits 10 − 4, which holds its work. c has only a start, at 15: b→c waits 15 − 10, c→d
    # 18 − 15. Neither has a processing time. e is scheduled alone: left out, so that d→f is one handover of 30 − 20.
    found = await report(
        thing("x", "t"),
        step("1", "a", ["x"], startedAt=0, completedAt=4), step("2", "b", ["x"], completedAt=10),
        step("3", "c", ["x"], startedAt=15), step("4", "d", ["x"], startedAt=18, completedAt=20),
        step("5", "e", ["x"], scheduledAt=25), step("6", "f", ["x"], startedAt=30, completedAt=31),
    )  # fmt: skip
    assert {(e.source, e.target, e.total_seconds) for e in found.edges} == {
        ("a", "b", 6.0), ("b", "c", 5.0), ("c", "d", 3.0), ("d", "f", 10.0),
    }  # fmt: skip
    assert {(a.activity, a.timed, a.mean_seconds) for a in found.activities} == {
        ("a", 1, 4.0), ("b", 0, None), ("c", 0, None), ("d", 1, 2.0), ("f", 1, 1.0),
    }  # fmt: skip
    assert found.left_out == 1


async def test_a_step_that_names_an_object_many_times_is_one_step_of_it() -> None:
    # The step names x as what it sends and as what it receives: x waits once, 9 − 4, and the step is processed once.
    roles = tuple(Link("object", "object/x", role) for role in ("sent", "received", ""))
    found = await report(
        thing("x", "t"),
        step("1", "a", ["x"], startedAt=0, completedAt=4),
        step("2", "b", ["x"], startedAt=9, completedAt=11),
        ChangeSet("more", "test", 0, 0, (Assert("step/2", "Step", {}, {}, roles),)),
    )
    assert [(e.source, e.target, e.count, e.total_seconds) for e in found.edges] == [("a", "b", 1, 5.0)]
    assert [(a.activity, a.count, a.total_seconds) for a in found.activities] == [("a", 1, 4.0), ("b", 1, 2.0)]


@pytest.mark.parametrize("written", ["2024-01-01 12:00:00 XYZ", "2024-01-01T12:00:00 Mars/Olympus", "2024-01-01 12:00:00 CEST"])
def test_a_time_in_a_zone_that_nobody_knows_is_refused_with_its_line(tmp_path: Path, written: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"case,activity,time\nc,a,{written}\n")
    with pytest.raises(BadLog, match=f"line 2: .{written}. is no time; write it as ISO 8601"):
        list(open_log(path))


def test_times_without_a_zone_are_read_as_utc_and_the_log_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("case,activity,time\nc,a,1970-01-01 00:01:00\n")
    log = open_log(path)
    (event,) = (one for one in log if isinstance(one, LogEvent))
    assert event.completed == 60_000_000
    assert "times without a zone, such as '1970-01-01 00:01:00', are read as UTC" in log.notes
