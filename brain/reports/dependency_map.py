"""Dependencies as a drawing: things as boxes, from left to right what hangs on what; groups of things where they are too many."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from brain.analytics.graph.impact import Part
from brain.analytics.graph.snapshot import Basis
from brain.legible import legible
from brain.reports.grouping import Ladder, grouped
from brain.reports.lettering import width_of, wrapped
from brain.reports.placement import Arc, Box, Placement, Point, Rect, place
from brain.reports.process_map import HEAD, LINE, PADDING, TEXT, Text, shortened, svg_path
from brain.words import interval

MOST_ARROWS = 100
MEMBERS = 20
"""Things of a group that are named below the drawing."""
WIDTH = 152.0
SMALL = 12.0
"""Font size of what stands below a name and on an arrow, as in the style sheet."""
LABEL = 132.0
BESIDE = 9.0
PORT = 8.0
"""Least distance of two arrows at one side of a box."""
STACK = 4.0
"""How far the second outline of a group lies behind the first."""
ROUND = {Part.OBJECT: 0.0, Part.PERSON: 20.0}
OTHERS = 7.0


@dataclass(frozen=True, slots=True)
class Thing:
    """`look` says in which role it is drawn, in names of the style sheet; `after_seconds` when it is lost, `level` how soon that
    is, from the style sheet's 0 (late) to 4. `place` is what it is in or part of."""

    id: str
    name: str
    cls: str
    part: Part
    look: str = ""
    line: str = ""
    after_seconds: float | None = None
    level: int | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """`carries`: by it a loss comes. `said` stands on the arrow in place of the relation, where it alone is drawn there."""

    provider: str
    dependent: str
    relation: str
    basis: Basis
    carries: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """A box; `bar` is the level by which its left edge is coloured."""

    title: str
    rect: Rect
    round: float
    look: str
    group: bool
    bar: int | None
    names: tuple[Text, ...]
    about: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """`basis` is of all that it stands for: declared, observed, or both."""

    title: str
    basis: str
    carries: bool
    path: str
    head: str
    label: Rect
    text: Text


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    line: str
    count: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DependencyMap:
    width: float
    height: float
    shapes: tuple[Shape, ...]
    arrows: tuple[Arrow, ...]
    all_arrows: int
    things: int
    groups: tuple[Group, ...]

    @property
    def bases(self) -> set[str]:
        return {arrow.basis for arrow in self.arrows}

    @property
    def looks(self) -> set[str]:
        return {shape.look for shape in self.shapes}


def dependency_map(things: Sequence[Thing], needs: Sequence[Need], kept: Collection[str] = ()) -> DependencyMap | None:
    """Of things with their ids and the needs between them; those that are `kept` stay by themselves. None where nothing is."""
    if not things:
        return None
    known = {thing.id: thing for thing in things}
    groups = _groups(known, needs, kept)
    arcs, within = _arcs(needs, _heads(groups))
    drawn = sorted(arcs, key=lambda arc: (not any(n.carries for n in arcs[arc]), -len(arcs[arc])))[:MOST_ARROWS]
    ends = Counter(end for arc in drawn for end in ((arc[0], "out"), (arc[1], "in")))
    shapes = {group[0].id: _Boxed(group, within[group[0].id]) for group in groups}
    boxes = {id: Box(boxed.height(max(ends[id, "out"], ends[id, "in"])), WIDTH) for id, boxed in shapes.items()}
    labels = {arc: _label(arcs[arc]) for arc in drawn}
    sizes = {arc: Box(LINE, width_of(label, SMALL) + 10) for arc, label in labels.items()}
    placed = place(boxes, sizes, {arc: float(len(arcs[arc])) for arc in drawn}, BESIDE)
    return DependencyMap(
        width=placed.height,
        height=placed.width,
        shapes=tuple(shapes[id].shape(_turned(placed.nodes[id])) for id in shapes),
        arrows=tuple(_arrow(arc, arcs[arc], labels[arc], placed) for arc in drawn),
        all_arrows=len(arcs),
        things=len(things),
        groups=tuple(boxed.told() for boxed in shapes.values() if boxed.group),
    )


def _groups(known: Mapping[str, Thing], needs: Sequence[Need], kept: Collection[str]) -> list[list[Thing]]:
    """Each thing by itself if they are few enough; else groups, of which those that are drawn alike become one."""
    groups = [[known[id] for id in ids] for ids in grouped(_ladders(known, needs), kept)]
    before = len(known)
    while len(groups) < before:
        before, of = len(groups), _heads(groups)
        near = _near(Need(of[n.provider], of[n.dependent], n.relation, n.basis) for n in needs)
        alike: defaultdict[Hashable, list[Thing]] = defaultdict(list)
        for group in groups:
            t = group[0]
            alike[t.id if t.id in kept else (t.cls, t.look, t.level, frozenset(near[t.id]))] += group
        groups = list(alike.values())
    return groups


def _heads(groups: Iterable[Sequence[Thing]]) -> dict[str, str]:
    """The first thing of each one's group."""
    return {thing.id: group[0].id for group in groups for thing in group}


