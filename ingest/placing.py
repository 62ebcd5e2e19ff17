"""The place of an event in a chain, by what its own message says."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from brain.chains import END
from brain.model import Order
from ingest.paths import MISSING, Scope
from ingest.picking import Sources
from ingest.quality import as_text, excerpt
from ingest.rules import Placing
from ingest.writing import new

_WHOLE = re.compile(r"[0-9]{1,19}")


class Placed(NamedTuple):
    """Where an event stands, or why it stands nowhere: "" where it names no chain."""

    order: Order | None = None
    fault: str = ""


UNPLACED = Placed()

Place = Callable[[Any, Scope, str], Placed]
"""(item, scope, the event's source) → its place."""


def placing(rule: Placing, sources: Sources) -> Place:
    """Chains are named within a source, so that those of two sources are never one, unless the rule names the other's."""
    chain_of, get, table = sources.key(rule.chain), sources.get(rule.paths), rule.mapping
    source_of = sources.text(rule.source) if rule.source is not None else None
    shown = " or ".join(path.text for path in rule.paths)

    def place(item: Any, scope: Scope, own: str) -> Placed:
        chain = chain_of(item, scope)
        source = own if source_of is None else source_of(item, scope)
        if chain is None or source is None:
            return UNPLACED
        raw = rule.constant if rule.constant is not None else get(item, scope)
        position = _mapped(raw, table) if table is not None else _whole(raw)
        if position is None:
            found = "missing" if raw is MISSING else "null" if raw is None else excerpt(raw)
            wanted = "in `map`" if table is not None else f"a whole number within 0 and {END}"
            return Placed(None, f"taken without its place in {excerpt(chain)}: {shown} is {found}, not {wanted}")
        return new(Placed, (new(Order, (_named(source, chain), position)), ""))

    return place


@lru_cache(4096)
def _named(source: str, chain: str) -> str:
    return orjson.dumps([source, chain]).decode()


def _whole(raw: Any) -> int | None:
    if type(raw) is str and _WHOLE.fullmatch(raw.strip()):
        raw = int(raw)
    return raw if type(raw) is int and 0 <= raw <= END else None


def _mapped(raw: Any, table: Any) -> int | None:
    if raw is None or raw is MISSING or type(raw) in (dict, list):
        return None
    found: int | None = table.get(as_text(raw))
    return found
