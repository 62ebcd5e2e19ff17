"""The ontology with full history of every property, and `brain` under it: `python -m bench.keeping ingest …`.

Each reading is then a version for ever, of what ships with `history: latest` too.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ontology
from brain.schema import History, Schema

read = ontology.load_schema


def keeping_all(folders: Sequence[Path] = ()) -> Schema:
    """As `load_schema`."""
    schema = read(folders)
    classes = {
        name: replace(cls, properties={n: replace(p, history=History.FULL) for n, p in cls.properties.items()})
        for name, cls in schema.classes.items()
    }
    return Schema(f"{schema.version}-full", classes)


if __name__ == "__main__":
    from brain.cli import main

    ontology.load_schema = keeping_all
    main()
