"""The store of record: a Neo4j server, community edition, with a graph that reads well in Neo4j's own tools.

    (:Entity:Asset:InfusionPump {id, flow, …})                  a node: its labels are its class and that class's ancestors
    (:Step)-[:OBJECT {qualifier}]->(:WorkObject)                 a relation that holds
    (:InfusionPump)-[:FORMERLY_IS_IMPLEMENTED_BY]->(…)           one that does not hold any more, or was replaced
    (:Version {flow, retracted, linkTargets, …})-[:OF]->(node)   what one event said of a node, kept for ever
    (:Quality {property, verdict, at, detail})-[:OF]->(node)     a verdict on one value
    (:Mark), (:DeadLetter), (:Brain)                             how far streams are stored; letters; format and ontology

Labels, relationship types and property names are the ontology's. Instants are native datetimes. What a payload named itself is
in the parallel lists `attributeNames` and `attributeValues` (`codec.attribute_text` says how a value is written). Names that
begin with `_` are the brain's own evidence: `_valid`, `_authority`, `_event`, `_source` are the stamp of the node's class and
of every value that is not in `_names`, whose stamps are in `_valids`, `_authorities`, `_events`, `_sources`; times in them are
integers, µs since the epoch, UTC. `_logical` and `_logicals` are there where a chain orders what clocks do not; `_tip…` are the
tips of chains, and `_chain`, `_position` the place of a version in one (`brain.chains`).
"""

from brain.stores.neo4j.store import Neo4jStore

__all__ = ["Neo4jStore"]
