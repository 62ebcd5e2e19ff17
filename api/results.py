"""An analytic's result, frozen dataclasses and named tuples, as GraphQL types: nothing is written down twice."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import strawberry

from api.evidence import evidence_of_carrier
from api.scalars import Long
from api.typegen import Types, typed
from brain.analytics.graph.impact import Carrier
from brain.errors import Fatal
from brain.model import Edge
from brain.query import NOW
from brain.schema import ROOT, Schema
from brain.told import told_names

NAMES: dict[type, str] = {Edge: "Dependency"}
"""Where the name in Python would say too little."""

RENAMED = {"cls": "class"}
"""Fields whose name Python keeps for itself."""

MORE: Mapping[type, Mapping[str, Callable[[Schema], Any]]] = {Carrier: {"evidence": evidence_of_carrier}}
"""Fields that are read where they are asked for, which the result does not hold."""


class Results:
    """Makes each type once, so that two analytics may share one."""

    def __init__(self, generated: Types) -> None:
        self._generated = generated
        self._made: dict[type, Any] = {}

    def output(self, kind: type[Any]) -> type[Any]:
        """The GraphQL type of a dataclass or named tuple. Whole numbers become Long; what has an `id` gets the node beside it."""
        if kind not in self._made:
            body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
            hints, told = get_type_hints(kind), told_names(kind)
            for name, hint in ((name, hints[name]) for name in told):
                body["__annotations__"][name] = strawberry.ID if name == "id" else self._convert(hint)
                if name in RENAMED:
                    body[name] = strawberry.field(name=RENAMED[name])
            if "id" in body["__annotations__"]:
                body["node"] = self._node()
            body.update({name: make(self._generated.schema) for name, make in MORE.get(kind, {}).items()})
            made = types.new_class(kind.__name__, (), {}, lambda namespace: namespace.update(body))
            self._made[kind] = strawberry.type(made, name=NAMES.get(kind, kind.__name__), description=_first_line(kind))
        return self._made[kind]  # type: ignore[no-any-return]

    def enum(self, kind: type[Enum]) -> Any:
        if kind not in self._made:
            self._made[kind] = strawberry.enum(kind, name=kind.__name__)
        return self._made[kind]

    def _convert(self, hint: Any) -> Any:
        arguments = get_args(hint)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return self.enum(hint)
        if hint is int:
            return Long
        if hint in (str, float, bool) or isinstance(hint, NewType):
            return hint
        if get_origin(hint) in (Union, types.UnionType):
            inner = [self._convert(a) for a in arguments if a is not type(None)]
            return Union[(*inner, *((None,) if len(inner) < len(arguments) else ()))]
        if get_origin(hint) is tuple and arguments[1:] == (...,):
            return list[self._convert(arguments[0])]  # type: ignore[misc]
        if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
            return self.output(hint)
        raise Fatal(f"an analytic's result holds {hint!r}, which has no GraphQL form: use scalars, tuples and dataclasses")

    def _node(self) -> Any:
        wrap = self._generated.wrap

        async def node(root: Any, info: Any) -> Any:
            found = await info.context.loaders.node(root.id, NOW)
            return None if found is None else wrap(found, NOW)

        returns = self._generated.outputs[ROOT] | None
        return strawberry.field(resolver=typed(node, returns), description="The node as it is now.")


def _first_line(kind: type) -> str | None:
    """The first paragraph of a docstring that someone wrote; dataclasses and named tuples make up their own otherwise."""
    text = kind.__doc__ or ""
    if text.startswith(f"{kind.__name__}("):
        return None
    return " ".join(text.strip().split("\n\n")[0].split()) or None
