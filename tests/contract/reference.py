"""The model by its definition, over the whole set of change sets at once: no batches, no merging, no store.

It shares with the product the canonical text of a value and nothing of the join.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from brain.canon import canonical_lines
from brain.join import canonical
from brain.model import Assert, ChangeSet, Flag, Link, Retract, Stamp, Verdict, Void
from brain.ports import Store
from brain.schema import ROOT, History, Schema
from brain.spans import SILENCE


async def lines_of(store: Store) -> list[bytes]:
    return sorted([line async for line in canonical_lines(store)])


def reference(schema: Schema, sets: Iterable[ChangeSet]) -> list[bytes]:
    """The sorted canonical lines of the model that these change sets mean, in whatever order."""
    classes: defaultdict[str, set[tuple[int, Stamp, str]]] = defaultdict(set)
    values: defaultdict[str, dict[str, list[tuple[Stamp, bytes, Any]]]] = defaultdict(lambda: defaultdict(list))
    links: defaultdict[tuple[str, str], dict[Link, dict[bool, list[Stamp]]]] = defaultdict(
        lambda: defaultdict(lambda: {True: [], False: []})
    )
    mentioned: set[str] = set()
    grown: set[bytes] = set()
    latest_only = {p.name for cls in schema.classes.values() for p in cls.properties.values() if p.history is History.LATEST}
    samples: defaultdict[tuple[str, str], set[tuple[int, str, str]]] = defaultdict(set)
    void = {(c.subject, c.event, c.source) for one in sets for c in one.changes if isinstance(c, Void)}
    clocks = Clocks(schema, latest_only, sets)
    for one in sets:
        for change in one.changes:
            subject = change.subject
            classes[subject].add((schema.classes[change.cls].depth, clocks.stamp(one, subject, change.cls), change.cls))
            if isinstance(change, Flag):
                if change.verdict is not Verdict.DUPLICATE:
                    grown.add(canonical(["quality", *change[:1], *change[2:], one.event, one.source]))
                continue
            if kept := kept_of(schema, one, change):
                grown.add(canonical(["version", subject, said_by(one.stamp)]) + canonical(kept))
            if isinstance(change, Void):
                continue
            stands = (subject, one.event, one.source) not in void
            holds = isinstance(change, Assert)
            properties, attributes = said_of(change)
            for name, value in [*properties.items(), *((f"@{n}", v) for n, v in attributes.items())]:
                stamp = clocks.stamp(one, subject, f"={name}" if name in latest_only else VERSIONS)
                if stands:
                    values[subject][name].append((stamp, canonical(value), value))
                elif name in latest_only:
                    values[subject][name].append((stamp, b"", None))
                ruled = schema.classes[change.cls].properties.get(name)
                if ruled and ruled.impossible_while and isinstance(value, int | float) and value > 0:
                    samples[subject, name].add((one.valid, one.event, one.source))
            for link in change.links:
                if stands:
                    links[subject, link.relation][link][holds].append(clocks.stamp(one, subject, VERSIONS))
                mentioned.add(link.target)
    lines = list(grown)
    for subject, candidates in classes.items():
        _, stamp, cls = max(candidates)
        won = {name: max(said, key=lambda s: s[:2]) for name, said in values[subject].items()}
        stamps = {"": said_by(stamp)} | {name: said_by(s) for name, (s, _, _) in won.items()}
        known = {name: v for name, (_, _, v) in won.items() if v is not None}
        properties = {n: v for n, v in known.items() if n[0] != "@"}
        attributes = {n[1:]: v for n, v in known.items() if n[0] == "@"}
        lines.append(canonical(["node", subject, cls, properties, attributes, stamps]))
    lines += [canonical(["node", i, ROOT, {}, {}, {}]) for i in mentioned - classes.keys()]
    for (subject, name), found in samples.items():
        lines.append(canonical(["spans", subject, name, _spans(sorted(found))]))
    for (subject, relation), ends in links.items():
        for link, stamp in _holding(ends, schema.relations[relation].functional):
            lines.append(canonical(["edge", subject, *link, said_by(stamp)]))
    return sorted(lines)


def said_of(change: Assert | Retract) -> tuple[dict[str, Any], dict[str, Any]]:
    """Properties and attributes, None where retracted."""
    if isinstance(change, Assert):
        return dict(change.properties), dict(change.attributes)
    return dict.fromkeys(change.properties), dict.fromkeys(change.attributes)


def kept_of(schema: Schema, one: ChangeSet, change: Assert | Retract | Void) -> dict[str, Any] | None:
    """What the version says, if the change makes one."""
    order = {} if one.order is None else {"o": [one.order.chain, one.order.position]}
    if isinstance(change, Void):
        return {"c": change.cls, "p": {}, "a": {}, "l": [], "v": [[change.event, change.source]], **order}
    properties, attributes = said_of(change)
    if isinstance(change, Assert):
        declared = schema.classes[change.cls].properties
        properties = {n: v for n, v in properties.items() if n not in declared or declared[n].history is History.FULL}
        if not (properties or attributes or change.links):
            return None
    said = sorted([*link, isinstance(change, Assert)] for link in set(change.links))
    return {"c": change.cls, "p": properties, "a": attributes, "l": said, **order}


def said_by(stamp: Stamp) -> list[Any]:
    return [[stamp.valid, stamp.logical] if stamp.logical else stamp.valid, stamp.authority, stamp.event, stamp.source]


VERSIONS = "versions"


class Clocks:
    """When each statement is effective: what is said of one subject within one chain has a clock for all that makes versions, one
    for each property that makes none ("=name"), and one for each class; of classes only the deepest that the chain names counts.
    """

    def __init__(self, schema: Schema, latest_only: set[str], sets: Iterable[ChangeSet]) -> None:
        self._schema = schema
        self._said: defaultdict[tuple[str, str, str], set[tuple[int, int]]] = defaultdict(set)
        for one in sets:
            for change in one.changes if one.order is not None else ():
                self._add(one, change.subject, self._depth(change.cls))
                if not isinstance(change, Flag) and kept_of(schema, one, change):
                    self._add(one, change.subject, VERSIONS)
                for name in change.properties if isinstance(change, Assert | Retract) else ():
                    if name in latest_only:
                        self._add(one, change.subject, f"={name}")

    def _depth(self, cls: str) -> str:
        return f"depth {self._schema.classes[cls].depth}"

    def _add(self, one: ChangeSet, subject: str, what: str) -> None:
        assert one.order is not None
        self._said[subject, one.order.chain, what].add((one.order.position, one.valid))

    def stamp(self, one: ChangeSet, subject: str, what: str) -> Stamp:
        """The effective stamp, by the definition of Kulkarni et al., figure 5, over the positions instead of the messages."""
        if one.order is None:
            return one.stamp
        chain, here = one.order
        said = self._said[subject, chain, what if what == VERSIONS or what[0] == "=" else self._depth(what)]
        l = max(valid for position, valid in said if position <= here)  # noqa: E741 - the paper's names
        if all(valid < l for position, valid in said if position < here):
            return Stamp(l, 0, one.authority, one.event, one.source)
        c = here - min(position for position, valid in said if valid == l)
        return Stamp(l, c, one.authority, one.event, one.source)


def _spans(samples: list[tuple[int, str, str]]) -> list[list[Any]]:
    """A new span begins where the sample before is further away than a silence."""
    begins = [i for i in range(len(samples)) if i == 0 or samples[i][0] - samples[i - 1][0] > SILENCE]
    return [[*samples[i], samples[j - 1][0]] for i, j in pairwise([*begins, len(samples)])]


def _holding(ends: dict[Link, dict[bool, list[Stamp]]], functional: bool) -> list[tuple[Link, Stamp]]:
    linked = {link: max(said[True]) for link, said in ends.items() if said[True]}
    undone = {link: max(said[False]) for link, said in ends.items() if said[False]}
    present = {link: s for link, s in linked.items() if link not in undone or undone[link] < s}
    if functional and linked:
        newest = max(linked, key=lambda link: (linked[link], link))
        return [(newest, linked[newest])] if newest in present else []
    return [(Link(link.relation, link.target, link.qualifier), s) for link, s in present.items()]
