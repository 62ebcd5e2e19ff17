"""Rows of the graph, to and from the states that they hold. The module `brain.stores.neo4j` says how a graph is laid out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from math import isfinite
from typing import Any

import orjson

from brain.errors import BadChange
from brain.join import ATTRIBUTE, NodeState, Register, body
from brain.model import Link, Quality, Stamp, Verdict, Version
from brain.schema import ROOT, Scalar, Value
from brain.stores.neo4j.cypher import APART, LINKS, STAMP, instant

Row = list[Any]

_JSON_LIKE = re.compile(r'-?[0-9.]+(?:[eE][+-]?[0-9]+)?|true|false|null|".*"', re.DOTALL)
_EARLIEST, _LATEST = -(2**63) + 1000, 2**63 - 1000


def attribute_text(value: Scalar) -> str:
    """A value as it reads in `attributeValues`: numbers, `true` and `false` as in JSON, a text as it is, unless it could be
    mistaken for one of those; then in JSON's quotes."""
    if isinstance(value, str) and not _JSON_LIKE.fullmatch(value):
        return value
    return orjson.dumps(value).decode()


def attribute_value(text: str) -> Value:
    value: Value = orjson.loads(text) if _JSON_LIKE.fullmatch(text) else text
    return value


def finite(value: Value) -> Value:
    """JSON has no infinity and no NaN, so the versions hold null for them; the registers then must too."""
    return None if type(value) is float and not isfinite(value) else value


def node_row(state: NodeState) -> tuple[Row, dict[str, Value]]:
    """The fixed slots of a node, in the order of NODE_FIXED, and its property values."""
    main = state.cls_stamp
    properties: dict[str, Value] = {}
    attributes: dict[str, str] = {}
    apart: list[tuple[str, Stamp]] = []
    for name, (stamp, value) in state.registers.items():
        value = finite(value)
        if value is None or (stamp is not main and stamp != main):
            apart.append((name, stamp))
        if value is None:
            continue
        if name[0] == ATTRIBUTE:
            attributes[name[1:]] = attribute_text(value)
        else:
            properties[name] = value
    row: Row = [state.id, state.cls, *(main or (None, None, None, None))]
    if apart:
        apart.sort()
        row.append([name for name, _ in apart])
        row.extend([stamp[i] for _, stamp in apart] for i in range(4))
    else:
        row += (None, None, None, None, None)
    row += (list(attributes), list(attributes.values())) if attributes else (None, None)
    return row, properties


def node_state(row: Sequence[Any]) -> NodeState:
    """From `[names, values]`."""
    p = dict(zip(row[0], row[1], strict=True))
    state = NodeState(p.pop("id"), p.pop("_class", ROOT))
    if (valid := p.pop("_valid", None)) is None:
        return state
    state.cls_stamp = main = Stamp(valid, p.pop("_authority"), p.pop("_event"), p.pop("_source"))
    registers = state.registers
    for name, *stamp in zip(*(p.pop(n, ()) for n in APART), strict=True):
        registers[name] = Register(Stamp(*stamp), None)
    values = _attributes(p, ATTRIBUTE)
    values.update(p)
    for name, value in values.items():
        held = registers.get(name)
        registers[name] = Register(main if held is None else held.stamp, value)
    return state


def _attributes(p: dict[str, Any], prefix: str = "") -> dict[str, Value]:
    """Takes the two lists out of a map of properties."""
    names, texts = p.pop("attributeNames", ()), p.pop("attributeValues", ())
    return {prefix + name: attribute_value(text) for name, text in zip(names, texts, strict=True)}


def slots(properties: Mapping[str, Value], names: Sequence[str], instants: frozenset[str]) -> Row:
    """The values of those names, in order, an instant as two."""
    row: Row = []
    for name in names:
        value = properties.get(name)
        if name not in instants:
            row.append(value)
        elif value is None:
            row += (None, None)
        elif type(value) is int and _EARLIEST < value < _LATEST:
            row += instant(value)
        else:
            raise BadChange(f"{name} is an instant: µs since the epoch as an integer of 64 bits, not {value!r}")
    return row


def version_row(version: Version) -> tuple[Row, dict[str, Value]]:
    """The fixed slots of a version, in the order of VERSION_FIXED, and its property values."""
    said = {name: finite(value) for name, value in version.properties.items()}
    attributes = {name: finite(value) for name, value in version.attributes.items()}
    retracted = [name for name, value in said.items() if value is None]
    retracted += [ATTRIBUTE + name for name, value in attributes.items() if value is None]
    kept = {name: attribute_text(value) for name, value in attributes.items() if value is not None}
    links = version.links
    row: Row = [version.subject, version.cls, *version.stamp, digest(version), version.received, version.recorded]
    row.append(retracted or None)
    row += (list(kept), list(kept.values())) if kept else (None, None)
    if links:
        row.extend([link[i] for link in links] for i in range(3))
        row.append(None if all(links.values()) else list(links.values()))
    else:
        row += (None, None, None, None)
    return row, said


def digest(version: Version) -> str:
    """What tells two statements of one event about one node apart."""
    return blake2b(body(version), digest_size=8).hexdigest()


def version(row: Sequence[Any]) -> Version:
    """From `[names, values]`."""
    p = dict(zip(row[0], row[1], strict=True))
    subject, cls = p.pop("_of"), p.pop("_class")
    stamp = Stamp(*(p.pop(name) for name in STAMP))
    received, recorded = p.pop("_received"), p.pop("_recorded")
    del p["_digest"]
    attributes = _attributes(p)
    retracted = p.pop("retracted", ())
    parts = [p.pop(name, ()) for name in LINKS[:3]]
    holds = p.pop("linkHolds", None) or [True] * len(parts[0])
    links = {Link(*link): held for *link, held in zip(*parts, holds, strict=True)}
    for name in retracted:
        if name[0] == ATTRIBUTE:
            attributes[name[1:]] = None
        else:
            p[name] = None
    return Version(subject, cls, stamp, received, recorded, p, attributes, links)


def quality_row(quality: Quality) -> Row:
    """`[key, subject, property, verdict, seconds, nanoseconds, detail, event, source]`."""
    key = blake2b(orjson.dumps(list(quality)), digest_size=16).hexdigest()
    at = (None, None) if quality.at is None else instant(quality.at)
    return [key, quality.subject, quality.property, quality.verdict.value, *at, *quality[4:]]


def quality(row: Sequence[Any]) -> Quality:
    """From `[subject, property, verdict, at, detail, event, source]`."""
    return Quality(row[0], row[1], Verdict(row[2]), *row[3:])


def by_class(
    rows: Iterable[tuple[Row, dict[str, Value]]], seen: dict[str, list[str]], instants: frozenset[str]
) -> list[tuple[str, list[str], list[Row]]]:
    """(class, property names, full rows) for each class, from rows whose second slot is the class.

    `seen` gathers for each class the names that ever came, so that its statement soon stays the same and is planned once.
    """
    groups: dict[str, list[tuple[Row, dict[str, Value]]]] = {}
    for pair in rows:
        groups.setdefault(pair[0][1], []).append(pair)
    found = []
    for cls, pairs in groups.items():
        known = seen.setdefault(cls, [])
        come = set().union(*(properties for _, properties in pairs))
        if not come.issubset(known):
            known[:] = sorted(come.union(known))
        names = list(known)
        found.append((cls, names, [row + slots(properties, names, instants) for row, properties in pairs]))
    return found
