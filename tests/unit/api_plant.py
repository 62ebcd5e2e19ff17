"""A small ontology and a small plant, put together by hand: what the tests of the API ask about."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from api.execution import executable
from api.kernel import Context
from api.limits import Limits
from brain.analytics.graph.live import LiveGraph
from brain.analytics.live_reports import LiveReports
from brain.feeds.memory import MemoryFeed
from brain.model import Assert, ChangeSet, Flag, Link, Verdict
from brain.ports import Store
from brain.schema import Datatype, History, NodeClass, Property, Relation, Schema
from brain.stores import open_store

HOUR = 3_600_000_000


def _prop(name: str, datatype: Datatype = Datatype.STRING, **more: Any) -> Property:
    return Property(name, f"urn:test#{name}", datatype, f"The {name}.", **more)


def _rel(name: str, source: str, target: str, **more: Any) -> Relation:
    return Relation(name, f"urn:test#{name}", source, target, f"The {name}.", **more)


def small_schema(**extra: NodeClass) -> Schema:
    """Entity ← Asset ← Pump ← SyringePump, Entity ← Person, Room, Step, WorkObject; and what `extra` adds."""
    own: dict[str, tuple[str, tuple[Property, ...], tuple[Relation, ...]]] = {
        "Entity": (
            "",
            (_prop("name", indexed=True),),
            (
                _rel("locatedIn", "Entity", "Room", functional=True, inverse="contains", dependency="target"),
                _rel("partOf", "Entity", "Entity", functional=True, inverse="hasPart", dependency="source"),
            ),
        ),
        "Asset": ("Entity", (_prop("state"),), (_rel("servicedBy", "Asset", "Person", inverse="services"),)),
        "Pump": (
            "Asset",
            (
                _prop("flow", Datatype.FLOAT, unit="mL/h", history=History.LATEST),
                _prop("strokes", Datatype.INTEGER),
                _prop("alarm", Datatype.BOOLEAN),
                _prop("calibratedAt", Datatype.INSTANT),
            ),
            (),
        ),
        "SyringePump": ("Pump", (), ()),
        "Person": ("Entity", (_prop("badge"),), ()),
        "Room": ("Entity", (), ()),
        "WorkObject": ("Entity", (_prop("objectType"),), ()),
        "Step": (
            "Entity",
            (
                _prop("activity"),
                _prop("startedAt", Datatype.INSTANT),
                _prop("completedAt", Datatype.INSTANT),
                _prop("occurredAt", Datatype.INSTANT),
                _prop("sequence", Datatype.INTEGER),
                _prop("startSequence", Datatype.INTEGER),
                _prop("lifecycle"),
            ),
            (
                _rel("object", "Step", "Entity", inverse="steps"),
                _rel("performedBy", "Step", "Entity", functional=True, inverse="performed"),
            ),
        ),
    }
    classes: dict[str, NodeClass] = {}
    for name, (parent, properties, relations) in own.items():
        above = classes.get(parent)
        classes[name] = NodeClass(
            name=name,
            iri=f"urn:test#{name}",
            ancestors=(above.name, *above.ancestors) if above else (),
            keyspace=above.keyspace if above and above.name != "Entity" else name.lower(),
            properties={**(above.properties if above else {}), **{p.name: p for p in properties}},
            relations={**(above.relations if above else {}), **{r.name: r for r in relations}},
            description=f"A {name}.",
        )
    return Schema("test-1", {**classes, **extra}, ("test",))


def said(event: str, *changes: Any, valid: int = HOUR) -> ChangeSet:
    return ChangeSet(event, "test", valid, valid, changes)


def plant(pumps: int = 6) -> list[ChangeSet]:
    """Pumps 00, 01, … in rooms 0 and 1 of one building, each serviced by Ada (and every other one by Grace too)."""
    batch = [
        said("people", Assert("person/ada", "Person", {"name": "Ada"}), Assert("person/grace", "Person", {"name": "Grace"})),
        said("rooms", *(Assert(f"room/{n}", "Room", {"name": f"Room {n}"}, links=(Link("partOf", "entity/b"),)) for n in (0, 1))),
    ]
    for n in range(pumps):
        links = [Link("locatedIn", f"room/{n % 2}"), Link("servicedBy", "person/ada", "owner")]
        links += [Link("servicedBy", "person/grace", "deputy")] if n % 2 else []
        properties: dict[str, Any] = {"name": f"Pump {n}", "flow": n * 10.5, "strokes": 2**40 + n}
        properties |= {"alarm": n == 1, "calibratedAt": n * HOUR + 1}
        cls = "SyringePump" if n == 5 else "Pump"
        batch.append(said(f"pump-{n}", Assert(f"asset/{n:02}", cls, properties, {"vendorCode": n}, tuple(links))))
    batch.append(said("bad", Flag("asset/00", "Pump", "flow", Verdict.OUT_OF_RANGE, HOUR, "9999.99"), valid=2 * HOUR))
    for n, activity in enumerate(("order", "fill", "infuse")):
        times = {"startedAt": n * HOUR, "completedAt": n * HOUR + HOUR // 2}
        links_of_step = (Link("object", "workobject/rx", "prescription"), Link("performedBy", "asset/00"))
        order = Assert("workobject/rx", "WorkObject", {"objectType": "prescription"})
        batch.append(said(f"s{n}", Assert(f"step/{n}", "Step", {"activity": activity, **times}, links=links_of_step), order))
    return batch


class CountingStore:
    """The store it wraps, with a list of the names of the calls that reached it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def counted(*arguments: Any, **more: Any) -> Any:
            self.calls.append(name)
            return method(*arguments, **more)

        return counted


class Plant:
    """A store in memory with the plant in it, and the API over it without a server."""

    def __init__(self, store: Store, schema: Schema, limits: Limits) -> None:
        self.store, self.schema, self.limits = CountingStore(store), schema, limits
        self.feed = MemoryFeed()
        self.api = executable(schema, limits)
        self.live, self.graph = LiveReports(self.store, schema, self.feed), LiveGraph(self.store, schema, self.feed)

    def context(self) -> Context:
        return Context(self.store, self.feed, self.schema, self.limits, self.live, self.graph)

    async def run(self, query: str, **variables: Any) -> Any:
        return await self.api.execute(query, variable_values=variables, context_value=self.context())

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        result = await self.run(query, **variables)
        assert result.errors is None, result.errors
        return result.data

    async def fault(self, query: str, **variables: Any) -> tuple[str, str]:
        """Code and message of the only error."""
        result = await self.run(query, **variables)
        assert result.errors is not None
        assert len(result.errors) == 1, result.errors
        (error,) = result.errors
        return (error.extensions or {}).get("code", ""), error.message


@asynccontextmanager
async def plant_api(
    batch: Sequence[ChangeSet] | None = None, limits: Limits = Limits(), schema: Schema | None = None
) -> AsyncIterator[Plant]:
    store, schema = open_store("sqlite://"), schema or small_schema()
    await store.prepare(schema)
    await store.apply(plant() if batch is None else batch)
    try:
        yield Plant(store, schema, limits)
    finally:
        await store.close()
