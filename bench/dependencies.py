"""How fast the graph of dependencies answers, beside networkx, rustworkx and igraph over the same edges in one run.

    python -m bench.dependencies [--nodes N] [--rounds N]

Two graphs of N nodes and 4 N edges of five relations: `layered`, where everything needs things nearer to the utilities, as in
a plant; and `tangled`, sites in which things need each other in circles. Ours goes from the snapshot to the typed answer: ids,
and how many of which class; once with nothing worked out yet, and once as it is in a live graph that was asked before and changed
since. A peer has its own graph built before the clock starts, and answers in its numbers. networkx does a few of the sets and
sources, which is told as if it had done all. CPU seconds of this process, the best of some rounds. All must agree.

Then impact queries at depth 6, in ms, on a snapshot of 10 N edges, and how long it takes a change of it to show, from before its
commit until a query may see it.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import igraph
import networkx as nx
import numpy as np
import rustworkx

from brain.analytics.graph.impact import Asked, impact
from brain.analytics.graph.live import LiveGraph
from brain.analytics.graph.reach import descendant_sets
from brain.analytics.graph.snapshot import NODE_BITS, ROW, Ints, Snapshot, changed, empty, firsts, seconds
from brain.analytics.graph.structure import articulation_points, betweenness, pagerank
from brain.engine import Engine
from brain.feeds.memory import MemoryFeed
from brain.model import Assert, ChangeSet, Link, Node
from brain.schema import Schema
from brain.stores import open_store
from ontology import load_schema

SCHEMA = load_schema(())
RELATIONS = ("requires", "locatedIn", "supplies", "partOf", "operates")
CLASSES = ("Machine", "Pump", "Operator", "WorkCenter", "ProductionOrder")
SETS, SOURCES, FEW = 1000, 200, 4
"""Descendant sets, sources of betweenness, and how many of either networkx does."""
SITE = 0.15
"""The share of all things that is one site of the tangled graph."""
QUERIES, HUBS, CHANGES = 300, 60, 30


def plant(schema: Schema, nodes: int, edges: int, tangled: bool) -> Snapshot:
    random = np.random.default_rng(nodes)
    needs = random.integers(1, nodes, edges)
    if tangled:
        site = max(2, round(nodes * SITE))
        provider = needs // site * site + random.integers(0, site, edges)
        provider = np.minimum(provider, nodes - 1)
    else:
        provider = (needs * random.random(edges) ** 2).astype(np.int64)
    pairs = np.unique(needs[needs != provider] << 32 | provider[needs != provider])
    base = empty(schema)
    numbers = {kind.relation: i for i, kind in enumerate(base.kinds)}
    kind = np.array([numbers[name] for name in RELATIONS])[random.integers(0, len(RELATIONS), len(pairs))]
    for i in range(nodes):
        base.index[f"thing/{i}"] = i
        base.ids.append(f"thing/{i}")
    keys = np.sort(pairs >> 32 << ROW | kind << NODE_BITS | pairs & (1 << 32) - 1)
    said = {i: Node(id, CLASSES[i * 7919 % len(CLASSES)], {}, {}, {}) for i, id in enumerate(base.ids)}
    return changed(base, schema, np.zeros(0, np.int64), keys, dict(said))


@dataclass
class Peers:
    """The same edges, from provider to dependent, as each library likes them best."""

    networkx: "nx.DiGraph[int]"
    rustworkx: "rustworkx.PyDiGraph[int, None]"
    rustworkx_joined: "rustworkx.PyGraph[int, None]"
    igraph: Any
    igraph_joined: Any


def peers(snapshot: Snapshot) -> Peers:
    pairs = list(zip(firsts(snapshot.feeds).tolist(), seconds(snapshot.feeds).tolist(), strict=True))
    one: nx.DiGraph[int] = nx.DiGraph()
    one.add_nodes_from(range(snapshot.count))
    one.add_edges_from(pairs)
    two: rustworkx.PyDiGraph[int, None] = rustworkx.PyDiGraph()
    joined: rustworkx.PyGraph[int, None] = rustworkx.PyGraph()
    for graph in (two, joined):
        graph.add_nodes_from(range(snapshot.count))
        graph.add_edges_from_no_data(pairs)
    three = igraph.Graph(n=snapshot.count, edges=pairs, directed=True)
    return Peers(one, two, joined, three, three.as_undirected())


def cold(snapshot: Snapshot) -> Snapshot:
    """The same, with nothing worked out yet."""
    return replace(snapshot)


def lived(snapshot: Snapshot) -> Snapshot:
    """The same after it was asked for what is joined, and lost an edge and got it back."""
    one = snapshot.needs[:1]
    none = one[:0]
    gone = changed(snapshot, SCHEMA, one, none, {})
    back = changed(gone, SCHEMA, none, one, {})
    snapshot.__dict__["undirected"] = back.__dict__["undirected"]
    return back


def told(snapshot: Snapshot, nodes: Ints) -> Counter[str]:
    counts = np.bincount(snapshot.cls[nodes])
    return Counter({snapshot.classes[i]: int(counts[i]) for i in np.flatnonzero(counts)})


def ranked(snapshot: Snapshot, values: Any) -> list[tuple[str, float]]:
    first = np.argsort(-np.asarray(values), kind="stable")[:100].tolist()
    return [(snapshot.ids[i], float(values[i])) for i in first]


def seconds_of(work: Callable[..., Any], rounds: int, ready: Callable[[], Any] | None = None) -> tuple[float, Any]:
    """`ready` makes what the work is done on, before the clock starts."""
    times, found = [], None
    for _ in range(rounds):
        gc.collect()
        given = () if ready is None else (ready(),)
        begin = time.process_time()
        found = work(*given)
        times.append(time.process_time() - begin)
        if sum(times) > 5:
            break
    return min(times), found


def compare(name: str, snapshot: Snapshot, rounds: int) -> None:
    print(f"\n{name}: {snapshot.count:,} nodes, {snapshot.edges:,} edges; CPU seconds")
    print(f"  {'':32}{'ours':>8}{'live':>8}{'networkx':>10}{'rustworkx':>10}{'igraph':>8}   ours, live / fastest")
    theirs, random = peers(snapshot), np.random.default_rng(3)
    some = random.choice(snapshot.count, SETS, replace=False).tolist()
    for task in (_pagerank, _articulation, _descendants, _betweenness):
        task(snapshot, theirs, some, rounds)


def row(name: str, ours: float, live: float, networkx: float, rust: float | None, ig: float) -> None:
    fastest = min(x for x in (networkx, rust, ig) if x is not None)
    shown = f"{'–':>10}" if rust is None else f"{rust:10.3f}"
    print(
        f"  {name:32}{ours:8.3f}{live:8.3f}{networkx:10.2f}{shown}{ig:8.3f}   {ours / fastest:.2f}, {live / fastest:.2f}",
        flush=True,
    )


def _pagerank(snapshot: Snapshot, theirs: Peers, _: Sequence[int], rounds: int) -> None:
    """Along needs: from a thing to what it needs, so the peers' graphs are turned round before the clock starts."""
    turned = [(b, a) for a, b in theirs.rustworkx.edge_list()]
    two: rustworkx.PyDiGraph[int, None] = rustworkx.PyDiGraph()
    two.add_nodes_from(range(snapshot.count))
    two.add_edges_from_no_data(turned)
    three, one = igraph.Graph(n=snapshot.count, edges=turned, directed=True), theirs.networkx.reverse()
    ours, found = seconds_of(lambda: ranked(snapshot, pagerank(cold(snapshot))), rounds)
    nets, want = seconds_of(lambda: nx.pagerank(one), 1)
    assert all(abs(want[snapshot.index[id]] - value) < 1e-6 for id, value in found)
    rust, _other = seconds_of(lambda: rustworkx.pagerank(two), rounds)
    row("PageRank", ours, ours, nets, rust, seconds_of(lambda: three.pagerank(), rounds)[0])


