"""XES (IEEE 1849): traces of events, one case a trace, read as a stream.

A trace's name is not promised to be unique. A second trace of the same name is a case of its own, called `name~2`: joined
into one, the last event of the first would seem to hand over to the first event of the second.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingest.logs.expat import DEPTH, stream, too_deep
from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.lifecycle import Case, OpenTooMany, Transition
from ingest.logs.records import CASE, LogObject, LogOptions, Record, Scalar
from ingest.logs.source import Source
from ingest.logs.values import Values, in_order, kind_of, time_reader, without_zone

if TYPE_CHECKING:
    from ingest.logs.transitions import Transitions

NAME, TIME, TRANSITION, RESOURCE, IDENTITY = (
    "concept:name",
    "time:timestamp",
    "lifecycle:transition",
    "org:resource",
    "identity:id",
)
_STANDARD = frozenset({NAME, TIME, TRANSITION, RESOURCE})
_HEADERS = frozenset({"extension", "global", "classifier"})
_Raw = tuple[str, list[str], str]
"""(tag, attributes of the tag, path of the attribute that it stands in)."""


class XesReader:
    """The records of a XES file, gzip or not."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.path = path
        self.options = options
        self.notes: list[str] = []

    def records(self, tally: Tally) -> Iterator[Record]:
        """Cases and events in the order of the file; memory holds one event, the open starts of a case, and the case names."""
        with Source(self.path) as source:
            handler = _Traces(source, self.options, tally)
            for _ in stream(source, handler):
                yield from handler.out
                handler.out.clear()

    def transitions(self) -> "Transitions | None":
        """As `xes_columns` reads them."""
        # Here, since its library takes 60 MB of memory that the full reading does not need.
        from ingest.logs.xes_columns import transitions

        return transitions(self.path, self.options)


