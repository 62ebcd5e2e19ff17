"""Graphs of dependencies to look at: small, of fifty things, large, with circles, with hostile names."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from brain.analytics.breakdown import Breakdown, DownResource
from brain.analytics.device_states import StateSpan
from brain.analytics.graph.circles import circles
from brain.analytics.graph.coupling import coupling_of
from brain.analytics.graph.critical import criticality, single_points
from brain.analytics.graph.evidence import Evidenced
from brain.analytics.graph.impact import Asked, Carrier, impact
from brain.analytics.graph.observing import NOTHING, Layer
from brain.analytics.graph.reflects import Reflects
from brain.analytics.graph.since import changes
from brain.analytics.graph.snapshot import Snapshot, from_edges
from brain.analytics.outlook import ASSUMPTIONS, DEFINITION, Late, Outlook, StepOutlook
from brain.model import Edge, Instant, Node, Stamp
from brain.reports.dependencies_page import Found, dependencies_page
from brain.reports.impact_page import impact_page
from ontology import load_schema
from tests.reports import HOSTILE

SCHEMA = load_schema(())
HOUR = 3_600_000_000
STAMP = Stamp(0, 0, 0, "e", "test")


def site(lines: int, orders: int, seed: int = 1) -> Snapshot:
    """Lines of three machines with a worker each, all fed by a compressor with a tank, two network switches and a hall; orders on
    the lines; two robots that can do the same, which all lines need."""
    chance = random.Random(seed)
    said = [("AIR", "supplies", "TANK"), ("ROB-1", "provides", "gluing"), ("ROB-2", "provides", "gluing")]
    for i in range(lines):
        line = f"LINE-{i}"
        said += [(line, "locatedIn", "HALL"), (line, "requires", "gluing")]
        for j in range(3):
            machine = f"M-{i}-{j}"
            said += [(machine, "partOf", line), ("TANK", "supplies", machine), (f"SW-{i % 2}", "supplies", machine)]
            said += [(f"P-{i}-{j}", "operates", machine)]
        said += [(f"P-{i}-9", "operates", f"M-{i}-0")]
    said += [(f"O-{n}", "scheduledOn", f"LINE-{chance.randrange(lines)}") for n in range(orders)]
    said += [("CELL", "partOf", "HUT"), ("HUT", "partOf", "CELL"), ("CELL", "supplies", "ROB-1")]
    return graph(said)


def graph(said: list[tuple[str, str, str]], names: Mapping[str, str] = {}) -> Snapshot:
    ids = sorted({end for a, _, b in said for end in (a, b)})
    nodes = [Node(id, _cls(id), {"name": names.get(id), **_said(id)}, {}, {}) for id in ids]
    return from_edges(SCHEMA, [Edge(a, r, b, "", STAMP) for a, r, b in said], nodes)


def _cls(id: str) -> str:
    known = {"LINE": "WorkCenter", "HALL": "Site", "HUT": "Area", "CELL": "Area", "gluing": "Capability"}
    return known.get(id.split("-")[0], {"P": "Operator", "O": "ProductionOrder"}.get(id.split("-")[0], "Machine"))


def _said(id: str) -> dict[str, float]:
    return {"bufferTime": 1800.0} if id == "TANK" else {}


def hostile() -> Snapshot:
    """Two things of each name, one supplied by the other."""
    said = [(f"A-{i}", "supplies", f"B-{i}") for i in range(len(HOSTILE))] + [("HALL", "supplies", f"A-{i}") for i in range(9)]
    names = {f"{side}-{i}": name for i, name in enumerate(HOSTILE) for side in "AB"}
    return graph(said, names)


def found(snapshot: Snapshot, layer: Layer = NOTHING, then: Snapshot | None = None) -> Found:
    coupled, changed = coupling_of(failing(), snapshot), None
    if then is not None:
        changed = changes(then, snapshot, SCHEMA, coupled=(coupling_of(failing(10), then), coupled))
    told = single_points(snapshot, SCHEMA), criticality(snapshot, SCHEMA), circles(snapshot)
    return Found(snapshot, *told, layer, changed, coupled, None if then is None else 0)


def failing(days: int = 20) -> dict[str, list[StateSpan]]:
    """Two machines, which share a switch and a tank, and a robot that shares nothing with them: all three fail together on so
    many days, at another hour each."""
    hours = [24 * day + day for day in range(days)]
    downs = ((id, hour * HOUR) for id in ("M-0-0", "M-2-1", "ROB-2") for hour in hours)
    found: dict[str, list[StateSpan]] = {}
    for id, at in downs:
        found.setdefault(id, []).append(StateSpan(id, at, at + HOUR, "fault"))
    return found


def overview(snapshot: Snapshot, then: Snapshot | None = None) -> str:
    return dependencies_page(found(snapshot, then=then), SCHEMA, 0)


def loss(snapshot: Snapshot, id: str, lasts: int | None = None, outlook: Breakdown | None = None) -> str:
    return impact_page(snapshot, SCHEMA, impact(snapshot, SCHEMA, id, Asked(at=8 * HOUR, lasts=lasts)), 50, 0, outlook)


def evidenced() -> str:
    """A chain in which each feeds the next, and each link has an event of another name."""
    snapshot = graph([(f"M-{i}", "supplies", f"M-{i + 1}") for i in range(2 * len(HOSTILE))])
    found = impact(snapshot, SCHEMA, "M-0")
    told = tuple(replace(one, via=tuple(map(_by_event, one.via))) for one in found.affected)
    return impact_page(snapshot, SCHEMA, replace(found, affected=told), 50, 0)


def _by_event(link: Carrier) -> Evidenced:
    i = int(link.provider.partition("-")[2])
    event, source = HOSTILE[i % len(HOSTILE)], HOSTILE[-1 - i % len(HOSTILE)]
    ends = link.provider, link.relation, link.dependent
    return Evidenced(*ends, link.basis, 0.0, said=Instant(i * HOUR), event=event, event_source=source)


def foreseen(names: Sequence[str]) -> Breakdown:
    """An outlook of sixty objects of these names, told by hand: the later ones feel it later and lose more, some for good."""
    at = Instant(8 * HOUR)
    late = [
        Late(
            id=names[i % len(names)],
            probability=1 - i / 100,
            delay_p10_seconds=None if i % 20 == 19 else 60.0 * i - 300,
            delay_median_seconds=None if i % 20 == 19 else 90.0 * i,
            delay_p90_seconds=None if i % 10 == 9 else 600.0 * i + 60,
            undisturbed_end=Instant(at + i * HOUR),
            due=Instant(at + i * HOUR + HOUR // 4) if i % 3 else None,
            overdue_seconds=75.0 * i if i % 3 and i % 20 != 19 else None,
            impact_low=Instant(at),
            impact_median=Instant(at + i * HOUR // 2),
            impact_high=Instant(at + i * HOUR),
            activity=names[-1 - i % len(names)],
            resource="M-0-0",
        )
        for i in range(60)
    ]
    steps = (StepOutlook(names[0], ("M-0-0",), tuple(names[1:3]), 3.5), StepOutlook("Glue", ("M-0-0",), (), 0.0))
    told = Outlook("ProductionOrder", at, 90, 2, 5, tuple(late), steps, 600.0, 25, True, "", ASSUMPTIONS, DEFINITION)
    nobody = Outlook("CustomerOrder", at, 4, 0, 0, (), (), 600.0, 60, False, "", ASSUMPTIONS, DEFINITION)
    down = DownResource("M-0-0", at, None, (Carrier("AIR", "supplies", "M-0-0", "declared", 0.0),))
    return Breakdown("AIR", at, 3600.0, (down,), (told, nobody), True, "1", reflects=Reflects())


PAGES: dict[str, Callable[[], str]] = {
    "small": lambda: overview(site(1, 3)),
    "fifty": lambda: overview(site(4, 8)),
    "large": lambda: overview(site(30, 400)),
    "changed": lambda: overview(site(3, 9), site(2, 9, 2)),
    "hostile": lambda: overview(hostile()),
    "hostile loss": lambda: loss(hostile(), "HALL"),
    "loss": lambda: loss(site(4, 12), "AIR"),
    "large loss": lambda: loss(site(30, 400), "AIR"),
    "absorbed": lambda: loss(site(4, 12), "AIR", HOUR // 4),
    "evidenced": evidenced,
    "late": lambda: loss(site(4, 12), "AIR", HOUR, foreseen([f"productionorder/PO-{n}" for n in range(60)])),
    "hostile late": lambda: loss(hostile(), "HALL", HOUR, foreseen(HOSTILE)),
    "robot": lambda: loss(site(4, 12), "ROB-2"),
}
