"""What is sent: a seeded, endless stream, hostile in order and in content, which knows which of its messages are bad.

Every round is a simulated hospital shift (readings, steps, patients who change beds; with its own nulls, spikes, late and double
messages) and as many records of an event log over a few hot objects: values at random times, relations, steps, and now and then
one event id that says two different things. Rounds share devices and objects. All of a round is shuffled, and some of it comes
again, in the same round or in a later one.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import orjson

from ingest.event_log import TOPIC as EVENT_LOG
from ingest.record import MAGIC, Envelope, pack
from ingest.simulation import simulate
from ingest.simulation.shift import START

PUMPS = "hospital/pumps"
HOUR = 3_600_000_000
RECORDS = 3000
"""Records of the event log a round."""
READINGS = 2500
"""Readings of pumps a round; the shift has more, and they are all alike."""
AGAIN, OLD, BAD, RAW = 0.03, 0.01, 0.01, 0.25
OBJECTS, PERFORMERS = 60, 8


class Sent(NamedTuple):
    """One message. A `raw` one is a Kafka record of its own on another topic, as other people's systems send; the others travel
    in blocks. A `bad` one must end as a dead letter, and nothing else may."""

    envelope: Envelope
    raw: bool
    bad: bool


def stream(seed: int) -> Iterator[Sent]:
    """The same seed, the same messages in the same order."""
    random = Random(f"{seed}/stream")
    earlier: list[Sent] = []
    number = 0
    while True:
        here = [*_shift(random, seed * 1000 + number), *_log(random, number)]
        here += _bad(random, number, round(BAD * len(here)))
        here += random.sample(here, round(AGAIN * len(here)))
        if earlier:
            here += random.choices(earlier, k=round(OLD * len(here)))
        random.shuffle(here)
        yield from here
        earlier = [*earlier[-20_000:], *here[:2000]]
        number += 1


def _shift(random: Random, seed: int) -> Iterator[Sent]:
    messages = simulate(seed=seed, hours=2).messages
    readings = [m for m in messages if m.topic == PUMPS]
    # The one without a time is dead by the rules, and known by its payload; it must be among those that are sent.
    untimed = {m.payload for m in readings if json.loads(m.payload)["ts"] is None}
    chosen = random.sample(readings, READINGS) + [m for m in readings if m.payload in untimed]
    for message in [*chosen, *(m for m in messages if m.topic != PUMPS)]:
        raw = message.topic == PUMPS and random.random() < RAW
        yield Sent(Envelope(*message), raw, message.payload in untimed)


def _log(random: Random, number: int) -> Iterator[Sent]:
    for i in range(RECORDS):
        at = START + random.randrange(8 * HOUR)
        objects = sorted({f"o{random.randrange(OBJECTS)}" for _ in range(random.randint(1, 3))})
        if random.random() < 0.4:
            said: dict[str, Any] = {
                "kind": "object",
                "namespace": "",
                "id": objects[0],
                "type": "item" if int(objects[0][1:]) % 2 else "order",
                # Few times and few values, so that registers meet at the same moment with the same and with other values.
                "attributes": [("price", random.randrange(5), at // HOUR * HOUR), ("note", f"n{random.randrange(5)}", 0)],
                "relations": [(other, random.choice(("part of", ""))) for other in objects[1:]],
            }
        else:
            said = {
                "kind": "event",
                "namespace": "",
                # One in thirty has the id of another and says something else.
                "id": f"e{number}-{i if random.random() > 0.03 else i // 30}",
                "activity": random.choice(("pick", "pack", "check", "ship")),
                "completed": at,
                "performer": f"p{random.randrange(PERFORMERS)}",
                "attributes": [("weight", random.randrange(100))],
                "objects": [(one, "", "item") for one in objects],
            }
        yield Sent(Envelope(EVENT_LOG, objects[0], orjson.dumps(said), at), False, False)


def _bad(random: Random, number: int, count: int) -> Iterator[Sent]:
    """Each has a payload of its own, except the Kafka record without a value, of which there is but one."""
    for i in range(count):
        name = f"bad-{number}-{i}"
        at = START + random.randrange(HOUR)
        block = pack([Envelope(PUMPS, name, name.encode(), at)])
        raw = random.random() < 0.3
        if raw:
            payload = random.choice((block[:-3], block + b"x", MAGIC + name.encode(), b"", f'{{"{name}'.encode()))
            yield Sent(Envelope(PUMPS, name, payload, at), True, True)
            continue
        topic, payload = random.choice(
            (
                (PUMPS, f'{{"{name}"'.encode()),
                (PUMPS, name.encode() + bytes(range(256))),
                (PUMPS, f'{"[" * 90}"{name}"{"]" * 90}'.encode()),
                ("hospital/adt", f'<ADT id="{name}"><Event'.encode()),
                ("hospital/adt", f'<!DOCTYPE x [<!ENTITY e "{name}">]><ADT/>'.encode()),
                ("hospital/orders", f'{{"specversion":"1.0","source":"{name}"}}'.encode()),
                ("hospital/pharmacy", f"message,order\r\n{name}\r\n".encode()),
                ("nobody/knows", name.encode()),
                (EVENT_LOG, f'{{"kind":"{name}","namespace":""}}'.encode()),
                (EVENT_LOG, f'{{"kind":"event","namespace":"","id":"{name}","activity":"pick"}}'.encode()),
            )
        )
        yield Sent(Envelope(topic, name, payload, at), False, True)
