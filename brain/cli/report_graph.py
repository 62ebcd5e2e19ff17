"""`brain report dependencies` without an ID: what the whole graph tells."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import orjson

from brain.analytics.graph.circles import Circles, circles
from brain.analytics.graph.coupling import ASSETS, Coupled, HiddenCoupling, hidden_coupling
from brain.analytics.graph.critical import Criticality, Measure, SinglePoints, criticality, single_points
from brain.analytics.graph.evidence import evidence_of_all, with_evidence
from brain.analytics.graph.observing import NOTHING, Layer, read_layer
from brain.analytics.graph.reading import read
from brain.analytics.graph.since import GraphChange, changes, coupled_in, point_then, read_then
from brain.cli.left_out import say_left_out
from brain.cli.options import opened
from brain.cli.report_bottlenecks import now
from brain.cli.sheets import Sheet
from brain.cli.tables_graph import (
    changed_rows,
    print_changes,
    print_circles,
    print_coupling,
    print_criticality,
    print_single_points,
)
from brain.query import AsOf
from brain.reports.dependency_things import way_round
from brain.reports.document import camel, document
from brain.rewound import rewound

if TYPE_CHECKING:
    from brain.analytics.graph.snapshot import Snapshot
    from brain.cli.options import Opened


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was asked for."""

    cls: str | None
    by: str
    top: int
    circles: bool
    at: AsOf
    observed: bool
    object_types: tuple[str, ...]
    since: int | None
    coupling: bool
    patience: int | None

    @property
    def measure(self) -> Measure:
        return Measure.FLOW if self.by == "loss" else Measure(self.by)


async def whole(wanted: Wanted, store: str | None, form: str) -> None:
    long = wanted.patience
    begin = None if wanted.since is None else point_then(wanted.since, wanted.at, now())
    async with opened(store) as o:
        snapshot, past = await read(o.merged, o.schema, wanted.at), rewound(o.merged, o.schema, wanted.at)
        then = None if begin is None else await read_then(o.merged, o.schema, begin, wanted.at)
        coupled, pairs = None, None
        if wanted.coupling and then is None:
            coupled = await hidden_coupling(past, o.schema, snapshot, wanted.cls or ASSETS, patience=long)
        elif wanted.coupling and then is not None:
            pairs = await coupled_in(o.merged, o.schema, then, snapshot, wanted.cls, long)
            coupled = pairs[1]
        asked = o.schema, wanted.cls, wanted.measure
        changed = None if then is None else changes(then, snapshot, *asked, coupled=pairs, patience=long)
        layer = await read_layer(past, o.schema, wanted.object_types, long) if wanted.observed else NOTHING
        match form:
            case "graphml" | "gexf":
                from brain.analytics.graph.export import as_networkx, exported

                evidence = await evidence_of_all(o.merged, o.schema, snapshot)
                graph = as_networkx(snapshot, layer=layer, evidence=evidence)
                click.echo(exported(graph, "graphml" if form == "graphml" else "gexf"))
            case "html":
                click.echo(await _page(o, snapshot, wanted, _More(layer, changed, coupled)), nl=False)
            case _:
                told = changed or coupled or _told(o, snapshot, wanted)
                _print(await with_evidence(o.merged, o.schema, told), form)


class _More(NamedTuple):
    """What is told where it was asked for."""

    layer: Layer
    changed: GraphChange | None
    coupling: HiddenCoupling | None


async def _page(o: "Opened", snapshot: "Snapshot", wanted: Wanted, more: _More) -> str:
    from brain.reports.dependencies_page import Found, dependencies_page

    points = single_points(snapshot, o.schema, wanted.cls, wanted.top, wanted.patience)
    ranked = criticality(snapshot, o.schema, wanted.measure, wanted.cls, wanted.top, wanted.patience)
    points, rounds = await with_evidence(o.merged, o.schema, (points, circles(snapshot, patience=wanted.patience)))
    return dependencies_page(Found(snapshot, points, ranked, rounds, *more, wanted.since), o.schema, now())


def _told(o: "Opened", snapshot: "Snapshot", wanted: Wanted) -> Any:
    if wanted.circles:
        return circles(snapshot, patience=wanted.patience)
    if wanted.by == "loss":
        return single_points(snapshot, o.schema, wanted.cls, wanted.top, wanted.patience)
    return criticality(snapshot, o.schema, wanted.measure, wanted.cls, wanted.top, wanted.patience)


def _print(found: Any, form: str) -> None:
    if form == "json":
        click.echo(orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode())
        return
    columns, rows, table = _formed(found)
    if form == "csv":
        writer = Sheet(sys.stdout)
        told = [*rows]
        writer.writerow(columns)
        writer.writerows(told)
        say_left_out(len(told), _count(found), found.partial, "--top" if isinstance(found, SinglePoints | Criticality) else None)
    else:
        table(found)


def _count(found: Any) -> int:
    """How many there are, told or not."""
    if isinstance(found, GraphChange):
        counts = found.points_count, found.ranks_count, found.circles_count, found.edges_count, found.couplings_count or 0
        return sum(counts)
    return int(found.count)


def _formed(found: Any) -> tuple[Sequence[str], Iterable[Sequence[Any]], Callable[[Any], None]]:
    """The columns and rows for programs, and what prints it for people."""
    match found:
        case SinglePoints():
            rows: Iterable[Sequence[Any]] = ((p.id, p.cls, p.name or "", p.objects, p.lost) for p in found.points)
            return ("id", "class", "name", "objectsLost", "lost"), rows, print_single_points
        case Circles():
            return ("way", "count", "relation"), ((way_round(c), c.count, c.relation or "") for c in found.circles), print_circles
        case HiddenCoupling():
            columns = [camel(field.name) for field in fields(Coupled)]
            return columns, map(_coupled, found.couplings), print_coupling
        case GraphChange():
            return ("what", "how", "id", "then", "now"), changed_rows(found), print_changes
        case _:
            rows = ((c.id, c.cls, c.name or "", c.value, c.joint) for c in found.ranked)
            return ("id", "class", "name", str(found.measure), "joint"), rows, print_criticality


def _coupled(pair: Coupled) -> list[Any]:
    values = (getattr(pair, field.name) for field in fields(Coupled))
    return [" ".join(common.id for common in value) if isinstance(value, tuple) else value for value in values]
