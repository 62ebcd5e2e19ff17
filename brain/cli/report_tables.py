"""A process report as tables for people, on stdout."""

from rich.console import Console
from rich.table import Table

from brain.analytics.causes import Causes
from brain.analytics.process_report import ProcessReport
from brain.cli.tables import console_of, plain, print_bottlenecks
from brain.words import duration, share, things


def print_report(report: ProcessReport, top: int) -> None:
    """The waits, then a table for each section that is there."""
    print_bottlenecks(report.waits, top)
    console = console_of()
    if report.causes:
        _causes(console, report.causes, top)


def _causes(console: Console, found: Causes, top: int) -> None:
    table = Table("from", "to", title=f"Why it waits ({found.perspective} view)", title_justify="left")
    table.add_column("waiting", justify="right", no_wrap=True)
    table.add_column("causes")
    for edge in [e for e in found.edges if e.seconds][:top]:
        parts = ", ".join(f"{share(p.share)} {p.cause.value}" for p in edge.parts if p.share >= 0.005)
        table.add_row(plain(edge.source or "(begin)"), plain(edge.target), duration(edge.seconds), parts)
    console.print(table)
    if found.unassigned or found.unstarted:
        console.print(
            f"[dim]{things(found.unassigned, 'step')} without a resource, {found.unstarted:,} without a start:"
            " waiting for these is unexplained.[/]",
            soft_wrap=True,
        )
