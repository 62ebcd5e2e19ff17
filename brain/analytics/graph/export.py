"""The graph of dependencies for the tools that people have: as networkx, whose writers make GraphML and GEXF of it."""

import io
from collections.abc import Collection
from typing import Literal

import networkx as nx

from brain.analytics.graph.snapshot import Snapshot
from brain.legible import legible

Form = Literal["graphml", "gexf"]


def as_networkx(snapshot: Snapshot, nodes: Collection[int] | None = None) -> "nx.MultiDiGraph[str]":
    """All of it, or what lies between some nodes. Edges run from the dependent to what it needs, one for each relation."""
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
            graph.add_edge(
                *ends, label=kind.relation, relation=kind.relation, basis=str(kind.basis), delaySeconds=kind.delay / 1e6
            )
    return graph


def exported(graph: "nx.MultiDiGraph[str]", form: Form) -> str:
    """As a document of GraphML or GEXF 1.2."""
    stream = io.BytesIO()
    write = nx.write_graphml if form == "graphml" else nx.write_gexf
    write(graph, stream)
    return stream.getvalue().decode()
