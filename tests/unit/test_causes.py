"""Why work waits, on logs worked by hand: one log a cause, then what is odd. Times are seconds from the beginning of each log,
which is Monday, 5 January 1970, 00:00 UTC.
"""

from collections.abc import Mapping, Sequence

import pytest

from brain.analytics.calendars import ALWAYS, DAY, HOUR, Calendar, calendar
from brain.analytics.causes import CausePart, Causes, Context, EdgeCauses, causes, causes_of
from brain.analytics.lives import MICRO, Timed
from brain.analytics.occupation import Cause
from brain.model import Assert, ChangeSet, Link
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema

MONDAY = 4 * DAY
"""The first Monday of the epoch, µs."""
Row = tuple[str, str, float, float, str | None]
"""Object, activity, start, end, resource."""


def at(seconds: float) -> int:
    return MONDAY + round(seconds * MICRO)


def lives(*rows: Row, enabled: Mapping[str, float] = {}, unstarted: Sequence[str] = ()) -> dict[str, list[Timed]]:
    """Lives out of rows. A step's id is its object and activity, with a number where they were there before; `enabled` and
    `unstarted` name steps by it."""
    found: dict[str, list[Timed]] = {}
    seen: dict[str, int] = {}
    for name, activity, start, end, resource in rows:
        step = f"{name}/{activity}"
        seen[step] = seen.get(step, 0) + 1
        step += f"/{seen[step]}" if seen[step] > 1 else ""
        told = at(enabled[step]) if step in enabled else None
        took = None if step in unstarted else round((end - start) * MICRO)
        found.setdefault(name, []).append(Timed(at(start), at(end), -1, step, activity, took, told, resource))
    for life in found.values():
        life.sort()
    return found


def edge(found: Causes, source: str | None, target: str) -> EdgeCauses:
    return next(e for e in found.edges if (e.source, e.target) == (source, target))


def seconds(parts: Sequence[CausePart]) -> dict[str, float]:
    return {part.cause.value: part.seconds for part in parts}


def part(parts: Sequence[CausePart], cause: Cause) -> CausePart:
    return next(p for p in parts if p.cause is cause)


def week(*days: int, since: int = 8, until: int = 16) -> Calendar:
    """Works from one hour to another on these weekdays, UTC."""
    return calendar((day * DAY + since * HOUR, day * DAY + until * HOUR) for day in days)


def test_batching() -> None:
    # The kiln is fired at 70 with three pots, formed at 10, 30 and 60: the batch is complete at 60.
    # a waits 70 − 10 = 60: until the batch is complete 60 − 10 = 50, then 10 for no reason that is known.
    # b waits 70 − 30 = 40: 60 − 30 = 30, and 10. c waits 70 − 60 = 10, all of it for no reason.
    found = causes_of(
        lives(
            ("a", "Form", 0, 10, "P1"), ("b", "Form", 0, 30, "P2"), ("c", "Form", 0, 60, "P3"),
            ("a", "Fire", 70, 100, "Kiln"), ("b", "Fire", 70, 100, "Kiln"), ("c", "Fire", 70, 100, "Kiln"),
        )
    )  # fmt: skip
    fire = edge(found, "Form", "Fire")
    assert (fire.count, fire.seconds) == (3, 110.0)  # 60 + 40 + 10
    assert seconds(fire.parts) == {"batching": 80.0, "extraneous": 30.0}  # 50 + 30; 3 × 10
    assert [(p.share, p.waits) for p in fire.parts] == [(80 / 110, 2), (30 / 110, 3)]
    assert fire.parts[0].examples[0] == ("a", "a/Form", "a/Fire", "Kiln", 50.0, at(10), at(60), "c/Fire")


def test_contention() -> None:
    # The welder works on p from 10 to 50; q is there at 20 and is welded at 50: 30 seconds behind p, which was there before.
    found = causes_of(
        lives(
            ("p", "Cut", 0, 10, "C1"), ("p", "Weld", 10, 50, "W"),
            ("q", "Cut", 0, 20, "C2"), ("q", "Weld", 50, 70, "W"),
        )
    )  # fmt: skip
    weld = edge(found, "Cut", "Weld")
    assert (weld.count, weld.seconds, seconds(weld.parts)) == (2, 30.0, {"contention": 30.0})
    assert weld.parts[0].examples == (("q", "q/Cut", "q/Weld", "W", 30.0, at(20), at(50), "p/Weld"),)


