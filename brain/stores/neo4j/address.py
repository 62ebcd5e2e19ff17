"""Addresses: `neo4j://user:password@host:port/database`, with no part of a password in any message."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from brain.errors import BadUrl

SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
FORM = "write neo4j://user:password@host:7687/neo4j, with any of / ? # @ : % in the user or password percent-encoded"


@dataclass(frozen=True, slots=True)
class Address:
    """`uri` is what the driver takes: scheme, host and port. `auth` and `database` are None where the URL names none."""

    uri: str
    auth: tuple[str, str] | None = field(repr=False)
    database: str | None

    @property
    def shown(self) -> str:
        """What may stand in a message."""
        return f"{self.uri}/{self.database}" if self.database else self.uri


def parse(url: str) -> Address:
    """The parts of a store's URL. BadUrl, without the credentials in it, for one that cannot be understood."""
    # From None throughout: the errors of urlsplit quote the URL, and so the password.
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadUrl(f"the address of the Neo4j store cannot be understood: {FORM}") from None
    if parts.scheme not in SCHEMES:
        raise BadUrl(f"{parts.scheme!r} is no scheme of Neo4j: use one of {', '.join(SCHEMES)}")
    database = unquote(parts.path.strip("/"))
    if not host or "/" in database or parts.query or parts.fragment:
        raise BadUrl(f"the address of the Neo4j store cannot be understood: {FORM}")
    name = f"[{host}]" if ":" in host else host
    uri = f"{parts.scheme}://{name}" + (f":{port}" if port else "")
    return Address(uri, _auth(parts), database or None)


def _auth(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is None:
        return None
    if parts.password is None:
        raise BadUrl(f"the address of the Neo4j store has a user but no password: {FORM}")
    return unquote(parts.username), unquote(parts.password)
