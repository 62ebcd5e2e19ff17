"""Blocks: what a thing was told in one transaction, as one node with a list for each thing told.

A node and a relationship for each version cost Neo4j thirty times what one more entry of a list does. So the versions of one
subject that a transaction brings and that have one shape become one node: the same class, source and authority, the same names
of properties with values of the same types, the same attributes and kinds of links. Neo4j's lists hold values of one type and no
null; one shape has neither to offer. What they have in common the node says once, each of the rest is a list with an entry for
each version, in order of their stamps. A version of which there is no other of its shape is a node of its own
(`codec.version_row`), and so is one that takes something back, since these are looked for, or that stands in a chain, since its
place there decides from when on it is effective.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from math import isfinite
from typing import Any, NamedTuple

from brain.join import ATTRIBUTE
from brain.model import Link, Stamp, Version
from brain.schema import Value
from brain.stores.neo4j import codec
from brain.stores.neo4j.codec import Cells, Row
from brain.stores.neo4j.cypher import ATTRIBUTES, EACH, LINKS

LEAST = 2
"""Versions of one shape that are worth a block."""
MOST = 500
"""Versions in a block: who reads the newest ten decodes no more than some blocks of so many."""

Said = tuple[Version, bytes]
"""A version, and its body."""


class Parcel(NamedTuple):
    """The versions that one transaction stores: blocks, each in order of stamp, and those that go alone."""

    blocks: list[list[Said]]
    alone: list[Said]

    def extents(self) -> dict[str, tuple[int, int]]:
        """The first and the last valid time of what is said of each subject."""
        found: dict[str, tuple[int, int]] = {}
        for block in (*self.blocks, *([one] for one in self.alone)):
            (version, _), (last, _) = block[0], block[-1]
            begin, end = found.get(version.subject, (version.stamp.valid, last.stamp.valid))
            found[version.subject] = min(begin, version.stamp.valid), max(end, last.stamp.valid)
        return found

    def said(self) -> Iterator[Said]:
        return chain(*self.blocks, self.alone)


def parcelled(said: Iterable[Said]) -> Parcel:
    subjects: defaultdict[str, list[Said]] = defaultdict(list)
    for one in said:
        subjects[one[0].subject].append(one)
    parcel = Parcel([], [])
    for found in subjects.values():
        for alike in _alike(found) if len(found) >= LEAST else (found,):
            if len(alike) < LEAST or alike[0][0].voids or alike[0][0].order or not _finite(alike):
                parcel.alone.extend(alike)
                continue
            alike.sort(key=_stamp)
            parcel.blocks.extend(alike[at : at + MOST] for at in range(0, len(alike), MOST))
    return parcel


def _alike(said: Iterable[Said]) -> Iterable[list[Said]]:
    """What is said of one subject, by shape."""
    shapes: defaultdict[tuple[Any, ...], list[Said]] = defaultdict(list)
    for one in said:
        shapes[_shape(one[0])].append(one)
    return shapes.values()


def _stamp(said: Said) -> Stamp:
    return said[0].stamp


def _shape(version: Version) -> tuple[Any, ...]:
    """Versions of one subject and shape differ in nothing but what `EACH`, the values and the targets of links say."""
    stamp, properties, attributes, links = version.stamp, version.properties, version.attributes, version.links
    return (
        version.cls,
        stamp.authority,
        stamp.source,
        *properties,
        *map(type, properties.values()),
        (*attributes, *(value is None for value in attributes.values())) if attributes else (),
        tuple([(link.relation, link.qualifier, holds) for link, holds in links.items()]) if links else (),
        bool(version.voids),
        version.order is not None,
    )


def _finite(alike: Sequence[Said]) -> bool:
    """Whether no number is none: that is as good as retracted (`codec.finite`), and so has another shape than the others."""
    first = alike[0][0]
    floats = [name for name, value in first.properties.items() if type(value) is float]
    if not all(map(isfinite, [version.properties[name] for name in floats for version, _ in alike])):  # type: ignore[arg-type]
        return False
    attributes = (value for version, _ in alike for value in version.attributes.values()) if first.attributes else ()
    return all(isfinite(value) for value in attributes if type(value) is float)


def block_row(said: Sequence[Said], instants: frozenset[str]) -> Cells:
    """The fixed cells of a block (BLOCK_FIXED), and its others by name."""
    versions = [version for version, _ in said]
    first, last = versions[0], versions[-1]
    cells: dict[str, Any] = {}
    retracted: list[str] = []
    for name, value in first.properties.items():
        if value is None:
            retracted.append(name)
            continue
        cells[name] = column = [version.properties[name] for version in versions]
        for held in column if name in instants else ():
            codec.instant_checked(name, held)
    if first.attributes:
        kept = [name for name, value in first.attributes.items() if value is not None]
        retracted += [ATTRIBUTE + name for name, value in first.attributes.items() if value is None]
        texts = [codec.attribute_text(value) for v in versions for value in v.attributes.values() if value is not None]
        cells.update(zip(ATTRIBUTES, (kept, texts), strict=True) if kept else ())
    if retracted:
        cells["retracted"] = retracted
    if first.links:
        cells.update(codec.links_of(first))
        cells[LINKS[1]] = [link.target for v in versions for link in v.links]
    stamp = first.stamp
    common = [first.subject, first.cls, stamp.authority, stamp.source, first.recorded, first.ontology]
    return [*common, len(versions), stamp.valid, last.stamp.valid, *_each(versions)], cells


def _each(versions: Sequence[Version]) -> list[Row]:
    """The lists of EACH. A further part of a stamp would go here, there, and where `versions` makes stamps of them."""
    stamps = [version.stamp for version in versions]
    return [[s.valid for s in stamps], [s.event for s in stamps], [version.received for version in versions]]


def versions(row: Sequence[Any]) -> Iterator[Version]:
    """From `[names, values]` of a block, or of a version that is alone."""
    p = dict(zip(row[0], row[1], strict=True))
    if EACH[0] not in p:
        yield codec.version(row)
        return
    subject, cls, authority, source = (p.pop(name) for name in ("_of", "_class", "_authority", "_source"))
    recorded, ontology, count = (p.pop(name) for name in ("_recorded", "_ontology", "_count"))
    del p["_valid"], p["_last"]
    each = list(zip(*(p.pop(name) for name in EACH), strict=True))
    retracted = p.pop("retracted", ())
    links = _links(p, count)
    attributes = _attributes(p, count, [name[1:] for name in retracted if name[0] == ATTRIBUTE])
    gone: dict[str, Value] = {name: None for name in retracted if name[0] != ATTRIBUTE}
    values: Iterable[tuple[Value, ...]] = zip(*p.values(), strict=True) if p else repeat(())
    for (valid, event, received), cells, named, linked in zip(each, values, attributes, links, strict=False):
        stamp = Stamp(valid, 0, authority, event, source)
        properties = dict(zip(p, cells, strict=True)) | gone
        yield Version(subject, cls, stamp, received, recorded, properties, named, linked, (), ontology)


def _links(p: dict[str, Any], count: int) -> list[dict[Link, bool]]:
    """Takes the lists of links out of the properties of a block; the links of each version."""
    relations, targets = p.pop(LINKS[0], ()), p.pop(LINKS[1], ())
    many = len(relations)
    qualifiers, holds = p.pop(LINKS[2], None) or [""] * many, p.pop(LINKS[3], None) or [True] * many
    found = []
    for at in range(0, count * many, many or 1):
        ends = zip(relations, targets[at : at + many], qualifiers, holds, strict=True)
        found.append({Link(relation, target, qualifier): held for relation, target, qualifier, held in ends})
    return found or [{} for _ in range(count)]


def _attributes(p: dict[str, Any], count: int, retracted: Iterable[str]) -> list[dict[str, Value]]:
    """Takes the lists of attributes out of the properties of a block; the attributes of each version."""
    names, texts = (p.pop(name, ()) for name in ATTRIBUTES)
    many, gone = len(names), dict.fromkeys(retracted)
    said = (texts[at : at + many] for at in range(0, count * many, many or 1))
    found = [dict(zip(names, map(codec.attribute_value, some), strict=True)) | gone for some in said]
    return found or [dict(gone) for _ in range(count)]