def test_prioritisation() -> None:
    # As before, but r, which is there at 40 only, is welded from 50 to 90, and q after it.
    # q waits from 20 to 90: 30 behind p (there at 10), 40 behind r (there at 40). r waits from 40 to 50 behind p.
    found = causes_of(
        lives(
            ("p", "Cut", 0, 10, "C1"), ("p", "Weld", 10, 50, "W"),
            ("q", "Cut", 0, 20, "C2"), ("q", "Weld", 90, 95, "W"),
            ("r", "Cut", 0, 40, "C3"), ("r", "Weld", 50, 90, "W"),
        )
    )  # fmt: skip
    weld = edge(found, "Cut", "Weld")
    assert (weld.seconds, seconds(weld.parts)) == (80.0, {"prioritisation": 40.0, "contention": 40.0})
    jumped = part(weld.parts, Cause.PRIORITISATION)
    assert jumped.examples == (("q", "q/Cut", "q/Weld", "W", 40.0, at(50), at(90), "r/Weld"),)
    assert jumped.waits == 1
    carried = next(r for r in found.resources if r.resource == "W")
    assert (carried.count, carried.seconds, seconds(carried.parts)) == (3, 80.0, seconds(weld.parts))


def test_unavailability() -> None:
    # W works from 8 to 16. The piece comes at 15:30 on Monday and is welded at 8:15 on Tuesday, 16.75 hours later:
    # 16 hours outside of working time, 30 minutes of Monday and 15 of Tuesday in which W was there and idle.
    hour = 3600.0
    found = causes_of(
        lives(("p", "Cut", 15 * hour, 15.5 * hour, "C"), ("p", "Weld", 32.25 * hour, 33 * hour, "W")),
        context=Context(calendars={"W": week(0, 1, 2, 3, 4), "*": ALWAYS}),
    )
    weld = edge(found, "Cut", "Weld")
    assert weld.seconds == 16.75 * hour
    assert seconds(weld.parts) == {"unavailability": 16 * hour, "extraneous": 0.75 * hour}
    assert weld.parts[0].examples[0] == ("p", "p/Cut", "p/Weld", "W", 16 * hour, at(16 * hour), at(32 * hour), "")
    hours = {h.resource: h for h in found.hours}
    assert (hours["W"].basis, hours["W"].hours[0], hours["W"].weekly_hours) == ("given", "mon 08:00-16:00", 40.0)


def test_extraneous() -> None:
    # W is free from 20 on; the piece of 30 is touched at 75. From 30 to 75 nothing in the log says why.
    found = causes_of(
        lives(
            ("o", "Cut", 0, 5, "C"), ("o", "Weld", 5, 20, "W"),
            ("p", "Cut", 0, 30, "D"), ("p", "Weld", 75, 80, "W"),
        )
    )  # fmt: skip
    weld = edge(found, "Cut", "Weld")
    assert (weld.seconds, seconds(weld.parts)) == (45.0, {"extraneous": 45.0})
    assert weld.parts[0].examples[0][5:] == (at(30), at(75), "")


def test_who_works_off_the_calendar_is_busy_and_not_away() -> None:
    # W works from 8 to 16, and on Monday until 17 with o. p comes at 15:00 and is served at 8:00 on Tuesday, 17 hours later:
    # from 15:00 to 17:00 W is busy with o, which came at 14:00; from 17:00 to 8:00, 15 hours, W is away.
    hour = 3600.0
    found = causes_of(
        lives(
            ("o", "Cut", 13 * hour, 14 * hour, "C"), ("o", "Weld", 14 * hour, 17 * hour, "W"),
            ("p", "Cut", 13 * hour, 15 * hour, "D"), ("p", "Weld", 32 * hour, 33 * hour, "W"),
        ),
        context=Context(calendars={"W": week(0, 1), "*": ALWAYS}),
    )  # fmt: skip
    assert seconds(edge(found, "Cut", "Weld").parts) == {"contention": 2 * hour, "unavailability": 15 * hour}


