"""What goes down together as of a time, as known at a time, by the failures of two machines that were worked by hand, on both
stores. Times are hours.

A and B fail for half an hour at 5, 31, 80 and 201, B a minute after A: at another hour of the day each, so that by chance a
failure of the one is near to one of the other's in 4 minutes of one hour a day, and in no other day's.
"""

from collections.abc import Callable

import pytest

from brain.analytics.graph.coupling import Coupled, HiddenCoupling, hidden_coupling
from brain.analytics.graph.reading import read
from brain.analytics.graph.since import How, changes, coupled_in
from brain.errors import BadQuery
from brain.identities import Merged
from brain.model import Assert, ChangeSet, Link, Void
from brain.ports import Store
from brain.query import AsOf, Find, Hop
from brain.rewound import rewound
from brain.schema import Schema
from ontology import load_schema

HOUR = 3_600_000_000
MINUTE = HOUR // 60
A, B, SWITCH = "asset/A", "asset/B", "asset/SW"
FAILURES = (5, 31, 80, 201)
SUPPLIES = (Link("supplies", A), Link("supplies", B))


def failing(id: str, begin: int, late: int) -> list[tuple[int, ChangeSet]]:
    """Told when it is so, but for the failure of B at 80, which is told at 300."""
    told, at = f"{id} {begin}", begin * HOUR + late
    down = ChangeSet(told, "plc", at, 0, (Assert(id, "Machine", {"state": "fault"}),))
    up = ChangeSet(f"{told} up", "plc", at + HOUR // 2, 0, (Assert(id, "Machine", {"state": "running"}),))
    return [(300 * HOUR if (id, begin) == (B, 80) else at, down), (at + HOUR // 2, up)]


def said(recorded: int, valid: int, change: Assert | Void) -> tuple[int, ChangeSet]:
    return recorded * HOUR, ChangeSet(f"said at {recorded} of {change.subject}", "clerk", valid * HOUR, 0, (change,))


HISTORY = sorted(
    [
        *(said(0, 0, Assert(id, "Machine", {"state": "running"})) for id in (A, B)),
        *(told for begin in FAILURES for id, late in ((A, 0), (B, MINUTE)) for told in failing(id, begin, late)),
        # Since 150 a switch supplies both, of which we hear at 350.
        said(350, 150, Assert(SWITCH, "Machine", links=SUPPLIES)),
        # At 400 we learn that A's failure at 31 was none.
        said(400, 31, Void(A, "Machine", f"{A} 31", "plc")),
    ],
    key=lambda one: one[0],
)

Pair = tuple[int, int, int, tuple[str, ...]]
"""Together, failures of A and of B, and what both need (nothing: hidden)."""

CELLS: dict[tuple[float | None, int | None], tuple[int, Pair | None]] = {
    # (asOf, knownAt): things with three failures or more, the pair
    (80, 300): (0, None),  # A's third begins just then, and has lasted for nothing
    (80.01, 300): (1, None),  # B's comes a minute later
    (80.1, 80): (1, None),
    (80.1, 299): (1, None),
    (80.1, 300): (2, (3, 3, 3, ())),  # both are still going on
    (112, 299): (1, None),
    (112, 300): (2, (3, 3, 3, ())),
    (112, 350): (2, (3, 3, 3, ())),  # no switch yet
    (112, 400): (1, None),
    (202, 299): (2, (3, 4, 3, ())),
    (202, 300): (2, (4, 4, 4, ())),
    (202, 350): (2, (4, 4, 4, (SWITCH,))),
    (202, 400): (2, (3, 3, 4, (SWITCH,))),
    (None, 250): (2, (3, 4, 3, ())),
    (None, 399): (2, (4, 4, 4, (SWITCH,))),
    (202, None): (2, (3, 3, 4, (SWITCH,))),
    (None, None): (2, (3, 3, 4, (SWITCH,))),
}


def point(valid: float | None, known: int | None) -> AsOf:
    return AsOf(None if valid is None else round(valid * HOUR), None if known is None else known * HOUR)


async def filled(make: Callable[[Callable[[], int]], Store]) -> Merged:
    now, schema = 0, load_schema(())
    store = make(lambda: now)
    await store.prepare(schema)
    for now, change in HISTORY:  # noqa: B007
        await store.apply([change])
    return Merged(store, schema)


@pytest.fixture
def schema() -> Schema:
    return load_schema(())


async def coupled(store: Merged, schema: Schema, at: AsOf) -> HiddenCoupling:
    return await hidden_coupling(rewound(store, schema, at), schema, await read(store, schema, at))


async def check_coupling(store: Merged, schema: Schema, *cells: tuple[float | None, int | None]) -> None:
    for cell in cells:
        found = await coupled(store, schema, point(*cell))
        told = [(c.together, c.failures_a, c.failures_b, tuple(one.id for one in c.common)) for c in found.couplings]
        things, pair = CELLS[cell]
        assert (found.things, told) == (things, [] if pair is None else [pair]), cell
        assert all(c.hidden == (not c.common) for c in found.couplings)


async def test_every_cell_on_sqlite(sqlite: Merged, schema: Schema) -> None:
    await check_coupling(sqlite, schema, *CELLS)


async def test_cells_on_neo4j(neo4j: Merged, schema: Schema) -> None:
    await check_coupling(neo4j, schema, (80.01, 300), (80.1, 300), (112, 299), (112, 350), (202, 350), (202, 400), (None, None))


CHANGES: dict[tuple[float, float | None, int | None], tuple[How, Pair | None, Pair | None] | None] = {
    # (since, asOf, knownAt): what became of the pair
    (80, 112, 399): (How.COME, None, (3, 3, 3, ())),
    (80, 112, 299): None,
    (112, 202, 299): (How.COME, None, (3, 4, 3, ())),
    (112, 202, 349): (How.MOVED, (3, 3, 3, ()), (4, 4, 4, ())),  # once more
    (112, 202, 350): (How.MOVED, (3, 3, 3, ()), (4, 4, 4, (SWITCH,))),
    (112, 200, 349): None,
    (112, 200, 350): (How.MOVED, (3, 3, 3, ()), (3, 3, 3, (SWITCH,))),  # hidden no longer
    (112, None, 400): (How.COME, None, (3, 3, 4, (SWITCH,))),  # of three failures one was none
    (112, None, None): (How.COME, None, (3, 3, 4, (SWITCH,))),
    (202, 80, 399): (How.GONE, (4, 4, 4, (SWITCH,)), None),  # turned round
}


def figures(pair: Coupled | None) -> Pair | None:
    return pair and (pair.together, pair.failures_a, pair.failures_b, tuple(one.id for one in pair.common))


async def check_changes(store: Merged, schema: Schema, *cells: tuple[float, float | None, int | None]) -> None:
    for since, valid, known in cells:
        then, now = [await read(store, schema, point(at, known)) for at in (since, valid)]
        found = changes(then, now, schema, coupled=await coupled_in(store, schema, then, now))
        told = [(c.how, figures(c.then), figures(c.now)) for c in found.couplings or ()]
        expected = CHANGES[since, valid, known]
        assert told == ([] if expected is None else [expected]), (since, valid, known)
        assert found.couplings_count == len(told)


async def test_every_change_on_sqlite(sqlite: Merged, schema: Schema) -> None:
    await check_changes(sqlite, schema, *CHANGES)


async def test_changes_on_neo4j(neo4j: Merged, schema: Schema) -> None:
    await check_changes(neo4j, schema, (80, 112, 399), (112, 200, 350), (112, None, None))


async def test_an_earlier_time_is_read_out_of_the_same_knowledge_on_sqlite(sqlite: Merged, schema: Schema) -> None:
    await earlier(sqlite, schema)


async def test_an_earlier_time_is_read_out_of_the_same_knowledge_on_neo4j(neo4j: Merged, schema: Schema) -> None:
    await earlier(neo4j, schema)


async def earlier(store: Merged, schema: Schema) -> None:
    """At 80.1 B was down, as is known since 300; at 299 it was thought to run. The switch supplies it since 150."""
    for known, state in ((299, "running"), (300, "fault")):
        past = rewound(store, schema, point(202, known))
        (then,) = await past.nodes([B], point(80.1, None))
        assert then is not None
        assert then.properties["state"] == state
        assert [then] == await store.nodes([B], point(80.1, known))
    past = rewound(store, schema, point(202, 350))
    supply = [Hop(SWITCH)]
    assert [len(edges) for at in (149, 150) for edges in await past.related(supply, point(at, None))] == [0, 2]
    assert (await past.find(Find("Machine"), point(149, None))).nodes == tuple(
        node for node in await past.nodes([A, B], point(149, None)) if node is not None
    )
    for at in (point(203, None), point(150, 351)):
        with pytest.raises(BadQuery, match="or at an earlier one"):
            await past.nodes([B], at)


async def test_the_window_ends_at_the_point(sqlite: Merged, schema: Schema) -> None:
    """As of 112 the machines have run for 112 hours, with one failure in that hour of a day, near it for 4 minutes: of 112 / 24
    such hours that is 4 · 24 / (112 · 60) = 1/70, three times over. The last report before was of 80.5 h."""
    (pair,) = (await coupled(sqlite, schema, point(112, 399))).couplings
    assert pair.expected == pytest.approx(3 / 70)
    # An `until` that lies before it is kept, one behind it not.
    for until, things in ((50, 0), (500, 2)):
        at = point(112, 399)
        past, graph = rewound(sqlite, schema, at), await read(sqlite, schema, at)
        found = await hidden_coupling(past, schema, graph, until=until * HOUR)
        assert found.things == things
    assert found.couplings == (pair,)