class _Traces:
    """The handler of elements. Depth 1 is the log, 2 a trace, 3 its attributes and events, 4 the attributes of an event."""

    spot = staticmethod(lambda: "line 1, column 1")

    def __init__(self, source: Source, options: LogOptions, tally: Tally) -> None:
        self.out: list[Record] = []
        self.building = False
        self.built = 0
        self._source = source
        self._tally = tally
        self._read_time = time_reader(options.zone)
        self._zone = options.zone
        self._values = Values(self._read_time)
        self._names: dict[str, int] = {}
        self._depth = 0
        self._traces = 0
        self._in_trace = False
        self._in_event = False
        self._raw: list[_Raw] = []
        self._above: list[str] = []
        self._trail: list[str] = []
        self._case: Case | None = None
        self._line = ""
        self._zone_noted = False

    def start(self, name: str, attributes: list[str]) -> None:
        self._depth = depth = self._depth + 1
        if self._in_event:
            if depth == 4:
                self._above = attributes
                self._raw.append((name, attributes, ""))
            else:
                self._nested(name, attributes, depth - 5)
        elif self._in_trace:
            if depth > 3:
                self._nested(name, attributes, depth - 4)
            elif name == "event":
                self._begin_event()
            else:
                self.building = True
                self._above = attributes
                self._raw.append((name, attributes, ""))
        elif depth == 2:
            self._top(name)
        elif depth > DEPTH:
            raise too_deep(self._source.path, self.spot())

    def end(self, name: str) -> None:
        depth = self._depth
        self._depth = depth - 1
        if depth == 3 and self._in_event:
            self._end_event()
        elif depth == 2 and self._in_trace:
            self._end_trace()

    def _top(self, name: str) -> None:
        if name == "trace":
            self._in_trace = self.building = True
            self._traces += 1
            self._case = None
            self._raw = []
        elif name == "event":
            raise self._bad("an event stands outside of a trace", "put each <event> inside the <trace> of its case")
        elif name not in _HEADERS:
            self._tally.count("attributes of the log as a whole, which are not read", f"in {self.spot()}")

    def _nested(self, name: str, attributes: list[str], level: int) -> None:
        if level > DEPTH:
            raise too_deep(self._source.path, self.spot())
        if level == 0:
            self._trail = [_pair(self._above)[0]]
        del self._trail[level + 1 :]
        path = "/".join(part for part in self._trail if part) or "-"
        self._trail.append(_pair(attributes)[0])
        self._raw.append((name, attributes, path))

    def _begin_event(self) -> None:
        if self._case is None:
            self._open_case()
        elif self._raw:
            self._late_attributes(self._case)
        self._in_event = self.building = True
        self._raw = []
        self._line = self.spot()

    def _open_case(self) -> Case:
        pairs = []
        name = identity = ""
        for key, value in self._attributes(self._raw):
            if key == NAME and not name:
                name = str(value)
            else:
                identity = str(value) if key == IDENTITY else identity
                pairs.append((key, value))
        if not name:
            name = identity or f"trace {self._traces}"
            self._tally.count("traces without a name, named by their identity or their place", shown(name))
        case_id = self._unused(name)
        if case_id != name:
            self._tally.count(
                "traces with the name of an earlier one, kept apart as name~2", f"{shown(name)} as {shown(case_id)}"
            )
            pairs.append((NAME, name))
        self._case = case = Case(case_id)
        self.out.append(LogObject(case_id, CASE, tuple((key, value, 0) for key, value in in_order(pairs)), ()))
        self._raw = []
        return case

    def _unused(self, name: str) -> str:
        """The name, or with ~2, ~3 … the first that no trace before has."""
        case_id = name
        while case_id in self._names:
            # Counting on from the last copy, or many traces of one name would take the square of their time.
            self._names[name] = n = self._names[name] + 1
            case_id = f"{name}~{n}"
        self._names[case_id] = 1
        return case_id

    def _late_attributes(self, case: Case) -> None:
        pairs = self._attributes(self._raw)
        if any(key == NAME for key, _ in pairs):
            raise self._bad("the name of a trace stands after its events", "put concept:name first in the <trace>")
        self.out.append(LogObject(case.id, CASE, tuple((key, value, 0) for key, value in in_order(pairs)), ()))
        self._raw = []

    def _end_trace(self) -> None:
        case = self._case
        if case is None:
            case = self._open_case()
        elif self._raw:
            self._late_attributes(case)
        self.out.extend(case.rest())
        self._in_trace = self.building = False

    def _end_event(self) -> None:
        case = self._case
        assert case is not None
        step = self._step(case)
        try:
            event = case.feed(step)
        except OpenTooMany as error:
            raise self._bad(str(error), "complete the starts of the case, or split it") from None
        if event is not None:
            self.out.append(event)
        self._raw = []
        self._in_event = self.building = False
        self.built += 1

    def _step(self, case: Case) -> Transition:
        found: dict[str, str] = {}
        rest: list[_Raw] = []
        for raw in self._raw:
            key, value = _pair(raw[1])
            # A second value of a standard key is an attribute like any other.
            if key in _STANDARD and value is not None and not raw[2] and key not in found:
                found[key] = value
            else:
                rest.append(raw)
        activity = found.get(NAME)
        if not activity:
            problem = f"an event of case {shown(case.id)} has no activity (concept:name)"
            raise self._bad(problem, "name the activity of each event")
        return Transition(
            activity,
            found.get(TRANSITION, "").strip().lower() or "complete",
            self._time(found.get(TIME), case),
            found.get(RESOURCE) or None,
            in_order(self._attributes(rest)) if rest else (),
        )

    def _time(self, raw: str | None, case: Case) -> int:
        if not raw:
            raise self._bad(f"an event of case {shown(case.id)} has no time (time:timestamp)", "give each event its time")
        try:
            at = self._read_time(raw)
        except (ValueError, OverflowError):
            raise self._bad(f"{shown(raw)} is no time", "write it as ISO 8601, such as 2024-01-31T09:30:00+01:00") from None
        if not self._zone_noted:
            self._zone_noted = True
            if without_zone(raw):
                self._tally.remark(f"times without a zone, such as {shown(raw)}, are read as {self._zone}")
        return at

    def _attributes(self, raws: list[_Raw]) -> list[tuple[str, Scalar]]:
        pairs: list[tuple[str, Scalar]] = []
        for tag, listed, path in raws:
            key, raw = _pair(listed)
            if raw is None:
                continue  # the head of a list or container: its members carry the values
            name = f"{path}/{key}" if path else key
            value: Scalar | None = raw
            if tag not in ("string", "id") and name != NAME:
                try:
                    value = self._values.scalar(raw, kind_of(tag))
                except (ValueError, OverflowError):
                    self._tally.count("values that do not fit their type, kept as text", f"{shown(name)} in {self.spot()}")
            if value is not None:
                pairs.append((name, value))
        return pairs

    def _bad(self, problem: str, mend: str) -> BadLog:
        return BadLog(self._source.path, self._line if self._in_event else self.spot(), problem, mend)


def _pair(attributes: list[str]) -> tuple[str, str | None]:
    """The key and the value of an attribute's tag."""
    if len(attributes) == 4 and attributes[0] == "key" and attributes[2] == "value":
        return attributes[1], attributes[3]
    found = dict(zip(attributes[::2], attributes[1::2], strict=True))
    return found.get("key", ""), found.get("value")
