"""Which fields of a result are told: all but those that only whoever goes on from it needs."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

UNTOLD: Mapping[str, bool] = {"told": False}
"""The metadata of a dataclass's field that neither JSON nor GraphQL has."""


def told_names(kind: type) -> tuple[str, ...]:
    """The names of the fields that are told, of a dataclass or a named tuple."""
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind) if field.metadata.get("told", True))
    return tuple(getattr(kind, "_fields", ()))
