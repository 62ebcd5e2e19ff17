"""What follows what beyond chance: by hand, against exact tails, on simulated plants whose routes are known, and on noise."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, permutations
from math import comb
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.discoveries import q_values
from brain.analytics.graph.observing import read_layer
from brain.analytics.lives import Timed
from brain.analytics.observed import Between, observed, observed_in, tail
from brain.analytics.work import Lives
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Link
from brain.stores import open_store
from ontology import load_schema
from tests.plants.design import plant
from tests.plants.floor import RELEASE, run
from tests.unit.api_plant import plant_api
from tests.unit.test_graph_deadline import after

HOUR = 3_600_000_000
PLANTS = 30
NOISES = 200


def life(name: str, activities: Sequence[str], hours: Sequence[float] | None = None, by: Sequence[str] = ()) -> list[Timed]:
    """Steps of an hour each, at these hours."""
    found = []
    for i, activity in enumerate(activities):
        start = round((2 * i if hours is None else hours[i]) * HOUR)
        found.append(Timed(start, start + HOUR, i, f"{name}/{i}", activity, HOUR, None, by[i] if by else None))
    return sorted(found)


def test_a_dependency_with_its_figures() -> None:
    # Twelve go A, B, C. A random order of three puts A directly before B in 2 of its 6 orders: 1/3, so 4 of 12 are expected, and
    # all twelve come by chance once in 3^12. Six pairs; A before B and B before C have the same chance: q = 3^-12 · 6 / 2.
    # Waits from A to B: 1, 2, …, 12 h. 10 % of 12 is 1.2, the second; 50 % the sixth; 90 % is 10.8, the eleventh.
    lives = {f"o{n:02}": life(f"o{n:02}", "ABC", (100 * n, 100 * n + 2 + n, 100 * n + 30)) for n in range(12)}
    found = observed_in(lives)
    assert [(e.provider, e.dependent, e.support, e.together, e.strength) for e in found.edges] == [
        ("A", "B", 12, 12, 1.0),
        ("B", "C", 12, 12, 1.0),
    ]
    edge = found.edges[0]
    assert edge.expected == pytest.approx(4)
    assert edge.q == pytest.approx(3**-12 * 6 / 2)
    assert (edge.delay_p10_seconds, edge.delay_median_seconds, edge.delay_p90_seconds) == (2 * 3600, 6 * 3600, 11 * 3600)
    assert (edge.since, edge.until) == (2 * HOUR, (1100 + 13) * HOUR)
    assert (found.objects, found.pairs, found.seen) == (12, 6, 2)


def test_what_comes_in_either_order_is_no_dependency() -> None:
    # A and B change places from object to object, C is always last: nothing but "C comes after either" is there to see, and that
    # in half of the objects each, where a third is expected: 10 of 20, whose chance is 9 in 100.
    lives = {f"o{n:02}": life(f"o{n:02}", "ABC" if n % 2 else "BAC") for n in range(20)}
    found = observed_in(lives)
    assert found.edges == ()
    assert found.seen == 4


def test_who_works_after_whom() -> None:
    # The robot hands over to Ann, whatever it did; a step of nobody is between the others' and joins nothing.
    lives = {f"o{n:02}": life(f"o{n:02}", ("pick", "note", "pack", "send"), by=()) for n in range(3)} | {
        f"p{n:02}": [
            step._replace(resource=who)
            for step, who in zip(life(f"p{n:02}", ("pick", "pack", "note", "send")), ("robot", "Ann", None, "Ben"), strict=True)
        ]
        for n in range(12)
    }
    found = observed_in(lives, Between.RESOURCES)
    assert [(e.provider, e.dependent, e.support, e.together) for e in found.edges] == [("robot", "Ann", 12, 12)]


def test_the_chance_of_an_order_is_that_of_all_orders_counted() -> None:
    # A twice and B once among four: of the 24 orders, those with an A directly before the B are 12 = 24 · 2 · 1 / 4.
    steps = ("A", "A", "B", "C")
    orders = list(permutations(steps))
    hit = sum(any(pair == ("A", "B") for pair in pairwise(order)) for order in orders)
    assert Fraction(hit, len(orders)) == Fraction(2, 4)
    lives = {f"o{n}": life(f"o{n}", "ACAB") for n in range(8)}
    (edge,) = [e for e in observed_in(lives, share=1.0).edges if (e.provider, e.dependent) == ("A", "B")]
    assert edge.expected == pytest.approx(8 * hit / len(orders))


@given(st.integers(1, 60), st.data(), st.fractions(0, 1, max_denominator=50))
def test_the_tail_is_the_binomial_one(trials: int, data: st.DataObject, chance: Fraction) -> None:
    least = data.draw(st.integers(0, trials))
    exact = sum((comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(least, trials + 1)), Fraction(0))
    assert tail(least, trials, float(chance) or 1e-9) == pytest.approx(float(exact), rel=1e-6, abs=1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 30))
def test_what_is_told_is_what_the_step_up_procedure_tells(ps: list[float], more: int) -> None:
    # As Benjamini and Hochberg say it: the largest k with p(k) <= k · share / tests, and all up to it.
    tests, share = len(ps) + more, 0.05
    ordered = sorted(ps)
    passing = max((k for k, p in enumerate(ordered, 1) if p * tests / k <= share), default=0)
    assert sum(q <= share for q in q_values(ps, tests)) == passing


def test_routes_of_simulated_plants_are_found() -> None:
    # The truth is where items really go, station by station; the log sees it through records of which one in ten is out by hours.
    right, told, true = 0, 0, 0
    for seed in range(PLANTS):
        shop = plant(7000 + seed)
        chance, lives = Random(seed), {}
        for name, steps in run(shop).lives.items():
            lives[name] = sorted(_out(step, chance) for step in steps)
        ways = {
            pair
            for item in shop.items
            for pair in pairwise([RELEASE, *[visit.station for visit in item.visits]])
            if pair[0] != pair[1]
        }
        edges = {(e.provider, e.dependent) for e in observed_in(lives).edges}
        right, told, true = right + len(edges & ways), told + len(edges), true + len(ways)
    assert right / told >= 0.9
    assert right / true >= 0.9


def _out(step: Timed, chance: Random) -> Timed:
    shift = round(chance.uniform(-12, 12) * HOUR) if chance.random() < 0.1 else 0
    return step._replace(start=step.start + shift, end=step.end + shift)


def test_random_times_give_no_more_than_the_stated_share_of_false_discoveries() -> None:
    # With no dependency at all every discovery is false, and the rate is the share of logs in which there is one.
    false = 0
    for seed in range(NOISES):
        chance = Random(seed)
        lives: Lives = {}
        for n in range(60):
            activities = chance.sample("ABCDEFGH", chance.randint(3, 8)) + chance.choices("ABCDEFGH", k=chance.randint(0, 3))
            lives[f"o{n}"] = life(f"o{n}", activities, [chance.uniform(0, 1000) for _ in activities])
        false += bool(observed_in(lives).edges)
    # 200 trials of 5 %: more than 18 come once in a hundred.
    assert false <= 18


def stored(lives: Lives) -> list[ChangeSet]:
    """As steps, told in turns: the first of each object, then the second of each."""
    told = [ChangeSet(name, "s", 0, 0, (Assert(f"object/{name}", "WorkObject", {"objectType": "order"}),)) for name in lives]
    steps = sorted((step.sequence, name, step) for name, life in lives.items() for step in life)
    for _, name, step in steps:
        times = {"activity": step.activity, "startedAt": step.start, "completedAt": step.end, "sequence": step.sequence}
        said = Assert(f"step/{step.step}", "Step", times, {}, (Link("object", f"object/{name}"),))
        told.append(ChangeSet(step.step, "s", step.start, 0, (said,)))
    return told


@pytest.mark.parametrize("asked", ["order", "WorkObject"])
async def test_after_its_deadline_it_tells_of_whole_lives_and_counts_the_others(asked: str) -> None:
    """Of twelve that go A, B, C five are read: the sixth look is too late. All five by chance 3^-5, six pairs, two of which pass:
    q = 3^-5 · 6 / 2. A clock that is late from the start leaves those that are read in any case."""
    lives = {f"o{n:02}": life(f"o{n:02}", "ABC") for n in range(12)}
    store, schema = open_store("sqlite://"), load_schema()
    await store.prepare(schema)
    await store.apply(stored(lives))
    whole = await observed(store, schema, asked, patience=600.0)
    assert (whole.objects, whole.partial, whole.unexplored) == (12, False, 0)
    for looks, least, objects in ((5, 0, 5), (0, 4, 4), (2, 4, 6), (12, 0, 12), (0, 12, 12)):
        with patch("brain.analytics.lives.IN_ANY_CASE", least), patch("brain.analytics.lives.late", after(looks)):
            found = await observed(store, schema, asked, share=1.0, patience=1.0)
        assert (found.objects, found.partial, found.unexplored) == (objects, objects < 12, 12 - objects)
        assert [(e.provider, e.dependent, e.support, e.together) for e in found.edges] == [
            ("A", "B", objects, objects),
            ("B", "C", objects, objects),
        ]
        assert found.edges[0].q == pytest.approx(3.0**-objects * 6 / 2)
    with patch("brain.analytics.lives.IN_ANY_CASE", 0), patch("brain.analytics.lives.late", after(3)):
        layer = await read_layer(store, schema, (asked,), 1.0)
    assert [(one.between, one.objects, one.unexplored) for one in layer.found] == [(kind, 3, 9) for kind in Between]
    await store.close()


async def test_out_of_a_store_where_nothing_is() -> None:
    store, schema = open_store("sqlite://"), load_schema()
    await store.prepare(schema)
    with pytest.raises(BadQuery, match="no object of type"):
        await observed(store, schema, "case")
    await store.close()


async def test_by_graphql_with_what_was_looked_at_and_a_share_that_is_none_refused() -> None:
    # One object of three steps: each of the two pairs that follow each other does so by chance in one of three orders.
    ask = '{ observedDependencies(objectType: "prescription", %s) { pairs seen between edges { provider q } } }'
    async with plant_api() as api:
        found = await api.ask(ask % "between: ACTIVITIES, patience: 60")
        assert found["observedDependencies"] == {"pairs": 6, "seen": 2, "between": "ACTIVITIES", "edges": []}
        # At ten past one the second step has begun: of both orders of two one has it, and of both pairs one passes.
        then = await api.ask(ask % 'falseDiscoveries: 1, asOf: "1970-01-01T01:10:00Z"')
        assert then["observedDependencies"]["edges"] == [{"provider": "order", "q": 1.0}]
        assert "as known on" in (await api.fault(ask % 'knownAt: "1970-01-01T01:10:00Z"'))[1]
        code, text = await api.fault(ask % "falseDiscoveries: 0")
    assert code == "REJECT"
    assert "0 is no share of false discoveries: ask for more than 0 and at most 1" in text
