"""The outlook, on logs of which it can be worked out by hand: service times do not vary, so that all replays are alike."""

from random import Random

import pytest

from brain.analytics.forecast import Forecast
from brain.analytics.lives import MICRO, Timed
from brain.analytics.outlook import FOR_GOOD, Asked, Down, Late, Outlook, broken, outlook_of
from brain.analytics.replay import play
from brain.analytics.standing import UNENDED, standing
from tests.unit.lives_by_hand import lives

Lives = dict[str, list[Timed]]
AT = 10_000
RUNS = 20


def before(step: str, count: int = 10) -> Lives:
    """So many objects that are through, one every 400 s: their steps, of which {0}, {1}, … are seconds after each came."""
    return lives(**{f"h{n}": step.format(*(400 * n + 400 + s for s in range(400))) for n in range(count)})


def told(log: Lives, *down: Down, at: int = AT, tolerance: int = 5, **more: object) -> dict[str, Late]:
    return {late.id: late for late in outlook(log, *down, at=at, tolerance=tolerance, **more).late}


def outlook(log: Lives, *down: Down, at: int = AT, tolerance: int = 5, **more: object) -> Outlook:
    forecast = Forecast(log, at * MICRO, plans=more.get("plans"))  # type: ignore[arg-type]
    return outlook_of(forecast, down, Asked(RUNS, tolerance * MICRO, able=more.get("able", {})))  # type: ignore[arg-type]


def down(resource: str, since: int, until: int) -> Down:
    return Down(resource, since * MICRO, until * MICRO)


def felt(late: Late) -> tuple[float | None, float]:
    """By how many seconds it is late, and after how many it feels it; the same in all replays."""
    assert late.probability == 1
    assert late.delay_p10_seconds == late.delay_median_seconds == late.delay_p90_seconds
    assert late.impact_low == late.impact_median == late.impact_high
    return late.delay_median_seconds, late.impact_median / MICRO - AT


ONE = "come {0}, do {0}-{120} m"
"""Who comes is served at once, for 120 s, by m."""


def test_one_machine_and_two_that_queue() -> None:
    # a has been on m for 60 s and needs 60 more; b waits. Without: a until 60, b from 60 to 180. Down from 0 to 100, a rests and
    # goes on until 160 (100 late, felt at once), b from 160 to 280 (100 late, felt at 60, when it would have begun).
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m", b="come 9970, do 10060-10180 m")
    found = told(log, down("m", AT, AT + 100))
    assert {name: felt(late) for name, late in found.items()} == {"a": (100, 0), "b": (100, 60)}
    assert [(late.undisturbed_end / MICRO - AT, late.activity) for late in found.values()] == [(60, "do"), (180, "do")]


def test_a_breakdown_that_is_to_come() -> None:
    # Down from 90 to 190: a is through at 60. b begins at 60, rests from 90 to 190, ends at 280 in place of 180: felt at 90.
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m", b="come 9970, do 10060-10180 m")
    assert {name: felt(late) for name, late in told(log, down("m", AT + 90, AT + 190)).items()} == {"b": (100, 90)}


def test_a_queue_passes_on_less_than_there_is_slack() -> None:
    # After do comes pack, on p, for 300 s. p has just begun c, until 300. a comes from m at 60, or 160 late, and waits until 300.
    log = before("come {0}, do {0}-{60} m, pack {60}-{360} p")
    log |= lives(c="come 9940, do 9940-10000 m, pack 10000-10300 p", a="come 10000, do 10000-10060 m, pack 10300-10600 p")
    assert told(log, down("m", AT, AT + 100)) == {}
    # 350 s are 50 more than p is busy for after a would have come: a comes at 410 in place of 60, 110 after p is free.
    assert felt(told(log, down("m", AT, AT + 350))["a"]) == (110, 0)


def test_another_machine_absorbs_it_but_for_what_is_in_hand() -> None:
    # a is on m until 60, and rests for 100. b would have had n at 40, which c leaves then, and has it.
    found = outlook(turns(), down("m", AT, AT + 100))
    assert {late.id: felt(late) for late in found.late} == {"a": (100, 0)}
    (step,) = found.steps
    assert (step.activity, step.down, step.left, step.waiting) == ("do", ("m",), ("n",), 1)


def test_both_machines_absorb_nothing() -> None:
    found = told(turns(), down("m", AT, AT + 100), down("n", AT, AT + 100))
    assert {name: felt(late) for name, late in found.items()} == {"a": (100, 0), "b": (100, 40), "c": (100, 0)}


