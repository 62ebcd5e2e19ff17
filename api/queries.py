"""The root of queries: nodes by id, one list a class, the analytics, the ontology."""

import types
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, cast

import strawberry
from strawberry.types.unset import UNSET

from api.arguments import BOTTLENECKS, TIMES, lifecycle_of, moment
from api.conflicts import conflicts
from api.dependencies import fields as dependency_fields
from api.dependencies import one_id
from api.described import OntologyType
from api.filters import conditions
from api.kernel import Info, NodeInterface, Row, Rows, given
from api.live import live_bottlenecks
from api.merges import merge_proposals
from api.names import plural
from api.observed import observed_dependencies
from api.outlook import outlook
from api.paging import Slice, encode
from api.process_reports import process_report
from api.results import Results
from api.scenarios import scenario
from api.typegen import PAGE, Types, typed
from brain.analytics import bottlenecks as bottleneck_report
from brain.analytics import dependencies as dependency_report
from brain.errors import BadQuery
from brain.query import NOW, AsOf, Condition, Find, Op
from brain.rewound import rewound
from brain.schema import NodeClass

TIMES_TEXT = (
    "What is known. `asOf`: as the world was then (valid time). `knownAt`: as we believed at that moment (recorded time)."
    " Both hold for all that lies below their field; left out, they mean now."
)


def query_type(made: Types, results: Results) -> type[Any]:
    """The type Query for the generated types."""
    body: dict[str, Any] = {
        "node": _node(made, NodeInterface, "node", "Relay's `node`: whatever has that id."),
        "nodes": _nodes(made),
        "entity": _node(made, made.outputs["Entity"], "entity", "As `node`, with the fields that every entity has."),
        "bottlenecks": _bottlenecks(made, results),
        "live_bottlenecks": live_bottlenecks(results),
        "outlook": outlook(made.schema, results),
        "process_report": process_report(made.schema, results),
        "dependencies": _dependencies(made, results),
        "observed_dependencies": observed_dependencies(made.schema, results),
        **dependency_fields(made.schema, results),
        "scenario": scenario(made.schema, results),
        "merge_proposals": merge_proposals(),
        "conflicts": conflicts(),
        "ontology": _ontology(),
    }
    for cls in sorted(made.schema.classes.values(), key=lambda c: c.name):
        body[f"list_{cls.name}"] = _list(made, cls)
    body["__module__"] = __name__
    body["__annotations__"] = {}
    query = types.new_class("Query", (), {}, lambda namespace: namespace.update(body))
    return cast(type[Any], strawberry.type(query, description=TIMES_TEXT))


def _node(made: Types, returns: Any, name: str, text: str) -> Any:
    async def node(info: Any, id: Any, as_of: Any = UNSET, known_at: Any = UNSET) -> Any:
        at = moment(as_of, known_at)
        found = await info.context.loaders.node(id, at)
        return None if found is None else made.wrap(found, at)

    return strawberry.field(resolver=typed(node, returns | None, id=strawberry.ID, **TIMES), name=name, description=text)


def _nodes(made: Types) -> Any:
    async def nodes(info: Any, ids: Any, as_of: Any = UNSET, known_at: Any = UNSET) -> Any:
        most = info.context.limits.page
        if len(ids) > most:
            raise BadQuery(f"{len(ids)} ids are too many: ask for at most {most} at a time")
        at = moment(as_of, known_at)
        return [None if n is None else made.wrap(n, at) for n in await info.context.loaders.nodes(ids, at)]

    returns = list[NodeInterface | None]
    return strawberry.field(
        resolver=typed(nodes, returns, ids=list[strawberry.ID], **TIMES),
        description="The nodes of these ids, in the order asked; null for an id that is not known.",
    )


