"""The momentary and the shifting bottleneck, worked by hand and against its definition at every second."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.bottlenecks import bottlenecks
from brain.analytics.device_states import StateSpan, spans
from brain.analytics.lives import MICRO
from brain.analytics.machines import ACTIVE, Machines, active_periods, beside, machines, machines_of, momentary
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Link, Stamp, Void
from ontology import load_schema
from tests.plants import Cause, plant, run
from tests.unit.test_bottlenecks import filled, step, thing

PACKML = (
    "clearing stopped starting idle suspended execute stopping aborting aborted holding held unholding suspending unsuspending"
    " resetting completing complete"
)


def states(**said: str) -> dict[str, list[StateSpan]]:
    """`M1="run 0-10, idle 10-12"` in seconds."""
    return {
        machine: [
            StateSpan(machine, int(times.split("-")[0]) * MICRO, int(times.split("-")[1]) * MICRO, state)
            for state, times in (part.split() for part in text.split(", ") if part)
        ]
        for machine, text in said.items()
    }


def of(spans: Mapping[str, Sequence[StateSpan]], **more: int) -> Machines:
    return machines_of(spans, "Machine", "v", **more)


def share(found: Machines, machine: str) -> tuple[float, float]:
    return next((m.sole, m.shifting) for m in found.machines if m.id == machine)


def test_the_bottleneck_shifts_where_the_active_periods_of_bottlenecks_overlap() -> None:
    # Active: M1 [0, 10), 10 s; M2 [5, 25), 20 s; M3 [20, 30), 10 s. Momentary: M1 until 5, then M2, which is longer, until 25,
    # when only M3 goes on. Overlaps: [5, 10) of M1 and M2, [20, 25) of M2 and M3.
    found = of(
        states(M1="running 0-10, idle 10-30", M2="idle 0-5, running 5-25, blocked 25-30", M3="starved 0-20, running 20-30")
    )
    assert [(s.since // MICRO, s.until // MICRO, s.machines) for s in found.timeline] == [
        (0, 5, ("M1",)),
        (5, 10, ("M1", "M2")),
        (10, 20, ("M2",)),
        (20, 25, ("M2", "M3")),
        (25, 30, ("M3",)),
    ]
    assert share(found, "M1") == (5 / 30, 5 / 30)
    assert share(found, "M2") == (10 / 30, 10 / 30)
    assert share(found, "M3") == (5 / 30, 5 / 30)
    assert (found.bottleneck, found.by_mean_period, found.none_share) == ("M2", "M2", 0.0)


def test_a_shorter_active_period_within_a_longer_one_is_never_the_bottleneck() -> None:
    found = of(states(M1="running 0-100", M2="idle 0-40, running 40-60, idle 60-100"))
    assert (share(found, "M1"), share(found, "M2")) == ((1.0, 0.0), (0.0, 0.0))


def test_repair_goes_on_with_work_in_one_active_period_and_waiting_ends_it() -> None:
    # Work 0–4, repair 4–9, work 9–10: one period of 10 s. A wait of a second cuts the other machine's 10 s into 6 and 4.
    found = of(states(M1="running 0-4, fault 4-9, running 9-10", M2="running 0-6, starved 6-7, running 7-11"))
    one, two = (next(m for m in found.machines if m.id == name) for name in ("M1", "M2"))
    assert (one.periods, one.mean_period_seconds) == (1, 10.0)
    assert (two.periods, two.mean_period_seconds, two.longest_period_seconds) == (2, 5.0, 6.0)  # (6 + 4) / 2
    assert found.bottleneck == "M1"  # [0, 7) alone, [7, 10) shifting to M2, which has [10, 11)
    assert (share(found, "M1"), share(found, "M2")) == ((7 / 11, 3 / 11), (1 / 11, 3 / 11))


def test_where_no_machine_is_active_there_is_no_bottleneck() -> None:
    found = of(states(M1="running 0-5, idle 5-20", M2="idle 0-15, running 15-20"))
    assert found.none_share == 0.5
    assert [s.machines for s in found.timeline] == [("M1",), (), ("M2",)]
    none = of(states(M1="idle 0-5"))
    assert (none.bottleneck, none.by_mean_period, none.none_share) == (None, None, 1.0)


def test_of_equal_periods_the_one_that_began_first_counts_then_the_id() -> None:
    assert share(of(states(M1="idle 0-1, running 1-6", M2="running 0-5, idle 5-6")), "M1") == (1 / 6, 4 / 6)
    tied = of(states(B="running 0-5", A="running 0-5"))
    assert (share(tied, "A"), share(tied, "B")) == ((1.0, 0.0), (0.0, 0.0))


def test_a_state_that_nobody_declared_is_told_and_counts_neither_way() -> None:
    found = of(states(M1="running 0-5, Träumt 5-6, running 6-10", M2="", M3="idle 0-10"))
    one = next(m for m in found.machines if m.id == "M1")
    assert (found.unknown_states, found.silent, one.known, one.periods) == (("Träumt",), ("M2",), 0.9, 2)


def test_the_window_cuts_periods() -> None:
    found = of(states(M1="running 0-100", M2="running 90-200"), since=50 * MICRO, until=100 * MICRO)
    # M1 [50, 100) for 50 s; M2 [90, 100) for 10 s, which is what is seen of it.
    assert (found.bottleneck, share(found, "M1")) == ("M1", (1.0, 0.0))


def test_every_state_of_packml_is_declared_and_what_is_outside_the_machine_is_waiting() -> None:
    assert {state: ACTIVE[state] for state in PACKML.split() if not ACTIVE[state]} == dict.fromkeys(
        ("stopped", "idle", "suspended", "suspending", "unsuspending", "complete"), False
    )


@given(
    st.dictionaries(
        st.sampled_from(["A", "B", "C", "D"]), st.lists(st.booleans(), min_size=1, max_size=30), min_size=1, max_size=4
    )
)
def test_momentary_is_the_longest_period_under_way_at_every_second(said: dict[str, list[bool]]) -> None:
    every = [
        StateSpan(name, i * MICRO, (i + 1) * MICRO, "running" if works else "idle")
        for name, seconds in said.items()
        for i, works in enumerate(seconds)
    ]
    periods = active_periods(every)
    since = dict(momentary(periods))
    for second in range(30):
        at = second * MICRO
        here = [p for p in periods if p.start <= at < p.end]
        longest = min(here, key=lambda p: (p.start - p.end, p.start, p.machine), default=None)
        begun = [t for t in since if t <= at]
        current = since[max(begun)] if begun else None
        assert (current if current is not None and current.end > at else None) == longest
    found = of({name: [span for span in every if span.machine == name] for name in said})
    length = found.until - found.since
    alone = sum(s.until - s.since for s in found.timeline if len(s.machines) == 1) / length
    assert sum(m.sole for m in found.machines) == pytest.approx(alone)
    assert sum(s.until - s.since for s in found.timeline) == length


def report(at: int, state: str | None, event: str = "e") -> tuple[Stamp, str | None]:
    return Stamp(at, 0, 0, event, "s"), state


def test_a_state_holds_until_the_next_report_or_the_end() -> None:
    said = [report(0, "idle"), report(10, "running"), report(15, "running"), report(20, None), report(30, "idle")]
    assert list(spans("m", said, None, 40)) == [
        StateSpan("m", 0, 10, "idle"),
        StateSpan("m", 10, 20, "running"),  # said twice; then retracted: not known until 30
        StateSpan("m", 30, 40, "idle"),
    ]
    assert list(spans("m", said, 12, 18)) == [StateSpan("m", 12, 18, "running")]
    assert list(spans("m", [report(5, "idle", "a"), report(5, "running", "b")], None, 9)) == [StateSpan("m", 5, 9, "running")]


def said(event: str, at: int, machine: str, state: str) -> ChangeSet:
    return ChangeSet(event, "plc", at * MICRO, 0, (Assert(f"asset/{machine}", "Machine", {"state": state}),))


async def test_out_of_a_store_beside_the_process() -> None:
    # Press: running 0–50 and 60–100. Oven: running 10–20, and a running from 20 to 100 that was taken back. The press is the
    # bottleneck. Work waits most before 'bake' (10 → 70), which the oven carries out.
    schema = load_schema()
    changes = [
        said("p1", 0, "PRESS", "running"), said("p2", 50, "PRESS", "idle"), said("p3", 60, "PRESS", "running"),
        said("p4", 100, "PRESS", "idle"), said("o1", 10, "OVEN", "running"), said("o2", 20, "OVEN", "starved"),
        said("o3", 20, "OVEN", "running"),
        ChangeSet("v", "plc", 200 * MICRO, 0, (Void("asset/OVEN", "Machine", "o3", "plc"),)),
        ChangeSet("mute", "plc", 0, 0, (Assert("asset/MUTE", "Machine", {}),)),
        thing("x", "t"),
        step("1", "press", ["x"], startedAt=0, completedAt=10), step("2", "bake", ["x"], startedAt=70, completedAt=80),
        ChangeSet("by", "t", 0, 0, (Assert("step/2", "Step", {}, {}, (Link("performedBy", "asset/OVEN", ""),)),)),
    ]  # fmt: skip
    store = await filled(schema, *changes)
    found = await machines(store, schema, "Machine", object_type="t")
    process = await bottlenecks(store, schema, "t")
    with pytest.raises(BadQuery, match="nothing of class 'Bed' reported a state"):
        await machines(store, schema, "Bed")
    with pytest.raises(BadQuery, match=r"no class 'Machin'.*'Machine'"):
        await machines(store, schema, "Machin")
    await store.close()
    assert (found.since, found.until, found.silent) == (0, 100 * MICRO, ("asset/MUTE",))
    assert share(found, "asset/PRESS") == (0.9, 0.0)
    oven = next(m for m in found.machines if m.id == "asset/OVEN")
    assert (oven.sole, oven.shifting, oven.active, oven.known) == (0.0, 0.0, 0.1, 0.9)
    view = found.process_view
    assert view is not None
    assert (view.source, view.target, view.performers, view.agrees) == ("press", "bake", ("asset/OVEN",), False)
    assert "asset/PRESS is the bottleneck by its states, and does not carry out 'bake'" in view.reason
    agreeing = beside(found, process, {"bake": ["asset/PRESS"]})
    assert agreeing is not None
    assert agreeing.agrees
    unknown = beside(found, process, {"bake": ["person/ann"]})
    assert unknown is not None
    assert (unknown.agrees, unknown.reason) == (None, "none of these machines carries out 'bake'")


def test_the_bottleneck_of_a_plant_is_found_from_the_states_of_its_machines() -> None:
    # Plants whose bottleneck works at its limit, so that its machines are active for long; five of each cause.
    seeds = [seed for seed in range(25) if plant(seed).cause in (Cause.CONTENTION, Cause.PRIORITISATION)]
    hits = 0
    for seed in seeds:
        known = plant(seed)
        told = {name: [StateSpan(name, *state) for state in said] for name, said in run(known).states.items()}
        found = of(told)
        assert found.unknown_states == ()
        hits += found.bottleneck is not None and found.bottleneck.rpartition("-")[0] == known.bottleneck
    assert hits >= len(seeds) - 1
