"""Where all objects stand at an instant, told from nothing that happened after it: what is done, what is under way, and what each
object that nobody works for may be waiting for.

An object that nobody works for waits for an activity that others came to from the same one, unless its wait says otherwise. Where
work is served in the order in which it came, who waits has not been overtaken, and waits for somebody who is busy or away; where
it is not, nobody waits longer than anybody was seen to. An object that can be waiting for nothing is through; so is one that has
waited so long that hardly any went on then: else one rework that waited for weeks would keep all there that ended alike.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from brain.analytics.lives import Timed
from brain.analytics.overtaking import OVERTAKING
from brain.analytics.queues import Queues
from brain.analytics.work import Lives, Work

FEW = 0.1
"""Of those that waited as long, a smaller share that moved on later is as good as none."""
LEAST = 10
"""Fewer say nothing of that share."""
UNENDED = 1 << 62
"""The end of a step that is under way: later than any."""


class Standing(NamedTuple):
    """At an instant, µs: of each object the steps that are `done`, and those that are `under_way`."""

    at: int
    done: dict[str, list[Timed]]
    under_way: dict[str, list[Timed]]


def standing(lives: Lives, at: int) -> Standing:
    """What of the lives had happened by then. A step whose end is later is under way, and so is one without an end (`UNENDED`)
    if it is the object's last; else it is taken as one that has no length."""
    done: dict[str, list[Timed]] = {}
    under_way: dict[str, list[Timed]] = {}
    for name, life in lives.items():
        told = [step for step in life if step.start <= at]
        ended = [
            step if step.end <= at else step._replace(end=step.start) for step in told if step.end <= at or _lost(step, told)
        ]
        going = [step for step in told if step.end > at and not _lost(step, told)]
        if ended:
            done[name] = ended
        if going:
            under_way[name] = going
    return Standing(at, done, under_way)


def _lost(step: Timed, told: Sequence[Timed]) -> bool:
    """Whether its end was never told, though the object went on."""
    return step.end == UNENDED and step is not told[-1]


class Waiting:
    """What objects may be waiting for."""

    def __init__(self, stood: Standing, work: Work, queues: Queues, busy: Collection[str]) -> None:
        """`busy` has the resource of each step under way, whatever it is for: twice, if two are."""
        self._at, self._queues = stood.at, queues
        self._activity = {name: i for i, name in enumerate(queues.floor.activities)}
        self._gaps = _longest_gaps(stood)
        self._followers: defaultdict[str, list[str]] = defaultdict(list)
        for before, after in self._gaps:
            self._followers[before].append(after)
        self._stayed, self._moved = _visits(stood)
        begun = _begun(work)
        self._latest = {activity: max(ready for ready, _ in found) for activity, found in begun.items()}
        self._orderly = {activity for activity, found in begun.items() if _in_order(found)}
        hands = Counter(busy)
        self._free = {i for i, name in enumerate(queues.floor.resources) if self._is_free(i, hands[name])}

    def _is_free(self, resource: int, busy: int) -> bool:
        floor = self._queues.floor
        away = any(since <= self._at < until for since, until in floor.away[resource])
        return busy < floor.capacity[resource] and not away

    def followers(self, activity: str) -> Sequence[str]:
        """What was ever done next after this activity."""
        return self._followers.get(activity, ())

    def idle(self, activity: str) -> bool:
        """Whether somebody is free who carries it out."""
        return any(resource in self._free for resource in self._queues.floor.pools[self._activity[activity]])

    def over(self, activity: str, since: int) -> bool:
        """Whether hardly anybody goes on who did this activity and then waited for as long as one that did it until `since`."""
        stayed, moved = (bisect_left(found.get(activity, ()), since) for found in (self._stayed, self._moved))
        return stayed + moved >= LEAST and moved < FEW * (stayed + moved)

    def overtaken(self, activity: str, since: int) -> bool:
        """Whether somebody began it who could do so later than `since`."""
        return self._latest.get(activity, since) > since

    def may(self, before: str, activity: str, since: int) -> bool:
        """Whether an object that did `before` until `since` may be waiting for `activity`."""
        quiet = self._at - since
        number, first = self._activity.get(activity), self._activity.get(before)
        if number is None or first is None:
            return False
        delays = self._queues.delays.get((first, number), ())
        pool = self._queues.floor.pools[number]
        if activity not in self._orderly or not pool or any(d.seen and d.micros > quiet for d in delays):
            return quiet <= self._gaps.get((before, activity), 0)
        overtaken = number not in self._queues.ranks and self.overtaken(activity, since)
        return not overtaken and (number in self._queues.sizes or not self.idle(activity))


def _longest_gaps(stood: Standing) -> dict[tuple[str, str], int]:
    gaps: defaultdict[tuple[str, str], int] = defaultdict(int)
    for name, life in stood.done.items():
        for a, b in pairwise([*life, *stood.under_way.get(name, ())]):
            gaps[a.activity, b.activity] = max(gaps[a.activity, b.activity], b.start - a.end)
    return dict(gaps)


def _visits(stood: Standing) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """By activity, in order: after which no step of an object began, when it ended; after which one did, what another must have
    ended later than to have waited for less than that until now, and to have ended later."""
    stayed: defaultdict[str, list[int]] = defaultdict(list)
    moved: defaultdict[str, list[int]] = defaultdict(list)
    for name, life in stood.done.items():
        for a, b in pairwise([*life, *stood.under_way.get(name, ())]):
            moved[a.activity].append(max(a.end, stood.at - (b.start - a.end)))
        if name not in stood.under_way:
            last = quiet_since(life)
            stayed[last.activity].append(last.end)
    for found in chain(stayed.values(), moved.values()):
        found.sort()
    return dict(stayed), dict(moved)


def _begun(work: Work) -> dict[str, list[tuple[int, int]]]:
    """When each job could have begun, and when it did, by activity."""
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for jobs in work.jobs.values():
        for job in jobs:
            if job.known:
                found[job.activity].append((job.enabled, job.start))
    return dict(found)


def _in_order(begun: Sequence[tuple[int, int]]) -> bool:
    """Whether hardly any began after another that could only have begun later."""
    overtaken = sum(_overtaken(sorted(begun, key=lambda one: (one[1], one[0]))))
    return overtaken < OVERTAKING * len(begun)


def _overtaken(begun: Sequence[tuple[int, int]]) -> Iterator[bool]:
    latest = -UNENDED
    for ready, _ in begun:
        yield ready < latest
        latest = max(latest, ready)


def quiet_since(life: Sequence[Timed]) -> Timed:
    """The step of a life that ended last."""
    return max(life, key=lambda step: (step.end, step))


def hands(under_way: Mapping[str, Sequence[Timed]]) -> Iterator[str]:
    """The resource of each step that is under way, once for each step."""
    steps = {step.step: step.resource for going in under_way.values() for step in going}
    yield from (resource for resource in steps.values() if resource is not None)
