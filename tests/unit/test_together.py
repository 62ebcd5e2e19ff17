"""Times between object types (OPerA), worked by hand."""

from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.times import Spread
from brain.analytics.together import TogetherExample, TypeSpread, together, together_of
from ontology import load_schema
from tests.unit.lives_by_hand import lives
from tests.unit.test_bottlenecks import filled, step, thing


def one(seconds: float) -> Spread:
    return Spread(1, seconds, seconds, seconds, seconds)


def test_an_order_waits_for_its_last_item() -> None:
    # The order is confirmed at 10, item 1 picked at 30, item 2 at 70; all three are packed from 100 to 120.
    # synchronisation = 70 − 10, pooling of items = 70 − 30, lagging of items = 70 − 10, of orders = max(10 − 30, 0) = 0,
    # waiting = 100 − 70, flow = 120 − 10 = 60 + 30 + 20.
    found = together_of(
        {
            "orders": lives(o="confirm 5-10, pack 100-120 #pack"),
            "items": lives(i1="pick 20-30, pack 100-120 #pack", i2="pick 40-70, pack 100-120 #pack"),
        },
        "v",
    )
    (packed,) = found.activities
    assert (packed.activity, packed.events, packed.overlaps) == ("pack", 1, 0)
    assert (packed.synchronisation, packed.waiting, packed.flow) == (one(60.0), one(30.0), one(110.0))
    assert packed.pooling == (TypeSpread("items", one(40.0)),)
    assert packed.lagging == (TypeSpread("items", one(60.0)), TypeSpread("orders", one(0.0)))
    assert packed.examples == (TogetherExample("pack", "o", "orders", "i2", "items", 60.0),)
    assert found.alone == 3  # confirm and two picks


def test_an_object_whose_first_step_it_is_takes_no_part() -> None:
    found = together_of({"orders": lives(o="pack 100-120 #pack"), "items": lives(i="pick 20-30, pack 100-120 #pack")}, "v")
    assert (found.activities, found.alone) == ((), 2)


def test_an_object_that_is_ready_only_after_the_start_is_an_overlap() -> None:
    # i is picked until 110, and packed from 100 on: synchronisation 110 − 10, no waiting, flow 120 − 10.
    (packed,) = together_of(
        {"orders": lives(o="confirm 5-10, pack 100-120 #pack"), "items": lives(i="pick 90-110, pack 100-120 #pack")}, "v"
    ).activities
    assert (packed.overlaps, packed.synchronisation, packed.waiting, packed.flow) == (1, one(100.0), one(0.0), one(110.0))


def test_an_object_of_two_types_counts_once() -> None:
    life = lives(o="confirm 5-10, pack 100-120 #pack")
    assert together_of({"Order": life, "WorkObject": life}, "v").activities == ()


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abc")), min_size=2, max_size=8), st.integers(50, 60))
def test_flow_is_synchronisation_waiting_and_processing(ready: list[tuple[int, str]], start: int) -> None:
    kinds: dict[str, dict[str, str]] = {}
    for i, (at, kind) in enumerate(ready):
        kinds.setdefault(kind, {})[f"o{i}"] = f"make {at}-{at}, meet {start}-{start + 3} #meet"
    (met,) = together_of({kind: lives(**of) for kind, of in kinds.items()}, "v").activities
    assert met.flow.total_seconds == met.synchronisation.total_seconds + met.waiting.total_seconds + 3
    assert all(t.times.total_seconds <= met.synchronisation.total_seconds for t in (*met.pooling, *met.lagging))
    assert sum(t.times.total_seconds == met.synchronisation.total_seconds for t in (*met.pooling, *met.lagging)) >= 1


async def test_out_of_a_store() -> None:
    schema = load_schema()
    store = await filled(
        schema,
        thing("o", "orders"), thing("i", "items"),
        step("1", "confirm", ["o"], completedAt=10),
        step("2", "pick", ["i"], completedAt=30),
        step("3", "pack", ["o", "i"], completedAt=40),
    )  # fmt: skip
    found = await together(store, schema, ["orders", "items"])
    await store.close()
    assert found.activities[0].synchronisation == one(20.0)
    assert found.activities[0].examples[0][4:] == ("items", 20.0)
    assert found.object_types == ("items", "orders")
