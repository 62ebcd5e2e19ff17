"""Decode → judge → map → check: a batch of envelopes in, change sets and dead letters out. No input, no output, no clock.

`good` and `bad` are functions of the batch alone: of its messages as a set, however they are ordered, repeated or split
into batches. Only the statistics remember: they count events that came again.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from brain.errors import Fatal, Reject, Retry
from brain.model import ChangeSet, DeadLetter, Flag
from brain.schema import Schema
from ingest.decode import BadPayload, Decode, decoder
from ingest.mapping import Mapper
from ingest.paths import Scope, gather
from ingest.picking import digest_of
from ingest.record import Envelope
from ingest.rules import Kind, Rules

MAX_PAYLOAD = 1 << 20
MAX_RECORDS = 10_000
WINDOW = 1 << 16
"""How many events the pipeline remembers at least, and at most twice that and two runs', to tell which came again."""
REASONS = 5
"""The most reasons that one dead letter lists."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One document of rules, with the folder's own decoder where it has one."""

    rules: Rules
    decode: Callable[[bytes], Iterable[Mapping[str, Any]]] | None = None

    @property
    def name(self) -> str:
        return self.rules.adapter


@dataclass(slots=True)
class Stats:
    """Counts of one run. An event is one though its properties have several authorities, and so several change sets.

    `duplicates` are events whose id, source and time were known, from this run or a recent one.

    `dropped` are those of them that said, within this run, the very same: `good` holds it once. Those that an earlier run knew
    are passed on, since that batch may never have been committed. `conflicts` said something else under the id of another in
    this run; both are in `good`. `flags` counts by verdict.
    """

    messages: int = 0
    records: int = 0
    events: int = 0
    dead: int = 0
    ignored: int = 0
    duplicates: int = 0
    dropped: int = 0
    conflicts: int = 0
    flags: dict[str, int] = field(default_factory=dict)


class Result(NamedTuple):
    good: list[ChangeSet]
    bad: list[DeadLetter]
    stats: Stats


@dataclass(frozen=True, slots=True)
class _Route:
    """One adapter, ready to run."""

    name: str
    decode: Decode
    accept: Callable[[Any, Scope], bool] | None
    records: Callable[[Any, Scope], list[tuple[Any, Scope]]] | None
    mapper: Mapper


