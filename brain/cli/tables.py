"""Tables for people, on stdout."""

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brain.analytics.bottlenecks import Bottlenecks, Handover
from brain.analytics.dependencies import Dependencies, Toward
from brain.legible import legible
from brain.words import duration

PIPE_WIDTH = 120


def console_of(stream: TextIO | None = None) -> Console:
    """A console as wide as the terminal; into a pipe or a file as wide as the tables want to be."""
    console = Console(file=stream)
    return console if console.is_terminal else Console(file=stream, width=PIPE_WIDTH)


def plain(text: str) -> str:
    """Text of the model for a rich string: neither rich nor the terminal obeys what it says (`Check [urgent]` is a name)."""
    return escape(legible(text))


def print_counts(found: Mapping[str, Any]) -> None:
    """What `brain status` found: a line a count, and below it its parts."""
    table = Table(title=f"ontology {found['ontology']}", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("how many", justify="right")
    for name, part in (("things", "by class"), ("doubts", "about values"), ("conflicts", "by rule")):
        table.add_row(f"{name}, {part}", f"{sum(found[name].values()):,}", style="bold")
        for key, count in found[name].items():
            table.add_row(f"  {plain(key)}", f"{count:,}")
    table.add_row("named only, not yet described", f"{found['placeholders']:,}", style="bold")
    table.add_row("dead letters", f"{found['deadLetters']:,}", style="bold")
    for mark in found["marks"]:
        table.add_row(f"  {plain(mark['topic'])}/{mark['partition']} is in up to", f"{mark['offset']:,}")
    console_of().print(table)


def print_bottlenecks(found: Bottlenecks, top: int, when: str = "") -> None:
    """`when`: of which past time they are, and of what knowledge."""
    console = console_of()
    title = f"[bold]Bottlenecks of {plain(found.object_type)}[/]" + (when and f", {when}")
    console.print(
        f"{title}: {found.objects:,} objects, {found.steps:,} steps"
        + (f", {found.left_out:,} more without a time that counts" if found.left_out else "")
    )
    console.print(_handovers(f"Waiting, by total ({min(top, len(found.edges))} of {len(found.edges)})", found.edges[:top]))
    console.print(_handovers(f"Waiting, by mean (at least {found.min_frequency} handovers)", found.by_mean[:top]))
    timed = [a for a in found.activities if a.timed][:top]
    if timed:
        table = Table("activity", title="Processing, by total", title_justify="left")
        for name in ("steps", "mean", "total"):
            table.add_column(name, justify="right")
        for a in timed:
            table.add_row(plain(a.activity), f"{a.count:,}", duration(a.mean_seconds), duration(a.total_seconds))
        console.print(table)
    console.print(f"[dim]Definition: {found.definition}. Ontology {found.ontology_version}.[/]", soft_wrap=True)


def _handovers(title: str, edges: Sequence[Handover]) -> Table:
    table = Table("from", "to", title=title, title_justify="left")
    overlapping = any(e.overlaps for e in edges)
    for name in ("count", "mean", "median", "p90", "total", *(["overlaps"] if overlapping else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for e in edges:
        figures = (e.mean_seconds, e.median_seconds, e.p90_seconds, e.total_seconds)
        overlaps = [f"{e.overlaps:,}"] if overlapping else []
        table.add_row(plain(e.source), plain(e.target), f"{e.count:,}", *(duration(f) for f in figures), *overlaps)
    return table


def print_dependencies(found: Dependencies) -> None:
    console = console_of()
    says = "depends on" if found.toward is Toward.UP else "is needed by"
    console.print(f"[bold]{plain(found.root)}[/] {says} {_things(len(found.nodes))} within {found.depth} steps")
    table = Table("id", "class", "name", "distance", "via")
    for n in found.nodes:
        table.add_row(plain(n.id), n.cls, plain(n.name or ""), str(n.distance), plain(" → ".join(n.via[1:-1])))
    console.print(table)
    if found.partial:
        console.print("[yellow]Partial: more lies beyond this depth, or a node has too many relations to follow.[/]")


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count:,} things"
