"""One batch, written in one transaction: lock and read what it touches, merge, write what is new.

Neo4j is read-committed, so everything that the merge rests on is read after its lock is held. The locks are those of the nodes
(an edge is its source's, a version its subject's), taken in order of id, so that two writers of the same nodes queue and do not
deadlock. Where a node is missing, its place in the index of ids is locked, so that it is made once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from neo4j import AsyncManagedTransaction

from brain.join import Delta, EdgeKey, EdgeState, Joiner, NodeState, body, holding_all, latest
from brain.model import DeadLetter, Mark, Stamp, Version
from brain.past import functional
from brain.schema import ROOT
from brain.stores.neo4j import codec
from brain.stores.neo4j.blocks import Parcel, block_row, parcelled
from brain.stores.neo4j.codec import Row
from brain.stores.neo4j.connection import run
from brain.stores.neo4j.cypher import (
    BLOCK,
    BLOCK_FIXED,
    FORMERLY,
    LETTER,
    LINKS,
    MARK,
    NODE_FIXED,
    OF,
    QUALITY,
    SAID_FIXED,
    VERSION,
    VERSION_FIXED,
    VOIDS,
    Names,
    columns,
    edge_map,
    instant,
    literal,
    quoted,
    relabelling,
    row_of,
)
from brain.stores.neo4j.said import PLACES, SAID, Place, unsaid, versions

LOCK = f"""
    UNWIND $rows AS r MATCH (n:Entity {{id: r[0]}}) SET n.id = r[0] WITH collect([n, r]) AS locked
    UNWIND locked AS l WITH l[0] AS n, l[1][0] AS id, l[1][1] AS read, l[1][2] AS first, l[1][3] AS last
    RETURN collect([id, CASE WHEN read THEN {row_of("properties(n)")} END, {PLACES}])"""
"""Setting a property to what it is takes the write lock and writes nothing. All locks are taken before anything is read."""

SAID_OF = f"UNWIND $ids AS id MATCH (n:Entity {{id: id}}) RETURN collect([id, {SAID}])"

TAKEN_BACK = f"""
    UNWIND $ids AS id MATCH (v:{VERSION} {{_of: id}}) WHERE v.{VOIDS[0]} IS NOT NULL
    WITH id, collect([v.{VOIDS[0]}, v.{VOIDS[1]}]) AS found RETURN collect([id, found])"""

PLACEHOLDERS = f"UNWIND $ids AS id CREATE (:{ROOT} {{id: id, _class: '{ROOT}'}})"

EDGES_BETWEEN = """
    UNWIND $rows AS r MATCH (a:Entity {{id: r[0]}})-[x{types}]->(b:Entity {{id: r[1]}}) RETURN collect({edge})"""
EDGES_NEWEST = """
    UNWIND $rows AS r MATCH (a:Entity {{id: r[0]}}) WITH a, r, EXISTS {{ (a)-[{holding}]->() }} AS holds
    MATCH (a)-[x{types}]->(b:Entity) WHERE NOT holds OR x{holding} OR b.id IN r[1] RETURN collect({edge})"""
"""Of a functional relation: the newest link, and those to the targets in the row. The one that holds is the newest; where none
does, all are read."""
EDGES_FROM = "UNWIND $rows AS r MATCH (a:Entity {{id: r}})-[x{types}]->(b:Entity) RETURN collect({edge})"
EDGE = (
    "[a.id, b.id, coalesce(x.qualifier, ''), type(x), x._valid, x._logical, x._authority, x._event, x._source,"
    " x._unlinkedValid, x._unlinkedLogical, x._unlinkedAuthority, x._unlinkedEvent, x._unlinkedSource, elementId(x)]"
)
EDGE_AT = "UNWIND $rows AS r MATCH ()-[x]->() WHERE elementId(x) = r[0]"

FLAG = f"""
    UNWIND $rows AS r MATCH (n:Entity {{id: r[1]}}) MERGE (q:{QUALITY} {{_key: r[0]}})
    ON CREATE SET q.property = r[2], q.verdict = r[3], q.detail = r[6], q.event = r[7], q.source = r[8],
        q.at = CASE WHEN r[4] IS NULL THEN null ELSE datetime.fromEpoch(r[4], r[5]) END
    MERGE (q)-[:{OF}]->(n)"""

MOVE = f"""
    UNWIND $rows AS r MERGE (m:{MARK} {{topic: r[0], partition: r[1]}}) SET m.topic = r[0]
    WITH m, r WHERE m.offset IS NULL OR m.offset < r[2] SET m.offset = r[2]"""

BURY = f"""
    UNWIND $rows AS r MERGE (l:{LETTER} {{id: r[0]}})
    ON CREATE SET l.adapter = r[1], l.topic = r[2], l.payload = r[4], l.received = datetime.fromEpoch(r[5], r[6])
    SET l.reason = r[3]"""


class Stored(NamedTuple):
    """An edge as it is in the database: the type of its relationship, its state, and where it is."""

    kind: str
    state: EdgeState
    place: str


@dataclass
class Before:
    """What the batch touches, as it was: the state of each known subject, all known ids, and where versions of the batch may be
    stored already."""

    states: dict[str, NodeState] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    places: dict[str, Sequence[Place]] = field(default_factory=dict)


class Writer:
    """Writes batches under one schema. `seen` keeps the statements of a class from changing with each batch."""

    def __init__(self, names: Names, joiner: Joiner) -> None:
        self._names = names
        self._joiner = joiner
        self._nodes_seen: dict[str, list[str]] = {}
        self._versions_seen: dict[str, list[str]] = {}
        self._blocks_seen: dict[str, list[str]] = {}
        self._said_seen: dict[str, list[str]] = {}

    async def write(
        self, tx: AsyncManagedTransaction, delta: Delta, marks: Sequence[Mark], letters: Sequence[DeadLetter]
    ) -> None:
        parcel = parcelled((version, text) for (_, _, text), version in delta.versions.items())
        before = await self._lock(tx, delta, parcel)
        once = await self._write_said_once(tx, delta, parcel, before)
        late = await self._write_nodes(tx, delta, before, once)
        await self._write_edges(tx, delta, before)
        new = await unsaid(tx, parcel, before.places)
        await self._write_versions(tx, new, once)
        await self._rebuild(tx, _late(late, new, before) | await self._shaken(tx, delta, before))
        if delta.qualities:
            await run(tx, FLAG, rows=sorted(codec.quality_row(q) for q in delta.qualities))
        if marks:
            await run(tx, MOVE, rows=sorted(map(list, marks)))
        if letters:
            newest = {letter.id: letter for letter in letters}.values()
            await run(tx, BURY, rows=sorted([*letter[:5], *instant(letter.received)] for letter in newest))

    async def _lock(self, tx: AsyncManagedTransaction, delta: Delta, parcel: Parcel) -> Before:
        before = Before()
        extent = parcel.extents()
        rows = [[i, i in delta.nodes, *extent.get(i, (None, None))] for i in sorted(delta.nodes.keys() | delta.mentioned)]
        for id, row, places in await run(tx, LOCK, rows=rows) if rows else ():
            before.ids.add(id)
            if row is not None:
                before.states[id] = codec.node_state(row)
            if places:
                before.places[id] = places
        return before

    async def _write_nodes(
        self, tx: AsyncManagedTransaction, delta: Delta, before: Before, once: set[str]
    ) -> dict[str, list[Version]]:
        """What came too late for its chain to be merged is returned, by subject."""
        merged, was = self._merged(delta, before)
        late = self._joiner.settle(delta, merged)
        new: list[NodeState] = []
        changed: list[NodeState] = []
        retyped: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for subject, state in merged.items():
            if (old := was.get(subject)) is None:
                if subject not in once:
                    new.append(state)
                continue
            if state.cls != old.cls:
                retyped[old.cls, state.cls].append(subject)
            if _differ(old, state):
                changed.append(state)
        if places := sorted(delta.mentioned - before.ids):
            await run(tx, PLACEHOLDERS, ids=places)
        await self._put(tx, new, "CREATE (n{labels} {map})")
        await self._put(tx, changed, "MATCH (n:Entity {{id: r[0]}}) SET n = {map}")
        for (formerly, cls), ids in retyped.items():
            relabel = relabelling(self._names.label_names(cls), self._names.label_names(formerly))
            await run(tx, f"UNWIND $ids AS id MATCH (n:Entity {{id: id}}) {relabel}", ids=ids)
        return late

    def _merged(self, delta: Delta, before: Before) -> tuple[dict[str, NodeState], dict[str, NodeState]]:
        """All subjects of the batch as they are now, in order of id, and copies of those that were there as they were."""
        merged, was = {}, {}
        for subject in sorted(delta.nodes):
            merged[subject] = delta.nodes[subject]
            if (held := before.states.get(subject)) is not None:
                tips = {chain: dict(tips) for chain, tips in held.tips.items()}
                was[subject] = NodeState(
                    subject, held.cls, held.cls_stamp, dict(held.registers), held.voided, dict(held.spans), tips
                )
                merged[subject] = self._joiner.merge_node(held, delta.nodes[subject])
        return merged, was

    async def _put(self, tx: AsyncManagedTransaction, states: Iterable[NodeState], clause: str) -> None:
        instants = self._names.instants
        for cls, names, rows in codec.by_class(map(codec.node_row, states), self._nodes_seen, instants):
            said = literal(columns(NODE_FIXED, names, instants))
            await run(tx, f"UNWIND $rows AS r {clause.format(labels=self._names.labels(cls), map=said)}", rows=rows)

    async def _write_said_once(self, tx: AsyncManagedTransaction, delta: Delta, parcel: Parcel, before: Before) -> set[str]:
        """Create the new nodes of which one event says all, each with its one version, and return their ids.

        It is what an import mostly brings; one row for both halves the time. What stands in a chain is not settled yet.
        """
        chained = {subject for subject, _ in delta.waiting}
        told = Counter(version.subject for version, _ in parcel.alone)
        told.update(block[0][0].subject for block in parcel.blocks)
        rows = [
            codec.said_row(delta.nodes[version.subject], version, text)
            for version, text in sorted(parcel.alone, key=lambda said: said[0].subject)
            if told[version.subject] == 1
            and version.subject not in before.ids
            and version.subject not in chained
            and codec.said_once(delta.nodes[version.subject], version)
        ]
        once = {row[0] for row, _ in rows}
        instants = self._names.instants
        for cls, names, full in codec.by_class(rows, self._said_seen, instants):
            cells = columns((*NODE_FIXED, *SAID_FIXED), names, instants)
            node = {name: held for name, held in cells.items() if name not in SAID_FIXED and name not in LINKS}
            said = {"_of" if name == "id" else name: held for name, held in cells.items()}
            made = f"CREATE (n{self._names.labels(cls)} {literal(node)}) CREATE (:{VERSION} {literal(said)})-[:{OF}]->(n)"
            await run(tx, f"UNWIND $rows AS r {made}", rows=full)
        return once

    async def _write_versions(self, tx: AsyncManagedTransaction, parcel: Parcel, once: set[str]) -> None:
        instants = self._names.instants
        rows = [codec.version_row(version, text) for version, text in parcel.alone if version.subject not in once]
        for _, names, full in codec.by_class(rows, self._versions_seen, instants):
            await self._keep(tx, VERSION, columns(VERSION_FIXED, names, instants), full)
        # The lists of a block are parameters as they are, instants too.
        rows = [block_row(block, instants) for block in parcel.blocks]
        for _, names, full in codec.by_class(rows, self._blocks_seen, frozenset()):
            await self._keep(tx, BLOCK, columns(BLOCK_FIXED, names, frozenset()), full)

    async def _keep(self, tx: AsyncManagedTransaction, label: str, cells: dict[str, str], rows: list[Row]) -> None:
        put = f"UNWIND $rows AS r MATCH (n:Entity {{id: r[0]}}) CREATE (:{label} {literal(cells)})-[:{OF}]->(n)"
        await run(tx, put, rows=rows)

    async def _write_edges(self, tx: AsyncManagedTransaction, delta: Delta, before: Before) -> None:
        relations: defaultdict[str, dict[EdgeKey, EdgeState]] = defaultdict(dict)
        for key, state in delta.edges.items():
            relations[key.relation][key] = state
        for relation in sorted(relations):
            states = relations[relation]
            was = await self._edges_before(tx, relation, states, before)
            merged = {key: (stored.state.linked, stored.state.unlinked) for key, stored in was.items()}
            for key, state in states.items():
                linked, unlinked = merged.get(key, (None, None))
                merged[key] = latest(linked, state.linked), latest(unlinked, state.unlinked)
            await self._put_edges(tx, relation, was, {key: EdgeState(*stamps) for key, stamps in merged.items()})

    async def _edges_before(
        self, tx: AsyncManagedTransaction, relation: str, states: Iterable[EdgeKey], before: Before
    ) -> dict[EdgeKey, Stored]:
        """The edges that the batch may change, and of a functional relation the newest link too, on which all depends."""
        if not functional(self._names.schema, relation):
            pairs = {(k.source, k.target) for k in states if k.source in before.states and k.target in before.ids}
            return await self._edges(tx, relation, EDGES_BETWEEN, sorted(pairs))
        targets: defaultdict[str, set[str]] = defaultdict(set)
        for key in states:
            if key.source in before.states:
                targets[key.source].add(key.target)
        return await self._edges(tx, relation, EDGES_NEWEST, [[source, sorted(ends)] for source, ends in sorted(targets.items())])

    async def _edges(self, tx: AsyncManagedTransaction, relation: str, text: str, rows: list[Any]) -> dict[EdgeKey, Stored]:
        found: dict[EdgeKey, Stored] = {}
        if not rows:
            return found
        types, holding = self._names.ever([relation]), self._names.holding([relation])
        for row in await run(tx, text.format(types=types, holding=holding, edge=EDGE), rows=rows):
            key = EdgeKey(row[0], relation, row[1], row[2])
            found[key] = Stored(row[3], EdgeState(_stamp(row[4:9]), _stamp(row[9:14])), row[14])
        return found

    async def _shaken(self, tx: AsyncManagedTransaction, delta: Delta, before: Before) -> dict[str, NodeState]:
        """What must be made anew: where the batch takes something back, or says again what was taken back before."""
        voided = {i: merged for i, state in delta.nodes.items() if (merged := before.states.get(i, state)).voided}
        edges: defaultdict[str, list[EdgeState]] = defaultdict(list)
        for key, edge in delta.edges.items() if voided else ():
            edges[key.source].append(edge)
        quiet = sorted(i for i in voided if not delta.nodes[i].voided)
        for subject, pairs in await run(tx, TAKEN_BACK, ids=quiet) if quiet else ():
            void = {(subject, event, source) for events, sources in pairs for event, source in zip(events, sources, strict=True)}
            if not self._joiner.rests_on(voided[subject], edges[subject], void):
                del voided[subject]
        return voided

    async def _rebuild(self, tx: AsyncManagedTransaction, states: dict[str, NodeState]) -> None:
        """Write those nodes and their edges anew, without what was taken back, in the order of their chains."""
        if not states:
            return
        relations: defaultdict[str, dict[EdgeKey, EdgeState]] = defaultdict(dict)
        for subject, said in await run(tx, SAID_OF, ids=sorted(states)):
            for key, edge in self._joiner.rebuild(states[subject], list(versions(said))).items():
                relations[key.relation][key] = edge
        await self._put(tx, states.values(), "MATCH (n:Entity {{id: r[0]}}) SET n = {map}")
        for relation, edges in sorted(relations.items()):
            was = await self._edges(tx, relation, EDGES_FROM, sorted({key.source for key in edges}))
            await self._put_edges(tx, relation, was, edges)

    async def _put_edges(
        self,
        tx: AsyncManagedTransaction,
        relation: str,
        was: dict[EdgeKey, Stored],
        now: dict[EdgeKey, EdgeState],
    ) -> None:
        new: defaultdict[str, list[tuple[EdgeKey, EdgeState]]] = defaultdict(list)
        gone: list[Row] = []
        changed: list[Row] = []
        label = self._names.label_of(relation)
        single = {key[:2] for key in now} if functional(self._names.schema, relation) else ()
        held = holding_all(now, single)
        for key, state in now.items():
            kind = label if key in held else FORMERLY + label
            old = was.get(key)
            if old is not None and old.kind == kind:
                if state != old.state:
                    changed.append([old.place, *_slots(state)])
                continue
            if old is not None:
                gone.append([old.place])
            new[kind].append((key, state))
        if gone:
            await run(tx, f"{EDGE_AT} DELETE x", rows=gone)
        if changed:
            await run(tx, f"{EDGE_AT} SET x = {edge_map(unlinked=True, qualified='x.qualifier')}", rows=changed)
        for kind, edges in new.items():
            await self._link(tx, kind, edges)

    async def _link(self, tx: AsyncManagedTransaction, kind: str, edges: Iterable[tuple[EdgeKey, EdgeState]]) -> None:
        """Those of one source and stamp are one row: `[source, stamp…, unlinked…, [[target, qualifier], …]]`."""
        plain: defaultdict[tuple[str, Stamp], list[list[str | None]]] = defaultdict(list)
        undone: list[Row] = []
        for key, state in edges:
            end = [key.target, key.qualifier or None]
            if state.unlinked is None and state.linked is not None:
                plain[key.source, state.linked].append(end)
            else:
                undone.append([key.source, *_slots(state), [end]])
        holding = [[source, *codec.stamp_row(stamp), ends] for (source, stamp), ends in sorted(plain.items())]
        for rows, width in ((holding, 6), (undone, 11)):
            if rows:
                edge = edge_map(unlinked=width == 11, qualified="o[1]")
                text = (
                    f"UNWIND $rows AS r MATCH (a:Entity {{id: r[0]}}) UNWIND r[{width}] AS o"
                    f" MATCH (b:Entity {{id: o[0]}}) CREATE (a)-[:{quoted(kind)} {edge}]->(b)"
                )
                await run(tx, text, rows=rows)


def _differ(old: NodeState, new: NodeState) -> bool:
    """Registers and tips by identity: the join keeps one that it did not change, and equality would not tell 1 from 1.0."""
    if (old.cls, old.cls_stamp, old.voided, old.spans) != (new.cls, new.cls_stamp, new.voided, new.spans):
        return True
    kept = [(old.registers, new.registers)]
    kept += [(old.tips.get(chain, {}), tips) for chain, tips in new.tips.items()]  # type: ignore[misc]
    return any(len(a) != len(b) or any(a.get(name) is not one for name, one in b.items()) for a, b in kept)


def _stamp(slots: Sequence[Any]) -> Stamp | None:
    return None if slots[0] is None else Stamp(slots[0], slots[1] or 0, *slots[2:])


def _slots(state: EdgeState) -> Row:
    return [*codec.stamp_row(state.linked), *codec.stamp_row(state.unlinked)]


def _late(told: dict[str, list[Version]], new: Parcel, before: Before) -> dict[str, NodeState]:
    """What must be made anew: where a chain tells something of an earlier place that was not stored yet."""
    if not told:
        return {}
    stored = {(version.subject, version.stamp, text) for version, text in new.said()}
    late = (version for versions in told.values() for version in versions)
    return {v.subject: before.states[v.subject] for v in late if (v.subject, v.stamp, body(v)) in stored}
