"""`find` as Cypher. `brain.past.matches` is the meaning; what Cypher means otherwise is mended here.

Cypher holds every text to differ from every number, so `<>` asks for the type too. It does not take true for 1, so a boolean is
compared as the number that it is. It puts -0.0 below 0. And its `<` on texts goes by UTF-16 code units, while ours (and its own
ORDER BY) go by code points: they disagree where one text has a character beyond U+FFFF and the other one from U+E000 on. Where
a bound holds either, Cypher is asked for a little more than was meant, and `matches` takes the rest away.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from brain.errors import BadQuery
from brain.past import within_64_bits
from brain.query import Condition, Find, Op
from brain.schema import Datatype, Property, Scalar, Schema, nearest
from brain.stores.neo4j.cypher import indexed, instant, quoted

_SIGNS = {Op.EQ: "=", Op.NE: "<>", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}
_NEVER = "false"
ASTRAL_MATTERS = "\ue000"

ZEROS = (-0.0, 0.0)
_ZERO = {
    Op.EQ: "({0} >= {1}[1] AND {0} <= {1}[2])",
    Op.NE: "({0} < {1}[1] OR {0} > {1}[2])",
    Op.LT: "{0} < {1}[1]",
    Op.LE: "{0} <= {1}[2]",
    Op.GT: "{0} > {1}[2]",
    Op.GE: "{0} >= {1}[1]",
}
"""Comparisons with zero, of which there are two in a row: `$p` is [anything, -0.0, 0.0]."""

MICROS = "({0}.epochMillis * 1000 + {0}.microsecond % 1000)"


class Where(NamedTuple):
    """The pattern and the conditions of a MATCH of `n`, with parameters. Unless `exact`, what it finds must be judged again."""

    match: str
    parameters: dict[str, Any]
    exact: bool


def conditions(query: Find, paged: bool) -> tuple[Condition, ...]:
    """All that the nodes must meet, the bounds of paging among them."""
    bounds = ((query.after, Op.GT), (query.before, Op.LT)) if paged else ()
    return (*query.where, *(Condition("id", op, bound) for bound, op in bounds if bound is not None))


def where_cypher(schema: Schema, query: Find, paged: bool) -> Where:
    """BadQuery for an unknown class or property, or a condition that makes no sense."""
    cls = schema.of(query.cls)
    known = {name: p for below in schema.descendants[cls.name] for name, p in schema.classes[below].properties.items()}
    labels, clauses, exact = {"Entity", cls.name}, list[str](), True
    parameters: dict[str, Any] = {}
    by_index = {name: label for label, name in indexed(schema) if label in cls.labels}
    for i, condition in enumerate(conditions(query, paged)):
        name = condition.property
        if name != "id" and name not in known:
            raise BadQuery(f"{cls.name} has no property {name!r}{nearest(name, known)}")
        if name in by_index:
            labels.add(by_index[name])
        clause, parameters[f"p{i}"], sure = _clause(condition, known.get(name), f"$p{i}")
        clauses.append(clause)
        exact = exact and sure
    pattern = "".join(f":{quoted(label)}" for label in sorted(labels))
    return Where(f"MATCH (n{pattern})" + (f" WHERE {' AND '.join(clauses)}" if clauses else ""), parameters, exact)


def _clause(condition: Condition, declared: Property | None, p: str) -> tuple[str, Any, bool]:
    """(Cypher, the value of parameter `p`, whether it is exact)."""
    value, op = condition.value, condition.op
    for one in value if isinstance(value, tuple) else (value,):
        within_64_bits(one)
    held = f"n.{quoted(condition.property)}"
    kind = declared.datatype if declared else Datatype.STRING
    if isinstance(value, tuple):
        if op is not Op.IN:
            raise BadQuery(f"{op} compares with one value, not with a list; use {Op.IN}")
        return (*_among(value, held, kind, p), True)
    if op is Op.IN:
        raise BadQuery(f"{Op.IN} needs a list of values")
    if op is Op.CONTAINS or op is Op.STARTS_WITH:
        word = "CONTAINS" if op is Op.CONTAINS else "STARTS WITH"
        return (f"{held} {word} {p}", value, True) if isinstance(value, str) else (_NEVER, None, True)
    if isinstance(value, str):
        return _text(op, held, value, p)
    return (*_number(op, held, value, kind, p), True)


def _among(values: Sequence[Scalar], held: str, kind: Datatype, p: str) -> tuple[str, Any]:
    numbers = [int(v) if isinstance(v, bool) else v for v in values if not isinstance(v, str)]
    if kind is Datatype.INSTANT:
        whole = [instant(int(v)) for v in numbers if -(2**63) <= v < 2**63 and v == int(v)]
        return f"{held} IN [x IN {p} | datetime.fromEpoch(x[0], x[1])]", whole
    among = f"{_numeric(held, kind)} IN {p}[0]"
    if 0 in numbers:
        among = f"({among} OR {_ZERO[Op.EQ].format(_numeric(held, kind), p)})"
    return among, [[v for v in values if isinstance(v, str)] + [v for v in numbers if v], *ZEROS]


def _text(op: Op, held: str, value: str, p: str) -> tuple[str, Any, bool]:
    if op is Op.EQ:
        return f"{held} = {p}", value, True
    if op is Op.NE:
        return f"({held} <> {p} AND {held} IS :: STRING NOT NULL)", value, True
    sure = next((i for i, c in enumerate(value) if c >= ASTRAL_MATTERS), None)
    if sure is None:
        return f"{held} {_SIGNS[op]} {p}", value, True
    # Up to its first doubtful character the bound decides; what begins with those characters is taken in, to be judged.
    return f"({held} {_SIGNS[op]} {p} OR {held} STARTS WITH {p})", value[:sure], False


def _number(op: Op, held: str, value: float, kind: Datatype, p: str) -> tuple[str, Any]:
    value = int(value) if isinstance(value, bool) else value
    if kind is Datatype.INSTANT:
        if isinstance(value, int):
            return f"{held} {_SIGNS[op]} datetime.fromEpoch({p}[0], {p}[1])", instant(value)
        return f"{MICROS.format(held)} {_SIGNS[op]} {p}", value + 0.0  # never -0.0
    number = _numeric(held, kind)
    if not value:
        return _ZERO[op].format(number, p), [None, *ZEROS]
    if op is Op.NE:
        return f"({number} <> {p} AND {number} IS :: INTEGER | FLOAT)", value
    return f"{number} {_SIGNS[op]} {p}", value


def _numeric(held: str, kind: Datatype) -> str:
    return f"toInteger({held})" if kind is Datatype.BOOLEAN else held