class Pipeline:
    """All adapters over one schema. `direct` maps topics whose messages need no rules, since they are in the model's terms."""

    def __init__(
        self, schema: Schema, adapters: Sequence[Adapter], direct: Mapping[str, Callable[[Envelope], list[ChangeSet]]] = {}
    ) -> None:
        self._direct = direct
        self._exact: dict[str, list[_Route]] = {}
        self._filters: list[tuple[list[str], _Route]] = []
        for adapter in adapters:
            route = _route(adapter, schema)
            for topic in adapter.rules.topics:
                if "+" in topic or "#" in topic:
                    self._filters.append((topic.split("/"), route))
                elif route not in self._exact.setdefault(topic, []):
                    self._exact[topic].append(route)
        self._routes: dict[str, list[_Route]] = {}
        self._lock = threading.Lock()
        self._seen: set[int] = set()
        self._before: set[int] = set()

    def run(self, batch: Sequence[Envelope]) -> Result:
        """Never raises for anything that a message holds: what cannot be understood is a dead letter with the reason.

        Threads may call it, one at a time.
        """
        with self._lock:
            return self._run(batch)

    def _run(self, batch: Sequence[Envelope]) -> Result:
        stats = Stats(messages=len(batch))
        good: list[ChangeSet] = []
        bad: dict[str, DeadLetter] = {}
        first: dict[tuple[str, str, int], int] = {}
        again: dict[tuple[str, str, int], list[int]] = {}
        for envelope in batch:
            for changes in self._read(envelope, bad, stats):
                event = changes[:3]
                place = first.setdefault(event, len(good))
                if place != len(good) and _again(changes, good, again.setdefault(event, [place]), stats):
                    continue
                good.append(changes)
                for change in changes.changes:
                    if type(change) is Flag:
                        stats.flags[change.verdict] = stats.flags.get(change.verdict, 0) + 1
        self._remember(set(map(hash, first)), stats)
        stats.events += len(good)
        stats.dead = len(bad)
        return Result(good, list(bad.values()), stats)

    def _read(self, envelope: Envelope, bad: dict[str, DeadLetter], stats: Stats) -> Sequence[ChangeSet]:
        """Every change set of a message, for each adapter that takes it."""
        topic = envelope.topic
        if topic in self._direct:
            stats.records += 1
            return _directly(self._direct[topic], envelope, bad)
        routes = self._routes.get(topic)
        if routes is None:
            routes = self._find(topic)
        found: Sequence[ChangeSet] | None = None
        # Documents of one format share the decoded message.
        message, decode = None, None
        for route in routes:
            faults: list[str] = []
            made: Sequence[ChangeSet] | None = ()
            try:
                if route.decode is not decode:
                    message = _decoded(route.decode, envelope)
                    decode = route.decode
                made = _apply(route, message, envelope, faults, stats)
            except Exception as error:
                faults = [_fault(error)]
            if faults:
                _bury(route.name, envelope, faults, bad)
            if made is not None:
                found = made if found is None else [*found, *made]
        if found is None:
            names = sorted({route.name for route in routes})
            reason = (
                f"the adapter {' or '.join(names)} has no rules that accept this message"
                if names
                else f"no adapter takes the topic {topic!r}: add it to `topics` of one"
            )
            _bury(names[0] if len(names) == 1 else "", envelope, [reason], bad)
        return found or ()

    def _find(self, topic: str) -> list[_Route]:
        levels = topic.split("/")
        routes = list(self._exact.get(topic, ()))
        routes += [route for pattern, route in self._filters if route not in routes and matches(pattern, levels)]
        if len(self._routes) >= WINDOW:
            self._routes.clear()
        self._routes[topic] = routes
        return routes

    def _remember(self, events: set[int], stats: Stats) -> None:
        """Count the events that an earlier run knew. Hashes will do: a clash miscounts by one, and loses nothing."""
        fresh = events - self._seen - self._before
        stats.duplicates += len(events) - len(fresh)
        # Two generations: the older is dropped whole, so that remembering costs the same for ever.
        if len(self._seen) >= WINDOW:
            self._before, self._seen = self._seen, set()
        self._seen |= fresh


def _again(changes: ChangeSet, good: list[ChangeSet], places: list[int], stats: Stats) -> bool:
    """Whether this run said the very same already; then the earlier arrival is kept. Else the newcomer stays: it contradicts,
    or it is a further part of its event, with an authority of its own."""
    alike = [place for place in places if good[place].authority == changes.authority]
    for place in alike:
        if good[place].changes == changes.changes:
            # An event that comes again is one duplicate, however many parts it has.
            stats.duplicates += place == places[0]
            stats.dropped += place == places[0]
            if changes.received < good[place].received:
                good[place] = changes
            return True
    stats.conflicts += bool(alike)
    stats.events -= not alike
    places.append(len(good))
    return False


def matches(pattern: Sequence[str], levels: Sequence[str]) -> bool:
    """MQTT 5.0, section 4.7: `+` is one level, `#` all the rest and their parent; neither matches a leading `$`."""
    if levels[0][:1] == "$" and pattern[0] in ("+", "#"):
        return False
    for i, level in enumerate(pattern):
        if level == "#":
            return True
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(pattern) == len(levels)


def _route(adapter: Adapter, schema: Schema) -> _Route:
    rules, mapper = adapter.rules, Mapper(adapter.rules, schema)
    records = None
    if rules.records is not None:
        path, lenient = rules.records, rules.format.kind is Kind.XML and rules.accept != ()

        def records(message: Any, scope: Scope) -> list[tuple[Any, Scope]]:
            found = gather(path, message, scope)
            # An empty list is no fault; nor, in XML, where it is no element at all, if `accept` knows the message otherwise.
            if not found and not lenient and path.steps and (type(message) is not dict or path.steps[0] not in message):
                raise BadPayload(f"no records: {path.text} is missing; say under `accept` which messages have them")
            return found

    return _Route(
        rules.adapter,
        decoder(rules.format, adapter.decode),
        mapper.condition(rules.accept),
        records,
        mapper,
    )


