"""What an entity of the rules says of one record: assertions, retractions and flags, written by compiled functions.

No name of a class, property or relation ever comes from a payload: all are constants of the validated rules.
"""

from collections.abc import Callable
from typing import Any

from brain.model import NOTHING, Assert, Change, Flag, Link, Retract, Verdict, Void
from brain.schema import Property, Scalar, Schema
from ingest.paths import MISSING, Getter, Scope, gather, getter
from ingest.picking import MAX_KEY, BadRecord, Sources, Textual
from ingest.quality import Take, attribute, coerce, detail, excerpt, good_text
from ingest.rules import Entity, Pick, Reference

new = tuple.__new__
"""The tuple's own constructor: the named one costs 0.2 µs more, and is called for every event."""

Write = Callable[[Any, Scope, int, list[Change]], None]
"""(item, scope, valid, out): appends what an entity says. BadRecord where it cannot be told who is meant."""
Doubt = Callable[[Any, Scope, list[Change]], None]
"""(item, scope, out): appends a flag for each value of an entity in a message without a time."""
Judge = Callable[[Any, Scope, str, int, list[Flag]], dict[str, Scalar]]
"""(item, scope, subject, valid, flags) → the good values; the others are appended as flags."""
Refer = Callable[[Any, Scope], list[tuple[Link, Assert]]]
"""(item, scope) → links, each with the description of what it leads to."""


Items = Callable[[Any, Scope], list[tuple[Any, Scope]]]
"""(item, scope) → each item of which an entity speaks, with what surrounds it."""
Naming = Callable[[Any, Scope], tuple[str, str] | None]
"""(item, scope) → id and class of the subject; None where its key is missing. BadRecord where it cannot be told."""


class Writers:
    """Compiles entities. `source` is who a message comes from. `textual`: the format knows texts alone."""

    def __init__(self, schema: Schema, sources: Sources, source: Textual, textual: bool) -> None:
        self._schema = schema
        self._sources = sources
        self._source = source
        self._textual = textual

    def entity(self, entity: Entity) -> Write:
        classes = entity.choice.classes
        writers = {cls: self._writer(entity, cls) for cls in classes}
        when = self._sources.condition(entity.when)
        write = writers[classes[0]]
        if entity.choice.path is not None:
            choose = self._sources.choice(entity.choice)

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
        prefix, key = self._schema.of(cls).keyspace + "/", self._sources.key(entity.key)
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

    def _judge(self, entity: Entity, cls: str) -> Judge:
        settings = [self._setting(s.name, s.pick, s.declared[cls]) for s in entity.settings]

        def judge(item: Any, scope: Scope, subject: str, valid: int, flags: list[Flag]) -> dict[str, Scalar]:
            good: dict[str, Scalar] = {}
            ask = item.get if type(item) is dict else _nothing
            for name, member, get, take, optional, required in settings:
                raw = get(item, scope) if member is None else ask(member, MISSING)
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

    def _setting(self, name: str, pick: Pick, property: Property) -> tuple[str, str | None, Getter, Take, bool, bool]:
        """Most are plain members of a JSON object, which is then asked itself: a getter's call costs as much as the taking."""
        if not pick.paths:
            constant = pick.constant
            return name, None, lambda item, scope: constant, lambda raw: raw, False, False
        get, take = self._sources.get(pick.paths), coerce(property, pick, self._textual)
        return name, self._sources.member(pick.paths), get, take, pick.optional, pick.required

    def _attributes(self, entity: Entity) -> Callable[..., dict[str, Scalar]] | None:
        if not entity.attributes and entity.spread is None:
            return None
        named = [(n, self._sources.get(p.paths) if p.paths else _constant(p.constant)) for n, p in entity.attributes]
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

    def _reference(self, reference: Reference) -> Refer:
        key, choose = self._sources.key(reference.key), self._sources.choice(reference.choice)
        qualify = self._sources.text(reference.qualifier) if reference.qualifier is not None else None
        when, each, relation = self._sources.condition(reference.when), reference.each, reference.relation
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

    def doubt(self, entity: Entity) -> Doubt:
        """Flags each value of the entity, in a message without a time."""
        items, name_of = self._items(entity), self._naming(entity)
        gets = [(s.name, self._sources.get(s.pick.paths)) for s in entity.settings if s.pick.paths]

        def doubt(item: Any, scope: Scope, out: list[Change]) -> None:
            for one, around in items(item, scope):
                try:
                    named = name_of(one, around)
                except BadRecord:
                    continue
                if named is None:
                    continue
                values = [(name, raw) for name, get in gets if (raw := get(one, around)) is not MISSING]
                for name, raw in values or [("", "")]:
                    out.append(Flag(*named, name, Verdict.NO_TIMESTAMP, None, detail(raw)))

        return doubt

    def distrust(self, entity: Entity, fault: str) -> Write:
        """Flags the entity itself, in a message whose clock cannot be right."""
        items, name_of = self._items(entity), self._naming(entity)

        def distrust(item: Any, scope: Scope, valid: int, out: list[Change]) -> None:
            for one, around in items(item, scope):
                named = name_of(one, around)
                if named is not None:
                    flag = Flag(*named, "", Verdict.CLOCK_FAULT, valid, fault)
                    if flag not in out:
                        out.append(flag)

        return distrust

    def void(self, entity: Entity) -> Write:
        """Takes back what earlier (or later) events said of the entity."""
        items, name_of, own = self._items(entity), self._naming(entity), self._source
        text = self._sources.text
        gone = [(text(v.event), text(v.source) if v.source is not None else None) for v in entity.voids]

        def void(item: Any, scope: Scope, valid: int, out: list[Change]) -> None:
            for one, around in items(item, scope):
                named = name_of(one, around)
                for event_of, source_of in gone:
                    event = event_of(one, around)
                    if event is None or named is None:
                        continue
                    source = own(item, scope) if source_of is None else source_of(one, around)
                    if source is None:
                        raise BadRecord(f"void: whose event {event!r} is it? its source is missing")
                    change = Void(*named, event, source)
                    if change not in out:
                        out.append(change)

        return void

    def _items(self, entity: Entity) -> Items:
        when, each = self._sources.condition(entity.when), entity.each

        def items(item: Any, scope: Scope) -> list[tuple[Any, Scope]]:
            found = gather(each, item, scope) if each is not None else [(item, scope)]
            return [pair for pair in found if when is None or when(*pair)]

        return items

    def _naming(self, entity: Entity) -> Naming:
        choose, key = self._sources.choice(entity.choice), self._sources.key(entity.key)

        def name_of(item: Any, scope: Scope) -> tuple[str, str] | None:
            cls, found = choose(item, scope), key(item, scope)
            return None if found is None else (self._schema.of(cls).node_id(found), cls)

        return name_of


def _nothing(member: str, default: Any) -> Any:
    return default


def _constant(value: Any) -> Getter:
    return lambda item, scope: value


def _links(references: list[Refer], item: Any, scope: Scope, described: list[Assert]) -> tuple[Link, ...]:
    """The links, each once and in order; what they lead to is described by its class alone, so that it is more than a name."""
    links: dict[Link, None] = {}
    for refer in references:
        for link, target in refer(item, scope):
            links[link] = None
            described.append(target)
    return tuple(links)
