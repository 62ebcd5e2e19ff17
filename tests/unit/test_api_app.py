"""The web application without a server: who may speak to it, how long, and what it says of itself."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.app import Readiness, create_app
from api.limits import Limits
from brain.errors import StoreBroken, StoreBusy
from brain.feeds.memory import MemoryFeed
from brain.stores import open_store
from tests.unit.api_plant import plant, small_schema

URL = "http://127.0.0.1:8000"


@asynccontextmanager
async def web(limits: Limits = Limits(), **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    store, schema = open_store("sqlite://"), small_schema()
    await store.prepare(schema)
    await store.apply(plant())
    app = create_app(schema=schema, store=store, feed=MemoryFeed(), limits=limits, **more)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
        yield client
    await store.close()


async def ask(client: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json={"query": query}, headers=headers)


async def test_a_query_over_http() -> None:
    async with web() as client:
        answer = await ask(client, "{ pumps(first: 1) { edges { node { name strokes } } } }")
        assert answer.status_code == 200
        assert answer.json() == {"data": {"pumps": {"edges": [{"node": {"name": "Pump 0", "strokes": 2**40}}]}}}


async def test_a_refusal_has_its_code() -> None:
    async with web() as client:
        (error,) = (await ask(client, '{ nodes(ids: [], asOf: "yesterday") { id } }')).json()["errors"]
        assert "is not a DateTime" in error["message"]
        (error,) = (await ask(client, "{ pumps(first: 1, last: 1) { totalCount } }")).json()["errors"]
        assert error["extensions"]["code"] == "REJECT"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:8000"])
async def test_it_answers_to_the_names_of_loopback(host: str) -> None:
    async with web() as client:
        assert (await ask(client, "{ ontology { version } }", Host=host)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8000", "evil.example:8000", "[::1", "", "localhost@evil.example"]
)
async def test_a_name_rebound_to_loopback_is_refused(host: str) -> None:
    async with web() as client:
        assert (await ask(client, "{ ontology { version } }", Host=host)).status_code == 403


async def test_other_hosts_are_answered_only_where_that_was_asked_for() -> None:
    async with web(hosts=None) as client:
        assert (await ask(client, "{ ontology { version } }", Host="brain.plant.example")).status_code == 200
        foreign = await ask(client, "{ ontology { version } }", Host="brain.plant.example", Origin="https://evil.example")
        assert foreign.status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://127.0.0.1:9999", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("http://[::1", 403),
        ("http://[", 403),
    ],
)
async def test_only_its_own_pages_may_ask(origin: str, status: int) -> None:
    async with web() as client:
        answer = await ask(client, "{ ontology { version } }", Host="127.0.0.1:8000", Origin=origin)
        assert answer.status_code == status
        assert "access-control-allow-origin" not in answer.headers


async def test_a_form_a_batch_and_a_get_are_no_queries() -> None:
    async with web() as client:
        body = '{"query": "{ ontology { version } }"}'
        assert (await client.post("/graphql", content=body, headers={"content-type": "text/plain"})).status_code == 400
        assert (await client.post("/graphql", data={"query": "{ ontology { version } }"})).status_code == 400
        assert (await client.post("/graphql", json=[{"query": "{ ontology { version } }"}])).status_code == 400
        assert (await client.get("/graphql", params={"query": "{ ontology { version } }"})).status_code == 400
        assert (await client.post("/graphql", content="{", headers={"content-type": "application/json"})).status_code == 400


NO_REQUESTS = (
    b"",
    b"3",
    b'"{ a }"',
    b"null",
    b"[" * 60_000,
    b'{"query": "{ a\xff }"}',
    b'{"query": "{ a }", "variables": {"a": NaN}}',
    b'{"query": "query($a: ID!) { entity(id: $a) { id } }", "variables": {"a": "\\ud800"}}',
)


@pytest.mark.parametrize("body", NO_REQUESTS)
async def test_a_body_that_is_no_request_is_told_so_and_logs_nothing(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with web() as client:
        answer = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert "JSON" in answer.text
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []


async def test_a_long_body_is_refused_whether_its_length_is_told_or_not() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 300

    headers = {"content-type": "application/json"}
    async with web(Limits(body=1000)) as client:
        assert (await client.post("/graphql", content=b" " * 1001, headers=headers)).status_code == 413
        assert (await client.post("/graphql", content=chunks(), headers=headers)).status_code == 413
        assert (await ask(client, "{ ontology { version } }")).status_code == 200


async def test_the_page_works_without_the_internet_too() -> None:
    async with web() as client:
        page = await client.get("/graphql", headers={"accept": "text/html"})
        assert page.status_code == 200
        assert "GraphiQL" in page.text
        assert "://" not in page.text
        files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(files) == 7
        for file in files:
            assert (await client.get(file)).status_code == 200, file
        assert "connect-src 'self'" in page.headers["content-security-policy"]
        assert (await client.get("/graphql/static/../app.py")).status_code == 404
        assert (await client.get("/")).headers["location"] == "/graphql"


async def test_no_other_page_may_frame_or_cache_an_answer() -> None:
    async with web() as client:
        page = await client.get("/graphql", headers={"accept": "text/html"})
        for answer in (await ask(client, "{ ontology { version } }"), page):
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cache-control"] == "no-store"


async def test_no_other_address_is_open() -> None:
    async with web() as client:
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert (await client.get(path)).status_code == 404


async def test_health_and_readiness() -> None:
    async with web() as client:
        assert (await client.get("/healthz")).json() == {"status": "up"}
        assert (await client.get("/readyz")).json() == {"status": "ready"}


class Away:
    """A store that fails to prepare or to answer as told."""

    def __init__(self, *preparing: Exception) -> None:
        self.preparing = list(preparing)
        self.answering: Exception | None = None

    async def prepare(self, _: object) -> None:
        if self.preparing:
            raise self.preparing.pop(0)

    async def nodes(self, _: object) -> list[None]:
        if self.answering:
            raise self.answering
        return [None]


async def test_readiness_waits_for_a_store_that_is_away_and_gives_up_on_one_that_is_broken(monkeypatch: Any) -> None:
    monkeypatch.setattr("api.app.RETRY_SECONDS", 0.001)
    store = Away(StoreBusy("no Neo4j at 127.0.0.1:7687: start it"))
    readiness = Readiness(store, small_schema())  # type: ignore[arg-type]
    assert await readiness.obstacle() == "the store is not prepared yet"
    await readiness.prepare()
    assert await readiness.obstacle() is None
    store.answering = StoreBusy("gone: start it again")
    assert await readiness.obstacle() == "gone: start it again"

    broken = Readiness(Away(StoreBroken("format 9: import again")), small_schema())  # type: ignore[arg-type]
    await broken.prepare()
    assert await broken.obstacle() == "format 9: import again"


async def test_not_ready_is_a_503_with_the_reason() -> None:
    store = open_store("sqlite:////proc/no/such/folder.db")
    app = create_app(schema=small_schema(), store=store, feed=MemoryFeed())
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reason"]
        assert (await client.get("/healthz")).status_code == 200
        refused = await ask(client, "{ pumps { totalCount } }")
        assert refused.status_code == 503
        assert refused.json()["detail"] == answer.json()["reason"]
