"""Batches: which waits are for one, and what only looks like one; worked by hand."""

import pytest

from brain.analytics.calendars import ALWAYS
from brain.analytics.causes import Context, causes_of
from tests.unit.test_causes import Row, edge, lives, seconds, week


def test_a_sequential_batch_is_told_where_the_queue_was_let_grow() -> None:
    # The packer stands idle while three parcels come at 10, 40 and 100, then packs them one after another from 100 on.
    # a waits 90 for the last; b 60 for the last and 5 behind a; c 10 behind a and b. 90 + 65 + 10 = 165.
    found = causes_of(
        lives(
            ("a", "Pick", 0, 10, "P1"), ("b", "Pick", 0, 40, "P2"), ("c", "Pick", 0, 100, "P3"),
            ("a", "Pack", 100, 105, "R"), ("b", "Pack", 105, 110, "R"), ("c", "Pack", 110, 115, "R"),
        )
    )  # fmt: skip
    pack = edge(found, "Pick", "Pack")
    assert (pack.seconds, seconds(pack.parts)) == (165.0, {"batching": 150.0, "contention": 15.0})


def test_a_queue_that_is_worked_off_is_no_batch() -> None:
    # The same parcels, but the packer is busy with z from 0 to 100: whoever waits, waits behind z, and then behind each other.
    found = causes_of(
        lives(
            ("z", "Pick", -9, 0, "P0"), ("z", "Pack", 0, 100, "R"),
            ("a", "Pick", 0, 10, "P1"), ("b", "Pick", 0, 40, "P2"), ("c", "Pick", 0, 95, "P3"),
            ("a", "Pack", 100, 105, "R"), ("b", "Pack", 105, 110, "R"), ("c", "Pack", 110, 115, "R"),
        )
    )  # fmt: skip
    pack = edge(found, "Pick", "Pack")
    assert seconds(pack.parts) == {"contention": 90.0 + 65.0 + 15.0}


@pytest.mark.parametrize(("until", "parts"), [(55, {"batching": 150.0, "contention": 15.0}), (56, None)])
def test_a_queue_grows_on_purpose_while_the_resource_is_idle_for_half_of_the_time(
    until: int, parts: dict[str, float] | None
) -> None:
    # The three parcels of the sequential batch: the queue grows from 10 to 100, and the packer is busy with z from 10 on. Until
    # 55 that is half of the 90 seconds, and all wait for the last; until 56 it is more, and the queue is a queue:
    # a waits 46 behind z, 44 for no known reason; b, there at 40, 16 and 44, and 5 behind a; c 10 behind both.
    found = causes_of(
        lives(
            ("z", "Load", 10, until, "R"),
            ("a", "Pick", 0, 10, "P1"), ("b", "Pick", 0, 40, "P2"), ("c", "Pick", 0, 100, "P3"),
            ("a", "Pack", 100, 105, "R"), ("b", "Pack", 105, 110, "R"), ("c", "Pack", 110, 115, "R"),
            enabled={"z/Load": 9},
        )
    )  # fmt: skip
    queue = {"extraneous": 88.0, "contention": 46.0 + 16.0 + 5.0 + 10.0}
    assert seconds(edge(found, "Pick", "Pack").parts) == (parts or queue)


def test_what_gathers_overnight_is_no_batch() -> None:
    # The packer works from 8 to 16. a comes at 15:54, b at 8:00 on Tuesday; both are packed from then on, six minutes each.
    # a waits for 6 minutes of Monday, in which the packer was there and idle, and 16 hours of the night; b 6 minutes behind a.
    minute, hour = 60.0, 3600.0
    found = causes_of(
        lives(
            ("a", "Pick", 0, 15.9 * hour, "P1"), ("b", "Pick", 0, 32 * hour, "P2"),
            ("a", "Pack", 32 * hour, 32.1 * hour, "R"), ("b", "Pack", 32.1 * hour, 32.2 * hour, "R"),
        ),
        context=Context(calendars={"R": week(0, 1), "*": ALWAYS}),
    )  # fmt: skip
    assert seconds(edge(found, "Pick", "Pack").parts) == {
        "unavailability": 16 * hour, "extraneous": 6 * minute, "contention": 6 * minute,
    }  # fmt: skip


def test_steps_that_start_at_once_by_chance_are_no_batch() -> None:
    # 20 parcels are packed alone; two, of 22, start in the same second: less than a tenth of them.
    rows: list[Row] = []
    for i in range(20):
        rows += [(f"o{i:02}", "Pick", 100 * i, 100 * i + 10, "P"), (f"o{i:02}", "Pack", 100 * i + 20, 100 * i + 30, "R")]
    rows += [("x", "Pick", 3000, 3010, "P"), ("x", "Pack", 4000, 4010, "R"), ("y", "Pick", 3500, 3510, "P")]
    rows += [("y", "Pack", 4000, 4010, "R")]
    found = causes_of(lives(*rows))
    # 20 × 10, then 4000 − 3010 = 990 and 4000 − 3510 = 490.
    assert seconds(edge(found, "Pick", "Pack").parts) == {"extraneous": 200.0 + 990.0 + 490.0}
    usually = causes_of(lives(*(row for row in rows if row[0] not in ("o00", "o01", "o02"))))
    # Of 19 parcels two are more than a tenth: x waits 500 for y.
    assert seconds(edge(usually, "Pick", "Pack").parts) == {"extraneous": 170.0 + 490.0 + 490.0, "batching": 500.0}
