"""The store of record: a Neo4j server, community edition, with a graph that reads well in Neo4j's own tools.

    (:Entity:Asset:InfusionPump {id, flow, …})                  a node: its labels are its class and that class's ancestors
    (:Step)-[:OBJECT {qualifier}]->(:WorkObject)                 a relation that holds
    (:InfusionPump)-[:FORMERLY_IS_IMPLEMENTED_BY]->(…)           one that does not hold any more, or was replaced
    (:Version {flow, retracted, linkTargets, …})-[:OF]->(node)   what one event said of a node, kept for ever
    (:Versions {state: ['idle', 'alarm'], …})-[:OF]->(node)      what some events said of it, alike, in one transaction
    (:Quality {property, verdict, at, detail})-[:OF]->(node)     a verdict on one value
    (:Mark), (:DeadLetter), (:Brain)                             how far streams are stored; letters; format and ontology

Labels, relationship types and property names are the ontology's. Instants are native datetimes, except in the lists of a block.
What a payload named itself is in the parallel lists `attributeNames` and `attributeValues` (`codec.attribute_text` says how a
value is written). Names that begin with `_` are the brain's own evidence: `_valid`, `_authority`, `_event`, `_source` are the
stamp of the node's class and of every value that is not in `_names`, whose stamps are in `_valids`, `_authorities`, `_events`,
`_sources`; times in them are integers, µs since the epoch, UTC. `_logical` and `_logicals` are there where a chain orders what
clocks do not; `_tip…` are the tips of chains, and `_chain`, `_position` the place of a version in one (`brain.chains`).

A version is a node of its own, or one of a block, `(:Versions)`; together they are one set, and no version is in it twice. A
block has the versions of one node that came in one transaction and have one shape, up to 500, in order of their stamps. Its lists
run in parallel: the nth version has the nth entry of `_valids`, `_events`, `_receiveds` and of the list of each property. What
they share is said once: `_class`, `_authority`, `_source`, `_recorded`, `_ontology`, the names that are `retracted`, those of
attributes, and the relations, qualifiers and presence of links. `attributeValues` and `linkTargets` have the entries of the first
version, then those of the second, and so on. `_valid` and `_last` are the block's ends, `_count` says how many it has. Instants
among its values are integers, µs, as all times in lists. What takes something back, or stands in a chain, is never in a block. An
analyst asks for the newest states of a pump by

    MATCH (v:Versions|Version)-[:OF]->(:InfusionPump {id: 'asset/PUMP-03'}) WHERE v.state IS NOT NULL
    UNWIND range(0, coalesce(v._count, 1) - 1) AS i
    RETURN coalesce(v._valids[i], v._valid) AS at, CASE WHEN v:Versions THEN v.state[i] ELSE v.state END AS state
    ORDER BY at DESC LIMIT 10
"""

from brain.stores.neo4j.store import Neo4jStore

__all__ = ["Neo4jStore"]
