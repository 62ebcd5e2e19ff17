"""Relay's cursors and pages (GraphQL Cursor Connections Specification), over lists of nodes and over relations."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from strawberry.types.unset import UNSET

from api.limits import Limits
from brain.errors import BadQuery

T = TypeVar("T")
Cursor = tuple[str, ...]
"""What a page goes on from: (id,) in a list of nodes, (other end, qualifier) among relations."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A checked request for a page: `size` items after `after` and before `before`, from the end where `backwards`."""

    size: int
    after: Cursor | None
    before: Cursor | None
    backwards: bool

    @classmethod
    def of(cls, limits: Limits, first: Any, after: Any, last: Any, before: Any, width: int) -> "Slice":
        """From a connection's arguments, None or UNSET where left out; `width` is the number of parts that its cursors have.

        Raises BadQuery.
        """
        first, after, last, before = (None if a is UNSET else a for a in (first, after, last, before))
        if first is not None and last is not None:
            raise BadQuery("a page has `first` or `last`, not both")
        size = first if first is not None else last if last is not None else limits.default_page
        if not 0 <= size <= limits.page:
            raise BadQuery(f"a page of {size} is not possible: ask for 0 to {limits.page}, then go on with `after` or `before`")
        return cls(size, decode(after, width), decode(before, width), last is not None)


def encode(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(json.dumps(cursor, separators=(",", ":")).encode()).decode()


def decode(text: str | None, width: int) -> Cursor | None:
    """BadQuery unless the text is a cursor that a list of the same kind gave out."""
    if text is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text.encode()))
    except (binascii.Error, ValueError):  # orjson's error is a ValueError, for too deep a nesting and half a surrogate pair too
        parts = None
    if isinstance(parts, list) and len(parts) == width and all(isinstance(p, str) for p in parts):
        return tuple(parts)
    mend = "take `cursor`, `startCursor` or `endCursor` from an answer as it is"
    raise BadQuery(f"{text[:60]!r} is not a cursor of this list: {mend}")


def cut(items: Sequence[T], place: Callable[[T], Cursor], page: Slice) -> tuple[Sequence[T], bool]:
    """The page out of all items, which stand in order of their place, and whether more lie beyond it in its direction."""
    after, before = page.after, page.before
    inside = [i for i in items if (after is None or place(i) > after) and (before is None or place(i) < before)]
    more = len(inside) > page.size
    return (inside[max(0, len(inside) - page.size) :] if page.backwards else inside[: page.size]), more
