"""What stands before the application: which hosts and origins may speak to it, and how long a body may be.

There is no login yet, so the defence of a server on loopback is that nobody else can reach it. A web page in the user's browser
could: by a name of its own that it rebinds to 127.0.0.1 (so the Host is checked), by a form or a websocket (so the Origin is
checked: a browser sends it with both, a program sends none).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),  # a page that frames GraphiQL could make the user click in it
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class _TooLong(Exception):
    pass


class Guard:
    """An ASGI application around another. `hosts` are the names under which it may be addressed; None allows any."""

    def __init__(self, app: App, *, hosts: frozenset[str] | None, body: int) -> None:
        self._app = app
        self._hosts = hosts
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if reason := self._objection(scope):
            await _refuse(scope, send, 403, reason)
            return
        if scope["type"] == "http":
            await self._limited(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _objection(self, scope: Scope) -> str | None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts, origins = headers.get(b"host", []), headers.get(b"origin", [])
        if len(hosts) != 1:
            return "a request needs one Host header"
        host = hosts[0].decode("latin-1")
        if self._hosts is not None and _name(f"//{host}") not in self._hosts:
            return f"host {host!r} is not one that this server answers to: use {', '.join(sorted(self._hosts))}"
        for origin in origins:
            text = origin.decode("latin-1")
            if _authority(text) != host:
                return f"origin {text!r} may not use this server: only its own pages may"
        return None

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, begun = 0, False

        async def measured() -> MutableMapping[str, Any]:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._body:
                raise _TooLong
            return message

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        length = next((v for n, v in scope["headers"] if n.lower() == b"content-length"), b"0")
        try:
            if length.isdigit() and int(length) > self._body:
                raise _TooLong
            await self._app(scope, measured, watched)
        except _TooLong:
            if not begun:
                await _refuse(scope, send, 413, f"a body may have {self._body:,} bytes at most")


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # "[::1" and the like
        return None


def _authority(url: str) -> str | None:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None


async def _refuse(scope: Scope, send: Send, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        # Closing before accepting makes the server answer the handshake with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