def _articulation(snapshot: Snapshot, theirs: Peers, _: Sequence[int], rounds: int) -> None:
    def named(held: Snapshot) -> list[str]:
        return [held.ids[i] for i in articulation_points(held).tolist()]

    ours, _found = seconds_of(lambda: named(cold(snapshot)), rounds)
    assert len(snapshot.undirected)
    live, found = seconds_of(named, rounds, lambda: lived(snapshot))
    nets, _other = seconds_of(lambda: list(nx.articulation_points(theirs.networkx.to_undirected())), 1)
    rust, want = seconds_of(lambda: rustworkx.articulation_points(theirs.rustworkx_joined), rounds)
    ig, same = seconds_of(lambda: theirs.igraph_joined.articulation_points(), rounds)
    assert {snapshot.index[id] for id in found} == set(want) == set(same)
    row("articulation points", ours, live, nets, rust, ig)


def _descendants(snapshot: Snapshot, theirs: Peers, some: Sequence[int], rounds: int) -> None:
    def counted(held: Snapshot) -> list[tuple[Ints, Counter[str]]]:
        return [(reached, told(held, reached)) for reached in descendant_sets(held, some)]

    ours, found = seconds_of(lambda: counted(cold(snapshot)), rounds)
    nets, _other = seconds_of(lambda: [nx.descendants(theirs.networkx, node) for node in some[:FEW]], 1)
    rust, want = seconds_of(lambda: [rustworkx.descendants(theirs.rustworkx, node) for node in some], 1)
    ig, same = seconds_of(lambda: [theirs.igraph.subcomponent(node, mode="out") for node in some], 1)
    for (reached, counts), one, two in zip(found, want, same, strict=True):
        assert len(reached) == len(one) == len(two) - 1 == counts.total()
    row(f"{SETS:,} descendant sets", ours, ours, nets * SETS / FEW, rust, ig)
    print(f"    (of {statistics.mean(len(reached) for reached, _ in found):,.0f} nodes in the mean)")


