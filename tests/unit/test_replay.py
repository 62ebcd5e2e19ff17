"""The replay: by hand, against the recursion of Kiefer and Wolfowitz, and against Erlang's closed form. Times are µs."""

from bisect import bisect_left
from collections.abc import Sequence
from math import factorial, sqrt
from random import Random
from statistics import fmean, stdev

from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.replay import QUEUES, Fate, Floor, Played, Routes, Span, play

RUSH, NOT = 0, 1


def queue(
    arrivals: Sequence[int],
    services: Sequence[int],
    *,
    servers: int = 1,
    away: Sequence[Span] = (),
    batch: int = 0,
    rush: Sequence[int] | None = None,
    halts: Sequence[Span] = (),
    first: int | None = None,
) -> Played:
    """One activity, at which a step arrives at each of these times and takes so long."""
    count = len(arrivals)
    floor = Floor(("serve",), tuple("abcdef"[:servers]), (tuple(range(servers)),), (1,) * servers, (tuple(away),) * servers)
    floor = floor._replace(halts=(tuple(halts),) * servers)
    numbers = tuple(range(count))
    routes = Routes(
        tuple(map(str, numbers)), tuple(arrivals), numbers, (0,) * count, (-1,) * count, tuple(arrivals), (QUEUES,) * count
    )
    ordered = sorted(services)
    luck = [(bisect_left(ordered, service) + 0.5) / count for service in services]
    return play(floor, routes, Fate(luck, [0] * count, rush or [NOT] * count, [[batch] if batch else []], [{-1: ordered}]), first)


def waits(played: Played, arrivals: Sequence[int]) -> list[int]:
    return [start - arrival for start, arrival in zip(played.started, arrivals, strict=True)]


def test_two_jobs_and_one_server() -> None:
    # The first, 0 to 10. The second arrives at 1, waits 9, is served from 10 to 15.
    assert queue([0, 1], [10, 5]) == Played([0, 10], [10, 15])


def test_what_is_in_hand_rests_while_its_server_is_halted() -> None:
    # Halted from 3 to 7 and from 12 to 13: the first has 3, then 5 more, then 2: it ends at 15, and the second takes its 5.
    halts = [(3, 7), (12, 13)]
    assert queue([0, 1], [10, 5], away=halts, halts=halts) == Played([0, 15], [15, 20])


def test_a_replay_may_be_left_once_the_first_steps_are_sure() -> None:
    assert queue([0, 1, 2], [10, 5, 5], first=2) == Played([0, 10, 0], [10, 15, 0])


def test_two_jobs_and_two_servers() -> None:
    assert queue([0, 1], [10, 5], servers=2) == Played([0, 1], [10, 6])


def test_a_server_that_is_too_slow_falls_behind_by_one_each_time() -> None:
    # Every 2 one arrives, and each takes 3: the n-th waits n - 1.
    arrivals = [2 * n for n in range(10)]
    assert waits(queue(arrivals, [3] * 10), arrivals) == list(range(10))


def test_what_arrives_at_once_is_served_in_the_order_of_the_steps() -> None:
    assert queue([5, 5, 5], [1, 1, 1]).started == [5, 6, 7]


def test_a_batch_begins_when_it_is_full_and_the_last_with_what_there_is() -> None:
    # Three of 0, 4 and 9 begin at 9 and take 5. The one of 12 waits for two more, who never come: until nothing else can happen,
    # at 14.
    assert queue([0, 4, 9, 12], [5] * 4, batch=3) == Played([9, 9, 9, 14], [14, 14, 14, 19])


def test_a_batch_that_is_left_over_waits_for_a_server_to_come_back() -> None:
    # One of two is there at 0; the server is away from 0 to 7. Nobody else comes: it is served at 7.
    assert queue([0], [5], batch=2, away=[(0, 7)]) == Played([7], [12])


def test_a_server_begins_nothing_while_it_is_away_and_finishes_what_it_began() -> None:
    # Away from 5 to 8. The first, 4 to 7, is finished. The second, ready at 6, begins at 8. Away from 10 to 20: the third at 20.
    assert queue([4, 6, 9], [3, 3, 3], away=[(5, 8), (10, 20)]) == Played([4, 8, 20], [7, 11, 23])


def test_away_times_that_touch_an_arrival_are_half_open() -> None:
    assert queue([5, 8], [1, 1], away=[(5, 8)]).started == [8, 9]


def test_rush_steps_are_served_first_and_interrupt_nobody() -> None:
    # 0 to 10 the first. Then the rush of 3 (10 to 12), the rush of 11 (12 to 14) and at last the one of 1, at 14.
    played = queue([0, 1, 3, 11], [10, 2, 2, 2], rush=[NOT, NOT, RUSH, RUSH])
    assert played.started == [0, 14, 10, 12]


