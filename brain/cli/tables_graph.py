"""Tables of dependencies for people, on stdout."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from brain.analytics.graph.causes import Suspects
from brain.analytics.graph.circles import Circles
from brain.analytics.graph.concerned import Concern
from brain.analytics.graph.coupling import HiddenCoupling
from brain.analytics.graph.critical import Criticality, SinglePoints
from brain.analytics.graph.impact import Impact
from brain.analytics.graph.since import GraphChange, How
from brain.cli.tables import console_of, plain
from brain.cli.tables_delay import print_delay, state_of
from brain.reports.dependency_things import (
    after,
    not_asked,
    not_compared,
    not_known,
    not_sought,
    takes_with_it,
    together,
    way_of,
    way_round,
    why_absorbed,
    why_concerned,
)
from brain.reports.evidence_words import day, said_last
from brain.reports.folded import folded
from brain.reports.reflects_words import graph_as_of
from brain.words import amount, duration, things

Told = Impact | Suspects | SinglePoints | Criticality | Circles | GraphChange | HiddenCoupling


def print_impact(found: Impact, concern: Concern | None) -> None:
    console = console_of()
    console.print(f"[bold]{plain(found.id)}[/] {takes_with_it(found)}")
    if found.affected:
        left = ["left"] if found.capacity else []
        table = Table("id", "class", "name", "after", *left, "by way of", "last said")
        for fold in folded(found.affected):
            alone = fold.first if len(fold.rows) == 1 else None
            name, said = ("", "") if alone is None else (plain(alone.name or ""), day(alone))
            told = (plain(fold.ids()), fold.first.cls, name, after(fold.first.after_seconds))
            table.add_row(*told, *(f"{fold.first.capacity:.0%}" for _ in left), plain(fold.way(" → ")), said)
        console.print(table)
    if found.absorbed:
        table = Table("goes on", "class", "by", "because of", title=f"Absorbed ({found.absorbed_count:,})", title_justify="left")
        for b in found.absorbed:
            why = why_absorbed(b)
            table.add_row(plain(b.id), b.cls, b.by.lower(), plain(why))
        console.print(table)
    if concern is not None and (concern.people or concern.partial):
        _concerned(console, concern)
    if found.partial:
        some = ", ".join(found.unexplored_ids)
        console.print(f"[yellow]Partial: beyond {found.unexplored:,} things it was not looked, such as {plain(some)}.[/]")
    _definition(console, found)


def _concerned(console: Console, concern: Concern) -> None:
    table = Table("must know", "class", "name", title=f"Who must know ({concern.count:,})", title_justify="left")
    for name in ("objects", "things"):
        table.add_column(name, justify="right")
    table.add_column("because of")
    for one in concern.people:
        told = (plain(one.id), one.cls, plain(one.name or ""), f"{one.objects:,}", f"{one.count:,}")
        table.add_row(*told, plain(why_concerned(one)))
    if concern.people:
        console.print(table)
    if concern.partial:
        console.print(f"[yellow]Partial: {not_asked(concern)}.[/]")


def print_causes(found: Suspects) -> None:
    console = console_of()
    if found.at is None:
        console.print(f"[bold]{plain(found.id)}[/] needs {found.count:,} things; its loss may be that of")
    else:
        print_delay(console, found)
    told = [] if found.at is None else ["in trouble"]
    table = Table("id", "class", "state", *told, "alone", "felt after", "by way of", "last said")
    for c in found.causes:
        alone = "unknown" if c.alone is None else "yes" if c.alone else "with others"
        row = (plain(c.id), c.cls, plain(state_of(c)), *(duration(c.down_seconds) for _ in told))
        table.add_row(*row, alone, duration(c.after_seconds), plain(way_of(c, " → ")), day(c))
    console.print(table)
    for note in found.notes:
        console.print(plain(note))
    if found.partial:
        more = f"{found.unexplored:,} of these need more that was not looked at" if found.unexplored else ""
        unknown = f"of {found.unjudged:,} it is not known whether they do it alone" if found.unjudged else ""
        lacking = "; ".join(filter(None, (more, unknown))) or "see above"
        console.print(f"[yellow]Partial: {lacking}.[/]")
    _definition(console, found)


def print_single_points(found: SinglePoints) -> None:
    console = console_of()
    table = Table("id", "class", "name", title=f"Single points of failure ({found.count:,})", title_justify="left")
    for name in ("objects lost", "all lost"):
        table.add_column(name, justify="right")
    table.add_column("such as")
    for p in found.points:
        example = way_of(p.examples[0], " → ") if p.examples else ""
        table.add_row(plain(p.id), p.cls, plain(p.name or ""), f"{p.objects:,}", f"{p.lost:,}", plain(example))
    console.print(table)
    if found.partial:
        console.print(f"[yellow]Partial: {found.unexplored:,} of {found.candidates:,} candidates were not looked at.[/]")
    _definition(console, found)


def print_criticality(found: Criticality) -> None:
    console = console_of()
    table = Table("id", "class", "name", title=f"Criticality by {found.measure}", title_justify="left")
    table.add_column(str(found.measure), justify="right")
    table.add_column("joins others")
    for c in found.ranked:
        table.add_row(plain(c.id), c.cls, plain(c.name or ""), f"{c.value:.4g}", "yes" if c.joint else "")
    console.print(table)
    if found.partial:
        left = "sources were not counted from" if found.measure == "betweenness" else "ranks had not settled"
        console.print(f"[yellow]Partial: the time was over when {found.unexplored:,} {left}.[/]")
    _definition(console, found)


def print_circles(found: Circles) -> None:
    console = console_of()
    table = Table("shortest way round", title=f"Circles ({found.count:,})", title_justify="left")
    table.add_column("things", justify="right")
    table.add_column("by")
    table.add_column("said last")
    for c in found.circles:
        by = f"{c.relation} alone" if c.relation else ", ".join(dict.fromkeys(step.relation for step in c.via))
        table.add_row(plain(way_round(c, " → ")), f"{c.count:,}", plain(by), plain(said_last(c)))
    console.print(table)
    if found.partial:
        console.print(f"[yellow]Partial: {not_sought(found)}.[/]")
    _definition(console, found)


def changed_rows(found: GraphChange) -> Iterator[tuple[str, ...]]:
    """What changed, how, of which thing, from what to what."""
    for p in found.points:
        yield (
            "single point",
            p.how,
            p.id,
            *(_lost(*side) for side in ((p.lost_then, p.objects_then), (p.lost_now, p.objects_now))),
        )
    for r in found.ranks:
        yield (
            f"rank by {found.measure}",
            r.how,
            r.id,
            *("" if rank is None else f"{rank:,}" for rank in (r.rank_then, r.rank_now)),
        )
    for c in found.circles:
        ways = way_round(c.circle, " → ")
        yield "circle", c.how, ways, *(("", "there") if c.how is How.COME else ("there", ""))
    for e in found.edges:
        yield "dependency", e.how, f"{e.dependent} by {e.relation}", e.provider_then or "", e.provider_now or ""
    for pair in found.couplings or ():
        yield "coupling", pair.how, f"{pair.a} and {pair.b}", together(pair.then), together(pair.now)


def _lost(lost: int | None, objects: int | None) -> str:
    return "" if lost is None else f"takes {lost:,}, {objects:,} objects"


def print_changes(found: GraphChange) -> None:
    console = console_of()
    counts = f"{found.points_count:,} single points, {found.ranks_count:,} ranks, {found.circles_count:,} circles"
    pairs = "" if found.couplings_count is None else f", {found.couplings_count:,} couplings"
    title = f"Changed: {counts}, {found.edges_count:,} dependencies{pairs}"
    table = Table("what", "how", "of", "then", "now", title=title, title_justify="left")
    for row in changed_rows(found):
        table.add_row(*map(plain, row))
    console.print(table)
    if found.partial:
        console.print(f"[yellow]Partial: then or now there was no time for all of these: {not_known(found)}.[/]")
    _definition(console, found)


def print_coupling(found: HiddenCoupling) -> None:
    console = console_of()
    title = f"Go down together beyond chance ({found.count:,} of {found.pairs:,} pairs)"
    table = Table("one", "other", title=title, title_justify="left")
    for name in ("together", "of", "and of", "by chance"):
        table.add_column(name, justify="right")
    table.add_column("both need")
    for c in found.couplings:
        common = ", ".join(one.id + ("" if one.down is None else f" (down in {one.down:,})") for one in c.common)
        counts = f"{c.together:,}", f"{c.failures_a:,}", f"{c.failures_b:,}", amount(c.expected)
        table.add_row(plain(c.a), plain(c.b), *counts, plain(common or "nothing: hidden"))
    console.print(table)
    if found.explained:
        console.print(f"{things(found.explained, 'pair')} more, of which one needs the other.")
    if found.partial:
        console.print(f"[yellow]Partial: {not_compared(found)}.[/]")
    _definition(console, found)


def _definition(console: Console, found: Told) -> None:
    told = f"Definition: {found.definition}. Ontology {found.ontology_version}. {graph_as_of(found.reflects)}"
    console.print(f"[dim]{told.rstrip()}[/]", soft_wrap=True)
