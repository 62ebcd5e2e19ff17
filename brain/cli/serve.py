"""`brain serve`: GraphQL over a store."""

import asyncio
import contextlib
import errno
import ipaddress
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brain.analytics.lives import MICRO
from brain.cli import times
from brain.cli.options import collect_seldom, settings_for, store_option
from brain.settings import Settings

if TYPE_CHECKING:
    import uvicorn

    from brain.ports import Feed, Store
    from brain.schema import Schema

STOP_SECONDS = 5
CONNECTIONS = 500
YOUNG = 5_000
"""New objects after which cycles are looked for among them; among twenty times as many that takes some 20 ms."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@store_option
@click.option("--kafka", metavar="HOST:PORT", help="Broker that carries change notices. [default: BRAIN_KAFKA, else the store's]")
@click.option(
    "--live-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where live figures are saved, so that a restart goes on from there (SQLite stores). [default: nowhere]",
)
@click.option(
    "--live-window", type=times.SPAN, default="7d", show_default=True, metavar="SPAN",
    help="Live causes are of what ended in this span until the newest step, or in less of it where that is very many steps.",
)  # fmt: skip
@click.option("--insecure-public", is_flag=True, help="Listen off loopback although there is no login yet.")
def serve(
    host: str, port: int, store: str | None, kafka: str | None, live_file: Path | None, live_window: int, insecure_public: bool
) -> None:
    """Serve GraphQL, with GraphiQL in the browser, until Ctrl-C.

    \b
    brain serve --store sqlite:///t.db
    curl -s localhost:8000/graphql -H 'content-type: application/json' -d '{"query": "{ ontology { version } }"}'
    """
    check_host(host, insecure_public)
    settings = settings_for(store)
    if kafka:
        settings = replace(settings, kafka=kafka)
    asyncio.run(_serve(settings, host, port, live_file, live_window * MICRO))


def check_host(host: str, insecure_public: bool) -> None:
    """A UsageError off loopback without the flag, a warning with it."""
    if _loopback(host):
        return
    if not insecure_public:
        raise click.UsageError(
            f"{host} can be reached by others and there is no login yet: whoever reaches it reads everything."
            " Use 127.0.0.1 (and a tunnel or a proxy with a login), or add --insecure-public if you accept that."
        )
    click.secho(f"WARNING: listening on {host} without a login: whoever reaches it reads everything.", err=True, fg="yellow")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(settings: Settings, host: str, port: int, live_file: Path | None, live_span: int) -> None:
    from brain.feeds import open_feed
    from brain.feeds.memory import MemoryFeed
    from brain.ports import Resumable
    from brain.stores import open_store
    from ontology import load_schema

    schema = load_schema(settings.ontology)
    store = open_store(settings.store)
    feed = open_feed(settings)
    if isinstance(feed, MemoryFeed):
        click.echo(
            "note: what other processes commit reaches `changes` subscribers through a broker alone: add --kafka", err=True
        )
    if live_file is not None and not isinstance(feed, Resumable):
        click.echo(
            "note: --live-file serves a restart only where changes come through the store's own file or a broker: add --kafka",
            err=True,
        )
    try:
        await run_server(schema, store, feed, host, port, live_file, live_span)
    finally:
        await feed.close()
        await store.close()


async def run_server(
    schema: "Schema",
    store: "Store",
    feed: "Feed",
    host: str,
    port: int,
    live_file: Path | None = None,
    live_span: int | None = None,
) -> None:
    """Serve an open store and feed until SIGINT or SIGTERM, within the running loop; both stay the caller's to close.

    Prints the address of GraphiQL on stderr once connections are accepted. Open subscriptions are closed on the way out.
    """
    import uvicorn

    from api.app import create_app
    from api.guard import LOOPBACK
    from api.limits import Limits
    from brain.analytics.live_causes import SPAN

    limits, span = Limits(), SPAN if live_span is None else live_span
    hosts = LOOPBACK | {host} if _loopback(host) else None
    app = create_app(schema=schema, store=store, feed=feed, limits=limits, hosts=hosts, live_file=live_file, live_span=span)
    # Looking for cycles in all of memory, while a report is worked out, had kept every other answer waiting for half a second.
    collect_seldom(YOUNG)
    with _listen(host, port) as listening:
        address = f"[{host}]" if ":" in host else host
        config = uvicorn.Config(
            app,
            log_level="warning",
            ws="websockets-sansio",
            ws_max_size=limits.body,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=STOP_SECONDS,
            server_header=False,
        )
        await _server(config, f"http://{address}:{listening.getsockname()[1]}/graphql").serve([listening])


def _server(config: "uvicorn.Config", url: str) -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                click.echo(f"GraphiQL: {url}   (Ctrl-C to stop)", err=True)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn raises the signal again when it has stopped, which would end us before the store is closed.
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.handle_exit, number, None)
            try:
                yield
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)

    return Server(config)


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, or a ClickException that says what to do: uvicorn would log the errno and exit by itself."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        # A gaierror is about the name; its number means something else as an errno.
        other = "--host" if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL else "--port"
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}; choose another {other}") from None
    return listening
