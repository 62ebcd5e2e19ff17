"""XML as a stream of elements, without a tree: memory does not grow with the file.

The standard library's expat, because it stops at the exact line and column, needs no clearing of elements that were read,
and measured faster than lxml's iterparse. A document type, and so every entity, is refused before it is read; nothing is
ever fetched. A single tag, or one record, over ELEMENT_LIMIT is refused.
"""

import re
from collections.abc import Callable, Iterator
from typing import Protocol
from xml.parsers import expat

from ingest.logs.fault import BadLog, Path, shown
from ingest.logs.source import ELEMENT_LIMIT, Source, first_bad_utf8, too_large

DEPTH = 64
"""The deepest that elements may nest. Handlers check it, because they follow the nesting anyway."""
_CUT_SHORT = {
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
}
_NOT_UTF8 = {
    expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
}
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
Spot = Callable[[], str]


class Handler(Protocol):
    """A reader of elements. Attributes come as [name, value, name, value …]. `building` is true inside a record, and `built`
    counts the records that ended: so the stream sees a record that never ends."""

    building: bool
    built: int
    spot: Spot
    """Where the reader is now, set before the first element: "line 12, column 5"."""

    def start(self, name: str, attributes: list[str]) -> None:
        """A tag opens."""

    def end(self, name: str) -> None:
        """A tag closes."""


class TextHandler(Handler, Protocol):
    """A handler that also wants the text between the tags."""

    def text(self, data: str) -> None:
        """A piece of text."""


def stream(source: Source, handler: Handler | TextHandler) -> Iterator[None]:
    """Drive the handler over the file; yields after each chunk, so that the caller takes what was built. BadLog on any fault."""
    parser = parser_of(source, handler)
    fed = run = built = 0
    while True:
        chunk = source.read()
        try:
            parser.Parse(chunk, not chunk)
        except expat.ExpatError as error:
            raise _broken(source, error, parser.CurrentByteIndex) from None
        except (LookupError, ValueError) as error:
            # pyexpat reports an encoding that it does not know so, and only at the declaration.
            if fed:
                raise
            raise BadLog(
                source.path, "line 1", f"the declared encoding cannot be read ({error})", "save the file as UTF-8"
            ) from None
        yield
        if not chunk:
            return
        fed += len(chunk)
        run = run + len(chunk) if handler.building and handler.built == built else 0
        built = handler.built
        if run > ELEMENT_LIMIT or fed - max(parser.CurrentByteIndex, 0) > ELEMENT_LIMIT:
            raise too_large(source.path, handler.spot(), "XML element")


def parser_of(source: Source, handler: Handler | TextHandler) -> expat.XMLParserType:
    """A parser that tells the handler of the elements under <log>, and refuses another root or a document type."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = True
    text = getattr(handler, "text", None)

    def spot() -> str:
        return f"line {parser.CurrentLineNumber}, column {parser.CurrentColumnNumber + 1}"

    def refuse(*_: object) -> None:
        raise BadLog(source.path, spot(), "has a document type (DTD), which can hide entities", "remove the <!DOCTYPE …> part")

    def root(name: str, attributes: list[str]) -> None:
        prefix, colon, local = name.rpartition(":")
        if local != "log":
            raise BadLog(
                source.path, spot(), f"the root element is <{shown(name)[1:-1]}>, not <log>", "give an OCEL 2.0 or XES file"
            )
        cut = len(prefix) + len(colon)

        def start(name: str, attributes: list[str]) -> None:
            handler.start(name[cut:] if name.startswith(prefix) else name, attributes)

        def end(name: str) -> None:
            handler.end(name[cut:] if name.startswith(prefix) else name)

        # Only a document whose tags all carry a prefix pays for cutting it off.
        parser.StartElementHandler = start if colon else handler.start
        parser.EndElementHandler = end if colon else handler.end
        parser.StartElementHandler(local, attributes)

    handler.spot = spot
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler = root
    if text is not None:
        parser.CharacterDataHandler = text
    return parser


def too_deep(path: Path, spot: str) -> BadLog:
    """The refusal of elements nested over DEPTH: expat remembers each open one, so a file could fill the memory with them."""
    return BadLog(path, spot, f"elements are nested over {DEPTH} deep", "flatten the attribute: no log nests so deep")


def _broken(source: Source, error: expat.ExpatError, offset: int) -> BadLog:
    place = f"line {error.lineno}, column {error.offset + 1}"
    if error.code in _NOT_UTF8 and _declared_utf8(source):
        bad = first_bad_utf8(source.path)
        if bad is not None and (bad <= max(offset, 0) + 4 or error.code not in _CUT_SHORT):
            return BadLog(
                source.path,
                place,
                f"byte {bad} is not UTF-8",
                "save the file as UTF-8, or declare its true encoding in its first line",
            )
    if error.code in _CUT_SHORT:
        return BadLog(source.path, place, "the file ends in the middle of the XML", "copy or export the file again, whole")
    reason = expat.ErrorString(error.code)
    return BadLog(source.path, place, f"is not XML that can be read: {reason}", "mend this place, or export the file again")


def _declared_utf8(source: Source) -> bool:
    with Source(source.path) as again:
        head = again.head(256)
    declared = _ENCODING.search(head)
    return not head.startswith((b"\xff\xfe", b"\xfe\xff")) and (declared is None or declared[1].lower() in (b"utf-8", b"utf8"))
