"""Names: what GraphQL allows, the plural of a class, and clashes found at start."""

import re

from brain.errors import Reject
from brain.schema import Schema


class BadName(Reject):
    """A name of the ontology that GraphQL cannot have, or that would mean two things there."""


NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
IRREGULAR = {"Person": "people", "Staff": "staff", "Equipment": "equipment", "Personnel": "personnel", "Series": "series"}

KERNEL_FIELDS = frozenset(
    {"id", "key", "class", "placeholder", "mergedFrom", "attributes", "evidence", "quality", "conflicts", "history"}
)
KERNEL_TYPES = frozenset(
    {
        "Node",
        "Evidence",
        "Attribute",
        "QualityFlag",
        "Said",
        "SaidLink",
        "Conflict",
        "ConflictSide",
        "Void",
        "Version",
        "PageInfo",
        "Verdict",
        "Toward",
        "ClassName",
        "Change",
        "Ontology",
        "OntologyClass",
        "OntologyProperty",
        "OntologyRelation",
        "Query",
        "Mutation",
        "Subscription",
        "String",
        "Int",
        "Float",
        "Boolean",
        "ID",
        "Long",
        "DateTime",
        "AnyValue",
        "StringFilter",
        "LongFilter",
        "FloatFilter",
        "DateTimeFilter",
        "BooleanFilter",
        "Bottlenecks",
        "Handover",
        "Processing",
        "Example",
        "Dependencies",
        "Dependent",
        "Dependency",
        "MergeProposal",
        "Stamp",
    }
)
ROOT_FIELDS = frozenset({"node", "nodes", "entity", "bottlenecks", "dependencies", "mergeProposals", "ontology", "changes"})


def plural(name: str) -> str:
    """The list field of a class: InfusionPump → infusionPumps, Person → people, Process → processes."""
    for singular, many in IRREGULAR.items():
        if name.endswith(singular) and (name == singular or name[-len(singular) - 1].islower()):
            head = name[: -len(singular)]
            return _lower(head) + many.capitalize() if head else many
    word = _lower(name)
    if re.search(r"[^aeiou]y\Z", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)\Z", word) else "s")


def _lower(name: str) -> str:
    """MRIScanner → mriScanner: a run of capitals is one word."""
    run = re.match(r"[A-Z]+(?=[A-Z][a-z]|\Z)|[A-Z]", name)
    return run.group().lower() + name[run.end() :] if run else name


def check_names(schema: Schema) -> None:
    """Raises BadName, naming what to rename, for the first name that GraphQL cannot have or that would mean two things."""
    taken = dict.fromkeys(KERNEL_TYPES, "is a type of the kernel")
    for name, cls in sorted(schema.classes.items()):
        _check(name, f"class {name} ({cls.domain})")
        if name in taken:
            raise BadName(f"class {name} ({cls.domain}): the GraphQL type {name} {taken[name]}: rename the class")
        suffixes = ("Filter", "Connection", "Edge", "LinkConnection", "LinkEdge")
        taken.update(dict.fromkeys((*(name + s for s in suffixes), f"Generic{name}"), f"is made for class {name}"))
    clash = sorted(set(schema.classes) & set(taken))
    if clash:
        where = schema.classes[clash[0]].domain
        raise BadName(f"class {clash[0]} ({where}): the GraphQL type {clash[0]} {taken[clash[0]]}: rename the class")
    lists = dict.fromkeys(ROOT_FIELDS, "a root field of the kernel")
    for name, cls in sorted(schema.classes.items()):
        many = plural(name)
        if many in lists:
            raise BadName(f"class {name} ({cls.domain}) has the list field {many}, which is {lists[many]}: rename the class")
        lists[many] = f"the list of {name}"
        _check_fields(schema, name)


def _check_fields(schema: Schema, name: str) -> None:
    cls = schema.classes[name]
    line = {name, *cls.ancestors}
    reverse = {r.inverse: f"the inverse of {r.name}" for r in schema.relations.values() if r.inverse and r.target in line}
    fields = dict.fromkeys(KERNEL_FIELDS, "a field of the kernel")
    for group, what in ((cls.properties, "property"), (cls.relations, "relation"), (reverse, "inverse relation")):
        for field in group:
            _check(field, f"{what} {name}.{field} ({cls.domain})")
            if field in fields and not (what == "inverse relation" and field in cls.relations):
                raise BadName(f"{what} {name}.{field} ({cls.domain}) is also {fields[field]}: rename one of them")
            fields[field] = f"a {what}"


def _check(name: str, what: str) -> None:
    if not NAME.match(name):
        raise BadName(f"{what}: GraphQL names have letters, digits and _ alone, and begin with a letter: rename it")