def test_what_a_device_says_of_itself_counts_first() -> None:
    # W is busy with o (there at 0) until 40, idle until 100. p comes at 10 and is served at 100. The device was blocked from 30
    # to 50, starved from 50 to 60, held from 60 to 65, suspended from 65 to 70, and down from 70 to 85, when it said it was idle.
    states = [
        (30, 50, "Blocked"),
        (50, 60, "Starved"),
        (60, 65, "HELD"),
        (65, 70, "Suspended"),
        (70, 900, "Aborted"),
        (85, 100, "Idle"),
    ]
    told = [(at(a), at(b), state) for a, b, state in states] + [(at(100), at(101), "Dreaming")]
    found = causes_of(
        lives(
            ("o", "Weld", 0, 40, "W"),
            ("p", "Cut", 0, 10, "C"), ("p", "Weld", 100, 110, "W"),
        ),
        context=Context(states={"W": told}),
    )  # fmt: skip
    assert seconds(edge(found, "Cut", "Weld").parts) == {
        "contention": 20.0,  # 10 to 30
        "blocked": 20.0,
        "starved": 10.0,
        "held": 5.0,
        "suspended": 5.0,
        "unavailability": 15.0,  # 70 to 85
        "extraneous": 15.0,  # 85 to 100
    }
    down = part(edge(found, "Cut", "Weld").parts, Cause.UNAVAILABILITY)
    assert down.examples[0].because == "Aborted"
    assert found.unknown_states == ("Dreaming",)


def test_without_a_resource_or_a_start_nothing_is_said() -> None:
    # p waits 10 for nobody known; q's Weld has a completion only, so that its 15 have its processing in them.
    rows: list[Row] = [
        ("p", "Cut", 0, 10, "C"),
        ("p", "Weld", 20, 30, None),
        ("q", "Cut", 0, 15, "C"),
        ("q", "Weld", 30, 30, "W"),
    ]
    found = causes_of(lives(*rows, unstarted=["q/Weld"]))
    weld = edge(found, "Cut", "Weld")
    assert seconds(weld.parts) == {"unexplained": 25.0}
    assert [example.because for example in weld.parts[0].examples] == ["no start is recorded", "no resource is recorded"]
    assert (found.steps, found.unstarted, found.unassigned) == (4, 1, 1)
    assert [(r.resource, r.seconds) for r in found.resources] == [("W", 15.0), (None, 10.0)]


def test_until_a_step_is_enabled_nobody_is_to_blame() -> None:
    # p's Weld could begin at 25, says its source. The object waits from 10 to 40: until 25 for what the source knows of, until 30
    # behind o (there at 0), and then for no known reason. In the enabled view it waits from 25 on.
    log = lives(
        ("o", "Weld", 0, 30, "W"), ("p", "Cut", 0, 10, "C"), ("p", "Weld", 40, 50, "W"),
        enabled={"p/Weld": 25},
    )  # fmt: skip
    handover = edge(causes_of(log), "Cut", "Weld")
    assert (handover.seconds, seconds(handover.parts)) == (30.0, {"synchronisation": 15.0, "extraneous": 10.0, "contention": 5.0})
    enabled = edge(causes_of(log, "enabled"), "Cut", "Weld")
    assert (enabled.seconds, seconds(enabled.parts)) == (15.0, {"extraneous": 10.0, "contention": 5.0})


def test_a_step_of_several_objects_waits_for_the_last_of_them() -> None:
    # Items x and y are packed into one parcel at 50; x is picked at 10, y at 30: x waits 20 for y, then both 20.
    log = lives(("x", "Pick", 0, 10, "P1"), ("y", "Pick", 0, 30, "P2"))
    pack = Timed(at(50), at(60), -1, "pack", "Pack", 10 * MICRO, None, "R")
    found = causes_of({name: [*life, pack] for name, life in log.items()})
    packed = edge(found, "Pick", "Pack")
    assert (packed.seconds, seconds(packed.parts)) == (60.0, {"extraneous": 40.0, "synchronisation": 20.0})
    assert part(packed.parts, Cause.SYNCHRONISATION).examples[0].because == "y/Pick"


def test_a_source_may_say_when_the_first_step_was_enabled() -> None:
    log = lives(("p", "Cut", 8, 10, "C"), ("q", "Cut", 10, 12, "C"), enabled={"q/Cut": 3})
    found = causes_of(log, "enabled")
    # q waits from 3 to 10, the last 2 of it while C works on p, which counts as enabled when it started, at 8: later.
    assert [(e.source, e.target, e.seconds) for e in found.edges] == [(None, "Cut", 7.0)]
    assert seconds(found.parts) == {"extraneous": 5.0, "prioritisation": 2.0}


