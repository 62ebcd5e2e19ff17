"""How much one request may ask for, measured on the query before it is validated or run.

One pass over the document in which each fragment is measured once: a chain of fragments that doubles at every link
would otherwise take exponential time to walk, which is itself an attack.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one request. `nodes` is the sum over all lists of the product of page sizes down to them."""

    depth: int = 24
    tokens: int = 2_000
    aliases: int = 30
    repeats: int = 10
    """Times that one field may stand in one selection: validation compares each pair of them."""
    nodes: int = 100_000
    page: int = 1_000
    default_page: int = 20
    edges: int = 10_000
    """Relations of one kind at one node that can be paged through."""
    body: int = 128 * 1024
    """Bytes of a request's body, and of a websocket message."""
    subscriptions: int = 20
    """Operations at a time on one websocket."""
    backlog: int = 10_000
    """Ids that wait for one slow subscriber before it is cut off."""
    dependency_depth: int = 32
    changes: int = 100
    """Changes of a scenario and of the one beside it, together."""


WEIGHTS: Mapping[str, int] = {
    "bottlenecks": 25_000,
    "conflicts": 25_000,
    "causes": 10_000,
    "criticality": 10_000,
    "dependencies": 5_000,
    "dependencyChanges": 50_000,
    "dependencyCircles": 10_000,
    "hiddenCoupling": 50_000,
    "impact": 10_000,
    "liveBottlenecks": 5_000,
    "mergeProposals": 25_000,
    "observedDependencies": 25_000,
    "ontology": 100,
    "processReport": 60_000,
    "scenario": 60_000,
    "singlePointsOfFailure": 25_000,
}
"""What root fields count as beside their page, in nodes, however little of it is shown: a bottleneck report reads a whole log,
the conflicts of all things whole histories."""

HISTORY = 50
"""What the conflicts of one node count as: they are computed from all that was ever said of it."""

INTROSPECTION: Mapping[str, int] = {"__schema": 25_000, "__type": 500}
"""What the fields of introspection count as: the whole schema is most of a megabyte of answer, made without a pause."""


PAST = 10_000
"""What a list at a past time counts as beside its page: the store puts the whole class together from its history."""
REPORTS = frozenset(("bottlenecks", "processReport"))
"""Reports for which it counts too: the whole log is put together from its history."""


@dataclass(frozen=True, slots=True)
class Measure:
    depth: int = 0
    aliases: int = 0
    nodes: int = 0
    repeats: int = 0

    def beside(self, other: "Measure") -> "Measure":
        return Measure(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.nodes + other.nodes,
            max(self.repeats, other.repeats),
        )


