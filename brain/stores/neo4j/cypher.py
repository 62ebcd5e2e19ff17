"""Names and statements. Every label, type and property name comes from the schema, quoted; every value is a parameter."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from brain.errors import BadQuery
from brain.schema import ROOT, Datatype, Relation, Schema

FORMAT = 3
"""What `(:Brain).format` says in databases that this code writes. It reads 1 too, which has no voids and no spans, and 2, which
has no chains and no blocks of versions. A program that knows but those would take what is new for values, or not see it, and so
must not read 3."""

VERSION, BLOCK, QUALITY, MARK, LETTER, BRAIN, OF = "Version", "Versions", "Quality", "Mark", "DeadLetter", "Brain", "OF"
OWN_LABELS = frozenset({VERSION, BLOCK, QUALITY, MARK, LETTER, BRAIN})
FORMERLY = "FORMERLY_"

CLAIMED = ("_valid", "_authority", "_event", "_source")
STAMP = ("_valid", "_logical", "_authority", "_event", "_source")
"""A logical time is null where it is 0, which it is but for what stands in a chain."""
UNLINKED = ("_unlinkedValid", "_unlinkedLogical", "_unlinkedAuthority", "_unlinkedEvent", "_unlinkedSource")
APART = ("_names", "_valids", "_authorities", "_events", "_sources")
"""Registers whose stamp is not the class's: their names and, in parallel lists, their stamps."""
LOGICALS = "_logicals"
"""Their logical times, where not all are 0."""
ATTRIBUTES = ("attributeNames", "attributeValues")
LINKS = ("linkRelations", "linkTargets", "linkQualifiers", "linkHolds")
VOIDS = ("voidEvents", "voidSources")
SPANS = ("_spanNames", "_spanStarts", "_spanEvents", "_spanSources", "_spanEnds")
ORDER = ("_chain", "_position")
TIPS = ("_tipChains", "_tipNames", "_tipValues", "_tipPositions", "_tipAuthorities", "_tipEvents", "_tipSources", "_tipGreatest",
        "_tipLeast")  # fmt: skip
"""Of a node of which chains tell: each `brain.chains.Word`, its value as in `attributeValues`, and its tip."""
VOIDED = "_voided"
"""On a node of which some version was taken back."""

NODE_FIXED = ("id", "_class", *STAMP)
SAID_FIXED = ("_digest", "_received", "_recorded", "_ontology")
VERSION_FIXED = ("_of", "_class", *CLAIMED, *SAID_FIXED)
EACH = ("_valids", "_events", "_receiveds")
"""What each version of a block has for itself, beside its values and targets."""
BLOCK_FIXED = ("_of", "_class", "_authority", "_source", "_recorded", "_ontology", "_count", "_valid", "_last", *EACH)
"""`_valid` and `_last` are the first and the last of `_valids`."""
OWN_NAMES = frozenset(
    (*NODE_FIXED, *VERSION_FIXED, *BLOCK_FIXED, *APART, *ATTRIBUTES, *LINKS, *VOIDS, *SPANS, *TIPS, VOIDED, "retracted")
)