def test_a_start_before_it_was_enabled_is_an_overlap_of_no_length() -> None:
    found = causes_of(lives(("p", "Cut", 0, 10, "C"), ("p", "Weld", 20, 30, "W"), enabled={"p/Weld": 24}), "enabled")
    assert (found.count, found.overlaps, found.seconds, found.parts) == (1, 1, 0.0, ())


def test_two_things_at_once_are_contention_if_either_was_there_before() -> None:
    # W works on o from 0 to 40 and, at the same time, on r (there at 20) from 20 to 60. p comes at 10 and is served at 60:
    # until 40 behind o, with r beside it; from 40 to 60 behind r alone, which came later.
    found = causes_of(
        lives(
            ("o", "Weld", 0, 40, "W"), ("r", "Cut", 0, 20, "C"), ("r", "Weld", 20, 60, "W"),
            ("p", "Cut", 0, 10, "C"), ("p", "Weld", 60, 70, "W"),
        )
    )  # fmt: skip
    assert seconds(edge(found, "Cut", "Weld").parts) == {"contention": 30.0, "prioritisation": 20.0}


def test_contention_behind_a_queue_that_idleness_left_is_told_to_be_inherited() -> None:
    # o is there at 0, p at 50, q at 140. W begins at 100: o until 150, p until 160, q until 170, and then r, there at 170, and s.
    # p waits from 50 to 100 for no known reason and 50 behind o: W lost 50 before p came, so had it begun at once, none of them.
    # q waits 20 behind o and p: W lost 100 before q came, more than the 20. r waits for nothing. s is there at 175 and waits 5
    # behind r: the queue was empty at 170, and nothing was lost since.
    found = causes_of(
        lives(
            ("o", "Cut", -9, 0, "C1"), ("o", "Weld", 100, 150, "W"), ("p", "Cut", 0, 50, "C2"), ("p", "Weld", 150, 160, "W"),
            ("q", "Cut", 0, 140, "C3"), ("q", "Weld", 160, 170, "W"), ("r", "Cut", 0, 170, "C4"), ("r", "Weld", 170, 180, "W"),
            ("s", "Cut", 0, 175, "C5"), ("s", "Weld", 180, 190, "W"),
        )
    )  # fmt: skip
    weld = edge(found, "Cut", "Weld")
    assert seconds(weld.parts) == {"extraneous": 150.0, "contention": 75.0}  # 100 + 50; 50 + 20 + 5
    assert part(weld.parts, Cause.CONTENTION).inherited == (("extraneous", 70.0),)
    assert part(weld.parts, Cause.EXTRANEOUS).inherited == ()
    assert part(found.parts, Cause.CONTENTION).inherited == part(weld.parts, Cause.CONTENTION).inherited


def test_what_was_lost_for_several_reasons_is_inherited_in_proportion() -> None:
    # W works from 8 to 16. o is there at 7:00, and W begins it at 8:30: an hour away, half an hour idle. It takes until 9:00.
    # p is there at 8:36 and waits 24 minutes behind it: two thirds of that for W's hours, a third for its idleness.
    hour, minute = 3600.0, 60.0
    found = causes_of(
        lives(
            ("o", "Cut", 6 * hour, 7 * hour, "C1"), ("o", "Weld", 8.5 * hour, 9 * hour, "W"),
            ("p", "Cut", 6 * hour, 8.6 * hour, "C2"), ("p", "Weld", 9 * hour, 10 * hour, "W"),
        ),
        context=Context(calendars={"W": week(0), "*": ALWAYS}),
    )  # fmt: skip
    behind = part(edge(found, "Cut", "Weld").parts, Cause.CONTENTION)
    assert (behind.seconds, behind.inherited) == (24 * minute, (("unavailability", 16 * minute), ("extraneous", 8 * minute)))


def test_what_was_enabled_at_once_is_contention() -> None:
    found = causes_of(
        lives(("p", "Cut", 0, 10, "C"), ("p", "Weld", 10, 20, "W"), ("q", "Cut", 0, 10, "D"), ("q", "Weld", 20, 30, "W"))
    )
    assert seconds(found.parts) == {"contention": 10.0}