def _list(made: Types, cls: NodeClass) -> Any:
    async def answer(info: Any, where: Any, wanted: str, page: tuple[Any, Any, Any, Any], at: AsOf) -> Rows:
        query = Find(wanted, conditions(cls, where) if given(where) else ())
        return await _page(made, info, cls.name, query, Slice.of(info.context.limits, *page, 1), at)

    async def of_class(
        info: Any,
        where: Any = UNSET,
        first: Any = UNSET,
        after: Any = UNSET,
        last: Any = UNSET,
        before: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Rows:
        return await answer(info, where, cls.name, (first, after, last, before), moment(as_of, known_at))

    async def of_type(
        info: Any,
        where: Any = UNSET,
        type: Any = UNSET,
        first: Any = UNSET,
        after: Any = UNSET,
        last: Any = UNSET,
        before: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Rows:
        wanted = _narrowed(cls.name, below, type)
        return await answer(info, where, wanted, (first, after, last, before), moment(as_of, known_at))

    below = made.schema.descendants[cls.name]
    arguments = {"where": made.filters[cls.name] | None, **PAGE, **TIMES}
    returns = made.connections[cls.name]
    if len(below) > 1:
        resolver = typed(of_type, returns, type=made.class_names | None, **arguments)
    else:
        resolver = typed(of_class, returns, **arguments)
    text = f"{' '.join(cls.description.split())} In order of id.".strip()
    return strawberry.field(resolver=resolver, name=plural(cls.name), description=text)


def _narrowed(name: str, below: Sequence[str], type: Any) -> str:
    """The class that a list over `name` shall keep to: itself, or the one of `below` that the argument names."""
    wanted = name if not given(type) else type.value if isinstance(type, Enum) else str(type)
    if wanted not in below:
        raise BadQuery(f"{wanted} is not a {name}: `type` here is one of {', '.join(below)}")
    return wanted


async def _page(made: Types, info: Info, name: str, query: Find, part: Slice, at: AsOf) -> Rows:
    after = part.after[0] if part.after else None
    before = part.before[0] if part.before else None
    # The bound on the side where the page does not begin is a condition: the store pages in one direction at a time.
    if part.backwards:
        bounds = (Condition("id", Op.GT, after),) if after is not None else ()
        found = replace(query, where=query.where + bounds, limit=part.size, before=before, backwards=True)
    else:
        bounds = (Condition("id", Op.LT, before),) if before is not None else ()
        found = replace(query, where=query.where + bounds, limit=part.size, after=after)
    page = await info.context.store.find(found, at)
    rows = [Row(encode((n.id,)), n.id, at, found=made.wrap(n, at, name)) for n in page.nodes]

    async def total() -> int:
        return await info.context.store.count(query)

    begun = before is not None if part.backwards else after is not None
    return Rows.of(rows, page.more, part.backwards, begun, total if at == NOW else None)


def _bottlenecks(made: Types, results: Results) -> Any:
    async def bottlenecks(
        info: Any,
        object_type: Any,
        lifecycle: Any = UNSET,
        min_frequency: Any = UNSET,
        as_of: Any = UNSET,
        known_at: Any = UNSET,
    ) -> Any:
        return await bottleneck_report.bottlenecks(
            rewound(info.context.store, made.schema, moment(as_of, known_at)),
            made.schema,
            object_type,
            lifecycle=lifecycle_of(lifecycle),
            min_frequency=min_frequency if given(min_frequency) else None,
        )

    returns = results.output(bottleneck_report.Bottlenecks)
    return strawberry.field(
        resolver=typed(bottlenecks, returns, **BOTTLENECKS, **TIMES),
        description="Where the objects of a type wait: a class of the ontology, or an `objectType` kept as data. `asOf`: what had"
        " begun by then, and had not ended, is under way.",
    )


def _dependencies(made: Types, results: Results) -> Any:
    async def dependencies(info: Any, id: Any, direction: Any, depth: Any = 3, as_of: Any = UNSET, known_at: Any = UNSET) -> Any:
        most = info.context.limits.dependency_depth
        if not 1 <= depth <= most:
            raise BadQuery(f"a depth of {depth} is not possible: ask for 1 to {most}")
        # strawberry hands a StrEnum over as its plain text.
        toward, at = dependency_report.Toward(direction), moment(as_of, known_at)
        store, root = rewound(info.context.store, made.schema, at), await one_id(info, id, at)
        return await dependency_report.dependencies(store, made.schema, root, toward, depth)

    returns, kind = results.output(dependency_report.Dependencies), results.enum(dependency_report.Toward)
    return strawberry.field(
        resolver=typed(dependencies, returns, id=strawberry.ID, direction=kind, depth=int, **TIMES),
        description="UP: what the node depends on. DOWN: what depends on it. Over the ontology's dependency relations.",
    )


def _ontology() -> Any:
    def ontology(info: Any) -> Any:
        return OntologyType(schema=info.context.schema)

    return strawberry.field(resolver=typed(ontology, OntologyType))
