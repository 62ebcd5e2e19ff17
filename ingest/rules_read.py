"""From YAML to rules: every name is looked up in the schema, and every fault is kept with its line and its mend."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from brain.schema import Schema, nearest
from ingest.paths import Path, Template, parse_path, parse_template
from ingest.rules import Condition, Format, Key, Kind, Rule, Rules, Test
from ingest.rules_yaml import Item, listed
from ingest.times import ISO, TimeFormat, clock

DOCUMENT = ("adapter", "topics", "source", "authority", "format", "records", "accept", "rules", "ignore", "columns",
            "delimiter", "encoding", "namespaces", "nulls")  # fmt: skip
RULE = ("when", "event", "time", "gateway_time", "historical", "clock", "order", "entities", "steps", "authority")
TIME = ("path", "format", "zone")
ONLY_FOR = {"columns": Kind.CSV, "delimiter": Kind.CSV, "namespaces": Kind.XML}


class _Stop(Exception):
    """This part cannot be read further; its fault is noted."""


class Reader:
    """Reads parts of one file and notes their faults."""

    def __init__(self, file: str, schema: Schema, faults: list[str]) -> None:
        self.file = file
        self.schema = schema
        self.faults = faults

    def fault(self, line: int, text: str) -> None:
        fault = f"{self.file}:{line}: {text}"
        if fault not in self.faults:
            self.faults.append(fault)

    def stop(self, line: int, text: str) -> _Stop:
        self.fault(line, text)
        return _Stop()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Noted faults in here do not keep the rest from being read."""
        with suppress(_Stop):
            yield

    def fields(self, item: Item, known: Iterable[str], what: str) -> dict[str, Item]:
        """The members of a mapping, those with unknown names noted and left out."""
        if not isinstance(item.value, dict):
            raise self.stop(item.line, f"{what} must be a mapping, found {item.kind}")
        names = dict.fromkeys(known)
        for name, member in item.value.items():
            if name not in names:
                hint = nearest(name, names) or f"; known are {', '.join(names)}"
                self.fault(member.key_line, f"{what} has no key {name!r}{hint}")
        return {name: member for name, member in item.value.items() if name in names}

    def text(self, item: Item, what: str) -> str:
        """A scalar as it was written; so that `event: 7` is as good as `event: "7"`."""
        if isinstance(item.value, dict | list) or item.value is None or item.text == "":
            raise self.stop(item.line, f"{what} must be a text, found {item.kind}")
        return item.text

    def flag(self, item: Item | None, what: str) -> bool:
        if item is None:
            return False
        if not isinstance(item.value, bool):
            raise self.stop(item.line, f"{what} must be true or false, found {item.kind}")
        return item.value

    def number(self, item: Item, what: str) -> int | float:
        if isinstance(item.value, bool) or not isinstance(item.value, int | float):
            raise self.stop(item.line, f"{what} must be a number, found {item.kind}")
        return item.value

    def whole(self, item: Item | None, what: str) -> int | None:
        """A whole number; None where there is nothing."""
        if item is None:
            return None
        number = self.number(item, what)
        if not isinstance(number, int):
            raise self.stop(item.line, f"{what} must be a whole number, found {item.kind}")
        return number

    def path(self, item: Item, what: str) -> Path:
        try:
            return parse_path(self.text(item, what))
        except ValueError as error:
            raise self.stop(item.line, f"{what}: {error}") from None

    def paths(self, item: Item, what: str) -> tuple[Path, ...]:
        """A path, or a list of them of which the first that is there counts."""
        return tuple(self.path(one, what) for one in self.several(item, what))

    def several(self, item: Item, what: str) -> list[Item]:
        items = listed(item)
        if not items:
            raise self.stop(item.line, f"{what} is an empty list")
        return items

    def template(self, item: Item, what: str) -> Template:
        """Text with `{paths}`, or `{path: …}`."""
        if isinstance(item.value, dict):
            path = self.path(self.need(item, self.fields(item, ("path",), what), "path", what), what)
            return Template((path,), path.text)
        try:
            return parse_template(self.text(item, what))
        except ValueError as error:
            raise self.stop(item.line, f"{what}: {error}") from None

    def key(self, item: Item, what: str, constant: bool = False) -> Key:
        """`constant`: it may be the same for all: a text without paths, said as it is or as {value: text}."""
        if constant and isinstance(item.value, dict) and "value" in item.value:
            item = self.fields(item, ("value",), what)["value"]
        templates = []
        for one in self.several(item, what):
            if isinstance(one.value, dict) and "path" in one.value and isinstance(one.value["path"].value, list):
                paths = self.paths(self.fields(one, ("path",), what)["path"], what)
                templates += [Template((path,), path.text) for path in paths]
                continue
            template = self.template(one, what)
            if not template.paths and not constant:
                text = template.text
                raise self.stop(one.line, f"{what} {text!r} is the same for all: write {{path: {text}}} or '{{{text}}}'")
            templates.append(template)
        return Key(tuple(templates))

    def need(self, item: Item, fields: Mapping[str, Item], name: str, what: str) -> Item:
        if name not in fields:
            raise self.stop(item.key_line, f"{what} needs {name!r}")
        return fields[name]

    def condition(self, item: Item | None, what: str) -> Condition:
        if item is None:
            return ()
        if not isinstance(item.value, dict):
            raise self.stop(item.line, f"{what} must be a mapping of paths to values, found {item.kind}")
        return tuple(test for path, value in item.value.items() for test in self._tests(path, value, what))

    def _tests(self, text: str, item: Item, what: str) -> list[Test]:
        try:
            path = parse_path(text)
        except ValueError as error:
            raise self.stop(item.key_line, f"{what}: {error}") from None
        if not isinstance(item.value, dict):
            return [Test(path, self._values(item, what))]
        tests = []
        for name, value in self.fields(item, ("exists", "not"), what).items():
            if name == "exists":
                tests.append(Test(path, exists=self.flag(value, f"{what}: exists")))
            else:
                tests.append(Test(path, self._values(value, what), negate=True))
        return tests

    def _values(self, item: Item, what: str) -> frozenset[str]:
        values = self.several(item, what)
        if any(isinstance(v.value, bool) for v in values):
            return frozenset(v.text.lower() for v in values)
        return frozenset(self.text(v, what) for v in values)

    def time_format(self, fields: Mapping[str, Item], fallback: TimeFormat) -> TimeFormat:
        """`format` and `zone` of a mapping. A format of its own does not inherit the fallback's zone only if it names one."""
        pattern = self.text(fields["format"], "format") if "format" in fields else fallback.pattern
        zone = self.text(fields["zone"], "zone") if "zone" in fields else fallback.zone
        form = TimeFormat(pattern, zone)
        try:
            clock(form)
        except ValueError as error:
            raise self.stop((fields.get("format") or fields["zone"]).line, str(error)) from None
        return form

    def time(self, item: Item, what: str, fallback: TimeFormat) -> tuple[tuple[Path, ...], TimeFormat]:
        """Where a time is, and how it is written: as `fallback`, unless it says otherwise."""
        if not isinstance(item.value, dict):
            return self.paths(item, what), fallback
        fields = self.fields(item, TIME, what)
        return self.paths(self.need(item, fields, "path", what), what), self.time_format(fields, fallback)


