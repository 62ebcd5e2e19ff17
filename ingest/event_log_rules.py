"""Rules for event logs: which class the objects of each type are, and what their attributes and relations are called there.

    performer: Employee                 # class of the resources that perform events; Agent by default
    objects:
      orders:                           # the log's name of the type
        class: CustomerOrder            # a class of the ontology
        attributes: {price: netPrice}   # the log's attribute: the class's property
        relations: {comprises: contains}    # the log's qualifier: the class's relation

What a rule does not name stays data, under its own name.
"""

from collections.abc import Iterator
from pathlib import Path

from brain.schema import NodeClass, Schema, nearest
from ingest.event_log import AGENT, LogRules, TypeRule
from ingest.rules_yaml import BadRules, Item, members, read_yaml


def read_log_rules(path: Path, schema: Schema) -> LogRules:
    """The rules of a file; BadRules with every fault, one a line: `FILE:LINE: what is wrong; how to mend it`."""
    return _Reader(str(path), schema).read(read_yaml(str(path), path.read_bytes()))


class _Reader:
    def __init__(self, file: str, schema: Schema) -> None:
        self._file = file
        self._schema = schema
        self._faults: list[str] = []

    def read(self, documents: list[Item]) -> LogRules:
        objects: dict[str, TypeRule] = {}
        performer = AGENT
        for document in documents:
            if not isinstance(document.value, dict):
                self._fault(document, f"a mapping with 'objects' is needed, not {document.kind}")
            for name, item in members(document):
                match name:
                    case "performer":
                        performer = (self._class(item) or self._schema.of(AGENT)).name
                    case "objects":
                        objects |= {type_: self._type(rule) for type_, rule in self._members(item)}
                    case _:
                        self._unknown(item, name, ("performer", "objects"))
        if self._faults:
            raise BadRules("\n".join(self._faults))
        return LogRules(objects, performer)

    def _type(self, rule: Item) -> TypeRule:
        parts = dict(self._members(rule))
        if not isinstance(rule.value, dict):
            return TypeRule("Entity")
        for name, item in parts.items():
            if name not in ("class", "attributes", "relations"):
                self._unknown(item, name, ("class", "attributes", "relations"))
        if "class" not in parts:
            self._fault(rule, "which class is it? write `class: NAME`")
            return TypeRule("Entity")
        cls = self._class(parts["class"])
        if cls is None:
            return TypeRule("Entity")
        attributes = self._names(parts.get("attributes"), "property", cls, dict(cls.properties))
        relations = self._names(parts.get("relations"), "relation", cls, dict(cls.relations))
        return TypeRule(cls.name, attributes, relations)

    def _names(self, item: Item | None, kind: str, cls: NodeClass, known: dict[str, object]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, mapped in self._members(item) if item else ():
            if isinstance(mapped.value, dict | list):
                self._fault(mapped, f"a {kind} of {cls.name} is needed, not {mapped.kind}")
            elif mapped.text not in known:
                self._fault(mapped, f"{cls.name} has no {kind} {mapped.text!r}{nearest(mapped.text, known)}")
            elif mapped.text in found.values() and kind == "property":
                self._fault(mapped, f"two attributes are mapped to {mapped.text!r}, and one would hide the other: leave one out")
            else:
                found[name] = mapped.text
        return found

    def _members(self, item: Item) -> Iterator[tuple[str, Item]]:
        if not isinstance(item.value, dict) and item.value is not None:
            self._fault(item, f"a mapping is needed, not {item.kind}")
        return members(item)

    def _class(self, item: Item) -> NodeClass | None:
        cls = self._schema.classes.get(item.text)
        if isinstance(item.value, dict | list):
            self._fault(item, f"the name of a class is needed, not {item.kind}")
        elif cls is None:
            self._fault(item, f"the ontology has no class {item.text!r}{nearest(item.text, self._schema.classes)}")
        return cls

    def _unknown(self, item: Item, name: str, known: tuple[str, ...]) -> None:
        self._fault(item, f"unknown key {name!r}{nearest(name, dict.fromkeys(known))}; known are {', '.join(known)}")

    def _fault(self, item: Item, problem: str) -> None:
        self._faults.append(f"{self._file}:{item.key_line or item.line}: {problem}")
