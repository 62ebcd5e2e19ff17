"""Scenarios as text, the same on the command line and in a file of YAML or JSON:

    without: [asset/ROB-1]
    unlink:  [asset/AIR supplies asset/TANK]
    link:    [asset/ROB-2 provides capability/dispensing]
    add:     [asset/ROB-2 DispensingRobot 600]     # id, class, and for how many seconds it goes on without what it needs
    degrade: [asset/AIR 0.5]                       # what is left of its capacity
    narrow:  [asset/AIR supplies asset/TANK 0.5]   # how much of it comes through at most

Each change is one text, whose words are taken apart as a shell does: what has a blank in it stands in quotation marks.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from shlex import join, split
from typing import Any

import yaml

from brain.analytics.graph.scenario import Degraded, Narrow, Scenario, Thing, Triple
from brain.errors import Reject
from brain.schema import nearest


class BadScenario(Reject):
    """A scenario that cannot be understood; the message says which change, and how to write it."""


def scenario_of(said: Mapping[str, Sequence[str]]) -> Scenario:
    """The texts of each kind of change. Raises BadScenario."""
    for kind in said:
        if kind not in FORMS:
            raise BadScenario(f"{kind!r} is no change{nearest(kind, FORMS)}; there are {', '.join(FORMS)}")
    return Scenario(**{kind: tuple(_change(kind, text) for text in texts) for kind, texts in said.items()})


def scenario_in(text: str | bytes) -> Scenario:
    """What is in a file. Raises BadScenario."""
    try:
        # All values as they are written, which is safe too: 0104 is the key of an order, and neither 68 nor 104.
        said = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as why:
        raise BadScenario(f"no YAML or JSON: {why}") from why
    if not isinstance(said, Mapping) or not all(isinstance(texts, list) for texts in said.values()):
        raise BadScenario("a scenario has lists of changes, as in: {without: [asset/ROB-1]}")
    return scenario_of({str(kind): [str(text) for text in texts] for kind, texts in said.items()})


def as_file(scenario: Scenario) -> str:
    said = {kind: texts for kind, texts in _texts(scenario).items() if texts}
    return yaml.safe_dump(said, sort_keys=False, width=1000)


def words(scenario: Scenario) -> tuple[str, ...]:
    """Each change on a line of its own, after its kind."""
    return tuple(f"{kind} {text}" for kind, texts in _texts(scenario).items() for text in texts)


def _texts(scenario: Scenario) -> dict[str, list[str]]:
    return {kind: [join(_parts(change)) for change in getattr(scenario, kind)] for kind in FORMS}


def _parts(change: str | tuple[Any, ...]) -> list[str]:
    if isinstance(change, str):
        return [change]
    if isinstance(change, Thing) and not change.buffer:
        change = change[:2]
    return [f"{part:g}" if isinstance(part, float) and part == float(f"{part:g}") else str(part) for part in change]


def _change(kind: str, text: str) -> Any:
    form, least, most, made = FORMS[kind]
    try:
        parts = split(text)
    except ValueError as why:
        raise BadScenario(f"{kind} {text!r}: {why}") from why
    if not least <= len(parts) <= most:
        raise BadScenario(f"{kind} {text!r}: write {form}; what has a blank in it stands in quotation marks")
    return made(kind, *parts)


def _thing(kind: str, id: str, cls: str, buffer: str = "0") -> Thing:
    return Thing(id, cls, _number(kind, id, buffer))


def _number(kind: str, id: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadScenario(f"{kind} {id!r}: {text!r} is no number")
    return found


FORMS: Mapping[str, tuple[str, int, int, Callable[..., Any]]] = {
    "without": ("ID", 1, 1, lambda _, id: id),
    "unlink": ("A relation B", 3, 3, lambda _, *parts: Triple(*parts)),
    "link": ("A relation B", 3, 3, lambda _, *parts: Triple(*parts)),
    "add": ("ID Class, or ID Class SECONDS", 2, 3, _thing),
    "degrade": ("ID CAPACITY", 2, 2, lambda kind, id, text: Degraded(id, _number(kind, id, text))),
    "narrow": ("A relation B CAPACITY", 4, 4, lambda kind, a, relation, b, text: Narrow(a, relation, b, _number(kind, a, text))),
}
"""Of each kind of change: how it is written, with how many words, and what is made of them."""
