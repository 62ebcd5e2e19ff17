"""Files that another system drops into a folder."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from brain.engine import Engine
from brain.ports import Store
from brain.schema import Schema
from brain.stores import open_store
from ingest.adapters import SHIPPED, load_adapter
from ingest.intake import Intake
from ingest.pipeline import Pipeline
from ingest.sources.files import FolderSource, NoFolder
from ontology.load import load_schema

SAMPLES = SHIPPED / "b2mml" / "samples"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


@pytest_asyncio.fixture
async def store(schema: Schema) -> AsyncIterator[Store]:
    made = open_store("sqlite://")
    await made.prepare(schema)
    yield made
    await made.close()


@pytest.fixture
def intake(schema: Schema, store: Store) -> Intake:
    return Intake(Pipeline(schema, load_adapter(schema, SHIPPED / "b2mml")), Engine(store))


def put(folder: Path, name: str, sample: str = "equipment.xml") -> Path:
    file = folder / name
    file.write_bytes((SAMPLES / sample).read_bytes())
    return file


async def test_every_file_once(intake: Intake, store: Store, tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml.part", ".hidden.xml"):
        put(tmp_path, name)
    (tmp_path / "below").mkdir()
    source = FolderSource(tmp_path, "mes/b2mml", settled=0)
    await source.run(intake, once=True)
    assert intake.taken.messages == 1
    await source.run(intake, once=True)
    assert intake.taken.messages == 1
    changed = put(tmp_path, "a.xml", "personnel.xml")
    os.utime(changed, ns=(1, 1))
    await source.run(intake, once=True)
    assert intake.taken.messages == 2
    assert (await store.nodes(["person/E-1042"]))[0] is not None
    assert sorted(file.name for file in tmp_path.iterdir()) == [".hidden.xml", "a.xml", "b.xml.part", "below"]


async def test_a_file_still_being_written_waits(intake: Intake, tmp_path: Path) -> None:
    fresh = put(tmp_path, "a.xml")
    source = FolderSource(tmp_path, "mes/b2mml", settled=60)
    await source.run(intake, once=True)
    assert intake.taken.messages == 0
    os.utime(fresh, (0, 0))
    await source.run(intake, once=True)
    assert intake.taken.messages == 1


async def test_a_bad_file_is_a_dead_letter_and_the_rest_goes_on(intake: Intake, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"\xff\xfe\x00no")
    put(tmp_path, "b.xml", "personnel.xml")
    await FolderSource(tmp_path, "mes/b2mml", settled=0).run(intake, once=True)
    assert [letter.topic for letter in await store.letters()] == ["mes/b2mml"]
    assert (await store.nodes(["person/E-1042"]))[0] is not None


async def test_it_goes_on_until_told_to_stop(intake: Intake, store: Store, tmp_path: Path) -> None:
    stop = asyncio.Event()
    source = FolderSource(tmp_path, "mes/b2mml", settled=0)
    running = asyncio.create_task(source.run(intake, once=False, every=0.01, stop=stop))
    await asyncio.sleep(0.05)
    put(tmp_path, "later.xml", "personnel.xml")
    async with asyncio.timeout(20):
        while (await store.nodes(["person/E-1042"]))[0] is None:
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(running, 5)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NoFolder, match="is no folder"):
        FolderSource(tmp_path / "nowhere", "mes/b2mml")


async def test_a_file_too_long_to_be_a_message_does_not_fill_memory_and_store(
    intake: Intake, store: Store, tmp_path: Path
) -> None:
    with (tmp_path / "a.xml").open("wb") as long:
        long.truncate(1 << 40)
    await FolderSource(tmp_path, "mes/b2mml", settled=0).run(intake, once=True)
    (letter,) = await store.letters(2)
    assert "at most 1048576 are read" in letter.reason
    assert len(letter.payload) == (1 << 20) + 1
