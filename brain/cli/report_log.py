"""A report on a log file as if it were imported into an empty store, which it is not."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brain.analytics.process_material import Asked
from brain.analytics.process_report import ProcessReport, compose, process_report
from brain.cli.importing import How, import_one, progress
from brain.cli.log_options import COLUMNS, reading
from brain.cli.options import collect_seldom, opened
from brain.legible import legible
from brain.ports import Store

if TYPE_CHECKING:
    from ingest.logs import LogOptions

MEMORY = "sqlite://"


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log that is named on the command line, and how to read it."""

    path: Path
    options: "LogOptions"
    namespace: str | None
    rules: Path | None

    @classmethod
    def taken_from(cls, what: dict[str, Any]) -> "LogFile | None":
        """Takes the options that say how a log is read out of those of a command; None where no log is named."""
        path, rules, namespace, lenient = (what.pop(name) for name in ("log", "rules", "namespace", "lenient"))
        columns = {name: what.pop(name) for name in COLUMNS}
        if path is not None:
            return cls(path, reading(columns, lenient), namespace, rules)
        if rules or namespace or lenient or any(value for name, value in columns.items() if name != "zone"):
            raise click.UsageError("options that say how a log is read go with --log FILE")
        return None


async def report_on(
    log: LogFile, object_type: str | None, asked: Asked, say: Callable[[str], None] | None, choose: Callable[[Store], Any]
) -> ProcessReport:
    """The report. Faults are as in an import; what was guessed goes to stderr. `choose` finds the only type of a store."""
    from ingest.importing import Import
    from ingest.log_material import log_material

    collect_seldom()
    how = How(log.options, log.namespace, log.rules, MEMORY)
    one = Import(log.path, log.options, log.namespace, "")
    if one.log.kind == "case" and log.rules is None:
        made = log_material(one.log, one.namespace, how.schema, object_type or "case", asked)
        for note in one.log.notes:
            click.echo(f"{log.path.name}: {legible(note)}", err=True)
        return await asyncio.to_thread(compose, made, say)
    with progress() as bars:
        (checked,) = how.checked([log.path], bars)
        async with opened(MEMORY, how.schema, create=True) as o:
            done = await import_one(o, checked, how.intake(o.store), bars)
            if letters := await o.store.letters():
                many, first = done["deadLetters"], legible(letters[0].reason)
                raise click.ClickException(f"{log.path.name}: {many} records cannot be taken in, the first: {first}")
            return await process_report(o.merged, o.schema, object_type or await choose(o.merged), asked, say)
