"""Finds the files of an ontology and compiles them. A new class of asset is one new file under `domains/`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from brain.schema import Schema
from ontology.compile import compile_schema
from ontology.faults import BadOntology, Fault
from ontology.turtle import Source, read_turtle

HERE = Path(__file__).parent


def ontology_files(folders: Iterable[Path] = ()) -> list[tuple[Path, str]]:
    """The kernel, the domains that ship, and every `*.ttl` of further folders (or files), each with its name for messages.

    BadOntology where a folder is missing or has no Turtle in it, or where two files have one name: the file's name is the
    domain's.
    """
    shipped = [HERE / "upper.ttl", *sorted((HERE / "domains").glob("*.ttl"))]
    found = [(path, path.relative_to(HERE).as_posix()) for path in shipped]
    faults: list[Fault] = []
    for folder in folders:
        files = [folder] if folder.suffix == ".ttl" and folder.is_file() else sorted(folder.glob("*.ttl"))
        if not files:
            what = "has no *.ttl files" if folder.is_dir() else "is no folder of *.ttl files"
            faults.append(Fault(str(folder), 0, what))
        found += [(path, str(path)) for path in files]
    names: dict[str, str] = {}
    for path, label in found:
        if (other := names.setdefault(path.stem, label)) != label:
            faults.append(Fault(label, 0, f"the domain {path.stem!r} exists already ({other}); rename the file"))
    if faults:
        raise BadOntology(faults)
    return found


def read_sources(folders: Iterable[Path] = ()) -> list[Source]:
    """All files as statements. BadOntology with every file that is not Turtle."""
    faults: list[Fault] = []
    sources = [read_turtle(path, label, faults) for path, label in ontology_files(folders)]
    if faults:
        raise BadOntology(faults)
    return [source for source in sources if source is not None]


def load_schema(folders: Sequence[Path] = ()) -> Schema:
    """The compiled ontology: the kernel, the domains that ship, and those in further folders.

    BadOntology lists every mistake with its file and line.
    """
    return compile_schema(read_sources(folders))
