"""The devices that send readings of their own accord."""

from collections.abc import Generator
from random import Random

import simpy

from ingest.simulation.shift import START
from ingest.simulation.wire import PUMPS, ROBOT, Event, Fields


class Pump:
    """An infusion pump: a reading every 12 to 15 s (its own period), whether it infuses or not."""

    def __init__(self, env: simpy.Environment, name: str, random: Random, sent: list[Event]) -> None:
        self.env, self.id, self.random, self.sent = env, name, random, sent
        self.rate = 0.0
        self.told = ""
        self.charge = random.uniform(60, 100)
        env.process(self.report())

    def start(self, rate: float) -> None:
        self.rate = rate

    def stop(self) -> None:
        self.rate = 0.0

    def report(self) -> Generator[simpy.Event, None, None]:
        period, number = self.random.uniform(12, 15), 0
        yield self.env.timeout(self.random.uniform(0, period))
        while True:
            number += 1
            self.sent.append(self.reading(number))
            # On battery while it infuses at the bedside, on the charger otherwise.
            self.charge = max(8.0, self.charge - 0.06) if self.rate else min(100.0, self.charge + 0.05)
            yield self.env.timeout(period + self.random.uniform(-0.2, 0.2))

    def reading(self, number: int) -> Event:
        at = START + round(self.env.now * 1000) * 1000
        flow = self.rate * self.random.gauss(1, 0.015)
        pressure = self.random.gauss(4 + self.rate * 0.22, 1.2)
        fields: Fields = {
            "device": self.id,
            "seq": number,
            "ts": at,
            "flow_ml_h": round(max(flow, 0.0), 1),
            "pressure_kpa": round(max(pressure, 0.0), 2),
            "battery_pct": round(self.charge, 1),
        }
        # By exception: the state when it changed, and now and then for those who missed that.
        state = "infusing" if self.rate else "standby"
        if state != self.told or number % 20 == 0:
            self.told = fields["state"] = state
        return Event(PUMPS, f"{self.id}-{number}", self.id, at, fields)


class Robot:
    """The dispensing robot: the temperature of its store, in °F, its state and its queue, every 30 s."""

    def __init__(self, env: simpy.Environment, name: str, picker: simpy.Resource, random: Random, sent: list[Event]) -> None:
        self.env, self.id, self.picker, self.random, self.sent = env, name, picker, random, sent
        env.process(self.report())

    def report(self) -> Generator[simpy.Event, None, None]:
        number, warm = 0, 0.0
        while True:
            number += 1
            warm = warm * 0.97 + self.random.gauss(0, 0.12)
            at = START + round(self.env.now * 1000) * 1000
            fields: Fields = {"ev": "status", "r": self.id, "n": number, "t": at, "tf": round(68.5 + warm, 1)}
            fields |= {"q": len(self.picker.queue), "st": "PICK" if self.picker.count else "IDLE"}
            self.sent.append(Event(ROBOT, f"{self.id}-{number}", self.id, at, fields))
            yield self.env.timeout(30)
