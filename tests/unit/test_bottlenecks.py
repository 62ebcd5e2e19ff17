"""The handover view, on examples worked by hand. The figures of real logs are in tests/e2e/test_import_oracles.py."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.analytics.bottlenecks import Handover, bottlenecks, quantile
from brain.analytics.lives import MICRO
from brain.errors import BadQuery
from brain.model import Assert, ChangeSet, Link
from brain.ports import Store
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


def step(name: str, activity: str, objects: list[str], **times: int | str) -> ChangeSet:
    """A step with times in whole seconds."""
    said = {k: v * MICRO if k.endswith("At") and isinstance(v, int) else v for k, v in times.items()}
    links = tuple(Link("object", f"object/{o}", "") for o in objects)
    valid = max([v for k, v in said.items() if k.endswith("At") and isinstance(v, int)], default=0)
    return ChangeSet(name, "test", valid, 0, (Assert(f"step/{name}", "Step", {"activity": activity, **said}, {}, links),))


def thing(name: str, object_type: str) -> ChangeSet:
    return ChangeSet(f"{name}@0", "test", 0, 0, (Assert(f"object/{name}", "WorkObject", {"objectType": object_type}),))


async def filled(schema: Schema, *changes: ChangeSet) -> Store:
    store = open_store("sqlite://")
    await store.prepare(schema)
    await store.apply(changes)
    return store


def edge(found: tuple[Handover, ...], source: str, target: str) -> Handover:
    return next(e for e in found if (e.source, e.target) == (source, target))


async def test_waiting_is_from_completion_to_start_and_processing_from_start_to_completion(schema: Schema) -> None:
    # Object x: a 0–10, b 25–40 (waits 15), b2 is the same activity b 35–60 (overlaps by 5: counts 0).
    # Object y: a 0–20, b 30–31 (waits 10).
    store = await filled(
        schema,
        thing("x", "t"), thing("y", "t"),
        step("1", "a", ["x"], startedAt=0, completedAt=10),
        step("2", "b", ["x"], startedAt=25, completedAt=40),
        step("3", "b", ["x"], startedAt=35, completedAt=60),
        step("4", "a", ["y"], startedAt=0, completedAt=20),
        step("5", "b", ["y"], startedAt=30, completedAt=31),
    )  # fmt: skip
    found = await bottlenecks(store, schema, "t", min_frequency=1)
    await store.close()
    ab, bb = edge(found.edges, "a", "b"), edge(found.edges, "b", "b")
    assert (ab.count, ab.mean_seconds, ab.median_seconds, ab.total_seconds, ab.overlaps) == (2, 12.5, 12.5, 25.0, 0)
    assert ab.p90_seconds == 14.5  # 10 + 0.9 × (15 − 10)
    assert (bb.count, bb.mean_seconds, bb.overlaps) == (1, 0.0, 1)
    assert ab.examples[0] == ("object/x", "step/1", "step/2", 15.0)
    assert {(a.activity, a.count, a.mean_seconds, a.total_seconds) for a in found.activities} == {
        ("a", 2, 15.0, 30.0),  # 10 and 20
        ("b", 3, 41 / 3, 41.0),  # 15, 25 and 1
    }
    assert (found.objects, found.steps, found.left_out) == (2, 5, 0)


async def test_one_step_of_many_objects_waits_once_an_object_and_is_processed_once(schema: Schema) -> None:
    store = await filled(
        schema,
        *(thing(o, "t") for o in "xyz"),
        step("1", "a", ["x", "y", "z"], startedAt=0, completedAt=4),
        step("2", "b", ["x", "y", "z"], completedAt=7),
    )
    found = await bottlenecks(store, schema, "t")
    await store.close()
    assert (found.edges[0].count, found.edges[0].total_seconds) == (3, 9.0)
    assert [(a.activity, a.count, a.timed, a.mean_seconds) for a in found.activities] == [("a", 1, 1, 4.0), ("b", 1, 0, None)]


async def test_equal_times_are_ordered_by_position_else_by_event_id_as_text(schema: Schema) -> None:
    store = await filled(
        schema,
        thing("case", "t"), thing("free", "u"),
        step("z", "first", ["case"], completedAt=5, sequence=0),
        step("y", "second", ["case"], completedAt=5, sequence=1),
        step("e10", "ten", ["free"], completedAt=5),
        step("e9", "nine", ["free"], completedAt=5),
    )  # fmt: skip
    assert [(e.source, e.target) for e in (await bottlenecks(store, schema, "t")).edges] == [("first", "second")]
    assert [(e.source, e.target) for e in (await bottlenecks(store, schema, "u")).edges] == [("ten", "nine")]  # "e10" < "e9"
    await store.close()


async def test_complete_transitions_alone(schema: Schema) -> None:
    store = await filled(
        schema,
        thing("x", "t"),
        step("1", "a", ["x"], startedAt=0, completedAt=10),
        step("2", "b", ["x"], startedAt=12, completedAt=40),
        step("3", "c", ["x"], startedAt=41),
        step("4", "b", ["x"], occurredAt=15, lifecycle="suspend"),
    )
    found = await bottlenecks(store, schema, "t", lifecycle="complete")
    await store.close()
    assert [(e.source, e.target, e.total_seconds) for e in found.edges] == [("a", "b", 30.0)]  # 40 − 10
    assert found.left_out == 2
    assert "complete transitions" in found.definition


async def test_least_frequency_is_the_larger_of_ten_and_one_percent(schema: Schema) -> None:
    store = await filled(schema, *(step(f"s{i}", "a", [f"o{i}"], completedAt=i) for i in range(1434)),
                         *(thing(f"o{i}", "t") for i in range(1434)))  # fmt: skip
    assert (await bottlenecks(store, schema, "t")).min_frequency == 14
    await store.close()


async def test_an_unknown_type_names_those_there_are(schema: Schema) -> None:
    store = await filled(schema, thing("x", "items"), step("1", "a", ["x"], completedAt=1))
    with pytest.raises(BadQuery, match=r"'item'.*did you mean 'items'"):
        await bottlenecks(store, schema, "item")
    await store.close()


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=50))
def test_quantiles_are_numpys(waits: list[int]) -> None:
    waits.sort()
    assert math.isclose(quantile(waits, 9), float(np.quantile(waits, 0.9)) / MICRO, rel_tol=1e-12)
    assert math.isclose(quantile(waits, 5), float(np.median(waits)) / MICRO, rel_tol=1e-12)
