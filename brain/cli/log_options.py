"""The options that say how a log file is to be read: the same wherever one is named."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ingest.logs import LogOptions

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = ("case", "activity", "timestamp", "start", "resource", "delimiter", "timestamp_format", "zone")
"""The options that are fields of `LogOptions` by their own names."""
_OPTIONS = (
    click.option(
        "--rules", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Maps the log's object types to classes."
    ),
    click.option(
        "--namespace", help="Keeps this log's ids apart from others'. [default: none for OCEL, the file's name for XES and CSV]"
    ),
    click.option("--case", help="CSV, Parquet: column of the case. [default: guessed, and said]"),
    click.option("--activity", help="CSV, Parquet: column of the activity."),
    click.option("--timestamp", help="CSV, Parquet: column of the time of completion."),
    click.option("--start", help="CSV, Parquet: column of the time of the start."),
    click.option("--resource", help="CSV, Parquet: column of who did it."),
    click.option("--delimiter", help="CSV: what stands between columns."),
    click.option("--timestamp-format", help="CSV: a strptime pattern, or epoch_s, epoch_ms, epoch_us. [default: ISO 8601]"),
    click.option("--zone", default="UTC", show_default=True, help="IANA zone of times that name none."),
    click.option("--lenient", is_flag=True, help="Take OCEL logs that refer to objects which the file does not hold."),
)


def log_options(command: F) -> F:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def reading(columns: dict[str, str | None], lenient: bool) -> "LogOptions":
    """The options as those of a reader."""
    from ingest.logs import LogOptions

    return LogOptions(**columns, strict=not lenient)  # type: ignore[arg-type]
