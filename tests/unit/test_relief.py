"""What would help, on logs of which the gain can be worked out by hand. Service times do not vary, so that all runs are alike."""

from collections.abc import Sequence
from random import Random

import pytest

from brain.analytics.calendars import DAY, HOUR, calendar
from brain.analytics.calibration import Interval
from brain.analytics.causes import Context, causes_of
from brain.analytics.lives import Timed
from brain.analytics.overtaking import NOT, RUSH, Waited, ranks_of
from brain.analytics.queues import queues_of
from brain.analytics.relief import Action, Reliefs, Target, gain, relief, relief_of
from brain.model import Assert, ChangeSet, Link
from brain.stores import open_store
from ontology import load_schema

Lives = dict[str, list[Timed]]
MONDAY = 4 * DAY + 2600 * 7 * DAY
RUNS = 20


def life(name: str, *steps: tuple[str, float, float, str | None]) -> list[Timed]:
    """Steps as (activity, start, end, resource), in hours since a Monday."""
    found = []
    for i, (activity, start, end, resource) in enumerate(steps):
        first, last = (MONDAY + round(hour * HOUR) for hour in (start, end))
        found.append(Timed(first, last, i, f"{name}/{i}", activity, last - first, None, resource))
    return found


def told(lives: Lives, *targets: Target, context: Context = Context()) -> Reliefs:
    return relief_of(lives, causes_of(lives, "handover", context), context, targets=targets or None, runs=RUNS)


def exactly(hours: float) -> Interval:
    return Interval(*[pytest.approx(hours * 3600)] * 3)  # type: ignore[arg-type]


def too_slow() -> Lives:
    """Every two hours one of twenty arrives, and Ann takes three for each: the n-th, counted from 0, begins at 3n and waits n."""
    return {f"c{n:02}": life(f"c{n:02}", ("open", 2 * n, 2 * n, None), ("do", 3 * n, 3 * n + 3, "Ann")) for n in range(20)}


def test_one_more_resource_takes_away_a_queue() -> None:
    # Lead times are 3, 4, …, 22 h: median 12.5, p95 = 3 + 0.95 · 19 = 21.05. With two each is begun when it arrives: 3 h.
    found = told(too_slow(), Target("do", Action.ONE_MORE_RESOURCE))
    (said,) = found.reliefs
    assert said.gain_median == exactly(9.5)
    assert said.gain_p95 == exactly(18.05)
    assert (said.median_before, said.median_after) == (12.5 * 3600, 3 * 3600)
    assert said.waiting == sum(range(20)) * 3600
    assert said.trusted
    assert found.calibration is not None
    assert (found.calibration.median_error, found.calibration.p95_error) == (0, 0)
    assert (found.objects, found.replayed, found.steps) == (20, 20, 40)


def test_the_causes_say_what_is_worth_trying() -> None:
    (said,) = told(too_slow()).reliefs
    assert (said.activity, said.action, said.cause) == ("do", Action.ONE_MORE_RESOURCE, "contention")


def test_half_the_batch_halves_the_waiting_for_its_members() -> None:
    # One an hour, four together, one hour of work: waits 3, 2, 1, 0, lead times 4, 3, 2, 1, median 2.5. Of two: 2, 1, median 1.5.
    # p95 of twelve lies at 0.95 · 11 = 10.45, between the eleventh and the twelfth: 4, and 2.
    lives = {}
    for n in range(12):
        begins = n - n % 4 + 3
        lives[f"c{n:02}"] = life(f"c{n:02}", ("open", n, n, None), ("bake", begins, begins + 1, "oven"))
    (said,) = told(lives, Target("bake", Action.HALF_THE_BATCH)).reliefs
    assert said.gain_median == exactly(1)
    assert said.gain_p95 == exactly(2)
    assert said.cause == "batching"


def test_who_is_always_there_serves_what_comes_at_night() -> None:
    # One arrives each midnight and is served at eight for an hour: 9 h, and 1 h if somebody were there.
    lives = {}
    for n in range(10):
        lives[f"c{n}"] = life(f"c{n}", ("open", 24 * n, 24 * n, None), ("do", 24 * n + 8, 24 * n + 9, "Ann"))
    given = calendar([(day * DAY + 8 * HOUR, day * DAY + 17 * HOUR) for day in range(7)])
    (said,) = told(lives, Target("do", Action.ALWAYS_AVAILABLE), context=Context(calendars={"Ann": given})).reliefs
    assert said.gain_median == said.gain_p95 == exactly(8)
    assert said.cause == "unavailability"


