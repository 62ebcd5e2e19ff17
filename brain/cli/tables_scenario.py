"""Tables of scenarios for people, on stdout."""

from rich.console import Console
from rich.table import Table

from brain.analytics.graph.critical import SinglePoint
from brain.analytics.graph.impact import Affected
from brain.analytics.graph.whatif import Comparison, Differences, PointsChange, WhatIf
from brain.cli.tables import console_of, plain
from brain.reports.dependency_things import way_of
from brain.reports.reflects_words import graph_as_of
from brain.words import duration


def print_what_if(found: WhatIf) -> None:
    console = console_of()
    console.print(f"[bold]With[/] {plain('; '.join(found.changes))}")
    _comparison(console, found.effect, found.impact_of)
    if found.other_effect is not None and found.between is not None:
        console.print(f"\n[bold]With[/] {plain('; '.join(found.others))}")
        _comparison(console, found.other_effect, found.impact_of)
        console.print("\n[bold]From the first to the second[/]")
        _comparison(console, found.between, found.impact_of)
    for note in found.notes:
        console.print(f"[yellow]Note: {plain(note)}.[/]", soft_wrap=True)
    if found.partial:
        console.print("[yellow]Partial: the time was over, or the depth reached, before all was looked at.[/]")
    told = f"Definition: {found.definition}. Ontology {found.ontology_version}. {graph_as_of(found.reflects)}"
    console.print(f"[dim]{told.rstrip()}[/]", soft_wrap=True)


def _comparison(console: Console, found: Comparison, impact_of: str | None) -> None:
    _differences(console, found.lost, "Lost, or with less left")
    if found.impact is not None:
        _differences(console, found.impact, f"When {impact_of} is down too")
    _points(console, found.single_points)


def _differences(console: Console, found: Differences, title: str) -> None:
    counts = ", ".join(f"{c.count:,} {c.turn}" for c in found.counts) or "no difference"
    title = f"{title}: {found.before:,} before, {found.after:,} after ({counts})"
    if not found.differences:
        console.print(plain(title))
        return
    table = Table("id", "class", "change", "before", "after", "by way of", title=plain(title), title_justify="left")
    for d in found.differences:
        last = d.after or d.before
        assert last is not None
        table.add_row(plain(d.id), last.cls, str(d.turn), _hit(d.before), _hit(d.after), plain(way_of(last, " → ")))
    console.print(table)


def _hit(found: Affected | None) -> str:
    if found is None:
        return ""
    left = f", {found.capacity:.0%} left" if found.capacity else ""
    return f"{duration(found.after_seconds)}{left}"


def _points(console: Console, found: PointsChange) -> None:
    title = f"Single points of failure: {found.before:,} before, {found.after:,} after"
    rows: list[tuple[str, SinglePoint]] = [*(("comes", p) for p in found.come), *(("goes", p) for p in found.gone)]
    if not rows and not found.moved:
        console.print(f"{title}, the same")
        return
    table = Table("id", "class", "change", "objects lost", "all lost", title=title, title_justify="left")
    for change, p in rows:
        table.add_row(plain(p.id), p.cls, change, f"{p.objects:,}", f"{p.lost:,}")
    for m in found.moved:
        change = "takes more" if (m.objects_after, m.lost_after) > (m.objects_before, m.lost_before) else "takes fewer"
        objects, lost = f"{m.objects_before:,} → {m.objects_after:,}", f"{m.lost_before:,} → {m.lost_after:,}"
        table.add_row(plain(m.id), m.cls, change, objects, lost)
    console.print(table)
