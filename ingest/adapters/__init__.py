"""The adapters: one folder each, found by a scan. `README.md` here is the guide to writing one.

NAME/rules.yaml        what its messages mean; `*.rules.yaml` beside it or instead of it
NAME/adapter.py        where rules cannot express the format: `def decode(payload: bytes) -> Iterable[dict]`
NAME/samples/          messages as they were received; each is a test
"""

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from brain.schema import Schema
from ingest.pipeline import Adapter
from ingest.rules import BadRules, Kind, Rules, read_rules

SHIPPED = Path(__file__).parent
"""The folder of the adapters that ship."""

Own = Callable[[bytes], Iterable[Mapping[str, Any]]]


def load_adapters(schema: Schema, folders: Sequence[Path] = ()) -> list[Adapter]:
    """All adapters: those that ship, then those in `folders`, each of which is an adapter or holds some.

    BadRules lists every fault of every file, so that one start shows them all.
    """
    adapters: list[Adapter] = []
    faults: list[str] = []
    names: dict[str, Path] = {}
    for folder in adapter_folders(folders):
        try:
            adapters += load_adapter(schema, folder)
            if (other := names.setdefault(folder.name, folder)) != folder:
                faults.append(f"{_shown(folder)}: there is an adapter {folder.name!r} already, in {_shown(other)}: rename one")
        except BadRules as error:
            faults.append(str(error))
    if faults:
        raise BadRules("\n".join(faults))
    return adapters


def adapter_folders(folders: Sequence[Path] = ()) -> Iterator[Path]:
    """Every adapter's folder: under SHIPPED, then under `folders`, by name. BadRules where one of `folders` holds none."""
    for parent in (SHIPPED, *(Path(folder) for folder in folders)):
        if _rule_files(parent):
            yield parent
            continue
        children = sorted(child for child in parent.iterdir() if _rule_files(child)) if parent.is_dir() else []
        if not children and parent != SHIPPED:
            raise BadRules(f"{_shown(parent)}: no adapter in it: expected rules.yaml there, or in folders below it")
        yield from children


def load_adapter(schema: Schema, folder: Path) -> list[Adapter]:
    """The documents of one adapter. BadRules with all their faults."""
    adapters: list[Adapter] = []
    faults: list[str] = []
    for file in _rule_files(folder):
        try:
            adapters += [_adapter(rules, folder) for rules in read_rules(file, schema, _shown(file))]
        except BadRules as error:
            faults.append(str(error))
    if faults:
        raise BadRules("\n".join(faults))
    return adapters


def _rule_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(f for f in folder.iterdir() if f.name == "rules.yaml" or f.name.endswith(".rules.yaml"))


def _adapter(rules: Rules, folder: Path) -> Adapter:
    if rules.adapter != folder.name and not rules.adapter.startswith(f"{folder.name}-"):
        raise BadRules(f"{rules.file}:1: adapter {rules.adapter!r} lies in {folder.name!r}: name it so, or {folder.name}-…")
    return Adapter(rules, _decode(folder / "adapter.py") if rules.format.kind is Kind.PYTHON else None)


def _decode(file: Path) -> Own:
    """The `decode` of an adapter.py. It is code of whoever runs this process, as much trusted as the rest of it."""
    name = f"ingest.adapters.{file.parent.name}.adapter"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise BadRules(f"{_shown(file)}:1: format: python needs this file with `def decode(payload: bytes)`")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadRules(f"{_shown(file)}:{getattr(error, 'lineno', None) or 1}: cannot be loaded: {error!r}") from error
    decode = getattr(module, "decode", None)
    if not callable(decode):
        raise BadRules(f"{_shown(file)}:1: has no `def decode(payload: bytes) -> Iterable[dict]`")
    own: Own = decode
    return own


def _shown(path: Path) -> str:
    """A path as people would type it: relative where it lies below the working directory."""
    path = Path(path)
    try:
        return os.fspath(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return os.fspath(path)
