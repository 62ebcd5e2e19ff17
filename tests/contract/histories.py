"""Change sets by Hypothesis: few ids, few events, few times, so that they collide, contradict and repeat each other."""

import random
from itertools import pairwise, zip_longest

from hypothesis import strategies as st

from brain.model import Assert, Change, ChangeSet, Flag, Link, Order, Retract, Verdict, Void
from brain.spans import SILENCE

IDS = ["a/1", "a/2", "b/1", "b/\U0001f600", "b/\uffee"]
CLASSES = ["Entity", "Asset", "Pump", "Scanner", "Step", "WorkObject"]
TEXTS = ["", "x", "42", "true", '"q"', "-1.5e3", "\U0001f600", "\uffee", "`)-[:X]->() //", "é" * 300]
INTEGERS = [0, 1, -1, 2**63 - 1, -(2**63) + 2000]
NUMBERS = [0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, 9999.99]

texts = st.sampled_from(TEXTS)
integers = st.sampled_from(INTEGERS)
numbers = st.sampled_from(NUMBERS) | st.just(1)
instants = st.sampled_from([0, -1, -1_000_001, 1_700_000_000_123_456, -(2**62)])
scalars = texts | integers | numbers | st.booleans()

PROPERTIES = {
    "name": texts,
    "state": texts,
    "flow": numbers,
    "weight": numbers,
    "starts": integers,
    "on": st.booleans(),
    "servicedAt": instants,
    "completedAt": instants,
}
ATTRIBUTES = st.sampled_from(["x", "Größe", "n`) DETACH DELETE n //", "name", "@at", ""])

ids = st.sampled_from(IDS)
classes = st.sampled_from(CLASSES)
links = st.builds(
    Link,
    st.sampled_from(["locatedIn", "monitors", "object", "sameAs"]),
    st.sampled_from([*IDS, "c/9"]),
    st.sampled_from(["", "", "q", "\uffee"]),
)
link_lists = st.lists(links, max_size=3).map(tuple)
asserts = st.builds(
    Assert,
    ids,
    classes,
    st.fixed_dictionaries({}, optional=PROPERTIES),
    st.dictionaries(ATTRIBUTES, scalars, max_size=2),
    link_lists,
)
retracts = st.builds(
    Retract,
    ids,
    classes,
    st.lists(st.sampled_from(sorted(PROPERTIES)), max_size=2, unique=True).map(tuple),
    st.lists(ATTRIBUTES, max_size=1).map(tuple),
    link_lists,
)
flags = st.builds(Flag, ids, classes, st.sampled_from(["flow", "n`o"]), st.sampled_from(Verdict), st.none() | instants, texts)
events = st.sampled_from(["e1", "e2", "e3", "e\U0001f600", "e\uffee"])
sources = st.sampled_from(["s1", "s2"])
voids = st.builds(Void, ids, classes, events, sources)
orders = st.builds(Order, st.sampled_from(["k1", "k\U0001f600"]), st.sampled_from([0, 1, 2, 3, 7, 2**63 - 1]))
change_sets = st.builds(
    ChangeSet,
    event=events,
    source=sources,
    valid=st.sampled_from([0, 1, 2, 3, SILENCE + 2, SILENCE + 3, 2 * SILENCE + 4]),
    received=st.integers(0, 9),
    changes=st.lists(asserts | asserts | asserts | retracts | flags | voids, min_size=1, max_size=3).map(tuple),
    authority=st.integers(0, 1),
    order=st.none() | orders | orders,
)


HISTORIES, ORDERS = 2, 4
TOGETHER = HISTORIES * ORDERS
"""Cases that go into one store at once, each of things of its own: so many histories, each arriving in so many ways. What costs
is to generate histories and to open stores."""


@st.composite
def many(draw: st.DrawFn) -> tuple[list[ChangeSet], list[list[ChangeSet]]]:
    """TOGETHER cases: all their change sets, and their batches joined, the first with the first."""
    found = []
    for i in range(HISTORIES):
        sets = draw(st.lists(change_sets, min_size=1, max_size=8))
        chance = random.Random(draw(st.integers(0, 2**32)))
        found += [_of(f"{i}.{j}-", sets, _arrival(sets, chance)) for j in range(ORDERS)]
    batches = zip_longest(*(batches for _, batches in found), fillvalue=[])
    return [one for sets, _ in found for one in sets], [[one for part in parts for one in part] for parts in batches]


def _arrival(sets: list[ChangeSet], chance: random.Random) -> list[list[ChangeSet]]:
    """A set of change sets as batches: shuffled, with repetitions, cut anywhere."""
    order = [*sets, *chance.choices(sets, k=chance.randrange(4))]
    chance.shuffle(order)
    cuts = sorted(chance.sample(range(1, len(order)), chance.randrange(min(len(order), 5))))
    return [order[a:b] for a, b in pairwise([0, *cuts, len(order)])]


def _of(things: str, sets: list[ChangeSet], batches: list[list[ChangeSet]]) -> tuple[list[ChangeSet], list[list[ChangeSet]]]:
    def renamed(one: ChangeSet) -> ChangeSet:
        return one._replace(changes=tuple(_renamed(change, things) for change in one.changes))

    return [renamed(one) for one in sets], [[renamed(one) for one in batch] for batch in batches]


def _renamed(change: Change, things: str) -> Change:
    subject = things + change.subject
    if isinstance(change, Assert | Retract):
        links = tuple(link._replace(target=things + link.target) for link in change.links)
        return change._replace(subject=subject, links=links)
    return change._replace(subject=subject)