class Ruler:
    """Measures one document. Unknown fields and fragment cycles count as nothing: validation will report them."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any], limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._variables = variables
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._known: dict[str, Measure] = {}
        self._operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]

    def measure(self) -> Measure:
        """Over all operations of the document."""
        total = Measure()
        for operation in self._operations:
            declared = operation.variable_definitions or ()
            self._defaults = {d.variable.name.value: d.default_value for d in declared if d.default_value is not None}
            self._known.clear()
            root = self._schema.get_root_type(operation.operation)
            total = total.beside(self._selections(operation.selection_set, root))
        return total

    def _selections(self, selections: SelectionSetNode, parent: object) -> Measure:
        names = Counter((s.alias or s.name).value for s in selections.selections if isinstance(s, FieldNode))
        total = Measure(repeats=max(names.values(), default=0))
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    total = total.beside(self._field(selection, parent))
                case InlineFragmentNode():
                    on = selection.type_condition
                    inside = self._schema.get_type(on.name.value) if on else parent
                    total = total.beside(self._selections(selection.selection_set, inside))
                case FragmentSpreadNode():
                    total = total.beside(self._fragment(selection.name.value))
        return total

    def _fragment(self, name: str) -> Measure:
        if name not in self._known:
            self._known[name] = Measure()  # what a cycle finds
            fragment = self._fragments.get(name)
            if fragment is not None:
                parent = self._schema.get_type(fragment.type_condition.name.value)
                self._known[name] = self._selections(fragment.selection_set, parent)
        return self._known[name]

    def _field(self, field: FieldNode, parent: object) -> Measure:
        name = field.name.value
        alias = 1 if field.alias else 0
        if name.startswith("__"):  # how deep introspection goes has a rule of its own (MaxIntrospectionDepthRule)
            return Measure(0, alias, INTROSPECTION.get(name, 0))
        known = parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
        own, times = self._count(field, known, parent)
        if field.selection_set is None:
            return Measure(0, alias, own)
        below = self._selections(field.selection_set, get_named_type(known.type) if known else None)
        return Measure(below.depth + 1, below.aliases + alias, own + times * below.nodes, below.repeats)

    def _count(self, field: FieldNode, known: GraphQLField | None, parent: object) -> tuple[int, int]:
        """How many nodes a field asks for itself, and how often what lies below it is asked for."""
        if known is None:
            return 0, 1
        arguments = {a.name.value: a.value for a in field.arguments or ()}
        at_root = parent is self._schema.query_type
        if field.name.value == "conflicts" and (not at_root or self._value(arguments.get("ids")) is not None):
            return HISTORY * (self._length(arguments.get("ids")) if at_root else 1), 1
        if "first" in known.args:
            size = self._size(arguments.get("first"))
            size = self._size(arguments.get("last")) if size is None else size
            size = self._limits.default_page if size is None else size
            weight = WEIGHTS.get(field.name.value, 0) if at_root else 0
            return size + weight + (PAST if {"asOf", "knownAt"} & arguments.keys() else 0), size
        if "ids" in known.args and at_root:
            size = self._length(arguments.get("ids"))
            return size, size
        if at_root:
            past = PAST if field.name.value in REPORTS and {"asOf", "knownAt"} & arguments.keys() else 0
            return WEIGHTS.get(field.name.value, 1) + past, 1
        interfaces = getattr(get_named_type(known.type), "interfaces", ())
        related = any(i.name == "Node" for i in interfaces) and "cursor" not in getattr(parent, "fields", ())
        return (1, 1) if related else (0, 1)

    def _size(self, value: ValueNode | None) -> int | None:
        given = self._value(value)
        if isinstance(given, IntValueNode):
            given = int(given.value[:20])  # past every limit already, and Python refuses to read thousands of digits
        elif isinstance(given, float) and given.is_integer():
            given = int(given)  # GraphQL takes the JSON number 1000.0 for the Int 1000
        return max(0, given) if isinstance(given, int) else None

    def _length(self, value: ValueNode | None) -> int:
        given = self._value(value)
        if isinstance(given, ListValueNode):
            return len(given.values)
        return len(given) if isinstance(given, list) else 1

    def _value(self, value: ValueNode | None) -> Any:
        if isinstance(value, NullValueNode):
            return None
        if isinstance(value, VariableNode):
            name = value.name.value
            return self._variables.get(name, self._defaults.get(name))
        return value


def refusals(measure: Measure, limits: Limits) -> list[GraphQLError]:
    """What the query must do with less of, in words; empty where it may run."""
    found = []
    if measure.depth > limits.depth:
        found.append(f"the query is {measure.depth} levels deep, at most {limits.depth} are allowed: ask in two steps, by id")
    if measure.aliases > limits.aliases:
        found.append(f"the query has {measure.aliases} aliases, at most {limits.aliases} are allowed: split it")
    if measure.repeats > limits.repeats:
        found.append(f"one field stands {measure.repeats} times in one selection, at most {limits.repeats} times are allowed")
    if measure.nodes > limits.nodes:
        mend = "lower `first`, or page with `after`"
        found.append(f"the query asks for up to {measure.nodes:,} nodes, at most {limits.nodes:,} are allowed: {mend}")
    return [GraphQLError(message, extensions={"code": "LIMIT"}) for message in found]
