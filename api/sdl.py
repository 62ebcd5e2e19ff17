"""`python -m api.sdl > api/schema.graphql` writes the SDL of the ontology that ships; `--check` tells what has changed.

The file is committed so that an edit of the ontology shows in review as what it does to the API.
"""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from api.execution import executable
from api.limits import Limits
from brain.schema import Schema
from ontology import load_schema

COMMITTED = Path(__file__).with_name("schema.graphql")


def sdl(schema: Schema) -> str:
    """The GraphQL schema of an ontology as text, sorted by name: the same ontology gives the same text."""
    return executable(schema, Limits()).as_str() + "\n"


def difference(schema: Schema, committed: Path = COMMITTED) -> str:
    """A unified diff from the committed file to what the ontology gives now; empty where they agree."""
    old = committed.read_text("utf-8") if committed.exists() else ""
    lines = difflib.unified_diff(old.splitlines(True), sdl(schema).splitlines(True), "api/schema.graphql", "generated")
    return "".join(lines)


def main(arguments: Sequence[str]) -> int:
    schema = load_schema(())
    if list(arguments) != ["--check"]:
        sys.stdout.write(sdl(schema))
        return 0
    changed = difference(schema)
    sys.stdout.write(changed)
    if changed:
        print("api/schema.graphql is not what the ontology gives: run `python -m api.sdl > api/schema.graphql`", file=sys.stderr)
    return 1 if changed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
