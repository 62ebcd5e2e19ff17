"""A process report in the forms of programs, and its parts in words: worked by hand on small examples."""

import csv
import io

import orjson
import pytest

from brain.analytics.lives import MICRO, Timed
from brain.analytics.process_material import Asked, Material, Period, Section
from brain.analytics.process_report import ProcessReport, compose, lead_time
from brain.cli.report_forms import SHEETS, csv_text, json_text
from brain.reports.charts import Part, Scale
from brain.reports.document import document
from brain.reports.finding import finding
from brain.reports.lettering import width_of, wrapped
from brain.reports.process_map import MOST_EDGES, process_map
from brain.reports.why import waterfall
from brain.words import amount, change, duration, interval, iso, moment, share, things
from tests.reports import PLAIN, complete, large, random_lives


def step(name: str, activity: str, start: int, end: int, resource: str | None = "r") -> Timed:
    """A step with times in seconds."""
    return Timed(start * MICRO, end * MICRO, -1, name, activity, (end - start) * MICRO, None, resource)


LIVES = {
    # Cut 0–10, Weld 28–43: waits 18 for W, which is busy with y's Weld from 12 to 25, and idle before and after that.
    "x": [step("x1", "Cut", 0, 10, "C"), step("x2", "Weld", 28, 43, "W")],
    # Cut 2–12 overlaps x's; Weld begins at once. Then Paint begins 4 before Weld has ended.
    "y": [step("y1", "Cut", 2, 12, "D"), step("y2", "Weld", 12, 25, "W"), step("y3", "Paint", 21, 30, "P")],
}


def made(asked: Asked = Asked(sections=frozenset({Section.CAUSES}))) -> ProcessReport:
    return compose(Material("part", "v1", asked, 0, LIVES, {}, {}, "", {}, frozenset()))


def test_the_lead_time_is_work_and_waiting_less_what_happened_at_once() -> None:
    found = lead_time(LIVES)
    # x: 0 to 43. y: 2 to 30. Work: 10 + 15 + 10 + 13 + 9 = 57. Waiting: 18. At once: 4. 57 + 18 − 4 = 71 = 43 + 28.
    assert (found.total_seconds, found.work_seconds, found.waiting_seconds, found.overlap_seconds) == (71, 57, 18, 4)


def test_the_waterfall_falls_from_work_through_the_causes_and_rises_by_what_happened_at_once() -> None:
    report = made()
    assert report.causes is not None
    falls = waterfall(report.lead_time, 2, report.causes)
    # Of 75 (71 and the 4 counted twice): work 57, then the 18 that x waited: W was busy with y for 13 and idle for 2 + 3.
    assert [(fall.name, fall.mean) for fall in falls] == [
        ("Work", "28.5 s"), ("Prioritisation", "6.5 s"), ("Extraneous", "2.5 s"), ("At once", "−2.0 s"), ("Lead time", "35.5 s"),
    ]  # fmt: skip
    edges = [(fall.part.left * 0.75, (fall.part.left + fall.part.width) * 0.75) for fall in falls]
    assert edges == [pytest.approx(pair) for pair in [(0, 57), (57, 70), (70, 75), (71, 75), (0, 71)]]


def test_the_finding_names_the_wait_its_share_and_its_cause() -> None:
    assert finding(made()) == [
        "Work waits longest between 'Cut' and 'Weld': 18.0 s in all, 9.0 s in the mean over 2 handovers.",
        "That one handover is 100 % of all waiting.",
        "72 % of that wait is prioritisation: whoever does it took work first that was ready later (seen with W).",
        "'Weld' takes longest once it has begun (14.0 s in the mean), but that is work.",
    ]


def test_evidence_has_the_steps_of_the_longest_wait() -> None:
    (evidence, *_) = made().evidence
    (wait,) = evidence.waits
    assert (wait.object.id, wait.previous.id, wait.next.id, wait.seconds) == ("x", "x1", "x2", 18)
    assert (wait.previous.ended, wait.next.started, wait.next.resource) == (10 * MICRO, 28 * MICRO, "W")


def test_what_is_not_asked_for_or_cannot_be_told_is_absent_with_its_reason() -> None:
    asked = Asked(period=Period(0, None), sections=frozenset({Section.CAUSES, Section.CHANGE, Section.MACHINES}))
    found = {part.section: part.reason for part in made(asked).absent}
    assert found["confidence"] == found["times"] == found["relief"] == "not asked for"
    assert "the period is open" in found["change"]
    assert found["machines"] == "nothing that carries out these steps reports its states"
    assert "causes" not in found


def test_nothing_that_waits_is_said_to_wait_for_nothing() -> None:
    lives = {"x": [step("1", "a", 0, 10), step("2", "b", 10, 20)]}
    report = compose(Material("part", "v1", Asked(sections=frozenset()), 0, lives, {}, {}, "", {}, frozenset()))
    assert finding(report) == ["Nothing waits: every step begins when the one before it ends, or earlier."]
    alone = {"x": [step("1", "a", 0, 10)]}
    assert finding(compose(Material("part", "v1", Asked(sections=frozenset()), 0, alone, {}, {}, "", {}, frozenset()))) == []


def test_a_period_before_is_as_long_and_ends_where_it_begins() -> None:
    assert Period(10, 14).before() == (6, 10)
    assert Period(10, None).before() is None


