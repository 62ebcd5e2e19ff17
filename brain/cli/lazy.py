"""A group of commands, each imported when it is named: who asks for one does not wait for what the others need."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class Lazy(click.Group):
    """`where` has each command's `module:name`."""

    def __init__(self, *args: Any, where: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._where = where

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._where)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._where:
            return None
        module, _, name = self._where[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command
