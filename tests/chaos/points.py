"""Moments at which a worker can be made to stand still, so that a fault hits exactly there.

A point is armed by a file `NAME.armed` in the folder; the first worker that comes by renames it to `NAME.PID` and waits until
that file is gone. The points lie around what the product does and change nothing of it. They are put in from outside
(`install`), in the worker's own process, so that the product needs no switch for its tests.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

log = logging.getLogger("chaos")

APPLY, WRITTEN, COMMITTING, APPLIED, TOLD, ACKNOWLEDGED = "apply", "written", "committing", "applied", "told", "acknowledged"
REVOKED, ASSIGNED = "revoked", "assigned"
MEANING = {
    APPLY: "before the transaction",
    WRITTEN: "all written, not committed",
    COMMITTING: "commit sent, no answer yet",
    APPLIED: "committed, notices not told",
    TOLD: "told, offsets not committed",
    ACKNOWLEDGED: "offsets committed",
    REVOKED: "partitions going",
    ASSIGNED: "partitions coming",
}
PROGRESS = "progress"
"""File to which every worker adds a line for every transaction that it has committed."""


class Points:
    """A folder of armed points: the harness arms, workers stand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def stand(self, name: str) -> None:
        """Wait here if the point is armed, until let go."""
        armed = self._folder / f"{name}.armed"
        here = self._folder / f"{name}.{os.getpid()}"
        try:
            armed.rename(here)
        except FileNotFoundError:
            return
        while here.exists():
            await asyncio.sleep(0.002)

    def progress(self) -> None:
        with (self._folder / PROGRESS).open("a") as file:
            file.write(f"{time.time()} {os.getpid()}\n")

    async def reached(self, name: str, patience: float) -> int | None:
        """Arm the point and wait for a worker: its pid, or None where none came by; then it is armed no more."""
        armed = self._folder / f"{name}.armed"
        armed.touch()
        until = time.monotonic() + patience
        while time.monotonic() < until:
            for file in self._folder.glob(f"{name}.*"):
                if file.suffix != ".armed":
                    return int(file.suffix[1:])
            await asyncio.sleep(0.002)
        armed.unlink(missing_ok=True)
        return await self.reached_late(name)

    async def reached_late(self, name: str) -> int | None:
        """Who came by while we gave up."""
        await asyncio.sleep(0.05)
        return next((int(file.suffix[1:]) for file in self._folder.glob(f"{name}.*")), None)

    def let_go(self, name: str) -> None:
        for file in self._folder.glob(f"{name}.*"):
            file.unlink(missing_ok=True)

    def last_progress(self) -> float:
        """When a worker last committed, by the system's clock."""
        try:
            return (self._folder / PROGRESS).stat().st_mtime
        except FileNotFoundError:
            return 0.0


def install(points: Points) -> None:
    """Put the points into this process. Fails where the product or the driver no longer has the place."""
    from aiokafka import AIOKafkaConsumer
    from neo4j._async.io._bolt import AsyncBolt

    from brain.feeds.kafka import KafkaFeed
    from brain.stores.neo4j.store import Neo4jStore
    from brain.stores.neo4j.writes import Writer
    from ingest.stream import _Rebalance

    async def apply(store: Any, batch: Any, *more: Any) -> Any:
        await points.stand(APPLY)
        begin = time.monotonic()
        made = await inner(store, batch, *more)
        log.info("committed %d change sets in %.2f s", len(batch), time.monotonic() - begin)
        points.progress()
        await points.stand(APPLIED)
        return made

    inner = Neo4jStore.apply
    Neo4jStore.apply = apply  # type: ignore[method-assign, assignment]

    _around(Writer, "write", after=lambda: points.stand(WRITTEN))
    _around(KafkaFeed, "publish", after=lambda: points.stand(TOLD))
    _around(AIOKafkaConsumer, "commit", after=lambda: points.stand(ACKNOWLEDGED))
    _around(_Rebalance, "on_partitions_revoked", before=lambda: points.stand(REVOKED))
    _around(_Rebalance, "on_partitions_assigned", before=lambda: points.stand(ASSIGNED))
    fetch_all = AsyncBolt.fetch_all

    async def fetch(bolt: Any) -> Any:
        if bolt.responses and bolt.responses[-1].message == "commit":
            await points.stand(COMMITTING)
        return await fetch_all(bolt)  # type: ignore[no-untyped-call]

    AsyncBolt.fetch_all = fetch  # type: ignore[method-assign]


async def _nothing() -> None:
    pass


def _around(
    cls: type[Any], name: str, before: Callable[[], Awaitable[None]] = _nothing, after: Callable[[], Awaitable[None]] = _nothing
) -> None:
    inner = getattr(cls, name)

    @wraps(inner)
    async def outer(*args: Any, **kwargs: Any) -> Any:
        await before()
        done = await inner(*args, **kwargs)
        await after()
        return done

    setattr(cls, name, outer)