def _near(needs: Iterable[Need]) -> defaultdict[str, set[tuple[str, str, bool]]]:
    """What each needs, and is needed by, and by which relation."""
    near: defaultdict[str, set[tuple[str, str, bool]]] = defaultdict(set)
    for need in needs:
        near[need.dependent].add((need.provider, need.relation, True))
        near[need.provider].add((need.dependent, need.relation, False))
    return near


def _ladders(things: Mapping[str, Thing], needs: Iterable[Need]) -> dict[str, Ladder]:
    """What needs the same and is needed by the same; what is in one place; what is of one class: of one role each."""
    near = _near(needs)
    found: dict[str, Ladder] = {}
    for id, t in things.items():
        role, here = (t.cls, t.look), (t.cls, t.look, t.level, t.place)
        found[id] = ((*here, t.line, frozenset(near[id])), here, role)
    return found


def _arcs(needs: Iterable[Need], of: Mapping[str, str]) -> tuple[dict[Arc, list[Need]], Counter[str]]:
    """The needs between groups by their ends, and how many there are within each."""
    arcs: defaultdict[Arc, list[Need]] = defaultdict(list)
    within: Counter[str] = Counter()
    for need in needs:
        arc = of[need.provider], of[need.dependent]
        if arc[0] == arc[1]:
            within[arc[0]] += 1
        else:
            arcs[arc].append(need)
    return arcs, within


class _Boxed:
    """The things of one box, and how it is lettered."""

    def __init__(self, things: Sequence[Thing], within: int) -> None:
        first, self.things, self.group = things[0], things, len(things) > 1
        self.name = f"{len(things):,} × {first.cls}" if self.group else first.name
        places = {thing.place for thing in things}
        about = f"in {first.place}" if self.group and len(places) == 1 and first.place else "" if self.group else first.cls
        self.line = _line(things)
        circle = f"↻ {within:,} among themselves" if self.group else "↻ needs itself"
        lines = [about, self.line, circle if within else ""]
        inner = WIDTH - 2 * PADDING
        self.names = wrapped(legible(self.name), inner, 2, TEXT, bold=True) or ["(no name)"]
        self.about = [line for text in lines if text for line in wrapped(legible(text), inner, 2, SMALL)]

    def height(self, arrows: int) -> float:
        lettered = 2 * PADDING + LINE * (len(self.names) + len(self.about)) + STACK * self.group
        return max(lettered, PORT * (arrows + 1))

    def shape(self, rect: Rect) -> Shape:
        first, cut = self.things[0], STACK * self.group
        rect = Rect(rect.x, rect.y, rect.width - cut, rect.height - cut)
        top = rect.y + (rect.height - LINE * (len(self.names) + len(self.about))) / 2 - 4
        lines = [Text(line, rect.centre, top + LINE * i) for i, line in enumerate([*self.names, *self.about], 1)]
        title = self.name if self.group else first.id if first.name == first.id else f"{first.name} ({first.id})"
        bar = max((t.level for t in self.things if t.level is not None), default=None)
        names, about = tuple(lines[: len(self.names)]), tuple(lines[len(self.names) :])
        return Shape(title, rect, ROUND.get(first.part, OTHERS), first.look, self.group, bar, names, about)

    def told(self) -> Group:
        return Group(self.name, self.line, len(self.things), tuple(thing.id for thing in self.things[:MEMBERS]))


def _line(things: Sequence[Thing]) -> str:
    """What stands below the name: what is the same of all, or the times from the first to the last."""
    if len({thing.line for thing in things}) == 1:
        return things[0].line
    after = [thing.after_seconds for thing in things if thing.after_seconds is not None]
    return f"after {interval(min(after), max(after))}" if after else ""


def _label(needs: Sequence[Need]) -> str:
    counts = Counter(need.relation for need in needs)
    said = needs[0].said if len(needs) == 1 and needs[0].said else ""
    text = said or ", ".join(name if count == 1 else f"{count:,} × {name}" for name, count in counts.most_common())
    return wrapped(legible(text), LABEL, 1, SMALL)[0]


def _turned(rect: Rect) -> Rect:
    """Boxes are placed from top to bottom, and drawn from left to right."""
    return Rect(rect.y, rect.x, rect.height, rect.width)


def _arrow(arc: Arc, needs: Sequence[Need], text: str, placed: Placement) -> Arrow:
    *before, last = placed.routes[arc]
    carries = any(need.carries for need in needs)
    neck = Point(last.x, last.y - HEAD if before[0].y < last.y else last.y + HEAD)
    half = 6.0 if carries else 4.0
    label = _turned(placed.labels[arc])
    bases = sorted({str(need.basis) for need in needs})
    shown = "; ".join(f"{n.provider} → {n.dependent} ({n.relation}, {n.basis}{n.said and ': '}{n.said})" for n in needs[:5])
    return Arrow(
        title=shown + (f"; and {len(needs) - 5:,} more" if len(needs) > 5 else ""),
        basis="both" if len(bases) > 1 else bases[0],
        carries=carries,
        path=svg_path([*before[:-1], *shortened(before[-1], last, neck)], sideways=True),
        head=" ".join(f"{y:.1f},{x:.1f}" for x, y in ((last.x, last.y), (last.x - half, neck.y), (last.x + half, neck.y))),
        label=label,
        text=Text(text, label.centre, label.y + 12),
    )
