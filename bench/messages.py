"""Messages to measure with: telemetry as the demo's pumps send it, and the records of a real object-centric log."""

import time

import orjson

from bench.data import shared
from ingest.importing import envelopes
from ingest.logs import open_log
from ingest.record import Envelope

START = 1_772_452_800
LOG = "ocel/order-management-ocel2.xml"
TOPIC = "hospital/pumps"


def telemetry(events: int, devices: int = 50, state_every: int = 1, first: int = 0) -> list[Envelope]:
    """Readings of so many pumps, one every 10 s each, from the `first` on. Each says its state in one of `state_every` readings.

    One in a hundred has a null, one in a thousand a spike.
    """
    made = []
    for n in range(first, first + events):
        turn, pump = divmod(n, devices)
        second = START + turn * 10
        reading = {
            "device": f"PUMP-{pump:02d}",
            "seq": turn,
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)) + f".{n % 1000:03d}Z",
            "flow_ml_h": None if n % 100 == 7 else 9999.99 if n % 1000 == 13 else 80.0 + n % 41,
            "pressure_kpa": 4.0 + n % 13 / 10,
            "battery_pct": 100.0 - n % 60,
        }
        if turn % state_every == pump % state_every:
            reading["state"] = "infusing"
        made.append(Envelope(TOPIC, f"PUMP-{pump:02d}", orjson.dumps(reading), second * 1_000_000 + 250_000))
    return made


def steps() -> list[Envelope]:
    """The 28,242 records of order management: objects with 25,336 relations, then 18,211 events with 35,857 links to them."""
    return list(envelopes(open_log(shared(LOG)), "", START * 1_000_000))
