"""Attribution against its definition: parts add up to the µs, and what coincides is what is counted moment by moment."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from brain.analytics.attribution import Attributed, attribution_of
from brain.analytics.calendars import Interval
from brain.analytics.carriers import CarrierPart
from brain.analytics.lives import MICRO, Timed
from brain.analytics.surroundings import Kind, Surroundings
from brain.analytics.troubles import Sign, Signs, Trouble
from brain.analytics.upstream import DEPTH, Need

LAST = 20
WHO = ("ada", "ada", "bob", "m1", "m2", "team", "x", None)
ASSETS = ("m1", "m2", "comp", "grid")

INTERVALS = st.just([(0, 2 * LAST)]) | st.lists(st.integers(0, LAST), unique=True, max_size=6).map(
    lambda ends: [(a, b) for a, b in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)]
)
STEPS = st.tuples(st.integers(0, 6), st.integers(0, 2), st.sampled_from("abc"), st.sampled_from(WHO))
LIVES = st.lists(st.lists(STEPS, min_size=3, max_size=4), min_size=1, max_size=4)


def lives_of(drawn: list[list[tuple[int, int, str, str | None]]]) -> dict[str, list[Timed]]:
    """Each step so long after the one before, and so long itself."""
    lives = {}
    for n, steps in enumerate(drawn):
        at, life = 0, []
        for i, (gap, took, activity, who) in enumerate(steps):
            at += gap
            life.append(Timed(at, at + took, -1, f"{n}-{i}", activity, took, None, who))
            at += took
        lives[f"o{n}"] = life
    return lives


@st.composite
def surrounded(draw: st.DrawFn) -> Surroundings:
    def needs(targets: tuple[str, ...]) -> list[Need]:
        return [Need("r", target, draw(INTERVALS)) for target in draw(st.lists(st.sampled_from(targets), min_size=1, max_size=2))]

    signs = {}
    for asset in ASSETS:
        spans = draw(INTERVALS)
        if spans:
            signs[asset] = Signs(
                draw(st.integers(0, spans[0][0])), {Trouble.DOWN: [Sign(*s, "down") for s in spans]}, frozenset()
            )
    return Surroundings(
        kinds={"ada": Kind.PERSON, "bob": Kind.PERSON, "m1": Kind.ASSET, "m2": Kind.ASSET, "team": Kind.TEAM},
        teams={"ada": needs(("team", "night")), "bob": needs(("team", "night"))},
        places={"ada": needs(("m1", "hall"))},
        used={"0-1": ("m2",)},
        needs={
            "m1": needs(("comp", "m2")),
            "m2": needs(("comp", "m1")),
            "comp": needs(("grid",)),
            "hall": needs(("grid",)),
            "o0": needs(("m1",)),
        },
        signs=signs,
        assets=frozenset(ASSETS),
    )


def at_(intervals: list[Interval], t: int) -> bool:
    return any(a <= t < b for a, b in intervals)


def upstream_at(around: Surroundings, starts: list[str], t: int) -> set[str]:
    found, layer = set(starts), set(starts)
    for distance in range(DEPTH):
        needs = [
            n for name in layer for n in (*around.needs.get(name, ()), *(around.places.get(name, ()) if not distance else ()))
        ]
        layer = {need.needed for need in needs if at_(list(need.held), t)}
        found |= layer
    return found


def micros(parts: tuple[CarrierPart, ...]) -> int:
    return sum(round(part.seconds * MICRO) for part in parts)


@settings(max_examples=120, deadline=None)
@given(LIVES, surrounded())
def test_every_moment_is_counted_as_defined(drawn: list[list[tuple[int, int, str, str | None]]], around: Surroundings) -> None:
    lives = lives_of(drawn)
    waits = [(name, a, b) for name, life in lives.items() for a, b in pairwise(life)]
    if not any(b.start > a.end for _, a, b in waits):
        return
    edges = sorted({(a.activity, b.activity) for _, a, b in waits})[:3]
    found = attribution_of(lives, around, edges)
    expected: dict[tuple[str | None, str | None, str], int] = {}
    troubled: dict[tuple[str | None, str | None], int] = {}
    total: dict[tuple[str | None, str | None], int] = {}
    for name, a, b in waits:
        starts = [s for s in (b.resource, name, *around.used.get(b.step, ())) if s is not None]
        for t in range(a.end, b.start):
            near = upstream_at(around, starts, t)
            bad = {x for x, mine in around.signs.items() if x in near and at_([s[:2] for s in mine.troubles[Trouble.DOWN]], t)}
            for ends in ((None, None), (a.activity, b.activity)):
                total[ends] = total.get(ends, 0) + 1
                troubled[ends] = troubled.get(ends, 0) + bool(bad)
                for asset in bad:
                    expected[(*ends, asset)] = expected.get((*ends, asset), 0) + 1
    for one in (found.whole, *found.handovers):
        _check(one, expected, troubled, total)


def _check(
    one: Attributed,
    expected: dict[tuple[str | None, str | None, str], int],
    troubled: dict[tuple[str | None, str | None], int],
    total: dict[tuple[str | None, str | None], int],
) -> None:
    ends = (one.source, one.target)
    assert round(one.seconds * MICRO) == total.get(ends, 0)
    assert [micros(view) for view in (one.persons, one.teams, one.assets)] == [total.get(ends, 0)] * 3
    assert round(one.troubled_seconds * MICRO) == troubled.get(ends, 0)
    told = {(*ends, state.id): round(state.coincides_seconds * MICRO) for state in one.states}
    assert told == {key: count for key, count in expected.items() if key[:2] == ends}
    for state in one.states:
        assert abs(state.chance_seconds + state.excess_seconds - state.coincides_seconds) < 1e-9
        assert 0 < state.p_value <= state.q_value <= 1
        for seen in state.examples:
            assert seen.state_since <= seen.since < seen.until <= seen.state_until
