"""`brain ontology`: check the ontology, look into it, hold a store against it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from brain.cli.options import format_option, run, settings_for
from brain.legible import legible
from brain.model import Node
from brain.ports import Store
from brain.query import Hop, Nodes
from brain.schema import ROOT, NodeClass, Property, Relation, Schema

if TYPE_CHECKING:
    from ontology.audit import AuditFinding, Auditor

BLOCK = 500
"""Nodes audited at a time: enough to share pySHACL's start, few enough to hold."""


@click.group()
def ontology() -> None:
    """The ontology: check its files, show its classes.

    \b
    brain ontology check                    the files that ship, and those of BRAIN_ONTOLOGY
    brain ontology show InfusionPump
    """


@ontology.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("--store", metavar="URL", help="Hold every node of this store against the shapes too (about 1 ms a node).")
@format_option("table", "json")
@run
async def check(folders: tuple[Path, ...], store: str | None, form: str) -> None:
    """Compile the kernel, the domains, and the *.ttl files of FOLDERS. One line for each error, exit 1 if there is one.

    \b
    brain ontology check ./our-domains
    brain ontology check --store sqlite:///t.db
    """
    from ontology import BadOntology, load_schema

    further = (*settings_for(store).ontology, *folders)
    try:
        schema = load_schema(further)
    except BadOntology as bad:
        if form == "json":
            faults = [fault._asdict() for fault in bad.faults]
            click.echo(orjson.dumps({"ok": False, "faults": faults}, option=orjson.OPT_INDENT_2).decode())
        else:
            for fault in bad.faults:
                click.echo(str(fault), err=True)
        raise click.exceptions.Exit(1) from None
    findings = await _audit(store, further) if store else []
    if form == "json":
        found = [finding._asdict() for finding in findings]
        document = {"ok": not findings, "faults": [], **summary(schema), "findings": found}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        counts = summary(schema)
        click.echo(
            f"ontology {schema.version}: {len(schema.domains)} files ({', '.join(schema.domains)}), {counts['classes']} classes, "
            f"{counts['properties']} properties, {counts['relations']} relations: no errors"
        )
        for f in findings:
            click.echo(legible(f"{f.node}: {f.cls}.{f.name}: {f.rule}: {f.message}"))
    if findings:
        click.echo(f"{len(findings)} findings in the store", err=True)
        raise click.exceptions.Exit(1)


def summary(schema: Schema) -> dict[str, Any]:
    return {
        "version": schema.version,
        "domains": schema.domains,
        "classes": len(schema.classes),
        "properties": len({name for cls in schema.classes.values() for name in cls.properties}),
        "relations": len(schema.relations),
    }


async def _audit(url: str, folders: tuple[Path, ...]) -> "list[AuditFinding]":
    """All findings on the nodes of a store and on the relations that leave them, a block at a time."""
    from brain.stores import open_store
    from ontology.audit import Auditor

    auditor = Auditor(folders)
    found: list[AuditFinding] = []
    block: list[Node] = []
    store = open_store(url)
    try:
        await store.prepare(auditor.schema)
        async for node in store.scan(Nodes(ROOT)):
            block.append(node)
            if len(block) == BLOCK:
                found += await _audit_block(auditor, store, block)
                block.clear()
        return found + await _audit_block(auditor, store, block)
    finally:
        await store.close()


async def _audit_block(auditor: "Auditor", store: Store, block: Sequence[Node]) -> "list[AuditFinding]":
    edges = [edge for at_node in await store.related([Hop(node.id) for node in block]) for edge in at_node]
    others = sorted({edge.target for edge in edges} - {node.id for node in block})
    classes = {other.id: other.cls for other in await store.nodes(others) if other is not None}
    return auditor.audit(block, edges, classes)


@ontology.command()
@click.argument("name", metavar="[CLASS]", required=False)
@format_option("table", "json")
def show(name: str | None, form: str) -> None:
    """The tree of classes; with CLASS its properties, relations and what is below it.

    \b
    brain ontology show
    brain ontology show Asset --format json
    """
    from ontology import load_schema

    schema = load_schema(settings_for(None).ontology)
    chosen = [schema.of(name)] if name else list(schema.classes.values())
    if form == "json":
        document = {
            "version": schema.version,
            "prefixes": schema.prefixes,
            "classes": [class_json(cls, schema) for cls in chosen],
        }
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    elif name:
        print_class(chosen[0], schema)
    else:
        print_tree(schema)