def test_a_device_that_was_down_is_away() -> None:
    # Down from 10 to 16. The one of 12 waits 4 h, three others are served at once. Lead times 1, 1, 1, 5: p95 = 1 + 0.85 · 4.
    lives = {f"c{n}": life(f"c{n}", ("open", n, n, None), ("do", n, n + 1, "press")) for n in (0, 4, 8)}
    lives["c9"] = life("c9", ("open", 12, 12, None), ("do", 16, 17, "press"))
    context = Context(states={"press": [(MONDAY + 10 * HOUR, MONDAY + 16 * HOUR, "down")]})
    (said,) = told(lives, Target("do", Action.ALWAYS_AVAILABLE), context=context).reliefs
    assert said.gain_median == exactly(0)
    assert said.gain_p95 == exactly(3.4)


def test_a_device_that_was_down_let_no_queue_grow() -> None:
    # Down from 10 to 16, while three come, which are done back to back afterwards: waits of 5.5, 6 and 6 h, of which the first is
    # for the device alone, the others for those before them too, from 16 on. Had it been idle it would have looked like a batch.
    lives = {f"a{n}": life(f"a{n}", ("open", n, n, None), ("do", n, n + 1, "press")) for n in (0, 4, 8)}
    for n, (came, begins) in enumerate(((10.5, 16), (11, 17), (12, 18))):
        lives[f"b{n}"] = life(f"b{n}", ("open", came, came, None), ("do", begins, begins + 1, "press"))
    down = Context(states={"press": [(MONDAY + 10 * HOUR, MONDAY + 16 * HOUR, "down")]})
    seconds = {part.cause: part.seconds / 3600 for part in causes_of(lives, "handover", down).activities[0].parts}
    assert seconds == {"unavailability": 5.5 + 5 + 4, "contention": 0 + 1 + 2}


def test_a_shift_is_believed_where_work_waited_for_it() -> None:
    # Each midnight six come. Ann begins at eight and takes an hour for each, Bob follows at once: both are seen by day alone. But
    # for Ann work waits in the morning, for Bob nothing ever does.
    lives = {}
    for day in range(30):
        for n in range(6):
            name, done = f"c{day:02}-{n}", 24 * day + 8 + n + 1
            steps = (("open", 24 * day, 24 * day, None), ("do", done - 1, done, "Ann"), ("check", done, done + 0.5, "Bob"))
            lives[name] = life(name, *steps)
    floor = queues_of(lives, Context(), 10_000).floor
    away = dict(zip(floor.resources, floor.away, strict=True))
    assert away["Ann"][1] == (MONDAY + 14 * HOUR, MONDAY + 32 * HOUR)
    assert away["Bob"] == ()


def test_a_delay_that_nobody_explains_can_be_left_out() -> None:
    # Ann is free all day, and yet begins five hours after each of the twenty has arrived.
    lives = {}
    for n in range(20):
        lives[f"c{n:02}"] = life(f"c{n:02}", ("open", 10 * n, 10 * n, None), ("do", 10 * n + 5, 10 * n + 6, "Ann"))
    (said,) = told(lives, Target("do", Action.NO_DELAY)).reliefs
    assert said.gain_median == said.gain_p95 == exactly(5)
    assert said.cause == "extraneous"


def rushed() -> Lives:
    """Each day a job of 4 h comes at 0, a plain one of 1 h at 1, rush ones of 1 h at 2 and 3. The rush ones are served first, at
    4 and 5, and the plain one at 6. Lead times: 4; 6; 3; 3."""
    lives = {}
    for day in range(20):
        at = 24 * day
        for name, arrives, begins, takes in (("long", 0, 0, 4), ("plain", 1, 6, 1), ("rush1", 2, 4, 1), ("rush2", 3, 5, 1)):
            case = f"{name}-{day:02}"
            kind = "press" if name == "long" else "mend"
            begun = ("start" if name == "long" else "open", at + arrives, at + arrives, None)
            lives[case] = life(case, begun, (kind, at + begins, at + begins + takes, "Ann"))
    return lives


def test_delays_go_with_the_length_of_the_way() -> None:
    # Forty are amended once, after 20 h; forty ten times, after 2 h each. An hour of work each: leads 21 and 30 h, median 25.5.
    # Delays drawn from all together would be of 2 h in ten cases of eleven, and most of the forty through after 3 h.
    lives = {}
    for n in range(80):
        loops, delay = (1, 20) if n % 2 else (10, 2)
        amended = [(100 * n + i * (delay + 1) + delay, 100 * n + (i + 1) * (delay + 1)) for i in range(loops)]
        opened = ("open", 100 * n, 100 * n, None)
        lives[f"c{n:02}"] = life(f"c{n:02}", opened, *[("amend", start, end, "Ann") for start, end in amended])
    found = told(lives, Target("amend", Action.NO_DELAY)).calibration
    assert found is not None
    assert (found.replay_median, found.replay_p95) == (exactly(25.5), exactly(30))


