"""What carries and what explains waiting, worked by hand on a small plant: one compressor, two machines, and a fan that has
nothing to do with it. Times are hours."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.attribution import Attributed, Attribution, StateShare
from brain.analytics.bottlenecks import bottlenecks
from brain.analytics.carriers import NO_ASSET, NO_PERSON, NO_TEAM, NOBODY, UNKNOWN, split
from brain.analytics.coincidence import POSITIONS
from brain.analytics.process_material import Asked, Section
from brain.analytics.process_report import ProcessReport, process_report
from brain.analytics.troubles import Trouble
from brain.identities import Merged
from brain.model import Assert, ChangeSet, Flag, Link, Retract, Verdict
from brain.reports.finding import finding
from brain.schema import Schema, Value
from ontology import load_schema
from tests.unit.test_bottlenecks import filled, thing

HOUR = 3_600_000_000
SCHEMA = load_schema()
ASKED = Asked(sections=frozenset({Section.ATTRIBUTION}))


def said(id: str, cls: str, at: float, *links: Link, **properties: str) -> ChangeSet:
    """Told of a thing at an hour."""
    valid = round(at * HOUR)
    return ChangeSet(f"{id}@{at}{properties}{links}", "test", valid, 0, (Assert(id, cls, properties, {}, links),))


def unsaid(id: str, cls: str, at: float, link: Link) -> ChangeSet:
    return ChangeSet(f"{id}-not@{at}", "test", round(at * HOUR), 0, (Retract(id, cls, links=(link,)),))


def step(name: str, activity: str, of: str, start: float, end: float, by: str | None) -> ChangeSet:
    times: dict[str, Value] = {"startedAt": round(start * HOUR), "completedAt": round(end * HOUR)}
    links = [Link("object", f"object/{of}"), *([Link("performedBy", by)] if by else [])]
    about = Assert(f"step/{name}", "Step", {"activity": activity, **times}, {}, tuple(links))  # type: ignore[arg-type]
    return ChangeSet(name, "test", round(end * HOUR), 0, (about,))


def job(of: str, ready: float, start: float, by: str | None) -> list[ChangeSet]:
    """Cut until it is ready, welded from `start` on for half an hour."""
    return [thing(of, "part"), step(f"{of}1", "Cut", of, ready, ready, None), step(f"{of}2", "Weld", of, start, start + 0.5, by)]


def plant(fed: Sequence[ChangeSet]) -> list[ChangeSet]:
    """Waits: x for M1 in [0, 1), y for M1 in [3.5, 5), z for M2 in [4.5, 5.5), w for M2 in [9, 10): 4.5 hours."""
    return [
        *job("x", 0, 1, "asset/M1"), *job("y", 3.5, 5, "asset/M1"), *job("z", 4.5, 5.5, "asset/M2"), *job("w", 9, 10, "asset/M2"),
        said("asset/M1", "Machine", -1, state="running"), said("asset/M2", "Machine", -1, state="running"),
        said("asset/COMP", "Pump", -1, state="running"), said("asset/COMP", "Pump", 4, state="fault"),
        said("asset/COMP", "Pump", 5, state="running"),
        said("asset/FAN", "Pump", -1, Link("feeds", "asset/M1"), state="running"), said("asset/FAN", "Pump", 0.5, state="Down"),
        said("asset/FAN", "Pump", 1.5, state="humming"),
        *fed,
    ]  # fmt: skip


FEEDS = [said("asset/COMP", "Pump", -1, Link("feeds", "asset/M1"), Link("feeds", "asset/M2"))]


async def reported(*changes: ChangeSet, schema: Schema = SCHEMA) -> ProcessReport:
    store = await filled(schema, *changes)
    return await process_report(store, schema, "part", ASKED)


async def attributed(*changes: ChangeSet) -> Attribution:
    found = (await reported(*changes)).attribution
    assert found is not None
    return found


def state(of: Attributed, asset: str) -> StateShare:
    return next(one for one in of.states if one.id == asset)


async def test_a_compressor_that_was_down_explains_what_waited_for_both_machines_that_it_feeds() -> None:
    found = await attributed(*plant(FEEDS))
    assert (found.assets, found.troubled, found.reason, found.unknown_states) == (4, 2, None, ("humming",))
    whole = found.whole
    assert (whole.seconds, whole.waits) == (4.5 * 3600, 4)
    comp = state(whole, "asset/COMP")
    # Down in [4, 5): an hour of y's wait, half an hour of z's, of 4.5.
    assert (comp.trouble, comp.states, comp.times, comp.trouble_seconds) == (Trouble.DOWN, ("fault",), 1, 3600)
    assert (comp.coincides_seconds, comp.waits, comp.distance) == (1.5 * 3600, 2, 1)
    assert comp.coincides_share == pytest.approx(1.5 / 4.5)
    # At any hour of the ten from 0 to 10 a tenth of the 4.5 would have been met: 0.45.
    assert comp.chance_seconds == pytest.approx(0.45 * 3600)
    assert comp.excess_seconds == pytest.approx(1.05 * 3600)
    assert comp.excess_share == pytest.approx(1.05 / 4.5)
    # Nothing ends while it is down; at no other place would as much have been met without an end (test_coincidence).
    assert comp.p_value == 1 / POSITIONS
    # Two objects are too few for an interval, and without one nothing is sure.
    assert (comp.excess, comp.sure) == (None, False)
    # y was met for an hour, z for half of one.
    one, two = comp.examples
    assert (one.object, one.previous, one.step) == ("object/y", "step/y1", "step/y2")
    assert [at / HOUR for at in (one.since, one.until, one.state_since, one.state_until)] == [4, 5, 4, 5]
    assert one.path == (("asset/M1", "feeds", "asset/COMP"),)
    assert (two.object, two.since / HOUR, two.until / HOUR) == ("object/z", 4.5, 5)
    assert two.path == (("asset/M2", "feeds", "asset/COMP"),)


async def test_an_asset_that_has_nothing_to_do_with_it_coincides_and_explains_little() -> None:
    fan = state((await attributed(*plant(FEEDS))).whole, "asset/FAN")
    # Down in [0.5, 1.5): half an hour of x's. It feeds M1 alone, whose waits are 2.5 h, a tenth of which is chance.
    assert (fan.coincides_seconds, fan.chance_seconds) == (0.5 * 3600, pytest.approx(0.25 * 3600))
    assert fan.p_value == pytest.approx(0.9, abs=4 / POSITIONS)  # by hand in test_coincidence
    assert not fan.sure


async def test_all_tests_of_the_report_are_corrected_together() -> None:
    found = await attributed(*plant(FEEDS))
    # Of the whole and of its one handover the same two: 1/POSITIONS twice, 0.9 twice. q: 4/2 of the first, 4/4 of the second.
    (weld,) = found.handovers
    assert (weld.source, weld.target, weld.candidates) == ("Cut", "Weld", 2)
    for one in (found.whole, weld):
        assert state(one, "asset/COMP").q_value == 2 / POSITIONS
        assert state(one, "asset/FAN").q_value == pytest.approx(0.9, abs=4 / POSITIONS)
    # Within an hour of trouble z alone began to wait, for an hour; the others waited 1, 1.5 and 1.
    began = state(weld, "asset/COMP").began
    assert began is not None
    assert (began.during, began.otherwise, began.mean_during_seconds) == (1, 3, 3600)
    assert began.mean_otherwise_seconds == pytest.approx(3.5 / 3 * 3600)
    assert began.difference is None


async def test_what_coincides_with_any_trouble_is_counted_once() -> None:
    # COMP meets 1.5 h, FAN 0.5 h. That FAN is down from 4 to 5 as well adds nothing.
    more = [said("asset/FAN", "Pump", 4, state="down"), said("asset/FAN", "Pump", 5, state="running")]
    assert (await attributed(*plant(FEEDS))).whole.troubled_seconds == 2 * 3600
    found = await attributed(*plant([*FEEDS, *more]))
    assert found.whole.troubled_seconds == 2 * 3600
    assert state(found.whole, "asset/FAN").coincides_seconds == 1.5 * 3600  # x's half hour, and y's hour


async def test_a_relation_counts_while_it_held() -> None:
    m1, m2 = Link("feeds", "asset/M1"), Link("feeds", "asset/M2")
    # M1 until 4.25, M2 from 4.75 on: of y's hour the first quarter, of z's half hour the last one.
    fed = [said("asset/COMP", "Pump", -1, m1), unsaid("asset/COMP", "Pump", 4.25, m1), said("asset/COMP", "Pump", 4.75, m2)]
    comp = state((await attributed(*plant(fed))).whole, "asset/COMP")
    assert comp.coincides_seconds == 0.5 * 3600
    assert [(e.object, e.since / HOUR, e.until / HOUR) for e in comp.examples] == [
        ("object/y", 4, 4.25), ("object/z", 4.75, 5),
    ]  # fmt: skip
    # Upstream of M1 for x's hour and y's in [3.5, 4.25), of M2 for z's in [4.75, 5.5) and w's: 3.5 h.
    assert comp.chance_seconds == pytest.approx(0.35 * 3600)
    never = await attributed(*plant([said("asset/COMP", "Pump", 20, m1)]))
    assert {one.id for one in never.whole.states} == {"asset/FAN"}


async def test_a_role_leads_to_its_asset_and_a_person_to_their_place() -> None:
    # Ada welds at unit U, which is implemented by M9, on which a tool is mounted that is worn out and held.
    jobs = job("x", 0, 2, "person/ada")
    told = [
        said("person/ada", "Operator", -1, Link("worksAt", "equipment/U")),
        said("equipment/U", "WorkUnit", -1, Link("isImplementedBy", "asset/M9")),
        said("asset/M9", "Machine", -1, Link("partOf", "asset/LINE")),
        said("asset/T", "Tool", -1, Link("mountedOn", "asset/M9"), state="idle"),
        said("asset/T", "Tool", 1, state="Held"),
    ]
    found = await attributed(*jobs, *told)
    (tool,) = found.whole.states
    assert (tool.id, tool.distance, tool.coincides_seconds) == ("asset/T", 3, 3600)
    assert tool.examples[0].path == (
        ("person/ada", "worksAt", "equipment/U"),
        ("equipment/U", "isImplementedBy", "asset/M9"),
        ("asset/M9", "mountedOn", "asset/T"),
    )
    # What depends on the machine is not upstream of it; equipment and machine are.
    assert found.assets == 3
    (asset,) = found.whole.assets
    assert (asset.who, asset.seconds) == ("equipment/U", 2 * 3600)


async def test_a_flag_casts_doubt_for_ten_minutes_and_flags_that_touch_are_one_doubt() -> None:
    flags = [Flag("asset/M1", "Machine", "vibration", Verdict.OUT_OF_RANGE, round(at * HOUR), "9") for at in (0.25, 0.375, 0.875)]
    doubts = [ChangeSet(f"f{i}", "test", 0, 0, (flag,)) for i, flag in enumerate(flags)]
    found = await attributed(*job("x", 0, 1, "asset/M1"), *doubts)
    (poor,) = found.whole.states
    # From 0:15 on until 10 minutes after 0:22:30, which is 17.5 minutes; and from 0:52:30 on until the end of the wait, 7.5.
    assert (poor.trouble, poor.times, poor.coincides_seconds, poor.distance) == (Trouble.POOR_DATA, 2, 25 * 60, 0)
    assert poor.states == ("vibration outOfRange",)
    assert poor.examples[0].path == ()


async def test_an_object_has_needs_of_its_own() -> None:
    # The order is scheduled on a unit that is down, whoever carries it out.
    links = (Link("scheduledOn", "equipment/U"),)
    order = ChangeSet("o", "test", 0, 0, (Assert("productionorder/1", "ProductionOrder", {}, {}, links),))
    steps = (step("cut", "Cut", "", 0, 0, None), step("weld", "Weld", "", 2, 2, None))
    cut, weld = (
        s._replace(changes=(s.changes[0]._replace(links=(Link("object", "productionorder/1"),)),))  # type: ignore[union-attr]
        for s in steps
    )
    unit = [said("equipment/U", "WorkUnit", -1, state="running"), said("equipment/U", "WorkUnit", 1, state="down")]
    store = await filled(SCHEMA, order, cut, weld, *unit)
    report = await process_report(store, SCHEMA, "ProductionOrder", ASKED)
    assert report.attribution is not None
    (down,) = report.attribution.whole.states
    assert (down.id, down.coincides_seconds) == ("equipment/U", 3600)
    assert down.examples[0].path == (("productionorder/1", "scheduledOn", "equipment/U"),)


async def test_an_asset_among_the_objects_of_the_step_is_needed_by_it() -> None:
    # A pump takes part in the weld, not in the cut; whoever welds. It is in alarm for the last half hour of the wait.
    cut, weld = job("x", 0, 2, "person/ada")[1:]
    about = weld.changes[0]
    assert isinstance(about, Assert)
    both = weld._replace(changes=(about._replace(links=(*about.links, Link("object", "asset/P"))),))
    pump = [said("asset/P", "InfusionPump", -1, state="idle"), said("asset/P", "InfusionPump", 1.5, state="alarm")]
    found = await attributed(thing("x", "part"), cut, both, *pump)
    assert [(one.id, one.distance, one.coincides_seconds) for one in found.whole.states] == [("asset/P", 0, 1800)]


async def test_persons_teams_and_assets_each_add_up_to_the_waiting() -> None:
    # a: 1 h for Ada, who is then of team A; b: 2 h for Ada, by then of A and B; c: 3 h for M1; d: 4 h for team A; e: 5 h for
    # nobody; f: 6 h for something that nobody described; g: no wait for Bob, who is of no team and works at M1.
    jobs = [
        *job("a", 0, 1, "person/ada"), *job("b", 10, 12, "person/ada"), *job("c", 0, 3, "asset/M1"), *job("d", 0, 4, "orgunit/A"),
        *job("e", 0, 5, None), *job("f", 0, 6, "entity/x"), *job("g", 0, 0, "person/bob"),
    ]  # fmt: skip
    told = [
        said("person/ada", "Operator", -1, Link("memberOf", "orgunit/A")),
        said("person/ada", "Operator", 5, Link("memberOf", "orgunit/B")),
        said("orgunit/A", "OrganizationalUnit", -1), said("asset/M1", "Machine", -1),
        said("person/bob", "Operator", -1, Link("worksAt", "asset/M1")),
    ]  # fmt: skip
    found = (await attributed(*jobs, *told)).whole
    hours = [
        {part.who or part.reason: part.seconds / 3600 for part in view} for view in (found.persons, found.teams, found.assets)
    ]
    assert hours[0] == {"person/ada": 3, NO_PERSON: 7, NOBODY: 5, UNKNOWN: 6, "person/bob": 0}
    assert hours[1] == {"orgunit/A": 1 + 1 + 4, "orgunit/B": 1, NO_PERSON: 3, NOBODY: 5, UNKNOWN: 6, NO_TEAM: 0}
    assert hours[2] == {NO_ASSET: 7, "asset/M1": 3, NOBODY: 5, UNKNOWN: 6}
    assert [sum(view.values()) for view in hours] == [21, 21, 21]
    assert found.persons[0] == (None, NO_PERSON, 7 * 3600, 7 / 21, 2)


@settings(deadline=None)
@given(st.integers(0, 10**15), st.integers(1, 7))
def test_equal_shares_lose_no_microsecond(micros: int, count: int) -> None:
    parts = list(split([(str(i), None) for i in range(count)], micros, 3))
    assert sum(part for _, part, _ in parts) == micros
    assert max(part for _, part, _ in parts) - min(part for _, part, _ in parts) <= 1


async def test_a_log_without_assets_says_so_in_a_line() -> None:
    found = await attributed(*job("x", 0, 1, "person/ada"), said("person/ada", "Operator", -1))
    assert found.whole.states == ()
    assert found.reason == "no step is carried out by an asset, and nothing here depends on one by a declared relation"
    assert [part.who for part in found.whole.persons] == ["person/ada"]
    report = await reported(*job("x", 0, 1, None))
    assert report.attribution is None
    assert next(one.reason for one in report.absent if one.section == "attribution").startswith("no step says who carried it out")
    well = await attributed(*job("x", 0, 1, "asset/M1"), said("asset/M1", "Machine", -1, state="running"))
    assert well.reason == "none of the assets upstream told that it was down or degraded, or has a quality flag"
    calm = await attributed(
        *job("x", 0, 1, "asset/M1"), *job("y", 3, 3, "asset/M1"), said("asset/M1", "Machine", 2, state="down")
    )
    assert calm.reason == "no wait coincides with a trouble of an asset upstream"


async def test_the_total_is_that_of_the_handovers_and_the_finding_tells_what_is_sure() -> None:
    # Forty jobs for a machine, an hour apart, each ready half an hour before it begins; those of three outages wait for hours.
    downs = [(10, 14), (20, 24), (30, 34)]
    jobs = []
    for i in range(40):
        stop = next((b for a, b in downs if a <= i < b), None)
        jobs += job(f"o{i:02}", i - 0.5 if stop is None else i, i if stop is None else stop, "asset/M1")
    # The compressor that feeds the machine says so, and the machine too, which fails with it.
    states = [
        said(asset, "Pump", at, state=name)
        for asset in ("asset/Z", "asset/M1")
        for a, b in downs
        for at, name in ((a, "down"), (b, "running"))
    ]
    first = said("asset/M1", "Machine", -1, state="running")
    told = [first, said("asset/Z", "Pump", -1, Link("feeds", "asset/M1"), state="running"), *states]
    report = await reported(*jobs, *told)
    assert report.attribution is not None
    comp, machine = report.attribution.whole.states
    # 28 waits of half an hour and, thrice, 4 + 3 + 2 + 1 hours: 44. Of these the latter coincide, and the half hours
    # before 14, 24 and 34.
    assert (comp.id, comp.coincides_seconds, report.attribution.whole.seconds) == ("asset/Z", 31.5 * 3600, 44 * 3600)
    assert comp.sure
    assert comp.excess is not None
    assert comp.excess.holds(comp.excess_share)
    # The machine explains as much; what it hangs on comes first, and each says that the other was in trouble as well.
    assert (machine.id, machine.sure, machine.excess_share) == ("asset/M1", True, comp.excess_share)
    assert (comp.beside, machine.beside) == ((("asset/M1", "down", 1.0),), (("asset/Z", "down", 1.0),))
    # Of the 39.5 hours from the first to the last wait it was down in 12: 30 %.
    assert "72 % of it fell in times when asset/Z was down, where chance would have 30 %." in finding(report)
    store = await filled(SCHEMA, *jobs)
    waits = await bottlenecks(store, SCHEMA, "part")
    assert sum(edge.total_seconds for edge in waits.edges) == report.attribution.whole.seconds


async def test_neither_order_nor_repetition_changes_it() -> None:
    changes = plant([*FEEDS, said("asset/FAN", "Pump", 4, state="down")])
    assert await attributed(*reversed(changes), *changes) == await attributed(*changes)


async def test_what_is_one_thing_under_two_ids_is_upstream_under_one() -> None:
    # Maintenance knows the compressor and the first machine by other ids, and says what feeds what; states come from elsewhere.
    fed = [
        said("asset/K-7", "Pump", -1, Link("feeds", "asset/SAW"), Link("feeds", "asset/M2")),
        said("asset/K-7", "Entity", 0, Link("sameAs", "asset/COMP")),
        said("asset/SAW", "Machine", 0, Link("sameAs", "asset/M1")),
    ]
    store = Merged(await filled(SCHEMA, *plant(fed)), SCHEMA)
    found = (await process_report(store, SCHEMA, "part", ASKED)).attribution
    assert found is not None
    comp = state(found.whole, "asset/COMP")
    assert comp.coincides_seconds == 1.5 * 3600
    assert comp.examples[0].path == (("asset/M1", "feeds", "asset/COMP"),)
