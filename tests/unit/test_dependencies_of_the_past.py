"""What dependencies were as of a time, as known at a time, is what a store tells that heard no more: for random histories."""

from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from brain.analytics import breakdown
from brain.analytics.dependencies import Dependencies, Toward, dependencies
from brain.analytics.graph.coupling import HiddenCoupling, hidden_coupling
from brain.analytics.graph.observing import Layer, read_layer
from brain.analytics.graph.reading import read
from brain.analytics.observed import ObservedDependencies, observed
from brain.errors import BadQuery
from brain.identities import Merged
from brain.model import Assert, Change, ChangeSet, Link, Retract, Void
from brain.query import AsOf
from brain.rewound import rewound
from tests.unit import test_rewound as lives
from tests.unit.test_rewound import HOUR, MACHINE, PUMP, SCHEMA, by_then, filled, without_future

OTHER, SWITCH = "asset/Q", "asset/SW"
FAILURES = (5, 31, 80, 201)


def state(event: str, id: str, hour: float, state: str) -> ChangeSet:
    return ChangeSet(event, "s", round(hour * HOUR), 0, (Assert(id, "Machine", {"state": state}),))


BASE = [
    one
    for hour in FAILURES
    for id in (MACHINE, PUMP)
    for one in (state(f"{id} {hour}", id, hour, "fault"), state(f"{id} {hour} up", id, hour + 0.5, "running"))
]
"""Two machines that fail together four times, so that there is something to be told."""

SUPPLIES, SAME = Link("supplies", PUMP), Link("sameAs", PUMP)
others: list[Change] = [
    *(Assert(id, "Machine", {"state": state}) for id in (MACHINE, PUMP, OTHER) for state in ("fault", "running")),
    *(Void(id, "Machine", f"{id} {hour}", "s") for id in (MACHINE, PUMP) for hour in FAILURES),
    Retract(PUMP, "Machine", ("state",)),
    Assert(MACHINE, "Machine", links=(SUPPLIES,)),
    Retract(MACHINE, "Machine", links=(SUPPLIES,)),
    Assert(SWITCH, "Machine", links=(SUPPLIES, Link("supplies", MACHINE))),
    Assert(OTHER, "Machine", links=(SAME,)),
    Retract(OTHER, "Machine", links=(SAME,)),
]
more = st.lists(st.tuples(st.sampled_from([4, 31, 60, 80, 201, 230]), st.sampled_from(others), st.integers(0, 1)), max_size=6)


@st.composite
def histories(draw: st.DrawFn) -> list[ChangeSet]:
    """In whatever order they are told: the nth is stored at n."""
    added = [ChangeSet(f"e{n}", "s", valid * HOUR, 0, (said,), by) for n, (valid, said, by) in enumerate(draw(more))]
    return draw(st.permutations([*BASE, *added]))


async def coupled(store: Merged, at: AsOf, until: int | None = None) -> HiddenCoupling:
    return await hidden_coupling(rewound(store, SCHEMA, at), SCHEMA, await read(store, SCHEMA, at), until=until)


VALID = st.sampled_from([None, 30, 80, 80.25, 112, 201, 240])
KNOWN = st.none() | st.integers(0, len(BASE) + 6)


@settings(deadline=None, max_examples=150)
@given(histories(), VALID, KNOWN)
@example([*BASE, state("more", MACHINE, 230, "fault")], 112, None)
@example([*BASE, ChangeSet("e0", "s", 60 * HOUR, 0, (Assert(SWITCH, "Machine", links=(SUPPLIES,)),))], 112, len(BASE) - 1)
async def test_what_goes_down_together_is_what_a_store_tells_that_heard_no_more(
    changes: Sequence[ChangeSet], valid: float | None, known: int | None
) -> None:
    at = AsOf(None if valid is None else round(valid * HOUR), known)
    store, fresh = await filled(changes), await filled(by_then(changes, at))
    assert await coupled(store, at) == await coupled(fresh, AsOf(), at.valid)
    await store.close()
    await fresh.close()


async def test_there_is_something_to_be_told() -> None:
    store = await filled(BASE)
    assert [c.together for c in (await coupled(store, AsOf(112 * HOUR))).couplings] == [3]
    await store.close()


Told = tuple[ObservedDependencies | None, Layer | None, breakdown.Breakdown | None, Dependencies]


async def told_of(store: Merged, at: AsOf, down_at: int) -> Told:
    """All that is observed, however likely by chance; what comes of the machine being down; what it takes to work."""
    past, graph = rewound(store, SCHEMA, at), await read(store, SCHEMA, at)
    asked = breakdown.Asked(down_at, 2 * HOUR, 1, runs=2)
    try:
        found = await observed(past, SCHEMA, "order", share=1.0)
        layer, lost = await read_layer(past, SCHEMA), await breakdown.breakdown(past, SCHEMA, graph, MACHINE, asked)
    except BadQuery:  # nobody had a step by then
        return None, None, None, await dependencies(past, SCHEMA, MACHINE, Toward.UP)
    return found, layer, lost, await dependencies(past, SCHEMA, MACHINE, Toward.UP)


@settings(deadline=None, max_examples=40)
@given(lives.histories, lives.hours, st.none() | st.integers(2, 13), st.integers(-3, 0))
@example([((9, lives.LOGGED), 0), ((9, lives.EARLIER), 1)], 4, None, -1)
async def test_what_is_observed_and_foreseen_is_what_a_store_tells_that_heard_no_more(
    history: list[tuple[tuple[int, Change], int]], valid: int, known: int | None, sooner: int
) -> None:
    """At the point itself, and at an earlier instant out of the same knowledge. As known now, it is known that nothing happened
    from the last step until the point: the other store is told so by being asked as of it."""
    changes, at = list(lives.told(history, flagged=False)), AsOf(valid * HOUR, known)
    store, fresh = await filled(changes), await filled(by_then(changes, at))
    await without_future(fresh, at)
    down_at = (valid + sooner) * HOUR
    until = AsOf(at.valid if known is None else None)
    assert await told_of(store, at, down_at) == await told_of(fresh, until, down_at)
    await store.close()
    await fresh.close()
