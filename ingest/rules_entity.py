"""Entities, steps, links and values of a rule, each checked against the classes that it can be about."""

from collections.abc import Mapping
from fractions import Fraction

from brain.model import Verdict
from brain.schema import Datatype, Property, Relation, Scalar, nearest
from ingest.paths import Path, Template
from ingest.quality import coerce, describe
from ingest.rules import ClassChoice, Entity, Key, Pick, Reference, Setting, TakeBack
from ingest.rules_read import Reader
from ingest.rules_yaml import Item, listed
from ingest.times import TimeFormat
from ingest.units import IDENTITY, BadUnit, Conversion, conversion

ENTITY = ("class", "key", "each", "when", "set", "attributes", "link", "unlink", "unset", "void")
STEP_TIMES = {"enabled": "enabledAt", "scheduled": "scheduledAt", "started": "startedAt", "completed": "completedAt",
              "occurred": "occurredAt"}  # fmt: skip
STEP = ("class", "key", "each", "when", "activity", *STEP_TIMES, "process", "objects", "performedBy", "set", "attributes", "link",
        "void")  # fmt: skip
PICK = ("path", "value", "unit", "scale", "map", "default", "format", "zone", "parse", "optional", "required", "authority")
CHOICE = ("path", "map", "default")
REFERENCE = ("class", "key", "qualifier", "each", "when", "authority")
VOID = ("event", "source")
NUMERIC = (Datatype.FLOAT, Datatype.INTEGER)


def read_entity(reader: Reader, item: Item, form: TimeFormat) -> Entity:
    """One member of `entities`."""
    fields = reader.fields(item, ENTITY, "an entity")
    choice = _choice(reader, reader.need(item, fields, "class", "an entity"))
    key = reader.key(reader.need(item, fields, "key", "an entity"), "key")
    settings, attributes, spread = _values(reader, fields, choice, form)
    unset = []
    for one in listed(fields["unset"]) if "unset" in fields else ():
        name = reader.text(one, "unset")
        if _declared(reader, one.line, name, choice):
            unset.append(name)
    return Entity(
        choice,
        key,
        settings,
        attributes,
        spread,
        _links(reader, fields.get("link"), choice, "link"),
        _links(reader, fields.get("unlink"), choice, "unlink"),
        tuple(unset),
        reader.path(fields["each"], "each") if "each" in fields else None,
        reader.condition(fields.get("when"), "when"),
        voids=_voids(reader, fields.get("void")),
    )


def read_step(reader: Reader, item: Item, form: TimeFormat) -> Entity:
    """One member of `steps`: an entity of the kernel's Step, whose properties and relations have short names here."""
    fields = reader.fields(item, STEP, "a step")
    choice = _choice(reader, fields["class"]) if "class" in fields else ClassChoice("Step")
    for cls in choice.classes:
        if not reader.schema.is_a(cls, "Step"):
            raise reader.stop(fields["class"].line if "class" in fields else item.line, f"{cls} is no kind of Step")
    key = reader.key(reader.need(item, fields, "key", "a step"), "key")
    # Whoever takes a step back need not tell it again.
    settings = []
    if "activity" in fields or "void" not in fields:
        settings.append(_activity(reader, reader.need(item, fields, "activity", "a step"), choice))
    for name, property in STEP_TIMES.items():
        if name in fields:
            settings += _setting(reader, property, fields[name].key_line, fields[name], choice, form)
    if not any(name in fields for name in (*STEP_TIMES, "void")):
        reader.fault(item.line, f"a step must say which time it reports: one of {', '.join(STEP_TIMES)}")
    links = [*_links(reader, fields.get("link"), choice, "link")]
    for name, relation in (("objects", "object"), ("performedBy", "performedBy")):
        for one in listed(fields[name]) if name in fields else ():
            links += _reference(reader, relation, one, choice)
    if "process" in fields:
        process = reader.key(fields["process"], "process", constant=True)
        links.append(Reference("partOfProcess", ClassChoice("Process"), process))
    more, attributes, spread = _values(reader, fields, choice, form)
    each = reader.path(fields["each"], "each") if "each" in fields else None
    when = reader.condition(fields.get("when"), "when")
    return Entity(
        choice,
        key,
        (*settings, *more),
        attributes,
        spread,
        tuple(links),
        each=each,
        when=when,
        step=True,
        voids=_voids(reader, fields.get("void")),
    )


def _voids(reader: Reader, item: Item | None) -> tuple[TakeBack, ...]:
    voids = []
    for one in reader.several(item, "void") if item is not None else ():
        fields = reader.fields(one, VOID, "void")
        event = reader.template(reader.need(one, fields, "event", "void"), "event")
        if not event.paths:
            raise reader.stop(
                fields["event"].line,
                f"void: event {event.text!r} is the same for all: write {{path: {event.text}}} or '{{{event.text}}}'",
            )
        voids.append(TakeBack(event, reader.template(fields["source"], "source") if "source" in fields else None))
    return tuple(voids)