def read_document(file: str, item: Item, schema: Schema, faults: list[str]) -> Rules | None:
    """One document. Faults are appended; None where there were too many to go on."""
    reader = Reader(file, schema, faults)
    try:
        return _document(reader, item)
    except _Stop:
        return None


def _document(reader: Reader, item: Item) -> Rules:
    fields = reader.fields(item, DOCUMENT, "the document")
    name, records, source, form = "", None, Template((), ""), Format()
    topics: tuple[str, ...] = ()
    ignore: tuple[Condition, ...] = ()
    accept: Condition = ()
    with reader.going_on():
        name = reader.text(reader.need(item, fields, "adapter", "the document"), "adapter")
    with reader.going_on():
        topics = _topics(reader, reader.need(item, fields, "topics", "the document"))
    with reader.going_on():
        form = _format(reader, fields)
    with reader.going_on():
        records = reader.path(fields["records"], "records") if "records" in fields else None
    with reader.going_on():
        accept = reader.condition(fields.get("accept"), "accept")
        ignore = tuple(reader.condition(i, "ignore") for i in listed(fields["ignore"])) if "ignore" in fields else ()
    cloudevents = form.kind is Kind.CLOUDEVENTS
    with reader.going_on():
        if "source" in fields:
            source = reader.template(fields["source"], "source")
        else:
            source = Template((parse_path("$.source"),), "$.source") if cloudevents else Template((name,), name)
    rules = []
    with reader.going_on():
        for each in reader.several(reader.need(item, fields, "rules", "the document"), "rules"):
            with reader.going_on():
                rules.append(_rule(reader, each, fields, cloudevents))
    return Rules(name, reader.file, topics, source, form, tuple(rules), ignore, accept, records)


