"""Every adapter on disk has samples, and does with them what they say."""

from functools import cache
from pathlib import Path

import pytest

from brain.schema import Schema
from ingest.adapters import adapter_folders, load_adapter, load_adapters
from ingest.adapters.samples import faults, read_samples
from ingest.pipeline import Pipeline
from ontology.load import load_schema

FOLDERS = list(adapter_folders())


@cache
def schema() -> Schema:
    return load_schema()


def test_all_shipped_adapters_load_together() -> None:
    assert {Path(a.rules.file).parent.name for a in load_adapters(schema())} == {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_samples(folder: Path) -> None:
    adapters = load_adapter(schema(), folder)
    samples = read_samples(folder, adapters)
    assert samples, f"{folder.name} has no samples: save messages as received under {folder.name}/samples/"
    pipeline = Pipeline(schema(), adapters)
    found = [fault for sample in samples for fault in faults(sample, pipeline)]
    assert not found, "\n".join(found)