def _activity(reader: Reader, item: Item, choice: ClassChoice) -> Setting:
    if isinstance(item.value, dict):
        found = _setting(reader, "activity", item.key_line, item, choice, TimeFormat(), required=True)
        if found:
            return found[0]
        raise reader.stop(item.line, "this ontology's Step has no activity")
    constant = reader.text(item, "activity")
    return Setting("activity", Pick(constant=constant, required=True), _declared(reader, item.line, "activity", choice))


def _choice(reader: Reader, item: Item) -> ClassChoice:
    if not isinstance(item.value, dict):
        return ClassChoice(_class(reader, item))
    fields = reader.fields(item, CHOICE, "class")
    path = reader.path(reader.need(item, fields, "path", "class"), "class")
    table = reader.need(item, fields, "map", "class")
    if not isinstance(table.value, dict) or not table.value:
        raise reader.stop(table.line, f"map must translate texts to classes, found {table.kind}")
    mapping = {text: _class(reader, name) for text, name in table.value.items()}
    return ClassChoice(_class(reader, fields["default"]) if "default" in fields else None, path, mapping)


def _class(reader: Reader, item: Item) -> str:
    name = reader.text(item, "class")
    if name not in reader.schema.classes:
        raise reader.stop(item.line, f"the ontology has no class {name!r}{nearest(name, reader.schema.classes)}")
    return name


def _declared(reader: Reader, line: int, name: str, choice: ClassChoice) -> Mapping[str, Property]:
    """The property as each class declares it; empty, and noted, where one does not."""
    found = {}
    for cls in choice.classes:
        properties = reader.schema.of(cls).properties
        if name not in properties:
            hint = nearest(name, properties) or "; write it under `attributes` to keep it as data"
            reader.fault(line, f"{cls} has no property {name!r}{hint}")
            return {}
        found[cls] = properties[name]
    return found


def _values(
    reader: Reader, fields: Mapping[str, Item], choice: ClassChoice, form: TimeFormat
) -> tuple[tuple[Setting, ...], tuple[tuple[str, Pick], ...], Path | None]:
    settings: list[Setting] = []
    attributes: list[tuple[str, Pick]] = []
    spread = None
    for name, item in _mapping(reader, fields.get("set"), "set"):
        with reader.going_on():
            settings += _setting(reader, name, item.key_line, item, choice, form)
    for name, item in _mapping(reader, fields.get("attributes"), "attributes"):
        with reader.going_on():
            if name == "*":
                spread = reader.path(item, "attributes")
            else:
                attributes.append((name, _attribute(reader, item)))
    return tuple(settings), tuple(attributes), spread


def _mapping(reader: Reader, item: Item | None, what: str) -> list[tuple[str, Item]]:
    if item is None:
        return []
    if not isinstance(item.value, dict):
        raise reader.stop(item.line, f"{what} must be a mapping of names to paths, found {item.kind}")
    return list(item.value.items())


def _attribute(reader: Reader, item: Item) -> Pick:
    if not isinstance(item.value, dict):
        return Pick(reader.paths(item, "an attribute"))
    fields = reader.fields(item, ("path", "value", "authority"), "an attribute")
    authority = reader.whole(fields.get("authority"), "authority")
    if "value" in fields:
        return Pick(constant=_scalar(reader, fields["value"], "value"), authority=authority)
    return Pick(reader.paths(reader.need(item, fields, "path", "an attribute"), "an attribute"), authority=authority)


def _setting(
    reader: Reader, name: str, line: int, item: Item, choice: ClassChoice, form: TimeFormat, required: bool = False
) -> list[Setting]:
    declared = _declared(reader, line, name, choice)
    if not declared:
        return []
    # Classes of one choice share an ancestor's property or have the same checks; what differs is judged class by class.
    property = next(iter(declared.values()))
    if len({(p.datatype, p.unit) for p in declared.values()}) > 1:
        reader.fault(line, f"{name!r} differs in type or unit between {', '.join(declared)}: write an entity for each")
    return [Setting(name, _pick(reader, name, item, property, declared, form, required), declared)]


