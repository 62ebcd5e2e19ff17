"""`brain import`: real event logs into the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from brain.cli.log_options import log_options, reading
from brain.cli.options import Opened, format_option, opened, run, settings_for, store_option
from brain.legible import legible
from brain.ports import Feed, Store

if TYPE_CHECKING:
    from ingest.importing import Import
    from ingest.intake import Intake
    from ingest.logs import LogOptions, LogSummary


@click.command("import")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
@log_options
@click.option(
    "--kafka", metavar="HOST:PORT", help="Send the records to this broker, for `brain ingest` to take in, not to a store."
)
@click.option("--topic", help="Kafka topic to send to. [default: brain.envelopes]")
@click.option("--shuffle", type=int, metavar="SEED", help="Kafka: send in another order, the same for the same seed.")
@format_option("table", "json")
@run
async def import_(
    files: tuple[Path, ...],
    store: str | None,
    rules: Path | None,
    namespace: str | None,
    lenient: bool,
    kafka: str | None,
    topic: str | None,
    shuffle: int | None,
    form: str,
    **csv: str | None,
) -> None:
    """Import event logs: OCEL 2.0 (JSON, XML, SQLite), OCEL 1.0 (JSON), XES (also .gz), CSV and Parquet.

    Every file is checked whole before the store changes. An import that was cut short goes on where it stopped, and the same
    file again changes nothing.

    \b
    brain import order-management.xml --store sqlite:///t.db
    brain import tickets.csv --case "Case ID" --activity Task --timestamp "Complete Timestamp" --zone Europe/Rome
    brain import log.jsonocel --rules my-rules.yaml
    brain import log.xes --kafka 127.0.0.1:9092 --shuffle 7       workers take it in: brain ingest --kafka 127.0.0.1:9092
    """
    _check_use(store, rules, kafka, topic, shuffle)
    how = How(reading(csv, lenient), namespace, rules, store)
    with progress() as bars:
        if kafka:
            done = [await _send(one, bars, kafka, topic, shuffle) for one in how.checked(files, bars)]
        else:
            done = await _store(how, files, bars)
    for d in done:
        click.echo(legible(_sentence(d)), err=True)
    if form == "json":
        click.echo(orjson.dumps(done, option=orjson.OPT_INDENT_2).decode())
    if letters := sum(d["deadLetters"] for d in done):
        raise click.ClickException(f"{letters} records could not be taken in; `brain deadletters list` says why")


def progress() -> Progress:
    """Bars on stderr, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _check_use(store: str | None, rules: Path | None, kafka: str | None, topic: str | None, shuffle: int | None) -> None:
    if kafka and store:
        raise click.UsageError("--kafka sends to a broker and needs no --store: give one of the two")
    if kafka and rules:
        raise click.UsageError("--rules are for those who map the records: give them to `brain ingest --kafka … --rules`")
    if not kafka and (topic is not None or shuffle is not None):
        raise click.UsageError("--topic and --shuffle are for --kafka")


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was read to its end and can be imported whole."""

    path: Path
    log: "Import"
    summary: "LogSummary"


class How:
    """What is the same for every file of a run: options, rules, ontology. Faults in rules show before anything is read."""

    def __init__(self, options: "LogOptions", namespace: str | None, rules: Path | None, store: str | None) -> None:
        from ingest.event_log import LogRules
        from ingest.event_log_rules import read_log_rules
        from ontology import load_schema

        self.store = store
        self.schema = load_schema(settings_for(store).ontology)
        self.rules = read_log_rules(rules, self.schema) if rules else LogRules()
        self._options = options
        self._namespace = namespace
        # What a file means depends on these: under others, the same file is not the same import.
        self._salt = f"{self.schema.version}|{rules.read_bytes().hex() if rules else ''}"

    def intake(self, store: Store, feed: Feed | None = None) -> "Intake":
        """What takes records into a store by these rules."""
        from brain.engine import Engine
        from ingest.event_log import TOPIC, LogMapper
        from ingest.intake import Intake
        from ingest.pipeline import Pipeline

        return Intake(Pipeline(self.schema, (), {TOPIC: LogMapper(self.schema, self.rules)}), Engine(store, feed))

    def checked(self, files: Sequence[Path], bars: Progress) -> "list[Checked]":
        """Each file once, in the order given."""
        from ingest.importing import Import

        found = []
        for path in dict.fromkeys(files):
            one = Import(path, self._options, self._namespace, self._salt)
            task = bars.add_task(f"checking {path.name}", total=None)
            summary = one.check(partial(_advance, bars, task))
            bars.remove_task(task)
            for note in summary.notes:
                bars.console.print(f"{path.name}: {note}", markup=False, highlight=False, soft_wrap=True)
            found.append(Checked(path, one, summary))
        return found


def _advance(bars: Progress, task: TaskID, completed: int) -> None:
    bars.update(task, completed=completed)


async def _store(how: How, files: Sequence[Path], bars: Progress) -> list[dict[str, Any]]:
    from brain.feeds import open_feed

    checked = how.checked(files, bars)
    async with opened(how.store, how.schema, create=True) as o:
        feed = open_feed(o.settings)
        try:
            intake = how.intake(o.store, feed)
            return [await import_one(o, one, intake, bars) for one in checked]
        finally:
            await feed.close()


async def import_one(o: Opened, one: Checked, intake: "Intake", bars: Progress) -> dict[str, Any]:
    """Import a file that was checked; what was done, for people and programs."""
    task = bars.add_task(f"importing {one.path.name}", total=one.summary.events + one.summary.objects)
    imported = await one.log.run(one.summary, intake, o.store, partial(_advance, bars, task))
    return {
        **_described(one),
        "records": imported.records,
        "skipped": imported.skipped,
        "deadLetters": len(imported.letters),
    }


async def _send(one: Checked, bars: Progress, address: str, topic: str | None, shuffle: int | None) -> dict[str, Any]:
    from ingest.sources.kafka import TOPIC

    task = bars.add_task(f"sending {one.path.name}", total=one.summary.events + one.summary.objects)
    sent = await one.log.send(address, topic or TOPIC, shuffle, partial(_advance, bars, task))
    return {**_described(one), "sent": sent, "topic": topic or TOPIC, "deadLetters": 0}


def _described(one: Checked) -> dict[str, Any]:
    found = {k: v for k, v in one.summary._asdict().items() if k in ("format", "kind", "events", "objects", "relations")}
    return {"file": str(one.path), **found, "namespace": one.log.namespace}


def _sentence(done: dict[str, Any]) -> str:
    if "sent" in done:
        return f"{done['file']}: {done['format']}, {done['sent']:,} records sent to {done['topic']}"
    if not done["records"]:
        return f"{done['file']}: already imported, {done['skipped']:,} records; nothing changed"
    resumed = f", after {done['skipped']:,} of an earlier run" if done["skipped"] else ""
    return f"{done['file']}: {done['format']}, {done['events']:,} events, {done['objects']:,} objects{resumed}"