def test_who_is_declared_able_stands_in() -> None:
    # b waits for m, which has a in hand until 60. With s, never seen, b begins at once: it is not late.
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m", b="come 9970, do 10060-10180 m")
    found = outlook(log, down("m", AT, AT + 100), able={"m": ("s",)})
    assert [late.id for late in found.late] == ["a"]
    assert found.steps[0].left == ("s",)


def played(log: Lives, one: Down, name: str) -> float:
    """When an object ends with x in the place of what is down, seconds from the instant on."""
    forecast = Forecast(log, AT * MICRO)
    drawn = forecast.draw(Random(0), forecast.horizon(one.until))
    ended = play(broken(drawn.floor, [one], {one.resource: ("x",)}), drawn.routes, drawn.fate, drawn.first).ended
    cases = [forecast.running[case].object for case in drawn.routes.case[: drawn.first]]
    return max(end for case, end in zip(cases, ended, strict=False) if case == name) / MICRO - AT


def test_who_stands_in_and_has_work_elsewhere_does_so_while_the_one_is_down_alone() -> None:
    # x paints, and is declared able to do as m does. m has a until 60, and b to f queue. Down from 100 to 300: b, begun at 60,
    # rests, and ends at 380 in place of 180. x does c from 100 on and d from 220 to 340, which would have begun at 180 and 300.
    # m, back, does e from 380 on, not at 420. Had x helped before, b would be done, and c rest; after, it would have e at 340.
    log = before(ONE) | lives(**{f"p{n}": f"paint {400 * n}-{400 * n + 30} x" for n in range(10)})
    log |= lives(a="come 9940, do 9940-10060 m")
    log |= {name: lives(x=f"come {9970 + i}")["x"] for i, name in enumerate("bcdef")}
    found = outlook(log, down("m", AT + 100, AT + 300), able={"m": ("x",)})
    assert {late.id: felt(late) for late in found.late} == {"b": (200, 100)}
    ends = [played(log, down("m", AT + 100, AT + 300), name) for name in "abcdef"]
    assert ends == [60, 380, 220, 340, 500, 620]
    floor = broken(Forecast(log, AT * MICRO).queues.floor, [down("m", AT + 100, AT + 300)], {"m": ("x", "new")})
    do = floor.activities.index("do")
    lent = {floor.resources[resource]: spans for (activity, resource), spans in floor.lent.items() if activity == do}
    assert lent == dict.fromkeys(("x", "new"), (((AT + 100) * MICRO, (AT + 300) * MICRO),))


def test_what_has_passed_the_machine_is_not_affected() -> None:
    # a is on p; b is still to come to m: it would have had it at 30, and has it at 100.
    log = before("come {0}, cut {0}-{50} k, do {50}-{110} m, pack {110}-{200} p")
    log |= lives(
        a="come 9830, cut 9830-9880 k, do 9880-9940 m, pack 9940-10030 p",
        b="come 9980, cut 9980-10030 k, do 10030-10090 m, pack 10090-10180 p",
    )
    assert {name: felt(late) for name, late in told(log, down("m", AT, AT + 100)).items()} == {"b": (70, 30)}


def test_what_comes_when_the_machine_is_back_is_not_affected() -> None:
    log = before("come {0}, cut {0}-{50} k, do {50}-{110} m") | lives(b="come 9980, cut 9980-10030 k")
    assert told(log, down("m", AT, AT + 30)) == {}


def test_down_for_good() -> None:
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m")
    late = told(log, Down("m", AT * MICRO, AT * MICRO + FOR_GOOD))["a"]
    assert (late.probability, late.delay_median_seconds) == (1, None)


def test_less_than_the_tolerance_is_not_late() -> None:
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m")
    assert told(log, down("m", AT, AT + 100), tolerance=100) == {}
    assert [*told(log, down("m", AT, AT + 101), tolerance=100)] == ["a"]


def two_ways(first: int, others: int) -> Lives:
    """Of the objects that are through, `first` went from k to m and `others` to n."""
    log: Lives = {}
    for i, way in enumerate(["m"] * first + ["n"] * others):
        log[f"h{i}"] = lives(x=f"cut {400 * i}-{400 * i + 50} k, on-{way} {400 * i + 50}-{400 * i + 99} {way}")["x"]
    return log


