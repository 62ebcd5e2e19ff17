"""Rules → functions: what a decoded record says, as change sets.

All that can be decided is decided when the rules are compiled; an event then costs a few dictionary look-ups and calls.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

from brain.model import Assert, Change, ChangeSet, Flag, Verdict, Void
from brain.schema import Datatype, Schema
from ingest.authority import by_authority
from ingest.clocks import Judged, judge, moved
from ingest.paths import MISSING, Getter, Path, Scope
from ingest.picking import BadRecord, Holds, Sources, Textual
from ingest.placing import UNPLACED, Place, placing
from ingest.quality import excerpt
from ingest.rules import Condition, Entity, Gateway, Rule, Rules
from ingest.times import Clock, clock
from ingest.writing import Doubt, Write, Writers, new

DONE = ("enabledAt", "startedAt", "completedAt", "occurredAt")
"""The times of a step that tell what was; `scheduledAt` tells what was meant to be."""
UNTIMED = 0
"""The valid time of a change set that holds only flags on a message without a time: the server's clock must not stand in."""


Correct = Callable[[Any, Scope, int], Judged]
"""(item, scope, the device's time) → the valid time by the gateway's clock."""


class _Part(NamedTuple):
    """What a rule says with one authority. `timed` has, for each write, the properties whose times are by the device's clock."""

    authority: int
    writes: list[Write]
    timed: list[frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Rule:
    """`parts` has the rule's own authority first, though it may have nothing to write. `plain` is all that a rule writes which
    has one authority, no gateway's time and no voids: most are so, and pay for none of these."""

    when: Holds | None
    event: Textual | None
    event_text: str
    raw_time: Getter
    clock: Clock
    no_time: Callable[[Any], str]
    plain: list[Write] | None
    parts: list[_Part]
    doubts: list[Doubt]
    correct: Correct | None
    distrust: Callable[[str], list[Write]]
    voids: bool
    authority: int
    place: Place | None


class Mapper:
    """One document of rules, compiled."""

    def __init__(self, rules: Rules, schema: Schema) -> None:
        self._sources = Sources(rules.format)
        self._source = self._sources.text(rules.source)
        writers = Writers(schema, self._sources, self._source, rules.format.textual)
        self._rules = [_compile(rule, self._sources, writers) for rule in rules.rules]
        self._ignore = [self._sources.condition(c) for c in rules.ignore]
        self.needs_digest = any(rule.event is None for rule in rules.rules)
        self.looks_around = any(path.root in ("$topic", "$key", "$header") for path in _paths(rules))
        """Whether the rules look at topic, key or headers, so that those are part of what an event is."""

    def condition(self, condition: Condition) -> Holds | None:
        """A further condition, in the terms of these rules' format; None where it always holds."""
        return self._sources.condition(condition)

    def map(self, item: Any, scope: Scope, digest: str, faults: list[str]) -> list[ChangeSet] | None:
        """The change sets of one record; None where it is to be ignored. `digest` is the event id where the rules name none.

        Appended to `faults` are reasons to bury the message; what is good in it is returned all the same.
        """
        changes: list[ChangeSet] = []
        matched = False
        for rule in self._rules:
            if rule.when is not None and not rule.when(item, scope):
                continue
            matched = True
            try:
                made = self._apply(rule, item, scope, digest, faults)
            except BadRecord as error:
                faults.append(str(error))
                continue
            if changes:
                _join(changes, made)
            else:
                changes = made
        if not matched:
            if any(test is None or test(item, scope) for test in self._ignore):
                return None
            faults.append("no rule matches: add a rule whose `when` does, or name it under `ignore`")
        return changes

    def _apply(self, rule: _Rule, item: Any, scope: Scope, digest: str, faults: list[str]) -> list[ChangeSet]:
        source = self._source(item, scope)
        event = digest if rule.event is None else rule.event(item, scope)
        if event is None or source is None:
            raise BadRecord(f"no event id: {rule.event_text} is missing" if source else "no source: its path is missing")
        raw = rule.raw_time(item, scope)
        try:
            valid = rule.clock(raw)
        except (ValueError, TypeError, OverflowError):
            faults.append(rule.no_time(raw))
            flags: list[Change] = []
            for doubt in rule.doubts:
                doubt(item, scope, flags)
            untimed = ChangeSet(event, source, UNTIMED, scope[0].received, tuple(flags), rule.authority)
            return [untimed] if flags else []
        order, fault = rule.place(item, scope, source) if rule.place is not None else UNPLACED
        if rule.plain is None or fault:
            made = self._apply_parts(rule, item, scope, event, source, valid)
            if fault and made:
                made[0] = _flagged(rule, made[0], fault, item, scope)
            return made if order is None else [one._replace(order=order) for one in made]
        out: list[Change] = []
        for write in rule.plain:
            write(item, scope, valid, out)
        return [new(ChangeSet, (event, source, valid, scope[0].received, tuple(out), rule.authority, order))] if out else []

    def _apply_parts(self, rule: _Rule, item: Any, scope: Scope, event: str, source: str, valid: int) -> list[ChangeSet]:
        """One change set for each authority, at the time that the gateway leaves standing."""
        parts = rule.parts
        if rule.correct is not None:
            device, (valid, fault) = valid, rule.correct(item, scope, valid)
            if fault:
                parts = _distrusted(parts, rule.distrust(fault), valid - device)
        made = []
        for authority, writes, _ in parts:
            out: list[Change] = []
            for write in writes:
                write(item, scope, valid, out)
            if out:
                made.append(new(ChangeSet, (event, source, valid, scope[0].received, tuple(out), authority, None)))
        if rule.voids and any(type(c) is Void and c[2:] == (event, source) for one in made for c in one.changes):
            raise BadRecord(f"void: {excerpt(event)} takes back itself; name the earlier event")
        return made


def _join(changes: list[ChangeSet], made: list[ChangeSet]) -> None:
    """Two rules that match one record under one id, time and order say it together, as one change set for each authority."""
    for one in made:
        for i, other in enumerate(changes):
            if other[:3] == one[:3] and other[5:] == one[5:]:
                changes[i] = other._replace(changes=other.changes + tuple(c for c in one.changes if c not in other.changes))
                break
        else:
            changes.append(one)


def _flagged(rule: _Rule, one: ChangeSet, fault: str, item: Any, scope: Scope) -> ChangeSet:
    """A change set that had to be taken without its place in a chain, and says so."""
    changes = list(one.changes)
    for write in rule.distrust(fault):
        write(item, scope, one.valid, changes)
    return one._replace(changes=tuple(changes))


def _distrusted(parts: list[_Part], flags: list[Write], by: int) -> list[_Part]:
    """The parts of a rule for one message whose clock is wrong: other times by the same clock are moved as its time was."""

    def moving(write: Write, names: frozenset[str]) -> Write:
        def moves(item: Any, scope: Scope, valid: int, out: list[Change]) -> None:
            start = len(out)
            write(item, scope, valid, out)
            out[start:] = [made for change in out[start:] for made in _moved(change, names, by, valid)]

        return moves

    made = [
        p._replace(writes=[moving(*pair) if pair[1] else pair[0] for pair in zip(p.writes, p.timed, strict=True)]) for p in parts
    ]
    return [made[0]._replace(writes=made[0].writes + flags), *made[1:]]


def _moved(change: Change, names: frozenset[str], by: int, valid: int) -> list[Change]:
    if type(change) is not Assert or names.isdisjoint(change.properties):
        return [change]
    properties, flags = dict(change.properties), []
    for name in [name for name in change.properties if name in names]:
        raw = properties.pop(name)
        at = moved(int(raw), by)
        if at is None:
            flags.append(Flag(change.subject, change.cls, name, Verdict.CLOCK_FAULT, valid, str(raw)))
        else:
            properties[name] = at
    return [change._replace(properties=properties), *flags]


def _compile(rule: Rule, sources: Sources, writers: Writers) -> _Rule:
    parts, voids = _parts(rule, writers), any(entity.voids for entity in rule.entities)
    return _Rule(
        sources.condition(rule.when),
        sources.text(rule.event) if rule.event is not None else None,
        rule.event.text if rule.event is not None else "",
        sources.get(rule.time),
        clock(rule.form),
        _no_time(rule),
        parts[0].writes if len(parts) == 1 and rule.gateway is None and not voids else None,
        parts,
        [writers.doubt(entity) for entity in rule.entities if not entity.step],
        _correct(rule.gateway, sources) if rule.gateway is not None else None,
        lambda fault: [writers.distrust(entity, fault) for entity in rule.entities],
        voids,
        rule.authority,
        placing(rule.placing, sources) if rule.placing is not None else None,
    )


def _parts(rule: Rule, writers: Writers) -> list[_Part]:
    parts = {rule.authority: _Part(rule.authority, [], [])}
    for entity in rule.entities:
        for authority, one in by_authority(entity, rule.authority).items():
            part = parts.setdefault(authority, _Part(authority, [], []))
            part.writes.append(writers.entity(one))
            part.timed.append(_timed(one, rule))
        if entity.voids:
            parts[rule.authority].writes.append(writers.void(entity))
            parts[rule.authority].timed.append(frozenset())
    return list(parts.values())


def _timed(entity: Entity, rule: Rule) -> frozenset[str]:
    """The properties whose times are by the clock that gave the message its time: what a step reports as done, and whatever is
    read from the same place. A plan is not by the clock of whoever reports it, nor need any other time be."""
    return frozenset(
        s.name
        for s in entity.settings
        if s.pick.paths
        and all(p.datatype is Datatype.INSTANT for p in s.declared.values())
        and ((entity.step and s.name in DONE) or set(s.pick.paths) <= set(rule.time))
    )


def _correct(gateway: Gateway, sources: Sources) -> Correct:
    get, read, historical = sources.get(gateway.time), clock(gateway.form), sources.condition(gateway.historical)
    shown = " or ".join(path.text for path in gateway.time)

    def correct(item: Any, scope: Scope, device: int) -> Judged:
        raw = get(item, scope)
        if raw is None or raw is MISSING:
            return Judged(device)
        try:
            at = read(raw)
        except (ValueError, TypeError, OverflowError):
            return Judged(device, f"the device's time stands unchecked: its gateway's, {shown}, is {excerpt(raw)}")
        return judge(device, at, historical is not None and historical(item, scope), gateway.trust)

    return correct


def _no_time(rule: Rule) -> Callable[[Any], str]:
    shown = " or ".join(path.text for path in rule.time)

    def reason(raw: Any) -> str:
        if raw is None or raw is MISSING:
            return f"no timestamp: {shown} is {'null' if raw is None else 'missing'}"
        return f"no timestamp: {shown} is {excerpt(raw)}, not {rule.form.pattern} of the years 1 to 9999"

    return reason


def _paths(part: object) -> Iterator[Path]:
    """Every path in a part of some rules."""
    if isinstance(part, Path):
        yield part
    elif is_dataclass(part):
        for field in fields(part):
            yield from _paths(getattr(part, field.name))
    elif isinstance(part, tuple):
        for one in part:
            yield from _paths(one)
