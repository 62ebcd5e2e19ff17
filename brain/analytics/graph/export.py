"""The graph of dependencies for the tools that people have: as networkx, whose writers make GraphML and GEXF of it."""

import io
from collections.abc import Collection, Mapping
from typing import Literal

import networkx as nx

from brain.analytics.graph.evidence import Ends
from brain.analytics.graph.observing import NOTHING, Follows, Layer
from brain.analytics.graph.snapshot import Basis, Snapshot
from brain.legible import legible
from brain.model import Edge
from brain.words import iso

Form = Literal["graphml", "gexf"]


def as_networkx(
    snapshot: Snapshot, nodes: Collection[int] | None = None, layer: Layer = NOTHING, evidence: Mapping[Ends, Edge] = {}
) -> "nx.MultiDiGraph[str]":
    """All of it, or what lies between some nodes, with the whole of a layer of what is observed. Edges run from the dependent to
    what it needs, one for each relation and basis; those that are declared with what says so, as far as `evidence` has it."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(ontologyVersion=snapshot.ontology_version)
    kept = set(range(snapshot.count) if nodes is None else nodes)
    for node in sorted(kept):
        said: dict[str, str | bool] = {"class": snapshot.classes[snapshot.cls[node]], "closed": bool(snapshot.closed[node])}
        # XML has no form for control characters.
        name, state = (legible(column[node] or "") for column in (snapshot.names, snapshot.states))
        graph.add_node(legible(snapshot.ids[node]), label=name or legible(snapshot.ids[node]), name=name, state=state, **said)
    for edge in snapshot.needs.tolist():
        dependent, kind, provider = snapshot.parts(edge)
        if dependent in kept and provider in kept:
            ends = legible(snapshot.ids[dependent]), legible(snapshot.ids[provider])
            told = {"label": kind.relation, "relation": kind.relation, "basis": str(kind.basis), "delaySeconds": kind.delay / 1e6}
            link = evidence.get((snapshot.ids[provider], kind.relation, snapshot.ids[dependent]))
            graph.add_edges_from([(*ends, told | _evidence(link))])
    for edge in layer.edges():
        for id in (edge.dependent, edge.provider):
            if legible(id) not in graph:
                name, said = legible(layer.name_of(id) or ""), {"class": layer.class_of(id), "closed": False}
                graph.add_node(legible(id), label=name or legible(id), name=name, state="", **said)
        graph.add_edges_from([(legible(edge.dependent), legible(edge.provider), _observed(edge))])
    return graph


def _evidence(link: Edge | None) -> dict[str, str]:
    if link is None:
        return {}
    stamp = link.stamp
    return {"said": iso(stamp.valid), "event": legible(stamp.event), "eventSource": legible(stamp.source)}


def _observed(edge: Follows) -> dict[str, str | int | float]:
    """`delaySeconds`, which declared edges have too, is the median."""
    told = edge.told
    return {
        "label": edge.relation,
        "relation": edge.relation,
        "basis": str(Basis.OBSERVED),
        "objectType": legible(edge.object_type),
        "support": told.support,
        "together": told.together,
        "strength": told.strength,
        "q": told.q,
        "delaySeconds": told.delay_median_seconds,
        "delayP10Seconds": told.delay_p10_seconds,
        "delayP90Seconds": told.delay_p90_seconds,
        "since": iso(told.since),
        "until": iso(told.until),
        **({} if told.trouble is None else {"trouble": str(told.trouble)}),
    }


def exported(graph: "nx.MultiDiGraph[str]", form: Form) -> str:
    """As a document of GraphML or GEXF 1.2."""
    stream = io.BytesIO()
    write = nx.write_graphml if form == "graphml" else nx.write_gexf
    write(graph, stream)
    return stream.getvalue().decode()
