"""How many events a second ingesting takes: the pure part, beside the least that any Python code could do with the same bytes.

    python -m bench.ingest [--events N]

The messages are pump telemetry as in the demo (`ingest/adapters/hospital`): JSON of 135 bytes, an ISO time, three measurements
and a state. The peer is bare `orjson.loads` and five look-ups in the same process: the rest is the price of rules, units,
times, checks, event ids and duplicates. Figures are CPU time of this one thread, the best of several rounds, since the machine
may have other work.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import orjson

from ingest.adapters import load_adapters
from ingest.pipeline import Pipeline
from ingest.record import Envelope, pack, unpack
from ontology.load import load_schema

BATCH = 1000
BLOCK = 300
START = 1_772_452_800


def telemetry(events: int) -> list[Envelope]:
    """Readings of 50 pumps, one every 10 s each; one in a hundred has a null, one in a thousand a spike."""
    made = []
    for n in range(events):
        second = START + n // 50 * 10
        reading = {
            "device": f"PUMP-{n % 50:02d}",
            "seq": n // 50,
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)) + f".{n % 1000:03d}Z",
            "flow_ml_h": None if n % 100 == 7 else 9999.99 if n % 1000 == 13 else 80.0 + n % 41,
            "pressure_kpa": 4.0 + n % 13 / 10,
            "battery_pct": 100.0 - n % 60,
            "state": "infusing",
        }
        made.append(Envelope("hospital/pumps", "", orjson.dumps(reading), second * 1_000_000 + 250_000))
    return made


def rate(events: int, work: Callable[[], object], rounds: int = 5) -> float:
    """Events a second of this thread's CPU time, the best round."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.thread_time()
        work()
        best = min(best, time.thread_time() - begin)
    return events / best


def bare(envelopes: Sequence[Envelope]) -> float:
    """The peer: decode and look up, and nothing else."""
    total = 0.0
    for envelope in envelopes:
        reading = orjson.loads(envelope.payload)
        if reading["device"] and reading["ts"] and reading["state"]:
            total += (reading["flow_ml_h"] or 0.0) + reading["pressure_kpa"]
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    events = parser.parse_args().events
    schema = load_schema()
    adapters = load_adapters(schema)
    envelopes = telemetry(events)
    blocks = [pack(envelopes[at : at + BLOCK]) for at in range(0, events, BLOCK)]

    def separate() -> None:
        pipeline = Pipeline(schema, adapters)
        for at in range(0, events, BATCH):
            assert not pipeline.run(envelopes[at : at + BATCH]).bad

    def in_blocks() -> None:
        pipeline = Pipeline(schema, adapters)
        for block in blocks:
            assert not pipeline.run(unpack(block)).bad

    peer = rate(events, lambda: bare(envelopes))
    print(f"{events:,} readings, {len(envelopes[0].payload)} bytes each; events/s of one core, and as a share of the peer")
    print(f"  peer: orjson.loads and five look-ups {peer:12,.0f}   1.00")
    for name, work in (("separate messages", separate), (f"blocks of {BLOCK}", in_blocks)):
        figure = rate(events, work)
        print(f"  pure pipeline, {name:<21} {figure:12,.0f}   {figure / peer:.2f}")


if __name__ == "__main__":
    main()
