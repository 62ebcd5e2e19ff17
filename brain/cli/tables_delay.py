"""The waits of an object for people, on stdout: how long, why, and what was in trouble meanwhile."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from brain.analytics.graph.causes import Suspect, Suspects
from brain.analytics.graph.waited import ObjectWait, WaitCause
from brain.cli.tables import plain
from brain.words import duration, moment, share, things


def print_delay(console: Console, found: Suspects) -> None:
    """What comes before the table of its suspects."""
    waited = f"waited {duration(found.waited_seconds)} in {things(found.wait_count, 'wait')}"
    troubled = f"for {duration(found.troubled_seconds)} of which something that it needed was down or degraded"
    console.print(f"[bold]{plain(found.id)}[/] {waited}, {troubled}")
    if found.waits:
        table = Table("wait", "since", "long", "because of", "meanwhile")
        for wait in found.waits:
            length = duration(wait.seconds)
            table.add_row(plain(_ends(wait)), moment(wait.since), length, plain("; ".join(_reasons(wait))), plain(_states(wait)))
        console.print(table)
    console.print(f"It needed {found.count:,} things, as of {moment(found.at)}; what may be behind its delay:")


def state_of(one: Suspect) -> str:
    """`down since 2026-03-02 09:28:51`."""
    return (one.state or "") if one.state_since is None else f"{one.state} since {moment(one.state_since)}"


def _ends(wait: ObjectWait) -> str:
    by = "" if wait.resource is None else f" by {wait.resource}"
    return f"{wait.source} → {wait.target or '…'}{by}"


def _reasons(wait: ObjectWait) -> Iterator[str]:
    """`43.0 min extraneous (84 %), 41.0 min of it asset/AIR in trouble`."""
    if wait.target is None:
        yield f"it had not begun {moment(wait.until)}"
    for cause in wait.causes:
        troubled = f", {duration(cause.troubled_seconds)} of it {cause.troubled_by} in trouble" if cause.troubled_by else ""
        yield f"{duration(cause.seconds)} {cause.cause} ({share(cause.share)}){_behind(cause)}{troubled}"


def _behind(cause: WaitCause) -> str:
    if cause.object is not None:
        return f" behind {cause.object}"
    return f": {cause.because}" if cause.because else ""


def _states(wait: ObjectWait) -> str:
    return "; ".join(f"{s.id} {s.state} since {moment(s.since)}, {duration(s.seconds)} of it" for s in wait.states)
