"""Rules: what a message of one system means in the terms of the ontology. `ingest/adapters/README.md` is the integrator's guide.

`read_rules` turns a rules.yaml into the frozen objects below, or raises BadRules with every fault of the file, one a line:
`ingest/adapters/pumps/rules.yaml:7: InfusionPump has no property 'flwo'; did you mean 'flow'?`
Nothing here is data of a message: all names of classes, properties and relations were found in the schema when it was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path as File

from brain.schema import Property, Scalar, Schema
from ingest.clocks import USUAL, Trust
from ingest.paths import Path, Template
from ingest.rules_yaml import BadRules
from ingest.times import TimeFormat
from ingest.units import IDENTITY, Conversion

__all__ = ["BadRules", "Format", "Rules", "read_rules"]


class Kind(StrEnum):
    JSON = "json"
    CLOUDEVENTS = "cloudevents"
    CSV = "csv"
    XML = "xml"
    PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Format:
    """How payloads are decoded. `columns` (CSV) is empty where the first row of each payload names them.

    `namespaces` (XML) maps URIs to prefixes; elements of any other namespace go by their local names. `nulls` are the texts that
    mean null in formats that have none of their own.
    """

    kind: Kind = Kind.JSON
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8"
    namespaces: Mapping[str, str] | None = None
    nulls: frozenset[str] = frozenset()

    @property
    def textual(self) -> bool:
        """Whether every value arrives as text, so that numbers, booleans and nulls are parsed from it."""
        return self.kind in (Kind.CSV, Kind.XML)


@dataclass(frozen=True, slots=True)
class Test:
    """One condition of `when`: the value at `path` is one of `values` (as text), or, with `exists`, is there and not null."""

    path: Path
    values: frozenset[str] | None = None
    exists: bool | None = None
    negate: bool = False


Condition = tuple[Test, ...]
"""All must hold. The empty one always does."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Where one value comes from: the first of `paths` that is there and not null, or `constant`.

    `mapping` translates texts (`default` for any other; without one, any other is flagged as out of range). `conversion` brings
    a number to the property's unit. `time` is how an INSTANT is written. `parse`: numbers and booleans come as text.
    `optional`: null counts as absent rather than as a flaw. `required`: without a good value the record is bad. `authority`: this
    property's own, None for the rule's.
    """

    paths: tuple[Path, ...] = ()
    constant: Scalar | None = None
    mapping: Mapping[str, Scalar] | None = None
    default: Scalar | None = None
    conversion: Conversion = IDENTITY
    time: TimeFormat | None = None
    parse: bool = False
    optional: bool = False
    required: bool = False
    authority: int | None = None


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """The class of an entity: `default` alone, or the one that the text at `path` stands for."""

    default: str | None
    path: Path | None = None
    mapping: Mapping[str, str] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that it can come to."""
        named = set((self.mapping or {}).values()) | ({self.default} if self.default else set())
        return tuple(sorted(named))


@dataclass(frozen=True, slots=True)
class Key:
    """Templates for a key; the first whose paths are all there makes it."""

    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """The other end of a link. Absent key → no link; `each` makes one for every item of a list. `authority` as of a Pick."""

    relation: str
    choice: ClassChoice
    key: Key
    qualifier: Template | None = None
    each: Path | None = None
    when: Condition = ()
    authority: int | None = None


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Which event's word on the entity does not hold. Absent event → none; no `source` is the message's own."""

    event: Template
    source: Template | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """One property and its source. `schema` is the property as each possible class declares it."""

    name: str
    pick: Pick
    declared: Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class Entity:
    """One subject (or one for every item of `each`). `step`: it is an event of the log, not a thing.

    `attributes` are (name, pick); `spread` is a path to an object whose scalar members all become attributes.
    """

    choice: ClassChoice
    key: Key
    settings: tuple[Setting, ...] = ()
    attributes: tuple[tuple[str, Pick], ...] = ()
    spread: Path | None = None
    links: tuple[Reference, ...] = ()
    unlinks: tuple[Reference, ...] = ()
    unset: tuple[str, ...] = ()
    each: Path | None = None
    when: Condition = ()
    step: bool = False
    voids: tuple[TakeBack, ...] = ()


@dataclass(frozen=True, slots=True)
class Gateway:
    """When the gateway had a message from the device (the first of `time` that is there), and how far it corrects the device.

    A message that meets `historical` was stored before it was sent; the empty condition marks none.
    """

    time: tuple[Path, ...]
    form: TimeFormat
    historical: Condition = ()
    trust: Trust = USUAL


@dataclass(frozen=True, slots=True)
class Placing:
    """The chain of an event, within `source` (the message's own where None), and its position there: `constant`, or the first of
    `paths` that is there, through `mapping` if there is one."""

    chain: Key
    source: Template | None
    paths: tuple[Path, ...] = ()
    mapping: Mapping[str, int] | None = None
    constant: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a record that meets `when` says. Its time is the first of `time` that is there. No `event`: a digest."""

    when: Condition
    time: tuple[Path, ...]
    form: TimeFormat
    entities: tuple[Entity, ...]
    event: Template | None = None
    authority: int = 0
    gateway: Gateway | None = None
    placing: Placing | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """One document of rules: one kind of message of one adapter."""

    adapter: str
    file: str
    topics: tuple[str, ...]
    source: Template
    format: Format
    rules: tuple[Rule, ...]
    ignore: tuple[Condition, ...] = ()
    accept: Condition = ()
    records: Path | None = None


def read_rules(file: File, schema: Schema, shown: str | None = None) -> list[Rules]:
    """All documents of a rules file, checked against the schema. BadRules lists every fault with its line and its mend.

    `shown` is the file's name in messages: by default the path as given.
    """
    from ingest.rules_read import read_document
    from ingest.rules_yaml import read_yaml

    name = shown or str(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadRules(f"{name}:1: cannot be read: {error.strerror}") from None
    documents = read_yaml(name, data)
    if not documents:
        raise BadRules(f"{name}:1: no rules in it; ingest/adapters/README.md shows how to write them")
    faults: list[str] = []
    rules = [read_document(name, document, schema, faults) for document in documents]
    if faults:
        raise BadRules("\n".join(faults))
    return [one for one in rules if one is not None]
