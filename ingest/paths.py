"""Paths into a decoded record, and templates made of them.

    device                a member of the record
    body.readings[0].v    members and list positions
    @id   #text   #tag    XML: an attribute, an element's own text, its name
    ^.line   ^^.line      the object that encloses the record (or the `each` item), and the one that encloses that
    $.sent   $            the whole message
    $topic   $topic[2]    the topic, one level of it (from 0)
    $key   $header.NAME   the message's key, one of its headers

A name with dots or other signs stands in double quotes: `"odd.name".x`. A template is text with paths in braces,
`{site}-{device}`; `{{` and `}}` are braces.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple


class _Missing:
    """The absence of a value, where None is a value (JSON's null)."""

    def __repr__(self) -> str:
        return "missing"


MISSING: Final = _Missing()

Scope = tuple[Any, ...]
"""What surrounds an item: the envelope first, then the enclosing objects from the nearest to the whole message."""

Getter = Callable[[Any, Scope], Any]
"""(item, scope) → the raw value, or MISSING. Never raises."""


class Path(NamedTuple):
    """`root` is "" (the item itself), "^" × n, "$", "$topic", "$key" or "$header"; `steps` lead on from there."""

    root: str
    steps: tuple[str | int, ...]
    text: str


class Template(NamedTuple):
    """Texts and paths in turn."""

    parts: tuple[str | Path, ...]
    text: str

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(part for part in self.parts if isinstance(part, Path))


_ROOT = re.compile(r"\$(topic|key|header)?(?=[.\[]|$)|\^+(?=[.]|$)")
_NAME = r"""[^."\[\]{}\s](?:[^."\[\]{}]*[^."\[\]{}\s])?"""
_STEP = re.compile(rf'(?:^|\.)(?:"(?P<quoted>[^"]+)"|(?P<name>{_NAME}))|\[(?P<index>[0-9]{{1,9}})\]')


def parse_path(text: str) -> Path:
    """ValueError, with the reason, where `text` is no path."""
    root, rest = "", text
    if match := _ROOT.match(text):
        root, rest = match[0], text[match.end() :]
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None or (at == 0 and root and rest[0] not in ".["):
            raise ValueError(f"{text!r} is no path: write names with dots and [n], such as body.items[0].id")
        steps.append(int(step["index"]) if step["index"] else step["quoted"] or step["name"])
        at = step.end()
    if not root and not steps:
        raise ValueError("an empty path")
    if root == "$header" and (len(steps) != 1 or not isinstance(steps[0], str)):
        raise ValueError(f"{text!r} names no header: write $header.NAME")
    inward = len(steps) > 1 or any(isinstance(s, str) for s in steps)
    if (root == "$key" and steps) or (root == "$topic" and inward):
        raise ValueError(f"{text!r} leads into a text: write $key, $topic or $topic[n]")
    return Path(root, tuple(steps), text)


def parse_template(text: str) -> Template:
    """ValueError, with the reason, where `text` is no template."""
    parts: list[str | Path] = []
    literal, at = "", 0
    while at < len(text):
        char = text[at]
        if text[at : at + 2] in ("{{", "}}"):
            literal += char
            at += 2
        elif char == "{":
            end = text.find("}", at)
            if end < 0:
                raise ValueError(f"{text!r}: the brace at {at + 1} is never closed; a literal one is written {{{{")
            if literal:
                parts.append(literal)
            literal = ""
            parts.append(parse_path(text[at + 1 : end].strip()))
            at = end + 1
        elif char == "}":
            raise ValueError(f"{text!r}: the brace at {at + 1} was never opened; a literal one is written }}}}")
        else:
            literal += char
            at += 1
    if literal:
        parts.append(literal)
    return Template(tuple(parts), text)


def getter(path: Path, xml: bool = False) -> Getter:
    """A function that follows the path. In XML a repeated element stands for its first, and an element with attributes for its
    text, as in XPath's string value; in JSON a name never leads into a list."""
    walk = _xml_walk(path.steps) if xml else _walk(path.steps)
    if path.root == "":
        if len(path.steps) == 1 and isinstance(path.steps[0], str) and not xml:
            return _member(path.steps[0])
        return lambda item, scope: walk(item)
    if path.root == "$":
        return lambda item, scope: walk(scope[-1] if len(scope) > 1 else item)
    if path.root[0] == "^":
        up = len(path.root)
        return lambda item, scope: walk(scope[up]) if len(scope) > up else MISSING
    return _circumstance(path)


def _circumstance(path: Path) -> Getter:
    if path.root == "$key":
        return lambda item, scope: scope[0].key or MISSING
    if path.root == "$header":
        name = path.steps[0]
        return lambda item, scope: next((v for n, v in scope[0].headers if n == name), MISSING)
    if not path.steps:
        return lambda item, scope: scope[0].topic
    level = path.steps[0]
    assert isinstance(level, int)

    def topic_level(item: Any, scope: Scope) -> Any:
        levels = scope[0].topic.split("/")
        return levels[level] if level < len(levels) else MISSING

    return topic_level


def _member(name: str) -> Getter:
    def get(item: Any, scope: Scope) -> Any:
        return item.get(name, MISSING) if type(item) is dict else MISSING

    return get


def _walk(steps: tuple[str | int, ...]) -> Callable[[Any], Any]:
    def walk(item: Any) -> Any:
        for step in steps:
            kind = type(item)
            if kind is dict and type(step) is str:
                item = item.get(step, MISSING)
            elif kind is list and type(step) is int and step < len(item):
                item = item[step]
            else:
                return MISSING
        return item

    return walk


def _xml_walk(steps: tuple[str | int, ...]) -> Callable[[Any], Any]:
    def walk(item: Any) -> Any:
        for step in steps:
            if type(step) is int:
                items = item if type(item) is list else [item]
                item = items[step] if step < len(items) else MISSING
                continue
            if type(item) is list:
                item = item[0]
            if type(item) is dict:
                item = item.get(step, MISSING)
            else:
                item = item if step == "#text" and type(item) is str else MISSING
        if type(item) is list:
            item = item[0]
        return item.get("#text", MISSING) if type(item) is dict else item

    return walk


def gather(path: Path, item: Any, scope: Scope) -> list[tuple[Any, Scope]]:
    """All items that a path leads to, each with its own scope. Lists on the way are gone through one by one, so that
    `orders.lines` are the lines of all orders; `^` of each line is its order. A single value counts as a list of one;
    null and a missing member as none."""
    found: list[tuple[Any, Scope]] = []
    if path.root == "$":
        item, scope = (scope[-1] if len(scope) > 1 else item), scope[:1]
    elif path.root:
        up = len(path.root)
        if len(scope) <= up:
            return []
        item, scope = scope[up], (scope[0], *scope[up + 1 :])
    level: list[tuple[Any, Scope]] = [(item, scope)]
    for step in path.steps:
        found = []
        for here, around in _each(level):
            if type(here) is dict and step in here:
                found.append((here[step], (around[0], here, *around[1:])))
        level = found if type(step) is str else _nth(level, step)
    return [pair for pair in _each(level) if pair[0] is not None]


def _each(level: list[tuple[Any, Scope]]) -> list[tuple[Any, Scope]]:
    flat = []
    for here, around in level:
        if type(here) is list:
            flat.extend([(child, around) for child in here])
        else:
            flat.append((here, around))
    return flat


def _nth(level: list[tuple[Any, Scope]], index: str | int) -> list[tuple[Any, Scope]]:
    assert isinstance(index, int)
    return [(here[index], around) for here, around in level if type(here) is list and index < len(here)]
