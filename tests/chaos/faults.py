"""The faults: a seeded schedule, and how each is done to what runs."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple, assert_never

from brain.servers import KafkaServer, Neo4jServer, Server
from tests.chaos.crew import Crew
from tests.chaos.points import (
    ACKNOWLEDGED,
    APPLIED,
    APPLY,
    ASSIGNED,
    COMMITTING,
    MEANING,
    REVOKED,
    TOLD,
    WRITTEN,
    Points,
)

Kind = Literal["kill a worker", "kill all workers", "kill Neo4j", "kill Kafka", "pause a worker", "pause Neo4j", "pause Kafka",
               "a worker joins or leaves", "a worker is replaced"]  # fmt: skip
ANY = "any"
LONG = 8.0
"""Seconds of a pause that outlives the consumers' session (6 s): the paused one wakes up to find its partitions gone."""
PATIENCE = 60.0
"""Seconds to wait for a worker to come by an armed point; a group that has lost two members in a row needs some 15, and a worker
takes 10 to start on a machine that has much else to do."""
STIR_SECONDS = 10.0
"""After so long without the rebalance that a fault waits for, who was dismissed had not joined yet. One is hired then."""


class Fault(NamedTuple):
    """`at` is a point of `points`, or any moment. `seconds`: how long it lasts. `delay`: seconds from the point to the blow."""

    kind: Kind
    at: str
    seconds: float
    delay: float
    pick: float
    """Which of several workers, as a share of their number."""

    @property
    def moment(self) -> str:
        return MEANING.get(self.at, "any moment") + (", beyond the session" if self.long else "")

    @property
    def long(self) -> bool:
        return self.kind.startswith("pause") and self.seconds >= LONG


DECK: tuple[tuple[Kind, str, float], ...] = (
    *(("kill a worker", at, 0.0) for at in (ANY, APPLY, WRITTEN, COMMITTING, APPLIED, TOLD, ACKNOWLEDGED, ASSIGNED, REVOKED)),
    ("kill all workers", ANY, 0.0),
    *(("kill Neo4j", at, 0.0) for at in (ANY, WRITTEN, COMMITTING, APPLIED)),
    *(("kill Kafka", at, 0.0) for at in (ANY, APPLIED, TOLD)),
    ("pause a worker", ANY, 0.0),
    ("pause a worker", WRITTEN, LONG),
    ("pause a worker", APPLIED, LONG),
    ("pause Neo4j", ANY, 0.0),
    ("pause Kafka", ANY, 0.0),
    *(("a worker joins or leaves", ANY, 0.0),) * 2,
    ("a worker is replaced", ANY, 0.0),
)
"""One of each, 25 in all."""


def schedule(seed: int) -> Iterator[Fault]:
    """Endless; every 25 in a row are the whole deck, shuffled."""
    random = Random(f"{seed}/faults")
    while True:
        for kind, at, seconds in random.sample(DECK, len(DECK)):
            lasts = max(seconds, random.uniform(0, 3)) if kind in ("kill Neo4j", "kill Kafka") else random.uniform(1, 3)
            yield Fault(
                kind, at, seconds + (random.uniform(0, 2) if seconds else lasts), random.uniform(0, 0.03), random.random()
            )


@dataclass(slots=True)
class World:
    """All that faults can hit."""

    crew: Crew
    neo4j: Neo4jServer
    kafka: KafkaServer
    points: Points


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that was done. `over` is when it was over (system's clock); `missed`: no worker came by its point."""

    fault: Fault
    over: float
    missed: bool


async def inflict(world: World, fault: Fault) -> Hit:
    """Do it, and return when it is over: what was killed is up again or is being started, what was paused runs."""
    pid: int | None = None
    if fault.at != ANY:
        waiting = asyncio.create_task(world.points.reached(fault.at, PATIENCE))
        while fault.at in (ASSIGNED, REVOKED) and not waiting.done():
            # These lie in a rebalance, which must be brought about.
            await asyncio.sleep(0.05)
            hired = _stir(world)
            await asyncio.wait((waiting,), timeout=None if hired else STIR_SECONDS)
        pid = await waiting
    missed = fault.at != ANY and pid is None
    if pid is None:
        pids = world.crew.pids
        pid = pids[int(fault.pick * len(pids))] if pids else 0
    await asyncio.sleep(fault.delay)
    try:
        await _strike(world, fault, pid)
    finally:
        world.points.let_go(fault.at)
    return Hit(fault, time.time(), missed)


async def _strike(world: World, fault: Fault, pid: int) -> None:
    match fault.kind:
        case "kill a worker":
            world.crew.signal(pid, signal.SIGKILL)
        case "kill all workers":
            for one in world.crew.pids:
                world.crew.signal(one, signal.SIGKILL)
        case "kill Neo4j":
            await _crash(world, fault, world.neo4j)
        case "kill Kafka":
            await _crash(world, fault, world.kafka)
        case "pause a worker":
            world.crew.signal(pid, signal.SIGSTOP)
            world.points.let_go(fault.at)
            await asyncio.sleep(fault.seconds)
            world.crew.signal(pid, signal.SIGCONT)
        case "pause Neo4j":
            await _pause(world.neo4j, fault.seconds)
        case "pause Kafka":
            await _pause(world.kafka, fault.seconds)
        case "a worker joins or leaves":
            _stir(world)
        case "a worker is replaced":
            slots = world.crew.slots
            world.crew.stop(slots[int(fault.pick * len(slots))])
        case _:
            assert_never(fault.kind)


def _stir(world: World) -> bool:
    """A third worker comes, or, where there are three, the last goes. Whether one comes."""
    slots = world.crew.slots
    if len(slots) < 3:
        world.crew.hire()
        return True
    world.crew.dismiss(slots[-1])
    return False


async def _crash(world: World, fault: Fault, server: Server) -> None:
    server.kill()
    world.points.let_go(fault.at)
    await asyncio.sleep(fault.seconds)
    await asyncio.to_thread(server.start)


async def _pause(server: Server, seconds: float) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(server.pid, signal.SIGCONT)