def _pick(
    reader: Reader,
    name: str,
    item: Item,
    property: Property,
    declared: Mapping[str, Property],
    form: TimeFormat,
    required: bool,
) -> Pick:
    time = form if property.datatype is Datatype.INSTANT else None
    if not isinstance(item.value, dict):
        if isinstance(item.value, bool | int | float):
            raise reader.stop(item.line, f"{name}: {item.text} is a constant: write {{value: {item.text}}}")
        return Pick(reader.paths(item, name), time=time, required=required)
    fields = reader.fields(item, PICK, name)
    if ("value" in fields) == ("path" in fields):
        raise reader.stop(item.line, f"{name} needs either a path or a value")
    if "value" in fields:
        for extra in sorted(set(fields) - {"value", "authority"}):
            reader.fault(fields[extra].key_line, f"{name}: {extra!r} has no meaning beside a constant value")
        authority = reader.whole(fields.get("authority"), "authority")
        return Pick(constant=_constant(reader, fields["value"], name, declared), required=required, authority=authority)
    if time is not None and ("format" in fields or "zone" in fields):
        time = reader.time_format(fields, form)
    for extra in ("format", "zone"):
        if time is None and extra in fields:
            reader.fault(fields[extra].key_line, f"{name}: {extra!r} is for times, and {name} is {describe(property)}")
    return Pick(
        reader.paths(fields["path"], name),
        None,
        _map(reader, fields.get("map"), name, declared),
        _constant(reader, fields["default"], name, declared) if "default" in fields else None,
        _conversion(reader, name, fields, property),
        time,
        reader.flag(fields.get("parse"), "parse"),
        reader.flag(fields.get("optional"), "optional"),
        required or reader.flag(fields.get("required"), "required"),
        reader.whole(fields.get("authority"), "authority"),
    )


def _map(reader: Reader, item: Item | None, name: str, declared: Mapping[str, Property]) -> Mapping[str, Scalar] | None:
    if item is None:
        return None
    return {text: _constant(reader, value, name, declared) for text, value in _mapping(reader, item, "map")}


def _scalar(reader: Reader, item: Item, what: str) -> Scalar:
    if isinstance(item.value, dict | list) or item.value is None:
        raise reader.stop(item.line, f"{what} must be a text, a number, true or false, found {item.kind}")
    return item.value


def _constant(reader: Reader, item: Item, name: str, declared: Mapping[str, Property]) -> Scalar:
    value = _scalar(reader, item, name)
    for cls, property in declared.items():
        # A text that looks like a number is still a text where the property holds texts.
        raw = item.text if property.datatype is Datatype.STRING else value
        good = coerce(property)(raw)
        if isinstance(good, Verdict):
            raise reader.stop(item.line, f"{cls}.{name} cannot be {item.text!r}: it is {describe(property)}")
        value = good
    return value


def _conversion(reader: Reader, name: str, fields: Mapping[str, Item], property: Property) -> Conversion:
    made = IDENTITY
    for extra in ("unit", "scale"):
        if extra in fields and property.datatype not in NUMERIC:
            raise reader.stop(fields[extra].key_line, f"{name}: {extra!r} is for numbers, and {name} is {describe(property)}")
    if "unit" in fields:
        item = fields["unit"]
        if property.unit is None:
            raise reader.stop(item.key_line, f"the ontology gives {name} no unit: remove `unit`, or add eb:unit to {name}")
        try:
            made = conversion(reader.text(item, "unit"), property.unit)
        except BadUnit as error:
            raise reader.stop(item.line, f"{name}: {error}") from None
    if "scale" in fields:
        number = reader.number(fields["scale"], "scale")
        if number == 0:
            raise reader.stop(fields["scale"].line, "scale: 0 would make every value 0")
        factor = Fraction(fields["scale"].text) * Fraction(made.multiply)
        made = Conversion(float(factor.numerator), made.add * factor.denominator, made.divide * factor.denominator)
    whole = made.divide == 1 and made.multiply.is_integer() and made.add.is_integer()
    if property.datatype is Datatype.INTEGER and not whole:
        raise reader.stop(fields["path"].line, f"{name} is a whole number, and this unit or scale makes fractions of it")
    return made


def _links(reader: Reader, item: Item | None, choice: ClassChoice, what: str) -> tuple[Reference, ...]:
    links: list[Reference] = []
    for relation, targets in _mapping(reader, item, what):
        for one in listed(targets):
            with reader.going_on():
                links += _reference(reader, relation, one, choice)
    return tuple(links)


def _reference(reader: Reader, name: str, item: Item, choice: ClassChoice) -> list[Reference]:
    relations: list[Relation] = []
    for cls in choice.classes:
        known = reader.schema.of(cls).relations
        if name not in known:
            raise reader.stop(item.key_line, f"{cls} has no relation {name!r}{nearest(name, known)}")
        relations.append(known[name])
    fields = reader.fields(item, REFERENCE, name)
    target = _choice(reader, reader.need(item, fields, "class", name))
    for relation in relations:
        for cls in target.classes:
            if not reader.schema.is_a(cls, relation.target):
                raise reader.stop(fields["class"].line, f"{name} leads to a {relation.target}, and {cls} is none")
    named = reader.need(item, fields, "key", name)
    # One and the same for all only where that is said: it may be a path without its braces.
    key: Key = reader.key(named, "key", constant=isinstance(named.value, dict))
    qualifier: Template | None = reader.template(fields["qualifier"], "qualifier") if "qualifier" in fields else None
    each = reader.path(fields["each"], "each") if "each" in fields else None
    when, authority = reader.condition(fields.get("when"), "when"), reader.whole(fields.get("authority"), "authority")
    return [Reference(name, target, key, qualifier, each, when, authority)]
