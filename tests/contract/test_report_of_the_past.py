"""The report as of a time, as known at a time, by three orders that were worked by hand, on both stores.

Times are minutes. A cell holds for its asOf and knownAt; it has the waits of each handover by object, and how many objects have
steps. "o2+o3" are merged: one order with the steps of both.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from brain.analytics.bottlenecks import bottlenecks
from brain.analytics.process_material import Asked, Section
from brain.analytics.process_report import process_report
from brain.errors import BadQuery
from brain.identities import Merged
from brain.model import Assert, Change, ChangeSet, Link, Occurrence, Retract, Void
from brain.ports import Store
from brain.query import NOW, AsOf, Edges, Find, Hop, Occurrences
from brain.rewound import rewound
from brain.schema import Scalar, Schema
from ontology import load_schema

MINUTE = 60_000_000
SECTIONS = frozenset(Section) - {Section.RELIEF}


def order(name: str) -> tuple[int, ChangeSet]:
    about = Assert(f"object/{name}", "WorkObject", {"objectType": "order"})
    return 0, ChangeSet(name, "erp", 0, 0, (about,))


def step(recorded: int, activity: str, of: str, start: int, end: int) -> tuple[int, ChangeSet]:
    """As a log tells it: once it has ended, with its start."""
    times: dict[str, Scalar] = {"activity": activity, "startedAt": start * MINUTE, "completedAt": end * MINUTE}
    about = Assert(f"step/{of}-{activity}", "Step", times, {}, (Link("object", f"object/{of}"),))
    return recorded, ChangeSet(f"{of}-{activity}", "log", end * MINUTE, 0, (about,))


def said(recorded: int, valid: int, change: Change, authority: int = 0) -> tuple[int, ChangeSet]:
    return recorded, ChangeSet(f"at {recorded}", "clerk", valid * MINUTE, 0, (change,), authority)


SAME = Link("sameAs", "object/o2")
HISTORY = [
    order("o1"), order("o2"), order("o3"),
    step(10, "pick", "o1", 0, 10),
    step(15, "pick", "o2", 5, 15),
    step(50, "pack", "o1", 30, 50),
    step(66, "bill", "o3", 64, 66),
    step(70, "ship", "o1", 60, 70),
    step(85, "ship", "o2", 80, 85),
    # Late: it had happened before the shipping.
    step(90, "pack", "o2", 40, 55),
    # o3 was o2 all the while since minute 66.
    said(95, 66, Assert("object/o3", "WorkObject", links=(SAME,))),
    # A correction: the packing of o1 had begun at 20.
    said(100, 50, Assert("step/o1-pack", "Step", {"startedAt": 20 * MINUTE}), authority=1),
    # The shipping of o2 was booked by mistake.
    said(110, 85, Void("step/o2-ship", "Step", "o2-ship", "log")),
    # From minute 75 on what was shipped does not count as o1's.
    said(120, 75, Retract("step/o1-ship", "Step", links=(Link("object", "object/o1"),))),
    # From minute 90 on o3 is a thing of its own again.
    said(130, 90, Retract("object/o3", "WorkObject", links=(SAME,))),
]  # fmt: skip

CELLS = {
    # (asOf, knownAt): objects, waits of each handover
    (9, 130): (2, {}),  # both are being picked
    (25, 99): (2, {}),  # o1 will be packed from 30 on, as far as is known
    (25, 100): (2, {"pick pack": [20 - 10]}),  # its packing is under way
    (35, 49): (2, {}),
    (35, 50): (2, {"pick pack": [30 - 10]}),  # under way; it was told of at 50, and its end is not told
    (35, 130): (2, {"pick pack": [20 - 10]}),
    (45, 89): (2, {"pick pack": [30 - 10]}),
    (45, 90): (2, {"pick pack": [30 - 10, 40 - 15]}),
    (65, 66): (3, {"pick pack": [30 - 10]}),  # o3 is being billed
    (72, 70): (3, {"pick pack": [30 - 10], "pack ship": [60 - 50]}),
    (72, 94): (3, {"pick pack": [30 - 10, 40 - 15], "pack ship": [60 - 50]}),
    (72, 95): (2, {"pick pack": [30 - 10, 40 - 15], "pack ship": [60 - 50], "pack bill": [64 - 55]}),
    (65, 95): (3, {"pick pack": [30 - 10, 40 - 15], "pack ship": [60 - 50]}),  # not one thing yet
    (84, 89): (3, {"pick pack": [30 - 10], "pack ship": [60 - 50], "pick ship": [80 - 15]}),
    (84, 90): (3, {"pick pack": [30 - 10, 40 - 15], "pack ship": [60 - 50, 80 - 55]}),
    (84, 95): (2, {"pick pack": [20, 25], "pack ship": [60 - 50], "pack bill": [64 - 55], "bill ship": [80 - 66]}),
    (84, 100): (2, {"pick pack": [10, 25], "pack ship": [10], "pack bill": [9], "bill ship": [14]}),
    (84, 110): (2, {"pick pack": [10, 25], "pack ship": [10], "pack bill": [9]}),
    (84, 120): (2, {"pick pack": [10, 25], "pack bill": [9]}),
    (72, 120): (2, {"pick pack": [10, 25], "pack ship": [10], "pack bill": [9]}),  # it counted still
    (84, 130): (2, {"pick pack": [10, 25], "pack bill": [9]}),  # they were one still
    (95, 129): (2, {"pick pack": [10, 25], "pack bill": [9]}),
    (95, 130): (3, {"pick pack": [10, 25]}),
    (None, 94): (3, {"pick pack": [20, 25], "pack ship": [60 - 50, 80 - 55]}),
    (None, None): (3, {"pick pack": [10, 25]}),
    (84, None): (2, {"pick pack": [10, 25], "pack bill": [9]}),
}  # fmt: skip


def point(valid: int | None, known: int | None) -> AsOf:
    return AsOf(*(None if at is None else at * MINUTE for at in (valid, known)))


async def filled(make: Callable[[Callable[[], int]], Store]) -> Merged:
    now, schema = 0, load_schema()
    store = make(lambda: now)
    await store.prepare(schema)
    for recorded, change in HISTORY:
        now = recorded * MINUTE
        await store.apply([change])
    return Merged(store, schema)


@pytest.fixture
def schema() -> Schema:
    return load_schema()


async def check(store: Merged, schema: Schema, *cells: tuple[int | None, int | None]) -> None:
    for cell in cells:
        objects, waits = CELLS[cell]
        found = await bottlenecks(rewound(store, schema, point(*cell)), schema, "order")
        told = {f"{edge.source} {edge.target}": (edge.count, edge.total_seconds) for edge in found.edges}
        assert told == {ends: (len(some), sum(some) * 60) for ends, some in waits.items()}, cell
        assert found.objects == objects, cell


async def test_every_cell_on_sqlite(sqlite: Merged, schema: Schema) -> None:
    await check(sqlite, schema, *CELLS)


async def test_cells_on_neo4j(neo4j: Merged, schema: Schema) -> None:
    await check(neo4j, schema, (25, 99), (25, 100), (84, 90), (84, 95), (84, 110), (84, 120), (95, 130), (None, None))
    await what_was_under_way_has_no_end(neo4j, schema)


async def test_what_was_under_way_has_no_end(sqlite: Merged, schema: Schema) -> None:
    await what_was_under_way_has_no_end(sqlite, schema)


async def what_was_under_way_has_no_end(store: Merged, schema: Schema) -> None:
    then = rewound(store, schema, point(84, 95))
    steps = sorted([step async for step in then.scan(Occurrences("order"))], key=lambda step: step.step)
    assert [(one.object, one.step, one.started, one.completed) for one in steps] == [
        ("object/o1", "step/o1-pack", 30 * MINUTE, 50 * MINUTE),
        ("object/o1", "step/o1-pick", 0, 10 * MINUTE),
        ("object/o1", "step/o1-ship", 60 * MINUTE, 70 * MINUTE),
        ("object/o2", "step/o2-pack", 40 * MINUTE, 55 * MINUTE),
        ("object/o2", "step/o2-pick", 5 * MINUTE, 15 * MINUTE),
        ("object/o2", "step/o2-ship", 80 * MINUTE, None),
        ("object/o2", "step/o3-bill", 64 * MINUTE, 66 * MINUTE),
    ]
    assert isinstance(steps[0], Occurrence)
    assert await then.object_types() == {"order": 2}
    assert {e[:3] async for e in then.scan(Edges(("object",)))} == {
        # A link is its event's, which came at 85.
        (f"step/{name}", "object", f"object/{of}")
        for name, of in (("o1-pack", "o1"), ("o1-pick", "o1"), ("o1-ship", "o1"), ("o2-pack", "o2"), ("o2-pick", "o2"),
                         ("o3-bill", "o2"))
    }  # fmt: skip
    assert await then.nodes(["step/o2-ship"]) == [None]
    # One read of the past reads the same as the store's own.
    at = point(84, 95)
    assert await then.nodes(["object/o3", "step/o1-pack"]) == await store.nodes(["object/o3", "step/o1-pack"], at)
    assert await then.find(Find("WorkObject")) == await store.find(Find("WorkObject"), at)
    assert await then.count(Find("WorkObject")) == 2
    hops = [Hop("step/o3-bill"), Hop("object/o1")]
    assert await then.related(hops) == await store.related(hops, at)


async def test_as_of_now_is_no_argument(sqlite: Merged, schema: Schema) -> None:
    asked = Asked(sections=SECTIONS)
    now = await process_report(sqlite, schema, "order", asked)
    for at in (AsOf(10**9 * MINUTE), AsOf(None, 10**9 * MINUTE), AsOf(10**9 * MINUTE, 10**9 * MINUTE)):
        then = await process_report(sqlite, schema, "order", asked._replace(at=at))
        assert (then.as_of, then.known_at) == at
        assert replace(then, as_of=None, known_at=None) == now
    assert rewound(sqlite, schema, NOW) is sqlite


async def test_before_anything_was_known_there_is_no_report(sqlite: Merged, schema: Schema) -> None:
    with pytest.raises(
        BadQuery, match=r"no object of type 'order' has a step as of 1970-01-01 00:30:00 UTC, as known on .*: none$"
    ):
        await process_report(sqlite, schema, "order", Asked(at=point(30, 9)))
    with pytest.raises(BadQuery, match="the past is read"):
        await rewound(sqlite, schema, point(30, 9)).apply([])
