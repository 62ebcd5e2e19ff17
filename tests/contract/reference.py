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
    for one in sets:
        for change in one.changes:
            stamp, subject = one.stamp, change.subject
            classes[subject].add((schema.classes[change.cls].depth, stamp, change.cls))
            if isinstance(change, Flag):
                if change.verdict is not Verdict.DUPLICATE:
                    grown.add(canonical(["quality", *change[:1], *change[2:], one.event, one.source]))
                continue
            if isinstance(change, Void):
                taken = {"c": change.cls, "p": {}, "a": {}, "l": [], "v": [[change.event, change.source]]}
                grown.add(canonical(["version", subject, list(stamp)]) + canonical(taken))
                continue
            stands = (subject, one.event, one.source) not in void
            holds = isinstance(change, Assert)
            properties = dict(change.properties) if isinstance(change, Assert) else dict.fromkeys(change.properties)
            attributes = dict(change.attributes) if isinstance(change, Assert) else dict.fromkeys(change.attributes)
            for name, value in [*properties.items(), *((f"@{n}", v) for n, v in attributes.items())]:
                if stands:
                    values[subject][name].append((stamp, canonical(value), value))
                elif name in latest_only:
                    values[subject][name].append((stamp, b"", None))
                ruled = schema.classes[change.cls].properties.get(name)
                if ruled and ruled.impossible_while and isinstance(value, int | float) and value > 0:
                    samples[subject, name].add((one.valid, one.event, one.source))
            for link in change.links:
                if stands:
                    links[subject, link.relation][link][holds].append(stamp)
                mentioned.add(link.target)
            if isinstance(change, Assert):
                declared = schema.classes[change.cls].properties
                properties = {n: v for n, v in properties.items() if n not in declared or declared[n].history is History.FULL}
            if properties or attributes or change.links or isinstance(change, Retract):
                said = sorted([*link, holds] for link in set(change.links))
                body = {"c": change.cls, "p": properties, "a": attributes, "l": said}
                grown.add(canonical(["version", subject, list(stamp)]) + canonical(body))
    lines = list(grown)
    for subject, candidates in classes.items():
        _, stamp, cls = max(candidates)
        won = {name: max(said, key=lambda s: s[:2]) for name, said in values[subject].items()}
        stamps = {"": list(stamp)} | {name: list(s) for name, (s, _, _) in won.items()}
        known = {name: v for name, (_, _, v) in won.items() if v is not None}
        properties = {n: v for n, v in known.items() if n[0] != "@"}
        attributes = {n[1:]: v for n, v in known.items() if n[0] == "@"}
        lines.append(canonical(["node", subject, cls, properties, attributes, stamps]))
    lines += [canonical(["node", i, ROOT, {}, {}, {}]) for i in mentioned - classes.keys()]
    for (subject, name), found in samples.items():
        lines.append(canonical(["spans", subject, name, _spans(sorted(found))]))
    for (subject, relation), ends in links.items():
        for link, stamp in _holding(ends, schema.relations[relation].functional):
            lines.append(canonical(["edge", subject, *link, list(stamp)]))
    return sorted(lines)


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
