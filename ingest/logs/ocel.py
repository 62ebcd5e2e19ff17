"""What the formats of OCEL have in common: declared types, the conventions for time, and records in their one order.

Sources: OCEL 2.0 Specification (Berti et al., 2023), sections 4 to 6; OCEL 1.0 (Ghahfarokhi et al., 2021).
"""

from collections.abc import Iterable
from typing import Any

from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.records import LogEvent, LogObject, LogOptions, Scalar
from ingest.logs.values import Values, as_text, flat, in_order, kind_of, time_reader, without_zone

_INITIAL = frozenset({"", "0", "1970-01-01 01:00:00", "1970-01-01T01:00:00"})
"""How files write "from the beginning". The naive 01:00 is the epoch as it looks in Central Europe; whole logs carry it."""

Declared = dict[str, dict[str, str | None]]
"""Type name → attribute name → kind (see `values.kind_of`)."""


class OcelRecords:
    """Raw parts of one OCEL file → records that are equal whatever the format they came from.

    Values are normalised to their declared kind, nulls are dropped, attributes and relations sorted, duplicates of a
    relation dropped (OCEL defines relations as sets).
    """

    def __init__(self, path: Path, options: LogOptions, tally: Tally) -> None:
        self.path = path
        self.object_types: Declared = {}
        self.event_types: Declared = {}
        self._tally = tally
        self._zone = options.zone
        self._read_time = time_reader(options.zone)
        self._values = Values(self._read_time)
        self._zone_noted = False

    def declare(self, events: bool, name: str, attribute: str | None, kind: str) -> None:
        """One type of objects or events, and one of its attributes with its declared kind."""
        attributes = (self.event_types if events else self.object_types).setdefault(name, {})
        if attribute is not None:
            attributes[attribute] = known = kind_of(kind)
            if known is None and kind:
                self._tally.count(
                    "attributes declared with a type that OCEL does not have, read as they are",
                    f"{shown(attribute)}: {shown(kind)}",
                )

    def event(
        self,
        place: str,
        event_id: str,
        activity: str,
        time: Any,
        attributes: Iterable[tuple[str, Any]],
        objects: Iterable[tuple[str, str]],
    ) -> LogEvent:
        """`objects` are (object id, qualifier). BadLog, at `place`, where id, activity or time are missing or unreadable."""
        if not event_id:
            raise BadLog(self.path, place, "an event has no id", "give each event an id of its own")
        place = f"{place}, event {shown(event_id)}" if place else f"event {shown(event_id)}"
        if not activity:
            raise BadLog(self.path, place, "has no activity (type)", "give each event the name of its activity")
        at = self._time(place, time)
        if not self._zone_noted:
            self._zone_noted = True
            if without_zone(time):
                self._tally.remark(f"times without a zone, such as {shown(time)}, are read as {self._zone}")
        declared = self.event_types.get(activity)
        if declared is None:
            declared = self._undeclared(self.event_types, "events", activity, event_id)
        pairs: list[tuple[str, Scalar]] = []
        for name, raw in attributes:
            pairs.extend(self._scalars(place, event_id, name, raw, declared))
        links = {(target, "", qualifier) for target, qualifier in objects}
        return LogEvent(
            event_id, activity, None, None, None, at, None, None, None, None,
            in_order(pairs) if pairs else (), tuple(sorted(links)),
        )  # fmt: skip

    def object(
        self,
        place: str,
        object_id: str,
        kind: str,
        attributes: Iterable[tuple[str, Any, Any]],
        relations: Iterable[tuple[str, str]],
    ) -> LogObject:
        """`attributes` are (name, value, time), `relations` (target id, qualifier). BadLog where id or type are missing."""
        if not object_id:
            raise BadLog(self.path, place, "an object has no id", "give each object an id of its own")
        place = f"{place}, object {shown(object_id)}" if place else f"object {shown(object_id)}"
        if not kind:
            raise BadLog(self.path, place, "has no type", "give each object its type")
        declared = self.object_types.get(kind)
        if declared is None:
            declared = self._undeclared(self.object_types, "objects", kind, object_id)
        found: set[tuple[str, Scalar, int]] = set()
        for name, raw, time in attributes:
            valid = self._valid(place, time)
            found.update((key, value, valid) for key, value in self._scalars(place, object_id, name, raw, declared))
        ordered = sorted(found, key=lambda one: (one[0], one[2], as_text(one[1]))) if len(found) > 1 else found
        return LogObject(object_id, kind, tuple(ordered), tuple(sorted(set(relations))))

    def _undeclared(self, types: Declared, what: str, name: str, first: str) -> dict[str, str | None]:
        # OCEL 1.0 declares no types at all: there is nothing to report then.
        if types:
            self._tally.count(f"{what} of a type that the file does not declare", f"{shown(first)} of {shown(name)}")
        return {}

    def _scalars(self, place: str, owner: str, name: str, raw: Any, declared: dict[str, str | None]) -> list[tuple[str, Scalar]]:
        try:
            parts = flat(name, raw) if isinstance(raw, dict | list) else [(name, raw)]
        except ValueError as error:
            raise BadLog(self.path, place, f"attribute {shown(name)} is {error}", "flatten it") from None
        found = []
        for part, inner in parts:
            try:
                value = self._values.scalar(inner, declared.get(name))
            except ValueError:
                value = as_text(inner)
                self._tally.count(
                    "values that do not fit their declared type, kept as text", f"{shown(name)} of {shown(owner)}: {shown(inner)}"
                )
            if value is not None:
                found.append((part, value))
        return found

    def _valid(self, place: str, raw: Any) -> int:
        if raw is None or raw == 0 or (isinstance(raw, str) and raw in _INITIAL):
            return 0
        return self._time(place, raw)

    def _time(self, place: str, raw: Any) -> int:
        if raw is None or raw == "":
            raise BadLog(self.path, place, "has no time", "give each event its time in ISO 8601")
        try:
            at = self._read_time(raw)
        except (ValueError, TypeError, OverflowError):
            raise BadLog(
                self.path, place, f"{shown(raw)} is no time", "write it as ISO 8601, such as 2024-01-31T09:30:00Z"
            ) from None
        return at