def _decoded(decode: Decode, envelope: Envelope) -> Any:
    if len(envelope.payload) > MAX_PAYLOAD:
        raise BadPayload(f"{len(envelope.payload)} bytes; at most {MAX_PAYLOAD} are read: send smaller messages")
    return decode(envelope)


def _apply(route: _Route, message: Any, envelope: Envelope, faults: list[str], stats: Stats) -> list[ChangeSet] | None:
    """What one adapter makes of a message; None where its rules do not accept it."""
    scope, mapper = (envelope,), route.mapper
    if route.accept is not None and not route.accept(message, scope):
        return None
    digest = _digest(mapper, envelope) if mapper.needs_digest else ""
    if route.records is None and type(message) is not list:
        stats.records += 1
        made = mapper.map(message, scope, digest, faults)
        if made is None:
            stats.ignored += 1
        return made or []
    found = route.records(message, scope) if route.records is not None else [(record, scope) for record in message]
    if len(found) > MAX_RECORDS:
        raise BadPayload(f"{len(found)} records in one message; at most {MAX_RECORDS} are read: send smaller messages")
    return _map_each(mapper, found, digest, faults, stats)


def _map_each(
    mapper: Mapper, found: Sequence[tuple[Any, Scope]], digest: str, faults: list[str], stats: Stats
) -> list[ChangeSet]:
    made: list[ChangeSet] = []
    stats.records += len(found)
    for number, (record, around) in enumerate(found):
        wrong: list[str] = []
        changes = mapper.map(record, around, f"{digest}-{number}", wrong)
        if changes is None:
            stats.ignored += 1
        else:
            made += changes
        faults += [f"record {number + 1}: {fault}" for fault in wrong]
    return made


def _directly(read: Callable[[Envelope], list[ChangeSet]], envelope: Envelope, bad: dict[str, DeadLetter]) -> Sequence[ChangeSet]:
    try:
        return read(envelope)
    except Exception as error:
        _bury(envelope.topic, envelope, [_fault(error)], bad)
        return ()


def _fault(error: Exception) -> str:
    """Why a message cannot be read; raises what is no fault of its own. One message must never stop the stream, whatever it
    holds."""
    if isinstance(error, Retry | Fatal | MemoryError):
        raise error
    return str(error) if isinstance(error, Reject) else f"{type(error).__name__}: {error}"


def _digest(mapper: Mapper, envelope: Envelope) -> str:
    """The event id of a message that has none of its own: what it says, and, where the rules look at them, its circumstances."""
    if not mapper.looks_around:
        return digest_of(envelope.payload)
    around = [text for pair in envelope.headers for text in pair]
    return digest_of(envelope.payload, *(t.encode("utf-8", "replace") for t in (envelope.topic, envelope.key, *around)))


def _legible(reasons: str) -> str:
    """Reasons as any store can hold them: an exception may quote half a surrogate pair."""
    return reasons[:2000].encode("utf-8", "replace").decode().replace("\0", "\N{SYMBOL FOR NULL}")


def letter(adapter: str, envelope: Envelope, faults: Sequence[str]) -> DeadLetter:
    """The dead letter of a message. Its id is a digest, so that burying it again is burying it once."""
    reasons = "; ".join(faults[:REASONS]) + (f"; and {len(faults) - REASONS} more" if len(faults) > REASONS else "")
    name = digest_of(adapter.encode(), envelope.topic.encode("utf-8", "replace"), envelope.payload)
    return DeadLetter(name, adapter, envelope.topic, _legible(reasons), envelope.payload, envelope.received)


def _bury(adapter: str, envelope: Envelope, faults: Sequence[str], bad: dict[str, DeadLetter]) -> None:
    dead = letter(adapter, envelope, faults)
    known = bad.get(dead.id)
    # The same message twice in one batch is one letter, and the order of the two must not show.
    bad[dead.id] = dead if known is None or (dead.received, dead.reason) < (known.received, known.reason) else known
