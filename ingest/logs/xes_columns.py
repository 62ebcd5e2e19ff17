"""A XES log of the usual shape as columns: cases, activities, transitions, moments, performers, and no other attribute.

Traces, events and attributes without children, written as every exporter writes them, are a regular language. So the file is cut
at its tags, many at once, and each tag is matched against what may stand there: a match of all of them proves that this part is
XML, and what it says. What stands before and after the traces is read by expat. Whatever is not of that shape (comments between
events, nested attributes, entities, another encoding, a fault) is left to `xes`, which reads all of XES and names every fault.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple
from xml.parsers.expat import ExpatError

import numpy as np
import polars as pl
from numpy.typing import NDArray

from brain.analytics.columns import Ints
from ingest.logs.expat import DEPTH, parser_of
from ingest.logs.fault import BadLog, Path
from ingest.logs.records import LogOptions
from ingest.logs.source import ELEMENT_LIMIT, Source
from ingest.logs.transitions import Transitions, complete_unless_said
from ingest.logs.values import time_reader, without_zone
from ingest.logs.xes import NAME, RESOURCE, TIME, TRANSITION

USUAL = "%Y-%m-%dT%H:%M:%S%.f%:z"
"""How nearly every log writes its times."""
BLOCK = 1 << 20
WORKERS = 2
_OPEN, _CLOSE = b"<trace>", b"</trace>"
_WS = r"[ \t\r\n]"
_TEXT = r'[^"&\x00-\x1f\x{FFFE}\x{FFFF}]*'
_ATTRIBUTE = rf'^(?:string|date|int|float|boolean|id){_WS}+key="{_TEXT}"{_WS}+value="{_TEXT}"{_WS}*/>$'
_DEPTHS = {"trace>": 1, "event>": 2, "/event>": 1, "/trace>": 0}
"""The depth after each tag that is no attribute. Traces begin at depth 0, and each tag goes one down or up."""


_TAG = pl.col("tag")


class Unusual(Exception):
    """Something that is for `xes` to read, or to name."""


class _Block(NamedTuple):
    """What some whole traces say: as in `Transitions`, `case` counted from the first of them."""

    cases: list[str]
    case: Ints
    activity: pl.Series
    kind: pl.Series
    at: Ints
    performer: pl.Series


def transitions(path: Path, options: LogOptions) -> Transitions | None:
    """All transitions of a log as columns; None where only the full reading can tell what they are. BadLog where the file cannot
    be opened or unpacked."""
    try:
        with Source(path) as source:
            return _joined(list(_in_blocks(_traces(source), options)))
    except Unusual:
        return None


def _joined(blocks: Sequence[_Block]) -> Transitions:
    cases = [name for block in blocks for name in block.cases]
    if not cases or len(set(cases)) < len(cases):
        raise Unusual
    first = np.cumsum([0, *(len(block.cases) for block in blocks[:-1])])
    performers = pl.concat([block.performer for block in blocks])
    return Transitions(
        cases,
        np.concatenate([block.case + at for block, at in zip(blocks, first, strict=True)]),
        pl.concat([block.activity for block in blocks]),
        pl.concat([block.kind for block in blocks]),
        np.concatenate([block.at for block in blocks]),
        None,
        lambda: performers,
    )


def _traces(source: Source) -> Iterator[bytes]:
    """The traces in blocks of about BLOCK bytes. Of whole traces, in a file of the usual shape: what stands before the first and
    after the last of them is then XML without them."""
    rest = b""
    while _OPEN not in rest:
        more = source.read()
        if not more or len(rest) > ELEMENT_LIMIT:
            raise Unusual
        rest += more
    head, rest = rest[: (begin := rest.index(_OPEN))], rest[begin:]
    while True:
        # No rpartition: for bytes it takes as long as all the rest together.
        if cut := rest.rfind(_CLOSE) + 1:
            cut += len(_CLOSE) - 1
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > ELEMENT_LIMIT:
            raise Unusual
        more = source.read(BLOCK)
        if not more:
            break
        rest += more
    _read_around(source, head + rest)


class _Around:
    """What stands around the traces: nothing that is of the log itself, and nothing deep."""

    building = False
    built = 0
    spot = staticmethod(lambda: "line 1, column 1")

    def __init__(self) -> None:
        self._depth = 1

    def start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth > DEPTH or name.rpartition(":")[2] in ("trace", "event"):
            raise Unusual

    def end(self, name: str) -> None:
        self._depth -= 1


def _read_around(source: Source, text: bytes) -> None:
    parser = parser_of(source, _Around())

    def declared(version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            raise Unusual

    parser.XmlDeclHandler = declared
    try:
        parser.Parse(text, True)
    except (ExpatError, LookupError, ValueError, BadLog):
        raise Unusual from None


def _in_blocks(traces: Iterator[bytes], options: LogOptions) -> Iterator[_Block]:
    """The blocks in the order of the file. The next ones are cut and matched, outside of Python's lock, while one is awaited."""
    waiting: list[Future[_Block]] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for text in traces:
                waiting.append(pool.submit(_block, text, options))
                if len(waiting) > WORKERS:
                    yield waiting.pop(0).result()
            yield from (one.result() for one in waiting)
        finally:
            pool.shutdown(cancel_futures=True)