def test_who_also_works_for_others_takes_what_waits_longest() -> None:
    # Ann treats a patient an hour, from half past on. An order comes at 4:10 and is served at 5:30, after patients of 3 and 4:
    # those of 5 and later wait for it. With one more for orders alone it is served at once, 80 minutes sooner.
    patients = {}
    for n in range(10):
        begins = n + (n > 4) + 0.5
        patients[f"p{n}"] = life(f"p{n}", ("come", n, n, None), ("treat", begins, begins + 1, "Ann"))
    orders = {"o": life("o", ("order", 25 / 6, 25 / 6, None), ("dispense", 5.5, 6.5, "Ann"))}
    context = Context(elsewhere=[patients])
    found = told(orders, Target("dispense", Action.ONE_MORE_RESOURCE), context=context)
    assert found.calibration is not None
    assert found.calibration.replay_median == exactly(6.5 - 25 / 6)
    assert found.reliefs[0].gain_median == exactly(4 / 3)


def test_first_come_first_served_helps_who_was_overtaken() -> None:
    # In the order of arrival: plain at 4, the rush ones at 5 and 6. Lead times 4; 4; 4; 4 in place of 4; 6; 3; 3. The median was
    # 3.5 and is 4; the p95 was 6 and is 4.
    (said,) = told(rushed(), Target("mend", Action.FIRST_COME_FIRST_SERVED)).reliefs
    assert said.gain_median == exactly(-0.5)
    assert said.gain_p95 == exactly(2)


def test_ranks_are_seen_by_who_overtakes_whom() -> None:
    # 0 begins at 10; 2 and 3 overtake 1; 4 came while 1 waited and did not overtake it; 5 met nobody.
    steps = [Waited(*of) for of in ((0, 10, 0), (1, 30, 1), (2, 20, 2), (3, 25, 3), (4, 40, 4), (60, 60, 5))]
    ranks, overtaking = ranks_of(steps)
    assert ranks is not None
    assert ranks.known == {1: NOT, 2: RUSH, 3: RUSH, 4: NOT}
    # Of those who met a step that is known not to be rush (2, 3 and 4) two are rush.
    assert ranks.share == 2 / 3
    assert overtaking == 2


def test_last_come_first_served_is_no_rank() -> None:
    # Each that comes overtakes all before it: 1 is overtaken by 2, 2 by 3, and so on, so that no two ranks explain it.
    steps = [Waited(n, 100 - n, n) for n in range(20)]
    assert ranks_of(steps) == (None, 19)


@pytest.mark.parametrize("action", list(Action))
def test_what_is_no_bottleneck_gains_nothing(action: Action) -> None:
    # After the queue for Ann, each object goes to Bob, who is always free: he takes 1 h of the 3 in which one comes.
    lives = {name: [*steps, *_after(steps)] for name, steps in too_slow().items()}
    (said,) = told(lives, Target("check", action)).reliefs
    assert said.gain_median == said.gain_p95 == exactly(0)
    assert not said.trusted
    assert "changes nothing" in said.reason


def _after(steps: Sequence[Timed]) -> list[Timed]:
    last = steps[-1]
    return [Timed(last.end, last.end + HOUR, 2, last.step + "+", "check", HOUR, None, "Bob")]


def test_a_replay_that_misses_the_log_is_not_trusted() -> None:
    # Six objects in ten take 10 h in each of five steps, four 0.1 h: the median lead time is 50 h. Replayed, each step draws its
    # time anew, in the mean 6.04 h, five of them 30.2 h. Nobody waits: each step of each object has a resource of its own.
    lives = {}
    for n in range(50):
        takes = 10.0 if n % 5 < 3 else 0.1
        steps = [(f"s{i}", 100 * n + i * takes, 100 * n + (i + 1) * takes, f"r{i}") for i in range(5)]
        lives[f"c{n:02}"] = life(f"c{n:02}", *steps)
    found = told(lives, Target("s1", Action.ONE_MORE_RESOURCE))
    assert found.calibration is not None
    assert found.calibration.log_median == pytest.approx(50 * 3600)
    assert found.calibration.median_error == pytest.approx(-0.4, abs=0.15)
    assert not found.calibration.trusted
    assert "median" in found.calibration.reason
    assert not found.reliefs[0].trusted


