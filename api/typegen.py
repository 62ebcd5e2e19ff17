"""From the ontology to GraphQL types: every class, property and relation, and nothing that is written by hand.

A class without children is an object type of its name. A class with children is an interface of its name, since an object type
cannot be implemented; its own direct instances are of the object type `Generic<Class>`. `Entity`, the root, is an interface
under Relay's `Node`.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

import strawberry
from strawberry.types.unset import UNSET

from api.filters import filter_type
from api.kernel import EntityFields, EvidenceType, Info, NodeInterface, PageInfoType, Row, Rows, shown
from api.names import check_names, plural
from api.paging import Slice, cut, encode
from api.scalars import Long
from brain.errors import BadQuery
from brain.model import Edge, Instant, Node
from brain.query import AsOf, Direction, Hop
from brain.schema import ROOT, Datatype, NodeClass, Property, Relation, Schema

PYTHON: Mapping[Datatype, Any] = {
    Datatype.STRING: str,
    Datatype.INTEGER: Long,
    Datatype.FLOAT: float,
    Datatype.BOOLEAN: bool,
    Datatype.INSTANT: Instant,
}


@dataclass(frozen=True)
class Types:
    """All that was generated, by class name. `concrete` are the object types that nodes become; `outputs` what fields return."""

    schema: Schema
    outputs: dict[str, Any] = field(default_factory=dict)
    concrete: dict[str, Any] = field(default_factory=dict)
    filters: dict[str, Any] = field(default_factory=dict)
    connections: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
    class_names: Any = None

    def wrap(self, node: Node, at: AsOf, expected: str = ROOT) -> Any:
        """The node as an object of its class's type.

        Where it is not (yet) known to be what a relation points to, it is shown as that (RDFS range): a placeholder that
        others call a room is a room, and its `class` says what is known of it.
        """
        cls = node.cls if self.schema.is_a(node.cls, expected) and node.cls in self.concrete else expected
        return self.concrete[cls](held=node, at=at)


def typed(resolver: Callable[..., Any], returns: Any, **arguments: Any) -> Callable[..., Any]:
    """The resolver with its generated types put in: strawberry reads annotations, which cannot name what is made at run time."""
    resolver.__annotations__ = {"info": Info, **arguments, "return": returns}
    return resolver


def generate(schema: Schema) -> Types:
    """All types of an ontology. Raises BadName for a name that GraphQL cannot have or that clashes."""
    check_names(schema)
    made = Types(schema, class_names=strawberry.enum(_enum(schema), description="The classes of the ontology."))
    order = sorted(schema.classes.values(), key=lambda c: (c.depth, c.name))
    for cls in order:
        _bare(made, cls)
    for cls in order:
        made.filters[cls.name] = filter_type(cls, __name__)
        made.connections[cls.name] = _connection(made, cls.name)
    for name in sorted(_link_targets(schema)):
        made.links[name] = _link_connection(made, name)
    for cls in order:
        _complete(made, cls)
    return made


def _enum(schema: Schema) -> Any:
    return Enum("ClassName", {name: name for name in sorted(schema.classes)}, module=__name__)


def _bare(made: Types, cls: NodeClass) -> None:
    """The Python classes first, without fields: relations run in circles, so every type must exist before any has a field."""
    base = made.outputs[cls.ancestors[0]] if cls.ancestors else NodeInterface
    made.outputs[cls.name] = made.concrete[cls.name] = _class(cls.name, base)
    if len(made.schema.descendants[cls.name]) > 1 or cls.name == ROOT:
        made.concrete[cls.name] = _class(f"Generic{cls.name}", made.outputs[cls.name])


def _class(name: str, *bases: type) -> type[Any]:
    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = __name__
        namespace["__annotations__"] = {}

    return types.new_class(name, bases, {}, body)


def _complete(made: Types, cls: NodeClass) -> None:
    """Give a class its own fields; those of its ancestors are inherited."""
    output, concrete = made.outputs[cls.name], made.concrete[cls.name]
    for name, made_field in _fields(made, cls).items():
        setattr(output, name, made_field)
    described = _sentence(cls.description)
    if concrete is output:
        strawberry.type(output, name=cls.name, description=described)
        return
    strawberry.interface(output, name=cls.name, description=described)
    strawberry.type(concrete, name=concrete.__name__, description=f"{cls.name} of which no closer class is known.")


def _fields(made: Types, cls: NodeClass) -> dict[str, Any]:
    parent = made.schema.classes[cls.ancestors[0]] if cls.ancestors else None
    found = dict(_kernel_fields()) if parent is None else {}
    for name, prop in sorted(cls.properties.items()):
        if parent is None or name not in parent.properties:
            found[f"p_{name}"] = _property_field(prop)
    for name, relation in sorted(cls.relations.items()):
        if parent is None or name not in parent.relations:
            found[f"r_{name}"] = _relation_field(made, relation)
    for relation in inverses(made.schema):
        if relation.target == cls.name:
            found[f"i_{relation.inverse}"] = _many(made, relation, Direction.IN)
    return found


def inverses(schema: Schema) -> list[Relation]:
    """Relations that can be read from their other end: those whose inverse has a name that is not a relation of its own."""
    return sorted((r for r in schema.relations.values() if r.inverse and r.inverse not in schema.relations), key=lambda r: r.name)


def _kernel_fields() -> Mapping[str, Any]:
    return {name: shown(value) for name, value in vars(EntityFields).items() if callable(value) and not name.startswith("_")}


def _property_field(prop: Property) -> Any:
    name = prop.name

    def value(self: Any) -> Any:
        return self.held.properties.get(name)

    described = f"{_sentence(prop.description) or ''}{f' Unit: {prop.unit} (UCUM).' if prop.unit else ''}".strip()
    value.__annotations__ = {"return": PYTHON[prop.datatype] | None}
    return strawberry.field(resolver=value, name=name, description=described or None)


def _relation_field(made: Types, relation: Relation) -> Any:
    return _one(made, relation) if relation.functional else _many(made, relation, Direction.OUT)


def _one(made: Types, relation: Relation) -> Any:
    async def target(self: Any, info: Any) -> Any:
        loaders = info.context.loaders
        edges = await loaders.edges(Hop(self.held.id, Direction.OUT, (relation.name,), 1), self.at)
        if not edges:
            return None
        node = await loaders.node(edges[0].target, self.at)
        return None if node is None else made.wrap(node, self.at, relation.target)

    returns = _optional(made.outputs[relation.target])
    return strawberry.field(resolver=typed(target, returns), name=relation.name, description=_sentence(relation.description))


def _many(made: Types, relation: Relation, direction: Direction) -> Any:
    name, other = (relation.name, relation.target) if direction is Direction.OUT else (relation.inverse, relation.source)

    async def page(self: Any, info: Any, first: Any = UNSET, after: Any = UNSET, last: Any = UNSET, before: Any = UNSET) -> Rows:
        limits = info.context.limits
        part = Slice.of(limits, first, after, last, before, 2)
        simple = part.after is None and part.before is None and not part.backwards
        # One more than the page says whether more lies beyond; any other page must see all edges, for a hop has no cursor.
        hop = Hop(self.held.id, direction, (relation.name,), part.size + 1 if simple else limits.edges + 1)
        edges = await info.context.loaders.edges(hop, self.at)
        if not simple and len(edges) > limits.edges:
            mend = "read the first page, or list the class with a filter"
            raise BadQuery(f"{self.held.id} has more than {limits.edges:,} {name}: {mend}")
        chosen, more = cut(edges, lambda e: _place(e, direction), part)
        rows = [Row(encode(_place(e, direction)), _place(e, direction)[0], self.at, link=e) for e in chosen]
        begun = part.before is not None if part.backwards else part.after is not None
        return Rows.of(rows, more, part.backwards, begun, None if simple and more else (len(edges)))

    text = relation.description if direction is Direction.OUT else f"The other end of {relation.source}.{relation.name}."
    returns = made.links[other]
    return strawberry.field(resolver=typed(page, returns, **PAGE), name=name, description=_sentence(text))


PAGE: Mapping[str, Any] = {"first": int | None, "after": str | None, "last": int | None, "before": str | None}


def _place(edge: Edge, direction: Direction) -> tuple[str, str]:
    return (edge.target if direction is Direction.OUT else edge.source, edge.qualifier)


def _link_targets(schema: Schema) -> set[str]:
    many = {r.target for r in schema.relations.values() if not r.functional}
    return many | {r.source for r in inverses(schema)}


def _connection(made: Types, name: str) -> Any:
    edge: Any = strawberry.type(_edge(made, name, f"{name}Edge"), name=f"{name}Edge", description=f"One {name} of a list.")

    async def total(self: Rows) -> Any:
        return await self.total() if self.total else None

    total.__annotations__ = {"return": Long | None}
    connection = _class(f"{name}Connection")
    connection.__annotations__.update(edges=list.__class_getitem__(edge), page_info=PageInfoType)
    connection.total_count = strawberry.field(
        resolver=total, name="totalCount", description="How many the list matches now, beyond this page; null in the past."
    )
    return strawberry.type(connection, name=f"{name}Connection", description=f"A page of {plural(name)}, in order of id.")


def _link_connection(made: Types, name: str) -> Any:
    edge: Any = _edge(made, name, f"{name}LinkEdge")

    def qualifier(self: Row) -> str:
        """The part that the object played (OCEL 2.0); empty where none."""
        return cast(Edge, self.link).qualifier

    def evidence(self: Row) -> EvidenceType:
        """The event that says so."""
        link = cast(Edge, self.link)
        return EvidenceType(stamp=link.stamp, about=link.relation)

    edge.qualifier = shown(qualifier)
    edge.evidence = shown(evidence)
    edge = strawberry.type(edge, name=f"{name}LinkEdge", description=f"One relation to or from a {name}.")

    def total(self: Rows) -> Any:
        return self.total

    total.__annotations__ = {"return": Long | None}
    connection = _class(f"{name}LinkConnection")
    connection.__annotations__.update(edges=list.__class_getitem__(edge), page_info=PageInfoType)
    connection.total_count = strawberry.field(
        resolver=total, name="totalCount", description="How many there are; null where the page alone does not tell."
    )
    return strawberry.type(
        connection, name=f"{name}LinkConnection", description="A page of relations, in order of the other end's id and qualifier."
    )


def _edge(made: Types, name: str, edge_name: str) -> Any:
    async def node(self: Row, info: Any) -> Any:
        if self.found is not None:
            return self.found
        found = await info.context.loaders.node(self.id, self.at)
        return None if found is None else made.wrap(found, self.at, name)

    edge = _class(edge_name)
    edge.__annotations__["cursor"] = str
    edge.node = strawberry.field(resolver=typed(node, _optional(made.outputs[name])))
    return edge


def _optional(kind: Any) -> Any:
    return kind | None


def _sentence(text: str) -> str | None:
    return " ".join(text.split()) or None
