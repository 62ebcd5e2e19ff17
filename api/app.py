"""The web application: GraphQL with GraphiQL and websockets at /graphql, and two addresses for whoever watches the process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.requests import Request
from strawberry.fastapi import GraphQLRouter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from api.console import mount_files, page
from api.execution import executable
from api.guard import LOOPBACK, Guard
from api.kernel import Context
from api.limits import Limits
from brain.analytics.following import Following
from brain.analytics.graph.live import LiveGraph
from brain.analytics.live_causes import SPAN
from brain.analytics.live_reports import LiveReports
from brain.errors import BrainError, Retry
from brain.identities import Merged
from brain.ports import Feed, Store
from brain.schema import Schema

FIRST_SECONDS = 10.0
"""The server waits this long for the store before it accepts connections; after that it says why it is not ready."""
PROBE_SECONDS = 2.0
RETRY_SECONDS = 1.0


class Readiness:
    """Whether the store is prepared and answers. Preparing is tried again for as long as the store is only busy or away."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema
        self.unprepared: str | None = "the store is not prepared yet"
        """Why the store cannot be asked at all, in words; None once it can."""

    async def prepare(self) -> None:
        while self.unprepared is not None:
            try:
                await self._store.prepare(self._schema)
                self.unprepared = None
            except Retry as error:
                self.unprepared = str(error)
                await asyncio.sleep(RETRY_SECONDS)
            except BrainError as error:
                self.unprepared = str(error)
                return

    async def obstacle(self) -> str | None:
        """Why it is not ready, in words, or None."""
        if self.unprepared is not None:
            return self.unprepared
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._store.nodes(["entity/readyz"])
        except TimeoutError:
            return f"the store did not answer within {PROBE_SECONDS:g} s"
        except BrainError as error:
            return str(error)
        return None


class Router(GraphQLRouter[Context, None]):
    async def render_graphql_ide(self, request: Request) -> HTMLResponse:
        return page()

    def decode_json(self, data: str | bytes) -> object:
        """JSON that can be a request or a message: JSONDecodeError, which becomes a 400 (on a websocket a close), for all else.

        orjson refuses what json lets through or fails at otherwise: nesting without end, half a surrogate pair, wrong UTF-8.
        """
        decoded: object = orjson.loads(data)
        if not isinstance(decoded, dict | list):
            raise orjson.JSONDecodeError("neither an object nor a list", "", 0)
        return decoded


def create_app(
    *,
    schema: Schema,
    store: Store,
    feed: Feed,
    limits: Limits = Limits(),
    hosts: frozenset[str] | None = LOOPBACK,
    live_file: Path | None = None,
    live_span: int = SPAN,
) -> FastAPI:
    """The application over an open store and feed, which stay the caller's to close.

    `hosts` are the names in the Host header that are answered; None answers all, for a server that others may reach.
    `live_file` is where live figures outlast the process, if they shall; `live_span` of how much time live causes are, µs.
    The store is prepared when the server starts; until then, and when it does not answer, /readyz says why with a 503.
    """
    readiness = Readiness(store, schema)
    merged = Merged(store, schema)
    live, graph = LiveReports(merged, schema, feed, live_file, live_span), LiveGraph(merged, schema, feed)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        preparing = asyncio.ensure_future(readiness.prepare())
        followings = [asyncio.ensure_future(_follow(preparing, kept)) for kept in (live, graph)]
        try:
            await asyncio.wait({preparing}, timeout=FIRST_SECONDS)
            yield
        finally:
            for task in (preparing, *followings):
                task.cancel()
            await asyncio.gather(preparing, *followings, return_exceptions=True)

    app = FastAPI(title="Enterprise Brain", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    mount_files(app)
    app.include_router(_graphql(merged, feed, live, graph, limits, readiness), prefix="/graphql")
    app.include_router(_probes(readiness))
    app.add_middleware(Guard, hosts=hosts, body=limits.body)
    return app


async def _follow(prepared: "asyncio.Future[None]", kept: Following) -> None:
    """The feed may lie in the store's own file, which has to be there first."""
    await asyncio.shield(prepared)
    await kept.run()


def _graphql(store: Merged, feed: Feed, live: LiveReports, graph: LiveGraph, limits: Limits, readiness: Readiness) -> Router:
    def context() -> Context:
        if readiness.unprepared:
            raise HTTPException(503, readiness.unprepared)
        return Context(store, feed, store.schema, limits, live, graph)

    return Router(
        executable(store.schema, limits),
        context_getter=context,
        # A query in an address lands in logs and histories, and any page may make a browser send it.
        allow_queries_via_get=False,
        subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
        connection_init_wait_timeout=timedelta(seconds=10),
        max_subscriptions_per_connection=limits.subscriptions,
    )


def _probes(readiness: Readiness) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is up and its event loop turns."""
        return {"status": "up"}

    @router.get("/readyz")
    async def readyz() -> Any:
        """It can answer queries; else 503 with the reason."""
        obstacle = await readiness.obstacle()
        if obstacle is None:
            return {"status": "ready"}
        return JSONResponse({"status": "not ready", "reason": obstacle}, status_code=503)

    @router.get("/")
    async def start() -> RedirectResponse:
        return RedirectResponse("/graphql")

    return router
