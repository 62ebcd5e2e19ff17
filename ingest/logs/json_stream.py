"""JSON as a stream: one member of an array or map at a time, with every fault as one clear line.

Numbers with a point come as Decimal: read as floats, ijson would refuse a whole file for one number over 64 bits.
"""

import codecs
import json
from collections.abc import Iterator
from typing import Any

import ijson

from ingest.logs.fault import BadLog, Path
from ingest.logs.json_gauge import Gauge
from ingest.logs.source import Source, first_bad_utf8

_EXACT = 16 << 20
"""Files up to this size are read again, whole, to name the line of a syntax fault."""


class _Bounded:
    """What ijson reads: a source within the bounds of the gauge, and without the byte-order mark that some Windows programs put
    before UTF-8, and JSON forbids."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._gauge = Gauge(source.path)
        self._first = True

    def read(self, size: int = -1) -> bytes:
        data = self._read(size)
        self._gauge.see(data)
        return data

    def _read(self, size: int) -> bytes:
        if not self._first or size == 0:
            return self._source.read(size)
        self._first = False
        head = self._source.head(max(size, 3))
        return head[3:] if head.startswith(codecs.BOM_UTF8) and len(head) > 3 else head


def members(path: Path, prefix: str) -> Iterator[Any]:
    """The values at an ijson prefix: "events.item" for the members of an array, "events" for the whole of it."""
    with Source(path) as source:
        yield from _guarded(path, source, ijson.items(_Bounded(source), prefix))


def entries(path: Path, prefix: str) -> Iterator[tuple[str, Any]]:
    """The (key, value) pairs of the map at a prefix."""
    with Source(path) as source:
        yield from _guarded(path, source, ijson.kvitems(_Bounded(source), prefix))


def keys(path: Path) -> Iterator[str]:
    """The keys of the outermost map, each as soon as it is met. Slow: every token passes through Python."""
    with Source(path) as source:
        for prefix, event, value in _guarded(path, source, ijson.parse(_Bounded(source))):
            if event == "map_key" and not prefix:
                yield value


def kind(path: Path, key: str) -> str:
    """What stands at a key of the outermost map: "map", "array", "string" …; "" where it has no such key. Slow, as `keys`."""
    with Source(path) as source:
        for prefix, event, _ in _guarded(path, source, ijson.parse(_Bounded(source))):
            if prefix == key:
                return str(event).removeprefix("start_")
    return ""


def _guarded(path: Path, source: Source, parts: Iterator[Any]) -> Iterator[Any]:
    while True:
        try:
            part = next(parts)
        except StopIteration:
            return
        except (ijson.JSONError, ValueError, OverflowError, RecursionError) as error:
            raise _broken(path, source, str(error)) from None
        yield part


def _broken(path: Path, source: Source, reason: str) -> BadLog:
    bad = first_bad_utf8(path)
    if bad is not None:
        return BadLog(path, f"byte {bad}", "is not UTF-8", "save the file as UTF-8: JSON has no other encoding")
    place, whole = _place(path, source)
    if "premature EOF" in reason or "ncomplete" in reason or whole:
        return BadLog(path, place, "the file ends in the middle of the JSON", "copy or export the file again, whole")
    first_line = reason.strip().splitlines()[0].strip() if reason.strip() else "syntax"
    return BadLog(path, place, f"is not valid JSON ({first_line})", "mend this place, or export the file again")


def _place(path: Path, source: Source) -> tuple[str, bool]:
    """(where the fault is, whether that is the end of the file)."""
    with Source(path) as again:
        data = again.head(_EXACT + 1)
    if len(data) <= _EXACT:
        try:
            text = data.decode("utf-8-sig", errors="ignore")
            json.loads(text)
        except json.JSONDecodeError as error:
            return f"line {error.lineno}, column {error.colno}", error.pos >= len(text.rstrip())
        except (ValueError, RecursionError):
            pass
    return f"before byte {source.total}", False
