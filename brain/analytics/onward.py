"""How objects go on: the rest of the way of those that are through and had done the same.

An object that has done a, b, c goes on as one drawn from those that had done a, b, c in this order and nothing else; where these
are too few, from those that did b and c last, and so on (a Markov chain of variable order: Bühlmann, Wyner, *Annals of
Statistics* 27, 1999, with the count of likes as the rule to stop).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from brain.analytics.concurrency import Enablement
from brain.analytics.lives import Timed

LEAST = 5
"""Likes that are enough."""
LONGEST = 12
"""Activities that are looked back, at the most."""
BEGINNING = ""


class Rest(NamedTuple):
    """What a life that is over did after its first `done` steps."""

    object: str
    done: int


class Onward:
    """The lives of objects that are through, by what they had done when."""

    def __init__(self, lives: Mapping[str, Sequence[Timed]], enabled: Mapping[str, Sequence[Enablement]]) -> None:
        self.lives, self.enabled = lives, enabled
        self._rests: defaultdict[tuple[str, ...], list[Rest]] = defaultdict(list)
        for name in sorted(lives):
            did = (BEGINNING, *(step.activity for step in lives[name]))
            for done in range(len(did)):
                for back in range(min(done + 1, LONGEST)):
                    self._rests[did[done - back : done + 1]].append(Rest(name, done))

    def rests(self, did: Sequence[str], least: int = LEAST) -> Sequence[Rest]:
        """The ways on of an object that did these activities; none where the last of them was never done."""
        trail = (BEGINNING, *did)[-LONGEST:]
        while len(trail) > 1 and len(self._rests.get(trail, ())) < least:
            trail = trail[1:]
        return self._rests.get(trail, ())

    def next_of(self, rest: Rest) -> str | None:
        """What is done next; None where nothing is."""
        life = self.lives[rest.object]
        return life[rest.done].activity if rest.done < len(life) else None