def turns() -> Lives:
    """Objects that are through, done by m and n in turns; and now a is on m until 60, c on n until 40, and b waits."""
    log = {f"h{i}": lives(x=f"come {400 * i}, do {400 * i}-{400 * i + 120} {'mn'[i % 2]}")["x"] for i in range(12)}
    return log | lives(a="come 9940, do 9940-10060 m", c="come 9920, do 9920-10040 n", b="come 9990, do 10040-10160 n")


@pytest.mark.parametrize(("first", "told_late"), [(15, True), (5, False)])
def test_the_probability_is_that_of_the_way(first: int, told_late: bool) -> None:
    # Of 20 that came from k, 15 went to m: three in four replays, give or take four standard deviations of 200 draws.
    forecast = Forecast(two_ways(first, 20 - first) | lives(a="cut 9980-10030 k"), AT * MICRO)
    found = outlook_of(forecast, [down("m", AT, AT + 500)], Asked(200, 5 * MICRO))
    assert bool(found.late) is told_late
    if told_late:
        assert found.late[0].probability == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 200) ** 0.5)


def rush_first() -> Lives:
    """Of each three that come within 20 s the last overtakes the second: rush is served first. All take 100 s on m."""
    log = {}
    for n in range(12):
        first = 700 * n + 400
        begins = {"first": first, "second": first + 200, "third": first + 100}
        for i, (name, start) in enumerate(begins.items()):
            log[f"{name}{n}"] = f"come {first + 10 * i}, do {start}-{start + 100} m"
    return lives(**log)


def test_who_was_overtaken_is_not_rush_and_waits_on() -> None:
    # waits came at -240; then one that had come at -220 was begun, so that waits is not rush. rush has come and is. The machine
    # is free at 150, when it is back: rush until 250, waits from then on at the earliest.
    log = rush_first() | lives(
        zero="come 9740, do 9750-9850 m",
        waits="come 9760",
        jumps="come 9780, do 9850-9950 m",
        now="come 9900, do 9950-10050 m",
        rush="come 9980",
    )
    plans = {"waits": ["do"], "now": [], "rush": ["do"]}
    late = told(log, down("m", AT, AT + 100), plans=plans)
    assert (late["now"].undisturbed_end, late["rush"].undisturbed_end) == ((AT + 50) * MICRO, (AT + 150) * MICRO)
    assert late["waits"].undisturbed_end >= (AT + 250) * MICRO


def test_one_that_went_on_late_keeps_not_all_there() -> None:
    # Thirty are done, one every 100 s; the first is done once more after 7,000 s. None of the others has waited for as long, but
    # of eleven that have waited as long as the twelfth has one went on: 1/11 < 1/10, so it is through, and so are all after it.
    log = {f"h{n:02}": f"come {4000 + 100 * n}, do {4000 + 100 * n}-{4050 + 100 * n} m" for n in range(30)}
    log["h00"] += ", do 11050-11100 m"
    forecast = Forecast(lives(**log), 11_100 * MICRO)
    assert [one.object for one in forecast.running] == [f"h{n:02}" for n in range(1, 11)]


def test_where_there_is_a_due_date_late_is_after_it() -> None:
    # As above: without, a ends at 60 and b at 180; with m down from 0 to 100, at 160 and at 280.
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m", b="come 9970, do 10060-10180 m")
    forecast = Forecast(log, AT * MICRO)
    due = {"a": (AT + 150) * MICRO, "b": (AT + 280) * MICRO}
    found = outlook_of(forecast, [down("m", AT, AT + 100)], Asked(RUNS, 5 * MICRO, due=due))
    (late,) = found.late
    assert (late.id, late.due, late.overdue_seconds, late.delay_median_seconds) == ("a", due["a"], 10, 100)
    assert found.in_time == 1
    # What is past its due date anyway is late if it becomes later still.
    past = outlook_of(forecast, [down("m", AT, AT + 100)], Asked(RUNS, 5 * MICRO, due={"b": (AT - 20) * MICRO}))
    assert [(one.id, one.due is None, one.overdue_seconds) for one in past.late] == [("a", True, None), ("b", False, 300)]
    assert past.in_time == 0


