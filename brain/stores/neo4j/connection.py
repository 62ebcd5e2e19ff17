"""The driver: managed transactions, a stream of rows, and the driver's errors turned into ours."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from neo4j import READ_ACCESS, AsyncDriver, AsyncGraphDatabase, AsyncManagedTransaction, AsyncSession, unit_of_work
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DatabaseUnavailable,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from brain.errors import BadChange, BadUrl, BrainError, Fatal, StoreBroken, StoreBusy
from brain.stores.neo4j.address import Address

T = TypeVar("T")
Work = Callable[[AsyncManagedTransaction], Awaitable[T]]

FIRST_RETRY, RETRY_SECONDS = 0.1, 5.0
"""The driver tries again, at first after so long and for so long: that is for deadlocks and the like. A server that is away is
waited for outside; the driver's own waits, 1 s to 16 s, would go on long after it is back."""
CONNECT_SECONDS = 10.0
TRANSACTION_SECONDS = 120.0
"""After so long Neo4j ends a transaction that writes. A writer that froze, or whose machine is gone, keeps no locks."""
RECORDS_AHEAD = 4
"""Records that a scan asks for at a time. Each holds hundreds of rows, so that one rarely waits and memory stays small."""


class Connection:
    """One driver with its pool, opened at the first use within the running event loop."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._driver: AsyncDriver | None = None

    async def verify(self) -> None:
        """StoreBusy at once, rather than after `RETRY_SECONDS`, where nothing answers at the address."""
        with told(self.address):
            await self._opened().verify_connectivity()

    async def read(self, work: Work[T]) -> T:
        with told(self.address):
            async with self._session() as session:
                return await session.execute_read(work)

    async def write(self, work: Work[T]) -> T:
        timed = unit_of_work(timeout=TRANSACTION_SECONDS)(work)
        with told(self.address):
            async with self._session() as session:
                for _ in range(3):
                    try:
                        return await session.execute_write(timed)
                    except ClientError as error:
                        # Another process made the same node, or the same index, between our look and our write; now we shall
                        # see it.
                        if not isinstance(error, ConstraintError) and not (error.code or "").endswith("AlreadyExists"):
                            raise
                return await session.execute_write(timed)

    async def stream(self, cypher: str, parameters: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """The first field of every record of one statement, as they come. Not tried again: what was yielded is out."""
        with told(self.address):
            async with (
                self._session(default_access_mode=READ_ACCESS, fetch_size=RECORDS_AHEAD) as session,
                await session.begin_transaction() as tx,
            ):
                async for record in await tx.run(cypher, parameters):
                    yield record[0]

    def _session(self, **settings: Any) -> AsyncSession:
        return self._opened().session(database=self.address.database, bookmark_manager=self._bookmarks, **settings)

    def _opened(self) -> AsyncDriver:
        if self._driver is None:
            # In a cluster, what this store wrote it must also read, whichever member answers.
            self._bookmarks = AsyncGraphDatabase.bookmark_manager()
            self._driver = AsyncGraphDatabase.driver(
                self.address.uri,
                auth=self.address.auth,
                connection_timeout=CONNECT_SECONDS,
                initial_retry_delay=FIRST_RETRY,
                max_transaction_retry_time=RETRY_SECONDS,
                telemetry_disabled=True,
                user_agent="enterprise-brain",
                # A label that no node has yet is no mistake of ours, and IF NOT EXISTS is meant; deprecations are shown.
                notifications_disabled_classifications=["UNRECOGNIZED", "PERFORMANCE", "SCHEMA", "HINT", "GENERIC"],
            )
        return self._driver

    async def close(self) -> None:
        if self._driver is not None:
            await self._driver.close()
            self._driver = None


async def run(tx: AsyncManagedTransaction, cypher: str, **parameters: Any) -> Any:
    """The first field of the first record, or None. Our statements collect what they find into one record, since the driver
    takes 40 µs a record but 5 µs a row within one."""
    record = await (await tx.run(cypher, parameters)).single(strict=False)
    return None if record is None else record[0]


@contextmanager
def told(address: Address) -> Iterator[None]:
    """Turns the driver's errors into StoreBusy, StoreBroken, BadUrl or BadChange, with the mend and without a password."""
    try:
        yield
    except BrainError:
        raise
    except OverflowError as error:
        raise BadChange(f"an integer beyond 64 bits cannot be stored: {error}; keep it as text") from error
    except UnicodeEncodeError as error:
        raise BadChange(f"a text that is not valid Unicode cannot be stored: {error.reason}; repair its encoding") from error
    except ConfigurationError as error:
        raise BadUrl(f"{address.shown}: {error}") from error
    except (DriverError, Neo4jError, OSError) as error:
        raise _translated(address, error) from error


def _translated(address: Address, error: Exception) -> BrainError:
    code, text = getattr(error, "code", "") or "", getattr(error, "message", "") or str(error)
    where = address.shown
    if code == "Neo.ClientError.Database.DatabaseNotFound":
        return StoreBroken(f"{where}: there is no such database; the community edition has one, named neo4j")
    if "AuthenticationRateLimit" in code:
        return StoreBusy(f"{where}: too many wrong passwords; Neo4j takes no more for a while")
    if isinstance(error, AuthError):
        return StoreBroken(f"{where}: Neo4j refused the user or password; correct them in the address ({code})")
    if "TransactionTimedOut" in code:
        return StoreBusy(f"{where}: a transaction took more than {TRANSACTION_SECONDS:.0f} s, and nothing of it was stored")
    if "too large to index" in text:
        return BadChange(f"{where}: an id or an indexed text is longer than the 8,000 bytes that Neo4j can index; shorten it")
    if isinstance(error, ServiceUnavailable | OSError):
        return StoreBusy(f"{where}: nothing answers as Neo4j does; is it running? `brain servers start neo4j` starts one here")
    if isinstance(error, SessionExpired | TransientError | DatabaseUnavailable | ConstraintError):
        return StoreBusy(f"{where}: {text}")
    if isinstance(error, DriverError) and error.is_retryable():
        return StoreBusy(f"{where}: {text}")
    return _broken(where, code, text)


def _broken(where: str, code: str, text: str) -> Fatal:
    return StoreBroken(f"{where}: {text} ({code or 'driver'}); nothing of this batch was stored. See the server's own log")