def _topics(reader: Reader, item: Item) -> tuple[str, ...]:
    topics = []
    for one in reader.several(item, "topics"):
        topic = reader.text(one, "a topic")
        levels = topic.split("/")
        if "#" in "/".join(levels[:-1]) or any(c in level and len(level) > 1 for c in "+#" for level in levels):
            reader.fault(one.line, f"{topic!r} is no topic filter: + stands for one whole level, # for all the last ones")
        topics.append(topic)
    return tuple(topics)


def _format(reader: Reader, fields: Mapping[str, Item]) -> Format:
    text = reader.text(fields["format"], "format") if "format" in fields else "json"
    if text not in list(Kind):
        hint = nearest(text, dict.fromkeys(str(kind) for kind in Kind))
        raise reader.stop(fields["format"].line, f"there is no format {text!r}{hint}; use one of {', '.join(Kind)}")
    kind = Kind(text)
    for name, only in ONLY_FOR.items():
        if name in fields and kind is not only:
            reader.fault(fields[name].key_line, f"{name!r} is for format: {only}, and this is {kind}")
    columns = tuple(reader.text(c, "a column") for c in listed(fields["columns"])) if "columns" in fields else ()
    if len(set(columns)) < len(columns):
        reader.fault(fields["columns"].line, "a column is named twice: give each its own name")
    delimiter = reader.text(fields["delimiter"], "delimiter") if "delimiter" in fields else ","
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if len(delimiter) != 1:
        reader.fault(fields["delimiter"].line, "a delimiter is one character; a tabulator is written \\t")
    encoding = reader.text(fields["encoding"], "encoding") if "encoding" in fields else "utf-8"
    try:
        b"".decode(encoding)
    except LookupError:
        reader.fault(fields["encoding"].line, f"there is no encoding {encoding!r}: use utf-8, latin-1, cp1252, …")
    nulls = frozenset({""}) if kind in (Kind.CSV, Kind.XML) else frozenset()
    if "nulls" in fields:
        nulls = frozenset(one.text for one in listed(fields["nulls"]))
    return Format(kind, columns, delimiter, encoding, _namespaces(reader, fields.get("namespaces")), nulls)


def _namespaces(reader: Reader, item: Item | None) -> Mapping[str, str] | None:
    if item is None:
        return None
    if not isinstance(item.value, dict):
        raise reader.stop(item.line, f"namespaces must map prefixes to URIs, found {item.kind}")
    return {reader.text(uri, "a namespace"): prefix for prefix, uri in item.value.items()}


def _rule(reader: Reader, item: Item, document: Mapping[str, Item], cloudevents: bool) -> Rule:
    from ingest.rules_clock import read_gateway
    from ingest.rules_entity import read_entity, read_step
    from ingest.rules_order import read_order

    fields = reader.fields(item, RULE, "a rule")
    when: Condition = ()
    event = Template((parse_path("$.id"),), "$.id") if cloudevents else None
    time: tuple[Path, ...] = (parse_path("$.time"),) if cloudevents else ()
    form, authority, entities = TimeFormat(ISO), 0, []
    gateway, placing = None, None
    with reader.going_on():
        when = reader.condition(fields.get("when"), "when")
    with reader.going_on():
        event = reader.template(fields["event"], "event") if "event" in fields else event
        if event is not None and not event.paths:
            reader.fault(fields["event"].line, "event is the same for all messages: put a {path} in it, or leave it out")
    with reader.going_on():
        if "time" in fields or not cloudevents:
            time, form = reader.time(reader.need(item, fields, "time", "a rule"), "time", TimeFormat())
    with reader.going_on():
        authority = reader.whole(fields.get("authority") or document.get("authority"), "authority") or 0
    with reader.going_on():
        gateway = read_gateway(reader, fields, form, time)
    with reader.going_on():
        placing = read_order(reader, fields.get("order"))
    if "entities" not in fields and "steps" not in fields:
        reader.fault(item.line, "a rule without entities and steps says nothing: add one, or put its `when` under ignore")
    for name, read in (("entities", read_entity), ("steps", read_step)):
        for each in listed(fields[name]) if name in fields else ():
            with reader.going_on():
                entities.append(read(reader, each, form))
    return Rule(when, time, form, tuple(entities), event, authority, gateway, placing)