def _block(text: bytes, options: LogOptions) -> _Block:
    """What some whole traces say."""
    tags = _tags(text)
    depth = _depth(tags)
    traces, events = (tags[tag].to_numpy() for tag in ("trace>", "event>"))
    of_trace, of_event = np.cumsum(traces) - 1, np.cumsum(events) - 1

    def rows(key: str, deep: int = 2) -> Ints:
        return np.flatnonzero(tags[key].to_numpy() & (depth == deep))

    def each(at: Ints, order: Ints, many: int) -> pl.Series:
        """The values in these rows, if they are one for each trace or event."""
        values = _values(tags["tag"].gather(at))
        if not np.array_equal(order[at], np.arange(many)) or (values == "").any():
            raise Unusual
        return values

    def some(at: Ints, many: int) -> pl.Series:
        """The values in these rows, at most one for each event."""
        if (np.diff(of_event[at]) <= 0).any():
            raise Unusual
        values = _values(tags["tag"].gather(at))
        return values if len(at) == many else pl.repeat(None, many, dtype=pl.String, eager=True).scatter(of_event[at], values)

    named, many = rows(NAME, 1), int(events.sum())
    cases = each(named, of_trace, int(traces.sum()))
    if not np.array_equal(of_event[named], of_event[traces]):
        raise Unusual  # a name after the events
    return _Block(
        cases.to_list(),
        of_trace[events],
        each(rows(NAME), of_event, many),
        complete_unless_said(some(rows(TRANSITION), many)),
        _moments(each(rows(TIME), of_event, many), options),
        some(rows(RESOURCE), many).replace("", None),
    )


def _tags(text: bytes) -> pl.DataFrame:
    """Each tag without its `<`, and what it is. Unusual where one is not of the usual shape."""
    try:
        frame = pl.DataFrame({"tag": [text.decode()]})
    except UnicodeDecodeError:
        raise Unusual from None
    parts = frame.select(_TAG.str.split("<").explode().str.strip_chars_end(" \t\r\n"))
    tags = parts[1:].with_columns(
        _TAG.str.contains(_ATTRIBUTE).alias("attribute"),
        *(_TAG.eq(tag).alias(tag) for tag in _DEPTHS),
        *(_TAG.str.contains(f'key="{key}"', literal=True).alias(key) for key in (NAME, TIME, TRANSITION, RESOURCE)),
    )
    if parts["tag"][0] or sum(tags[kind].sum() for kind in ("attribute", *_DEPTHS)) < len(tags):
        raise Unusual
    return tags


def _depth(tags: pl.DataFrame) -> NDArray[np.int8]:
    """The depth after each tag. Unusual where one stands out of its place."""
    places = {tag: np.flatnonzero(tags[tag].to_numpy()) for tag in _DEPTHS}
    change = np.zeros(len(tags), np.int8)
    for tag, at in places.items():
        change[at] = -1 if tag.startswith("/") else 1
    depth = np.cumsum(change, dtype=np.int8)
    astray = (depth[tags["attribute"].to_numpy()] < 1).any() or depth[-1] != 0
    if astray or any((depth[at] != _DEPTHS[tag]).any() for tag, at in places.items()):
        raise Unusual
    return depth


def _values(tags: pl.Series) -> pl.Series:
    """The values of these attributes. Nearly always one writer wrote them all alike but for the value."""
    if tags.is_empty():
        return tags
    start, key, middle, _, end = tags[0].split('"')
    values = tags.str.strip_prefix(f'{start}"{key}"{middle}"').str.strip_suffix(f'"{end}')
    return values if not values.str.contains('"', literal=True).any() else tags.str.split_exact('"', 4).struct.field("field_3")


def _moments(texts: pl.Series, options: LogOptions) -> Ints:
    """µs of every time: most at once, and what is not written in the usual form one by one."""
    usual = texts.str.to_datetime(USUAL, time_unit="us", time_zone="UTC", strict=False).dt.timestamp("us")
    odd = usual.is_null().arg_true()
    if not len(odd):
        return usual.to_numpy()
    if any(without_zone(texts[i]) for i in odd):
        raise Unusual  # which must be said
    read_time = time_reader(options.zone)
    try:
        return usual.scatter(odd, [read_time(texts[i]) for i in odd]).to_numpy()
    except (ValueError, OverflowError):
        raise Unusual from None
