"""Tryton's JSON-RPC over HTTP: log in, call, and say clearly what is wrong. Imports nothing of Tryton (which is GPL-3)."""

import base64
from typing import Any
from urllib.parse import urlsplit

import httpx

from brain.errors import BadUrl, Reject, Retry

BUSY = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses after which asking again may help."""
CONTEXT = {"active_test": False}
"""Records that were deactivated are still records."""


class TrytonAway(Retry):
    """The server cannot be reached, or is busy."""


class TrytonRefused(Reject):
    """The server is there and will not: wrong password, database, module or access."""


class Rpc:
    """One user's session in one database. Logs in when first needed, and again when the session has ended."""

    def __init__(self, url: str, database: str, user: str, password: str, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadUrl(f"{parts.hostname or url!r} is no Tryton server: write http://HOST:8000")
        if not database or "/" in database:
            raise BadUrl(f"{database!r} is no database of Tryton: name it with --database")
        # A password in the URL would reach messages; it has its own parameter.
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        address = f"{host}:{parts.port}" if parts.port else host
        self.where = f"{address}/{database}"
        self._database = database
        self._user = user
        self._password = password
        self._endpoint = f"{parts.scheme}://{address}{parts.path.rstrip('/')}/{database}/rpc/"
        self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._session: str | None = None
        self._found = False
        self._number = 0

    async def call(self, model: str, module: str, method: str, *arguments: Any) -> Any:
        """The result of a model's method. `module` is the one that brings the model, for the message where it is missing.

        Raises TrytonAway where waiting may help, TrytonRefused where it will not.
        """
        for fresh in (False, True):
            if self._session is None:
                await self._login()
                fresh = True
            answer = await self._post(f"model.{model}.{method}", [*arguments, CONTEXT], self._session)
            if answer.status_code != 401:
                return self._result(answer, model, module)
            self._session = None
            if fresh:
                break
        raise TrytonRefused(f"Tryton at {self.where} ends every session of {self._user!r} at once: see its log")

    async def close(self) -> None:
        await self._client.aclose()

    async def _login(self) -> None:
        answer = await self._post("common.db.login", [self._user, {"password": self._password}], None)
        if answer.status_code == 401:
            raise TrytonRefused(
                f"Tryton at {self.where} refuses the login of {self._user!r}: check the user and BRAIN_TRYTON_PASSWORD"
            )
        result = self._result(answer, "res.user", "res")
        if not isinstance(result, list) or len(result) < 2:
            raise TrytonRefused(f"Tryton at {self.where} answers a login in no known way: version 8 is understood")
        self._found = True
        token = f"{self._user}:{result[0]}:{result[1]}"
        self._session = "Session " + base64.b64encode(token.encode()).decode()

    async def _post(self, method: str, params: list[Any], session: str | None) -> httpx.Response:
        self._number += 1
        headers = {"Authorization": session} if session else {}
        request = {"id": self._number, "method": method, "params": params}
        try:
            answer = await self._client.post(self._endpoint, json=request, headers=headers)
        except httpx.TransportError as error:
            raise TrytonAway(f"Tryton at {self.where} cannot be reached: {error or type(error).__name__}") from None
        absent = answer.status_code == 404 or (answer.status_code == 503 and "doesn&#39;t exist" in answer.text[:2000])
        # Tryton also says 404 while its database server is away; if the database was there before, it will be again.
        if absent and not self._found:
            raise TrytonRefused(f"Tryton at {self.where}: there is no database {self._database!r}, or no Tryton of version 8")
        if absent or answer.status_code in BUSY:
            raise TrytonAway(f"Tryton at {self.where} is busy: HTTP {answer.status_code} {answer.reason_phrase}")
        return answer

    def _result(self, answer: httpx.Response, model: str, module: str) -> Any:
        if answer.status_code == 403:
            raise TrytonRefused(f"Tryton at {self.where}: {self._user!r} may not read {model}: give that user access")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict) or not ("result" in told or "error" in told):
            raise TrytonRefused(f"{self.where} does not answer as Tryton does (HTTP {answer.status_code}): check the address")
        if "error" in told:
            raise self._refusal(told["error"], model, module)
        return told["result"]

    def _refusal(self, error: Any, model: str, module: str) -> Reject | Retry:
        """Tryton's error: `[text, traceback]` of what went wrong inside, or `[kind, [message, description, …]]`."""
        first = error[0] if isinstance(error, list) and error else error
        if first in (repr(model), model):
            return TrytonRefused(
                f"Tryton at {self.where} has no {model}: activate the module {module!r} in it (trytond-admin -u {module})"
            )
        if first in ("ConcurrencyException", "TimeoutException"):
            return TrytonAway(f"Tryton at {self.where} is busy: {first}")
        detail = error[1] if isinstance(error, list) and len(error) > 1 and first in ("UserError", "UserWarning") else first
        text = " ".join(str(part) for part in detail[:2]) if isinstance(detail, list) else str(detail)
        return TrytonRefused(f"Tryton at {self.where} cannot give {model}: {text[:300]}")
