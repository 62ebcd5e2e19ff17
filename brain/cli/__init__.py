"""The `brain` command: the composition root, the one place that may know every part.

Each module here holds one click command, loaded only when it is asked for, so that `brain --help` answers at once.
"""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import click

from brain.cli.lazy import Lazy
from brain.errors import BadUrl, BrainError
from brain.legible import legible

LINES = "\n"
"""A BrainError that lists the faults of a file has lines."""

COMMANDS = {
    "demo": "brain.cli.demo:demo",
    "import": "brain.cli.importing:import_",
    "ingest": "brain.cli.ingest:ingest",
    "serve": "brain.cli.serve:serve",
    "report": "brain.cli.report:report",
    "status": "brain.cli.status:status",
    "conflicts": "brain.cli.conflicts:conflicts",
    "merges": "brain.cli.merges:merges",
    "deadletters": "brain.cli.deadletters:deadletters",
    "ontology": "brain.cli.ontology:ontology",
    "servers": "brain.cli.servers:servers",
    "hash": "brain.cli.hashing:hash_",
}


@click.group(cls=Lazy, where=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(version("enterprise-brain"), prog_name="brain")
def brain() -> None:
    """Enterprise Brain: one live model of assets, people and processes.

    \b
    brain demo                                     a simulated hospital shift, its bottlenecks, and GraphQL
    brain import log.xes --store sqlite:///t.db    real event logs
    brain report bottlenecks --store sqlite:///t.db
    brain serve --store sqlite:///t.db             GraphQL with GraphiQL on 127.0.0.1:8000

    The store is --store, else BRAIN_STORE, else a SQLite file in your data folder. Results go to stdout, all else to stderr.
    Exit codes: 0 done, 1 failed, 2 wrong use.
    """


def main() -> None:
    """Run the command line; a BrainError is one clear line on stderr and exit code 1, or 2 for an address that is none."""
    # What these log about a server that is away reaches us as an exception too, and is told in one line.
    for driver in ("aiokafka", "neo4j"):
        logging.getLogger(driver).setLevel(logging.CRITICAL)
    try:
        with _output():
            _run()
    except BrainError as error:
        click.secho(f"brain: {legible(str(error), keep=LINES)}", err=True, fg="red")
        sys.exit(2 if isinstance(error, BadUrl) else 1)


def _run() -> None:
    try:
        brain(prog_name="brain")
    except SystemExit:
        sys.stdout.flush()  # what is still held must fail here, not with a trace after us
        raise


@contextmanager
def _output() -> Iterator[None]:
    """Ends with exit code 1 where stdout takes no more: in silence where the reader of a pipe has gone, as click does."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC) or error.filename is not None:
            raise
        # What Python holds must not be tried again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            click.secho(f"brain: the output cannot be written: {error.strerror}; send it elsewhere", err=True, fg="red")
        sys.exit(1)