def class_json(cls: NodeClass, schema: Schema) -> dict[str, Any]:
    """A class with everything that it inherits; absent settings are left out."""
    return {
        "name": cls.name,
        "iri": cls.iri,
        "description": cls.description,
        "domain": cls.domain,
        "parents": cls.ancestors,
        "borrowed": cls.borrowed,
        "children": [n for n in schema.descendants[cls.name] if schema.classes[n].ancestors[:1] == (cls.name,)],
        "keyspace": cls.keyspace,
        "key": cls.key,
        "aliases": cls.aliases,
        "properties": [_set_fields(prop) for prop in cls.properties.values()],
        "relations": [_set_fields(relation) for relation in cls.relations.values()],
    }


def _set_fields(item: Property | Relation) -> dict[str, Any]:
    return {name: value for name, value in asdict(item).items() if value not in (None, (), "", False)}


def print_tree(schema: Schema) -> None:
    """All classes below their parents, with what each adds to its parent."""
    from rich.console import Console
    from rich.tree import Tree

    branches = dict[str, Tree]()
    for cls in schema.classes.values():
        parent = schema.classes[cls.ancestors[0]] if cls.ancestors else None
        own = [n for n in (*cls.properties, *cls.relations) if not parent or n not in (*parent.properties, *parent.relations)]
        space = f" [green]{cls.keyspace}/{cls.key or '…'}[/]" if not parent or cls.keyspace != parent.keyspace else ""
        label = f"[bold]{cls.name}[/]{space} [dim]{cls.domain}[/] {', '.join(own)}"
        branches[cls.name] = branches[parent.name].add(label) if parent else Tree(label)
    Console().print(branches[ROOT])


def print_class(cls: NodeClass, schema: Schema) -> None:
    """One class in full."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    lineage = " < ".join((cls.name, *cls.ancestors)) + "".join(f", {iri}" for iri in cls.borrowed)
    console.print(f"[bold]{lineage}[/] ({cls.domain})\n{escape(cls.description)}")
    console.print(f"id: {cls.node_id(f'<{cls.key}>' if cls.key else '<key>')}   also found by: {', '.join(cls.aliases) or '–'}")
    if below := [n for n in schema.descendants[cls.name] if n != cls.name]:
        console.print(f"below it: {', '.join(below)}")
    if cls.any_of:
        console.print(f"one that is left is enough of those it needs by: {', '.join(sorted(cls.any_of))}")
    if cls.closed_by:
        console.print(f"its life is over once: {', '.join(n if v is None else f'{n} = {v}' for n, v in cls.closed_by)}")
    table = Table("property", "type", "unit", "range", "history", "what it is", title="Properties", title_justify="left")
    for p in cls.properties.values():
        mark = "[red]*[/]" if p.required else ""
        table.add_row(p.name + mark, p.datatype, p.unit or "", escape(allowed(p)), p.history, escape(p.description))
    console.print(table)
    table = Table("relation", "to", "inverse", "at most", "depends", "what it is", title="Relations", title_justify="left")
    for r in cls.relations.values():
        depends = {"target": "on its target", "source": "its target on it", None: ""}[r.dependency]
        table.add_row(r.name, r.target, r.inverse or "", "1" if r.functional else "", depends, escape(r.description))
    console.print(table)


def allowed(prop: Property) -> str:
    """The declared range in a few characters: `0 … 1200`, `> 0`, `a | b`."""
    said = []
    if prop.minimum is not None and prop.maximum is not None:
        said.append(f"{prop.minimum:g} … {prop.maximum:g}")
    else:
        said += [f"{sign} {v:g}" for sign, v in (("≥", prop.minimum), ("≤", prop.maximum)) if v is not None]
    said += [f"{sign} {v:g}" for sign, v in ((">", prop.exclusive_minimum), ("<", prop.exclusive_maximum)) if v is not None]
    if prop.min_length is not None or prop.max_length is not None:
        said.append(f"{prop.min_length or 0}–{'' if prop.max_length is None else prop.max_length} characters")
    if prop.pattern:
        said.append(f"/{prop.pattern}/")
    if prop.one_of:
        said.append(" | ".join(map(str, prop.one_of)))
    return ", ".join(said)
