"""OCEL 2.0 XML, read as a stream. Relations may be tagged <object> or <relationship>: the schema and its own example differ."""

from collections.abc import Iterator
from typing import Any

from ingest.logs.expat import DEPTH, stream, too_deep
from ingest.logs.fault import BadLog, Path, Tally
from ingest.logs.ocel import OcelRecords
from ingest.logs.records import LogOptions, Record
from ingest.logs.source import Source

_SECTIONS = frozenset({"object-types", "event-types", "objects", "events"})


class OcelXmlReader:
    """The records of an OCEL 2.0 XML file."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[str] = []

    def records(self, tally: Tally) -> Iterator[Record]:
        """Objects and events in the order of the file; memory holds one of them at a time."""
        build = OcelRecords(self.path, self.options, tally)
        # The types come first in most files, but a value cannot be read before its type: so they get a pass of their own.
        self._pass(_Types(build), build)
        with Source(self.path) as source:
            handler = _Rows(build)
            for _ in stream(source, handler):
                yield from handler.out
                handler.out.clear()
        missing = {"objects", "events"} - handler.seen
        if missing:
            part = min(missing)
            raise BadLog(
                self.path, "the <log> element", f"has no <{part}>", f"export the log anew: OCEL 2.0 XML needs <{part}>, if empty"
            )

    def _pass(self, handler: "_Types", build: OcelRecords) -> None:
        with Source(self.path) as source:
            for _ in stream(source, handler):
                if handler.done >= {"object-types", "event-types"}:
                    return
        raise BadLog(
            self.path, "the <log> element", f"has no <{min({'object-types', 'event-types'} - handler.done)}>",
            "export the log anew: OCEL 2.0 XML declares the types of its objects and events",
        )  # fmt: skip


class _Types:
    """<object-types> and <event-types>: depth 2 is the section, 3 a type, 5 its attributes."""

    building = False
    built = 0
    spot = staticmethod(lambda: "line 1, column 1")

    def __init__(self, build: OcelRecords) -> None:
        self.done: set[str] = set()
        self._build = build
        self._depth = 0
        self._section = ""
        self._type = ""

    def start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth == 2:
            self._section = name
        elif self._depth > DEPTH:
            raise too_deep(self._build.path, self.spot())
        elif self._section not in ("object-types", "event-types"):
            return
        elif self._depth == 3:
            self._type = _pairs(attributes).get("name", "")
            self._build.declare(self._section == "event-types", self._type, None, "")
        elif self._depth == 5 and name == "attribute":
            found = _pairs(attributes)
            self._build.declare(self._section == "event-types", self._type, found.get("name", ""), found.get("type", "string"))

    def end(self, name: str) -> None:
        if self._depth == 2:
            self.done.add(self._section)
            self._section = ""
        self._depth -= 1


class _Rows:
    """<objects> and <events>: depth 2 is the section, 3 an object or event, 4 <attributes> or <objects>, 5 their members."""

    spot = staticmethod(lambda: "line 1, column 1")

    def __init__(self, build: OcelRecords) -> None:
        self.out: list[Record] = []
        self.seen: set[str] = set()
        self.building = False
        self.built = 0
        self._build = build
        self._depth = 0
        self._section = ""
        self._place = ""
        self._row: dict[str, str] = {}
        self._part = ""
        self._attribute: dict[str, str] | None = None
        self._text: list[str] = []
        self._attributes: list[tuple[str, Any, Any]] = []
        self._relations: list[tuple[str, str]] = []

    def start(self, name: str, attributes: list[str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 2:
            self._section = name if name in ("objects", "events") else ""
            self.seen.add(name)
            if name not in _SECTIONS:
                raise BadLog(self._build.path, self.spot(), f"OCEL 2.0 has no <{name}> here", "export the log as OCEL 2.0 XML")
        elif depth > DEPTH:
            raise too_deep(self._build.path, self.spot())
        elif not self._section:
            return
        elif depth == 3:
            self.building = True
            self._place = self.spot()
            self._row = _pairs(attributes)
            self._attributes = []
            self._relations = []
        elif depth == 4:
            self._part = name
        elif depth == 5 and self._part == "attributes" and name == "attribute":
            self._attribute = _pairs(attributes)
            self._text = []
        elif depth == 5 and self._part == "objects":
            found = _pairs(attributes)
            target = found.get("object-id")
            if not target:
                raise BadLog(self._build.path, self.spot(), "a relation names no object", 'give it object-id="…"')
            self._relations.append((target, found.get("qualifier", "")))

    def text(self, data: str) -> None:
        if self._attribute is not None:
            self._text.append(data)

    def end(self, name: str) -> None:
        depth = self._depth
        self._depth = depth - 1
        if depth == 5 and self._attribute is not None:
            found = self._attribute
            self._attribute = None
            self._attributes.append((found.get("name", ""), "".join(self._text), found.get("time")))
        elif depth == 3 and self._section:
            self._finish()

    def _finish(self) -> None:
        row = self._row
        kind = row.get("type", "")
        if self._section == "events":
            pairs = ((name, value) for name, value, _ in self._attributes)
            self.out.append(self._build.event(self._place, row.get("id", ""), kind, row.get("time"), pairs, self._relations))
        else:
            self.out.append(self._build.object(self._place, row.get("id", ""), kind, self._attributes, self._relations))
        self.building = False
        self.built += 1


def _pairs(attributes: list[str]) -> dict[str, str]:
    return dict(zip(attributes[::2], attributes[1::2], strict=True))
