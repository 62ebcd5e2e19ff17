"""Tables, indexes and the SQL of `find`. Times are integers, µs; JSON texts are canonical (brain.join.canonical)."""

from collections.abc import Collection

from brain.errors import BadQuery
from brain.past import within_64_bits
from brain.query import Condition, Find, Op
from brain.schema import Schema, nearest

FORMAT = 4
"""`PRAGMA user_version` of the files that this code reads and writes."""

VOIDING = "instr(body, '\"v\":[[') > 0"
"""The versions that take others back: quotes inside a text are escaped, and no value is a list. `version_voids` is over these."""

CHAINED = "instr(body, '\"o\":[') > 0"
"""The versions that stand in a chain; likewise."""

TABLES = """
CREATE TABLE IF NOT EXISTS node (
    id TEXT PRIMARY KEY, class TEXT NOT NULL, properties TEXT NOT NULL, attributes TEXT NOT NULL, stamps TEXT NOT NULL,
    voided INTEGER NOT NULL DEFAULT 0, spans TEXT NOT NULL DEFAULT '{}', tips TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS node_class ON node (class, id);
CREATE TABLE IF NOT EXISTS aside (class TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (class, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edge (
    source TEXT NOT NULL, relation TEXT NOT NULL, target TEXT NOT NULL, qualifier TEXT NOT NULL,
    linked TEXT, unlinked TEXT, holds INTEGER NOT NULL,
    PRIMARY KEY (source, relation, target, qualifier)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS edge_in ON edge (target, relation, source, qualifier);
CREATE TABLE IF NOT EXISTS version (
    subject TEXT NOT NULL, valid INTEGER NOT NULL, authority INTEGER NOT NULL, event TEXT NOT NULL, source TEXT NOT NULL,
    digest BLOB NOT NULL, received INTEGER NOT NULL, recorded INTEGER NOT NULL, body TEXT NOT NULL,
    ontology TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (subject, valid, authority, event, source, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS version_voids ON version (subject) WHERE instr(body, '"v":[[') > 0;
CREATE TABLE IF NOT EXISTS quality (
    subject TEXT NOT NULL, property TEXT NOT NULL, verdict TEXT NOT NULL, at INTEGER, detail TEXT NOT NULL,
    event TEXT NOT NULL, source TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS quality_key ON quality (subject, event, source, property, verdict, detail, coalesce(at, ''));
CREATE TABLE IF NOT EXISTS mark (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letter (
    id TEXT PRIMARY KEY, adapter TEXT NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL,
    received INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notices (position INTEGER PRIMARY KEY, told BLOB NOT NULL);
"""

UPGRADES = {
    1: ["""
INSERT OR IGNORE INTO aside SELECT DISTINCT json_extract(v.body, '$.c') AS said, v.subject FROM version v
JOIN node n ON n.id = v.subject WHERE said <> n.class AND said <> 'Entity'"""],
    2: [
        "ALTER TABLE node ADD COLUMN voided INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE node ADD COLUMN spans TEXT NOT NULL DEFAULT '{}'",
        "ALTER TABLE version ADD COLUMN ontology TEXT NOT NULL DEFAULT ''",
    ],
    3: ["ALTER TABLE node ADD COLUMN tips TEXT NOT NULL DEFAULT '[]'"],
}  # fmt: skip
"""What makes a file of each older format one of the next. `aside`, new in 2, has every class that a version says of a node and
that is not the node's own now: the past is looked for there too. 3 knows what was taken back, and under which ontology. 4 knows
chains, and has columns of indexed properties, made by `nodes.add_columns`: a program that does not fill them must not write into
the file."""


SAME_INDEX = "CREATE INDEX IF NOT EXISTS edge_same ON edge (source, target) WHERE relation = 'sameAs'"
"""Merges are few, and looked up again and again."""


def indexed(schema: Schema) -> list[str]:
    """The properties that have a column and an index. Names are the schema's, checked to be identifiers."""
    names = sorted({p.name for cls in schema.classes.values() for p in cls.properties.values() if p.indexed})
    # SQLite does not tell columns apart by case: of two such names the first has the column.
    return sorted({name.lower(): name for name in reversed(names)}.values())


def column_of(name: str) -> str:
    """The column of an indexed property, as SQL. It repeats what `properties` says: an index on `json_extract(properties, …)`
    would be written anew with every change of any property."""
    return f'"p_{name}"'


def column_sql(name: str) -> list[str]:
    """What gives a table of nodes the column, and its index instead of that on an expression which files up to format 3 have."""
    column, value = column_of(name), f"json_extract(properties, '$.{name}')"
    return [
        f"DROP INDEX IF EXISTS node_{name}",
        f"ALTER TABLE node ADD COLUMN {column}",
        f"UPDATE node SET {column} = {value} WHERE {value} IS NOT NULL",
        f"CREATE INDEX node_{name} ON node ({column}, id) WHERE {column} IS NOT NULL",
    ]


def where_sql(schema: Schema, query: Find) -> tuple[str, list[object]]:
    """The WHERE clause of a query without its paging, and its parameters. BadQuery for an unknown class or property."""
    cls = schema.of(query.cls)
    classes = schema.descendants[cls.name]
    known = {name: p for below in classes for name, p in schema.classes[below].properties.items()}
    columns = indexed(schema)
    clauses, values = [f"class IN ({','.join('?' * len(classes))})"], list[object](classes)
    for condition in query.where:
        if condition.property != "id" and condition.property not in known:
            raise BadQuery(f"{cls.name} has no property {condition.property!r}{nearest(condition.property, known)}")
        clause, parameters = condition_sql(condition, columns)
        clauses.append(clause)
        values.extend(parameters)
    return " AND ".join(clauses), values


_COMPARE = {Op.EQ: "=", Op.NE: "<>", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}


def condition_sql(condition: Condition, columns: Collection[str] = ()) -> tuple[str, list[object]]:
    """A condition on a property, or on the id, of a row of `node`, and its parameters. `columns` are the properties that have a
    column of their own. BadQuery where it makes no sense."""
    name = condition.property
    column = "id" if name == "id" else column_of(name) if name in columns else f"json_extract(properties, '$.{name}')"
    value = condition.value
    for one in value if isinstance(value, tuple) else (value,):
        within_64_bits(one)
    if isinstance(value, tuple):
        if condition.op is not Op.IN:
            raise BadQuery(f"{condition.op} compares with one value, not with a list; use {Op.IN}")
        return f"{column} IN ({','.join('?' * len(value))})", list(value)
    if condition.op is Op.IN:
        raise BadQuery(f"{Op.IN} needs a list of values")
    if condition.op is Op.CONTAINS or condition.op is Op.STARTS_WITH:
        if not isinstance(value, str):
            return "0", []
        found = f"instr({column}, ?) > 0" if condition.op is Op.CONTAINS else f"substr({column}, 1, {len(value)}) = ?"
        return f"(typeof({column}) = 'text' AND {found})", [value]
    # SQLite orders numbers before texts; ours compares like with like alone.
    types = "('text')" if isinstance(value, str) else "('integer', 'real')"
    return f"({column} {_COMPARE[condition.op]} ? AND typeof({column}) IN {types})", [value]
