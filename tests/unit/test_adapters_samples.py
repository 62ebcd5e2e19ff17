"""Every adapter on disk has samples, and does with them what they say."""

import re
from functools import cache
from pathlib import Path

import pytest

from brain.model import Assert, ChangeSet, Link
from brain.schema import Schema
from ingest.adapters import SHIPPED, adapter_folders, load_adapter, load_adapters
from ingest.adapters.samples import faults, read_samples
from ingest.pipeline import Pipeline
from ingest.record import Envelope
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


def test_the_guides_worked_example(tmp_path: Path) -> None:
    """The README's own rules on its own message, against what it says of them."""
    guide = (SHIPPED / "README.md").read_text(encoding="utf-8")
    (message,) = re.findall(r"^    (\{.*\})$", guide, re.MULTILINE)
    rules = guide.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "pumps").mkdir()
    (tmp_path / "pumps" / "rules.yaml").write_text(rules, encoding="utf-8")
    pipeline = Pipeline(schema(), load_adapter(schema(), tmp_path / "pumps"))
    result = pipeline.run([Envelope("hospital/ward3/pumps", "", message.encode(), 0)])
    # 08:15:00.250 at UTC+1 is 07:15:00.250 UTC: 20,514 days, 26,100 s and 250 ms after the epoch.
    valid = (20_514 * 86_400 + 26_100) * 1_000_000 + 250_000
    pump = Assert("asset/P-7", "InfusionPump", {"flow": 120.0, "state": "infusing"}, {}, (Link("locatedIn", "bed/3-12"),))
    assert result.good == [ChangeSet("P-7-41", "pumps", valid, 0, (pump, Assert("bed/3-12", "Bed")))]
    assert result.bad == []


def test_the_guides_step(tmp_path: Path) -> None:
    guide = (SHIPPED / "README.md").read_text(encoding="utf-8")
    step = guide.split("```yaml\n")[2].partition("```")[0]
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "rules.yaml").write_text(f"adapter: x\ntopics: [x]\nrules:\n  - time: t0\n{step}", encoding="utf-8")
    payload = b'{"order": "O1", "t0": "1970-01-01T00:00:01Z", "t1": 3000, "patient": "A", "pharmacist": 7}'
    (made,) = Pipeline(schema(), load_adapter(schema(), tmp_path / "x")).run([Envelope("x", "", payload, 0)]).good
    first = made.changes[0]
    assert isinstance(first, Assert)
    assert first.properties == {"activity": "Dispense", "startedAt": 1_000_000, "completedAt": 3_000_000}
    assert [link.relation for link in first.links] == ["object", "object", "performedBy", "partOfProcess"]