def _betweenness(snapshot: Snapshot, theirs: Peers, some: Sequence[int], rounds: int) -> None:
    sources, everything = some[:SOURCES], list(range(snapshot.count))
    ours, found = seconds_of(lambda: ranked(snapshot, betweenness(cold(snapshot), sources)), rounds)
    nets, _other = seconds_of(lambda: nx.betweenness_centrality_subset(theirs.networkx, sources[:FEW], everything), 1)
    ig, want = seconds_of(lambda: theirs.igraph.betweenness(sources=sources, directed=True), rounds)
    assert all(abs(want[snapshot.index[id]] - value) < 1e-6 * max(value, 1) for id, value in found)
    row(f"betweenness from {SOURCES} sources", ours, ours, nets * SOURCES / FEW, None, ig)


def queries(schema: Schema, name: str, snapshot: Snapshot) -> None:
    """Of random things on which something hangs, and of those on which most does: lost, and with half of their capacity left."""
    rank = pagerank(snapshot)
    needed = np.flatnonzero(np.diff(snapshot.feeds_start))
    random = np.random.default_rng(5)
    some, hubs = random.choice(needed, QUERIES), np.argsort(-rank)[:HUBS]
    for who, nodes, capacity in (
        ("random things", some, 0.0),
        (f"the first {HUBS} by flow", hubs, 0.0),
        ("random things, half left", some, 0.5),
        (f"the first {HUBS}, half left", hubs, 0.5),
    ):
        times, lost = [], []
        for node in nodes.tolist():
            begin = time.process_time()
            found = impact(snapshot, schema, snapshot.ids[node], Asked(at=0, depth=6, first=100, capacity=capacity))
            times.append((time.process_time() - begin) * 1000)
            lost.append(sum(c.count for c in found.counts))
        cuts = statistics.quantiles(times, n=20)
        print(
            f"  {name}, {snapshot.edges:,} edges, {who:24} p50 {cuts[9]:6.1f} ms   p95 {cuts[18]:6.1f} ms"
            f"   most {max(times):6.1f} ms   ({statistics.mean(lost):,.0f} lost in the mean, {max(lost):,} at most)"
        )


async def changes(schema: Schema, snapshot: Snapshot) -> None:
    """The graph is put beside a small store: a change is its commit, its notice, the reading of its subject, and the arrays."""
    store, feed = open_store("sqlite://"), MemoryFeed()
    await store.prepare(schema)
    live, engine = LiveGraph(store, schema, feed), Engine(store, feed)
    running = asyncio.create_task(live.run())
    await live.snapshot()
    live._held = snapshot
    times = []
    for i in range(CHANGES):
        subject, target = f"thing/{i}", f"thing/{snapshot.count // 2 + i}"
        said = Assert(subject, "Machine", {"state": f"{i}"}, {}, (Link("requires", target), Link("locatedIn", f"new/{i}")))
        begin = time.perf_counter()
        await engine.commit([ChangeSet(f"e{i}", "bench", i, i, (said,))])
        await asyncio.sleep(0)  # the feed's turn
        seen = await live.snapshot()
        assert seen.states[i] == f"{i}"
        times.append((time.perf_counter() - begin) * 1000)
        assert seen.number(f"new/{i}") is not None
    print(
        f"  a change shows, {snapshot.edges:,} edges: p50 {statistics.median(times):.0f} ms, most {max(times):.0f} ms"
        f" of {CHANGES} (wall time)"
    )
    await feed.close()
    await running
    await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    schema = SCHEMA
    for name, tangled in (("layered", False), ("tangled", True)):
        compare(name, plant(schema, given.nodes, 4 * given.nodes, tangled), given.rounds)
    print("\nimpact at depth 6, CPU time")
    for name, tangled in (("layered", False), ("tangled", True)):
        large = plant(schema, given.nodes * 5 // 2, 10 * given.nodes, tangled)
        queries(schema, name, large)
    asyncio.run(changes(schema, large))


if __name__ == "__main__":
    main()
