"""`brain ingest`: live sources into the model."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brain.cli.ingest_crew import SILENT, TELLING, crew_of, in_crew, run_crew
from brain.cli.options import Opened, collect_seldom, opened, run, settings_for, stop_on_signals, store_option
from brain.legible import Legible

if TYPE_CHECKING:
    from brain.schema import Schema
    from ingest.intake import Intake
    from ingest.liveness import Heard, Liveness, Tap
    from ingest.pipeline import Pipeline


PORTION = 1_000_000
"""Objects of the largest portions that a worker of Kafka has in hand, two at a time: to go through them cost 8 % of its time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The sources that the command line names, with their options."""

    workers: int
    kafka: str | None
    topics: tuple[str, ...]
    group: str
    idle_exit: float | None
    mqtt: str | None
    mqtt_user: str | None
    client_id: str | None
    tryton: str | None
    database: str | None
    user: str | None
    folders: tuple[str, ...]
    every: float
    once: bool

    def __post_init__(self) -> None:
        if not (self.kafka or self.mqtt or self.tryton or self.folders):
            raise click.UsageError("name a source: --kafka, --mqtt, --tryton or --folder; several may run together")
        if self.tryton and not (self.database and self.user):
            raise click.UsageError("--tryton needs --database NAME and --user USER")
        if self.once and (self.kafka or self.mqtt):
            raise click.UsageError("--once is for --tryton and --folder; for --kafka there is --idle-exit")
        if self.workers > 1 and (not self.kafka or self.mqtt or self.tryton or self.folders):
            raise click.UsageError("--workers share the partitions of --kafka; give other sources a command of their own")

    def of_one(self) -> list[str]:
        """The arguments of one worker of several."""
        idle = [] if self.idle_exit is None else [f"--idle-exit={self.idle_exit}"]
        return [f"--kafka={self.kafka}", f"--group={self.group}", *[f"--topic={topic}" for topic in self.topics], *idle]

    def sources(
        self, o: Opened, intake: "Intake", stop: asyncio.Event, liveness: "Liveness"
    ) -> Iterator[Coroutine[Any, Any, None]]:
        from brain.cli.ingest_erp import folder, tryton
        from ingest.liveness import Tap

        if self.kafka:
            yield _kafka(o, intake, stop, liveness, self.kafka, self.group, self.topics, self.idle_exit)
        if self.mqtt:
            yield _mqtt(o, intake, stop, liveness, self.mqtt, self.mqtt_user, self.client_id or _own_name(o.settings.store))
        if self.tryton:
            tap = Tap(intake, f"Tryton at {self.tryton}")
            pulling = tryton(o, tap, stop, self.tryton, self.database or "", self.user or "", self.once, self.every)
            yield _followed(liveness, tap, pulling)
        for named in self.folders:
            tap = Tap(intake, f"folder {named}")
            yield _followed(liveness, tap, folder(tap, stop, named, self.once, self.every))


@click.command()
@store_option
@click.option("--kafka", metavar="HOST:PORT", help="Read topics of this broker; several workers share the partitions.")
@click.option("--topic", "topics", multiple=True, metavar="NAME[=ADAPTER/TOPIC]",
              help="Kafka topic to read, and the name under which adapters know it. [default: brain.envelopes]")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Kafka: processes that share the partitions, one for each core to spare. If one fails, all end.")  # fmt: skip
@click.option("--group", default="brain", show_default=True, help="Kafka consumer group; workers of one group share the work.")
@click.option("--idle-exit", type=click.FloatRange(0.1), metavar="SECONDS", help="Kafka: end when nothing has come for so long.")
@click.option("--mqtt", metavar="HOST:PORT", help="Subscribe to the adapters' topics at this broker.")
@click.option("--mqtt-user", help="User at the MQTT broker; the password comes from BRAIN_MQTT_PASSWORD.")
@click.option("--client-id", help="Our name at the MQTT broker, which keeps messages for it. [default: made of host and store]")
@click.option("--tryton", metavar="URL", help="Pull from this Tryton; the password comes from BRAIN_TRYTON_PASSWORD.")
@click.option("--database", help="Tryton: name of the database.")
@click.option("--user", help="Tryton: who logs in.")
@click.option(
    "--folder", "folders", multiple=True, metavar="PATH=TOPIC", help="Take files dropped into a folder, such as an MES's XML."
)
@click.option(
    "--every", type=click.FloatRange(0.1), default=30.0, show_default=True, help="Tryton, folder: seconds between looks."
)
@click.option("--once", is_flag=True, help="Tryton, folder: look once and end.")
@click.option("--rules", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Kafka: maps the object types of event logs, which `brain import --kafka` sent, to classes.")  # fmt: skip
@click.option("--health", metavar="[HOST:]PORT", callback=lambda _, __, given: _listening(given),
              help="Answer GET /livez and /readyz there, on loopback where no host is named. [default: off]")  # fmt: skip
@click.option(
    "--stuck-after",
    type=click.FloatRange(1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="/livez: how long nothing may be stored though something waits (a single write: 150). A Kafka group may take 40.",
)
@click.option("--crew", type=click.Choice([SILENT, TELLING]), hidden=True, help="We are one of the --workers of a command.")
@click.option("-v", "--verbose", is_flag=True, help="Say more: dead letters as they come, partitions taken and given back.")
@run
async def ingest(
    store: str | None,
    rules: Path | None,
    verbose: bool,
    health: tuple[str, int] | None,
    stuck_after: float,
    crew: str | None,
    **asked: Any,
) -> None:
    """Take live messages in, until Ctrl-C. A message is acknowledged once it is stored, or buried with its reason.

    With --health, GET /livez is 200 while what is stored advances or nothing waits, and 503 with partitions, lag and time where
    it stands still: a restart may help. While the store or the broker is away or busy, /livez stays 200, since no restart would
    mend that, and /readyz is 503 with the reason. Both tell topics and lags to whoever reaches them. With --workers they speak
    for all of them: 200 where each is well.

    \b
    brain ingest --mqtt 127.0.0.1:1883
    brain ingest --kafka 127.0.0.1:9092 --workers 4
    brain ingest --kafka 127.0.0.1:9092 --topic plant.telemetry=plant/telemetry
    brain ingest --tryton http://127.0.0.1:8000 --database plant --user brain --folder drop/mes=mes/b2mml
    brain ingest --kafka 127.0.0.1:9092 --health 8081        curl -s localhost:8081/livez
    """
    wanted = Asked(**asked)
    _speak(verbose)
    from ingest.liveness import Liveness
    from ingest.wiring import whole_pipeline
    from ontology import load_schema

    settings = settings_for(store)
    schema = load_schema(settings.ontology)
    pipeline = whole_pipeline(schema, settings.adapters, rules)
    if wanted.workers > 1:
        rest = [f"--stuck-after={stuck_after}", *([f"--rules={rules}"] if rules else []), *(["--verbose"] if verbose else [])]
        together = crew_of(wanted.workers, [*wanted.of_one(), *rest], settings.store, health is not None)
        async with _heard(together, health):
            # Once, before all of them do: what is wrong with the store is said once.
            async with opened(store, schema, create=True):
                pass
            await run_crew(together, wanted.workers, stop_on_signals())
    else:
        await _alone(wanted, store, schema, pipeline, Liveness(stuck_after), health, crew)


async def _alone(
    wanted: Asked,
    store: str | None,
    schema: "Schema",
    pipeline: "Pipeline",
    liveness: "Liveness",
    health: tuple[str, int] | None,
    crew: str | None,
) -> None:
    """All that was asked for in this one process, which may be a worker of a crew."""
    from brain.engine import Engine
    from brain.feeds import open_feed
    from ingest.crew import tell_taken
    from ingest.intake import Intake

    # Heard before the store is opened, which may take long after the ontology has changed.
    async with in_crew(liveness, crew), _heard(liveness, health), opened(store, schema, create=True) as o:
        collect_seldom(PORTION)
        o = replace(o, store=liveness.store(o.store))
        feed = open_feed(o.settings)
        intake = Intake(pipeline, Engine(o.store, liveness.feed(feed)))
        try:
            await _together(wanted.sources(o, intake, stop_on_signals(), liveness))
        finally:
            await feed.close()
            click.echo(f"brain ingest: {intake.taken}", err=True)
            if crew is not None:
                tell_taken(intake.taken)


def _speak(verbose: bool) -> None:
    spoken = logging.StreamHandler()
    spoken.setFormatter(Legible("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[spoken])
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request otherwise


def _listening(given: str | None) -> tuple[str, int] | None:
    """The host and the port that `--health` names."""
    if given is None:
        return None
    host, _, port = given.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{given!r} is no place to listen: write PORT or HOST:PORT, for example 8081 or 0.0.0.0:8081")
    return host.strip("[]") or "127.0.0.1", int(port)


@asynccontextmanager
async def _heard(liveness: "Heard", at: tuple[str, int] | None) -> AsyncIterator[None]:
    if at is None:
        yield
        return
    from ingest.health import serving

    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(serving(liveness, *at))
        except OSError as error:
            # asyncio puts its own words around the system's; a name that is not known has no number of the system's.
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise click.ClickException(f"cannot listen on {at[0]}:{at[1]}: {why}; choose another --health") from None
        click.echo(f"health: {address}/livez and /readyz", err=True)
        yield


async def _followed(liveness: "Liveness", tap: "Tap", source: Coroutine[Any, Any, None]) -> None:
    with liveness.following(tap):
        await source


async def _together(sources: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Until all have ended, or one fails: then the others are cancelled, and its error is ours."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for source in sources:
                tasks.create_task(source)
    except ExceptionGroup as errors:
        # Not `except*`: what is raised in it some versions of Python wrap in a group again.
        raise errors.exceptions[0] from None


async def _kafka(
    o: Opened,
    intake: "Intake",
    stop: asyncio.Event,
    liveness: "Liveness",
    address: str,
    group: str,
    topics: tuple[str, ...],
    idle: float | None,
) -> None:
    from ingest.sources.kafka import TOPIC
    from ingest.stream import StreamOptions, work

    named = {name: known for name, _, known in (topic.partition("=") for topic in topics or (TOPIC,))}
    click.echo(f"reading {', '.join(named)} at {address} as group {group}", err=True)
    await work(StreamOptions(address, group, named, idle), intake, o.store, stop, liveness)


async def _mqtt(
    o: Opened, intake: "Intake", stop: asyncio.Event, liveness: "Liveness", address: str, user: str | None, client_id: str
) -> None:
    from ingest.liveness import Tap
    from ingest.sources.mqtt import MqttSource
    from ingest.wiring import topics_of

    topics = topics_of(o.schema, o.settings.adapters)
    source = MqttSource(address, topics, client_id, user, os.environ.get("BRAIN_MQTT_PASSWORD"))
    tap = Tap(intake, f"MQTT at {address}", lambda: source.waiting)
    ready = asyncio.Event()
    running = asyncio.create_task(_followed(liveness, tap, source.run(tap, ready)))
    told = asyncio.create_task(stop.wait())
    started = asyncio.create_task(ready.wait())
    await asyncio.wait((running, told, started), return_when=asyncio.FIRST_COMPLETED)
    if ready.is_set():
        click.echo(f"subscribed to {', '.join(topics)} at {address}", err=True)
    await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
    for task in (told, started, running):
        task.cancel()
    await asyncio.gather(told, started, return_exceptions=True)
    try:
        await running
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


def _own_name(store: str) -> str:
    """One session at the broker a store: two processes under one name would take each other's messages."""
    return f"brain-{socket.gethostname()}-{sha256(store.encode()).hexdigest()[:8]}"
