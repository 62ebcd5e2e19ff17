"""Rules → functions: what a decoded record says, as a change set.

All that can be decided is decided when the rules are compiled; an event then costs a few dictionary look-ups and calls. No name
of a class, property or relation ever comes from a payload: all are constants of the validated rules.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any, NamedTuple
from unicodedata import category

from brain.errors import Reject
from brain.model import NOTHING, Assert, Change, ChangeSet, Flag, Link, Retract, Verdict
from brain.schema import Scalar, Schema
from ingest.paths import MISSING, Getter, Path, Scope, Template, gather, getter
from ingest.quality import Take, as_text, attribute, coerce, detail, excerpt, good_text
from ingest.rules import ClassChoice, Condition, Entity, Key, Pick, Reference, Rule, Rules, Test
from ingest.times import Clock, clock

MAX_KEY = 512
"""The most characters of a key, an event id or a qualifier."""
UNTIMED = 0
"""The valid time of a change set that holds only flags on a message without a time: the server's clock must not stand in."""


class BadRecord(Reject):
    """A record that cannot become a change set: it goes to the dead letters with this reason."""


new = tuple.__new__

Textual = Callable[[Any, Scope], str | None]
"""(item, scope) → the text, or None where a path in it leads nowhere. BadRecord where it leads to no text."""
Write = Callable[[Any, Scope, int, list[Change]], None]
"""(item, scope, valid, out): appends what an entity says. BadRecord where it cannot be told who is meant."""
Doubt = Callable[[Any, Scope, list[Change]], None]
"""(item, scope, out): appends a flag for each value of an entity in a message without a time."""


class Mapper:
    """One document of rules, compiled."""

    def __init__(self, rules: Rules, schema: Schema) -> None:
        self._compiler = _Compiler(schema, rules)
        self._rules = [self._compiler.rule(rule) for rule in rules.rules]
        self._ignore = [self._compiler.condition(c) for c in rules.ignore]
        self._source = self._compiler.text(rules.source)
        self.needs_digest = any(rule.event is None for rule in rules.rules)
        self.looks_around = any(path.root in ("$topic", "$key", "$header") for path in _paths(rules))
        """Whether the rules look at topic, key or headers, so that those are part of what an event is."""

    def condition(self, condition: Condition) -> Callable[[Any, Scope], bool] | None:
        """A further condition, in the terms of these rules' format; None where it always holds."""
        return self._compiler.condition(condition)

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

    def _apply(self, rule: "_Rule", item: Any, scope: Scope, digest: str, faults: list[str]) -> ChangeSet | None:
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
        # The tuple's own constructor: the named one costs 0.2 µs more, and this is done for every event.
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


class _Rule(NamedTuple):
    when: Callable[[Any, Scope], bool] | None
    event: Textual | None
    event_text: str
    raw_time: Getter
    clock: Clock
    no_time: Callable[[Any], str]
    writes: list[Write]
    doubts: list[Doubt]
    authority: int


