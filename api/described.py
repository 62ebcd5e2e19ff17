"""The ontology itself, as GraphQL types: what there is to ask for, in the words of the people who modelled it."""

from collections.abc import Mapping

import strawberry
from strawberry.types.unset import UNSET

from api.kernel import given, shown
from brain.schema import NodeClass, Property, Relation, Schema


@strawberry.type(name="OntologyProperty", description="One property of a class.")
class PropertyType:
    property: strawberry.Private[Property]

    @shown
    def name(self) -> str:
        return self.property.name

    @shown
    def iri(self) -> str:
        return self.property.iri

    @shown
    def datatype(self) -> str:
        """string, integer, float, boolean or instant."""
        return self.property.datatype.value

    @shown
    def unit(self) -> str | None:
        """The unit as a UCUM code, such as mL/h."""
        return self.property.unit

    @shown
    def history(self) -> str:
        """latest (telemetry: the newest good value) or full (every version)."""
        return self.property.history.value

    @shown
    def required(self) -> bool:
        return self.property.required

    @shown
    def description(self) -> str:
        return self.property.description


@strawberry.type(name="OntologyRelation", description="One relation from nodes of a class to nodes of a class.")
class RelationType:
    relation: strawberry.Private[Relation]

    @shown
    def name(self) -> str:
        return self.relation.name

    @shown
    def iri(self) -> str:
        return self.relation.iri

    @shown
    def target(self) -> str:
        return self.relation.target

    @shown
    def functional(self) -> bool:
        """A node has at most one target at a time."""
        return self.relation.functional

    @shown
    def inverse(self) -> str | None:
        return self.relation.inverse

    @shown
    def dependency(self) -> str | None:
        """Which end needs the other: `target` means that the source depends on the target."""
        return self.relation.dependency

    @shown
    def description(self) -> str:
        return self.relation.description


@strawberry.type(name="OntologyClass", description="One class of the ontology, with what it inherits.")
class ClassType:
    cls: strawberry.Private[NodeClass]

    @shown
    def name(self) -> str:
        return self.cls.name

    @shown
    def iri(self) -> str:
        return self.cls.iri

    @shown
    def ancestors(self) -> list[str]:
        """From the direct parent to the root."""
        return list(self.cls.ancestors)

    @shown
    def domain(self) -> str:
        """The file it comes from."""
        return self.cls.domain

    @shown
    def keyspace(self) -> str:
        """What its nodes' ids begin with."""
        return self.cls.keyspace

    @shown
    def key(self) -> str | None:
        """The property that holds the key."""
        return self.cls.key

    @shown
    def aliases(self) -> list[str]:
        """Properties under which people also look it up."""
        return list(self.cls.aliases)

    @shown
    def borrowed(self) -> list[str]:
        """IRIs of the published classes of which it is a subclass."""
        return list(self.cls.borrowed)

    @shown
    def description(self) -> str:
        return self.cls.description

    @shown
    def properties(self) -> list[PropertyType]:
        return [PropertyType(property=p) for _, p in sorted(self.cls.properties.items())]

    @shown
    def relations(self) -> list[RelationType]:
        return [RelationType(relation=r) for _, r in sorted(self.cls.relations.items())]


@strawberry.type(name="Ontology", description="The ontology that this server runs on.")
class OntologyType:
    schema: strawberry.Private[Schema]

    @shown
    def version(self) -> str:
        """A digest of its files."""
        return self.schema.version

    @shown
    def domains(self) -> list[str]:
        return list(self.schema.domains)

    @shown
    def classes(self, name: str | None = UNSET) -> list[ClassType]:
        """All classes by name, or one."""
        chosen: Mapping[str, NodeClass] = {name: self.schema.of(name)} if given(name) else self.schema.classes
        return [ClassType(cls=c) for _, c in sorted(chosen.items())]