def test_the_class_of_machines_is_called_as_graphql_calls_it() -> None:
    found = document(complete())["machines"]
    assert found["class"] == "Robot"
    assert "cls" not in found


def test_every_sheet_is_a_table_with_a_heading_and_the_figures_of_the_document() -> None:
    whole = orjson.loads(json_text(complete()))
    assert whole["absent"] == []
    for sheet in SHEETS:
        heading, *rows = csv.reader(io.StringIO(csv_text(complete(), sheet)))
        assert rows, sheet
        assert {len(row) for row in rows} == {len(heading)}, sheet
    causes = list(csv.DictReader(io.StringIO(csv_text(complete(), "causes"))))
    assert sum(float(row["causeSeconds"]) for row in causes) == pytest.approx(whole["causes"]["seconds"])
    relief = list(csv.DictReader(io.StringIO(csv_text(complete(), "relief"))))
    assert [float(row["gainMedian"]) for row in relief] == [r["gainMedian"]["mid"] for r in whole["relief"]["reliefs"]]


def test_a_document_has_camel_case_names_texts_for_instants_and_lists() -> None:
    found = document(made())
    assert found["waits"]["edges"][0]["meanSeconds"] == 9
    assert found["evidence"][0]["waits"][0]["next"]["started"] == "1970-01-01T00:00:28.000000Z"
    assert found["causes"]["edges"][0]["parts"][0]["examples"][0]["until"] == "1970-01-01T00:00:25.000000Z"
    assert found["since"] is None


def test_a_map_of_many_handovers_has_the_most_important_and_says_so() -> None:
    waits = large().waits
    found = process_map(waits)
    assert found is not None
    assert (found.shown, found.partial) == (MOST_EDGES, len(waits.edges) > MOST_EDGES)
    titles = " ".join(arrow.title for arrow in found.arrows) + " ".join(a.name for a in found.activities)
    for edge in waits.edges[: MOST_EDGES // 2]:
        assert edge.source in titles
        assert edge.target in titles


def test_the_wider_the_arrow_the_longer_the_mean_wait() -> None:
    waits = complete().waits
    found = process_map(waits)
    assert found is not None
    means = {f"{e.source} → {e.target}": e.mean_seconds for e in waits.edges}
    drawn = sorted((means[arrow.title.partition(":")[0]], arrow.width) for arrow in found.arrows)
    assert [width for _, width in drawn] == sorted(width for _, width in drawn)
    for arrow in found.arrows:  # a head points to where the arrow ends
        tip, left, right = (tuple(map(float, point.split(","))) for point in arrow.head.split())
        assert left[1] == right[1] != tip[1]
        assert left[0] < tip[0] < right[0]
        target = next(a.rect for a in found.activities if a.name == arrow.title.partition(":")[0].partition(" → ")[2])
        assert min(abs(tip[1] - target.y), abs(tip[1] - target.bottom)) < 0.06


def test_texts_are_broken_to_their_width() -> None:
    lines = wrapped("Check credit worthiness of customer", 120, 3, 13, bold=True)
    assert " ".join(lines) == "Check credit worthiness of customer"
    assert all(width_of(line, 13, bold=True) <= 120 for line in lines)
    assert wrapped("W" * 60, 120, 2, 13)[1].endswith("…")
    assert wrapped("", 120, 2, 13) == []


def test_figures_in_words() -> None:
    assert [duration(s) for s in (None, 0, 59.94, 60, 5400, 129600, -90)] == [
        "–", "0.0 s", "59.9 s", "1.0 min", "1.5 h", "1.5 d", "−1.5 min",
    ]  # fmt: skip
    assert [duration(s) for s in (-0.01, -0.06)] == ["0.0 s", "−0.1 s"]
    assert [change(s) for s in (60, -60, 0)] == ["+1.0 min", "−1.0 min", "0.0 s"]
    assert [interval(60, 120), interval(60, 60.5)] == ["1.0 min to 2.0 min", "1.0 min"]
    assert [share(3, 4), share(0.001), share(0), share(1, 0)] == ["75 %", "< 1 %", "0 %", "–"]
    assert [amount(n) for n in (1234.5, 3, 1.23, 0.0123)] == ["1,234", "3", "1.2", "0.012"]
    assert [things(1, "step"), things(2, "step"), things(2, "life", "lives")] == ["1 step", "2 steps", "2 lives"]
    assert (moment(1_500_000), iso(1_500_000)) == ("1970-01-01 00:00:01", "1970-01-01T00:00:01.500000Z")
    assert (moment(2**62), iso(2**62)) == (f"{2**62} µs", f"{2**62} µs")


def test_a_scale_keeps_what_lies_beyond_at_its_ends() -> None:
    assert [Scale(-10, 30).at(value) for value in (-10, 0, 30, 99)] == [0, 25, 100, 100]
    assert Scale(0, 0).at(5) == 50
    assert Part("x", 0, 1).width == 1


def test_the_order_in_which_a_log_was_read_leaves_no_trace() -> None:
    lives = random_lives(PLAIN, 30, 9)
    turned = dict(reversed(lives.items()))
    asked = Asked(sections=frozenset(Section) - {Section.RELIEF})
    one, other = (compose(Material("part", "v1", asked, 0, these, {}, {}, "", {}, frozenset())) for these in (lives, turned))
    assert json_text(one) == json_text(other)
