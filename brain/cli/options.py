"""What the commands share: the store's option, formats, and an opened store with its schema."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from brain.errors import StoreBroken
from brain.ports import Store
from brain.schema import Schema
from brain.settings import Settings

if TYPE_CHECKING:
    from brain.identities import Merged

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

store_option = click.option(
    "--store",
    metavar="URL",
    help="sqlite:///file.db or neo4j://user:password@host/db. [default: BRAIN_STORE, else a file in your data folder]",
)

object_type_option = click.option(
    "--object-type", metavar="T", help="A class of the ontology or the type of a log's objects; `case` for XES and CSV."
)


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`, the first of the formats by default."""
    return click.option("--format", "form", type=click.Choice(formats), default=formats[0], show_default=True)


@dataclass(frozen=True)
class Opened:
    settings: Settings
    schema: Schema
    store: Store

    @cached_property
    def merged(self) -> "Merged":
        """The store as people read it: what is merged is one thing."""
        from brain.identities import Merged

        return Merged(self.store, self.schema)


def settings_for(store: str | None) -> Settings:
    settings = Settings.read()
    return replace(settings, store=store) if store else settings


@asynccontextmanager
async def opened(store: str | None, schema: Schema | None = None, create: bool = False) -> AsyncIterator[Opened]:
    """The store that the option or the environment names, prepared for the ontology, and closed at the end.

    StoreBroken for a file that is not there, unless `create`: it is a slip of the pen, and no empty model. Nobody mistypes the
    file in the data folder, which is made where it is missing.
    """
    from brain.stores import open_store
    from ontology import load_schema

    settings = settings_for(store)
    schema = schema or load_schema(settings.ontology)
    if not create:
        _exists(settings.store)
    collect_seldom()
    opened_store = open_store(settings.store)
    try:
        await opened_store.prepare(schema)
        yield Opened(settings, schema, opened_store)
    finally:
        await opened_store.close()


def _exists(url: str) -> None:
    from brain.stores import sqlite_path

    path = sqlite_path(url) if url.startswith("sqlite:") else ""
    if path and url != Settings.read(os.environ | {"BRAIN_STORE": ""}).store:
        try:
            Path(path).expanduser().stat()
        except (FileNotFoundError, NotADirectoryError):
            mend = "correct --store or BRAIN_STORE, or make it: `brain import FILE`"
            raise StoreBroken(f"{path}: there is no such file; {mend}") from None
        except OSError:
            pass  # the store says what is wrong with it


def collect_seldom(young: int = 50_000) -> None:
    """Batches are many small tuples and no cycles: looking for some after every 700 new objects took a sixth of an import.
    `young` are the new objects after which it is done: more than a batch has, and it is hardly ever done."""
    gc.freeze()
    gc.set_threshold(young, 20, 100)


def run(command: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """Makes a click callback out of a coroutine function."""

    @wraps(command)
    def callback(*args: Any, **kwargs: Any) -> T:
        return asyncio.run(command(*args, **kwargs))

    return callback


def stop_on_signals() -> asyncio.Event:
    """Set once SIGINT or SIGTERM has come, for as long as the running loop lives."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
