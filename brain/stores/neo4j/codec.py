"""Rows of the graph, to and from the states that they hold. The module `brain.stores.neo4j` says how a graph is laid out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import repeat
from math import isfinite
from typing import Any

import orjson

from brain.chains import Tip, Word
from brain.errors import BadChange
from brain.join import ATTRIBUTE, NodeState, Register
from brain.model import Link, Order, Quality, Stamp, Verdict, Version
from brain.schema import ROOT, Value
from brain.spans import Span
from brain.stores.neo4j.cypher import (
    APART,
    ATTRIBUTES,
    CLAIMED,
    LINKS,
    LOGICALS,
    ORDER,
    SPANS,
    TIPS,
    VOIDED,
    VOIDS,
    instant,
)

Row = list[Any]
Cells = tuple[Row, dict[str, Any]]
"""What becomes of a row: the cells that every one of its kind has, in order, and the others by name."""

_JSON_LIKE = re.compile(r'-?[0-9.]+(?:[eE][+-]?[0-9]+)?|true|false|null|".*"', re.DOTALL)
_EARLIEST, _LATEST = -(2**63) + 1000, 2**63 - 1000


def attribute_text(value: Value) -> str:
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


def stamp_row(stamp: Stamp | None) -> Row:
    """The cells of STAMP."""
    if stamp is None:
        return [None] * 5
    valid, logical, *said = stamp
    return [valid, logical or None, *said]


def node_row(state: NodeState) -> Cells:
    """The fixed cells of a node (NODE_FIXED), and its others by name."""
    main = state.cls_stamp
    cells: dict[str, Any] = {}
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
            cells[name] = value
    if apart:
        apart.sort()
        valids, logicals, *said = ([stamp[i] for _, stamp in apart] for i in range(5))
        cells.update(zip(APART, ([name for name, _ in apart], valids, *said), strict=True))
        if any(logicals):
            cells[LOGICALS] = logicals
    if attributes:
        cells.update(zip(ATTRIBUTES, (list(attributes), list(attributes.values())), strict=True))
    if state.voided:
        cells[VOIDED] = True
    if state.spans:
        spans = [(name, *span) for name, found in state.spans.items() for span in found]
        cells.update(zip(SPANS, map(list, zip(*spans, strict=True)), strict=True))
    if state.tips:
        cells.update(_tips(state))
    return [state.id, state.cls, *stamp_row(main)], cells


def _tips(state: NodeState) -> dict[str, list[Any]]:
    rows = [
        (chain, name, attribute_text(value), *tip) for chain, words in state.tips.items() for name, (tip, value) in words.items()
    ]
    return dict(zip(TIPS, map(list, zip(*rows, strict=True)), strict=True))


def said_once(state: NodeState, version: Version) -> bool:
    """Whether the version says all that is known of the node, so that one row can make both."""
    if state.voided or state.spans or (state.cls, state.cls_stamp) != (version.cls, version.stamp):
        return False
    if len(state.registers) != len(version.properties) + len(version.attributes):
        return False
    return all(r.stamp == version.stamp and finite(r.value) is not None for r in state.registers.values())


def said_row(state: NodeState, version: Version, text: bytes) -> Cells:
    """The cells of a node and of the one version of it (NODE_FIXED and SAID_FIXED)."""
    row, cells = node_row(state)
    cells.update(links_of(version))
    return [*row, digest(text), version.received, version.recorded, version.ontology], cells


def node_state(row: Sequence[Any]) -> NodeState:
    """From `[names, values]`."""
    p = dict(zip(row[0], row[1], strict=True))
    state = NodeState(p.pop("id"), p.pop("_class", ROOT), voided=p.pop(VOIDED, False))
    if (valid := p.pop("_valid", None)) is None:
        return state
    state.cls_stamp = main = Stamp(valid, p.pop("_logical", 0), p.pop("_authority"), p.pop("_event"), p.pop("_source"))
    registers = state.registers
    logicals = p.pop(LOGICALS, None) or repeat(0)
    for (name, at, *stamp), logical in zip(zip(*(p.pop(n, ()) for n in APART), strict=True), logicals, strict=False):
        registers[name] = Register(Stamp(at, logical, *stamp), None)
    for name, *span in zip(*(p.pop(n, ()) for n in SPANS), strict=True):
        state.spans[name] = (*state.spans.get(name, ()), Span(*span))
    for chain, name, text, *tip in zip(*(p.pop(n, ()) for n in TIPS), strict=True):
        state.tips.setdefault(chain, {})[name] = Word(Tip(*tip), attribute_value(text))
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


def slots(row: Row, cells: Mapping[str, Any], names: Sequence[str], instants: frozenset[str]) -> Row:
    """The row with the values of those names added, in order, an instant as two."""
    for name in names:
        value = cells.get(name)
        if name not in instants:
            row.append(value)
        elif value is None:
            row += (None, None)
        else:
            row += instant(instant_checked(name, value))
    return row


def instant_checked(name: str, value: Value) -> int:
    """BadChange for what is no µs since the epoch that a datetime can be made of."""
    if type(value) is int and _EARLIEST < value < _LATEST:
        return value
    raise BadChange(f"{name} is an instant: µs since the epoch as an integer of 64 bits, not {value!r}")


def version_row(version: Version, text: bytes) -> Cells:
    """The fixed cells of a version (VERSION_FIXED), and its others by name. `text` is its body."""
    cells: dict[str, Any] = {name: finite(value) for name, value in version.properties.items()}
    retracted = [name for name, value in cells.items() if value is None]
    if version.attributes:
        attributes = {name: finite(value) for name, value in version.attributes.items()}
        retracted += [ATTRIBUTE + name for name, value in attributes.items() if value is None]
        kept = {name: attribute_text(value) for name, value in attributes.items() if value is not None}
        cells.update(zip(ATTRIBUTES, (list(kept), list(kept.values())), strict=True))
    if retracted:
        cells["retracted"] = retracted
    cells.update(links_of(version))
    if version.voids:
        cells.update(zip(VOIDS, map(list, zip(*version.voids, strict=True)), strict=True))
    if version.order is not None:
        cells.update(zip(ORDER, version.order, strict=True))
    said = (digest(text), version.received, version.recorded, version.ontology)
    valid, _, *by = version.stamp
    return [version.subject, version.cls, valid, *by, *said], cells


def links_of(version: Version) -> dict[str, list[Any]]:
    """LINKS, without those lists that would only say that no link has a qualifier, or that all hold."""
    links = version.links
    if not links:
        return {}
    lists: list[list[Any]] = [list(part) for part in zip(*links, strict=True)]
    found = dict(zip(LINKS, lists, strict=False))
    if not any(lists[2]):
        del found[LINKS[2]]
    if not all(links.values()):
        found[LINKS[3]] = list(links.values())
    return found


def digest(text: bytes) -> str:
    """What tells two statements of one event about one node apart, from the body of a version."""
    return blake2b(text, digest_size=8).hexdigest()


def version(row: Sequence[Any]) -> Version:
    """From `[names, values]`."""
    p = dict(zip(row[0], row[1], strict=True))
    subject, cls = p.pop("_of"), p.pop("_class")
    valid, *by = (p.pop(name) for name in CLAIMED)
    stamp, order = Stamp(valid, 0, *by), Order(p.pop(ORDER[0]), p.pop(ORDER[1])) if ORDER[0] in p else None
    received, recorded, ontology = p.pop("_received"), p.pop("_recorded"), p.pop("_ontology", "")
    del p["_digest"]
    voids = tuple(zip(*(p.pop(name, ()) for name in VOIDS), strict=True))
    attributes = _attributes(p)
    retracted = p.pop("retracted", ())
    relations, targets = (p.pop(name, ()) for name in LINKS[:2])
    qualifiers, holds = p.pop(LINKS[2], None) or repeat(""), p.pop(LINKS[3], None) or repeat(True)
    links = {Link(*link): held for *link, held in zip(relations, targets, qualifiers, holds, strict=False)}
    for name in retracted:
        if name[0] == ATTRIBUTE:
            attributes[name[1:]] = None
        else:
            p[name] = None
    return Version(subject, cls, stamp, received, recorded, p, attributes, links, voids, ontology, order)


def quality_row(quality: Quality) -> Row:
    """`[key, subject, property, verdict, seconds, nanoseconds, detail, event, source]`."""
    key = blake2b(orjson.dumps(list(quality)), digest_size=16).hexdigest()
    at = (None, None) if quality.at is None else instant(quality.at)
    return [key, quality.subject, quality.property, quality.verdict.value, *at, *quality[4:]]


def quality(row: Sequence[Any]) -> Quality:
    """From `[subject, property, verdict, at, detail, event, source]`."""
    return Quality(row[0], row[1], Verdict(row[2]), *row[3:])


def by_class(
    rows: Iterable[Cells], seen: dict[str, list[str]], instants: frozenset[str]
) -> list[tuple[str, list[str], list[Row]]]:
    """(class, names of the cells beyond the fixed ones, full rows) for each class; it stands in the second fixed cell.

    `seen` gathers for each class the names that ever came, so that its statement soon stays the same and is planned once.
    """
    groups: dict[str, list[Cells]] = {}
    for pair in rows:
        groups.setdefault(pair[0][1], []).append(pair)
    found = []
    for cls, pairs in groups.items():
        known = seen.setdefault(cls, [])
        come = set().union(*(cells for _, cells in pairs))
        if not come.issubset(known):
            known[:] = sorted(come.union(known))
        names = list(known)
        found.append((cls, names, [slots(row, cells, names, instants) for row, cells in pairs]))
    return found