def test_the_order_in_which_a_log_is_read_leaves_no_trace() -> None:
    random = Random(3)
    lives = rushed()
    names = list(lives)
    random.shuffle(names)
    assert told({name: lives[name] for name in names}) == told(lives)


def test_the_newest_cases_are_replayed_and_what_they_found_under_way() -> None:
    # 40 steps, of which 10 are allowed: the five newest objects, which arrive from 30 on. When they begin, the work on c09 to c14
    # has still to begin (27 to 42), and comes with them, but c09, which began before.
    queues = queues_of(too_slow(), Context(), 10)
    assert [queues.routes.objects[i] for i in queues.lead] == [f"c{n}" for n in range(15, 20)]
    assert sorted(set(queues.routes.objects)) == [f"c{n}" for n in range(10, 20)]


def test_how_many_of_the_replayed_are_cut_by_the_end_of_the_log_is_told() -> None:
    # One an hour, done within the hour; every other one has a second step 40 hours later, unless the log ends before, at 60.
    # So 10 of 60 lead times are 41 hours, the others 1.
    lives = {}
    for n in range(60):
        later = [("again", n + 40, n + 41, "Ann")] if n % 2 and n + 41 <= 60 else []
        lives[f"c{n:02}"] = life(f"c{n:02}", ("do", n, n + 1, "Ann"), *later)
    # Of each of the newest 20 the log tells for 1 to 20 hours: one lead time in six is longer.
    assert queues_of(lives, Context(), 20).window.cut == pytest.approx(1 / 6)
    # Of all 60 that holds for 40, of which less than 41 hours are told: one in nine.
    assert any("11 % of them were still open when the log ended" in said for said in told(lives).assumptions)
    # Here the newest has the longest lead time: nothing shows that any was cut.
    found = told(too_slow()).assumptions
    assert not any("still open" in said for said in found)
    assert "the objects replayed are those that arrived from 2019-11-04 00:00:00 to 2019-11-05 14:00:00 (UTC)" in found


def test_without_starts_or_resources_it_says_why_not() -> None:
    no_starts = {name: [step._replace(start=step.end, took=None) for step in steps] for name, steps in too_slow().items()}
    nobody = {name: [step._replace(resource=None) for step in steps] for name, steps in too_slow().items()}
    for lives, reason in ((no_starts, "no step has a start"), (nobody, "who carried it out")):
        found = told(lives)
        assert found.reliefs == ()
        assert found.calibration is None
        assert reason in found.reason


def test_fewer_than_twenty_runs_are_refused() -> None:
    lives = too_slow()
    with pytest.raises(ValueError, match="19 runs"):
        relief_of(lives, causes_of(lives), runs=19)


def test_a_gain_is_told_for_the_log_as_it_was() -> None:
    # Runs of 10, 20, 30, … in which half of the time is gained. The log has 24: it gains 12, whatever the runs were.
    before = [10.0 * n for n in range(1, 21)]
    assert gain(24.0, before, [b / 2 for b in before], share=0) == pytest.approx((12, 12, 12))


def test_what_the_replays_miss_of_the_log_may_be_gained_too() -> None:
    # Runs of 10 to 30, of which 5 are always gained. The 95 % quantile of 21 runs is the 20.9th, 29.9. The log has 33.9, 4 more,
    # and half of all waiting is before the activity: 2 may be gained beside the 5, or not. A log of 24 is nothing unusual.
    before = [10.0 + n for n in range(21)]
    assert gain(33.9, before, [b - 5 for b in before], share=0.5) == pytest.approx((5, 6, 7))
    assert gain(24.0, before, [b - 5 for b in before], share=0.5) == pytest.approx((5, 5, 5))


async def test_relief_reads_a_store() -> None:
    store, schema = open_store("sqlite://"), load_schema()
    await store.prepare(schema)
    changes = [ChangeSet("ann", "t", 0, 0, (Assert("person/ann", "Person", {}),))]
    for name, steps in too_slow().items():
        changes.append(ChangeSet(name, "t", 0, 0, (Assert(f"object/{name}", "WorkObject", {"objectType": "case"}),)))
        for step in steps:
            tells = {"activity": step.activity, "startedAt": step.start, "completedAt": step.end}
            links = [Link("object", f"object/{name}", "")]
            if step.resource:
                links.append(Link("performedBy", "person/ann", ""))
            changes.append(
                ChangeSet(step.step, "t", step.end, 0, (Assert(f"step/{step.step}", "Step", tells, {}, tuple(links)),))
            )
    await store.apply(changes)
    try:
        (said,) = (await relief(store, schema, "case")).reliefs
    finally:
        await store.close()
    assert said.activity == "do"
    assert said.gain_median == exactly(9.5)
