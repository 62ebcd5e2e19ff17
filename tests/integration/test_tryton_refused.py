"""A real Tryton that refuses, one that is away, and servers that are none: what is said, and whether to ask again."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from brain.errors import BadUrl, Reject, Retry
from brain.servers.process import free_port
from ingest.record import Envelope
from ingest.sources.tryton import KINDS, Kind, Part, TrytonSource
from tests.tryton import DATABASE, PASSWORD, USER, Plant


def source_of(plant: Plant, kind: Kind) -> TrytonSource:
    return TrytonSource(plant.server.url, DATABASE, USER, PASSWORD, kinds=(kind,))


async def first(source: TrytonSource) -> list[Envelope]:
    try:
        async for envelopes, _ in source.changes({}):
            return envelopes
    finally:
        await source.close()
    return []


@pytest.mark.parametrize(
    ("database", "user", "password", "words"),
    [
        (DATABASE, USER, "wrong-secret", ["refuses the login of 'admin'", "BRAIN_TRYTON_PASSWORD"]),
        (DATABASE, "nobody", PASSWORD, ["refuses the login of 'nobody'"]),
        ("nowhere", USER, PASSWORD, ["no database 'nowhere'"]),
    ],
)
async def test_refusals_say_what_to_mend(tryton_plant: Plant, database: str, user: str, password: str, words: list[str]) -> None:
    with pytest.raises(Reject) as refused:
        await first(TrytonSource(tryton_plant.server.url, database, user, password))
    assert all(word in str(refused.value) for word in words)
    assert password not in str(refused.value)


async def test_a_missing_module_is_named(tryton_plant: Plant) -> None:
    kind = Kind("sales", "sale.sale", "sale", ("number",), (Part("", "sale.sale"),))
    with pytest.raises(Reject, match=r"has no sale\.sale: activate the module 'sale'"):
        await first(source_of(tryton_plant, kind))


async def test_a_missing_field_is_told(tryton_plant: Plant) -> None:
    kind = KINDS[0]._replace(fields=("no_such_field",))
    with pytest.raises(Reject, match=r"cannot give company.employee: 'no_such_field'"):
        await first(source_of(tryton_plant, kind))


async def test_a_server_that_is_away() -> None:
    with pytest.raises(Retry, match=r"Tryton at 127\.0\.0\.1:\d+/vale cannot be reached"):
        await first(TrytonSource(f"http://127.0.0.1:{free_port()}", DATABASE, USER, PASSWORD))


class Stranger(BaseHTTPRequestHandler):
    """A web server of another kind; its path decides how it answers."""

    def do_POST(self) -> None:
        status = 503 if self.path.startswith("/busy") else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_server_that_is_no_tryton(stranger: str) -> None:
    with pytest.raises(Reject, match="does not answer as Tryton does"):
        await first(TrytonSource(stranger, DATABASE, USER, PASSWORD))
    with pytest.raises(Retry, match="is busy: HTTP 503"):
        await first(TrytonSource(stranger, "busy", USER, PASSWORD))


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(BadUrl):
        TrytonSource(url, DATABASE, USER, PASSWORD)


def test_a_password_in_the_address_is_told_to_nobody() -> None:
    source = TrytonSource("http://user:hidden@127.0.0.1:8000", DATABASE, USER, PASSWORD)
    assert source.name == "tryton:127.0.0.1:8000/vale"