class _Compiler:
    """Turns the parts of one document's rules into functions."""

    def __init__(self, schema: Schema, rules: Rules) -> None:
        self._schema = schema
        self._xml = rules.format.kind == "xml"
        self._textual = rules.format.textual
        self._nulls = rules.format.nulls

    def rule(self, rule: Rule) -> _Rule:
        return _Rule(
            self.condition(rule.when),
            self.text(rule.event) if rule.event is not None else None,
            rule.event.text if rule.event is not None else "",
            self.get(rule.time),
            clock(rule.form),
            self._no_time(rule),
            [self._entity(entity) for entity in rule.entities],
            [self._doubt(entity) for entity in rule.entities if not entity.step],
            rule.authority,
        )

    def get(self, paths: tuple[Path, ...]) -> Getter:
        """The first value that is there and not null; else null where one was; else MISSING."""
        getters = [self._one(path) for path in paths]
        if len(getters) == 1:
            return getters[0]

        def first(item: Any, scope: Scope) -> Any:
            best: Any = MISSING
            for get in getters:
                raw = get(item, scope)
                if raw is not None and raw is not MISSING:
                    return raw
                best = None if raw is None else best
            return best

        return first

    def _one(self, path: Path) -> Getter:
        get, nulls = getter(path, self._xml), self._nulls
        if not nulls:
            return get

        def nullable(item: Any, scope: Scope) -> Any:
            raw = get(item, scope)
            return None if type(raw) is str and raw in nulls else raw

        return nullable

    def condition(self, condition: Condition) -> Callable[[Any, Scope], bool] | None:
        tests = [self._test(test) for test in condition]
        if not tests:
            return None
        if len(tests) == 1:
            return tests[0]
        return lambda item, scope: all(test(item, scope) for test in tests)

    def _test(self, test: Test) -> Callable[[Any, Scope], bool]:
        get = self._one(test.path)
        if test.exists is not None:
            wanted = test.exists
            return lambda item, scope: (get(item, scope) not in (None, MISSING)) is wanted
        values, negate = test.values or frozenset(), test.negate

        def among(item: Any, scope: Scope) -> bool:
            raw = get(item, scope)
            if type(raw) is not str:
                raw = None if raw is MISSING or type(raw) in (dict, list) else "null" if raw is None else as_text(raw)
            return (raw in values) is not negate

        return among

    def text(self, template: Template) -> Textual:
        """A template as a function: stripped, never empty, at most MAX_KEY characters, none of them a control character."""
        if not template.paths:
            constant = template.text.replace("{{", "{").replace("}}", "}")
            return lambda item, scope: constant
        parts = [part if isinstance(part, str) else self._one(part) for part in template.parts]
        text = template.text
        if len(parts) == 1 and not isinstance(parts[0], str):
            get = parts[0]
            return lambda item, scope: _key(get(item, scope), text)

        def fill(item: Any, scope: Scope) -> str | None:
            filled = ""
            for part in parts:
                if isinstance(part, str):
                    filled += part
                    continue
                found = _key(part(item, scope), text)
                if found is None:
                    return None
                filled += found
            if len(filled) > MAX_KEY:
                raise BadRecord(f"{text} has {len(filled)} characters; at most {MAX_KEY} make a key")
            return filled

        return fill

    def key(self, key: Key) -> Textual:
        makes = [self.text(template) for template in key.templates]
        if len(makes) == 1:
            return makes[0]
        return lambda item, scope: next((found for make in makes if (found := make(item, scope)) is not None), None)

    def _no_time(self, rule: Rule) -> Callable[[Any], str]:
        shown = " or ".join(path.text for path in rule.time)

        def reason(raw: Any) -> str:
            if raw is None or raw is MISSING:
                return f"no timestamp: {shown} is {'null' if raw is None else 'missing'}"
            return f"no timestamp: {shown} is {excerpt(raw)}, not {rule.form.pattern} of the years 1 to 9999"

        return reason

    def choice(self, choice: ClassChoice) -> Callable[[Any, Scope], str]:
        if choice.path is None:
            assert choice.default is not None
            constant = choice.default
            return lambda item, scope: constant
        get, table, default = self._one(choice.path), choice.mapping or {}, choice.default
        text = choice.path.text

        def choose(item: Any, scope: Scope) -> str:
            raw = get(item, scope)
            known = raw is not MISSING and raw is not None and type(raw) not in (dict, list)
            found = table.get(as_text(raw), default) if known else default
            if found is None:
                raise BadRecord(f"no class: {text} is {'missing' if raw is MISSING else excerpt(raw)}, not in `map`")
            return found

        return choose

    def _entity(self, entity: Entity) -> Write:
        classes = entity.choice.classes
        writers = {cls: self._writer(entity, cls) for cls in classes}
        when = self.condition(entity.when)
        write = writers[classes[0]]
        if entity.choice.path is not None:
            choose = self.choice(entity.choice)

            def write(item: Any, scope: Scope, valid: int, out: list[Change]) -> None:
                writers[choose(item, scope)](item, scope, valid, out)

        if when is None and entity.each is None:
            return write
        each = entity.each

        def writes(item: Any, scope: Scope, valid: int, out: list[Change]) -> None:
            for one, around in gather(each, item, scope) if each is not None else [(item, scope)]:
                if when is None or when(one, around):
                    write(one, around, valid, out)

        return writes

    def _writer(self, entity: Entity, cls: str) -> Write:
        prefix, key = self._schema.of(cls).keyspace + "/", self.key(entity.key)
        who = f"{cls}: no key: {' or '.join(t.text for t in entity.key.templates)} is missing, null or empty"
        judge = self._judge(entity, cls)
        attributes = self._attributes(entity)
        links = [self._reference(link) for link in entity.links]
        unlinks = [self._reference(link) for link in entity.unlinks]
        unset = entity.unset

        def write(item: Any, scope: Scope, valid: int, out: list[Change]) -> None:
            found = key(item, scope)
            if found is None:
                raise BadRecord(who)
            subject = prefix + found
            flags: list[Flag] = []
            properties = judge(item, scope, subject, valid, flags)
            held = attributes(item, scope, subject, cls, valid, flags) if attributes is not None else NOTHING
            described: list[Assert] = []
            linked = _links(links, item, scope, described) if links else ()
            out.append(new(Assert, (subject, cls, properties, held, linked)))
            out.extend(flags)
            for target in described:
                if not any(c[:2] == target[:2] and type(c) is Assert for c in out):
                    out.append(target)
            if unlinks or unset:
                gone = _links(unlinks, item, scope, [])
                if gone or unset:
                    out.append(Retract(subject, cls, unset, (), gone))

        return write

    def _judge(self, entity: Entity, cls: str) -> Callable[[Any, Scope, str, int, list[Flag]], dict[str, Scalar]]:
        """(item, scope, subject, valid, flags) → the good values; the others are appended as flags."""
        settings = [self._setting(s.name, s.pick, s.declared[cls]) for s in entity.settings]

        def judge(item: Any, scope: Scope, subject: str, valid: int, flags: list[Flag]) -> dict[str, Scalar]:
            good: dict[str, Scalar] = {}
            for name, get, take, optional, required in settings:
                raw = get(item, scope)
                if raw is MISSING:
                    if required:
                        raise BadRecord(f"{cls}: {name} is missing")
                    continue
                value = take(raw)
                if type(value) is not Verdict:
                    good[name] = value
                elif required:
                    raise BadRecord(f"{cls}: {name} is {excerpt(raw)}: {value}")
                elif value is not Verdict.NULL or not optional:
                    flags.append(Flag(subject, cls, name, value, valid, detail(raw)))
            return good

        return judge

    def _setting(self, name: str, pick: Pick, property: Any) -> tuple[str, Getter, Take, bool, bool]:
        if not pick.paths:
            constant = pick.constant
            return name, lambda item, scope: constant, lambda raw: raw, False, False
        return name, self.get(pick.paths), coerce(property, pick, self._textual), pick.optional, pick.required

    def _attributes(self, entity: Entity) -> Callable[..., dict[str, Scalar]] | None:
        if not entity.attributes and entity.spread is None:
            return None
        named = [(n, self.get(p.paths) if p.paths else _constant(p.constant)) for n, p in entity.attributes]
        spread = getter(entity.spread) if entity.spread is not None else None

        def attributes(item: Any, scope: Scope, subject: str, cls: str, valid: int, flags: list[Flag]) -> dict[str, Scalar]:
            held: dict[str, Scalar] = {}
            found = spread(item, scope) if spread is not None else None
            pairs = [(n, v) for n, v in found.items() if type(v) not in (dict, list)] if type(found) is dict else []
            for name, raw in pairs + [(name, get(item, scope)) for name, get in named]:
                if raw is None or raw is MISSING:
                    continue
                value = attribute(raw)
                if type(value) is Verdict or not 0 < len(name) <= MAX_KEY or not good_text(name):
                    flags.append(Flag(subject, cls, "@" + detail(name), Verdict.WRONG_TYPE, valid, detail(raw)))
                else:
                    held[name] = value
            return held

        return attributes

    def _reference(self, reference: Reference) -> Callable[[Any, Scope], list[tuple[Link, Assert]]]:
        key, choose = self.key(reference.key), self.choice(reference.choice)
        qualify = self.text(reference.qualifier) if reference.qualifier is not None else None
        when, each, relation = self.condition(reference.when), reference.each, reference.relation
        prefixes = {cls: self._schema.of(cls).keyspace + "/" for cls in reference.choice.classes}

        def refer(item: Any, scope: Scope) -> list[tuple[Link, Assert]]:
            links = []
            for one, around in gather(each, item, scope) if each is not None else ((item, scope),):
                if when is not None and not when(one, around):
                    continue
                found = key(one, around)
                if found is None:
                    continue
                cls = choose(one, around)
                target = prefixes[cls] + found
                qualifier = qualify(one, around) if qualify is not None else None
                links.append((Link(relation, target, qualifier or ""), Assert(target, cls)))
            return links

        return refer

    def _doubt(self, entity: Entity) -> Doubt:
        choose, key = self.choice(entity.choice), self.key(entity.key)
        gets = [(s.name, self.get(s.pick.paths)) for s in entity.settings if s.pick.paths]
        when, each = self.condition(entity.when), entity.each

        def doubt(item: Any, scope: Scope, out: list[Change]) -> None:
            for one, around in gather(each, item, scope) if each is not None else [(item, scope)]:
                if when is not None and not when(one, around):
                    continue
                try:
                    cls, found = choose(one, around), key(one, around)
                except BadRecord:
                    continue
                if found is None:
                    continue
                subject = self._schema.of(cls).node_id(found)
                values = [(name, raw) for name, get in gets if (raw := get(one, around)) is not MISSING]
                for name, raw in values or [("", "")]:
                    out.append(Flag(subject, cls, name, Verdict.NO_TIMESTAMP, None, detail(raw)))

        return doubt


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


