"""`brain ingest`: live sources into the model."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brain.cli.legible import Legible
from brain.cli.options import Opened, opened, run, settings_for, store_option

if TYPE_CHECKING:
    from ingest.intake import Intake


@dataclass(frozen=True, slots=True)
class Asked:
    """The sources that the command line names, with their options."""

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

    def sources(self, o: Opened, intake: "Intake", stop: asyncio.Event) -> Iterator[Coroutine[Any, Any, None]]:
        from brain.cli.ingest_erp import folder, tryton

        if self.kafka:
            yield _kafka(o, intake, stop, self.kafka, self.group, self.topics, self.idle_exit)
        if self.mqtt:
            yield _mqtt(o, intake, stop, self.mqtt, self.mqtt_user, self.client_id or _own_name(o.settings.store))
        if self.tryton:
            yield tryton(o, intake, stop, self.tryton, self.database or "", self.user or "", self.once, self.every)
        for named in self.folders:
            yield folder(intake, stop, named, self.once, self.every)


@click.command()
@store_option
@click.option("--kafka", metavar="HOST:PORT", help="Read topics of this broker; several workers share the partitions.")
@click.option("--topic", "topics", multiple=True, metavar="NAME[=ADAPTER/TOPIC]",
              help="Kafka topic to read, and the name under which adapters know it. [default: brain.envelopes]")  # fmt: skip
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
@click.option("-v", "--verbose", is_flag=True, help="Say more: dead letters as they come, partitions taken and given back.")
@run
async def ingest(store: str | None, rules: Path | None, verbose: bool, **asked: Any) -> None:
    """Take live messages in, until Ctrl-C. A message is acknowledged once it is stored, or buried with its reason.

    \b
    brain ingest --mqtt 127.0.0.1:1883
    brain ingest --kafka 127.0.0.1:9092 --topic plant.telemetry=plant/telemetry
    brain ingest --tryton http://127.0.0.1:8000 --database plant --user brain --folder drop/mes=mes/b2mml
    """
    wanted = Asked(**asked)
    _speak(verbose)
    from brain.engine import Engine
    from brain.feeds import open_feed
    from ingest.intake import Intake
    from ingest.wiring import whole_pipeline
    from ontology import load_schema

    settings = settings_for(store)
    schema = load_schema(settings.ontology)
    pipeline = whole_pipeline(schema, settings.adapters, rules)
    async with opened(store, schema) as o:
        feed = open_feed(o.settings)
        intake = Intake(pipeline, Engine(o.store, feed))
        try:
            await _together(wanted.sources(o, intake, _stop_on_signals()))
        finally:
            await feed.close()
            click.echo(f"brain ingest: {intake.taken}", err=True)


def _speak(verbose: bool) -> None:
    spoken = logging.StreamHandler()
    spoken.setFormatter(Legible("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[spoken])
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request otherwise


async def _together(sources: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Until all have ended, or one fails: then the others are cancelled, and its error is ours."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for source in sources:
                tasks.create_task(source)
    except* Exception as errors:
        raise errors.exceptions[0] from None


async def _kafka(
    o: Opened, intake: "Intake", stop: asyncio.Event, address: str, group: str, topics: tuple[str, ...], idle: float | None
) -> None:
    from ingest.sources.kafka import TOPIC
    from ingest.stream import StreamOptions, work

    named = {name: known for name, _, known in (topic.partition("=") for topic in topics or (TOPIC,))}
    click.echo(f"reading {', '.join(named)} at {address} as group {group}", err=True)
    await work(StreamOptions(address, group, named, idle), intake, o.store, stop)


async def _mqtt(o: Opened, intake: "Intake", stop: asyncio.Event, address: str, user: str | None, client_id: str) -> None:
    from ingest.sources.mqtt import MqttSource
    from ingest.wiring import topics_of

    topics = topics_of(o.schema, o.settings.adapters)
    source = MqttSource(address, topics, client_id, user, os.environ.get("BRAIN_MQTT_PASSWORD"))
    ready = asyncio.Event()
    running = asyncio.create_task(source.run(intake, ready))
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


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
