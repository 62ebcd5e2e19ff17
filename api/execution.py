"""The executable schema: the generated types, the limits before a query runs, and errors that tell what they may."""

import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors, MaxTokensLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.limits import Limits, Ruler, refusals
from api.queries import query_type
from api.results import Results
from api.scalars import scalar_map
from api.subscriptions import subscription_type
from api.typegen import generate
from brain.errors import BrainError, Fatal, Reject, Retry
from brain.schema import Schema

log = logging.getLogger("brain.api")


class BrainSchema(strawberry.Schema):
    """strawberry's schema without its own logging of every error with its trace: `Errors` logs what was not meant to happen."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        return None


class Measured(SchemaExtension):
    """Refuses a query that asks for too much before validation, whose own work grows with the query."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is not None and context.pre_execution_errors is None:
            core = context.schema._schema
            ruler = Ruler(core, context.graphql_document, context.variables or {}, self._limits)
            context.pre_execution_errors = refusals(ruler.measure(), self._limits) or None
        yield


class Errors(MaskErrors):
    """Shows errors that were raised on purpose, with a code that says what to do; hides others behind an id in the log."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda _: True)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        cause = error.original_error
        while isinstance(cause, GraphQLError) and cause.original_error is not None:
            cause = cause.original_error
        if cause is None or isinstance(cause, GraphQLError):
            return error
        if isinstance(cause, BrainError):
            return _like(error, str(cause), {"code": _code(cause)})
        id = uuid.uuid4().hex[:12]
        log.error("internal error %s", id, exc_info=cause)
        return _like(error, f"internal error {id}: the server's log has the reason under this id", {"code": "INTERNAL", "id": id})


def _like(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path, extensions=extensions
    )


def _code(error: BrainError) -> str:
    match error:
        case Retry():
            return "RETRY"
        case Fatal():
            return "FATAL"
        case Reject():
            return "REJECT"
        case _:
            return "ERROR"


def executable(schema: Schema, limits: Limits) -> strawberry.Schema:
    """The GraphQL schema of an ontology, ready to execute. Raises BadName. The same ontology gives the same SDL."""
    made = generate(schema)
    results = Results(made)
    extensions: list[Callable[[], SchemaExtension]] = [
        Errors,
        lambda: MaxTokensLimiter(max_token_count=limits.tokens),
        lambda: Measured(limits),
    ]
    return BrainSchema(
        query_type(made, results),
        subscription=subscription_type(made, results),
        types=[made.concrete[name] for name in sorted(made.concrete)],
        extensions=extensions,
        config=StrawberryConfig(scalar_map=scalar_map()),
    )
