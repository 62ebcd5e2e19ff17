"""Rows of the tables, to and from the states that they hold."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Any

import orjson

from brain.chains import Tip, Word
from brain.join import ATTRIBUTE, NodeState, Register, canonical, new
from brain.model import Edge, Link, Order, Quality, Stamp, Verdict, Version
from brain.schema import Value
from brain.spans import Span
from brain.versions import written

Row = tuple[Any, ...]

NODE = "SELECT id, class, properties, attributes, stamps, voided, spans, tips FROM node"
VERSION = "SELECT subject, valid, authority, event, source, received, recorded, body, ontology FROM version"

IN_LIST = 500
"""Ids a statement. SQLite takes 32,766 parameters; short lists keep the statement cache useful."""
ROWS, PARAMETERS = 500, 32_766
"""Rows that one statement inserts, and parameters that SQLite lets it have."""


def select(db: sqlite3.Connection, sql: str, keys: Iterable[str], *before: object) -> list[Row]:
    """All rows of a statement that ends in `IN` and lacks its list, which may be of any length. `before` are its parameters."""
    found: list[Row] = []
    ordered = sorted(keys)
    for i in range(0, len(ordered), IN_LIST):
        part = ordered[i : i + IN_LIST]
        found += db.execute(f"{sql} ({','.join('?' * len(part))})", (*before, *part))
    return found


def insert(db: sqlite3.Connection, verb: str, found: Sequence[Row]) -> None:
    """Insert whole rows, most of them many a statement: SQLite lets other threads run while it works on one."""
    if not found:
        return
    one = f"({','.join('?' * len(found[0]))})"
    many = min(ROWS, PARAMETERS // len(found[0]))
    whole = len(found) - len(found) % many
    for i in range(0, whole, many):
        db.execute(f"{verb} VALUES {','.join([one] * many)}", list(chain.from_iterable(found[i : i + many])))
    db.executemany(f"{verb} VALUES {one}", found[whole:])


def sql_value(value: Value) -> Value:
    """A value as SQLite's `json_extract` gives it: an integer beyond 64 bits is a float."""
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def node_row(state: NodeState) -> Row:
    """(id, class, properties, attributes, stamps, voided, spans, tips). Stamps are grouped, since one event mostly says all:
    `[[valid, authority, event, source, name, …], …]`, where the name "" is the class's own, and a valid time with a logical one
    is `[valid, logical]` (`brain.versions.written`)."""
    properties, attributes = {}, {}
    last = state.cls_stamp
    names = [""]
    groups: dict[Stamp, list[str]] = {} if last is None else {last: names}
    for name, (stamp, value) in state.registers.items():
        if stamp is not last:
            last, names = stamp, groups.setdefault(stamp, [])
        names.append(name)
        if value is not None:
            if name[0] == ATTRIBUTE:
                attributes[name[1:]] = value
            else:
                properties[name] = value
    stamps = [[*written(stamp), *names] for stamp, names in groups.items()]
    rest = int(state.voided), _spans(state) if state.spans else "{}", _tips(state) if state.tips else "[]"
    return state.id, state.cls, _text(properties), _text(attributes) if attributes else "{}", _text(stamps), *rest


def _spans(state: NodeState) -> str:
    return _text({name: [[*span] for span in spans] for name, spans in state.spans.items()})


def _tips(state: NodeState) -> str:
    """`[[chain, [position, authority, event, source, greatest, least], {name: value, …}], …]`, grouped likewise."""
    told: list[list[Any]] = []
    for name_of_chain, words in state.tips.items():
        last, groups = None, dict[Tip, dict[str, Any]]()
        for name, (tip, value) in words.items():
            if tip is not last:
                last, said = tip, groups.setdefault(tip, {})
            said[name] = value
        told += [[name_of_chain, [*tip], said] for tip, said in groups.items()]
    return orjson.dumps(told).decode()


def node_state(row: Row) -> NodeState:
    properties, attributes = orjson.loads(row[2]), orjson.loads(row[3])
    state = NodeState(row[0], row[1], voided=row[5] == 1)
    if row[6] != "{}":
        state.spans.update((name, [Span(*span) for span in spans]) for name, spans in orjson.loads(row[6]).items())
    for valid, authority, event, source, *names in orjson.loads(row[4]):
        stamp = read([valid, authority, event, source])
        for name in names:
            if not name:
                state.cls_stamp = stamp
            elif name[0] == ATTRIBUTE:
                state.registers[name] = Register(stamp, attributes.get(name[1:]))
            else:
                state.registers[name] = Register(stamp, properties.get(name))
    for name_of_chain, fields, said in orjson.loads(row[7]) if row[7] != "[]" else ():
        tip, words = new(Tip, fields), state.tips.setdefault(name_of_chain, {})
        for name, value in said.items():
            words[name] = new(Word, (tip, value))
    return state


def read(said: Sequence[Any]) -> Stamp:
    """The stamp that is written so."""
    valid, logical = said[0] if type(said[0]) is list else (said[0], 0)
    return Stamp(valid, logical, *said[1:])


def stamp_text(stamp: Stamp | None) -> str | None:
    return None if stamp is None else _text(written(stamp))


def stamp(text: str | None) -> Stamp | None:
    return None if text is None else read(orjson.loads(text))


def edge(row: Row) -> Edge:
    """From (source, relation, target, qualifier, linked)."""
    return Edge(row[0], row[1], row[2], row[3], read(orjson.loads(row[4])))


def version_rows(versions: Mapping[tuple[str, Stamp, bytes], Version]) -> list[Row]:
    """From a delta's versions, whose keys hold their bodies."""
    return [
        (*version_key(subject, stamp, text), v.received, v.recorded, text.decode(), v.ontology)
        for (subject, stamp, text), v in versions.items()
    ]


def version_key(subject: str, stamp: Stamp, text: bytes) -> Row:
    """(subject, valid, authority, event, source, digest)."""
    return subject, stamp.valid, *stamp[2:], blake2b(text, digest_size=8).digest()


def version(row: Row) -> Version:
    """From (subject, valid, authority, event, source, received, recorded, body, ontology)."""
    said = orjson.loads(row[7])
    links = {Link(relation, target, qualifier): holds for relation, target, qualifier, holds in said["l"]}
    voids = tuple((event, source) for event, source in said.get("v", ()))
    stamp, order = Stamp(row[1], 0, *row[2:5]), Order(*said["o"]) if "o" in said else None
    return Version(row[0], said["c"], stamp, row[5], row[6], said["p"], said["a"], links, voids, row[8], order)


def quality(row: Row) -> Quality:
    return Quality(row[0], row[1], Verdict(row[2]), *row[3:])


def _text(value: object) -> str:
    return canonical(value).decode()
