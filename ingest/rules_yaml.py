"""YAML as a tree of plain values that know their lines.

Read with PyYAML's event and node parsers, never its object constructors: no tag can make an object. Scalars follow the YAML 1.2
core schema, so `on`, `off`, `yes`, `no` and dates stay texts. Anchors, aliases and tags are refused, and so are files
that are large or deep: rules never need them, and a "billion laughs" does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from brain.errors import Reject

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")


class BadRules(Reject):
    """Rules that cannot be used. The message has one line a fault: `FILE:LINE: what is wrong; how to mend it`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One YAML value. `value` is a scalar, a dict of Items or a list of Items; `text` is how a scalar was written."""

    value: "str | int | float | bool | dict[str, Item] | list[Item] | None"
    line: int
    text: str = ""
    key_line: int = 0
    """Where its key stands, for a member of a mapping."""

    @property
    def kind(self) -> str:
        match self.value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case None:
                return "nothing"
        return repr(self.text)


def read_yaml(file: str, data: bytes) -> list[Item]:
    """The documents of a file. BadRules, with `file` and the line, where it is not the plain YAML described above."""
    if len(data) > MAX_BYTES:
        raise BadRules(f"{file}:1: {len(data)} bytes are too many for rules: split the file; at most {MAX_BYTES}")
    try:
        text = data.decode("utf-8-sig")
        _survey(file, text)
        return [_item(file, node) for node in yaml.compose_all(text, yaml.SafeLoader) if not _empty(node)]
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadRules(f"{file}:{line}: not UTF-8: save the file in that encoding") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if isinstance(mark, yaml.Mark) else 1
        raise BadRules(f"{file}:{line}: not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadRules(f"{file}:{line}: not YAML: {error.reason}") from None


def _survey(file: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadRules(f"{file}:{line}: anchors and aliases are not allowed: write the part out")
        if tag := getattr(event, "tag", None):
            raise BadRules(f"{file}:{line}: the tag {tag} is not allowed: remove it")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise BadRules(f"{file}:{line}: nested more than {MAX_DEPTH} deep")


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == ""


def _item(file: str, node: yaml.Node, key_line: int = 0) -> Item:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        members: dict[str, Item] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise BadRules(f"{file}:{at}: a key must be a plain name")
            if key.value in members:
                raise BadRules(f"{file}:{at}: {key.value!r} stands here twice: remove one")
            members[key.value] = _item(file, value, at)
        return Item(members, line, key_line=key_line or line)
    if isinstance(node, yaml.SequenceNode):
        return Item([_item(file, child) for child in node.value], line, key_line=key_line or line)
    return Item(_scalar(node), line, node.value, key_line or line)


def _scalar(node: Any) -> str | int | float | bool | None:
    text: str = node.value
    if node.style is not None:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def members(item: Item) -> Iterator[tuple[str, Item]]:
    """The members of a mapping; of anything else, none."""
    if isinstance(item.value, dict):
        yield from item.value.items()


def listed(item: Item) -> list[Item]:
    """A list's items; a single value counts as a list of one."""
    return item.value if isinstance(item.value, list) else [item]
