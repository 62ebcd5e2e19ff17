"""`brain demo`: a simulated hospital shift, from raw messages to the answer."""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from brain.cli.options import run
from brain.ports import Store
from brain.schema import Schema
from brain.settings import Settings, data_home

BATCH = 2000
OBJECT_TYPE = "MedicationOrder"


@click.command()
@click.option("--once", is_flag=True, help="Print the report and end, without serving.")
@click.option("--seed", default=7, show_default=True, help="Another seed is another shift.")
@click.option("--hours", default=8, show_default=True, type=click.IntRange(1, 24), help="Length of the shift.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port of GraphQL; 0 takes a free one."
)
@click.option(
    "--store", metavar="URL", help="Keep the shift in this store. [default: a file of the demo's own, made anew each time]"
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the report as a page (HTML) too."
)
@run
async def demo(once: bool, seed: int, hours: int, port: int, store: str | None, report: Path | None) -> None:
    """Stream a simulated hospital shift through the real pipeline, report where time is lost, and serve it as GraphQL.

    The shift is simulated (patients, nurses, pharmacists, beds, pumps, scanners, a dispensing robot; late, double and broken
    messages and all). Everything else is real: what reads, judges, maps, stores, reports and serves it is what reads yours.

    \b
    brain demo
    brain demo --once --seed 11
    brain demo --once --report shift.html
    """
    from brain.cli.tables import console_of
    from brain.feeds.memory import MemoryFeed
    from brain.stores import open_store
    from ontology import load_schema

    url = store or f"sqlite:///{_fresh_file()}"
    schema, opened_store, feed = load_schema(Settings.read().ontology), open_store(url), MemoryFeed()
    console = console_of(sys.stderr)
    try:
        await opened_store.prepare(schema)
        await _stream(console, schema, opened_store, seed, hours)
        await _report(opened_store, schema, report)
        console.print(f"\nThe store is {url.rpartition('@')[2]}.", markup=False, highlight=False)
        if not once:
            from brain.cli.serve import run_server

            await run_server(schema, opened_store, feed, "127.0.0.1", port)
    finally:
        await feed.close()
        await opened_store.close()


def _fresh_file() -> Path:
    path = data_home() / "demo.db"
    for old in (path, path.with_name("demo.db-wal"), path.with_name("demo.db-shm")):
        old.unlink(missing_ok=True)
    return path


async def _stream(console: Console, schema: Schema, store: Store, seed: int, hours: int) -> None:
    from brain.engine import Engine
    from ingest.intake import Intake
    from ingest.record import Envelope
    from ingest.simulation import simulate
    from ingest.wiring import whole_pipeline

    shift = simulate(seed=seed, hours=hours)
    topics = sorted({m.topic for m in shift.messages})
    console.print(
        f"A simulated shift of {hours} h: {len(shift.messages):,} raw messages from {len(topics)} systems ({', '.join(topics)})",
        highlight=False,
    )
    intake = Intake(whole_pipeline(schema), Engine(store))
    stream: Iterator[Envelope] = (Envelope(m.topic, m.key, m.payload, m.received) for m in shift.messages)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("through the pipeline", total=len(shift.messages))
        while batch := list(islice(stream, BATCH)):
            await intake.take(batch)
            bar.advance(task, len(batch))
    console.print(f"Taken in: {intake.taken}\n", highlight=False)


async def _report(store: Store, schema: Schema, page: Path | None) -> None:
    from brain.analytics.process_report import process_report
    from brain.cli.report_tables import print_report
    from brain.reports.finding import finding
    from brain.reports.page import report_page

    found = await process_report(store, schema, OBJECT_TYPE)
    print_report(found, top=8)
    click.echo("\n".join(finding(found)))
    if page is not None:
        page.write_text(report_page(found, time.time_ns() // 1000), encoding="utf-8")
