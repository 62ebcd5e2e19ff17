"""`brain import`: real event logs into the model."""

from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from brain.cli.options import Opened, format_option, opened, run, store_option


@click.command("import")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
@click.option(
    "--rules", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Maps the log's object types to classes."
)
@click.option(
    "--namespace", help="Keeps this log's ids apart from others'. [default: none for OCEL, the file's name for XES and CSV]"
)
@click.option("--case", help="CSV: column of the case. [default: guessed, and said]")
@click.option("--activity", help="CSV: column of the activity.")
@click.option("--timestamp", help="CSV: column of the time of completion.")
@click.option("--start", help="CSV: column of the time of the start.")
@click.option("--resource", help="CSV: column of who did it.")
@click.option("--delimiter", help="CSV: what stands between columns.")
@click.option("--timestamp-format", help="CSV: a strptime pattern, or epoch_s, epoch_ms, epoch_us. [default: ISO 8601]")
@click.option("--zone", default="UTC", show_default=True, help="IANA zone of times that name none.")
@click.option("--lenient", is_flag=True, help="Take OCEL logs that refer to objects which the file does not hold.")
@format_option("table", "json")
@run
async def import_(
    files: tuple[Path, ...],
    store: str | None,
    rules: Path | None,
    namespace: str | None,
    lenient: bool,
    form: str,
    **csv: str | None,
) -> None:
    """Import event logs: OCEL 2.0 (JSON, XML, SQLite), OCEL 1.0 (JSON), XES (also .gz) and CSV.

    Every file is checked whole before the store changes. An import that was cut short goes on where it stopped, and the same
    file again changes nothing.

    \b
    brain import order-management.xml --store sqlite:///t.db
    brain import tickets.csv --case "Case ID" --activity Task --timestamp "Complete Timestamp" --zone Europe/Rome
    brain import log.jsonocel --rules my-rules.yaml
    """
    from ingest.importing import Import
    from ingest.logs import LogOptions

    options = LogOptions(**csv, strict=not lenient)  # type: ignore[arg-type]
    console = Console(stderr=True)
    salt = rules.read_text() if rules else ""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as bars:
        checked = []
        for path in files:
            one = Import(path, options, namespace, salt)
            task = bars.add_task(f"checking {path.name}", total=None)
            summary = one.check(lambda n, task=task: bars.update(task, completed=n))  # type: ignore[misc]
            bars.remove_task(task)
            for note in summary.notes:
                console.print(f"{path.name}: {note}", markup=False, highlight=False)
            checked.append((one, summary, path))
        async with opened(store) as o:
            done = [await _import(o, one, summary, path, rules, bars) for one, summary, path in checked]
    letters = sum(d["deadLetters"] for d in done)
    for d in done:
        console.print(_sentence(d), markup=False, highlight=False)
    if form == "json":
        click.echo(orjson.dumps(done, option=orjson.OPT_INDENT_2).decode())
    if letters:
        raise click.ClickException(f"{letters} records could not be taken in; `brain deadletters list` says why")


async def _import(o: Opened, one: Any, summary: Any, path: Path, rules: Path | None, bars: Progress) -> dict[str, Any]:
    from brain.engine import Engine
    from brain.feeds import open_feed
    from ingest.event_log import TOPIC, LogMapper, LogRules
    from ingest.event_log_rules import read_log_rules
    from ingest.pipeline import Pipeline

    task = bars.add_task(f"importing {path.name}", total=summary.events + summary.objects)
    mapper = LogMapper(o.schema, read_log_rules(rules, o.schema) if rules else LogRules())
    pipeline = Pipeline(o.schema, (), {TOPIC: mapper})
    feed = open_feed(o.settings)
    try:
        engine = Engine(o.store, feed)
        imported = await one.run(summary, pipeline, engine, o.store, lambda n: bars.update(task, completed=n))
    finally:
        await feed.close()
    found = {k: v for k, v in summary._asdict().items() if k in ("format", "kind", "events", "objects", "relations")}
    return {
        "file": str(path),
        **found,
        "namespace": imported.namespace,
        "records": imported.records,
        "skipped": imported.skipped,
        "deadLetters": len(imported.letters),
    }


def _sentence(done: dict[str, Any]) -> str:
    if not done["records"]:
        return f"{done['file']}: already imported, {done['skipped']:,} records; nothing changed"
    resumed = f", after {done['skipped']:,} of an earlier run" if done["skipped"] else ""
    return f"{done['file']}: {done['format']}, {done['events']:,} events, {done['objects']:,} objects{resumed}"
