"""What a rule says of order: which chain an event stands in, and where."""

from collections.abc import Mapping

from brain.chains import END
from ingest.rules import Placing
from ingest.rules_read import Reader
from ingest.rules_yaml import Item

ORDER = ("chain", "source", "position")
POSITION = ("path", "map", "value")
LAST = "last"
"""How rules write the end of a chain."""


def read_order(reader: Reader, item: Item | None) -> Placing | None:
    """`order` of a rule; None where there is none."""
    if item is None:
        return None
    fields = reader.fields(item, ORDER, "order")
    chain = reader.key(reader.need(item, fields, "chain", "order"), "chain")
    source = reader.template(fields["source"], "source") if "source" in fields else None
    position = reader.need(item, fields, "position", "order")
    if isinstance(position.value, int):
        return Placing(chain, source, constant=_place(reader, position))
    if not isinstance(position.value, dict):
        return Placing(chain, source, reader.paths(position, "position"))
    given = reader.fields(position, POSITION, "position")
    if "value" in given:
        return Placing(chain, source, constant=_place(reader, given["value"]))
    paths = reader.paths(reader.need(position, given, "path", "position"), "position")
    return Placing(chain, source, paths, _map(reader, given["map"]) if "map" in given else None)


def _map(reader: Reader, item: Item) -> Mapping[str, int]:
    if not isinstance(item.value, dict) or not item.value:
        raise reader.stop(item.line, f"map must translate texts to positions, found {item.kind}")
    return {text: _place(reader, place) for text, place in item.value.items()}


def _place(reader: Reader, item: Item) -> int:
    if item.value == LAST:
        return END
    place = reader.whole(item, "position")
    if place is None or not 0 <= place <= END:
        raise reader.stop(item.line, f"position {item.text} is not within 0 and {END}: the last of all is written {LAST}")
    return place