def quoted(name: str) -> str:
    """A name as Cypher takes it, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def instant(at: int) -> tuple[int, int]:
    """µs since the epoch as the (seconds, nanoseconds) that `datetime.fromEpoch` takes."""
    seconds, micros = divmod(at, 1_000_000)
    return seconds, micros * 1000


def row_of(properties: str) -> str:
    """The expression that turns a map of properties into `[names, values]`, instants as µs.

    The driver takes 45 µs to make an object of a datetime, and none of an integer. `epochSeconds` rounds towards zero before
    1970, `epochMillis` does not.
    """
    value = "x[k].epochMillis * 1000 + x[k].microsecond % 1000"
    return (
        f"[x IN [{properties}] | [keys(x), [k IN keys(x) |"
        f" CASE WHEN x[k] IS :: ZONED DATETIME NOT NULL THEN {value} ELSE x[k] END]]][0]"
    )


def rows_of(nodes: str) -> str:
    """The same of a list of nodes."""
    return f"[n IN {nodes} | {row_of('properties(n)')}]"


def columns(fixed: Sequence[str], names: Sequence[str], instants: frozenset[str]) -> dict[str, str]:
    """The expression for each name, from the slots of a row `r` in this order; an instant has two slots."""
    found, slot = {}, 0
    for name in (*fixed, *names):
        held = f"r[{slot}]"
        slot += 1
        if name in instants:
            held = f"CASE WHEN {held} IS NULL THEN null ELSE datetime.fromEpoch({held}, r[{slot}]) END"
            slot += 1
        found[name] = held
    return found


def literal(columns: Mapping[str, str]) -> str:
    """The map of those columns. Half the time of a map parameter a row: neither the driver nor the server handles each name
    again for each row."""
    return "{" + ", ".join(f"{quoted(name)}: {held}" for name, held in columns.items()) + "}"


@dataclass
class Names:
    """What the schema and the database call things: labels of classes, types of relations, and which properties are instants."""

    schema: Schema

    def __post_init__(self) -> None:
        self._clashes()
        self.relation_of = {r.label: r.name for r in self.schema.relations.values()}
        properties = [p for cls in self.schema.classes.values() for p in cls.properties.values()]
        self.instants = frozenset(p.name for p in properties if p.datatype is Datatype.INSTANT)
        for p in properties:
            if p.name in self.instants and p.datatype is not Datatype.INSTANT:
                raise BadQuery(f"{p.name} is an instant in one class and a {p.datatype} in another; rename one")

    def _clashes(self) -> None:
        """Raises BadQuery for an ontology whose names cannot be told from each other, or from the store's own."""
        for cls in self.schema.classes.values():
            if cls.name in OWN_LABELS:
                raise BadQuery(f"the class {cls.name} has the name of a label that the Neo4j store needs; rename it")
            for name in cls.properties:
                if name in OWN_NAMES or name.startswith("_"):
                    raise BadQuery(f"{cls.name}.{name} has the name of a property that the Neo4j store needs; rename it")
        seen: dict[str, str] = {OF: "of (the store's own)"}
        for relation in self.schema.relations.values():
            for label in (relation.label, FORMERLY + relation.label):
                if seen.setdefault(label, relation.name) != relation.name:
                    raise BadQuery(f"the relations {seen[label]} and {relation.name} are both {label} in Neo4j; rename one")

    def also(self, types: Iterable[str]) -> None:
        """Take in relationship types that the database holds from an earlier ontology, so that their edges are still found."""
        for label in types:
            if label != OF and not label.startswith(FORMERLY) and label not in self.relation_of:
                head, *rest = label.lower().split("_")
                self.relation_of[label] = head + "".join(part.capitalize() for part in rest)

    def label_of(self, relation: str) -> str:
        """The type of a relation, even of one that only an earlier ontology had: its edges are among what is made anew."""
        return (self.schema.relations.get(relation) or Relation(relation, "", ROOT, ROOT)).label

    def labels(self, cls: str) -> str:
        """`:Entity:Asset:InfusionPump`."""
        return "".join(f":{quoted(label)}" for label in self.label_names(cls))

    def label_names(self, cls: str) -> tuple[str, ...]:
        known = self.schema.classes.get(cls)
        return known.labels if known else (ROOT,)

    def holding(self, relations: Sequence[str] = ()) -> str:
        """`:OBJECT|PERFORMED_BY`: the types of some relations (empty: of all) where they hold.

        Where none of them is known, a type that joins no two nodes of the model."""
        wanted = set(relations)
        types = sorted(t for t, name in self.relation_of.items() if not wanted or name in wanted)
        return ":" + "|".join(map(quoted, types or [OF]))

    def ever(self, relations: Sequence[str] = ()) -> str:
        """The same with the types of edges that do not hold any more."""
        wanted = set(relations)
        types = sorted(t for t, name in self.relation_of.items() if not wanted or name in wanted)
        return ":" + "|".join(quoted(form) for t in types or [OF] for form in (t, FORMERLY + t))


def schema_cypher(schema: Schema) -> list[str]:
    """Constraints and indexes, each only if it is not there yet. A property is indexed at the most general class that has it."""
    statements = [
        _unique("entity_id", ROOT, "id"),
        _unique("quality_key", QUALITY, "_key"),
        _unique("mark_key", MARK, "topic", "partition"),
        _unique("letter_id", LETTER, "id"),
        _unique("brain_key", BRAIN, "key"),
        f"CREATE INDEX version_of IF NOT EXISTS FOR (n:{VERSION}) ON (n._of, n._valid)",
        f"CREATE INDEX versions_of IF NOT EXISTS FOR (n:{BLOCK}) ON (n._of, n._last)",
    ]
    for cls, name in sorted(indexed(schema)):
        index = quoted(f"{cls}_{name}")
        statements.append(f"CREATE INDEX {index} IF NOT EXISTS FOR (n:{quoted(cls)}) ON (n.{quoted(name)})")
    return statements


def indexed(schema: Schema) -> set[tuple[str, str]]:
    """(class, property) for each indexed property, at the most general class that declares it indexed."""
    found = set()
    for cls in schema.classes.values():
        for p in cls.properties.values():
            if p.indexed:
                having = (c for c in cls.labels if c in schema.classes and p.name in schema.classes[c].properties)
                found.add((next(c for c in having if schema.classes[c].properties[p.name].indexed), p.name))
    return found


def _unique(name: str, label: str, *properties: str) -> str:
    columns = ", ".join(f"n.{p}" for p in properties)
    return f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{quoted(label)}) REQUIRE ({columns}) IS UNIQUE"


def edge_map(unlinked: bool, qualified: str) -> str:
    """The properties of a relationship, from the row `r`: the stamp of the link in slots 1 to 5; of the unlink in 6 to 10."""
    slots = {"qualifier": qualified} | {name: f"r[{i}]" for i, name in enumerate(STAMP, 1)}
    if unlinked:
        slots |= {name: f"r[{i}]" for i, name in enumerate(UNLINKED, 6)}
    return "{" + ", ".join(f"{name}: {slot}" for name, slot in slots.items()) + "}"


def relabelling(now: Sequence[str], old: Iterable[str]) -> str:
    """The clauses that give `n` the labels of now, and take away those of the old ones that it must not keep."""
    gone = [label for label in old if label not in now]
    clause = "SET n" + "".join(f":{quoted(label)}" for label in now)
    return clause + (" REMOVE n" + "".join(f":{quoted(label)}" for label in gone) if gone else "")
