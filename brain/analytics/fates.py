"""What chance may decide when a log is replayed: drawn from what was seen, by bootstrap of its cases."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from brain.analytics.queues import Delay, Queues
from brain.analytics.replay import Fate

LEAST = 10
"""Delays that were seen of a handover below which those before the activity, from wherever, are taken."""
NEAR = 20
"""Cases among which one that lends its delays is drawn, at the least."""
BATCHES = 64
"""How many batches' sizes are drawn before they repeat."""

Pair = tuple[int, int]


def fate_of(queues: Queues, random: Random) -> Fate:
    """One run's chance. The cases are drawn anew with replacement; then each step's from what they tell."""
    count = len(queues.routes.objects)
    drawn = Counter(random.choices(range(count), k=count))
    luck = [random.random() for _ in queues.routes.case]
    delays = _delays(queues, random, drawn)
    rush = [_rush(queues, step, random.random()) for step in range(len(luck))]
    sizes = [random.choices(queues.sizes[a], k=BATCHES) if a in queues.sizes else () for a in range(len(queues.floor.activities))]
    return Fate(luck, delays, rush, sizes, service_times(queues, drawn))


def _rush(queues: Queues, step: int, chance: float) -> int:
    ranks = queues.ranks.get(queues.routes.activity[step])
    if ranks is None:
        return 1
    return ranks.known.get(step, 0 if chance < ranks.share else 1)


def service_times(queues: Queues, drawn: Mapping[int, int]) -> list[Mapping[int, Sequence[int]]]:
    """The service times of each activity, of all (-1) and, where they differ, by resource; of all cases where none was drawn."""
    drawn_times: list[defaultdict[int, list[int]]] = [defaultdict(list) for _ in queues.floor.activities]
    for unit in queues.units:
        if unit.resource < 0 and queues.floor.pools[unit.activity]:
            continue  # without a start of its own, or by somebody who stood in
        times = drawn.get(queues.routes.case[unit.members[0]], 0) * [unit.end - unit.start]
        drawn_times[unit.activity][-1] += times
        if unit.activity in queues.by_resource:
            drawn_times[unit.activity][unit.resource] += times
    for activity, found in enumerate(drawn_times):
        if not found[-1]:
            found[-1] = [unit.end - unit.start for unit in queues.units if unit.activity == activity]
    return [{resource: sorted(times) for resource, times in found.items() if times} for found in drawn_times]


def _delays(queues: Queues, random: Random, drawn: Mapping[int, int]) -> list[int]:
    """A delay for each step that waits for another: what a case of about as many steps was delayed there, and where that one
    tells nothing, what any was. Delays depend on how long the way is, and on each other: a request that is amended once is not
    amended as slowly as one that is amended ten times."""
    routes, pools = queues.routes, delay_pools(queues, drawn)
    donors, asked = _donors(queues, random, drawn), Counter[tuple[int, Pair]]()
    delays = []
    for case, activity, after in zip(routes.case, routes.activity, routes.after, strict=True):
        pair = (routes.activity[after], activity)
        if after < 0 or pair not in pools:
            delays.append(0)
        elif own := queues.own.get((donors[case], pair)):
            delays.append(own[asked[case, pair] % len(own)])
            asked[case, pair] += 1
        else:
            delays.append(random.choice(pools[pair]))
    return delays


def _donors(queues: Queues, random: Random, drawn: Mapping[int, int]) -> dict[int, int]:
    """For each counted case one of the drawn that have as many steps, or, if these are few, about as many. The others, which were
    under way when the window began and so are the slow ones, keep their own delays."""
    steps = Counter(queues.routes.case)
    ranked = sorted((steps[case], case) for case in queues.lead for _ in range(drawn.get(case, 0)))
    donors = {case: case for case in range(len(queues.routes.objects))}
    for case in queues.lead if ranked else ():
        first, end = bisect_left(ranked, (steps[case],)), bisect_left(ranked, (steps[case] + 1,))
        missing = max(NEAR - (end - first), 0)
        first = max(first - missing // 2, 0)
        donors[case] = ranked[random.randrange(first, min(max(end, first + NEAR), len(ranked)))][1]
    return donors


def delay_pools(queues: Queues, drawn: Mapping[int, int]) -> dict[Pair, Sequence[int]]:
    """The delays of each handover, whichever case had them."""
    before: defaultdict[int, list[Delay]] = defaultdict(list)
    for (_, activity), found in queues.delays.items():
        before[activity] += found
    return {
        pair: _seen(found, drawn) or _seen(before[pair[1]], drawn) or _least(before[pair[1]])
        for pair, found in queues.delays.items()
    }


def _seen(delays: Iterable[Delay], drawn: Mapping[int, int]) -> Sequence[int]:
    """The delays that were seen of the drawn cases; none where they are too few."""
    seen = [delay for delay in delays if delay.seen]
    return [delay.micros for delay in seen for _ in range(drawn.get(delay.case, 0))] if len(seen) >= LEAST else ()


def _least(delays: Iterable[Delay]) -> Sequence[int]:
    """What the delays can have been at the least."""
    return [delay.micros for delay in delays]
