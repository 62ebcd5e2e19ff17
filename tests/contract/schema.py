"""A small ontology, built by hand, with every feature that a store must honour."""

from brain.schema import ROOT, Datatype, History, NodeClass, Property, Relation, Schema

NAME = Property("name", "t:name", Datatype.STRING, indexed=True)
ASSET = [
    NAME,
    Property("state", "t:state", Datatype.STRING, indexed=True),
    Property("weight", "t:weight", Datatype.FLOAT, indexed=True),
]
PUMP = [
    *ASSET,
    Property("flow", "t:flow", Datatype.FLOAT, unit="mL/h", history=History.LATEST, impossible_while=("state", "x")),
    Property("starts", "t:starts", Datatype.INTEGER, indexed=True, counter=True),
    Property("on", "t:on", Datatype.BOOLEAN),
    Property("servicedAt", "t:servicedAt", Datatype.INSTANT, indexed=True),
]
STEP = [
    NAME,
    Property("activity", "t:activity", Datatype.STRING, indexed=True),
    Property("startedAt", "t:startedAt", Datatype.INSTANT),
    Property("completedAt", "t:completedAt", Datatype.INSTANT),
    Property("sequence", "t:sequence", Datatype.INTEGER),
    Property("startSequence", "t:startSequence", Datatype.INTEGER),
    Property("lifecycle", "t:lifecycle", Datatype.STRING),
    Property("enabledAt", "t:enabledAt", Datatype.INSTANT),
]
WORK = [NAME, Property("objectType", "t:objectType", Datatype.STRING, indexed=True)]

LOCATED = Relation("locatedIn", "t:locatedIn", ROOT, ROOT, functional=True, dependency="target", stay=2)
MONITORS = Relation("monitors", "t:monitors", "Asset", ROOT, dependency="source")
OBJECT = Relation("object", "t:object", "Step", ROOT)
PERFORMED = Relation("performedBy", "t:performedBy", "Step", ROOT, functional=True)
SAME = Relation("sameAs", "t:sameAs", ROOT, ROOT)


def node_class(name: str, ancestors: tuple[str, ...], properties: list[Property], *relations: Relation) -> NodeClass:
    return NodeClass(
        name,
        f"t:{name}",
        ancestors,
        name.lower(),
        {p.name: p for p in properties},
        {r.name: r for r in (LOCATED, SAME, *relations)},
    )


def schema(version: str = "v1", *more: NodeClass) -> Schema:
    classes = [
        node_class(ROOT, (), [NAME]),
        node_class("Asset", (ROOT,), ASSET, MONITORS),
        node_class("Pump", ("Asset", ROOT), PUMP, MONITORS),
        node_class("Scanner", ("Asset", ROOT), ASSET, MONITORS),
        node_class("Person", (ROOT,), [NAME]),
        node_class("Place", (ROOT,), [NAME]),
        node_class("WorkObject", (ROOT,), WORK),
        node_class("Step", (ROOT,), STEP, OBJECT, PERFORMED),
        *more,
    ]
    return Schema(version, {c.name: c for c in classes})
