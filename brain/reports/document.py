"""A result as plain JSON values, under the names that GraphQL has: `mean_seconds` is `meanSeconds`, an instant is text."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from brain.model import Instant
from brain.told import told_names
from brain.words import iso


def document(result: Any) -> Any:
    """Dataclasses and named tuples as objects, tuples as lists, all else as it is."""
    if is_dataclass(result) and not isinstance(result, type):
        return _object(result, told_names(type(result)))
    if isinstance(result, tuple):
        names = getattr(result, "_fields", None)
        return [document(item) for item in result] if names is None else _object(result, names)
    return result


def _object(result: Any, names: Iterable[str]) -> dict[str, Any]:
    written = _writers(cast(Hashable, type(result)))
    return {camel(name): written.get(name, document)(getattr(result, name)) for name in names}


@cache
def _writers(kind: Hashable) -> dict[str, Callable[[Any], Any]]:
    """How the fields are written that are more than their plain value: instants."""
    return {
        name: _instant for name, hint in get_type_hints(cast(Any, kind)).items() if hint is Instant or _optional(hint) is Instant
    }


def _optional(hint: Any) -> Any:
    if get_origin(hint) not in (Union, UnionType):
        return None
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 else None


def _instant(at: int | None) -> str | None:
    return None if at is None else iso(at)


def camel(name: str) -> str:
    """As GraphQL names it. `cls` is `class`, which no field can be called in Python."""
    if name == "cls":
        return "class"
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)
