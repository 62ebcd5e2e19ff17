"""Rules → functions: what a decoded record says, as change sets.

All that can be decided is decided when the rules are compiled; an event then costs a few dictionary look-ups and calls.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from brain.model import Change, ChangeSet
from brain.schema import Schema
from ingest.paths import MISSING, Getter, Path, Scope
from ingest.picking import BadRecord, Holds, Sources, Textual
from ingest.quality import excerpt
from ingest.rules import Condition, Rule, Rules
from ingest.times import Clock, clock
from ingest.writing import Doubt, Write, Writers, new

UNTIMED = 0
"""The valid time of a change set that holds only flags on a message without a time: the server's clock must not stand in."""


class _Rule(NamedTuple):
    when: Holds | None
    event: Textual | None
    event_text: str
    raw_time: Getter
    clock: Clock
    no_time: Callable[[Any], str]
    writes: list[Write]
    doubts: list[Doubt]
    authority: int


class Mapper:
    """One document of rules, compiled."""

    def __init__(self, rules: Rules, schema: Schema) -> None:
        self._sources = Sources(rules.format)
        writers = Writers(schema, self._sources, rules.format.textual)
        self._rules = [_compile(rule, self._sources, writers) for rule in rules.rules]
        self._ignore = [self._sources.condition(c) for c in rules.ignore]
        self._source = self._sources.text(rules.source)
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
            elif made is not None:
                changes.append(made)
        if not matched:
            if any(test is None or test(item, scope) for test in self._ignore):
                return None
            faults.append("no rule matches: add a rule whose `when` does, or name it under `ignore`")
        return changes

    def _apply(self, rule: _Rule, item: Any, scope: Scope, digest: str, faults: list[str]) -> ChangeSet | None:
        source = self._source(item, scope)
        event = digest if rule.event is None else rule.event(item, scope)
        if event is None or source is None:
            raise BadRecord(f"no event id: {rule.event_text} is missing" if source else "no source: its path is missing")
        out: list[Change] = []
        raw = rule.raw_time(item, scope)
        try:
            valid = rule.clock(raw)
        except (ValueError, TypeError, OverflowError):
            faults.append(rule.no_time(raw))
            valid = UNTIMED
            for doubt in rule.doubts:
                doubt(item, scope, out)
        else:
            for write in rule.writes:
                write(item, scope, valid, out)
        return new(ChangeSet, (event, source, valid, scope[0].received, tuple(out), rule.authority)) if out else None


def _join(changes: list[ChangeSet], made: ChangeSet | None) -> None:
    """Two rules that match one record under one id and time say it together: one event, one change set."""
    if made is None:
        return
    for i, other in enumerate(changes):
        if other[:3] == made[:3] and other.authority == made.authority:
            changes[i] = other._replace(changes=other.changes + tuple(c for c in made.changes if c not in other.changes))
            return
    changes.append(made)


def _compile(rule: Rule, sources: Sources, writers: Writers) -> _Rule:
    return _Rule(
        sources.condition(rule.when),
        sources.text(rule.event) if rule.event is not None else None,
        rule.event.text if rule.event is not None else "",
        sources.get(rule.time),
        clock(rule.form),
        _no_time(rule),
        [writers.entity(entity) for entity in rule.entities],
        [writers.doubt(entity) for entity in rule.entities if not entity.step],
        rule.authority,
    )


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