def test_overlaps_steps_of_no_length_and_lives_of_one_step_wait_for_nothing() -> None:
    # A case called NA: Weld starts 2 before Cut is done (an overlap), Test takes no time. `one` has a single step.
    found = causes_of(
        lives(("NA", "Cut", 0, 10, "C"), ("NA", "Weld", 8, 20, "W"), ("NA", "Test", 25, 25, "T"), ("one", "Cut", 50, 60, "C"))
    )
    assert (found.objects, found.steps, found.count, found.overlaps) == (2, 4, 2, 1)
    assert (edge(found, "Cut", "Weld").seconds, edge(found, "Cut", "Weld").parts) == (0.0, ())
    test = edge(found, "Weld", "Test")
    assert (seconds(test.parts), test.parts[0].examples[0].object) == ({"extraneous": 5.0}, "NA")


def test_other_types_of_objects_keep_a_resource_busy_too() -> None:
    orders = lives(("order", "Enter", 0, 10, "E"), ("order", "Verify", 40, 50, "Nurse"))
    stays = lives(("stay", "Admit", -20, 5, "A"), ("stay", "Treat", 5, 35, "Nurse"))
    alone = causes_of(orders)
    assert seconds(alone.parts) == {"extraneous": 30.0}
    assert any("no other type" in assumption for assumption in alone.assumptions)
    both = causes_of(orders, context=Context(elsewhere=[stays]))
    assert seconds(both.parts) == {"contention": 25.0, "extraneous": 5.0}  # 10 to 35 behind the stay, of 5; 35 to 40
    assert both.steps == 2


def test_activities_and_the_whole_are_the_sums_of_edges() -> None:
    found = causes_of(
        lives(
            ("p", "Cut", 0, 10, "C"), ("p", "Weld", 15, 20, "W"), ("q", "Saw", 0, 12, "S"), ("q", "Weld", 22, 30, "W"),
            ("q", "Test", 31, 32, "T"),
        )
    )  # fmt: skip
    assert [(a.activity, a.count, a.seconds) for a in found.activities] == [("Weld", 2, 15.0), ("Test", 1, 1.0)]
    weld = found.activities[0]
    # p waits 5 and q from 12 to 15 for no reason; q from 15 to 20 behind p, which was there at 10; then 2 more.
    assert seconds(weld.parts) == {"extraneous": 10.0, "contention": 5.0}
    assert [example.object for example in part(weld.parts, Cause.EXTRANEOUS).examples] == ["q", "p"]
    assert (found.count, found.seconds, seconds(found.parts)) == (3, 16.0, {"extraneous": 11.0, "contention": 5.0})


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


async def test_out_of_a_store(schema: Schema) -> None:
    def step(name: str, activity: str, thing: str, start: int, end: int, by: str) -> ChangeSet:
        links = Link("object", thing, ""), Link("performedBy", f"person/{by}", "")
        times = {"activity": activity, "startedAt": start * MICRO, "completedAt": end * MICRO}
        return ChangeSet(name, "test", end * MICRO, 0, (Assert(f"step/{name}", "Step", times, {}, links),))

    def thing(name: str, object_type: str) -> ChangeSet:
        return ChangeSet(f"{name}@0", "test", 0, 0, (Assert(f"object/{name}", "WorkObject", {"objectType": object_type}),))

    store = open_store("sqlite://")
    await store.prepare(schema)
    await store.apply([
        thing("o", "orders"), thing("s", "stays"),
        step("1", "Enter", "object/o", 20, 30, "E"), step("2", "Verify", "object/o", 60, 70, "N"),
        step("3", "Admit", "object/s", 0, 25, "A"), step("4", "Treat", "object/s", 25, 55, "N"),
    ])  # fmt: skip
    found = await causes(store, schema, "orders")
    await store.close()
    # The order waits from 30 to 60; until 55 the nurse treats a patient who was there at 25.
    assert seconds(found.parts) == {"contention": 25.0, "extraneous": 5.0}
    assert found.parts[0].examples[0][2:5] == ("step/2", "person/N", 25.0)
    assert (found.object_type, found.ontology_version, found.left_out) == ("orders", schema.version, 0)
