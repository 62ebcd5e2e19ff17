"""One full pass over a log before anything of it is used: it is valid to its end, and this is what it holds.

Memory holds the ids of objects, for OCEL the ids of events with a hash of each, and nothing else that grows.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from ingest.logs.fault import BadLog, Path, Tally, shown
from ingest.logs.records import Format, Kind, LogEvent, LogObject, LogSummary, Record

Progress = Callable[[int], None]
"""Called with the count of records read so far."""
_EVERY = 5_000
_MUST_EXIST: frozenset[Format] = frozenset({"OCEL 2.0 XML", "OCEL 2.0 SQLite"})
"""The formats whose schema demands that a relation's object is in the file: keyrefs of the XSD, foreign keys of SQLite."""


class Check:
    """Counts records and remembers what must be unique or must exist."""

    def __init__(self, path: Path, form: Format, kind: Kind, strict: bool, tally: Tally) -> None:
        self._path = path
        self._format: Format = form
        self._kind: Kind = kind
        self._strict = strict
        self._tally = tally
        self._objects: dict[str, str] = {}
        self._events: dict[str, int] = {}
        self._wanted: dict[str, str] = {}
        self._activities: Counter[str] = Counter()
        self._types: Counter[str] = Counter()
        self._relations = self._links = self._intervals = self._count = 0
        self._first: int | None = None
        self._last: int | None = None

    def run(self, records: Iterable[Record], progress: Progress | None) -> None:
        """Read all records. BadLog at the first that breaks a promise."""
        read = 0
        for read, record in enumerate(records, 1):
            if isinstance(record, LogEvent):
                self._event(record)
            else:
                self._object(record)
            if progress is not None and read % _EVERY == 0:
                progress(read)
        if progress is not None:
            progress(read)
        self._missing()

    def summary(self, notes: tuple[str, ...]) -> LogSummary:
        """What the pass found."""
        return LogSummary(
            self._format, self._kind, self._count, len(self._objects), self._relations, self._links, self._intervals,
            self._first, self._last, tuple(sorted(self._activities.items())), tuple(sorted(self._types.items())), notes,
        )  # fmt: skip

    def _object(self, record: LogObject) -> None:
        known = self._objects.get(record.id)
        if known is None:
            self._objects[record.id] = record.type
            self._types[record.type] += 1
        elif known != record.type:
            problem = f"stands twice, as {shown(known)} and as {shown(record.type)}"
            raise BadLog(self._path, f"object {shown(record.id)}", problem, "give the two objects ids of their own")
        elif self._kind == "ocel":
            self._tally.count("objects that stand more than once, their parts taken together", shown(record.id))
        self._relations += len(record.relations)
        for target, _ in record.relations:
            if target not in self._objects:
                self._wanted.setdefault(target, f"object {shown(record.id)}")

    def _event(self, event: LogEvent) -> None:
        if self._kind == "ocel" and not self._is_new(event):
            return
        self._count += 1
        self._activities[event.activity] += 1
        self._links += len(event.objects)
        started, completed = event.started, event.completed
        if started is not None and completed is not None:
            self._intervals += 1
            if completed < started:
                self._tally.count("events that complete before they start, kept as they are", shown(event.id))
        for at in (completed, started, event.scheduled, event.at):
            if at is not None:
                self._first = at if self._first is None or at < self._first else self._first
                self._last = at if self._last is None or at > self._last else self._last
        if self._kind == "ocel":
            for target, _, _ in event.objects:
                if target not in self._objects:
                    self._wanted.setdefault(target, f"event {shown(event.id)}")

    def _is_new(self, event: LogEvent) -> bool:
        content = hash(event)
        known = self._events.setdefault(event.id, content)
        if len(self._events) > self._count:
            return True
        if known != content:
            raise BadLog(
                self._path,
                f"event {shown(event.id)}",
                "stands twice, with different content",
                "give the two events ids of their own",
            )
        self._tally.count("events that stand more than once, word for word, counted once", shown(event.id))
        return False

    def _missing(self) -> None:
        missing = {target: owner for target, owner in self._wanted.items() if target not in self._objects}
        if not missing:
            return
        target, owner = next(iter(missing.items()))
        objects = "object" if len(missing) == 1 else "objects"
        problem = f"names {shown(target)}, which the file does not hold ({len(missing)} such {objects} in all)"
        if self._strict and self._format in _MUST_EXIST:
            raise BadLog(
                self._path,
                owner,
                problem,
                "add the objects, or read with strict=False (brain import --lenient), which keeps the references",
            )
        self._tally.remark(f"{owner} {problem}; the references are kept")
