"""What happens between the sender and the gateway: damage, delay, repetition. Seeded, and it tells what it did."""

from collections.abc import Sequence
from random import Random

from ingest.simulation.shift import Dirt, Gap, Message, chance
from ingest.simulation.wire import PUMPS, Event, Fields, encode

SECOND = 1_000_000
SILENCE = 240 * SECOND
SPIKE = 9999.99
DUPLICATED, LATE, NULLED = 0.02, 0.03, 0.004


def spoil(sent: Sequence[Event], seed: int, start: int, hours: float) -> tuple[tuple[Message, ...], Dirt]:
    """The messages as they arrived, ordered by arrival, and the truth about the damage."""
    random = chance(seed, "dirt")
    silence = _silence(random, start, hours)
    heard = [e for e in sent if not (e.key == silence.device and silence.since <= e.at < silence.until)]
    spoilt = _damage(heard, random)
    messages: list[tuple[int, int, Message]] = []
    late: list[str] = []
    duplicates = 0
    for number, event in enumerate(heard):
        payload = encode(spoilt.events.get(number, event))
        arrival = event.at + round(random.uniform(0.05, 1.5) * SECOND)
        if random.random() < LATE:
            arrival += round(random.uniform(20, 240) * SECOND)
            late.append(name(event))
        messages.append((arrival, len(messages), Message(event.topic, event.key, payload, arrival)))
        if random.random() < DUPLICATED and number not in spoilt.events:
            arrival += round(random.uniform(0.5, 90) * SECOND)
            messages.append((arrival, len(messages), Message(event.topic, event.key, payload, arrival)))
            duplicates += 1
    lost = len(sent) - len(heard)
    dirt = Dirt(duplicates, tuple(late), tuple(spoilt.nulls), spoilt.spike, spoilt.unstamped, silence, lost)
    return tuple(message for _, _, message in sorted(messages, key=lambda m: m[:2])), dirt


def name(event: Event) -> str:
    """How `Dirt` names a message."""
    return f"{event.topic} {event.id}"


class _Damage:
    """Which events were changed, by their position, and why."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}
        self.nulls: list[str] = []
        self.spike = ""
        self.unstamped = ""


def _silence(random: Random, start: int, hours: float) -> Gap:
    """Four minutes somewhere in the middle half of the shift."""
    since = start + round(random.uniform(0.25, 0.75) * hours * 3600 * SECOND)
    return Gap(f"PUMP-{random.randint(1, 15):02d}", since, since + SILENCE)


def _damage(heard: Sequence[Event], random: Random) -> _Damage:
    done = _Damage()
    readings = [n for n, event in enumerate(heard) if event.topic == PUMPS]
    chosen = random.sample(readings, 2 + round(NULLED * len(readings)))
    for rank, number in enumerate(chosen):
        event = heard[number]
        change: Fields
        if rank == 0:
            change, done.spike = {random.choice(("flow_ml_h", "pressure_kpa")): SPIKE}, name(event)
        elif rank == 1:
            change, done.unstamped = {"ts": None}, name(event)
        else:
            change = {random.choice(("flow_ml_h", "pressure_kpa", "battery_pct")): None}
            done.nulls.append(name(event))
        done.events[number] = event._replace(fields=event.fields | change)
    return done
