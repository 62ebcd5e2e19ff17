"""OCEL 2.0 JSON, and OCEL 1.0 JSON, read as streams: objects first, then events, wherever they stand in the file."""

from collections.abc import Iterator
from typing import Any

from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.json_stream import entries, kind, members
from ingest.logs.ocel import OcelRecords
from ingest.logs.records import LogOptions, Record

_GLOBALS = {
    "ocel:global-event": '{"ocel:activity": "__INVALID__"}',
    "ocel:global-object": '{"ocel:type": "__INVALID__"}',
    "ocel:global-log": '{"ocel:attribute-names": [], "ocel:object-types": [], "ocel:version": "1.0"}',
}


class OcelJsonReader:
    """The records of an OCEL 2.0 JSON file."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[str] = []

    def records(self, tally: Tally) -> Iterator[Record]:
        """All objects, then all events; memory holds one of them at a time."""
        build = OcelRecords(self.path, self.options, tally)
        self._types(build, "objectTypes", events=False)
        self._types(build, "eventTypes", events=True)
        for place, row in self._rows("objects"):
            attributes = [_attribute(self.path, place, one) for one in _list(self.path, place, row, "attributes")]
            yield build.object(place, _id(row.get("id")), _id(row.get("type")), attributes, self._relations(place, row))
        for place, row in self._rows("events"):
            pairs = [_attribute(self.path, place, one)[:2] for one in _list(self.path, place, row, "attributes")]
            relations = self._relations(place, row)
            yield build.event(place, _id(row.get("id")), _id(row.get("type")), row.get("time"), pairs, relations)

    def _types(self, build: OcelRecords, key: str, events: bool) -> None:
        declared = next(members(self.path, key), None)
        if not isinstance(declared, list):
            raise _missing(self.path, key, "array")
        for index, one in enumerate(declared):
            place = f"{key}[{index}]"
            row = _map(self.path, place, one)
            name = _id(row.get("name"))
            build.declare(events, name, None, "")
            for attribute in _list(self.path, place, row, "attributes"):
                found = _map(self.path, f"{place}.attributes", attribute)
                build.declare(events, name, _id(found.get("name")), _id(found.get("type")))

    def _rows(self, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        index = -1
        for index, row in enumerate(members(self.path, f"{key}.item")):
            place = f"{key}[{index}]"
            yield place, _map(self.path, place, row)
        if index < 0 and kind(self.path, key) != "array":
            raise _missing(self.path, key, "array")

    def _relations(self, place: str, row: dict[str, Any]) -> list[tuple[str, str]]:
        found = []
        for one in _list(self.path, place, row, "relationships"):
            relation = _map(self.path, f"{place}.relationships", one)
            target = _id(relation.get("objectId"))
            if not target:
                raise BadLog(self.path, f"{place}.relationships", "a relation names no object", 'give it an "objectId"')
            found.append((target, _id(relation.get("qualifier"))))
        return found


class Ocel1JsonReader:
    """The records of an OCEL 1.0 JSON file. It has no qualifiers, no relations between objects, and no times of attributes."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[str] = []

    def records(self, tally: Tally) -> Iterator[Record]:
        """All objects, then all events; memory holds one of them at a time."""
        for key, example in _GLOBALS.items():
            if not isinstance(next(members(self.path, key), None), dict):
                raise BadLog(self.path, "the outermost map", f'lacks "{key}", which OCEL 1.0 demands', f'add "{key}": {example}')
        build = OcelRecords(self.path, self.options, tally)
        for object_id, row in self._rows("ocel:objects"):
            place = f'"ocel:objects"[{shown(object_id)}]'
            values = _map(self.path, f"{place}.ocel:ovmap", row.get("ocel:ovmap") or {})
            yield build.object(
                "", object_id, _id(row.get("ocel:type")), ((name, value, None) for name, value in values.items()), ()
            )
        for event_id, row in self._rows("ocel:events"):
            place = f'"ocel:events"[{shown(event_id)}]'
            values = _map(self.path, f"{place}.ocel:vmap", row.get("ocel:vmap") or {})
            links = [(_id(one), "") for one in _list(self.path, place, row, "ocel:omap")]
            yield build.event("", event_id, _id(row.get("ocel:activity")), row.get("ocel:timestamp"), values.items(), links)

    def _rows(self, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        found = False
        for name, row in entries(self.path, key):
            found = True
            yield name, _map(self.path, f'"{key}"[{shown(name)}]', row)
        if not found and kind(self.path, key) != "map":
            raise _missing(self.path, key, "map")


def _id(raw: Any) -> str:
    """Ids, names and qualifiers are texts; a number is taken for its text, because exporters forget the quotes."""
    if isinstance(raw, str):
        return raw
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else ""


def _map(path: Path, place: str, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadLog(
            path, place, f"{shown(raw)} stands where a map {{…}} must be", "export the file again; see the OCEL JSON schema"
        )
    return raw


def _list(path: Path, place: str, row: dict[str, Any], key: str) -> list[Any]:
    raw = row.get(key)
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise BadLog(
            path,
            f"{place}.{key}",
            f"{shown(raw)} stands where an array […] must be",
            "export the file again; see the OCEL JSON schema",
        )
    return raw


def _attribute(path: Path, place: str, raw: Any) -> tuple[str, Any, Any]:
    row = _map(path, f"{place}.attributes", raw)
    name = _id(row.get("name"))
    if not name:
        raise BadLog(path, f"{place}.attributes", "an attribute has no name", 'give it a "name"')
    return name, row.get("value"), row.get("time")


def _missing(path: Path, key: str, wanted: str) -> BadLog:
    empty = "[]" if wanted == "array" else "{}"
    return BadLog(path, "the outermost map", f'has no {wanted} "{key}"', f'add "{key}": {empty}, or export the file again')