def test_what_never_ends_is_late_however_far_its_due_date_is() -> None:
    # A due date of 31 December 9999 is how many a system says that there is none.
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m", b="come 9970, do 10060-10180 m")
    due = dict.fromkeys("ab", 253_402_214_400 * MICRO)
    found = outlook_of(Forecast(log, AT * MICRO), [Down("m", AT * MICRO, AT * MICRO + FOR_GOOD)], Asked(RUNS, 5 * MICRO, due=due))
    assert [late.id for late in found.late] == ["a", "b"]
    assert {(late.delay_median_seconds, late.overdue_seconds) for late in found.late} == {(None, None)}
    # Six years past it, and 160 s, is no end that never comes.
    ago = 6 * 365 * 86_400
    asked = Asked(RUNS, 5 * MICRO, due={"a": (AT - ago) * MICRO})
    (late, _) = outlook_of(Forecast(log, AT * MICRO), [down("m", AT, AT + 100)], asked).late
    assert (late.id, late.overdue_seconds) == ("a", ago + 160)


def test_the_tolerance_of_what_is_down_for_good_is_a_tenth_of_a_long_life() -> None:
    # Ten lives of 120 s.
    found = outlook_of(Forecast(before(ONE), AT * MICRO), [Down("m", AT * MICRO, AT * MICRO + FOR_GOOD)], Asked(RUNS))
    assert found.tolerance_seconds == 12


def test_of_two_steps_beside_each_other_the_one_that_ends_last_is_that_after_which_nothing_came() -> None:
    # Fifteen did short while they did long, and then no more; one did pack 2,000 s after long.
    life = "come {0}, long {10}-{90} m, short {20}-{30} n"
    log = {f"h{i:02}": life.format(*range(100 * i, 100 * i + 100)) for i in range(15)}
    log["h00"] += ", pack 2090-2100 p"
    assert Forecast(lives(**log), 5000 * MICRO).running == ()


def test_what_somebody_planned_is_not_guessed() -> None:
    log = two_ways(15, 5) | lives(a="cut 9980-10030 k")
    assert told(log, down("m", AT, AT + 500), plans={"a": ["on-n"]}) == {}
    assert felt(told(log, down("n", AT, AT + 500), plans={"a": ["on-n"]})["a"]) == (470, 30)


def test_a_plan_with_nothing_left_is_an_object_that_is_through() -> None:
    log = two_ways(15, 5) | lives(a="cut 9980-9990 k")
    assert Forecast(log, AT * MICRO, plans={"a": []}).running == ()


def test_nothing_after_the_instant_is_looked_at() -> None:
    log = before(ONE) | lives(a="come 9940, do 9940-10060 m", b="come 9970, do 10060-10180 m", c="come 10010, do 10180-10300 m")
    cut = before(ONE) | lives(a="come 9940", b="come 9970")
    cut["a"].append(log["a"][1]._replace(end=UNENDED, took=None))
    assert outlook(log, down("m", AT, AT + 100)) == outlook(cut, down("m", AT, AT + 100))


def test_the_order_of_the_log_leaves_no_trace() -> None:
    log = before("cut {0}-{50} k, do {50}-{110} m, pack {110}-{200} p") | two_ways(8, 8) | lives(a="cut 9980-10030 k")
    names = [*log]
    Random(1).shuffle(names)
    assert outlook(log, down("m", AT, AT + 90)) == outlook({name: log[name] for name in names}, down("m", AT, AT + 90))


def test_what_nobody_uses_affects_nothing() -> None:
    found = outlook(before(ONE) | lives(a="come 9940, do 9940-10060 m"), down("z", AT, AT + 100))
    assert (found.late, found.steps, found.runs) == ((), (), 0)
    assert found.reason == "no step was seen to be carried out by what is down"


def test_an_object_that_does_what_nobody_did_is_unforeseen() -> None:
    found = outlook(before(ONE) | lives(a="come 9940, polish 9950-10060 m"), down("m", AT, AT + 100))
    assert (found.running, found.unforeseen) == (0, 1)


def test_no_time_left_is_a_partial_answer() -> None:
    forecast = Forecast(before(ONE) | lives(a="come 9940, do 9940-10060 m"), AT * MICRO)
    found = outlook_of(forecast, [down("m", AT, AT + 100)], Asked(RUNS, until=0))
    assert (found.runs, found.partial, len(found.late)) == (1, True, 1)


def test_a_step_without_an_end_is_under_way_where_it_is_the_last() -> None:
    log = lives(a="x 10 m, y 20 m", b="x 10 m")
    log = {name: [step._replace(end=UNENDED) for step in life] for name, life in log.items()}
    stood = standing(log, 100 * MICRO)
    assert {name: [s.activity for s in steps] for name, steps in stood.done.items()} == {"a": ["x"]}
    assert {name: [s.activity for s in steps] for name, steps in stood.under_way.items()} == {"a": ["y"], "b": ["x"]}
