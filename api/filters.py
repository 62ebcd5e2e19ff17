"""Typed filters: one input type a datatype, one a class, and what they mean as the kernel's conditions."""

import types
from collections.abc import Iterator, Mapping
from typing import Any

import strawberry
from strawberry.types.unset import UNSET

from api.scalars import Long
from brain.errors import BadQuery
from brain.model import Instant
from brain.query import Condition, Op
from brain.schema import Datatype, NodeClass, Property

OPERATORS = {op.value: op for op in Op}
CHOICES = 1_000
"""Values that one `in` may have."""


@strawberry.input(name="StringFilter", description="All that are given must hold. Text is compared by code point, with case.")
class StringFilter:
    eq: str | None = UNSET
    ne: str | None = UNSET
    lt: str | None = UNSET
    le: str | None = UNSET
    gt: str | None = UNSET
    ge: str | None = UNSET
    in_: list[str] | None = strawberry.field(name="in", default=UNSET)
    contains: str | None = UNSET
    starts_with: str | None = UNSET


@strawberry.input(name="LongFilter", description="All that are given must hold.")
class LongFilter:
    eq: Long | None = UNSET
    ne: Long | None = UNSET
    lt: Long | None = UNSET
    le: Long | None = UNSET
    gt: Long | None = UNSET
    ge: Long | None = UNSET
    in_: list[Long] | None = strawberry.field(name="in", default=UNSET)


@strawberry.input(name="FloatFilter", description="All that are given must hold.")
class FloatFilter:
    eq: float | None = UNSET
    ne: float | None = UNSET
    lt: float | None = UNSET
    le: float | None = UNSET
    gt: float | None = UNSET
    ge: float | None = UNSET
    in_: list[float] | None = strawberry.field(name="in", default=UNSET)


@strawberry.input(name="DateTimeFilter", description="All that are given must hold.")
class DateTimeFilter:
    eq: Instant | None = UNSET
    ne: Instant | None = UNSET
    lt: Instant | None = UNSET
    le: Instant | None = UNSET
    gt: Instant | None = UNSET
    ge: Instant | None = UNSET
    in_: list[Instant] | None = strawberry.field(name="in", default=UNSET)


@strawberry.input(name="BooleanFilter", description="All that are given must hold.")
class BooleanFilter:
    eq: bool | None = UNSET
    ne: bool | None = UNSET


FILTERS: Mapping[Datatype, type[Any]] = {
    Datatype.STRING: StringFilter,
    Datatype.INTEGER: LongFilter,
    Datatype.FLOAT: FloatFilter,
    Datatype.INSTANT: DateTimeFilter,
    Datatype.BOOLEAN: BooleanFilter,
}


def filter_type(cls: NodeClass, module: str) -> type[Any]:
    """The input type `<Class>Filter`: a filter for the id and for each property of the class."""
    body: dict[str, Any] = {"__annotations__": {}, "__module__": module}
    fields = {"id": Property("id", "", Datatype.STRING, "The node's id."), **cls.properties}
    for name, prop in fields.items():
        body["__annotations__"][f"by_{name}"] = FILTERS[prop.datatype] | None
        body[f"by_{name}"] = strawberry.field(name=name, default=UNSET, description=prop.description or None)
    made = types.new_class(f"{cls.name}Filter", (), {}, lambda namespace: namespace.update(body))
    return strawberry.input(
        made, name=made.__name__, description=f"Conditions on {cls.name}; all must hold. A missing value never matches."
    )


def conditions(cls: NodeClass, where: Any) -> tuple[Condition, ...]:
    """What a `<Class>Filter` means. BadQuery for a null, which would match nothing or everything by the reader's mood."""
    found = []
    for name in ("id", *cls.properties):
        chosen = getattr(where, f"by_{name}", UNSET)
        if chosen is None or chosen is UNSET:
            continue
        for operator, value in _given(chosen):
            found.append(Condition(name, OPERATORS[operator], _checked(f"{cls.name}.{name}", operator, value)))
    return tuple(found)


def _checked(what: str, operator: str, value: Any) -> Any:
    if value is None:
        raise BadQuery(f"{what}: `{operator}` compares with null; a missing value never matches, so leave it out")
    if not isinstance(value, list):
        return value
    if len(value) > CHOICES:
        raise BadQuery(f"{what}: `in` has {len(value)} values, at most {CHOICES} are allowed: ask in parts")
    return tuple(value)


def _given(chosen: Any) -> Iterator[tuple[str, Any]]:
    for field in chosen.__strawberry_definition__.fields:
        value = getattr(chosen, field.python_name)
        if value is not UNSET:
            yield field.graphql_name or {"starts_with": "startsWith"}.get(field.python_name, field.python_name), value
