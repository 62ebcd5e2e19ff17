"""Write a lock anew after its roots changed: `python -m brain.servers.relock NAME [ROOT…]`.

For whoever moves to a newer Neo4j or Kafka. jgo resolves the roots (those given, else those in the lock), fetches
every jar, and the lock gets each one's SHA-256 and size. Review the difference before you commit it.
"""

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from brain.servers.jars import TIMEOUT_SECONDS, lock_path, read_lock

HEADING = "# Written by `python -m brain.servers.relock`: do not edit. A line: SHA-256, bytes, Maven coordinate.\n"


def relock(name: str, roots: list[str]) -> str:
    """Resolve and fetch; returns the text of the lock. Needs the network and about a minute."""
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory() as scratch:
        context: Any = MavenContext(repo_cache=Path(scratch), timeout=TIMEOUT_SECONDS)
        asked = [context.create_dependency(root) for root in roots]
        inputs, further = context.resolver.resolve(asked)
        lines = []
        for dependency in [*inputs, *further]:
            artifact = dependency.artifact
            data = Path(artifact.resolve()).read_bytes()
            parts = [artifact.groupId, artifact.artifactId, artifact.version, artifact.classifier]
            coordinate = ":".join(part for part in parts if part)
            lines.append((coordinate, f"jar {hashlib.sha256(data).hexdigest()} {len(data)} {coordinate}\n"))
            print(coordinate, file=sys.stderr)
    return HEADING + "".join(f"root {root}\n" for root in roots) + "".join(line for _, line in sorted(set(lines)))


if __name__ == "__main__":
    lock_name, *new_roots = sys.argv[1:] or sys.exit(__doc__)
    text = relock(lock_name, new_roots or list(read_lock(lock_name).roots))
    lock_path(lock_name).write_text(text, encoding="utf-8")
