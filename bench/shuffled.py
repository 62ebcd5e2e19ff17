"""A large log in order and the same log shuffled, a tenth of it twice: one hash, and what disorder costs.

    python -m bench.shuffled [--bpic2017] [--records N] [--seed N]

BPIC 2012 (177,675 records) into two SQLite files; with --bpic2017 the 1.2 million events of BPIC 2017. The peer is the import in
order; both go through the same pipeline and engine. Exit code 1 where the hashes differ. A million records need some 1 GiB.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from random import Random

from bench.data import shared
from bench.memory import EVENTS, write_xes
from bench.memory import LOG as BPIC2017
from brain.canon import model_hash
from brain.engine import Engine
from brain.schema import Schema
from brain.stores import open_store
from ingest.importing import envelopes
from ingest.intake import Intake
from ingest.logs import open_log
from ingest.record import Envelope
from ingest.wiring import whole_pipeline
from ontology import load_schema

BPIC2012 = "eventlogs/bpic2012.xes.gz"
BATCH = 2000
REPEATED = 10
"""Every how manyth record comes twice."""


async def take(messages: Sequence[Envelope], sizes: Random | None, schema: Schema, file: Path) -> tuple[float, str]:
    """Seconds of the import, and the hash. Batches of one size, or of any from 1 to twice that."""
    store = open_store(f"sqlite:///{file}")
    try:
        await store.prepare(schema)
        intake, at = Intake(whole_pipeline(schema), Engine(store)), 0
        begin = time.perf_counter()
        while at < len(messages):
            size = BATCH if sizes is None else sizes.randint(1, 2 * BATCH)
            await intake.take(messages[at : at + size])
            at += size
        seconds = time.perf_counter() - begin
        assert not await store.letters()
        return seconds, await model_hash(store)
    finally:
        await store.close()


async def run(log: Path, records: int | None, seed: int, folder: Path) -> None:
    schema, random = load_schema(), Random(seed)
    messages = list(islice(envelopes(open_log(log), "", 0), records))
    ordered, one = await take(messages, None, schema, folder / "ordered.db")
    arrived = messages + messages[::REPEATED]
    random.shuffle(arrived)
    shuffled, other = await take(arrived, random, schema, folder / "shuffled.db")
    print(f"{log.name}, {len(messages):,} records; records/s, and as a share of the peer")
    rates = len(messages) / ordered, len(arrived) / shuffled
    print(f"  peer: in order              {rates[0]:10,.0f}   1.00   {one}")
    print(f"  shuffled, a tenth twice     {rates[1]:10,.0f}   {rates[1] / rates[0]:.2f}   {other}", flush=True)
    if one != other:
        sys.exit("the hashes differ: the model depends on the order of arrival")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bpic2017", action="store_true", help="the 1.2 million events of BPIC 2017 instead")
    parser.add_argument("--records", type=int, help="only the first so many")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = shared(BPIC2017 if arguments.bpic2017 else BPIC2012)
        if arguments.bpic2017:
            xes = folder / "bpic2017.xes"
            write_xes(log, xes, min(arguments.records or EVENTS, EVENTS))
            log = xes
        asyncio.run(run(log, arguments.records, arguments.seed, folder))


if __name__ == "__main__":
    main()