def _constant(value: Any) -> Getter:
    return lambda item, scope: value


def _links(
    references: list[Callable[[Any, Scope], list[tuple[Link, Assert]]]], item: Any, scope: Scope, described: list[Assert]
) -> tuple[Link, ...]:
    """The links, each once and in order; what they lead to is described by its class alone, so that it is more than a name."""
    links: dict[Link, None] = {}
    for refer in references:
        for link, target in refer(item, scope):
            links[link] = None
            described.append(target)
    return tuple(links)


def _key(raw: Any, text: str) -> str | None:
    """A raw value as (part of) a key: None where it is missing, null or blank."""
    if type(raw) is not str:
        if raw is None or raw is MISSING:
            return None
        if type(raw) is not int:
            raise BadRecord(f"{text} is {excerpt(raw)}: a key is a text or a whole number")
        return str(raw)
    raw = raw.strip()
    if len(raw) > MAX_KEY or not (raw.isprintable() or _legible(raw)):
        raise BadRecord(f"{text} is {excerpt(raw)}: a key has at most {MAX_KEY} characters and no control characters")
    return raw or None


def _legible(text: str) -> bool:
    """No control characters, no line separators, no halves of surrogate pairs (Unicode categories Cc, Zl, Zp, Cs)."""
    return not any(category(char) in ("Cc", "Zl", "Zp", "Cs") for char in text)


def digest_of(*parts: bytes) -> str:
    """128 bits of BLAKE2b over the parts, each with its length before it, in hex."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