def test_a_step_follows_another_after_its_delay_and_without_a_pool_waits_for_nobody() -> None:
    # a from 0 to 2 by the one server, as the log has it; b, which needs nobody, from 2 + 5 on takes 3; c, ready at 10, takes 1.
    floor = Floor(("a", "b", "c"), ("one",), ((0,), (), (0,)), (1,), ((),))
    routes = Routes(("x",), (0,), (0, 0, 0), (0, 1, 2), (-1, 0, 1), (0, 0, 0), (0, -1, -1))
    fate = Fate([0.0] * 3, [0, 5, 0], [NOT] * 3, [[], [], []], [{-1: [2]}, {-1: [3]}, {-1: [1]}])
    assert play(floor, routes, fate) == Played([0, 7, 10], [2, 10, 11])


def test_a_server_of_two_activities_takes_what_waits_longest() -> None:
    # a of case 0, 0 to 10. b of case 1 is ready at 2 and a of case 2 at 1: a first, 10 to 20, then b, 20 to 23.
    floor = Floor(("a", "b"), ("one",), ((0,), (0,)), (1,), ((),))
    routes = Routes(("x", "y", "z"), (0, 2, 1), (0, 1, 2), (0, 1, 0), (-1,) * 3, (0, 2, 1), (QUEUES,) * 3)
    fate = Fate([0.0] * 3, [0] * 3, [NOT] * 3, [[], []], [{-1: [10]}, {-1: [3]}])
    assert play(floor, routes, fate) == Played([0, 20, 10], [10, 23, 20])


def test_who_has_two_hands_serves_two_at_once() -> None:
    floor = Floor(("a",), ("one",), ((0,),), (2,), ((),))
    routes = Routes(("x", "y", "z"), (0, 1, 2), (0, 1, 2), (0,) * 3, (-1,) * 3, (0, 1, 2), (QUEUES,) * 3)
    assert play(floor, routes, Fate([0.0] * 3, [0] * 3, [NOT] * 3, [[]], [{-1: [10]}])).started == [0, 1, 10]


def test_each_resource_has_its_own_times_and_a_lucky_step_is_lucky_with_either() -> None:
    # Luck 0.9 is the longest of three: 30 with the slow one, who is free first, 3 with the quick one.
    floor = Floor(("a",), ("slow", "quick"), ((0, 1),), (1, 1), ((), ()))
    routes = Routes(("x", "y"), (0, 0), (0, 1), (0, 0), (-1, -1), (0, 0), (QUEUES, QUEUES))
    fate = Fate([0.9, 0.9], [0, 0], [NOT, NOT], [[]], [{-1: [1, 2, 3], 0: [10, 20, 30], 1: [1, 2, 3]}])
    assert play(floor, routes, fate).ended == [30, 3]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=40), st.integers(1, 4))
def test_waiting_is_that_of_kiefer_and_wolfowitz(jobs: list[tuple[int, int]], servers: int) -> None:
    # The next one waits until the first of the servers is done with all that came before (1955); of one server, Lindley (1952).
    arrivals, now = [], 0
    for gap, _ in jobs:
        now += gap
        arrivals.append(now)
    services = [service for _, service in jobs]
    free, expected = [0] * servers, []
    for arrival, service in zip(arrivals, services, strict=True):
        free.sort()
        begins = max(arrival, free[0])
        expected.append(begins - arrival)
        free[0] = begins + service
    assert waits(queue(arrivals, services, servers=servers), arrivals) == expected


def erlang_c(servers: int, load: float) -> float:
    """The probability that a customer of M/M/c waits; `load` in erlangs (Erlang 1917)."""
    waiting = load**servers / factorial(servers) * servers / (servers - load)
    return waiting / (sum(load**k / factorial(k) for k in range(servers)) + waiting)


def test_mean_waiting_of_many_markovian_jobs_is_erlangs() -> None:
    # M/M/3, on average 2.1 servers busy: mean waiting = C(3, 2.1) / (3 - 2.1) service times, here of 1,000.
    random, mean, servers, load, count = Random(1), 1000, 3, 2.1, 40_000
    arrivals, now = [], 0.0
    for _ in range(count):
        now += random.expovariate(load / mean)
        arrivals.append(round(now))
    found = waits(queue(arrivals, [round(random.expovariate(1 / mean)) for _ in range(count)], servers=servers), arrivals)
    # Waits that follow each other are alike: the error is estimated from the means of 40 stretches of 1,000, the first left out.
    means = [fmean(found[i : i + 1000]) for i in range(1000, count, 1000)]
    error = stdev(means) / sqrt(len(means))
    expected = erlang_c(servers, load) / (servers - load) * mean
    assert error < expected / 10
    assert abs(fmean(means) - expected) < 3 * error
