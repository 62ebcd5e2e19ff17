"""A process report as tables for people, on stdout."""

from rich.console import Console
from rich.table import Table

from brain.analytics.attribution import Attribution
from brain.analytics.causes import Causes
from brain.analytics.change import EdgeChange, WindowChange
from brain.analytics.confidence import Confidence
from brain.analytics.flow import Flow
from brain.analytics.machines import Machines
from brain.analytics.process_report import NOT_ASKED, ProcessReport
from brain.analytics.relief import Reliefs
from brain.analytics.resampling import Bounds
from brain.analytics.times import Times
from brain.cli.tables import console_of, plain, print_bottlenecks
from brain.reports.attributed import carrier_tables, excess_in_words, state_rows
from brain.reports.why import hours_told
from brain.words import amount, capitalised, duration, interval, point, share, things
from brain.words import change as difference


def print_report(report: ProcessReport, top: int) -> None:
    """The waits, then a table for each section that is there."""
    print_bottlenecks(report.waits, top, point(report.as_of, report.known_at))
    console = console_of()
    if report.causes:
        _causes(console, report.causes, top)
    if report.confidence:
        _confidence(console, report.confidence, top)
    if report.times:
        _times(console, report.times, report.flow)
    if report.machines:
        _machines(console, report.machines, top)
    if report.change:
        _change(console, report.change, top)
    if report.relief:
        _relief(console, report.relief, top)
    if report.attribution:
        _attribution(console, report.attribution, top)
    for part in report.absent:
        if part.reason != NOT_ASKED:
            console.print(f"[dim]No {part.section}: {plain(part.reason)}.[/]", soft_wrap=True)


def _causes(console: Console, found: Causes, top: int) -> None:
    table = Table("from", "to", title=f"Why it waits ({found.perspective} view)", title_justify="left")
    table.add_column("waiting", justify="right", no_wrap=True)
    table.add_column("causes")
    for edge in [e for e in found.edges if e.seconds][:top]:
        parts = ", ".join(f"{share(p.share)} {p.cause.value}" for p in edge.parts if p.share >= 0.005)
        table.add_row(plain(edge.source or "(begin)"), plain(edge.target), duration(edge.seconds), parts)
    console.print(table)
    if hours := hours_told(found):
        console.print(f"[dim]{plain(hours)}[/]", soft_wrap=True)
    if found.unassigned or found.unstarted:
        console.print(
            f"[dim]{things(found.unassigned, 'step')} without a resource, {found.unstarted:,} without a start:"
            " waiting for these is unexplained.[/]",
            soft_wrap=True,
        )


def _confidence(console: Console, found: Confidence, top: int) -> None:
    table = Table("from", "to", title="How sure that is (90 % intervals)", title_justify="left")
    for name in ("total", "mean", "rank"):
        table.add_column(name, justify="right", no_wrap=True)
    for edge in found.edges[:top]:
        ranks = f"{edge.best_rank} to {edge.worst_rank}" if edge.best_rank != edge.worst_rank else f"{edge.rank}"
        table.add_row(plain(edge.source), plain(edge.target), _interval(edge.total), _interval(edge.mean), ranks)
    console.print(table)
    console.print(f"[dim]{share(found.valid_share)} of the data is valid ({found.flagged:,} steps flagged).[/]")


def _interval(found: Bounds | None) -> str:
    return "too few" if found is None else interval(found.low, found.high)


def _times(console: Console, found: Times, flow: Flow | None) -> None:
    console.print(
        f"Lead time: median {duration(found.sojourn.median_seconds)}, p95 {duration(found.sojourn.p95_seconds)}."
        + (f" In progress: {amount(flow.mean_in_progress)} in the mean, {flow.most_in_progress:,} at most." if flow else ""),
        highlight=False,
    )


def _machines(console: Console, found: Machines, top: int) -> None:
    table = Table("machine", title="Machines: share of the time as the bottleneck", title_justify="left")
    for name in ("alone", "shifting", "active"):
        table.add_column(name, justify="right")
    for one in found.machines[:top]:
        table.add_row(plain(one.id), share(one.sole), share(one.shifting), share(one.active))
    console.print(table)
    if found.process_view and found.process_view.agrees is False:
        console.print(f"[yellow]The process disagrees: {plain(found.process_view.reason)}.[/]", soft_wrap=True)


def _change(console: Console, found: WindowChange, top: int) -> None:
    table = Table("from", "to", title="Against the period before", title_justify="left")
    for name in ("before", "now", "change", "90 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for edge in [edge for edge in found.edges if edge.extra_seconds][:top]:
        table.add_row(plain(edge.source), plain(edge.target), *changed(edge))
    console.print(table)
    console.print(f"{plain(capitalised(found.says))}.", highlight=False, soft_wrap=True)


def changed(edge: EdgeChange) -> tuple[str, str, str, str]:
    """The mean before and now, their difference, and how sure that is."""
    means = (duration(edge.mean_before_seconds), duration(edge.mean_now_seconds))
    told = "–" if edge.difference_seconds is None else difference(edge.difference_seconds)
    if edge.difference is None:
        return *means, told, "too few"
    bounds = f"{difference(edge.difference.low)} to {difference(edge.difference.high)}"
    return *means, told, bounds if edge.sure else f"{bounds}, not sure"


def _attribution(console: Console, found: Attribution, top: int) -> None:
    for view in carrier_tables(found.whole):
        table = Table(view.title.lower(), title=f"Who carries the waiting, by {view.title.lower()}", title_justify="left")
        for name in ("waiting", "share"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in view.rows:
            table.add_row(plain(row.name if row.known else f"not known: {row.name}"), duration(row.seconds), row.share)
        console.print(table)
    if found.reason:
        console.print(f"[dim]No states of assets: {plain(found.reason)}.[/]", soft_wrap=True)
        return
    table = Table("asset", "of", title="Whose state explains the waiting", title_justify="left")
    for name in ("coincides", "beyond chance", "90 % interval"):
        table.add_column(name, justify="right")
    table.add_column("how sure")
    for one in state_rows(found)[:top]:
        table.add_row(
            plain(f"{one.state.id} {one.was}"),
            plain(one.where),
            share(one.state.coincides_share),
            one.beyond,
            excess_in_words(one.state),
            one.sure,
        )
    console.print(table)


def _relief(console: Console, found: Reliefs, top: int) -> None:
    table = Table("before", "relieved by", title="What would help: gain in lead time", title_justify="left")
    for name in ("median", "90 % interval", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found.reliefs[:top]:
        gain = one.gain_median
        table.add_row(
            plain(one.activity), one.action, difference(gain.mid), interval(gain.low, gain.high), difference(one.gain_p95.mid)
        )
    console.print(table)
    if found.calibration and not found.calibration.trusted:
        console.print(f"[yellow]Take these as hints: {plain(found.calibration.reason)}.[/]", soft_wrap=True)
